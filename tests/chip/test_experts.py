"""Routing: the closed forms agree with draws, and the slowest rank is never better than the mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.chip.experts import QUANTILES, popularity, route


def drawn_load(skew: float, span: float, experts: int, ranks: int, draws: int = 2000) -> float:
    random = np.random.default_rng(7)
    shares = popularity(quantile=random.random((draws, experts)), skew=skew, span=span)
    ranked = shares.reshape(draws, ranks, -1).sum(-1)
    return float((ranked.max(1) / ranked.mean(1)).mean())


@pytest.mark.parametrize("skew,span", [(0.0, 4.0), (1.01, 800.0), (1.2, 800.0)])
@pytest.mark.parametrize("experts,ranks", [(128, 8), (256, 32), (256, 64)])
def test_the_load_of_the_slowest_rank_agrees_with_draws(skew: float, span: float, experts: int, ranks: int) -> None:
    made = route(tokens=4096.0, active=8.0, experts=experts, expert_parallel=ranks, skew=skew, span=span)
    assert made.load == pytest.approx(drawn_load(skew, span, experts, ranks), rel=0.25)


def test_one_token_activates_its_choices() -> None:
    made = route(tokens=1.0, active=8.0, experts=256.0, expert_parallel=1.0, skew=0.0, span=1.0)
    assert made.active_experts == pytest.approx(8.0)
    assert np.mean(made.rows) * made.local_experts == pytest.approx(8.0)


@given(tokens=st.floats(1.0, 1e5))
def test_balanced_routing_activates_the_occupancy(tokens: float) -> None:
    made = route(tokens=tokens, active=8.0, experts=256.0, expert_parallel=1.0, skew=0.0, span=1.0)
    assert made.active_experts == pytest.approx(256 * (1 - (1 - 8 / 256) ** tokens), rel=1e-6)
    assert made.load == pytest.approx(1.0)


@given(
    tokens=st.floats(1.0, 1e5),
    ranks=st.sampled_from([1.0, 2.0, 8.0, 64.0, 256.0]),
    skew=st.sampled_from([0.0, 0.5, 1.2]),
    span=st.floats(1.0, 1e3),
)
def test_loads_and_counts_stay_within_what_is_there(tokens: float, ranks: float, skew: float, span: float) -> None:
    made = route(tokens=tokens, active=8.0, experts=256.0, expert_parallel=ranks, skew=skew, span=span)
    assert made.rows.shape == (len(QUANTILES),)
    assert np.all(made.rows <= tokens * (1 + 1e-9))
    assert 0.0 <= made.active_experts <= made.local_experts * (1 + 1e-9)
    assert 1.0 - 1e-9 <= made.load <= ranks * (1 + 1e-9)


def test_everything_broadcasts_over_batches_and_layouts() -> None:
    tokens, ranks = np.array([[16.0], [512.0], [8192.0]]), np.array([[1.0, 8.0, 64.0, 256.0]])
    made = route(tokens=tokens, active=8.0, experts=256.0, expert_parallel=ranks, skew=0.0, span=4.0)
    assert made.rows.shape == (3, 4, len(QUANTILES))
    one = route(tokens=512.0, active=8.0, experts=256.0, expert_parallel=64.0, skew=0.0, span=4.0)
    assert made.rows[1, 2] == pytest.approx(one.rows)
    assert made.active_experts[1, 2] == pytest.approx(one.active_experts)
