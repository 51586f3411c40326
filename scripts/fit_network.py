"""Fit what libraries of collectives and their callers add to the links, judge it on other rows, write the record.

    python scripts/fit_network.py MEASURED_COLLECTIVES_CSV PUBLISHED_COLLECTIVES_CSV [--no-write]

The tables have the columns that docs/commands/validate.md names. Parameters are fitted on half of the rows, by
soft-L1 least squares on the logarithm of time with a weak prior around their starts, and judged on the other
half and on sources that feed no fit. Halves go by a hash of the configuration (stackwright.evidence.splits).
Run scripts/fit_kernels.py first: its kernels time collectives inside a node.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from csv_rows import read_table
from record_edits import Edit, rewrite
from scipy.optimize import least_squares

from stackwright.catalog import Catalog
from stackwright.chip.communication import LIBRARY_RESIDUALS, CollectiveLibrary
from stackwright.evidence.collectives import library_record, predict_collectives, predict_published, read_published
from stackwright.evidence.splits import FEEDS, SIZES, WORDS, is_fitted, is_fitted_kernel

RECORD = Path(__file__).resolve().parents[1] / "src/stackwright/catalog/records/chip/collectives.yaml"

SOFT = 0.1
"""Residual (logarithm) from which an outlier counts by its size, not its square."""

PUBLISHED: Mapping[str, tuple[float, float]] = {
    "reduction_hops": (4.0, 2.0),
    "ports": (16.0, 2.0),
    "proxy_time": (5e-6, 2.0),
    "handshake": (2e-6, 2.0),
    "call_time": (2e-5, 2.0),
    "arrival_spread": (3e-5, 2.0),
}
"""Start of each parameter, and the factor that is one standard deviation of its prior."""

ENGINES: Mapping[str, tuple[float, float]] = {"eager_floor": (2e-5, 2.0), "copy_efficiency": (0.8, 1.3)}

UNITS = dict.fromkeys(("proxy_time", "handshake", "call_time", "arrival_spread", "eager_floor"), ("us", 1000000.0))

SOURCES = dict.fromkeys(PUBLISHED, "published-collectives") | dict.fromkeys(ENGINES, "aiconfigurator-kernels")

ENGINE_KINDS = ("table", "custom", "eager")

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Fit:
    """Fitted parameters, and the standard deviation of their logarithms."""

    values: Mapping[str, float]
    spread: Mapping[str, float]


def columns_of(rows: Rows) -> dict[str, list[str]]:
    """Rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def feeds(row: Mapping[str, str]) -> bool:
    """Whether a published row belongs to a fitted half."""
    source = row["source_id"]
    return source in FEEDS["collectives"] and is_fitted("collectives", source, row)


def fit(starts: Mapping[str, tuple[float, float]], ratio: Callable[[Mapping[str, Any]], np.ndarray]) -> Fit:
    """The parameters at which `ratio`, predicted over measured by parameters, is nearest to one."""
    first = np.log([start for start, _ in starts.values()])
    width = np.log([factor for _, factor in starts.values()])

    def residuals(x: np.ndarray) -> np.ndarray:
        error = np.log(ratio(dict(zip(starts, np.exp(x), strict=True))))
        return np.concatenate([error, SOFT * (x - first) / width])

    found = least_squares(residuals, first, loss="soft_l1", f_scale=SOFT, diff_step=0.02)
    scale = np.median(np.abs(found.fun[: -len(first)])) / 0.6745
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * scale**2
    values = dict(zip(starts, np.exp(found.x), strict=True))
    return Fit(values, dict(zip(starts, np.sqrt(np.diag(covariance)), strict=True)))


def published_ratio(rows: Rows, catalog: Catalog, library: CollectiveLibrary) -> np.ndarray:
    """Predicted over measured time of published rows; bandwidths are turned over."""
    value = predict_published(columns_of(rows), catalog, library).value
    ratio = value / np.array([float(row["value"]) for row in rows])
    return np.where([row["unit"] == "GB/s" for row in rows], 1.0 / ratio, ratio)


