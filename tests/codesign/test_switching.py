"""Options to move at the refresh: against closed forms, and where they are worth nothing."""

import math
from dataclasses import replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.codesign.switching import (
    Horizon,
    Market,
    Move,
    Way,
    borne_rise,
    break_even,
    falls_at_least,
    loss_that_pays,
    outcome,
    regrets,
    switch_value,
)
from stackwright.interface.port import Port
from stackwright.interface.price_paths import PricePaths

YEARS, FIRST, FOLLOWING = 5.0, 100.0, 80.0
FREE = Port(people=0.0, time=0.0, kept_at_start=1.0, kept=1.0, tuning_time=0.0)
HARD = Port(people=10.0, time=1.5e7, kept_at_start=0.5, kept=0.9, tuning_time=1.5e7)


def one(value: float) -> np.ndarray:
    return np.full((1, 1), value)


def market(volatility: float, correlation: float = 0.5, gain: float = 0.2, paths: int = 20_000) -> Market:
    draws = np.random.default_rng(5).standard_normal((3, paths // 2))
    common, home, rival = np.concatenate([draws, -draws], axis=1)[:, None, :]
    return Market(
        horizon=Horizon(years=YEARS, first=FIRST, following=FOLLOWING, discount=0.7, annuity=4.0),
        paths=PricePaths(common_gain=one(gain), volatility=one(volatility), correlation=one(correlation)),
        staff=one(1e-9),
        drifts={"home": one(0.0), "rival": one(0.0)},
        walks={"home": home, "rival": rival},
        common=common,
    )


def way(port: Port, rival: float, home: float = 1.0, once: float = 0.0, yearly: float = 0.0) -> Way:
    return Way("home", one(home), one(once), one(yearly), {"rival": Move(port, one(rival))})


def margrabe(home: float, rival: float, spread: float) -> float:
    """Value of the right to exchange one asset for another. Source: Margrabe 1978."""
    normal = NormalDist()
    first = math.log(home / rival) / spread + spread / 2.0
    return home * normal.cdf(first) - rival * normal.cdf(first - spread)


@pytest.mark.parametrize("rival", [0.7, 1.0, 1.4])
@pytest.mark.parametrize(("volatility", "correlation"), [(0.1, 0.0), (0.25, 0.5), (0.4, 0.8)])
def test_a_free_move_is_worth_the_closed_form(rival: float, volatility: float, correlation: float) -> None:
    spread = volatility * math.sqrt(2.0 * (1.0 - correlation) * YEARS)
    expected = margrabe(1.0, rival, spread) * 1.2**-YEARS * FOLLOWING
    found = float(outcome(market(volatility, correlation), way(FREE, rival)).saving[0])
    assert found == pytest.approx(expected, rel=0.03, abs=0.02 * FOLLOWING * 1.2**-YEARS)


@pytest.mark.parametrize(("rival", "expected"), [(0.7, 0.3), (1.0, 0.0), (1.4, 0.0)])
def test_without_volatility_an_option_is_worth_the_plain_difference_or_nothing(rival: float, expected: float) -> None:
    found = outcome(market(0.0, gain=0.0), way(FREE, rival))
    assert float(found.saving[0]) == pytest.approx(expected * FOLLOWING)
    assert float(found.exercised[0]) == float(expected > 0.0)


def test_an_option_is_worth_more_where_prices_wander_more() -> None:
    found = [float(outcome(market(level), way(HARD, 1.2)).saving[0]) for level in (0.0, 0.1, 0.2, 0.3, 0.4)]
    assert found[0] == 0.0
    assert all(low < high for low, high in pairwise(found))


def test_an_option_is_worth_less_where_platforms_move_together() -> None:
    found = [float(outcome(market(0.3, level), way(HARD, 1.2)).saving[0]) for level in (0.0, 0.5, 1.0)]
    assert found[0] > found[1] > found[2] == 0.0


def test_a_move_of_endless_cost_is_worth_nothing() -> None:
    endless = replace(HARD, people=math.inf)
    found = outcome(market(0.4), way(endless, 0.1))
    assert (float(found.saving[0]), float(found.exercised[0])) == (0.0, 0.0)
    assert float(outcome(market(0.4), way(HARD, 0.1)).saving[0]) > 0.0


@given(
    rival=st.floats(0.2, 3.0),
    volatility=st.floats(0.0, 0.6),
    once=st.floats(0.0, 50.0),
    yearly=st.floats(0.0, 20.0),
)
def test_being_portable_is_never_better_than_being_so_free_of_charge(
    rival: float, volatility: float, once: float, yearly: float
) -> None:
    here = market(volatility, paths=64)
    paid, free = (
        outcome(here, way(FREE, rival, once=cost, yearly=rate)) for cost, rate in ((once, yearly), (0.0, 0.0))
    )
    assert float(paid.total[0]) >= float(free.total[0])
    assert float(paid.saving[0]) == float(free.saving[0]) >= 0.0
    hard = outcome(here, way(HARD, rival))
    assert float(hard.saving[0]) <= float(free.saving[0]) + 1e-12


def test_the_parts_of_a_total_add_up() -> None:
    here, it = market(0.3), way(HARD, 0.9, once=3.0, yearly=2.0)
    found = outcome(here, it)
    kept = (it.cost * here.fall * here.relative("home")).mean() * FOLLOWING
    whole = FIRST + 3.0 + 2.0 * 4.0 + kept - float(found.saving[0])
    assert float(found.total[0]) == pytest.approx(whole / (FIRST + FOLLOWING))


def test_a_free_move_takes_nothing_and_a_hard_one_much() -> None:
    here = market(0.2)
    assert float(switch_value(here, way(FREE, 0.8), "rival")[0]) == pytest.approx(0.0)
    assert float(switch_value(here, way(HARD, 0.8), "rival")[0]) > 0.0


@pytest.mark.parametrize("rival", [0.6, 1.0, 2.0])
def test_at_the_rise_that_is_borne_staying_costs_what_leaving_costs(rival: float) -> None:
    here, it = market(0.0), way(HARD, rival)
    rises = borne_rise(here, it)
    assert rises is not None
    dearer = replace(it, cost=it.cost * (1.0 + float(rises[0])))
    edge = [outcome(here, replace(dearer, cost=dearer.cost * factor)) for factor in (0.999, 1.001)]
    assert [float(found.exercised[0]) for found in edge] == [0.0, 1.0]


def test_an_option_without_another_platform_bears_anything() -> None:
    assert borne_rise(market(0.2), replace(way(FREE, 1.0), moves={})) is None


def options() -> dict[str, Way]:
    home = way(HARD, 1.2)
    rival = Way("rival", one(1.2), one(0.0), one(0.0), {"home": Move(HARD, one(1.0))})
    portable = Way("home", one(1.01), one(0.1), one(0.1), {"rival": Move(FREE, one(1.2))})
    return {"home-only": home, "rival-only": rival, "portable": portable}


def test_in_every_future_the_best_option_has_no_regret() -> None:
    here, ways = market(0.3), options()
    for fall in (-0.5, 0.0, 0.5):
        drift = {"home": one(0.0), "rival": one((1.0 - fall) ** (-1.0 / YEARS) - 1.0)}
        found = {name: float(value[0]) for name, value in regrets(here, ways, drift).items()}
        assert min(found.values()) == 0.0
        assert max(found.values()) > 0.0
    assert min(found, key=lambda name: found[name]) == "portable"


def test_below_the_break_even_the_chosen_option_is_the_best_and_above_it_is_not() -> None:
    here, ways = market(0.3), options()
    found = break_even(here, ways, "home-only", "rival")
    assert found is not None
    fall, better = found
    assert better == "portable"
    for moved, best in ((fall - 1e-3, "home-only"), (fall + 1e-3, "portable")):
        drift = {"home": one(0.0), "rival": one((1.0 - moved) ** (-1.0 / YEARS) - 1.0)}
        told = {name: float(value[0]) for name, value in regrets(here, ways, drift).items()}
        assert min(told, key=lambda name: told[name]) == best


def test_where_nothing_is_better_there_is_no_break_even() -> None:
    assert break_even(market(0.3), {"home-only": way(HARD, 1.2)}, "home-only", "rival") is None


def test_the_chance_of_a_fall_is_that_of_a_lognormal() -> None:
    here = market(0.25, 0.5)
    spread = 0.25 * math.sqrt(YEARS)
    expected = NormalDist().cdf(math.log(0.7) / spread)
    assert falls_at_least(here, "home", "rival", 0.3) == pytest.approx(expected, abs=0.01)


def test_a_portable_engine_pays_up_to_the_loss_at_which_totals_tie() -> None:
    here, ways = market(0.3, paths=2_000), options()
    loss = loss_that_pays(here, ways["portable"], 1.0, ways["home-only"])
    assert loss is not None
    target = float(outcome(here, ways["home-only"]).total[0])
    tied = replace(ways["portable"], cost=one(1.0 + loss))
    assert float(outcome(here, tied).total[0]) == pytest.approx(target)
    assert float(outcome(here, replace(tied, cost=one(1.001 + loss))).total[0]) > target


def test_a_portable_engine_whose_upkeep_is_endless_never_pays() -> None:
    here, ways = market(0.3, paths=64), options()
    assert loss_that_pays(here, replace(ways["portable"], yearly=one(1e9)), 1.0, ways["home-only"]) is None
