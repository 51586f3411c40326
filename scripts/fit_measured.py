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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from csv_rows import read_table
from record_edits import Edit, rewrite
from scipy.optimize import minimize

from stackwright.catalog import Catalog
from stackwright.evidence.inference import read_row, wanted_figure
from stackwright.evidence.left_out import TOGETHER, write_left_out
from stackwright.evidence.measured import FIRST, corrected, errors, served_runs
from stackwright.evidence.predictions import NORMAL_95, Predictions
from stackwright.evidence.replay import Bench, Reading, Replayed, Wanted
from stackwright.evidence.serving_rows import read_serving_row, wanted_latency
from stackwright.evidence.splits import FEEDS, halved, is_fitted
from stackwright.serving.likeness import JITTER, LABELS, SIZES, Likeness, Measured, Runs, correlation
from stackwright.stack.neighbors import PACE

CATALOG = Path(__file__).resolve().parents[1] / "src" / "stackwright" / "catalog"
FILES = {PACE: "served_pace.csv", FIRST: "served_first.csv"}

SAMPLE = 1000
"""Rows of the sample on which shares and reaches are fitted."""
SEED = 20261122
OFFLINE = "tokens_per_s"
"""The published figure that counts where something is left out."""
STEPS = 12
PRIOR_WEIGHT = 2.0
"""How firmly shares and reaches are held to their start, per unit of squared logarithm."""

OTHERWISE = ("across_figures", "widening")
"""Neither a share nor a reach."""
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
    "widening": 1.0,
}
RANGE = "the range is an assumption, 1.5 times each way: the fit gives the value alone"
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
    figure: np.ndarray
    source: np.ndarray
    table: np.ndarray
    model: np.ndarray
    kind: np.ndarray
    """Dense or a mixture of experts, where the table says so."""

    def __len__(self) -> int:
        return len(self.errors)


Part = tuple[Replayed, list[Wanted | None], np.ndarray, list[dict[str, str]], str]
"""A table replayed: what its rows want, what they measured, the rows, the table's name."""


def read_serving(rows: list[dict[str, str]], readings: Sequence[Reading], bench: Bench) -> list[Part]:
    """End-to-end rows, once for each latency."""
    replayed = Replayed(readings, bench)
    parts: list[Part] = []
    for name in ("tpot", "ttft"):
        measured = np.array([float(row[f"{name}_ms"] or 0.0) for row in rows])
        parts.append((replayed, [wanted_latency(name)] * len(rows), measured, rows, "e2e_serving"))
    return parts


def read_published(rows: list[dict[str, str]], bench: Bench) -> Part:
    """Published figures of inference."""
    measured = np.array([float(row["value"] or 0.0) for row in rows])
    readings = [read_row(row, bench) for row in rows]
    return Replayed(readings, bench), [wanted_figure(row) for row in rows], measured, rows, "inference"


