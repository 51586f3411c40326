"""Levelized costs against published ranges and simple cases."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core import yamltext
from stackwright.core.records import decode
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.power import TYPES, Storage, Technology
from stackwright.power.technology import capital_recovery

RECORDS = Path(__file__).parents[2] / "src" / "stackwright" / "catalog" / "records" / "power"
MEGAWATT_HOUR = 3.6e9
KILOWATT_HOUR = 3.6e6


def spec(id: str) -> object:
    read = decode(yamltext.read(RECORDS / f"{id}.yaml"), id=id, layer="power", types=TYPES)
    return read.spec(TYPES[read.type])


@pytest.mark.parametrize(
    ("id", "low", "high"),
    [
        ("solar-pv", 38, 78),
        ("wind-onshore", 37, 86),
        ("gas-combined-cycle", 48, 107),
        ("nuclear-large", 90, 220),
        ("gas-engine", 50, 100),
    ],
)
def test_levelized_costs_are_in_published_ranges(id: str, low: float, high: float) -> None:
    plant = spec(id)
    assert isinstance(plant, Technology)
    assert low <= plant.lcoe(0.07 / SECONDS_PER_YEAR) * MEGAWATT_HOUR <= high


@pytest.mark.parametrize(("id", "grams"), [("gas-combined-cycle", 340.0), ("gas-engine", 450.0), ("solar-pv", 0.0)])
def test_carbon_of_a_plant(id: str, grams: float) -> None:
    plant = spec(id)
    assert isinstance(plant, Technology)
    assert plant.carbon() * KILOWATT_HOUR * 1e3 == pytest.approx(grams, rel=0.02)


@given(st.floats(0.001, 0.2), st.floats(2.0, 60.0))
def test_capital_recovery_repays_the_capital(rate: float, years: float) -> None:
    yearly = capital_recovery(discount_rate=rate / SECONDS_PER_YEAR, life=years * SECONDS_PER_YEAR) * SECONDS_PER_YEAR
    assert yearly >= 1.0 / years
    assert yearly >= rate
    present_value = yearly * (1.0 - (1.0 + rate) ** -years) / rate
    assert present_value == pytest.approx(1.0)


def test_a_battery_that_cycles_daily() -> None:
    battery = spec("battery-lithium")
    assert isinstance(battery, Storage)
    cost = battery.levelized_cost(
        duration=4 * 3600.0,
        cycles=350.0 / SECONDS_PER_YEAR,
        charging_price=40.0 / MEGAWATT_HOUR,
        discount_rate=0.07 / SECONDS_PER_YEAR,
    )
    assert 100 <= cost * MEGAWATT_HOUR <= 254
