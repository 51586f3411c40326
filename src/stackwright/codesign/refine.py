"""Power cap and coolant refined between the values of the grid, with a bound on all that lies between.

A box is an interval of power caps and one of supply temperatures, for the points of some cells in some plants. No
design inside it costs less than one that serves at the pace of its highest cap, draws the watts of its lowest cap in
the coldest coolant, and stands in a plant that asks at every turn for the least that either end asks. Boxes whose bound
is no better than the best design known are set aside, the others are split, and designs at their corners are priced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stackwright.chip.power import dynamic_scale
from stackwright.codesign.eligibility import absent, ineligible
from stackwright.codesign.finalists import SENSE
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.performance_grid import MODES, CellKey, Grid
from stackwright.codesign.plant_grid import (
    OptionCuts,
    PlantClass,
    PlantOption,
    Thermal,
    Weights,
    plant_classes,
    thermals_of,
)
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import MILLION, Pick, Side, present_tokens, scores, sides_rows, whole_cost
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.deployment import Money, money
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import Hardware
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import SAME, Study

if TYPE_CHECKING:
    from stackwright.codesign.searched import Searched

TOLERANCE = 1e-3
"""A box is set aside once its bound is within this share of the best design known."""
WATER_DIP = 0.008
"""Per kelvin between two temperatures, by which share a plant between them may take less water than either: towers
evaporate less of the heat at middling temperatures. Measured over the types and sites of the catalog: at most 0.005.
"""
ROUNDS = 14
"""How often boxes are halved at most."""
BUDGET = 40_000_000
"""Pairs of a point and a plant option that may be priced."""
ROWS = 4096
"""Points priced at once."""
ALLOWED = 1e-9
"""Excess over a limit that is rounding."""

MOST = ("availability", "limit")
"""Weights of which more is better; of all others less is."""


class Group(NamedTuple):
    """Points that differ in layout, batch and load alone."""

    key: CellKey
    oversubscription: float
    mode: int


class Place(NamedTuple):
    """What racks of a fleet stand in, at any temperature."""

    decode: Thermal
    prefill: Thermal | None
    cooling: str
    supply_scale: float
    busbar_scale: float


class Built(NamedTuple):
    """A plant option without its cooling."""

    site: str
    redundancy: str
    distribution: str
    portfolio: str


@dataclass(frozen=True)
class Box:
    """An interval of supply temperatures and one of power caps, for groups of points and plant options."""

    place: Place
    sourcing: str
    cold: float
    warm: float
    low: float
    high: float
    groups: tuple[Group, ...]
    options: tuple[Built, ...]


@dataclass(frozen=True)
class Refined:
    """The best design of the refined domain, and how far from it anything there can be."""

    seen: Searched
    """Grids that hold the best design: those of the study, or of its cap and temperature alone."""
    pick: Pick
    value: float
    """Score of the best design, each plant's energy read from its own cuts."""
    grid_value: float
    """The same of the best design of the grid."""
    bound: float
    """Least score that any design of the refined domain can have."""
    grid_bound: float
    """Least score that any design of the grid can have."""
    boxes: int
    evaluated: int
    breaks: tuple[str, ...]
    """Ways in which more chips could pay in this study, so that the bound of the grid may be below its best design."""
    objective: str

    @property
    def gap(self) -> float:
        """Distance of the best design to the bound of the refined domain, as a share."""
        return (self.value - self.bound) / abs(self.value)

    @property
    def grid_gap(self) -> float:
        """The same on the grid itself."""
        return (self.grid_value - self.grid_bound) / abs(self.grid_value)


@dataclass(frozen=True)
class Halves:
    """How the halves of a study with other caps and temperatures are made."""

    grid: Callable[..., Grid]
    classes: Callable[[Study, Parts, Scenario, list[Part]], list[PlantClass]]


def halves_of(study: Study, seen: Searched) -> Halves:
    """Halves whose plants read their decided hours from the curves of the study's own classes: one price for all."""
    return Halves(kind_of(study).grid, partial(plant_classes, curves=seen.curves))


def gap_entry(found: Refined | None) -> dict[str, Any]:
    """What a plan says of the proof, in the unit and with the sign of the objective; `None` where nothing is feasible.

    `gap` and `grid_gap` are shares of the values that they are about. Source: definition.
    """
    if found is None:
        told = ("value", "grid_value", "bound", "grid_bound", "gap", "grid_gap")
        return dict.fromkeys(told) | {"breaks": [], "boxes": 0, "evaluated": 0}
    sign = -1.0 if SENSE[found.objective] == "max" else 1.0
    return {
        "value": sign * found.value,
        "grid_value": sign * found.grid_value,
        "bound": sign * found.bound,
        "grid_bound": sign * found.grid_bound,
        "gap": found.gap,
        "grid_gap": found.grid_gap,
        "breaks": list(found.breaks),
        "boxes": found.boxes,
        "evaluated": found.evaluated,
    }


def refined(study: Study, seen: Searched, halves: Halves | None, dropped: float | None = None) -> Refined | None:
    """The search's best design refined in power cap and supply temperature; None where nothing is feasible.

    Without `halves` the grid alone is bounded. `dropped` is the least score that a point of the grid can have which was
    dropped and not priced, where that is known.
    """
    if seen.found.best is None:
        return None
    return _Refinement(study, seen, halves).result(dropped)


def grid_floors(study: Study, seen: Searched) -> dict[tuple[float, Group], float]:
    """Least score that any point of a group can have at a cap of the grid, those among them that were dropped."""
    return _Refinement(study, seen, None).grid_floors()


