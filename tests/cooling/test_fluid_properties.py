"""Properties of water, glycol and moist air that the equations take as constants, against CoolProp."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from CoolProp.CoolProp import HAPropsSI, PropsSI

from stackwright.cooling.fans_and_pumps import pump_power
from stackwright.cooling.heat_rejection import adiabatic_water, evaporated_share, saturated_humidity, tower_water
from stackwright.core.units import ZERO_CELSIUS

GLYCOL = "INCOMP::MPG[0.25]"
"""25 % propylene glycol by mass."""
ATMOSPHERE = 101_325.0


def constant(function: Callable[..., Any], name: str) -> float:
    return float(inspect.signature(function).parameters[name].default)


@pytest.mark.parametrize("celsius", [25.0, 35.0, 45.0])
def test_glycol_of_the_pump_equation(celsius: float) -> None:
    at = ("T", celsius + ZERO_CELSIUS, "P", 2e5, GLYCOL)
    assert constant(pump_power, "density") == pytest.approx(PropsSI("D", *at), rel=0.01)
    assert constant(pump_power, "heat_capacity") == pytest.approx(PropsSI("C", *at), rel=0.015)


@pytest.mark.parametrize("function", [tower_water, adiabatic_water, evaporated_share])
@pytest.mark.parametrize("celsius", [20.0, 30.0, 40.0])
def test_latent_heat_of_water(function: Callable[..., Any], celsius: float) -> None:
    kelvin = celsius + ZERO_CELSIUS
    latent = PropsSI("H", "T", kelvin, "Q", 1, "Water") - PropsSI("H", "T", kelvin, "Q", 0, "Water")
    assert constant(function, "latent_heat") == pytest.approx(latent, rel=0.012)


@pytest.mark.parametrize("function", [tower_water, adiabatic_water])
def test_density_of_water(function: Callable[..., Any]) -> None:
    density = PropsSI("D", "T", 25.0 + ZERO_CELSIUS, "P", ATMOSPHERE, "Water")
    assert constant(function, "density") == pytest.approx(density, rel=0.001)


@pytest.mark.parametrize("function", [adiabatic_water, evaporated_share])
@pytest.mark.parametrize("celsius", [0.0, 25.0, 45.0])
def test_heat_capacity_of_air(function: Callable[..., Any], celsius: float) -> None:
    capacity = HAPropsSI("cp", "T", celsius + ZERO_CELSIUS, "P", ATMOSPHERE, "R", 0.0)
    assert constant(function, "heat_capacity") == pytest.approx(capacity, rel=0.003)


@pytest.mark.parametrize("celsius", [5.0, 15.0, 25.0, 35.0])
def test_saturated_air(celsius: float) -> None:
    expected = HAPropsSI("W", "T", celsius + ZERO_CELSIUS, "P", ATMOSPHERE, "R", 1.0)
    assert saturated_humidity(temperature=celsius + ZERO_CELSIUS) == pytest.approx(expected, rel=0.012)


@pytest.mark.parametrize(("dry_bulb", "relative_humidity"), [(-5.0, 0.7), (15.0, 0.6), (30.0, 0.4), (42.0, 0.1)])
def test_heat_that_leaves_a_tower_as_vapor(dry_bulb: float, relative_humidity: float) -> None:
    """Latent over all heat of the air, by the enthalpies of moist air less that of the make-up water."""
    entering = ("T", dry_bulb + ZERO_CELSIUS, "P", ATMOSPHERE, "R", relative_humidity)
    leaving = ("T", 30.0 + ZERO_CELSIUS, "P", ATMOSPHERE, "R", 1.0)
    vapor = HAPropsSI("W", *leaving) - HAPropsSI("W", *entering)
    water = PropsSI("H", "T", 30.0 + ZERO_CELSIUS, "P", ATMOSPHERE, "Water")
    heat = HAPropsSI("H", *leaving) - HAPropsSI("H", *entering) - vapor * water
    found = evaporated_share(
        exhaust=30.0 + ZERO_CELSIUS, dry_bulb=dry_bulb + ZERO_CELSIUS, dew_point=HAPropsSI("D", *entering)
    )
    assert found == pytest.approx(2.43e6 * vapor / heat, abs=0.03)
