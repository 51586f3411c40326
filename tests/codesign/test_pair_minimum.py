"""The pair kernel in single precision gives the answer of double precision."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.codesign.pair_minimum import BLOCK, exact_minimum, pair_minimum


def table(seed: int, rows: int, options: int, *, spread: float = 1.0, signs: bool = False):
    """Columns of very different sizes, weights, loads and capacities; the smaller the spread, the more near ties."""
    draw = np.random.default_rng(seed)
    sizes = 10.0 ** draw.uniform(-3, 9, size=8)
    columns = sizes * (1.0 + spread * draw.random((rows, 8)))
    weights = (1.0 + draw.random((8, options))) / sizes[:, None]
    if signs:
        weights *= draw.choice([-1.0, 1.0], size=weights.shape)
    return columns, weights, draw.random(rows), 0.2 + draw.random(options)


@settings(max_examples=30)
@given(
    st.integers(0, 10**6),
    st.integers(1, 3 * BLOCK),
    st.integers(1, 40),
    st.sampled_from([1.0, 1e-3, 1e-7, 1e-12, 0.0]),
    st.booleans(),
)
def test_random_tables_have_the_same_minimum(seed, rows, options, spread, signs):
    given_ = table(seed, rows, options, spread=spread, signs=signs)
    exact, found = exact_minimum(*given_), pair_minimum(*given_)
    assert np.isinf(found.score).tolist() == np.isinf(exact.score).tolist()
    has = np.isfinite(exact.score)
    size = (np.abs(given_[0]) @ np.abs(given_[1])).max(axis=0)
    assert (np.abs(found.score[has] - exact.score[has]) <= 1e-14 * size[has]).all()
    _, _, load, capacity = given_
    assert (load[found.row[has]] <= capacity[has]).all()
    if spread == 1.0 and not signs:
        assert found.row[has].tolist() == exact.row[has].tolist()


def test_an_option_that_carries_nothing_has_no_row():
    columns, weights, load, capacity = table(1, 2000, 5)
    capacity[2] = -1.0
    found = pair_minimum(columns, weights, load, capacity)
    assert np.isinf(found.score[2]) and np.isfinite(found.score[[0, 1, 3, 4]]).all()


def test_a_row_just_beyond_capacity_is_kept_out():
    """Single precision cannot tell these loads apart."""
    columns = np.array([[1.0], [2.0]])
    found = pair_minimum(columns, np.ones((1, 1)), np.array([1.0 + 1e-12, 1.0]), np.ones(1))
    assert (found.score[0], found.row[0]) == (2.0, 1)


def test_scores_that_single_precision_cannot_tell_apart_are_told_apart():
    columns = np.full((4 * BLOCK, 2), 1.0)
    columns[:, 1] = 1e-9 * np.arange(4 * BLOCK)[::-1]
    found = pair_minimum(columns, np.ones((2, 3)), np.zeros(len(columns)), np.ones(3))
    assert found.row.tolist() == [4 * BLOCK - 1] * 3


def test_few_pairs_are_scored_twice_where_scores_differ():
    given_ = table(3, 20 * BLOCK, 200)
    assert pair_minimum(*given_).rescored < 0.15 * exact_minimum(*given_).rescored


def test_jax_is_not_imported_unless_asked_for():
    code = "import sys, stackwright.codesign.pair_minimum; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_blocks_need_not_be_full(rows):
    given_ = table(5, rows, 7)
    assert pair_minimum(*given_).score == pytest.approx(exact_minimum(*given_).score, rel=1e-14)
