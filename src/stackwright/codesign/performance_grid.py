"""The performance half of a study's grid: every cell evaluated, only what can still win kept.

In a cell (model, precision, system, engine, fabric), layouts, batches, power caps and
oversubscription are arrays. A point enters the combination with the plant only through its chips and
its work by year and its latency; a point that another of its cell beats in all of these cannot be in
any best stack, because every cost and every limit rises with each of them.

A prefill pool may stand on another system. Each pair of systems is a cell of its own: only points of
one pair are compared, so the argument holds for each side with that side's prices, power and plant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.codesign.axes import PREFILL_UTILIZATION, Axes, axes_of, evaluate_cell, evaluate_pool
from stackwright.codesign.cells import NEEDED, CellKey, Tally, cells_of, hardware_of, pairs_of
from stackwright.codesign.chooser import Chooser, Draw, criteria, draw_of, draws_of, fleet_size, worst_margin
from stackwright.codesign.kept import Content, code_of, kept
from stackwright.codesign.rows import CHOICES, MODES, NUMBERS, Grid, Rows, rows_of
from stackwright.codesign.settings_rows import settings_rows
from stackwright.codesign.slabs import Slab, aggregated_tables, feasible_pairs, paired, pools_of
from stackwright.codesign.sourcing import offers_of_menu
from stackwright.codesign.tasks import Shared, Task, tasks_of
from stackwright.core.parallel import in_order
from stackwright.serving.service import Lengths, PrefillPool, Service
from stackwright.stack.curves import cache_folder
from stackwright.stack.parts import Parts
from stackwright.stack.performance import Cell
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

__all__ = [
    "Axes",
    "CHOICES",
    "CellKey",
    "Draw",
    "Grid",
    "MODES",
    "NEEDED",
    "NUMBERS",
    "PREFILL_UTILIZATION",
    "Rows",
    "Tally",
    "axes_of",
    "cells_of",
    "criteria",
    "draw_of",
    "evaluate_cell",
    "evaluate_pool",
    "fleet_size",
    "hardware_of",
    "kept_grid",
    "pairs_of",
    "performance_grid",
    "settings_rows",
    "worst_margin",
]


KINDS = ("good", "near")
"""Rows that can still win, and the nearest misses."""
MADE_BY = (
    *(f"stackwright.{layer}" for layer in ("core", "model", "chip", "interface", "network", "rack", "serving")),
    *(f"stackwright.stack.{name}" for name in ("performance", "neighbors")),
    *(
        f"stackwright.codesign.{name}"
        for name in ("performance_grid", "cells", "axes", "rows", "slabs", "chooser", "tasks", "fronts", "kept")
    ),
)
"""Packages and modules whose code makes rows what they are."""
ROWS = "rows"
"""Folder of rows in the user's cache."""
MOST_KEPT = 40
"""Files of rows that a folder holds: some megabytes each."""


def kept_grid(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    every: bool = False,
) -> Grid:
    """The grid of a study, its rows from the user's cache where they were evaluated before; not so with `every`."""
    folder = None if every else cache_folder() / ROWS  # all points of a study would crowd out the rows of others
    return performance_grid(study, parts, scenario, progress, folder, every=every)


@dataclass
class Sorted:
    """Tables of a cell or a pair: what can win, and what comes nearest where nothing meets the targets."""

    good: list[dict[str, np.ndarray]]
    near: list[dict[str, np.ndarray]]
    tally: Tally


