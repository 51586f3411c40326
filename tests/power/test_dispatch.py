"""The dispatch program: its optimum closes, equals the closed form, and its prices are its slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dispatch_cases import PER_KW_YEAR, PER_MWH, case

from stackwright.catalog import Catalog
from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.power import TYPES, Grid, dispatch, matching
from stackwright.power.contract import Contract
from stackwright.power.dispatch import Dispatcher, Unsolved, solve
from stackwright.power.portfolio import Portfolio
from stackwright.power.supply import (
    CLEAN_COUNTS,
    CleanTarget,
    Connection,
    Dispatch,
    Flexible,
    Generator,
    Store,
    Supply,
    WaterTrade,
)

HOURS = 7 * 24
WEEK = np.arange(HOURS)
MEGAWATT = 1e6


def problem(**changes: Any) -> Supply:
    """A week that stands for a year, with everything that a problem may have."""
    rng = np.random.default_rng(1)
    sun = np.clip(np.sin((WEEK % 24 - 6) * np.pi / 12), 0.0, None)
    wind = np.clip(0.4 + 0.3 * np.sin(WEEK / 17) + 0.1 * rng.standard_normal(HOURS), 0.0, 1.0)
    whole = Supply(
        load=1000 * MEGAWATT * (1 + 0.1 * np.sin(WEEK * 2 * np.pi / 24)) + MEGAWATT * rng.random(HOURS),
        weights=np.full(HOURS, 8760 / HOURS),
        days=7,
        connection=Connection(
            most=MEGAWATT * (500 + 100 * rng.random(HOURS)),
            price=PER_MWH * (50 + 40 * np.sin(WEEK * 2 * np.pi / 24 + 1) + 20 * rng.standard_normal(HOURS)),
            delivery_charge=10 * PER_MWH,
            capacity_charge=120 * PER_KW_YEAR,
            credited=100 * MEGAWATT,
            most_export=50 * MEGAWATT,
            carbon=1e-7 * (1 + 0.3 * rng.random(HOURS)),
            clean_share=0.3 + 0.1 * rng.random(HOURS),
        ),
        generators=(
            Generator("sun", 0.0, np.inf, 90 * PER_KW_YEAR, 0.0, sun, 1.0, 0.0),
            Generator("wind", 0.0, 300 * MEGAWATT, 150 * PER_KW_YEAR, 0.0, wind, 1.0, 0.0),
            Generator("gas", 0.0, 450 * MEGAWATT, 120 * PER_KW_YEAR, 40 * PER_MWH, 0.95, 0.0, 1e-7, 50 * MEGAWATT),
        ),
        stores=(
            Store("battery", 0.0, np.inf, 8 * 3600.0, 30 * PER_KW_YEAR, 20 * PER_KW_YEAR / SECONDS_PER_HOUR, 0.85),
        ),
        delivered=100 * MEGAWATT * rng.random(HOURS),
        onsite=50 * MEGAWATT * rng.random(HOURS),
        onsite_carbon=2e-8,
        onsite_clean=0.7,
        attributes=200 * MEGAWATT * rng.random(HOURS),
        flexible=Flexible(
            movable=0.1,
            window=86400.0,
            headroom=1.05,
            pausable=0.1,
            pause_value=150 * PER_MWH,
            pause_time=50 * SECONDS_PER_HOUR,
        ),
        clean=CleanTarget(0.7, "grid"),
        water=WaterTrade(spared=30 * MEGAWATT * rng.random(HOURS), water=300 * rng.random(HOURS), price=2.0, most=5e5),
        carbon_price=0.05,
        most_carbon=1.2e9,
    )
    return replace(whole, **changes)


def grid_only(load: np.ndarray, **changes: Any) -> Supply:
    meter = Connection(most=np.inf, price=np.full(len(load), 40 * PER_MWH), delivery_charge=0.0, capacity_charge=0.0)
    made = Supply(load=load, weights=np.ones(len(load)), days=max(len(load) // 24, 1), connection=meter)
    return replace(made, **changes)


def slopes(change: Callable[[float], Supply], step: float) -> tuple[float, float]:
    """The optimum's slope on either side of a number of the problem, the lower one first."""
    middle = solve(change(0.0)).objective
    up, down = (solve(change(sign * step)).objective for sign in (1.0, -1.0))
    low, high = sorted(((up - middle) / step, (middle - down) / step))
    return low, high


