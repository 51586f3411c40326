"""Bends: one in the middle of nowhere, factors at the ends, constant beyond."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from stackwright.chip.bend import Axis, bend_of, bent, place
from stackwright.chip.overlap import warm_speedup

AXES = (Axis("rows", 1.0, 1024.0), Axis("inputs", 16.0, 4096.0))


def factors(**given: float) -> object:
    made = bend_of(AXES)
    return made(**({item.name: 1.0 for item in fields(made)} | given))


def test_a_bend_has_a_factor_for_each_axis_square_and_pair() -> None:
    assert [item.name for item in fields(bend_of(AXES))] == [
        "rows",
        "inputs",
        "rows_rows",
        "rows_inputs",
        "inputs_inputs",
    ]


def test_factors_of_one_bend_nothing() -> None:
    assert bent(factors(), AXES, (77.0, np.array([10.0, 1e9]))) == pytest.approx(1.0)


def test_a_factor_is_that_of_the_high_end_and_its_inverse_that_of_the_low_end() -> None:
    assert bent(factors(rows=1.2), AXES, (1024.0, 256.0)) == pytest.approx(1.2)
    assert bent(factors(rows=1.2), AXES, (1.0, 256.0)) == pytest.approx(1.0 / 1.2)
    assert bent(factors(rows=1.2), AXES, (1e9, 256.0)) == pytest.approx(1.2)
    assert bent(factors(rows_inputs=1.2), AXES, (1.0, 4096.0)) == pytest.approx(1.0 / 1.2)


def test_places_are_logarithmic() -> None:
    assert place(size=np.array([0.1, 1.0, 32.0, 1024.0, 1e6]), low=1.0, high=1024.0) == pytest.approx(
        np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    )


def test_operands_that_fit_in_the_cache_move_faster() -> None:
    moved = np.array([1e6, 40e6, 60e6, 100e6, 1e9])
    speedup = warm_speedup(moved=moved, cache=100e6, gain=3.0)
    assert speedup[0] == speedup[1] == pytest.approx(3.0)
    assert 1.0 < speedup[2] < 3.0
    assert speedup[3] == speedup[4] == pytest.approx(1.0)
