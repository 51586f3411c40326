"""End-to-end serving measurements, predicted: TTFT and TPOT of a closed loop of requests.

The tables leave out whether a model drafts tokens ahead, how many workers a disaggregated system
has, and at times whether attention runs data-parallel: each is a mixture over a stated prior.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.core.errors import InputError
from stackwright.evidence.inference import LATENCIES, LATENCY_SCATTER, states
from stackwright.evidence.measured import FIRST, informed
from stackwright.evidence.names import Spread, Weighted, open_spreads, positive, precision, served_spreads
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import SIZED_TO_LOAD, Bench, Reading, Replayed, Run, Wanted
from stackwright.model.architecture import Architecture
from stackwright.model.precision import Precision
from stackwright.stack.neighbors import PACE

STACKS: Mapping[str, str] = {
    "trtllm": "tensorrt-llm-2026",
    "sglang": "sglang-2026",
    "vllm": "vllm-2026",
}
"""Backends to the stack records that stand for them."""

DRAFTED = (2.0, 0.8)
"""Tokens drafted ahead and the chance that each is accepted, where a run drafts at all."""
DRAFTING = {"agg": 0.35, "disagg": 0.45}
"""Prior that a model with draft layers runs them, by serving mode: an assumption. Of repeated runs of one
configuration more than half differ by over a quarter, and published recipes of disaggregated systems
draft more often. Set on the half of this table on which stacks are fitted."""

WAVES = {"trtllm": 5.0, "sglang": 2.5, "vllm": 10.0}
"""Requests over concurrency of a benchmark, by backend. Clients send about ten times as many, and the bunch in
which the first arrive outlives its wave: the more, the less an engine mixes prefill with decode. An
assumption, set on the half of this table on which stacks are fitted."""

DECODE_WORKERS = ((0.2, 1.0), (0.2, 2.0), (0.3, 4.0), (0.3, 8.0))
"""Weights of decode workers of a disaggregated system that does not count them: an assumption, set on the
half of this table on which stacks are fitted."""
MOST_PER_CHIP = 256.0
"""Sequences in flight per decode chip above which such a system is taken to have more workers: systems
that count their workers rarely run more. An assumption."""


def predict_serving(columns: Mapping[str, list[str]], catalog: Catalog) -> dict[str, Predictions]:
    """Milliseconds of TTFT and TPOT of every row. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    bench = Bench(catalog)
    readings = [read_serving_row(row, bench) for row in rows]
    replayed = Replayed(readings, bench)
    made = {}
    for name in ("ttft", "tpot"):
        made[f"{name}_ms"] = informed(replayed, [wanted_latency(name)] * len(rows))
    return made


def wanted_latency(name: str) -> Wanted:
    """The mean TTFT or TPOT of a row. Source: definition."""
    follows = FIRST if name == "ttft" else PACE
    return Wanted(LATENCIES[name][0], 1e3, LATENCY_SCATTER[name], name=f"{name}_mean", follows=follows)


def read_serving_row(row: Mapping[str, str], bench: Bench) -> Reading:
    """The runs that a serving row may describe. Source: definition."""
    stack = STACKS.get(row["backend"])
    prompt, output = positive(row["isl"]), positive(row["osl"])
    if stack is None:
        return Reading(reason=f"no stack record stands for {row['backend']!r}")
    if prompt is None or output is None:
        return Reading(reason="no input or output length")
    try:
        model = bench.parts.get("model", row["model"]).id
        chip = bench.chip(row["gpu"])
    except InputError as error:
        return Reading(reason=f"the catalog has no {error.faults[0].got}")
    formats = precision(
        weights=row["moe_quant"] or row["gemm_quant"],
        model=row["model"],
        cache="",
        low_precision_cache=stack.startswith("tensorrt"),
    )
    if formats is None:
        return Reading(reason=f"number format {row['moe_quant']!r} is not known")
    architecture = bench.parts.architecture(model)
    pools = _pools(row, architecture.has_experts)
    if all(_is_too_small(decode, architecture, formats, bench.accelerator(chip)) for _, (decode, _) in pools):
        pools = _open_pools(row, architecture.has_experts)
    drafting = DRAFTING[row["mode"]] if architecture.draft else 0.0
    drafts = [(1.0 - drafting, (0.0, 0.0))] + ([(drafting, DRAFTED)] if drafting else [])
    found = []
    for (pool_weight, (decode, prefill)), (draft_weight, (depth, accepted)) in states((pools, drafts)):
        sequences = _sequences(row, decode)
        run = Run(
            chip=chip,
            model=model,
            software=stack,
            precision=formats,
            spread=decode,
            input=prompt,
            output=output,
            sequences=sequences,
            requests=WAVES[row["backend"]] * sequences,
            prefill=prefill,
            draft_tokens=depth,
            draft_acceptance=accepted,
        )
        found.append((pool_weight * draft_weight, run))
    return Reading(tuple(found), len(found) > 1 or _uncounted(row), release=row["backend_version"])


