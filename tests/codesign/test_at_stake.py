"""What each layer of a plan is: margin, performance and exposure at stake, and how to have it."""

import copy
import json
from typing import Any

import pytest

from stackwright.codesign.at_stake import LEVER, OPPORTUNITY, VULNERABLE, layers_at_stake

MONTH = 31_536_000.0 / 12.0


def ends(value: float, low: float, high: float, unit: str = "") -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "unit": unit}


def alternative(layer: str, name: str, difference: float, chip: str = "chip-b at 100%") -> dict[str, Any]:
    return {"layer": layer, "name": name, "difference": difference, "design": {"chip": chip}}


def margin(layer: str, cost: float, value: float, low: float, high: float) -> dict[str, Any]:
    kept = {"value": cost * value, "low": cost * low, "high": cost * high}
    return {"layer": layer, "cost": cost, "vendor": f"vendor of {layer}", "margin_dollars": kept}


def swing(path: str, low: float, high: float, unit: str = "USD") -> dict[str, Any]:
    return {"path": path, "unit": unit, "effect_low": low, "effect_high": high}


@pytest.fixture
def plan() -> dict[str, Any]:
    """A plan of a million dollars at one dollar per million tokens, with what this table reads."""
    return {
        "study": {
            "horizon": {"years": 5},
            "power": {"portfolio": [{"name": "grid"}, {"name": "own", "plants": [{"technology": "gas"}]}]},
        },
        "objective": {"name": "cost_per_million_tokens", "unit": "USD/Mtoken", "sense": "min", "value": 1.0},
        "metrics": {
            "present_cost": ends(1e6, 8e5, 1.5e6, "USD"),
            "tokens_per_second": ends(1000.0, 900.0, 1100.0, "token/s"),
        },
        "stack": {
            "interface": {"software": "engine"},
            "serving": {"mode": "disaggregated"},
            "chip": {"accelerator": "chip-a"},
            "rack": {"system": "rack-a"},
            "network": {"fabric": "fabric-a"},
            "cooling": {"type": "dry"},
            "datacenter": {"site": "here"},
            "power": {"portfolio": "grid"},
            "finance": {"sourcing": "buy"},
        },
        "cost_by_layer": {
            "chip": {"value": 0.5, "share": 0.5},
            "rack": {"value": 0.25, "share": 0.25},
            "power": {"value": 0.25, "share": 0.25},
        },
        "margins_by_layer": {
            "rows": [margin("chip", 0.5, 0.7, 0.6, 0.8), margin("rack", 0.25, 0.4, 0.1, 0.7)],
            "all": {"cost": 1.0},
            "break_even": [],
            "second_source": None,
        },
        "alternatives": [
            alternative("rack", "Other rack", 0.02, "chip-a at 100%"),
            alternative("rack", "Other chip", 0.3),
            alternative("power", "Other contract", 0.01),
            alternative("cooling", "Wet", 0.0),
        ],
        "dividend": {"robustness": {"changes": {"chip": 0.0, "rack": 0.2, "power": 0.0}}},
        "explain": {
            "inputs": [
                swing("system.price_per_chip", -0.1, 0.15),
                swing("grid.mean_price", -0.02, 0.03, "USD/J"),
                swing("grid.delivery_charge", -0.03, 0.04, "USD/J"),
                swing("chip.memory_bandwidth", -0.4, 0.4, "byte/s"),
            ]
        },
        "space": {"axes": {"rack.system": 3, "power.portfolio": 2, "cooling.type": 2, "network.fabric": 1}},
        "not_eligible": {},
        "not_feasible": {},
        "dates": None,
    }