def modes_of(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Index of the fastest and of the slowest of rows that differ in nothing but time, where there are two."""
    found: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(rows):
        found.setdefault(tuple(value for name, value in row.items() if name != "latency_ms"), []).append(index)
    timed = [sorted(same, key=lambda index: float(rows[index]["latency_ms"])) for same in found.values()]
    return np.array([same[0] for same in timed]), np.array([same[-1] for same in timed if len(same) > 1])


def eager_ratio(rows: Rows, catalog: Catalog, library: CollectiveLibrary) -> np.ndarray:
    """Predicted over measured time of all-reduces outside of a graph: the upper end of an interval of no width."""
    narrow: dict[str, Any] = dict.fromkeys(("custom_residual_high", "eager_residual_high"), 1.0)
    high = predict_collectives(columns_of(rows), catalog, replace(library, **narrow)).high
    return high / np.array([float(row["latency_ms"]) for row in rows])


def reach(ratio: np.ndarray, source: Sequence[str]) -> tuple[float, float]:
    """5th and 95th percentile of measured over predicted, every source of equal weight."""
    counts = {name: source.count(name) for name in source}
    order = np.argsort(1.0 / ratio)
    weight = np.array([1.0 / counts[name] for name in source])[order]
    level = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    low, high = np.interp([0.05, 0.95], level, (1.0 / ratio)[order])
    return min(float(low), 0.97), max(float(high), 1.03)


def figures(ratio: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error, in per cent, and rows."""
    error = 100 * np.abs(ratio - 1)
    return f"{np.median(error):.1f}/{np.quantile(error, 0.9):.1f} n={len(error)}" if len(error) else "-"


def parameter_edits(found: Fit) -> dict[str, Edit]:
    """Numbers of the record with their 90 % ranges."""
    made = {}
    for name, value in found.values.items():
        unit, factor = UNITS.get(name, ("", 1.0))
        width = float(np.exp(1.645 * max(found.spread[name], 0.02)))
        shown = value * factor
        where = "half of the configurations"
        made[name] = Edit(shown, shown / width, shown * width, unit, SOURCES[name], where, "derived")
    return made


def residual_edits(ranges: Mapping[str, tuple[float, float]]) -> dict[str, Edit]:
    """Residuals of the record: each end is a number of its own."""
    made = {}
    for kind, ends in ranges.items():
        source = "aiconfigurator-kernels" if kind in ENGINE_KINDS else "published-collectives"
        where = "5-95 % of measured over predicted, half of the configurations"
        for end, value in zip(("low", "high"), ends, strict=True):
            made[f"{kind}_residual_{end}"] = Edit(value, value, value, "", source, where, "derived")
    return made


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("published", type=Path)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    catalog = Catalog.load()
    library = library_record(catalog)

    rows = [row for row in read_table(arguments.published) if row["metric"] in ("time", "busbw")]
    stated = [not imputed for imputed in predict_published(columns_of(rows), catalog, library).imputed]
    rows = [row for row, whole in zip(rows, stated, strict=True) if whole]
    fitted = [row for row in rows if feeds(row)]
    judged = [row for row in rows if not feeds(row) and FEEDS["collectives"].get(row["source_id"], "none") != ()]
    callers = fit(PUBLISHED, lambda given: published_ratio(fitted, catalog, replace(library, **given)))
    library = replace(library, **callers.values)

    names = (*WORDS["collectives"], *SIZES["collectives"])
    tables = read_table(arguments.measured)
    half = [row for row in tables if is_fitted_kernel(row, names)]
    custom = [row for row in half if row["lib"] == "custom"]
    fastest, slowest = modes_of(custom)
    eager = [custom[index] for index in slowest]
    engines = fit(ENGINES, lambda given: eager_ratio(eager, catalog, replace(library, **given)))
    library = replace(library, **engines.values)

    kinds = [
        figure if isinstance(figure := read_published(row, library, catalog), str) else figure.kind for row in fitted
    ]
    ratio = published_ratio(fitted, catalog, library)
    ranges: dict[str, tuple[float, float]] = {}
    for kind in LIBRARY_RESIDUALS:
        chosen = np.array([own == kind for own in kinds])
        if chosen.any():
            ranges[kind] = reach(ratio[chosen], [row["source_id"] for row in np.array(fitted)[chosen]])
    nccl = [row for row in half if row["lib"] == "nccl"]
    captured = [custom[index] for index in fastest]
    for kind, chosen_rows in (("table", nccl), ("custom", captured)):
        value = predict_collectives(columns_of(chosen_rows), catalog, library).value
        own = value / np.array([float(row["latency_ms"]) for row in chosen_rows])
        ranges[kind] = reach(own, [row["gpu"] for row in chosen_rows])
    ranges["eager"] = reach(eager_ratio(eager, catalog, library), [row["gpu"] for row in eager])

    held = published_ratio(judged, catalog, library)
    for name in sorted({row["source_id"] for row in judged}):
        print(f"{name:26} judged {figures(held[[row['source_id'] == name for row in judged]])}")
    never = np.array([row["source_id"] not in FEEDS["collectives"] for row in judged])
    judged_on = f"held-out half {figures(held[~never])}; sources of which nothing was fitted {figures(held[never])}"
    print(judged_on)
    print(" ".join(f"{name}={value:.4g}" for name, value in (*callers.values.items(), *engines.values.items())))
    print(" ".join(f"{kind}={low:.2f}-{high:.2f}" for kind, (low, high) in ranges.items()))
    if not arguments.no_write:
        edits = parameter_edits(callers) | parameter_edits(engines) | residual_edits(ranges)
        rewrite(RECORD, edits, judged=judged_on)


if __name__ == "__main__":
    main()
