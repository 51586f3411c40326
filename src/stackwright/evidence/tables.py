"""Tables of measurements: which files are known, what they must hold, and what a row is compared by."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np

from stackwright.core.errors import Fault, InputError, nearest
from stackwright.evidence.names import number

Columns = Mapping[str, list[str]]
MOST_FAULTS = 50


@dataclass(frozen=True)
class Kind:
    """A kind of table: the columns that it needs, what it measures and what makes rows comparable.

    A long table has a row per figure (`metric`, `value`) and `scope` says by pattern which metrics
    are predicted; a wide table has a column per figure, named in `measured`.
    """

    name: str
    columns: tuple[str, ...]
    demand: Callable[[Columns], list[tuple[str, ...]]]
    measured: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A file that was read: its columns as text, one entry per row."""

    kind: Kind
    name: str
    columns: Columns

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(next(iter(self.columns.values())))

    def column(self, name: str) -> list[str]:
        """A column, blank where the file lacks it."""
        return self.columns.get(name) or [""] * self.rows

    @property
    def source(self) -> list[str]:
        """Where each row comes from, for the figures by source."""
        for name in ("source_id", "source"):
            if name in self.columns:
                return self.columns[name]
        return [f"{gpu}/{version}" for gpu, version in zip(self.column("gpu"), self.column("src"), strict=True)]

    @property
    def key(self) -> list[str]:
        """A name for each row: its id, else its line in the file."""
        return self.columns.get("row_id") or [f"{self.name}.csv:{line + 2}" for line in range(self.rows)]

    def metrics(self) -> dict[str, np.ndarray]:
        """Metric in scope to the indices of the rows that state it."""
        if self.kind.measured:
            stated = {name: [bool(text) for text in self.columns[name]] for name in self.kind.measured}
            return {name: np.flatnonzero(found) for name, found in stated.items()}
        names = np.array(self.columns["metric"])
        wanted = [name for name in dict.fromkeys(self.columns["metric"]) if _in_scope(name, self.kind.scope)]
        return {name: np.flatnonzero(names == name) for name in wanted}

    def measurements(self, metric: str) -> np.ndarray:
        """The figures of a metric as printed, one per row; 0 where the row states no positive number."""
        column = self.columns[metric] if metric in self.kind.measured else self.columns["value"]
        return np.array([_measurement(text) for text in column])


def _in_scope(metric: str, scope: tuple[str, ...]) -> bool:
    return any(fnmatch(metric, pattern) for pattern in scope)


def _plain(text: str) -> str:
    """Demand text without what was measured: the mean of a distribution is a result of the workload."""
    return "" if "mean" in text else text


def _together(names: tuple[str, ...], columns: Columns) -> list[tuple[str, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True))


def _inference_demand(columns: Columns) -> list[tuple[str, ...]]:
    names = ("model", "workload", "scenario", "isl", "osl", "concurrency", "batch")
    found: list[tuple[str, ...]] = []
    for model, workload, scenario, isl, osl, concurrency, batch in _together(names, columns):
        load = concurrency or (batch if isl else "")
        found.append((model, workload, scenario, _plain(isl), _plain(osl), load))
    return found


def _power_demand(columns: Columns) -> list[tuple[str, ...]]:
    names = ("model", "phase", "scope", "isl", "osl", "batch")
    found: list[tuple[str, ...]] = []
    for model, phase, scope, isl, osl, batch in _together(names, columns):
        size = number(batch)
        load = "" if size is None else str(round(math.log2(max(size, 1.0))))
        found.append((model, phase, scope, _plain(isl), _plain(osl), load))
    return found


def _by(*names: str) -> Callable[[Columns], list[tuple[str, ...]]]:
    return partial(_together, names)


