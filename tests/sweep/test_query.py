"""Questions to a sweep's rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.sweep.query import ask
from stackwright.sweep.run import run_sweep


@pytest.fixture
def folder(request_of, catalog: Catalog) -> Path:
    request = request_of()
    run_sweep(request, catalog)
    return request.out


def test_rows_answer_in_sql(folder: Path) -> None:
    answer = ask(folder, "select demand_tpot, min(value) as best from rows where feasible group by 1 order by 1 desc")
    assert answer.columns == ("demand_tpot", "best")
    assert [row[0] for row in answer.rows] == [0.05, 0.03] and answer.rows[0][1] > 0
    assert (answer.chunks, answer.of) == (3, 3)


def test_rows_of_an_unfinished_sweep_answer_too(folder: Path) -> None:
    first = sorted((folder / "chunks").iterdir())[0]
    first.unlink()
    answer = ask(folder, "select count(*) as count, sum(point) as points from rows")
    assert answer.as_dict() == {
        "columns": ["count", "points"],
        "rows": [{"count": 4, "points": 2 + 3 + 4 + 5}],
        "chunks": 2,
        "of": 3,
    }


def test_only_chunks_of_the_last_run_answer(request_of, catalog: Catalog, folder: Path) -> None:
    request = request_of()
    request.over.write_text("demand.tpot: [40 ms]\n", encoding="utf-8")
    run_sweep(request, catalog)
    assert ask(folder, "select demand_tpot from rows").rows == ((0.04,),)


def test_what_is_no_number_of_json_is_nothing_or_text(folder: Path) -> None:
    sql = "select 'inf'::double, 1.5::decimal(4, 2), date '2027-01-01', null, true from rows limit 1"
    assert ask(folder, sql).rows == ((None, 1.5, "2027-01-01", None, True),)


@pytest.mark.parametrize("sql", ["select nothing from rows", "not sql", "select * from elsewhere", ""])
def test_a_faulty_query_is_told(folder: Path, sql: str) -> None:
    with pytest.raises(InputError) as caught:
        ask(folder, sql)
    assert caught.value.faults[0].file == "the query"


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"chunks": 3}'])
def test_a_folder_of_no_sweep_is_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "sweep.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        ask(tmp_path, "select 1")
    assert "sweep.json" in caught.value.faults[0].file


def test_a_sweep_without_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"chunks": ["chunks/00000-a.parquet"]}', encoding="utf-8")
    with pytest.raises(InputError, match="no chunk that is done"):
        ask(tmp_path, "select 1")
