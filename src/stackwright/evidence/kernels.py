"""Predicted kernel times for tables of measurements, from catalog records alone.

A table's row names a chip, words that say which kernel ran, and sizes. `seconds` is the one way from
sizes to time, for judging as for fitting: an isolated call, so launch and quantization are added to
what `Kernels` times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.experts import route
from stackwright.chip.family import FORMATS, KernelFamily, Kernels, Residual
from stackwright.chip.power import PowerFamily
from stackwright.core.errors import InputError, StackwrightError
from stackwright.core.units import Seconds
from stackwright.evidence.predictions import Predictions
from stackwright.network.links import ScaleUp

Columns = Mapping[str, Any]
Numbers = Mapping[str, np.ndarray]
Mode = tuple[str, ...]


@dataclass(frozen=True)
class Chip:
    """The specs that a row's chip name stands for."""

    accelerator: Accelerator
    family: KernelFamily
    power: PowerFamily | None = None
    scale_up: ScaleUp | None = None


PRODUCT_FORMATS = {
    "bfloat16": "bf16",
    "bf16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "nvfp4": "fp4",
    "sq": "int8",
    "int8_wo": "int8_weight",
    "int4_wo": "int4_weight",
}
"""Words of tables to formats of the kernel families."""

EXPERT_FORMATS = {
    "bfloat16": "bf16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "nvfp4": "fp4",
    "w4a16_mxfp4": "fp4_weight",
    "w4a8_mxfp4_mxfp8": "fp4_weight",
}

LATENT, LATENT_ROPE, LATENT_NOPE, LATENT_VALUE = 512.0, 64.0, 128.0, 128.0
"""Sizes of the latent attention that public tables time: those of DeepSeek-V3."""


def gemm_seconds(kernels: Kernels, mode: Mode, size: Numbers) -> Seconds:
    """Mode: dtype. Quantization of the activations is inside the published call."""
    precision = PRODUCT_FORMATS[mode[0]]
    product = kernels.gemm(size["m"], size["k"], size["n"], precision)
    return kernels.launch(precision) + kernels.quantize(size["m"], size["k"], precision) + product


def prefill_seconds(kernels: Kernels, mode: Mode, size: Numbers) -> Seconds:
    """Mode: dtype and cache dtype; 8-bit in either means the kernel of the 8-bit cache."""
    narrow = "fp8" in mode
    time = kernels.prefill_attention(
        size["isl"],
        size.get("kv_len", size["isl"]),
        size["batch"],
        size["heads"],
        size["kv_heads"],
        size["head_dim"],
        size["window"],
        "fp8" if narrow else "bf16",
    )
    return kernels.launch("prefill_fp8" if narrow else "prefill") + time


def decode_seconds(kernels: Kernels, mode: Mode, size: Numbers) -> Seconds:
    """Mode: dtype and cache dtype."""
    narrow = "fp8" in mode
    time = kernels.decode_attention(
        size["batch"],
        size["kv_len"],
        size["heads"],
        size["kv_heads"],
        size["head_dim"],
        size["window"],
        1.0 if narrow else 2.0,
    )
    return kernels.launch("decode_fp8" if narrow else "decode") + time


def latent_seconds(kernels: Kernels, mode: Mode, size: Numbers) -> Seconds:
    """Mode: phase, dtype and cache dtype."""
    narrow = "fp8" in mode
    if mode[0] == "context":
        time = kernels.latent_prefill(
            size["isl"],
            size["kv_len"],
            size["batch"],
            size["heads"],
            LATENT_NOPE,
            LATENT_ROPE,
            LATENT_VALUE,
            "fp8" if narrow else "bf16",
        )
        return kernels.launch("latent_prefill_fp8" if narrow else "latent_prefill") + time
    time = kernels.latent_decode(
        size["batch"], size["kv_len"], size["heads"], LATENT, LATENT_ROPE, 1.0 if narrow else 2.0
    )
    return kernels.launch("latent_fp8" if narrow else "latent") + time