@pytest.fixture
def dated(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with two phases, of which power is late most often."""

    def phase(added: float, power: tuple[str, str]) -> dict[str, Any]:
        causes = {
            "energization": {"p50": power[0], "p90": power[1]},
            "building": {"p50": "2027-01", "p90": "2027-01"},
            "chips": {"p50": "2027-01", "p90": "2027-02"},
        }
        return {"added": {"value": added, "unit": "W"}, "causes": causes}

    phases = [phase(1e8, ("2027-01", "2027-01")), phase(3e8, ("2028-01", "2029-01"))]
    binding = {"energization": 0.75, "building": 0.0, "chips": 0.25}
    return plan | {
        "dates": {
            "phases": phases,
            "binding": {"full_power": binding},
            "month_of_delay": {"idle_capital": 4e3, "lost_margin": 1e3},
        }
    }


def row(plan: dict[str, Any], layer: str) -> dict[str, Any]:
    return next(one for one in layers_at_stake(plan) if one["layer"] == layer)


def roles(plan: dict[str, Any], layer: str) -> set[str]:
    return {word for word, role in row(plan, layer)["roles"].items() if role["holds"]}


def test_every_layer_of_the_stack_has_a_row(plan):
    found = [one["layer"] for one in layers_at_stake(plan)]
    assert found == ["interface", "serving", "chip", "rack", "network", "cooling", "datacenter", "power"]


def test_every_number_has_a_value_or_a_reason(plan, dated):
    def check(item: Any) -> None:
        if isinstance(item, dict):
            if "unit" in item:
                assert item["value"] is not None or item["reason"]
                assert item["value"] is None or item["low"] <= item["value"] <= item["high"]
            for part in item.values():
                check(part)

    for given in (plan, dated):
        made = layers_at_stake(given)
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        for one in made:
            check(one)


def test_margin_is_a_share_of_the_whole_cost_with_its_range(plan):
    found = row(plan, "chip")["margin"]
    assert (found["share"]["low"], found["share"]["value"], found["share"]["high"]) == pytest.approx((0.3, 0.35, 0.4))
    assert found["dollars"]["value"] == pytest.approx(0.35e6)
    assert found["dollars"]["high"] == pytest.approx(0.4 * 1.5e6)
    assert "nothing in the plan's cost" in row(plan, "interface")["margin"]["share"]["reason"]


def test_the_next_chip_is_another_chip_and_the_next_rack_any(plan):
    assert row(plan, "chip")["performance"]["option"] == "Other chip"
    assert row(plan, "rack")["performance"]["option"] == "Other rack"
    assert row(plan, "chip")["performance"]["dollars"]["value"] == pytest.approx(0.3e6)


def test_what_draws_choose_otherwise_may_cost_nothing(plan):
    assert row(plan, "chip")["performance"]["share"]["low"] == pytest.approx(0.3)
    assert row(plan, "rack")["performance"]["share"]["low"] == 0.0


def test_prices_at_their_adverse_ends(plan):
    power = row(plan, "power")["exposure"]["repriced"]
    assert power["inputs"] == ["grid.delivery_charge", "grid.mean_price"]
    assert power["dollars"]["value"] == pytest.approx(0.05e6)
    assert (power["dollars"]["low"], power["dollars"]["high"]) == pytest.approx((0.04e6, 0.07e6))


def test_a_price_for_chip_and_rack_is_shared_as_their_costs(plan):
    chip, rack = (row(plan, layer)["exposure"]["repriced"]["dollars"]["value"] for layer in ("chip", "rack"))
    assert (chip, rack) == pytest.approx((0.1e6, 0.05e6))


def test_prices_do_not_show_in_tokens(plan):
    plan["objective"] |= {"name": "tokens_per_second", "unit": "token/s", "sense": "max"}
    assert "price does not show" in row(plan, "chip")["exposure"]["repriced"]["dollars"]["reason"]
    fewer = row(plan, "chip")["exposure"]["lost"]["tokens"]
    assert fewer["value"] == pytest.approx(0.3 * 1000.0 * 60.0 * MONTH)


def test_a_late_layer_costs_months_dollars_and_tokens(dated):
    late = row(dated, "power")["exposure"]["late"]
    assert late["months"]["high"] == pytest.approx(0.75 * 12.0)
    assert late["months"]["value"] == pytest.approx(0.75 * 0.75 * 12.0)
    assert late["dollars"]["high"] == pytest.approx(9.0 * 5e3)
    assert late["tokens"]["high"] == pytest.approx(9.0 * MONTH * 1100.0)
    assert late["dollars"]["low"] == 0.0


def test_what_has_no_date_says_so(plan, dated):
    assert row(plan, "power")["exposure"]["late"]["dollars"]["reason"] == "the study gives no dates"
    assert row(dated, "network")["exposure"]["late"]["dollars"]["reason"] == "nothing of it has a date"


def test_roles_follow_from_shares(plan):
    assert roles(plan, "chip") == {OPPORTUNITY, LEVER, VULNERABLE}
    assert roles(plan, "cooling") == set()
    plan["alternatives"][1]["difference"] = 0.01
    plan["explain"]["inputs"] = []
    assert roles(plan, "chip") == {OPPORTUNITY}


def test_a_word_is_sure_only_where_its_whole_range_agrees(plan):
    found = row(plan, "rack")["roles"][OPPORTUNITY]
    assert found["holds"]
    assert not found["sure"]
    assert row(plan, "chip")["roles"][OPPORTUNITY]["sure"]


def test_an_option_that_was_asked_for_and_cannot_be_had_leaves_nothing_to_stand_in(plan):
    plan["alternatives"] = []
    plan["not_feasible"] = {"rack-b": "misses tpot by 20% at best"}
    found = row(plan, "chip")
    assert found["exposure"]["lost"]["stands_in"] is None
    assert "misses tpot" in found["exposure"]["lost"]["dollars"]["reason"]
    assert found["exposure"]["lost"]["tokens"]["value"] == pytest.approx(1000.0 * 60.0 * MONTH)
    assert (found["way"], "nothing stands in" in found["why"]) == ("partner", True)


def test_a_menu_of_one_proves_nothing(plan):
    found = row(plan, "network")
    assert found["exposure"]["lost"]["tokens"]["reason"] == "the study's menu has no other option"
    assert not found["roles"][VULNERABLE]["holds"]


def test_the_next_vendor_stands_in_for_a_chip(plan):
    plan["margins_by_layer"]["second_source"] = {"second": "Them", "value": 1.0, "loss_without_first": 0.12}
    found = row(plan, "chip")["exposure"]["lost"]
    assert found["stands_in"] == "the best of Them"
    assert found["share"]["value"] == pytest.approx(0.12)


def program(volume: dict[str, float | None], pays: bool) -> dict[str, Any]:
    return {
        "program": "own-chip",
        "system": "own-rack",
        "planned_volume": 1e6,
        "ways": {"make": {"pays": pays, "volume": volume}},
    }


@pytest.mark.parametrize(
    ("volume", "pays", "way", "sure"),
    [
        ({"low": 9e5, "value": 5e5, "high": 2e5}, True, "make", True),
        ({"low": None, "value": 5e5, "high": 2e5}, True, "make", False),
        ({"low": None, "value": None, "high": 2e6}, False, "partner", True),
    ],
)
def test_a_program_that_repays_is_made(plan, volume, pays, way, sure):
    plan["margins_by_layer"]["break_even"] = [program(volume, pays)]
    found = row(plan, "chip")
    assert (found["way"], found["sure"]) == (way, sure)
    assert pays or "no program of one's own repays" in found["why"]


def test_what_the_plan_chose_comes_first(plan):
    leased = copy.deepcopy(plan)
    leased["stack"]["finance"]["sourcing"] = "lease"
    assert row(leased, "datacenter")["way"] == "partner"
    plan["stack"]["power"]["portfolio"] = "own"
    assert row(plan, "power")["way"] == "make"
    assert row(plan, "serving")["way"] == "make"


def test_little_at_stake_is_bought(plan):
    found = row(plan, "cooling")
    assert (found["way"], found["why"]) == ("buy", "others can hurt little by it")
