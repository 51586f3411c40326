"""The building: capital by part, the dates of its blocks, and the people and upkeep of a site.

The electrical part comes from the distribution, the mechanical part from the cooling, so that neither is
paid for twice; the building adds shell and fit-out, and a region scales the whole. A block is ready when
the building work is done and the last piece of equipment is delivered and installed.
"""

from __future__ import annotations

from functools import reduce

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, DollarsPerWatt, DollarsPerWattYear, PerYear, Ratio, Seconds, Watts

LONG_LEAD = ("transformer", "switchgear", "generator", "chiller")
"""Equipment that is waited for; a building has a lead time of each."""


def region_factor(*, building_cost: DollarsPerWatt, reference_cost: DollarsPerWatt) -> Ratio:
    """Cost level of a region over that of the reference. Source: definition."""
    return building_cost / reference_cost


def plant_capex(*, cost: DollarsPerWatt, multiplier: Ratio, region: Ratio) -> DollarsPerWatt:
    """Capital of the electrical or mechanical plant with its spare units, in a region. Source: definition."""
    return cost * multiplier * region


def maintenance_cost(*, plant: DollarsPerWatt, rate: PerYear) -> DollarsPerWattYear:
    """Yearly upkeep of a plant as a share of its capital. Source: definition."""
    return plant * rate


def equipment_ready(*, lead_time: Seconds, ordered_before: Seconds, installation_time: Seconds) -> Seconds:
    """From ground-breaking to a piece of equipment that works, ordered that much earlier. Source: definition."""
    return lead_time - ordered_before + installation_time


def block_count(*, power: Watts, block_power: Watts) -> Count:
    """Blocks that a power takes; the last one may be smaller. Source: definition."""
    xp = namespace(power, block_power)
    return xp.ceil(power / block_power - 1e-9)


def block_ready(*, first: Seconds, interval: Seconds, place: Count) -> Seconds:
    """From ground-breaking to the block of this place, counted from zero: crews go from one to the next.

    Source: definition (line of balance).
    """
    return first + interval * place


def ready_power(*, elapsed: Seconds, power: Watts, block_power: Watts, first: Seconds, interval: Seconds) -> Watts:
    """IT power that is ready this long after ground-breaking. Source: definition (line of balance)."""
    xp = namespace(elapsed, power, block_power, first, interval)
    blocks = xp.floor((elapsed - first) / interval + 1e-9) + 1.0
    return xp.minimum(xp.maximum(blocks, 0.0) * block_power, power)


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
    """Ground-breaking to the first block, where no equipment is waited for."""
    transformer_lead: Seconds
    """Order to delivery of the large transformers of the substation."""
    switchgear_lead: Seconds
    generator_lead: Seconds
    chiller_lead: Seconds
    """Chillers, dry coolers or towers."""
    installation_time: Seconds
    """Delivery to commissioned, for the last piece of equipment."""
    ordered_before: Seconds
    """How long before ground-breaking the equipment of the first block is ordered."""
    block_power: Watts
    """IT power of what is handed over at once."""
    block_interval: Seconds
    """From one block to the next."""
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

    def paths(self) -> dict[str, Seconds]:
        """From ground-breaking to a first block as each part alone would allow. Source: critical path method."""
        leads = {
            name: equipment_ready(
                lead_time=getattr(self, f"{name}_lead"),
                ordered_before=self.ordered_before,
                installation_time=self.installation_time,
            )
            for name in LONG_LEAD
        }
        return {"building": self.build_time} | leads

    def first_block(self) -> Seconds:
        """From ground-breaking to the first block: the longest path. Source: critical path method."""
        paths = tuple(self.paths().values())
        return reduce(namespace(*paths).maximum, paths)

    def block_times(self, power: float) -> tuple[Seconds, ...]:
        """From ground-breaking to each block of a campus of this IT power in watts. Source: line of balance."""
        first, blocks = self.first_block(), int(block_count(power=power, block_power=self.block_power))
        return tuple(block_ready(first=first, interval=self.block_interval, place=place) for place in range(blocks))

    def power_ready(self, elapsed: Seconds, power: Watts) -> Watts:
        """IT power of a campus that is ready this long after ground-breaking. Source: line of balance."""
        return ready_power(
            elapsed=elapsed,
            power=power,
            block_power=self.block_power,
            first=self.first_block(),
            interval=self.block_interval,
        )

    def opex(self, cost: BuildingCost) -> DollarsPerWattYear:
        """Staff and upkeep per watt of IT. Source: definition."""
        return self.staff + maintenance_cost(plant=cost.electrical + cost.mechanical, rate=self.maintenance_rate)
