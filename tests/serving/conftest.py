"""Timing tables whose answers are known by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stackwright.serving.scheduler_tables import Table, Timing

MakeTiming = Callable[..., Timing]


@pytest.fixture
def linear_timing() -> MakeTiming:
    """A round of ``step + sequence * batch + context_byte * batch * context``; a prefill of `token` each."""

    def make(step: float = 0.01, sequence: float = 0.0, context: float = 0.0, token: float = 1e-5) -> Timing:
        batch, length = np.array([1.0, 1024.0]), np.array([1.0, 1e6])
        share = np.array([0.0, 1.0])
        prefills = Table(length, share, token * length[:, None] * share)
        steps = Table(batch, length, step + batch[:, None] * (sequence + context * length))
        return Timing(steps=steps, prefills=prefills, shared=prefills)

    return make
