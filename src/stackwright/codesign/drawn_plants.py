"""Plant options under draws of the inputs: their weights at the records' values, times what each draw makes of them.

What a watt of IT draws, how high it peaks and what its plant costs is computed from the drawn specs on sampled hours
of each site, as a factor on the whole year's. What its energy costs follows from the shares of the bill: contracts
and charges are settled over the whole year at the ends of each range, and bills are linear in prices; where hours
are decided, a few dispatches are held, each part of their cost follows its price, and the cheapest rescales the cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries, load_site_series
from stackwright.codesign.plant_grid import OptionCuts, PlantClass, PlantOption, Weights, in_shares
from stackwright.codesign.plants import BUILDING, menu_of, plant_of
from stackwright.codesign.uncertainty import uncertain
from stackwright.core.parallel import in_order
from stackwright.core.spec import map_leaves
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_HOUR, SECONDS_PER_YEAR, Ratio
from stackwright.power.dispatch import Dispatcher
from stackwright.power.portfolio import Portfolio
from stackwright.power.supply import Dispatch, Supply
from stackwright.power.typical_days import typical
from stackwright.stack.curves import largest_load, net_cost
from stackwright.stack.parts import Part, Parts, with_leaf
from stackwright.stack.plant import (
    Covered,
    Plant,
    PlantSpecs,
    bill,
    capital_of,
    contracted,
    cooled,
    hourly,
    meter_per_watt,
    peak_ratio,
    price_ratios,
    reference_load,
)
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study
from stackwright.stack.supply import supply_of

STEP = 119
"""Hours between two sampled ones: 74 hours of a year, each hour of the day three times."""
WORST = 6
"""Hottest and most humid hours in which peaks and the size of the plant are looked for."""
MIDDLE_LOAD = 0.7
"""Load, over the most that a plant carries, at which the dispatch is held that says what its cost is made of."""

HELD = (0.05, 0.35, 0.65, 0.95)
"""Where, in the order of the draws from cheap to dear power, a dispatch is solved that all draws may hold as well."""

DAYS = 16
"""Days on which these are solved: costs count here by what they are of each other, for which these do."""

WATTS = ("idle", "busy", "water", "peak", "plant_capex", "building_capex", "opex")
"""What of an option is computed from drawn specs, as factors."""


@dataclass(frozen=True)
class DrawnPlants:
    """All options of a study's classes, one after another, and the factors of their weights in each draw."""

    classes: list[PlantClass]
    watts: dict[str, np.ndarray]
    """Factors [G, n] by the names of `WATTS`."""
    watts_of: np.ndarray
    """Which of these is an option's [P]."""
    prices: np.ndarray
    """Factors [F, Y, 2, n] on the energy's cost of a site and portfolio: of idle and of busy watts."""
    prices_of: np.ndarray
    water_price: np.ndarray
    """At the records' values [P], and by draw below [S, n]."""
    water_prices: np.ndarray
    site_of: np.ndarray
    availability: np.ndarray
    """Factors [A, n]."""
    availability_of: np.ndarray
    shared: dict[str, np.ndarray]
    """Numbers of the classes [C, n], by the names of their fields."""

    def at(self, index: int) -> list[PlantClass]:
        """The classes under one draw."""
        watts = {name: values[self.watts_of, index] for name, values in self.watts.items()}
        price = self.prices[self.prices_of, :, :, index]
        water_price = self.water_prices[self.site_of, index]
        availability = self.availability[self.availability_of, index]
        made, start = [], 0
        for place, one in enumerate(self.classes):
            part = slice(start, start + len(one.options))
            start = part.stop
            weights = _weighted(
                one.weights,
                {name: values[part] for name, values in watts.items()},
                price[part],
                (self.water_price[part], water_price[part]),
                availability[part],
            )
            own: dict[str, Any] = {name: float(values[place, index]) for name, values in self.shared.items()}
            made.append(replace(one, weights=weights, **own))
        return made