def within(value: float, slope: tuple[float, float], scale: float) -> bool:
    margin = 1e-5 * scale
    return slope[0] - margin <= value <= slope[1] + margin


@pytest.mark.parametrize("counted", CLEAN_COUNTS)
def test_every_hour_closes_and_the_costs_sum_to_the_optimum(counted: str) -> None:
    stated = problem(clean=CleanTarget(0.7, counted))
    found = solve(stated)
    assert found.balance_error(stated) < 1e-12
    assert sum(found.costs.values()) == pytest.approx(found.objective, rel=1e-12)
    assert found.status == "optimal"
    assert found.clean_share is not None and found.clean_share >= 0.7 - 1e-9
    assert found.carbon <= stated.most_carbon * (1 + 1e-9)
    for name, flow in (("curtailed", found.curtailed), ("drawn", found.drawn), ("unserved", found.unserved)):
        assert flow.min() >= 0.0, name
    assert np.all(found.drawn <= stated.connection.most)
    assert np.allclose(found.bought + np.minimum(found.drawn, stated.delivered), found.drawn, atol=1.0)
    assert np.allclose(found.surplus, stated.delivered - (found.drawn - found.bought), atol=1.0)


def test_flows_of_storage_follow_from_each_other() -> None:
    stated = problem()
    found = solve(stated)
    way = np.sqrt(0.85)
    level = found.stored["battery"]
    step = way * found.charge["battery"] - found.discharge["battery"] / way
    assert np.allclose(level - np.roll(level, 1), step * SECONDS_PER_HOUR, atol=1e-5 * level.max())
    assert found.storage_energy["battery"] <= found.capacity["battery"] * 8 * 3600.0 * (1 + 1e-9)
    assert np.all(found.charge["battery"] + found.discharge["battery"] <= found.capacity["battery"] * (1 + 1e-9))


def test_two_runs_are_alike_bit_for_bit() -> None:
    one, other = solve(problem()), solve(problem())
    assert one.objective == other.objective
    assert np.array_equal(one.hour_price, other.hour_price)
    assert np.array_equal(one.drawn, other.drawn)


def test_where_nothing_is_decided_the_closed_form_holds() -> None:
    rng = np.random.default_rng(5)
    load = 80 * MEGAWATT * (1 + 0.3 * rng.random(8760))
    price = PER_MWH * (35 + 25 * rng.standard_normal(8760))
    delivered = 70 * MEGAWATT * (1 + 0.6 * rng.random(8760))
    meter = Connection(np.inf, price, 12 * PER_MWH, 120 * PER_KW_YEAR, credited=30 * MEGAWATT, carbon=1e-7)
    found = solve(grid_only(load, connection=meter, delivered=delivered, weights=np.ones(8760), days=365))
    taken = np.minimum(load, delivered)
    market = ((load - taken) * (price + 12 * PER_MWH)).sum() * 3600
    delivery = (taken * 12 * PER_MWH).sum() * 3600
    surplus = ((delivered - taken) * price).sum() * 3600
    capacity = (load.max() - 30 * MEGAWATT) * 120 * PER_KW_YEAR * 8760 * 3600
    assert found.objective == pytest.approx(market + delivery - surplus + capacity, rel=1e-9)
    assert np.allclose(found.hour_price[load < load.max()], (price + 12 * PER_MWH)[load < load.max()], rtol=1e-9)


