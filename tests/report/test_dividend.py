"""What deciding together is worth, in the report: figures say what the plan says, and nothing where it says none."""

from __future__ import annotations

import re
from typing import Any

import made_up_dividend
import pytest

from stackwright.report.dividend import Dividend, dividend_of
from stackwright.report.dividend_told import option_text, range_text, share_text
from stackwright.report.margins import break_evens_of, margin_rows, margins_picture, second_source_sentence
from stackwright.report.page import content, render
from stackwright.report.shadow_prices import elasticities_picture, shadow_finding, shadow_prices_of
from stackwright.report.tables import refinement_sentence

OWN = {"dividend", "margins", "shadow", "elasticities"}
FIGURES = ["waterfall", "ways", "matrix", "robustness", "front1", "front2"]


def section(plan: dict[str, Any]) -> Dividend:
    """The section of a plan that has one."""
    made = dividend_of(plan)
    assert made is not None
    return made


def figure(plan: dict[str, Any], name: str) -> Any:
    """One figure of the section."""
    return next(made for made in section(plan).pictures if made.id == name)


def without_draws(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan whose dividend was made without draws and fronts."""
    return plan | {"dividend": made_up_dividend.dividend()}


def maximized(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with an objective of which more is better, and a joint optimum above the reference."""
    given = made_up_dividend.dividend()
    given["objective"] = {"name": "tokens_per_second", "unit": "token/s", "sense": "max"}
    given["reference"]["value"], given["joint"]["value"] = 2.0e6, 2.0e6 + sum(given["shapley"].values()) * 1e6
    given["shapley"] = {layer: 1e6 * share for layer, share in given["shapley"].items()}
    given["dividend_of_reference"] = given["joint"]["value"] / 2.0e6 - 1.0
    return plan | {"dividend": given}


def test_the_section_has_every_figure_that_the_plan_has_data_for(plan: dict[str, Any]) -> None:
    assert [made.id for made in section(plan).pictures] == FIGURES
    assert [made.id for made in section(without_draws(plan)).pictures] == FIGURES[:3]
    assert set(FIGURES) <= set(content(plan)["figures"])


def test_a_plan_without_the_keys_has_none_of_the_sections(plan: dict[str, Any]) -> None:
    bare = {key: value for key, value in plan.items() if key not in made_up_dividend.whole()}
    html = render(bare)
    assert not [name for name in OWN if f'<section id="{name}"' in html]
    assert not OWN & {key for key, _ in content(bare)["sections"]}
    assert refinement_sentence(bare) == second_source_sentence(bare) == ""


def test_nulls_are_as_good_as_absent(plan: dict[str, Any]) -> None:
    html = render(plan | dict.fromkeys(made_up_dividend.whole()))
    assert not [name for name in OWN if f'<section id="{name}"' in html]


def test_a_study_without_a_reference_says_why(plan: dict[str, Any]) -> None:
    nothing = {"value": None, "reason": "no reference can serve: gb200-nvl72: too slow"}
    given = {"objective": plan["dividend"]["objective"], "measures": {}, "reference": nothing}
    made = section(plan | {"dividend": given})
    assert made.finding == "No reference can serve: gb200-nvl72: too slow."
    assert made.pictures == []
    assert made.finding in render(plan | {"dividend": given})


def test_the_title_is_the_dividend_in_numbers(plan: dict[str, Any]) -> None:
    assert section(plan).title == "Deciding everything together saves 30.5% against NVIDIA GB200 NVL72"
    assert section(maximized(plan)).title == "Deciding everything together brings 26.6% more against NVIDIA GB200 NVL72"


def test_a_share_of_a_loss_is_not_told(plan: dict[str, Any]) -> None:
    given = maximized(plan)
    given["dividend"]["objective"] |= {"name": "npv", "unit": "USD"}
    given["dividend"]["reference"]["value"], given["dividend"]["joint"]["value"] = -2e8, 3e8
    assert section(given).title == "Deciding everything together brings 500 million USD more against NVIDIA GB200 NVL72"
    assert figure(given, "waterfall").layout["xaxis"]["range"][0] == -200.0


def test_a_joint_optimum_without_a_value_says_why(plan: dict[str, Any]) -> None:
    given = without_draws(plan)
    given["dividend"]["joint"] = {"value": None, "reason": "no stack meets the limits"}
    assert section(given).finding == "No stack meets the limits."
    render(given)


@pytest.mark.parametrize("missing", ["shapley", "interactions", "alone", "baselines", "measures", "barriers", "menu"])
def test_a_dividend_with_less_in_it_is_shown(plan: dict[str, Any], missing: str) -> None:
    given = without_draws(plan)
    del given["dividend"][missing]
    assert section(given).title.endswith("saves 30.5% against NVIDIA GB200 NVL72")
    assert '<section id="dividend"' in render(given)


@pytest.mark.parametrize("change", [without_draws, maximized])
def test_bars_of_the_waterfall_lead_from_the_reference_to_joint(plan: dict[str, Any], change: Any) -> None:
    given = change(plan)
    (bars,) = figure(given, "waterfall").data
    unit = bars["x"][0] / given["dividend"]["reference"]["value"]
    ends = [(base, base + size) for base, size in zip(bars["base"], bars["x"], strict=True)]
    falls = given["dividend"]["objective"]["sense"] == "min"
    at = bars["x"][0]
    for low, high in ends[1:-1]:
        assert (high if falls else low) == pytest.approx(at)
        at = low if falls else high
    assert at == pytest.approx(bars["x"][-1], rel=1e-5)
    assert bars["x"][-1] == pytest.approx(unit * given["dividend"]["joint"]["value"])
    assert bars["y"][1] == "Model"
    assert bars["text"][1].startswith("−0.168 · 31.6%" if falls else "+")


def test_a_small_gain_is_seen_and_the_axis_says_so(plan: dict[str, Any]) -> None:
    given = without_draws(plan)
    given["dividend"]["joint"]["value"] = 1.70
    given["dividend"]["shapley"] = {"model": made_up_dividend.VALUE - 1.70}
    made = figure(given, "waterfall")
    assert made.layout["xaxis"]["range"][0] > 1.6
    assert made.reading.endswith("The axis does not start at zero.")
    assert "does not start" not in figure(plan, "waterfall").reading


def test_a_reference_that_is_the_optimum_brings_nothing(plan: dict[str, Any]) -> None:
    given = without_draws(plan)
    given["dividend"]["joint"]["value"] = made_up_dividend.VALUE
    given["dividend"] |= {"dividend_of_reference": 0.0, "shapley": dict.fromkeys(made_up_dividend.LAYERS, 0.0)}
    given["dividend"]["interactions"] = dict.fromkeys(given["dividend"]["interactions"], 0.0)
    assert section(given).title == "Deciding everything together brings nothing against NVIDIA GB200 NVL72"
    assert "already the joint optimum" in figure(given, "waterfall").finding
    assert figure(given, "matrix").finding.startswith("No pair of layers")
    render(given)


def test_every_way_stands_with_its_share(plan: dict[str, Any]) -> None:
    made = figure(plan, "ways")
    bars, whiskers, diamonds = made.data
    shown = dict(zip(bars["y"], bars["x"], strict=True))
    for name, entry in plan["dividend"]["baselines"].items():
        if entry["value"] is not None and name.startswith(("separate", "sequential_worst")):
            words = {"separate": "Each team by its own measure"}.get(name, "One after another, worst order")
            assert shown[words] == pytest.approx(100 * entry["dividend"])
    assert shown["Reference: NVIDIA GB200 NVL72"] == pytest.approx(30.517, abs=1e-3)
    assert len(shown) == 1 + sum(entry["value"] is not None for entry in plan["dividend"]["baselines"].values())
    assert bars["x"] == sorted(bars["x"], reverse=True)
    assert set(whiskers["y"]) | set(diamonds["y"]) <= set(bars["y"])
    assert whiskers["x"][:3] == [21.0, 41.0, None]
    assert made.layout["annotations"][-1]["text"] == "share · value, USD/Mtoken"
    texts = {note["y"]: note["text"] for note in made.layout["annotations"]}
    assert texts["Each team by its own measure"] == "<b>14.4%</b> (8 to 22) · 1.41"
    assert texts["One after another, best order"] == "<b>0%</b> · 1.21"
    assert section(plan).without_value == [("Reference: tpu-v7-pod", "no engine of the study runs it")]


def test_the_matrix_is_symmetric_and_has_every_pair(plan: dict[str, Any]) -> None:
    made = figure(plan, "matrix")
    (cells,) = made.data
    size = len(made_up_dividend.LAYERS)
    assert [len(row) for row in cells["z"]] == [size] * size
    assert all(cells["z"][a][b] == cells["z"][b][a] for a in range(size) for b in range(size))
    assert [at for at in range(size) if cells["z"][at][at] is not None] == []
    assert cells["z"][0][1] == plan["dividend"]["interactions"]["model+serving"]
    assert cells["text"][6][7] == "−0.0113"
    assert "model and serving (+0.117)" in made.finding
    assert "stand in for each other: data center and power (−0.0113)" in made.finding
    assert [note["text"] for note in made.layout["annotations"]][:2] == ["<i>0.0996</i>", "<i>0</i>"]


def test_robustness_says_what_the_draws_say(plan: dict[str, Any]) -> None:
    made = figure(plan, "robustness")
    *lines, bars = made.data
    nominal = next(line for line in lines if line["name"] == "the chosen stack, kept")
    draws = made_up_dividend.DRAWS
    assert len(nominal["x"]) == draws - 2
    assert nominal["y"][-1] == pytest.approx(100 * (draws - 2) / draws)
    assert bars["x"] == [100 * share for share in plan["dividend"]["robustness"]["changes"].values()]
    assert made.finding == (
        "Over 64 draws of the inputs another stack wins in 43.8%; keeping the chosen one costs 1.2% in the mean and "
        "5.3% in the worst tenth; it misses a limit in 3.12%; draws in which nothing serves are left out (1)."
    )


def test_a_chosen_stack_that_never_serves_is_said(plan: dict[str, Any]) -> None:
    plan["dividend"]["robustness"] |= {"regret": {"infeasible": 1.0}, "robust": {"reason": "no stack serves in 95%"}}
    plan["dividend"]["robustness"]["samples"]["nominal_stack"] = [None] * made_up_dividend.DRAWS
    assert "the chosen one meets the limits in none of them" in figure(plan, "robustness").finding
    assert "No stack serves in 95%." in section(plan).remarks
    render(plan)


def test_winners_and_robust_choices_are_told_by_what_differs(plan: dict[str, Any]) -> None:
    made = section(plan)
    assert made.winners == [
        ("56.2%", "The stack of the joint optimum"),
        ("31.2%", "Another chip google-tpu-v7; power grid"),
    ]
    expected, worst = (remark for remark in made.remarks if remark.startswith("The robust choice"))
    assert expected.endswith("1.24 USD/Mtoken with the stack of the joint optimum.")
    assert worst.endswith("with another cooling Direct-to-chip liquid with dry coolers at 35 °C.")


def test_points_of_a_front_and_its_marks(plan: dict[str, Any]) -> None:
    made = figure(plan, "front1")
    points, *marks = made.data
    given = plan["dividend"]["front"][0]
    assert [(x, y) for x, y in zip(points["x"], points["y"], strict=True)] == sorted(
        tuple(point["values"]) for point in given["points"]
    )
    assert {mark["name"]: (mark["x"][0], mark["y"][0]) for mark in marks} == {
        "Decided together": (1.21, 0.09),
        "Reference: NVIDIA GB200 NVL72": (1.74, 0.15),
        "Each team by its own measure": (1.41, 0.11),
    }
    assert points["line"]["shape"] == "hv"
    assert "better is left and down" in made.reading
    third = figure(plan, "front2").data[0]["marker"]["color"]
    assert third == pytest.approx([1e3 * point["values"][2] for point in plan["dividend"]["front"][1]["points"]])


def test_every_figure_says_what_its_numbers_rest_on(plan: dict[str, Any]) -> None:
    for made in section(plan).pictures:
        for part in (
            "Objective: cost per million output tokens",
            "SLO: TTFT",
            "Menu: 4 models",
            "Reference: NVIDIA GB200",
        ):
            assert part in made.caption, made.id
        assert "Statistic: " in made.caption
        assert "Interval: " in made.caption
        assert made.caption in re.sub(r"<[^>]+>", "", render(plan)).replace("&#39;", "'")
    assert "Interval: 5th to 95th percentile of 64 draws" in figure(plan, "ways").caption
    assert "Interval: none" in figure(without_draws(plan), "ways").caption


def test_rows_tell_what_changes_by_layer(plan: dict[str, Any]) -> None:
    rows = {row.title: row for row in section(plan).layers}
    assert rows["Finance"].changed is False
    assert rows["Chip"].changed is True
    assert rows["Network"].attributed == "0.133"
    assert rows["Interface"].attributed == ""
    assert rows["Cooling"].joint.endswith("at 40 °C")


def test_options_are_named(plan: dict[str, Any]) -> None:
    names = {"nvidia-gb300": "NVIDIA GB300", "n-plus-1": "N+1"}
    assert option_text("nvidia-gb300 at 85%", names) == "NVIDIA GB300 at 85%"
    assert option_text("ashburn-va, n-plus-1, dc-800", names) == "ashburn-va, N+1, dc-800"
    assert option_text({"chip": "nvidia-gb300", "power_cap": 0.85}, names) == "NVIDIA GB300 at 85%"
    assert option_text({"type": "tower", "supply_temperature": 313.15}, names) == "tower at 40 °C"


def test_shares_have_three_digits_and_no_false_zero() -> None:
    assert [share_text(share) for share in (0.30517, 0.0, -3e-16, 6.9e-6, -0.02)] == [
        "30.5%",
        "0%",
        "0%",
        "< 0.01%",
        "−2%",
    ]
    assert range_text(-2.9e-16, 0.2) == "0 to 20"


def test_bars_of_the_margins_add_up_to_the_cost(plan: dict[str, Any]) -> None:
    made = margins_picture(plan)
    assert made is not None
    cost, margin, *lines = made.data
    rows = {row["layer"]: row["cost"] for row in plan["margins_by_layer"]["rows"]}
    sums = [a + b for a, b in zip(cost["x"], margin["x"], strict=True)]
    assert sums == pytest.approx([*sorted(rows.values(), reverse=True), sum(rows.values())])
    assert margin["text"][3] == "0.02 · not on record"
    whole = plan["margins_by_layer"]["all"]["at_cost"]
    assert [line["x"][-3:-1] for line in lines] == [pytest.approx([whole["low"], whole["high"]])] * 2
    assert "56.8% of the cost (43.8% to 76.2%)" in made.finding


def test_margins_stand_with_their_evidence(plan: dict[str, Any]) -> None:
    rows = margin_rows(plan)
    assert (rows[0].vendor, rows[0].margin, rows[0].kind) == ("NVIDIA, accelerators", "75% (70 to 88)", "published")
    assert (rows[3].vendor, rows[3].margin, rows[3].kind) == ("", "not on record", "")


def test_break_even_says_price_first_and_never_where_never(plan: dict[str, Any]) -> None:
    make, partner = break_evens_of(plan)
    assert (make.way, make.price, make.pays) == ("Make", "13,600 USD (11,000 to 16,200)", True)
    assert make.volume == "318,000 chips (146,000 to never)"
    assert partner.pays is False
    plan["margins_by_layer"]["break_even"][0]["ways"]["make"]["volume"] = dict.fromkeys(("low", "value", "high"))
    assert break_evens_of(plan)[0].volume.startswith("never")


def test_the_second_source_caps_a_price_or_says_why_not(plan: dict[str, Any]) -> None:
    assert "caps the price of NVIDIA at 65,500 USD a chip, 18% above what is asked" in second_source_sentence(plan)
    plan["margins_by_layer"]["second_source"] |= {"cap": None, "reason": "the first still wins at 10 times his price"}
    assert second_source_sentence(plan).endswith("the first still wins at 10 times his price.")
    plan["margins_by_layer"]["second_source"] |= {"second": None, "reason": "the menu has one vendor"}
    assert second_source_sentence(plan) == "The menu has one vendor."


def test_shadow_prices_that_bind_come_first_and_unknown_last(plan: dict[str, Any]) -> None:
    rows = shadow_prices_of(plan)
    assert [row.what for row in rows] == ["Time per token", "Time to the first token", "Budget"]
    assert (rows[0].more, rows[0].less) == ("−0.0213 USD/Mtoken", "+0.0342 USD/Mtoken")
    assert rows[0].dollars == "25.6 million USD"
    assert rows[2].reason == "no limit is set"
    assert shadow_finding(rows) == "What holds the optimum back: time per token (−0.0213 USD/Mtoken for one ms more)."
    assert shadow_finding(rows[1:]).startswith("No limit")


def test_fifteen_elasticities_are_drawn_and_a_kink_has_a_line(plan: dict[str, Any]) -> None:
    made = elasticities_picture(plan)
    assert made is not None
    bars, *lines = made.data
    assert bars["x"] == [row["elasticity"] for row in plan["elasticities"]][:15]
    assert len(set(bars["y"])) == 15
    assert [line["y"][0] for line in lines] == ["Chip: memory bandwidth"] * 2
    assert lines[1]["x"][:2] == pytest.approx([-0.328, -0.492])


def test_one_wording_an_input(plan: dict[str, Any]) -> None:
    paths = ("chip.price", "prefill_chip.price", "fabric.price", "contracts.wind.price", "contracts.solar.price")
    plan["elasticities"] = [dict(plan["elasticities"][0], path=path) for path in paths]
    made = elasticities_picture(plan)
    assert made is not None
    assert len(set(made.data[0]["y"])) == len(paths)


def test_refinement_stands_under_the_gaps_and_is_not_one_of_them(plan: dict[str, Any]) -> None:
    sentence = refinement_sentence(plan)
    assert "1.21 USD/Mtoken, 0.083% better than the best of the grid" in sentence
    assert sentence.endswith("(gap 0.40%).")
    assert len(content(plan)["gaps"]) == 3
    assert sentence in render(plan).replace("&#39;", "'")
    plan["refinement"] = {"value": None, "reason": "nothing to refine"}
    assert refinement_sentence(plan).endswith("nothing to refine.")
