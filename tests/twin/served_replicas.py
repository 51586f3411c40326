"""Replicas with made-up times, for tests of the endpoint with the real scheduler."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.serving.scheduler import Limits
from stackwright.serving.scheduler_tables import Table, Timing
from stackwright.serving.served import ServedReplica

STEP = 0.02
"""Seconds of a round, whatever runs in it."""


def replica(**changed: Any) -> ServedReplica:
    """One whose rounds all take `STEP`, and a prompt's pass a millisecond; it holds 2,000 sequences."""
    ends = np.array([1.0, 10_000.0])
    step, prompt = np.full((2, 2), STEP), np.full((2, 2), 1e-3)
    prefills = Table(ends, np.array([0.0, 1.0]), prompt)
    known: dict[str, Any] = {
        "timing": Timing(steps=Table(ends, ends, step), prefills=prefills, shared=prefills),
        "limits": Limits(ranks=8, sequences=2000, blocks=100_000),
        "prefill": None,
        "overhead": 0.0,
        "prefix_hits": 0.0,
        "longest": 4096.0,
        "requests_per_second": 500.0,
        "sequences": 500.0,
        "input_tokens": np.array([100]),
        "output_tokens": np.array([50]),
        "replicas": 3.0,
        "share": 1.0,
        "chips": 8.0,
        "prefill_chips": 0.0,
    }
    return ServedReplica(**known | changed)
