"""Planes are exact at their knots, lie below the cost between them, and tell loads of other shapes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from dispatch_cases import CASES, PER_KW_YEAR, PER_MWH, case

from stackwright.power.cuts import Cuts, content_key, cost_curve
from stackwright.power.dispatch import solve
from stackwright.power.supply import Connection, Generator, Reserve, Supply
from stackwright.power.typical_days import _told, typical

SCALES = (0.02, 0.2, 0.4, 0.55, 0.7, 0.85, 1.0)
HOUR = np.arange(8760)


@cache
def curve(name: str) -> Cuts:
    return cost_curve(case(name), SCALES)


def daily(swing: float, peak: float) -> np.ndarray:
    return 1.0 + swing * np.cos((HOUR - peak) * 2 * np.pi / 24)


@pytest.mark.parametrize("name", CASES)
def test_planes_are_exact_at_their_knots_and_convex(name: str) -> None:
    cuts = curve(name)
    assert np.allclose(cuts.cost(cuts.scales[:, None] * cuts.reference), cuts.objective, rtol=1e-9)
    assert np.all(np.abs(cuts.gap) < 1e-9)
    between = np.linspace(0.02, 1.0, 50)
    cost = cuts.cost(between[:, None] * cuts.reference)
    assert np.all(np.diff(cost, 2) >= -1e-6 * cost.max())
    told, _ = typical(case(name))
    for scale in (0.3, 0.78):
        truth = solve(replace(told, load=scale * told.load)).objective
        assert float(cuts.cost(scale * cuts.reference)) == pytest.approx(truth, rel=2e-3)
        assert float(cuts.cost(scale * cuts.reference)) <= truth * (1 + 1e-9)


@pytest.mark.parametrize("name", CASES)
def test_loads_of_other_shapes_are_told_within_their_band(name: str) -> None:
    """Against the program on the same days with the load of that shape."""
    problem, cuts = case(name), curve(name)
    _, mapping = typical(problem)
    noise = 1.0 + 0.05 * np.random.default_rng(0).standard_normal(8760)
    for shape in (daily(0.05, 15), daily(0.05, 20), daily(0.2, 6), daily(0.2, 18), daily(0.2, 20), noise):
        for scale in (0.5, 0.9):
            load = problem.load * shape * scale
            truth = solve(_told(replace(problem, load=load), mapping)).objective
            assert float(cuts.cost(load)) == pytest.approx(truth, rel=0.015)


def test_coefficients_cost_a_mix_of_profiles() -> None:
    cuts = curve("va80")
    idle, busy = daily(0.05, 15), daily(0.2, 20)
    constants, slopes = cuts.coefficients(np.stack([idle, busy]))
    for i, b in ((1e8, 3e8), (5e8, 1e8)):
        mixed = (constants + i * slopes[0] + b * slopes[1]).max()
        assert mixed == pytest.approx(float(cuts.cost(i * idle + b * busy)), rel=1e-12)


def test_the_gradient_is_the_price_of_hours() -> None:
    cuts = curve("tx90")
    assert cuts.hour_price.shape == (len(SCALES), 8760)
    step = 1e-3
    low, high = (float(cuts.cost((0.7 + sign * step) * cuts.reference)) for sign in (-1.0, 1.0))
    along = cuts.hour_price[4] @ cuts.reference * 3600.0
    assert low <= cuts.objective[4] - step * along + 1.0 or low == pytest.approx(cuts.objective[4] - step * along)
    assert (high - low) / (2 * step) == pytest.approx(along, rel=0.15)


def test_planes_are_kept_as_arrays() -> None:
    cuts = curve("island")
    again = Cuts.from_arrays(cuts.to_arrays())
    load = daily(0.1, 12) * 5e8
    assert again.plants == cuts.plants
    assert again.cost(load) == cuts.cost(load)


def test_a_knot_beyond_what_the_plant_carries_is_shown() -> None:
    meter = Connection(6e8, np.full(8760, 40 * PER_MWH), 0.0, 0.0)
    problem = Supply(load=1e9 * daily(0.05, 15), weights=np.ones(8760), days=365, connection=meter)
    cuts = cost_curve(problem, (0.3, 0.5, 0.9))
    assert list(cuts.carried) == [True, True, False]
    assert cuts.unserved[2] > 0.0


def test_the_key_is_of_the_content() -> None:
    one, other = case("va80", hours=48), case("va80", hours=48)
    assert content_key(one) == content_key(other)
    changed = replace(other, load=other.load + 1.0)
    assert content_key(changed) != content_key(one)
    assert content_key(replace(one, carbon_price=0.01)) != content_key(one)
    assert content_key(replace(one, stores=())) != content_key(one)


def test_a_reserve_that_comes_in_one_step_leaves_the_planes_below() -> None:
    meter = Connection(6e8, np.full(8760, 40 * PER_MWH), 0.0, 0.0)
    engines = Generator("engines", 0.0, np.inf, 100 * PER_KW_YEAR, 60 * PER_MWH, 0.9, 0.0, 1e-7)
    reserve = Reserve(peak=1.3, firm=6e8, nonfirm=0.0, lost=3e8, pausable=0.0, plants=("engines",))
    problem = Supply(1e9 * daily(0.05, 15), np.ones(8760), 365, meter, generators=(engines,), reserve=reserve)
    cuts = cost_curve(problem, (0.2, 0.4, 0.5, 0.8))
    assert np.all(cuts.gap > -1e-9)
    assert cuts.gap.max() > 0.001
    assert cuts.capacity[1, 0] == pytest.approx(0.0, abs=1.0)
    assert cuts.capacity[2, 0] >= 3.5e8 * (1 - 1e-9)
