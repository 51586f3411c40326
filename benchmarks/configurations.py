"""Configurations per CPU second: one model on one chip, all parallelisms and all batches, prepared anew each time.

A configuration is a tensor, expert and pipeline degree with a batch, and for disaggregated serving also those of the
prefill replica with its load. Each has TTFT and TPOT (median and 95th percentile), throughput, memory margin, and the
operations and bytes per second of its chips, from which power follows. Every degree and batch is an axis of its own.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.performance_grid import PREFILL_UTILIZATION, hardware_of
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.service import Lengths, Service, with_prefill
from stackwright.stack.parts import Parts
from stackwright.stack.performance import Cell, aggregated_service, decode_service, prefill_service

MODEL, SYSTEM, ENGINE, FABRIC = "DeepSeek-R1", "gb200-nvl72", "tensorrt-llm-2026", "infiniband-xdr"
TENSOR, EXPERT, PIPELINE = 2.0 ** np.arange(7), 2.0 ** np.arange(9), 2.0 ** np.arange(4)
BATCHES = np.arange(1.0, 513.0)
POOL_TENSOR, POOL_EXPERT, POOL_PIPELINE = 2.0 ** np.arange(4), 2.0 ** np.arange(7), 2.0 ** np.arange(2)
POOL_BATCHES = 2.0 ** np.arange(10)
"""Disaggregated: every decode replica beside every prefill replica, so fewer of each."""
PROMPT, OUTPUT = 1024.0, 1024.0
RUNS = 5
AXES = 8
"""Decode tensor, expert, pipeline, batch; prefill tensor, expert, pipeline, load."""


def prepared(catalog: Catalog) -> tuple[Cell, Lengths]:
    """Everything that a search has before its first point."""
    parts = Parts(catalog)
    hardware = hardware_of(parts, parts.get("rack", SYSTEM), ENGINE, FABRIC)
    cell = Cell(parts.architecture(MODEL, None), Precision("fp4", "fp8"), hardware)
    lengths = Lengths(
        nodes=np.full(3, PROMPT),
        weights=np.array([1.0, 0.0, 0.0]),
        input_mean=PROMPT,
        output_mean=OUTPUT,
        context_mean=PROMPT + 0.5 * OUTPUT,
        arrival_scv=1.0,
        prefix_hits=0.0,
    )
    return cell, lengths.over(AXES)


def along(values: np.ndarray, axis: int) -> np.ndarray:
    """Values on one of the axes."""
    return values.reshape([-1 if at == axis else 1 for at in range(AXES)])


def layout_along(tensor: np.ndarray, expert: np.ndarray, pipeline: np.ndarray, first: int) -> Layout:
    """Degrees on three axes in a row."""
    return Layout(tensor=along(tensor, first), expert=along(expert, first + 1), pipeline=along(pipeline, first + 2))


def aggregated(catalog: Catalog) -> Service:
    """Every layout at every batch, prefill and decode on the same chips."""
    cell, lengths = prepared(catalog)
    layout = layout_along(TENSOR, EXPERT, PIPELINE, 0)
    return aggregated_service(cell, layout, along(BATCHES, 3), power_cap=1.0, oversubscription=1.0, lengths=lengths)


def disaggregated(catalog: Catalog) -> Service:
    """Every decode replica with every prefill replica at every load of its pool, rates matched."""
    cell, lengths = prepared(catalog)
    layouts = [layout_along(POOL_TENSOR, POOL_EXPERT, POOL_PIPELINE, first) for first in (0, 4)]
    decode = decode_service(cell, layouts[0], along(POOL_BATCHES, 3), 1.0, 1.0, lengths)
    load = along(np.array(PREFILL_UTILIZATION), 7)
    return with_prefill(decode, prefill_service(cell, layouts[1], load, 1.0, 1.0, lengths))


def count(service: Service) -> int:
    """Configurations that a service holds: the size over which all its figures are told apart."""
    figures = [service.ttft_p95, service.tpot_p95, service.tokens_per_second, service.memory, service.decode.flop_rate]
    return int(np.broadcast(*figures).size)


def measure_configurations() -> dict[str, Any]:
    """Rates by mode: median of a few runs, each of which prepares everything but the catalog anew."""
    catalog = Catalog.load()
    made: dict[str, Any] = {"what": f"{MODEL} on {SYSTEM}, {ENGINE}, {int(PROMPT)} in, {int(OUTPUT)} out"}
    for name, work in (("aggregated", aggregated), ("disaggregated", disaggregated)):
        seconds = []
        for _ in range(RUNS):
            before = time.process_time()
            service = work(catalog)
            seconds.append(time.process_time() - before)
        found = count(service)
        made[name] = {
            "configurations": found,
            "per_cpu_second": found / median(seconds),
            "cpu_seconds": median(seconds),
        }
    return made


def configurations_table(made: dict[str, Any]) -> str:
    """One line per mode."""
    lines = [f"{'configurations of one model on one chip':<46}{'count':>12}{'CPU seconds':>14}{'per CPU-second':>18}"]
    for name in ("aggregated", "disaggregated"):
        row = made[name]
        lines.append(
            f"{name:<46}{row['configurations']:>12,}{row['cpu_seconds']:>14.3f}{row['per_cpu_second']:>18,.0f}"
        )
    return "\n".join([*lines, f"  {made['what']}"])
