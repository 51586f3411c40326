"""Requests that the scheduler's simulation plays per CPU second, and what it saw: a measurement, nothing is asserted.

Each row adds features. The traffic is that of the flagship study; the replica is four H200 with an open model in FP8.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign import queue_check
from stackwright.codesign.performance_grid import hardware_of
from stackwright.codesign.queue_check import Traffic
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.scheduler_tables import timing_of
from stackwright.serving.simulator import Limits, PoolRun, Run, simulate, simulate_prefills
from stackwright.stack.parts import Parts
from stackwright.stack.performance import Cell
from stackwright.stack.scenario import lengths_of
from stackwright.stack.study import ServingDemand, load

FLAGSHIP = Path(__file__).resolve().parents[1] / "examples" / "chat.yaml"
MODEL, SYSTEM, ENGINE, FABRIC = "Llama-3.3-70B", "hgx-h200-air", "vllm-2026", "infiniband-ndr"
REQUESTS = 50_000
RATE = 2.5
"""Requests per second of an aggregated replica: half of what it can carry without prefix hits."""


def fastest(work: Callable[[], Run | PoolRun], runs: int = 3) -> tuple[float, Run | PoolRun]:
    """Least CPU seconds of a few calls, and the result."""
    seconds = []
    for _ in range(runs):
        before = time.process_time()
        result = work()
        seconds.append(time.process_time() - before)
    return min(seconds), result


def main() -> None:
    """Print one row per case."""
    queue_check.REQUESTS = REQUESTS
    catalog = Catalog.load()
    demand = load(FLAGSHIP, catalog)[0].demand
    assert isinstance(demand, ServingDemand)
    demand = demand.model_copy(update={"prefix_hits": None})
    parts = Parts(catalog)
    lengths = lengths_of(demand, parts)
    hardware = hardware_of(parts, parts.get("rack", SYSTEM), ENGINE, FABRIC)
    machine = Cell(parts.architecture(MODEL, None), Precision("fp8", "fp8"), hardware).machine(1.0, 1.0)
    timing = timing_of(
        machine, Layout(tensor=4.0, expert=1.0, pipeline=1.0), lengths, most_sequences=1024.0, longest=200_000.0
    )
    whole = Traffic(demand, parts, 1).paced(REQUESTS / RATE)
    plain = replace(whole, prefixes=())
    ample = Limits(ranks=1, sequences=1024, blocks=200_000)
    tight = replace(ample, blocks=16_000)
    cases: dict[str, Callable[[], Run | PoolRun]] = {
        "decode pool": lambda: simulate(plain, timing, ample, prefilled=True),
        "aggregated: blocks, chunked prefill": lambda: simulate(plain, timing, ample),
        "and prefix cache": lambda: simulate(whole, timing, replace(ample, prefix_blocks=6_000)),
        "and preemption": lambda: simulate(whole, timing, replace(tight, prefix_blocks=500)),
        "prefill pool of 8": lambda: simulate_prefills(plain, timing, servers=8),
    }
    print(f"{'case':38}{'requests/CPU-s':>16}{'rounds/CPU-s':>14}{'sequences':>11}{'preempted':>11}{'hits':>7}")
    for name, work in cases.items():
        seconds, result = fastest(work)
        row = f"{name:38}{REQUESTS / seconds:16,.0f}"
        if isinstance(result, Run):
            row += f"{result.rounds / seconds:14,.0f}{result.occupancy:11.0f}{result.preemptions:11,}"
            row += f"{np.round(result.hits, 2):7}"
        print(row)


if __name__ == "__main__":
    main()
