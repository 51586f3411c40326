"""Interconnection agreements: energized megawatts by year, curtailed hours, ramps, ride-through."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_HOUR
from stackwright.power.interconnection import (
    NORMAL_90,
    Facility,
    Interconnection,
    Phase,
    curtailed_share,
    date_at,
    date_spread,
    held_energy,
    largest_ramp,
    smoothing_energy,
    smoothing_power,
    swing_energy,
)

MEGAWATT = 1e6
MINUTE = 60.0
WHOLE_YEAR = np.ones(HOURS_PER_YEAR)


def agreement(**changes) -> Interconnection:
    phases = (
        Phase(firm=200 * MEGAWATT, nonfirm=0.0, p50=2027.0, p90=2027.5),
        Phase(firm=600 * MEGAWATT, nonfirm=100 * MEGAWATT, p50=2028.25, p90=2029.0),
        Phase(firm=800 * MEGAWATT, nonfirm=200 * MEGAWATT, p50=2028.75, p90=2030.0),
    )
    given = {
        "dated": 2026.0,
        "phases": phases,
        "curtailed_time": 100 * SECONDS_PER_HOUR,
        "upgrade_cost": 0.0,
        "security": 0.0,
        "security_rate": 0.0,
        "most_export": 0.0,
        "facility": Facility(),
    }
    return Interconnection(**(given | changes))


def test_a_date_passes_through_its_percentiles() -> None:
    spread = date_spread(dated=2026.0, p50=2028.0, p90=2029.5)
    assert spread == pytest.approx(math.log(3.5 / 2.0) / NORMAL_90)
    assert date_at(dated=2026.0, p50=2028.0, spread=spread, normal=0.0) == 2028.0
    assert date_at(dated=2026.0, p50=2028.0, spread=spread, normal=NORMAL_90) == pytest.approx(2029.5)


def test_the_mean_of_a_year_weighs_its_phases_by_time() -> None:
    firm, nonfirm = agreement().mean_in_year(2028.0)
    assert firm / MEGAWATT == pytest.approx(200 * 0.25 + 600 * 0.5 + 800 * 0.25)
    assert nonfirm / MEGAWATT == pytest.approx(100 * 0.5 + 200 * 0.25)


def test_the_least_of_a_year_is_that_of_its_start() -> None:
    assert np.array(agreement().at(2028.0)) / MEGAWATT == pytest.approx([200.0, 0.0])
    assert np.array(agreement().at(2026.9)) / MEGAWATT == pytest.approx([0.0, 0.0])
    assert np.array(agreement().at(2029.0, NORMAL_90)) / MEGAWATT == pytest.approx([600.0, 100.0])


def test_the_mean_of_hours_is_the_mean_of_the_year() -> None:
    hours = 2028.0 + (np.arange(HOURS_PER_YEAR) + 0.5) / HOURS_PER_YEAR
    for by_hour, by_year in zip(agreement().at(hours), agreement().mean_in_year(2028.0), strict=True):
        assert by_hour.mean() == pytest.approx(by_year, rel=1e-9)


@given(st.floats(2026.0, 2031.0), st.floats(0.0, NORMAL_90))
def test_a_later_quantile_never_has_more_power(year: float, normal: float) -> None:
    sooner, later = sum(agreement().mean_in_year(year)), sum(agreement().mean_in_year(year, normal))
    assert later <= sooner * (1 + 1e-12)


def test_the_dearest_hours_are_curtailed() -> None:
    price = np.random.default_rng(1).normal(40.0, 10.0, HOURS_PER_YEAR)
    missing = curtailed_share(signal=price, duration=100.5 * SECONDS_PER_HOUR, weights=WHOLE_YEAR)
    assert missing.sum() == pytest.approx(100.5)
    assert (missing > 0).sum() == 101
    assert price[missing == 1].min() >= price[missing == 0].max()


def test_hours_that_stand_for_many_are_curtailed_by_their_weight() -> None:
    weights = np.array([100.0, 50.0, 8610.0])
    missing = curtailed_share(signal=np.array([3.0, 9.0, 1.0]), duration=75 * SECONDS_PER_HOUR, weights=weights)
    assert missing == pytest.approx([0.25, 1.0, 0.0])


@given(st.floats(0.0, 8760.0), st.lists(st.floats(-50.0, 500.0), min_size=1, max_size=30))
def test_what_is_curtailed_is_what_the_agreement_allows(hours: float, price: list[float]) -> None:
    weights = np.full(len(price), HOURS_PER_YEAR / len(price))
    missing = curtailed_share(signal=np.array(price), duration=hours * SECONDS_PER_HOUR, weights=weights)
    assert (missing * weights).sum() == pytest.approx(hours, abs=1e-6)
    assert ((missing >= 0) & (missing <= 1)).all()


def test_the_limit_loses_only_the_nonfirm_part() -> None:
    firm, nonfirm = agreement().at(2030.0)
    price = np.arange(HOURS_PER_YEAR, dtype=float)
    limit = agreement().limit(firm=firm, nonfirm=nonfirm, signal=price, weights=WHOLE_YEAR)
    assert limit[:-100] / MEGAWATT == pytest.approx(1000.0)
    assert limit[-100:] / MEGAWATT == pytest.approx(800.0)


def test_storage_brings_a_step_within_the_limit() -> None:
    step, limit = 800 * MEGAWATT, 100 * MEGAWATT / MINUTE
    power = smoothing_power(step_power=step, step_time=12.0, ramp_limit=limit)
    energy = smoothing_energy(step_power=step, step_time=12.0, ramp_limit=limit)
    assert power / MEGAWATT == pytest.approx(780.0)
    # The two ramps, integrated by hand: the load is done after 12 s, the grid after 480 s.
    time = np.linspace(0.0, 480.0, 480_001)
    gap = np.minimum(time / 12.0, 1.0) * step - time * limit
    assert power == pytest.approx(gap.max())
    assert energy == pytest.approx(((gap[1:] + gap[:-1]) / 2).sum() * (time[1] - time[0]))


def test_a_step_slow_enough_needs_no_storage() -> None:
    given = {"step_power": 100 * MEGAWATT, "step_time": MINUTE, "ramp_limit": 100 * MEGAWATT / MINUTE}
    assert smoothing_power(**given) == pytest.approx(0.0)
    assert smoothing_energy(**given) == pytest.approx(0.0)
    assert held_energy(step_power=100 * MEGAWATT, step_time=MINUTE) == pytest.approx(3e9)


def test_swings_are_held_at_their_mean() -> None:
    time = np.linspace(0.0, 2.0, 200_001)[:-1]
    load = np.where(time < 1.4, 500 * MEGAWATT, 0.0)
    stored = np.cumsum(load - load.mean()) * (time[1] - time[0])
    found = swing_energy(swing_power=500 * MEGAWATT, period=2.0, duty=0.7)
    assert found == pytest.approx(stored.max() - min(stored.min(), 0.0), rel=1e-4)


def test_the_largest_ramp_of_an_hourly_load() -> None:
    assert largest_ramp(load=np.array([5.0, 5.0, 365.0, 5.0])) == pytest.approx(0.1)
