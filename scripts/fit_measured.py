"""Fit how alike the errors of served runs are, and write the measured runs that correct others.

    python scripts/fit_measured.py E2E_SERVING_CSV INFERENCE_CSV [--no-write]

Rows of the fitted halves (`stackwright.evidence.splits`) are replayed without any correction. Their errors, in
standard deviations of each prediction, are a Gaussian process whose shares and reaches maximize the likelihood of
a sample. The other halves judge; then every model, chip, stack and source is left out in turn. Run it after
scripts/fit_serving.py: the errors are those of the stacks as they are.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from record_edits import Edit, rewrite
from scipy.optimize import minimize

from stackwright.catalog import Catalog
from stackwright.evidence.inference import read_row, wanted_figure
from stackwright.evidence.measured import FIRST, PACE, corrected, errors, served_runs
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import Bench, Replayed, Wanted
from stackwright.evidence.serving_rows import read_serving_row, wanted_latency
from stackwright.evidence.splits import FEEDS, is_fitted
from stackwright.serving.likeness import JITTER, LABELS, SIZES, Likeness, Measured, Runs, correlation

CATALOG = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog"
FILES = {PACE: "served_pace.csv", FIRST: "served_first.csv"}

SAMPLE = 1000
"""Rows of the sample on which shares and reaches are fitted."""
SEED = 20261122
STEPS = 12
PRIOR_WEIGHT = 2.0
"""How firmly shares and reaches are held to their start, per unit of squared logarithm."""

SHARES = ("chip_share", "model_share", "system_share", "layout_share", "release_share")
START = {
    "chip_share": 0.03,
    "model_share": 0.05,
    "system_share": 0.2,
    "layout_share": 0.36,
    "release_share": 0.15,
    "across_figures": 0.6,
    "system_lengths": 2.5,
    "system_load": 3.0,
    "layout_lengths": 3.0,
    "layout_load": 3.0,
    "layout_degrees": 1.5,
    "layout_pools": 0.6,
}
LARGEST = {"chip_share": 0.05, "model_share": 0.08}
"""Shares that reach beyond one system rest on few chips and models: a larger one makes an unseen chip worse."""


@dataclass(frozen=True)
class Served:
    """Rows of both tables that were measured, in the order of the tables: arrays run along them."""

    runs: Runs
    errors: np.ndarray
    made: Predictions
    sign: np.ndarray
    measured: np.ndarray
    fitted: np.ndarray
    source: np.ndarray
    table: np.ndarray

    def __len__(self) -> int:
        return len(self.errors)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_served(serving: Path, inference: Path, bench: Bench) -> dict[str, Served]:
    """Both tables, replayed without correction, by what their figures follow."""
    rows, published = read_table(serving), read_table(inference)
    readings = [read_serving_row(row, bench) for row in rows]
    parts: list[tuple[Replayed, list[Wanted | None], np.ndarray, list[Mapping[str, str]], str]] = []
    replayed = Replayed(readings, bench)
    for name in ("tpot", "ttft"):
        measured = np.array([float(row[f"{name}_ms"] or 0.0) for row in rows])
        parts.append((replayed, [wanted_latency(name)] * len(rows), measured, list(rows), "e2e_serving"))
    wanted = [wanted_figure(row) for row in published]
    measured = np.array([float(row["value"] or 0.0) for row in published])
    own = Replayed([read_row(row, bench) for row in published], bench)
    parts.append((own, wanted, measured, list(published), "inference"))
    return {name: _gathered(parts, name) for name in (PACE, FIRST)}


def _gathered(
    parts: Sequence[tuple[Replayed, list[Wanted | None], np.ndarray, list[Mapping[str, str]], str]], follows: str
) -> Served:
    runs, scores, made, sign, measured, fitted, source, table = [], [], [], [], [], [], [], []
    for replayed, wanted, values, rows, name in parts:
        guess = replayed.predict(wanted)
        own = [
            row
            for row, one in enumerate(wanted)
            if one is not None and one.follows == follows and guess.reason[row] is None and values[row] > 0.0
        ]
        if not own:
            continue
        index = np.array(own)
        runs.append(served_runs(replayed, wanted, own))
        scores.append(errors(guess, wanted, values, own))
        made.append(tuple(part[index] for part in (guess.value, guess.low, guess.high, guess.imputed)))
        sign.append(
            np.array([-1.0 if one is not None and one.is_rate else 1.0 for one in (wanted[row] for row in own)])
        )
        measured.append(values[index])
        origin = [rows[row]["source" if name == "e2e_serving" else "source_id"] for row in own]
        fitted.append(np.array([one in FEEDS[name] and is_fitted(name, one, rows[row]) for one, row in zip(origin, own, strict=True)]))
        source.append(np.array([f"{name}/{one}" for one in origin], dtype=object))
        table.append(np.array([name] * len(own), dtype=object))
    labels = {name: np.concatenate([one.labels[name] for one in runs]) for name in LABELS}
    sizes = {name: np.concatenate([one.sizes[name] for one in runs]) for name in SIZES}
    value, low, high, imputed = (np.concatenate(parts) for parts in zip(*made, strict=True))
    return Served(
        Runs(labels, sizes),
        np.concatenate(scores),
        Predictions(value, low, high, imputed, [None] * len(value)),
        np.concatenate(sign),
        np.concatenate(measured),
        np.concatenate(fitted),
        np.concatenate(source),
        np.concatenate(table),
    )


def fit(served: Served) -> Likeness:
    """Shares and reaches of greatest likelihood on a sample of the fitted half."""
    known = np.flatnonzero(served.fitted)
    index = np.sort(np.random.default_rng(SEED).permutation(known)[:SAMPLE])
    runs, scores = served.runs.take(index), served.errors[index]
    first = _encoded(START)

    def loss(point: np.ndarray) -> float:
        among = correlation(left=runs, right=runs, likeness=_decoded(point))
        among[np.diag_indices(len(index))] = 1.0 + JITTER
        root = np.linalg.cholesky(among)
        white = np.linalg.solve(root, scores)
        held = PRIOR_WEIGHT * float(((point - first) ** 2).sum())
        return 0.5 * float(white @ white) + float(np.log(np.diag(root)).sum()) + held

    return _decoded(minimize(loss, first, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def _encoded(values: Mapping[str, float]) -> np.ndarray:
    """Shares as logarithms over what they leave, the others as logarithms (odds for what lies below one)."""
    rest = 1.0 - sum(values[name] for name in SHARES)
    odds = values["across_figures"] / (1.0 - values["across_figures"])
    others = [values[item.name] for item in fields(Likeness) if item.name not in (*SHARES, "across_figures")]
    return np.log([*(values[name] / rest for name in SHARES), odds, *others])


def _decoded(point: np.ndarray) -> Likeness:
    ratios = np.exp(point[: len(SHARES)])
    shares = dict(zip(SHARES, ratios / (1.0 + ratios.sum()), strict=True))
    shares |= {name: min(shares[name], most) for name, most in LARGEST.items()}
    odds = float(np.exp(point[len(SHARES)]))
    names = [item.name for item in fields(Likeness) if item.name not in (*SHARES, "across_figures")]
    others = dict(zip(names, np.exp(point[len(SHARES) + 1 :]), strict=True))
    return Likeness(**shares, across_figures=odds / (1.0 + odds), **others)


def judged(served: Served, likeness: Likeness, known: np.ndarray, asked: np.ndarray) -> Predictions:
    """Asked rows, corrected by known ones."""
    measured = Measured(likeness=likeness, runs=served.runs.take(known), errors=served.errors[known])
    mean, left = measured.posterior(served.runs.take(asked))
    own = served.made
    alone = Predictions(own.value[asked], own.low[asked], own.high[asked], own.imputed[asked], [None] * len(asked))
    return corrected(alone, np.arange(len(asked)), served.sign[asked], mean, left)


def figures(made: Predictions, measured: np.ndarray) -> str:
    """Median and 90th percentile of the absolute error in percent, coverage, and median width."""
    error = np.abs(made.value / measured - 1.0) * 100.0
    inside = np.mean((made.low <= measured) & (measured <= made.high))
    width = np.median(made.high / made.low)
    return f"{np.median(error):5.1f}/{np.quantile(error, 0.9):5.1f} cov {inside:.2f} width {width:.2f} n={len(error)}"


def _show(name: str, served: Served, likeness: Likeness, known: np.ndarray, asked: np.ndarray) -> None:
    own = served.made
    alone = Predictions(own.value[asked], own.low[asked], own.high[asked], own.imputed[asked], [None] * len(asked))
    before, after = figures(alone, served.measured[asked]), judged(served, likeness, known, asked)
    print(f"  {name:52} {before}  ->  {figures(after, served.measured[asked])}")


FEWEST = 15


def report(served: Served, likeness: Likeness) -> None:
    """Print what the correction does on the judged half, and to what was left out altogether."""
    known, held = np.flatnonzero(served.fitted), np.flatnonzero(~served.fitted)
    _show("judged half", served, likeness, known, held)
    for source in dict.fromkeys(served.source.tolist()):
        own = held[served.source[held] == source]
        if len(own) >= FEWEST:
            _show(source, served, likeness, known, own)
    for name, values in {
        **{one: served.runs.labels[one] for one in ("model", "chip", "stack")},
        "source": served.source,
    }.items():
        without = [
            (known[values[known] != one], np.flatnonzero(values == one)) for one in dict.fromkeys(values.tolist())
        ]
        made = [(judged(served, likeness, *pair), pair[1]) for pair in without if len(pair[1]) >= FEWEST]
        parts = {part: np.concatenate([getattr(one, part) for one, _ in made]) for part in ("value", "low", "high")}
        index = np.concatenate([rows for _, rows in made])
        table = served.table[index]
        for which in ("e2e_serving", "inference"):
            chosen = table == which
            own = Predictions(*(parts[part][chosen] for part in parts), np.zeros(chosen.sum(), bool), [])
            print(f"  {name + ' left out, ' + which:52} {figures(own, served.measured[index[chosen]])}")


def write(name: str, served: Served, likeness: Likeness) -> None:
    """The record's numbers, and the fitted half as its table."""
    unit = ""
    made = {}
    for item in fields(Likeness):
        value = getattr(likeness, item.name)
        top = min(1.0, value * 1.5) if item.name in (*SHARES, "across_figures") else value * 1.5
        made[item.name] = Edit(value, value / 1.5, top, unit, "served-models-fit", "half of the rows", "derived")
    rewrite(CATALOG / "records" / "serving" / f"{name}.yaml", made)
    known = np.flatnonzero(served.fitted)
    with (CATALOG / "served" / FILES[name]).open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow((*LABELS, *SIZES, "error"))
        for row in known:
            labels = [served.runs.labels[label][row] for label in LABELS]
            sizes = [f"{served.runs.sizes[size][row]:.3g}" for size in SIZES]
            out.writerow((*labels, *sizes, f"{served.errors[row]:.3g}"))


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("serving", type=Path)
    parser.add_argument("inference", type=Path)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    for name, served in read_served(arguments.serving, arguments.inference, Bench(Catalog.load())).items():
        likeness = fit(served)
        print(name, " ".join(f"{item.name}={getattr(likeness, item.name):.3g}" for item in fields(Likeness)))
        report(served, likeness)
        if not arguments.no_write:
            write(name, served, likeness)


if __name__ == "__main__":
    main()
