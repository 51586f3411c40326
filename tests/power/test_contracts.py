"""Contracts: totals of the announced deals, ramps, and who pays whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.core import yamltext
from stackwright.core.records import Record, decode
from stackwright.core.spec import map_leaves
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.power import TYPES
from stackwright.power.attribute import attribute_price
from stackwright.power.contract import Contract, arrived, escalated_price, withheld
from stackwright.power.planned_outage import outage_share
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


def at(deal: Contract, date: float) -> float:
    """Megawatts under contract at a date."""
    year = int(date)
    return float(deal.capacity * deal.contracted_share(year)[int((date - year) * HOURS_PER_YEAR)] / 1e6)


def test_the_steps_of_susquehanna_are_the_announced_ones() -> None:
    deal = contract("susquehanna")
    assert at(deal, 2026.2) == 0.0
    assert at(deal, 2027.5) == pytest.approx(300.0, rel=0.01)
    assert 840 <= at(deal, 2029.0) <= 1200
    assert at(deal, 2030.9) == pytest.approx(at(deal, 2029.0))
    assert at(deal, 2032.0) == pytest.approx(1920.0)
    assert at(deal, 2042.99) == pytest.approx(1920.0)
    assert at(deal, 2043.01) == 0.0


def test_a_year_that_begins_within_one_counts_from_its_date() -> None:
    """Clinton starts in June 2027 and ends in June 2047."""
    deal = contract("clinton")
    assert deal.ramp_share(2026) == 0.0
    assert deal.ramp_share(2027) == pytest.approx(0.58, abs=1e-3)
    assert deal.ramp_share(2030) == 1.0
    assert deal.ramp_share(2047) == pytest.approx(0.42, abs=1e-3)
    assert sum(deal.ramp_share(year) for year in range(2025, 2050)) == pytest.approx(20.0, abs=1e-3)


def test_the_settlement_is_that_of_each_deal() -> None:
    types = {id: record(id).type for id in ("crane", "clinton", "susquehanna", "wind-ppa", "gas-onsite")}
    assert types == {
        "crane": "PhysicalContract",
        "clinton": "AttributeContract",
        "susquehanna": "PhysicalContract",
        "wind-ppa": "FinancialContract",
        "gas-onsite": "PhysicalContract",
    }


def test_a_ramp_works_over_draws() -> None:
    deal = map_leaves(lambda _, leaf: np.full((5, 1), leaf), contract("susquehanna"))
    assert deal.contracted_share(2030.0).shape == (5, HOURS_PER_YEAR)
    alone = contract("susquehanna").output_share(2030.0)
    assert deal.output_share(2030.0) == pytest.approx(np.broadcast_to(alone, (5, HOURS_PER_YEAR)))


@given(st.floats(-30.0, 30.0), st.floats(0.0, 10.0))
def test_a_step_comes_in_before_its_date(since: float, time: float) -> None:
    share = float(arrived(since=since * SECONDS_PER_YEAR, ramp_time=time * SECONDS_PER_YEAR))
    assert 0.0 <= share <= 1.0
    if since >= 0.0:
        assert share == 1.0
    if since < -time - 1e-6:
        assert share == 0.0


def test_refueling_is_a_block_and_no_derate() -> None:
    """Every second year has 660 hours of nothing; in the others the reactor runs above its capacity factor."""
    deal = contract("crane")
    refueled, other = deal.output_share(2029), deal.output_share(2030)
    still = np.flatnonzero(refueled == 0.0)
    assert len(still) == 27.5 * 24
    assert np.all(np.diff(still) == 1)
    assert still[0] == HOURS_PER_YEAR // 4
    assert np.all(other == pytest.approx(1.0 / (1.0 - 27.5 / 730.0)))
    assert 0.95 < other[0] * deal.capacity_factor < 1.0
    assert (refueled.mean() + other.mean()) / 2 == pytest.approx(1.0, rel=1e-3)


def test_two_reactors_take_turns() -> None:
    deal = contract("susquehanna")
    for year in (2033, 2034):
        output = deal.output_share(year)
        assert output.min() / output.max() == pytest.approx(0.5)
        assert np.sum(output < 0.6 * output.max()) == pytest.approx(27.5 * 24, abs=1)


@given(st.floats(30.0, 800.0), st.floats(1.0, 300.0), st.integers(1, 12))
def test_outages_take_their_share_of_the_time(interval: float, days: float, machines: int) -> None:
    days = min(days, interval)
    since = np.linspace(0.0, interval, 20_001)[:-1]
    out = outage_share(since=since, interval=interval, outage_time=days, machines=float(machines))
    assert out.mean() == pytest.approx(days / interval, abs=2e-3)
    assert np.ptp(out) <= 1.0 / machines + 1e-12


def test_like_years_are_known_as_such() -> None:
    deal = contract("crane")
    assert deal.terms_in_year(2033) == deal.terms_in_year(2035)
    assert deal.terms_in_year(2033) != deal.terms_in_year(2034)
    assert map_leaves(lambda _, leaf: np.full((5, 1), leaf), deal).terms_in_year(2033) is None


FLAT = np.ones(HOURS_PER_YEAR)


def settled(deal: Contract, market: np.ndarray, year: int = 2030) -> object:
    return deal.settle(capacity=100e6, shape=FLAT, market_price=market, year=year)


def test_an_indexed_price_follows_the_market_between_its_floor_and_cap() -> None:
    deal = replace(
        contract("crane"),
        price=10.0 / MEGAWATT_HOUR,
        escalation=0.0,
        market_share=0.8,
        floor=30.0 / MEGAWATT_HOUR,
        cap=90.0 / MEGAWATT_HOUR,
    )
    market = np.array([-50.0, 20.0, 50.0, 80.0, 500.0]) / MEGAWATT_HOUR
    price = deal.hourly_price(year=2030, market_price=market) * MEGAWATT_HOUR
    assert price.tolist() == pytest.approx([30.0, 30.0, 50.0, 74.0, 90.0])


def test_a_seller_keeps_the_dearest_hours() -> None:
    market = np.array([[5.0, 1.0, 9.0, 3.0], [1.0, 2.0, 3.0, 4.0]])
    kept = withheld(market_price=market, share=np.array([[0.25], [0.5]]))
    assert kept.tolist() == [[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    hours = np.linspace(10.0, 100.0, HOURS_PER_YEAR) / MEGAWATT_HOUR
    deal = contract("crane")
    curtailed = replace(deal, curtailment=0.01)
    lost = settled(deal, hours).generation - settled(curtailed, hours).generation
    assert np.sum(lost > 0.0) == 88
    assert np.all(lost[:-88] == 0.0)


def test_basis_is_paid_on_energy_and_not_on_attributes() -> None:
    market = np.full(HOURS_PER_YEAR, 40.0) / MEGAWATT_HOUR
    for id, share in (("crane", 1.0), ("wind-ppa", 1.0), ("clinton", 0.0)):
        deal = replace(contract(id), basis=3.0 / MEGAWATT_HOUR)
        year = settled(deal, market)
        energy = year.generation.sum() / 1e6
        assert year.basis_cost == pytest.approx(3.0 * share * energy)
        assert year.cost == pytest.approx(year.payments + year.basis_cost + year.collateral_cost)


def test_security_and_fee_are_times_of_payments() -> None:
    market = np.full(HOURS_PER_YEAR, 40.0) / MEGAWATT_HOUR
    deal = replace(
        contract("crane"),
        escalation=0.0,
        collateral_time=SECONDS_PER_YEAR / 2,
        collateral_rate=0.02 / SECONDS_PER_YEAR,
        termination_time=2 * SECONDS_PER_YEAR,
    )
    year = settled(deal, market)
    assert year.collateral == pytest.approx(year.payments / 2)
    assert year.collateral_cost == pytest.approx(0.01 * year.payments)
    assert year.termination_fee == pytest.approx(2 * year.payments)
    swap = settled(replace(contract("wind-ppa"), collateral_time=SECONDS_PER_YEAR), 3 * market)
    assert swap.payments < 0.0 < swap.collateral


def test_escalation_compounds_by_the_year() -> None:
    price = escalated_price(price=80.0, escalation=0.02 / SECONDS_PER_YEAR, elapsed=10 * SECONDS_PER_YEAR)
    assert price == pytest.approx(80.0 * 1.02**10)


def test_a_price_escalates_from_its_start() -> None:
    deal = replace(contract("clinton"), escalation=0.02 / SECONDS_PER_YEAR)
    assert deal.price_in_year(2027) == deal.price
    assert deal.price_in_year(2037.42) == pytest.approx(deal.price * 1.02**10)


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
