"""Fit the kernel families on measured tables, judge them on other rows, and write their records.

    python scripts/fit_kernels.py MEASURED_DIR [--only FAMILY ...] [--no-write]

MEASURED_DIR holds gemm.csv, context_attention.csv, generation_attention.csv, mla.csv, moe.csv,
collectives.csv, moe_alltoall.csv and kernel_power_b200.csv, whose columns docs/layers/chip.md names.
Rows are halved by a hash of their configuration (never by value, and the same for every chip): one
half is fitted, the other judged. Every family is judged again with each of its chips left out of the
fit. Families without measurements are derived from those with.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.communication import EXCHANGE_PARTS, CollectiveKernel, ExchangeFamily, ExchangeKernel
from stackwright.chip.family import (
    KERNELS,
    PARTS,
    PRODUCTS,
    TABLES,
    DecodeKernel,
    ExpertKernel,
    KernelFamily,
    Kernels,
    LatentKernel,
    ProductKernel,
    PromptKernel,
)
from stackwright.chip.parts import Parted
from stackwright.core import records, yamltext
from stackwright.core.spec import unit_fields
from stackwright.evidence.collectives import (
    COLLECTIVE_PARTS,
    PLATFORMS,
    collective_seconds,
    exchange_part,
    exchange_seconds,
)
from stackwright.evidence.kernels import (
    GPUS,
    TIMED,
    Mode,
    modes,
    numbers,
    powered_rows,
    stacked,
)
from stackwright.evidence.splits import SIZES, WORDS, is_fitted_kernel, powered_names

CATALOG = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog" / "records" / "chip"
SOURCE = "aiconfigurator-kernels"
EDITION = "2026-11-22"
SOFT = 0.1
"""Residual (logarithm) from which an outlier counts by its size, not its square."""
PRIOR = 0.05
"""Weight of a parameter's starting value, against one row's residual of the same logarithm."""

FAMILIES = {
    "ampere": ("a100",),
    "ada": ("l40s",),
    "hopper": ("h100", "h200"),
    "blackwell": ("b200", "b300", "gb200", "gb300"),
    "blackwell-vllm": ("b200",),
}
VLLM = "blackwell-vllm"
"""Kernels of the power table: another library than that of the other tables."""

EXCHANGES = ("hopper", "blackwell", "grace-blackwell")
"""Platforms whose expert exchanges were measured."""

BEND = (1.0, 0.3, 3.0)
BEND_PRIOR = 0.3
"""Start and ends of a bend's factors, and the weight that holds them to one."""

Start = Mapping[str, tuple[float, float, float]]

