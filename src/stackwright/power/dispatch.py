"""The cheapest way to serve a load by the hour: sizes of plants, every hour's flows, and the price of everything.

One linear program, with perfect foresight of the hours that it is given. Docs: docs/ideas/dispatch.md.

Plants whose output costs nothing have no hourly columns: they enter the balance as availability times
capacity, and what nobody takes is curtailed. Contract energy that comes over the grid is a credit at the
market price: taking a joule of it and selling it both change the bill by that price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stackwright.core.units import SECONDS_PER_HOUR, Array, Watts
from stackwright.power.supply import Dispatch, Generator, Store, Supply

CARBON_UNIT = 1e-7
"""kg/J, near the rate of grids: the scale of the carbon row."""
SMALL = 2000
"""Hours up to which simplex is quicker than interior points."""


class Unsolved(RuntimeError):
    """The solver found no optimum; the message says what it found."""


def by_hour(value: Array, hours: int) -> Array:
    """A series [H] of a series or one number. Source: definition."""
    return np.broadcast_to(np.asarray(value, dtype=float), (hours,))


@dataclass
class Program:
    """A linear program, written block by block: minimize costs over columns within bounds, rows within bounds."""

    blocks: dict[str, slice] = field(default_factory=dict)
    """Places of the columns, by name."""
    rows: dict[str, slice] = field(default_factory=dict)
    offset: float = 0.0
    _columns: list[tuple[Array, Array, Array]] = field(default_factory=list)
    _bounds: list[tuple[Array, Array]] = field(default_factory=list)
    _entries: list[tuple[Array, Array, Array]] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Columns. Source: definition."""
        return max((place.stop for place in self.blocks.values()), default=0)

    @property
    def height(self) -> int:
        """Rows. Source: definition."""
        return max((place.stop for place in self.rows.values()), default=0)

    def column(self, name: str, size: int, *, cost: Array = 0.0, least: Array = 0.0, most: Array = np.inf) -> None:
        """A block of columns with costs and bounds, each [size] or one number."""
        start = self.width
        self.blocks[name] = slice(start, start + size)
        self._columns.append((by_hour(cost, size), by_hour(least, size), by_hour(most, size)))

    def row(self, name: str, terms: dict[str, Array], *, least: Array = -np.inf, most: Array = np.inf) -> None:
        """A block of rows, one for each hour: the sum of coefficients times the columns of the same hour.

        A block of one column counts in all rows. Blocks that the program does not have are left out.
        """
        size = max(np.size(least), np.size(most), *(self._size(key) for key in terms))
        numbers = self._rows(name, size, least, most)
        for key, value in terms.items():
            if key in self.blocks:
                place = np.arange(self.blocks[key].start, self.blocks[key].stop)
                self._enter(numbers, np.broadcast_to(place, (size,)), by_hour(value, size))

    def total(self, name: str, terms: dict[str, Array], *, least: float = -np.inf, most: float = np.inf) -> None:
        """One row: the sum of coefficients times columns over all hours."""
        number = self._rows(name, 1, least, most)
        for key, value in terms.items():
            if key in self.blocks:
                place = np.arange(self.blocks[key].start, self.blocks[key].stop)
                self._enter(np.repeat(number, len(place)), place, by_hour(value, len(place)))

    def entries(self, name: str, rows: Array, key: str, values: Array) -> None:
        """Coefficients of one block of columns in given rows of a block of rows."""
        place = np.arange(self.blocks[key].start, self.blocks[key].stop)
        self._enter(self.rows[name].start + rows, place, by_hour(values, len(place)))

    def _size(self, key: str) -> int:
        return self.blocks[key].stop - self.blocks[key].start if key in self.blocks else 1

    def _rows(self, name: str, size: int, least: Array, most: Array) -> Array:
        start = self.height
        self.rows[name] = slice(start, start + size)
        self._bounds.append((by_hour(least, size), by_hour(most, size)))
        return np.arange(start, start + size)

    def _enter(self, rows: Array, columns: Array, values: Array) -> None:
        kept = values != 0.0
        self._entries.append((rows[kept], columns[kept], values[kept]))

    def arrays(self) -> dict[str, Array]:
        """Costs, bounds, and the matrix by columns: starts, rows and values."""
        cost, least, most = (np.concatenate(part) for part in zip(*self._columns, strict=True))
        lower, upper = (np.concatenate(part) for part in zip(*self._bounds, strict=True))
        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        return compressed(cost=cost, least=least, most=most, lower=lower, upper=upper, entries=(rows, columns, values))


