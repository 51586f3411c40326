"""Both halves combined: every pair of a kept point and a plant option, priced and checked.

Costs, energy, water and carbon are sums of products of a fleet's columns with a plant's weights, so a
thermal class is a few matrix products. The answer is the optimum of the whole grid: points that were
dropped before cannot win (see `performance_grid`), and all others are evaluated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.eligibility import ineligible, unavailable
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass, PlantOption, Thermal, site_limit, thermals_of
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.terms import Terms
from stackwright.stack.deployment import Fleet, Money, Unit, columns, fleet_of, money
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import EXCURSIONS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study
from stackwright.stack.unit import unit_of

CHUNK = 2048
MEGAWATT_HOUR = 3.6e9
MILLION = 1e6


@dataclass(frozen=True)
class Pick:
    """One design: a kept point, a plant option, who owns the chips; `score` is what the search minimized."""

    row: int
    plant_class: int
    option: int
    sourcing: str
    score: float


@dataclass
class Found:
    """What a search found: the best design, and the best for each option of each axis."""

    best: Pick | None
    by_option: dict[tuple[str, Any], Pick]
    """Best design with each option, out of those that may win; racks also when they may not."""
    barred: dict[str, str]
    """Systems that are not to be had, or may not win, and why."""
    misses: dict[str, Pick]
    """Per system, the design with the smallest excess over the study's limits; its score is that excess."""
    pairs: int
    feasible_pairs: int
    nearest: tuple[Pick, float] | None


@dataclass(frozen=True)
class Physical:
    """A fleet's watts by year and money, for rows of one thermal class: [R, Y] and [R]."""

    columns: np.ndarray
    idle: np.ndarray
    busy: np.ndarray
    peak: np.ndarray
    equipment: np.ndarray
    """Dollars for systems and network; for a rented fleet, its rent over the horizon."""
    owned: np.ndarray
    """One where the plant is the buyer's own, zero where a rent includes it."""
    supply_loss: np.ndarray
    cool: np.ndarray
    """Whether a chip at its power cap stays below its throttling temperature."""
    run_time: np.ndarray
    """Seconds that a run keeps the fleet, which serves seconds of itself; zero where requests are served."""


def search(
    study: Study,
    scenario: Scenario,
    grid: Grid,
    classes: list[PlantClass],
    terms: Terms,
    parts: Parts,
    progress: Callable[[str, int, int], None] | None = None,
) -> Found:
    """The best design of the grid by the study's objective, and the best with each option of each axis."""
    found = Found(best=None, by_option={}, barred={}, misses={}, pairs=0, feasible_pairs=0, nearest=None)
    if not len(grid.rows):
        return found
    cash = money(terms, scenario.years)
    systems = {system.id: system for system in grid.systems}
    ways = thermals_of(list(systems.values()))
    doubts = {
        (name, way): _doubt(systems[name], parts, way, found) for name in systems for way in study.finance.sourcing
    }
    for index, plant in enumerate(classes):
        if progress:
            progress("combination", index, len(classes))
        fitting = _rows_of(grid, ways, plant.thermal)
        for sourcing in study.finance.sourcing:
            for doubt in (None, "unverified"):
                allowed = np.array([doubts[key.system, sourcing] == doubt for key in grid.keys])
                rows = fitting[allowed[grid.rows.cell[fitting]]]
                if len(rows):
                    _class(study, scenario, grid, plant, index, rows, cash, sourcing, found, may_win=doubt is None)
    return found


def _doubt(system: Part, parts: Parts, sourcing: str, found: Found) -> str | None:
    """None where a system may win, ``unverified`` where it is only shown, ``absent`` where it is not to be had."""
    if reason := unavailable(system, sourcing):
        found.barred[f"{system.id}, {sourcing}"] = reason
        return "absent"
    if reason := ineligible(system, parts, sourcing):
        found.barred[f"{system.id}, {sourcing}"] = reason
        return "unverified"
    return None


def _rows_of(grid: Grid, ways: dict[str, list[Thermal]], thermal: Thermal) -> np.ndarray:
    fits = np.array([thermal in ways[key.system] for key in grid.keys])
    return np.flatnonzero(fits[grid.rows.cell])


