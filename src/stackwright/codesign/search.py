"""Both halves combined: every pair of a kept point and a plant option, priced and checked.

Costs, energy, water and carbon are sums of products of a fleet's columns with a plant's weights, so a
thermal class is a few matrix products. The answer is the optimum of the whole grid: points that were
dropped before cannot win (see `performance_grid`), and all others are evaluated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stackwright.codesign.eligibility import absent, ineligible
from stackwright.codesign.fronts import undominated
from stackwright.codesign.performance_grid import CellKey, Grid
from stackwright.codesign.plant_grid import OptionCuts, PlantClass, PlantOption, Weights, class_beside, thermals_of
from stackwright.codesign.table import Frame, Point, Table, choices_of
from stackwright.core.errors import StackwrightError
from stackwright.core.parallel import in_order
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.terms import Terms
from stackwright.stack.deployment import Fleet, Money, Unit, columns, fleet_of, money
from stackwright.stack.network import NetworkShare, network_share
from stackwright.stack.offer import OWN_CHIP, PLANTS
from stackwright.stack.parts import Part, Parts
from stackwright.stack.plant import EXCURSIONS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study
from stackwright.stack.unit import apart, unit_of

CHUNK = 2048
MEGAWATT_HOUR = 3.6e9
MILLION = 1e6
WITHIN_CHOICE = ("interface", "release", "serving", "training")
"""Axes of the performance half that a choice of the table leaves open."""
FEASIBLE = 1e-9
"""Excess over a limit that is rounding."""


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
    """What a search found: the best design, the best for each option of each axis, and the value of every design."""

    best: Pick | None = None
    by_option: dict[tuple[str, Any], Pick] = field(default_factory=dict)
    """Best design with each option, out of those that may win; racks also when they may not."""
    barred: dict[str, str] = field(default_factory=dict)
    """Systems that are not to be had, or may not win, and why."""
    misses: dict[str, Pick] = field(default_factory=dict)
    """Per system, the design with the smallest excess over the study's limits; its score is that excess."""
    pairs: int = 0
    feasible_pairs: int = 0
    nearest: tuple[Pick, float] | None = None
    table: Table | None = None
    """Best score of every combination of layer options; None where no row was left to combine."""


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
    """One where the plant is the buyer's own, zero where a rent or a lease includes its upkeep."""
    built: np.ndarray
    """Watts whose plant and building count against a budget; leased ones by what is paid for them over the horizon."""
    cool: np.ndarray
    """Whether a chip at its power cap stays below its throttling temperature."""
    run_time: np.ndarray
    """Seconds that a run keeps the fleet, which serves seconds of itself; zero where requests are served."""


