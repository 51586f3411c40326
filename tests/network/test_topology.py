"""Fat trees: the textbook sizes, bounds, and oversubscription."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.network.topology import edge_ports, fat_tree


def test_one_switch_is_enough_for_its_ports() -> None:
    made = fat_tree(chips=64.0, switch_ports=64.0)
    assert (made.tiers, made.switches, made.links, made.optical_modules) == (1.0, 1.0, 64.0, 128.0)


def test_two_full_tiers() -> None:
    made = fat_tree(chips=2048.0, switch_ports=64.0)
    assert (made.tiers, made.edge_switches, made.switches) == (2.0, 64.0, 96.0)
    assert made.links == 4096.0


def test_three_full_tiers() -> None:
    ports = 16.0
    made = fat_tree(chips=ports**3 / 4, switch_ports=ports)
    assert made.tiers == 3.0
    assert made.switches == 5 * ports**2 / 4
    assert made.links == 3 * ports**3 / 4
    assert made.margin == 0.0


def test_more_than_three_tiers_is_a_violation() -> None:
    assert fat_tree(chips=1e6, switch_ports=16.0).margin > 0.0


def test_oversubscription_saves_the_spine() -> None:
    full, lean = (fat_tree(chips=2048.0, switch_ports=64.0, oversubscription=ratio) for ratio in (1.0, 3.0))
    assert edge_ports(switch_ports=64.0, oversubscription=3.0) == 48.0
    assert lean.edge_switches == 43.0
    assert lean.switches < 0.6 * full.switches
    assert lean.optical_modules < full.optical_modules


def test_copper_at_the_edge_saves_modules() -> None:
    optical, copper = (fat_tree(chips=2048.0, switch_ports=64.0, optical_edge=share) for share in (1.0, 0.0))
    assert optical.optical_modules - copper.optical_modules == 2 * 2048.0


@given(chips=st.integers(1, 100_000), ports=st.sampled_from([16.0, 64.0, 128.0]), ratio=st.floats(1.0, 8.0))
def test_every_link_has_a_port_at_both_ends(chips: int, ports: float, ratio: float) -> None:
    made = fat_tree(chips=float(chips), switch_ports=ports, oversubscription=ratio)
    assert made.switches * ports >= chips + 2 * (made.links - chips)
    assert 1.0 <= made.tiers <= 3.0


def test_it_broadcasts() -> None:
    made = fat_tree(chips=np.array([[64.0], [2048.0]]), switch_ports=64.0, oversubscription=np.array([1.0, 2.0, 4.0]))
    assert made.switches.shape == (2, 3)
    assert made.switches[1, 0] == pytest.approx(96.0)
