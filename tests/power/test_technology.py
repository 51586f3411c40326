"""Levelized costs against published ranges and simple cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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


PLANTS = ("gas-turbine", "gas-engine", "gas-combined-cycle", "fuel-cell", "solar-pv", "wind-onshore", "nuclear-large")


@pytest.mark.parametrize("id", PLANTS)
def test_yearly_and_variable_cost_are_the_levelized_cost(id: str) -> None:
    plant = spec(id)
    assert isinstance(plant, Technology)
    rate = 0.07 / SECONDS_PER_YEAR
    levelized = plant.fixed_cost(rate) / plant.capacity_factor + plant.variable_cost
    assert levelized == pytest.approx(plant.lcoe(rate), rel=1e-12)


def test_a_kilowatt_of_combined_cycle_by_hand() -> None:
    """2,200 USD/kW at 7 % over 30 years and 2.2 % upkeep; 6.4 MMBtu/MWh at 4 USD and 2.5 USD/MWh."""
    plant = spec("gas-combined-cycle")
    assert isinstance(plant, Technology)
    annuity = 0.07 / (1.0 - 1.07**-30)
    yearly = plant.fixed_cost(0.07 / SECONDS_PER_YEAR) * SECONDS_PER_YEAR * 1e3
    assert yearly == pytest.approx(2200.0 * (annuity + 0.022))
    assert plant.variable_cost * MEGAWATT_HOUR == pytest.approx(2.5 + 6.4 * 4.0)


def test_power_and_energy_of_storage_are_priced_apart() -> None:
    """A battery of four hours costs in a year what its power and four hours of energy cost."""
    battery = spec("battery-lithium")
    assert isinstance(battery, Storage)
    rate = 0.07 / SECONDS_PER_YEAR
    hours = 4 * 3600.0
    together = battery.power_cost(rate) + hours * battery.energy_cost(rate)
    cost = battery.levelized_cost(
        duration=hours, cycles=350.0 / SECONDS_PER_YEAR, charging_price=0.0, discount_rate=rate
    )
    assert together == pytest.approx(cost * hours * 350.0 / SECONDS_PER_YEAR)


MARKET = {
    "gas-combined-cycle": (2000.0, 2800.0),
    "gas-turbine": (1000.0, 2000.0),
    "gas-engine": (1200.0, 2000.0),
    "fuel-cell": (3000.0, 6000.0),
    "nuclear-small": (8000.0, 15000.0),
}
"""USD/kW: the market of 2025 and 2026, for combined cycles above the baseline of 1,610 (GridLab)."""


@pytest.mark.parametrize("id", MARKET)
def test_capital_is_that_of_the_market(id: str) -> None:
    plant = spec(id)
    assert isinstance(plant, Technology)
    low, high = MARKET[id]
    assert low <= plant.capex * 1e3 <= high


@pytest.mark.parametrize("id", ["gas-turbine", "gas-engine", "gas-combined-cycle", "nuclear-large", "nuclear-small"])
def test_a_machine_can_run_as_much_as_its_plant_does(id: str) -> None:
    """Planned and forced outages leave the capacity factor of the record within a few points."""
    plant = spec(id)
    assert isinstance(plant, Technology)
    available = (1.0 - plant.outage_time / plant.outage_interval) * (1.0 - plant.forced_outage)
    assert available >= plant.capacity_factor - 0.02


def test_a_reactor_of_its_own_is_away_for_weeks_and_engines_one_by_one() -> None:
    reactor, engines = spec("nuclear-large"), spec("gas-engine")
    assert isinstance(reactor, Technology)
    assert isinstance(engines, Technology)
    assert reactor.machines(1e9) == 1.0
    alone = reactor.availability(machines=reactor.machines(1e9))
    still = np.flatnonzero(alone == 0.0)
    assert len(still) == 27.5 * 24
    assert still[0] == 90 * 24
    assert alone.max() == pytest.approx(1.0 - reactor.forced_outage)
    count = engines.machines(376e6)
    assert count == 20.0
    many = engines.availability(machines=count)
    assert many.min() == pytest.approx((1.0 - 1.0 / 20.0) * (1.0 - engines.forced_outage))
    assert np.ptp(engines.availability(machines=engines.machines(np.inf))) < 0.002
    assert many.mean() == pytest.approx((1.0 - 7.0 / 365.0) * (1.0 - engines.forced_outage), rel=1e-3)


def test_a_plant_without_machines_that_matter_is_there() -> None:
    plant = spec("solar-pv")
    assert isinstance(plant, Technology)
    assert np.all(plant.availability(machines=plant.machines(1e9)) == 1.0)