@pytest.mark.parametrize("shares", [(0.0,), (0.6,), (1.1,)])
def test_where_nothing_is_decided_the_cost_is_that_of_the_bill(shares: tuple[float, ...]) -> None:
    records = [Catalog.load().get("power", name) for name in ("pjm-dominion", "nuclear-ppa")]
    grid, deal = (record.spec(TYPES[record.type]) for record in records)
    assert isinstance(grid, Grid) and isinstance(deal, Contract)
    hour = np.arange(8760)
    load = 3e8 * (1.0 + 0.1 * np.cos(hour / 24 * 2 * np.pi))
    shape = 1.0 + 0.4 * np.sin(hour / 24 * 2 * np.pi)
    plan = Portfolio(grid=grid, contracts=(deal,))
    capacities = plan.capacities(mean_load=load.mean(-1, keepdims=True), shares=shares)
    rates = {"average_carbon": np.full(8760, 1e-7), "marginal_carbon": np.full(8760, 1e-7)}
    flat = np.ones(8760)
    bill = plan.annual_energy(
        load=load,
        price_shape=shape,
        grid_clean_share=0.4 * flat,
        year=2030.0,
        capacities=capacities,
        shapes=(flat,),
        **rates,
    )
    market = grid.price(shape)
    (settled,) = plan.settle(market_price=market, year=2030.0, capacities=capacities, shapes=(flat,))
    assert settled.onsite == 0.0
    meter = Connection(
        np.inf,
        market,
        grid.delivery_charge,
        grid.capacity_charge,
        credited=float(np.squeeze(settled.credited_capacity)),
    )
    stated = grid_only(load, connection=meter, delivered=settled.delivered * settled.generation * flat)
    found = solve(stated)
    assert found.objective == pytest.approx(float(np.squeeze(bill.energy_cost - bill.contract_cost)), rel=1e-9)
    assert found.energy(found.surplus, stated) == pytest.approx(float(np.squeeze(bill.surplus_energy)), rel=1e-9)


@pytest.mark.parametrize("counted", CLEAN_COUNTS)
def test_an_hours_price_is_what_one_more_joule_costs(counted: str) -> None:
    stated = problem(clean=CleanTarget(0.7, counted))
    found = solve(stated)
    for hour in range(0, HOURS, 12):

        def more(step: float, hour: int = hour) -> Supply:
            load = stated.load.copy()
            load[hour] += step
            return replace(stated, load=load)

        joules = SECONDS_PER_HOUR * stated.weights[hour]
        low, high = slopes(more, 1000.0)
        assert within(found.hour_price[hour], (low / joules, high / joules), 50 * PER_MWH), hour


def test_the_price_of_paused_and_moved_load_counts_what_the_load_itself_allows() -> None:
    stated = problem(clean=None, most_carbon=np.inf)
    stated = replace(stated, generators=stated.generators[2:], stores=())
    found = solve(stated)
    assert found.paused.max() > 0.0
    for hour in (3, 17, 40, int(stated.load.argmax())):

        def more(step: float, hour: int = hour) -> Supply:
            load = stated.load.copy()
            load[hour] += step
            return replace(stated, load=load)

        joules = SECONDS_PER_HOUR * stated.weights[hour]
        low, high = slopes(more, 1000.0)
        assert within(found.hour_price[hour], (low / joules, high / joules), 50 * PER_MWH), hour


def test_the_worths_of_limits_are_slopes() -> None:
    stated = problem(clean=CleanTarget(0.75, "grid"))
    found = solve(stated)
    meter = stated.connection

    def connection(step: float) -> Supply:
        return replace(stated, connection=replace(meter, most=meter.most + step))

    def wind(step: float) -> Supply:
        plants = list(stated.generators)
        plants[1] = replace(plants[1], most=plants[1].most + step)
        return replace(stated, generators=tuple(plants))

    def water(step: float) -> Supply:
        assert stated.water is not None
        return replace(stated, water=replace(stated.water, most=stated.water.most + step))

    def clean(step: float) -> Supply:
        load = found.energy(found.served - found.unserved, stated)
        return replace(stated, clean=CleanTarget(0.75 - step / load, "grid"))

    year = float(stated.weights.sum()) * SECONDS_PER_HOUR
    for worth, change, step, scale in (
        (found.connection_price * year, connection, 1000.0, 0.1),
        (found.capacity_prices["wind"] * year, wind, 1000.0, 0.1),
        (found.water_worth, water, 10.0, 1.0),
        (found.clean_worth, clean, 1e10, 10 * PER_MWH),
    ):
        assert within(-worth, slopes(change, step), scale)
    assert found.clean_worth > 0.0 and found.water_worth > 0.0 and found.capacity_prices["wind"] > 0.0