def experts_seconds(kernels: Kernels, mode: Mode, size: Numbers) -> Seconds:
    """Mode: kernel source, dtype and distribution of tokens over experts."""
    precision = expert_format(mode)
    skew, span = routing_law(mode[-1], tokens=size["tokens"], active=size["topk"], experts=size["experts"])
    time = kernels.experts(
        size["tokens"],
        size["hidden"],
        size["inter"],
        size["topk"],
        size["experts"],
        size["moe_tp"],
        size["moe_ep"],
        2.0 if "nongated" in mode[0] else 3.0,
        precision,
        skew=skew,
        span=span,
    )
    apart = kernels.sort_tokens(size["tokens"], size["hidden"], size["topk"], precision)
    return kernels.launch(f"experts_{precision}") + time + np.where(size["moe_ep"] > 1, apart, 0.0)


def expert_format(mode: Mode) -> str:
    """Format of an expert kernel from its source and dtype. Source: definition."""
    return "fp4_latency" if "min_latency" in mode[0] else EXPERT_FORMATS[mode[1]]


def routing_law(
    distribution: str, *, tokens: np.ndarray, active: np.ndarray, experts: np.ndarray
) -> tuple[float, np.ndarray]:
    """Skew and span of a table's routing word.

    The tables draw popularity from a power law of the exponent in the word, from one token to 0.8 of
    all, or over a factor of 200 where there are fewer choices than experts.
    Source: collector of the aiconfigurator tables (ai-dynamo/aiconfigurator).
    """
    if distribution == "balanced":
        return 0.0, np.ones_like(tokens)
    wide = np.maximum(0.8 * tokens, 1.5)
    return float(distribution.rpartition("_")[2]), np.where(tokens * active > experts, wide, 200.0)


@dataclass(frozen=True)
class Timed:
    """How a table is read: words that name the kernel, sizes, time, and whose residual applies."""

    words: tuple[str, ...]
    sizes: tuple[str, ...]
    seconds: Callable[[Kernels, Mode, Numbers], Seconds]
    residual: Callable[[Mode], str]


_ATTENTION = ("batch", "heads", "kv_heads", "head_dim", "window")

TIMED: Mapping[str, Timed] = {
    "gemm": Timed(("dtype",), ("m", "n", "k"), gemm_seconds, lambda mode: "gemm"),
    "context_attention": Timed(("dtype", "kv_dtype"), ("isl", *_ATTENTION), prefill_seconds, lambda mode: "prefill"),
    "generation_attention": Timed(
        ("dtype", "kv_dtype"), ("kv_len", *_ATTENTION), decode_seconds, lambda mode: "decode"
    ),
    "mla": Timed(
        ("phase", "dtype", "kv_dtype"),
        ("batch", "isl", "kv_len", "heads"),
        latent_seconds,
        lambda mode: "latent_prefill" if mode[0] == "context" else "latent_decode",
    ),
    "moe": Timed(
        ("kernel_source", "dtype", "distribution"),
        ("tokens", "hidden", "inter", "topk", "experts", "moe_tp", "moe_ep"),
        experts_seconds,
        lambda mode: "experts",
    ),
}
"""Tables whose rows are one kernel call each."""


def modes(words: Iterable[list[str]]) -> dict[Mode, np.ndarray]:
    """Each combination of words with the indices of its rows. Source: definition."""
    found: dict[Mode, list[int]] = {}
    for index, mode in enumerate(zip(*words, strict=True)):
        found.setdefault(mode, []).append(index)
    return {mode: np.array(rows) for mode, rows in found.items()}


def stacked(chips: list[Accelerator]) -> Accelerator:
    """One accelerator whose fields run along rows; a field that any of them lacks is None. Source: definition."""
    columns = {item.name: [getattr(chip, item.name) for chip in chips] for item in fields(Accelerator)}
    return Accelerator(
        **{name: np.array(values, dtype=float) for name, values in columns.items() if None not in values}
    )


