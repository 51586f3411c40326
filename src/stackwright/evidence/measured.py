"""Replayed rows in the light of measured runs that are like them.

The replay says what a run should give; runs that were measured say by how much such replays err. Both the
prediction and its interval move: towards the neighbors, as far as they are like the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stackwright.evidence.predictions import NORMAL_95, Predictions, spread_of
from stackwright.evidence.replay import Replayed, Run, Wanted
from stackwright.serving.likeness import Runs, runs_of, shape_of

FIRST = "measured-first"
"""The record of what follows the time to a first token."""
UNBOUNDED_LOAD = 512.0
"""Sequences per chip that stand for a load that never runs out, and for any above."""
OPEN_POOL = 0.25
"""Prefill chips over decode chips where a pool is sized to its load: about what long answers need."""
MOST = 3.0
"""Standard deviations beyond which a row's error counts no more: a mislabeled row tells nothing of others."""


def informed(replayed: Replayed, wanted: Sequence[Wanted | None], made: Predictions | None = None) -> Predictions:
    """Each row's figure (or what is `made` of it), corrected by what measured runs like it say. Source: definition."""
    made = made or replayed.predict(wanted)
    for follows in sorted({one.follows for one in wanted if one is not None and one.follows}):
        own = [
            (row, one)
            for row, one in enumerate(wanted)
            if one is not None and one.follows == follows and made.reason[row] is None
        ]
        if own:
            index = np.array([row for row, _ in own])
            asked = served_runs(replayed, wanted, index.tolist())
            mean, left = replayed.parts.measured(follows).posterior(asked)
            sign = np.array([-1.0 if one.is_rate else 1.0 for _, one in own])
            apart = np.array([one.apart for _, one in own])
            made = corrected(made, index, mean=sign * mean, left=left, apart=apart)
    return made


def corrected(
    made: Predictions, index: np.ndarray, *, mean: np.ndarray, left: np.ndarray, apart: np.ndarray
) -> Predictions:
    """Predictions with some rows moved by a mean error, in standard deviations of their own, and narrowed.

    `apart` is the standard deviation that the error does not speak of. Each side of an interval keeps its
    own width, times the root of the variance that is `left`.
    Source: conditional normal distribution (definition).
    """
    value, low, high = made.value.copy(), made.low.copy(), made.high.copy()
    center = np.log(value[index])
    below, above = center - np.log(low[index]), np.log(high[index]) - center
    variance = ((below + above) / (2.0 * NORMAL_95)) ** 2
    spoken = np.maximum(variance - apart**2, 0.0)
    moved = center + mean * np.sqrt(spoken)
    kept = np.sqrt(1.0 - spoken / variance * (1.0 - left))
    value[index] = np.exp(moved)
    low[index], high[index] = np.exp(moved - below * kept), np.exp(moved + above * kept)
    return replace(made, value=value, low=low, high=high)


def errors(made: Predictions, wanted: Sequence[Wanted | None], measured: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """How far rows were measured from predictions, in standard deviations, signed as times. Source: definition."""
    found = []
    for row in rows:
        spread = spread_of(float(made.low[row]), float(made.high[row]))
        found.append(_sign(wanted[row]) * math.log(float(measured[row]) / float(made.value[row])) / spread)
    return np.clip(np.array(found), -MOST, MOST)


def _sign(one: Wanted | None) -> float:
    return -1.0 if one is not None and one.is_rate else 1.0


def served_runs(replayed: Replayed, wanted: Sequence[Wanted | None], rows: Sequence[int]) -> Runs:
    """What tells rows apart from measured runs: labels of the likeliest state, sizes over all. Source: definition."""
    return runs_of([_described(replayed, wanted[row], row) for row in rows])


def _described(replayed: Replayed, one: Wanted | None, row: int) -> dict[str, str | float]:
    states = replayed.runs_of(row)
    likeliest = max(states, key=lambda state: state[0])[1]

    def mean(size: Callable[[Run], float]) -> float:
        return sum(weight * math.log2(size(run)) for weight, run in states)

    return {
        "stack": likeliest.software if len({run.software for _, run in states}) == 1 else "",
        "release": replayed.readings[row].release,
        "chip": likeliest.chip if len({run.chip for _, run in states}) == 1 else "",
        "model": shape_of(replayed.parts.architecture(likeliest.model)),
        "formats": likeliest.precision.name,
        "mode": _mode(likeliest),
        "figure": "" if one is None else one.name,
        "input": mean(lambda run: run.input),
        "output": mean(lambda run: run.output),
        "load": mean(lambda run: min(run.sequences / run.spread.chips, UNBOUNDED_LOAD)),
        "tensor": mean(lambda run: run.spread.tensor),
        "expert": mean(lambda run: run.spread.expert),
        "chips": mean(lambda run: run.spread.chips),
        "pool": mean(_pool),
        "prefill_tensor": mean(lambda run: run.prefill.tensor if run.prefill else 1.0),
    }


def _mode(run: Run) -> str:
    if run.static:
        return "static"
    if run.prefill is not None:
        return "disaggregated"
    return "closed" if math.isfinite(run.sequences) else "offline"


def _pool(run: Run) -> float:
    return max(run.prefill.chips / run.spread.chips, OPEN_POOL) if run.prefill else 1.0