def test_carbon_and_the_connection_have_a_worth_where_they_bind() -> None:
    stated = problem(clean=None, most_carbon=1.0e9)
    found = solve(stated)
    low, high = slopes(lambda step: replace(stated, most_carbon=stated.most_carbon + step), 1000.0)
    assert found.carbon_worth > 0.0
    assert within(-found.carbon_worth, (low, high), 0.01)
    tight = replace(stated, most_carbon=np.inf, generators=(), stores=(), carbon_price=0.0)
    found, year = solve(tight), 8760 * SECONDS_PER_HOUR
    meter = tight.connection
    change = lambda step: replace(tight, connection=replace(meter, most=meter.most + step))  # noqa: E731
    assert found.connection_price > 0.0
    assert within(-found.connection_price * year, slopes(change, 1000.0), 1.0)


@pytest.mark.parametrize("counted", CLEAN_COUNTS)
def test_clean_shares_are_those_of_matching(counted: str) -> None:
    stated = problem(clean=CleanTarget(0.75, counted), stores=(), onsite_clean=1.0, flexible=None, most_carbon=np.inf)
    stated = replace(stated, generators=stated.generators[:2], connection=replace(stated.connection, most_export=0.0))
    found = solve(stated)
    load = found.served - found.unserved
    own = sum(found.output.values()) + stated.onsite - found.curtailed
    clean = own + np.asarray(stated.attributes)
    expected = {
        "annual": matching.annual_clean_share(load=load, clean=clean),
        "hourly": matching.hourly_clean_share(load=load, clean=clean),
        "grid": matching.hourly_clean_share_with_grid(
            load=load, clean=clean, grid_clean_share=stated.connection.clean_share
        ),
    }
    assert found.clean_share == pytest.approx(float(expected[counted]), abs=1e-9)


def test_nobody_draws_at_a_negative_price_to_throw_energy_away() -> None:
    load = np.full(48, 100 * MEGAWATT)
    price = np.where(np.arange(48) < 12, -30.0, 40.0) * PER_MWH
    sun = Generator("sun", 50 * MEGAWATT, 50 * MEGAWATT, 0.0, 0.0, np.ones(48), 1.0, 0.0)
    found = solve(grid_only(load, connection=Connection(np.inf, price, 0.0, 0.0), generators=(sun,)))
    assert np.allclose(found.drawn[:12], 100 * MEGAWATT)
    assert np.allclose(found.curtailed[:12], 50 * MEGAWATT)
    assert np.allclose(found.drawn[12:], 50 * MEGAWATT)
    assert np.allclose(found.hour_price, price)


def test_movable_load_leaves_dear_hours_within_its_window() -> None:
    load = np.full(48, 100 * MEGAWATT)
    price = np.tile(np.where(np.arange(24) < 12, 20.0, 80.0), 2) * PER_MWH
    flexible = Flexible(movable=0.2, window=86400.0, headroom=1.1)
    found = solve(grid_only(load, connection=Connection(np.inf, price, 0.0, 0.0), flexible=flexible))
    assert np.allclose(found.served.reshape(2, 24).sum(axis=1), 24 * 100 * MEGAWATT)
    assert np.allclose(found.served[:12], 110 * MEGAWATT)
    assert found.served.min() >= 80 * MEGAWATT * (1 - 1e-12)
    assert found.costs["market"] == pytest.approx(24 * 100 * (110 * 20 + 90 * 80) / 100)


