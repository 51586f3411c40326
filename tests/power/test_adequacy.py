"""What is firm carries all that is installed, with the largest machine lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackwright.power.adequacy import carried_power, needed_capacity
from stackwright.power.supply import Reserve

WATTS = some.floats(0.0, 1e9)


def test_a_meter_alone_carries_what_is_firm_of_it() -> None:
    meter = {"firm": 800e6, "nonfirm": 200e6, "own": 0.0, "lost": 0.0}
    assert carried_power(**meter, pausable=0.0) == pytest.approx(800e6)
    assert carried_power(**meter, pausable=0.1) == pytest.approx(800e6 / 0.9)
    assert carried_power(**meter, pausable=0.5) == pytest.approx(1000e6), "no more than is connected"


def test_the_largest_machine_does_not_count() -> None:
    made = carried_power(firm=100e6, nonfirm=0.0, own=90e6, lost=30e6, pausable=0.0)
    assert made == pytest.approx(160e6)


@given(WATTS, WATTS, some.floats(1e6, 1e9), some.floats(0.0, 0.9))
def test_what_a_carried_peak_needs_is_what_there_is(firm: float, nonfirm: float, own: float, pausable: float) -> None:
    lost = 0.2 * own
    peak = carried_power(firm=firm, nonfirm=nonfirm, own=own, lost=lost, pausable=pausable)
    needed = needed_capacity(peak=peak, firm=firm, nonfirm=nonfirm, lost=lost, pausable=pausable)
    assert needed == pytest.approx(own, rel=1e-6, abs=1.0)


def test_the_slope_of_what_is_needed_is_its_derivative() -> None:
    reserve = Reserve(peak=1.4, firm=500e6, nonfirm=50e6, lost=40e6, pausable=0.1, plants=("gas",))
    for mean in (200e6, 400e6, 450e6, 700e6):
        step = 1e3
        rise = (reserve.needed(mean + step) - reserve.needed(mean)) / step
        assert reserve.slope(mean) == pytest.approx(rise, rel=1e-3, abs=1e-9), mean
    assert np.isclose(reserve.needed(100e6), 0.0)
