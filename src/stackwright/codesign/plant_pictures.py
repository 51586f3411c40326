"""Data behind the report's pictures of the plant: cooling through the year, dispatch, energy from source to chip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries, load_site_series
from stackwright.codesign.finalists import Finalist
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.codesign.training_plan import run_of
from stackwright.core.units import SECONDS_PER_HOUR, SECONDS_PER_YEAR, Array
from stackwright.power.contract import Settlement
from stackwright.power.portfolio import flows
from stackwright.power.supply import Dispatch, Supply
from stackwright.stack.chain import Chain, chain_of
from stackwright.stack.evaluate import Hours, hours_of, liquid_shares
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import contracted
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

WEEK = 168
WEEKS = 52
SEASONS = {"winter": 2 * WEEK, "summer": 28 * WEEK}
"""First hours of the weeks that are drawn hour by hour."""
MOST_LINES = 12
DOLLARS_PER_MEGAWATT_HOUR = 3.6e9
LITERS = 1e3
KILOWATT_HOUR = 3.6e6
MEGAWATT = 1e6
TON = 1e3
POINT = 0.01
DURATIONS = np.linspace(0.0, 1.0, 101)
"""Shares of the year's hours at which prices are shown."""
COUNTED = {
    "annual": "counted by the year",
    "hourly": "by the hour",
    "grid": "by the hour, the grid's clean part counts",
}

KINDS = (
    ("nuclear", "nuclear"),
    ("reactor", "nuclear"),
    ("wind", "wind"),
    ("solar", "solar"),
    ("hydro", "hydro"),
    ("geothermal", "geothermal"),
    ("fuel-cell", "fuel cell"),
    ("gas", "gas"),
    ("battery", "storage"),
    ("iron-air", "storage"),
)
"""Words of a record's technology or id, and the kind of source that they mean."""
FLAT_AND_CLEAN = "nuclear"
"""Kind of a contract whose record names no technology: flat and without carbon is what reactors sell."""


def plant_pictures(study: Study, scenario: Scenario, parts: Parts, item: Finalist) -> dict[str, Any]:
    """All series of the plant that the report draws; plain lists."""
    hours = supply_hours(scenario, item)
    return {
        "energy_flow": energy_flow(scenario, item, hours),
        "hours": hourly_series(scenario, item),
        "cooling_year": cooling_year(study, scenario, parts, item),
        "dispatch": dispatch(hours),
        "hour_prices": hour_prices(hours),
    }


@dataclass(frozen=True)
class Source:
    """One source of energy with its hours."""

    name: str
    kind: str
    power: Array
    """[H] in watts"""


@dataclass(frozen=True)
class SupplyHours:
    """A year at the meter, by the hour [H]: what serves the load, and where else energy goes."""

    load: Array
    """As planned; `served` is what is left of it after moving and pausing."""
    served: Array
    price: Array
    """USD/J at the market."""
    worth: Array
    """USD/J of one more joule of load."""
    foreseen: bool
    """Whether the hours were decided, with all of the year known in advance."""
    sources: tuple[Source, ...]
    sinks: tuple[Source, ...]
    """Charged, curtailed and exported; sources and what is unserved less these are what is served."""
    unserved: Array
    sold: Array
    """Contract energy that the load did not take, sold at the market before it reaches the meter."""


def source_kind(part: Part) -> str:
    """The kind of source that a contract's or plant's record describes: by its technology, its id, else its shape."""
    text = part.record.text
    words = f"{text.get('technology') or ''} {part.id} {part.name}".lower()
    found = next((kind for word, kind in KINDS if word in words), None)
    if found is not None:
        return found
    shape = str(text.get("shape") or "")
    if shape == "flat" and not float(getattr(part.spec, "carbon", 1.0)):
        return FLAT_AND_CLEAN
    return shape if shape in ("wind", "solar") else "other"


def first_hours(scenario: Scenario, item: Finalist) -> Hours:
    """The first year of a design, hour by hour."""
    liquid = liquid_shares(item.cell, item.plant.specs)
    return hours_of(item.plant, scenario, item.done.fleet, item.design.supply_temperature, liquid)