class _Refinement:
    """Boxes still open, the best design known, and the least bound of all that was set aside."""

    def __init__(self, study: Study, seen: Searched, halves: Halves | None) -> None:
        self.study, self.seen, self.halves = study, seen, halves
        self.cash = money(terms_of(study, seen.parts), seen.scenario.years)
        self.points = Points(study, seen)
        self.plants = Plants(study, seen)
        self.breaks = tuple(breaks(study, seen))
        self.boxes = self.evaluated = 0
        self.best, self.where = self._of_grid()
        self.grid_value = self.best
        self.floor = np.inf
        self.priced: set[tuple[Place, str, float, float]] = set()

    def result(self, dropped: float | None) -> Refined:
        if dropped is None:
            dropped = min(self.grid_floors().values(), default=np.inf) if self.breaks else np.inf
        grid_bound = min(self._kept_floor(), dropped)
        if self.halves is not None:
            self._run(self.halves)
        seen, pick = self._answer()
        bound = min(self.best, self.floor, grid_bound)
        return Refined(
            seen=seen,
            pick=pick,
            value=self.best,
            grid_value=self.grid_value,
            bound=bound,
            grid_bound=grid_bound,
            boxes=self.boxes,
            evaluated=self.evaluated,
            breaks=self.breaks,
            objective=str(self.study.objective),
        )

    def _of_grid(self) -> tuple[float, Any]:
        pick = self.seen.found.best
        if pick is None:
            return np.inf, None
        grid, plant = self.seen.grid, self.seen.classes[pick.plant_class]
        key = grid.keys[int(grid.rows.cell[pick.row])]
        place = next(
            one
            for one in self.plants.places(key)
            if class_key(plant) == (one.decode, *one[2:], plant.supply_temperature)
        )
        classes = self.plants.at(place, plant.supply_temperature, (built(plant.options[pick.option]),))
        score = self._priced(classes, grid, np.array([pick.row]), pick.sourcing)
        return float(score[0, 0]), None

    def _run(self, halves: Halves) -> None:
        boxes = list(self._first(halves))
        for _ in range(ROUNDS):
            open_boxes = [(box, bound) for whole in boxes for box, bound in self._surviving(whole)]
            if not open_boxes:
                return
            if self.evaluated > BUDGET:
                break
            parts = [half for box, _ in open_boxes for half in self._halves(box)]
            self._prepare(parts, halves)
            boxes = [box for half in parts if (box := self.points.present(half)) is not None]
            self._corners(boxes)
        self.floor = min([self.floor, *(self._least(box) for box in boxes)])

    def _first(self, halves: Halves) -> Iterator[Box]:
        """The whole domain: every interval between neighboring caps, over all temperatures of a cooling."""
        everywhere = {
            place: self.plants.options(place, self.plants.temperatures(place)[0]) for place in self.plants.all_places
        }
        self.plants.solve(
            {(place, t): set(options) for place, options in everywhere.items() for t in self.plants.ends(place)},
            halves,
        )
        for sourcing in self.study.finance.sourcing:
            for place in self.plants.all_places:
                cold, warm = self.plants.ends(place)
                for low, high in self.points.intervals:
                    groups = self.points.groups(high, sourcing, place, self.plants)
                    if groups and (low < high or cold < warm):
                        yield Box(place, sourcing, cold, warm, low, high, groups, everywhere[place])

    def _surviving(self, box: Box) -> Iterator[tuple[Box, float]]:
        """The part of a box that may hold a better design, first by the least of each group, then point by point."""
        for coarse in (True, False):
            table = self._bounds(box, coarse=coarse)
            worth = self.best - TOLERANCE * abs(self.best)
            alive = np.less(table, worth)
            if self.breaks and alive.any():
                # halves of a box that only what was dropped keeps open would stay open as well
                alive &= self._bounds(box, coarse=coarse, priced=True) < worth
            self.floor = min(self.floor, float(table[~alive].min(initial=np.inf)))
            if not alive.any():
                return
            groups = tuple(box.groups[place] for place in np.flatnonzero(alive.any(axis=1)))
            options = tuple(box.options[place] for place in np.flatnonzero(alive.any(axis=0)))
            box = replace(box, groups=groups, options=options)
        yield box, float(table[alive].min())

    def _least(self, box: Box) -> float:
        return float(self._bounds(box, coarse=False).min(initial=np.inf))

    def _bounds(self, box: Box, *, coarse: bool, priced: bool = False) -> np.ndarray:
        """Least score of each group in each plant option of a box; infinity where nothing is feasible.

        `priced` is that of the kept points alone, each at the volume that it can serve.
        """
        self.boxes += 1
        grid, rows, starts = self.points.within(box, coarse=coarse)
        classes = self.plants.between(box.place, box.cold, box.warm, box.options)
        parts = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
        if priced:
            made = [self._priced(classes, grid, part, box.sourcing) for part in parts]
        else:
            made = [self._floors(classes, grid, part, box) for part in parts]
        return np.minimum.reduceat(np.concatenate(made), starts, axis=0)

    def _floors(self, classes: tuple[PlantClass, ...], grid: Grid, rows: np.ndarray, box: Box) -> np.ndarray:
        sides = sides_rows(self.seen.scenario, grid, classes, rows, self.cash, sourcing=box.sourcing)
        steady = self.plants.steadiness(box.place, box.cold, box.warm, box.options)
        rented = box.sourcing == "rent"
        score, excess = floors(self.study, self.seen.scenario, sides, self.cash, rented=rented, steady=steady)
        self.evaluated += score.size
        return np.where(excess <= ALLOWED, score, np.inf)

    def _priced(self, classes: tuple[PlantClass, ...], grid: Grid, rows: np.ndarray, sourcing: str) -> np.ndarray:
        rented = sourcing == "rent"
        sides = sides_rows(self.seen.scenario, grid, classes, rows, self.cash, sourcing=sourcing)
        score, excess = scores(self.study, self.seen.scenario, sides, self.cash, rented=rented)
        self.evaluated += score.size
        return np.where(excess <= ALLOWED, score, np.inf)

    def _halves(self, box: Box) -> list[Box]:
        """The box split along the knob that keeps its bound lower."""
        if box.low < box.high and (box.cold == box.warm or self._by_cap(box)):
            middle = 0.5 * (box.low + box.high)
            return [replace(box, high=middle), replace(box, low=middle)]
        middle = self.plants.middle(box.place, box.cold, box.warm)
        return [replace(box, warm=middle), replace(box, cold=middle)]

    def _by_cap(self, box: Box) -> bool:
        """Whether the caps of a box keep its bound lower than its temperatures do; by their widths where it holds
        temperatures that no design can have.
        """
        colder = self._least(replace(box, warm=box.cold))
        if np.isfinite(colder):
            return self._least(replace(box, low=box.high)) >= colder
        cold, warm = self.plants.ends(box.place)
        return (box.high - box.low) / (self.points.caps[-1] - self.points.caps[0]) >= (box.warm - box.cold) / (
            warm - cold
        )

    def _prepare(self, boxes: Sequence[Box], halves: Halves) -> None:
        """Points at new caps and plants at new temperatures, for all boxes at once."""
        self.points.solve(boxes, halves)
        wanted: dict[tuple[Place, float], set[Built]] = {}
        for box in boxes:
            for temperature in (box.cold, box.warm):
                wanted.setdefault((box.place, temperature), set()).update(box.options)
        self.plants.solve(wanted, halves)

    def _corners(self, boxes: Sequence[Box]) -> None:
        """Price the designs at the corners of boxes."""
        for box in boxes:
            for cap in (box.low, box.high):
                grid, rows, _ = self.points.at(cap, box.groups)
                for temperature in (box.cold, box.warm):
                    mark = (box.place, box.sourcing, temperature, cap)
                    if mark not in self.priced and len(rows):
                        self.priced.add(mark)
                        self._try(box, temperature, cap, grid, rows)

    def _try(self, box: Box, temperature: float, cap: float, grid: Grid, rows: np.ndarray) -> None:
        classes = self.plants.at(box.place, temperature, box.options)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            score = self._priced(classes, grid, part, box.sourcing)
            row, option = np.unravel_index(int(score.argmin()), score.shape)
            if score[row, option] < self.best:
                self.best = float(score[row, option])
                self.where = (box.place, box.sourcing, temperature, cap, int(part[row]), box.options[option])

    def _answer(self) -> tuple[Searched, Pick]:
        """The best design as a pick of grids that hold it."""
        pick = self.seen.found.best
        assert pick is not None
        if self.where is None:
            return self.seen, pick
        place, sourcing, temperature, cap, row, chosen = self.where
        classes = list(self.plants.classes_at(place, temperature))
        option = self.plants.options(place, temperature).index(chosen)
        pick = Pick(row, 0, option, sourcing, self.best)
        found = replace(self.seen.found, best=pick)
        return replace(self.seen, grid=self.points.by_cap[cap], classes=classes, found=found), pick

    def _kept_floor(self) -> float:
        """Least score of what was priced: where wirings share their cuts, what the search says is below their own."""
        pick = self.seen.found.best
        assert pick is not None
        shared = any(plant.weights.cuts is not None for plant in self.seen.classes)
        return min(self.grid_value, pick.score) if shared else self.grid_value

    def grid_floors(self) -> dict[tuple[float, Group], float]:
        """Least score that any point of a group can have at a cap of the grid, those among them that were dropped."""
        least: dict[tuple[float, Group], float] = {}
        for cap in self.points.caps:
            for sourcing in self.study.finance.sourcing:
                for place in self.plants.all_places:
                    groups = self.points.groups(cap, sourcing, place, self.plants)
                    for temperature in self.plants.temperatures(place) if groups else ():
                        options = self.plants.options(place, temperature)
                        box = Box(place, sourcing, temperature, temperature, cap, cap, groups, options)
                        for group, bound in zip(groups, self._least_by_group(box), strict=True):
                            least[cap, group] = min(bound, least.get((cap, group), np.inf))
        return least

    def _least_by_group(self, box: Box) -> np.ndarray:
        """Least score of each group of a box: of its points where the least of each criterion is no proof."""
        least = self._bounds(box, coarse=True).min(axis=1)
        near = np.flatnonzero(least < self.best)
        if len(near):
            some = replace(box, groups=tuple(box.groups[place] for place in near))
            least[near] = self._bounds(some, coarse=False).min(axis=1)
        return least


