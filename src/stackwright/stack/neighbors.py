"""Measured runs in the planner: what they say of the pace of a cell's replicas.

Only runs count whose rows state all their inputs: the others were compared with a mixture over what they leave
out, and a plan leaves nothing out. Only replicas that do both phases are corrected: no published disaggregated
system states its pools.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.core.records import Record
from stackwright.core.units import Count
from stackwright.model.sharding import Layout
from stackwright.serving.likeness import LABELS, PACE_SCATTER, SIZES, Measured, Runs
from stackwright.serving.queueing import NORMAL_95
from stackwright.serving.service import Lengths

PACE = "measured-pace"
"""The record of what follows the time of steps."""
CLOSED, FIGURE = "closed", "tpot_mean"
"""A benchmark with so many requests under way, and its mean time per token: the nearest to a replica in a plan."""

PLANNED = "(planned)"
"""The release of what is not built yet: none that was measured."""


@dataclass(frozen=True)
class Neighbors:
    """Measured runs near one cell: its labels, and the spread of the stack's predictions."""

    measured: Measured
    labels: dict[str, str]
    spread: float

    def pace(self, layout: Layout, batch: Count, lengths: Lengths) -> tuple[Any, Any]:
        """Factor on the time of steps, and the share of its variance that is left; shaped as layout and batch.

        Source: posterior of the error as in `stackwright.serving.likeness`.
        """
        degrees = (layout.tensor, layout.expert, layout.chips, batch * layout.groups * layout.pipeline / layout.chips)
        wide = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in degrees))
        tensor, expert, chips, load = (np.log2(one.ravel()) for one in wide)
        ones = np.ones_like(chips)
        sizes = {
            **dict.fromkeys(SIZES, 0.0 * ones),
            "input": np.log2(lengths.input_mean) * ones,
            "output": np.log2(lengths.output_mean) * ones,
            "load": load,
            "tensor": tensor,
            "expert": expert,
            "chips": chips,
        }
        words = {name: np.full(len(chips), self.labels[name], dtype=object) for name in LABELS}
        mean, left = self.measured.posterior(Runs(words, sizes))
        return np.exp(mean * self.spread).reshape(wide[0].shape), left.reshape(wide[0].shape)


def neighbors_of(measured: Measured, *, stack: Record, chip: str, model: str, formats: str) -> Neighbors | None:
    """The measured runs that speak of a cell; None where there are none.

    Source: spread of the stack's predictions from the 5-95 % range of its record (lognormal).
    """
    own = measured.runs.labels
    near = measured.stated & (own["chip"] == chip) & ((own["stack"] == stack.id) | (own["model"] == model))
    if not near.any():
        return None
    words = {"stack": stack.id, "release": PLANNED, "chip": chip, "model": model, "formats": formats}
    range_ = stack.values["time_spread"]
    spread = math.hypot(math.log(range_.high / range_.low) / (2.0 * NORMAL_95), PACE_SCATTER)
    return Neighbors(measured.where(near), {**words, "mode": CLOSED, "figure": FIGURE}, spread)
