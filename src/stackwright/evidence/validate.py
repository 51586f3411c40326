"""Predictions against measurements: every known table of a folder, its error figures and its rows."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.core.files import write_atomic
from stackwright.evidence import collectives, kernels
from stackwright.evidence.inference import predict_inference
from stackwright.evidence.power import predict_power
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.serving_rows import predict_serving
from stackwright.evidence.statistics import FIGURES, summary
from stackwright.evidence.tables import Columns, Table, read_directory
from stackwright.evidence.training import predict_training

UNREAD = frozenset(
    (
        "row_id",
        "source_id",
        "source_url",
        "source_date",
        "source",
        "src",
        "date",
        "submitter",
        "notes",
        "value",
        "verified",
    )
)
"""Columns that say where a figure comes from or what it is: no prediction sees them."""

Predictor = Callable[[Columns, Catalog], Predictions | Mapping[str, Predictions]]

PREDICTORS: Mapping[str, Predictor] = {
    "training": predict_training,
    "inference": predict_inference,
    "power": predict_power,
    "e2e_serving": predict_serving,
    **{name: partial(collectives.predict, name) for name in ("collectives", "moe_alltoall")},
    **{
        name: partial(kernels.predict, name)
        for name in (
            *("kernels", "gemm", "context_attention", "generation_attention", "mla", "moe"),
            "kernel_power_b200",
        )
    },
}
"""Table to what predicts its rows: one figure a row, or one for each measured column."""

FITTED = ("gemm", "context_attention", "generation_attention", "mla", "moe", "moe_alltoall", "kernel_power_b200")
"""Tables on which kernel families were fitted."""
FITTED_BY_FAMILY = (
    "parameters are fitted per family of chips, on half of each table; the family's record states the error "
    "on the other half, and on a chip left out of the fit"
)

NOT_MEASURED = "the row states no positive measurement to judge by"


@dataclass(frozen=True)
class Judged:
    """One metric of a table: `index` are the rows that state it; the other arrays run along them."""

    metric: str
    index: np.ndarray
    measured: np.ndarray
    predictions: Predictions

    @property
    def predicted(self) -> np.ndarray:
        """True where the row was predicted."""
        return np.array([reason is None for reason in self.predictions.reason], dtype=bool)


def validate_directory(
    directory: Path, catalog: Catalog, only: str | None = None, rows: Path | None = None
) -> dict[str, Any]:
    """Predict every row of the known tables of a folder and compare with what was measured.

    `rows` takes a line per row and metric, as JSON lines where its name ends in ``.jsonl`` and as CSV
    otherwise. Source: definition.
    """
    started = time.perf_counter()
    found = read_directory(directory, only)
    judged = {table.name: judge(table, catalog) for table in found.tables}
    if rows is not None:
        lines = [line for table in found.tables for line in row_lines(table, judged[table.name])]
        write_atomic(rows, _as_jsonl(lines) if rows.suffix == ".jsonl" else _as_csv(lines))
    return {
        "tables": {table.name: report(table, judged[table.name]) for table in found.tables},
        "skipped": dict(found.skipped),
        "run": {"seconds": time.perf_counter() - started},
    }


def judge(table: Table, catalog: Catalog) -> list[Judged]:
    """Every metric of a table, predicted. Source: definition."""
    made = []
    predictions = predict(table, catalog)
    for metric, index in table.metrics().items():
        measured = table.measurements(metric)[index]
        own = _take(predictions[metric], index)
        reason = [why or (None if value else NOT_MEASURED) for why, value in zip(own.reason, measured, strict=True)]
        made.append(Judged(metric, index, measured, Predictions(own.value, own.low, own.high, own.imputed, reason)))
    return made


def predict(table: Table, catalog: Catalog) -> Mapping[str, Predictions]:
    """Metric to predictions of all rows, from the columns that describe what was run. Source: definition."""
    hidden = UNREAD | set(table.kind.measured)
    described = {name: values for name, values in table.columns.items() if name not in hidden}
    made = PREDICTORS[table.kind.name](described, catalog)
    return dict.fromkeys(table.metrics(), made) if isinstance(made, Predictions) else made


def report(table: Table, judged: list[Judged]) -> dict[str, Any]:
    """The figures of a table. A row counts as predicted if each of its metrics in scope was. Source: definition."""
    reasons = _row_reasons(judged)
    refused = Counter(reason for reason in reasons.values() if reason is not None)
    fitted = {"leave_chip_out": None, "leave_chip_out_reason": FITTED_BY_FAMILY} if table.name in FITTED else {}
    sources = np.array(table.source)
    demand = table.kind.demand(table.columns)
    every = {source: sources == source for source in dict.fromkeys(table.source)}
    return {
        "rows": table.rows,
        "in_scope": len(reasons),
        "predicted": len(reasons) - sum(refused.values()),
        "refused": dict(refused.most_common()),
        "by_metric": {one.metric: figures([one], demand) for one in judged},
        "by_source": {
            source: figures([_where(one, chosen[one.index]) for one in judged], demand)
            for source, chosen in every.items()
            if any(chosen[one.index].any() for one in judged)
        },
        **fitted,
    }


def figures(judged: list[Judged], demand: list[tuple[str, ...]]) -> dict[str, Any]:
    """Error figures of some metrics together, then of the rows that leave no input out. Source: definition."""
    reasons = _row_reasons(judged)
    imputed = {int(row) for one in judged for row in one.index[one.predictions.imputed & one.predicted]}
    return {
        "rows": len(reasons),
        "predicted": sum(reason is None for reason in reasons.values()),
        **_errors(judged, demand),
        "imputed": len(imputed),
        "without_imputed": _errors([_where(one, ~one.predictions.imputed) for one in judged], demand),
    }


def row_lines(table: Table, judged: list[Judged]) -> list[dict[str, Any]]:
    """A line per row and metric, in file order. Source: definition."""
    keys = table.key
    lines = []
    for one in judged:
        for at, row in enumerate(one.index):
            own, reason = one.predictions, one.predictions.reason[at]
            known = reason is None
            lines.append(
                {
                    "table": table.name,
                    "key": keys[row],
                    "metric": one.metric,
                    "measured": float(one.measured[at]),
                    "predicted": float(own.value[at]) if known else None,
                    "low": float(own.low[at]) if known else None,
                    "high": float(own.high[at]) if known else None,
                    "imputed": bool(own.imputed[at]),
                    "reason": reason,
                }
            )
    return lines


def _errors(judged: list[Judged], demand: list[tuple[str, ...]]) -> dict[str, Any]:
    known = [_where(one, one.predicted) for one in judged]
    if not known:
        return dict.fromkeys(FIGURES)
    return summary(
        predicted=np.concatenate([one.predictions.value for one in known]),
        low=np.concatenate([one.predictions.low for one in known]),
        high=np.concatenate([one.predictions.high for one in known]),
        measured=np.concatenate([one.measured for one in known]),
        group=[(one.metric, *demand[row]) for one in known for row in one.index],
    )


def _row_reasons(judged: list[Judged]) -> dict[int, str | None]:
    """Row to why it is refused: the first reason among its metrics, or None."""
    found: dict[int, str | None] = {}
    for one in judged:
        for row, reason in zip(one.index.tolist(), one.predictions.reason, strict=True):
            found[row] = found.get(row) or reason
    return found


def _where(one: Judged, chosen: np.ndarray) -> Judged:
    return Judged(one.metric, one.index[chosen], one.measured[chosen], _take(one.predictions, np.flatnonzero(chosen)))


def _take(predictions: Predictions, index: np.ndarray) -> Predictions:
    return Predictions(
        predictions.value[index],
        predictions.low[index],
        predictions.high[index],
        predictions.imputed[index],
        [predictions.reason[row] for row in index],
    )


def _as_jsonl(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _as_csv(lines: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ROW_FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


ROW_FIELDS = ("table", "key", "metric", "measured", "predicted", "low", "high", "imputed", "reason")
