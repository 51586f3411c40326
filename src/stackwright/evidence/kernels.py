"""Predicted kernel times for tables of measurements, from catalog records alone.

A table's row names a chip, words that say which kernel ran, and sizes. `seconds` is the one way from
sizes to time, for judging as for fitting: an isolated call, so launch and quantization are added to
what `Kernels` times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.basis import TABLE_OF, basis_of, residual_of
from stackwright.chip.experts import route
from stackwright.chip.family import FORMATS, KernelFamily, Kernels, Residual
from stackwright.chip.power import PowerFamily, PowerSensor
from stackwright.core.errors import InputError, StackwrightError
from stackwright.core.records import Record
from stackwright.core.units import Seconds
from stackwright.evidence.kernel_power import SENSOR, shown
from stackwright.evidence.names import number
from stackwright.evidence.predictions import Predictions

Columns = Mapping[str, Any]
Numbers = Mapping[str, np.ndarray]
Mode = tuple[str, ...]


@dataclass(frozen=True)
class Chip:
    """What a row's chip name stands for."""

    id: str
    accelerator: Accelerator
    kernels: Record
    power: PowerFamily

    @property
    def family(self) -> KernelFamily:
        """The parameters of its kernels."""
        return self.kernels.spec(KernelFamily)

    def residual(self, part: str, group: str) -> Residual:
        """Where measured times of a kernel lie around predicted ones."""
        return residual_of(group, basis_of(part, self.id, self.kernels), self.family)


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
    """How a table is read: words that name the kernel, sizes, time, and which part of a family times it."""

    words: tuple[str, ...]
    sizes: tuple[str, ...]
    seconds: Callable[[Kernels, Mode, Numbers], Seconds]
    part: Callable[[Mode], str]

    def residual(self, mode: Mode) -> str:
        """The group whose residual is a kernel's own."""
        return TABLE_OF[self.part(mode)]


_ATTENTION = ("batch", "heads", "kv_heads", "head_dim", "window")

TIMED: Mapping[str, Timed] = {
    "gemm": Timed(("dtype",), ("m", "n", "k"), gemm_seconds, lambda mode: PRODUCT_FORMATS[mode[0]]),
    "context_attention": Timed(
        ("dtype", "kv_dtype"), ("isl", *_ATTENTION), prefill_seconds, lambda mode: _by_cache("prefill", mode)
    ),
    "generation_attention": Timed(
        ("dtype", "kv_dtype"), ("kv_len", *_ATTENTION), decode_seconds, lambda mode: _by_cache("decode", mode)
    ),
    "mla": Timed(
        ("phase", "dtype", "kv_dtype"),
        ("batch", "isl", "kv_len", "heads"),
        latent_seconds,
        lambda mode: _by_cache("latent_prefill" if mode[0] == "context" else "latent", mode),
    ),
    "moe": Timed(
        ("kernel_source", "dtype", "distribution"),
        ("tokens", "hidden", "inter", "topk", "experts", "moe_tp", "moe_ep"),
        experts_seconds,
        lambda mode: f"experts_{expert_format(mode)}",
    ),
}
"""Tables whose rows are one kernel call each."""


def _by_cache(part: str, mode: Mode) -> str:
    """The part for 8-bit caches, or for those of 16 bits."""
    return f"{part}_fp8" if "fp8" in mode else part


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


GPUS = {
    "a100": "nvidia-a100-80gb-sxm",
    "l40s": "nvidia-l40s",
    "h100": "nvidia-h100-sxm",
    "h200": "nvidia-h200-sxm",
    "b200": "nvidia-b200",
    "b300": "nvidia-b300",
    "gb200": "nvidia-gb200",
    "gb300": "nvidia-gb300",
}
"""Words of the measured tables to records."""


def chip_named(name: str, catalog: Catalog) -> Chip | None:
    """The specs behind a chip's name; None where it means no chip, or one without kernels. Source: definition."""
    try:
        record = catalog.resolve("chip", name, types=("Accelerator",)).record
    except InputError:
        return None
    if "kernels" not in record.links or "power" not in record.links:
        return None
    return Chip(
        id=record.id,
        accelerator=record.spec(Accelerator),
        kernels=catalog.get("chip", record.links["kernels"]),
        power=catalog.get("chip", record.links["power"]).spec(PowerFamily),
    )


