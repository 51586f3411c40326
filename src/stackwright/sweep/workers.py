"""Where chunks are worked off: in this process, or by Ray on any number of machines."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InputError
from stackwright.sweep.chunks import Chunk, code_digest
from stackwright.sweep.rows import Job, Made, rows_of

RETRIES = 5
"""Times that a chunk is begun anew after its worker died."""
AHEAD = 2
"""Chunks handed out per core, so that none waits for the next."""
THREADS = "OPENBLAS_NUM_THREADS"
"""Threads of a matrix product, one where nothing is said: their number could change the last digits of a sum, so
workers have as many as this process."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_IGNORE_UNHANDLED_ERRORS": "1"}
"""Ray reports no use to its makers, and no error of a chunk that nobody waits for any more."""

OTHER_CODE = Fault(
    "the workers",
    "",
    "a machine with another stackwright, numpy or highspy than this one",
    "the same on all machines, while a sweep runs",
)


@dataclass(frozen=True)
class Refused:
    """Faults of the input that showed only in the work, as a worker hands them over."""

    faults: tuple[Fault, ...]


def in_process(chunks: Iterable[Chunk], catalog: Catalog) -> Iterator[tuple[Chunk, Made]]:
    """Each chunk with its rows, one after another."""
    for chunk in chunks:
        yield chunk, rows_of(chunk.jobs, catalog)


def on_ray(
    chunks: Iterable[Chunk], overlays: Sequence[Path], workers: int, address: str | None
) -> Iterator[tuple[Chunk, Made]]:
    """Each chunk with its rows, as workers finish them; a chunk whose worker dies is done again.

    Workers are started on this machine, or are those of the cluster at `address`, which is given `workers` chunks at a
    time, or where that is 0 as many as its cores can take.
    """
    import ray

    with cluster(workers, address):
        limit = workers if address and workers else AHEAD * int(ray.cluster_resources()["CPU"])
        work = ray.remote(num_cpus=1, max_retries=RETRIES)(sweep_chunk)
        waiting, running = iter(chunks), dict[Any, Chunk]()
        folders, code = tuple(str(folder.resolve()) for folder in overlays), code_digest()
        while True:
            for chunk in itertools.islice(waiting, limit - len(running)):
                running[work.remote(chunk.jobs, folders, code)] = chunk
            if not running:
                return
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            yield running.pop(done), _made(_result(ray, done))


@contextmanager
def cluster(workers: int, address: str | None) -> Iterator[None]:
    """Ray as it runs already, else joined or started, and left again."""
    import ray

    if ray.is_initialized():
        yield
        return
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray.init(
        address=address or "local",
        num_cpus=None if address else workers,
        include_dashboard=None if address else False,
        runtime_env={"env_vars": {THREADS: os.environ.get(THREADS, "1")}},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _result(ray: Any, done: Any) -> Made | Refused:
    """What a worker returned; what it raised is raised here as if it had been done here."""
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None


def _made(result: Made | Refused) -> Made:
    if isinstance(result, Refused):
        raise InputError(result.faults)
    return result


def sweep_chunk(jobs: Sequence[Job], overlays: Sequence[str], code: str) -> Made | Refused:
    """The rows of a chunk, made by a worker; a worker with other code than the one that asks does nothing."""
    if code_digest() != code:
        return Refused((OTHER_CODE,))
    try:
        return rows_of(jobs, _catalog(tuple(overlays)))
    except InputError as error:
        return Refused(error.faults)


@cache
def _catalog(overlays: tuple[str, ...]) -> Catalog:
    return Catalog.load([Path(folder) for folder in overlays])
