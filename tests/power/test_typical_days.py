"""Typical days keep the means of the year, choose alike days, and cost what the year costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dispatch_cases import case

from stackwright.power.supply import Flexible
from stackwright.power.typical_days import distances, matched_counts, medoids, typical


def test_medoids_are_the_middles_of_groups() -> None:
    rng = np.random.default_rng(2)
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    rows = (centers[:, None, :] + 0.1 * rng.standard_normal((3, 20, 2))).reshape(-1, 2)
    distance = distances(profiles=rows)
    found = medoids(distance=distance, count=3)
    assert sorted(found // 20) == [0, 1, 2]
    best = min(distance[[a, 20 + b, 40 + c]].min(axis=0).sum() for a in range(20) for b in range(20) for c in range(20))
    assert distance[found].min(axis=0).sum() == pytest.approx(best)


def test_distances_are_those_of_rows() -> None:
    rows = np.random.default_rng(3).random((7, 4))
    expected = ((rows[:, None] - rows[None]) ** 2).sum(axis=-1)
    assert np.allclose(distances(profiles=rows), expected)


def test_counts_match_sums_of_the_year_where_they_can() -> None:
    rng = np.random.default_rng(4)
    features = rng.random((3, 50))
    days = np.array([1, 9, 17, 25, 33, 41, 49])
    counts = matched_counts(features=features, days=days, alike=np.full(7, 50 / 7))
    assert np.allclose(features[:, days] @ counts, features.sum(axis=1))
    assert counts.sum() == pytest.approx(50)
    assert counts.min() >= 0.5 - 1e-9


@pytest.mark.parametrize("name", ["va80", "tx90"])
def test_typical_days_keep_the_year(name: str) -> None:
    problem = case(name)
    told, mapping = typical(problem)
    assert len(mapping.days) == told.days == 24 and len(told.load) == 24 * 24
    assert told.weights.sum() == pytest.approx(8760.0)
    mean = lambda series: np.average(series, weights=told.weights)  # noqa: E731
    assert mean(told.connection.price) == pytest.approx(problem.connection.price.mean(), rel=1e-9)
    for one, whole in zip(told.generators[:2], problem.generators[:2], strict=True):
        assert mean(one.availability) == pytest.approx(whole.availability.mean(), rel=1e-6)
        assert one.availability.max() <= 1.0 + 1e-12
    spread = mapping.spread(told.connection.price)
    assert np.array_equal(spread[mapping.days[0] * 24 : mapping.days[0] * 24 + 24], told.connection.price[:24])
    assert np.array_equal(np.unique(mapping.of_day), np.arange(24))
    again, _ = typical(problem)
    assert np.array_equal(again.load, told.load) and np.array_equal(again.weights, told.weights)


def test_shares_of_flexible_load_and_limits_go_with_their_days() -> None:
    problem = case("tx90")
    shares = np.linspace(0.0, 0.2, 8760)
    most = np.linspace(5e8, 6e8, 8760)
    problem = replace(
        problem,
        flexible=Flexible(movable=shares),
        connection=replace(problem.connection, most=most),
        generators=problem.generators[2:],
        stores=(),
    )
    told, mapping = typical(problem)
    assert told.flexible is not None
    assert np.array_equal(told.flexible.movable, mapping.chosen(shares))
    assert np.array_equal(told.connection.most, mapping.chosen(most))


def test_as_many_days_as_the_year_has_are_the_year() -> None:
    problem = case("va80", hours=240)
    told, mapping = typical(problem, days=24)
    assert told is problem
    assert np.array_equal(mapping.of_day, np.arange(10))
