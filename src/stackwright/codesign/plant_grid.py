"""The plant half of a study's grid: every option of cooling, site, building and contract as weights.

A thermal class is what the racks notice of the plant: the cooling type, its supply temperature, the
share of heat that this kind of rack gives to liquid, and whether the distribution's current spares
them a conversion. Inside a class, sites, redundancy, distribution and portfolios are plain rows of
weights on the columns of a fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries, load_site_series
from stackwright.codesign.plants import plant_of, portfolios_at
from stackwright.core.spec import spec
from stackwright.core.units import Array
from stackwright.stack.curves import Curves
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import (
    Cooled,
    Covered,
    CutTerms,
    Plant,
    PlantSpecs,
    PlantTerms,
    cooled,
    padded,
    plant_terms,
    rewired,
)
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

MEAN_OF_LIMIT = 0.7
"""Mean load over a site's limit, by which the search turns a contract's capacity into a share of the
load; finalists settle the capacity itself."""


SHARED = ("cooling", "supply_temperature", "supply_scale", "busbar_scale")
"""What two racks of one fleet have in common, whatever their share of liquid."""


@dataclass(frozen=True)
class Thermal:
    """What racks of one kind share: how they are cooled, and how much of their heat goes to liquid."""

    path: str
    liquid_share: float


@dataclass(frozen=True)
class PlantOption:
    """Record ids and words of one option of each plant layer."""

    cooling: str
    supply_temperature: float
    site: str
    redundancy: str
    distribution: str
    portfolio: str


@spec
class OptionCuts:
    """Cuts of options whose hours are decided [P', Y, K], and which of them differ by a scale alone."""

    constant: Array
    idle: Array
    busy: Array
    group: Array
    """Number of the site and portfolio of each option [P']."""
    base: Array
    """First option of each group [G]."""
    idle_scale: Array
    """Slope over that of the first option of the group [P']."""
    busy_scale: Array


@spec
class Weights:
    """Per watt of provisioned, idle or busy IT power, for the options of a thermal class [P] or [P, Y]."""

    idle_cost: Array
    busy_cost: Array
    idle_energy: Array
    busy_energy: Array
    idle_water: Array
    busy_water: Array
    idle_carbon: Array
    busy_carbon: Array
    plant_capex: Array
    building_capex: Array
    opex: Array
    peak_ratio: Array
    availability: Array
    overload: Array
    limit: Array
    """Highest load at the meter by year [P, Y]; infinity where nothing bounds it."""
    yearly_cost: Array
    """Dollars a year that the connection costs, whatever is drawn [P]."""
    decided: Array
    """Whether the hours of an option are decided: its energy's cost is then in `cuts`."""
    cuts: OptionCuts | None
    """Of the options whose hours are decided, in their order; None where there are none."""


@dataclass(frozen=True)
class PlantClass:
    """A thermal class: the options that share it, and their weights."""

    thermal: Thermal
    cooling: str
    supply_temperature: float
    coolant_temperature: float
    junction_resistance: float
    supply_scale: float
    """What the distribution leaves of the losses of the rack's shelves."""
    busbar_scale: float
    options: tuple[PlantOption, ...]
    weights: Weights


def in_shares(plant: Plant) -> Plant:
    """The plant with contract capacities as shares of the load of a site that runs at `MEAN_OF_LIMIT` of its limit."""
    limit, covered = float(np.max(plant.sources.limit(0.0))), plant.covered
    if not np.isfinite(limit):
        return plant
    contracts = plant.specs.portfolio.contracts
    shares = [
        share if capacity is None else capacity * contract.capacity_factor / (MEAN_OF_LIMIT * limit)
        for share, capacity, contract in zip(covered.shares, covered.capacities, contracts, strict=True)
    ]
    return replace(plant, covered=Covered(tuple(shares), (None,) * len(shares), covered.shapes))


def thermals_of(systems: list[Part]) -> dict[str, list[Thermal]]:
    """System id to the ways in which it can be cooled, as its record says it is sold."""
    made: dict[str, list[Thermal]] = {}
    for system in systems:
        sold = system.record.links.get("cooling") or ["air"]
        paths = [sold] if isinstance(sold, str) else list(sold)
        share = float(system.spec.liquid_share)
        made[system.id] = [Thermal(path, share if path == "liquid" else 0.0) for path in paths]
    return made


def class_beside(classes: Sequence[PlantClass], plant: PlantClass, ways: Sequence[Thermal]) -> int | None:
    """The class under which racks that can be cooled in these ways stand beside those of `plant`; None if they cannot.

    Both have one cooling type, supply temperature and kind of distribution; their options are the same in the same
    order, as a class has all plants of these. They differ in what the racks' share of liquid makes of them.
    """
    wanted = [way for way in ways if way.path == plant.thermal.path]
    for index, other in enumerate(classes):
        alike = all(getattr(other, name) == getattr(plant, name) for name in SHARED)
        if alike and other.thermal in wanted:
            return index
    return None


def plant_classes(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    systems: list[Part],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[PlantClass]:
    """All thermal classes that some system of the study can use, with all their plant options."""
    wanted = sorted(
        {thermal for options in thermals_of(systems).values() for thermal in options},
        key=lambda thermal: (thermal.path, thermal.liquid_share),
    )
    curves = Curves()
    series = {
        site: load_site_series(parts.get("datacenter", site).record, year=study.datacenter.year)
        for site in study.datacenter.site
    }
    pairs = [
        (thermal, cooling)
        for thermal in wanted
        for cooling in study.cooling.type
        if parts.get("cooling", cooling).spec.heat_path == thermal.path
    ]
    made: list[PlantClass] = []
    for index, (thermal, cooling) in enumerate(pairs):
        if progress:
            progress("plant half", index, len(pairs))
        made.extend(_classes(study, parts, scenario, series, thermal, cooling, curves))
    return made


def _classes(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    series: dict[str, SiteSeries],
    thermal: Thermal,
    cooling: str,
    curves: Curves,
) -> Iterator[PlantClass]:
    part = parts.get("cooling", cooling)
    temperatures = supply_temperatures(study, part)
    options: list[list[PlantOption]] = [[] for _ in temperatures]
    rows: list[list[dict[str, Any]]] = [[] for _ in temperatures]
    feeds: list[tuple[float, float]] = []
    for site in study.datacenter.site:
        for plant, terms, chosen in _site_terms(
            study, parts, scenario, series[site], cooling, site, temperatures, thermal, curves
        ):
            chain = plant.specs.distribution
            feeds.append((float(chain.rack_supply_scale), float(chain.rack_busbar_scale)))
            for place, temperature in enumerate(temperatures):
                options[place].append(
                    PlantOption(cooling=cooling, supply_temperature=float(temperature), site=site, **chosen)
                )
                rows[place].append(_weights_row(terms, place, plant, scenario))
    for place, temperature in enumerate(temperatures):
        for feed in sorted(set(feeds)):
            here = [index for index, own in enumerate(feeds) if own == feed]
            yield PlantClass(
                thermal=thermal,
                cooling=cooling,
                supply_temperature=float(temperature),
                coolant_temperature=float(part.spec.chip_coolant_temperature(supply_temperature=temperature)),
                junction_resistance=float(part.spec.junction_resistance),
                supply_scale=feed[0],
                busbar_scale=feed[1],
                options=tuple(options[place][index] for index in here),
                weights=_weights([rows[place][index] for index in here]),
            )


def supply_temperatures(study: Study, cooling: Part) -> np.ndarray:
    """Temperatures of the study that products of this type supply; the nearest one where none does."""
    low, high = float(cooling.spec.supply_minimum), float(cooling.spec.supply_maximum)
    chosen = [value for value in study.cooling.supply_temperature if low <= value <= high]
    if not chosen:
        middle = (low + high) / 2
        nearest = min(study.cooling.supply_temperature, key=lambda value: abs(value - middle))
        chosen = [min(max(nearest, low), high)]
    return np.array(chosen)


def _site_terms(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    series: SiteSeries,
    cooling: str,
    site: str,
    temperatures: np.ndarray,
    thermal: Thermal,
    curves: Curves,
) -> Iterator[tuple[Plant, PlantTerms, dict[str, str]]]:
    """Terms of every portfolio, redundancy and distribution at a site, with what was chosen.

    The weather meets the cooling once, and each portfolio is settled once, for the first redundancy and
    distribution.
    """
    cold: Cooled | None = None
    for menu in portfolios_at(study, parts, site, series):
        first: tuple[PlantTerms, PlantSpecs] | None = None
        for redundancy in study.datacenter.redundancy:
            for distribution in study.datacenter.distribution:
                chosen = {"redundancy": redundancy, "distribution": distribution, "portfolio": menu.name}
                plant = plant_of(study, parts, scenario, series, cooling=cooling, site=site, **chosen)
                if not plant.sources.decides:
                    plant = in_shares(plant)
                if cold is None:
                    cold = cooled(
                        plant,
                        supply_temperature=temperatures,
                        liquid_share=thermal.liquid_share,
                        profile=scenario.profile,
                    )
                if first is None:
                    terms = plant_terms(plant, cold, profile=scenario.profile, years=scenario.years, curves=curves)
                    first = (terms, plant.specs)
                else:
                    terms = rewired(first[0], plant, first[1], cold, profile=scenario.profile)
                yield plant, terms, chosen


def _weights(rows: list[dict[str, Any]]) -> Weights:
    """The rows of a class's options as one table."""
    cuts, groups = [row.pop("cuts") for row in rows], [row.pop("group") for row in rows]
    known = [one for one in cuts if one is not None]
    return Weights(
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
        decided=np.array([one is not None for one in cuts]),
        cuts=_option_cuts(known, [name for name, one in zip(groups, cuts, strict=True) if one is not None]),
    )


def _option_cuts(known: list[CutTerms], groups: list[str]) -> OptionCuts | None:
    if not known:
        return None
    knots = max(one.constant.shape[-1] for one in known)
    constant, idle, busy = (
        np.stack([padded(getattr(one, name), knots) for one in known]) for name in ("constant", "idle", "busy")
    )
    _, base, group = np.unique(groups, return_index=True, return_inverse=True)
    first = base[group]
    return OptionCuts(
        constant=constant,
        idle=idle,
        busy=busy,
        group=group,
        base=base,
        idle_scale=idle[:, 0, 0] / idle[first, 0, 0],
        busy_scale=busy[:, 0, 0] / busy[first, 0, 0],
    )


def _weights_row(terms: PlantTerms, place: int, plant: Plant, scenario: Scenario) -> dict[str, Any]:
    def at(value: Any) -> Any:
        return value[place] if getattr(value, "ndim", 0) else value

    limits = [plant.sources.firm(year) for year in scenario.years] if terms.carried is None else terms.carried
    cuts = terms.cuts
    return {
        # where hours are decided, the energy and the water are paid for in the cuts
        "idle_cost": at(terms.idle.cost) * (cuts is None),
        "busy_cost": at(terms.busy.cost) * (cuts is None),
        "idle_energy": at(terms.idle.energy),
        "busy_energy": at(terms.busy.energy),
        "idle_water": at(terms.idle.water),
        "busy_water": at(terms.busy.water),
        "idle_carbon": at(terms.idle.carbon_average),
        "busy_carbon": at(terms.busy.carbon_average),
        "plant_capex": at(terms.plant_capex),
        "building_capex": at(terms.building_capex),
        "opex": at(terms.opex),
        "peak_ratio": at(terms.peak_ratio),
        "availability": at(terms.availability),
        "overload": at(terms.overload),
        "limit": np.array(limits, dtype=float),
        "yearly_cost": plant.sources.yearly_cost,
        "group": plant.name,
        "cuts": None
        if cuts is None
        else CutTerms(constant=cuts.constant, idle=cuts.idle[place], busy=cuts.busy[place]),
    }
