"""What single sections make of a plan."""

from typing import Any

import pytest

from stackwright.report.comparisons import choices_of, swings_of
from stackwright.report.cross_section import bands_of, racks_drawn
from stackwright.report.energy_tree import energy_tree, shortened
from stackwright.report.evidence_kinds import by_count, by_influence, named
from stackwright.report.glossary import explained
from stackwright.report.headline import cards_of
from stackwright.report.notes import beside_layer, beside_metric, notes_of
from stackwright.report.pictures import pictures_of
from stackwright.report.tables import barred_of, gaps_of, limits_of, source_groups, space_sentence, works_cited


def picture(plan: dict[str, Any], name: str) -> Any:
    """One picture of a plan."""
    return next(made for made in pictures_of(plan, notes_of(plan)) if made.id == name)


def test_bands_run_from_the_api_down_to_capital(plan: dict[str, Any]) -> None:
    bands = {band.layer.key: band for band in bands_of(plan, notes_of(plan))}
    assert list(bands) == [
        "interface",
        "workload",
        "model",
        "serving",
        "chip",
        "rack",
        "network",
        "cooling",
        "datacenter",
        "power",
        "finance",
    ]
    assert bands["rack"].chosen == "NVIDIA GB200 NVL72"
    assert bands["rack"].why == "Next best: NVIDIA HGX B200 (liquid), 9.3% worse"
    assert bands["chip"].cost_text == "50%"
    assert bands["cooling"].details == ["coolant at 45 °C", "chips at 86 °C"]
    assert bands["serving"].details[1] == "prefill: 73 × 8 chips, 8-way expert"
    assert bands["power"].details[1] == "own: 246 MW of Simple-cycle gas turbine"
    assert bands["power"].rises == "447 kW at the meter on average, 1.23 MW at peak"


def test_a_next_best_that_is_not_eligible_says_so(plan: dict[str, Any]) -> None:
    plan["alternatives"][9] |= {"not_eligible": "buy: not sold", "difference": -0.04}
    band = next(band for band in bands_of(plan, []) if band.layer.key == "rack")
    assert band.why == "Next best: NVIDIA HGX B200 (liquid), 4% better, but not eligible"


def test_the_picture_draws_as_many_racks_as_fit(plan: dict[str, Any]) -> None:
    assert racks_drawn(plan) == 10
    plan["metrics"]["racks"]["value"] = 8371.0
    assert racks_drawn(plan) == 12


def test_stand_ins_stand_beside_what_they_touch(plan: dict[str, Any]) -> None:
    notes = notes_of(plan)
    assert "240 km" in " ".join(note.text for note in beside_metric(notes, "pue"))
    assert not beside_metric(notes, "ttft_p50_of_another")
    assert {note.number for note in beside_layer(notes, "datacenter")} == {1, 2, 3, 4, 5}
    assert [note.number for note in beside_layer(notes, "power")] == [7]
    assert {"network", "interface", "rack"} <= next(note for note in notes if note.number == 8).layers


def test_cards_have_ranges_and_their_evidence(plan: dict[str, Any]) -> None:
    cards = cards_of(plan, notes_of(plan))
    assert (cards[0].number, cards[0].unit, cards[0].low, cards[0].high) == ("1.13", "USD/Mtoken", "0.671", "2.07")
    assert cards[0].evidence_words.startswith("Evidence by share of the range: derived")
    assert sum(share.share for share in cards[0].evidence) == pytest.approx(1.0)
    assert all(0.0 <= card.position <= 1.0 for card in cards)


def test_evidence_is_named_strongest_share_first() -> None:
    rows = [{"path": "chip.tdp", "kind": "vendor"}] * 3 + [{"path": "chip.price", "kind": "estimate"}]
    assert named(by_count(rows, ["chip"])) == "vendor 75%, estimate 25%"
    assert by_count(rows, ["cooling"]) == []
    assert by_influence([]) == []


def test_cost_bars_stand_end_to_end(plan: dict[str, Any]) -> None:
    bars = picture(plan, "cost").data[0]
    ends = [start + width for start, width in zip(bars["base"], bars["x"], strict=True)]
    assert bars["base"][1:-1] == pytest.approx(ends[:-2])
    assert ends[-1] == pytest.approx(plan["objective"]["value"], rel=1e-3)


def test_the_chosen_point_lies_on_the_chosen_curve(plan: dict[str, Any]) -> None:
    data = picture(plan, "latency").data
    point = data[-1]
    curve = next(curve for curve in data if curve["name"].startswith("NVIDIA GB200"))
    assert (point["x"][0], point["y"][0]) in list(zip(curve["x"], curve["y"], strict=True))
    assert point["x"][0] == pytest.approx(1e3 * plan["metrics"]["tpot"]["value"], rel=0.05)


def test_cash_that_comes_back_lies_below_zero(plan: dict[str, Any]) -> None:
    made = picture(plan, "cash")
    assert min(value for trace in made.data for value in trace["y"]) < 0
    assert "Capacity charge: inside energy" in made.reading