def _weighted(
    known: Weights,
    watts: dict[str, np.ndarray],
    price: np.ndarray,
    water_price: tuple[np.ndarray, np.ndarray],
    availability: np.ndarray,
) -> Weights:
    """A class's weights under a draw: factors by option [P], of prices [P, Y, 2]; water's price before and now [P]."""
    before, now = water_price

    def cost(name: str, place: int) -> np.ndarray:
        own, water = getattr(known, f"{name}_cost"), getattr(known, f"{name}_water")
        paid = (water * before)[:, None]
        changed = (own - paid) * price[:, :, place] * watts[name][:, None] + (water * watts["water"] * now)[:, None]
        return np.where(known.decided[:, None], own, changed)

    scaled = {
        f"{name}_{what}": getattr(known, f"{name}_{what}") * watts[name]
        for name in ("idle", "busy")
        for what in ("energy", "carbon")
    }
    return replace(
        known,
        idle_cost=cost("idle", 0),
        busy_cost=cost("busy", 1),
        idle_water=known.idle_water * watts["water"],
        busy_water=known.busy_water * watts["water"],
        plant_capex=known.plant_capex * watts["plant_capex"],
        building_capex=known.building_capex * watts["building_capex"],
        opex=known.opex * watts["opex"],
        peak_ratio=known.peak_ratio * watts["peak"],
        availability=known.availability * availability,
        cuts=None if known.cuts is None else _rescaled(known.cuts, known.decided, watts, price),
        **scaled,
    )


def _rescaled(cuts: OptionCuts, decided: np.ndarray, watts: dict[str, np.ndarray], price: np.ndarray) -> OptionCuts:
    """Cuts times the price of their plant, their slopes also times the watts that an option draws."""
    idle, busy, paid = watts["idle"][decided], watts["busy"][decided], price[decided, :, 0, None]
    first = cuts.base[cuts.group]
    return replace(
        cuts,
        constant=cuts.constant * paid,
        idle=cuts.idle * paid * idle[:, None, None],
        busy=cuts.busy * paid * busy[:, None, None],
        idle_scale=cuts.idle_scale * (idle / idle[first]),
        busy_scale=cuts.busy_scale * (busy / busy[first]),
    )


def drawn_plants(
    study: Study, parts: Parts, drawn: Parts, scenario: Scenario, classes: list[PlantClass], count: int
) -> DrawnPlants:
    """Factors of all options of a study's classes for parts whose specs hold draws [n]."""
    options = [(one, option) for one in classes for option in one.options]
    series = {
        site: load_site_series(parts.get("datacenter", site).record, year=study.datacenter.year)
        for site in dict.fromkeys(option.site for _, option in options)
    }
    sites = list(series)
    watts, watts_of = _watts(options, parts, drawn, series, scenario, count)
    prices, prices_of = _prices(study, parts, drawn, series, scenario, [option for _, option in options], count)
    safe, safe_of = _availability([option for _, option in options], parts, drawn, count)
    site_of = np.array([sites.index(option.site) for _, option in options])
    paid = np.array([float(parts.get("datacenter", site).spec.water_price) for site in sites])
    return DrawnPlants(
        classes=classes,
        watts=watts,
        watts_of=watts_of,
        prices=prices,
        prices_of=prices_of,
        water_price=paid[site_of],
        water_prices=_rows([drawn.get("datacenter", site).spec.water_price for site in sites], count),
        site_of=site_of,
        availability=safe,
        availability_of=safe_of,
        shared=_shared(classes, drawn, count),
    )


def _rows(values: Sequence[Any], count: int) -> np.ndarray:
    return np.stack([np.broadcast_to(np.asarray(value, dtype=float), (count,)) for value in values])


def _shared(classes: list[PlantClass], drawn: Parts, count: int) -> dict[str, np.ndarray]:
    """What racks notice of a class, by draw [C, n]."""
    made: dict[str, list[Any]] = {
        name: [] for name in ("coolant_temperature", "junction_resistance", "supply_scale", "busbar_scale")
    }
    for one in classes:
        cooling = drawn.get("cooling", one.cooling).spec
        chain = drawn.get("datacenter", one.options[0].distribution).spec
        made["coolant_temperature"].append(cooling.chip_coolant_temperature(supply_temperature=one.supply_temperature))
        made["junction_resistance"].append(cooling.junction_resistance)
        made["supply_scale"].append(chain.rack_supply_scale)
        made["busbar_scale"].append(chain.rack_busbar_scale)
    return {name: _rows(values, count) for name, values in made.items()}