class Points:
    """The performance half by power cap: the kept points of the grid's caps, and of new ones."""

    def __init__(self, study: Study, seen: Searched) -> None:
        self._study, self._seen = study, seen
        caps = seen.grid.rows.choice["power_cap"]
        self.caps = tuple(float(cap) for cap in sorted(set(study.chip.power_cap)))
        self.by_cap = {cap: _some_rows(seen.grid, np.flatnonzero(caps == cap)) for cap in self.caps}
        self._places: dict[float, dict[Group, np.ndarray]] = {}
        self._least: dict[float, Grid] = {}
        self._slowed: dict[tuple[float, float, bool], Grid] = {}
        self._may_win: dict[tuple[tuple[str, ...], str], bool] = {}

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """Neighboring caps; each alone where no bound between them is known, or where there is one."""
        if len(self.caps) < 2 or not bounded_between_caps(self._study, self._seen.classes):
            return [(cap, cap) for cap in self.caps]
        return list(zip(self.caps[:-1], self.caps[1:], strict=True))

    def of(self, cap: float) -> dict[Group, np.ndarray]:
        """Rows of each group at a cap."""
        if cap not in self._places:
            self._places[cap] = rows_by_group(self.by_cap[cap])
        return self._places[cap]

    def groups(self, cap: float, sourcing: str, place: Place, plants: Plants) -> tuple[Group, ...]:
        """Groups that may win under a sourcing and stand in a place."""
        known = self.of(cap)
        pairs = {(group.key.system, group.key.prefill_system): group.key for group in known}
        fits = {
            pair
            for pair, key in pairs.items()
            if place in plants.places(key) and self.had(systems_named(key), sourcing)
        }
        return tuple(group for group in known if (group.key.system, group.key.prefill_system) in fits)

    def had(self, systems: tuple[str, ...], sourcing: str) -> bool:
        """Whether systems are to be had in this way, at numbers that somebody stands behind."""
        parts, mark = self._seen.parts, (systems, sourcing)
        if mark not in self._may_win:
            found = [parts.get("rack", name) for name in systems]
            self._may_win[mark] = all(
                absent(system, parts, sourcing) is None and ineligible(system, parts, sourcing) is None
                for system in found
            )
        return self._may_win[mark]

    def at(self, cap: float, groups: Iterable[Group]) -> tuple[Grid, np.ndarray, np.ndarray]:
        """Points of groups at a cap, and where each group that has any starts."""
        known = self.of(cap)
        parts = [known[group] for group in groups if group in known]
        starts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
        return self.by_cap[cap], np.concatenate(parts) if parts else np.zeros(0, dtype=int), starts

    def within(self, box: Box, *, coarse: bool) -> tuple[Grid, np.ndarray, np.ndarray]:
        """Points that are at least as good as any of a box: the pace of its highest cap, the watts of its lowest.

        Coarse: one point a group, with the least of each criterion.
        """
        grid, rows, starts = self.at(box.high, box.groups)
        if coarse and not _trains(grid):
            if box.high not in self._least:
                self._least[box.high] = _least_points(grid, self.of(box.high))
            order = {group: place for place, group in enumerate(self.of(box.high))}
            grid, rows = self._least[box.high], np.array([order[group] for group in box.groups])
            starts = np.arange(len(rows))
        if box.low < box.high:
            mark = (box.low, box.high, coarse)
            if mark not in self._slowed:
                self._slowed[mark] = slowed(grid, box.low, box.high)
            grid = self._slowed[mark]
        return grid, rows, starts

    def present(self, box: Box) -> Box | None:
        """The box with the groups that have a point at its highest cap: at a lower one others have none either."""
        known = self.of(box.high)
        groups = tuple(group for group in box.groups if group in known)
        return replace(box, groups=groups) if groups else None

    def solve(self, boxes: Sequence[Box], halves: Halves) -> None:
        """Evaluate the groups of boxes at the caps that are not known."""
        for cap in sorted({cap for box in boxes for cap in (box.low, box.high)} - set(self.by_cap)):
            groups = {group for box in boxes if cap in (box.low, box.high) for group in box.groups}
            study = at_cap(self._study, cap, groups)
            self.by_cap[cap] = halves.grid(study, self._seen.parts, self._seen.scenario)


