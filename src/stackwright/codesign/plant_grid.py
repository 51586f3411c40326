"""The plant half of a study's grid: every option of cooling, site, building and contract as weights.

A thermal class is what the racks notice of the plant: the cooling type, its supply temperature, the
share of heat that this kind of rack gives to liquid, and whether the distribution's current spares
them a conversion. Inside a class, sites, redundancy, distribution and portfolios are plain rows of
weights on the columns of a fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stackwright.catalog.series import load_site_series
from stackwright.codesign.plants import plant_of, portfolios_at
from stackwright.core.parallel import in_order
from stackwright.core.spec import spec
from stackwright.core.units import Array
from stackwright.stack.curves import Curves
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import Covered, Plant
from stackwright.stack.plant_table import (
    Chains,
    CutTerms,
    Loads,
    Priced,
    Tariff,
    Wired,
    WiredCapital,
    Wiring,
    chains_of,
    loads_of,
    padded,
    priced,
    tariffs_of,
    wired,
    wired_capital,
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
    curves: Curves | None = None,
) -> list[PlantClass]:
    """All thermal classes that some system of the study can use, with all their plant options.

    `curves` hold what is known already of plants whose hours are decided: these are read, and others are added.
    """
    wanted = sorted(
        {thermal for options in thermals_of(systems).values() for thermal in options},
        key=lambda thermal: (thermal.path, thermal.liquid_share),
    )
    coolings = [
        _Cooling(part, supply_temperatures(study, part), tuple(own for own in wanted if own.path == path))
        for path in sorted({thermal.path for thermal in wanted})
        for part in (parts.get("cooling", name) for name in study.cooling.type)
        if part.spec.heat_path == path
    ]
    sites = [_site(study, parts, scenario, name) for name in study.datacenter.site]
    known = Curves() if curves is None else curves
    found: list[list[_Table]] = []
    # One site after another in each thread: the first cooling's load at a site is the one whose curve others read.
    for tables in in_order(lambda site: [_table(site, cooling, scenario, known) for cooling in coolings], sites):
        if progress:
            progress("plant half", len(found), len(sites))
        found.append(tables)
    made = {
        (thermal, cooling.part.id): classes
        for cooling, tables in zip(coolings, zip(*found, strict=True), strict=True)
        for thermal, classes in zip(cooling.thermals, _classes(cooling, sites, _joined(tables)), strict=True)
    }
    order = [(thermal, cooling.part.id) for thermal in wanted for cooling in coolings if thermal in cooling.thermals]
    return [plant for key in order for plant in made[key]]


@dataclass(frozen=True)
class _Cooling:
    """A cooling type with the temperatures [T] and the racks' shares of liquid [L] that a study asks of it."""

    part: Part
    temperatures: Array
    thermals: tuple[Thermal, ...]


@dataclass(frozen=True)
class _Site:
    """What a site has whatever cools it: its plants by portfolio, each with the first wiring, and their tariffs."""

    id: str
    portfolios: tuple[str, ...]
    plants: tuple[Plant, ...]
    tariffs: tuple[list[Tariff] | None, ...]
    wirings: tuple[tuple[str, str], ...]
    """Ids of redundancy and distribution."""
    chains: Chains
    """What they are, in this order."""

    @property
    def options(self) -> list[tuple[str, str, str, str]]:
        """Site, portfolio, redundancy and distribution of each option, in the order of the site's table."""
        return [(self.id, name, *wiring) for name in self.portfolios for wiring in self.wirings]

    @property
    def feeds(self) -> list[tuple[float, float]]:
        """What each option's distribution leaves of the losses of the racks' shelves and busbars."""
        chains = [one.distribution for one in self.chains.specs]
        return [(float(one.rack_supply_scale), float(one.rack_busbar_scale)) for one in chains] * len(self.portfolios)


def _site(study: Study, parts: Parts, scenario: Scenario, name: str) -> _Site:
    series = load_site_series(parts.get("datacenter", name).record, year=study.datacenter.year)
    wirings = [
        (redundancy, distribution)
        for redundancy in study.datacenter.redundancy
        for distribution in study.datacenter.distribution
    ]
    menus = portfolios_at(study, parts, name, series)
    plants = [
        plant_of(
            study,
            parts,
            scenario,
            series,
            cooling=study.cooling.type[0],
            site=name,
            redundancy=wirings[0][0],
            distribution=wirings[0][1],
            portfolio=menu.name,
        )
        for menu in menus
    ]
    plants = [plant if plant.sources.decides else in_shares(plant) for plant in plants]
    made = [Wiring(*(parts.get("datacenter", word).spec for word in wiring)) for wiring in wirings]
    return _Site(
        id=name,
        portfolios=tuple(menu.name for menu in menus),
        plants=tuple(plants),
        tariffs=tuple(tariffs_of(plant, scenario.years) for plant in plants),
        wirings=tuple(wirings),
        chains=chains_of(plants[0].specs, made, scenario.profile),
    )


