"""Contracts: totals of the announced deals, ramps, and who pays whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core import yamltext
from stackwright.core.records import Record, decode
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.power import TYPES
from stackwright.power.attribute import attribute_price
from stackwright.power.contract import Contract, escalated_price, ramp
from stackwright.power.technology import Technology

RECORDS = Path(__file__).parents[2] / "src" / "stackwright" / "catalog" / "records" / "power"
TERAWATT_HOUR = 3.6e15
MEGAWATT_HOUR = 3.6e9


def record(id: str) -> Record:
    return decode(yamltext.read(RECORDS / f"{id}.yaml"), id=id, layer="power", types=TYPES)


def contract(id: str) -> Contract:
    made = record(id).spec(TYPES[record(id).type])
    assert isinstance(made, Contract)
    return made


def total_energy(deal: Contract) -> float:
    return sum(deal.energy_in_year(capacity=deal.capacity, year=float(year)) for year in range(2024, 2060))


@pytest.mark.parametrize(("id", "published"), [("crane", 136.0), ("clinton", 183.0), ("susquehanna", 211.0)])
def test_energy_over_the_term(id: str, published: float) -> None:
    assert total_energy(contract(id)) / TERAWATT_HOUR == pytest.approx(published, rel=0.03)


def test_money_over_the_term() -> None:
    crane, susquehanna = contract("crane"), contract("susquehanna")
    assert total_energy(crane) * crane.price == pytest.approx(15.3e9, rel=0.05)
    assert total_energy(susquehanna) * susquehanna.price == pytest.approx(18e9, rel=0.05)


def test_the_ramp_of_susquehanna_passes_between_the_announced_points() -> None:
    deal = contract("susquehanna")
    megawatts = {year: deal.capacity * deal.ramp_share(year) / 1e6 for year in (2025, 2026, 2029, 2032, 2042, 2043)}
    assert megawatts[2025] == 0.0
    assert 840 <= megawatts[2029] <= 1200
    assert 1680 <= megawatts[2032] <= 1920
    assert megawatts[2042] > 0.0
    assert megawatts[2043] == 0.0


def test_the_settlement_is_that_of_each_deal() -> None:
    types = {id: record(id).type for id in ("crane", "clinton", "susquehanna", "wind-ppa", "gas-onsite")}
    assert types == {
        "crane": "PhysicalContract",
        "clinton": "AttributeContract",
        "susquehanna": "PhysicalContract",
        "wind-ppa": "FinancialContract",
        "gas-onsite": "PhysicalContract",
    }


def test_a_ramp_works_over_an_array_of_years() -> None:
    shares = contract("susquehanna").ramp_share(np.arange(2024.0, 2046.0))
    assert shares.shape == (22,)
    assert np.all((shares >= 0.0) & (shares <= 1.0))


@given(st.floats(0.0, 30.0), st.floats(0.0, 10.0), st.floats(0.0, 1.0))
def test_a_ramp_stays_between_its_start_and_the_whole(elapsed: float, time: float, initial: float) -> None:
    share = ramp(elapsed=elapsed, ramp_time=time, initial_share=initial, tenor=40.0)
    assert initial - 1e-12 <= share <= 1.0 + 1e-12


def test_escalation_compounds_by_the_year() -> None:
    price = escalated_price(price=80.0, escalation=0.02 / SECONDS_PER_YEAR, elapsed=10 * SECONDS_PER_YEAR)
    assert price == pytest.approx(80.0 * 1.02**10)


def test_who_pays_whom() -> None:
    """100 MWh in two hours, at market prices of 40 and 120 and a contract price of 90 USD/MWh."""
    output = np.array([50e6, 50e6])
    market = np.array([40.0, 120.0]) / MEGAWATT_HOUR
    price = 90.0 / MEGAWATT_HOUR
    physical = contract("crane").payment(generation=output, market_price=market, price=price)
    financial = contract("wind-ppa").payment(generation=output, market_price=market, price=price)
    attribute = contract("clinton").payment(generation=output, market_price=market, price=price)
    assert physical == pytest.approx(9000.0)
    assert financial == pytest.approx(50 * (90 - 40) + 50 * (90 - 120))
    assert attribute == pytest.approx(100 * (90 - 50))


def test_attributes_are_never_paid_for_twice() -> None:
    prices = attribute_price(price=np.array([80.0, 30.0]), energy_value=50.0)
    assert prices.tolist() == [30.0, 0.0]


def test_onsite_gas_costs_what_its_engines_cost() -> None:
    engine = record("gas-engine").spec(Technology)
    assert isinstance(engine, Technology)
    contracted = contract("gas-onsite")
    assert contracted.price == pytest.approx(engine.lcoe(0.07 / SECONDS_PER_YEAR), rel=0.01)
    assert contracted.carbon == pytest.approx(engine.carbon(), rel=0.01)
