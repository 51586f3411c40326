"""Reading a folder of tables: what is known, what is skipped, and faults that name the column."""

from pathlib import Path

import numpy as np
import pytest

from stackwright.core.errors import InputError
from stackwright.evidence.tables import KINDS, Kind, read_directory

GEMM = "gpu,src,dtype,m,n,k,latency_ms\nh100,a-1,bfloat16,16,64,64,0.01\nh100,a-1,bfloat16,32,64,64,0.02\n"


def kind(name: str, wide: bool) -> Kind:
    return next(one for one in KINDS if one.name == name and bool(one.measured) == wide)


def write(folder: Path, name: str, header: tuple[str, ...], *rows: dict[str, str]) -> None:
    lines = [",".join(header), *(",".join(row.get(column, "") for column in header) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def test_known_tables_are_read_and_others_skipped_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "gemm.csv").write_text(GEMM)
    (tmp_path / "SOURCES.md").write_text("text")
    (tmp_path / "traces").mkdir()
    found = read_directory(tmp_path)
    assert [table.name for table in found.tables] == ["gemm"]
    assert set(found.skipped) == {"SOURCES.md", "traces"}


def test_only_one_table(tmp_path: Path) -> None:
    (tmp_path / "gemm.csv").write_text(GEMM)
    (tmp_path / "moe.csv").write_text("no table at all\n")
    found = read_directory(tmp_path, only="gemm")
    assert [table.name for table in found.tables] == ["gemm"]
    assert "only gemm" in found.skipped["moe.csv"]


def test_columns_tell_the_two_collective_tables_apart(tmp_path: Path) -> None:
    for wide in (True, False):
        write(tmp_path, "collectives", kind("collectives", wide).columns)
        (table,) = read_directory(tmp_path).tables
        assert bool(table.kind.measured) == wide


def test_columns_may_stand_in_any_order_and_more_may_come(tmp_path: Path) -> None:
    columns = ("extra", *reversed(kind("gemm", True).columns))
    write(tmp_path, "gemm", columns, {"gpu": "h100", "latency_ms": "0.5"})
    (table,) = read_directory(tmp_path).tables
    assert table.measurements("latency_ms") == pytest.approx([0.5])


def test_every_missing_column_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "gemm", ("gpu", "src", "dtype", "m", "n", "latency"))
    with pytest.raises(InputError) as caught:
        read_directory(tmp_path)
    assert {fault.path for fault in caught.value.faults} == {"k", "latency_ms"}
    assert [fault.nearest for fault in caught.value.faults if fault.path == "latency_ms"] == ["latency"]


def test_a_line_of_the_wrong_width_is_a_fault_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "gemm.csv").write_text(GEMM + "h100,a-1\n")
    with pytest.raises(InputError) as caught:
        read_directory(tmp_path)
    assert [fault.line for fault in caught.value.faults] == [4]


@pytest.mark.parametrize("only", [None, "gemm"])
def test_a_folder_without_tables_is_a_fault(tmp_path: Path, only: str | None) -> None:
    with pytest.raises(InputError, match="no table"):
        read_directory(tmp_path, only)
    with pytest.raises(InputError, match="no such folder"):
        read_directory(tmp_path / "absent", only)


def test_an_unknown_table_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_directory(tmp_path, only="inferences")
    assert caught.value.faults[0].nearest == "inference"


def test_text_that_is_no_table_is_a_fault_and_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "gemm.csv").write_bytes(b"\xff\xfe\x00gpu")
    with pytest.raises(InputError, match=r"gemm\.csv"):
        read_directory(tmp_path)


def test_metrics_of_long_tables_are_those_in_scope(tmp_path: Path) -> None:
    rows = [{"metric": metric, "value": "1"} for metric in ("tpot_p50", "requests_per_s", "tpot_p50", "tokens_per_s")]
    write(tmp_path, "inference", (*kind("inference", False).columns, "row_id"), *rows)
    (table,) = read_directory(tmp_path).tables
    assert {name: index.tolist() for name, index in table.metrics().items()} == {
        "tpot_p50": [0, 2],
        "tokens_per_s": [3],
    }


def test_what_is_no_positive_number_is_no_measurement(tmp_path: Path) -> None:
    rows = [{"latency_ms": text} for text in ("0.5", "-1", "nan", "inf", "n/a", "0")]
    write(tmp_path, "gemm", kind("gemm", True).columns, *rows)
    (table,) = read_directory(tmp_path).tables
    assert np.flatnonzero(table.measurements("latency_ms")).tolist() == [0]


def test_source_is_the_first_that_a_table_states(tmp_path: Path) -> None:
    (tmp_path / "gemm.csv").write_text(GEMM)
    (table,) = read_directory(tmp_path).tables
    assert table.source == ["h100/a-1", "h100/a-1"]
    assert table.key == ["gemm.csv:2", "gemm.csv:3"]


def test_demand_of_inference_leaves_out_what_was_measured(tmp_path: Path) -> None:
    rows = [
        {"metric": "tpot_p50", "model": "m", "workload": "chat", "osl": "244.7 mean", "batch": "7.9 mean"},
        {"metric": "tpot_p50", "model": "m", "workload": "chat", "osl": "251.2 mean", "batch": "8.0 mean"},
    ]
    write(tmp_path, "inference", kind("inference", False).columns, *rows)
    (table,) = read_directory(tmp_path).tables
    first, second = table.kind.demand(table.columns)
    assert first == second
