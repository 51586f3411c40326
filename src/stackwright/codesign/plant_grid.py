"""The plant half of a study's grid: every option of cooling, site, building and contract as weights.

A thermal class is what the racks notice of the plant: the cooling type, its supply temperature, and
the share of heat that this kind of rack gives to liquid. Inside a class, sites, redundancy,
distribution and portfolios are plain rows of weights on the columns of a fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries, load_site_series
from stackwright.core.spec import spec
from stackwright.core.units import Array
from stackwright.power.portfolio import Portfolio
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import Cooled, Covered, Plant, PlantSpecs, PlantTerms, cooled, plant_terms, rewired
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Portfolio as PortfolioMenu
from stackwright.stack.study import Study

BUILDING = "hyperscale-building"
MEAN_OF_LIMIT = 0.7
"""Mean load over a site's limit, by which the search turns a contract's capacity into a share of the
load; finalists settle the capacity itself."""


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
    supply_scale: Array
    """Multiplies the loss of the rack's own supplies."""


@dataclass(frozen=True)
class PlantClass:
    """A thermal class: the options that share it, and their weights."""

    thermal: Thermal
    cooling: str
    supply_temperature: float
    coolant_temperature: float
    junction_resistance: float
    options: tuple[PlantOption, ...]
    weights: Weights


def portfolio_of(menu: PortfolioMenu, site: Part, parts: Parts) -> tuple[Portfolio, Covered]:
    """A portfolio's specs at a site, and how much of the load each contract covers."""
    contracts = [parts.get("power", item.contract) for item in menu.contracts]
    grid = parts.get("power", str(site.record.links["grid"]))
    covered = Covered(
        shares=tuple(item.share for item in menu.contracts),
        capacities=tuple(item.capacity for item in menu.contracts),
        shapes=tuple(str(contract.record.text.get("shape") or "flat") for contract in contracts),
    )
    return Portfolio(grid=grid.spec, contracts=tuple(contract.spec for contract in contracts)), covered


def in_shares(covered: Covered, portfolio: Portfolio, limit: float | None) -> Covered:
    """Capacities as shares of the load of a site that runs at `MEAN_OF_LIMIT` of its limit."""
    if limit is None:
        return covered
    shares = [
        share if capacity is None else capacity * contract.capacity_factor / (MEAN_OF_LIMIT * limit)
        for share, capacity, contract in zip(covered.shares, covered.capacities, portfolio.contracts, strict=True)
    ]
    return Covered(tuple(shares), (None,) * len(shares), covered.shapes)


def site_limit(study: Study, site: str) -> float | None:
    """Most that the meter of a site may draw, in watts; None is no limit."""
    return study.constraints.sites_power.get(site, study.constraints.site_power)


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

    Both have one cooling type and supply temperature; their options are the same in the same order, as a
    class has all plants of its cooling. They differ in what the racks' share of liquid makes of these.
    """
    wanted = [way for way in ways if way.path == plant.thermal.path]
    for index, other in enumerate(classes):
        alike = other.cooling == plant.cooling and other.supply_temperature == plant.supply_temperature
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
    series = {site: load_site_series(parts.get("datacenter", site).record) for site in study.datacenter.site}
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
        made.extend(_classes(study, parts, scenario, series, thermal, cooling))
    return made


def _classes(
    study: Study, parts: Parts, scenario: Scenario, series: dict[str, SiteSeries], thermal: Thermal, cooling: str
) -> Iterator[PlantClass]:
    part = parts.get("cooling", cooling)
    temperatures = supply_temperatures(study, part)
    options: list[list[PlantOption]] = [[] for _ in temperatures]
    rows: list[list[dict[str, Any]]] = [[] for _ in temperatures]
    for site in study.datacenter.site:
        for menu, plant, redundancy, distribution, terms in _site_terms(
            study, parts, scenario, series[site], cooling, site, temperatures, thermal
        ):
            for place, temperature in enumerate(temperatures):
                options[place].append(
                    PlantOption(cooling, float(temperature), site, redundancy, distribution, menu.name)
                )
                rows[place].append(_weights_row(terms, place, plant.specs))
    for place, temperature in enumerate(temperatures):
        yield PlantClass(
            thermal=thermal,
            cooling=cooling,
            supply_temperature=float(temperature),
            coolant_temperature=float(part.spec.chip_coolant_temperature(supply_temperature=temperature)),
            junction_resistance=float(part.spec.junction_resistance),
            options=tuple(options[place]),
            weights=Weights(**{name: np.array([row[name] for row in rows[place]]) for name in rows[place][0]}),
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


def plant_of(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    series: SiteSeries,
    cooling: str,
    site: str,
    redundancy: str,
    distribution: str,
    menu: PortfolioMenu,
) -> Plant:
    """One option of each plant layer, contracts as shares of the load."""
    place = parts.get("datacenter", site)
    portfolio, covered = portfolio_of(menu, place, parts)
    return Plant(
        specs=PlantSpecs(
            cooling=parts.get("cooling", cooling).spec,
            site=place.spec,
            building=parts.get("datacenter", BUILDING).spec,
            redundancy=parts.get("datacenter", redundancy).spec,
            distribution=parts.get("datacenter", distribution).spec,
            portfolio=portfolio,
        ),
        series=series,
        covered=in_shares(covered, portfolio, site_limit(study, site)),
        first_year=scenario.first_year,
    )


def _site_terms(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    series: SiteSeries,
    cooling: str,
    site: str,
    temperatures: np.ndarray,
    thermal: Thermal,
) -> Iterator[tuple[PortfolioMenu, Plant, str, str, PlantTerms]]:
    """Terms of every portfolio, redundancy and distribution at a site.

    The weather meets the cooling once, and each portfolio is settled once, for the first redundancy and
    distribution.
    """
    cold: Cooled | None = None
    for menu in study.power.portfolio:
        first: tuple[PlantTerms, PlantSpecs] | None = None
        for redundancy in study.datacenter.redundancy:
            for distribution in study.datacenter.distribution:
                plant = plant_of(study, parts, scenario, series, cooling, site, redundancy, distribution, menu)
                if cold is None:
                    cold = cooled(
                        plant,
                        supply_temperature=temperatures,
                        liquid_share=thermal.liquid_share,
                        profile=scenario.profile,
                    )
                if first is None:
                    terms = plant_terms(plant, cold, profile=scenario.profile, years=scenario.years)
                    first = (terms, plant.specs)
                else:
                    terms = rewired(first[0], plant, first[1], cold, profile=scenario.profile)
                yield menu, plant, redundancy, distribution, terms


def _weights_row(terms: PlantTerms, place: int, specs: PlantSpecs) -> dict[str, Any]:
    def at(value: Any) -> Any:
        return value[place] if getattr(value, "ndim", 0) else value

    return {
        "idle_cost": at(terms.idle.cost),
        "busy_cost": at(terms.busy.cost),
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
        "supply_scale": specs.distribution.rack_supply_scale,
    }
