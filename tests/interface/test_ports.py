"""Ports, second stacks, price paths and model futures: equations at points that can be checked by hand."""

import numpy as np
import pytest

from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.interface.model_future import capacity_of, idle_share, stranded_share
from stackwright.interface.port import Port, port_cost, ported_cost, share_of_life
from stackwright.interface.price_paths import common_fall, correlated, relative_cost
from stackwright.interface.second_stack import upkeep

MONTH = SECONDS_PER_YEAR / 12.0


def test_a_port_costs_people_for_a_time() -> None:
    year = 450_000.0 / SECONDS_PER_YEAR
    assert port_cost(people=8.0, time=4.0 * MONTH, staff_cost=year) == pytest.approx(1.2e6)
    assert upkeep(people=4.0, staff_cost=year) * SECONDS_PER_YEAR == pytest.approx(1.8e6)


def test_a_move_that_is_free_costs_what_the_new_platform_costs() -> None:
    port = Port(people=0.0, time=0.0, kept_at_start=1.0, kept=1.0, tuning_time=0.0)
    assert port.cost_of_tokens(cost=0.7, stay=1.0, life=5.0 * SECONDS_PER_YEAR) == 0.7


def test_a_move_pays_the_old_platform_until_it_serves_then_more_until_it_is_tuned() -> None:
    made = ported_cost(cost=1.0, stay=2.0, late=0.1, tuning=0.2, kept_at_start=0.5, kept=0.8)
    assert made == pytest.approx(0.1 * 2.0 + 0.2 * 1.0 / 0.4 + 0.7 * 1.0 / 0.8)


def test_a_move_that_takes_longer_than_a_fleet_lives_never_leaves() -> None:
    port = Port(people=1.0, time=9.0 * SECONDS_PER_YEAR, kept_at_start=0.5, kept=0.8, tuning_time=MONTH)
    assert share_of_life(time=port.time, life=5.0 * SECONDS_PER_YEAR) == 1.0
    assert port.cost_of_tokens(cost=0.1, stay=2.0, life=5.0 * SECONDS_PER_YEAR) == 2.0


def test_prices_fall_alike_and_wander_around_one() -> None:
    assert common_fall(gain=0.25, years=2.0) == pytest.approx(0.64)
    walk = np.random.default_rng(1).standard_normal(200_000)
    still = relative_cost(drift=0.0, volatility=0.3, years=4.0, walk=np.concatenate([walk, -walk]))
    assert still.mean() == pytest.approx(1.0, rel=0.01)
    assert relative_cost(drift=0.25, volatility=0.0, years=2.0, walk=0.0) == pytest.approx(0.64)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_walks_have_so_much_in_common(correlation: float) -> None:
    common, one, other = np.random.default_rng(2).standard_normal((3, 100_000))
    first = correlated(common=common, own=one, correlation=correlation)
    second = correlated(common=common, own=other, correlation=correlation)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(correlation, abs=0.01)


def test_a_sparse_model_is_as_good_as_a_dense_one_in_between() -> None:
    assert capacity_of(active=37e9, total=671e9) == pytest.approx(157.6e9, rel=1e-3)
    assert capacity_of(active=70e9, total=70e9) == pytest.approx(70e9)


def test_what_is_best_loses_nothing_and_nothing_loses_more_than_all() -> None:
    assert stranded_share(built=1.0, best=1.0, capital=0.8) == 0.0
    assert stranded_share(built=1.2, best=1.0, capital=0.8) == pytest.approx(0.25)
    assert stranded_share(built=5.0, best=1.0, capital=0.8) == 1.0


def test_only_what_has_no_work_and_finds_none_is_idle() -> None:
    assert idle_share(need=0.6, reused=0.0) == pytest.approx(0.4)
    assert idle_share(need=0.6, reused=1.0) == 0.0
    assert idle_share(need=1.7, reused=0.0) == 0.0
