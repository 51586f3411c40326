"""Quantities as text: what is read, and what is refused in words."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core.errors import UnitError
from stackwright.core.units import LONGEST_TEXT, SECONDS_PER_YEAR, convert, parse, same_dimension, unit, unit_of
from stackwright.core.units import Watts as WattsAlias


@pytest.mark.parametrize(
    ("text", "into", "value"),
    [
        ("3.35 TB/s", "byte/s", 3.35e12),
        ("1_500 W", "kW", 1500.0),
        ("1.5e3 W", "W", 1500.0),
        (".5 s", "s", 0.5),
        ("50 ms", "s", 0.05),
        ("25 degC", "K", 298.15),
        ("-10 °C", "degC", 263.15),
        ("2 B USD", "USD", 2e9),
        ("2 k USD", "USD", 2000.0),
        ("8 b", "byte", 1.0),
        ("5 B", "byte", 5.0),
        ("80 GiB", "byte", 80 * 2.0**30),
        ("40e6 request/day", "request/s", 40e6 / 86400),
        ("350 USD/kW/year", "USD/W/year", 0.35 / SECONDS_PER_YEAR),
        ("400 gCO2/kWh", "kgCO2/J", 0.4 / 3.6e6),
        ("1 kg m2/s3", "W", 1.0),
        ("9.81 m/s^2", "m/s2", 9.81),
        ("12 %", "", 0.12),
        ("72 chips", "", 72.0),
        (0.4, "", 0.4),
        (7, "", 7.0),
    ],
)
def test_a_quantity_is_an_si_float(text: str | float, into: str, value: float) -> None:
    assert parse(text, unit(into)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "into", "reason"),
    [
        ("3 W", "s", "The unit W does not measure what s measures"),
        ("3", "s", "write '3 s'"),
        (3, "s", "no unit"),
        ("3 parsec", "m", "'parsec' is not known"),
        ("3 W/0", "W", "cannot be read"),
        ("W", "W", "begin with a number"),
        ("", "W", "begin with a number"),
        ("1,500 W", "W", "without commas"),
        ("1,5 s", "s", "without commas"),
        ("1e999 W", "W", "finite"),
        ("nan W", "W", "begin with a number"),
        (float("nan"), "", "finite"),
        (float("inf"), "", "finite"),
        ("1" * 90 + "e400 W", "W", "finite"),
        (10**400, "", "finite"),
        (-(10**5000), "", "finite"),
        (0x10**400, "", "finite"),
        ("1e308 TW", "W", "finite"),
        ("1 W km999999", "W", "too large"),
        ("5 %400", "", "too large or too small"),
        ("1 " + "m" * LONGEST_TEXT, "m", "characters"),
        (True, "", "not a quantity"),
        (None, "", "not a quantity"),
        ([3], "", "not a quantity"),
    ],
    ids=range(24),
)
def test_what_is_no_quantity_is_refused_with_the_reason(text: object, into: str, reason: str) -> None:
    with pytest.raises(UnitError, match=reason):
        parse(text, unit(into))  # type: ignore[arg-type]


@given(st.text(max_size=200) | st.integers() | st.floats(allow_nan=True) | st.none())
def test_anything_is_a_finite_float_or_a_unit_error(given_value: object) -> None:
    try:
        value = parse(given_value, unit(""))  # type: ignore[arg-type]
    except UnitError as error:
        assert len(str(error)) < 400
    else:
        assert math.isfinite(value)


def test_a_counted_thing_is_not_another() -> None:
    assert not same_dimension(unit("token/s"), unit("FLOP/s"))
    assert same_dimension(unit("chip"), unit("%"))


def test_output_is_in_the_unit_that_is_asked_for() -> None:
    assert convert(298.15, "degC") == pytest.approx(25.0)
    np.testing.assert_allclose(convert(np.array([1e6, 2e6]), "MW"), [1.0, 2.0])


def test_an_alias_carries_its_unit() -> None:
    assert unit_of(WattsAlias) == unit("W")
    assert unit_of(float) is None
