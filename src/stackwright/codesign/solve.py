"""The best design of a grid in studies where a point that was dropped may be the better one, and the proof of it.

Where an order of the performance half can break, every point that meets the targets is priced in the groups whose
bound is below the best design known; in all other groups no point can be better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stackwright.codesign.performance_grid import Grid, Rows
from stackwright.codesign.plant_grid import PlantClass
from stackwright.codesign.plants import terms_of
from stackwright.codesign.refine import (
    ALLOWED,
    Group,
    Halves,
    Plants,
    Points,
    Refined,
    at_cap,
    breaks,
    class_key,
    grid_floors,
    halves_of,
    refined,
    rows_by_group,
    systems_named,
)
from stackwright.codesign.search import Pick, plant_values, scores, sides_rows
from stackwright.codesign.table import Choice, Place
from stackwright.stack.deployment import money
from stackwright.stack.study import Study

if TYPE_CHECKING:
    from stackwright.codesign.searched import Searched

MOST_ROWS = 1_000_000
"""Points that are evaluated together, none of them dropped: each takes some hundred bytes."""
MOST_PAIRS = 200_000_000
"""Pairs of a point and a plant option that may be priced."""
CHUNK = 2048
"""Points priced at once."""


@dataclass(frozen=True)
class Solved:
    """A study's grids with the best of all designs, those among them that the performance half had dropped."""

    seen: Searched
    """Points that are better than all that was kept come after the kept ones."""
    dropped: float
    """Least score that a point can have which was dropped and not priced; infinity where none can be better."""
    left: str | None
    """Why some were not priced; None where the best design is the best of all."""


class Batch(NamedTuple):
    """Groups at one power cap that share the work of kernels, and the least score that a point of theirs can have."""

    floor: float
    cap: float
    groups: tuple[Group, ...]


class Winner(NamedTuple):
    """The best point of a group for one plant option and way of sourcing."""

    pick: Pick
    """Its row is one of `grid`."""
    grid: Grid
    group: Group


def proved(study: Study, seen: Searched) -> tuple[Solved, Refined | None]:
    """The grid solved where its order can break, then refined between its values; None where nothing is feasible."""
    halves = halves_of(study, seen)
    made = solved(study, seen, halves)
    return made, refined(study, made.seen, halves, made.dropped)


def solved(study: Study, seen: Searched, halves: Halves) -> Solved:
    """The search's best design, or a better one among the points that were dropped."""
    if seen.found.table is None or not breaks(study, seen):
        return Solved(seen, np.inf, None)
    work = _Pricing(study, seen, halves)
    batches = _batches(grid_floors(study, seen))
    left = [batch for batch in batches if batch.floor < work.best and not work.take(batch)]
    open_floors = [batch.floor for batch in left if batch.floor < work.best]
    reason = (
        f"{len(open_floors)} of {len(batches)} sets of designs have more than {MOST_ROWS:,} points, "
        f"or {MOST_PAIRS:,} pairs with plants, that would have to be priced"
    )
    return Solved(work.answer(), min(open_floors, default=np.inf), reason if open_floors else None)


def _batches(floors: dict[tuple[float, Group], float]) -> list[Batch]:
    """The groups that share the work of kernels, those with the least bound first."""
    alike: dict[tuple[Any, ...], list[Group]] = {}
    for cap, group in floors:
        key = group.key
        name = (cap, key.architecture, key.precision, key.draft_tokens, key.system, key.prefill_system)
        alike.setdefault(name, []).append(group)
    made = [
        Batch(min(floors[name[0], group] for group in groups), name[0], tuple(groups)) for name, groups in alike.items()
    ]
    return sorted(made, key=lambda batch: batch.floor)


