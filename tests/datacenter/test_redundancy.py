"""Availability of k-of-n systems, and what redundancy does to module load."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.datacenter.redundancy import (
    availability_with_common_cause,
    grid_unavailability,
    k_of_n_availability,
    longer_share,
    module_availability,
    module_load_fraction,
)

availabilities = st.floats(0.5, 0.99999)


def enumerated(needed: int, installed: int, availability: float) -> float:
    states = product((True, False), repeat=installed)
    return sum(
        prod(availability if up else 1.0 - availability for up in state) for state in states if sum(state) >= needed
    )


@given(st.integers(1, 6), st.integers(0, 4), availabilities)
def test_k_of_n_agrees_with_enumeration(needed: int, spares: int, availability: float) -> None:
    ours = k_of_n_availability(needed=needed, installed=needed + spares, availability=availability)
    assert ours == pytest.approx(enumerated(needed, needed + spares, availability), rel=1e-10)


@given(st.integers(1, 6), st.integers(0, 4), availabilities, st.floats(0.0, 0.2))
def test_common_cause_never_helps_a_system_with_spares(needed: int, spares: int, up: float, share: float) -> None:
    with_cause = availability_with_common_cause(
        needed=needed, installed=needed + spares + 4, availability=up, common_cause=share
    )
    assert with_cause <= 1.0 + 1e-12
    if up > 0.95:
        alone = k_of_n_availability(needed=needed, installed=needed + spares + 4, availability=up)
        assert with_cause <= alone + 1e-12


def test_more_spares_are_more_available_over_arrays() -> None:
    installed = np.array([4.0, 5.0, 6.0, 8.0])
    availability = k_of_n_availability(needed=4.0, installed=installed, availability=0.99)
    assert np.all(np.diff(availability) > 0)


def test_module_load_of_the_usual_schemes() -> None:
    assert module_load_fraction(load_fraction=1.0, needed=4, installed=5) == pytest.approx(0.8)
    assert module_load_fraction(load_fraction=1.0, needed=4, installed=8) == pytest.approx(0.5)
    assert module_availability(time_between_failures=999.0, time_to_repair=1.0) == pytest.approx(0.999)


def test_too_few_modules_are_never_enough() -> None:
    assert k_of_n_availability(needed=4.0, installed=0.0, availability=0.99) == 0.0
    assert k_of_n_availability(needed=4.0, installed=3.0, availability=0.99) == 0.0


def test_batteries_carry_short_outages() -> None:
    assert longer_share(ride_through=0.0, outage_time=3600.0) == 1.0
    assert longer_share(ride_through=3600.0, outage_time=3600.0) == pytest.approx(np.exp(-1.0))


def lost(**changes: float) -> float:
    """Seconds a year."""
    given = {"outages": 1.0, "outage_time": 3600.0, "longer": 0.9, "transfer": 1.0, "generators": 0.99}
    return float(grid_unavailability(**{**given, "restart_time": 7200.0, **changes}))


def test_an_outage_costs_what_it_lasts_and_the_restart() -> None:
    assert lost(generators=1.0) == 0.0
    assert lost(generators=0.0, longer=1.0) == 3600.0 + 7200.0
    assert lost(transfer=0.0, generators=1.0) == 7200.0
    assert lost(transfer=0.0, generators=0.0) == 3600.0 + 7200.0
    assert lost(outages=2.0) == pytest.approx(2.0 * lost())


def test_a_grid_that_fails_is_simulated_as_computed() -> None:
    rng = np.random.default_rng(4)
    count, mean, ride, restart, transfer, start = 400_000, 5000.0, 600.0, 7000.0, 0.95, 0.9
    length = rng.exponential(mean, count)
    took_over, started = rng.random(count) < transfer, rng.random(count) < start
    waited = took_over & (length > ride) & ~started
    # Batteries have already carried the load for the ride-through when it is lost.
    seconds = np.where(waited, length - ride + restart, 0.0)
    seconds += np.where(~took_over, restart + np.where(started, 0.0, length), 0.0)
    made = grid_unavailability(
        outages=1.0,
        outage_time=mean,
        longer=longer_share(ride_through=ride, outage_time=mean),
        transfer=transfer,
        generators=start,
        restart_time=restart,
    )
    assert made == pytest.approx(seconds.mean(), rel=0.01)
