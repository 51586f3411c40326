"""The rows of a sweep: the best stack at a point, settled exactly, or that stack under draws of its inputs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import UNITS, Finalist, finalist, objective_value
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.menu_draws import Draws
from stackwright.codesign.plan import not_feasible
from stackwright.codesign.result import Metrics
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.uncertainty import draw, evaluate_with, inputs_of
from stackwright.stack.design import Design
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.study import Study
from stackwright.sweep.axes import Point

Row = dict[str, Any]
"""Column to value; a column that a row has no value for is null."""
CHOICES = tuple(field.name for field in fields(Design) if field.name != "numbers")
"""Columns of the chosen options."""


@dataclass(frozen=True)
class Job:
    """What one row, or one block of rows, is made from: a point, and which of its draws; none is the point itself."""

    point: Point
    draws: range | None = None
    of: int = 0
    """Draws of the point in all."""


@dataclass(frozen=True)
class Settled:
    """A point with the best stack of its search, settled hour by hour; no stack where nothing is feasible."""

    study: Study
    seen: Searched
    item: Finalist | None

    @property
    def reason(self) -> str | None:
        """Why nothing is feasible."""
        if self.item is not None:
            return None
        why = not_feasible(self.study, self.seen)
        return "; ".join(f"{name}: {reason}" for name, reason in why.items()) or "no design exists"


def settled(study: Study, catalog: Catalog) -> Settled:
    """Search a study, and settle the best stack exactly."""
    seen = searched(study, catalog)
    best = seen.found.best
    if best is None:
        return Settled(study, seen, None)
    return Settled(study, seen, finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, best))


@dataclass(frozen=True)
class Made:
    """Rows with the units of their numbers, by column."""

    rows: list[Row]
    units: Mapping[str, str]


def rows_of(jobs: Iterable[Job], catalog: Catalog) -> Made:
    """The rows of jobs: one each, or one for each draw; one for a point where nothing is feasible.

    A point is searched once for all of its jobs that follow one another.
    """
    rows: list[Row] = []
    units = {"seconds": "s"}
    for _, mine in itertools.groupby(jobs, key=lambda job: job.point.index):
        started, (first, *more) = time.perf_counter(), mine
        done = settled(first.point.study, catalog)
        for job in (first, *more):
            made = _rows(job, done)
            seconds = (time.perf_counter() - started) / max(len(made), 1)
            rows += [_place(job.point) | row | {"seconds": seconds} for row in made]
            started = time.perf_counter()
        if done.item is not None:
            units |= {name: unit for name, (_, unit) in _metrics(done, done.item, done.item.done).items()}
    return Made(rows, units)


def _rows(job: Job, done: Settled) -> list[Row]:
    if done.item is None:
        # the first block of a point's draws speaks for all
        return [{"feasible": False, "reason": done.reason}] if job.draws is None or not job.draws.start else []
    nominal, chosen = _levels(done, done.item, done.item.done), _chosen(done.item)
    return [chosen | nominal] if job.draws is None else _drawn(done, done.item, job, job.draws, chosen, nominal)


def _place(point: Point) -> Row:
    study = point.study
    return {
        "point": point.index,
        "case": study.case,
        **point.values,
        "draw": None,
        "seed": study.seed,
        "objective": study.objective,
        "unit": UNITS[str(study.objective)],
        "feasible": True,
        "reason": None,
    }


def _chosen(item: Finalist) -> Row:
    """The option of each layer, the layout's numbers, and how far the search's cuts were from the settled value."""
    design = item.design
    return {
        **{name: getattr(design, name) for name in CHOICES},
        **{name: float(number) for name, number in design.numbers.items()},
        "cut_gap": float(abs(item.searched - abs(item.value)) / abs(item.value)),
    }


def _metrics(done: Settled, item: Finalist, made: Evaluation) -> Metrics:
    """The objective and every metric of an evaluation with their units; floats, or draws [n]."""
    name, scenario = str(done.study.objective), done.seen.scenario
    value = objective_value(name, scenario, made, item.terms)
    return {"value": (value, UNITS[name]), **kind_of(done.study).metrics(made, scenario, item)}


def _levels(done: Settled, item: Finalist, made: Evaluation) -> Row:
    return {name: float(np.mean(number)) for name, (number, _) in _metrics(done, item, made).items()}


def _drawn(done: Settled, item: Finalist, job: Job, draws: range, chosen: Row, nominal: Row) -> list[Row]:
    """A row for each draw of the inputs of the chosen stack.

    A draw is one state of the world, as where a menu is drawn: a number of a record is the same at every point that
    has it, so points differ by their fields and not by luck. Draws use the plant's terms per watt; the distance of the
    stack by those terms from its settled value is taken out, as in the ranges of a plan.
    """
    count, scenario, worlds = len(draws), done.seen.scenario, Draws(job.of, done.study.seed)
    changed = {}
    for one in inputs_of(item):
        record = item.parts[one.place].record
        standard = worlds.standard(record.layer, record.id, one.field)[draws.start : draws.stop]
        changed[one.path] = draw(one.datum, one.field, standard)
    base = _levels(done, item, evaluate_with(item, scenario, {}, 1))
    columns = {
        name: np.broadcast_to(number, (count,)) + (nominal[name] - base[name])
        for name, (number, _) in _metrics(done, item, evaluate_with(item, scenario, changed, count)).items()
    }
    return [
        chosen | {"draw": number} | {name: float(values[place]) for name, values in columns.items()}
        for place, number in enumerate(draws)
    ]
