"""Named power contracts of a study, each settled over its whole term against the campus that the plan designs.

A named contract is one whose record has a capacity of its own. It is settled by date and ramp as it is: physical,
financial or attributes. The campus is the design, filled to the site's limit, with the load of its first year in
every year of the term; the market has the level and shape of the site's grid record in every year, which is no
forecast. Ranges are the least and the most over all corners of the record's price, of its plant (capacity factor,
share that is new) and of the market's level.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.plant_pictures import source_kind
from stackwright.core.units import SECONDS_PER_HOUR, SECONDS_PER_YEAR, Array
from stackwright.power.attribute import AttributeContract
from stackwright.power.contract import Contract
from stackwright.power.financial import FinancialContract
from stackwright.power.grid import Grid
from stackwright.power.portfolio import Portfolio
from stackwright.stack.evaluate import hours_of, liquid_shares
from stackwright.stack.parts import Part, Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

SLIP = 2
"""Years by which a deal is late in the case that each entry shows."""
DATES = ("start_year", "interim_year", "full_year", "outage_year")
EQUIVALENT_SYSTEM = "gb200-nvl72"
ENDS = ("low", "value", "high")
MEGAWATT = 1e6
MEGAWATT_HOUR = 3.6e9
KILOGRAMS_PER_TON = 1e3
NO_FORECAST = (
    "In every year the market has the mean level and the shape of the site's grid record, whose range is that of recent"
    " years: no forecast."
)
SAME_LOAD = "In every year the campus draws what it draws in the first year of the horizon."
CORNERS = (
    "Ranges: least and most over the corners of price, plant (capacity factor, share that is new) and market level."
)
COLUMNS = {
    "contracted": "MW",
    "energy": "MWh",
    "delivered": "MWh",
    "bought": "MWh",
    "surplus": "MWh",
    "payments": "USD",
    "collateral_cost": "USD",
    "basis_cost": "USD",
    "energy_cost": "USD",
    "net_cost": "USD",
    "credited": "MW",
    "added_clean": "MWh",
    "clean_annual": "1",
    "clean_hourly": "1",
    "carbon_average": "t",
    "carbon_contracts": "t",
    "carbon_marginal": "t",
    "carbon_avoided": "t",
}
"""What a deal has by calendar year, and its unit. `delivered` is what the load takes of the deal's energy, `bought`
what it still buys from the grid; `energy_cost` is the campus's whole bill, `net_cost` that less the bill without the
deal; `carbon_avoided` is at the margin, against the campus without the deal."""
MEANS = ("contracted", "credited", "clean_annual", "clean_hourly")
"""Columns whose total is a mean of the years that lie whole in the term; all others are summed."""


@dataclass(frozen=True)
class Campus:
    """The load that a deal is settled against."""

    load: Array
    """At the meter [H]."""
    peak: float
    """Most that the meter may draw, in watts."""
    joules_per_token: float
    meter_watts_per_chip: float
    pue: float
    """In the worst hour."""


def campus_of(scenario: Scenario, item: Finalist) -> Campus:
    """The design's campus, filled to its site's limit."""
    done = item.done
    liquid = liquid_shares(item.cell, item.plant.specs)
    hours = hours_of(item.plant, scenario, done.fleet, item.design.supply_temperature, liquid)
    peak = float(done.fleet.peak_power[0] * done.peak_ratio)
    filled = 1.0 if item.site_limit is None else item.site_limit / peak
    return Campus(
        load=(hours.it + hours.cooling + hours.house + hours.losses) * filled,
        peak=peak * filled,
        joules_per_token=float(done.year.meter_energy.sum() / done.tokens.sum()),
        meter_watts_per_chip=peak / float(done.fleet.chips[0]),
        pue=float(done.peak_ratio),
    )


def named_contracts(study: Study, parts: Parts) -> list[Part]:
    """Contracts of any portfolio of the study whose record has a capacity of its own, each once."""
    ids = dict.fromkeys(entry.contract for menu in study.power.portfolio for entry in menu.contracts)
    found = [parts.get("power", id) for id in ids]
    return [part for part in found if part.spec.capacity is not None]


def deals_entry(study: Study, parts: Parts, scenario: Scenario, item: Finalist) -> list[dict[str, Any]] | None:
    """One entry for each named contract of the study; None where it names none."""
    named = named_contracts(study, parts)
    if not named:
        return None
    campus = campus_of(scenario, item)
    return [settled_deal(parts, item, campus, part) for part in named]


def settled_deal(parts: Parts, item: Finalist, campus: Campus, part: Part) -> dict[str, Any]:
    """A named contract over its whole term: what it gives, what it costs, and what a slip costs."""
    grid, contract, record = item.parts["grid"], part.spec, part.record
    ledger = Ledger(item, campus, str(record.text.get("shape") or "flat"), contract.years())
    middle = ledger.rows(contract, grid.spec)
    late = ledger.rows(slipped(contract, SLIP), grid.spec)
    corners = [
        (ledger.rows(deal, market), ledger.rows(slipped(deal, SLIP), market)) for deal, market in _corners(part, grid)
    ]
    cases = [(middle, late), *corners]
    chosen = {place.id for key, place in item.parts.items() if key.startswith("contracts.")}
    return {
        "contract": part.id,
        "name": part.name,
        "type": record.type,
        "kind": source_kind(part),
        "parties": record.text.get("parties"),
        "settlement": record.text.get("settlement"),
        "what_it_is": record.text.get("what_it_is"),
        "what_it_is_not": record.text.get("what_it_is_not"),
        "in_the_best_plan": part.id in chosen,
        "site": item.parts["site"].name,
        "grid": grid.name,
        "capacity": _of_record(part, "capacity", MEGAWATT, "MW"),
        "start_year": _of_record(part, "start_year", 1.0, "year"),
        "tenor": _of_record(part, "tenor", SECONDS_PER_YEAR, "year"),
        "price": _of_record(part, "price", 1.0 / MEGAWATT_HOUR, "USD/MWh"),
        "capacity_factor": _of_record(part, "capacity_factor", 1.0, "1"),
        "market_price": _ranged([_market(level) for level in _markets(grid)], "USD/MWh"),
        "campus": {
            "limit": {"value": campus.peak / MEGAWATT, "unit": "MW"},
            "mean_load": {"value": float(campus.load.mean()) / MEGAWATT, "unit": "MW"},
        },
        "by_year": {"year": [int(year) for year in ledger.years]}
        | {name: {"values": middle[name].tolist(), "unit": unit} for name, unit in COLUMNS.items()},
        "total": {
            name: _ranged([_total(rows, name) for rows, _ in cases], unit, scale=1e-6 if unit == "MWh" else 1.0)
            | ({"unit": "TWh"} if unit == "MWh" else {})
            for name, unit in COLUMNS.items()
        }
        | {
            "price_paid": _ranged([_price_paid(rows) for rows, _ in cases], "USD/MWh"),
            "grid_price": _ranged([_grid_price(rows, campus) for rows, _ in cases], "USD/MWh"),
        },
        "tokens": _ranged([_tokens(_total(rows, "energy"), campus) for rows, _ in cases], "token"),
        "slip": _slip(contract, campus, cases),
        "security": _security(ledger, middle),
        "equivalence": _equivalence(parts, item, campus, part),
        "notes": [*_meaning(contract), *_elsewhere(part, item), NO_FORECAST, SAME_LOAD, CORNERS],
    }


@dataclass(frozen=True)
class Ledger:
    """Settles a contract against a campus in calendar years."""

    item: Finalist
    campus: Campus
    shape: str
    years: Array

    def rows(self, contract: Contract, grid: Grid) -> dict[str, Array]:
        """`COLUMNS` of every year [Y], security and fee at its end, and whether the whole of it lies in the term."""
        bare = self._bill(Portfolio(grid=grid), (), 0.0)
        settled = [self._row(contract, grid, float(year), bare) for year in self.years]
        whole = [bool((contract.contracted_share(float(year)) > 0.0).all()) for year in self.years]
        return {name: np.array([row[name] for row in settled]) for name in settled[0]} | {"whole": np.array(whole)}

    def _bill(self, portfolio: Portfolio, capacities: tuple[Any, ...], year: float) -> Any:
        series = self.item.plant.series
        return portfolio.annual_energy(
            load=self.campus.load,
            price_shape=series.price_shape,
            average_carbon=series.average_carbon,
            marginal_carbon=series.marginal_carbon,
            grid_clean_share=series.grid_clean_share,
            year=year,
            capacities=capacities,
            shapes=[series.shapes[self.shape]] * len(capacities),
        )

    def _row(self, contract: Contract, grid: Grid, year: float, bare: Any) -> dict[str, float]:
        series = self.item.plant.series
        bill = self._bill(Portfolio(grid=grid, contracts=(contract,)), (contract.capacity,), year)
        deal = contract.settle(
            capacity=contract.capacity,
            shape=series.shapes[self.shape],
            market_price=grid.price(series.price_shape),
            year=year,
        )
        energy = float(deal.generation.sum()) * SECONDS_PER_HOUR
        made = {
            "contracted": np.squeeze(deal.contracted) / MEGAWATT,
            "energy": energy / MEGAWATT_HOUR,
            "delivered": bill.energy_by_contract[0] / MEGAWATT_HOUR,
            "bought": bill.market_energy / MEGAWATT_HOUR,
            "surplus": bill.surplus_energy / MEGAWATT_HOUR,
            "payments": deal.payments,
            "collateral_cost": deal.collateral_cost,
            "basis_cost": deal.basis_cost,
            "energy_cost": bill.energy_cost,
            "net_cost": bill.energy_cost - bare.energy_cost,
            "credited": np.squeeze(deal.credited_capacity) / MEGAWATT,
            "added_clean": deal.clean * deal.additional * energy / MEGAWATT_HOUR,
            "clean_annual": bill.clean_annual,
            "clean_hourly": bill.clean_hourly,
            "carbon_average": bill.carbon.average / KILOGRAMS_PER_TON,
            "carbon_contracts": bill.carbon.annual / KILOGRAMS_PER_TON,
            "carbon_marginal": bill.carbon.marginal / KILOGRAMS_PER_TON,
            "carbon_avoided": (bare.carbon.marginal - bill.carbon.marginal) / KILOGRAMS_PER_TON,
            "collateral": deal.collateral,
            "termination_fee": deal.termination_fee,
        }
        return {name: float(value) for name, value in made.items()}


def slipped(contract: Contract, years: float) -> Contract:
    """The same deal with every date later, within the years of its original term."""
    later = {name: getattr(contract, name) + years for name in DATES if getattr(contract, name) is not None}
    return replace(contract, tenor=contract.tenor - years * SECONDS_PER_YEAR, **later)


def _corners(part: Part, grid: Part) -> Iterable[tuple[Contract, Grid]]:
    """Ends of the price, of the plant (capacity factor, share that is new), and of the market (what energy earns)."""
    for price, plant, market in itertools.product(("low", "high"), repeat=3):
        ends = {"price": price, "capacity_factor": plant, "additional": plant, "energy_value": market}
        values = part.record.values
        changed = {name: getattr(values[name], end) for name, end in ends.items() if name in values}
        level = getattr(grid.record.values["mean_price"], market)
        yield replace(part.spec, **changed), replace(grid.spec, mean_price=level)


def _markets(grid: Part) -> list[Grid]:
    levels = grid.record.values["mean_price"]
    return [grid.spec, *(replace(grid.spec, mean_price=getattr(levels, end)) for end in ("low", "high"))]


def _market(grid: Grid) -> float:
    return float(grid.price(1.0)) * MEGAWATT_HOUR


def _total(rows: Mapping[str, Array], name: str) -> float:
    return float(rows[name][rows["whole"]].mean() if name in MEANS else rows[name].sum())


def _price_paid(rows: Mapping[str, Array]) -> float:
    """USD/MWh of the deal's energy or attributes: payments, basis and security over energy."""
    paid = sum(_total(rows, name) for name in ("payments", "basis_cost", "collateral_cost"))
    return paid / _total(rows, "energy")


