"""Sweeps as they are run: chunk by chunk, interrupted, resumed, changed; and what is left in their folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.sweep import chunks, workers
from stackwright.sweep.axes import read_sweep
from stackwright.sweep.chunks import Chunk, chunks_of, joined, read_chunk, rows_digest, source_digest, write_chunk
from stackwright.sweep.rows import Job, Made
from stackwright.sweep.run import Request, run_sweep


def rows_in(request: Request) -> list[dict]:
    """The rows of a folder but for their seconds."""
    rows = parquet.read_table(request.out / "rows.parquet").to_pylist()
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def files_in(request: Request) -> list[str]:
    return sorted(str(path.relative_to(request.out)) for path in request.out.rglob("*") if path.is_file())


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch):
    """Interrupts the work inside its chunk with this number, counted from 1; 0 lets all be done."""

    def stop_at(number: int) -> list[int]:
        done: list[int] = []

        def rows_of(jobs: tuple[Job, ...], catalog: Catalog) -> Made:
            if len(done) + 1 == number:
                raise KeyboardInterrupt
            done.append(jobs[0].point.index)
            return work(jobs, catalog)

        monkeypatch.setattr(workers, "rows_of", rows_of)
        return done

    work = workers.rows_of
    return stop_at


def test_a_sweep_writes_its_rows_and_what_they_are(request_of, catalog: Catalog) -> None:
    request = request_of()
    made = run_sweep(request, catalog)
    assert {name: value for name, value in made.items() if name != "run"} == json.loads(
        (request.out / "sweep.json").read_text(encoding="utf-8")
    )
    assert files_in(request) == sorted([*made["chunks"], "rows.parquet", "sweep.json"])
    assert (made["points"], made["rows"], made["feasible"], len(made["chunks"])) == (6, 6, 4, 3)
    rows = rows_in(request)
    assert [row["point"] for row in rows] == list(range(6))
    assert [row["demand_tpot"] for row in rows] == [0.05, 0.05, 0.03, 0.03, 0.001, 0.001]
    best = min((row for row in rows if row["feasible"]), key=lambda row: (row["value"], row["point"]))
    assert made["best"] == {name: value for name, value in best.items() if value is not None}
    assert made["columns"]["facility_power"] == "W"


def test_an_interrupted_sweep_loses_one_chunk_and_goes_on(request_of, catalog: Catalog, stopped) -> None:
    whole = run_sweep(request_of("whole"), catalog)
    request = request_of("stopped")
    stopped(3)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(request, catalog)
    assert files_in(request) == sorted([*whole["chunks"][:2], "sweep.json"])
    done = stopped(0)
    made = run_sweep(request, catalog)
    assert done == [4]
    assert made["run"]["done_before"] == 2 and made["run"]["done_now"] == 1
    assert rows_in(request) == rows_in(request_of("whole"))
    assert made["digest"] == whole["digest"]


def test_a_finished_sweep_is_not_done_again(request_of, catalog: Catalog, stopped) -> None:
    first = run_sweep(request_of(), catalog)
    stopped(1)
    again = run_sweep(request_of(), catalog)
    assert {**again, "run": None} == {**first, "run": None}


def test_a_changed_axis_does_only_what_changed(request_of, catalog: Catalog, stopped) -> None:
    request = request_of()
    run_sweep(request, catalog)
    axes = request.over.read_text(encoding="utf-8")
    request.over.write_text(axes.replace("30 ms", "40 ms"), encoding="utf-8")
    done = stopped(0)
    made = run_sweep(request, catalog)
    assert done == [2]
    assert [row["demand_tpot"] for row in rows_in(request)] == [0.05, 0.05, 0.04, 0.04, 0.001, 0.001]
    assert len(files_in(request)) == 3 + 1 + 2, "the chunk of the other axis stays, and is not read"
    assert made["rows"] == 6


def test_a_damaged_chunk_is_done_again(request_of, catalog: Catalog, stopped) -> None:
    request = request_of()
    first = run_sweep(request, catalog)
    damaged = request.out / first["chunks"][1]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    done = stopped(0)
    assert run_sweep(request, catalog)["digest"] == first["digest"]
    assert done == [2]


def test_draws_are_rows_and_their_blocks_are_jobs(request_of, catalog: Catalog, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "DRAWS_AT_ONCE", 4)
    made = run_sweep(request_of(draws=5, chunk=5), catalog)
    assert made["rows"] == 4 * 5 + 2 and len(made["chunks"]) == 3
    assert made["best"] is None
    rows = rows_in(request_of())
    assert [(row["point"], row["draw"]) for row in rows if row["point"] == 1] == [(1, draw) for draw in range(5)]


def test_a_chunk_is_known_by_all_that_its_rows_depend_on(request_of, catalog: Catalog, tmp_path: Path) -> None:
    request = request_of()

    def digest(draws: int = 0, source: str = "s") -> str:
        return chunks_of(read_sweep(request.study, request.over, catalog), draws, 2, source)[0].digest

    first = digest()
    assert digest() == first
    assert len({first, digest(draws=5), digest(draws=6), digest(source="t")}) == 4
    study = request.study.read_text(encoding="utf-8")
    request.study.write_text(study.replace("as a chat product", "by another title"), encoding="utf-8")
    assert digest() == first
    request.study.write_text(study.replace("ttft: 2 s", "ttft: 3 s"), encoding="utf-8")
    assert digest() != first


def test_what_lies_in_an_overlay_counts(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "overlay").mkdir()
    series = tmp_path / "overlay" / "prices.csv"
    series.write_text("1\n", encoding="utf-8")
    first = source_digest(catalog, [tmp_path / "overlay"])
    assert source_digest(catalog, [tmp_path / "overlay"]) == first != source_digest(catalog, [])
    series.write_text("2\n", encoding="utf-8")
    assert source_digest(catalog, [tmp_path / "overlay"]) != first


def test_a_chunk_is_read_only_as_what_it_was_made_from(tmp_path: Path) -> None:
    chunk = Chunk(3, (), "a" * 64)
    rows = [{"point": 0, "feasible": True, "value": 1.0 / 3.0, "seconds": 1.0}, {"point": 1, "feasible": False}]
    write_chunk(tmp_path, chunk, Made(rows, {"value": "USD"}), {"point": "int64", "feasible": "bool"})
    table = read_chunk(tmp_path, chunk)
    assert table is not None
    assert table.to_pylist()[0] == rows[0] and table.to_pylist()[1]["value"] is None
    other = Chunk(3, (), "a" * 16 + "b" * 48)
    assert other.file == chunk.file and read_chunk(tmp_path, other) is None
    assert read_chunk(tmp_path, Chunk(4, (), "a" * 64)) is None
    assert [path.name for path in (tmp_path / "chunks").iterdir()] == [Path(chunk.file).name]


def test_chunks_with_other_columns_are_joined(tmp_path: Path) -> None:
    tables = []
    for index, row in enumerate([{"point": 0, "value": 1.0}, {"point": 1, "reason": "none"}]):
        chunk = Chunk(index, (), str(index) * 64)
        write_chunk(tmp_path, chunk, Made([row], {}), {"point": "int64", "reason": "string"})
        tables.append(read_chunk(tmp_path, chunk))
    assert joined(tables).to_pylist() == [
        {"point": 0, "value": 1.0, "reason": None},
        {"point": 1, "value": None, "reason": "none"},
    ]


def test_the_digest_of_rows_leaves_out_how_long_they_took() -> None:
    row = {"point": 1, "value": 2.0, "draw": None}
    assert rows_digest([{**row, "seconds": 1.0}]) == rows_digest([{"value": 2.0, "point": 1, "seconds": 2.0}])
    assert rows_digest([row]) != rows_digest([{**row, "value": 2.0000000000000004}])


def test_faults_keep_a_sweep_from_beginning(request_of, catalog: Catalog) -> None:
    request = request_of()
    request.over.write_text("demand.tpot: [1 kg]\n", encoding="utf-8")
    with pytest.raises(InputError):
        run_sweep(request, catalog)
    assert not request.out.exists()


def test_an_interrupt_from_the_keyboard_leaves_whole_files(request_of, catalog: Catalog) -> None:
    request = request_of(chunk=1)
    seeds = ", ".join(str(seed) for seed in range(400))
    request.over.write_text(f"seed: [{seeds}]\n", encoding="utf-8")
    arguments = ["sweep", request.study, "--over", request.over, "--out", request.out, "--chunk", "1"]
    running = subprocess.Popen([sys.executable, "-m", "stackwright", *map(str, arguments)], stderr=subprocess.PIPE)
    while not list(request.out.glob("chunks/*.parquet")) and running.poll() is None:
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and b"Interrupted" in said
    whole = chunks_of(read_sweep(request.study, request.over, catalog), 0, 1, source_digest(catalog, ()))
    done = [chunk for chunk in whole if read_chunk(request.out, chunk) is not None]
    assert 1 <= len(done) < len(whole)
    assert len(files_in(request)) == len(done) + 1
