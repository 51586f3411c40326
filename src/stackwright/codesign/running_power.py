"""What a program needs to tell the watts, dollars and grams of a plan's stack at any load, without the catalog.

Tables over a few loads, clocks and hours, all made by the functions that evaluate a design. A year of the plan is
linear in the work that its pools do: replicas are kept full one after another and the rest stand idle, so a chip's
watts are a mean of idle and full ones. What a fleet draws that spreads its work evenly is beside it (`spread`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.plant_pictures import SupplyHours, supply_hours
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.codesign.training_plan import SERVES_NOTHING
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR, Array
from stackwright.power.contract import Settlement
from stackwright.power.portfolio import flows
from stackwright.rack.power import RackPower
from stackwright.stack.coupling import JUNCTION_LIMIT
from stackwright.stack.deployment import Fleet, money
from stackwright.stack.evaluate import Evaluation, evaluate, hours_of, liquid_shares, pools_of
from stackwright.stack.plant import contracted, cooling_year, module_load_of
from stackwright.stack.scenario import Scenario

LOADS = (0.05, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""IT power over its most at which losses and cooling are told; between them, programs interpolate."""
CALENDAR_LOADS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""The same where every month and hour of the day has a row of its own."""
CAP_STEP = 0.05
"""Of the chip's limit, between the caps at which pace and watts are told."""
WARMER = 10.0
"""Kelvin above the design's coolant at which chips are told a second time: leakage is nearly linear between."""
TEMPERATURE_STEP = 0.5
SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)
"""Of the planned batch at which evenly spread work is told."""
DESIGN_DAY = 0.996
"""Share of hours that are no hotter than the design day's (ASHRAE's 0.4 %)."""
SPIKE = 0.999
"""Share of hours whose market price is no higher than a spike's."""
MEDIAN = 0.5
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAY_HOURS = 24
FIGURES = 7
"""Significant digits of a table's numbers: a part in a million is far below what any of them is known to."""


