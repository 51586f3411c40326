"""Errors with something left out: written by fits, read back by table and by what was left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackwright.evidence import left_out as module
from stackwright.evidence.left_out import COLUMNS, FOLDER, left_out, write_left_out
from stackwright.evidence.tables import KINDS


def line(table: str, kind: str, name: str, rows: int, median: float, high: float) -> dict[str, Any]:
    return dict(zip(COLUMNS, (table, kind, name, rows, median, high), strict=True))


LINES = [
    line("gemm", "chip", "nvidia-b200", 120, 0.0512, 0.149),
    line("gemm", "chip", "nvidia-h20", 7, 0.1, 0.30004),
    line("gemm", "release", "vLLM, 0.14", 3, 0.07, 0.2),
    line("e2e_serving", "model", "deepseek-ai/DeepSeek-R1", 900, 1.2345678, 2e-5),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a catalog that holds nothing else."""
    monkeypatch.setattr(module, "packaged", lambda: tmp_path)
    return tmp_path / FOLDER


def test_what_is_written_is_read_back_by_table(folder: Path) -> None:
    write_left_out(folder / "kernels.csv", LINES)
    assert left_out("gemm") == {
        "leave_chip_out": {
            "nvidia-b200": {"rows": 120, "median_ape": 0.0512, "p90_ape": 0.149},
            "nvidia-h20": {"rows": 7, "median_ape": 0.1, "p90_ape": 0.3},
        },
        "leave_release_out": {"vLLM, 0.14": {"rows": 3, "median_ape": 0.07, "p90_ape": 0.2}},
    }
    found = left_out("e2e_serving")["leave_model_out"]["deepseek-ai/DeepSeek-R1"]
    assert found == {"rows": 900, "median_ape": 1.235, "p90_ape": 2e-5}


def test_files_of_several_fits_stand_side_by_side(folder: Path) -> None:
    write_left_out(folder / "kernels.csv", LINES[:2])
    write_left_out(folder / "served.csv", LINES[3:])
    write_left_out(folder / "more.csv", LINES[2:3])
    assert set(left_out("gemm")) == {"leave_chip_out", "leave_release_out"}
    assert set(left_out("e2e_serving")) == {"leave_model_out"}


def test_a_file_is_written_anew_each_time(folder: Path) -> None:
    write_left_out(folder / "kernels.csv", LINES[:3])
    write_left_out(folder / "kernels.csv", LINES[1:2])
    assert left_out("gemm") == {"leave_chip_out": {"nvidia-h20": {"rows": 7, "median_ape": 0.1, "p90_ape": 0.3}}}


def test_the_same_lines_give_the_same_file(folder: Path) -> None:
    write_left_out(folder / "a.csv", LINES)
    write_left_out(folder / "b.csv", iter(LINES))
    first, second = ((folder / name).read_bytes() for name in ("a.csv", "b.csv"))
    assert first == second
    assert b"\r" not in first and first.decode().splitlines()[0] == ",".join(COLUMNS)


def test_a_table_of_which_nothing_was_left_out_has_nothing(folder: Path) -> None:
    assert left_out("gemm") == {}
    write_left_out(folder / "kernels.csv", [])
    assert left_out("gemm") == {}


def test_an_unknown_column_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="surprise"):
        write_left_out(folder / "kernels.csv", [{**LINES[0], "surprise": 1}])


@pytest.mark.parametrize("table", sorted({kind.name for kind in KINDS}))
def test_packaged_figures_are_shares_of_rows_that_exist(table: str) -> None:
    for kind, found in left_out(table).items():
        assert kind.startswith("leave_") and kind.endswith("_out")
        for name, figures in found.items():
            assert figures["rows"] > 0, (table, kind, name)
            assert 0.0 <= figures["median_ape"] <= figures["p90_ape"], (table, kind, name)
