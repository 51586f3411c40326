"""The building: capital by part, time to build, and the people and upkeep of a site.

The electrical part comes from the distribution, the mechanical part from the cooling, so that neither is
paid for twice; the building adds shell and fit-out, and a region scales the whole.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import DollarsPerWatt, DollarsPerWattYear, PerYear, Ratio, Seconds


def region_factor(*, building_cost: DollarsPerWatt, reference_cost: DollarsPerWatt) -> Ratio:
    """Cost level of a region over that of the reference. Source: definition."""
    return building_cost / reference_cost


def plant_capex(*, cost: DollarsPerWatt, multiplier: Ratio, region: Ratio) -> DollarsPerWatt:
    """Capital of the electrical or mechanical plant with its spare units, in a region. Source: definition."""
    return cost * multiplier * region


def maintenance_cost(*, plant: DollarsPerWatt, rate: PerYear) -> DollarsPerWattYear:
    """Yearly upkeep of a plant as a share of its capital. Source: definition."""
    return plant * rate


@spec
class BuildingCost:
    """Capital per watt of IT, by part."""

    shell: DollarsPerWatt
    electrical: DollarsPerWatt
    mechanical: DollarsPerWatt
    fit_out: DollarsPerWatt

    @property
    def total(self) -> DollarsPerWatt:
        """All parts. Source: definition."""
        return self.shell + self.electrical + self.mechanical + self.fit_out


@spec
class Building:
    """A data center building at the cost level of the reference region."""

    shell: DollarsPerWatt
    fit_out: DollarsPerWatt
    """General works, controls, commissioning."""
    reference_cost: DollarsPerWatt
    """Published cost of a whole building at the reference level; a site's cost over it is its region factor."""
    build_time: Seconds
    staff: DollarsPerWattYear
    maintenance_rate: PerYear
    """Yearly upkeep over the capital of electrical and mechanical plant."""
    house_share: Ratio
    """Lights, offices and security per watt of IT at full load, around the clock."""

    def capex(
        self,
        *,
        building_cost: DollarsPerWatt,
        electrical: DollarsPerWatt,
        mechanical: DollarsPerWatt,
        electrical_multiplier: Ratio,
        mechanical_multiplier: Ratio,
    ) -> BuildingCost:
        """Capital by part at a site of this published building cost. Source: definition."""
        region = region_factor(building_cost=building_cost, reference_cost=self.reference_cost)
        return BuildingCost(
            shell=plant_capex(cost=self.shell, multiplier=1.0, region=region),
            electrical=plant_capex(cost=electrical, multiplier=electrical_multiplier, region=region),
            mechanical=plant_capex(cost=mechanical, multiplier=mechanical_multiplier, region=region),
            fit_out=plant_capex(cost=self.fit_out, multiplier=1.0, region=region),
        )

    def opex(self, cost: BuildingCost) -> DollarsPerWattYear:
        """Staff and upkeep per watt of IT. Source: definition."""
        return self.staff + maintenance_cost(plant=cost.electrical + cost.mechanical, rate=self.maintenance_rate)