@dataclass(frozen=True)
class Side:
    """Fleets of rows on one system, and the weights of the plant options of their thermal class; rows x options.

    All pools of a fleet are largest in the same year, as each rises with the demand.
    """

    fleet: Physical
    weights: Weights

    @property
    def limit_share(self) -> np.ndarray:
        """Watts at the meter in the worst hour, over the limit of that year, in the tightest year."""
        peak, limit = self.fleet.peak, self.weights.limit
        if (limit == limit[:, :1]).all():
            tightest = peak.max(axis=-1)[:, None] / limit[None, :, 0]
        else:
            years = range(peak.shape[-1])
            tightest = np.maximum.reduce([peak[:, year, None] / limit[None, :, year] for year in years])
        return tightest * self.weights.peak_ratio[None, :]

    @property
    def outlay(self) -> np.ndarray:
        """What counts against a budget: capital, or the rent of the horizon."""
        plant = (self.weights.plant_capex + self.weights.building_capex)[None, :]
        return self.fleet.equipment[:, None] + self.fleet.built[:, None] * plant

    def yearly(self, name: str) -> np.ndarray:
        """Sum over years of a quantity of the plant."""
        idle, busy = self._weights(name)
        return self.fleet.idle.sum(axis=-1)[:, None] * idle + self.fleet.busy.sum(axis=-1)[:, None] * busy

    def by_year(self, name: str) -> np.ndarray:
        """A quantity of the plant by year, years x rows x options."""
        idle, busy = self._weights(name)
        return self.fleet.idle.T[:, :, None] * idle + self.fleet.busy.T[:, :, None] * busy

    def _weights(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        return getattr(self.weights, f"idle_{name}")[None, :], getattr(self.weights, f"busy_{name}")[None, :]


@dataclass(frozen=True)
class Job:
    """Rows to be paired with the options of a thermal class, for each way of sourcing that lets them."""

    index: int
    sides: tuple[PlantClass, ...]
    rows: np.ndarray
    sourcings: tuple[str, ...]
    certain: bool
    """Whether these rows may win; others are only shown."""

    @property
    def plant(self) -> PlantClass:
        """The class of the decode pool, whose options stand for both."""
        return self.sides[0]


@dataclass(frozen=True)
class Scored:
    """What a job gives for one way of sourcing: scores of the rows that can win [R', P], and excess over limits."""

    job: Job
    sourcing: str
    rows: np.ndarray
    score: np.ndarray
    """Infinity where a limit is broken."""
    excess: np.ndarray | None
    """None where no limit is broken by any pair."""


def search(
    study: Study,
    scenario: Scenario,
    grid: Grid,
    classes: list[PlantClass],
    terms: Terms,
    parts: Parts,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    engines: bool = True,
) -> Found:
    """The best design of the grid by the study's objective, and the value of every combination of layer options.

    Without `engines`, what engine and mode a design has is not told: the best of them is all that is asked for.
    """
    found = Found()
    if not len(grid.rows):
        return found
    cash = money(terms, scenario.years)
    jobs = jobs_of(study, grid, classes, parts, found.barred)
    notes = Notes(grid, classes, study.finance.sourcing)
    groups = groups_of(grid) if engines else notes.choices
    scored = in_order(lambda job: scored_by((study,), scenario, grid, job, cash, groups), jobs)
    for number, ways in enumerate(scored):
        if progress:
            progress("combination", number, len(jobs))
        for (one,) in ways:
            notes.take(one)
    notes.into(found, engines=engines)
    return found


def jobs_of(
    study: Study, grid: Grid, classes: list[PlantClass], parts: Parts, barred: dict[str, str] | None = None
) -> list[Job]:
    """All pairs of the halves as jobs; `barred` is told of systems that are not to be had, or may not win."""
    systems = {system.id: system for system in grid.systems}
    rank = {None: 1, "unverified": 0, "absent": -1}
    told: dict[str, str] = {} if barred is None else barred
    standing = {}
    for way in study.finance.sourcing:
        doubts = {name: rank[_doubt(systems[name], parts, way, told)] for name in systems}
        standing[way] = np.array([min(doubts[name] for name in _systems(key)) for key in grid.keys])
    made = []
    for index, plant in enumerate(classes):
        for sides, fitting in _rows_of(grid, classes, plant):
            alike: dict[tuple[bool, bytes], tuple[np.ndarray, list[str]]] = {}
            for sourcing in study.finance.sourcing:
                own = standing[sourcing][grid.rows.cell[fitting]]
                for certain in (True, False):
                    rows = fitting[own == int(certain)]
                    if len(rows):
                        alike.setdefault((certain, rows.tobytes()), (rows, []))[1].append(sourcing)
            made += [Job(index, sides, rows, tuple(ways), certain) for (certain, _), (rows, ways) in alike.items()]
    return made


def scored_by(
    studies: Sequence[Study], scenario: Scenario, grid: Grid, job: Job, cash: Money, groups: np.ndarray
) -> list[tuple[Scored, ...]]:
    """The rows of a job that nothing beats in their group [R] of the grid: for each way of sourcing, their scores by
    each of some studies, which differ in their objective.
    """
    (work, fixed), made = _criteria(scenario, grid, job), []
    for way in job.sourcings:
        energy = any(_energy_counts(study, way) for study in studies)
        rows = job.rows[undominated(groups[job.rows], np.concatenate([work, fixed], axis=1) if energy else fixed)]
        sides = sides_rows(scenario, grid, job.sides, rows, cash, sourcing=way)
        made.append(tuple(_scored(study, scenario, job, rows, sides, way, cash) for study in studies))
    return made


def _energy_counts(study: Study, sourcing: str) -> bool:
    """Whether the watts of work bear on a score or a limit: a rent pays for all of them."""
    by_energy = study.objective in ("tokens_per_megawatt_hour", "carbon_per_million_tokens")
    return (
        sourcing != "rent" or by_energy or study.constraints.water is not None or study.constraints.carbon is not None
    )


def _scored(
    study: Study, scenario: Scenario, job: Job, rows: np.ndarray, whole: Sequence[Side], sourcing: str, cash: Money
) -> Scored:
    """Score rows in chunks that stay in a cache."""
    shape = (len(rows), len(job.plant.options))
    score, excess = np.empty(shape), np.empty(shape)
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        chunk = [_sliced(side, part) for side in whole]
        score[part], excess[part] = scores(study, scenario, chunk, cash, rented=sourcing == "rent")
    broken = excess > FEASIBLE
    score[broken] = np.inf
    return Scored(job, sourcing, rows, score, excess if broken.any() else None)


def groups_of(grid: Grid) -> np.ndarray:
    """Rows of one group have one price, power and idle draw a chip, one engine and mode [R]."""
    names = (grid.rows.cell, grid.rows.mode, *(grid.rows.choice[name] for name in ("power_cap", "oversubscription")))
    group = np.zeros(len(grid.rows), dtype=int)
    for values in names:
        _, code = np.unique(values, return_inverse=True)
        group = group * (int(code.max()) + 1) + code.ravel()
    return group


def _criteria(scenario: Scenario, grid: Grid, job: Job) -> tuple[np.ndarray, np.ndarray]:
    """What the rows of one group are judged by, each [R, D]: everything else that is paid for rises with these.

    Watts of a pool's work by year; and its peak watts by year, which chips and their money are multiples of, whether a
    chip gets too hot, and the time that a run takes.
    """
    work, fixed = [], []
    pools = [None] if len(job.sides) == 1 else range(len(job.sides))
    for plant, pool in zip(job.sides, pools, strict=True):
        unit, cool = unit_rows(grid, job.rows, plant, pool)
        made = fleet_of(unit, scenario.requests, scenario.peak, scenario.ramp)
        work.append(made.busy_power * made.load)
        fixed += [made.peak_power, ~cool[:, None]]
    if "run_time" in grid.rows.numbers:
        fixed.append(grid.rows.numbers["run_time"][job.rows, None])
    return np.concatenate(work, axis=1), np.concatenate(fixed, axis=1)


def _systems(key: CellKey) -> tuple[str, ...]:
    return (key.system,) if key.prefill_system is None else (key.system, key.prefill_system)


def _doubt(system: Part, parts: Parts, sourcing: str, barred: dict[str, str]) -> str | None:
    """None where a system may win, ``unverified`` where it is only shown, ``absent`` where it is not to be had."""
    if reason := absent(system, parts, sourcing):
        barred[f"{system.id}, {sourcing}"] = reason
        return "absent"
    if reason := ineligible(system, parts, sourcing):
        barred[f"{system.id}, {sourcing}"] = reason
        return "unverified"
    return None


def pick_of(
    study: Study, scenario: Scenario, grid: Grid, classes: list[PlantClass], terms: Terms, table: Table, point: Point
) -> Pick:
    """The best setting of serving for a design of the table, whose score the table has."""
    choice, sourcing = table.choices[point.choice], table.sourcings[point.sourcing]
    codes = choices_of(grid)[1]
    kind, place = table.coolings[point.cooling], table.places[point.place]
    cash = money(terms, scenario.years)
    for index, plant in enumerate(classes):
        wanted = PlantOption(*kind, *place, table.portfolios[point.portfolio])
        if (plant.cooling, plant.supply_temperature) != kind or wanted not in plant.options:
            continue
        for sides, fitting in _rows_of(grid, classes, plant):
            rows = fitting[codes[fitting] == point.choice]
            if len(rows):
                whole = sides_rows(scenario, grid, sides, rows, cash, sourcing=sourcing)
                score, excess = scores(study, scenario, whole, cash, rented=sourcing == "rent")
                option = plant.options.index(wanted)
                own = np.where(excess[:, option] <= FEASIBLE, score[:, option], np.inf)
                best = int(own.argmin())
                return Pick(int(rows[best]), index, option, sourcing, float(own[best]))
    raise StackwrightError(f"no row of {choice.system} stands under {kind[0]}")


def _rows_of(
    grid: Grid, classes: list[PlantClass], plant: PlantClass
) -> Iterator[tuple[tuple[PlantClass, ...], np.ndarray]]:
    """The rows whose decode pool stands under a class, by the class of their prefill pool where it stands apart."""
    ways = thermals_of(list({system.id: system for system in grid.systems}.values()))
    fits = np.full(len(grid.keys), -2)
    for number, key in enumerate(grid.keys):
        if plant.thermal in ways[key.system]:
            apart = key.prefill_system and class_beside(classes, plant, ways[key.prefill_system])
            fits[number] = -1 if key.prefill_system is None else -2 if apart is None else apart
    for beside in np.unique(fits[fits > -2]):
        sides = (plant,) if beside < 0 else (plant, classes[beside])
        yield sides, np.flatnonzero(fits[grid.rows.cell] == beside)


def sides_of(grid: Grid, classes: list[PlantClass], pick: Pick) -> tuple[PlantClass, ...]:
    """The thermal classes of a pick's systems, decode before prefill."""
    plant = classes[pick.plant_class]
    return next(sides for sides, rows in _rows_of(grid, classes, plant) if pick.row in rows)


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


class Notes:
    """What is remembered of scored jobs, which come one by one."""

    def __init__(self, grid: Grid, classes: list[PlantClass], sourcings: tuple[str, ...]) -> None:
        self._grid, self._classes = grid, classes
        self._frame = Frame.of(grid, classes, sourcings)
        self._score = np.full(self._frame.shape, np.inf)
        self._fits = np.zeros(self._frame.shape[:2], dtype=bool)
        self._sure = np.zeros((len(self._frame.choices), len(sourcings)), dtype=bool)
        self._of_row = {sure: Best.none(len(grid.rows)) for sure in (True, False)}
        self._picks: dict[tuple[str, Any], Pick] = {}
        self._least = Best.none(len(grid.rows))
        self._pairs = self._feasible = 0

    @property
    def choices(self) -> np.ndarray:
        """Number of the choice of each row [R]."""
        return self._frame.choice_of_row

    def take(self, one: Scored) -> None:
        """Note the best of each row, of each option and of each choice of a job."""
        job, rows, way = one.job, one.rows, one.sourcing
        self._pairs += one.score.size
        self._feasible += int(np.isfinite(one.score).sum())
        self._tabulate(one)
        if one.excess is not None:
            self._least.take(job, way, rows, one.excess)
        self._of_row[job.certain].take(job, way, rows, one.score)
        if job.certain:
            self._take_options(job, way, rows, one.score)

    def _tabulate(self, one: Scored) -> None:
        """The best row of each choice under each option."""
        frame, plant = self._frame, one.job.plant
        choice = frame.choice_of_row[one.rows]
        order = np.argsort(choice, kind="stable")
        numbers, starts = np.unique(choice[order], return_index=True)
        best = np.minimum.reduceat(one.score[order], starts, axis=0)
        cooling = frame.cooling_of(plant)
        place, portfolio = frame.places_of(plant)
        self._fits[numbers, cooling] = True
        self._sure[numbers, frame.sourcings.index(one.sourcing)] = one.job.certain
        self._score[numbers[:, None], cooling, place, portfolio, frame.sourcings.index(one.sourcing)] = best

    def _take_options(self, job: Job, way: str, rows: np.ndarray, score: np.ndarray) -> None:
        best = score.argmin(axis=0)
        least = score[best, np.arange(score.shape[1])]
        for place in np.flatnonzero(np.isfinite(least)):
            option = job.plant.options[place]
            pick = Pick(int(rows[best[place]]), job.index, int(place), way, float(least[place]))
            for key in (*plant_values(option), ("finance", way)):
                known = self._picks.get(key)
                if known is None or pick.score < known.score:
                    self._picks[key] = pick

    def into(self, found: Found, *, engines: bool) -> None:
        """All that was noted; of engines and modes only where each was scored."""
        found.pairs, found.feasible_pairs = self._pairs, self._feasible
        found.table = self._table()
        sure, doubted = self._of_row[True], self._of_row[False]
        for axis, (codes, values) in self._grid.labels.items():
            if engines or axis not in WITHIN_CHOICE:
                found.by_option |= {(axis, values[code]): pick for code, pick in sure.picks(codes)}
        codes, values = self._grid.labels["rack"]
        for code, pick in doubted.picks(codes):
            known = found.by_option.get(("rack", values[code]))
            if known is None or pick.score < known.score:
                found.by_option["rack", values[code]] = pick
        found.by_option |= self._picks
        found.best = next((pick for _, pick in sure.picks(np.zeros_like(codes))), None)
        found.misses = {values[code]: pick for code, pick in self._least.picks(codes)}
        if found.best is None and found.misses:
            nearest = min(found.misses.values(), key=lambda pick: pick.score)
            found.nearest = nearest, nearest.score

    def _table(self) -> Table:
        frame = self._frame
        return Table(
            choices=frame.choices,
            coolings=frame.coolings,
            places=frame.places,
            portfolios=frame.portfolios,
            sourcings=frame.sourcings,
            score=self._score,
            fits=self._fits,
            may_win=self._sure,
        )


@dataclass
class Best:
    """The least score of each row of a grid [R], and where it was."""

    score: np.ndarray
    plant_class: np.ndarray
    option: np.ndarray
    sourcing: np.ndarray

    @classmethod
    def none(cls, rows: int) -> Best:
        """Nothing scored yet."""
        none = np.zeros(rows, dtype=int)
        return cls(np.full(rows, np.inf), none, none.copy(), np.full(rows, "", dtype="U16"))

    def take(self, job: Job, way: str, rows: np.ndarray, score: np.ndarray) -> None:
        """Keep the better of what is known and a job's scores [R', P]."""
        option = score.argmin(axis=1)
        least = score[np.arange(len(rows)), option]
        better = least < self.score[rows]
        at = rows[better]
        self.score[at], self.option[at] = least[better], option[better]
        self.plant_class[at], self.sourcing[at] = job.index, way

    def picks(self, codes: np.ndarray) -> Iterator[tuple[int, Pick]]:
        """The best row of each code [R]."""
        order = np.lexsort((self.score, codes))
        for row in order[np.unique(codes[order], return_index=True)[1]]:
            if np.isfinite(self.score[row]):
                place = int(self.plant_class[row]), int(self.option[row]), str(self.sourcing[row])
                yield int(codes[row]), Pick(int(row), *place, float(self.score[row]))


def unit_rows(grid: Grid, rows: np.ndarray, plant: PlantClass, pool: int | None = None) -> tuple[Unit, np.ndarray]:
    """Units of rows under a thermal class, and whether their chips stay cool.

    `pool` is 0 or 1 for the decode or the prefill side of rows whose pools stand on two systems.
    """
    numbers = grid.rows.numbers if pool is None else apart(grid.rows.numbers)[pool]
    wired = _wired(grid, rows, pool)
    made = {name: np.zeros(len(rows)) for name in Unit.__dataclass_fields__}
    cool = np.zeros(len(rows), dtype=bool)
    # what tells models, engines and drafts apart has done its part in the rows' numbers
    for here, hardware, precision in _alike(grid, rows, pool, "precision"):
        taken = rows[here]
        drawn = unit_of(
            hardware,
            precision=precision,
            power_cap=grid.rows.choice["power_cap"][taken],
            network=NetworkShare(**{name: values[here] for name, values in wired.items()}),
            numbers={name: values[taken] for name, values in numbers.items()},
            coolant_temperature=plant.coolant_temperature,
            junction_resistance=plant.junction_resistance,
            supply_scale=plant.supply_scale,
            busbar_scale=plant.busbar_scale,
        )
        for name in made:
            made[name][here] = getattr(drawn.unit, name)
        cool[here] = drawn.margin <= 0
    return Unit(**made), cool


def _wired(grid: Grid, rows: np.ndarray, pool: int | None) -> dict[str, np.ndarray]:
    """Each row's share of its fabric [R]."""
    made = {name: np.zeros(len(rows)) for name in NetworkShare.__dataclass_fields__}
    for here, hardware, _ in _alike(grid, rows, pool, "fabric"):
        share = network_share(hardware.fabric, hardware.system, grid.rows.choice["oversubscription"][rows[here]])
        for name in made:
            made[name][here] = getattr(share, name)
    return made


def _alike(grid: Grid, rows: np.ndarray, pool: int | None, name: str) -> Iterator[tuple[np.ndarray, Any, str]]:
    """Places of rows on one system that agree in one word of their cell's key, with their hardware and that word."""
    kinds: dict[tuple[str, str], int] = {}
    codes = np.zeros(len(grid.keys), dtype=int)
    examples: list[int] = []
    for number, key in enumerate(grid.keys):
        kind = (str(key.prefill_system) if pool == 1 else key.system, getattr(key, name))
        if kind not in kinds:
            kinds[kind] = len(kinds)
            examples.append(number)
        codes[number] = kinds[kind]
    found = codes[grid.rows.cell[rows]]
    for code in np.unique(found):
        cell = grid.cells[examples[code]]
        hardware = cell.hardware if pool is None else cell.pools[pool]
        yield np.flatnonzero(found == code), hardware, getattr(grid.keys[examples[code]], name)


def sides_rows(
    scenario: Scenario, grid: Grid, classes: tuple[PlantClass, ...], rows: np.ndarray, cash: Money, *, sourcing: str
) -> list[Side]:
    """The rows' fleets by system: all of it, or the decode and the prefill pool, each under its thermal class."""
    pools = [None] if len(classes) == 1 else range(len(classes))
    return [
        Side(physical_rows(scenario, grid, plant, rows, cash, sourcing=sourcing, pool=pool), plant.weights)
        for plant, pool in zip(classes, pools, strict=True)
    ]


def physical_rows(
    scenario: Scenario,
    grid: Grid,
    plant: PlantClass,
    rows: np.ndarray,
    cash: Money,
    *,
    sourcing: str,
    pool: int | None = None,
) -> Physical:
    """Columns of the rows' fleets; where the volume is open, per unit of peak request rate."""
    unit, cool = unit_rows(grid, rows, plant, pool)
    unit = _offered(grid, rows, unit, sourcing, pool)
    made = fleet_of(unit, scenario.requests, scenario.peak, scenario.ramp)
    standing, rented = PLANTS[sourcing], sourcing == "rent"
    table = columns(unit, made, cash, rented=rented)
    built = made.peak_power.max(axis=-1) * (0.0 if rented else 1.0)
    if standing == "leased":  # a lease is paid on the capital of what is leased, so it stands where capital stood
        paid = made.peak_power * _lease_rates(grid, len(scenario.years))
        table[:, 2:4] = (paid * cash.middle).sum(axis=-1, keepdims=True)
        built = paid.sum(axis=-1)
    return Physical(
        columns=table,
        idle=made.idle_power,
        busy=made.busy_power * made.load,
        peak=made.peak_power,
        equipment=_equipment(unit, made, cash, rented=rented),
        owned=np.full(len(rows), 1.0 if standing == "own" else 0.0),
        built=built,
        cool=cool,
        run_time=grid.rows.numbers["run_time"][rows] if "run_time" in grid.rows.numbers else np.zeros(len(rows)),
    )


def _offered(grid: Grid, rows: np.ndarray, unit: Unit, sourcing: str, pool: int | None) -> Unit:
    """Units whose chips are the buyer's own at the price of their program; others cost what their records say."""
    if sourcing not in OWN_CHIP:
        return unit
    cell = grid.rows.cell[rows]
    prices = np.zeros(len(grid.keys))
    for number in np.unique(cell):
        key = grid.keys[number]
        system = str(key.prefill_system) if pool == 1 else key.system
        prices[number] = grid.offers[system, sourcing].system_price
    return replace(unit, system_price=prices[cell])


def _lease_rates(grid: Grid, years: int) -> np.ndarray:
    """Lease of each year over the capital of what is leased [Y]; a study has one lease for all its systems."""
    lease = next(one for (_, way), one in grid.offers.items() if PLANTS[way] == "leased")
    return np.broadcast_to(lease.lease_rates(np.arange(float(years))), (years,))


def _equipment(unit: Unit, made: Fleet, cash: Money, *, rented: bool) -> np.ndarray:
    """What a budget has to cover beside the plant [R]."""
    if rented:
        return made.chips.sum(axis=-1) * unit.rent * SECONDS_PER_YEAR
    return made.bought(cash.spares).max(axis=-1) * unit.system_price + made.chips.max(axis=-1) * unit.network_price


def _sliced(side: Side, part: slice | np.ndarray) -> Side:
    """Some of the rows."""
    rows = {name: getattr(side.fleet, name)[part] for name in Physical.__dataclass_fields__}
    return Side(Physical(**rows), side.weights)


def scores(
    study: Study, scenario: Scenario, sides: Sequence[Side], cash: Money, *, rented: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Score to minimize, and the largest margin (positive is violated), rows x options.

    The sides of a fleet add up: in cost, energy, water, carbon, and at the meter.
    """
    share = _limit_share(sides)
    volume = _volume(scenario, study, sides, share)
    excess = np.array(np.broadcast_to(_fixed_margins(sides), share.shape))
    for _, margin in _load_margins(study, sides, share, volume):
        np.maximum(excess, margin, out=excess)
    if scenario.requests is None and study.constraints.budget is None:
        excess[share <= 0.0] = 1.0  # nothing says how much of such a site is to be filled
    name, weights = study.objective, sides[0].weights
    tokens = present_tokens(scenario, cash) * weights.availability[None, :]
    yearly = scenario.lengths.output_mean * _served(scenario) * SECONDS_PER_YEAR
    if name == "tokens_per_second":
        mean_share = scenario.lengths.output_mean * float(_served(scenario).mean())
        score = -volume * (mean_share * weights.availability[None, :])
    elif name == "tokens_per_megawatt_hour":
        energy = sum(side.yearly("energy") for side in sides)
        score = -yearly.mean() * MEGAWATT_HOUR / (energy / len(scenario.years))
    elif name == "carbon_per_million_tokens":
        carbon = sum(side.yearly("carbon") for side in sides)
        score = carbon / len(scenario.years) / yearly.mean() * MILLION
    else:
        cost = sum(total_cost(side, cash, rented=rented) for side in sides)
        if not rented:
            cost = cost + whole_cost(sides, cash, volume)
        if name == "npv":
            assert scenario.token_price is not None
            score = -(tokens * scenario.token_price - cost) * volume
        elif name == "cost_per_run":
            score = cost * (sides[0].fleet.run_time[:, None] / tokens)
        else:
            score = cost * (MILLION / tokens)
    return score, excess


def _limit_share(sides: Sequence[Side]) -> np.ndarray:
    first, *others = (side.limit_share for side in sides)
    return sum(others, start=first)


def _served(scenario: Scenario) -> np.ndarray:
    """Mean requests per second by year; per unit of peak rate where the volume is open."""
    if scenario.requests is not None:
        return scenario.requests
    return scenario.ramp * float(scenario.profile.mean())


def present_tokens(scenario: Scenario, cash: Money) -> Any:
    """Output tokens of the horizon, discounted like the costs that they repay."""
    return (_served(scenario) * cash.middle).sum(axis=-1) * scenario.lengths.output_mean * SECONDS_PER_YEAR


def total_cost(side: Side, cash: Money, *, rented: bool) -> np.ndarray:
    """Present dollars of rows x options. Rent is all-in, so nothing but rent is paid for."""
    chunk, weights = side.fleet, side.weights
    table = chunk.columns
    own = table[:, 0:1] + table[:, 1:2]
    if rented:
        return own + 0.0 * weights.opex[None, :]
    opex = (chunk.peak * cash.middle).sum(axis=-1, keepdims=True) * (SECONDS_PER_YEAR * chunk.owned[:, None])
    paid = [table[:, 2:4], opex, chunk.idle * cash.middle, chunk.busy * cash.middle]
    price = [weights.plant_capex[:, None], weights.building_capex[:, None], weights.opex[:, None]]
    prices = np.concatenate([*price, weights.idle_cost, weights.busy_cost], axis=1)
    return own + np.concatenate(paid, axis=1) @ prices.T


def whole_cost(sides: Sequence[Side], cash: Money, volume: Any) -> np.ndarray:
    """Present dollars, per unit of volume, of what is not in proportion to a fleet: rows x options.

    That is the connection, and the energy and water of options whose hours are decided. Cuts are of the
    whole load, so the sides meet inside them.
    """
    weights = sides[0].weights
    middle = np.broadcast_to(cash.middle, weights.limit.shape[1:])
    total = np.zeros((len(sides[0].fleet.idle), len(weights.opex)))
    if weights.yearly_cost.any():
        total += weights.yearly_cost[None, :] * middle.sum() / volume
    if weights.cuts is None:
        return total
    places = np.flatnonzero(weights.decided)
    size = np.broadcast_to(volume, total.shape)[:, places]
    for year, weight in enumerate(middle):
        total[:, places] += weight * _decided_cost(sides, year, size) / size
    return total


def _decided_cost(sides: Sequence[Side], year: int, size: np.ndarray) -> np.ndarray:
    """A year's cost of the options whose hours are decided, rows x options, at sizes of the load.

    Options of one site and portfolio differ by the losses of their redundancy and distribution alone, so the cut that
    is the largest for the first of them is read for all: a bound for the others, as any cut is.
    """
    first = sides[0].weights.cuts
    assert first is not None
    group, base = first.group, first.base
    constant, places = first.constant[base, year], np.arange(len(base))
    pools = [(side.fleet.idle[:, year], side.fleet.busy[:, year], _cuts_of(side)) for side in sides]
    loads = [
        watts[:, None, None] * slope[None, base, year, :]
        for idle, busy, cuts in pools
        for watts, slope in ((idle, cuts.idle), (busy, cuts.busy))
    ]
    knot = (constant[None] + size[:, base, None] * sum(loads)).argmax(axis=-1)
    taken = [np.take_along_axis(load, knot[..., None], axis=-1)[..., 0] for load in loads]
    scaled = sum(
        taken[2 * place][:, group] * cuts.idle_scale + taken[2 * place + 1][:, group] * cuts.busy_scale
        for place, (_, _, cuts) in enumerate(pools)
    )
    return constant[places, knot][:, group] + size * scaled


def _cuts_of(side: Side) -> OptionCuts:
    assert side.weights.cuts is not None
    return side.weights.cuts


def _volume(scenario: Scenario, study: Study, sides: Sequence[Side], share: np.ndarray) -> Any:
    """Peak request rate that fills the tightest of the site's limit and the budget; 1 where it is fixed."""
    if scenario.requests is not None:
        return 1.0
    rate = 1.0 / np.maximum(share, 1e-300)
    if study.constraints.budget is not None:
        rate = np.minimum(rate, study.constraints.budget / sum(side.outlay for side in sides))
    return rate


def _fixed_margins(sides: Sequence[Side]) -> np.ndarray:
    """Margins that hold whatever the load: the cooling's set point, and the chips' temperature."""
    set_point = np.maximum.reduce([side.weights.overload for side in sides]) / EXCURSIONS - 1.0
    cool = np.logical_and.reduce([side.fleet.cool for side in sides])
    return np.maximum(set_point[None, :], np.where(cool, -1.0, 1.0)[:, None])


def _load_margins(
    study: Study, sides: Sequence[Side], share: np.ndarray, volume: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """Margins of the limits that the study sets, each rows x options."""
    limit = study.constraints
    if share.any():
        yield "site power", share * volume - 1.0
    if limit.budget is not None:
        yield "budget", sum(side.outlay for side in sides) * volume / limit.budget - 1.0
    for name, ceiling in (("water", limit.water), ("carbon", limit.carbon)):
        if ceiling is not None:
            by_year: Any = sum(side.by_year(name) for side in sides)
            allowed = max(ceiling * SECONDS_PER_YEAR, 1e-300)
            yield name, by_year.max(axis=0) * volume / allowed - 1.0


def amounts_of(
    study: Study, scenario: Scenario, grid: Grid, classes: list[PlantClass], terms: Terms, pick: Pick
) -> dict[str, float]:
    """What a design amounts to: output tokens/s and watts at the meter in the mean, present dollars and kilograms of
    carbon over the horizon.
    """
    cash, rented = money(terms, scenario.years), pick.sourcing == "rent"
    pools = sides_of(grid, classes, pick)
    sides = sides_rows(scenario, grid, pools, np.array([pick.row]), cash, sourcing=pick.sourcing)
    volume = np.broadcast_to(_volume(scenario, study, sides, _limit_share(sides)), (1, len(sides[0].weights.opex)))
    size, years = float(volume[0, pick.option]), len(scenario.years)
    cost: Any = sum(total_cost(side, cash, rented=rented) for side in sides)
    if not rented:
        cost = cost + whole_cost(sides, cash, volume)
    served = float(_served(scenario).mean()) * scenario.lengths.output_mean

    def total(name: str) -> float:
        return sum(float(side.yearly(name)[0, pick.option]) for side in sides) * size

    return {
        "tokens_per_second": served * size * float(sides[0].weights.availability[pick.option]),
        "facility_power": total("energy") / years / SECONDS_PER_YEAR,
        "present_cost": float(cost[0, pick.option]) * size,
        "carbon": total("carbon"),
    }


def limit_missed(
    study: Study, scenario: Scenario, grid: Grid, classes: list[PlantClass], terms: Terms, pick: Pick
) -> str:
    """Which limit a design exceeds most."""
    option = pick.option
    cash = money(terms, scenario.years)
    rows, pools = np.array([pick.row]), sides_of(grid, classes, pick)
    sides = sides_rows(scenario, grid, pools, rows, cash, sourcing=pick.sourcing)
    share = _limit_share(sides)
    volume = _volume(scenario, study, sides, share)
    margins = {
        "the set point of the cooling": max(float(side.weights.overload[option] / EXCURSIONS - 1.0) for side in sides),
        "the chips' temperature": -1.0 if all(side.fleet.cool[0] for side in sides) else 1.0,
    }
    for name, margin in _load_margins(study, sides, share, volume):
        margins[name] = float(margin[0, option])
    return max(margins, key=lambda name: margins[name])
