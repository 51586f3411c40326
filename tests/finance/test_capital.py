"""Time value of money against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from stackwright.finance.capital import (
    additions,
    capital_weights,
    levelized_cost,
    middle_discount,
    residual_weights,
    start_discount,
)

YEARS = np.arange(5.0)


def test_discounting_halves_between_start_and_start() -> None:
    start, middle = start_discount(year=YEARS, rate=0.08), middle_discount(year=YEARS, rate=0.08)
    assert start[0] == 1.0
    assert middle**2 == pytest.approx(start * start_discount(year=YEARS + 1.0, rate=0.08))


def test_an_asset_that_lives_as_long_as_the_horizon_leaves_nothing() -> None:
    weights = capital_weights(year=YEARS, rate=0.08, life=5.0, decline=0.0)
    assert weights[0] == pytest.approx(1.0)
    assert residual_weights(year=YEARS, life=5.0, decline=0.0)[0] == 0.0
    assert (np.diff(weights) < 0).all()


def test_what_is_bought_last_is_worth_most_at_the_end() -> None:
    left = residual_weights(year=YEARS, life=10.0, decline=0.0)
    assert left == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])


def test_additions_never_shrink_the_base() -> None:
    assert additions(np.array([[4.0, 6.0, 5.0, 9.0]])).tolist() == [[4.0, 2.0, 0.0, 3.0]]


def test_levelized_cost_repays_exactly() -> None:
    tokens = np.full(5, 2.0) * middle_discount(year=YEARS, rate=0.1)
    price = levelized_cost(present_cost=7.0, present_tokens=tokens.sum())
    assert (price * tokens).sum() == pytest.approx(7.0)