def rows_by_group(grid: Grid) -> dict[Group, np.ndarray]:
    """Rows of each group of a grid with one power cap."""
    table = np.stack([grid.rows.cell, grid.rows.choice["oversubscription"], grid.rows.mode], axis=1)
    names, codes = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(codes.ravel(), kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes.ravel(), minlength=len(names)))[:-1])
    return {
        Group(grid.keys[int(cell)], float(over), int(mode)): rows
        for (cell, over, mode), rows in zip(names, parts, strict=True)
    }


def at_cap(study: Study, cap: float, groups: Iterable[Group]) -> Study:
    """The study at one power cap, its menus cut to what groups of points are made of."""
    named = list(groups)
    keys = [group.key for group in named]
    systems = {name for key in keys for name in systems_named(key)}

    def cut(menu: tuple[Any, ...], wanted: set[Any]) -> tuple[Any, ...]:
        return tuple(value for value in menu if value in wanted)

    update: dict[str, Any] = {
        "chip": study.chip.model_copy(update={"power_cap": (cap,)}),
        "rack": study.rack.model_copy(update={"system": cut(study.rack.system, {key.system for key in keys})}),
        "network": study.network.model_copy(
            update={
                "fabric": cut(study.network.fabric, {key.fabric for key in keys}),
                "oversubscription": cut(study.network.oversubscription, {one.oversubscription for one in named}),
            }
        ),
    }
    if study.demand.kind == "serving":
        update["model"] = study.model.model_copy(
            update={
                "architecture": cut(study.model.architecture, {key.architecture for key in keys}),
                "precision": cut(study.model.precision, {key.precision for key in keys}),
                "cache_precision": cut(study.model.cache_precision, {key.cache_precision for key in keys}),
            }
        )
        update["serving"] = study.serving.model_copy(
            update={
                "software": cut(study.serving.software, {key.software for key in keys}),
                "draft_tokens": cut(study.serving.draft_tokens, {key.draft_tokens for key in keys}),
                "mode": cut(study.serving.mode, {MODES[one.mode] for one in named}),
                "prefill_system": cut(study.serving.prefill_system, {SAME, *systems}),
            }
        )
    return study.model_copy(update=update)


