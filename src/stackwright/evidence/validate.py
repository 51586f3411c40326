"""Predictions against measurements: every known table of a folder, its error figures and its rows."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.files import write_atomic
from stackwright.evidence import collectives, kernels
from stackwright.evidence.inference import predict_inference
from stackwright.evidence.judged import Compared, Judged, breakdown, counts, taken
from stackwright.evidence.left_out import left_out
from stackwright.evidence.page import write_page
from stackwright.evidence.power import predict_power
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.serving_rows import predict_serving
from stackwright.evidence.splits import feeding_rows, fitted_rows, rule_of
from stackwright.evidence.tables import Columns, Table, read_directory
from stackwright.evidence.targets import reached_targets
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

ONE_CHIP_TABLES = ("kernel_power_b200",)
ONE_CHIP = "no family with rows of several chips was fitted on this table"

NOT_MEASURED = "the row states no positive measurement to judge by"


def validate_directory(
    directory: Path, catalog: Catalog, only: str | None = None, rows: Path | None = None, page: Path | None = None
) -> dict[str, Any]:
    """Predict every row of the known tables of a folder and compare with what was measured.

    `rows` takes a line per row and metric, as JSON lines where its name ends in ``.jsonl`` and as CSV
    otherwise; `page` is a folder that takes a page with pictures. Source: definition.
    """
    started = time.perf_counter()
    found = read_directory(directory, only)
    compared = [compare(table, catalog) for table in found.tables]
    if rows is not None:
        lines = [line for one in compared for line in row_lines(one.table, one.judged)]
        write_atomic(rows, _as_jsonl(lines) if rows.suffix == ".jsonl" else _as_csv(lines))
    reports = {one.table.name: report(one, catalog) for one in compared}
    result = {
        "tables": reports,
        "targets": reached_targets(compared, reports, catalog),
        "skipped": dict(found.skipped),
        "run": {"seconds": time.perf_counter() - started},
    }
    if page is not None:
        write_page(page, directory.resolve().name, compared, result)
    return result


def compare(table: Table, catalog: Catalog) -> Compared:
    """A table beside what the catalog says of it, with the rows that fitted something marked. Source: definition."""
    return Compared(table, judge(table, catalog), fitted_rows(table), feeding_rows(table))


def judge(table: Table, catalog: Catalog) -> list[Judged]:
    """Every metric of a table, predicted. Source: definition."""
    made = []
    predictions = predict(table, catalog)
    for metric, index in table.metrics().items():
        measured = table.measurements(metric)[index]
        own = taken(predictions[metric], index)
        reason = [why or (None if value else NOT_MEASURED) for why, value in zip(own.reason, measured, strict=True)]
        made.append(Judged(metric, index, measured, Predictions(own.value, own.low, own.high, own.imputed, reason)))
    return made


def predict(table: Table, catalog: Catalog) -> Mapping[str, Predictions]:
    """Metric to predictions of all rows, from the columns that describe what was run. Source: definition."""
    hidden = UNREAD | set(table.kind.measured)
    described = {name: values for name, values in table.columns.items() if name not in hidden}
    made = PREDICTORS[table.kind.name](described, catalog)
    return dict.fromkeys(table.metrics(), made) if isinstance(made, Predictions) else made


def report(compared: Compared, catalog: Catalog) -> dict[str, Any]:
    """The figures of a table: of all rows, of those that fitted nothing, and of sources that feed no fit.

    Errors with a chip left out of the fit are those that the kernels' records state. A row counts as predicted
    if each of its metrics in scope was. Source: definition.
    """
    table = compared.table
    chips = kernels.chips_left_out(table.name, catalog)
    one_chip = {"leave_chip_out": None, "leave_chip_out_reason": ONE_CHIP} if table.name in ONE_CHIP_TABLES else {}
    fitted = {"leave_chip_out": chips} if chips else one_chip
    demand, sources = table.kind.demand(table.columns), table.source
    held, apart = compared.held, compared.apart
    return {
        "rows": table.rows,
        **counts(compared.judged),
        **breakdown(compared.judged, demand, sources),
        **fitted,
        **left_out(table.name),
        "judged": {"rule": rule_of(table), **counts(held), **breakdown(held, demand, sources)},
        "never_fitted": {**counts(apart), **breakdown(apart, demand, sources)},
    }


def row_lines(table: Table, judged: Sequence[Judged]) -> list[dict[str, Any]]:
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


def _as_jsonl(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _as_csv(lines: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ROW_FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


ROW_FIELDS = ("table", "key", "metric", "measured", "predicted", "low", "high", "imputed", "reason")