def predict_kernels(table: str, columns: Columns, chips: Mapping[str, Chip]) -> Predictions:
    """Milliseconds of the rows of a table in `TIMED`; `chips` maps the words of its column ``gpu``.

    Source: definition (the equations of the chip layer).
    """
    reader = TIMED[table]
    gpus = list(columns["gpu"])
    size = {name: np.array([_number(text) for text in columns[name]]) for name in reader.sizes}
    made = _Made(len(gpus))
    for mode, rows in modes([gpus, *(list(columns[name]) for name in reader.words)]).items():
        chip = chips.get(mode[0])
        if chip is None:
            made.refuse(rows, f"no chip record is named {mode[0]!r}")
            continue
        bad = rows[[any(not size[name][row] >= 0 for name in reader.sizes) for row in rows]]
        made.refuse(bad, "a size is missing")
        rows = np.setdiff1d(rows, bad)
        kernels = Kernels(accelerator=chip.accelerator, family=chip.family)
        try:
            time = reader.seconds(kernels, mode[1:], {name: values[rows] for name, values in size.items()})
            residual = chip.family.part(f"{reader.residual(mode[1:])}_residual", Residual)
        except (KeyError, StackwrightError) as error:
            made.refuse(rows, f"no kernel for {' '.join(mode)} ({error})")
            continue
        made.set(rows, 1e3 * time, residual)
    return made.predictions()


@dataclass(frozen=True)
class Work:
    """Operations and memory bytes of one call, for the power that it draws."""

    flops: np.ndarray
    bytes: np.ndarray


def attention_work(size: Numbers, queries: np.ndarray, cache_bytes: float) -> Work:
    """Causal attention of the last `queries` of ``kv_len`` tokens. Source: definition."""
    keys = np.where(size["window"] > 0, np.minimum(size["kv_len"], size["window"]), size["kv_len"])
    pairs = size["batch"] * queries * np.minimum(keys, size["kv_len"] - (queries - 1.0) / 2.0)
    cache = 2.0 * size["batch"] * keys * size["kv_heads"] * size["head_dim"] * cache_bytes
    own = 4.0 * size["batch"] * queries * size["heads"] * size["head_dim"]
    return Work(4.0 * pairs * size["heads"] * size["head_dim"], cache + own)


def experts_work(mode: Mode, size: Numbers) -> Work:
    """Routed feed-forward of the slowest rank. Source: definition."""
    form = FORMATS[expert_format(mode)]
    skew, span = routing_law(mode[-1], tokens=size["tokens"], active=size["topk"], experts=size["experts"])
    routing = route(
        tokens=size["tokens"],
        active=size["topk"],
        experts=size["experts"],
        expert_parallel=size["moe_ep"],
        skew=skew,
        span=span,
    )
    inner = size["inter"] / size["moe_tp"]
    rows = routing.local_experts * np.mean(routing.rows, axis=-1)
    weights = 3.0 * size["hidden"] * inner
    traffic = rows * (2.0 * size["hidden"] + 2.0 * inner) * form.activation_bytes
    return Work(2.0 * rows * weights, routing.active_experts * weights * form.weight_bytes + traffic)


def powered_rows(columns: Mapping[str, list[str]]) -> dict[str, tuple[np.ndarray, dict[str, list[str]]]]:
    """The power table's rows of each operation, as indices and as columns of that operation's own table.

    Source: definition.
    """
    op = np.array(columns["op"])
    found = {}
    for table in POWERED:
        rows = np.flatnonzero(op == table)
        chosen = {name: [values[row] for row in rows] for name, values in columns.items()}
        chosen["isl"] = chosen["q_len"]
        chosen["kernel_source"] = ["fused"] * len(rows)
        found[table] = rows, chosen
    return found


def powered_work(table: str, mode: Mode, size: Numbers) -> Work:
    """Work of a call in one of the power table's operations, with that table's mode and sizes."""
    if table == "moe":
        return experts_work(mode, size)
    queries = size["isl"] if table == "context_attention" else np.ones_like(size["batch"])
    return attention_work(size, queries, 1.0 if "fp8" in mode else 2.0)


POWERED = ("context_attention", "generation_attention", "moe")
"""Operations of the power table, by the names of their own tables."""


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


class _Made:
    """Predictions in the making."""

    def __init__(self, rows: int) -> None:
        self.value, self.low, self.high = np.zeros(rows), np.zeros(rows), np.zeros(rows)
        self.imputed = np.zeros(rows, dtype=bool)
        self.reason: list[str | None] = [None] * rows

    def refuse(self, rows: Iterable[int], reason: str) -> None:
        for row in rows:
            self.reason[row] = reason

    def set(self, rows: np.ndarray, value: np.ndarray, residual: Residual) -> None:
        self.value[rows] = value
        self.low[rows] = value * residual.low
        self.high[rows] = value * residual.high

    def predictions(self) -> Predictions:
        return Predictions(self.value, self.low, self.high, self.imputed, self.reason)
