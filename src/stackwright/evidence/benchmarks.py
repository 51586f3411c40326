"""Results of load clients as rows for calibration: times from the client, what was measured from a description.

A result says lengths, concurrency and times, but not on which chips, split how. That stands in a description beside it,
`measured.yaml`, which `stackwright deploy` writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError, nearest, shown
from stackwright.evidence.tables import KINDS

SUFFIXES = (".json", ".jsonl")
DESCRIPTION = "measured.yaml"
TABLES = ("e2e_serving", "inference")
MILLISECONDS = {"ms": 1.0, "s": 1e3, "us": 1e-3, "ns": 1e-6}
Row = dict[str, str]


@dataclass(frozen=True)
class Measured:
    """One run of a load client: tokens of a request, requests at once, mean times in milliseconds."""

    input: float
    output: float
    concurrency: float
    requests: float
    ttft: float
    tpot: float


def rows_of(file: Path, described: Path | None = None) -> tuple[str, list[Row]]:
    """The table's name and its rows of a result of ``vllm bench serve``, SGLang's ``bench_serving`` or AIPerf.

    `described` is the description; ``measured.yaml`` beside the result, or a folder above it, if not given. Raises
    `InputError` with the faults of both. Source: definition.
    """
    runs = [_read(entry, file) for entry in _entries(file)]
    table, row = _description(described or _beside(file))
    return table, [_row(table, row, run) for run in runs]


def _entries(file: Path) -> list[Mapping[str, Any]]:
    """The results of a file: one object, or one a line."""
    try:
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines() if file.suffix == ".jsonl" else [text]
        found = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError([Fault(str(file), "", str(error)[:100], "the JSON result of a load client")]) from None
    if not found or not all(isinstance(entry, dict) for entry in found):
        raise InputError([Fault(str(file), "", "no JSON object", "the JSON result of a load client")])
    return found


def _read(entry: Mapping[str, Any], file: Path) -> Measured:
    for mark, reader in READERS.items():
        if mark in entry:
            return reader(entry, file)
    expected = f"a result of a known client, with one of {', '.join(READERS)}"
    raise InputError([Fault(str(file), "", f"an object with {', '.join(list(entry)[:5])}", expected)])


def _number(entry: Mapping[str, Any], name: str, file: Path) -> float:
    value = entry.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value <= 0.0:
        raise InputError([Fault(str(file), name, shown(value), "a positive number")])
    return float(value)


def _of_server_client(entry: Mapping[str, Any], file: Path) -> Measured:
    """vLLM's and SGLang's clients share their names: totals over completed requests, times in milliseconds."""
    completed = _number(entry, "completed", file)
    return Measured(
        input=_number(entry, "total_input_tokens", file) / completed,
        output=_number(entry, "total_output_tokens", file) / completed,
        concurrency=_served_at_once(entry, file),
        requests=completed,
        ttft=_number(entry, "mean_ttft_ms", file),
        tpot=_number(entry, "mean_tpot_ms", file),
    )


def _served_at_once(entry: Mapping[str, Any], file: Path) -> float:
    """Requests at once: the client's limit, or where it sent at a rate their mean number by Little's law."""
    if entry.get("max_concurrency") is not None:
        return _number(entry, "max_concurrency", file)
    return _number(entry, "request_throughput", file) * _number(entry, "mean_e2el_ms", file) / 1e3


def _of_aiperf(entry: Mapping[str, Any], file: Path) -> Measured:
    """AIPerf states each metric with its unit; its inter-token latency is the mean over a request, as TPOT is.

    Where it sent at a rate, Little's law says how many requests were served at once.
    """

    def mean(name: str) -> float:
        metric = entry.get(name)
        if not isinstance(metric, dict):
            raise InputError([Fault(str(file), name, shown(metric), "a metric with unit and avg")])
        return _number(metric, "avg", file) * MILLISECONDS.get(str(metric.get("unit")), 1.0)

    limit = _within(entry.get("input_config"), "concurrency")
    if entry.get("was_cancelled") or entry.get("is_complete") is False:
        raise InputError([Fault(str(file), "", "a run that did not finish", "a complete run")])
    return Measured(
        input=mean("input_sequence_length"),
        output=mean("output_sequence_length"),
        concurrency=limit or mean("request_throughput") * mean("request_latency") / 1e3,
        requests=mean("request_count"),
        ttft=mean("time_to_first_token"),
        tpot=mean("inter_token_latency"),
    )


def _within(data: Any, name: str) -> Any:
    """The first number of that name, however deep the client's configuration has it."""
    if isinstance(data, dict):
        own = data.get(name)
        if isinstance(own, int | float) and not isinstance(own, bool):
            return own
        data = list(data.values())
    if isinstance(data, list):
        return next((found for part in data if (found := _within(part, name)) is not None), None)
    return None


READERS: Mapping[str, Callable[[Mapping[str, Any], Path], Measured]] = {
    "mean_tpot_ms": _of_server_client,
    "inter_token_latency": _of_aiperf,
}
"""Readers by the entry that tells a client's result."""


def _beside(file: Path) -> Path:
    """The description beside a result, or in the folder above, as clients make folders of their own."""
    for folder in (file.parent, file.parent.parent):
        if (folder / DESCRIPTION).is_file():
            return folder / DESCRIPTION
    remedy = "stackwright deploy writes one beside its benchmark; give yours with --described."
    raise InputError([Fault(str(file), "", f"no {DESCRIPTION} beside it", "what was measured", remedy=remedy)])


def _description(path: Path) -> tuple[str, dict[str, Any]]:
    text = yamltext.read(path)
    data = text.data if isinstance(text.data, dict) else {}
    faults = list(text.faults)
    table, row = data.get("table"), data.get("row")
    if table not in TABLES:
        faults.append(text.fault(("table",), shown(table), f"one of {', '.join(TABLES)}"))
        raise InputError(faults)
    known = next(kind.columns for kind in KINDS if kind.name == table)
    if not isinstance(row, dict):
        faults.append(text.fault(("row",), shown(row), "columns of the table with their values"))
        raise InputError(faults)
    for name in row:
        if name not in known:
            close = nearest(str(name), known)
            faults.append(
                text.fault(("row", name), "a column that the table lacks", f"columns of {table}", nearest=close)
            )
    if faults:
        raise InputError(faults)
    return str(table), row


def _row(table: str, described: Mapping[str, Any], run: Measured) -> Row:
    columns = next(kind.columns for kind in KINDS if kind.name == table)
    row = {name: "" if described.get(name) is None else str(described[name]) for name in columns}
    row |= {"isl": f"{run.input:g}", "osl": f"{run.output:g}", "concurrency": f"{run.concurrency:g}"}
    if table == "e2e_serving":
        return row | {"ttft_ms": f"{run.ttft:.9g}", "tpot_ms": f"{run.tpot:.9g}"}
    said = {"metric": "tpot_mean", "value": f"{run.tpot:.9g}", "unit": "ms", "num_requests": f"{run.requests:g}"}
    return row | said
