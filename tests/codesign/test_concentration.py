"""Shares and indices of a plan's suppliers, what it hangs on alone, and what a second of it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.codesign import diversity
from stackwright.codesign.concentration import concentration_entry
from stackwright.codesign.diversity import KINDS, Menu, diversity_of, in_dollars, mean_of
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.menu_draws import Draws
from stackwright.codesign.plan import alternatives_of, not_feasible
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.suppliers import herfindahl, market_of, operator_of, shares_of
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study, load

TWO_VENDORS = """
study: two-vendors
seed: 3
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 50e6 request/day
  shape: chat-week
  ttft: 2 s
  tpot: 50 ms
horizon: {first_year: 2027, years: 3}
model: {architecture: [Llama-3.1-70B], precision: [fp8]}
serving:
  software: [vllm-2026, tensorrt-llm-2026, rocm-vllm]
  mode: [aggregated]
  tensor_parallel: [2, 4, 8]
  expert_parallel: [1]
  batch: [16, 64, 128]
rack: {system: [hgx-h200-air, mi300x-node]}
network: {fabric: any}
cooling: {type: [air-chiller-economizer], supply_temperature: [30 degC]}
datacenter: {site: [ashburn-va, columbus-oh, abilene-tx], distribution: [ac-415-rack-battery]}
power: {portfolio: [{name: grid, contracts: []}]}
constraints: {site_power: 10 MW}
"""
RUN = """
study: run
seed: 3
demand: {kind: training, tokens: 14.8e12 token, sequence: 4096 token, global_batch: 15360, deadline: 40 day}
horizon: {first_year: 2027, years: 4}
model: {architecture: [DeepSeek-V3], precision: [fp8]}
training:
  {tensor_parallel: [1], pipeline_parallel: [8, 16], expert_parallel: [64], micro_batch: [1], recompute: [full]}