def _uncounted(row: Mapping[str, str]) -> bool:
    """Whether a disaggregated system leaves its number of workers open."""
    return row["mode"] == "disagg" and not (row["prefill_num_workers"] and row["decode_num_workers"])


def _sequences(row: Mapping[str, str], decode: Spread) -> float:
    """Sequences in flight; without a concurrency the batch of each attention rank says it."""
    stated = positive(row["concurrency"])
    if stated is not None:
        return stated
    batch = positive(row["batch_size"]) or positive(row["decode_batch_size"])
    return math.inf if batch is None else batch * decode.ranks * decode.replicas


def _pools(row: Mapping[str, str], experts: bool) -> list[tuple[float, tuple[Spread, Spread | None]]]:
    """Decode layouts, with the prefill layouts of disaggregated systems."""
    if row["mode"] != "disagg":
        return [(weight, (spread, None)) for weight, spread in _worker(row, "", experts)]
    counted = positive(row["decode_num_workers"])
    workers = DECODE_WORKERS if counted is None else ((1.0, counted),)
    servers = positive(row["prefill_num_workers"]) or SIZED_TO_LOAD
    load = positive(row["concurrency"]) or 1.0
    options = (workers, _worker(row, "prefill_", experts), _worker(row, "decode_", experts))
    found: list[tuple[float, tuple[Spread, Spread | None]]] = []
    for (count, many), (first, prefill), (then, decode) in states(options):
        fewest = 1.0 if counted else math.ceil(load / (MOST_PER_CHIP * decode.chips))
        found.append((count * first * then, (_times(decode, max(many, fewest)), _times(prefill, servers))))
    return found


def _is_too_small(spread: Spread, model: Architecture, formats: Precision, chip: Accelerator) -> bool:
    """Whether the weights alone exceed the memory of all chips of a replica: its columns are no layout."""
    weights = sum(count * formats.weight_bytes(role) for role, count in model.parameters_by_role.items())
    capacity = chip.memory_capacity
    return capacity is not None and bool(weights * spread.replicas > spread.chips * capacity)


def _open_pools(row: Mapping[str, str], experts: bool) -> list[tuple[float, tuple[Spread, Spread | None]]]:
    """Pools of a row whose columns are no layout: any that the model fits on, prefill pools sized to the load."""
    apart = row["mode"] == "disagg"
    found = open_spreads(chips=None, experts=experts)
    return [(weight, (spread, _times(spread, SIZED_TO_LOAD) if apart else None)) for weight, spread in found]


def _worker(row: Mapping[str, str], phase: str, experts: bool) -> Weighted:
    return served_spreads(
        tensor=row[f"{phase}tp_size"],
        attention_data=row[f"{phase}attention_dp_size"],
        expert_tensor=row[f"{phase}moe_tp_size"],
        expert=row[f"{phase}moe_ep_size"],
        experts=experts,
    )


def _times(spread: Spread, workers: float) -> Spread:
    return Spread(spread.tensor, spread.expert, spread.pipeline, spread.replicas * workers)
