"""The table of targets: what each line counts, what meets it, and what no table answers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence import validate
from stackwright.evidence.judged import Judged
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.splits import fitted_rows
from stackwright.evidence.tables import KINDS, Table, read_directory
from stackwright.evidence.targets import TARGETS, fastest_repeats, meets, rank_of_rates
from stackwright.evidence.validate import validate_directory

Rows = Callable[..., dict[str, str]]


def twice(columns: Mapping[str, list[str]], catalog: Catalog) -> Predictions:
    """A stand-in predictor: `m` milliseconds."""
    value = np.array([float(text) for text in columns["m"]])
    return Predictions(value, 0.9 * value, 1.1 * value, value < 0, [None] * len(value))


def table(rows: list[dict[str, str]], name: str) -> Table:
    kind = next(kind for kind in KINDS if kind.name == name)
    return Table(kind, name, {column: [row[column] for row in rows] for column in rows[0]})


def judged(metric: str, measured: list[float], predicted: list[float]) -> Judged:
    value = np.array(predicted)
    made = Predictions(value, 0.5 * value, 2.0 * value, value < 0, [None] * len(value))
    return Judged(metric, np.arange(len(value)), np.array(measured), made)


def test_lines_count_rows_that_fitted_nothing(
    tmp_path: Path, row: Rows, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "PREDICTORS", {"gemm": twice})
    shape = {"gpu": "h100", "src": "s", "dtype": "fp8", "n": "8", "k": "8"}
    header = ("gpu", "src", "dtype", "m", "n", "k", "latency_ms")
    rows = [{**shape, "m": str(m)} for m in range(1, 41)]
    half = fitted_rows(table([{**one, "latency_ms": "1"} for one in rows], "gemm"))
    for one, fitted in zip(rows, half, strict=True):
        one["latency_ms"] = str(float(one["m"]) * (1.0 if fitted else 2.0))
    lines = [",".join(header), *(",".join(one[name] for name in header) for one in rows)]
    (tmp_path / "gemm.csv").write_text("\n".join(lines) + "\n")
    found = validate_directory(tmp_path, catalog)
    line = next(line for line in found["targets"] if line["table"] == "gemm" and line["reached"])
    assert line["rows"] == line["predicted"] == int((~half).sum())
    assert line["reached"]["median_ape"] == pytest.approx(0.5)
    assert line["met"] is False
    assert line["by_source"] == {"h100/s": pytest.approx(0.5)}
    own = found["tables"]["gemm"]
    assert own["judged"]["by_metric"]["latency_ms"]["median_ape"] == pytest.approx(0.5)
    assert own["judged"]["in_scope"] == line["rows"] and own["never_fitted"]["in_scope"] == 0
    others = [line for line in found["targets"] if line["reached"] is None]
    assert others and all(line["reason"] and line["met"] is None and line["rows"] == 0 for line in others)
    assert len(found["targets"]) == len(TARGETS)


def test_chips_left_out_are_read_from_the_report() -> None:
    target = next(target for target in TARGETS if target.left_out == "chip")
    chips = {
        "a": {"rows": 30, "median_ape": 0.05, "p90_ape": 0.2},
        "b": {"rows": 10, "median_ape": 0.09, "p90_ape": 0.24},
    }
    line = target.reached({target.table: None}, {target.table: {"leave_chip_out": chips}})  # type: ignore[dict-item]
    assert line["reached"] == {"median_ape": pytest.approx(0.06), "p90_ape": pytest.approx(0.21)}
    assert (line["rows"], line["met"]) == (40, True)
    silent = target.reached({target.table: None}, {target.table: {"leave_chip_out_reason": "why"}})  # type: ignore[dict-item]
    assert (silent["reached"], silent["reason"]) == (None, "why")


def test_a_target_is_met_inside_all_of_its_bounds() -> None:
    bounds = {"interval90_coverage": (0.85, 0.95), "interval90_width": (None, 1.8)}
    assert meets({"interval90_coverage": 0.9, "interval90_width": 1.8}, bounds)
    assert not meets({"interval90_coverage": 0.96, "interval90_width": 1.5}, bounds)
    assert not meets({"interval90_coverage": 0.9, "interval90_width": None}, bounds)


def test_every_line_is_about_figures_of_a_known_table() -> None:
    kinds: dict[str, set[str]] = {}
    for kind in KINDS:
        kinds.setdefault(kind.name, set()).update(kind.measured)
    for target in TARGETS:
        assert target.elsewhere or target.table in kinds, target.what
        columns = [name for name in target.metrics if name.endswith(("_ms", "_us", "_w"))]
        assert set(columns) <= kinds.get(target.table, set()), target.what


def test_of_repeats_only_the_fastest_counts(row: Rows) -> None:
    same = {"gpu": "h100", "lib": "custom", "src": "s", "op": "all_reduce", "dtype": "half", "num_gpus": "8"}
    sizes, times = ("256", "256", "512"), ("0.02", "0.01", "0.05")
    rows = [{**same, "bytes": size, "latency_ms": time} for size, time in zip(sizes, times, strict=True)]
    kind = next(kind for kind in KINDS if kind.name == "collectives" and kind.measured)
    one = Table(kind, "collectives", {name: [row[name] for row in rows] for name in rows[0]})
    assert fastest_repeats(one).tolist() == [False, True, True]


def test_rates_are_ranked_inside_one_demand(row: Rows) -> None:
    served = [
        row("e2e_serving", model=model, isl="1", osl="1", concurrency=load, tp_size="2")
        for model in ("a", "b")
        for load in ("1", "2", "4", "8", "16")
    ]
    times = [10.0, 11.0, 12.0, 13.0, 14.0]
    reached = rank_of_rates(table(served, "e2e_serving"), [judged("tpot_ms", times * 2, times + times[::-1])])
    assert reached["demands"] == 2
    assert 0.9 < reached["kendall_tau"] <= 1.0
    assert (
        rank_of_rates(table(served[:3], "e2e_serving"), [judged("tpot_ms", times[:3], times[:3])])["kendall_tau"]
        is None
    )


def test_no_line_is_lost_in_a_folder_without_its_table(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "kernels.csv").write_text("hardware,op,dtype,m,k,n,batch,kv_len,metric,value,unit,source_id\n")
    (found,) = read_directory(tmp_path).tables
    assert found.rows == 0
    line = validate_directory(tmp_path, catalog)["targets"][0]
    assert line["reason"] == "no gemm.csv in this folder"