def running_entry(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """The plan's entry `running`; null with a reason where nothing is served."""
    if isinstance(item.design, TrainingDesign):
        return {"value": None, "reason": SERVES_NOTHING}
    done, year = item.done, _fullest(item.done)
    supply = supply_hours(scenario, item)
    hourly = _hourly(scenario, item, supply)
    return {
        "described": "the whole fleet of its fullest year; weather, prices and sources are the hours of the first year",
        "year": int(scenario.first_year + scenario.years[year]),
        "load": {
            "mean": float(done.fleet.load[year] * scenario.profile.mean()),
            "peak": float(done.fleet.load[year]),
        },
        "request": {
            "input_tokens": float(scenario.lengths.input_mean),
            "output_tokens": float(scenario.lengths.output_mean),
            "availability": float(done.availability),
        },
        "pools": {pool.name: _pool_entry(pool, year) for pool in _pools(item, done)},
        "prefill_utilization": float(item.design.numbers["prefill_utilization"]) or None,
        "chips": _chip_entry(scenario, item),
        "spread": _spread_entry(scenario, item),
        "plant": _plant_entry(scenario, item, year),
        "conditions": _conditions(hourly),
        "calendar": _calendar(item, hourly),
        "money": _money_entry(scenario, item, year, hourly),
    }


def _fullest(done: Evaluation) -> int:
    """The year with the largest fleet; the first of several."""
    return int(done.fleet.peak_power.argmax())


@dataclass(frozen=True)
class _Pool:
    """A pool of a fleet: what a chip of it draws, and its replicas."""

    name: str
    working: RackPower
    idle: RackPower
    network: float
    """Watts of the fabric per chip."""
    chips: float
    """Of a replica."""
    rate: float
    """Requests per second of a replica at its planned batch or utilization."""
    replicas: Array
    """By year."""
    load: Array
    """In the busiest minutes, by year."""
    tdp: float
    chips_per_rack: float

    def watts(self, state: RackPower) -> dict[str, float]:
        """Per chip, at the chip, into the rack, and at the end of the building's distribution."""
        rack = float(state.input)
        return {"chip": float(state.chip), "rack": rack, "building": rack + self.network}


def _pools(item: Finalist, done: Evaluation) -> list[_Pool]:
    """Decode, and prefill where it has chips of its own."""
    hardware = pools_of(item.cell)

    def pool(name: str, place: int, state: str, chips: Any, rate: Any, replicas: Any, load: Any) -> _Pool:
        states = done.states[place]
        return _Pool(
            name=name,
            working=getattr(states, state),
            idle=states.idle,
            network=float(states.network),
            chips=float(chips),
            rate=float(rate),
            replicas=replicas,
            load=load,
            tdp=float(hardware[place].chip.tdp),
            chips_per_rack=float(hardware[place].system.chips_per_rack),
        )

    first, fleet = done.units[0], done.fleet.pools[0]
    made = [pool("decode", 0, "decode", first.decode_chips, first.decode_rate, fleet.replicas, fleet.load)]
    if len(done.units) > 1:
        other, apart = done.units[1], done.fleet.pools[1]
        made.append(pool("prefill", 1, "decode", other.decode_chips, other.decode_rate, apart.replicas, apart.load))
    elif float(first.prefill_chips):
        counts = (first.prefill_chips, first.prefill_rate, fleet.prefill_replicas, fleet.prefill_load)
        made.append(pool("prefill", 0, "prefill", *counts))
    return made


def _pool_entry(pool: _Pool, year: int) -> dict[str, Any]:
    return {
        "replicas": float(pool.replicas[year]),
        "chips_per_replica": pool.chips,
        "chips_per_rack": pool.chips_per_rack,
        "requests_per_second": pool.rate,
        "peak_load": float(pool.load[year]),
        "tdp": {"value": pool.tdp, "unit": "W"},
    }


def _at(scenario: Scenario, item: Finalist, **changed: Any) -> Evaluation:
    """The design with other choices, its hours unsettled: chips and paces do not depend on them."""
    return evaluate(
        replace(item.design, **changed),
        scenario,
        cell=item.cell,
        plant=item.plant,
        terms=item.terms,
        volume=item.volume,
        settled=False,
        arrangement=item.arrangement,
    )


def _chip_entry(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """Watts per chip, idle and at full work, by power cap down to the lowest clock, and how much slower work goes.

    `warmer` has the same at a coolant that is so much warmer.
    """
    design = item.design
    caps = _caps(item)

    def table(warmer: float) -> dict[str, Any]:
        made = [
            _at(scenario, item, power_cap=cap, supply_temperature=design.supply_temperature + warmer) for cap in caps
        ]
        pools = [_pools(item, done) for done in made]
        return {
            first.name: {
                "idle": _levels([first.watts(first.idle)])[0],
                "working": _levels([row[place].watts(row[place].working) for row in pools]),
                "pace": _figures([first.rate / row[place].rate for row in pools]),
            }
            for place, first in enumerate(pools[0])
        }

    cooling = item.plant.specs.cooling
    return {
        "unit": "W per chip; pace is the time of a step over that of the plan",
        "power_cap": _figures(caps),
        "clock": _figures([float(item.cell.clock(cap)) for cap in caps]),
        "at": table(0.0),
        "warmer": {"by": {"value": WARMER, "unit": "K"}, "at": table(WARMER)},
        "junction": {
            "resistance": {"value": float(cooling.junction_resistance), "unit": "K/W"},
            "limit": {"value": JUNCTION_LIMIT, "unit": "K"},
        },
    }


def _caps(item: Finalist) -> list[float]:
    """The design's power cap and those below, down to the first that the lowest clock of every pool keeps to."""
    families = [parts.chip_power for parts in pools_of(item.cell)]
    made = [float(item.design.power_cap)]
    while any(float(family.clock(power_cap=made[-1])) > float(family.lowest_clock) for family in families):
        made.append(made[-1] - CAP_STEP)
    return made


def _levels(rows: list[dict[str, float]]) -> list[list[float]]:
    """Rows of watts at chip, rack and building."""
    return [_figures([row["chip"], row["rack"], row["building"]]) for row in rows]


def _spread_entry(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """What a chip of the decode pool draws if all replicas share the work evenly: batches fall, weights do not.

    `load` is the share of the work that the planned batch does.
    """
    numbers = item.design.numbers
    batches = [numbers["batch"] * share for share in SHARES if numbers["batch"] * share >= 1.0]
    made = [_at(scenario, item, numbers={**numbers, "batch": batch}) for batch in batches]
    pools = [_pools(item, done)[0] for done in made]
    return {
        "unit": "W per chip of the decode pool, at chip, rack and building",
        "batch": batches,
        "load": _figures([pool.rate / pools[-1].rate for pool in pools]),
        "working": _levels([pool.watts(pool.working) for pool in pools]),
    }


def _plant_entry(scenario: Scenario, item: Finalist, year: int) -> dict[str, Any]:
    """Losses and the house over the load, the meter's limits, and what stands by."""
    specs, done = item.plant.specs, item.done
    module = module_load_of(specs, it_power=np.array(LOADS), full_it_power=1.0)
    limit = float(item.limits[year])
    redundancy, cooling = specs.redundancy, specs.cooling
    return {
        "full_it_power": {"value": float(done.fleet.peak_power[year]), "unit": "W"},
        "peak_facility_power": {"value": float(done.peak_by_year[year]), "unit": "W"},
        "site_limit": {"value": limit, "unit": "W"}
        if np.isfinite(limit)
        else {"value": None, "reason": "the study sets no limit"},
        "house_share": float(specs.building.house_share),
        "loads": list(LOADS),
        "distribution_loss": _figures(specs.distribution.loss(module)),
        "mechanical_loss": _figures(specs.distribution.mechanical_loss(module)),
        "supply_temperature": {"value": float(item.design.supply_temperature), "unit": "K"},
        "coolant_rise": {"value": float(cooling.coolant_rise), "unit": "K"},
        "coolant_at_chips": {
            "value": float(cooling.chip_coolant_temperature(supply_temperature=item.design.supply_temperature)),
            "unit": "K",
        },
        "cooling_units": {
            "needed": float(redundancy.cooling_needed),
            "installed": float(redundancy.cooling_installed),
        },
        "restart_time": {"value": float(redundancy.restart_time), "unit": "s"},
    }


@dataclass(frozen=True)
class _Hourly:
    """A year by the hour [H]."""

    weight: Array
    """IT power: what a mean over hours is weighted by."""
    cooling: Array
    """W per W of IT [H, loads]."""
    water: Array
    """m3 per J of IT [H, loads]."""
    warmer: Array
    """K that the coolant is above the design's, where the plant cannot hold that at full load."""
    market: Array
    """USD/J."""
    spending: Array
    """USD/J at the meter that follow the energy of an hour: bought, delivered, burnt."""
    average_carbon: Array
    """kg/J at the meter, by the grid's mix of the hour."""
    marginal_carbon: Array
    sources: dict[str, Array]
    """Share of the energy from each."""


def _hourly(scenario: Scenario, item: Finalist, supply: SupplyHours) -> _Hourly:
    plant, temperature = item.plant, item.design.supply_temperature
    liquid = liquid_shares(item.cell, plant.specs)
    hours = hours_of(plant, scenario, item.done.fleet, temperature, liquid)
    share = _liquid_share(item.done.fleet, liquid)
    flow = _flow(scenario, item, supply)
    given = sum((source.power for source in supply.sources), start=np.zeros(HOURS_PER_YEAR))
    loads = [
        cooling_year(
            plant.specs.cooling,
            plant.series,
            supply_temperature=temperature,
            liquid_share=share,
            load_fraction=np.full(HOURS_PER_YEAR, load),
        )
        for load in LOADS
    ]
    none = np.zeros(HOURS_PER_YEAR)
    return _Hourly(
        weight=hours.it,
        cooling=np.stack([load.electricity + none for load in loads], axis=-1),
        water=np.stack([load.water + none for load in loads], axis=-1),
        warmer=_held_temperature(item, share, loads[-1].overload + none) - temperature,
        market=supply.price,
        spending=flow.spending / supply.served,
        average_carbon=flow.average_carbon / supply.served,
        marginal_carbon=flow.marginal_carbon / supply.served,
        sources={source.name: source.power / given for source in supply.sources},
    )


def _liquid_share(fleet: Fleet, liquid: tuple[Any, ...]) -> float:
    """Of the heat of all pools at their limits."""
    watts = [float(pool.peak_power.max()) for pool in fleet.pools]
    return float(sum(share * power for share, power in zip(liquid, watts, strict=True)) / sum(watts))


def _held_temperature(item: Finalist, liquid_share: float, overload: Array) -> Array:
    """The lowest coolant temperature that the plant can hold at full load in each hour, from the design's on [H]."""
    cooling, series = item.plant.specs.cooling, item.plant.series
    made = np.full(HOURS_PER_YEAR, float(item.design.supply_temperature))
    missed = overload > 0.0
    while missed.any() and made.max() < float(cooling.supply_maximum):
        made = np.where(missed, np.minimum(made + TEMPERATURE_STEP, float(cooling.supply_maximum)), made)
        held = cooling_year(
            cooling, series, supply_temperature=made, liquid_share=liquid_share, load_fraction=np.ones(HOURS_PER_YEAR)
        )
        missed = missed & (held.overload > 0.0)
    return made


@dataclass(frozen=True)
class _Flow:
    """Per second of each hour [H]."""

    spending: Array
    average_carbon: Array
    marginal_carbon: Array


def _flow(scenario: Scenario, item: Finalist, supply: SupplyHours) -> _Flow:
    """Dollars that follow the energy, and kilograms, as the bill of the first year counts them."""
    plant, series = item.plant, item.plant.series
    delivery = plant.specs.portfolio.grid.delivery_charge
    if item.done.dispatched:
        problem, answer = item.done.dispatched[0].problem, item.done.dispatched[0].answer
        own = [(one, answer.output[one.name]) for one in problem.generators]
        used = np.maximum(problem.onsite - answer.curtailed, 0.0) * (np.asarray(problem.onsite) > 0.0)
        burnt = sum((one.carbon * power for one, power in own), start=used * problem.onsite_carbon)
        variable = sum((one.variable_cost * power for one, power in own), start=np.zeros(HOURS_PER_YEAR))
        bought, drawn = answer.bought, answer.drawn
    else:
        settled = _settled(scenario, item, supply.load)
        flow = flows(load=supply.load, settled=settled)
        burnt = sum((one.onsite * part * one.carbon for one, part in zip(settled, flow.taken, strict=True)), start=0.0)
        variable, bought, drawn = np.zeros(HOURS_PER_YEAR), flow.bought, flow.drawn
    additional = sum(
        (
            one.additional * one.clean * (1.0 - one.onsite) * one.generation
            for one in _settled(scenario, item, supply.load)
        ),
        start=np.zeros(HOURS_PER_YEAR),
    )
    return _Flow(
        spending=bought * supply.price + drawn * delivery + variable,
        average_carbon=burnt + drawn * series.average_carbon,
        marginal_carbon=burnt + (drawn - additional) * series.marginal_carbon,
    )


def _settled(scenario: Scenario, item: Finalist, load: Array) -> tuple[Settlement, ...]:
    """The contracts of the first year."""
    plant = item.plant
    portfolio = plant.specs.portfolio
    return portfolio.settle(
        market_price=portfolio.grid.price(plant.series.price_shape),
        year=plant.first_year + scenario.years[0],
        capacities=contracted(plant, load.mean()),
        shapes=[plant.series.shapes[name] for name in plant.covered.shapes],
    )


def _conditions(hourly: _Hourly) -> dict[str, Any]:
    """Plant, prices and sources in the mean of the year and in named hours of it."""
    heat = hourly.cooling[:, -1]
    named = {
        "design-day": (_ranked(heat, DESIGN_DAY), "hotter in 0.4 % of the hours, by what cooling takes at full load"),
        "heat-wave": (_ranked(heat, 1.0), "the hour in which cooling takes most at full load"),
        "median-price": (_ranked(hourly.market, MEDIAN), "dearer in half of the hours, by the market's price"),
        "price-spike": (_ranked(hourly.market, SPIKE), "dearer in 0.1 % of the hours, by the market's price"),
    }
    year = np.arange(HOURS_PER_YEAR)
    mean = {"what": "the mean over the year, weighted by the IT power of the hours", "hour": None}
    made = {"mean": mean | _condition(hourly, year)}
    for name, (hour, what) in named.items():
        made[name] = {"what": what, "hour": hour} | _condition(hourly, np.array([hour]))
    return made


def _ranked(values: Array, share: float) -> int:
    """The hour that so large a share of the hours does not exceed."""
    place = min(int(share * len(values)), len(values) - 1)
    return int(np.argsort(values, kind="stable")[place])


def _condition(hourly: _Hourly, hours: Array) -> dict[str, Any]:
    """Means over some hours, weighted by IT power."""
    weight = hourly.weight[hours] / hourly.weight[hours].sum()

    def mean(values: Array) -> Any:
        return weight @ values[hours]

    return {
        "cooling": {"unit": "W per W of IT, by load", "values": _figures(mean(hourly.cooling))},
        "water": {"unit": "m3 per J of IT, by load", "values": _figures(mean(hourly.water))},
        "warmer": {"value": float(mean(hourly.warmer)), "unit": "K"},
        "market_price": {"value": float(mean(hourly.market)), "unit": "USD/J"},
        "spending": {"value": float(mean(hourly.spending)), "unit": "USD/J"},
        "carbon": {
            "average": {"value": float(mean(hourly.average_carbon)), "unit": "kg/J"},
            "marginal": {"value": float(mean(hourly.marginal_carbon)), "unit": "kg/J"},
        },
        "sources": {name: float(mean(share)) for name, share in hourly.sources.items()},
    }


def _calendar(item: Finalist, hourly: _Hourly) -> dict[str, Any]:
    """The same for every hour of a month's mean day, January's first hour first; local standard time."""
    cells = calendar_cells()
    count = np.bincount(cells)

    def mean(values: Array) -> list[float]:
        return _figures(np.bincount(cells, weights=values) / count)

    places = [LOADS.index(load) for load in CALENDAR_LOADS]
    return {
        "loads": list(CALENDAR_LOADS),
        "cooling": [mean(hourly.cooling[:, place]) for place in places],
        "water": [mean(hourly.water[:, place]) for place in places],
        "market_price": mean(hourly.market),
        "spending": mean(hourly.spending),
        "average_carbon": mean(hourly.average_carbon),
        "marginal_carbon": mean(hourly.marginal_carbon),
        "warmer": mean(hourly.warmer),
        "sources": {name: mean(share) for name, share in hourly.sources.items()},
        "aligned": bool(item.plant.series.aligned),
    }


def calendar_cells() -> Array:
    """The month and hour of the day of each hour of a year [H], as one number from 0 to 287."""
    months = np.repeat(np.arange(len(MONTH_DAYS)), np.array(MONTH_DAYS) * DAY_HOURS)
    return months * DAY_HOURS + np.arange(HOURS_PER_YEAR) % DAY_HOURS


def _money_entry(scenario: Scenario, item: Finalist, year: int, hourly: _Hourly) -> dict[str, Any]:
    """Dollars of the fleet: those that run on whatever is served, and those that follow energy and water.

    All are levelized over the horizon, so that tokens at the planned mean rate pay the plan's cost. A rent is all-in.
    """
    done = item.done
    middle = money(item.terms, scenario.years).middle
    energy = float(done.costs.get("power", 0.0))
    water = float((done.year.water_cost * middle).sum()) if "power" in done.costs else 0.0
    rest = float(done.present_cost) - energy - water
    rate = float(done.tokens[year]) / SECONDS_PER_YEAR
    joules = float((done.year.meter_energy * middle).sum())
    weight = hourly.weight / hourly.weight.sum()
    return {
        "fixed": {"value": rest / float(done.present_tokens) * rate, "unit": "USD/s"},
        "energy": {"value": energy / joules, "unit": "USD/J"},
        "mean_spending": {"value": float(weight @ hourly.spending), "unit": "USD/J"},
        "water": {"value": float(item.plant.specs.site.water_price) if water else 0.0, "unit": "USD/m3"},
        "energy_is_paid_apart": "power" in done.costs,
    }


def _figures(values: Any) -> list[float]:
    return [float(f"{float(value):.{FIGURES}g}") for value in np.asarray(values).tolist()]