rack: {system: [hgx-h200-air, gb200-nvl72]}
network: {fabric: [infiniband-ndr], oversubscription: [1]}
cooling: {type: [air-chiller-economizer, direct-liquid-dry], supply_temperature: [25 degC, 40 degC]}
datacenter: {site: [ashburn-va, abilene-tx], distribution: [ac-480-ups]}
constraints: {site_power: 8 MW}
"""
PRESENT = {"value": 1e9, "low": 8e8, "high": 1.5e9}


def settled(study: Study, catalog: Catalog) -> tuple[Searched, Finalist]:
    seen = searched(study, catalog)
    assert seen.found.best is not None
    return seen, finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)


def told(study: Study, seen: Searched, item: Finalist) -> dict[str, Any]:
    """What a plan says before it says how concentrated it is."""
    rate = item.done.tokens.mean() / 31_536_000.0
    return {
        "study": study.as_dict(),
        "objective": {"name": study.objective, "unit": "USD/Mtoken", "sense": "min", "value": item.value},
        "metrics": {"present_cost": PRESENT, "tokens_per_second": {"value": rate, "low": rate, "high": rate}},
        "cost_by_layer": kind_of(study).costs(item),
        "alternatives": alternatives_of(study, seen, item),
        "not_eligible": dict(seen.found.barred),
        "not_feasible": not_feasible(study, seen),
        "space": {"axes": dict(study.axes)},
    }


@pytest.fixture(scope="module")
def study(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("study") / "two-vendors.yaml"
    path.write_text(TWO_VENDORS, encoding="utf-8")
    return load(path, catalog)[0]


@pytest.fixture(scope="module")
def seen(study: Study, catalog: Catalog) -> tuple[Searched, Finalist]:
    return settled(study, catalog)


@pytest.fixture(scope="module")
def entry(study: Study, seen: tuple[Searched, Finalist]) -> dict[str, Any]:
    return concentration_entry(told(study, *seen), study, *seen)


@pytest.fixture(scope="module")
def rows(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["kind"]: row for row in entry["diversity"]}


@given(st.integers(1, 50))
def test_an_index_is_one_over_the_number_of_equal_suppliers(count: int) -> None:
    assert herfindahl(np.full(count, 1.0 / count)) == pytest.approx(1.0 / count)


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=12))
def test_an_index_lies_between_equal_shares_and_one_supplier(sizes: list[float]) -> None:
    shares = np.array(sizes) / sum(sizes)
    assert 1.0 / len(sizes) - 1e-12 <= herfindahl(shares) <= 1.0 + 1e-12


def test_shares_of_every_part_add_up_to_one(entry: dict[str, Any]) -> None:
    known = [row for row in (*entry["shares"], entry["whole"]) if row["suppliers"]]
    assert len(known) >= 12
    for row in known:
        assert sum(one["share"]["value"] for one in row["suppliers"]) + row["others"] == pytest.approx(1.0), row["part"]
        assert row["hhi"]["low"] <= row["hhi"]["value"] <= row["hhi"]["high"]


def test_a_sole_supplier_has_an_index_of_one_and_what_is_not_on_record_says_so(entry: dict[str, Any]) -> None:
    by_part = {(row["layer"], row["part"]): row for row in entry["shares"]}
    assert by_part["datacenter", "site"]["hhi"]["value"] == 1.0
    assert by_part["power", "grid"]["suppliers"][0]["name"] == "ERCOT"
    assert by_part["chip", "foundry"]["suppliers"][0]["name"] == "TSMC"
    assert by_part["cooling", "cooling plant"]["hhi"]["value"] is None
    assert by_part["cooling", "cooling plant"]["hhi"]["reason"] == "no shares of its suppliers are on record"


def test_memory_has_the_shares_of_its_records_with_their_ranges(entry: dict[str, Any]) -> None:
    memory = next(row for row in entry["shares"] if row["part"] == "memory")
    assert [one["name"] for one in memory["suppliers"]] == ["SK hynix", "Micron", "Samsung"]
    assert memory["hhi"]["value"] == pytest.approx(0.62**2 + 0.21**2 + 0.17**2)
    assert memory["hhi"]["low"] < memory["hhi"]["value"] < memory["hhi"]["high"]
    assert memory["sources"] == ["counterpoint-hbm-2025-q2"]


def test_sellers_of_two_kinds_have_their_own_suppliers(catalog: Catalog) -> None:
    parts, draws = Parts(catalog), Draws(8, 1)
    alone = {name: market_of("chip", "packaging", {name: 1.0}, parts, draws) for name in ("NVIDIA", "AMD")}
    both = market_of("chip", "packaging", {"NVIDIA": 0.25, "AMD": 0.75}, parts, draws)
    tsmc = {name: one.value[one.suppliers.index("TSMC")] for name, one in alone.items()}
    assert both.value[both.suppliers.index("TSMC")] == pytest.approx(0.25 * tsmc["NVIDIA"] + 0.75 * tsmc["AMD"])
    assert "ASE" in both.suppliers and "ASE" not in alone["AMD"].suppliers


def test_shares_that_are_drawn_never_exceed_the_whole(seen: tuple[Searched, Finalist]) -> None:
    found, item = seen
    for one in shares_of(item, found.parts, Draws(64, 5)):
        assert (one.drawn.sum(axis=0) <= 1.0 + 1e-12).all(), one.part


def test_zones_of_one_operator_are_one_grid(catalog: Catalog) -> None:
    parts = Parts(catalog)
    zones = [operator_of(parts.get("power", name).record) for name in ("pjm-dominion", "pjm-aep", "ercot-west")]
    assert zones == ["PJM", "PJM", "ERCOT"]


def test_a_second_of_anything_costs_no_less_than_the_one(rows: dict[str, dict[str, Any]]) -> None:
    assert set(rows) == set(KINDS)
    found = [row for row in rows.values() if row["reason"] is None]
    assert {row["kind"] for row in found} >= set(KINDS) - {"second_foundry"}
    for row in found:
        assert row["share"]["value"] >= -1e-9, row["kind"]
        assert row["share"]["low"] <= row["share"]["value"] <= row["share"]["high"]
        assert row["cost"]["value"] == pytest.approx(
            row["share"]["value"] * (row["value"]["value"] - row["cost"]["value"])
        )
        assert row["dollars"]["value"] == pytest.approx(row["share"]["value"] * PRESENT["value"])


def test_the_more_has_to_differ_the_more_it_costs(rows: dict[str, dict[str, Any]]) -> None:
    cost = {kind: row["share"]["value"] for kind, row in rows.items()}
    assert cost["second_grid"] >= cost["second_site"] - 1e-12
    assert cost["second_chip_vendor_and_grid"] >= cost["second_chip_vendor_and_site"] - 1e-12
    assert cost["second_chip_vendor_and_site"] >= cost["second_site"] - 1e-12


def test_the_two_fleets_have_nothing_of_the_kind_in_common(rows: dict[str, dict[str, Any]]) -> None:
    for row in rows.values():
        if row["reason"] is None:
            first, second = (one["rests_on"] for one in row["fleets"])
            for name in row["differs_in"]:
                assert not set(first[name]) & set(second[name]), (row["kind"], name)
                assert row["hhi"][name] == {"before": 1.0, "after": pytest.approx(0.5)}


def test_two_sites_rarely_fail_together_and_one_site_fails_with_all_its_fleets(rows: dict[str, dict[str, Any]]) -> None:
    apart, together = rows["second_site"]["outage"], rows["second_engine"]["outage"]
    hours = apart["nothing_served"]
    assert hours["after"] == pytest.approx(hours["before"] ** 2 / 8760.0)
    assert rows["second_engine"]["together"]
    assert together["nothing_served"]["after"] == pytest.approx(together["nothing_served"]["before"])
    assert apart["largest_loss"]["after"] == pytest.approx(apart["largest_loss"]["before"] / 2.0)


def test_a_menu_without_a_second_says_so(rows: dict[str, dict[str, Any]]) -> None:
    row = rows["second_foundry"]
    assert row["fleets"] == [] and row["cost"]["value"] is None
    assert row["reason"] == "the study's menu has one foundry: TSMC"


def test_a_menu_of_one_vendor_and_one_site_says_so(small: Study, catalog: Catalog) -> None:
    alone = small.model_copy(
        update={"datacenter": small.datacenter.model_copy(update={"site": ("ashburn-va",)})},
    )
    found, item = settled(alone, catalog)
    made = {row["kind"]: row for row in diversity_of(Menu.of(alone, found), item, Draws(4, 1), {}, PRESENT)}
    assert made["second_chip_vendor"]["reason"] == "the study's menu has one chip vendor: NVIDIA"
    assert made["second_site"]["reason"] == "the study's menu has one site: Ashburn, Virginia"


def test_a_system_that_may_not_win_is_shown_as_the_nearest_with_its_reason(
    study: Study, seen: tuple[Searched, Finalist]
) -> None:
    """Of AMD's systems the newer has no price that somebody stands behind."""
    only = study.model_copy(
        update={
            "rack": study.rack.model_copy(update={"system": ("hgx-h200-liquid", "mi355x-node-liquid")}),
            "cooling": study.cooling.model_copy(update={"type": ("direct-liquid-dry",)}),
        }
    )
    found, item = settled(only, seen[0].parts.catalog)
    made = diversity_of(Menu.of(only, found), item, Draws(4, 1), found.found.barred, PRESENT)
    row = next(one for one in made if one["kind"] == "second_chip_vendor")
    assert row["reason"].startswith("no two fleets of the menu that differ in chip vendor")
    assert row["nearest"]["systems"] == ["mi355x-node-liquid"]
    assert "unverified system.price_per_chip" in row["nearest"]["reason"]


