"""A plan as programs read it: keys, sums, digests, limits."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.plan import digest_of, evaluate_study, plan_study
from stackwright.core.errors import InfeasibleError
from stackwright.stack.study import Study
from stackwright.twin.meter import Activity, Meter

KEYS = (
    *("study", "objective", "stack", "metrics", "cost_by_layer", "cash_flow", "margins", "alternatives", "space"),
    *("gap", "cut_gap", "queue_gap", "sources", "warnings", "versions", "seed", "inputs", "run", "digest"),
)
METRICS = (
    *("cost_per_million_tokens", "cost_per_million_total_tokens", "tokens_per_second", "capacity_tokens_per_second"),
    *("ttft", "tpot", "ttft_p50", "tpot_p50", "chips", "racks", "switches", "it_power", "facility_power"),
    *("peak_it_power", "peak_facility_power", "pue", "wue", "peak_pue", "energy_per_token"),
    *("carbon_per_million_tokens", "capex", "npv"),
)


@pytest.fixture(scope="module")
def plan(small: Study, catalog: Catalog) -> dict:
    return plan_study(small, catalog)


def test_keys_and_metrics_are_those_that_programs_rely_on(plan: dict) -> None:
    assert set(KEYS) <= set(plan)
    assert set(METRICS) <= set(plan["metrics"])
    for name, metric in plan["metrics"].items():
        assert {"value", "low", "high", "unit"} <= set(metric), name
        if metric["value"] is not None:
            assert metric["low"] <= metric["value"] <= metric["high"], name
    json.dumps(plan, allow_nan=False)


def test_sums_close(plan: dict) -> None:
    total = plan["metrics"]["cost_per_million_tokens"]["value"]
    assert sum(part["value"] for part in plan["cost_by_layer"].values()) == pytest.approx(total, rel=1e-9)
    assert sum(part["share"] for part in plan["cost_by_layer"].values()) == pytest.approx(1.0)
    flow = plan["pictures"]["energy_flow"]
    assert sum(flow["parts"].values()) == pytest.approx(flow["meter"], rel=1e-9)
    metrics = plan["metrics"]
    assert metrics["facility_power"]["value"] == pytest.approx(
        metrics["pue"]["value"] * metrics["it_power"]["value"], rel=1e-9
    )
    assert metrics["energy_per_token"]["value"] == pytest.approx(
        metrics["facility_power"]["value"] / metrics["tokens_per_second"]["value"], rel=1e-9
    )


def test_limits_are_kept(plan: dict) -> None:
    for margin in plan["margins"]:
        assert margin["slack"] >= -1e-9 * abs(margin["limit"]), margin
        assert (margin["worth"] is not None) == margin["binding"]


def test_no_alternative_is_better_unless_it_may_not_win(plan: dict) -> None:
    assert {row["layer"] for row in plan["alternatives"]} >= {"rack", "cooling", "datacenter", "power", "chip"}
    for row in plan["alternatives"]:
        assert row["difference"] >= -1e-9 or row.get("not_eligible"), row


def test_every_source_of_the_stack_is_named(plan: dict) -> None:
    assert len(plan["sources"]) > 100
    for entry in plan["sources"]:
        assert entry["title"] and entry["kind"], entry["path"]


def test_same_study_same_digest(plan: dict, small: Study) -> None:
    again = plan_study(small, Catalog.load())
    assert again["digest"] == plan["digest"] == digest_of(plan)


def test_another_seed_changes_ranges_but_not_the_answer(plan: dict, small: Study, catalog: Catalog) -> None:
    other = plan_study(small.model_copy(update={"seed": 4}), catalog)
    assert other["objective"]["value"] == plan["objective"]["value"]
    assert other["objective"]["high"] != plan["objective"]["high"]


def test_impossible_latency_names_the_nearest_stack(small: Study, catalog: Catalog) -> None:
    tight = small.model_copy(update={"demand": small.demand.model_copy(update={"tpot": 1e-4})})
    with pytest.raises(InfeasibleError) as caught:
        plan_study(tight, catalog)
    nearest = caught.value.nearest
    assert isinstance(nearest, dict)
    tpot = next(margin for margin in nearest["margins"] if margin["constraint"] == "tpot")
    assert tpot["slack"] < 0


def test_a_site_that_is_too_small_names_what_it_lacks(small: Study, catalog: Catalog) -> None:
    limits = small.constraints.model_copy(update={"site_power": 1e4})
    with pytest.raises(InfeasibleError) as caught:
        plan_study(small.model_copy(update={"constraints": limits}), catalog)
    nearest = caught.value.nearest
    assert isinstance(nearest, dict)
    power = next(margin for margin in nearest["margins"] if margin["constraint"] == "site_power")
    assert power["slack"] < 0


def test_open_volume_fills_the_meter(catalog: Catalog, small_text: str, write_study: Callable[[str], Study]) -> None:
    text = small_text.replace("  requests: 20e6 request/day\n  growth: 0.2 1/year\n", "  volume: open\n").replace(
        "objective: cost_per_million_tokens", "objective: tokens_per_second"
    )
    plan = plan_study(write_study(text), catalog)
    power = next(margin for margin in plan["margins"] if margin["constraint"] == "site_power")
    assert 0.98 * power["limit"] < power["value"] <= power["limit"]
    tokens = plan["metrics"]["tokens_per_second"]
    assert tokens["low"] < tokens["value"] < tokens["high"]


def test_evaluating_the_chosen_stack_gives_the_plan(
    plan: dict, catalog: Catalog, small_text: str, write_study: Callable[[str], Study]
) -> None:
    """A study with the plan's choices and nothing else is the same design at the same cost."""
    stack = plan["stack"]
    decode = stack["serving"]["decode"]
    celsius = stack["cooling"]["supply_temperature"] - 273.15
    text = small_text
    changes = {
        "cache_precision: [bf16, fp8]": f"cache_precision: [{stack['model']['cache_precision']}]",
        "tensor_parallel: [2, 4, 8]": f"tensor_parallel: [{decode['tensor_parallel']:.0f}]",
        "expert_parallel: [1, 8]": f"expert_parallel: [{decode['expert_parallel']:.0f}]",
        "batch: [8, 32, 128]": f"batch: [{stack['serving']['batch']:.0f}]\n  mode: [{stack['serving']['mode']}]",
        "power_cap: [1.0, 0.8]": f"power_cap: [{stack['chip']['power_cap']}]",
        "system: [hgx-h200-air, hgx-b200-liquid]": f"system: [{stack['rack']['system']}]",
        "oversubscription: [1, 4]": f"oversubscription: [{stack['network']['oversubscription']:g}]",
        "type: [air-chiller-economizer, direct-liquid-dry]": f"type: [{stack['cooling']['type']}]",
        "supply_temperature: [25 degC, 40 degC]": f"supply_temperature: [{celsius:g} degC]",
        "site: [ashburn-va, phoenix-az]": f"site: [{stack['datacenter']['site']}]",
        "redundancy: [n-plus-1, 2n]": f"redundancy: [{stack['datacenter']['redundancy']}]",
        "distribution: [ac-480-ups, dc-800]": f"distribution: [{stack['datacenter']['distribution']}]",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    if stack["power"]["portfolio"] == "grid":
        text = text.replace("    - {name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.6}]}\n", "")
    else:
        text = text.replace("    - {name: grid}\n", "")
    prefill = stack["serving"].get("prefill")
    same_layout = prefill is None or (
        prefill["tensor_parallel"] == decode["tensor_parallel"]
        and prefill["expert_parallel"] == decode["expert_parallel"]
    )
    again = evaluate_study(write_study(text), catalog)
    tolerance = 1e-9 if same_layout else 0.5
    assert again["objective"]["value"] == pytest.approx(plan["objective"]["value"], rel=tolerance)


def test_every_finalist_is_checked_against_a_simulation(plan: dict) -> None:
    finalists = plan["finalists"]
    assert finalists[0]["value"] == pytest.approx(plan["objective"]["value"])
    assert finalists[0]["queue_gap"] == plan["queue_gap"]
    assert [one["value"] for one in finalists] == sorted(one["value"] for one in finalists)
    for one in finalists:
        assert one["queue_gap"] >= 0.0 and {"system", "site", "cooling", "portfolio"} <= set(one)


def test_the_operators_of_the_chosen_chip_say_how_they_are_known(plan: dict) -> None:
    operators = plan["operators"]
    assert {row["basis"] for row in operators} <= {"measured", "fitted", "scaled", "bounded"}
    assert all(row["low"] < 1.0 < row["high"] for row in operators)


def test_the_meter_of_a_running_stack_has_the_plans_energy_per_token(plan: dict) -> None:
    meter = Meter.of_plan(plan)
    decode, load = meter.pools["decode"], meter.mean_load
    tokens = decode.replicas * decode.requests_per_second * load * plan["running"]["request"]["output_tokens"]
    work = Activity(decode=load, prefill=load * meter.prefill_per_decode)
    joules = meter.flow(work, meter.conditions["mean"]).meter / tokens
    assert joules == pytest.approx(plan["metrics"]["energy_per_token"]["value"], rel=0.02)
