"""Measured runs and runs like them: covariances that are valid, posteriors known by hand, and no claims from afar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.serving.likeness import JITTER, LABELS, SIZES, Likeness, Measured, Runs, correlation, runs_of
from stackwright.stack.parts import Parts

RECORDS = ("measured-pace", "measured-first")
LIKENESS = Likeness(
    chip_share=0.1,
    model_share=0.05,
    system_share=0.2,
    layout_share=0.15,
    release_share=0.3,
    across_figures=0.6,
    system_lengths=2.0,
    system_load=3.0,
    layout_lengths=1.5,
    layout_load=2.5,
    layout_degrees=1.0,
    layout_pools=0.5,
    widening=1.0,
)
SHARES = ("chip_share", "model_share", "system_share", "layout_share", "release_share")
SHARED = sum(getattr(LIKENESS, name) for name in SHARES)
RUN: Mapping[str, Any] = {**dict.fromkeys(LABELS, "a"), **dict.fromkeys(SIZES, 3.0)}


def runs(*changed: Mapping[str, Any]) -> Runs:
    return runs_of([{**RUN, **one} for one in changed])


def measured(known: Runs, *errors: float, likeness: Likeness = LIKENESS) -> Measured:
    return Measured(likeness, known, np.array(errors), np.ones(len(errors), dtype=bool))


def between(left: Mapping[str, Any], right: Mapping[str, Any], likeness: Likeness = LIKENESS) -> float:
    return float(correlation(left=runs(left), right=runs(right), likeness=likeness)[0, 0])


def some_runs(seed: int, count: int) -> Runs:
    """Runs of few words and few sizes, so that many have much in common and some are there twice."""
    random = np.random.default_rng(seed)
    rows = [
        {name: random.choice(["a", "b"]) for name in LABELS} | {name: float(random.integers(0, 4)) for name in SIZES}
        for _ in range(count)
    ]
    return runs_of(rows)


# What two runs have in common.


def test_a_run_shares_with_its_copy_all_but_its_own_part() -> None:
    assert between({}, {}) == pytest.approx(SHARED)


@pytest.mark.parametrize(
    ("changed", "shares"),
    [
        ({"release": "b"}, ("chip_share", "model_share", "system_share", "layout_share")),
        ({"tensor": 99.0}, ("chip_share", "model_share", "system_share")),
        ({"pool": 99.0}, ("chip_share", "model_share", "system_share")),
        ({"load": 99.0}, ("chip_share",)),
        ({"input": 99.0}, ("chip_share",)),
        ({"model": "b"}, ("chip_share",)),
        ({"formats": "b"}, ("chip_share",)),
        ({"stack": "b"}, ("model_share",)),
        ({"mode": "b"}, ("model_share",)),
        ({"stack": "b", "model": "b"}, ()),
        ({"chip": "b"}, ()),
    ],
)
def test_what_two_runs_share_follows_from_what_is_the_same(changed: dict[str, Any], shares: tuple[str, ...]) -> None:
    assert between({}, changed) == pytest.approx(sum(getattr(LIKENESS, name) for name in shares), abs=1e-12)


def test_another_figure_keeps_a_part_of_everything() -> None:
    assert between({}, {"figure": "b"}) == pytest.approx(LIKENESS.across_figures * SHARED)
    assert between({}, {"figure": "b", "model": "b"}) == pytest.approx(LIKENESS.across_figures * LIKENESS.chip_share)


@pytest.mark.parametrize(
    ("size", "share", "reach"),
    [
        ("input", "system_share", "system_lengths"),
        ("output", "system_share", "system_lengths"),
        ("load", "system_share", "system_load"),
        ("input", "layout_share", "layout_lengths"),
        ("load", "release_share", "layout_load"),
        ("tensor", "layout_share", "layout_degrees"),
        ("chips", "release_share", "layout_degrees"),
        ("pool", "layout_share", "layout_pools"),
    ],
)
def test_a_share_falls_as_a_bell_in_doublings(size: str, share: str, reach: str) -> None:
    alone = replace(LIKENESS, **{name: 0.4 * (name == share) for name in SHARES})
    for apart in (0.5, 1.0, 2.0):
        bell = math.exp(-0.5 * (apart / getattr(LIKENESS, reach)) ** 2)
        assert between({}, {size: RUN[size] + apart}, alone) == pytest.approx(0.4 * bell)


@pytest.mark.parametrize("seed", range(8))
def test_covariances_of_any_runs_are_symmetric_and_positive_semidefinite(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(6))[:5]
    others = {item.name: float(random.uniform(0.1, 5.0)) for item in fields(Likeness) if item.name not in SHARES}
    others["across_figures"] = float(random.uniform())
    likeness = Likeness(**dict(zip(SHARES, map(float, shares), strict=True)), **others)
    known = some_runs(seed, 60)
    among = correlation(left=known, right=known, likeness=likeness)
    np.testing.assert_array_equal(among, among.T)
    np.testing.assert_allclose(np.diag(among), shares.sum())
    assert np.linalg.eigvalsh(among).min() > -1e-10
    assert among.min() >= 0.0 and among.max() <= shares.sum() + 1e-12


def test_the_order_of_runs_orders_the_covariances() -> None:
    left, right = some_runs(1, 20), some_runs(2, 15)
    order = np.random.default_rng(3).permutation(20)
    expected = correlation(left=left, right=right, likeness=LIKENESS)[order]
    np.testing.assert_array_equal(correlation(left=left.take(order), right=right, likeness=LIKENESS), expected)
    swapped = correlation(left=right, right=left.take(order), likeness=LIKENESS)
    np.testing.assert_array_equal(swapped, expected.T)


# What is then said of a run.


def test_a_copy_of_a_measured_run_gets_its_error_times_what_they_share() -> None:
    mean, left = measured(runs({}), 1.5).posterior(runs({}))
    np.testing.assert_allclose(mean, [1.5 * SHARED / (1.0 + JITTER)])
    np.testing.assert_allclose(left, [1.0 - SHARED**2 / (1.0 + JITTER)])


def test_two_measured_runs_in_closed_form() -> None:
    known = runs({}, {"release": "b", "tensor": 4.0})
    asked = runs({"load": 4.0})
    first, second = 1.2, -0.4
    a, b = (between({"load": 4.0}, one) for one in ({}, {"release": "b", "tensor": 4.0}))
    r, s = between({}, {"release": "b", "tensor": 4.0}), 1.0 + JITTER
    determinant = s**2 - r**2
    weights = ((a * s - b * r) / determinant, (b * s - a * r) / determinant)
    mean, left = measured(known, first, second).posterior(asked)
    np.testing.assert_allclose(mean, [weights[0] * first + weights[1] * second])
    np.testing.assert_allclose(left, [1.0 - weights[0] * a - weights[1] * b])


@pytest.mark.parametrize("count", [2, 5, 40])
def test_repeats_bring_what_they_share_and_never_more(count: int) -> None:
    mean, left = measured(runs(*[{}] * count), *[1.0] * count).posterior(runs({}))
    expected = count * SHARED / (1.0 + JITTER + (count - 1) * SHARED)
    np.testing.assert_allclose(mean, [expected])
    np.testing.assert_allclose(left, [1.0 - SHARED * expected])
    assert left[0] > 1.0 - SHARED


@pytest.mark.parametrize("asked", [{"chip": "b"}, {"stack": "b", "model": "b"}, {"stack": "b", "load": 99.0}])
def test_far_from_everything_nothing_changes(asked: dict[str, Any]) -> None:
    mean, left = measured(runs({}, {"release": "b"}), 2.0, 3.0).posterior(runs(asked))
    np.testing.assert_allclose(mean, [0.0], atol=1e-12)
    np.testing.assert_allclose(left, [1.0])


def test_without_measured_runs_nothing_is_said() -> None:
    mean, left = measured(runs({}).take(np.array([], dtype=int))).posterior(runs({}, {"chip": "b"}))
    np.testing.assert_array_equal(mean, [0.0, 0.0])
    np.testing.assert_array_equal(left, [1.0, 1.0])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_measured_and_of_asked_runs_does_not_matter(seed: int) -> None:
    known, asked = some_runs(seed, 50), some_runs(seed + 100, 30)
    errors = np.random.default_rng(seed).standard_normal(50)
    mean, left = measured(known, *errors).posterior(asked)
    order, other = (np.random.default_rng(seed + 200).permutation(count) for count in (50, 30))
    again, rest = measured(known.take(order), *errors[order]).posterior(asked.take(other))
    np.testing.assert_allclose(again, mean[other], atol=1e-9)
    np.testing.assert_allclose(rest, left[other], atol=1e-9)


def test_each_asked_run_is_answered_alone() -> None:
    known, asked = some_runs(1, 40), some_runs(2, 12)
    source = measured(known, *np.random.default_rng(1).standard_normal(40))
    mean, left = source.posterior(asked)
    one_by_one = [source.posterior(asked.take(np.array([index]))) for index in range(12)]
    np.testing.assert_allclose(mean, [float(one[0][0]) for one in one_by_one], atol=1e-12)
    np.testing.assert_allclose(left, [float(one[1][0]) for one in one_by_one], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_one_more_measured_run_never_leaves_more_open(seed: int) -> None:
    known, asked = some_runs(seed, 40), some_runs(seed + 100, 30)
    before = np.ones(30)
    for count in (1, 5, 20, 40):
        _, left = measured(known.take(np.arange(count)), *np.zeros(count)).posterior(asked)
        assert np.all(left <= before + 1e-9)
        assert np.all((left >= 1.0 - SHARED - 1e-9) & (left <= 1.0))
        before = left


def test_chips_solved_alone_are_as_solved_together() -> None:
    known, asked = some_runs(3, 40), some_runs(4, 20)
    errors = np.random.default_rng(5).standard_normal(40)
    among = correlation(left=known, right=known, likeness=LIKENESS)
    among[np.diag_indices(40)] = 1.0 + JITTER
    across = correlation(left=known, right=asked, likeness=LIKENESS)
    mean, left = measured(known, *errors).posterior(asked)
    np.testing.assert_allclose(mean, across.T @ np.linalg.solve(among, errors), atol=1e-9)
    np.testing.assert_allclose(left, 1.0 - np.diag(across.T @ np.linalg.solve(among, across)), atol=1e-9)


def test_errors_drawn_from_the_process_are_found_with_the_spread_that_is_claimed() -> None:
    random = np.random.default_rng(6)
    both = some_runs(7, 60)
    among = correlation(left=both, right=both, likeness=LIKENESS) + (1.0 - SHARED) * np.eye(60)
    drawn = np.linalg.cholesky(among) @ random.standard_normal((60, 400))
    known, asked = np.arange(45), np.arange(45, 60)
    scores = []
    for errors in drawn.T:
        mean, left = measured(both.take(known), *errors[known]).posterior(both.take(asked))
        scores.append((errors[asked] - mean) / np.sqrt(left))
    assert np.mean(scores) == pytest.approx(0.0, abs=0.05)
    assert np.std(scores) == pytest.approx(1.0, abs=0.03)


# The runs and the records.


def test_some_of_the_runs_keep_their_labels_sizes_and_errors() -> None:
    source = replace(measured(some_runs(1, 10), *range(10)), stated=np.arange(10) % 2 == 0)
    some = source.where(source.stated)
    np.testing.assert_array_equal(some.errors, [0.0, 2.0, 4.0, 6.0, 8.0])
    assert some.stated.all()
    assert len(some.runs) == 5
    for name in SIZES:
        np.testing.assert_array_equal(some.runs.sizes[name], source.runs.sizes[name][::2])
    for name in LABELS:
        np.testing.assert_array_equal(some.runs.labels[name], source.runs.labels[name][::2])


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_a_valid_process_over_runs_with_errors(name: str) -> None:
    found = Parts(Catalog.load()).measured(name)
    shares = [float(getattr(found.likeness, share)) for share in SHARES]
    assert min(shares) >= 0.0 and 0.0 < sum(shares) < 1.0
    assert 0.0 <= found.likeness.across_figures <= 1.0
    assert all(getattr(found.likeness, item.name) > 0.0 for item in fields(Likeness) if item.name not in SHARES)
    assert len(found.runs) == len(found.errors) == len(found.stated) > 1000
    assert np.isfinite(found.errors).all() and np.abs(found.errors).max() <= 3.0
    assert all(np.isfinite(found.runs.sizes[size]).all() for size in SIZES)
    known = np.flatnonzero(found.runs.labels["chip"] == found.runs.labels["chip"][0])[:300]
    among = correlation(left=found.runs.take(known), right=found.runs.take(known), likeness=found.likeness)
    assert np.linalg.eigvalsh(among).min() > -1e-8


@pytest.mark.parametrize("name", RECORDS)
def test_measured_chips_are_chips_of_the_catalog(name: str) -> None:
    catalog = Catalog.load()
    chips = set(Parts(catalog).measured(name).runs.labels["chip"]) - {""}
    assert chips <= {record.id for record in catalog.records("chip")}
