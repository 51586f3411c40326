"""How sure a result is: draws of the inputs' ranges, and which input moves the result most.

Every number of a record has a 5-95 % range. A draw takes each number from a two-piece lognormal with
the record's value as median and its range as percentiles (two-piece normal where the range reaches
zero). Numbers of one record are drawn apart; the evaluator gets all draws as arrays and is otherwise
the one that evaluated the design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import PREFILL, Finalist, outlay
from stackwright.codesign.result import printed
from stackwright.core.records import Datum
from stackwright.core.spec import map_leaves
from stackwright.finance.terms import Terms
from stackwright.stack.evaluate import Evaluation, evaluate
from stackwright.stack.parts import Part, with_leaf
from stackwright.stack.performance import Hardware
from stackwright.stack.plant import Plant
from stackwright.stack.scenario import Scenario

DRAWS = 192
NORMAL_95 = 1.6448536269514722
FITTED = ("kernels", "release", "software")
"""Places whose numbers are fitted together: their spread is the residual that a `time_spread` carries, so
drawing each by itself would count it twice and in the wrong way."""
RESIDUAL = "time_spread"

HARDWARE = ("software", "release", "reliability", "chip", "chip_power", "system", "scale_up", "fabric", "drafting")
PLANT = ("cooling", "site", "building", "redundancy", "distribution")
ARRANGEMENT = ("lease", "program", "prefill_program")
BOUNDED = {
    "acceptance",
    "efficiency",
    "memory_utilization",
    "communication_overlap",
    "capacity_factor",
    "clean",
    "onsite",
    "capacity_credit",
    "transfer",
    "generator_start",
    "availability_of_module",
    "availability_of_cooling",
}
"""Ratios that cannot exceed one: draws are cut there."""
WHOLE = {
    "chips",
    "scale_up_domain",
    "chips_per_rack",
    "node_chips",
    "switch_ports",
    "compute_units",
    "torus_dimensions",
    "needed_modules",
    "installed_modules",
    "start_year",
    "batch_limit",
    "supply_minimum",
    "supply_maximum",
}
"""Counts, dates and limits that a design fixes."""


@dataclass(frozen=True)
class Input:
    """One uncertain number of a design: where it sits, and its datum."""

    place: str
    field: str
    datum: Datum

    @property
    def path(self) -> str:
        """For example ``chip.memory_bandwidth``."""
        return f"{self.place}.{self.field}"


def inputs_of(item: Finalist) -> list[Input]:
    """The uncertain inputs of a design, in a fixed order."""
    return [
        Input(place, name, datum)
        for place, part in item.parts.items()
        for name, datum in uncertain(part, fitted=place.removeprefix(PREFILL) in FITTED)
    ]


def uncertain(part: Part, *, fitted: bool) -> Iterator[tuple[str, Datum]]:
    """The numbers of a record that are drawn, by field; of a `fitted` one its residual alone."""
    for name, datum in part.record.values.items():
        if fitted and name != RESIDUAL:
            continue
        if name not in WHOLE and datum.high > datum.low and hasattr(part.spec, name):
            yield name, datum


def draw(datum: Datum, field: str, standard: np.ndarray) -> np.ndarray:
    """A number's draws for standard normal draws [n]. Source: two-piece (log)normal by percentiles."""
    value, low, high = datum.value, datum.low, datum.high
    if low > 0 and value > 0:
        up, down = math.log(high / value), math.log(value / low)
        made = value * np.exp(np.where(standard > 0, up, down) * standard / NORMAL_95)
    else:
        made = np.maximum(value + np.where(standard > 0, high - value, value - low) * standard / NORMAL_95, 0.0)
    return np.minimum(made, 1.0) if field in BOUNDED else made