def _grid_price(rows: Mapping[str, Array], campus: Campus) -> float:
    """USD/MWh of the campus's energy from the grid alone, delivery and capacity included."""
    used = campus.load.mean() * SECONDS_PER_YEAR / MEGAWATT_HOUR * len(rows["net_cost"])
    return float((_total(rows, "energy_cost") - _total(rows, "net_cost")) / used)


def _tokens(megawatt_hours: float, campus: Campus) -> float:
    return megawatt_hours * MEGAWATT_HOUR / campus.joules_per_token


def _slip(
    contract: Contract, campus: Campus, cases: Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]]
) -> dict[str, Any]:
    """What it costs that every date of a deal is `SLIP` years later, within the years of the original term."""

    def more(name: str) -> list[float]:
        return [_total(late, name) - _total(rows, name) for rows, late in cases]

    lost = [-value for value in more("energy")]
    clean = float(contract.clean)
    idle = float(contract.onsite) * float(contract.delivered)
    return {
        "years": SLIP,
        "cost": _ranged(more("energy_cost"), "USD"),
        "bought_more": _ranged(more("bought"), "TWh", scale=1e-6),
        "clean_energy_lost": _ranged([clean * value for value in lost], "TWh", scale=1e-6),
        "added_clean_lost": _ranged([0.0 - value for value in more("added_clean")], "TWh", scale=1e-6),
        "carbon_more": _ranged([-value for value in more("carbon_avoided")], "t"),
        "tokens_lost": _ranged([idle * _tokens(value, campus) for value in lost], "token"),
        "tokens_lost_if_it_waits": _ranged([_tokens(value, campus) for value in lost], "token"),
        "note": "the campus is on the grid and runs on: no token is lost; one that waits for the plant loses those of"
        " its energy"
        if not idle
        else "the campus stands behind the plant's meter and waits for it",
    }