@dataclass(frozen=True)
class _Table:
    """The options of a cooling at a site, or at all sites: weights by name [L, T, P] or [L, T, P, Y]."""

    values: dict[str, Array]
    cuts: tuple[CutTerms, ...]
    """Of each portfolio whose hours are decided: constants [Y, K], slopes [L, T, W, Y, K]."""
    groups: tuple[str, ...]
    """Its name."""


def _classes(cooling: _Cooling, sites: Sequence[_Site], table: _Table) -> list[list[PlantClass]]:
    """The classes of a cooling by thermal, from its options at all sites."""
    part = cooling.part
    feeds, named = ([item for site in sites for item in getattr(site, name)] for name in ("feeds", "options"))
    places = {feed: np.array([index for index, own in enumerate(feeds) if own == feed]) for feed in sorted(set(feeds))}

    def options(temperature: float, here: Array) -> tuple[PlantOption, ...]:
        return tuple(
            PlantOption(
                cooling=part.id,
                supply_temperature=temperature,
                site=site,
                redundancy=redundancy,
                distribution=distribution,
                portfolio=portfolio,
            )
            for site, portfolio, redundancy, distribution in (named[index] for index in here)
        )

    chosen = {
        (place, feed): options(float(temperature), here)
        for place, temperature in enumerate(cooling.temperatures)
        for feed, here in places.items()
    }
    return [
        [
            PlantClass(
                thermal=thermal,
                cooling=part.id,
                supply_temperature=float(temperature),
                coolant_temperature=float(part.spec.chip_coolant_temperature(supply_temperature=temperature)),
                junction_resistance=float(part.spec.junction_resistance),
                supply_scale=feed[0],
                busbar_scale=feed[1],
                options=chosen[place, feed],
                weights=_weights(table, (row, place), here),
            )
            for place, temperature in enumerate(cooling.temperatures)
            for feed, here in places.items()
        ]
        for row, thermal in enumerate(cooling.thermals)
    ]


def supply_temperatures(study: Study, cooling: Part) -> np.ndarray:
    """Temperatures of the study that products of this type supply; the nearest one where none does."""
    low, high = float(cooling.spec.supply_minimum), float(cooling.spec.supply_maximum)
    chosen = [value for value in study.cooling.supply_temperature if low <= value <= high]
    if not chosen:
        middle = (low + high) / 2
        nearest = min(study.cooling.supply_temperature, key=lambda value: abs(value - middle))
        chosen = [min(max(nearest, low), high)]
    return np.array(chosen)


def _table(site: _Site, cooling: _Cooling, scenario: Scenario, curves: Curves) -> _Table:
    """All options of a cooling at a site; its weather is met once, whatever the portfolio and the wiring."""
    plants = [replace(plant, specs=replace(plant.specs, cooling=cooling.part.spec)) for plant in site.plants]
    decided = [plant.sources.decides for plant in plants]
    loads = loads_of(
        plants[decided.index(True) if any(decided) else 0],
        supply_temperature=cooling.temperatures,
        liquid_share=np.array([thermal.liquid_share for thermal in cooling.thermals]),
        profile=scenario.profile,
    )
    found = [
        priced(plant, loads, scenario.years, tariffs, curves)
        for plant, tariffs in zip(plants, site.tariffs, strict=True)
    ]
    losses = wired(loads, site.chains)
    capital = {dry: wired_capital(loads, site.chains, dry=dry) for dry in set(decided)}
    # a type of cooling may be as good at any temperature
    size = (len(cooling.thermals), len(cooling.temperatures))

    def every(slope: Array) -> Array:
        return np.broadcast_to(slope, (*size, *slope.shape[2:]))

    scaled = [
        CutTerms(
            constant=one.cuts.constant,
            idle=every(one.cuts.idle[:, :, None] * losses.idle[..., None, None]),
            busy=every(one.cuts.busy[:, :, None] * losses.busy[..., None, None]),
        )
        for one in found
        if one.cuts is not None
    ]
    return _Table(
        values=_values(site, size, loads, found, losses, [capital[dry] for dry in decided]),
        cuts=tuple(scaled),
        groups=tuple(plant.name for plant, dry in zip(plants, decided, strict=True) if dry),
    )