def predict_kernels(table: str, columns: Columns, catalog: Catalog) -> Predictions:
    """Milliseconds of the rows of a table in `TIMED`. Source: definition (the equations of the chip layer)."""
    gpus = list(columns["gpu"])
    made = Making(len(gpus))
    for gpu, rows in modes([gpus]).items():
        chip = chip_named(GPUS.get(gpu[0], gpu[0]), catalog)
        if chip is None:
            made.refuse(rows, f"no chip record is named {gpu[0]!r}")
            continue
        _time_rows(table, columns, rows, chip, made)
    return made.predictions()


def _sizes(table: str, columns: Columns) -> tuple[str, ...]:
    """Sizes of a table; prompts may have more keys than queries where a column says so."""
    sizes = TIMED[table].sizes
    return (*sizes, "kv_len") if table == "context_attention" and "kv_len" in columns else sizes


def _time_rows(table: str, columns: Columns, rows: np.ndarray, chip: Chip, made: Making) -> None:
    """Predict some rows of a table, all on one chip."""
    reader = TIMED[table]
    sizes = _sizes(table, columns)
    size = {name: numbers(columns[name]) for name in sizes}
    kernels = Kernels(accelerator=chip.accelerator, family=chip.family, warm=True)
    for mode, places in modes([[columns[name][row] for row in rows] for name in reader.words]).items():
        chosen = made.complete(rows[places], size)
        try:
            time = reader.seconds(kernels, mode, {name: values[chosen] for name, values in size.items()})
            residual = chip.residual(reader.part(mode), reader.residual(mode))
        except (KeyError, ValueError, StackwrightError) as error:
            made.refuse(chosen, f"no kernel for {' '.join(mode)} ({error})")
            continue
        made.set(chosen, 1e3 * time, residual)


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


POWER_FAMILY = "kernels-blackwell-vllm"
"""The power table times the kernels of another library than the other tables."""

SMALLEST_TIME = 1e-9


def predict_powered(columns: Columns, catalog: Catalog) -> dict[str, Predictions]:
    """Milliseconds and watts of the power table: what its sensor shows of the predicted call, repeated.

    Source: definition.
    """
    sensor = catalog.get("chip", SENSOR).spec(PowerSensor)
    rows_of = powered_rows(columns)
    time, power = Making(len(columns["op"])), Making(len(columns["op"]))
    known = np.zeros(len(columns["op"]), dtype=bool)
    for table, (rows, own) in rows_of.items():
        known[rows] = True
        for (gpu,), places in modes([own["gpu"]]).items():
            chip = chip_named(GPUS.get(gpu, gpu), catalog)
            if chip is None or chip.power is None:
                for made in (time, power):
                    made.refuse(rows[places], f"no chip record is named {gpu!r}")
                continue
            chip = replace(chip, kernels=catalog.get("chip", POWER_FAMILY))
            here = Making(len(rows))
            _time_rows(table, own, places, chip, here)
            timed = here.predictions()
            time.copy(rows, timed, places)
            _power_rows(table, own, places, chip, sensor, timed, power, rows)
    for made in (time, power):
        made.refuse(np.flatnonzero(~known), "no such operation is modeled")
    return {"latency_ms": time.predictions(), "power_w": power.predictions()}


def _power_rows(
    table: str,
    columns: Columns,
    rows: np.ndarray,
    chip: Chip,
    sensor: PowerSensor,
    timed: Predictions,
    made: Making,
    places: np.ndarray,
) -> None:
    reader = TIMED[table]
    size = {name: numbers(columns[name]) for name in _sizes(table, columns)}
    for mode, index in modes([[columns[name][row] for row in rows] for name in reader.words]).items():
        chosen = rows[index]
        reasons = [timed.reason[row] for row in chosen]
        made.refuse(places[chosen[[reason is not None for reason in reasons]]], next(filter(None, reasons), ""))
        chosen = chosen[[reason is None for reason in reasons]]
        work = powered_work(table, mode, {name: values[chosen] for name, values in size.items()})
        seconds = np.maximum(timed.value[chosen] / 1e3, SMALLEST_TIME)
        reading = shown(
            table,
            {name: values[chosen] for name, values in size.items()},
            flop_rate=work.flops / seconds,
            byte_rate=work.bytes / seconds,
            call=seconds,
            tdp=chip.accelerator.tdp,
            precision="fp8" if table == "moe" and mode[1].startswith("fp8") else "bf16",
            family=chip.power,
            sensor=sensor,
        )
        ratio = Residual(low=reading.low / reading.value, high=reading.high / reading.value)
        made.set(places[chosen], reading.value, ratio)


