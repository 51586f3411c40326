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
    k_of_n_availability,
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
