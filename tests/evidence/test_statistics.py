"""Error figures against values worked out by hand, and against SciPy's rank correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from stackwright.evidence.statistics import FIGURES, kendall_tau, summary


def test_summary_of_four_rows() -> None:
    figures = summary(
        predicted=np.array([1.1, 2.0, 2.7, 8.0]),
        low=np.array([0.9, 1.0, 2.8, 2.0]),
        high=np.array([1.2, 3.0, 2.9, 9.0]),
        measured=np.array([1.0, 2.0, 3.0, 4.0]),
        group=["a", "a", "b", "b"],
    )
    assert figures["median_ape"] == pytest.approx(0.1)
    assert figures["mean_ape"] == pytest.approx((0.1 + 0.0 + 0.1 + 1.0) / 4)
    assert figures["median_ratio"] == pytest.approx((1.0 + 1.1) / 2)
    assert figures["interval90_coverage"] == pytest.approx(0.75)
    assert figures["interval90_width"] == pytest.approx((1.2 / 0.9 + 3.0) / 2)
    assert figures["kendall_tau"] == pytest.approx(1.0)


def test_summary_without_rows_says_nothing() -> None:
    none = np.zeros(0)
    assert summary(predicted=none, low=none, high=none, measured=none, group=[]) == dict.fromkeys(FIGURES)


def test_tau_looks_only_inside_groups() -> None:
    measured, predicted = np.array([1.0, 2.0, 10.0, 20.0]), np.array([5.0, 6.0, 1.0, 2.0])
    assert kendall_tau(predicted, measured, ["a", "a", "b", "b"]) == 1.0
    assert kendall_tau(predicted, measured, ["a", "a", "a", "a"]) == pytest.approx(-1.0 / 3.0)


def test_tau_without_a_pair_is_none() -> None:
    assert kendall_tau(np.array([1.0, 2.0]), np.array([1.0, 2.0]), ["a", "b"]) is None
    assert kendall_tau(np.array([1.0, 2.0]), np.array([3.0, 3.0]), ["a", "a"]) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=40))
def test_tau_of_one_group_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    predicted, measured = np.array(pairs, dtype=float).T
    found = kendall_tau(predicted, measured, [0] * len(pairs))
    expected = kendalltau(measured, predicted).statistic
    if np.isnan(expected):
        assert found is None
    else:
        assert found == pytest.approx(expected)
