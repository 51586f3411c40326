"""Specs: numbers with units, walked and replaced by path."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from stackwright.core.arrays import namespace, trailing
from stackwright.core.spec import leaves, map_leaves, optional_fields, spec, unit_fields
from stackwright.core.units import Count, Watts, unit


@spec
class Wheel:
    power: Watts
    teeth: Count | None = None


@spec
class Gear:
    wheels: tuple[Wheel, ...]
    ratio: Count


GEAR = Gear(wheels=(Wheel(power=1.0), Wheel(power=2.0, teeth=3.0)), ratio=4.0)


def test_fields_know_their_units_and_which_may_be_absent() -> None:
    assert unit_fields(Wheel) == {"power": unit("W"), "teeth": unit("")}
    assert unit_fields(Gear) == {"ratio": unit("")}
    assert optional_fields(Wheel) == {"teeth"}


def test_leaves_have_paths() -> None:
    assert dict(leaves(GEAR)) == {"wheels.0.power": 1.0, "wheels.1.power": 2.0, "wheels.1.teeth": 3.0, "ratio": 4.0}


def test_leaves_become_arrays_and_absent_ones_stay_absent() -> None:
    batch = map_leaves(lambda path, leaf: leaf * np.ones(3), GEAR)
    assert batch.wheels[0].teeth is None
    assert batch.wheels[1].power.tolist() == [2.0, 2.0, 2.0]
    assert GEAR.ratio == 4.0


def test_a_spec_is_frozen_and_compared_by_identity() -> None:
    with pytest.raises(FrozenInstanceError):
        GEAR.ratio = 5.0
    assert Wheel(power=1.0) != Wheel(power=1.0)


def test_the_namespace_is_that_of_the_arrays() -> None:
    import jax

    assert namespace(1.0, np.ones(2)) is np
    assert namespace(1.0, jax.numpy.ones(2)) is jax.numpy


def test_a_trailing_axis_is_added_to_arrays_only() -> None:
    assert trailing(2.0) == 2.0
    assert trailing(np.ones(3)).shape == (3, 1)
