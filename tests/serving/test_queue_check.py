"""A finalist's simulation: the tables that time it, and its latencies beside those of the closed forms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.queue_check import Replica, Traffic, queue_check
from stackwright.model.sharding import Layout
from stackwright.serving.scheduler_tables import timing_of
from stackwright.stack.study import Study, load

STUDY = """
study: small
seed: 3
objective: cost_per_million_tokens
demand:
  kind: serving
  DEMAND
  requests: 20e6 request/day
  ttft: 20 s
  tpot: 200 ms
horizon: {first_year: 2027, years: 1}
model: {architecture: [Qwen3-235B-A22B], precision: [fp8], cache_precision: [fp8]}
serving:
  software: [vllm-2026]
  mode: [MODE]
  tensor_parallel: [4]
  expert_parallel: [EXPERT]
  batch: [64]
chip: {power_cap: [1.0]}
rack: {system: [hgx-h200-air]}
network: {fabric: [infiniband-ndr], oversubscription: [1]}
cooling: {type: [air-chiller-economizer], supply_temperature: [25 degC]}
datacenter: {site: [ashburn-va], redundancy: [n-plus-1], distribution: [ac-480-ups]}
power: {portfolio: [{name: grid}]}
constraints: {site_power: 200 MW}
"""
ALIKE = "lengths: {input: 2048 token, output: 512 token}"
REPLAYED = "traces: [{trace: azure-2023-conversation, weight: 0.5}, {trace: mooncake-2025-conversation, weight: 0.5}]"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def planned(
    catalog: Catalog, folder: Path, mode: str, demand: str, expert: int = 1
) -> tuple[Finalist, Searched, Study]:
    """The finalist of a small study."""
    path = folder / "study.yaml"
    text = STUDY.replace("MODE", mode).replace("DEMAND", demand).replace("EXPERT", str(expert))
    path.write_text(text, encoding="utf-8")
    study = load(path, catalog)[0]
    seen = searched(study, catalog)
    assert seen.found.best is not None
    return finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best), seen, study


def test_tables_keep_to_the_timing_model(catalog: Catalog, tmp_path: Path) -> None:
    item, seen, _ = planned(catalog, tmp_path, "aggregated", ALIKE)
    machine, lengths = item.cell.machine(1.0, 1.0), seen.scenario.lengths
    layout = Layout(tensor=4.0, expert=1.0, pipeline=1.0)
    timing = timing_of(machine, layout, lengths, most_sequences=512.0, longest=100_000.0)
    draw = np.random.default_rng(0)
    batch, context = np.exp(draw.uniform(0.0, np.log(512.0), 300)).round(), draw.uniform(100.0, 50_000.0, 300)
    steps = machine.decode_step(layout, batch, replace(lengths, context_mean=context)).seconds
    found = np.array([timing.step(*point) for point in zip(batch, context, strict=True)])
    error = np.abs(found / steps - 1.0)
    assert np.median(error) < 0.005
    assert error.max() < 0.05
    length, hits = np.exp(draw.uniform(np.log(100.0), np.log(100_000.0), 300)).round(), draw.uniform(0.0, 0.95, 300)
    prefills = machine.prefill(layout, replace(lengths, nodes=length, weights=0.0, prefix_hits=hits)).seconds
    found = np.array([timing.prefill(a * (1.0 - b), a) for a, b in zip(length, hits, strict=True)])
    error = np.abs(found / prefills - 1.0)
    assert np.median(error) < 0.01
    assert error.max() < 0.06


@pytest.mark.parametrize(
    ("mode", "demand", "expert"),
    [
        ("aggregated", ALIKE, 1),
        ("aggregated", ALIKE, 8),
        ("aggregated", f"{REPLAYED}\n  prefix_hits: 0.3", 1),
        ("disaggregated", ALIKE, 8),
        ("disaggregated", REPLAYED, 8),
    ],
)
def test_closed_forms_and_simulation_stand_side_by_side(
    catalog: Catalog, tmp_path: Path, mode: str, demand: str, expert: int
) -> None:
    item, seen, study = planned(catalog, tmp_path, mode, demand, expert)
    made = queue_check(item, seen.scenario, seen.parts, study)
    again = queue_check(item, seen.scenario, seen.parts, study)
    assert made == again
    json.dumps(made, allow_nan=False)
    check = made["queue_check"]
    assert check["tpot_p50"]["simulated"] == pytest.approx(check["tpot_p50"]["analytic"], rel=0.3)
    assert check["sequences"]["simulated"] == pytest.approx(check["sequences"]["analytic"], rel=0.3)
    assert 0.0 < check["memory"]["mean"] <= check["memory"]["peak"] <= 1.0
    assert check["ttft_p50"]["simulated"] <= check["ttft_p95"]["simulated"]
    gaps = [abs(check[name]["analytic"] / check[name]["simulated"] - 1.0) for name in ("ttft_p95", "tpot_p95")]
    assert made["queue_gap"] == max(gaps)


def test_a_cache_that_evicts_finds_less_and_prompts_wait_longer(catalog: Catalog, tmp_path: Path) -> None:
    item, seen, study = planned(catalog, tmp_path, "aggregated", REPLAYED)
    check = queue_check(item, seen.scenario, seen.parts, study)["queue_check"]
    assert 0.02 < check["prefix_hits"]["simulated"] < check["prefix_hits"]["analytic"]
    assert check["ttft_p95"]["simulated"] > check["ttft_p95"]["analytic"]


def test_a_stated_share_of_hits_shortens_every_prompt(catalog: Catalog, tmp_path: Path) -> None:
    item, seen, study = planned(catalog, tmp_path, "aggregated", f"{REPLAYED}\n  prefix_hits: 0.4")
    made = queue_check(item, seen.scenario, seen.parts, study)
    assert made["queue_check"]["prefix_hits"]["simulated"] == pytest.approx(0.4, abs=0.01)


def test_requests_of_one_token_have_no_time_between_tokens(catalog: Catalog, tmp_path: Path) -> None:
    alike = "lengths: {input: 2048 token, output: 1 token}"
    item, seen, study = planned(catalog, tmp_path, "disaggregated", alike, 8)
    check = queue_check(item, seen.scenario, seen.parts, study)["queue_check"]
    assert check["ttft_p95"]["simulated"] > 0.0
    assert "tpot_p95" not in check


def test_requests_come_at_the_pace_of_the_peak(catalog: Catalog, tmp_path: Path) -> None:
    item, seen, study = planned(catalog, tmp_path, "aggregated", REPLAYED)
    traffic = Traffic(study.demand, seen.parts, study.seed)
    replica = Replica(item, seen.scenario.lengths, traffic)
    stream = traffic.paced(100.0)
    assert stream.arrival[0] == pytest.approx(0.0)
    assert stream.arrival[-1] == pytest.approx(100.0)
    assert (np.diff(stream.arrival) >= 0.0).all()
    assert replica.under_way == 64