def slowed(grid: Grid, power_cap: float, before: float) -> Grid:
    """Points of one power cap at the watts of a lower one: that of its clock, its limit, and its energy per operation.

    Energy per byte does not follow the clock, but is counted as if it did: points were dropped for the watts of their
    whole work, of which operations are another share in each.
    """

    def share(hardware: Hardware) -> float:
        family = hardware.chip_power
        low, high = (
            float(dynamic_scale(clock=family.clock(power_cap=np.float64(cap)), threshold=family.voltage_threshold))
            for cap in (power_cap, before)
        )
        return low / high

    by_system: dict[tuple[str, ...], tuple[float, float]] = {}
    for key, cell in zip(grid.keys, grid.cells, strict=True):
        systems = systems_named(key)
        if systems not in by_system:
            pools = [cell.hardware] if len(systems) == 1 else cell.pools
            by_system[systems] = share(pools[0]), share(pools[-1])
    scale = np.array([by_system[systems_named(key)] for key in grid.keys])[grid.rows.cell].T
    numbers = dict(grid.rows.numbers)
    for name, shares in zip(("decode_bytes", "prefill_bytes"), scale, strict=True):
        numbers[name] = numbers[name] * shares
    choice = grid.rows.choice | {"power_cap": np.full(len(grid.rows), power_cap)}
    return replace(grid, rows=replace(grid.rows, choice=choice, numbers=numbers))


class Plants:
    """The plant half by temperature: the grid's classes, and those of new ones; each option reads its own cuts."""

    def __init__(self, study: Study, seen: Searched) -> None:
        self._study, self._seen = study, seen
        self._known = {class_key(plant): own_cuts(plant) for plant in seen.classes}
        self._ways = thermals_of(list({system.id: system for system in seen.grid.systems}.values()))
        self._places: dict[tuple[str, str | None], tuple[Place, ...]] = {}
        self._of_grid: dict[str, list[float]] = {}
        for plant in seen.classes:
            known = self._of_grid.setdefault(plant.cooling, [])
            if plant.supply_temperature not in known:
                known.append(plant.supply_temperature)

    @cached_property
    def all_places(self) -> tuple[Place, ...]:
        """Places in which some cell of the grid stands."""
        return tuple(dict.fromkeys(place for key in self._seen.grid.keys for place in self.places(key)))

    def places(self, key: CellKey) -> tuple[Place, ...]:
        """Places in which a cell's racks can stand."""
        pair = (key.system, key.prefill_system)
        if pair not in self._places:
            known = dict.fromkeys(class_key(plant)[:-1] for plant in self._seen.classes)
            self._places[pair] = tuple(
                Place(thermal, beside, *shared)
                for thermal, *shared in known
                if thermal in self._ways[key.system]
                for beside in self._beside(key.prefill_system, thermal)
                if beside is None or (beside, *shared) in known
            )
        return self._places[pair]

    def _beside(self, system: str | None, thermal: Thermal) -> list[Thermal | None]:
        if system is None:
            return [None]
        return [way for way in self._ways[system] if way.path == thermal.path]

    def temperatures(self, place: Place) -> list[float]:
        """The grid's, in the order of the study."""
        return self._of_grid[place.cooling]

    def ends(self, place: Place) -> tuple[float, float]:
        """The coldest and the warmest coolant that the study asks for and the type supplies."""
        menu, spec = self._study.cooling.supply_temperature, self._seen.parts.get("cooling", place.cooling).spec
        low, high = max(min(menu), float(spec.supply_minimum)), min(max(menu), float(spec.supply_maximum))
        known = self.temperatures(place)
        return (low, high) if low < high else (known[0], known[0])

    def middle(self, place: Place, cold: float, warm: float) -> float:
        """Where an interval is split: at the grid's temperature next to its middle, else there."""
        inside = [value for value in self.temperatures(place) if cold < value < warm]
        return min(inside, key=lambda value: abs(value - 0.5 * (cold + warm)), default=0.5 * (cold + warm))

    def classes_at(self, place: Place, temperature: float) -> tuple[PlantClass, ...]:
        """The classes of a place's pools, decode before prefill."""
        shared = (place.cooling, place.supply_scale, place.busbar_scale, temperature)
        return tuple(self._known[thermal, *shared] for thermal in place[:2] if thermal is not None)

    def options(self, place: Place, temperature: float) -> tuple[Built, ...]:
        """All that can be built at a place."""
        return tuple(built(option) for option in self.classes_at(place, temperature)[0].options)

    def at(self, place: Place, temperature: float, options: Sequence[Built]) -> tuple[PlantClass, ...]:
        """The classes of a place, with some options only."""
        return tuple(_only(plant, options) for plant in self.classes_at(place, temperature))

    def between(self, place: Place, cold: float, warm: float, options: Sequence[Built]) -> tuple[PlantClass, ...]:
        """Classes at least as good as any between two temperatures: as cold as one, asking for the least of both."""
        colder = self.at(place, cold, options)
        if cold == warm:
            return colder
        warmer, less = self.at(place, warm, options), WATER_DIP * (warm - cold)
        prices = np.array([float(self._seen.parts.get("datacenter", one.site).spec.water_price) for one in options])
        return tuple(
            replace(one, weights=least_weights(one.weights, other.weights, prices, less))
            for one, other in zip(colder, warmer, strict=True)
        )

    def steadiness(self, place: Place, cold: float, warm: float, options: Sequence[Built]) -> np.ndarray:
        """Least over largest peak ratio of each option between two temperatures."""
        pairs = zip(self.at(place, cold, options), self.at(place, warm, options), strict=True)
        ratios = [one.weights.peak_ratio / other.weights.peak_ratio for one, other in pairs]
        return np.minimum.reduce([np.minimum(ratio, 1.0 / ratio) for ratio in ratios])

    def solve(self, wanted: dict[tuple[Place, float], set[Built]], halves: Halves) -> None:
        """Make the classes of places at temperatures, where they are not known, with the sites of these options."""
        lacking = [mark for mark, options in wanted.items() if not self._knows(*mark, options)]
        for cooling in dict.fromkeys(place.cooling for place, _ in lacking):
            here = [mark for mark in lacking if mark[0].cooling == cooling]
            sites = {option.site for mark in here for option in wanted[mark]}
            thermals = {thermal for place, _ in here for thermal in place[:2]}
            systems = {one.id: one for one in self._seen.grid.systems if thermals & set(self._ways[one.id])}
            study = self._with(cooling, {temperature for _, temperature in here}, sites)
            made = halves.classes(study, self._seen.parts, self._seen.scenario, list(systems.values()))
            self._known |= {class_key(plant): own_cuts(plant) for plant in made}

    def _knows(self, place: Place, temperature: float, options: set[Built]) -> bool:
        shared = (place.cooling, place.supply_scale, place.busbar_scale, temperature)
        thermals = [thermal for thermal in place[:2] if thermal is not None]
        known = all((thermal, *shared) in self._known for thermal in thermals)
        return known and options <= set(self.options(place, temperature))

    def _with(self, cooling: str, temperatures: set[float], sites: set[str]) -> Study:
        """The study with one cooling at some temperatures."""
        place = self._study.datacenter
        chosen = tuple(site for site in place.site if site in sites)
        update = {"type": (cooling,), "supply_temperature": tuple(sorted(temperatures))}
        return self._study.model_copy(
            update={
                "cooling": self._study.cooling.model_copy(update=update),
                "datacenter": place.model_copy(update={"site": chosen}),
            }
        )


