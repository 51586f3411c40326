"""Prefill and decode on two systems: the search finds what enumeration finds, and both are priced and powered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import chooser
from stackwright.codesign.finalists import best_finalists, design_of, objective_value, plant_for, terms_of
from stackwright.codesign.performance_grid import PREFILL_UTILIZATION, worst_margin
from stackwright.codesign.plan import Searched, evaluate_study, plan_study, searched
from stackwright.codesign.search import sides_of, unit_rows
from stackwright.codesign.uncertainty import evaluate_with, inputs_of
from stackwright.report import write_report
from stackwright.stack.evaluate import evaluate
from stackwright.stack.study import Study, load

PAIRS = """
study: pairs
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 4096 token, output: 256 token}
  requests: 5e6 request/day
  growth: 0.2 1/year
  shape: chat-week
  ttft: 3 s
  tpot: 60 ms
horizon: {first_year: 2027, years: 2}
model: {architecture: [Llama-3.1-70B], precision: [fp8]}
serving:
  software: [vllm-2026]
  mode: [disaggregated]
  prefill_system: [same, hgx-arithmetic]
  tensor_parallel: [2, 4]
  expert_parallel: [1]
  batch: [8, 64]
rack: {system: [hgx-h200-liquid]}
network: {fabric: [infiniband-ndr]}
cooling: {type: [direct-liquid-dry], supply_temperature: [40 degC]}
datacenter: {site: [ashburn-va], distribution: [ac-415-rack-battery, ac-480-ups]}
constraints: {site_power: 5 MW}
"""

CHIP = """
name: An H200 with a third of the memory bandwidth
like: nvidia-h200-sxm
note: A what-if, not a product.
values:
  memory_bandwidth: {value: 1.6 TB/s, source: assumption, kind: assumption, note: a third of an H200's}
  memory_capacity: {value: 96 GB, source: assumption, kind: assumption, note: plain DRAM}
"""
SYSTEM = """
name: HGX of eight of them
like: hgx-h200-liquid
note: A what-if, not a product.
links: {chip: arithmetic}
values:
  price_per_chip: {value: 15000 USD, source: assumption, kind: assumption, note: the price of a chip without HBM}
  nic_bandwidth: {value: 25 GB/s, source: assumption, kind: assumption, note: one port for two chips}
  liquid_share: {value: 60 %, source: assumption, kind: assumption, note: warm memory in air}
  supply_proportional: {value: 4 %, source: assumption, kind: assumption, note: older supplies}
"""
TWIN = """
name: The same system under another name
like: hgx-h200-liquid
note: For tests.
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The catalog with a compute-rich cheap chip, and with a twin of the decode system."""
    folder = tmp_path_factory.mktemp("records")
    for path, text in {"chip/arithmetic": CHIP, "rack/hgx-arithmetic": SYSTEM, "rack/hgx-twin": TWIN}.items():
        file = folder / f"{path}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Catalog.load([folder])


@pytest.fixture(scope="module")
def read(shelf: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Study]:
    """The study of pairs with parts of its text replaced."""

    def read(*changes: tuple[str, str]) -> Study:
        path: Path = tmp_path_factory.mktemp("study") / "pairs.yaml"
        text = PAIRS
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return load(path, shelf)[0]

    return read


@pytest.fixture(scope="module")
def seen(read: Callable[..., Study], shelf: Catalog) -> Searched:
    return searched(read(), shelf)


@pytest.fixture(scope="module")
def plan(read: Callable[..., Study], shelf: Catalog) -> dict[str, Any]:
    return plan_study(read(), shelf)


def test_enumeration_of_every_pair_finds_what_the_search_finds(read: Callable[..., Study], seen: Searched) -> None:
    """Every decode and prefill replica on both systems under every plant, evaluated one at a time."""
    study, best = read(), seen.found.best
    assert best is not None
    limit = study.constraints.site_power
    values: dict[str, list[float]] = {}
    for number, key in enumerate(seen.grid.keys):
        cell = seen.grid.cells[number]
        start = design_of(seen.grid, seen.classes, best)
        for tensor, batch, other, load_, option in product(
            (2.0, 4.0), (8.0, 64.0), (2.0, 4.0), PREFILL_UTILIZATION, (0, 1)
        ):
            chosen = start.numbers | {"tensor": tensor, "batch": batch, "prefill_tensor": other}
            plant = seen.classes[best.plant_class].options[option]
            design = replace(
                start,
                numbers=chosen | {"prefill_utilization": load_},
                prefill_system=key.prefill_system,
                distribution=plant.distribution,
            )
            terms = terms_of(study, seen.parts)
            made = plant_for(study, seen.parts, seen.scenario, design)
            done = evaluate(design, seen.scenario, cell=cell, plant=made, terms=terms, settled=False)
            table = {name: np.array(getattr(done.service, name)) for name in ("memory", "ttft_p95", "tpot_p95")}
            if worst_margin(table, seen.scenario) <= 0 and float(done.peak_meter) <= limit:
                value = float(objective_value(str(study.objective), seen.scenario, done, terms))
                values.setdefault(str(key.prefill_system or "same"), []).append(value)
    assert set(values) == {"same", "hgx-arithmetic"}
    assert min(map(min, values.values())) == pytest.approx(best.score, rel=2e-3)
    for system, found in values.items():
        assert min(found) == pytest.approx(seen.found.by_option["prefill_system", system].score, rel=2e-3)


def test_nothing_that_was_dropped_could_win(
    read: Callable[..., Study], shelf: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With every feasible point of every pair kept, the best with each option is the same."""
    study = read(
        ("[same, hgx-arithmetic]", "[same, hgx-arithmetic, hgx-b200-liquid]"),
        ("{system: [hgx-h200-liquid]}", "{system: [hgx-h200-liquid, hgx-b200-liquid]}"),
        ("[8, 64]", "[8, 32, 128]"),
        ("mode: [", "mode: [aggregated, "),
    )
    cut = searched(study, shelf)
    monkeypatch.setenv("STACKWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(chooser, "non_dominated", lambda criteria: np.arange(len(criteria)))
    whole = searched(study, shelf)
    assert len(whole.grid.rows) > 2 * len(cut.grid.rows)
    assert {key.prefill_system for key in whole.grid.keys} == {None, "hgx-arithmetic", "hgx-b200-liquid"}
    assert whole.found.best is not None and cut.found.best is not None
    assert whole.found.best.score == pytest.approx(cut.found.best.score, rel=1e-12)
    assert set(whole.found.by_option) == set(cut.found.by_option)
    for option, pick in whole.found.by_option.items():
        assert cut.found.by_option[option].score == pytest.approx(pick.score, rel=1e-12), option


def test_a_compute_rich_cheap_chip_wins_the_prefill(plan: dict[str, Any]) -> None:
    assert plan["stack"]["rack"]["system"] == plan["stack"]["pools"]["decode"]["system"] == "hgx-h200-liquid"
    assert plan["stack"]["pools"]["prefill"]["system"] == "hgx-arithmetic"
    assert plan["stack"]["pools"]["prefill"]["chip"] == "arithmetic"
    (same,) = (row for row in plan["alternatives"] if row["layer"] == "prefill_system")
    assert same["option"] == "same" and same["difference"] > 0


def test_a_plan_counts_both_systems(plan: dict[str, Any]) -> None:
    pools, metrics = plan["stack"]["pools"].values(), plan["metrics"]
    for name in ("chips", "racks", "chips_in_service", "spare_chips"):
        assert sum(pool[name] for pool in pools) == metrics[name]["value"], name
    assert all(pool["chips"] % 8 == 0 and pool["spare_chips"] > 0 for pool in pools)
    assert sum(pool["peak_it_power"]["value"] for pool in pools) == pytest.approx(metrics["peak_it_power"]["value"])
    total = metrics["cost_per_million_tokens"]["value"]
    assert sum(part["value"] for part in plan["cost_by_layer"].values()) == pytest.approx(total, rel=1e-9)
    flow = plan["pictures"]["energy_flow"]
    assert sum(flow["parts"].values()) == pytest.approx(flow["meter"], rel=1e-9)
    assert plan["cut_gap"] < 5e-3 and plan["queue_gap"] is not None
    records = {entry["record"] for entry in plan["sources"]}
    assert {"nvidia-h200-sxm", "arithmetic", "hgx-h200-liquid", "hgx-arithmetic"} <= records


def test_rates_match_and_each_side_is_powered_by_its_own_chip(
    read: Callable[..., Study], seen: Searched, shelf: Catalog
) -> None:
    item = best_finalists(read(), seen.parts, seen.scenario, seen.grid, seen.classes, seen.found)[0]
    done, peak = item.done, seen.scenario.requests * seen.scenario.peak
    decode, prefill = done.fleet.pools
    for pool, unit in zip((decode, prefill), done.units, strict=True):
        capacity = pool.replicas * unit.decode_rate
        assert (capacity >= peak * (1 - 1e-9)).all() and (capacity - unit.decode_rate < peak).all()
    assert float(done.units[0].system_price) == 37000.0 and float(done.units[1].system_price) == 15000.0
    assert (done.fleet.busy_power * done.fleet.load) == pytest.approx(
        decode.busy_power * decode.load + prefill.busy_power * prefill.load
    )
    best = seen.found.best
    assert best is not None
    for pool, plant in enumerate(sides_of(seen.grid, seen.classes, best)):
        unit, _ = unit_rows(seen.grid, np.array([best.row]), plant, pool)
        assert float(unit.provisioned_power[0]) == pytest.approx(float(done.units[pool].provisioned_power), rel=1e-12)
        assert plant.thermal.liquid_share == float(item.cell.pools[pool].system.liquid_share)
        assert float(unit.system_price[0]) == float(done.units[pool].system_price)


def test_draws_at_the_nominal_are_the_nominal(read: Callable[..., Study], seen: Searched) -> None:
    """Inputs of either system reach it, and those of records that both have reach both."""
    item = best_finalists(read(), seen.parts, seen.scenario, seen.grid, seen.classes, seen.found)[0]
    base = evaluate_with(item, seen.scenario, {}, 1)
    nominal = {one.path: np.full(2, one.datum.value) for one in inputs_of(item)}
    same = evaluate_with(item, seen.scenario, nominal, 2)
    assert same.present_cost == pytest.approx(np.full(2, float(base.present_cost[0])), rel=1e-12)
    dearer = evaluate_with(item, seen.scenario, {"prefill_system.price_per_chip": np.array([15e3, 30e3])}, 2)
    bought = float(item.done.fleet.pools[1].bought(item.terms.spares).max())
    assert dearer.cash["capex"][1].sum() - dearer.cash["capex"][0].sum() == pytest.approx(15e3 * bought, rel=0.1)


def test_a_cache_leaves_at_the_slower_port(seen: Searched) -> None:
    (cell,) = (cell for key, cell in zip(seen.grid.keys, seen.grid.cells, strict=True) if key.prefill_system)
    assert cell.prefill is not None
    ports = {"own": 25e9, "fast": 100e9}
    machine = cell.prefill.machine(1.0, 1.0)
    assert float(cell.handover(machine).wires.fabric_bandwidth) == ports["own"]
    faster = replace(machine, wires=replace(machine.wires, fabric_bandwidth=ports["fast"]))
    assert float(cell.handover(faster).wires.fabric_bandwidth) == float(cell.hardware.system.nic_bandwidth) == 50e9


def test_a_twin_of_the_decode_system_changes_nothing(read: Callable[..., Study], shelf: Catalog) -> None:
    """A fleet in fractions of chips costs as much on one system as on two of one kind."""
    fixed = "  requests: 5e6 request/day\n  growth: 0.2 1/year\n"
    found = searched(read((fixed, "  volume: open\n"), ("hgx-arithmetic", "hgx-twin")), shelf).found
    alone, twin = (found.by_option["prefill_system", name].score for name in ("same", "hgx-twin"))
    assert twin == pytest.approx(alone, rel=1e-9)


def test_naming_the_own_system_is_the_same_as_same(read: Callable[..., Study], shelf: Catalog) -> None:
    names = ("[same]", "[hgx-h200-liquid]")
    first, second = (searched(read(("[same, hgx-arithmetic]", name)), shelf) for name in names)
    assert (first.grid.keys, len(first.grid.rows)) == (second.grid.keys, len(second.grid.rows))
    assert first.found.best == second.found.best


def test_a_prefill_system_that_no_cooling_holds_says_so(read: Callable[..., Study], shelf: Catalog) -> None:
    plan = plan_study(read(("hgx-arithmetic", "hgx-b200-air")), shelf)
    assert "pools" not in plan["stack"]
    assert "cooling" in plan["not_feasible"]["hgx-b200-air, prefill"]


def test_a_given_pair_is_evaluated(plan: dict[str, Any], read: Callable[..., Study], shelf: Catalog) -> None:
    """A stack with one option everywhere, its pools on two systems."""
    given = read(
        ("[same, hgx-arithmetic]", "[hgx-arithmetic]"),
        ("[2, 4]", "[4]"),
        ("[8, 64]", "[64]"),
        ("[ac-415-rack-battery, ac-480-ups]", "[ac-415-rack-battery]"),
    )
    assert set(given.axes.values()) == {1}
    made = evaluate_study(given, shelf)
    assert [pool["system"] for pool in made["stack"]["pools"].values()] == ["hgx-h200-liquid", "hgx-arithmetic"]
    assert made["objective"]["value"] >= plan["objective"]["value"] * (1 - 1e-12)


def test_the_report_names_both_systems(plan: dict[str, Any], tmp_path: Path) -> None:
    write_report(plan, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    names = [pool["name"] for pool in plan["stack"]["pools"].values()]
    assert " and ".join(names) in page