def test_two_vendors_of_the_same_thing_cost_what_is_there_twice(
    study: Study, seen: tuple[Searched, Finalist], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two systems that are alike but for their names, each told as of a vendor of its own."""
    catalog = seen[0].parts.catalog
    record = catalog.get("rack", "mi300x-node")
    twin = type(record)(**{**vars(record), "id": "twin-node", "name": "Twin", "aliases": ()})
    labels = diversity.labels_of

    def by_system(systems: tuple[str, ...], site: str, parts: Parts) -> dict[str, frozenset[str]]:
        return labels(systems, site, parts) | {diversity.VENDOR: frozenset(systems)}

    monkeypatch.setattr(diversity, "labels_of", by_system)
    both = study.model_copy(update={"rack": study.rack.model_copy(update={"system": ("mi300x-node", "twin-node")})})
    found, item = settled(both, catalog.replacing(twin))
    made = diversity_of(Menu.of(both, found), item, Draws(16, 1), {}, PRESENT)
    row = next(one for one in made if one["kind"] == "second_chip_vendor")
    assert row["cost"]["value"] == pytest.approx(row["duplicated"]["value"], abs=1e-9)
    assert row["duplicated"]["value"] >= 0.0


def test_without_ranges_of_the_inputs_a_cost_has_none(study: Study, seen: tuple[Searched, Finalist]) -> None:
    made = diversity_of(Menu.of(study, seen[0]), seen[1], Draws(4, 1, spread=0.0), {}, PRESENT)
    row = next(one for one in made if one["kind"] == "second_site")
    assert row["share"]["low"] == pytest.approx(row["share"]["value"], abs=1e-9)
    assert row["share"]["high"] == pytest.approx(row["share"]["value"], abs=1e-9)


def test_the_same_study_says_the_same(entry: dict[str, Any], study: Study, seen: tuple[Searched, Finalist]) -> None:
    again = concentration_entry(told(study, *seen), study, *seen)
    assert json.dumps(again) == json.dumps(entry)


def test_what_nothing_replaces_comes_first(entry: dict[str, Any]) -> None:
    points = entry["single_points"]
    assert points[0]["kind"] == "foundry" and points[0]["lost"]["stands_in"] is None
    assert points[0]["lost"]["tokens"]["value"] > 0.0
    replaced = points[1:]
    assert all(point["lost"]["stands_in"] for point in replaced)
    dollars = [point["lost"]["dollars"]["value"] for point in replaced]
    assert dollars == sorted(dollars, reverse=True)


def test_of_what_the_study_lists_one_nothing_is_said_to_be_lost(small: Study, catalog: Catalog) -> None:
    found, item = settled(small, catalog)
    points = concentration_entry(told(small, found, item), small, found, item)["single_points"]
    last = [
        point["kind"] for point in points if point["lost"]["tokens"]["value"] is None and not point["lost"]["stands_in"]
    ]
    assert last == ["engine", "fabric vendor"] == [point["kind"] for point in points[-2:]]
    first = {point["kind"] for point in points if point["lost"]["tokens"]["value"] is not None}
    assert first == {"chip vendor", "platform", "foundry"}


def test_what_a_plan_does_without_its_site_is_its_best_alternative(entry: dict[str, Any], study: Study) -> None:
    site = next(point for point in entry["single_points"] if point["kind"] == "site")
    assert study.datacenter.site and site["lost"]["stands_in"].startswith("Columbus, Ohio")
    assert site["lost"]["dollars"]["value"] == pytest.approx(site["lost"]["share"]["value"] * PRESENT["value"])


def test_an_open_demand_is_not_divided(study: Study, seen: tuple[Searched, Finalist]) -> None:
    demand = study.demand.model_copy(update={"volume": "open", "requests": None})
    opened = study.model_copy(update={"demand": demand})
    found, item = settled(opened, seen[0].parts.catalog)
    made = concentration_entry(told(opened, found, item), opened, found, item)
    assert made["diversity"] is None
    assert made["reason"].startswith("the demand is open")
    assert made["single_points"] and made["shares"]


def test_a_run_is_one_job(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(RUN, encoding="utf-8")
    run = load(tmp_path / "run.yaml", catalog)[0]
    found, item = settled(run, catalog)
    made = concentration_entry(told(run, found, item), run, found, item)
    assert made["diversity"] is None and made["reason"].startswith("a run is one job")
    assert {point["kind"] for point in made["single_points"]} >= {"chip vendor", "engine", "site", "fabric vendor"}
    assert next(row for row in made["shares"] if row["part"] == "engine")["hhi"]["value"] == 1.0


def test_only_what_is_told_in_dollars_has_them() -> None:
    share = {"value": 0.2, "low": 0.1, "high": 0.4}
    assert in_dollars("cost_per_million_tokens", 1.2, PRESENT, share)["high"] == pytest.approx(0.4e9)
    assert in_dollars("npv", -3e8, PRESENT, share)["value"] == pytest.approx(0.6e8)
    carbon = in_dollars("carbon_per_million_tokens", 0.3, PRESENT, share)
    assert carbon["value"] is None and "kg/Mtoken" in carbon["reason"]


@pytest.mark.parametrize("objective", ["carbon_per_million_tokens", "tokens_per_megawatt_hour", "npv"])
def test_another_objective_is_divided_as_well(objective: str, study: Study, seen: tuple[Searched, Finalist]) -> None:
    """Two sites, each half of the demand, of the objective as it is told for all of it."""
    demand = study.demand.model_copy(update={"token_price": 2e-6})
    other = study.model_copy(update={"objective": objective, "demand": demand})
    found, item = settled(other, seen[0].parts.catalog)
    made = diversity_of(Menu.of(other, found), item, Draws(4, 1), {}, PRESENT)
    row = next(one for one in made if one["kind"] == "second_site")
    assert -1e-9 <= row["share"]["value"] < 0.2
    sense = -1.0 if objective in ("npv", "tokens_per_megawatt_hour") else 1.0
    assert sense * (row["value"]["value"] - item.value) == pytest.approx(row["cost"]["value"])


def test_means_of_equal_demands() -> None:
    assert mean_of("cost_per_million_tokens", 1.0, 3.0) == 2.0
    assert mean_of("tokens_per_megawatt_hour", 1.0, 3.0) == pytest.approx(1.5)