def evaluate_with(item: Finalist, scenario: Scenario, changed: Mapping[str, np.ndarray], count: int) -> Evaluation:
    """The design with some inputs replaced by arrays [count] and all others held, through the plant's terms."""
    hardware, plant, terms = _wide(item.cell.hardware, count), item.plant, _wide(item.terms, count)
    arrangement = _wide(item.arrangement, count)
    pool = None if item.design.prefill_system is None else item.cell.prefill
    apart: Any = None if pool is None else _wide(pool.hardware, count)
    specs = _wide(plant.specs, count)
    for path, values in changed.items():
        place, field = path.rsplit(".", 1)
        if place in HARDWARE or place.removeprefix(PREFILL) in HARDWARE:
            if place in HARDWARE:
                hardware = with_leaf(hardware, path, values)
            if apart is not None and f"{PREFILL}{place}" not in item.parts:
                apart = with_leaf(apart, path.removeprefix(PREFILL), values)
        elif place in PLANT:
            specs = with_leaf(specs, path, values)
        elif place == "terms":
            terms = with_leaf(terms, field, values)
        elif place in ARRANGEMENT:
            arrangement = with_leaf(arrangement, path, values)
        else:
            specs = with_leaf(specs, f"portfolio.{path}", values)
    cell = replace(item.cell, hardware=hardware)
    if pool is not None:
        cell = replace(cell, prefill=replace(pool, hardware=apart))

    def at(volume: Any) -> Evaluation:
        filled = replace(plant, specs=specs)
        return evaluate(
            item.design,
            scenario,
            cell=cell,
            plant=filled,
            terms=terms,
            volume=volume,
            settled=False,
            arrangement=arrangement,
        )

    if item.volume is None:
        return at(None)
    first = at(np.full(count, item.volume))
    return at(item.volume * filling(item, first))


def filling(item: Finalist, done: Evaluation) -> Any:
    """Factor by which each draw's volume fills the limits that the design fills [n]."""
    room = []
    if item.site_limit is not None:
        room.append((item.limits / done.peak_by_year).min(axis=-1))
    if item.budget is not None:
        room.append(item.budget / outlay(done))
    return np.minimum.reduce(room)


def _wide(spec: Any, count: int) -> Any:
    return map_leaves(lambda _, leaf: leaf if getattr(leaf, "ndim", 0) else np.full(count, float(leaf)), spec)


def draws(item: Finalist, scenario: Scenario, seed: int, count: int = DRAWS) -> Evaluation:
    """The design under draws of all its inputs at once; leaves [count]. The same seed gives the same draws."""
    found = inputs_of(item)
    normal = np.random.default_rng(seed).standard_normal((len(found), count))
    changed = {one.path: draw(one.datum, one.field, row) for one, row in zip(found, normal, strict=True)}
    return evaluate_with(item, scenario, changed, count)


def swings(item: Finalist, scenario: Scenario, value: Callable[[Evaluation, Terms], Any]) -> list[dict[str, Any]]:
    """Each input at the ends of its range, all others held: what the objective becomes; largest swing first."""
    found = inputs_of(item)
    count = 2 * len(found) + 1
    changed: dict[str, np.ndarray] = {}
    for index, one in enumerate(found):
        column = np.full(count, one.datum.value)
        column[2 * index], column[2 * index + 1] = one.datum.low, one.datum.high
        changed[one.path] = column
    result = np.broadcast_to(np.asarray(value(evaluate_with(item, scenario, changed, count), item.terms)), (count,))
    base = float(result[-1])
    rows: list[dict[str, Any]] = [
        {"path": one.path}
        | printed(one.datum)
        | {
            "effect_low": float(result[2 * index]) - base,
            "effect_high": float(result[2 * index + 1]) - base,
        }
        for index, one in enumerate(found)
    ]
    spans = [(float(result[2 * index + 1]) - float(result[2 * index])) ** 2 for index in range(len(found))]
    total = sum(spans) or 1.0
    for row, span in zip(rows, spans, strict=True):
        row["share"] = span / total
    return sorted(rows, key=lambda row: (-row["share"], row["path"]))


__all__ = ["DRAWS", "Hardware", "Plant", "draws", "inputs_of", "swings"]
