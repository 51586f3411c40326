"""The replica that a plan keeps and the latencies that it tells: of one timing model with the plan's own numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import service_levels
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.queue_check import Replica, Traffic, queue_check
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.service_levels import (
    sample_of,
    seen_at,
    served_replica,
    service_entries,
    stream_at,
    with_longer_waits,
)
from stackwright.serving.served import ServedReplica
from stackwright.stack.study import ServingDemand, Study, load

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
  expert_parallel: [8]
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


@dataclass(frozen=True)
class Case:
    """A finalist with its check and its two entries."""

    item: Finalist
    seen: Searched
    study: Study
    check: dict[str, Any]
    entries: dict[str, Any]

    @property
    def served(self) -> ServedReplica:
        return ServedReplica.from_dict(self.entries["replica"])

    @property
    def replica(self) -> Replica:
        assert isinstance(self.study.demand, ServingDemand)
        return Replica(self.item, self.seen.scenario.lengths, Traffic(self.study.demand, self.seen.parts, 3))


@pytest.fixture(
    scope="module",
    params=[("aggregated", ALIKE), ("aggregated", REPLAYED), ("disaggregated", f"{REPLAYED}\n  prefix_hits: 0.25")],
    ids=["together", "together, traces", "apart, traces"],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A small study of one design, with fewer requests than a plan."""
    mode, demand = request.param
    catalog, path = Catalog.load(), tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_text(STUDY.replace("MODE", mode).replace("DEMAND", demand), encoding="utf-8")
    study = load(path, catalog)[0]
    seen = searched(study, catalog)
    assert seen.found.best is not None
    item = finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)
    check = queue_check(item, seen.scenario, seen.parts, study)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_levels, "LOADS", {0.5: 5_000, 1.0: 20_000})
        patch.setattr(service_levels, "REQUESTS", 5_000)
        entries = service_entries(item, seen.scenario, seen.parts, study, check)
    return Case(item, seen, study, check, entries)


def test_entries_are_plain_small_and_ordered(case: Case) -> None:
    text = json.dumps(case.entries, allow_nan=False)
    assert len(text) < 150_000
    half, whole = case.entries["service_levels"]["loads"]
    assert half["requests_per_second"] == pytest.approx(0.5 * whole["requests_per_second"])
    for row in (half, whole):
        for name in ("ttft", "tpot"):
            assert 0.0 < row[f"{name}_p50"] <= row[f"{name}_p95"] <= row[f"{name}_p99"]
    assert half["tpot_p50"] < whole["tpot_p50"]
    assert half["sequences"] < whole["sequences"]
    assert half["closed_form"] is None
    assert whole["closed_form"]["tpot_p50"] == case.check["queue_check"]["tpot_p50"]["analytic"]


def test_the_peak_is_the_plans(case: Case) -> None:
    served, service, fleet = case.served, case.item.done.service, case.item.done.fleet
    tokens = served.requests_per_second * float(served.output_tokens.mean())
    of_the_share = float(service.tokens_per_second) * float(np.max(fleet.load)) * served.share
    assert tokens == pytest.approx(of_the_share, rel=1e-6)
    ranks = served.limits.ranks * served.limits.present
    assert served.share == pytest.approx(ranks / float(case.replica.layout.data))
    if served.prefill is not None:
        instances = float(fleet.prefill_replicas.max()) / float(fleet.replicas.max()) * served.share
        servers = instances * float(case.replica.prefill_layout.data)
        assert served.prefill.servers == pytest.approx(servers, rel=0.1)


def test_running_sequences_are_those_of_the_closed_form_at_the_peak(case: Case) -> None:
    whole = case.entries["service_levels"]["loads"][-1]
    assert whole["sequences"] == pytest.approx(case.served.sequences, rel=0.3)


def test_tables_in_seven_digits_and_a_share_of_hits_change_little(case: Case) -> None:
    served = case.served
    whole = served_replica(case.replica, served.prefix_hits)
    rounded, exact = (seen_at(one, 0.7, 2_000, seed=1) for one in (served, whole))
    for name in ("ttft", "tpot"):
        for percentile in (50, 95):
            found, known = (np.percentile(getattr(seen, name), percentile) for seen in (rounded, exact))
            assert found == pytest.approx(known, rel=0.001)


def test_a_sample_stands_for_all_requests(case: Case) -> None:
    requests = case.replica.traffic.requests
    inputs, outputs = sample_of(requests, 7)
    assert inputs.mean() == pytest.approx(requests.input_tokens.mean(), rel=0.01)
    assert outputs.mean() == pytest.approx(requests.output_tokens.mean(), rel=0.01)
    assert (1.0 * inputs**2).mean() == pytest.approx((1.0 * requests.input_tokens**2).mean(), rel=0.02)
    assert np.percentile(inputs, 95) == pytest.approx(np.percentile(requests.input_tokens, 95), rel=0.02)


def test_a_stream_has_the_rate_and_every_length_as_often(case: Case) -> None:
    served = case.served
    stream = stream_at(served, 10.0, 3 * len(served.input_tokens), seed=1)
    assert stream.arrival[-1] <= len(stream) / 10.0
    assert (np.diff(stream.arrival) >= 0.0).all()
    assert sorted(stream.input_tokens) == sorted(np.tile(served.input_tokens, 3))
    assert stream.hits.sum() == pytest.approx(served.prefix_hits * stream.input_tokens.sum(), rel=0.01)


def test_longer_waits_change_no_percentile_but_by_chance(case: Case) -> None:
    served = case.served
    if served.prefill is None:
        assert case.entries["service_levels"]["prompts"] is None
        return
    seen = seen_at(served, 0.5, 5_000, seed=1)
    more = with_longer_waits(served, 0.5, 20_000, seen, seed=1)
    assert len(more.ttft) == 18_000
    for percentile in (50, 90):
        assert np.percentile(more.ttft, percentile) == pytest.approx(np.percentile(seen.ttft, percentile), rel=0.1)


def test_the_same_study_has_the_same_entries(case: Case) -> None:
    again = served_replica(case.replica, case.served.prefix_hits).as_dict()
    assert again == case.entries["replica"]


def test_hits_are_those_stated_or_those_that_the_cache_found(case: Case) -> None:
    demand = case.study.demand
    assert isinstance(demand, ServingDemand)
    found = case.check["queue_check"]["prefix_hits"]["simulated"]
    assert case.served.prefix_hits == (found if demand.prefix_hits is None else demand.prefix_hits)


def test_few_decode_ranks_per_router_take_several_routers(case: Case) -> None:
    replica = case.replica
    if case.served.prefill is None:
        assert case.served.limits.ranks == int(replica.layout.data)
        return
    ranks = case.served.limits.ranks * case.served.limits.present
    assert ranks >= 1.0
    assert case.served.prefill.servers % 8 == 0
    assert case.served.sequences == pytest.approx(64.0 * ranks)


def test_contexts_are_as_long_as_the_model_and_the_cache_allow(case: Case) -> None:
    served = case.served
    architecture = case.item.cell.architecture
    assert served.longest == min(architecture.max_context, served.limits.blocks * 16)
    assert replace(served, longest=1.0).as_dict()["longest"] == 1.0


def test_a_training_run_has_neither(tmp_path: Path) -> None:
    catalog = Catalog.load()
    study = load(Path(__file__).resolve().parents[2] / "examples" / "pretrain.yaml", catalog)[0]
    entries = service_entries(None, None, None, study, {})  # type: ignore[arg-type]
    assert entries["replica"]["value"] is None
    assert "training" in entries["replica"]["reason"]
    assert entries["service_levels"] == entries["replica"]
