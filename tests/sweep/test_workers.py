"""Workers of Ray: the same rows for any number of them, and for one that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InputError
from stackwright.sweep import workers
from stackwright.sweep.axes import read_sweep
from stackwright.sweep.chunks import Chunk, chunks_of, code_digest, rows_digest
from stackwright.sweep.run import Request, run_sweep
from stackwright.sweep.workers import OTHER_CODE, Refused, cluster, on_ray, sweep_chunk

WORKING = b"ray::sweep_chunk"
"""How Ray names a process while it works off a chunk."""


@pytest.fixture(scope="module", params=[1, 2])
def ray_workers(request: pytest.FixtureRequest) -> Iterator[int]:
    """Ray on this machine with so many workers; sweeps use it as it runs."""
    with cluster(request.param, None):
        yield request.param


@pytest.fixture
def chunks(request_of, catalog: Catalog) -> list[Chunk]:
    request = request_of()
    return chunks_of(read_sweep(request.study, request.over, catalog), 3, 1, "source")


def digests(results) -> dict[int, str]:
    return {chunk.index: rows_digest(made.rows) for chunk, made in results}


def descends(process: int, ancestor: int) -> bool:
    """Whether a process was started by another, or by one that it started."""
    while process > 1:
        if process == ancestor:
            return True
        try:
            status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        except OSError:
            return False
        process = int(status.rpartition(")")[2].split()[1])
    return False


def working() -> list[int]:
    """Workers of this process that are at a chunk."""
    found = []
    for item in Path("/proc").iterdir():
        try:
            at_work = item.name.isdigit() and WORKING in (item / "cmdline").read_bytes()
        except OSError:
            continue
        if at_work and descends(int(item.name), os.getpid()):
            found.append(int(item.name))
    return found


def test_rows_are_the_same_for_any_number_of_workers(request_of, catalog: Catalog, ray_workers: int) -> None:
    request: Request = request_of("many", workers=ray_workers)
    made, alone = run_sweep(request, catalog), request_of("alone")
    arguments = ["sweep", alone.study, "--over", alone.over, "--out", alone.out, "--chunk", alone.chunk]
    # as a command, which sets the number of threads before any library is loaded
    subprocess.run([sys.executable, "-m", "stackwright", *map(str, arguments)], check=True, capture_output=True)
    assert made["run"]["workers"] == ray_workers and made["run"]["done_now"] == 3
    assert {name: value for name, value in made.items() if name != "run"} == json.loads(
        (alone.out / "sweep.json").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("ray_workers", [2], indirect=True)
def test_a_chunk_whose_worker_is_killed_is_done_again(chunks, ray_workers: int) -> None:
    whole = digests(on_ray(chunks, (), ray_workers, None))
    results = on_ray(chunks, (), ray_workers, None)
    found = digests([next(results)])
    while not (at_work := working()):
        time.sleep(0.01)
    os.kill(at_work[0], signal.SIGKILL)
    found |= digests(results)
    assert at_work[0] not in working()
    assert sorted(found) == [chunk.index for chunk in chunks] and found == whole


@pytest.mark.parametrize("ray_workers", [2], indirect=True)
def test_overlays_reach_the_workers(request_of, catalog: Catalog, tmp_path: Path, ray_workers: int) -> None:
    folder = tmp_path / "overlay" / "finance"
    folder.mkdir(parents=True)
    record = "type: Terms\nlike: corporate\nname: Dear money\nedition: 2026-11-22\nvalues:\n"
    value = "{value: 0.2, low: 0.19, high: 0.21, source: assumption, kind: assumption, note: a test}"
    (folder / "corporate.yaml").write_text(f"{record}  discount_rate: {value}\n", encoding="utf-8")
    overlaid = Catalog.load([folder.parent])
    dear = run_sweep(request_of("dear", workers=ray_workers, overlays=(folder.parent,)), overlaid)
    assert dear["best"]["value"] > 1.05 * run_sweep(request_of("cheap"), catalog)["best"]["value"]


def test_a_worker_with_other_code_does_nothing(chunks: list[Chunk]) -> None:
    assert sweep_chunk(chunks[0].jobs, (), "other") == Refused((OTHER_CODE,))


def test_faults_come_whole_from_a_worker(chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault("study.yaml", "datacenter.site", "no hours", "hours")

    def rows_of(jobs: object, catalog: Catalog) -> None:
        raise InputError([fault])

    monkeypatch.setattr(workers, "rows_of", rows_of)
    refused = sweep_chunk(chunks[0].jobs, (), code_digest())
    with pytest.raises(InputError) as caught:
        workers._made(refused)
    assert caught.value.faults == (fault,)
