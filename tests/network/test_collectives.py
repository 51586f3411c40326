"""Collectives over a domain and a fabric: limits, special cases, and published figures that nobody fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.network.collectives import (
    Wires,
    all_reduce_time,
    distinct_targets,
    ring_share,
    torus_factor,
    torus_share,
)

NODE = Wires(
    domain=8.0,
    scale_up_bandwidth=450e9,
    scale_up_latency=5e-6,
    scale_up_hop_latency=1.5e-6,
    scale_up_efficiency=0.85,
    fabric_bandwidth=50e9,
    fabric_latency=1e-5,
    fabric_hop_latency=1e-6,
    fabric_efficiency=0.85,
)
SIZES = st.floats(1.0, 1e10)
RANKS = st.sampled_from([2.0, 4.0, 8.0, 16.0, 72.0, 512.0])


@given(size=SIZES)
def test_one_rank_has_nothing_to_send(size: float) -> None:
    for collective in (NODE.all_reduce, NODE.all_gather, NODE.reduce_scatter, NODE.all_to_all):
        assert collective(size, 1.0) == 0.0


@given(size=SIZES, ranks=RANKS)
def test_no_collective_beats_the_links(size: float, ranks: float) -> None:
    assert NODE.all_reduce(size, ranks) >= size * ring_share(ranks=min(ranks, 8.0)) / 450e9
    assert NODE.all_gather(size, ranks) >= size * ring_share(ranks=ranks) / 450e9


@given(size=SIZES, ranks=RANKS, more=st.floats(1.0, 10.0))
def test_more_bytes_never_take_less_time(size: float, ranks: float, more: float) -> None:
    for collective in (NODE.all_reduce, NODE.all_gather, NODE.all_to_all, NODE.point_to_point):
        assert collective(size * more, ranks) >= collective(size, ranks) * (1 - 1e-12)


def test_small_messages_take_few_hops_and_large_ones_the_ring() -> None:
    links = {"bandwidth": 400e9, "latency": 5e-6, "hop_latency": 1.5e-6}
    assert all_reduce_time(size=1e3, ranks=64.0, **links) < 5e-6 + 13 * 1.5e-6
    large = all_reduce_time(size=1e10, ranks=64.0, **links)
    assert large == pytest.approx(2 * 1e10 * 63 / 64 / 400e9, rel=0.01)


def test_switches_that_reduce_speed_up_large_messages() -> None:
    reducing = replace(NODE, in_network_reduction=1.3)
    assert NODE.all_reduce(1e10, 8.0) / reducing.all_reduce(1e10, 8.0) == pytest.approx(1.3, rel=0.01)
    assert reducing.all_reduce(1e3, 8.0) == pytest.approx(NODE.all_reduce(1e3, 8.0), rel=0.01)


def test_a_wider_domain_keeps_traffic_off_the_fabric() -> None:
    wide = replace(NODE, domain=72.0)
    assert wide.all_to_all(1e8, 64.0) < 0.3 * NODE.all_to_all(1e8, 64.0)
    assert wide.expert_exchange(1e7, 8.0, 64.0) < 0.5 * NODE.expert_exchange(1e7, 8.0, 64.0)


def test_oversubscription_slows_only_what_leaves_the_domain() -> None:
    tight = replace(NODE, oversubscription=4.0)
    assert tight.all_reduce(1e9, 8.0) == NODE.all_reduce(1e9, 8.0)
    assert tight.all_to_all(1e9, 64.0) == pytest.approx(4 * NODE.all_to_all(1e9, 64.0), rel=0.01)


def test_tokens_go_once_to_each_domain_that_they_need() -> None:
    assert distinct_targets(choices=1.0, targets=64.0) == pytest.approx(1.0)
    assert distinct_targets(choices=8.0, targets=2.0) == pytest.approx(2 * (1 - 0.5**8))
    few, many = NODE.expert_exchange(1e8, 2.0, 64.0), NODE.expert_exchange(1e8, 64.0, 64.0)
    assert many < 8 * few


def test_a_torus_loses_all_to_all_bandwidth_with_its_size() -> None:
    assert torus_factor(ranks=64.0, dimensions=3.0) == pytest.approx(3.0)
    assert torus_factor(ranks=4096.0, dimensions=3.0) == pytest.approx(12.0)
    assert torus_factor(ranks=2.0, dimensions=3.0) >= 1.0


def test_small_slices_of_a_torus_use_few_of_its_links() -> None:
    shares = [torus_share(ranks=ranks, dimensions=3.0) for ranks in (2.0, 4.0, 8.0, 64.0, 4096.0)]
    assert shares == pytest.approx([1 / 6, 2 / 6, 3 / 6, 1.0, 1.0])


def test_everything_broadcasts() -> None:
    sizes, ranks = np.array([[1e4], [1e8]]), np.array([[1.0, 4.0, 8.0, 64.0]])
    for collective in (NODE.all_reduce, NODE.all_gather, NODE.all_to_all, NODE.point_to_point):
        times = collective(sizes, ranks)
        assert times.shape == (2, 4)
        assert times[1, 3] == pytest.approx(collective(1e8, 64.0))
    assert NODE.expert_exchange(sizes, 8.0, ranks).shape == (2, 4)


def test_published_large_reductions_are_near() -> None:
    """H200 nodes over 400 Gb/s per chip: 370 GB/s of bus bandwidth on 128 ranks; one node alone 370."""
    size = 16 * 2.0**30
    across = size * 2 * 127 / 128 / NODE.all_reduce(size, 128.0)
    inside = size * 2 * 7 / 8 / NODE.all_reduce(size, 8.0)
    assert across == pytest.approx(370e9, rel=0.15)
    assert inside == pytest.approx(370e9, rel=0.10)