def solve(problem: Supply, *, method: str | None = None) -> Dispatch:
    """The optimum of a dispatch problem. Perfect foresight of all its hours.

    `method` is one of HiGHS's: simplex, ipx, hipo; None takes what suits the size. Where HiPO is asked for and not
    installed, HiGHS runs simplex, and the status says so.
    Source: linear program of docs/ideas/dispatch.md; Huangfu, Hall, Parallelizing the dual revised simplex method,
    Math. Prog. Comp. 10 (2018).
    """
    return Dispatcher(problem, method=method).solve()


def solve_in_turn(problems: Iterable[Supply]) -> Iterator[Dispatch]:
    """The optima of problems that follow each other, such as years of a campus that grows.

    A problem that differs from the last one in bounds alone starts from its optimum. Source: as of `solve`.
    """
    dispatcher: Dispatcher | None = None
    for problem in problems:
        if dispatcher is not None and dispatcher.fits(problem):
            yield dispatcher.follow(problem)
        else:
            dispatcher = Dispatcher(problem)
            yield dispatcher.solve()


class Dispatcher:
    """One problem kept in the solver: another load starts from the last optimum."""

    def __init__(self, problem: Supply, *, method: str | None = None) -> None:
        self.problem = problem
        self._method = _suited(problem) if method is None else method
        self.unit = float(np.average(problem.load, weights=problem.weights)) / 1000.0
        """Watts that count as one in the program."""
        self.program = _program(problem, self.unit)
        self._highs = _model(self.program.arrays(), self._method, self.program.offset)

    def solve(self, load: Watts | None = None) -> Dispatch:
        """The optimum for a load [H]; None is that of the problem."""
        problem = self.problem
        if load is not None:
            problem = replace(problem, load=load)
            self.program = _program(problem, self.unit)
            _rebound(self._highs, self.program)
        return _read(self._highs, self.program, problem, self.unit, self._method)

    def fits(self, problem: Supply) -> bool:
        """Whether another problem has the same costs and matrix, so that only bounds differ."""
        mine, other = self.program.arrays(), _program(problem, self.unit).arrays()
        return all(np.array_equal(mine[name], other[name]) for name in ("cost", "starts", "rows", "values"))

    def follow(self, problem: Supply) -> Dispatch:
        """The optimum of another problem that fits, by simplex from the last optimum."""
        self.problem, self._method = problem, "simplex"
        self._highs.setOptionValue("solver", self._method)
        return self.solve(problem.load)


def _most_firm(problem: Supply) -> Watts:
    """Capacity of the plants of the reserve at most."""
    assert problem.reserve is not None
    plants: tuple[Generator | Store, ...] = (*problem.generators, *problem.stores)
    return float(sum(plant.most for plant in plants if plant.name in problem.reserve.plants))


def linear_optimum(*, cost: Array, least: Array, matrix: Array, given: Array) -> Array:
    """Columns [N] of the least cost that are at least so much, where a dense matrix [M, N] times them is given.

    Source: linear program.
    """
    rows, columns = np.nonzero(matrix)
    entries = (rows, columns, matrix[rows, columns])
    most = np.full(len(cost), np.inf)
    highs = _model(compressed(cost=cost, least=least, most=most, lower=given, upper=given, entries=entries))
    highs.run()
    if highs.getModelStatus() != highs.getModelStatus().kOptimal:
        raise Unsolved(f"{len(cost)} columns: solver says {highs.modelStatusToString(highs.getModelStatus()).lower()}")
    return np.array(highs.getSolution().col_value)


def compressed(
    *, cost: Array, least: Array, most: Array, lower: Array, upper: Array, entries: tuple[Array, Array, Array]
) -> dict[str, Array]:
    """A program with its matrix by columns: starts, rows and values. Source: definition."""
    rows, columns, values = entries
    order = np.lexsort((rows, columns))
    starts = np.searchsorted(columns[order], np.arange(len(cost) + 1))
    return {
        "cost": cost,
        "least": least,
        "most": most,
        "lower": lower,
        "upper": upper,
        "starts": starts.astype(np.int32),
        "rows": rows[order].astype(np.int32),
        "values": values[order],
    }