STARTS: Mapping[type, tuple[Start, ...]] = {
    ProductKernel: tuple(
        {
            "efficiency": (0.85, 0.1, 1.3),
            "bandwidth_efficiency": (0.8, 0.2, 3.0),
            "step_time": (step, 1e-10, 2e-6),
            "prologue": (100.0, 10.0, 5000.0),
            "staging": (3.0, 0.5, 100.0),
            "split_time": (split, 2e-7, 1e-3),
            "overlap": (3.0, 1.0, 8.0),
            "rounding": (0.5, 0.02, 1.0),
            "padding": (1.3, 0.5, 4.0),
            "launch": (4e-6, 5e-7, 4e-5),
            "quantize_bytes": (3.0, 1e-2, 30.0),
        }
        for step, split in ((4e-9, 2e-6), (3e-8, 5e-5), (1e-7, 5e-5))
    ),
    ExpertKernel: tuple(
        {
            "efficiency": (0.7, 0.05, 1.5),
            "bandwidth_efficiency": (0.7, 0.2, 2.0),
            "step_time": (step, 1e-10, 2e-6),
            "prologue": (200.0, 10.0, 8000.0),
            "staging": (4.0, 0.5, 100.0),
            "overlap": (2.0, 1.0, 8.0),
            "rounding": (0.5, 0.02, 1.0),
            "expert_time": (5e-8, 1e-9, 2e-6),
            "routed_bytes": (10.0, 0.5, 60.0),
            "sorted_bytes": (0.5, 0.01, 60.0),
            "launch": (1e-5, 1e-6, 1e-4),
        }
        for step in (1e-8, 1e-7)
    ),
    PromptKernel: (
        {
            "efficiency": (0.8, 0.2, 1.3),
            "bandwidth_efficiency": (0.7, 0.1, 4.0),
            "score_time": (4e-9, 1e-10, 1e-7),
            "window_margin": (200.0, 16.0, 2000.0),
            "block_time": (1e-6, 1e-8, 1e-5),
            "tail": (0.5, 0.02, 2.0),
            "level_time": (5e-7, 1e-9, 1e-5),
            "launch": (8e-6, 1e-6, 4e-5),
        },
    ),
    DecodeKernel: (
        {
            "bandwidth_efficiency": (0.9, 0.2, 4.0),
            "value_time": (4e-12, 1e-13, 1e-10),
            "score_dim": (32.0, 1.0, 300.0),
            "window_margin": (64.0, 1.0, 1000.0),
            "block_time": (2e-6, 1e-8, 2e-5),
            "head_time": (1e-6, 1e-8, 1e-5),
            "block_dim": (300.0, 20.0, 3000.0),
            "key_time": (4e-11, 1e-13, 1e-9),
            "key_dim": (20.0, 0.5, 500.0),
            "fill_blocks": (0.8, 0.02, 4.0),
            "overlap": (3.0, 1.0, 8.0),
            "level_time": (5e-7, 1e-9, 1e-5),
            "rounding": (0.3, 0.02, 1.0),
            "launch": (8e-6, 1e-6, 4e-5),
        },
    ),
    LatentKernel: (
        {
            "efficiency": (0.5, 0.02, 2.0),
            "bandwidth_efficiency": (0.9, 0.2, 4.0),
            "block_time": (3e-6, 1e-8, 5e-5),
            "fill_blocks": (0.3, 0.005, 4.0),
            "overlap": (3.0, 1.0, 8.0),
            "level_time": (5e-7, 1e-9, 1e-5),
            "rounding": (0.3, 0.02, 1.0),
            "launch": (8e-6, 1e-6, 4e-5),
        },
    ),
    CollectiveKernel: tuple(
        {
            "launch": (5e-6, 5e-7, 5e-5),
            "hop_time": (1e-6, 1e-9, 2e-5),
            "efficiency": (0.8, 0.05, 1.2),
            "ramp_size": (1e6, 1e3, 1e9),
            "ramp_power": (power, 1e-3, 1.0),
            "contention": (0.05, 1e-3, 3.0),
        }
        for power in (0.1, 0.3)
    ),
    ExchangeKernel: (
        {
            "launch": (2e-5, 1e-6, 1e-3),
            "rank_time": (3e-7, 1e-9, 1e-5),
            "copy_time": (2e-9, 1e-11, 1e-6),
            "efficiency": (0.6, 0.02, 5.0),
            "fabric_bandwidth": (4e10, 1e10, 1e11),
            "full_units": (20.0, 4.0, 64.0),
        },
    ),
}
"""Start, lowest and highest value of each fitted parameter; several starts where the fit has several optima."""

FABRIC_BANDWIDTH = 40e9
"""Per chip, where no row leaves a node: the Hopper rows over 400 Gb/s InfiniBand reach 26 to 50 GB/s."""
FULL_UNITS = 20.0
"""Where no row says how many units run the kernel: the default of DeepEP."""
WARM_GAIN = {"ada": 3.0}
"""Chips whose cache is large beside what a kernel moves. Set on the fitted halves, among gains of 1 to 5."""
NO_SPLIT = 1.0
ANY_SPLIT = 1024.0


def part_class(part: str) -> type:
    """The spec of a part of a kernel or exchange family."""
    return ExchangeKernel if part in EXCHANGE_PARTS else PARTS[part]


def constants(family: str, job: Job) -> dict[str, float]:
    """What the rows cannot fit: limits on splits and groups, padding of heads, links that no row uses."""
    part = job.part
    if part in EXCHANGE_PARTS:
        fixed = {} if np.any(job.sizes["node_num"] > 1) else {"fabric_bandwidth": FABRIC_BANDWIDTH}
        return fixed if np.any(job.sizes["sms"] > 0) else fixed | {"full_units": FULL_UNITS}
    old = family in ("ampere", "ada")
    if part in PRODUCTS:
        # DeepGEMM on Hopper cuts blocks of 128 rows and is slow on those that are not full; others choose freely.
        return {"tile_rows": 128.0} if (family, part) == ("hopper", "fp8_block") else {"tile_rows": 1.0, "padding": 1.0}
    if part.startswith("decode"):
        split = NO_SPLIT if family == "ada" and part.endswith("fp8") else ANY_SPLIT
        return {"group_limit": 32.0, "split_limit": split}
    if part in ("latent", "latent_fp8"):
        wide = old or (family, part) == ("hopper", "latent_fp8")
        return {"head_tile": 64.0 if wide else 32.0, "split_limit": NO_SPLIT if old else ANY_SPLIT}
    return {}