def _availability(
    options: Sequence[PlantOption], parts: Parts, drawn: Parts, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Factors [A, n] of sites with redundancies, and which is an option's [P]."""
    keys = [(option.site, option.redundancy) for option in options]

    def of(some: Parts, site: str, redundancy: str) -> Any:
        return some.get("datacenter", redundancy).spec.availability(some.get("datacenter", site).spec)

    return _by_key(keys, lambda key: of(drawn, *key) / of(parts, *key), count)


def _by_key(keys: Sequence[Any], made: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws [G, n] of each different key, and which is whose."""
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return _rows([made(key) for key in places], count), np.array([places[key] for key in keys])


def _watts(
    options: Sequence[tuple[PlantClass, PlantOption]],
    parts: Parts,
    drawn: Parts,
    series: dict[str, SiteSeries],
    scenario: Scenario,
    count: int,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Factors [G, n] of what a watt of IT draws and costs to house, and which is an option's [P]."""
    places: dict[Any, int] = {}
    wanted: dict[Any, list[tuple[str, str]]] = {}
    of = np.zeros(len(options), dtype=int)
    for index, (one, option) in enumerate(options):
        air = (one.cooling, one.supply_temperature, one.thermal.liquid_share, option.site)
        key = (*air, option.redundancy, option.distribution)
        if key not in places:
            places[key] = len(places)
            wanted.setdefault(air, []).append(key[4:])
        of[index] = places[key]
    made = {name: np.ones((len(places), count)) for name in WATTS}
    hours = {site: _hours(known) for site, known in series.items()}
    beside, profile = BesideNominal(drawn, parts), scenario.profile[::STEP]
    chain_of = cache(partial(_chain, beside, cache(partial(_lost_at, beside, profile))))

    def of_air(asked: tuple[Any, list[tuple[str, str]]]) -> list[tuple[int, dict[str, Any]]]:
        (cooling, temperature, liquid, site), chains = asked
        some, worst = hours[site]
        sampled = Sampled(
            cut_series(series[site], some), cut_series(series[site], worst), scenario.profile[some], temperature, liquid
        )
        found = sampled.of([chain_of(cooling, site, *chain) for chain in chains])
        rows = [places[cooling, temperature, liquid, site, *chain] for chain in chains]
        return [
            (row, {name: _over_last(np.broadcast_to(value, (count + 1,))) for name, value in one.items()})
            for row, one in zip(rows, found, strict=True)
        ]

    for some in in_order(of_air, wanted.items()):
        for row, factors in some:
            for name, values in made.items():
                values[row] = factors[name]
    return made, of


def _over_last(values: np.ndarray) -> np.ndarray:
    """All but the last of some values, over the last; ones where that is zero, as it is then under all draws."""
    return values[:-1] / values[-1] if values[-1] else np.ones(len(values) - 1)


class BesideNominal(Parts):
    """Parts under draws [n], with the records' values after them [n + 1]."""

    def __init__(self, drawn: Parts, nominal: Parts) -> None:
        super().__init__(nominal.catalog)
        self._drawn, self._nominal = drawn, nominal

    def get(self, layer: str, name: str) -> Part:
        """The part that a name means in a layer, under all draws and none."""
        part, known = self._drawn.get(layer, name), self._nominal.get(layer, name).spec
        values = {item.name: getattr(part.spec, item.name) for item in fields(part.spec)}
        wide = {field: np.append(value, getattr(known, field)) for field, value in values.items() if np.ndim(value)}
        return replace(part, spec=replace(part.spec, **wide))


def _hours(series: SiteSeries) -> tuple[np.ndarray, np.ndarray]:
    """Sampled hours of a year, and its worst ones."""
    hottest = [
        np.argsort(getattr(series, name), kind="stable")[-WORST:] for name in ("dry_bulb", "wet_bulb", "dew_point")
    ]
    return np.arange(0, HOURS_PER_YEAR, STEP), np.unique(np.concatenate(hottest))


def cut_series(series: SiteSeries, hours: np.ndarray) -> SiteSeries:
    """Some hours of a site. Source: definition."""
    known = {item.name: getattr(series, item.name) for item in fields(series)}
    cut = {name: value[hours] for name, value in known.items() if isinstance(value, np.ndarray) and value.ndim}
    return replace(series, **cut, shapes={name: shape[hours] for name, shape in series.shapes.items()})


@dataclass(frozen=True)
class Chain:
    """Everything of a plant but what it is fed by, and the same ready for hours."""

    specs: PlantSpecs
    hourly: PlantSpecs


@dataclass(frozen=True)
class LostAt:
    """A distribution at one load of its modules by the hour, which does not depend on cooling and site."""

    lost: np.ndarray
    mechanical: np.ndarray

    def loss(self, load_fraction: Ratio) -> Ratio:
        """As of the distribution, at the one load. Source: definition."""
        return self.lost

    def mechanical_loss(self, load_fraction: Ratio) -> Ratio:
        """As of the distribution, at the one load. Source: definition."""
        return self.mechanical


def _hourly(spec: Any) -> Any:
    """A spec with leaves [n, 1], so that they broadcast against hours."""
    return map_leaves(lambda _, leaf: leaf[..., None] if np.ndim(leaf) else leaf, spec)


def _lost_at(parts: Parts, profile: np.ndarray, redundancy: str, distribution: str) -> LostAt:
    spare, chain = (_hourly(parts.get("datacenter", name).spec) for name in (redundancy, distribution))
    module = spare.module_load(reference_load(profile))
    return LostAt(chain.loss(module), chain.mechanical_loss(module))


def _chain(
    parts: Parts,
    lost_at: Callable[[str, str], Any],
    cooling: str,
    site: str,
    redundancy: str,
    distribution: str,
) -> Chain:
    nothing: Any = None
    specs = PlantSpecs(
        cooling=parts.get("cooling", cooling).spec,
        site=parts.get("datacenter", site).spec,
        building=parts.get("datacenter", BUILDING).spec,
        redundancy=parts.get("datacenter", redundancy).spec,
        distribution=parts.get("datacenter", distribution).spec,
        portfolio=nothing,
    )
    return Chain(specs, replace(hourly(specs), distribution=lost_at(redundancy, distribution)))


@dataclass(frozen=True)
class Sampled:
    """Hours of a site at which a cooling is looked at."""

    series: SiteSeries
    worst: SiteSeries
    profile: np.ndarray
    supply_temperature: float
    liquid_share: float

    def of(self, chains: Sequence[Chain]) -> list[dict[str, Any]]:
        """What a watt of IT draws and costs on plants that differ in redundancy and distribution, by `WATTS`."""
        weather = {"supply_temperature": self.supply_temperature, "liquid_share": self.liquid_share}
        first = chains[0].specs
        cold = cooled(_plant(first, self.series), profile=self.profile, **weather)
        peak = cooled(_plant(first, self.worst), profile=np.ones(len(self.worst.dry_bulb)), **weather)
        fraction = reference_load(self.profile)
        water = np.asarray(cold.load.water + 0.0 * fraction).mean(axis=-1)
        made = []
        for chain in chains:
            meter = meter_per_watt(chain.hourly, cold.load, fraction)
            capital = capital_of(chain.specs, peak)
            made.append(
                {
                    "idle": meter.mean(axis=-1),
                    "busy": (meter * self.profile).mean(axis=-1),
                    "water": water,
                    "peak": peak_ratio(_plant(chain.specs, self.worst), peak.full),
                    "plant_capex": capital.plant,
                    "building_capex": capital.building,
                    "opex": capital.opex,
                }
            )
        return made


def _plant(specs: PlantSpecs, series: SiteSeries) -> Plant:
    return Plant(specs=specs, series=series, covered=Covered((), (), ()), first_year=0)


def _prices(
    study: Study,
    parts: Parts,
    drawn: Parts,
    series: dict[str, SiteSeries],
    scenario: Scenario,
    options: Sequence[PlantOption],
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Factors [F, Y, 2, n] on what energy costs at a site under a portfolio, and which is an option's [P]."""
    first: dict[tuple[str, str], PlantOption] = {}
    for option in options:
        first.setdefault((option.site, option.portfolio), option)

    def of(option: PlantOption) -> np.ndarray:
        chosen = {"cooling": option.cooling, "redundancy": option.redundancy, "distribution": option.distribution}
        plant = plant_of(
            study, parts, scenario, series[option.site], site=option.site, portfolio=option.portfolio, **chosen
        )
        inputs = list(_fed_by(study, parts, drawn, plant, option))
        found = _held if plant.sources.decides else _settled
        return found(plant, inputs, option, scenario, count)

    places = {key: place for place, key in enumerate(first)}
    made = np.stack(list(in_order(of, first.values())))
    return made, np.array([places[option.site, option.portfolio] for option in options])


@dataclass(frozen=True)
class Priced:
    """A number of what feeds a plant: its place in the portfolio, its range, and its draws [n]."""

    path: str
    value: float
    low: float
    high: float
    draws: np.ndarray


def _fed_by(study: Study, parts: Parts, drawn: Parts, plant: Plant, option: PlantOption) -> Iterator[Priced]:
    """The uncertain numbers of a site's market and a portfolio's contracts and plants; not those that a study sets."""
    menu, portfolio = menu_of(study, option.portfolio), plant.specs.portfolio
    site = parts.get("datacenter", option.site)
    named = {
        "grid": (str(site.record.links["grid"]), portfolio.grid),
        **{
            f"contracts.{index}": (item.contract, spec)
            for index, (item, spec) in enumerate(zip(menu.contracts, portfolio.contracts, strict=True))
        },
        **{
            f"plants.{index}": (item.technology, spec)
            for index, (item, spec) in enumerate(zip(menu.plants, portfolio.plants, strict=True))
        },
    }
    for place, (name, spec) in named.items():
        part: Part = parts.get("power", name)
        for field, datum in uncertain(part, fitted=False):
            if getattr(spec, field) == getattr(part.spec, field):
                draws = np.asarray(getattr(drawn.get("power", name).spec, field))
                yield Priced(f"{place}.{field}", datum.value, datum.low, datum.high, draws)


def _settled(plant: Plant, inputs: Sequence[Priced], option: PlantOption, scenario: Scenario, count: int) -> np.ndarray:
    """Factors [Y, 2, n] where nothing is decided: bills at the ends of each range, which are linear in prices."""
    plant, (meter, _) = in_shares(plant), _meter(plant, option, scenario)
    portfolio = plant.specs.portfolio
    width = 2 * len(inputs) + 1
    for index, one in enumerate(inputs):
        column = np.full(width, one.value)
        column[2 * index : 2 * index + 2] = one.low, one.high
        portfolio = with_leaf(portfolio, one.path, column)
    wide = hourly(replace(plant.specs, portfolio=portfolio))

    def year_factors(offset: float) -> np.ndarray:
        bills = [_bill(plant, wide, shape, offset, width) for shape in (meter, meter * scenario.profile)]
        return np.stack([_followed(*parts, inputs) for parts in bills])

    return _by_year(plant, scenario, year_factors)


def _by_year(plant: Plant, scenario: Scenario, made: Callable[[float], np.ndarray]) -> np.ndarray:
    """What is made for each year of the horizon [Y, ...]; like years are made once."""
    known: dict[Any, np.ndarray] = {}
    keys = [plant.key_in(plant.first_year + offset) for offset in scenario.years]
    for key, offset in zip(keys, scenario.years, strict=True):
        if key not in known:
            known[key] = made(float(offset))
    return np.stack([known[key] for key in keys])


def _meter(plant: Plant, option: PlantOption, scenario: Scenario) -> tuple[np.ndarray, float]:
    """Meter watts per IT watt by the hour, and in the worst one at full load, of racks half cooled by liquid."""
    air = cooled(plant, supply_temperature=option.supply_temperature, liquid_share=0.5, profile=scenario.profile)
    meter = meter_per_watt(hourly(plant.specs), air.load, reference_load(scenario.profile))
    return np.broadcast_to(meter, scenario.profile.shape), float(peak_ratio(plant, air.full))


def _bill(plant: Plant, wide: PlantSpecs, shape: np.ndarray, year: float, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A year's cost of energy, and of capacity, at the ends of each input's range [width]."""
    paid = bill(plant, wide, np.broadcast_to(shape, (width, len(shape))), np.array([year]))[0]
    capacity = np.broadcast_to(paid.capacity_cost, (width,))
    return np.broadcast_to(paid.energy_cost, (width,)) - capacity, capacity


def _followed(energy: np.ndarray, capacity: np.ndarray, inputs: Sequence[Priced]) -> np.ndarray:
    """Cost [n] over that at the records' values. Energy's cost is a sum of prices, capacity's a product."""
    base, sizes, total = energy[-1], capacity[-1], energy[-1]
    for index, one in enumerate(inputs):
        total = total + _along(energy, index, one)
        if capacity[-1]:
            sizes = sizes * np.maximum(1.0 + _along(capacity, index, one) / capacity[-1], 0.0)
    return (total + sizes) / (base + capacity[-1])


def _along(cost: np.ndarray, index: int, one: Priced) -> np.ndarray:
    """What an input alone adds to a cost [n], from its values at the ends of its range."""
    slopes = [
        (cost[2 * index + side] - cost[-1]) / (end - one.value) if end != one.value else 0.0
        for side, end in enumerate((one.low, one.high))
    ]
    moved = one.draws - one.value
    return np.where(moved > 0.0, slopes[1], slopes[0]) * moved


def _held(plant: Plant, inputs: Sequence[Priced], option: PlantOption, scenario: Scenario, count: int) -> np.ndarray:
    """Factors [Y, 2, n] where hours are decided: each part of a dispatch's cost under its own price."""
    portfolio = plant.specs.portfolio
    for one in inputs:
        portfolio = with_leaf(portfolio, one.path, np.broadcast_to(one.draws, (count,)))
    now: Portfolio = hourly(replace(plant.specs, portfolio=portfolio)).portfolio
    ratios = price_ratios(plant.specs.portfolio, now, plant.sources.discount_rate)
    return _by_year(
        plant,
        scenario,
        lambda offset: _held_year(plant, now, ratios, option, scenario, plant.first_year + offset, count),
    )


def _held_year(
    plant: Plant,
    now: Portfolio,
    ratios: dict[str, Any],
    option: PlantOption,
    scenario: Scenario,
    calendar: float,
    count: int,
) -> np.ndarray:
    """A year's cost [n] under other prices over what it was: the cheapest of a few dispatches on typical days.

    Each of these can be held under any draw, so a dispatch made for the draw costs no more than the cheapest.
    """
    meter, peak = _meter(plant, option, scenario)
    shape = meter * reference_load(scenario.profile)
    top = MIDDLE_LOAD * largest_load(plant, calendar - plant.first_year) / peak * shape
    capacities = contracted(plant, top.mean())
    problem, settled = supply_of(
        plant,
        top,
        calendar,
        capacities=capacities,
        peak=peak / float(shape.mean()),
        busy_share=plant.busy_share,
    )
    # As in `stack.curves`: contract energy from off the site is worth the market's price, taken or sold.
    problem = replace(problem, delivered=0.0)
    told, _ = typical(problem, DAYS)
    fixed = sum(net_cost(item, problem.connection.price) for item in settled)
    market = now.grid.price(plant.series.price_shape)
    shapes = [plant.series.shapes[name] for name in plant.covered.shapes]
    again = now.settle(market_price=market, year=calendar, capacities=capacities, shapes=shapes) if settled else ()
    net = sum((_net_costs(item, market) for item in again), start=np.zeros(count))
    kept = {name: np.broadcast_to(np.asarray(ratio, dtype=float), (count,)) for name, ratio in ratios.items()}
    costs = [_dispatched(plant, told, kept, index) for index in (None, *_spread(kept))]
    held = [net + sum(cost * kept.get(name, 1.0) for name, cost in one.items()) for one in costs]
    return np.broadcast_to(np.minimum.reduce(held) / (fixed + sum(costs[0].values())), (2, count))


def _spread(ratios: dict[str, np.ndarray]) -> list[int]:
    """Draws from those in which buying is cheap beside making to those in which it is dear."""
    made = [ratio for name, ratio in ratios.items() if name.startswith("plants.")]
    order = np.argsort(ratios["market"] / np.mean(made, axis=0) if made else ratios["market"], kind="stable")
    return [int(order[int(share * (len(order) - 1))]) for share in HELD]


def _dispatched(plant: Plant, told: Supply, ratios: dict[str, np.ndarray], index: int | None) -> dict[str, float]:
    """What a dispatch costs at the records' prices that is the best under one of the draws, or under none."""
    if index is None:
        return _costs_of(plant, told, Dispatcher(told).solve())
    at = {name: float(ratio[index]) for name, ratio in ratios.items()}
    places = {sizing.name: f"plants.{place}" for place, sizing in enumerate(plant.sources.sizings)}
    meter = told.connection
    changed = replace(
        told,
        connection=replace(
            meter,
            price=meter.price * at["market"],
            delivery_charge=meter.delivery_charge * at["delivery"],
            capacity_charge=meter.capacity_charge * at["capacity"],
        ),
        generators=tuple(
            replace(
                one,
                fixed_cost=one.fixed_cost * at[f"{places[one.name]}.fixed"],
                variable_cost=one.variable_cost * at.get(f"{places[one.name]}.variable", 1.0),
            )
            for one in told.generators
        ),
        stores=tuple(
            replace(
                one,
                power_cost=one.power_cost * at[f"{places[one.name]}.fixed"],
                energy_cost=one.energy_cost * at[f"{places[one.name]}.fixed"],
            )
            for one in told.stores
        ),
    )
    costs = _costs_of(plant, changed, Dispatcher(changed).solve())
    # a ratio of nothing is that of a charge that the site does not have
    return {name: cost / at.get(name, 1.0) if cost else 0.0 for name, cost in costs.items()}


def _net_costs(item: Any, price: np.ndarray) -> np.ndarray:
    """As `net_cost`, under draws [n]."""
    worth = (item.delivered * (1.0 - item.onsite) * item.generation * price).sum(axis=-1) * SECONDS_PER_HOUR
    return np.squeeze(item.cost) - worth


def _costs_of(plant: Plant, told: Supply, answer: Dispatch) -> dict[str, float]:
    """A dispatch's cost by what it is paid for, own plants by their place in the portfolio."""
    costs = dict(answer.costs)
    fuel = costs.pop("fuel", 0.0)
    for name in ("plants", "storage", "water"):
        costs.pop(name, None)
    generators = {one.name: one for one in told.generators}
    stores = {one.name: one for one in told.stores}
    burnt = {
        name: float((answer.output[name] * told.weights).sum() * one.variable_cost) for name, one in generators.items()
    }
    all_burnt = sum(burnt.values()) or 1.0
    for index, sizing in enumerate(plant.sources.sizings):
        size = answer.capacity[sizing.name] * SECONDS_PER_YEAR
        if sizing.name in generators:
            costs[f"plants.{index}.fixed"] = size * generators[sizing.name].fixed_cost
            costs[f"plants.{index}.variable"] = fuel * burnt[sizing.name] / all_burnt
        else:
            store = stores[sizing.name]
            held = answer.storage_energy[sizing.name] * SECONDS_PER_YEAR * store.energy_cost
            costs[f"plants.{index}.fixed"] = size * store.power_cost + held
    return costs
