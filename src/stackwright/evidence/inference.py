"""Published inference figures, predicted: what a row says of the runs that it may describe.

Lengths, layouts, loads and chips that a row leaves out are taken from stated priors, and the row's
prediction is marked as imputed.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.evidence.measured import FIRST, informed
from stackwright.evidence.names import (
    Amount,
    Spread,
    Weighted,
    amount,
    first_match,
    open_spreads,
    positive,
    precision,
    stated_spreads,
)
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import Bench, Figure, Outcomes, Reading, Replayed, Run, Wanted
from stackwright.serving.likeness import PACE_SCATTER
from stackwright.stack.neighbors import PACE

Prior = tuple[tuple[float, float], ...]
"""Weights and values of an input that rows leave out. All are assumptions."""

WORKLOAD_INPUTS: tuple[tuple[str, Prior], ...] = (
    (r"OpenOrca|MLPerf.*llama2-70b", ((0.25, 200.0), (0.5, 294.0), (0.25, 420.0))),
    (r"LongBench", ((0.25, 7000.0), (0.5, 9400.0), (0.25, 12000.0))),
    (r"CNN", ((0.25, 650.0), (0.5, 780.0), (0.25, 930.0))),
    (r"AIME", ((0.25, 500.0), (0.5, 800.0), (0.25, 1200.0))),
    (r"arena", ((0.3, 50.0), (0.4, 120.0), (0.3, 300.0))),
    (r"gpqa", ((0.3, 200.0), (0.4, 300.0), (0.3, 450.0))),
    (r"fim", ((0.3, 500.0), (0.4, 1500.0), (0.3, 4000.0))),
)
"""Input tokens by patterns in workload and model. The means of MLPerf's data sets are those that
participants quote (OpenOrca 294, long context 9,400, CNN-DailyMail 780, reasoning 800); the others are
guesses from the kind of task."""
WORKLOAD_OUTPUTS: tuple[tuple[str, Prior], ...] = ((r"MLPerf.*llama2-70b", ((1.0, 290.0),)),)
"""Output tokens where a row leaves them out: the mean that the same benchmark's other rows count."""
UNSTATED_INPUT: Prior = ((0.3, 512.0), (0.4, 1500.0), (0.3, 4000.0))
UNSTATED_OUTPUT: Prior = ((0.3, 128.0), (0.4, 512.0), (0.3, 2048.0))
UNSTATED_SEQUENCES: Prior = ((0.3, 16.0), (0.4, 64.0), (0.3, 256.0))
UNSTATED_NODES = ("A100-SXM-80GB", "H100", "H20", "H200", "B200", "MI300X", "MI325X")
"""Nodes of eight accelerators that an unnamed one may be, all as likely; the model's size rules some out."""

STATIC = ("static", "phase characterisation", "batch", "real time")
"""Scenarios in which all sequences of a batch start together."""


STACKS: tuple[tuple[str, str], ...] = (
    (r"DeepSpeed|FasterTransformer", "engines-2023"),
    (r"ROCm|Mango|aiter", "rocm-vllm"),
    (r"Neuron|NxD", "neuron-nxd"),
    (r"JetStream", "jetstream"),
    (r"TPU", "tpu-vllm"),
    (r"TensorRT", "tensorrt-llm-2026"),
    (r"SGLang|in-house", "sglang-2026"),
    (r"ML\.ENERGY", "vllm-2025"),
    (r"vLLM", "vllm-2026"),
)
"""Patterns in the name of a framework to the stack records that stand for it."""
UNSTATED_STACKS = ((0.4, "tensorrt-llm-2026"), (0.3, "sglang-2026"), (0.3, "vllm-2026"))
"""Stacks of a figure whose source names none: an assumption."""


