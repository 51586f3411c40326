"""Checks: what lies outside which range, by how much, and what it would take."""

import json

import pytest

from stackwright.core.errors import InputError
from stackwright.evidence.announcements.check import LABELS, check, checked, outside
from stackwright.evidence.announcements.comparables import BEHIND, comparables, projects
from stackwright.evidence.announcements.expected import Expected
from stackwright.evidence.announcements.implied import IMPLIED
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.needs import WAYS

CAMPUS = "buys: campus\nsystem: gb200-nvl72\npower: 1 GW\ndollars: {dollars} B USD\n"


def rows_of(made):
    return {row["quantity"]: row for row in made["quantities"]}


def flags_of(made, quantity):
    return {flag["against"]: flag for flag in made["flags"] if flag["quantity"] == quantity}


def test_only_an_interval_wholly_outside_is_flagged():
    assert outside(Interval(10.0, 9.0, 11.0), Interval(5.0, 4.0, 9.5)) is None
    assert outside(Interval(10.0, 9.6, 11.0), Interval(5.0, 4.0, 8.0)) == ("above", pytest.approx(1.2))
    assert outside(Interval(2.0, 1.0, 3.0), Interval(5.0, 4.0, 8.0)) == ("below", pytest.approx(0.75))


@pytest.mark.parametrize(("dollars", "side"), [(20, "below"), (35, None), (60, "above")])
def test_capital_is_flagged_on_its_side(told, engine, catalog, dollars, side):
    made = checked(told(CAMPUS.format(dollars=dollars)), engine, (), catalog)
    assert flags_of(made, "dollars_per_watt").get("the engine", {}).get("side") == side


def test_a_flag_says_what_it_would_take(told, engine, catalog):
    made = checked(told(CAMPUS.format(dollars=60)), engine, (), catalog)
    flag = flags_of(made, "dollars_per_watt")["the engine"]
    assert flag["factor"] == pytest.approx(60.0 / 45.0)
    assert "build 1,333 MW, not 1,000" in flag["needs"]
    assert "15.0 billion USD" in flag["needs"]


def test_money_is_compared_with_money_for_the_same(told, engine, catalog):
    shell = "buys: shell\npower: 1 GW\ndollars: 35 B USD\n"
    assert flags_of(checked(told(shell), engine, (), catalog), "dollars_per_watt")["the engine"]["side"] == "above"


def test_power_at_the_racks_is_compared_at_the_racks(told, engine, catalog):
    lines = "chips: 5e5 chip\npower: {{value: 0.94 GW, at: {at}}}\n"
    at_meter, at_racks = (rows_of(checked(told(lines.format(at=at)), engine, (), catalog)) for at in ("meter", "racks"))
    assert at_meter["watts_per_chip"]["expected"]["value"] == 2000.0
    assert at_racks["watts_per_chip"]["expected"]["value"] == 1800.0
    assert at_racks["chips"]["implied"]["value"] == pytest.approx(0.94e9 * 1.1 / 2000.0)


def test_chips_and_tokens_follow_from_power(told, engine, catalog):
    rows = rows_of(checked(told("power: 1 GW\n"), engine, (), catalog))
    assert rows["chips"]["implied"]["value"] == pytest.approx(5e5)
    assert rows["tokens_per_second"]["implied"]["value"] == pytest.approx(3e8)
    assert rows["tokens_per_year"]["implied"]["high"] == pytest.approx(7e15)
    assert rows["chips"]["implied"]["by"] == "the engine, at the announced figures"


def test_power_follows_from_chips_where_it_is_not_told(told, engine, catalog):
    rows = rows_of(checked(told("chips: 1e5 chip\n"), engine, (), catalog))
    assert rows["tokens_per_second"]["implied"]["value"] == pytest.approx(1e5 * 2000.0 * 0.3)


def test_the_cost_of_tokens_takes_the_stated_capital(told, engine, catalog):
    rows = rows_of(checked(told(CAMPUS.format(dollars=50)), engine, (), catalog))
    assert rows["dollars_per_million_tokens"]["implied"]["value"] == pytest.approx(0.6 + 50.0 * 0.04)


def test_tokens_beyond_full_load_need_more_power(told, engine, catalog):
    made = checked(told("power: 1 GW\ntokens: 1e17 token/year\n"), engine, (), catalog)
    flag = flags_of(made, "tokens_per_year")["the engine"]
    assert flag["side"] == "above"
    assert flag["factor"] == pytest.approx(1e17 / (0.4 * 1e9 * 31_536_000.0))


def test_a_price_below_cost_is_flagged_and_a_margin_is_not(told, engine, catalog):
    low, high = (checked(told(f"power: 1 GW\nprice: {price} USD/Mtoken\n"), engine, (), catalog) for price in (1, 9))
    assert flags_of(low, "price")["the engine"]["side"] == "below"
    assert not flags_of(high, "price")


def test_a_sum_that_the_price_does_not_make_is_flagged(told, engine, catalog):
    lines = (
        "buys: energy\npower: 1 GW\nterm: 20 year\ncapacity_factor: 0.9\nenergy_price: 80 USD/MWh\ndollars: 30 B USD\n"
    )
    flag = flags_of(checked(told(lines), engine, (), catalog), "contract_value")["its own figures"]
    assert flag["side"] == "above"
    assert "190.3 USD/MWh instead of 80" in flag["needs"]