def _class(
    study: Study,
    scenario: Scenario,
    grid: Grid,
    plant: PlantClass,
    index: int,
    rows: np.ndarray,
    cash: Money,
    sourcing: str,
    found: Found,
    *,
    may_win: bool,
) -> None:
    physical = physical_rows(scenario, grid, plant, rows, cash, rented=sourcing == "rent")
    limits = np.array([site_limit(study, option.site) or np.inf for option in plant.options])
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        chunk = _sliced(physical, part)
        score, excess = scores(study, scenario, chunk, plant, cash, limits, rented=sourcing == "rent")
        allowed = excess <= 1e-9
        found.pairs += score.size
        found.feasible_pairs += int(allowed.sum())
        score[~allowed] = np.inf
        _note(found, grid, plant, index, rows[part], score, sourcing, may_win=may_win)
        if not allowed.all():
            _note_misses(found, grid, index, rows[part], excess, sourcing)
        if may_win and not allowed.any():
            _note_nearest(found, index, rows[part], excess, sourcing)


def _note(
    found: Found,
    grid: Grid,
    plant: PlantClass,
    index: int,
    rows: np.ndarray,
    score: np.ndarray,
    sourcing: str,
    *,
    may_win: bool,
) -> None:
    by_row, by_option = score.argmin(axis=1), score.argmin(axis=0)
    row_best = score[np.arange(len(rows)), by_row]
    option_best = score[by_option, np.arange(score.shape[1])]
    for axis, labels in (grid.labels if may_win else {"rack": grid.labels["rack"]}).items():
        codes, values = labels
        here = codes[rows]
        order = np.lexsort((row_best, here))
        firsts = order[np.unique(here[order], return_index=True)[1]]
        for place in firsts:
            pick = Pick(int(rows[place]), index, int(by_row[place]), sourcing, float(row_best[place]))
            _keep(found, (axis, values[here[place]]), pick, may_win)
    if not may_win:
        return
    for place, option in enumerate(plant.options):
        pick = Pick(int(rows[by_option[place]]), index, place, sourcing, float(option_best[place]))
        for axis, value in plant_values(option):
            _keep(found, (axis, value), pick, may_win)
        _keep(found, ("finance", sourcing), pick, may_win)


def plant_values(option: PlantOption) -> list[tuple[str, Any]]:
    """The option of each plant axis."""
    return [
        ("cooling", option.cooling),
        ("supply_temperature", option.supply_temperature),
        ("datacenter", option.site),
        ("redundancy", option.redundancy),
        ("distribution", option.distribution),
        ("power", option.portfolio),
    ]


def _keep(found: Found, key: tuple[str, Any], pick: Pick, may_win: bool) -> None:
    if not np.isfinite(pick.score):
        return
    if may_win and (found.best is None or pick.score < found.best.score):
        found.best = pick
    known = found.by_option.get(key)
    if known is None or pick.score < known.score:
        found.by_option[key] = pick


def _note_misses(found: Found, grid: Grid, index: int, rows: np.ndarray, excess: np.ndarray, sourcing: str) -> None:
    """The least excess of each system, so that a result can say why a system is not among its answers."""
    codes, names = grid.labels["rack"]
    place = excess.argmin(axis=1)
    least = excess[np.arange(len(rows)), place]
    for code in np.unique(codes[rows]):
        member = np.flatnonzero(codes[rows] == code)
        row = member[least[member].argmin()]
        known = found.misses.get(names[code])
        if known is None or least[row] < known.score:
            found.misses[names[code]] = Pick(int(rows[row]), index, int(place[row]), sourcing, float(least[row]))


def _note_nearest(found: Found, index: int, rows: np.ndarray, excess: np.ndarray, sourcing: str) -> None:
    flat = int(excess.argmin())
    row, option = np.unravel_index(flat, excess.shape)
    miss = float(excess[row, option])
    if found.nearest is None or miss < found.nearest[1]:
        found.nearest = (Pick(int(rows[row]), index, int(option), sourcing, miss), miss)


def unit_rows(grid: Grid, rows: np.ndarray, plant: PlantClass) -> tuple[Unit, np.ndarray, np.ndarray]:
    """Units of rows under a thermal class, their supply losses, and whether their chips stay cool."""
    numbers, choice = grid.rows.numbers, grid.rows.choice
    cell = grid.rows.cell[rows]
    made = {name: np.zeros(len(rows)) for name in Unit.__dataclass_fields__}
    loss, cool = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    for number in np.unique(cell):
        here = np.flatnonzero(cell == number)
        taken = rows[here]
        unit, fits = unit_of(
            grid.cells[number].hardware,
            precision=grid.keys[number].precision,
            power_cap=choice["power_cap"][taken],
            oversubscription=choice["oversubscription"][taken],
            numbers={name: values[taken] for name, values in numbers.items()},
            coolant_temperature=plant.coolant_temperature,
            junction_resistance=plant.junction_resistance,
        )
        for name in made:
            made[name][here] = getattr(unit, name)
        loss[here] = grid.cells[number].hardware.system.supply_loss
        cool[here] = fits <= 0
    return Unit(**made), loss, cool