def _values(
    site: _Site,
    size: tuple[int, int],
    loads: Loads,
    found: Sequence[Priced],
    losses: Wired,
    capital: Sequence[WiredCapital],
) -> dict[str, Array]:
    """Weights by name [L, T, P] or [L, T, P, Y]; the options are each portfolio's wirings, one portfolio after another.

    Costs, energy and carbon of a wiring follow the mean load at the meter.
    """
    around, count = (*size, len(found), losses.idle.shape[-1]), len(found[0].limit)

    def rows(value: Array) -> Array:
        """Of what broadcasts to [L, T, M, W]."""
        return np.broadcast_to(value, around).reshape(*around[:2], -1)

    def yearly(value: Array) -> Array:
        """Of what broadcasts to [L, T, M, W, Y]."""
        return np.broadcast_to(value, (*around, count)).reshape(*around[:2], -1, count)

    def by_portfolio(values: Sequence[Array]) -> Array:
        return np.stack(values, axis=2)[:, :, :, None]

    idle, busy = losses.idle[:, :, None], losses.busy[:, :, None]
    cuts = np.array([one.cuts is not None for one in found])
    return {
        "idle_cost": yearly(by_portfolio([one.idle_cost for one in found]) * idle[..., None]),
        "busy_cost": yearly(by_portfolio([one.busy_cost for one in found]) * busy[..., None]),
        "idle_energy": rows(loads.idle.energy[..., None, None] * idle),
        "busy_energy": rows(loads.busy.energy[..., None, None] * busy),
        "idle_water": rows(loads.idle.water[..., None, None]),
        "busy_water": rows(loads.busy.water[..., None, None]),
        "idle_carbon": rows(by_portfolio([one.idle_carbon for one in found]) * idle),
        "busy_carbon": rows(by_portfolio([one.busy_carbon for one in found]) * busy),
        "plant_capex": rows(np.stack([one.plant for one in capital], axis=2)),
        "building_capex": rows(np.stack([one.building for one in capital], axis=2)),
        "opex": rows(np.stack([one.opex for one in capital], axis=2)),
        "peak_ratio": rows(losses.peak_ratio[:, :, None]),
        "availability": rows(site.chains.availability),
        "overload": rows(loads.overload[..., None, None]),
        "limit": yearly(np.stack([one.limit for one in found])[:, None]),
        "yearly_cost": rows(np.array([plant.sources.yearly_cost for plant in site.plants])[:, None]),
        "decided": rows(cuts[:, None]),
    }


def _joined(tables: Sequence[_Table]) -> _Table:
    """The options of all sites, one site after another."""
    return _Table(
        values={name: np.concatenate([one.values[name] for one in tables], axis=2) for name in tables[0].values},
        cuts=tuple(cuts for one in tables for cuts in one.cuts),
        groups=tuple(group for one in tables for group in one.groups),
    )


def _weights(table: _Table, place: tuple[int, int], here: Array) -> Weights:
    """A class's weights: of one share of liquid and temperature, the options `here` of all [P]."""
    values = {name: value[place][here] for name, value in table.values.items()}
    return Weights(**values, cuts=_option_cuts(table, place, here))


def _option_cuts(table: _Table, place: tuple[int, int], here: Array) -> OptionCuts | None:
    known = table.values["decided"][place]
    kept = (np.cumsum(known) - 1)[here[known[here]]]
    if not len(kept):
        return None
    knots, wirings = max(one.constant.shape[-1] for one in table.cuts), table.cuts[0].idle.shape[2]
    constant = np.stack([padded(one.constant, knots) for one in table.cuts])
    slopes = {
        name: np.concatenate([padded(getattr(one, name)[place], knots) for one in table.cuts])[kept]
        for name in ("idle", "busy")
    }
    _, base, group = np.unique(np.repeat(table.groups, wirings)[kept], return_index=True, return_inverse=True)
    scale = {name: value[:, 0, 0] / value[base[group], 0, 0] for name, value in slopes.items()}
    return OptionCuts(
        constant=constant[kept // wirings],
        idle=slopes["idle"],
        busy=slopes["busy"],
        group=group,
        base=base,
        idle_scale=scale["idle"],
        busy_scale=scale["busy"],
    )
