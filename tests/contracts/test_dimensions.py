"""Every equation of the layers, called with quantities that carry their dimensions."""

from typing import Any

import pint
import pytest
from equations import Equation, equations

from stackwright.core.units import BASE, Unit, unit

EQUATIONS = equations()
FEWEST = 100

REGISTRY = pint.UnitRegistry(None)
for name in BASE:
    REGISTRY.define(f"{name} = [{name}]")
REGISTRY.define("radian = []")


def quantity(value: Any, measure: Unit) -> Any:
    """A value with the dimension of a unit."""
    powers = {name: power for name, power in zip(BASE, measure.dimension, strict=True) if power}
    return REGISTRY.Quantity(value, pint.util.UnitsContainer(powers))


def dimension(value: Any) -> tuple[float, ...]:
    """Exponents over `BASE`; a plain number has none."""
    powers = dict(value.unit_items()) if isinstance(value, REGISTRY.Quantity) else {}
    return tuple(float(powers.get(name, 0.0)) for name in BASE)


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)
def test_the_result_has_the_dimension_that_is_declared(equation: Equation) -> None:
    given = {name: quantity(value, equation.arguments[name]) for name, value in equation.design(0).items()}
    found = equation.parts(equation.function(**given))
    for name, declared in equation.results.items():
        assert dimension(found[name]) == pytest.approx(declared.dimension), f"{name or 'result'} in {found[name]}"


def test_enough_equations_are_traced() -> None:
    print(f"{len(EQUATIONS)} equations traced")
    assert len(EQUATIONS) >= FEWEST


def test_a_wrong_dimension_is_seen() -> None:
    watts, seconds = unit("W"), unit("s")
    assert dimension(quantity(2.0, watts) * quantity(3.0, seconds)) == unit("J").dimension
    with pytest.raises(pint.DimensionalityError):
        quantity(2.0, watts) + quantity(3.0, seconds)
    with pytest.raises(pint.DimensionalityError):
        1.0 - quantity(2.0, unit("token/s")) / quantity(3.0, unit("FLOP/s"))
