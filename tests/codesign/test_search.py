"""The search finds what enumeration finds, and its price of a design is that of `evaluate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import chooser
from stackwright.codesign.finalists import design_of, evaluated, objective_value, plant_for, terms_of
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.plant_grid import PlantOption
from stackwright.codesign.search import Pick, scores, sides_of, sides_rows
from stackwright.stack.deployment import money
from stackwright.stack.evaluate import evaluate
from stackwright.stack.study import Study


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


def exact(small: Study, seen: Searched, pick: Pick, *, settled: bool) -> float:
    design = design_of(seen.grid, seen.classes, pick)
    done = evaluate(
        design,
        seen.scenario,
        cell=seen.grid.cells[int(seen.grid.rows.cell[pick.row])],
        plant=plant_for(small, seen.parts, seen.scenario, design),
        terms=terms_of(small, seen.parts),
        settled=settled,
    )
    return float(objective_value(str(small.objective), seen.scenario, done, terms_of(small, seen.parts)))


def test_a_best_design_exists(seen: Searched) -> None:
    assert seen.found.best is not None
    assert seen.found.feasible_pairs > 1000


def test_pruned_search_finds_what_the_whole_grid_holds(
    small: Study, catalog: Catalog, seen: Searched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing that was dropped could have won: with every feasible point kept, the best is the same."""
    monkeypatch.setenv("STACKWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(chooser, "non_dominated", lambda criteria: np.arange(len(criteria)))
    whole = searched(small, catalog)
    assert len(whole.grid.rows) > 5 * len(seen.grid.rows)
    assert whole.found.best is not None and seen.found.best is not None
    assert whole.found.best.score == pytest.approx(seen.found.best.score, rel=1e-12)
    for key, pick in whole.found.by_option.items():
        assert seen.found.by_option[key].score == pytest.approx(pick.score, rel=1e-12), key


def test_search_prices_designs_as_evaluate_does(small: Study, seen: Searched) -> None:
    """By the plant's terms the two agree to rounding; rescaled redundancy and distribution nearly."""
    for index, plant in enumerate(seen.classes):
        for option in (0, len(plant.options) - 1):
            picks = [pick for pick in seen.found.by_option.values() if pick.plant_class == index]
            if not picks:
                continue
            pick = replace(picks[0], option=option)
            score = searched_score(small, seen, pick)
            near = 1e-9 if settled(small, plant.options[option]) else 2e-3
            assert exact(small, seen, pick, settled=False) == pytest.approx(score, rel=near)


def settled(small: Study, option: PlantOption) -> bool:
    """Whether the search settles an option's bills and does not rescale them."""
    first = (small.datacenter.redundancy[0], small.datacenter.distribution[0])
    return (option.redundancy, option.distribution) == first


def searched_score(small: Study, seen: Searched, pick: Pick) -> float:
    """What the search's matrix products give for one design."""
    cash = money(terms_of(small, seen.parts), seen.scenario.years)
    classes = sides_of(seen.grid, seen.classes, pick)
    sides = sides_rows(seen.scenario, seen.grid, classes, np.array([pick.row]), cash, sourcing=pick.sourcing)
    score, _ = scores(small, seen.scenario, sides, cash, rented=False)
    return float(score[0, pick.option])


def test_the_hourly_year_agrees_with_the_terms(small: Study, seen: Searched) -> None:
    """Settling the year as one load moves the objective by less than half a percent here."""
    best = seen.found.best
    assert best is not None
    assert exact(small, seen, best, settled=True) == pytest.approx(best.score, rel=5e-3)


def test_the_best_is_the_minimum_over_every_pair(small: Study, catalog: Catalog, seen: Searched) -> None:
    """Enumeration, one design at a time, over every kept point and every plant option of one cell."""
    best = seen.found.best
    assert best is not None
    cell = seen.grid.rows.cell[best.row]
    rows = np.flatnonzero(seen.grid.rows.cell == cell)[::3]
    scores = []
    for row in rows:
        for option in range(0, len(seen.classes[best.plant_class].options), 3):
            scores.append(exact(small, seen, replace(best, row=int(row), option=option), settled=False))
    assert min(scores) >= best.score * (1 - 2e-3)


def test_more_room_is_never_worse(small: Study, catalog: Catalog, seen: Searched) -> None:
    """Relaxing a latency target or adding a site cannot raise the optimum."""
    wider = small.model_copy(update={"demand": small.demand.model_copy(update={"tpot": small.demand.tpot * 2})})
    more = small.model_copy(
        update={"datacenter": small.datacenter.model_copy(update={"site": (*small.datacenter.site, "seattle-wa")})}
    )
    assert seen.found.best is not None
    for study in (wider, more):
        best = searched(study, catalog).found.best
        assert best is not None and best.score <= seen.found.best.score * (1 + 1e-12)


def test_a_finalist_is_the_design_of_its_pick(small: Study, seen: Searched) -> None:
    best = seen.found.best
    assert best is not None
    design = design_of(seen.grid, seen.classes, best)
    cell, limits = seen.grid.cells[int(seen.grid.rows.cell[best.row])], seen.classes[0].weights.limit[0]
    item = evaluated(small, seen.parts, seen.scenario, design, cell, limits, best.score)
    assert item.value == pytest.approx(best.score, rel=5e-3)
    assert float(item.done.present_cost) == pytest.approx(sum(float(cost) for cost in item.done.costs.values()))


def test_non_dominated_against_the_definition() -> None:
    rng = np.random.default_rng(5)
    for size, width in ((1, 2), (2, 3), (60, 2), (200, 4)):
        points = rng.integers(0, 6, (size, width)).astype(float)
        kept = set(non_dominated(points).tolist())
        for index, point in enumerate(points):
            beaten_by = [
                other for other in range(size) if (points[other] <= point).all() and (points[other] < point).any()
            ]
            same = [other for other in kept if (points[other] == point).all()]
            assert bool(same) != bool(beaten_by), (index, point)
            assert len(same) <= 1
