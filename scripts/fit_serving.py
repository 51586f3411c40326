"""Fit the overheads of software stacks on served models, judge them on other rows, and write the records.

    python scripts/fit_serving.py E2E_SERVING_CSV INFERENCE_CSV [--only STACK ...] [--no-write]

Both tables have the columns that docs/commands/validate.md names. Rows of one stack are replayed as
``stackwright validate`` does; its overheads and scales are fitted to the logarithm of measured times by
least squares with a Cauchy loss, each with a prior around a start of its own. Half of the rows are fitted and
the other half judged: halves go by a hash of the configuration, so that copies of a row under other names
fall into the same half. Run scripts/fit_kernels.py first.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from csv_rows import read_table
from record_edits import Edit, rewrite
from scipy.optimize import least_squares

from stackwright.catalog import Catalog
from stackwright.evidence.inference import LATENCIES, read_row, wanted_figure
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import Bench, Reading, Replayed, Wanted
from stackwright.evidence.serving_rows import read_serving_row
from stackwright.evidence.splits import is_fitted
from stackwright.interface.software import SoftwareStack

RECORDS = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog" / "records" / "interface"

SCATTER = {"tpot": 0.06, "ttft": 0.35}
"""Scatter of a row, standard deviation of the logarithm, against which priors count: TTFT depends on when
requests arrive, which no table says."""
FOLLOWS_STEP = ("decode_step_time", "tpot_p50", "tpot", "itl_p50", "tokens_per_s")
PASSES = ("decode_step_time", "tpot_p50", "tpot", "itl_p50", "prefill_time")
"""Metrics that are the time of passes, without any wait: their residual is the stack's."""

START: Mapping[str, tuple[float, float]] = {
    "step_overhead": (1.0e-3, 2.0),
    "kernel_overhead": (2.5e-6, 2.0),
    "sequence_overhead": (1.5e-5, 2.5),
    "prefill_overhead": (6.4e-2, 3.0),
    "gemm_scale": (0.87, 1.25),
    "attention_scale": (0.72, 1.4),
    "experts_scale": (0.6, 1.5),
    "prefill_scale": (1.22, 1.4),
}
"""Start of engines that capture graphs, and the factor that is one standard deviation of the prior."""

WITHOUT_GRAPHS = {
    "step_overhead": (2.3e-3, 2.0),
    "kernel_overhead": (8e-6, 1.5),
    "layer_overhead": (7e-5, 2.0),
    "sequence_overhead": (2.3e-4, 2.0),
    "prefill_overhead": (3e-2, 3.0),
    "gemm_scale": (1.0, 1.15),
    "attention_scale": (1.0, 1.4),
    "prefill_scale": (1.3, 1.4),
}

LIMITS = {
    "gemm_scale": (0.82, 1.5),
    "attention_scale": (0.5, 4.0),
    "experts_scale": (0.4, 2.0),
    "prefill_scale": (1.0, 2.5),
}
"""Where a scale may lie: isolated products reach 0.83 of the peak, so a lower scale would exceed it in prefill."""

UNITS = {"step_overhead": ("ms", 1e3), "prefill_overhead": ("ms", 1e3)}
UNITS |= dict.fromkeys(("kernel_overhead", "layer_overhead", "sequence_overhead"), ("us", 1e6))


@dataclass(frozen=True)
class Job:
    """A stack, the rows that it is fitted on, and where its parameters start."""

    stack: str
    start: Mapping[str, tuple[float, float]]
    source: str
    metrics: tuple[str, ...] = ("ttft", "tpot")
    flat: float = 1.5
    """Residual, in units of the scatter, beyond which a row counts ever less: a switch that no column tells of
    (drafts, attention ranks, a limit on running sequences) moves a row by half or more and tells nothing of
    overheads."""


JOBS = (
    Job("tensorrt-llm-2026", START, "served-models-fit"),
    Job("sglang-2026", START, "served-models-fit"),
    Job("vllm-2026", START, "served-models-fit"),
    Job("engines-2023", WITHOUT_GRAPHS, "splitwise-profiles", ("prefill_time", "decode_step_time")),
    Job("vllm-2025", START, "ml-energy-fit", ("itl_p50", "tokens_per_s")),
    Job("neuron-nxd", START, "neuron-benchmarks-fit", ("ttft_p50", "tpot_p50"), flat=6.0),
)


@dataclass(frozen=True)
class Served:
    """Rows of one stack with what each measured: arrays run along readings."""

    readings: Sequence[Reading]
    wanted: Sequence[Wanted]
    metric: np.ndarray
    measured: np.ndarray
    model: np.ndarray
    half: np.ndarray

    def __len__(self) -> int:
        return len(self.readings)

    def where(self, chosen: np.ndarray) -> Served:
        """Some of the rows."""
        index = np.flatnonzero(chosen)
        arrays = {item.name: getattr(self, item.name) for item in fields(self)}
        return Served(
            **{
                name: value[index] if isinstance(value, np.ndarray) else [value[at] for at in index]
                for name, value in arrays.items()
            }
        )

    def predict(self, bench: Bench) -> Predictions:
        """What the bench's stacks predict."""
        return Replayed(self.readings, bench).predict(self.wanted)


Table = Sequence[Mapping[str, str]]