def physical_rows(
    scenario: Scenario, grid: Grid, plant: PlantClass, rows: np.ndarray, cash: Money, *, rented: bool
) -> Physical:
    """Columns of the rows' fleets; where the volume is open, per unit of peak request rate."""
    unit, loss, cool = unit_rows(grid, rows, plant)
    made = fleet_of(unit, scenario.requests, scenario.peak, len(scenario.years))
    table = columns(unit, made, cash, rented=rented)
    return Physical(
        columns=table,
        idle=made.idle_power,
        busy=made.busy_power * made.load,
        peak=made.peak_power,
        equipment=_equipment(unit, made, cash, rented=rented),
        owned=np.full(len(rows), 0.0 if rented else 1.0),
        supply_loss=loss,
        cool=cool,
        run_time=grid.rows.numbers["run_time"][rows] if "run_time" in grid.rows.numbers else np.zeros(len(rows)),
    )


def _equipment(unit: Unit, made: Fleet, cash: Money, *, rented: bool) -> np.ndarray:
    """What a budget has to cover beside the plant [R]."""
    if rented:
        return made.chips.sum(axis=-1) * unit.rent * SECONDS_PER_YEAR
    return made.bought(cash.spares).max(axis=-1) * unit.system_price + made.chips.max(axis=-1) * unit.network_price


def _sliced(physical: Physical, part: slice) -> Physical:
    """Some of the rows."""
    rows = {name: getattr(physical, name)[part] for name in Physical.__dataclass_fields__}
    return Physical(**rows)


