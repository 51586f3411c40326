"""The meter of a running stack: levels, levers, hours, and what a plan without its entry is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from made_plans import APART, TOGETHER, Made, made_of

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.twin.meter import Activity, Levers, Meter

STUDIES = {"together": TOGETHER, "apart": APART}


@pytest.fixture(scope="module", params=list(STUDIES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Made:
    return made_of(STUDIES[request.param], tmp_path_factory.mktemp("study"), catalog)


def test_watts_grow_from_the_chip_to_the_meter_and_the_parts_sum_to_it(made: Made) -> None:
    for condition in made.meter.conditions.values():
        for load in (0.0, 0.3, 1.0):
            told = made.meter.power(made.at(load), condition)
            assert told["chip"] < told["rack"] < told["building"] < told["meter"]
            assert sum(told["parts"].values()) == pytest.approx(told["meter"])
            assert sum(told["by_contract"].values()) == pytest.approx(told["meter"])


def test_the_served_part_has_its_share_of_the_fleet_and_the_same_cost_of_a_request(made: Made) -> None:
    told = made.meter.power(made.at(0.6), made.meter.conditions["mean"])
    share = told["share"]
    assert share["share"] == pytest.approx(1.0 / made.meter.replicas)
    assert share["meter"] * made.meter.replicas == pytest.approx(told["meter"])
    for name in ("usd_per_request", "kg_co2_per_request", "energy_usd_per_request"):
        assert share[name] == pytest.approx(told[name])


def test_a_stack_without_requests_draws_and_costs_but_has_no_cost_per_request(made: Made) -> None:
    told = made.meter.power(Activity(decode=0.0), made.meter.conditions["mean"])
    assert told["meter"] > 0.0
    assert told["usd_per_request"] is None
    assert told["reason"]


def test_a_cap_takes_the_watts_that_the_chips_curve_takes(made: Made) -> None:
    meter, mean = made.meter, made.meter.conditions["mean"]
    chips = made.running["chips"]
    place = len(chips["power_cap"]) // 2
    cap = chips["power_cap"][place]
    work = dict.fromkeys(meter.pools, 0.3)
    activity = Activity(decode=work["decode"], prefill=work.get("prefill", 0.0))
    expected = 0.0
    for name, pool in meter.pools.items():
        table = chips["at"][name]
        busy = work[name] * table["pace"][place]
        expected += pool.chips * (table["idle"][0] + busy * (table["working"][place][0] - table["idle"][0]))
    assert meter.flow(activity, mean, Levers(power_cap=cap)).chip == pytest.approx(expected)


def test_the_cap_for_a_target_meets_it_and_no_higher_one_does(made: Made) -> None:
    meter, mean = made.meter, made.meter.conditions["mean"]

    def settled(work: Activity, cap: float) -> float:
        levers = Levers(power_cap=cap)
        return meter.flow(meter.passed(work, levers), mean, levers).meter

    for load in (0.6, 1.0):
        work = made.at(load)
        target = 0.75 * meter.flow(work, mean).meter
        cap, idle = meter.cap_for(target, work, mean)
        assert idle == 0.0
        assert settled(work, cap) == pytest.approx(target, rel=1e-6)
        assert settled(work, cap + 0.01) > target


def test_where_the_lowest_clock_is_not_enough_chips_idle(made: Made) -> None:
    meter, mean, work = made.meter, made.meter.conditions["mean"], made.at(1.0)
    lowest = meter.flow(work, mean, Levers(power_cap=float(meter.caps[0]))).meter
    empty = meter.flow(Activity(decode=0.0), mean).meter
    target = 0.5 * (lowest + empty)
    cap, idle = meter.cap_for(target, work, mean)
    assert cap == meter.caps[0]
    assert 0.0 < idle < 1.0
    levers = Levers(power_cap=cap, idle=idle)
    assert meter.flow(meter.passed(work, levers), mean, levers).meter == pytest.approx(target, rel=1e-6)


def test_no_lever_goes_below_idle_chips(made: Made) -> None:
    meter, mean, work = made.meter, made.meter.conditions["mean"], made.at(0.5)
    cap, idle = meter.cap_for(1.0, work, mean)
    assert (cap, idle) == (meter.caps[0], pytest.approx(1.0))
    levers = Levers(power_cap=cap, idle=idle)
    assert meter.flow(meter.passed(work, levers), mean, levers).meter == pytest.approx(
        meter.flow(Activity(decode=0.0), mean).meter
    )


def test_dark_chips_draw_nothing(made: Made) -> None:
    meter, mean = made.meter, made.meter.conditions["mean"]
    assert meter.flow(made.at(0.5), mean, Levers(dark=1.0)).building == 0.0
    assert meter.flow(made.at(0.0), mean, Levers(dark=0.5)).chip == pytest.approx(
        0.5 * meter.flow(made.at(0.0), mean).chip
    )


def test_the_junction_caps_a_chip_in_warm_coolant(made: Made) -> None:
    meter, junction = made.meter, made.running["chips"]["junction"]
    coolant = made.running["plant"]["coolant_at_chips"]["value"]
    tdp = max(pool.tdp for pool in meter.pools.values())
    warmer = 0.9 * (junction["limit"]["value"] - coolant)
    cap = meter.coolest_cap(warmer)
    assert float(meter.caps[0]) <= cap < meter.planned_cap
    if cap > meter.caps[0]:
        assert coolant + warmer + junction["resistance"]["value"] * cap * tdp == pytest.approx(
            junction["limit"]["value"]
        )
    assert meter.coolest_cap(0.0) == meter.planned_cap


def test_the_hour_of_the_clock_is_that_of_its_months_mean_day(made: Made) -> None:
    calendar = made.running["calendar"]
    now = made.meter.now(datetime(2026, 7, 4, 15, 30))
    cell = 6 * 24 + 15
    assert now.market_price == calendar["market_price"][cell]
    assert list(now.cooling) == [row[cell] for row in calendar["cooling"]]
    night = made.meter.now(datetime(2026, 1, 4, 3, 0))
    assert made.meter.flow(made.at(0.5), now).parts.cooling > made.meter.flow(made.at(0.5), night).parts.cooling


def test_dear_hours_cost_more_by_what_is_bought_in_them(made: Made) -> None:
    meter, work = made.meter, made.at(0.5)
    mean, dear = meter.conditions["mean"], meter.conditions["price-spike"]
    more = meter.flow(work, dear).energy / meter.flow(work, dear).meter
    usual = meter.flow(work, mean).energy / meter.flow(work, mean).meter
    assert more - usual == pytest.approx(dear.spending - mean.spending, rel=0.05)
    assert dear.spending <= dear.market_price * max(dear.sources["grid"], 0.05) * 1.2


@pytest.mark.parametrize("entry", [{}, {"running": None}, {"running": {"value": None, "reason": "it trains"}}])
def test_a_plan_without_the_entry_is_refused_with_what_helps(entry: dict[str, object]) -> None:
    with pytest.raises(InputError) as error:
        Meter.of_plan(entry)
    text = str(error.value)
    assert "running" in text
    assert ("plan again" in text) == (not isinstance(entry.get("running"), dict))
    assert ("it trains" in text) == isinstance(entry.get("running"), dict)


def test_a_broken_entry_is_refused_with_what_helps(made: Made) -> None:
    for key in ("pools", "chips", "plant", "conditions"):
        broken = {name: value for name, value in made.running.items() if name != key}
        for entry in (broken, broken | {key: 3}):
            with pytest.raises(InputError, match="plan again"):
                Meter.of_plan({"running": entry})


def test_what_is_told_are_plain_numbers(made: Made) -> None:
    def numbers(value: object) -> Iterator[object]:
        if isinstance(value, dict):
            for one in value.values():
                yield from numbers(one)
        elif not isinstance(value, str | None):
            yield value

    told = made.meter.power(made.at(0.5), made.meter.conditions["mean"], Levers(power_cap=0.8, idle=0.1))
    assert {type(one) for one in numbers(told)} == {float}
