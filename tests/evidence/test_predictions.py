"""Mixtures of lognormals: quantiles of one state, of two far apart, and their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.evidence.predictions import NORMAL_95, mixture_quantiles, refused, spread_of


def quantiles(median: list[float], weight: list[float], spread: list[float]) -> np.ndarray:
    return mixture_quantiles(
        row=np.zeros(len(median), dtype=int),
        weight=np.array(weight),
        median=np.array(median),
        spread=np.array(spread),
        rows=1,
        levels=(0.05, 0.5, 0.95),
    )[:, 0]


def test_one_state_has_the_quantiles_of_a_lognormal() -> None:
    low, middle, high = quantiles([3.0], [1.0], [0.2])
    assert middle == pytest.approx(3.0, rel=1e-6)
    assert high / middle == pytest.approx(np.exp(0.2 * NORMAL_95), rel=1e-4)
    assert low * high == pytest.approx(middle**2, rel=1e-4)


def test_two_states_far_apart_span_both() -> None:
    low, middle, high = quantiles([1.0, 10.0], [0.7, 0.3], [0.01, 0.01])
    assert low == pytest.approx(1.0, rel=0.05)
    assert middle == pytest.approx(1.0, rel=0.05)
    assert high == pytest.approx(10.0, rel=0.05)


def test_rows_do_not_touch_each_other() -> None:
    found = mixture_quantiles(
        row=np.array([0, 1, 1]),
        weight=np.ones(3),
        median=np.array([1.0, 5.0, 5.0]),
        spread=np.array([0.1, 0.1, 0.1]),
        rows=2,
        levels=(0.5,),
    )
    assert found[0] == pytest.approx([1.0, 5.0], rel=1e-6)


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(0.01, 1.0), st.floats(0.01, 1.0)), min_size=1, max_size=6))
def test_quantiles_are_ordered_and_between_the_states(states: list[tuple[float, float, float]]) -> None:
    median, weight, spread = (list(part) for part in zip(*states, strict=True))
    low, middle, high = quantiles(median, weight, spread)
    assert low <= middle <= high
    assert min(median) * 0.999 <= middle <= max(median) * 1.001


def test_spread_of_a_range_reproduces_it() -> None:
    spread = spread_of(0.65, 1.55)
    assert np.exp(2 * NORMAL_95 * spread) == pytest.approx(1.55 / 0.65)


def test_refused_rows_have_no_value() -> None:
    made = refused(["why", "because"])
    assert made.reason == ["why", "because"]
    assert not made.value.any() and not made.imputed.any()