def supply_hours(scenario: Scenario, item: Finalist) -> SupplyHours:
    """The first year's sources by the hour: out of its dispatch, or as contracts flow where nothing is dispatched."""
    load = first_hours(scenario, item).meter
    plant, portfolio = item.plant, item.plant.specs.portfolio
    market = portfolio.grid.price(plant.series.price_shape)
    settled = portfolio.settle(
        market_price=market,
        year=plant.first_year + scenario.years[0],
        capacities=contracted(plant, load.mean()),
        shapes=[plant.series.shapes[name] for name in plant.covered.shapes],
    )
    contracts = [item.parts[f"contracts.{index}"] for index in range(len(settled))]
    if item.done.dispatched:
        first = item.done.dispatched[0]
        return _dispatched(item, contracts, settled, first.problem, first.answer)
    none = np.zeros_like(load)
    flow = flows(load=load, settled=settled)
    taken = [
        Source(part.name, source_kind(part), none + power) for part, power in zip(contracts, flow.taken, strict=True)
    ]
    return SupplyHours(
        load=load,
        served=load,
        price=none + market,
        worth=none + market + portfolio.grid.delivery_charge,
        foreseen=False,
        sources=(*(source for source in taken if source.power.any()), Source("grid", "grid", none + flow.bought)),
        sinks=(),
        unserved=none,
        sold=none + flow.surplus,
    )


def _dispatched(
    item: Finalist, contracts: Sequence[Part], settled: Sequence[Settlement], problem: Supply, answer: Dispatch
) -> SupplyHours:
    """The hours of an optimum; contracts share what was taken in proportion to their output."""
    none = np.zeros_like(answer.served)
    offsite = (answer.drawn - answer.bought) / np.maximum(problem.delivered + none, 1e-9)
    named = {part.id: part for part in item.parts.values()}

    def own(name: str, power: Array) -> Source:
        part = named.get(name)
        return Source(part.name, source_kind(part), power) if part else Source(name, "other", power)

    bought = [
        Source(
            part.name,
            source_kind(part),
            none + one.delivered * one.generation * (one.onsite + (1.0 - one.onsite) * offsite),
        )
        for part, one in zip(contracts, settled, strict=True)
    ]
    sources = [
        *bought,
        *(own(name, power) for name, power in answer.output.items()),
        *(own(name, power) for name, power in answer.discharge.items()),
    ]
    sinks = [
        *(own(name, power) for name, power in answer.charge.items()),
        Source("curtailed", "curtailed", none + answer.curtailed),
        Source("exported", "exported", none + answer.exported),
    ]
    return SupplyHours(
        load=problem.load,
        served=answer.served,
        price=none + problem.connection.price,
        worth=none + answer.hour_price,
        foreseen=True,
        sources=(*(source for source in sources if source.power.any()), Source("grid", "grid", none + answer.bought)),
        sinks=tuple(sink for sink in sinks if sink.power.any()),
        unserved=answer.unserved,
        sold=none + answer.surplus,
    )


def dispatch(hours: SupplyHours) -> dict[str, Any]:
    """A winter and a summer week by source, and the sums of the year."""

    def energy(power: Array) -> float:
        return float(power.sum() * SECONDS_PER_HOUR)

    def sums(sources: Sequence[Source]) -> list[dict[str, Any]]:
        return [{"name": one.name, "kind": one.kind, "energy": energy(one.power)} for one in sources]

    return {
        "foresight": "perfect" if hours.foreseen else None,
        "weeks": {name: _week(hours, start) for name, start in SEASONS.items()},
        "year": {
            "unit": "J",
            "load": energy(hours.load),
            "served": energy(hours.served),
            "sources": sums(hours.sources),
            "sinks": sums(hours.sinks),
            "unserved": energy(hours.unserved),
            "sold": energy(hours.sold),
        },
    }


def _week(hours: SupplyHours, start: int) -> dict[str, Any]:
    part = slice(start, start + WEEK)

    def rows(sources: Sequence[Source]) -> list[dict[str, Any]]:
        return [{"name": one.name, "kind": one.kind, "power": one.power[part].tolist()} for one in sources]

    return {
        "start_hour": start,
        "load": hours.load[part].tolist(),
        "served": hours.served[part].tolist(),
        "price": (hours.price[part] * DOLLARS_PER_MEGAWATT_HOUR).tolist(),
        "worth": (hours.worth[part] * DOLLARS_PER_MEGAWATT_HOUR).tolist() if hours.foreseen else None,
        "sources": rows(hours.sources),
        "sinks": rows(hours.sinks),
        "unserved": hours.unserved[part].tolist(),
    }


def hour_prices(hours: SupplyHours) -> dict[str, Any]:
    """Prices of the first year's hours in USD/MWh, dearest first: of the market, and of one more joule of load."""

    def falling(price: Array) -> list[float]:
        return (np.quantile(price, 1.0 - DURATIONS) * DOLLARS_PER_MEGAWATT_HOUR).tolist()

    return {"share": DURATIONS.tolist(), "market": falling(hours.price), "worth": falling(hours.worth)}