def _suited(problem: Supply) -> str:
    """Interior points for a year whose hours are tied to each other, simplex for all that is smaller."""
    tied = problem.stores or problem.generators or problem.clean is not None or problem.flexible is not None
    return "hipo" if tied and len(problem.load) > SMALL else "simplex"


def _model(arrays: dict[str, Array], method: str = "simplex", offset: float = 0.0) -> Any:
    import highspy

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(arrays["cost"]), len(arrays["lower"])
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = arrays["cost"], arrays["least"], arrays["most"]
    lp.row_lower_, lp.row_upper_ = arrays["lower"], arrays["upper"]
    lp.offset_ = offset
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = arrays["starts"], arrays["rows"], arrays["values"]
    highs = highspy.Highs()
    options: dict[str, Any] = {"output_flag": False, "threads": 1, "parallel": "off", "random_seed": 0}
    options |= {"solver": method}
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    return highs


def _rebound(highs: Any, program: Program) -> None:
    arrays = program.arrays()
    columns, rows = (np.arange(size, dtype=np.int32) for size in (program.width, program.height))
    highs.changeColsBounds(len(columns), columns, arrays["least"], arrays["most"])
    highs.changeRowsBounds(len(rows), rows, arrays["lower"], arrays["upper"])
    highs.changeObjectiveOffset(program.offset)


