"""Dates as distributions: closed forms, the latest of several, waiting, and what is written."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.stack.dates import (
    DAYS_PER_YEAR,
    Latest,
    Uncertain,
    after,
    between,
    calendar_year,
    certain,
    wait_apart,
    wait_together,
    written,
)

DAY = 1.0 / DAYS_PER_YEAR


@dataclass(frozen=True)
class Exponential(Uncertain):
    """A date with a constant chance per time; only for closed forms."""

    rate: float = 1.0

    def at(self, normal):
        survival = np.array([0.5 * math.erfc(value / math.sqrt(2.0)) for value in np.atleast_1d(normal)])
        return (self.since - np.log(survival) / self.rate).reshape(np.shape(normal))

    def chance(self, times):
        return 1.0 - np.exp(-self.rate * np.maximum(times - self.since, 0.0))


def exponential(rate: float) -> Exponential:
    return Exponential(since=2027.0, median=2027.0 + math.log(2.0) / rate, rate=rate)


LOGNORMAL = between(dated=2026.0, p50=2028.0, p90=2029.5)


@pytest.mark.parametrize("text", ["2027-01-01", "2027-12-31", "2028-02-29", "2028-12-31", "2026-11-22"])
def test_a_day_is_written_as_it_was_read(text: str) -> None:
    assert written(calendar_year(text)) == text


def test_a_month_is_its_first_day() -> None:
    assert calendar_year("2027-03") == calendar_year("2027-03-01") == pytest.approx(2027 + 59 / 365)


def test_percentiles_of_a_date_are_those_given() -> None:
    assert LOGNORMAL.quantile(0.5) == pytest.approx(2028.0)
    assert LOGNORMAL.quantile(0.9) == pytest.approx(2029.5)
    assert LOGNORMAL.chance(np.array([2025.0, 2026.0, 2028.0, 2029.5])) == pytest.approx([0.0, 0.0, 0.5, 0.9])


def test_a_duration_passes_through_its_three_percentiles() -> None:
    date = after(start=2026.0, time=2.0, low=1.0, high=3.0)
    assert [date.quantile(share) for share in (0.05, 0.5, 0.95)] == pytest.approx([2027.0, 2028.0, 2029.0])
    assert date.chance(np.array([2027.0, 2028.0, 2029.0])) == pytest.approx([0.05, 0.5, 0.95])


def test_a_certain_date_has_come_or_not() -> None:
    assert certain(2028.0).chance(np.array([2027.999, 2028.0, 2029.0])) == pytest.approx([0.0, 1.0, 1.0])
    assert certain(2028.0).quantile(0.9) == pytest.approx(2028.0)


def test_the_latest_of_two_exponentials() -> None:
    both = Latest({"one": exponential(1.0), "other": exponential(1.0)})
    for share in (0.5, 0.9):
        assert both.quantile_apart(share) == pytest.approx(2027.0 - math.log(1.0 - math.sqrt(share)), abs=DAY)
        assert both.quantile_together(share) == pytest.approx(2027.0 - math.log(1.0 - share))


def test_how_often_an_exponential_is_the_latest() -> None:
    binding = Latest({"slow": exponential(1.0), "fast": exponential(3.0)}).binding()
    assert binding["slow"] == pytest.approx(0.75, abs=2e-3)
    assert sum(binding.values()) == pytest.approx(1.0)


def test_waiting_of_one_exponential_for_another() -> None:
    ready, needed = exponential(2.0), Latest({"power": exponential(0.5)})
    wait = wait_apart(ready, needed)
    # P(needed > ready) = 0.8, and what is left then is exponential again, of mean 2.
    assert wait.mean == pytest.approx(0.8 * 2.0, rel=2e-3)
    assert wait.p50 == pytest.approx(-2.0 * math.log(0.5 / 0.8), abs=2 * DAY)
    assert wait.p90 == pytest.approx(-2.0 * math.log(0.1 / 0.8), abs=2 * DAY)
    # Together, needed is four times as late as ready: the wait is three times an exponential of rate 2.
    together = wait_together(ready, needed)
    assert together.mean == pytest.approx(1.5, rel=2e-3)
    assert together.p50 == pytest.approx(1.5 * math.log(2.0), rel=2e-3)


def test_the_product_of_two_lognormals() -> None:
    other = between(dated=2026.0, p50=2028.0, p90=2031.0)
    both = Latest({"one": LOGNORMAL, "other": other})
    median = both.quantile_apart(0.5)
    assert float((LOGNORMAL.chance(np.array([median])) * other.chance(np.array([median])))[0]) == pytest.approx(
        0.5, abs=1e-3
    )
    normal = np.random.default_rng(7).standard_normal((2, 400_000))
    drawn = np.maximum(LOGNORMAL.at(normal[0]), other.at(normal[1]))
    assert both.quantile_apart(0.9) == pytest.approx(np.quantile(drawn, 0.9), abs=0.02)
    wait = wait_apart(LOGNORMAL, Latest({"other": other}))
    assert wait.mean == pytest.approx(np.maximum(other.at(normal[1]) - LOGNORMAL.at(normal[0]), 0).mean(), rel=0.01)


def test_certain_dates_meet_at_the_last() -> None:
    both = Latest({"chips": certain(2028.0), "power": certain(2028.5)})
    assert both.quantile_apart(0.5) == pytest.approx(2028.5, abs=DAY)
    assert both.quantile_apart(0.9) == pytest.approx(2028.5, abs=DAY)
    assert both.binding() == pytest.approx({"chips": 0.0, "power": 1.0})
    for wait in (wait_apart(certain(2028.0), both), wait_together(certain(2028.0), both)):
        assert (wait.p50, wait.mean, wait.p90) == pytest.approx((0.5, 0.5, 0.5), abs=DAY)


@given(st.floats(0.1, 3.0), st.floats(0.0, 2.0), st.floats(0.1, 3.0), st.floats(0.0, 2.0))
def test_dates_that_move_together_are_never_later(first: float, wide: float, second: float, broad: float) -> None:
    made = [
        between(dated=2026.0, p50=2026 + p50, p90=2026 + p50 + spread)
        for p50, spread in ((first, wide), (second, broad))
    ]
    both = Latest(dict(zip(("a", "b"), made, strict=True)))
    for share in (0.5, 0.9):
        assert both.quantile_together(share) <= both.quantile_apart(share) + DAY
        assert both.quantile_together(share) >= max(item.quantile(share) for item in made) - 1e-9
