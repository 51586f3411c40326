"""The report of a folder: keys, counts that add up, rows that are written, and what predictors never see."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence import validate
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.statistics import FIGURES
from stackwright.evidence.validate import NOT_MEASURED, ROW_FIELDS, validate_directory

Rows = Callable[..., dict[str, str]]
Seen = list[set[str]]


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def twice_the_input(seen: Seen) -> Callable[..., Predictions]:
    """A stand-in predictor: twice the input length, refused where there is none, imputed where it is 7."""

    def predict(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
        seen.append(set(columns))
        value = np.array([2.0 * float(text or 0.0) for text in columns["isl"]])
        reason = [None if text else "no input length" for text in columns["isl"]]
        return Predictions(value, 0.5 * value, 2.0 * value, value == 14.0, reason)

    return predict


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found: Seen = []
    monkeypatch.setattr(validate, "PREDICTORS", {"inference": twice_the_input(found)})
    return found


@pytest.fixture
def folder(tmp_path: Path, row: Rows) -> Path:
    def one(metric: str, isl: str, value: str, source: str) -> dict[str, str]:
        return row("inference", metric=metric, isl=isl, value=value, source_id=source, model="m")

    write(
        tmp_path,
        "inference",
        [
            one("tpot_p50", "10", "20", "a"),
            one("tpot_p50", "7", "10", "a"),
            one("tpot_p50", "", "10", "b"),
            one("ttft_p50", "10", "-4", "b"),
            one("ttft_p50", "10", "25", "b"),
            one("requests_per_s", "10", "3", "a"),
        ],
    )
    return tmp_path


def test_counts_add_up_by_metric_by_source_and_in_all(folder: Path, seen: Seen, catalog: Catalog) -> None:
    report = validate_directory(folder, catalog)["tables"]["inference"]
    assert (report["rows"], report["in_scope"], report["predicted"]) == (6, 5, 3)
    assert report["refused"] == {"no input length": 1, NOT_MEASURED: 1}
    assert {name: one["rows"] for name, one in report["by_metric"].items()} == {"tpot_p50": 3, "ttft_p50": 2}
    assert {name: one["predicted"] for name, one in report["by_source"].items()} == {"a": 2, "b": 1}


def test_figures_with_and_without_imputed_rows(folder: Path, seen: Seen, catalog: Catalog) -> None:
    one = validate_directory(folder, catalog)["tables"]["inference"]["by_metric"]["tpot_p50"]
    assert one["imputed"] == 1
    assert one["median_ape"] == pytest.approx(0.2)
    assert one["without_imputed"]["median_ape"] == pytest.approx(0.0)
    assert set(one["without_imputed"]) == set(FIGURES)
    assert one["interval90_coverage"] == 1.0 and one["interval90_width"] == pytest.approx(4.0)


def test_the_report_is_json(folder: Path, seen: Seen, catalog: Catalog) -> None:
    json.dumps(validate_directory(folder, catalog), allow_nan=False)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_line_for_each_row_and_metric(folder: Path, seen: Seen, catalog: Catalog, ending: str) -> None:
    target = folder / "out" / f"rows.{ending}"
    validate_directory(folder, catalog, None, target)
    if ending == "csv":
        with target.open(newline="") as stream:
            lines = list(csv.DictReader(stream))
    else:
        lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(lines) == 5 and all(tuple(line) == ROW_FIELDS for line in lines)
    refused = [line for line in lines if line["reason"]]
    assert [line["predicted"] or None for line in refused] == [None, None]


def test_no_predictor_sees_where_a_row_comes_from_or_what_was_measured(
    folder: Path, seen: Seen, catalog: Catalog
) -> None:
    validate_directory(folder, catalog)
    (columns,) = seen
    unseen = {
        "row_id",
        "source_id",
        "source_url",
        "source_date",
        "submitter",
        "notes",
        "src",
        "source",
        "date",
        "value",
    }
    assert not columns & unseen


def test_measured_columns_of_wide_tables_are_hidden_too(
    tmp_path: Path, row: Rows, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Seen = []

    def predict(columns: Mapping[str, list[str]], catalog: Catalog) -> dict[str, Predictions]:
        found.append(set(columns))
        one = np.ones(len(columns["isl"]))
        return {name: Predictions(one, one, one, one < 0, [None] * len(one)) for name in ("ttft_ms", "tpot_ms")}

    monkeypatch.setattr(validate, "PREDICTORS", {"e2e_serving": predict})
    write(tmp_path, "e2e_serving", [row("e2e_serving", ttft_ms="5", tpot_ms="2", source="s")])
    report = validate_directory(tmp_path, catalog)["tables"]["e2e_serving"]
    assert not found[0] & {"ttft_ms", "tpot_ms", "source", "date"}
    assert (report["rows"], report["in_scope"], report["predicted"]) == (1, 1, 1)
    assert set(report["by_metric"]) == {"ttft_ms", "tpot_ms"}
    assert set(report["by_source"]) == {"source_id of e2e_serving"}


def test_shuffled_provenance_gives_identical_predictions(tmp_path: Path, row: Rows, catalog: Catalog) -> None:
    served = {"gpu": "h100", "backend": "vllm", "model": "meta-llama/Llama-3.1-8B-Instruct", "mode": "agg"}
    served |= {"isl": "1024", "osl": "256", "tp_size": "1", "moe_tp_size": "1", "moe_ep_size": "1", "ttft_ms": "9"}
    rows = [row("e2e_serving", **served, tpot_ms="5", concurrency=load) for load in ("2", "8", "32")]

    def predictions(rows: list[dict[str, str]]) -> list[dict[str, object]]:
        write(tmp_path, "e2e_serving", rows)
        target = tmp_path / "rows.jsonl"
        validate_directory(tmp_path, catalog, "e2e_serving", target)
        lines = [json.loads(line) for line in target.read_text().splitlines()]
        return [{name: line[name] for name in ("metric", "predicted", "low", "high", "imputed")} for line in lines]

    names = ("row_id", "source_id", "source_url", "submitter", "notes", "src", "source", "date")
    moved = [
        {**one, **{name: other[name] + "!" for name in names}} for one, other in zip(rows, rows[::-1], strict=True)
    ]
    assert predictions(rows) == predictions(moved)
