"""Coalitions, orders and best responses against plain enumeration; what a dividend says of real small studies."""

from __future__ import annotations

from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest
from made_up_table import made_up

from stackwright.catalog import Catalog
from stackwright.codesign.baselines import PRODUCT, Teams, best_responses, coordinate_wise, two_teams
from stackwright.codesign.coalitions import coalitions
from stackwright.codesign.decisions import decided
from stackwright.codesign.dividend import dividend_of, dividend_study, frozen_scores
from stackwright.codesign.finalists import design_of
from stackwright.codesign.layers import DECISIONS, HARDWARE, LAYERS, PLANT, Layered, layered
from stackwright.codesign.plants import terms_of
from stackwright.codesign.references import references
from stackwright.codesign.search import amounts_of, pick_of
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.table import Point
from stackwright.codesign.team_measures import composed
from stackwright.stack.study import Study

SEEDS = range(40)


def optimum(layers: Layered, frozen: np.ndarray, free: set[str]) -> float:
    """The best of all designs whose layers outside `free` are the reference's, one design at a time."""
    score = layers.score if "serving" in free else frozen
    best = np.inf
    for place in np.ndindex(score.shape):
        point = Point(*place)
        own = layers.options_of(point)
        if all(layer in free or own[layer] == layers.point[layer] for layer in DECISIONS):
            best = min(best, float(score[place]))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_every_coalition_is_the_optimum_of_its_part_of_the_grid(seed: int) -> None:
    layers = made_up(seed)
    frozen = layers.score + np.random.default_rng(seed).uniform(0.0, 0.3, layers.score.shape)
    frozen[layers.reference] = layers.score[layers.reference]
    found = coalitions(layers, frozen)
    for size in (0, 1, 2, 5, 8, 9):
        for free in list(combinations(LAYERS, size))[:12]:
            bits = sum(1 << LAYERS.index(layer) for layer in free)
            assert found.optimum[bits] == optimum(layers, frozen, set(free)), free


@pytest.mark.parametrize("seed", SEEDS)
def test_attribution_sums_to_the_whole(seed: int) -> None:
    layers = made_up(seed)
    found = coalitions(layers, layers.score)
    whole = found.optimum[0] - found.optimum[-1]
    assert sum(found.shapley().values()) == pytest.approx(whole, abs=1e-12)
    assert all(gain >= 0 for gain in found.alone().values())


def test_attribution_is_the_mean_over_all_orders_of_freeing() -> None:
    found = coalitions(made_up(3), made_up(3).score)
    rng = np.random.default_rng(0)
    shares = dict.fromkeys(LAYERS, 0.0)
    orders = [tuple(rng.permutation(len(LAYERS))) for _ in range(20_000)]
    for order in orders:
        bits = 0
        for player in order:
            shares[LAYERS[player]] += found.gain[bits | 1 << player] - found.gain[bits]
            bits |= 1 << player
    exact = found.shapley()
    for layer in LAYERS:
        assert shares[layer] / len(orders) == pytest.approx(exact[layer], abs=6e-3)


def test_interaction_of_a_pair_by_its_definition() -> None:
    found = coalitions(made_up(5), made_up(5).score)
    a, b = 1 << LAYERS.index("chip"), 1 << LAYERS.index("cooling")
    others = [1 << bit for bit in range(len(LAYERS)) if 1 << bit not in (a, b)]
    total = 0.0
    for size in range(len(others) + 1):
        weight = factorial(size) * factorial(len(others) - size) / factorial(len(others) + 1)
        for chosen in combinations(others, size):
            bits = sum(chosen)
            total += weight * (
                found.gain[bits | a | b] - found.gain[bits | a] - found.gain[bits | b] + found.gain[bits]
            )
    assert found.interactions()["chip+cooling"] == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_orders_are_what_each_order_leads_to(seed: int) -> None:
    layers = made_up(seed)
    teams = Teams(layers)
    values = [teams.in_order(order).value for order in permutations(PRODUCT)]
    found = teams.orders(PRODUCT)
    assert found.count == len(values) == 720
    assert (found.best.value, found.worst.value) == (min(values), max(values))
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_joint_is_never_worse_and_stays_where_it_is(seed: int) -> None:
    layers = made_up(seed)
    joint = layers.table.best()
    best, own = layers.value(joint), layers.value(layers.reference)
    teams = Teams(layers)
    ends = [*coordinate_wise(layers, seed, starts=8), two_teams(layers, plant_first=True)]
    ends += [two_teams(layers, plant_first=False), teams.orders(PRODUCT).worst, teams.orders(PRODUCT).best]
    ends.append(composed(layers, dict.fromkeys(DECISIONS, 0)))
    for end in ends:
        assert end.value >= best
    assert teams.orders(PRODUCT).worst.value <= own
    assert best_responses(layers, joint) == joint