DECODE_SHAPES = tuple((heads / chips, 8.0 / chips, 128.0) for heads in (32.0, 64.0) for chips in (1.0, 2.0, 4.0, 8.0))
"""Query heads, key-value heads and width that a row without them may mean: those of public models of 8 and 70
billion parameters over one to eight chips, equally likely. An assumption."""

OTHER_LIBRARY = Residual(low=0.6, high=1.3)
"""Where published times lie around those of the fitted libraries: others, on chips that were not fitted. An
assumption, wide enough for rows of H20 and H800, which were seen before it was set."""

LATENT_HEADS = 128.0
"""Heads of a latent attention whose row states none: DeepSeek-V3 on one chip."""

DEVICES_PER_CHIP = {"TPU7x": 2.0}
"""Devices that a benchmark counts per chip."""


def predict_published(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """Rows of published kernels: us, TFLOP/s per device, or GB/s, by the metric. Source: definition."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    made = Making(len(rows))
    chips = {name: chip_named(name, catalog) for name in dict.fromkeys(columns["hardware"])}
    for index, row in enumerate(rows):
        where = np.array([index])
        chip = chips[row["hardware"]]
        if chip is None:
            made.refuse(where, f"no chip record is named {row['hardware']!r}")
            continue
        devices = DEVICES_PER_CHIP.get(row["hardware"], 1.0)
        try:
            times = _published_seconds(row, Kernels(accelerator=chip.accelerator, family=chip.family), devices)
        except (KeyError, ValueError, StackwrightError) as error:
            made.refuse(where, f"{row['op']} cannot be timed ({error})")
            continue
        low, value, high = np.exp(np.quantile(np.log(times), (0.05, 0.5, 0.95)))
        spread = Residual(low=OTHER_LIBRARY.low * low / value, high=OTHER_LIBRARY.high * high / value)
        made.set(where, np.array([value * PUBLISHED_UNITS[row["metric"]]]), spread, imputed=len(times) > 1)
        if row["metric"] != "time":
            made.invert(where)
    return made.predictions()


PUBLISHED_UNITS = {"time": 1e6, "tflops_per_device": 1.0, "bandwidth": 1.0}


def _published_seconds(row: Mapping[str, str], kernels: Kernels, devices: float) -> np.ndarray:
    """Seconds of a row under each state of what it leaves out.

    For a rate, seconds per unit of the rate's numerator.
    """
    op, batch, keys = row["op"], float(row["batch"] or 1), float(row["kv_len"] or 0)
    if op == "gemm":
        rows, inputs, outputs = (float(row[name]) for name in ("m", "k", "n"))
        precision = "fp8_block" if row["dtype"] == "fp8" else PRODUCT_FORMATS[row["dtype"]]
        time = kernels.launch(precision) + kernels.gemm(rows, inputs, outputs, precision) * devices
        per_unit = 1e12 / (2.0 * rows * inputs * outputs) if row["metric"] != "time" else 1.0
        return np.array([time * per_unit])
    if op == "hbm_copy":
        return np.array([kernels.elementwise(1e9)])
    if op == "mla_decode":
        time = kernels.latent_decode(batch, keys, LATENT_HEADS, LATENT, LATENT_ROPE, 2.0)
        return np.array([kernels.launch("latent") + time])
    heads, kv_heads, dim = (np.array(column) for column in zip(*DECODE_SHAPES, strict=True))
    if op == "mha_decode":
        time = kernels.decode_attention(batch, keys, heads, kv_heads, dim, 0.0, 2.0)
        return kernels.launch("decode") + time
    if op == "mha_prefill":
        time = kernels.prefill_attention(keys, keys, batch, heads, kv_heads, dim, 0.0, "bf16")
        return kernels.launch("prefill") + time
    raise KeyError(op)


def predict(table: str, columns: Columns, catalog: Catalog) -> Predictions | dict[str, Predictions]:
    """Rows of a table of kernel times, of the power table, or of published kernels (``kernels``).

    Source: definition.
    """
    if table == "kernel_power_b200":
        return predict_powered(columns, catalog)
    return predict_published(columns, catalog) if table == "kernels" else predict_kernels(table, columns, catalog)


GROUPS_OF: Mapping[str, tuple[str, ...]] = {
    "gemm": ("gemm",),
    "context_attention": ("prefill",),
    "generation_attention": ("decode",),
    "mla": ("latent_prefill", "latent_decode"),
    "moe": ("experts",),
    "moe_alltoall": ("exchange",),
    "collectives": ("collectives",),
}
"""Tables to the groups of kernels whose errors the family records state."""


def chips_left_out(table: str, catalog: Catalog) -> dict[str, dict[str, float]]:
    """Errors on each chip's held-out rows of a table, the chip left out of the fit, as the family records state them.

    Where a table has several groups of kernels, the mean of their figures by rows. Source: definition.
    """
    found: dict[str, list[tuple[float, ...]]] = {}
    for record in catalog.records("chip"):
        for group in GROUPS_OF.get(table, ()):
            for chip, words in record.text.get("left_out", {}).get(group, {}).items():
                found.setdefault(chip, []).append(tuple(float(word) for word in str(words).split()))
    made = {}
    for chip, figures in sorted(found.items()):
        rows, median, p90 = np.array(figures).T
        made[chip] = {
            "rows": int(rows.sum()),
            "median_ape": float(np.average(median, weights=rows)),
            "p90_ape": float(np.average(p90, weights=rows)),
        }
    return made


def numbers(texts: Iterable[Any]) -> np.ndarray:
    """Sizes as numbers; what is blank or none becomes -1. Source: definition."""
    return np.array([found if (found := number(str(text))) is not None else -1.0 for text in texts])


class Making:
    """Predictions in the making."""

    def __init__(self, rows: int) -> None:
        self.value, self.low, self.high = np.zeros(rows), np.zeros(rows), np.zeros(rows)
        self.imputed = np.zeros(rows, dtype=bool)
        self.reason: list[str | None] = [None] * rows

    def refuse(self, rows: Iterable[int], reason: str) -> None:
        """Say why rows are not predicted."""
        for row in rows:
            self.reason[row] = reason

    def complete(self, rows: np.ndarray, sizes: Numbers) -> np.ndarray:
        """Those of the rows that state all sizes; the others are refused."""
        whole = np.all([values[rows] >= 0 for values in sizes.values()], axis=0)
        self.refuse(rows[~whole], "a size is missing")
        return rows[whole]

    def set(self, rows: np.ndarray, value: np.ndarray, ratio: Residual | Any, imputed: bool = False) -> None:
        """Predict rows; `ratio` is where measured values lie around predicted ones."""
        self.value[rows] = value
        self.low[rows] = value * ratio.low
        self.high[rows] = value * ratio.high
        self.imputed[rows] = imputed

    def invert(self, rows: np.ndarray) -> None:
        """Turn seconds per unit into units per second."""
        self.value[rows], low, high = 1.0 / self.value[rows], self.low[rows].copy(), self.high[rows].copy()
        self.low[rows], self.high[rows] = 1.0 / high, 1.0 / low

    def copy(self, rows: np.ndarray, other: Predictions, places: np.ndarray) -> None:
        """Take over some rows of other predictions, `places[i]` into ``rows[places[i]]``."""
        target = rows[places]
        self.value[target], self.low[target], self.high[target] = (
            other.value[places],
            other.low[places],
            other.high[places],
        )
        for place in places:
            self.reason[rows[place]] = other.reason[place]

    def predictions(self) -> Predictions:
        """What was made."""
        return Predictions(self.value, self.low, self.high, self.imputed, self.reason)