@dataclass(frozen=True)
class Job:
    """The rows of one table that fit one part of one family, grouped by mode."""

    table: str
    part: str
    family: str
    gpu: np.ndarray
    fitted: np.ndarray
    measured: np.ndarray
    groups: tuple[tuple[Mode, np.ndarray], ...]
    chips: Accelerator
    sizes: Mapping[str, np.ndarray]
    rows: np.ndarray
    """Line of each row in its table's file, after the header, among the rows read."""

    def seconds(self, family: Any) -> np.ndarray:
        """Predicted time of all rows."""
        made = np.empty(len(self.measured))
        for mode, rows in self.groups:
            size = {key: value[rows] for key, value in self.sizes.items()}
            made[rows] = self._seconds(family, mode, _rows(self.chips, rows), size)
        return made

    def _seconds(self, family: Any, mode: Mode, chips: Accelerator, size: Mapping[str, np.ndarray]) -> np.ndarray:
        if self.table == "collectives":
            return collective_seconds(family, self.part, chips.scale_up_bandwidth, size)
        if self.table == "moe_alltoall":
            return exchange_seconds(family, mode, self.family, chips.scale_up_bandwidth, size)
        return TIMED[self.table].seconds(Kernels(accelerator=chips, family=family, warm=True), mode, size)

    @property
    def residual(self) -> str:
        """Which residual of the family these rows belong to."""
        if self.table == "collectives":
            return "collectives"
        return "exchange" if self.table == "moe_alltoall" else TIMED[self.table].residual(self.groups[0][0])

    def only(self, keep: np.ndarray) -> Job:
        """The same job on some of its rows."""
        index = np.flatnonzero(keep)
        place = np.full(len(keep), -1)
        place[index] = np.arange(len(index))
        groups = tuple((mode, place[rows[keep[rows]]]) for mode, rows in self.groups)
        return replace(
            self,
            gpu=self.gpu[index],
            fitted=self.fitted[index],
            measured=self.measured[index],
            groups=tuple((mode, rows) for mode, rows in groups if len(rows)),
            chips=_rows(self.chips, index),
            sizes={key: value[index] for key, value in self.sizes.items()},
            rows=self.rows[index],
        )


def _rows(chips: Accelerator, rows: np.ndarray) -> Accelerator:
    values = {item.name: getattr(chips, item.name) for item in fields(Accelerator)}
    return Accelerator(**{name: value[rows] for name, value in values.items() if value is not None})


def part_of(table: str, mode: Mode) -> str:
    """Which part of a family times a mode of a table."""
    if table == "collectives":
        return COLLECTIVE_PARTS[mode[0], mode[1]]
    return exchange_part(mode) if table == "moe_alltoall" else TIMED[table].part(mode)


def read_accelerator(record: str) -> Accelerator:
    """A chip's spec from the catalog."""
    text = yamltext.read(CATALOG / f"{record}.yaml")
    return records.decode(text, id=record, layer="chip", types={"Accelerator": Accelerator}).spec(Accelerator)


def read_rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_tables(folder: Path, family: str, gpus: Sequence[str], exchanges: bool) -> dict[str, list[dict[str, str]]]:
    """Rows of each table that are of a family's chips and library, or of a platform's exchanges."""
    if family == VLLM:
        rows = read_rows(folder / "kernel_power_b200.csv")
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        return {
            table: [dict(zip(chosen, cells, strict=True)) for cells in zip(*chosen.values(), strict=True)]
            for table, (_, chosen) in powered_rows(columns).items()
        }
    tables = ("moe_alltoall",) if exchanges else (*TIMED, "collectives")
    found = {table: [row for row in read_rows(folder / f"{table}.csv") if row["gpu"] in gpus] for table in tables}
    if "collectives" in found:
        found["collectives"] = fastest(found["collectives"])
    return found