def _program(problem: Supply, unit: Watts) -> Program:
    """The linear program: powers in `unit`, energy in `unit` hours, money in `unit` times USD 0.001/W."""
    hours = len(problem.load)
    weights = problem.weights
    year = float(weights.sum()) * SECONDS_PER_HOUR
    energy = SECONDS_PER_HOUR * 1000.0 * weights
    """Money of one unit at USD 1/J in each hour."""
    capital = year * 1000.0
    meter, flexible, water = problem.connection, problem.flexible, problem.water
    load = problem.load / unit
    price = by_hour(meter.price, hours)
    carbon = by_hour(meter.carbon, hours)
    delivered = by_hour(problem.delivered, hours) / unit
    onsite = by_hour(problem.onsite, hours) / unit
    draw_price = price + meter.delivery_charge + problem.carbon_price * carbon
    counts_carbon = problem.carbon_price > 0.0 or np.isfinite(problem.most_carbon)
    program = Program(offset=-float((energy * price * delivered).sum()))

    program.column("drawn", hours, cost=energy * draw_price, most=by_hour(meter.most, hours) / unit)
    # A load that nothing bounds is served, however dear its peak.
    bounded = np.isfinite(meter.most) | (problem.clean is not None) | np.isfinite(problem.most_carbon)
    program.column("unserved", hours, cost=energy * problem.unserved_cost, most=np.where(bounded, np.inf, 0.0))
    if meter.capacity_charge > 0.0:
        program.column("billed", 1, cost=meter.capacity_charge * capital)
    if meter.most_export > 0.0:
        program.column("exported", hours, cost=-energy * price, most=meter.most_export / unit)
    onsite_counts = (counts_carbon and problem.onsite_carbon > 0.0) or (
        problem.clean is not None and problem.onsite_clean < 1.0
    )
    if onsite.any() and onsite_counts:
        cost = energy * problem.carbon_price * problem.onsite_carbon
        program.column("onsite", hours, cost=cost, most=onsite)
    free = [plant for plant in problem.generators if _is_free(plant, problem)]
    for plant in problem.generators:
        least, most = plant.least / unit, plant.most / unit
        program.column(f"capacity {plant.name}", 1, cost=plant.fixed_cost * capital, least=least, most=most)
        if plant not in free:
            cost = energy * (plant.variable_cost + problem.carbon_price * plant.carbon)
            program.column(f"output {plant.name}", hours, cost=cost)
    for store in problem.stores:
        least, most = store.least / unit, store.most / unit
        program.column(f"capacity {store.name}", 1, cost=store.power_cost * capital, least=least, most=most)
        energy_cost = store.energy_cost * SECONDS_PER_HOUR * capital
        program.column(f"energy {store.name}", 1, cost=energy_cost)
        for name in ("charge", "discharge", "stored"):
            program.column(f"{name} {store.name}", hours)
    if flexible is not None and np.any(flexible.movable):
        room = np.maximum(flexible.headroom * np.average(load, weights=weights) - load, 0.0)
        program.column("moved", hours, least=-flexible.movable * load, most=room)
    if flexible is not None and np.any(flexible.pausable):
        cost = energy * flexible.pause_value
        program.column("paused", hours, cost=cost, most=flexible.pausable * load)
    if water is not None:
        cost = water.price * by_hour(water.water, hours) * weights * 1000.0 / unit
        program.column("wet", hours, cost=cost, most=1.0)
    hourly = problem.clean is not None and problem.clean.counted != "annual"
    attributes = by_hour(problem.attributes, hours) / unit
    if hourly and attributes.any():
        program.column("matched", hours, most=attributes)
    # Nobody may draw energy at a negative price to throw it away: there what is curtailed is the plants' own.
    dump = draw_price < 0.0
    if dump.any():
        program.column("curtailed", hours, most=np.where(dump, np.inf, 0.0))

    terms: dict[str, Array] = {"drawn": 1.0, "unserved": 1.0, "exported": -1.0, "onsite": 1.0, "curtailed": -1.0}
    terms |= {"moved": -1.0, "paused": 1.0, "wet": 0.0 if water is None else by_hour(water.spared, hours) / unit}
    yields: dict[str, Array] = {f"capacity {plant.name}": by_hour(plant.availability, hours) for plant in free}
    terms |= yields | {f"output {plant.name}": 1.0 for plant in problem.generators if plant not in free}
    for store in problem.stores:
        terms |= {f"charge {store.name}": -1.0, f"discharge {store.name}": 1.0}
    given = 0.0 if "onsite" in program.blocks else onsite
    program.row("balance", terms, least=load - given, most=np.where(dump, load - given, np.inf))
    if dump.any():
        terms = {"curtailed": 1.0, "onsite": 0.0} | {key: -value for key, value in yields.items()}
        program.row("curtailed", terms, most=given + np.zeros(hours))
    if "billed" in program.blocks:
        program.row("billed", {"drawn": 1.0, "billed": -1.0}, most=np.full(hours, meter.credited / unit))
    for plant in problem.generators:
        if plant not in free:
            terms = {f"output {plant.name}": 1.0, f"capacity {plant.name}": -by_hour(plant.availability, hours)}
            program.row(f"output {plant.name}", terms, most=np.zeros(hours))
    before = _before(problem)
    for store in problem.stores:
        way = np.sqrt(store.efficiency)
        name = store.name
        terms = {f"stored {name}": 1.0, f"charge {name}": -way, f"discharge {name}": 1.0 / way}
        program.row(f"stored {name}", terms, least=np.zeros(hours), most=np.zeros(hours))
        program.entries(f"stored {name}", np.argsort(before), f"stored {name}", -1.0)
        terms = {f"charge {name}": 1.0, f"discharge {name}": 1.0, f"capacity {name}": -1.0}
        program.row(f"power {name}", terms, most=np.zeros(hours))
        program.row(f"energy {name}", {f"stored {name}": 1.0, f"energy {name}": -1.0}, most=np.zeros(hours))
        longest = store.most_duration / SECONDS_PER_HOUR
        program.total(f"duration {name}", {f"energy {name}": 1.0, f"capacity {name}": -longest}, most=0.0)
        if store.least_duration:
            shortest = store.least_duration / SECONDS_PER_HOUR
            program.total(f"standing {name}", {f"energy {name}": 1.0, f"capacity {name}": -shortest}, least=0.0)
    if problem.reserve is not None and problem.reserve.plants:
        needed = problem.reserve.needed(float(np.average(problem.load, weights=weights)))
        # A load at the edge of what is carried asks for all there may be; whatever lies beyond, limits have to say.
        needed = min(needed, _most_firm(problem))
        program.total("reserve", {f"capacity {name}": 1.0 for name in problem.reserve.plants}, least=needed / unit)
    if flexible is not None and "moved" in program.blocks:
        windows = _windows(problem)
        count = int(windows[-1]) + 1
        program.row("moved", {}, least=np.zeros(count), most=np.zeros(count))
        program.entries("moved", windows, "moved", 1.0)
    if flexible is not None and "paused" in program.blocks:
        budget = flexible.pause_time / year * float((flexible.pausable * load * weights).sum())
        program.total("paused", {"paused": weights / 1000.0}, most=budget / 1000.0)
    if "matched" in program.blocks:
        program.row("matched", {"matched": 1.0, "drawn": -1.0}, most=np.zeros(hours))
    if problem.clean is not None:
        share = _grid_share(problem)
        counted = weights / 1000.0
        left = 1.0 - problem.clean.least
        terms = {"drawn": counted * (1.0 - share), "matched": -counted * (1.0 - share)}
        terms |= {"onsite": counted * (1.0 - problem.onsite_clean), "unserved": left * counted}
        terms |= {f"output {plant.name}": counted * (1.0 - plant.clean) for plant in problem.generators}
        terms |= {"paused": left * counted}
        if water is not None:
            terms |= {"wet": left * counted * by_hour(water.spared, hours) / unit}
        most = left * float((counted * load).sum())
        if not hourly:
            terms |= {"exported": -counted}
            most += float((counted * attributes).sum())
        program.total("clean", terms, most=most)
    if np.isfinite(problem.most_carbon):
        rate = weights / 1000.0 / CARBON_UNIT
        terms = {"drawn": rate * carbon, "onsite": rate * problem.onsite_carbon}
        terms |= {f"output {plant.name}": rate * plant.carbon for plant in problem.generators}
        program.total("carbon", terms, most=problem.most_carbon / _carbon_unit(unit))
    if water is not None and np.isfinite(water.most):
        used = by_hour(water.water, hours) * weights
        program.total("water", {"wet": used * 1000.0 / used.sum()}, most=1000.0 * water.most / used.sum())
    return program