def marginal_entry(scenario: Scenario, item: Finalist) -> list[dict[str, Any]]:
    """What one more unit of anything is worth in the first year, out of the duals of its dispatch.

    Where nothing is dispatched only the hour's energy has a price: the market's, delivery included.
    """
    hours = supply_hours(scenario, item)
    rows = [_hour_row(hours)]
    if not item.done.dispatched:
        return rows
    first = item.done.dispatched[0]
    problem, answer = first.problem, first.answer
    served = float((problem.load * problem.weights).sum() * SECONDS_PER_HOUR)
    per_year = SECONDS_PER_YEAR * MEGAWATT
    rows.insert(
        0,
        _row(
            "MW of connection",
            (answer.connection_price + answer.reserve_price) * per_year,
            "USD/MW/year",
            "in all hours of the year, with the capacity of its own that it spares",
        ),
    )
    for name, price in ((name, price) for name, price in answer.capacity_prices.items() if price):
        part = next((part.name for part in item.parts.values() if part.id == name), name)
        rows.append(
            _row(f"MW of {part}", price * per_year, "USD/MW/year", "above the most that the study lets be built")
        )
    if problem.water is not None:
        rows.append(_row("m³ of water", answer.water_worth, "USD/m3", "in dry hours, over its price"))
    if np.isfinite(problem.most_carbon):
        rows.append(_row("t of CO₂", answer.carbon_worth * TON, "USD/t", "under the year's limit"))
    if problem.clean is not None:
        note = f"of the load, {COUNTED[problem.clean.counted]}; one point less spares this"
        rows.append(_row("point of clean share", answer.clean_worth * POINT * served, "USD/year", note))
    return rows


def _hour_row(hours: SupplyHours) -> dict[str, Any]:
    low, middle, high = (float(np.quantile(hours.worth, at)) * DOLLARS_PER_MEGAWATT_HOUR for at in (0.0, 0.5, 1.0))
    note = "the median hour of the first year; lowest and highest hour beside it"
    return _row("MWh of load", middle, "USD/MWh", note) | {"low": low, "high": high}


def _row(what: str, value: float, unit: str, note: str) -> dict[str, Any]:
    return {"what": what, "value": float(value) + 0.0, "unit": unit, "low": None, "high": None, "note": note}