_COMMON = ("hardware", "metric", "value", "unit")
_SHAPE = ("dtype", "kv_dtype", "batch", "isl", "heads", "kv_heads", "head_dim", "window")
_EXPERTS = ("tokens", "hidden", "inter", "topk", "experts", "moe_tp", "moe_ep", "distribution")
_POWERED = ("op", "dtype", "kv_dtype", "batch", "q_len", "kv_len", "heads", "kv_heads", "head_dim", "window", *_EXPERTS)
_WORKERS = tuple(
    f"{phase}_{name}"
    for phase in ("prefill", "decode")
    for name in ("num_workers", "tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
)
_SERVED = ("model", "backend", "backend_version", "mode", "isl", "osl", "concurrency", "batch_size")
_SPREAD = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size", "gemm_quant", "moe_quant", *_WORKERS)

KINDS: tuple[Kind, ...] = (
    Kind(
        name="training",
        columns=(
            *_COMMON,
            *("n_accel", "model", "task", "dtype", "tp", "pp", "dp", "global_batch", "seq_len", "framework"),
        ),
        demand=_by("model", "task", "global_batch", "seq_len"),
        scope=(
            "train_step_time",
            "tokens_per_s",
            "tokens_per_s_per_accel",
            "*_run_avg",
            "samples_per_s",
            "*_tflops_per_accel",
            "mfu",
            "hfu",
            "pct_of_peak",
            "time_to_train",
            "gpu_hours*",
        ),
    ),
    Kind(
        name="inference",
        columns=(
            *_COMMON,
            *("n_accel", "n_nodes", "model", "dtype", "kv_dtype", "tp", "pp", "dp", "ep", "disagg", "framework"),
            *("workload", "isl", "osl", "batch", "concurrency", "num_requests", "scenario", "slo"),
        ),
        demand=_inference_demand,
        scope=(
            "tokens_per_s",
            "samples_per_s",
            "*_tokens_per_s_per_node",
            "*_per_accel",
            "ttft_*",
            "tpot_*",
            "itl_*",
            "prefill_time",
            "decode_step_time",
            "e2e_latency",
        ),
    ),
    Kind(
        name="power",
        columns=(
            *_COMMON,
            *("n_accel", "n_nodes", "model", "phase", "dtype", "tp", "pp", "dp", "ep", "framework"),
            *("isl", "osl", "batch", "scope"),
        ),
        demand=_power_demand,
        scope=("avg_power", "*_node_power", "*_power_frac", "energy_per_output_token", "max_system_power"),
    ),
    Kind(
        name="collectives",
        columns=(*_COMMON, "n_accel", "n_nodes", "fabric", "library", "collective", "algo", "dtype", "msg_bytes"),
        demand=_by("collective", "n_accel", "n_nodes", "msg_bytes"),
        scope=("*",),
    ),
    Kind(
        name="collectives",
        columns=("gpu", "lib", "src", "op", "dtype", "num_gpus", "bytes", "latency_ms"),
        demand=_by("op", "dtype", "num_gpus", "bytes"),
        measured=("latency_ms",),
    ),
    Kind(
        name="kernels",
        columns=(*_COMMON, "op", "dtype", "m", "k", "n", "batch", "kv_len"),
        demand=_by("op", "dtype", "m", "k", "n", "batch", "kv_len"),
        scope=("*",),
    ),
    Kind(
        name="gemm",
        columns=("gpu", "src", "dtype", "m", "n", "k", "latency_ms"),
        demand=_by("m", "n", "k"),
        measured=("latency_ms",),
    ),
    Kind(
        name="context_attention",
        columns=("gpu", "src", *_SHAPE, "latency_ms"),
        demand=_by(*_SHAPE[2:]),
        measured=("latency_ms",),
    ),
    Kind(
        name="generation_attention",
        columns=("gpu", "src", *(name.replace("isl", "kv_len") for name in _SHAPE), "latency_ms"),
        demand=_by(*(name.replace("isl", "kv_len") for name in _SHAPE[2:])),
        measured=("latency_ms",),
    ),
    Kind(
        name="mla",
        columns=("gpu", "src", "phase", "dtype", "kv_dtype", "batch", "isl", "kv_len", "heads", "latency_ms"),
        demand=_by("phase", "batch", "isl", "kv_len", "heads"),
        measured=("latency_ms",),
    ),
    Kind(
        name="moe",
        columns=("gpu", "src", "kernel_source", "dtype", *_EXPERTS, "latency_ms"),
        demand=_by(*_EXPERTS),
        measured=("latency_ms",),
    ),
    Kind(
        name="moe_alltoall",
        columns=(
            *("gpu", "src", "kind", "phase", "dtype", "ep_size", "node_num", "hidden", "topk", "experts", "tokens"),
            *("sms", "latency_us"),
        ),
        demand=_by("phase", "ep_size", "node_num", "hidden", "topk", "experts", "tokens"),
        measured=("latency_us",),
    ),
    Kind(
        name="kernel_power_b200",
        columns=("gpu", "src", *_POWERED, "latency_ms", "power_w"),
        demand=_by("op"),
        measured=("latency_ms", "power_w"),
    ),
    Kind(
        name="e2e_serving",
        columns=("gpu", *_SERVED, *_SPREAD, "ttft_ms", "tpot_ms"),
        demand=_by("model", "isl", "osl", "concurrency"),
        measured=("ttft_ms", "tpot_ms"),
    ),
)
"""Every table that is known. Where two share a name, the columns decide."""


@dataclass(frozen=True)
class Directory:
    """The tables of a folder, and the files that are none with the reason."""

    tables: tuple[Table, ...]
    skipped: Mapping[str, str]


def read_directory(directory: Path, only: str | None = None) -> Directory:
    """Every known table of a folder, or only one.

    Raises `InputError` for a folder without a table, an unknown `only`, and every fault of the
    tables that are read. Source: definition.
    """
    if not directory.is_dir():
        raise InputError([Fault(str(directory), "", "no such folder", "a folder with tables of measurements")])
    known = {kind.name for kind in KINDS}
    if only is not None and only not in known:
        expected = f"one of {', '.join(sorted(known))}"
        raise InputError([Fault("--only", "", repr(only), expected, nearest=nearest(only, known))])
    tables: list[Table] = []
    skipped: dict[str, str] = {}
    faults: list[Fault] = []
    for file in sorted(directory.iterdir()):
        if file.suffix != ".csv" or file.stem not in known or not file.is_file():
            skipped[file.name] = "not a table of measurements that is known"
        elif only is not None and file.stem != only:
            skipped[file.name] = f"only {only} was asked for"
        elif (table := _read(file, faults)) is not None:
            tables.append(table)
    if not tables and not faults:
        wanted = f"{only}.csv" if only else ", ".join(f"{name}.csv" for name in sorted(known))
        faults.append(Fault(str(directory), "", "no table", f"at least one of {wanted}"))
    if faults:
        raise InputError(faults[:MOST_FAULTS])
    return Directory(tuple(tables), skipped)


def _read(file: Path, faults: list[Fault]) -> Table | None:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(Fault(file.name, "", str(error), "a readable CSV file in UTF-8"))
        return None
    kind = _kind(file.stem, set(header))
    before = len(faults)
    for name in (name for name in kind.columns if name not in header):
        near = nearest(name, header)
        faults.append(Fault(file.name, name, f"no column {name!r}", f"the columns of {kind.name}", 1, near))
    for index, line in enumerate(lines):
        if len(line) != len(header):
            faults.append(Fault(file.name, "", f"{len(line)} fields", f"{len(header)} fields", index + 2))
    if len(faults) > before:
        return None
    return Table(kind, file.stem, {name: [line[at].strip() for line in lines] for at, name in enumerate(header)})


def _kind(name: str, header: set[str]) -> Kind:
    """The kind of this name; of several, the one that lacks fewest columns."""
    return min((kind for kind in KINDS if kind.name == name), key=lambda kind: len(set(kind.columns) - header))


def _measurement(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0.0 else 0.0