def predict_inference(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Rows of published inference figures, each in its own unit. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    bench = Bench(catalog)
    readings = [read_row(row, bench) for row in rows]
    wanted = [wanted_figure(row) for row in rows]
    return informed(Replayed(readings, bench), wanted)


def wanted_figure(row: Mapping[str, str]) -> Wanted | None:
    """What a row's metric is in terms of outcomes; None where it is no metric of this table. Source: definition."""
    metric = row["metric"]
    name, _, which = metric.partition("_")
    if name in LATENCIES and which in QUANTILES:
        tail = TAIL_SCATTER if which == "p99" else 0.0
        found = Wanted(LATENCIES[name][QUANTILES[which]], 1e3, math.hypot(LATENCY_SCATTER[name], tail))
        return replace(found, name=metric, follows=FIRST if name == "ttft" else PACE)
    if metric in FIGURES:
        follows = FIRST if metric == "prefill_time" else PACE
        return replace(FIGURES[metric], name=metric, follows=follows, is_rate=metric.endswith("_per_s"))
    if metric.endswith("_tokens_per_s_per_node") or metric.endswith("tokens_per_s_per_accel"):
        node = (positive(row["n_accel"]) or 8.0) / (positive(row["n_nodes"]) or 1.0)
        prefill = metric.startswith("prefill")
        found = Wanted(_prefill_per_chip if prefill else _tokens_per_chip, node if metric.endswith("node") else 1.0)
        return replace(found, name=metric, follows=FIRST if prefill else PACE, is_rate=True)
    return None


def _prefill_per_chip(outcomes: Outcomes) -> np.ndarray:
    return outcomes.prefill_rate


def _tokens_per_chip(outcomes: Outcomes) -> np.ndarray:
    return outcomes.tokens_per_second / outcomes.chips


QUANTILES = {"mean": 0, "p50": 1, "p99": 2}
LATENCIES: Mapping[str, tuple[Figure, Figure, Figure]] = {
    "ttft": (attrgetter("ttft"), attrgetter("ttft_p50"), attrgetter("ttft_p99")),
    "tpot": (attrgetter("tpot"), attrgetter("tpot"), attrgetter("tpot_p99")),
    "itl": (attrgetter("tpot"), attrgetter("itl_p50"), attrgetter("itl_p99")),
}
"""Latencies to their mean, median and 99th percentile."""
LATENCY_SCATTER = {"ttft": 0.6, "tpot": PACE_SCATTER, "itl": 0.3}
"""Scatter of a latency beyond that of step times, standard deviation of the logarithm: an assumption,
widest where the instant of arrival decides."""
TAIL_SCATTER = 0.4
"""What a 99th percentile scatters beyond the mean of the same latency: an assumption."""
FIGURES: Mapping[str, Wanted] = {
    "tokens_per_s": Wanted(attrgetter("tokens_per_second")),
    "samples_per_s": Wanted(attrgetter("requests_per_second")),
    "prefill_time": Wanted(attrgetter("prefill"), 1e3),
    "decode_step_time": Wanted(attrgetter("step"), 1e3),
    "e2e_latency": Wanted(attrgetter("latency"), 1e3),
}


def read_row(row: Mapping[str, str], bench: Bench) -> Reading:
    """The runs that a row of published inference figures may describe. Source: definition."""
    if wanted_figure(row) is None:
        return Reading(reason=f"no figure of a run is called {row['metric']!r}")
    try:
        model = bench.parts.get("model", row["model"]).id
        chips = _chips(row["hardware"], bench)
    except InputError as error:
        return Reading(reason=f"the catalog has no {error.faults[0].got}")
    experts = bench.parts.architecture(model).has_experts
    stacks = _stacks(row["framework"])
    spreads = _spreads(row, experts)
    task = f"{row['workload']} {row['model']}"
    prompts = _tokens(row["isl"], task, WORKLOAD_INPUTS, UNSTATED_INPUT)
    outputs = _tokens(row["osl"], task, WORKLOAD_OUTPUTS, UNSTATED_OUTPUT)
    loads = _loads(row)
    options = (chips, stacks, spreads, prompts, outputs, loads)
    runs = []
    for (_, chip), (_, stack), (_, spread), (_, prompt), (_, output), (_, load) in states(options):
        formats = precision(
            weights=row["dtype"], model=model, cache=row["kv_dtype"], low_precision_cache="tensorrt" in stack
        )
        if formats is None:
            return Reading(reason=f"number format {row['dtype']!r} is not known")
        runs.append(load(Run(chip, model, stack, formats, spread, prompt, output, math.inf)))
    weights = [math.prod(weight for weight, _ in chosen) for chosen in states(options)]
    imputed = any(len(option) > 1 for option in options)
    return Reading(tuple(zip(weights, runs, strict=True)), imputed, release=row["framework"])


def states(options: Sequence[Sequence[tuple[float, Any]]]) -> Iterable[tuple[tuple[float, Any], ...]]:
    """Every combination of weighted options. Source: definition."""
    return itertools.product(*options)


def _chips(hardware: str, bench: Bench) -> list[tuple[float, str]]:
    """Chip records of a cell; a mixed system may behave as either, an unnamed node as any of its years."""
    if hardware.startswith("unspecified"):
        names: Sequence[str] = UNSTATED_NODES
    else:
        names = hardware.removesuffix("-mixed").split("+")
    return [(1.0 / len(names), bench.chip(name)) for name in names]


def _stacks(framework: str) -> Sequence[tuple[float, str]]:
    found = first_match(framework, STACKS)
    return UNSTATED_STACKS if found is None else ((1.0, found),)


def _spreads(row: Mapping[str, str], experts: bool) -> Weighted:
    stated = stated_spreads(
        hardware=row["hardware"],
        chips=row["n_accel"],
        tensor=row["tp"],
        pipeline=row["pp"],
        data=row["dp"],
        expert=row["ep"],
        experts=experts,
    )
    chips = positive(row["n_accel"])
    if not stated and chips is not None and _is_static(row):
        return ((1.0, Spread(chips)),)
    return stated or open_spreads(chips=chips, experts=experts)


def _is_static(row: Mapping[str, str]) -> bool:
    return any(word in row["scenario"] for word in STATIC)


def _tokens(text: str, task: str, known: tuple[tuple[str, Prior], ...], otherwise: Prior) -> Prior:
    """A length as stated, else by the names of workload and model, else by the prior of any."""
    stated = positive(text)
    if stated is not None:
        return ((1.0, stated),)
    return first_match(task, known) or otherwise


def _loads(row: Mapping[str, str]) -> list[tuple[float, Callable[[Run], Run]]]:
    """How a row loads the system: ways to complete a run, with weights."""
    batch, scenario = amount(row["batch"]), row["scenario"]
    concurrency, requests = positive(row["concurrency"]), positive(row["num_requests"]) or math.inf
    apart = bool(row["disagg"])
    if _is_static(row):
        size = batch.value if batch else 1.0
        return [(1.0, partial(replace, sequences=size, static=True))]
    if batch and batch.per_chip:
        return [(1.0, partial(_per_chip, batch=batch, apart=apart))]
    if row["workload"].startswith("MLPerf"):
        limit = batch.value if batch else math.inf
        ttft, tpot = _targets(row["slo"])
        return [(1.0, partial(replace, limit=limit, ttft=ttft, tpot=tpot))]
    if concurrency is None and scenario == "serving":
        return [(weight, partial(replace, sequences=size)) for weight, size in UNSTATED_SEQUENCES]
    size = batch.value if batch and "mean" in row["batch"] else concurrency or math.inf
    return [(1.0, partial(_closed, sequences=min(size, requests), requests=requests, apart=apart))]


def _per_chip(run: Run, *, batch: Amount, apart: bool) -> Run:
    size = math.inf if batch.tokens else batch.value * run.spread.chips
    return replace(run, sequences=size, prefill=run.spread if apart else None)


def _closed(run: Run, *, sequences: float, requests: float, apart: bool) -> Run:
    return replace(run, sequences=sequences, requests=requests, prefill=run.spread if apart else None)


def _targets(slo: str) -> tuple[float, float]:
    """TTFT and TPOT targets in seconds of a text such as ``TTFT p99<=450ms; TPOT p99<=40ms``."""
    found = {name: float(value) / 1e3 for name, value in re.findall(r"(TTFT|TPOT) p99<=(\d+)ms", slo)}
    return found.get("TTFT", math.inf), found.get("TPOT", math.inf)
