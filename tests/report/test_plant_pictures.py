"""The pictures of the plant: what they add up to, how they are named and colored, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from stackwright.report.agreement import agreement_of
from stackwright.report.deals import deal_rows, deals_of
from stackwright.report.marginal import marginal_finding, marginal_of
from stackwright.report.notes import notes_of
from stackwright.report.pictures import pictures_of
from stackwright.report.source_kinds import COLORS, color_of_source, colors_of_sources


def picture(plan: dict[str, Any], name: str) -> Any:
    """One picture of a plan."""
    return next(made for made in pictures_of(plan, notes_of(plan)) if made.id == name)


def test_every_kind_of_source_has_a_color_of_its_own() -> None:
    assert len(set(COLORS.values())) == len(COLORS)
    first, second, other = colors_of_sources(["gas", "gas", "wind"])
    assert len({first, second, other}) == 3
    assert first == color_of_source("gas") == COLORS["gas"]
    assert color_of_source("a kind to come") == COLORS["other"]


@pytest.mark.parametrize("week", [0, 1])
def test_sources_less_what_lies_below_zero_are_the_load(plan: dict[str, Any], week: int) -> None:
    data = [trace for trace in picture(plan, "dispatch").data if trace["yaxis"] == ("y", "y3")[week]]
    areas = [trace["y"] for trace in data if "stackgroup" in trace]
    load = next(trace["y"] for trace in data if trace["name"] == "Load")
    assert [sum(hour) for hour in zip(*areas, strict=True)] == pytest.approx(load, rel=2e-3)


def test_a_source_has_one_color_in_every_picture(plan: dict[str, Any]) -> None:
    shown = {trace["name"]: trace["line"]["color"] for trace in picture(plan, "dispatch").data if "stackgroup" in trace}
    built = {trace["name"]: trace["marker"]["color"] for trace in picture(plan, "clean").data if trace["type"] == "bar"}
    both = set(shown) & set(built)
    assert both >= {"Utility-scale solar", "Lithium-ion battery"}
    assert all(shown[name] == built[name] for name in both)


def test_foresight_is_said_where_there_is_any(plan: dict[str, Any]) -> None:
    made = picture(plan, "dispatch")
    assert "Perfect foresight" in made.reading
    assert "What one more MWh of load costs" in {trace["name"] for trace in made.data}
    given = plan["pictures"]["dispatch"]
    given["foresight"] = None
    for week in given["weeks"].values():
        week["worth"] = None
    assert "foresight" not in picture(plan, "dispatch").reading


def test_a_name_is_in_the_legend_once(plan: dict[str, Any]) -> None:
    for name in ("dispatch", "cooling", "meter", "clean", "deals"):
        shown = [trace["name"] for trace in picture(plan, name).data if trace.get("showlegend", True)]
        assert len(shown) == len(set(shown)), name


def test_load_that_is_not_served_is_drawn_and_said(plan: dict[str, Any]) -> None:
    given = plan["pictures"]["dispatch"]
    given["weeks"]["winter"]["unserved"][3] = 1e6
    given["year"]["unserved"] = 3.6e12
    made = picture(plan, "dispatch")
    assert "Not served" in {trace["name"] for trace in made.data}
    assert "1.00 GWh not served" in made.finding or "1 GWh not served" in made.finding


def test_the_chosen_cooling_is_the_thick_line(plan: dict[str, Any]) -> None:
    made = picture(plan, "cooling")
    thick = [trace for trace in made.data if trace["line"]["width"] > 3]
    chosen = next(row for row in plan["pictures"]["cooling_year"]["series"] if row["chosen"])
    assert thick[0]["y"] == chosen["pue"]
    assert f"PUE {chosen['mean_pue']:.3f}" in made.finding
    assert len({trace["line"]["color"] for trace in made.data}) == len({trace["legendgroup"] for trace in made.data})


def test_water_has_panels_only_where_some_is_used(plan: dict[str, Any]) -> None:
    wet = picture(plan, "cooling")
    for row in plan["pictures"]["cooling_year"]["series"]:
        row["water"] = [0.0] * len(row["water"])
    dry = picture(plan, "cooling")
    assert dry.layout["height"] < wet.layout["height"]
    assert not [key for key in dry.layout if key.startswith("yaxis") and "water" in dry.layout[key]["title"]["text"]]


def test_the_last_points_of_a_clean_share_are_the_dearest(plan: dict[str, Any]) -> None:
    made = picture(plan, "clean")
    lines = [trace for trace in made.data if trace["type"] == "scatter" and trace["name"] != "chosen"]
    assert [line["name"] for line in lines] == [
        "counted by the year",
        "by the hour, the grid's clean part counts",
        "by the hour",
    ]
    points = [point for point in plan["pictures"]["clean_share"]["points"] if point["counting"] == "hourly"]
    last, before = points[-1], points[-2]
    step = (last["cost"] - before["cost"]) / (100 * (last["clean_share"] - before["clean_share"]))
    assert f"each of the last points costs {step:.3g} USD/MWh" in made.finding


def test_lines_of_a_meter_are_named_by_what_differs(plan: dict[str, Any]) -> None:
    made = picture(plan, "meter")
    names = {trace["name"] for trace in made.data}
    assert "coolant at 45 °C, redundancy N" in names
    assert len(names) == 6
    assert made.finding.startswith("Behind the same 1 GW, coolant at 45 °C, redundancy N yields 7.2% more tokens")


def test_one_line_of_a_meter_is_enough(plan: dict[str, Any]) -> None:
    given = plan["pictures"]["meter_limit"]
    given["points"] = [point for point in given["points"] if point["chosen"]]
    assert picture(plan, "meter").finding.startswith("1 GW carry ")


def test_the_chosen_temperature_is_marked_in_every_panel(plan: dict[str, Any]) -> None:
    made = picture(plan, "temperature")
    assert len(made.layout["shapes"]) == 4
    assert {shape["x0"] for shape in made.layout["shapes"]} == {40.0}
    assert made.finding.startswith("Coolant at 40 °C is best; at 20 °C")


def test_a_temperature_that_another_limit_holds_is_not_called_best(plan: dict[str, Any]) -> None:
    for point in plan["pictures"]["supply_temperature"]["points"]:
        point["chosen"] = point["supply_temperature"] == 308.15
    assert "at 40 °C the objective would be" in picture(plan, "temperature").finding


def test_what_is_not_measured_along_the_temperature_has_no_panel(plan: dict[str, Any]) -> None:
    for point in plan["pictures"]["supply_temperature"]["points"]:
        del point["chip_power"]
    assert len(picture(plan, "temperature").layout["shapes"]) == 3


def test_bars_of_the_same_meter_say_what_is_changed(plan: dict[str, Any]) -> None:
    made = picture(plan, "same_meter")
    (bars,) = made.data
    assert bars["y"][:3] == ["coolant at 35 °C", "redundancy N", "flexible load: none"]
    assert max(bars["x"]) < 0
    assert made.layout["xaxis"]["range"][1] == 0
    assert made.finding.endswith("What matters most is “own plants: none”: −56%.")


def test_a_change_that_leaves_no_design_has_no_bar(plan: dict[str, Any]) -> None:
    plan["same_meter"]["changes"][0] |= {"tokens_per_second": None, "difference": None}
    (bars,) = picture(plan, "same_meter").data
    assert "coolant at 35 °C" not in bars["y"]


def test_what_is_built_stands_beside_the_dispatch(plan: dict[str, Any]) -> None:
    assert "Behind the meter: 246 MW of Simple-cycle gas turbine" in picture(plan, "dispatch").finding
    plan["dispatch"][0]["storage_energy"] = {"battery-lithium": {"value": 3.6e12, "unit": "J"}}
    assert "which holds 1 GWh" in picture(plan, "dispatch").finding


def test_an_agreement_says_which_condition_is_not_kept(plan: dict[str, Any]) -> None:
    agreement = agreement_of(plan)
    assert agreement is not None
    assert agreement.phases[-1] == ("800 MW", "200 MW", "2028-01-01", "2029-01-01")
    assert ("ramp from hour to hour", "688 kW/min", "100 MW/min", False) in agreement.conditions
    assert agreement.finding.endswith("keeps all conditions that can be tested.")
    plan["interconnection"]["conditions"][0]["violated"] = True
    broken = agreement_of(plan)
    assert broken is not None
    assert broken.finding.endswith("It does not keep: ramp from hour to hour.")


def test_extreme_hours_do_not_flatten_the_curve_of_prices(plan: dict[str, Any]) -> None:
    prices = plan["pictures"]["hour_prices"]
    prices["worth"][-1] = -4000.0
    assert picture(plan, "prices").layout["yaxis"]["range"][0] > -500


def test_what_is_not_scarce_is_worth_nothing(plan: dict[str, Any]) -> None:
    rows = {row.what: row for row in marginal_of(plan)}
    assert rows["m³ of water"].value == "nothing: it is not scarce"
    assert rows["MWh of load"].spread
    assert "m³ of water" in marginal_finding(list(rows.values())).partition("Not scarce: ")[2]


def test_hours_are_drawn_dearest_first(plan: dict[str, Any]) -> None:
    for trace in picture(plan, "prices").data:
        assert trace["y"] == sorted(trace["y"], reverse=True)


def test_dates_are_drawn_from_the_median_to_nine_of_ten(plan: dict[str, Any]) -> None:
    made = picture(plan, "dates")
    ready = next(trace for trace in made.data if trace["name"].startswith("ready, if causes"))
    assert ready["x"][:2] == [plan["dates"]["first_token"]["p50"], plan["dates"]["first_token"]["p90"]]
    assert ready["x"][2] is None
    assert len(ready["x"]) == 3 * len(plan["dates"]["phases"])
    assert made.finding.startswith("First token: even odds by March 2028 to September 2028")
    assert "billion USD" in made.finding


def test_middle_phases_of_many_are_drawn_without_their_causes(plan: dict[str, Any]) -> None:
    few = len(picture(plan, "dates").layout["yaxis"]["tickvals"])
    first, *_ = plan["dates"]["phases"]
    plan["dates"]["phases"][1:1] = [first] * 3
    assert len(picture(plan, "dates").layout["yaxis"]["tickvals"]) < 2 * few


def test_deals_say_what_they_are_and_are_not(plan: dict[str, Any]) -> None:
    deals = deals_of(plan)
    rows = dict(deal_rows(deals))
    assert [deal.name for deal in deals] == [row["name"] for row in plan["deals"]]
    assert rows["of it taken by the campus in its hour"][1] == "0 TWh"
    assert rows["equivalence, a measure of size"][0].endswith("of NVIDIA GB200 NVL72")
    assert all(len(values) == len(deals) for values in rows.values())
    assert deals[1].is_not.startswith("No energy to a data center")


def test_deals_of_one_picture_have_one_scale(plan: dict[str, Any]) -> None:
    made = picture(plan, "deals")
    ranges = [tuple(made.layout[key]["range"]) for key in made.layout if key.startswith("yaxis")]
    assert len(set(ranges)) == 1
    bars = [trace for trace in made.data if trace["type"] == "bar" and trace["xaxis"] == "x"]
    assert {trace["marker"]["color"] for trace in bars} == {COLORS["nuclear"], COLORS["grid"]}
