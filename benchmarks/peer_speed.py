"""Speed beside other tools: the same points, each tool in an environment of its own, one after the other.

Every point is one aggregated replica under a steady batch. CPU seconds are those of the tool's process, on one thread.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

from peers.run import OURS, PEERS, Measured, Point, ask

from stackwright.catalog import Catalog
from stackwright.evidence.replay import Bench
from stackwright.model.operators import Attention
from stackwright.model.work import Gemm

DENSE, EXPERTS = "meta-llama/Llama-3.1-70B", "deepseek-ai/DeepSeek-R1"
CHIPS = ("h100", "h200", "b200")
BATCHES = range(1, 129)
LENGTHS = ((1024, 1024), (4096, 512))
GIVEN = ("memory_capacity", "memory_bandwidth", "peak_bf16", "peak_fp8", "scale_up_bandwidth")


def points() -> list[Point]:
    """A dense model on three chips at four degrees, a mixture of experts on two, at every batch up to 128."""
    layouts = [(DENSE, chip, tensor) for chip in CHIPS for tensor in (1, 2, 4, 8)]
    layouts += [(EXPERTS, chip, 8) for chip in CHIPS[1:]]
    return [
        Point(
            model=model,
            chip=chip,
            backend="trtllm",
            precision="fp8",
            tensor=tensor,
            batch=batch,
            input=prompt,
            output=output,
            expert_tensor=tensor,
        )
        for (model, chip, tensor), (prompt, output), batch in itertools.product(layouts, LENGTHS, BATCHES)
    ]


def facts(bench: Bench) -> dict[str, Any]:
    """What closed forms have to be told of the points' models and chips, from the catalog."""
    chips = {name: bench.accelerator(bench.chip(name)) for name in CHIPS}
    return {
        "models": {name: _shape(bench, name) for name in (DENSE, EXPERTS)},
        "chips": {name: {field: float(getattr(chip, field)) for field in GIVEN} for name, chip in chips.items()},
    }


def _shape(bench: Bench, name: str) -> dict[str, Any]:
    model = bench.parts.architecture(bench.parts.get("model", name).id)
    attention = next((operator for operator in model.operators if isinstance(operator, Attention)), None)
    down = next(op for op in model.operators if isinstance(op, Gemm) and op.name == "dense_down")
    shape = {
        "layers": model.layers,
        "hidden": model.hidden,
        "vocabulary": model.vocabulary,
        "latent": attention is None,
    }
    if attention:
        shape |= {name: getattr(attention, name) for name in ("heads", "kv_heads", "head_dim")}
    return shape | {"feed_forward": down.inputs}


def measure_speed() -> dict[str, Any]:
    """Every tool's rate on the points, and what it says of them beside ours."""
    asked = points()
    told = facts(Bench(Catalog.load()))
    own = ask(OURS, asked, told)
    made = {"points": len(asked), "tools": {OURS.name: _row(OURS, own, own)}}
    for peer in PEERS:
        answer = ask(peer, asked[:: peer.every], told)
        same = own if "not_measured" in own else own | {"figures": own["figures"][:: peer.every]}
        made["tools"][peer.name] = _row(peer, answer, same)
    return made


def _row(tool: Measured, answer: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"computes": tool.computes, "queues": tool.queues}
    if "not_measured" in answer:
        return row | {"not_measured": answer["not_measured"]}
    figures = answer["figures"]
    count = len(figures)
    both = [(a, b) for a, b in zip(figures, own.get("figures", []), strict=False) if not (a["refused"] or b["refused"])]
    return row | {
        "version": answer["version"],
        "points": count,
        "refused": dict(Counter(one["refused"] for one in figures if one["refused"]).most_common()),
        "configurations_per_cpu_second": count / answer["again_cpu_seconds"],
        "milliseconds_each": 1e3 * answer["again_cpu_seconds"] / count,
        "first_pass_milliseconds_each": 1e3 * answer["first_cpu_seconds"] / count,
        "milliseconds_alone": 1e3 * answer["alone_cpu_seconds"],
        "import_cpu_seconds": answer["import_cpu_seconds"],
        "tpot_over_ours": median(a["tpot"] / b["tpot"] for a, b in both) if both else None,
        "ttft_over_ours": median(a["ttft"] / b["ttft"] for a, b in both) if both else None,
    }


def speed_table(made: Mapping[str, Any]) -> str:
    """One line per tool, then what each computes and what it refused."""
    names = (
        "tool",
        "version",
        "points",
        "per CPU-second",
        "ms each",
        "ms, first pass",
        "ms, alone",
        "import s",
        "TPOT/ours",
    )
    lines = [("{:<16}{:<10}{:>8}" + "{:>16}" * 6).format(*names)]
    notes = []
    for name, row in made["tools"].items():
        if "not_measured" in row:
            lines.append(f"{name:<16}not measured: {row['not_measured']}")
            continue
        ratio = "-" if row["tpot_over_ours"] is None else f"{row['tpot_over_ours']:.2f}"
        rate, each, first = (
            row[key] for key in ("configurations_per_cpu_second", "milliseconds_each", "first_pass_milliseconds_each")
        )
        lines.append(
            f"{name:<16}{row['version']:<10}{row['points']:>8,}{rate:>16,.0f}{each:>16.4f}{first:>16.4f}"
            f"{row['milliseconds_alone']:>16.2f}{row['import_cpu_seconds']:>16.2f}{ratio:>16}"
        )
        notes.append(f"  {name}: {row['computes']}; queueing: {row['queues']}")
        notes += [f"    refused {count}: {reason}" for reason, count in row["refused"].items()]
    return "\n".join([*lines, *notes])
