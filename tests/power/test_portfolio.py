"""A year's bill: it closes, scales with the load, and counts clean energy three ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.core import yamltext
from stackwright.core.records import decode
from stackwright.core.spec import leaves
from stackwright.power import TYPES, Grid
from stackwright.power.contract import Contract
from stackwright.power.grid import net_load_price_shape
from stackwright.power.portfolio import EnergyBill, Portfolio

RECORDS = Path(__file__).parents[2] / "src" / "stackwright" / "catalog" / "records" / "power"
MEGAWATT_HOUR = 3.6e9
HOURS = np.arange(8760)
NOON = np.maximum(np.sin((HOURS % 24 - 6) / 12 * np.pi), 0.0)
SOLAR = NOON / NOON.mean()
PRICE_SHAPE = 1.0 + 0.4 * np.sin(HOURS / 24 * 2 * np.pi) + 0.2 * np.cos(HOURS / 8760 * 2 * np.pi)
LOAD = 1.0 + 0.1 * np.cos(HOURS / 24 * 2 * np.pi)
AVERAGE = (0.35 + 0.1 * np.sin(HOURS / 24 * 2 * np.pi)) / 3.6e6
MARGINAL = np.full(8760, 0.6 / 3.6e6)


def spec(id: str) -> object:
    read = decode(yamltext.read(RECORDS / f"{id}.yaml"), id=id, layer="power", types=TYPES)
    return read.spec(TYPES[read.type])


def portfolio(*ids: str) -> Portfolio:
    grid = spec("pjm-dominion")
    contracts = [spec(id) for id in ids]
    assert isinstance(grid, Grid)
    assert all(isinstance(contract, Contract) for contract in contracts)
    return Portfolio(grid=grid, contracts=tuple(contracts))  # type: ignore[arg-type]


def bill(plan: Portfolio, shares: tuple[float, ...], load: np.ndarray = LOAD, year: float = 2030.0) -> EnergyBill:
    shapes = {"solar-ppa": SOLAR}
    chosen = [shapes["solar-ppa"] if contract.capacity_factor < 0.3 else np.ones(8760) for contract in plan.contracts]
    return plan.annual_energy(
        load=load,
        price_shape=PRICE_SHAPE,
        average_carbon=AVERAGE,
        marginal_carbon=MARGINAL,
        grid_clean_share=np.full(8760, 0.4),
        year=year,
        capacities=plan.capacities(mean_load=load.mean(-1, keepdims=True), shares=shares),
        shapes=chosen,
    )


def test_the_grid_alone_costs_its_hourly_price() -> None:
    found = bill(portfolio(), ())
    grid = portfolio().grid
    hourly = grid.mean_price * PRICE_SHAPE - grid.basis_discount + grid.delivery_charge
    assert found.market_cost == pytest.approx((LOAD * hourly).sum() * 3600.0)
    assert found.capacity_cost == pytest.approx(LOAD.max() * grid.capacity_charge * 8760 * 3600.0)
    assert found.energy_cost == pytest.approx(found.market_cost + found.capacity_cost)
    assert found.clean_annual == 0.0
    assert found.carbon.average == found.carbon.annual == found.carbon.hourly


@settings(deadline=None, max_examples=25)
@given(st.floats(0.0, 1.5), st.floats(0.0, 1.5), st.floats(0.0, 1.5))
def test_energy_closes(nuclear: float, solar: float, gas: float) -> None:
    found = bill(portfolio("nuclear-ppa", "solar-ppa", "gas-onsite"), (nuclear, solar, gas))
    taken = sum(found.energy_by_contract)
    assert taken + found.market_energy == pytest.approx(found.energy, rel=1e-9)
    plan = portfolio("nuclear-ppa", "gas-onsite")
    capacities = plan.capacities(mean_load=LOAD.mean(), shares=(nuclear, gas))
    pairs = zip(plan.contracts, capacities, strict=True)
    generated = sum(deal.energy_in_year(capacity=capacity, year=2030.0) for deal, capacity in pairs)
    assert taken + found.surplus_energy == pytest.approx(generated, rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.01, 1e9), st.floats(0.0, 1.4))
def test_the_bill_is_homogeneous_in_the_load(scale: float, share: float) -> None:
    plan = portfolio("nuclear-ppa", "solar-ppa")
    one, many = bill(plan, (share, 0.3)), bill(plan, (share, 0.3), load=scale * LOAD)
    for field in ("energy_cost", "market_cost", "contract_cost", "surplus_revenue", "energy", "market_energy"):
        assert getattr(many, field) == pytest.approx(scale * getattr(one, field), rel=1e-9, abs=1e-9 * scale), field
    assert many.clean_hourly == pytest.approx(one.clean_hourly)
    assert many.carbon.marginal == pytest.approx(scale * one.carbon.marginal, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.0, 1.5), st.floats(0.0, 1.5))
def test_hourly_matching_is_never_more_than_yearly(nuclear: float, solar: float) -> None:
    found = bill(portfolio("nuclear-ppa", "solar-ppa"), (nuclear, solar))
    assert found.clean_hourly <= found.clean_annual + 1e-12
    assert found.clean_hourly <= found.clean_with_grid <= 1.0 + 1e-12
    assert found.carbon.annual <= found.carbon.average + 1e-12
    assert found.carbon.hourly <= found.carbon.average + 1e-12


def test_solar_for_all_of_the_year_is_not_clean_by_the_hour() -> None:
    found = bill(portfolio("solar-ppa"), (1.0,))
    assert found.clean_annual == pytest.approx(1.0)
    assert found.carbon.annual == pytest.approx(0.0, abs=1e-9)
    assert 0.3 < found.clean_hourly < 0.6
    assert found.market_energy == pytest.approx(found.energy)


def test_a_financial_contract_at_the_market_price_changes_nothing_but_capacity() -> None:
    flat = np.ones(8760)
    plan = portfolio("nuclear-ppa")
    grid = replace(plan.grid, mean_price=plan.contracts[0].price)
    plan = Portfolio(grid=grid, contracts=(replace(plan.contracts[0], collateral_time=None),))
    arguments = {
        "load": flat,
        "price_shape": flat,
        "average_carbon": AVERAGE,
        "marginal_carbon": MARGINAL,
        "grid_clean_share": 0.0 * flat,
        "year": 2027.0,
    }
    with_contract = plan.annual_energy(**arguments, capacities=(0.5 / 0.93,), shapes=(flat,))
    without = Portfolio(grid=grid).annual_energy(**arguments)
    paid = with_contract.energy_cost - with_contract.capacity_cost
    assert paid == pytest.approx(without.energy_cost - without.capacity_cost)
    assert with_contract.capacity_cost < without.capacity_cost


def test_plants_on_the_site_save_delivery_and_emit_by_their_own_rate() -> None:
    found = bill(portfolio("gas-onsite"), (0.8,))
    engine = portfolio("gas-onsite").contracts[0]
    assert found.delivery_cost == pytest.approx(0.0)
    own = found.energy_by_contract[0] * engine.carbon
    assert found.carbon.average > own
    assert found.carbon.hourly == pytest.approx(found.carbon.average)


def test_only_additional_clean_energy_displaces_at_the_margin() -> None:
    operating = bill(portfolio("susquehanna"), (0.5,), year=2035.0)
    restarted = [bill(portfolio("crane"), (0.5,), year=year).carbon.marginal for year in (2035.0, 2036.0)]
    grid = bill(portfolio(), ())
    assert operating.carbon.marginal == pytest.approx(grid.carbon.marginal)
    assert sum(restarted) / 2 == pytest.approx(0.5 * grid.carbon.marginal, rel=0.01)


def test_outside_its_term_a_contract_gives_nothing() -> None:
    early = bill(portfolio("crane"), (0.5,), year=2026.0)
    assert early.contract_cost == 0.0
    assert early.market_energy == pytest.approx(early.energy)


def test_a_batch_of_loads_gives_what_each_gives_alone() -> None:
    plan = portfolio("nuclear-ppa", "solar-ppa")
    batch = np.stack([LOAD, 2.0 * LOAD[::-1]])
    together = bill(plan, (0.6, 0.4), load=batch)
    for index, load in enumerate(batch):
        alone = bill(plan, (0.6, 0.4), load=load)
        for path, value in leaves(together):
            assert value.shape == (2,), path
            expected = dict(leaves(alone))[path]
            assert value[index] == pytest.approx(expected, rel=1e-12), path


def test_the_open_price_shape_rises_with_net_load() -> None:
    shape = net_load_price_shape(net_load_shape=np.linspace(0.0, 2.0, 20))
    assert np.all(np.diff(shape) > 0.0)
    assert shape[0] == pytest.approx(0.3)