def _security(ledger: Ledger, rows: Mapping[str, Array]) -> dict[str, Any]:
    """Posted security, and what leaving at the middle of the term costs and spares against the grid alone."""
    middle = len(ledger.years) // 2
    return {
        "posted": {"value": float(rows["collateral"].max()), "unit": "USD"},
        "cost": {"value": _total(rows, "collateral_cost"), "unit": "USD"},
        "leaving_at_the_end_of": int(ledger.years[middle]),
        "termination_fee": {"value": float(rows["termination_fee"][middle]), "unit": "USD"},
        "leaving_spares": {"value": float(rows["net_cost"][middle + 1 :].sum()), "unit": "USD"},
        "note": "neither security nor termination is public: usual terms are assumed",
    }


def _equivalence(parts: Parts, item: Finalist, campus: Campus, part: Part) -> dict[str, Any]:
    """How many chips of a GB200 NVL72 draw at the meter what the deal's plant gives on average."""
    factors = part.record.values["capacity_factor"]
    if item.design.system == EQUIVALENT_SYSTEM and item.design.prefill_system in (None, EQUIVALENT_SYSTEM):
        watts, basis = campus.meter_watts_per_chip, "the plan's peak at the meter over its chips"
    else:
        system = parts.get("rack", EQUIVALENT_SYSTEM).spec
        watts = system.rack_power / system.chips_per_rack * campus.pue
        basis = "the rack's nameplate over its chips, times the plan's meter watts per IT watt in the worst hour"
    return {
        "label": "equivalence",
        "system": parts.get("rack", EQUIVALENT_SYSTEM).name,
        "chips": _ranged([part.spec.capacity * getattr(factors, end) / watts for end in ENDS], "chip", middle=1),
        "meter_watts_per_chip": {"value": watts, "unit": "W"},
        "basis": basis,
        "note": "a measure of size: these chips need not exist, and the deal gives none of them a wire",
    }


