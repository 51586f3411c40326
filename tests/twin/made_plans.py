"""Small plans of several kinds, settled once, with what a running stack reads of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.queue_check import Replica, Traffic
from stackwright.codesign.result import metric_values
from stackwright.codesign.running_power import running_entry
from stackwright.codesign.searched import searched
from stackwright.codesign.service_levels import served_replica
from stackwright.serving.served import ServedReplica
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import ServingDemand, load
from stackwright.twin.meter import Activity, Meter

TOGETHER = """
study: together
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 50e6 request/day
  shape: chat-week
  ttft: 2 s
  tpot: 50 ms
horizon: {first_year: 2027, years: 2}
model: {architecture: [Llama-3.1-70B], precision: [fp8]}
serving: {software: [vllm-2026], mode: [aggregated], tensor_parallel: [2], expert_parallel: [1], batch: [64]}
rack: {system: [hgx-b200-liquid]}
network: {fabric: [infiniband-ndr]}
cooling: {type: [direct-liquid-dry], supply_temperature: [40 degC]}
datacenter: {site: [ashburn-va], distribution: [ac-415-rack-battery]}
power: {portfolio: [{name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.8}]}]}
constraints: {site_power: 10 MW}
"""
"""Prefills in the rounds of the decodes, under a contract, with a spare cooling unit."""

APART = (
    TOGETHER.replace("study: together", "study: apart")
    .replace("mode: [aggregated]", "mode: [disaggregated]")
    .replace("lengths: {input: 1024 token", "lengths: {input: 4096 token")
    .replace("type: [direct-liquid-dry]", "type: [direct-liquid-tower]")
    .replace("distribution: [ac-415-rack-battery]", "redundancy: [n], distribution: [dc-800]")
    .replace("site: [ashburn-va]", "site: [abilene-tx], year: aligned")
    .replace(
        "{name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.8}]}",
        "{name: own, plants: [{technology: gas-turbine, most: 1 MW}, {technology: solar-pv, most: 1 MW}]}",
    )
)
"""Two pools, water towers, own plants that are dispatched, no spare."""

TWO_SYSTEMS = APART.replace("study: apart", "study: two-systems").replace(
    "mode: [disaggregated]", "mode: [disaggregated], prefill_system: [hgx-h200-liquid]"
)

RENTED = TOGETHER.replace("study: together", "study: rented").replace(
    "constraints:", "finance: {sourcing: [rent]}\nconstraints:"
)


@dataclass(frozen=True)
class Made:
    """A settled design with its entry, its meter and its replica."""

    item: Finalist
    scenario: Scenario
    running: dict[str, Any]
    meter: Meter
    replica: Replica

    @cached_property
    def served(self) -> ServedReplica:
        """Its scheduler."""
        return served_replica(self.replica, 0.0)

    @property
    def year(self) -> int:
        """The year of the entry, counted from the first."""
        return int(self.running["year"]) - self.scenario.first_year

    def metric(self, name: str) -> float:
        """A metric of the plan."""
        return float(np.mean(metric_values(self.item.done, self.scenario, self.item)[name][0]))

    def at(self, load: float) -> Activity:
        """Steady work at a share of the full load, told of one replica."""
        meter, request = self.meter, self.running["request"]
        rate = meter.pools["decode"].requests_per_second * load
        return Activity(
            decode=load,
            prefill=load * meter.prefill_per_decode,
            requests_per_second=rate,
            tokens_per_second=rate * request["output_tokens"],
        )


def made_of(text: str, folder: Path, catalog: Catalog) -> Made:
    """A study's best design of its grid."""
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    study = load(path, catalog)[0]
    seen = searched(study, catalog)
    assert seen.found.best is not None
    assert isinstance(study.demand, ServingDemand)
    item = finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)
    running = running_entry(seen.scenario, item)
    replica = Replica(item, seen.scenario.lengths, Traffic(study.demand, seen.parts, study.seed))
    return Made(item, seen.scenario, running, Meter(running), replica)