@dataclass(frozen=True)
class Evaluation:
    """What all cells of a study are evaluated for."""

    scenario: Scenario
    modes: tuple[str, ...]
    every: bool = False
    """Whether all points that meet the targets are kept, those among them that another one beats."""

    @cached_property
    def lengths(self) -> Lengths:
        """Lengths ahead of the axes of a cell."""
        return self.scenario.lengths.over(4)

    @cached_property
    def peak(self) -> np.ndarray | None:
        """Requests per second in the busiest minutes by year [Y], where the volume is given."""
        return None if self.scenario.requests is None else self.scenario.requests * self.scenario.peak

    def group(self, tasks: Sequence[Task]) -> list[list[Sorted]]:
        """Tables of tasks that are alike, by task: of the cell, then of its pairs."""
        shared, chooser = Shared(), Chooser(self.scenario, self.peak, self.every)
        return [self._task(task, shared, chooser) for task in tasks]

    def _task(self, task: Task, shared: Shared, chooser: Chooser) -> list[Sorted]:
        key, axes = task.key, task.axes
        if axes is None:
            return [Sorted([], [], Tally())]
        paced = shared.paced(key, task.cell, axes, self.lengths) if "aggregated" in self.modes else None
        made = evaluate_cell(task.cell, axes, self.lengths, self.modes, shared.passes(key, key.chip, axes), paced)
        tally = Tally(cells=1)
        tables = _cell_tables(made, task.cell, axes, chooser, tally, own=task.own)
        done = [_sorted_out(tables, task.cell, chooser, tally)]
        for pair in task.pairs:
            passes = shared.passes(key, str(pair.system.record.links["chip"]), pair.axes)
            pool = evaluate_pool(pair.cell, pair.axes, self.lengths, passes)
            sides, tally = ((made["disaggregated"], axes), (pool, pair.axes)), Tally(cells=1)
            pairs = _disaggregated_tables(*sides, pair.cell, chooser, tally)
            done.append(_sorted_out(pairs, pair.cell, chooser, tally))
        return done


def performance_grid(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    progress: Callable[[str, int, int], None] | None = None,
    folder: Path | None = None,
    *,
    every: bool = False,
) -> Grid:
    """Evaluate every cell and keep what can still win, with the nearest miss of each cell beside it.

    Cells of one model on one chip share their kernels' work, and a thread. `folder` is one in which rows are
    looked for by all that makes them what they are, and kept. With `every`, all points that meet the targets are kept.
    """
    tally = Tally()
    tasks = tasks_of(study, parts, tally)
    evaluation = Evaluation(scenario, study.serving.mode, every)
    if folder is None:
        rows, nearest, counted = _evaluated(tasks, evaluation, progress)
    else:
        rows, nearest, counted = _read(folder, evaluation, tasks, lambda: _evaluated(tasks, evaluation, progress))
    named = [item for task in tasks for item in task.named]
    return Grid(
        keys=tuple(key for key, _, _ in named),
        cells=tuple(cell for _, cell, _ in named),
        systems=tuple(system for _, _, system in named),
        rows=rows,
        nearest=nearest,
        tally=replace(counted, refused=tally.refused),
        offers=offers_of_menu(study, parts, [system for _, _, system in named]),
    )


def _read(
    folder: Path, evaluation: Evaluation, tasks: list[Task], make: Callable[[], tuple[Rows, Rows, Tally]]
) -> tuple[Rows, Rows, Tally]:
    """Rows of a folder, or as they are made now; their name is all that they depend on, which prices are not."""
    asked = [(task.key, task.cell, task.axes, task.own, task.pools) for task in tasks]
    scenario = evaluation.scenario
    targets = (scenario.ttft, scenario.tpot, evaluation.peak)
    name = Content().name(code_of(MADE_BY), evaluation.modes, evaluation.every, scenario.lengths, targets, asked)

    def arrays() -> dict[str, np.ndarray]:
        *rows, tally = make()
        made = {"tally": np.array([tally.points, tally.feasible, tally.cells])}
        for kind, each in zip(KINDS, rows, strict=True):
            made |= {f"{kind} cell": each.cell, f"{kind} mode": each.mode}
            made |= {f"{kind} {name}": values for name, values in (each.choice | each.numbers).items()}
        return made

    found = kept(folder / f"{name}.npz", arrays, MOST_KEPT)
    good, near = (
        Rows(
            cell=found[f"{kind} cell"],
            mode=found[f"{kind} mode"],
            choice={name: found[f"{kind} {name}"] for name in CHOICES},
            numbers={name: found[f"{kind} {name}"] for name in NUMBERS},
        )
        for kind in KINDS
    )
    points, feasible, cells = (int(count) for count in found["tally"])
    return good, near, Tally(points=points, feasible=feasible, cells=cells)