def test_a_pause_is_taken_where_power_is_worth_more_and_no_longer_than_its_budget() -> None:
    load = np.full(48, 100 * MEGAWATT)
    price = np.full(48, 40 * PER_MWH)
    price[20:26] = 900 * PER_MWH
    flexible = Flexible(pausable=0.25, pause_value=200 * PER_MWH, pause_time=4 * 3600.0)
    found = solve(grid_only(load, connection=Connection(np.inf, price, 0.0, 0.0), flexible=flexible))
    assert found.paused.sum() == pytest.approx(4 * 25 * MEGAWATT)
    assert np.all(found.paused[:20] == 0.0) and found.paused.max() <= 25 * MEGAWATT * (1 + 1e-12)


def test_water_is_evaporated_where_it_spares_dearer_power() -> None:
    load = np.full(48, 100 * MEGAWATT)
    price = np.where(np.arange(48) < 24, 20.0, 100.0) * PER_MWH
    water = WaterTrade(spared=np.full(48, 5 * MEGAWATT), water=np.full(48, 100.0), price=2.0)
    stated = grid_only(load, connection=Connection(np.inf, price, 0.0, 0.0), water=water)
    assert np.allclose(solve(stated).wet, np.where(np.arange(48) < 24, 0.0, 1.0))
    scarce = solve(replace(stated, water=replace(water, most=600.0)))
    assert scarce.wet.sum() == pytest.approx(6.0)
    assert scarce.water_worth == pytest.approx((5 * 100.0 - 200.0) / 100.0)


def test_what_cannot_be_served_is_shown() -> None:
    load = np.full(48, 100 * MEGAWATT)
    meter = Connection(most=80 * MEGAWATT, price=40 * PER_MWH * np.ones(48), delivery_charge=0.0, capacity_charge=0.0)
    found = solve(grid_only(load, connection=meter))
    assert np.allclose(found.unserved, 20 * MEGAWATT)
    assert np.allclose(found.hour_price, 10_000 * PER_MWH)


def test_typical_days_cycle_their_storage_each() -> None:
    stated = problem(whole_year=False)
    found = solve(stated)
    way = np.sqrt(0.85)
    step = (way * found.charge["battery"] - found.discharge["battery"] / way).reshape(7, 24)
    assert np.abs(step.sum(axis=1)).max() < 1e-6 * np.abs(step).max()
    through = solve(problem())
    step = (way * through.charge["battery"] - through.discharge["battery"] / way).reshape(7, 24)
    assert np.abs(step.sum(axis=1)).max() > 1e-3 * np.abs(step).max()


def test_a_warm_start_finds_what_a_fresh_solver_finds() -> None:
    stated = problem()
    warm = Dispatcher(stated)
    warm.solve()
    for scale in (0.5, 0.9, 1.05):
        load = stated.load * scale
        found = warm.solve(load)
        fresh = solve(replace(stated, load=load))
        assert found.objective == pytest.approx(fresh.objective, rel=1e-9)
        assert found.balance_error(replace(stated, load=load)) < 1e-12


@pytest.mark.parametrize("name", ["va80", "island"])
def test_interior_points_find_what_simplex_finds(name: str) -> None:
    stated = case(name, hours=744)
    by_simplex, by_points = solve(stated, method="simplex"), solve(stated, method="hipo")
    assert by_points.status == "optimal"
    assert by_points.objective == pytest.approx(by_simplex.objective, rel=1e-7)
    assert by_points.balance_error(stated) < 1e-12


def test_without_hipo_the_status_says_that_simplex_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Callable[..., Any] = dispatch._model
    monkeypatch.setattr(dispatch, "_model", lambda arrays, method, offset: made(arrays, "simplex", offset))
    found: Dispatch = solve(case("va80", hours=168), method="hipo")
    assert found.status.startswith("optimal, by simplex: HiPO is not installed")


def test_export_that_pays_for_any_plant_is_no_optimum() -> None:
    load = np.full(48, 100 * MEGAWATT)
    free = Generator("free", 0.0, np.inf, 0.0, 0.0, 1.0, 1.0, 0.0)
    meter = Connection(np.inf, 40 * PER_MWH * np.ones(48), 0.0, 0.0, most_export=np.inf)
    with pytest.raises(Unsolved, match="unbounded"):
        solve(grid_only(load, connection=meter, generators=(free,)))
