"""The entry `running`: what a program reads of it is what the plan says of the same load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_plans import APART, RENTED, TOGETHER, TWO_SYSTEMS, Made, made_of

from stackwright.catalog import Catalog
from stackwright.codesign.running_power import CALENDAR_LOADS, LOADS, calendar_cells
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.twin.meter import Levers

CLOSE = 0.01
"""A load of the year's mean in place of 8,760 hours, and downtime, are what differs."""
MILLION = 1e6
STUDIES = {"together": TOGETHER, "apart": APART, "two systems": TWO_SYSTEMS, "rented": RENTED}


@pytest.fixture(scope="module", params=list(STUDIES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Made:
    return made_of(STUDIES[request.param], tmp_path_factory.mktemp("study"), catalog)


def test_the_meter_at_the_mean_load_is_the_plan(made: Made) -> None:
    told = made.meter.power(made.at(made.meter.mean_load), made.meter.conditions["mean"])
    tokens = made.running["request"]["output_tokens"]
    done, year = made.item.done, made.year
    assert told["meter"] == pytest.approx(done.year.meter_energy[year] / SECONDS_PER_YEAR, rel=CLOSE)
    assert told["building"] == pytest.approx(done.year.it_energy[year] / SECONDS_PER_YEAR, rel=CLOSE)
    assert told["joules_per_token"] == pytest.approx(made.metric("energy_per_token"), rel=CLOSE)
    for name, metric in (
        ("usd_per_request", "cost_per_million_tokens"),
        ("kg_co2_per_request", "carbon_per_million_tokens"),
        ("marginal_kg_co2_per_request", "marginal_carbon_per_million_tokens"),
    ):
        assert told[name] / tokens * MILLION == pytest.approx(made.metric(metric), rel=CLOSE)
    liters_per_kilowatt_hour = told["water"] / told["building"] * 3.6e9
    assert liters_per_kilowatt_hour == pytest.approx(made.metric("wue"), rel=CLOSE, abs=1e-12)


def test_energy_alone_costs_what_the_plan_pays_for_it(made: Made) -> None:
    told = made.meter.power(made.at(made.meter.mean_load), made.meter.conditions["mean"])
    costs, tokens = made.item.done.costs, made.running["request"]["output_tokens"]
    water = told["water"] * made.running["money"]["water"]["value"] / told["tokens_per_second"]
    energy = told["energy_usd_per_request"] / tokens - water
    assert energy == pytest.approx(
        float(costs.get("power", 0.0)) / float(made.item.done.present_tokens), rel=CLOSE, abs=1e-15
    )
    assert told["energy_is"] == ("paid apart" if "power" in costs else "in the rent")


def test_chips_at_their_limit_in_the_worst_hour_are_the_plans_peak(made: Made) -> None:
    parts = made.meter.parts(made.meter.full_it_power, made.meter.conditions["heat-wave"])
    plant = made.running["plant"]
    assert parts.total == pytest.approx(plant["peak_facility_power"]["value"], rel=1e-6)
    assert parts.total == pytest.approx(made.metric("peak_facility_power"), rel=1e-6)


def test_pools_at_full_work_draw_what_the_plan_has_for_them(made: Made) -> None:
    fleet, year = made.item.done.fleet, made.year
    flow = made.meter.flow(made.at(made.meter.peak_load), made.meter.conditions["mean"])
    expected = sum(pool.idle_power[year] + pool.busy_power[year] * pool.load[year] for pool in fleet.pools)
    assert flow.building == pytest.approx(expected, rel=1e-6)


def test_lower_caps_are_slower_and_draw_less(made: Made) -> None:
    for pool in made.running["chips"]["at"].values():
        assert np.all(np.diff(pool["pace"]) > 0.0)
        assert np.all(np.diff(pool["working"], axis=0) < 0.0)
        assert np.all(np.array(pool["working"]) > np.array(pool["idle"]))
    assert np.all(np.diff(made.running["chips"]["clock"]) < 0.0)


def test_warmer_chips_leak(made: Made) -> None:
    chips = made.running["chips"]
    for name, cold in chips["at"].items():
        assert np.all(np.array(chips["warmer"]["at"][name]["idle"]) > np.array(cold["idle"]))


def test_spread_work_never_draws_less_than_packed_work(made: Made) -> None:
    for load in (0.1, 0.5, 0.9):
        told = made.meter.power(made.at(load), made.meter.conditions["mean"])
        assert told["if_spread"]["meter"] > told["meter"]


def test_named_hours_are_those_of_the_year(made: Made) -> None:
    conditions = made.running["conditions"]
    heat = [conditions[name]["cooling"]["values"][-1] for name in ("mean", "design-day", "heat-wave")]
    assert heat == sorted(heat)
    prices = [conditions[name]["market_price"]["value"] for name in ("median-price", "mean", "price-spike")]
    assert prices == sorted(prices)
    price = made.item.plant.specs.portfolio.grid.price(made.item.plant.series.price_shape)
    assert conditions["mean"]["market_price"]["value"] == pytest.approx(price.mean(), rel=0.1)
    assert (price > conditions["price-spike"]["market_price"]["value"]).sum() == 8


def test_sources_of_every_hour_sum_to_one(made: Made) -> None:
    for condition in made.running["conditions"].values():
        assert sum(condition["sources"].values()) == pytest.approx(1.0)
    calendar = np.array(list(made.running["calendar"]["sources"].values()))
    assert calendar.sum(axis=0) == pytest.approx(np.ones(288), abs=1e-6)


def test_the_calendar_has_every_month_and_hour(made: Made) -> None:
    cells = calendar_cells()
    assert len(cells) == HOURS_PER_YEAR
    assert np.array_equal(np.unique(cells), np.arange(288))
    calendar = made.running["calendar"]
    assert len(calendar["cooling"]) == len(CALENDAR_LOADS)
    assert set(CALENDAR_LOADS) <= set(LOADS)
    mean = np.average(calendar["market_price"], weights=np.bincount(cells))
    price = made.item.plant.specs.portfolio.grid.price(made.item.plant.series.price_shape)
    assert mean == pytest.approx(price.mean(), rel=1e-5)


def test_a_plan_stays_light(made: Made) -> None:
    assert len(json.dumps(made.running)) < 100_000


def test_a_heat_wave_that_the_plant_cannot_hold_warms_its_coolant(tmp_path: Path, catalog: Catalog) -> None:
    small_chillers = "  trim_capacity: {value: 0.25, source: assumption, kind: assumption, note: few chillers}\n"
    record = (
        "name: Tight dry coolers\nlike: direct-liquid-dry\nnote: A what-if, not a product.\nvalues:\n" + small_chillers
    )
    folder = tmp_path / "records" / "cooling"
    folder.mkdir(parents=True)
    (folder / "tight.yaml").write_text(record, encoding="utf-8")
    text = TOGETHER.replace(
        "direct-liquid-dry], supply_temperature: [40 degC]", "tight], supply_temperature: [40 degC]"
    )
    made = made_of(text, tmp_path, Catalog.load([tmp_path / "records"]))
    hot, mean = made.meter.conditions["heat-wave"], made.meter.conditions["mean"]
    assert hot.warmer > 0.0
    assert hot.warmer > mean.warmer >= 0.0
    work = made.at(made.meter.mean_load)
    cool = made.meter.flow(work, hot, Levers(warmer=-hot.warmer))
    assert made.meter.flow(work, hot).chip > cool.chip
