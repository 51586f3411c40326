"""The script that lays what clients measure beside what the plan says."""

from __future__ import annotations

from pathlib import Path

import pytest
from load_test import latency_table, percentiles_of, write_between


def test_a_row_of_the_table_has_the_error_of_what_clients_measure() -> None:
    seen = percentiles_of([0.1, 0.2, 0.3], [0.02, 0.02, 0.02])
    level = {"load": 0.5, "ttft_p50": 0.25, "ttft_p95": 0.29, "tpot_p50": 0.02, "tpot_p95": 0.04}
    rows = latency_table([{"level": level, "virtual": level, "requests": 3, "streams": 1.0, "failed": 0, **seen}])[2:]
    assert rows[0] == "| 50% | 3 | 1 | 0 | TTFT p50 | 250.0 | 250.0 | 200.0 | -20.0% |"
    assert rows[3] == "| 50% | 3 | 1 | 0 | TPOT p95 | 40.0 | 40.0 | 20.0 | -50.0% |"


def test_a_page_keeps_what_stands_around_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- load -->\nold\n<!-- /load -->\nafter\n", encoding="utf-8")
    write_between(page, "load", "new")
    assert page.read_text(encoding="utf-8") == "before\n<!-- load -->\nnew\n<!-- /load -->\nafter\n"
    with pytest.raises(ValueError, match="unpack"):
        write_between(page, "clients", "new")