def _evaluated(
    tasks: list[Task], evaluation: Evaluation, progress: Callable[[str, int, int], None] | None
) -> tuple[Rows, Rows, Tally]:
    """What can win of all tasks, and the nearest misses, in the order of the tasks."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, task in enumerate(tasks):
        groups.setdefault(task.alike, []).append(index)
    done: dict[int, list[Sorted]] = {}
    made = in_order(lambda members: evaluation.group([tasks[index] for index in members]), groups.values())
    for members, results in zip(groups.values(), made, strict=True):
        if progress:
            progress("performance half", len(done), len(tasks))
        done |= dict(zip(members, results, strict=True))
    flat = [item for index in range(len(tasks)) for item in done[index]]
    tally = Tally(
        points=sum(item.tally.points for item in flat),
        feasible=sum(item.tally.feasible for item in flat),
        cells=sum(item.tally.cells for item in flat),
    )
    good, near = (
        rows_of(
            [
                table | {"cell": np.full(len(table["tensor"]), place)}
                for place, item in enumerate(flat)
                for table in getattr(item, kind)
            ]
        )
        for kind in KINDS
    )
    return good, near, tally


def _cell_tables(
    made: dict[str, Any], cell: Cell, axes: Axes, chooser: Chooser, tally: Tally, *, own: bool
) -> Iterator[Slab | dict[str, np.ndarray]]:
    """The points of a cell on one system; `own` says whether its prefill pool may stand on that system."""
    if "aggregated" in made:
        yield from aggregated_tables(made["aggregated"], axes)
    if own and "disaggregated" in made:
        sides = (made["disaggregated"], axes), (made["prefill"], axes)
        yield from _disaggregated_tables(*sides, cell, chooser, tally)


def _sorted_out(tables: Iterator[Slab | dict[str, np.ndarray]], cell: Cell, chooser: Chooser, tally: Tally) -> Sorted:
    """Each table's points that meet the targets, cut to what can win; or its nearest miss.

    Pairs are counted before: here only those of their best sides are left.
    """
    done = Sorted([], [], tally)
    for table in tables:
        if isinstance(table, Slab):
            choice = chooser.of_table(table, draws_of(cell, table.power_cap))
            tally.points += len(table)
            tally.feasible += choice.feasible
            taken = table.take(choice.rows)
        else:
            choice = chooser.of_table(table, draws_of(cell, table["power_cap"][0]))
            taken = {name: values[choice.rows] for name, values in table.items()}
        (done.good if choice.feasible else done.near).append(taken)
    return done


def _disaggregated_tables(
    decode: tuple[Service, Axes], prefill: tuple[PrefillPool, Axes], cell: Cell, chooser: Chooser, tally: Tally
) -> Iterator[dict[str, np.ndarray]]:
    """Pairs of a decode and a prefill replica, each with its axes, with one cap and one oversubscription.

    Each side is first cut to what can still win: chips, work and latency add up over the two sides,
    so a dominated side is never part of a best pair.
    """
    for left, right in pools_of(*decode, *prefill):
        tally.points += len(left) * len(right)
        draws = draws_of(cell, left.power_cap)
        first, second = chooser.of_side(left, "decode", draws[0]), chooser.of_side(right, "prefill", draws[-1])
        tally.feasible += feasible_pairs(first.latencies, second.latencies, chooser.scenario.ttft)
        yield paired(left.take(first.rows), right.take(second.rows))