def hourly_series(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """The first year: a winter and a summer week of power by use, price and weather."""
    hours = first_hours(scenario, item)
    weeks: dict[str, Mapping[str, list[float]]] = {}
    for name, start in SEASONS.items():
        part = slice(start, start + WEEK)
        weeks[name] = {
            "it": hours.it[part].tolist(),
            "cooling": hours.cooling[part].tolist(),
            "losses": (hours.losses + hours.house)[part].tolist(),
            "price": (hours.price[part] * DOLLARS_PER_MEGAWATT_HOUR).tolist(),
            "dry_bulb": item.plant.series.dry_bulb[part].tolist(),
        }
    return {"weeks": weeks}


def cooling_year(study: Study, scenario: Scenario, parts: Parts, item: Finalist) -> dict[str, Any]:
    """PUE and water by the week, for every cooling of the study that takes the design's racks, at every site.

    The design's own IT power by the hour, chips included, stands for all: `series` has the chosen plant
    and others, `year` all of them.
    """
    path = item.plant.specs.cooling.heat_path
    coolings = [part for name in study.cooling.type if (part := parts.get("cooling", name)).spec.heat_path == path]
    sites = [parts.get("datacenter", name) for name in study.datacenter.site]
    year = study.datacenter.year
    series_of = {site.id: load_site_series(site.record, year=year) for site in sites}
    rows = [_cooled(scenario, item, cooling, site, series_of[site.id]) for site in sites for cooling in coolings]
    drawn = _drawn_sites(rows, len(coolings))
    series = [row for row in rows if row["site"] in drawn]
    return {
        "series": sorted(series, key=lambda row: drawn.index(row["site"])),
        "year": [{key: value for key, value in row.items() if not isinstance(value, list)} for row in rows],
    }


def _cooled(scenario: Scenario, item: Finalist, cooling: Part, site: Part, hours_there: SiteSeries) -> dict[str, Any]:
    """One cooling at one site under the design's fleet."""
    chosen = (cooling.id, site.id) == (item.design.cooling, item.design.site)
    spec = cooling.spec
    temperature = min(max(item.design.supply_temperature, float(spec.supply_minimum)), float(spec.supply_maximum))
    plant = item.plant
    if not chosen:
        specs = replace(plant.specs, cooling=spec, site=site.spec)
        plant = replace(plant, specs=specs, series=hours_there)
    liquid = liquid_shares(item.cell, plant.specs)
    hours = hours_of(plant, scenario, item.done.fleet, temperature, liquid)
    meter, water = hours.meter, hours.water * SECONDS_PER_HOUR * LITERS
    kilowatt_hours = hours.it * SECONDS_PER_HOUR / KILOWATT_HOUR
    return {
        "cooling": cooling.id,
        "cooling_name": cooling.name,
        "site": site.id,
        "site_name": site.name,
        "supply_temperature": temperature,
        "chosen": chosen,
        "mean_pue": float(meter.sum() / hours.it.sum()),
        "peak_pue": float((meter / hours.it).max()),
        "wue": float(water.sum() / kilowatt_hours.sum()),
        "pue": (by_week(meter) / by_week(hours.it)).tolist(),
        "pue_peak": [float(week.max()) for week in weeks_of(meter / hours.it)],
        "water": (by_week(water) / by_week(kilowatt_hours)).tolist(),
    }


def weeks_of(hours: Array) -> list[Array]:
    """A year of hours [H] as weeks; the last has the days that are left over."""
    return np.split(hours, WEEK * np.arange(1, WEEKS))


def by_week(hours: Array) -> Array:
    """Sums by week [W] of a year of hours [H]."""
    return np.array([week.sum() for week in weeks_of(hours)])


def _drawn_sites(rows: Sequence[Mapping[str, Any]], coolings: int) -> list[str]:
    """The chosen site, then those whose best PUE is lowest and highest by turns, as many as a picture holds."""
    chosen = next(row["site"] for row in rows if row["chosen"])
    best: dict[str, float] = {}
    for row in rows:
        best[row["site"]] = min(row["mean_pue"], best.get(row["site"], np.inf))
    others = sorted((site for site in best if site != chosen), key=lambda site: best[site])
    turns = [site for pair in zip(others, reversed(others), strict=True) for site in pair]
    count = max(1, min(4, MOST_LINES // coolings))
    return [chosen, *dict.fromkeys(turns)][:count]


def energy_flow(scenario: Scenario, item: Finalist, hours: SupplyHours) -> dict[str, Any]:
    """Joules per token from the sources to the chips, in the first year.

    `sources` sum to `supply`, and so do `parts`; those behind the meter sum to `meter`. Where load was paused
    or not served, every part behind the meter bears its share.
    """
    token, tokens = tokens_of(scenario, item)
    chain = chain_in(scenario, item)
    idle = sum(
        float(states.idle.chip * pool.chips[0])
        for states, pool in zip(item.done.states, item.done.fleet.pools, strict=True)
    )
    behind = {name: float(watts) for name, watts in chain.parts().items()}
    chips = behind.pop("chips")
    behind |= {"chips, idle": idle, "chips, working": chips - idle}
    served = float((hours.served - hours.unserved).sum() / hours.load.sum())
    per_token = SECONDS_PER_YEAR / tokens
    before, sources = _before_meter(hours)
    parts = before | {name: watts * served for name, watts in behind.items()}
    return {
        "unit": f"J per {token}",
        "supply": sum(parts.values()) * per_token,
        "meter": sum(behind.values()) * served * per_token,
        "it": float(chain.building) * served * per_token,
        "sources": [source | {"value": source["value"] * per_token} for source in sources],
        "parts": {name: watts * per_token for name, watts in parts.items()},
    }


def chain_in(scenario: Scenario, item: Finalist) -> Chain:
    """Watts of a design from its meter to its chips, as means of the first year."""
    done, hours = item.done, first_hours(scenario, item)
    return chain_of(
        item.plant.specs,
        it_power=hours.it,
        full_it_power=done.fleet.peak_power[0],
        cooling=hours.cooling,
        house=hours.house,
        fleets=list(zip(done.units, done.states, done.fleet.pools, strict=True)),
    )


def tokens_of(scenario: Scenario, item: Finalist) -> tuple[str, float]:
    """What a token is to this kind of work, and how many there are in the first year."""
    done = item.done
    if isinstance(item.design, TrainingDesign):
        return "trained token", float(done.tokens[0] * run_of(scenario).run.tokens / done.service.run_time)
    return "output token", float(done.tokens[0])


def _before_meter(hours: SupplyHours) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """What storage loses and what is not used on the site, and the sources, storage left out: mean watts."""
    charged = sum(float(sink.power.mean()) for sink in hours.sinks if sink.kind == "storage")
    given = sum(float(source.power.mean()) for source in hours.sources if source.kind == "storage")
    before = {"lost in storage": charged - given} | {
        sink.name: float(sink.power.mean()) for sink in hours.sinks if sink.kind != "storage"
    }
    sources = [
        {"name": source.name, "kind": source.kind, "value": float(source.power.mean())}
        for source in hours.sources
        if source.kind != "storage"
    ]
    return {name: watts for name, watts in before.items() if watts}, sources