def scores(
    study: Study,
    scenario: Scenario,
    chunk: Physical,
    plant: PlantClass,
    cash: Money,
    limits: np.ndarray,
    *,
    rented: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Score to minimize, and the largest margin (positive is violated), rows x options."""
    weights = plant.weights
    supply = (1.0 - chunk.supply_loss[:, None]) / (1.0 - chunk.supply_loss[:, None] * weights.supply_scale[None, :])
    peak_meter = supply * (chunk.peak.max(axis=-1)[:, None] * weights.peak_ratio[None, :])
    volume = _volume(scenario, study, chunk, weights, supply, peak_meter, limits)
    excess = np.array(np.broadcast_to(_fixed_margins(chunk, weights), supply.shape))
    for _, margin in _load_margins(study, chunk, weights, supply, peak_meter, volume, limits):
        np.maximum(excess, margin, out=excess)
    name = study.objective
    tokens = present_tokens(scenario, cash) * weights.availability[None, :]
    yearly = scenario.lengths.output_mean * _served(scenario) * SECONDS_PER_YEAR
    if name == "tokens_per_second":
        mean_share = scenario.lengths.output_mean * float(scenario.profile.mean())
        score = -volume * (mean_share * weights.availability[None, :])
    elif name == "tokens_per_megawatt_hour":
        energy = _yearly(chunk, weights.idle_energy, weights.busy_energy) * supply
        score = -yearly.mean() * MEGAWATT_HOUR / (energy / len(scenario.years))
    elif name == "carbon_per_million_tokens":
        carbon = _yearly(chunk, weights.idle_carbon, weights.busy_carbon) * supply
        score = carbon / len(scenario.years) / yearly.mean() * MILLION
    else:
        cost = total_cost(chunk, weights, supply, cash, rented=rented)
        if name == "npv":
            assert scenario.token_price is not None
            score = -(tokens * scenario.token_price - cost) * volume
        elif name == "cost_per_run":
            score = cost * (chunk.run_time[:, None] / tokens)
        else:
            score = cost * (MILLION / tokens)
    return score, excess


def _served(scenario: Scenario) -> np.ndarray:
    """Mean requests per second by year; per unit of peak rate where the volume is open."""
    if scenario.requests is not None:
        return scenario.requests
    return np.full(len(scenario.years), float(scenario.profile.mean()))


def present_tokens(scenario: Scenario, cash: Money) -> Any:
    """Output tokens of the horizon, discounted like the costs that they repay."""
    return (_served(scenario) * cash.middle).sum(axis=-1) * scenario.lengths.output_mean * SECONDS_PER_YEAR


def total_cost(chunk: Physical, weights: Any, supply: np.ndarray, cash: Money, *, rented: bool) -> np.ndarray:
    """Present dollars of rows x options. Rent is all-in, so nothing but rent is paid for."""
    table = chunk.columns
    own = table[:, 0:1] + table[:, 1:2]
    if rented:
        return own + 0.0 * supply
    plant = table[:, 2:3] * weights.plant_capex[None, :] + table[:, 3:4] * weights.building_capex[None, :]
    opex = (chunk.peak * cash.middle).sum(axis=-1)[:, None] * weights.opex[None, :] * SECONDS_PER_YEAR
    energy = (chunk.idle * cash.middle) @ weights.idle_cost.T + (chunk.busy * cash.middle) @ weights.busy_cost.T
    return own + (plant + opex + energy) * supply


def _yearly(chunk: Physical, idle: np.ndarray, busy: np.ndarray) -> np.ndarray:
    """Sum over years of a quantity per idle and per busy watt, rows x options."""
    return chunk.idle.sum(axis=-1)[:, None] * idle[None, :] + chunk.busy.sum(axis=-1)[:, None] * busy[None, :]


def _outlay(chunk: Physical, weights: Any, supply: np.ndarray) -> np.ndarray:
    """What counts against a budget: capital, or the rent of the horizon; rows x options."""
    plant = (weights.plant_capex + weights.building_capex)[None, :] * supply
    return chunk.equipment[:, None] + (chunk.peak.max(axis=-1) * chunk.owned)[:, None] * plant


def _volume(
    scenario: Scenario,
    study: Study,
    chunk: Physical,
    weights: Any,
    supply: np.ndarray,
    peak_meter: np.ndarray,
    limits: np.ndarray,
) -> Any:
    """Peak request rate that fills the tightest of the site's limit and the budget; 1 where it is fixed."""
    if scenario.requests is not None:
        return 1.0
    rate = limits[None, :] / peak_meter
    if study.constraints.budget is not None:
        rate = np.minimum(rate, study.constraints.budget / _outlay(chunk, weights, supply))
    return rate


def _fixed_margins(chunk: Physical, weights: Any) -> np.ndarray:
    """Margins that hold whatever the load: the cooling's set point, and the chips' temperature."""
    set_point = weights.overload / EXCURSIONS - 1.0
    return np.maximum(set_point[None, :], np.where(chunk.cool, -1.0, 1.0)[:, None])


def _load_margins(
    study: Study,
    chunk: Physical,
    weights: Any,
    supply: np.ndarray,
    peak_meter: np.ndarray,
    volume: Any,
    limits: np.ndarray,
) -> Iterator[tuple[str, np.ndarray]]:
    """Margins of the limits that the study sets, each rows x options."""
    limit = study.constraints
    if np.isfinite(limits).any():
        yield "site power", peak_meter * (volume / limits[None, :]) - 1.0
    if limit.budget is not None:
        yield "budget", _outlay(chunk, weights, supply) * volume / limit.budget - 1.0
    for name, ceiling, idle, busy in (
        ("water", limit.water, weights.idle_water, weights.busy_water),
        ("carbon", limit.carbon, weights.idle_carbon, weights.busy_carbon),
    ):
        if ceiling is not None:
            by_year = chunk.idle.T[:, :, None] * idle[None, None, :] + chunk.busy.T[:, :, None] * busy[None, None, :]
            allowed = max(ceiling * SECONDS_PER_YEAR, 1e-300)
            yield name, by_year.max(axis=0) * supply * volume / allowed - 1.0


def limit_missed(
    study: Study, scenario: Scenario, grid: Grid, classes: list[PlantClass], terms: Terms, pick: Pick
) -> str:
    """Which limit a design exceeds most."""
    plant = classes[pick.plant_class]
    cash = money(terms, scenario.years)
    chunk = physical_rows(scenario, grid, plant, np.array([pick.row]), cash, rented=pick.sourcing == "rent")
    weights, option = plant.weights, pick.option
    limits = np.array([site_limit(study, entry.site) or np.inf for entry in plant.options])
    supply = (1.0 - chunk.supply_loss[:, None]) / (1.0 - chunk.supply_loss[:, None] * weights.supply_scale[None, :])
    peak_meter = supply * (chunk.peak.max(axis=-1)[:, None] * weights.peak_ratio[None, :])
    volume = _volume(scenario, study, chunk, weights, supply, peak_meter, limits)
    margins = {
        "the set point of the cooling": float(weights.overload[option] / EXCURSIONS - 1.0),
        "the chips' temperature": -1.0 if chunk.cool[0] else 1.0,
    }
    for name, margin in _load_margins(study, chunk, weights, supply, peak_meter, volume, limits):
        margins[name] = float(margin[0, option])
    return max(margins, key=lambda name: margins[name])
