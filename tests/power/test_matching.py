"""Ways to count a clean share, in closed form: a flat load under a sun that shines half the day as a sine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.power import matching

STEPS = 24 * 2000
DAY = (np.arange(STEPS) + 0.5) * 24.0 / STEPS
SUN = np.maximum(np.sin(np.pi * (DAY - 6.0) / 12.0), 0.0)
LOAD = np.ones(STEPS)

hours = arrays(float, 48, elements=st.floats(0.0, 10.0))
loads = arrays(float, 48, elements=st.floats(0.1, 10.0))
shares = arrays(float, 48, elements=st.floats(0.0, 1.0))


def matched_by_sun(peak: float) -> float:
    """Mean over a day of min(1, peak x sine): the part under the cut, and the hours that the cut covers."""
    if peak <= 1.0:
        return peak / np.pi
    angle = np.arcsin(1.0 / peak)
    return (np.pi - 2.0 * angle + 2.0 * (peak - np.sqrt(peak**2 - 1.0))) / (2.0 * np.pi)


@pytest.mark.parametrize("peak", [0.5, 1.0, 2.0, np.pi, 8.0])
def test_a_flat_load_under_the_sun(peak: float) -> None:
    clean = peak * SUN
    hourly = matching.hourly_clean_share(load=LOAD, clean=clean)
    assert hourly == pytest.approx(matched_by_sun(peak), abs=1e-6)
    assert matching.annual_clean_share(load=LOAD, clean=clean) == pytest.approx(min(peak / np.pi, 1.0), abs=1e-6)
    with_grid = matching.hourly_clean_share_with_grid(load=LOAD, clean=clean, grid_clean_share=0.4 + 0.0 * SUN)
    assert with_grid == pytest.approx(hourly + (1.0 - hourly) * 0.4)


def test_as_much_sun_as_load_is_all_of_the_year_and_less_than_half_of_the_hours() -> None:
    """The case that tells the ways apart: a year's worth of solar serves 45 % of a flat load in its hour."""
    clean = np.pi * SUN
    assert matching.annual_clean_share(load=LOAD, clean=clean) == pytest.approx(1.0, abs=1e-6)
    assert matching.hourly_clean_share(load=LOAD, clean=clean) == pytest.approx(0.4489, abs=1e-4)


def test_a_flat_supply_counts_the_same_in_the_hour_and_in_the_year() -> None:
    half = 0.5 * LOAD
    assert (
        matching.hourly_clean_share(load=LOAD, clean=half) == matching.annual_clean_share(load=LOAD, clean=half) == 0.5
    )


def test_a_load_that_follows_the_sun_is_met_in_its_hour() -> None:
    load = 0.2 + SUN
    assert matching.hourly_clean_share(load=load, clean=load) == pytest.approx(1.0)


@given(loads, hours, shares)
def test_the_hour_never_counts_more_than_the_year_and_the_grid_only_adds(
    load: np.ndarray, clean: np.ndarray, grid: np.ndarray
) -> None:
    hourly = matching.hourly_clean_share(load=load, clean=clean)
    with_grid = matching.hourly_clean_share_with_grid(load=load, clean=clean, grid_clean_share=grid)
    assert 0.0 <= hourly <= matching.annual_clean_share(load=load, clean=clean) + 1e-12
    assert hourly - 1e-12 <= with_grid <= 1.0 + 1e-12


@given(loads, hours, shares)
def test_the_score_with_the_grid_is_the_one_of_google(load: np.ndarray, clean: np.ndarray, grid: np.ndarray) -> None:
    """Sum of min(load, clean + bought x the grid's share) over the load, hour by hour."""
    bought = np.maximum(load - clean, 0.0)
    score = np.minimum(load, clean + bought * grid).sum() / load.sum()
    found = matching.hourly_clean_share_with_grid(load=load, clean=clean, grid_clean_share=grid)
    assert found == pytest.approx(score, rel=1e-9)


def test_emissions_of_a_load_and_water_behind_it() -> None:
    assert matching.emissions(power=2.0 * np.ones(10), rate=0.5 + np.zeros(10)) == pytest.approx(10 * SECONDS_PER_HOUR)
    kilowatt_hour, liter = 3.6e6, 1e-3
    site, pue, intensity = 0.3 * liter, 1.2, 1.6 * liter / kilowatt_hour
    behind = matching.source_water(site_water=site, grid_energy=pue * kilowatt_hour, water_intensity=intensity)
    assert behind == pytest.approx((0.3 + 1.2 * 1.6) * liter)
