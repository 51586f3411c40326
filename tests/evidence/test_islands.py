"""The published case of a rack against islands of 8: its curve, what is learned, and what comes out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.catalog.loader import packaged
from stackwright.evidence import islands
from stackwright.evidence.islands import (
    ISLANDS,
    RACK,
    SISTERS,
    SPEEDS,
    Errors,
    Levers,
    frontier_at,
    learned,
    moved_by,
    predicted,
    published,
    rack_or_islands,
    recipes,
    recipes_of,
)
from stackwright.evidence.replay import Bench


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> Levers:
    """Two levers in place of all: the speed of steps, and the acceptance of drafts."""
    monkeypatch.setattr(islands, "LEVERS", ("time_spread",))
    monkeypatch.setattr(islands, "DRAWS", 50)
    return Levers.of(Bench(catalog))


def test_published_points_give_the_published_curve() -> None:
    rack = [14125, 12508, 11017, 9379, 7796, 6781, 4130, 1922, 826, 432, 262, 186]
    alone = [12292, 10853, 9185, 6968, 4512, 3047, 941, 583, 429, 332, 241, 193]
    assert published(RACK).round().tolist() == rack
    assert published(ISLANDS).round().tolist() == alone


def test_every_recipe_has_a_source(catalog: Catalog) -> None:
    lines = (Path(str(packaged())) / "cases" / "rack_or_islands.csv").read_text().splitlines()[1:]
    assert len(lines) == len(recipes())
    for key in {line.rsplit(",", 1)[1] for line in lines}:
        assert catalog.source(key).url


def test_a_curve_goes_through_its_best_points_alone() -> None:
    speed, rate = np.array([10.0, 20.0, 25.0, 30.0, 40.0]), np.array([9.0, 6.0, 1.0, 3.0, 2.0])
    curve = frontier_at(speed=speed, rate=rate, asked=np.array([5.0, 10.0, 20.0, 30.0, 40.0, 41.0]))
    assert np.isnan(curve[[0, 5]]).all()
    assert curve[1:5] == pytest.approx([9.0, 6.0, 3.0, 2.0])
    between = frontier_at(speed=speed, rate=rate, asked=np.linspace(10.0, 40.0, 200))
    assert (np.diff(between) <= 1e-12).all()
    pair = frontier_at(speed=speed[:2], rate=rate[:2], asked=np.array([15.0, 25.0]))
    assert pair[0] == pytest.approx(7.5) and np.isnan(pair[1])


def test_levers_move_inside_their_ranges(catalog: Catalog) -> None:
    levers = Levers.of(Bench(catalog))
    for datum in levers.data.values():
        assert moved_by(datum, 0.0) == pytest.approx(datum.value)
        assert moved_by(datum, 1.6448536) == pytest.approx(datum.high)
        assert moved_by(datum, -1.6448536) == pytest.approx(datum.low, abs=1e-8)
    _, acceptance = levers.at(np.full(len(levers.data), 9.0))
    assert acceptance == 1.0


def test_like_recipes_err_alike() -> None:
    own, errors = recipes_of(RACK), Errors(scatter=0.1, share=0.5, reach=2.0)
    among = errors.among(own)
    assert np.diag(among) == pytest.approx(0.01)
    assert among[0, 1] > among[0, 6] > 0.0
    assert (np.linalg.eigvalsh(among) > 0.0).all()
    assert Errors(0.1, 0.0, 1.0).covariance(own, recipes_of(ISLANDS)).max() == 0.0


def test_the_case_itself_teaches_nothing(few: Levers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(one.tpot for one in recipes_of(*SISTERS))
    known = learned(few, recipes_of(*SISTERS))
    first = predicted(few, known)
    blind = tuple(replace(one, speed=None, rate=None) for one in recipes())
    monkeypatch.setattr(islands, "recipes", lambda: blind)
    again = predicted(few, learned(few, recipes_of(*SISTERS)))
    for chip in (RACK, ISLANDS):
        np.testing.assert_array_equal(first[chip], again[chip])


def test_the_rack_is_worth_more_the_faster_its_users(catalog: Catalog) -> None:
    found = rack_or_islands(catalog)
    ratio = np.array([line["ratio"] for line in found["curve"]])
    assert [line["speed"] for line in found["curve"]] == SPEEDS.tolist()
    assert (np.diff(ratio, axis=1) >= 0.0).all()
    assert (ratio[:, 1] >= 1.0).all()
    at = SPEEDS.tolist().index(islands.SPEED)
    assert (np.diff(ratio[: at + 1, 1]) > 0.0).all() and found["rank"] == pytest.approx(1.0)
    assert ratio[at, 1] > 2.0 > ratio[-1, 1]


def test_its_level_is_inside_a_narrow_range(catalog: Catalog) -> None:
    found = rack_or_islands(catalog)
    low, middle, high = found["level"]
    assert low <= found["published_level"] <= high <= 2.0 * low
    assert middle == pytest.approx(found["published_level"], rel=0.2)
    assert found["inside"] >= 1.0 and found["width"] >= high / low
    assert found["sister_error"] < 0.12


def test_the_fabric_makes_islands_no_worse(catalog: Catalog) -> None:
    found = rack_or_islands(catalog)
    for alone, joined in zip(found["any_layout"], found["any_layout_with_fabric"], strict=True):
        assert joined["islands"][1] >= alone["islands"][1]
        assert joined["ratio"][1] <= alone["ratio"][1] + 1e-9
