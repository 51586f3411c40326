"""Moist-air properties against PsychroLib, which has the same correlations, and CoolProp, which has real-gas ones."""

from __future__ import annotations

import numpy as np
import psychrolib
import pytest
from CoolProp.CoolProp import HAPropsSI
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.core.units import ZERO_CELSIUS
from stackwright.datacenter import psychrometrics

psychrolib.SetUnitSystem(psychrolib.SI)

dry_bulbs = st.floats(-25.0, 48.0)
humidities = st.floats(0.05, 1.0)
pressures = st.floats(75_000.0, 105_000.0)


@given(dry_bulbs)
def test_saturation_pressure_agrees_with_psychrolib(celsius: float) -> None:
    ours = psychrometrics.saturation_pressure(temperature=celsius + ZERO_CELSIUS)
    # PsychroLib changes from ice to water at the triple point, 0.01 degC
    assert ours == pytest.approx(psychrolib.GetSatVapPres(celsius), rel=2e-4)


@settings(deadline=None)
@given(dry_bulbs, humidities, pressures)
def test_dew_point_and_wet_bulb_agree_with_psychrolib(celsius: float, humidity: float, pressure: float) -> None:
    dew_point = psychrometrics.dew_point(dry_bulb=celsius + ZERO_CELSIUS, relative_humidity=humidity)
    wet_bulb = psychrometrics.wet_bulb(dry_bulb=celsius + ZERO_CELSIUS, dew_point=dew_point, pressure=pressure)
    assert dew_point - ZERO_CELSIUS == pytest.approx(psychrolib.GetTDewPointFromRelHum(celsius, humidity), abs=0.01)
    expected = psychrolib.GetTWetBulbFromRelHum(celsius, humidity, pressure)
    assert wet_bulb - ZERO_CELSIUS == pytest.approx(expected, abs=0.01)


@settings(deadline=None)
@given(dry_bulbs, humidities, pressures)
def test_dew_point_wet_bulb_and_humidity_ratio_agree_with_coolprop(
    celsius: float, humidity: float, pressure: float
) -> None:
    dry_bulb = celsius + ZERO_CELSIUS
    state = ("T", dry_bulb, "P", pressure, "R", humidity)
    dew_point = psychrometrics.dew_point(dry_bulb=dry_bulb, relative_humidity=humidity)
    wet_bulb = psychrometrics.wet_bulb(dry_bulb=dry_bulb, dew_point=dew_point, pressure=pressure)
    vapor = psychrometrics.vapor_pressure(dry_bulb=dry_bulb, relative_humidity=humidity)
    ratio = psychrometrics.humidity_ratio(vapor_pressure=vapor, pressure=pressure)
    assert dew_point == pytest.approx(HAPropsSI("D", *state), abs=0.03)
    # for some air a wet bulb just above 0 degC and a frozen one just below both balance, and either may be found
    freezing = abs(wet_bulb - ZERO_CELSIUS) < 0.8
    assert wet_bulb == pytest.approx(HAPropsSI("B", *state), abs=1.0 if freezing else 0.03)
    # CoolProp's real gas mixture (ASHRAE RP-1485) holds 0.3 to 0.6 % more vapor than the ideal one of the Handbook
    assert ratio == pytest.approx(HAPropsSI("W", *state), rel=0.007)


def test_humidity_ratio_inverts_and_agrees() -> None:
    ratio = psychrometrics.humidity_ratio(vapor_pressure=2000.0, pressure=101_325.0)
    assert ratio == pytest.approx(psychrolib.GetHumRatioFromVapPres(2000.0, 101_325.0), rel=1e-9)
    back = psychrometrics.vapor_pressure_of_ratio(humidity_ratio=ratio, pressure=101_325.0)
    assert back == pytest.approx(2000.0)


def test_standard_pressure_agrees() -> None:
    ours = psychrometrics.standard_pressure(elevation=1100.0)
    assert ours == pytest.approx(psychrolib.GetStandardAtmPressure(1100.0), rel=1e-4)


def test_saturated_air_has_one_temperature() -> None:
    dry_bulb = ZERO_CELSIUS + np.linspace(-20.0, 40.0, 61)
    dew_point = psychrometrics.dew_point(dry_bulb=dry_bulb, relative_humidity=1.0)
    wet_bulb = psychrometrics.wet_bulb(dry_bulb=dry_bulb, dew_point=dew_point, pressure=101_325.0)
    assert np.allclose(dew_point, dry_bulb, atol=1e-4)
    assert np.allclose(wet_bulb, dry_bulb, atol=1e-4)