def test_on_ties_the_reference_stays() -> None:
    layers = made_up(1, holes=0.0)
    layers.table.score[:] = 1.5
    teams = Teams(layers)
    assert teams.orders(PRODUCT).worst.point == layers.reference
    assert best_responses(layers, layers.reference) == layers.reference


def test_a_composition_that_cannot_be_built_is_repaired_in_the_open() -> None:
    layers = made_up(2)
    for seed in SEEDS:
        layers = made_up(seed, holes=0.5)
        wanted = {layer: len(layers.options[layer]) - 1 for layer in DECISIONS}
        end = composed(layers, wanted)
        assert end.point is not None
        has = layers.options_of(end.point)
        assert len(end.repairs) == sum(has[layer] != wanted[layer] for layer in DECISIONS)


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


@pytest.fixture(scope="module")
def layers(small: Study, seen: Searched) -> Layered:
    assert seen.found.table is not None
    first = references(small, seen.parts, seen.found.table)[0]
    assert first.point is not None
    return layered(seen.found.table, seen.parts, first.point, small.network.fabric)


def test_the_table_holds_the_best_over_all_rows(small: Study, seen: Searched, layers: Layered) -> None:
    """Rows that were thinned out under a plant, and the order of the work, change nothing."""
    table, terms = layers.table, terms_of(small, seen.parts)
    finite = np.flatnonzero(np.isfinite(table.score))
    for flat in np.random.default_rng(4).choice(finite, 60, replace=False):
        point = Point(*(int(place) for place in np.unravel_index(flat, table.score.shape)))
        pick = pick_of(small, seen.scenario, seen.grid, seen.classes, terms, table, point)
        assert table.score[point] == pytest.approx(pick.score, rel=1e-12)


def test_the_whole_coalition_is_joint_and_none_is_the_reference(small: Study, seen: Searched, layers: Layered) -> None:
    terms = terms_of(small, seen.parts)
    own = pick_of(small, seen.scenario, seen.grid, seen.classes, terms, layers.table, layers.reference)
    frozen = frozen_scores(small, seen, layers, design_of(seen.grid, seen.classes, own))
    assert frozen[layers.reference] == pytest.approx(layers.score[layers.reference], rel=1e-12)
    assert (frozen >= layers.score * (1 - 1e-12)).all()
    found = coalitions(layers, frozen)
    assert seen.found.best is not None
    assert found.optimum[-1] == seen.found.best.score
    assert found.optimum[0] == pytest.approx(layers.value(layers.reference), rel=1e-12)


def test_amounts_agree_with_the_score(small: Study, seen: Searched) -> None:
    best = seen.found.best
    assert best is not None
    found = amounts_of(small, seen.scenario, seen.grid, seen.classes, terms_of(small, seen.parts), best)
    assert found["present_cost"] > 0 and found["facility_power"] > 0 and found["tokens_per_second"] > 0


def test_a_dividend_holds_what_it_must(small: Study, catalog: Catalog, seen: Searched) -> None:
    made = dividend_of(small, catalog, seen, 0.0)
    whole = made["reference"]["value"] - made["joint"]["value"]
    assert sum(made["shapley"].values()) == pytest.approx(whole, rel=1e-9)
    assert set(made["shapley"]) == set(made["alone"]) == set(LAYERS)
    assert list(made["interactions"]) == [f"{a}+{b}" for a, b in combinations(LAYERS, 2)]
    for entry in made["baselines"].values():
        assert entry["value"] is None or entry["dividend"] >= 0.0
    near = made["near_optimal"]
    assert 1 <= near["within_1_percent"]["designs"] <= near["within_5_percent"]["designs"]


def test_decisions_are_the_layers_without_serving() -> None:
    assert set(DECISIONS) == set(LAYERS) - {"serving"} == set(HARDWARE) | set(PLANT)


def test_the_same_study_has_the_same_dividend(small: Study, catalog: Catalog) -> None:
    first, again = (dividend_study(small, catalog) for _ in range(2))
    for made in (first, again):
        del made["run"]
    assert first == again


def test_joint_is_no_worse_than_any_way(small: Study, seen: Searched, layers: Layered) -> None:
    made = decided(small, seen.parts, seen.classes, layers)
    assert all(value >= made.joint.value for value in made.values.values())
