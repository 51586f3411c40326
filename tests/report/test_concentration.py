"""The report's sections on what layers are, on concentration and on lock-in."""

from __future__ import annotations

from typing import Any

import pytest

from stackwright.report.at_stake import stakes_finding, stakes_of
from stackwright.report.concentration import Concentration, concentration_of
from stackwright.report.lock_in import LockIn, lock_in_of
from stackwright.report.page import content, render


@pytest.fixture
def told(plan: dict[str, Any]) -> Concentration:
    made = concentration_of(plan)
    assert made is not None
    return made


@pytest.fixture
def bound(plan: dict[str, Any]) -> LockIn:
    made = lock_in_of(plan)
    assert made is not None
    return made


def test_the_largest_seller_and_what_nothing_replaces_are_told_first(told: Concentration) -> None:
    assert told.finding == (
        "NVIDIA sells 83% of the cost; the index of the whole is 0.69. "
        "Nothing on the menu stands in for the foundry (TSMC)."
    )


def test_bars_of_shares_are_as_long_as_the_whole(told: Concentration) -> None:
    picture = told.pictures[0]
    lengths: dict[str, float] = {}
    for trace in picture.data:
        for name, share in zip(trace["y"], trace["x"], strict=True):
            lengths[name] = lengths.get(name, 0.0) + share
    assert set(lengths) == {"Whole stack: sellers", "Chip: seller", "Chip: memory", "Network: optics"}
    assert list(lengths.values()) == pytest.approx([1.0] * 4)
    assert picture.layout["annotations"][2]["text"] == "HHI 0.46 (0.33 to 0.47)"


def test_a_second_has_its_cost_in_words_and_one_that_may_not_win_is_a_ring(told: Concentration) -> None:
    picture = told.pictures[1]
    assert picture.finding == (
        "A second chip vendor costs 37% more (1.1% to 89%); a second engine costs 1.5% more (−14% to 14%); "
        "a second site costs 0.25% less (−0.9% to 1.7%)."
    )
    rings = picture.data[-1]
    assert rings["y"] == ["Second chip vendor"] and rings["x"] == pytest.approx([7.0])


def test_a_kind_without_two_fleets_has_a_row_with_its_reason(told: Concentration) -> None:
    row = told.seconds[-1]
    assert (row.kind, row.cost, row.remark) == ("Second foundry", "", "The study's menu has one foundry: TSMC")
    first = told.seconds[0]
    assert first.fleets == ["NVIDIA GB300 NVL72, Abilene, Texas", "8x AMD Instinct MI300X server, Abilene, Texas"]
    assert first.remark.endswith("+7%, but not eligible: unverified system.price_per_chip")
    assert told.halves == "With two of a kind the loss of one takes 410 billion tokens a day, not 820 billion tokens."


def test_fleets_that_differ_in_their_engine_name_it(told: Concentration) -> None:
    assert told.seconds[1].fleets[0] == "NVIDIA GB300 NVL72, vLLM"


def test_what_nothing_replaces_loses_its_tokens(told: Concentration) -> None:
    first, second = told.points
    assert first.tokens.startswith("1.5 quadrillion tokens") and first.share == ""
    assert (second.stands_in, second.share, second.tokens) == ("AMD: 8x AMD Instinct MI300X server", "+74%", "none")


def test_a_plan_whose_demand_is_not_divided_says_why(plan: dict[str, Any]) -> None:
    plan["concentration"] |= {"diversity": None, "reason": "a run is one job: it is not divided between two fleets"}
    made = concentration_of(plan)
    assert made is not None and len(made.pictures) == 1 and made.seconds == []
    assert "No cost of a second: a run is one job" in render(plan)


def test_options_are_priced_with_staying_and_switching(bound: LockIn) -> None:
    portable, alone, barred = bound.ways
    assert portable.stack == "NVIDIA GB300 NVL72, vLLM"
    assert portable.staying.endswith("5 million USD a year") and alone.staying == "none"
    assert portable.switching == ["to AMD ROCm, kept alive: 20 million USD (5 to 60), 9 months (4 to 18)"]
    assert portable.remark == "Its engine costs +2.5% over the best one there"
    assert barred.remark == "Not eligible: unverified system.rent_committed"
    assert bound.without == ["neuron-sdk-only: exceeds site power by 189% at best."]
    assert bound.pictures[0].finding == "The cheapest over two fleets costs 1.02 USD/Mtoken; it is portable."
    assert bound.pictures[0].data[0]["x"] == pytest.approx([1.02, 1.03, 3.5])


def test_what_would_make_the_choice_wrong_is_told_by_rival(bound: LockIn) -> None:
    assert bound.break_even == [
        "If AMD ROCm gains 55% on the chosen platform's price-performance by the refresh, as in 4% of the price paths: "
        "portable.",
        "XLA: no fall of its cost does it.",
    ]


def test_stranded_dollars_are_stacked_by_what_they_are(bound: LockIn) -> None:
    picture = bound.pictures[1]
    bars = {trace["name"]: trace["x"] for trace in picture.data if trace["type"] == "bar"}
    assert bars == {"chips": pytest.approx([80.0]), "cooling": pytest.approx([1.0]), "contracts": pytest.approx([20.0])}
    assert bound.finding.endswith(
        "the future that would strand most is this: dense models return (101 million USD (10 to 290)), 11% of what is "
        "on the books then."
    )
    assert [row.total for row in bound.stranded] == ["101 million USD (10 to 290)", "no engine serves it"]


def test_where_no_future_strands_anything_that_is_said(plan: dict[str, Any]) -> None:
    none = {"value": 0.0, "low": 0.0, "high": 1e6, "unit": "USD"}
    plan["lock_in"]["stranded"]["futures"][0]["total"]["dollars"] = none
    made = lock_in_of(plan)
    assert made is not None
    assert made.pictures[1].finding == "Nothing is stranded by any of them at the value of the inputs."
    assert "strand" not in made.finding


def test_lock_in_without_prices_still_says_who_runs_what(plan: dict[str, Any]) -> None:
    plan["lock_in"] |= {"options": [], "stranded": None, "break_even": [], "reason": "the volume is open"}
    made = lock_in_of(plan)
    assert made is not None and made.pictures == [] and made.finding == ""
    page = render(plan)
    assert "No price of a platform: the volume is open." in page and "NxD Inference" in page


def test_layers_are_told_with_what_they_are_and_how_to_have_them(plan: dict[str, Any]) -> None:
    stakes = stakes_of(plan)
    assert stakes_finding(stakes) == "Others can hurt most by: chip. Hence: make serving; partner chip."
    chip = stakes[1]
    assert chip.margin == "540 million USD (380 to 1,000): NVIDIA"
    assert chip.late == "1 million USD (0 to 5); 1 trillion tokens (0 to 5)"
    assert chip.repriced == ""
    assert chip.roles == [("margin opportunity", True), ("strategic vulnerability", False)]


def test_without_the_keys_the_sections_are_left_out(plan: dict[str, Any]) -> None:
    for key in ("at_stake", "concentration", "lock_in"):
        del plan[key]
    shown = {key for key, _ in content(plan)["sections"]}
    assert not {"roles", "concentration"} & shown
    assert concentration_of(plan) is None and lock_in_of(plan) is None and stakes_of(plan) == []
