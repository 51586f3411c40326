"""Fit the overheads of training releases on published runs, judge them on other runs, and write the records.

    python scripts/fit_training.py TRAINING_CSV [--only RELEASE ...] [--no-write]

TRAINING_CSV has the columns that docs/commands/validate.md names. Runs are predicted as ``stackwright
validate`` does. First the parameters common to all GPU releases are fitted, then those of every release with
enough runs around them, by soft-L1 least squares on the logarithm of the step time with a prior on each.
Half of the configurations are fitted, by a hash, and the other half judged; a source with many runs weighs
as the root of their number. Run scripts/fit_kernels.py first: the kernels' times are its.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from record_edits import Edit, rewrite
from scipy.optimize import least_squares

from stackwright.catalog import Catalog
from stackwright.core.records import Record
from stackwright.evidence.calibrate import record_text
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.splits import is_fitted
from stackwright.evidence.training import predict_training

RECORDS = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog" / "records" / "training"
SOURCE = "training-overheads-fit"

TIMES, RATES = ("train_step_time",), ("tokens_per_s_per_accel", "samples_per_s")
SCATTER = 0.12
FEWEST = 6
"""Fitted runs below which a release keeps its record."""
COMMON_RUNS = 20.0
"""Runs that the residual of all releases counts for in the range of one."""


@dataclass(frozen=True)
class Parameter:
    """Start, prior width of the logarithm, limits, and the unit of the record."""

    start: float
    width: float
    low: float
    high: float
    unit: str = ""
    factor: float = 1.0


PARAMETERS = {
    "gemm_scale": Parameter(1.25, 0.12, 0.8, 1.8),
    "attention_backward": Parameter(3.3, 0.15, 1.5, 5.0),
    "elementwise_scale": Parameter(1.44, 0.25, 0.7, 3.0),
    "permutation_scale": Parameter(4.1, 0.5, 1.0, 15.0),
    "tensor_exposed": Parameter(0.29, 0.35, 0.05, 0.8),
    "expert_exposed": Parameter(0.22, 0.5, 0.02, 0.9),
    "data_exposed": Parameter(0.22, 0.35, 0.05, 0.8),
    "kernel_overhead": Parameter(1e-5, 0.6, 1e-7, 1.5e-4, "us", 1e6),
    "step_overhead": Parameter(0.02, 0.4, 5e-3, 0.1, "ms", 1e3),
}

OTHER_CHIPS = ("maxtext", "neuronx", "rocm")
"""Starts of releases on other vendors' chips: the common parameters are those of NVIDIA GPUs."""


@dataclass(frozen=True)
class Runs:
    """Published runs; arrays and lists run along them."""

    cells: Sequence[Mapping[str, str]]
    measured: np.ndarray
    rate: np.ndarray
    """True where more is faster."""
    source: np.ndarray
    half: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def where(self, chosen: np.ndarray) -> Runs:
        """Some of the runs."""
        arrays = {item.name: getattr(self, item.name)[chosen] for item in fields(self) if item.name != "cells"}
        return Runs(cells=[self.cells[at] for at in np.flatnonzero(chosen)], **arrays)

    def predict(self, catalog: Catalog) -> Predictions:
        """What a catalog says of them."""
        return predict_training({name: [row[name] for row in self.cells] for name in self.cells[0]}, catalog)

    def slowness(self, catalog: Catalog) -> np.ndarray:
        """Predicted over measured time; NaN where a run cannot be predicted."""
        made = self.predict(catalog)
        known = np.array([reason is None for reason in made.reason])
        ratio = np.where(known, np.where(known, made.value, 1.0) / self.measured, np.nan)
        return np.where(self.rate, 1.0 / ratio, ratio)


def read_runs(path: Path) -> Runs:
    """Runs whose step time, or rate, is stated with the batch and the length that it belongs to."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["metric"] in (*TIMES, *RATES)]
    rows = [row for row in rows if row["global_batch"] and row["seq_len"]]
    return Runs(
        cells=[{name: text for name, text in row.items() if name not in ("value", "source_id")} for row in rows],
        measured=np.array([float(row["value"]) for row in rows]),
        rate=np.array([row["metric"] in RATES for row in rows]),
        source=np.array([row["source_id"] for row in rows]),
        half=np.array([is_fitted("training", row["source_id"], row) for row in rows]),
    )


def changed(records: Sequence[Record], values: Mapping[str, float]) -> Catalog:
    """The catalog with numbers of some releases replaced."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "training").mkdir()
        for record in records:
            moved = {
                name: replace(record.values[name], value=value, low=value, high=value, text="")
                for name, value in values.items()
            }
            text = record_text(replace(record, values={**record.values, **moved}))
            (Path(folder) / "training" / f"{record.id}.yaml").write_text(text, encoding="utf-8")
        return Catalog.load([Path(folder)])