def test_a_late_project_is_told_what_it_lacks(told, engine, catalog):
    lines = "power: 1 GW\ndates: {first_power: 2025-01, full_power: 2027-01}\n"
    made = checked(told(lines + "operating: [{date: 2026-01, value: 200 MW}]\n"), engine, (), catalog)
    flag = flags_of(made, "due_share")["its own figures"]
    assert flag["factor"] == pytest.approx(0.4)
    assert flag["needs"] == "300 MW more on that day"


@pytest.mark.parametrize(("power", "flagged"), [("1 GW", False), ("5 GW", True)])
def test_growth_is_flagged_where_no_builder_keeps_up(told, engine, catalog, power, flagged):
    lines = f"power: {power}\ndates: {{full_power: 2027-01}}\noperating: [{{date: 2026-01, value: 200 MW}}]\n"
    found = flags_of(checked(told(lines), engine, (), catalog), "pace_needed")
    assert bool(found) == flagged
    if flagged:
        assert "400 MW a month, where the range ends at 150" in found["the engine"]["needs"]


def test_an_engine_without_a_stack_says_why(told, catalog):
    none = Expected({}, "none", ("no stack that serves it",), ())
    rows = rows_of(checked(told(CAMPUS.format(dollars=35)), none, (), catalog))
    assert rows["dollars_per_watt"]["expected"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "no stack that serves it",
        "by": None,
    }
    assert rows["chips"]["implied"]["reason"] == "no stack that serves it"


def test_a_project_is_not_compared_with_itself(told, catalog):
    published = projects(catalog)
    here = told("same_as: [abilene-epoch]\nbuys: campus\npower: 1 GW\ndollars: 35 B USD\n")
    found = {row.project for row in comparables("dollars_per_watt", here, published, catalog).rows}
    assert "colossus-1" in found
    assert "abilene-epoch" not in found
    assert "abilene-shell" not in found


def test_a_project_that_is_not_on_record_is_refused_with_the_nearest(told, catalog):
    with pytest.raises(InputError, match=r"same_as.0.: got 'abilene-epoc'.*'abilene-epoch'"):
        check(told("same_as: [abilene-epoc]\npower: 1 GW\n"), catalog)


def test_few_projects_make_no_range(told, catalog):
    here = told("buys: chips\npower: 1 GW\ndollars: 20 B USD\n")
    found = comparables("dollars_per_watt", here, projects(catalog), catalog)
    assert 0 < len(found.rows) < 3
    assert found.spread is None
    assert found.as_dict()["value"] is None


def test_every_published_figure_has_a_source(catalog):
    bare = [
        f"{one.announcement}: {place}"
        for one in projects(catalog)
        for place, figure in one.figures()
        if not figure.source and figure.kind != "recalled"
    ]
    assert bare == []


def test_every_project_is_of_use(catalog):
    idle = [one.announcement for one in projects(catalog) if all(isinstance(f(one), str) for f in IMPLIED.values())]
    assert idle == []


def test_every_quantity_has_words_figures_and_a_way_out():
    assert set(LABELS) == set(BEHIND)
    assert set(IMPLIED) <= set(LABELS)
    assert set(WAYS) <= set(LABELS)
    assert set(LABELS) - set(WAYS) == {"chips", "tokens_per_second", "dollars_per_million_tokens"}


def test_the_result_is_json_without_gaps(told, engine, catalog):
    made = checked(told(CAMPUS.format(dollars=60)), engine, projects(catalog), catalog)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    for row in made["quantities"]:
        assert row["implied"]["value"] is not None or row["implied"]["reason"]
        assert row["expected"]["value"] is not None or row["expected"]["reason"]


@pytest.mark.parametrize(
    "lines",
    [
        "power: 1 W\n",
        "power: 1e15 W\nchips: 1 chip\n",
        "power: 1 GW\ndates: {construction: 2026-01, first_power: 2026-01, full_power: 2026-01}\n",
        "power: 1 GW\ndates: {construction: {value: 2026-01, high: 2027-01}, full_power: 2026-06}\n",
        "power: 1 GW\nschedule: [{date: 2026-01, value: 1 MW}]\noperating: [{date: 2026-01, value: 1 W}]\n",
        "buys: compute\ndollars: 1 USD\nterm: 0.0001 year\nchips: 1e9 chip\npower: 1 GW\n",
        "buys: energy\ndollars: 1 USD\nterm: 60 year\ncapacity_factor: 0.001\nenergy_price: 1e6 USD/MWh\npower: 1 kW\n",
        "tokens: 1e30 token/year\npower: 1 W\nprice: 1e-9 USD/Mtoken\n",
    ],
)
def test_strange_figures_are_told_and_not_fallen_over(told, engine, catalog, lines):
    made = checked(told(lines), engine, projects(catalog), catalog)
    for row in made["quantities"]:
        if (found := row["implied"])["value"] is not None:
            assert 0.0 <= found["low"] <= found["value"] <= found["high"]
    assert all(flag["factor"] >= 0.0 and flag["needs"] for flag in made["flags"])
    json.dumps(made, allow_nan=False)
