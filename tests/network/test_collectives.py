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
    crossing_share,
    distinct_targets,
    leaf_domains,
    one_shot_time,
    ring_share,
    ring_time,
    spanning_ring_time,
    spanning_tree_time,
    spine_share,
    thinning,
    torus_factor,
    torus_share,
    tree_time,
    two_shot_time,
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


@given(size=st.floats(1e8, 1e11), ranks=st.sampled_from([2.0, 4.0, 8.0]))
def test_switches_that_reduce_win_where_many_ranks_share_them(size: float, ranks: float) -> None:
    reducing = replace(NODE, in_network_reduction=1.48)
    gained = NODE.all_reduce(size, ranks) / reducing.all_reduce(size, ranks)
    assert gained == pytest.approx(max(1.48 * (ranks - 1) / ranks, 1.0), rel=0.03)
    assert replace(NODE, in_network_reduction=1.0).all_reduce(size, ranks) == NODE.all_reduce(size, ranks)


def test_published_reductions_in_switches() -> None:
    """8 GiB on H200 nodes: 1.29, 1.26, 1.19 and 1.14 times a ring on 8, 7, 6 and 5 GPUs, none on 4 (NCCL)."""
    reducing = replace(NODE, in_network_reduction=1.48)
    gained = [NODE.all_reduce(8 * 2**30, n) / reducing.all_reduce(8 * 2**30, n) for n in (8.0, 7.0, 6.0, 5.0, 4.0)]
    assert gained == pytest.approx([1.29, 1.26, 1.19, 1.14, 1.0], rel=0.12)


def test_sums_in_the_fabric_approach_twice_a_ring() -> None:
    fabric = replace(NODE, domain=1.0, fabric_reduction=2.0)
    plain = replace(NODE, domain=1.0)
    assert plain.all_reduce(1e10, 64.0) / fabric.all_reduce(1e10, 64.0) == pytest.approx(2 * 63 / 64, rel=0.01)


@given(size=SIZES, ranks=st.sampled_from([2.0, 3.0, 8.0, 72.0]))
def test_two_shots_carry_what_a_ring_does_in_two_hops(size: float, ranks: float) -> None:
    links = {"size": size, "ranks": ranks, "bandwidth": 400e9}
    traffic = ring_time(**links, hop_latency=0.0)
    assert two_shot_time(**links, hop_latency=1e-6) == pytest.approx(traffic + 2e-6)
    assert one_shot_time(**links, hop_latency=0.0) == pytest.approx(traffic * ranks / 2)
    assert tree_time(**links, hop_latency=0.0) >= traffic


def test_a_ring_through_all_ranks_is_held_up_by_the_slower_links() -> None:
    """1,440 ranks in 20 domains: 16 GiB in 85 ms of NCCL's time, 2 passes; half a gibibyte in 7.1 ms (published)."""
    links = {
        "ranks": 1440.0,
        "groups": 20.0,
        "near_bandwidth": 684e9,
        "far_bandwidth": 10 * 42.5e9,
        "near_latency": 2.6e-6,
        "far_latency": 16e-6,
    }
    ring = [spanning_ring_time(size=size, passes=2.0, **links) for size in (16 * 2.0**30, 2.0**29)]
    assert ring == pytest.approx([84.6e-3, 7.1e-3], rel=0.15)
    gathered = spanning_ring_time(size=1e12, passes=1.0, **links)
    assert gathered == pytest.approx(1e12 / 425e9, rel=0.01)


@given(ranks=st.sampled_from([16.0, 128.0, 1024.0]), size=st.floats(8.0, 1e11))
def test_trees_win_for_small_messages_and_rings_for_large_ones(ranks: float, size: float) -> None:
    links = {
        "ranks": ranks,
        "groups": ranks / 8,
        "near_bandwidth": 365e9,
        "far_bandwidth": 8 * 42.5e9,
        "near_latency": 1.5e-6,
        "far_latency": 16e-6,
    }
    tree, ring = spanning_tree_time(size=size, **links), spanning_ring_time(size=size, passes=2.0, **links)
    assert tree > size / 340e9
    assert spanning_tree_time(size=8.0, **links) <= spanning_ring_time(size=8.0, passes=2.0, **links)
    assert ring < tree or size < 1e9


def test_shots_take_detours_on_a_torus() -> None:
    links = {"size": 1e9, "ranks": 64.0, "bandwidth": 400e9, "hop_latency": 1e-6}
    for shot in (one_shot_time, two_shot_time):
        assert shot(**links, detour=3.0) == pytest.approx(3 * shot(**links))


def test_a_wider_domain_keeps_traffic_off_the_fabric() -> None:
    wide = replace(NODE, domain=72.0)
    assert wide.all_to_all(1e8, 64.0) < 0.3 * NODE.all_to_all(1e8, 64.0)
    assert wide.expert_exchange(1e7, 8.0, 64.0) < 0.5 * NODE.expert_exchange(1e7, 8.0, 64.0)


def test_oversubscription_slows_only_what_leaves_the_domain() -> None:
    tight = replace(NODE, oversubscription=4.0)
    assert tight.all_reduce(1e9, 8.0) == NODE.all_reduce(1e9, 8.0)
    assert tight.all_to_all(1e9, 64.0) == pytest.approx(4 * NODE.all_to_all(1e9, 64.0), rel=0.01)


def test_rails_keep_traffic_of_a_few_domains_off_the_spine() -> None:
    assert leaf_domains(leaf_ports=32.0, domain=8.0, rails=0.0) == 4.0
    assert leaf_domains(leaf_ports=32.0, domain=8.0, rails=1.0) == 32.0
    assert leaf_domains(leaf_ports=32.0, domain=72.0, rails=0.0) == 1.0
    assert spine_share(groups=32.0, together=32.0) == 0.0
    assert spine_share(groups=64.0, together=32.0) == pytest.approx(32 / 63)
    tight = replace(NODE, oversubscription=4.0, leaf_ports=32.0)
    railed = replace(tight, rails=1.0)
    assert railed.expert_exchange(1e9, 8.0, 256.0) == NODE.expert_exchange(1e9, 8.0, 256.0)
    assert tight.expert_exchange(1e9, 8.0, 256.0) > 3 * railed.expert_exchange(1e9, 8.0, 256.0)


def test_rings_cross_the_spine_once_per_leaf() -> None:
    assert crossing_share(groups=16.0, together=4.0) == 0.25
    assert crossing_share(groups=4.0, together=4.0) == 0.0
    assert thinning(oversubscription=4.0, crossing=0.25) == 1.0
    assert thinning(oversubscription=4.0, crossing=1.0) == 4.0
    tight = replace(NODE, oversubscription=4.0, leaf_ports=32.0)
    assert tight.all_gather(1e10, 256.0) == NODE.all_gather(1e10, 256.0)


def test_on_rails_other_ranks_are_reached_through_the_domain() -> None:
    """Of 16 ranks in two domains, 7 are near; 7 of the 8 far ones have another rank than the sender."""
    railed = replace(NODE, fabric_bandwidth=400e9, rails=1.0, leaf_ports=32.0)
    assert railed.all_to_all(1e9, 16.0) == pytest.approx(1e9 * (7 + 7) / 16 / (450e9 * 0.85), rel=0.01)


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