def read_served(job: Job, serving: Table, inference: Table, bench: Bench) -> Served:
    """The rows that a stack is fitted on and judged by; disaggregated ones leave too much open."""
    found: list[tuple[Reading, Wanted, str, float, str, bool]] = []
    for row in serving:
        reading = read_serving_row(row, bench)
        if row["mode"] != "agg" or not _is_of(job, reading) or "tpot" not in job.metrics:
            continue
        half = is_fitted("e2e_serving", row["source"], row)
        for metric in job.metrics:
            wanted = Wanted(LATENCIES[metric][0], 1e3)
            found.append((reading, wanted, metric, float(row[f"{metric}_ms"]), row["model"], half))
    for row in inference:
        wanted_one = wanted_figure(row)
        if row["metric"] not in job.metrics or wanted_one is None:
            continue
        reading = read_row(row, bench)
        if not _is_of(job, reading):
            continue
        half = is_fitted("inference", row["source_id"], row)
        found.append((reading, wanted_one, row["metric"], float(row["value"]), row["model"], half))
    readings, wanted_all, metric, measured, model, halves = zip(*found, strict=True)
    return Served(readings, wanted_all, np.array(metric), np.array(measured), np.array(model), np.array(halves))


def _is_of(job: Job, reading: Reading) -> bool:
    return {run.software for _, run in reading.runs} == {job.stack}


def fit(job: Job, rows: Served, catalog: Catalog, record: SoftwareStack) -> tuple[dict[str, float], np.ndarray]:
    """Parameters nearest to measured times, and the standard deviation of each one's logarithm."""
    names = list(job.start)
    first = np.log([job.start[name][0] for name in names])
    prior = np.log([job.start[name][1] for name in names])
    scatter = np.array([SCATTER["tpot" if name in FOLLOWS_STEP else "ttft"] for name in rows.metric])
    counts = Counter(rows.model)
    weight = np.array([counts[name] ** -0.25 for name in rows.model]) / scatter

    def residuals(x: np.ndarray) -> np.ndarray:
        stack = replace(record, **dict(zip(names, np.exp(x), strict=True)))
        made = rows.predict(Bench(catalog, {job.stack: stack}))
        known = np.array([reason is None for reason in made.reason])
        error = np.where(known, np.log(np.where(known, made.value, 1.0) / rows.measured), 0.0)
        return np.concatenate([weight * error, (x - first) / prior])

    low, high = np.log([LIMITS.get(name, (1e-9, 10.0)) for name in names]).T
    found = least_squares(
        residuals, first, bounds=(low, high), loss="cauchy", f_scale=job.flat, diff_step=0.02, max_nfev=8
    )
    spread = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    return dict(zip(names, np.exp(found.x), strict=True)), spread


def ratios(rows: Served, bench: Bench) -> np.ndarray:
    """Measured over predicted; NaN marks a row that cannot be predicted."""
    made = rows.predict(bench)
    return np.where([reason is None for reason in made.reason], rows.measured / np.maximum(made.value, 1e-300), np.nan)


def figures(ratio: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error, in percent, and the number of rows."""
    error = np.abs(1.0 / ratio[np.isfinite(ratio)] - 1.0) * 100.0
    return f"{np.median(error):.1f}/{np.quantile(error, 0.9):.1f} n={len(error)}"


def edits(job: Job, fitted: Mapping[str, float], spread: np.ndarray, own: np.ndarray) -> dict[str, Edit]:
    """The record's numbers: 90 % ranges of the parameters, and the residual as the range of the step time."""
    made = {}
    for (name, value), deviation in zip(fitted.items(), spread, strict=True):
        unit, factor = UNITS.get(name, ("", 1.0))
        reach = float(np.exp(1.645 * deviation))
        shown = value * factor
        made[name] = Edit(shown, shown / reach, shown * reach, unit, job.source, "half of the rows", "derived")
    low, high = (float(level) for level in np.quantile(own, [0.05, 0.95]))
    note = "5-95 % of measured over predicted times of passes, of rows that state all their inputs"
    made["time_spread"] = Edit(1.0, min(low, 0.95), max(high, 1.05), "", job.source, "residual", "derived", note)
    return made


def fit_stack(job: Job, rows: Served, catalog: Catalog, write: bool) -> None:
    """Fit one stack, print its errors before and after on rows that were not fitted, and write its record."""
    bench = Bench(catalog)
    record = bench.stack(job.stack)
    fitted, spread = fit(job, rows.where(rows.half), catalog, record)
    after = Bench(catalog, {job.stack: replace(record, **fitted)})
    judged = rows.where(~rows.half)
    old, new = ratios(judged, bench), ratios(judged, after)
    for metric in dict.fromkeys(rows.metric):
        chosen = judged.metric == metric
        bias = float(np.nanmedian(1.0 / new[chosen]))
        errors = f"judged {figures(new[chosen]):20} ratio {bias:.2f} (before {figures(old[chosen])})"
        print(f"{job.stack:18} {metric:17} {errors}")
    print(f"{'':18} " + " ".join(f"{name}={value:.3g}" for name, value in fitted.items()))
    stated = np.array([not reading.imputed for reading in rows.readings])
    step = np.isin(rows.metric, PASSES)
    own = ratios(rows.where(rows.half & step & (stated | ~stated.any())), after)
    if write:
        rewrite(RECORDS / f"{job.stack}.yaml", edits(job, fitted, spread, own[np.isfinite(own)]))


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("serving", type=Path)
    parser.add_argument("inference", type=Path)
    parser.add_argument("--only", nargs="*", default=[job.stack for job in JOBS])
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    catalog = Catalog.load()
    tables = read_table(arguments.serving), read_table(arguments.inference)
    for job in JOBS:
        if job.stack in arguments.only:
            fit_stack(job, read_served(job, *tables, Bench(catalog)), catalog, not arguments.no_write)


if __name__ == "__main__":
    main()