def fastest(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The fastest of rows that differ in nothing but time: engines repeat collectives with and without a graph."""
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        key = tuple(value for name, value in row.items() if name != "latency_ms")
        if key not in kept or float(row["latency_ms"]) < float(kept[key]["latency_ms"]):
            kept[key] = row
    return list(kept.values())


def read_jobs(folder: Path, family: str, exchanges: bool = False) -> list[Job]:
    """All jobs of a family, or of a platform's exchanges."""
    gpus = [gpu for gpu, platform in PLATFORMS.items() if platform == family] if exchanges else FAMILIES[family]
    accelerators = {gpu: read_accelerator(GPUS[gpu]) for gpu in gpus}
    jobs = []
    for table, rows in read_tables(folder, family, gpus, exchanges).items():
        configuration = powered_names(table) if family == VLLM else (*WORDS[table], *SIZES[table])
        sizes = configuration[len(WORDS[table]) :]
        parts: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            parts.setdefault(part_of(table, tuple(row[word] for word in WORDS[table])), []).append(index)
        for part, lines in parts.items():
            chosen = [rows[line] for line in lines]
            groups = modes([[row[word] for row in chosen] for word in WORDS[table]])
            jobs.append(
                Job(
                    table=table,
                    part=part,
                    family=family,
                    gpu=np.array([row["gpu"] for row in chosen]),
                    fitted=np.array([is_fitted_kernel(row, configuration) for row in chosen]),
                    measured=np.array([_measured(row) for row in chosen]),
                    groups=tuple(groups.items()),
                    chips=stacked([accelerators[row["gpu"]] for row in chosen]),
                    sizes={name: numbers(row[name] for row in chosen) for name in sizes},
                    rows=np.array(lines),
                )
            )
    return jobs


def _measured(row: Mapping[str, str]) -> float:
    return float(row["latency_us"]) / 1e6 if "latency_us" in row else float(row["latency_ms"]) / 1e3


@dataclass(frozen=True)
class Fit:
    """Parameters of a part, and the standard error of their logarithms."""

    values: Mapping[str, float]
    errors: Mapping[str, float]
    cost: float


def fit(job: Job, family: str) -> Fit:
    """The best parameters over all starts, then what bends their time, by least squares on its logarithm."""
    fixed = constants(family, job)
    starts = STARTS[part_class(job.part)]
    best = min((solved(job, start, fixed, PRIOR) for start in starts), key=lambda found: found.cost)
    if job.part not in KERNELS:
        return best
    axes = PARTS[f"{job.part}_bend"]
    start = {f"bend_{item.name}": BEND for item in fields(axes)}
    bend = solved(job, start, best.values, BEND_PRIOR)
    return Fit(bend.values, bend.errors | best.errors, bend.cost)


def solved(job: Job, start: Start, fixed: Mapping[str, float], prior: float) -> Fit:
    """Parameters that soft-L1 least squares finds from a start, with others fixed."""
    names = [name for name in start if name not in fixed]
    first, low, high = (np.log([start[name][index] for name in names]) for index in range(3))

    def residuals(x: np.ndarray) -> np.ndarray:
        time = job.seconds(_family(job, dict(zip(names, np.exp(x), strict=True)) | fixed))
        return np.concatenate([np.log(time / job.measured), prior * (x - first)])

    found = least_squares(residuals, first, bounds=(low, high), loss="soft_l1", f_scale=SOFT, max_nfev=60)
    spread = np.median(np.abs(found.fun[: len(job.measured)])) / 0.6745
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * spread**2
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    values = dict(zip(names, np.exp(found.x), strict=True)) | fixed
    return Fit(values, dict(zip(names, errors, strict=True)) | dict.fromkeys(fixed, 0.0), found.cost)


def _family(job: Job, values: Mapping[str, float]) -> Parted:
    own = {f"{job.part}_{name}": value for name, value in values.items()}
    if job.part in EXCHANGE_PARTS:
        return ExchangeFamily(**own)
    return KernelFamily(**own, warm_gain=WARM_GAIN.get(job.family))


@dataclass(frozen=True)
class Judged:
    """Measured over predicted time of held-out rows, and which table's residual they belong to."""

    table: str
    ratio: np.ndarray


def judge(job: Job, family: str, values: Mapping[str, float]) -> Judged:
    """How a part fares on rows that did not fit it."""
    held = job.only(~job.fitted)
    return Judged(job.residual, held.measured / held.seconds(_family(job, values)))


def left_out(job: Job, family: str) -> dict[str, np.ndarray]:
    """Measured over predicted time of the held-out rows of each chip, fitted on the family's others."""
    found = {}
    for gpu in sorted(set(job.gpu)):
        others, own = job.only((job.gpu != gpu) & job.fitted), job.only((job.gpu == gpu) & ~job.fitted)
        if len(others.measured) >= ENOUGH and len(own.measured):
            found[gpu] = own.measured / own.seconds(_family(own, fit(others, family).values))
    return found


ENOUGH = 8
"""Rows below which a part is not fitted."""


def figures(ratio: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error, in per cent, and rows."""
    if not len(ratio):
        return "-"
    error = np.abs(1.0 / ratio - 1.0) * 100
    return f"{np.median(error):.1f}/{np.percentile(error, 90):.1f} n={len(ratio)}"


@dataclass(frozen=True)
class Value:
    """A number of a record, with its 5-95 % range and how it is known."""

    value: float
    low: float
    high: float
    kind: str
    source: str
    note: str = ""


NORMAL_95 = 1.645
LEAST_SPREAD = 0.02
"""Half width below which no fitted parameter is claimed to be known."""


def fitted_values(part: str, found: Fit) -> dict[str, Value]:
    """A fit as values of the flat record; ranges from the fit's standard errors."""
    made = {}
    for name, value in found.values.items():
        error = found.errors[name]
        width = np.exp(min(max(NORMAL_95 * error, LEAST_SPREAD), np.log(3.0))) if error else 1.0
        made[f"{part}_{name}"] = Value(value, value / width, value * width, "derived", SOURCE)
    return made


@dataclass(frozen=True)
class Result:
    """All of one family: its values, the chips that each part was fitted on, and its errors in words."""

    values: dict[str, Value]
    fitted_on: dict[str, str]
    residual: dict[str, str]
    left_out: dict[str, dict[str, str]]

    @property
    def text(self) -> dict[str, Any]:
        """What the record says in words."""
        made = {"fitted_on": self.fitted_on, "residual": self.residual, "left_out": self.left_out}
        return {name: words for name, words in made.items() if words}


Ratios = dict[str, list[np.ndarray]]


def fit_family(
    folder: Path, family: str, everything: dict[str, Ratios], leave_out: bool, exchanges: bool = False
) -> Result:
    """Fit and judge all parts of a family or platform; adds held-out ratios by table to `everything`."""
    values: dict[str, Value] = {}
    fitted_on: dict[str, str] = {}
    groups: dict[str, Ratios] = {}
    for job in read_jobs(folder, family, exchanges):
        if job.fitted.sum() < ENOUGH:
            print(f"{family:10} {job.part:20} only {len(job.measured)} rows: not fitted")
            continue
        found = fit(job.only(job.fitted), family)
        values |= fitted_values(job.part, found)
        fitted_on[job.part] = " ".join(sorted({GPUS[gpu] for gpu in job.gpu}))
        judged = judge(job, family, found.values)
        other = left_out(job, family) if leave_out else {}
        group = groups.setdefault(judged.table, {})
        for name, ratio in {"held": judged.ratio, **other}.items():
            group.setdefault(name, []).append(ratio)
        apart = np.concatenate(list(other.values())) if other else np.array([])
        for name, ratio in (("held", judged.ratio), ("apart", apart)):
            everything.setdefault(judged.table, {}).setdefault(name, []).append(ratio)
        shown = " ".join(f"{name}={value:.3g}" for name, value in found.values.items())
        print(f"{family:10} {job.part:20} {figures(judged.ratio):20} left out {figures(apart):18} {shown}", flush=True)
    errors: dict[str, str] = {}
    missing: dict[str, dict[str, str]] = {}
    for table, ratios in groups.items():
        by_chip = {name: np.concatenate(parts) for name, parts in ratios.items()}
        held = by_chip.pop("held")
        apart = np.concatenate(list(by_chip.values())) if by_chip else np.array([])
        errors[table] = f"held-out rows {figures(held)}; held-out rows of a chip left out of the fit {figures(apart)}"
        missing |= {table: {GPUS[gpu]: plain_figures(ratio) for gpu, ratio in by_chip.items()}} if by_chip else {}
        values |= residual_values("residual" if exchanges else f"{table}_residual", held)
        if not exchanges and table != "collectives":
            values |= scaled_values(table, held, apart)
    if not exchanges:
        values |= shared_values() | bounded_values() | chip_values(family)
    return Result(values, fitted_on, errors, missing)


def plain_figures(ratio: np.ndarray) -> str:
    """Rows, median and 90th percentile of the absolute error."""
    error = np.abs(1.0 / ratio - 1.0)
    return f"{len(ratio)} {np.median(error):.4f} {np.percentile(error, 90):.4f}"


def residual_values(part: str, ratio: np.ndarray) -> dict[str, Value]:
    """5th and 95th percentile of measured over predicted time."""
    made = {}
    for name, level in (("low", 5), ("high", 95)):
        value = float(np.percentile(ratio, level))
        made[f"{part}_{name}"] = Value(value, value, value, "derived", SOURCE)
    return made


SCALED_POWER = 1.5
"""Power of a family's own residual that holds for its other chips, where one chip alone was measured."""


def scaled_values(table: str, held: np.ndarray, apart: np.ndarray) -> dict[str, Value]:
    """Residual of chips without rows of their own: never narrower than that of chips with some."""
    made = {}
    own, other = residual_values("", held), residual_values("", apart) if len(apart) else None
    for side, choose in (("low", min), ("high", max)):
        value = own[f"_{side}"].value
        if other is None:
            note = "measured on one chip: its residual to the power of 1.5"
            value = value**SCALED_POWER
            made[f"{table}_scaled_{side}"] = Value(value, value, value, "assumption", "assumption", note)
        else:
            value = choose(value, other[f"_{side}"].value)
            made[f"{table}_scaled_{side}"] = Value(value, value, value, "derived", SOURCE)
    return made


def chip_values(family: str) -> dict[str, Value]:
    """What sets other chips of the family apart: slower matrix units, and no operands in the cache."""
    chips = [read_accelerator(GPUS[gpu]) for gpu in FAMILIES[family]]
    peak = min(float(chip.peak_bf16 / chip.compute_units) for chip in chips)
    made = {"unit_peak": Value(peak, peak, peak, "derived", SOURCE, "peaks and units of the chips' records")}
    if family in WARM_GAIN:
        gain = WARM_GAIN[family]
        made["warm_gain"] = Value(gain, gain / 1.5, gain * 1.5, "derived", SOURCE, "chosen among gains of 1 to 5")
    return made


def bounded_values() -> dict[str, Value]:
    """Residual of kernels of which no row of the generation was measured."""
    note = "no measurements of the kernel: half to twice the prediction is expected"
    return {f"bounded_{side}": replace(value, note=note) for side, value in PRIOR_RESIDUAL.items()}


def shared_values() -> dict[str, Value]:
    """Element-wise operators and mixers, which the tables do not time."""
    return {
        "vector_bandwidth_efficiency": Value(0.8, 0.7, 0.93, "estimate", "aiconfigurator-systems", "mem_bw_empirical"),
        "vector_launch": Value(
            3e-6, 2e-6, 5e-6, "estimate", "aiconfigurator-systems", "mem_empirical_constant_latency"
        ),
        "vector_efficiency": Value(
            0.3,
            0.1,
            0.6,
            "assumption",
            "assumption",
            "scans and indexers use small tiles; attention reaches 0.5 to 0.7",
        ),
        "vector_overlap": Value(
            2.0, 1.0, 6.0, "assumption", "assumption", "between one after the other and full overlap"
        ),
    }


RATES = ("efficiency", "staging", "fill_blocks", "overlap")
"""Parameters that a borrowed kernel keeps within a factor of 1.5; others within 2."""


def copied(
    values: Mapping[str, Value], part: str, to: str, note: str, rate: float = 1.0, time: float = 1.0
) -> dict[str, Value]:
    """A part's values under another name, as estimates: efficiencies times `rate`, times per block times `time`."""
    made = {}
    for item in fields(PARTS[part]):
        old = values[f"{part}_{item.name}"]
        factor = rate if item.name == "efficiency" else time if item.name in PER_BLOCK else 1.0
        width = 1.0 if item.name in FIXED else 1.5 if item.name.endswith(RATES) else 2.0
        value = old.value * factor
        made[f"{to}_{item.name}"] = Value(value, value / width, value * width, "estimate", SOURCE, note)
    return made


PER_BLOCK = ("step_time", "score_time", "value_time", "key_time", "block_time", "head_time")
FIXED = ("head_tile", "group_limit", "split_limit", "tile_rows")

BORROWED = (
    ("int8", "fp8"),
    ("experts_int8", "experts_fp8"),
    ("prefill_fp8", "prefill"),
    ("latent_prefill_fp8", "latent_prefill"),
    ("decode_fp8", "decode"),
    ("latent_fp8", "latent"),
)
"""Parts that a family without measurements of them takes from a part of its own."""

WEIGHT_ONLY = ("int8_weight", "int4_weight")
"""Products that were measured on one family alone; the others take them from it."""


def borrow(results: dict[str, Result]) -> None:
    """Give fitted families the parts that were not measured on them, as estimates."""
    for family, result in results.items():
        for part, own in BORROWED:
            if f"{part}_launch" not in result.values and f"{own}_launch" in result.values:
                result.values.update(copied(result.values, own, part, f"not measured on this family: taken from {own}"))
        for part in WEIGHT_ONLY:
            if "ampere" in results and f"{part}_launch" not in result.values:
                lent = copied(results["ampere"].values, part, part, "measured on Ampere only")
                result.values.update(lent)
        lender = results.get("hopper")
        if lender and family != "hopper" and "experts_fp4_weight_launch" not in result.values:
            result.values.update(
                copied(lender.values, "experts_fp4_weight", "experts_fp4_weight", "taken from the Hopper family")
            )


@dataclass(frozen=True)
class Prior:
    """A family without kernel measurements: whose parameters it starts from, and what is known of it."""

    name: str
    vendor: str
    bases: tuple[str, ...]
    rate: float
    units: float
    units_range: tuple[float, float]
    note: str


PRIORS = {
    "rubin": Prior(
        "Rubin kernels",
        "NVIDIA",
        ("blackwell",),
        1.0,
        224.0,
        (148.0, 296.0),
        "No measurements: Blackwell's parameters.",
    ),
    "blackwell-graphics": Prior(
        "Kernels of Blackwell graphics dies",
        "NVIDIA",
        ("blackwell", "ada"),
        1.0,
        188.0,
        (142.0, 192.0),
        "No measurements. The dies have Blackwell's formats but are programmed as Ada: the mean of both families, "
        "and Blackwell's alone where Ada lacks the format.",
    ),
    "cdna": Prior(
        "CDNA 3 to 5 kernels",
        "AMD",
        ("hopper", "blackwell"),
        0.76,
        256.0,
        (228.0, 304.0),
        "Matrix-unit efficiencies times 0.76: largest measured matmul shares of peak are 0.514, 0.604 and 0.680 "
        "(MI300X, MI325X, MI355X, bf16) where H100 and B200 reach 0.803 and 0.776.",
    ),
    "gaudi": Prior(
        "Gaudi 3 kernels",
        "Intel",
        ("hopper", "blackwell"),
        0.94,
        8.0,
        (8.0, 8.0),
        "Matrix-unit efficiencies times 0.94: largest measured matmul share of peak is 0.741 (bf16) where H100 and "
        "B200 reach 0.803 and 0.776.",
    ),
    "tpu": Prior(
        "TPU kernels",
        "Google",
        ("hopper", "blackwell"),
        1.07,
        2.0,
        (1.0, 2.0),
        "Matrix-unit efficiencies times 1.07: large matmuls reach 0.90 of peak on v6e and 0.83 on v7, where H100 and "
        "B200 reach 0.803 and 0.776. Training reaches an MFU of 0.55 (v4), 0.59 (v5e), 0.66 (v5p), 0.44 (v6e) and "
        "0.33 (v7): newer generations fall far short of their matmuls.",
    ),
    "trainium": Prior(
        "Trainium and Inferentia kernels",
        "AWS",
        ("hopper", "blackwell"),
        0.7,
        8.0,
        (2.0, 8.0),
        "No kernel measurements. Matrix-unit efficiencies times 0.7: published steps on Trainium1 and Inferentia2 "
        "take 1.4 to 1.5 times those of the Hopper parameters.",
    ),
    "maia": Prior(
        "Maia kernels", "Microsoft", ("hopper", "blackwell"), 0.8, 64.0, (16.0, 256.0), "No measurements at all."
    ),
    "mtia": Prior("MTIA kernels", "Meta", ("hopper", "blackwell"), 0.8, 64.0, (16.0, 256.0), "No measurements at all."),
    "custom": Prior(
        "Kernels of custom accelerators",
        "",
        ("hopper", "blackwell"),
        0.8,
        64.0,
        (16.0, 256.0),
        "No measurements at all; a new chip's first libraries fall short of mature ones.",
    ),
}
LOW_EFFICIENCY_NOTE = "estimate from other families' measured kernels; see the record's note"
GPU_UNITS = 140.0
"""Units of the measured families' chips: times per block and unit shrink where fewer, larger units work."""
PRIOR_RESIDUAL = {
    "low": Value(0.6, 0.5, 0.8, "assumption", "assumption"),
    "high": Value(2.2, 1.6, 3.0, "assumption", "assumption"),
}


def prior_values(prior: Prior, results: Mapping[str, Result]) -> dict[str, Value]:
    """Values of a family without measurements: geometric means of its bases, scaled, with wide ranges."""
    made: dict[str, Value] = {}
    bases = [results[name].values for name in prior.bases]
    for part, cls in PARTS.items():
        having = [values for values in bases if f"{part}_{fields(cls)[0].name}" in values]
        if not having or part not in (*KERNELS, "vector") or part == "experts_fp4_latency":
            continue
        mean = {
            name: _mean(name, [values[name] for values in having])
            for name in (f"{part}_{item.name}" for item in fields(cls))
        }
        few = min(1.0, prior.units / GPU_UNITS)
        made |= copied(mean, part, part, LOW_EFFICIENCY_NOTE, rate=prior.rate, time=few)
    for table in TABLES:
        for name, value in bounded_values().items():
            made[f"{table}_{name.replace('bounded', 'residual')}"] = value
    low, high = prior.units_range
    made["compute_units"] = Value(prior.units, low, high, "estimate", "assumption", "of a typical chip of the family")
    return made | shared_values() | bounded_values()


def _mean(name: str, values: Sequence[Value]) -> Value:
    if name.endswith(FIXED):
        return values[0]
    return replace(values[0], value=float(np.exp(np.mean([np.log(one.value) for one in values]))))


NAMES = {"ampere": "Ampere kernels", "ada": "Ada kernels", "hopper": "Hopper kernels", "blackwell": "Blackwell kernels"}
NAMES[VLLM] = "Blackwell kernels of vLLM"
FITTED_NOTE = (
    "Fitted on half of the configurations of each table, by soft-L1 least squares on the logarithm of time; ranges "
    "are the fit's standard errors, and the residual fields say where single measurements lie around a prediction."
)


def write_record(
    id: str, cls: type, name: str, vendor: str, note: str, text: Mapping[str, Any], values: Mapping[str, Value]
) -> None:
    """One YAML record, a line per number."""
    units = unit_fields(cls)
    lines = [f"type: {cls.__name__}", f"name: {name}"]
    lines += [f"vendor: {vendor}"] if vendor else []
    lines += [f"edition: {EDITION}", f"note: {_quoted(note)}"]
    if text:
        lines += ["text:", *_indented(text, "  ")]
    lines.append("values:")
    for key in units:
        if (value := values.get(key)) is not None:
            lines.append(f"  {key}: {_datum(value, str(units[key]))}")
    (CATALOG / f"{id}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _indented(text: Mapping[str, Any], before: str) -> list[str]:
    lines = []
    for key, words in text.items():
        if isinstance(words, Mapping):
            lines += [f"{before}{key}:", *_indented(words, before + "  ")]
        else:
            lines.append(f"{before}{key}: {_quoted(words)}")
    return lines


def _datum(value: Value, unit: str) -> str:
    shown = SHOWN.get(unit, (unit if unit != "1" else "", 1.0))
    numbers = [f"{name}: {_shown(getattr(value, name), *shown)}" for name in ("value", "low", "high")]
    where = "" if value.source == "assumption" else f", where: {WHERE.get(value.source, 'whole')}"
    note = f", note: {_quoted(value.note)}" if value.note else ""
    date = f", date: {EDITION}" if value.kind == "derived" else ""
    return "{" + f"{', '.join(numbers)}, source: {value.source}{where}, kind: {value.kind}{date}{note}" + "}"


SHOWN = {
    "s": ("us", 1e6),
    "FLOP/s": ("TFLOP/s", 1e-12),
    "byte/s": ("GB/s", 1e-9),
    "J/FLOP": ("pJ/FLOP", 1e12),
    "J/byte": ("pJ/byte", 1e12),
}
"""Units of the record for SI units: text and factor."""

WHERE = {SOURCE: "kernel tables", "aiconfigurator-systems": "gpu section of the system files"}


def _shown(value: float, unit: str, factor: float) -> str:
    return f"{value * factor:.4g} {unit}".strip()


def _quoted(words: str) -> str:
    return '"' + words.replace('"', "'") + '"'


def main() -> None:
    """Fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--only", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--no-leave-out", action="store_true")
    arguments = parser.parse_args()
    everything: dict[str, Ratios] = {}
    results = {
        family: fit_family(arguments.measured, family, everything, not arguments.no_leave_out)
        for family in arguments.only
    }
    exchanges = {
        platform: fit_family(arguments.measured, platform, everything, not arguments.no_leave_out, exchanges=True)
        for platform in EXCHANGES
    }
    for table, found in everything.items():
        held, apart = (np.concatenate(found[key]) for key in ("held", "apart"))
        print(f"all        {table:20} {figures(held):20} left out {figures(apart)}")
    if arguments.no_write or set(results) != set(FAMILIES):
        return
    borrow(results)
    for family, result in results.items():
        write_record(
            f"kernels-{family}", KernelFamily, NAMES[family], "NVIDIA", FITTED_NOTE, result.text, result.values
        )
    for platform, result in exchanges.items():
        name = f"Expert exchanges on {platform.replace('-', ' ').title()}"
        write_record(f"kernels-exchange-{platform}", ExchangeFamily, name, "", FITTED_NOTE, result.text, result.values)
    for family, prior in PRIORS.items():
        write_record(
            f"kernels-{family}", KernelFamily, prior.name, prior.vendor, prior.note, {}, prior_values(prior, results)
        )


if __name__ == "__main__":
    main()