def test_energy_ribbons_keep_all_energy(plan: dict[str, Any]) -> None:
    tree = energy_tree(plan, [])
    assert tree is not None
    heights = {kind: [bar.height for bar in tree.bars if bar.kind == kind] for kind in ("source", "joint", "end")}
    assert sum(heights["end"]) == pytest.approx(heights["joint"][0])
    assert sum(heights["source"]) == pytest.approx(heights["joint"][0], rel=1e-4)
    joints = [bar.name for bar in tree.bars if bar.kind == "joint"]
    assert joints == ["Supply", "Meter", "IT equipment", "Racks", "Chips"]
    for kind in ("source", "end"):
        tops = [bar.y for bar in tree.bars if bar.kind == kind]
        assert tops == sorted(tops)


def test_energy_begins_at_the_meter_where_nothing_is_lost_before(plan: dict[str, Any]) -> None:
    flow = plan["pictures"]["energy_flow"]
    flow["parts"] = {
        name: value for name, value in flow["parts"].items() if name not in ("lost in storage", "curtailed")
    }
    del flow["sources"]
    tree = energy_tree(plan, [])
    assert tree is not None
    assert [bar.name for bar in tree.bars][:2] == ["Meter", "IT equipment"]
    assert tree.bars[0].x == 0.0


def test_energy_of_an_unknown_part_branches_off_at_it(plan: dict[str, Any]) -> None:
    plan["pictures"]["energy_flow"]["parts"]["a part to come"] = 1.0
    tree = energy_tree(plan, [])
    assert tree is not None
    by_name = {bar.name: bar.height for bar in tree.bars}
    assert by_name["IT equipment"] - by_name["Racks"] == pytest.approx(
        by_name["A part to come"] + by_name["Fabric switches and optics"]
    )


def test_a_long_name_of_a_source_is_cut_beside_its_bar_only(plan: dict[str, Any]) -> None:
    assert shortened("Nuclear purchase, existing plant") == "Nuclear purchase"
    assert len(shortened("A name without commas that is far too long")) <= 22
    tree = energy_tree(plan, [])
    assert tree is not None
    assert any(ribbon.text.startswith("Nuclear purchase, existing plant:") for ribbon in tree.ribbons)


def test_alternatives_are_grouped_and_long_bars_broken(plan: dict[str, Any]) -> None:
    choices, zero = choices_of(plan)
    groups = {choice.title: choice for choice in choices}
    assert zero == 0.0
    assert groups["Serving"].options[0].broken
    assert groups["Serving"].options[0].width == 100.0
    assert groups["Rack"].options[2].barred == "buy: unverified system.price_per_chip"
    assert groups["Cooling: supply temperature"].options[0].name == "coolant at 40 °C"
    assert groups["Cooling: supply temperature"].chosen == "coolant at 45 °C"


def test_an_alternative_that_is_better_lies_left_of_zero(plan: dict[str, Any]) -> None:
    plan["alternatives"][11] |= {"difference": -0.2}
    choices, zero = choices_of(plan)
    worse = next(choice for choice in choices if choice.title == "Rack").options[0]
    assert zero > 0
    better = min((option for choice in choices for option in choice.options), key=lambda option: option.left)
    assert better.difference == "−20%"
    assert better.left + better.width == pytest.approx(zero)
    assert worse.left == pytest.approx(zero)


def test_the_largest_swing_fills_its_half(plan: dict[str, Any]) -> None:
    swings = swings_of(plan)
    assert len(swings) == 12
    assert swings[0].high == (50.0, 50.0)
    assert swings[0].low[0] < 50.0
    assert swings[0].part == "vLLM, releases of 2026 (0.14 and later)"


def test_limits_are_met_binding_or_violated(plan: dict[str, Any]) -> None:
    plan["margins"][0] |= {"slack": -1.0}
    limits = {limit.name: limit for limit in limits_of(plan)}
    assert limits["TTFT, 95 of 100 requests"].state == "violated"
    assert limits["TPOT, 95 of 100 requests"].state == "binding"
    assert limits["TPOT, 95 of 100 requests"].worth == "0.00293 USD/Mtoken per ms"
    assert limits["Temperature of the chips"].slack == "4 K left"
    assert limits["Memory of the chips"].limit == "100%"


def test_search_and_gaps_in_words(plan: dict[str, Any]) -> None:
    assert (space_sentence(plan) or "").startswith("770 billion designs in the search space; 8.82 billion exist")
    assert [size for _, size in gaps_of(plan)][:2] == ["0%", "0.022%"]
    assert barred_of(plan) == [("NVIDIA HGX B200 (air), rent", "no public rent")]


def test_sources_are_grouped_by_layer_and_counted(plan: dict[str, Any]) -> None:
    groups = source_groups(plan)
    assert [group.title for group in groups] == [
        "Interface",
        "Chip",
        "Rack",
        "Network",
        "Cooling",
        "Data center",
        "Power",
        "Finance",
    ]
    assert sum(count for _, _, count in works_cited(groups)) == len(plan["sources"])


def test_short_words_are_explained_once() -> None:
    text = explained("TTFT and TTFT < PUE")
    assert text.count("<abbr") == 2
    assert "&lt;" in text