class _Pricing:
    """Every point of batches priced in every plant of the grid, and what of it is better than what was known."""

    def __init__(self, study: Study, seen: Searched, halves: Halves) -> None:
        table, best = seen.found.table, seen.found.best
        assert table is not None
        self.best = np.inf if best is None else best.score
        self._study, self._seen, self._halves = study, seen, halves
        self._cash = money(terms_of(study, seen.parts), seen.scenario.years)
        self._points, self._plants = Points(study, seen), Plants(study, seen)
        self._class_of = {class_key(plant): number for number, plant in enumerate(seen.classes)}
        self._table = replace(table, score=table.score.copy())
        self._choice_of = {choice: number for number, choice in enumerate(table.choices)}
        self._winners: list[Winner] = []
        self._pairs = self._feasible = 0

    def take(self, batch: Batch) -> bool:
        """Price a batch; false where it is too large."""
        parts, scenario = self._seen.parts, self._seen.scenario
        study = at_cap(self._study, batch.cap, batch.groups)
        points = self._halves.grid(study, parts, scenario).tally.feasible
        if points > MOST_ROWS or self._pairs + points * self._options(batch.groups[0]) > MOST_PAIRS:
            return False
        grid = self._halves.grid(study, parts, scenario, every=True)
        known = rows_by_group(grid)
        for group in batch.groups:
            picks = [
                pick
                for sourcing in self._ways(group)
                for number, classes in self._standing(group)
                for pick in self._best_of(grid, known[group], number, classes, sourcing)
            ]
            self._note(group, grid, picks)
        return True

    def _ways(self, group: Group) -> list[str]:
        systems = systems_named(group.key)
        return [way for way in self._study.finance.sourcing if self._points.had(systems, way)]

    def _standing(self, group: Group) -> Iterator[tuple[int, tuple[PlantClass, ...]]]:
        """The grid's classes that a group can stand in, by number, decode before prefill."""
        for place in self._plants.places(group.key):
            for temperature in self._plants.temperatures(place):
                shared = (place.cooling, place.supply_scale, place.busbar_scale, temperature)
                numbers = [self._class_of[thermal, *shared] for thermal in place[:2] if thermal is not None]
                yield numbers[0], tuple(self._seen.classes[number] for number in numbers)

    def _options(self, group: Group) -> int:
        return len(self._ways(group)) * sum(len(classes[0].options) for _, classes in self._standing(group))

    def _best_of(
        self, grid: Grid, rows: np.ndarray, number: int, classes: tuple[PlantClass, ...], sourcing: str
    ) -> list[Pick]:
        """The best of some rows for each option of a class."""
        scenario, options = self._seen.scenario, len(classes[0].options)
        least, where = np.full(options, np.inf), np.zeros(options, dtype=int)
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            sides = sides_rows(scenario, grid, classes, part, self._cash, sourcing=sourcing)
            score, excess = scores(self._study, scenario, sides, self._cash, rented=sourcing == "rent")
            score = np.where(excess <= ALLOWED, score, np.inf)
            self._pairs += score.size
            self._feasible += int(np.isfinite(score).sum())
            first = score.argmin(axis=0)
            own = score[first, np.arange(options)]
            where, least = np.where(own < least, part[first], where), np.minimum(least, own)
        return [
            Pick(int(where[option]), number, int(option), sourcing, float(least[option]))
            for option in np.flatnonzero(np.isfinite(least))
        ]

    def _note(self, group: Group, grid: Grid, picks: Sequence[Pick]) -> None:
        """Remember picks that are better than the table knew, and the best of all, which may be new to its engine."""
        for pick in picks:
            place = self._place(group, float(grid.rows.choice["power_cap"][pick.row]), pick)
            if pick.score < self._table.score[place]:
                self._table.score[place] = pick.score
                self._winners.append(Winner(pick, grid, group))
        if picks:
            best = min(picks, key=lambda pick: pick.score)
            self.best = min(self.best, best.score)
            self._winners.append(Winner(best, grid, group))

    def _place(self, group: Group, cap: float, pick: Pick) -> tuple[int, ...]:
        """Where a design stands in the table."""
        table, key = self._table, group.key
        option = self._seen.classes[pick.plant_class].options[pick.option]
        choice = Choice(
            architecture=key.architecture,
            precision=key.precision,
            cache_precision=key.cache_precision,
            draft_tokens=key.draft_tokens,
            system=key.system,
            prefill_system=key.prefill_system,
            chip=key.chip,
            power_cap=cap,
            fabric=key.fabric,
            oversubscription=group.oversubscription,
        )
        return (
            self._choice_of[choice],
            table.coolings.index((option.cooling, option.supply_temperature)),
            table.places.index(Place(option.site, option.redundancy, option.distribution)),
            table.portfolios.index(option.portfolio),
            table.sourcings.index(pick.sourcing),
        )

    def answer(self) -> Searched:
        """The grids with the winners' points behind the kept ones, and what the search found with them."""
        seen, known = self._seen, self._seen.found
        if not self._winners:
            return replace(seen, found=replace(known, pairs=known.pairs + self._pairs))
        grid, rows = _with_rows(seen.grid, self._winners)
        picks = [replace(winner.pick, row=row) for winner, row in zip(self._winners, rows, strict=True)]
        found = replace(
            known,
            by_option=self._by_option(grid, picks),
            table=self._table,
            pairs=known.pairs + self._pairs,
            feasible_pairs=known.feasible_pairs + self._feasible,
        )
        candidates = [*picks, *([] if known.best is None else [known.best])]
        found.best = min(candidates, key=lambda pick: pick.score)
        return replace(seen, grid=grid, found=found)

    def _by_option(self, grid: Grid, picks: Sequence[Pick]) -> dict[tuple[str, Any], Pick]:
        """The best design with each option, the winners among them."""
        made = dict(self._seen.found.by_option)
        for pick in picks:
            option = self._seen.classes[pick.plant_class].options[pick.option]
            own = [(axis, values[codes[pick.row]]) for axis, (codes, values) in grid.labels.items()]
            for key in (*own, *plant_values(option), ("finance", pick.sourcing)):
                if key not in made or pick.score < made[key].score:
                    made[key] = pick
        return made


def _with_rows(grid: Grid, winners: Sequence[Winner]) -> tuple[Grid, list[int]]:
    """The grid with the winners' points behind its own, and the row of each."""
    cells = {key: number for number, key in enumerate(grid.keys)}
    places: dict[tuple[int, int], int] = {}
    firsts: list[Winner] = []
    rows = []
    for winner in winners:
        mark = (id(winner.grid), winner.pick.row)
        if mark not in places:
            places[mark] = len(grid.rows) + len(firsts)
            firsts.append(winner)
        rows.append(places[mark])

    def behind(part: str, name: str) -> np.ndarray:
        new = [getattr(winner.grid.rows, part)[name][winner.pick.row] for winner in firsts]
        return np.append(getattr(grid.rows, part)[name], new)

    made = Rows(
        cell=np.append(grid.rows.cell, [cells[winner.group.key] for winner in firsts]),
        mode=np.append(grid.rows.mode, [winner.group.mode for winner in firsts]),
        choice={name: behind("choice", name) for name in grid.rows.choice},
        numbers={name: behind("numbers", name) for name in grid.rows.numbers},
    )
    return replace(grid, rows=made), rows