def built(option: PlantOption) -> Built:
    """An option without its cooling."""
    return Built(option.site, option.redundancy, option.distribution, option.portfolio)


def class_key(plant: PlantClass) -> tuple[Any, ...]:
    """What tells a class apart from all others of a study."""
    return (plant.thermal, plant.cooling, plant.supply_scale, plant.busbar_scale, plant.supply_temperature)


def own_cuts(plant: PlantClass) -> PlantClass:
    """The class with every option's energy read from its own cuts: no less than read from those of its group."""
    cuts = plant.weights.cuts
    if cuts is None:
        return plant
    return replace(plant, weights=replace(plant.weights, cuts=_cuts(cuts.constant, cuts.idle, cuts.busy)))


def _cuts(constant: np.ndarray, idle: np.ndarray, busy: np.ndarray) -> OptionCuts:
    each, one = np.arange(len(constant)), np.ones(len(constant))
    return OptionCuts(constant=constant, idle=idle, busy=busy, group=each, base=each, idle_scale=one, busy_scale=one)


def _only(plant: PlantClass, options: Sequence[Built]) -> PlantClass:
    """The class with these options, in this order."""
    known = {built(option): place for place, option in enumerate(plant.options)}
    places = np.array([known[option] for option in options])
    weights = plant.weights
    picked = {name: getattr(weights, name)[places] for name in Weights.__dataclass_fields__ if name != "cuts"}
    cuts = None
    if weights.cuts is not None and picked["decided"].any():
        rows = (np.cumsum(weights.decided) - 1)[places[picked["decided"]]]
        cuts = _cuts(weights.cuts.constant[rows], weights.cuts.idle[rows], weights.cuts.busy[rows])
    return replace(plant, options=tuple(plant.options[place] for place in places), weights=Weights(**picked, cuts=cuts))


def least_weights(one: Weights, other: Weights, water_price: np.ndarray, less: float) -> Weights:
    """The better of two plants in every weight: what no plant between them betters.

    Warmer coolant takes no more of anything in any hour but water, of which a plant between the two may take less than
    either by the share `less`; `water_price` [P] is what that saves, USD/m3. Raises `ValueError` where the two read
    their energy from different cuts, which do not bound what lies between.
    """
    made = {
        name: (np.maximum if name in MOST else np.minimum)(getattr(one, name), getattr(other, name))
        for name in Weights.__dataclass_fields__
        if name not in ("cuts", "decided")
    }
    cuts = None
    if one.cuts is not None and other.cuts is not None:
        if not np.array_equal(one.cuts.constant, other.cuts.constant):
            raise ValueError("plants at two temperatures read their energy from different cuts")
        cuts = _cuts(one.cuts.constant, one.cuts.idle, one.cuts.busy)
    for part in ("idle", "busy"):
        water = made[f"{part}_water"] * (1.0 - less)
        paid = [water_price * (getattr(plant, f"{part}_water") - water) for plant in (one, other)]
        costs = [getattr(plant, f"{part}_cost") for plant in (one, other)]
        free = ~one.decided
        least = np.minimum(*(cost - (extra * free)[:, None] for cost, extra in zip(costs, paid, strict=True)))
        made |= {f"{part}_water": water, f"{part}_cost": least}
        if cuts is not None and one.cuts is not None and other.cuts is not None:
            slopes = [getattr(plant, part) for plant in (one.cuts, other.cuts)]
            within = [extra[one.decided][:, None, None] for extra in paid]
            cuts = replace(cuts, **{part: np.minimum(slopes[0] - within[0], slopes[1] - within[1])})
    return Weights(**made, decided=one.decided, cuts=cuts)


