"""Requests that the scheduler's simulation plays per CPU second, and what it saw: a measurement, nothing is asserted.

Each row adds features. The traffic is that of the flagship study, without its stated share of prefix hits; the
replica has 16 chips of a rack-scale system with experts spread over all of them, loaded to `LOAD` of its closed form.
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
from stackwright.stack.performance import Cell, aggregated_service
from stackwright.stack.scenario import lengths_of
from stackwright.stack.study import ServingDemand, load

FLAGSHIP = Path(__file__).resolve().parents[1] / "examples" / "chat.yaml"
MODEL, SYSTEM, ENGINE, FABRIC = "DeepSeek-R1", "gb200-nvl72", "vllm-2026", "infiniband-xdr"
LAYOUT = Layout(tensor=1.0, expert=16.0, pipeline=1.0)
BATCH = 64.0
LOAD = 0.6
REQUESTS = 50_000


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
    cell = Cell(parts.architecture(MODEL, None), Precision("fp4", "fp8"), hardware)
    rate = LOAD * float(aggregated_service(cell, LAYOUT, BATCH, 1.0, 1.0, lengths).requests_per_second)
    timing = timing_of(cell.machine(1.0, 1.0), LAYOUT, lengths, most_sequences=1024.0, longest=200_000.0)
    whole = Traffic(demand, parts, 1).paced(REQUESTS / rate)
    plain = replace(whole, prefixes=())
    ranks = int(LAYOUT.data)
    ample = Limits(ranks=ranks, sequences=1024 * ranks, blocks=1_000_000)
    tight = replace(ample, blocks=150_000)
    cases: dict[str, Callable[[], Run | PoolRun]] = {
        "decode pool": lambda: simulate(plain, timing, ample, prefilled=True),
        "aggregated: blocks, chunked prefill": lambda: simulate(plain, timing, ample),
        "and prefix cache": lambda: simulate(whole, timing, replace(ample, prefix_blocks=30_000)),
        "and preemption": lambda: simulate(whole, timing, replace(tight, prefix_blocks=30_000)),
        "prefill pool of 8": lambda: simulate_prefills(plain, timing, servers=8),
    }
    print(f"{rate:.0f} requests/s")
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