def training_releases(catalog: Catalog) -> list[Record]:
    """Records of training releases."""
    return [record for record in catalog.records("training") if record.type == "TrainingRelease"]


def releases_of(runs: Runs, catalog: Catalog) -> np.ndarray:
    """The release of every run: the one whose multiplier on the step time moves its prediction."""
    before = runs.slowness(catalog)
    found = np.full(len(runs), "", dtype=object)
    for record in training_releases(catalog):
        after = runs.slowness(changed([record], {"time_spread": 2.0}))
        found[np.abs(after / before - 1.0) > 0.1] = record.id
    return found


def fit(runs: Runs, records: Sequence[Record], center: Mapping[str, float]) -> dict[str, float]:
    """Parameters of some releases together that are nearest to measured times, with a prior around a center."""
    names = list(PARAMETERS)
    middle = np.log([center[name] for name in names])
    width = np.array([PARAMETERS[name].width for name in names])
    low, high = (np.log([getattr(PARAMETERS[name], side) for name in names]) for side in ("low", "high"))
    counts = Counter(runs.source)
    weight = np.array([counts[name] ** -0.5 for name in runs.source])
    weight /= np.sqrt(np.mean(weight**2)) * SCATTER

    def residuals(x: np.ndarray) -> np.ndarray:
        error = np.log(runs.slowness(changed(records, dict(zip(names, np.exp(x), strict=True)))))
        return np.concatenate([weight * np.nan_to_num(error), (x - middle) / width])

    start = np.clip(middle, low + 1e-6, high - 1e-6)
    found = least_squares(residuals, start, bounds=(low, high), loss="soft_l1", diff_step=0.02, max_nfev=5)
    return dict(zip(names, np.exp(found.x), strict=True))


def figures(slowness: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error of the time, in percent, and the number of runs."""
    error = np.abs(slowness[np.isfinite(slowness)] - 1.0) * 100.0
    return f"{np.median(error):.1f}/{np.quantile(error, 0.9):.1f} n={len(error)}" if len(error) else "none"


def edits(fitted: Mapping[str, float], spread: tuple[float, float], runs: int) -> dict[str, Edit]:
    """The record's numbers: parameters within their priors, and the residual as the range of the step time."""
    made = {}
    for name, value in fitted.items():
        one = PARAMETERS[name]
        reach, shown = float(np.exp(1.15 * one.width)), value * one.factor
        highest = 1.0 if name.endswith("exposed") else np.inf
        made[name] = Edit(
            shown,
            shown / reach,
            min(shown * reach, highest),
            one.unit,
            SOURCE,
            f"{runs} figures, half of all",
            "derived",
        )
    low, high = min(spread[0], 0.85), max(spread[1], 1.2)
    note = f"5-95 % of measured over predicted times of {runs} fitted figures, drawn to that of all releases"
    made["time_spread"] = Edit(1.0, low, high, "", SOURCE, "residual", "derived", note)
    return made


def shrunk(own: np.ndarray, every: np.ndarray) -> tuple[float, float]:
    """5th and 95th percentile of measured over predicted times, drawn to that of all releases."""
    share = len(own) / (len(own) + COMMON_RUNS)
    low, high = (
        share * np.log(np.quantile(own, level)) + (1.0 - share) * np.log(np.quantile(every, level))
        for level in (0.05, 0.95)
    )
    return float(np.exp(low)), float(np.exp(high))


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    catalog, runs = Catalog.load(), read_runs(arguments.table)
    release = releases_of(runs, catalog)
    records = {record.id: record for record in training_releases(catalog)}
    alike = [record for name, record in records.items() if not name.startswith(OTHER_CHIPS)]
    gpus = np.isin(release, [record.id for record in alike])
    start = {name: one.start for name, one in PARAMETERS.items()}
    common = fit(runs.where(runs.half & gpus), alike, start)
    print("common " + " ".join(f"{name}={value:.3g}" for name, value in common.items()))
    every = 1.0 / runs.where(runs.half & gpus).slowness(changed(alike, common))
    every = every[np.isfinite(every)]
    for name in arguments.only or records:
        own = runs.where((release == name) & runs.half)
        judged = runs.where((release == name) & ~runs.half)
        if len(own) < FEWEST:
            print(f"{name:24} {len(own)} runs: keeps its record")
            continue
        fitted = fit(own, [records[name]], common)
        after = changed([records[name]], fitted)
        held = figures(judged.slowness(after)) if len(judged) else "none"
        before = figures(judged.slowness(catalog)) if len(judged) else "none"
        print(f"{name:24} judged {held:18} (before {before})")
        if not arguments.no_write:
            left = 1.0 / own.slowness(after)
            spread = shrunk(left[np.isfinite(left)], every)
            words = f"half of its figures, fitted on the other {len(own)}: {held} (median and 90th percentile, %)"
            rewrite(RECORDS / f"{name}.yaml", edits(fitted, spread, len(own)), judged=words)


if __name__ == "__main__":
    main()