def gathered(parts: Sequence[Part], follows: str) -> Served:
    """The rows of some tables that follow the same."""
    runs, scores, made = [], [], []
    columns: dict[str, list[Any]] = {
        name: [] for name in ("sign", "measured", "fitted", "source", "table", "model", "kind")
    }
    for replayed, wanted, values, rows, table in parts:
        guess = replayed.predict(wanted)
        own = [
            (row, one)
            for row, one in enumerate(wanted)
            if one is not None and one.follows == follows and guess.reason[row] is None and values[row] > 0.0
        ]
        if not own:
            continue
        index = np.array([row for row, _ in own])
        runs.append(served_runs(replayed, wanted, index.tolist()))
        scores.append(errors(guess, wanted, values, index.tolist()))
        made.append(tuple(part[index] for part in (guess.value, guess.low, guess.high, guess.imputed)))
        for row, one in own:
            source = rows[row]["source" if table == "e2e_serving" else "source_id"]
            columns["sign"].append(-1.0 if one.is_rate else 1.0)
            columns["measured"].append(values[row])
            columns["fitted"].append(source in FEEDS[table] and is_fitted(table, source, rows[row]))
            columns["source"].append(source)
            columns["table"].append(table)
            columns["model"].append(rows[row]["model"])
            columns["kind"].append(rows[row].get("model_class", ""))
    labels = {name: np.concatenate([one.labels[name] for one in runs]) for name in LABELS}
    sizes = {name: np.concatenate([one.sizes[name] for one in runs]) for name in SIZES}
    value, low, high, imputed = (np.concatenate(parts) for parts in zip(*made, strict=True))
    words = {name: np.array(columns[name], dtype=object) for name in ("source", "table", "model", "kind")}
    return Served(
        Runs(labels, sizes),
        np.concatenate(scores),
        Predictions(value, low, high, imputed, [None] * len(value)),
        np.array(columns["sign"]),
        np.array(columns["measured"]),
        np.array(columns["fitted"]),
        labels["figure"],
        **words,
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

    found = _decoded(minimize(loss, first, method="L-BFGS-B", options={"maxiter": STEPS}).x)
    return replace(found, widening=_widening(served, found))


def _widening(served: Served, likeness: Likeness) -> float:
    """Factor on what is left of the spread that makes 90 % intervals hold within the fitted half.

    Rows of one chip with as many requests under way at the same lengths go into one of two folds, as the halves
    themselves do; each fold is asked of the other.
    """
    known = np.flatnonzero(served.fitted)
    sizes = served.runs.sizes
    under_way = np.round(sizes["load"] + sizes["chips"], 6)
    places = zip(served.runs.labels["chip"], sizes["input"], sizes["output"], under_way, strict=True)
    fold = np.array([halved("/".join(f"{part}" for part in place)) for place in places])
    scores = []
    for side in (True, False):
        asked, taught = known[fold[known] == side], known[fold[known] != side]
        measured = Measured(likeness, served.runs.take(taught), served.errors[taught], np.full(len(taught), True))
        mean, left = measured.posterior(served.runs.take(asked))
        scores.append(np.abs(served.errors[asked] - mean) / np.sqrt(left))
    return float(np.quantile(np.concatenate(scores), 0.9) / NORMAL_95)


def _encoded(values: Mapping[str, float]) -> np.ndarray:
    """Shares as logarithms over what they leave, the others as logarithms (odds for what lies below one)."""
    rest = 1.0 - sum(values[name] for name in SHARES)
    odds = values["across_figures"] / (1.0 - values["across_figures"])
    others = [values[item.name] for item in fields(Likeness) if item.name not in (*SHARES, *OTHERWISE)]
    return np.log([*(values[name] / rest for name in SHARES), odds, *others])


def _decoded(point: np.ndarray) -> Likeness:
    ratios = np.exp(point[: len(SHARES)])
    shares = dict(zip(SHARES, ratios / (1.0 + ratios.sum()), strict=True))
    shares |= {name: min(shares[name], most) for name, most in LARGEST.items()}
    odds = float(np.exp(point[len(SHARES)]))
    names = [item.name for item in fields(Likeness) if item.name not in (*SHARES, *OTHERWISE)]
    others = dict(zip(names, np.exp(point[len(SHARES) + 1 :]), strict=True))
    return Likeness(**shares, across_figures=odds / (1.0 + odds), widening=1.0, **others)


def judged(
    served: Served, likeness: Likeness, known: np.ndarray, asked: np.ndarray, by: Served | None = None
) -> Predictions:
    """Asked rows, corrected by known ones, of the same rows or of `by`."""
    by = by or served
    measured = Measured(likeness, by.runs.take(known), by.errors[known], ~by.made.imputed[known])
    mean, left = measured.posterior(served.runs.take(asked))
    own = served.made
    alone = Predictions(own.value[asked], own.low[asked], own.high[asked], own.imputed[asked], [None] * len(asked))
    nothing = np.zeros(len(asked))
    return corrected(alone, np.arange(len(asked)), mean=served.sign[asked] * mean, left=left, apart=nothing)


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
"""Rows below which nothing is said of a source or of what is left out."""
ENGINES = ("tensorrt-llm-2026", "sglang-2026", "vllm-2026")
"""Stacks of which each is left out: its runs then go by the other two, as likely."""


def report(served: Served, likeness: Likeness) -> None:
    """Print what the correction does on the judged half."""
    known, held = np.flatnonzero(served.fitted), np.flatnonzero(~served.fitted)
    _show("judged half", served, likeness, known, held)
    for source in dict.fromkeys(served.source.tolist()):
        own = held[served.source[held] == source]
        if len(own) >= FEWEST:
            _show(source, served, likeness, known, own)


def leave_out(served: Served, likeness: Likeness) -> list[dict[str, Any]]:
    """Every model, chip and source left out of the measured runs in turn; stacks keep the numbers fitted with it."""
    labels = served.runs.labels
    words = {"model": labels["model"], "chip": labels["chip"], "source": served.source}
    figure = {"e2e_serving": "tpot_mean", "inference": OFFLINE}
    lines = []
    for table, name in figure.items():
        own = (served.table == table) & (served.figure == name)
        for kind, values in words.items():
            lines += _without(kind, values, served, likeness, served, own)
    offline = (served.table == "inference") & (served.figure == OFFLINE) & (labels["mode"] == "offline")
    for kind in ("dense", "moe"):
        own = offline & (served.kind == kind)
        lines += _without(f"source_of_{kind}_offline", served.source, served, likeness, served, own)
    return lines


def _without(
    kind: str, values: np.ndarray, known: Served, likeness: Likeness, asked: Served, chosen: np.ndarray
) -> Iterator[dict[str, Any]]:
    """The chosen rows with each word in turn, corrected by fitted rows without it; then all of them together."""
    scores = []
    table = str(asked.table[np.flatnonzero(chosen)[0]])
    for word in dict.fromkeys(values.tolist()):
        rows = np.flatnonzero((values == word) & chosen)
        if len(rows) < FEWEST:
            continue
        made = judged(asked, likeness, np.flatnonzero(known.fitted & (values != word)), rows, known)
        scores.append(np.abs(made.value / asked.measured[rows] - 1.0))
        yield _scored(table, kind, _name(kind, word, asked, rows), scores[-1])
    together = np.concatenate(scores)
    yield _scored(table, kind, TOGETHER, together)
    shown = f"{np.median(together):6.1%}/{np.quantile(together, 0.9):6.1%} n={len(together)}"
    print(f"  {f'{table}, {kind} left out':52} {shown}")


def _name(kind: str, word: str, asked: Served, rows: np.ndarray) -> str:
    """What was left out; a model goes by the names that its shape has in the rows."""
    return "+".join(sorted(set(asked.model[rows].tolist()))) if kind == "model" else word or "not named"


def _scored(table: str, kind: str, name: str, error: np.ndarray) -> dict[str, Any]:
    errors_of = {"median_ape": float(np.median(error)), "p90_ape": float(np.quantile(error, 0.9))}
    return {"table": table, "left_out": kind, "name": name, "rows": len(error), **errors_of}


def by_other_engines(reading: Reading) -> Reading:
    """A row whose engine is not known to the catalog: what the other engines would give, each as likely."""
    runs = []
    for weight, run in reading.runs:
        others = [name for name in ENGINES if name != run.software] if run.software in ENGINES else [run.software]
        runs.extend((weight / len(others), replace(run, software=name)) for name in others)
    return replace(reading, runs=tuple(runs))


def write(name: str, served: Served, likeness: Likeness) -> None:
    """The record's numbers, and the fitted half as its table."""
    unit = ""
    made = {}
    for item in fields(Likeness):
        value = getattr(likeness, item.name)
        top = min(1.0, value * 1.5) if item.name in (*SHARES, "across_figures") else value * 1.5
        made[item.name] = Edit(value, value / 1.5, top, unit, "measured-runs-fit", "half of the rows", "derived", RANGE)
    rewrite(CATALOG / "records" / "serving" / f"{name}.yaml", made)
    known = np.flatnonzero(served.fitted)
    with (CATALOG / "served" / FILES[name]).open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines, lineterminator="\n")
        out.writerow((*LABELS, *SIZES, "error", "stated"))
        for row in known:
            labels = [served.runs.labels[label][row] for label in LABELS]
            sizes = [f"{served.runs.sizes[size][row]:.3g}" for size in SIZES]
            stated = "0" if served.made.imputed[row] else "1"
            out.writerow((*labels, *sizes, f"{served.errors[row]:.3g}", stated))


def main() -> None:
    """Read, fit, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("serving", type=Path)
    parser.add_argument("inference", type=Path)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(Catalog.load())
    rows, published = read_table(arguments.serving), read_table(arguments.inference)
    readings = [read_serving_row(row, bench) for row in rows]
    parts = [*read_serving(rows, readings, bench), read_published(published, bench)]
    lines: list[dict[str, Any]] = []
    for name in (PACE, FIRST):
        served = gathered(parts, name)
        likeness = fit(served)
        print(name, " ".join(f"{item.name}={getattr(likeness, item.name):.3g}" for item in fields(Likeness)))
        report(served, likeness)
        if name == PACE:
            strange = gathered(read_serving(rows, [by_other_engines(one) for one in readings], bench), PACE)
            own = gathered(parts[:2], PACE)
            lines = leave_out(served, likeness)
            lines += _without("engine", own.runs.labels["stack"], own, likeness, strange, np.full(len(own), True))
        if not arguments.no_write:
            write(name, served, likeness)
    if not arguments.no_write:
        write_left_out(CATALOG / "left_out" / "served.csv", lines)


if __name__ == "__main__":
    main()