def _carbon_unit(unit: Watts) -> float:
    """Kilograms that count as one in the row of carbon."""
    return unit * SECONDS_PER_HOUR * CARBON_UNIT * 1000.0


def _is_free(plant: Generator, problem: Supply) -> bool:
    """Whether a plant's output costs and counts nothing, so that its hours need no columns."""
    carbon = plant.carbon > 0.0 and (problem.carbon_price > 0.0 or np.isfinite(problem.most_carbon))
    unclean = problem.clean is not None and plant.clean < 1.0
    return not (plant.variable_cost != 0.0 or carbon or unclean)


def _grid_share(problem: Supply) -> Array:
    """Clean share [H] of what is drawn, as the target counts it."""
    hours = len(problem.load)
    counts = problem.clean is not None and problem.clean.counted == "grid"
    return by_hour(problem.connection.clean_share if counts else 0.0, hours)


def _before(problem: Supply) -> Array:
    """The hour before each hour [H]: the year is a circle, and so is each typical day."""
    hours = len(problem.load)
    length = hours if problem.whole_year else hours // problem.days
    hour = np.arange(hours)
    return hour - hour % length + (hour % length - 1) % length


def _windows(problem: Supply) -> Array:
    """Number of the window [H] within which an hour's load may move."""
    hours = len(problem.load)
    assert problem.flexible is not None
    length = max(round(problem.flexible.window / SECONDS_PER_HOUR), 1)
    if not problem.whole_year:
        length = min(length, hours // problem.days)
    return np.arange(hours) // length


def _read(highs: Any, program: Program, problem: Supply, unit: Watts, method: str) -> Dispatch:
    highs.run()
    status = highs.modelStatusToString(highs.getModelStatus())
    info = highs.getInfo()
    found = "optimal"
    if method == "hipo" and info.simplex_iteration_count > 0 and info.ipm_iteration_count <= 0:
        found = "optimal, by simplex: HiPO is not installed (pip install highspy-extras)"
    if status == "Unknown":  # interior points that stopped short of their tolerance
        highs.setOptionValue("solver", "simplex")
        highs.run()
        status, info = highs.modelStatusToString(highs.getModelStatus()), highs.getInfo()
        found = f"optimal, by simplex: {method} stopped short"
    if status != "Optimal":
        raise Unsolved(f"dispatch of {len(problem.load)} hours: solver says {status.lower()}")
    solution = highs.getSolution()
    count = info.simplex_iteration_count, info.ipm_iteration_count, info.crossover_iteration_count
    iterations = sum(max(number, 0) for number in count)
    value, reduced = np.array(solution.col_value), np.array(solution.col_dual)
    dual = np.array(solution.row_dual)
    flows = _flows({name: value[place] * unit for name, place in program.blocks.items()}, problem, unit)
    costs = _costs(flows, problem)
    slopes = {name: reduced[place] for name, place in program.blocks.items()}
    duals = {name: dual[place] for name, place in program.rows.items()}
    prices = _prices(slopes, duals, flows, problem, unit)
    return Dispatch(objective=sum(costs.values()), costs=costs, status=found, iterations=iterations, **flows, **prices)


def _flows(found: dict[str, Array], problem: Supply, unit: Watts) -> dict[str, Any]:
    """Flows of all hours that close every balance, from what the solver found within its tolerance."""
    hours = len(problem.load)
    none = np.zeros(hours)
    meter, flexible, water = problem.connection, problem.flexible, problem.water
    onsite = by_hour(problem.onsite, hours)
    found = {"onsite": onsite, "exported": none, "moved": none, "paused": none, "wet": none} | found
    capacity, output, charge, discharge, stored, energy = {}, {}, {}, {}, {}, {}
    for plant in problem.generators:
        size = capacity[plant.name] = float(np.clip(found[f"capacity {plant.name}"][0], plant.least, plant.most))
        able = by_hour(plant.availability, hours) * size
        output[plant.name] = np.clip(found.get(f"output {plant.name}", able), 0.0, able)
    for store in problem.stores:
        name = store.name
        size = capacity[name] = float(np.clip(found[f"capacity {name}"][0], store.least, store.most))
        energy[name] = max(float(found[f"energy {name}"][0]), 0.0) * SECONDS_PER_HOUR
        charge[name] = np.clip(found[f"charge {name}"], 0.0, size)
        discharge[name] = np.clip(found[f"discharge {name}"], 0.0, size)
        stored[name] = np.clip(found[f"stored {name}"] * SECONDS_PER_HOUR, 0.0, energy[name])
    wet = np.clip(found["wet"] / unit, 0.0, 1.0)
    spared = wet * by_hour(water.spared, hours) if water is not None else none
    most_paused: Array = flexible.pausable * problem.load if flexible is not None else none
    paused = np.clip(found["paused"], 0.0, most_paused)
    served = problem.load + found["moved"] - paused - spared
    exported = np.clip(found["exported"], 0.0, meter.most_export)
    unserved = np.maximum(found["unserved"], 0.0)
    used = np.clip(found["onsite"], 0.0, onsite)
    most = by_hour(meter.most, hours)
    draw_price = meter.price + meter.delivery_charge + problem.carbon_price * by_hour(meter.carbon, hours)
    asked = served + exported + sum(charge.values()) - sum(discharge.values()) - sum(output.values()) - used - unserved
    # What the solver drew only to close its balance within the tolerance is not drawn.
    drawn = np.clip(np.where(draw_price < 0.0, np.maximum(found["drawn"], asked), asked), 0.0, most)
    unserved = unserved + np.maximum(asked - drawn, 0.0)
    curtailed = np.maximum(drawn - asked, 0.0) + onsite - used
    taken = np.minimum(drawn, problem.delivered)
    share, carbon = _clean_share(problem, drawn, output, used, exported, served - unserved), 0.0
    rates = {plant.name: plant.carbon for plant in problem.generators}
    emitted = drawn * meter.carbon + used * problem.onsite_carbon
    emitted = emitted + sum((output[name] * rate for name, rate in rates.items()), start=none)
    carbon = float((emitted * problem.weights).sum() * SECONDS_PER_HOUR)
    return {
        "capacity": capacity,
        "storage_energy": energy,
        "output": output,
        "charge": charge,
        "discharge": discharge,
        "stored": stored,
        "bought": drawn - taken,
        "drawn": drawn,
        "surplus": problem.delivered - taken,
        "exported": exported,
        "curtailed": curtailed,
        "served": served,
        "paused": paused,
        "unserved": unserved,
        "wet": wet,
        "peak": float(drawn.max()),
        "clean_share": share,
        "carbon": carbon,
    }


def _clean_share(
    problem: Supply, drawn: Watts, output: dict[str, Watts], onsite: Watts, exported: Watts, load: Watts
) -> float | None:
    """One less what is not clean over the load: drawn beyond attributes, and the unclean part of plants."""
    if problem.clean is None:
        return None
    attributes = by_hour(problem.attributes, len(load))
    dirty = onsite * (1.0 - problem.onsite_clean)
    dirty = dirty + sum(output[plant.name] * (1.0 - plant.clean) for plant in problem.generators)
    if problem.clean.counted == "annual":
        dirty = dirty + drawn - exported - attributes
    else:
        dirty = dirty + (drawn - np.minimum(drawn, attributes)) * (1.0 - _grid_share(problem))
    weights = problem.weights
    return min(1.0 - float((dirty * weights).sum() / (load * weights).sum()), 1.0)


def _costs(flows: dict[str, Any], problem: Supply) -> dict[str, float]:
    hours = len(problem.load)
    year = float(problem.weights.sum()) * SECONDS_PER_HOUR
    meter, flexible, water = problem.connection, problem.flexible, problem.water

    def paid(power: Watts, price: Array) -> float:
        return float((power * price * problem.weights).sum() * SECONDS_PER_HOUR)

    plants = problem.generators
    used = (flows["wet"] * by_hour(water.water, hours) * problem.weights).sum() if water is not None else 0.0
    return {
        "market": paid(flows["bought"] - flows["surplus"], meter.price),
        "delivery": paid(flows["drawn"], meter.delivery_charge),
        "capacity": max(flows["peak"] - meter.credited, 0.0) * meter.capacity_charge * year,
        "export": -paid(flows["exported"], meter.price),
        "fuel": sum(paid(flows["output"][plant.name], plant.variable_cost) for plant in plants),
        "plants": sum(flows["capacity"][plant.name] * plant.fixed_cost * year for plant in plants),
        "storage": sum(
            (flows["capacity"][store.name] * store.power_cost + flows["storage_energy"][store.name] * store.energy_cost)
            * year
            for store in problem.stores
        ),
        "pause": paid(flows["paused"], flexible.pause_value) if flexible is not None else 0.0,
        "water": float(used * water.price) if water is not None else 0.0,
        "carbon": flows["carbon"] * problem.carbon_price,
        "unserved": paid(flows["unserved"], problem.unserved_cost),
    }


def _prices(
    slopes: dict[str, Array], duals: dict[str, Array], flows: dict[str, Any], problem: Supply, unit: Watts
) -> dict[str, Any]:
    """What the rows and bounds of the optimum are worth, in SI."""
    hours, weights, load = len(problem.load), problem.weights, problem.load
    year = float(weights.sum()) * SECONDS_PER_HOUR
    flexible = problem.flexible
    clean = 0.0 if problem.clean is None else -float(duals["clean"][0])
    at_load = np.array(duals["balance"])
    if problem.clean is not None:
        at_load -= clean * (1.0 - problem.clean.least) * weights / 1000.0
    if flexible is not None and "paused" in duals:
        at_load += np.minimum(slopes["paused"], 0.0) * flexible.pausable
        budget = float(duals["paused"][0]) * flexible.pause_time / year * np.asarray(flexible.pausable)
        at_load += budget * weights / 1000.0
    if flexible is not None and "moved" in duals:
        room = flexible.headroom * np.average(load, weights=weights) > load
        full = np.where(room, np.minimum(slopes["moved"], 0.0), 0.0)
        at_load -= np.maximum(slopes["moved"], 0.0) * flexible.movable
        at_load -= full
        at_load += full.sum() * flexible.headroom * weights / weights.sum()
    reserve_price = 0.0
    if "reserve" in duals and problem.reserve is not None:
        slope = problem.reserve.slope(float(np.average(load, weights=weights)))
        at_load += float(duals["reserve"][0]) * slope * weights / weights.sum()
        reserve_price = float(duals["reserve"][0]) / 1000.0 / year
    clean_worth = clean / 1e6 / SECONDS_PER_HOUR
    carbon_worth = -float(duals["carbon"][0]) * unit / 1000.0 / _carbon_unit(unit) if "carbon" in duals else 0.0
    water_worth = 0.0
    if "water" in duals and problem.water is not None:
        used = float((by_hour(problem.water.water, hours) * weights).sum())
        water_worth = -float(duals["water"][0]) * unit / used
    finite = np.isfinite(by_hour(problem.connection.most, hours))
    bounded = np.where(finite, np.minimum(slopes["drawn"], 0.0), 0.0)
    plants: tuple[Generator | Store, ...] = (*problem.generators, *problem.stores)
    names = [plant.name for plant in plants]
    at_most = {name: max(-float(slopes[f"capacity {name}"][0]), 0.0) / 1000.0 / year for name in names}
    return {
        "hour_price": at_load / weights / SECONDS_PER_HOUR / 1000.0,
        "reserve_price": reserve_price,
        "connection_price": -float(bounded.sum()) / 1000.0 / year,
        "capacity_prices": at_most,
        "carbon_worth": carbon_worth,
        "clean_worth": clean_worth,
        "water_worth": water_worth,
    }