def bounded_between_caps(study: Study, classes: Sequence[PlantClass]) -> bool:
    """Whether a design between two caps is bounded by the pace of the one and the watts of the other.

    Always where requests are served. A run draws fewer watts for longer at a lower cap, so only what is in proportion
    to both, the cost of the run, is bounded, and only where nothing of it stays fixed.
    """
    if study.demand.kind == "serving":
        return True
    ceilings = (study.constraints.water, study.constraints.carbon)
    decided = any(plant.weights.cuts is not None for plant in classes)
    return study.objective == "cost_per_run" and ceilings == (None, None) and not decided


def floors(
    study: Study, scenario: Scenario, sides: Sequence[Side], cash: Money, *, rented: bool, steady: Any = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Least score, and the margin that it keeps, of fleets that need no less and plants that offer no more.

    Where the volume is open, a worse fleet fills the same meter with fewer requests, which can pay: its energy may be
    cheaper on average, a loss smaller, a ceiling kept. So the campus may here be smaller than what it could fill.
    `steady` [P] is the least over the largest watts at the meter per watt among the plants meant.
    """
    if scenario.requests is not None:
        return scores(study, scenario, sides, cash, rented=rented)
    limits = study.constraints.model_copy(update={"water": None, "carbon": None})
    score, excess = scores(study.model_copy(update={"constraints": limits}), scenario, sides, cash, rented=rented)
    volume, by_meter = _most_volume(study, sides)
    if study.objective == "tokens_per_second":
        return score * np.minimum(1.0, _ceiling_volume(study, sides) / volume), excess
    weights = sides[0].weights
    fixed = np.zeros_like(score)
    if not rented:
        middle = np.broadcast_to(cash.middle, weights.limit.shape[1:])
        fixed = fixed + weights.yearly_cost[None, :] * middle.sum()
    if study.objective == "npv":
        own = fixed if rented else fixed + _cut_cost(sides, cash, volume, np.inf, 1.0)[0]
        return np.minimum(score, own), excess
    if study.objective == "cost_per_million_tokens" and not rented and weights.cuts is not None:
        spare = np.where(by_meter, steady * _peak_cost(sides, cash) * volume, 0.0)
        whole = _cut_cost(sides, cash, volume, spare, steady)[1]
        told = whole_cost(sides, cash, volume) - fixed / volume
        tokens = present_tokens(scenario, cash) * weights.availability[None, :]
        score = score + (whole / volume - told) * (MILLION / tokens)
    return score, excess


def _most_volume(study: Study, sides: Sequence[Side]) -> tuple[np.ndarray, np.ndarray]:
    """Peak request rate that fills the meter or the budget, and whether it is the meter."""
    share = sum(side.limit_share for side in sides)
    volume = 1.0 / np.maximum(share, 1e-300)
    if study.constraints.budget is None:
        return volume, np.ones(volume.shape, dtype=bool)
    paid = study.constraints.budget / sum(side.outlay for side in sides)
    return np.minimum(volume, paid), volume <= paid


def _ceiling_volume(study: Study, sides: Sequence[Side]) -> Any:
    """Peak request rate at which a ceiling on water or carbon is reached."""
    most: Any = np.inf
    for name, ceiling in (("water", study.constraints.water), ("carbon", study.constraints.carbon)):
        if ceiling is not None:
            by_year: Any = sum(side.by_year(name) for side in sides)
            most = np.minimum(most, ceiling * SECONDS_PER_YEAR / np.maximum(by_year.max(axis=0), 1e-200))
    return most


def _peak_cost(sides: Sequence[Side], cash: Money) -> np.ndarray:
    """Present dollars in proportion to the provisioned watts, per unit of volume: rows x options."""
    total: Any = 0.0
    for side in sides:
        table, weights = side.fleet.columns, side.weights
        running = (side.fleet.peak * cash.middle).sum(axis=-1) * side.fleet.owned * SECONDS_PER_YEAR
        running = running[:, None] * weights.opex[None, :]
        total = total + running + table[:, 2:3] * weights.plant_capex + table[:, 3:4] * weights.building_capex
    return total


def _cut_cost(
    sides: Sequence[Side], cash: Money, volume: np.ndarray, spare: Any, steady: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Present dollars of the largest cuts, rows x options: their constants, and with the load at this volume.

    A cut with a negative constant stands for energy that is cheaper on average at a smaller campus. It bounds smaller
    campuses too as long as what they pay more for provisioned watts, `spare` dollars, outweighs this.
    """
    weights = sides[0].weights
    made = np.zeros((2, *volume.shape))
    if weights.cuts is None:
        return made[0], made[1]
    places = np.flatnonzero(weights.decided)
    size = volume[:, places]
    middle = np.broadcast_to(cash.middle, weights.limit.shape[1:])
    allowed = np.broadcast_to(spare, volume.shape)[:, places] / middle.sum()
    even = np.broadcast_to(steady, volume.shape[1:])[places]
    for year, weight in enumerate(middle):
        best, constant = np.full(size.shape, -np.inf), np.zeros(size.shape)
        for knot in range(weights.cuts.constant.shape[-1]):
            own = weights.cuts.constant[:, year, knot]
            load: Any = sum(
                side.fleet.idle[:, year, None] * side.weights.cuts.idle[:, year, knot]
                + side.fleet.busy[:, year, None] * side.weights.cuts.busy[:, year, knot]
                for side in sides
                if side.weights.cuts is not None
            )
            cut = np.where(own < 0.0, own / even, own) + size * load
            higher = (cut > best) & (own >= -allowed)
            best, constant = np.where(higher, cut, best), np.where(higher, own, constant)
        made[0][:, places] += weight * constant
        made[1][:, places] += weight * best
    return made[0], made[1]


def _least_points(grid: Grid, groups: dict[Group, np.ndarray]) -> Grid:
    """One point a group that needs the least of each criterion: chips, operations and bytes of either pool.

    One chip is one replica of it, so that its chips are the least that any point of the group needs.
    """
    numbers, order = grid.rows.numbers, np.concatenate(list(groups.values()))
    starts = np.cumsum([0, *(len(rows) for rows in groups.values())])[:-1]

    def least(values: np.ndarray) -> np.ndarray:
        return np.minimum.reduceat(values[order], starts)

    made = {}
    for pool in ("decode", "prefill"):
        chips, rate = numbers[f"{pool}_chips"], numbers[f"{pool}_rate"]
        busy = chips / rate
        time = least(busy)
        stands = time > 0.0
        per_chip = np.where(stands, time, 1.0)
        made[f"{pool}_chips"] = stands.astype(float)
        made[f"{pool}_rate"] = 1.0 / per_chip
        for name in ("flops", "bytes"):
            made[f"{pool}_{name}"] = least(busy * numbers[f"{pool}_{name}"]) / per_chip
    first = order[starts]
    choice = {name: values[first] for name, values in grid.rows.choice.items()}
    rows = replace(grid.rows, cell=grid.rows.cell[first], mode=grid.rows.mode[first], choice=choice, numbers=made)
    return replace(grid, rows=rows)


def _some_rows(grid: Grid, places: np.ndarray) -> Grid:
    rows = grid.rows
    return replace(
        grid,
        rows=replace(
            rows,
            cell=rows.cell[places],
            mode=rows.mode[places],
            choice={name: values[places] for name, values in rows.choice.items()},
            numbers={name: values[places] for name, values in rows.numbers.items()},
        ),
    )


def systems_named(key: CellKey) -> tuple[str, ...]:
    """The systems of a cell, decode before prefill."""
    return (key.system,) if key.prefill_system is None else (key.system, key.prefill_system)


def _trains(grid: Grid) -> bool:
    return "run_time" in grid.rows.numbers


def breaks(study: Study, seen: Searched) -> list[str]:
    """Ways in which a point that needs no less of anything could still be the better one in this study.

    The performance half drops such points, so each of these leaves the best of the grid without proof: see the page on
    the space and its proof.
    """
    scenario, classes = seen.scenario, seen.classes
    found = []
    if scenario.requests is None:
        found += _open_breaks(study, seen)
    cash = money(terms_of(study, seen.parts), scenario.years)
    rising = [name for name in ("systems", "network", "plant", "building") if (np.diff(getattr(cash, name)) > 0).any()]
    if rising:
        found.append(f"later: what is bought later costs more ({', '.join(rising)}), so buying early can pay")
    names = ("cost", "energy", "water", "carbon")
    paid = [name for name in names if any(_pays(plant.weights, name) for plant in classes)]
    if paid:
        found.append(f"paid to draw: a watt brings {', '.join(paid)} instead of taking it")
    return found


def _open_breaks(study: Study, seen: Searched) -> list[str]:
    """Those of a volume that follows from what a site carries."""
    limits, objective, found = study.constraints, study.objective, []
    if limits.water is not None or limits.carbon is not None:
        found.append("ceiling: a campus that has to fill its meter can miss a ceiling that a less able fleet keeps")
    cuts = [plant.weights.cuts for plant in seen.classes if plant.weights.cuts is not None]
    priced = objective in ("cost_per_million_tokens", "npv") and set(study.finance.sourcing) != {"rent"}
    if priced and any((one.constant < 0.0).any() for one in cuts):
        found.append("marginal above average: the last watts of a full meter are dearer than its first")
    if objective == "npv" and seen.found.best is not None and seen.found.best.score > 0.0:
        found.append("loss: at a price below cost, fewer tokens lose less")
    return found


def _pays(weights: Weights, name: str) -> bool:
    """Whether a weight of either part of the load is negative, or a busy watt asks for more than one always on."""
    idle, busy = getattr(weights, f"idle_{name}"), getattr(weights, f"busy_{name}")
    own = bool((idle < 0.0).any() or (busy < 0.0).any() or (busy > idle * (1.0 + ALLOWED)).any())
    if name != "cost" or weights.cuts is None:
        return own
    cuts = weights.cuts
    return own or bool((cuts.busy < 0.0).any() or (cuts.busy > cuts.idle * (1.0 + ALLOWED)).any())
