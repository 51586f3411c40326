"""Data of the plant's pictures: sums close from source to chip, with and without a dispatch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.plant_pictures import (
    WEEK,
    by_week,
    cooling_year,
    dispatch,
    energy_flow,
    hour_prices,
    marginal_entry,
    source_kind,
    supply_hours,
    weeks_of,
)
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.power.supply import CleanTarget, Connection, Dispatch, Generator, Store, Supply
from stackwright.stack.evaluate import Dispatched
from stackwright.stack.study import Study


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


@pytest.fixture(scope="module")
def plain(small: Study, seen: Searched) -> Finalist:
    """A design with a contract, whose hours nobody decides."""
    pick = seen.found.by_option["power", "nuclear"]
    return finalist(small, seen.parts, seen.scenario, seen.grid, seen.classes, pick)


@pytest.fixture(scope="module")
def dispatched(seen: Searched, plain: Finalist) -> Finalist:
    """The same with a turbine and a battery, whose hours are given."""
    hours = supply_hours(seen.scenario, plain)
    load, day = hours.load, np.arange(len(hours.load)) % 24
    contract = hours.sources[0].power
    charge = np.where(day < 4, 0.1 * load.mean(), 0.0)
    discharge = np.where((day >= 18) & (day < 21), 0.11 * load.mean(), 0.0)
    unserved = np.where(np.arange(len(load)) == 5000, 0.01 * load, 0.0)
    paused = np.where(day == 19, 0.02 * load, 0.0)
    served = load - paused
    turbine = np.maximum(0.3 * (served - contract), 0.0)
    curtailed = np.where(day == 12, 0.01 * load, 0.0)
    bought = served - contract - turbine - discharge + charge - unserved + curtailed
    problem = Supply(
        load=load,
        weights=np.ones_like(load),
        days=365,
        connection=Connection(most=np.inf, price=hours.price, delivery_charge=0.0, capacity_charge=0.0),
        generators=(Generator("gas-turbine", 0.0, np.inf, 0.0, 0.0, 1.0, 0.0, 1e-7),),
        stores=(Store("battery-lithium", 0.0, np.inf, 4 * 3600.0, 0.0, 0.0, 0.86),),
        delivered=contract,
        clean=CleanTarget(0.5, "hourly"),
    )
    answer = Dispatch(
        objective=0.0,
        costs={},
        capacity={},
        storage_energy={},
        output={"gas-turbine": turbine},
        charge={"battery-lithium": charge},
        discharge={"battery-lithium": discharge},
        stored={},
        bought=bought,
        drawn=bought + contract,
        surplus=0.0 * load,
        exported=0.0 * load,
        curtailed=curtailed,
        served=served,
        paused=paused,
        unserved=unserved,
        wet=0.0,
        peak=float((bought + contract).max()),
        clean_share=0.5,
        carbon=0.0,
        hour_price=2.0 * hours.price,
        connection_price=50.0 / 1e3 / SECONDS_PER_YEAR,
        capacity_prices={"gas-turbine": 10.0 / 1e3 / SECONDS_PER_YEAR},
        clean_worth=20.0 / 3.6e9,
    )
    assert answer.balance_error(problem) < 1e-12
    parts = plain.parts | {f"plants.{name}": seen.parts.get("power", name) for name in answer.output | answer.charge}
    done = replace(plain.done, dispatched=(Dispatched(problem, answer, None),))
    return replace(plain, parts=parts, done=done)


@pytest.mark.parametrize("name", ["plain", "dispatched"])
def test_sources_and_sinks_make_the_load(name: str, seen: Searched, request: pytest.FixtureRequest) -> None:
    hours = supply_hours(seen.scenario, request.getfixturevalue(name))
    given = sum(source.power for source in hours.sources) - sum((sink.power for sink in hours.sinks), start=0.0)
    np.testing.assert_allclose(given + hours.unserved, hours.served, rtol=1e-12)


@pytest.mark.parametrize("name", ["plain", "dispatched"])
def test_energy_closes_from_source_to_chip(name: str, seen: Searched, request: pytest.FixtureRequest) -> None:
    item = request.getfixturevalue(name)
    flow = energy_flow(seen.scenario, item, supply_hours(seen.scenario, item))
    assert sum(flow["parts"].values()) == pytest.approx(flow["supply"], rel=1e-9)
    assert sum(source["value"] for source in flow["sources"]) == pytest.approx(flow["supply"], rel=1e-9)
    assert all(value > 0 for value in flow["parts"].values())
    before = {"plain": set(), "dispatched": {"lost in storage", "curtailed"}}[name]
    assert before <= set(flow["parts"])
    behind = sum(value for part, value in flow["parts"].items() if part not in before)
    assert behind == pytest.approx(flow["meter"], rel=1e-9)


def test_without_a_dispatch_the_meter_is_that_of_the_plan(seen: Searched, plain: Finalist) -> None:
    flow = energy_flow(seen.scenario, plain, supply_hours(seen.scenario, plain))
    done = plain.done
    assert flow["meter"] == pytest.approx(float(done.year.meter_energy[0] / done.tokens[0]), rel=1e-9)
    assert flow["meter"] == flow["supply"]


def test_weeks_are_cut_from_the_year(seen: Searched, dispatched: Finalist) -> None:
    hours = supply_hours(seen.scenario, dispatched)
    made = dispatch(hours)
    assert made["foresight"] == "perfect"
    week = made["weeks"]["summer"]
    start = week["start_hour"]
    assert week["load"] == hours.load[start : start + WEEK].tolist()
    assert {row["kind"] for row in week["sources"]} == {"nuclear", "gas", "storage", "grid"}
    served = sum(row["energy"] for row in made["year"]["sources"]) + made["year"]["unserved"]
    assert served - sum(row["energy"] for row in made["year"]["sinks"]) == pytest.approx(made["year"]["served"])


def test_contracts_alone_need_no_foresight(seen: Searched, plain: Finalist) -> None:
    made = dispatch(supply_hours(seen.scenario, plain))
    assert made["foresight"] is None
    assert made["weeks"]["winter"]["worth"] is None


def test_every_cooling_that_takes_the_racks_at_every_site(small: Study, seen: Searched, plain: Finalist) -> None:
    made = cooling_year(small, seen.scenario, seen.parts, plain)
    pairs = {(row["cooling"], row["site"]) for row in made["year"]}
    assert pairs == {("direct-liquid-dry", "ashburn-va"), ("direct-liquid-dry", "phoenix-az")}
    (chosen,) = [row for row in made["series"] if row["chosen"]]
    year = plain.done.year
    assert chosen["mean_pue"] == pytest.approx(float(year.meter_energy[0] / year.it_energy[0]), rel=1e-9)
    for row in made["series"]:
        assert len(row["pue"]) == len(row["pue_peak"]) == len(row["water"]) == 52
        assert min(row["pue"]) <= row["mean_pue"] <= max(row["pue"])
        assert max(row["pue_peak"]) == row["peak_pue"]


def test_other_sites_have_the_weather_of_the_study_s_year(small: Study, seen: Searched, plain: Finalist) -> None:
    def in_dallas(year: str) -> float:
        places = small.datacenter.model_copy(update={"site": ("ashburn-va", "dallas-tx"), "year": year})
        study = small.model_copy(update={"datacenter": places})
        rows = cooling_year(study, seen.scenario, seen.parts, plain)["year"]
        return next(row["mean_pue"] for row in rows if row["site"] == "dallas-tx")

    assert in_dallas("typical") != in_dallas("aligned")


def test_weeks_hold_every_hour() -> None:
    hours = np.arange(8760.0)
    assert sum(len(week) for week in weeks_of(hours)) == 8760
    assert by_week(hours).sum() == hours.sum()


def test_duals_are_told_per_unit_that_people_buy(seen: Searched, dispatched: Finalist) -> None:
    rows = {row["what"]: row for row in marginal_entry(seen.scenario, dispatched)}
    assert rows["MW of connection"]["value"] == pytest.approx(50_000.0)
    assert rows["MW of Simple-cycle gas turbine"]["value"] == pytest.approx(10_000.0)
    load = float(supply_hours(seen.scenario, dispatched).load.sum()) / 1e6
    assert rows["point of clean share"]["value"] == pytest.approx(0.01 * load * 20.0)
    hour = rows["MWh of load"]
    assert hour["low"] <= hour["value"] <= hour["high"]
    assert "m³ of water" not in rows


def test_prices_fall_along_their_duration(seen: Searched, plain: Finalist) -> None:
    made = hour_prices(supply_hours(seen.scenario, plain))
    assert made["market"] == sorted(made["market"], reverse=True)
    charge = float(plain.plant.specs.portfolio.grid.delivery_charge) * 3.6e9
    assert np.subtract(made["worth"], made["market"]) == pytest.approx(charge)


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("nuclear-ppa", "nuclear"),
        ("crane", "nuclear"),
        ("clinton", "nuclear"),
        ("wind-ppa", "wind"),
        ("solar-pv", "solar"),
        ("gas-onsite", "gas"),
        ("gas-combined-cycle", "gas"),
        ("fuel-cell", "fuel cell"),
        ("battery-lithium", "storage"),
        ("nuclear-small", "nuclear"),
    ],
)
def test_records_name_their_kind_of_source(seen: Searched, record: str, kind: str) -> None:
    assert source_kind(seen.parts.get("power", record)) == kind
