"""Work that can wait: what moves, and what the busiest hour is left with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackwright.workload.flexible import filling_level, moved

LOADS = some.lists(some.floats(0.05, 3.0), min_size=24, max_size=24)


@given(LOADS, some.floats(0.0, 4.0))
def test_the_level_holds_the_amount(base: list[float], amount: float) -> None:
    hours = np.array(base)
    level = filling_level(base=hours, amount=np.array(amount))
    assert np.maximum(level - hours, 0.0).sum() == pytest.approx(amount, abs=1e-9)


@given(LOADS, some.floats(0.0, 1.0))
def test_a_window_keeps_its_work_and_no_placing_has_a_lower_peak(load: list[float], movable: float) -> None:
    hours = np.array(load * 2)
    made, placed = moved(load=hours, movable=movable, window=24)
    assert made.reshape(2, 24).sum(axis=1) == pytest.approx(hours.reshape(2, 24).sum(axis=1))
    assert placed.sum() == pytest.approx(movable * hours.sum())
    assert np.all(made >= (1.0 - movable) * hours - 1e-12)
    # the peak is the mean, or what cannot move at the busiest hour, whichever is higher
    least = max(hours[:24].mean(), (1.0 - movable) * hours.max())
    assert made.max() == pytest.approx(least, rel=1e-9)


def test_all_of_a_day_that_can_wait_is_flat() -> None:
    made, _ = moved(load=np.arange(1.0, 49.0), movable=1.0, window=24)
    assert made[:24] == pytest.approx(12.5)
    assert made[24:] == pytest.approx(36.5)


def test_nothing_moves_where_nothing_may() -> None:
    load = np.arange(1.0, 25.0)
    made, placed = moved(load=load, movable=0.0, window=24)
    assert made == pytest.approx(load)
    assert not placed.any()