def _meaning(contract: Contract) -> list[str]:
    """How the deal is settled, in words."""
    if isinstance(contract, AttributeContract):
        return [
            "Attributes only: all energy of the campus is still bought from the grid, and the price is what the deal's"
            " price, which covers all income of the plant, leaves after what its energy earns."
        ]
    if isinstance(contract, FinancialContract):
        return ["Financial: all energy is bought from the grid, and the deal pays the difference to its price."]
    return ["Physical: the campus takes the energy in its hour, and what it does not take is sold at the market."]


def _elsewhere(part: Part, item: Finalist) -> list[str]:
    """What a reader has to know where plant and campus are in different markets."""
    plant, campus = part.record.text.get("region"), item.parts["site"].record.text.get("carbon_region")
    if not plant or plant == campus:
        return []
    return [f"The plant is in {str(plant).upper()} and the campus is not: energy would have to cross between markets."]


def _of_record(part: Part, name: str, per: float, unit: str) -> dict[str, Any]:
    datum = part.record.values[name]
    return _ranged([getattr(datum, end) / per for end in ENDS], unit, middle=1) | {"kind": datum.kind}


def _ranged(values: list[float], unit: str, *, scale: float = 1.0, middle: int = 0) -> dict[str, Any]:
    """The middle value of several, and the least and most of all."""
    scaled = [float(value) * scale + 0.0 for value in values]
    return {"value": scaled[middle], "low": min(scaled), "high": max(scaled), "unit": unit}
