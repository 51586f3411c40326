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
from stackwright.core.errors import Fault, InputError, StackwrightError
from stackwright.sweep.chunks import Chunk, code_digest
from stackwright.sweep.rows import Job, Made, rows_of

RETRIES = 5
"""Times that a chunk is begun anew after its worker died."""
AHEAD = 2
"""Chunks handed out per worker, so that none waits for the next."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""More threads cost more than they bring, and could change the last digits of a sum."""
NO_CALLS_HOME = ("RAY_USAGE_STATS_ENABLED", "0")


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

    Workers are started on this machine, or are those of the cluster at `address`, of which `workers` chunks at a time
    are asked, or as many as it has cores where that is 0.
    """
    import ray

    with _cluster(workers, address):
        limit = AHEAD * (workers or int(ray.cluster_resources()["CPU"]))
        work = ray.remote(num_cpus=1, max_retries=RETRIES)(sweep_chunk)
        waiting, running = iter(chunks), dict[Any, Chunk]()
        folders, code = tuple(str(folder.resolve()) for folder in overlays), code_digest()
        while True:
            for chunk in itertools.islice(waiting, limit - len(running)):
                running[work.remote(chunk.jobs, folders, code)] = chunk
            if not running:
                return
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            yield running.pop(done), _made(ray.get(done))


@contextmanager
def _cluster(workers: int, address: str | None) -> Iterator[None]:
    """Ray as it runs already, else joined or started, and left again."""
    import ray

    if ray.is_initialized():
        yield
        return
    os.environ.setdefault(*NO_CALLS_HOME)
    ray.init(
        address=address or "local",
        num_cpus=None if address else workers,
        include_dashboard=None if address else False,
        runtime_env={"env_vars": ONE_THREAD},
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _made(result: Made | Refused) -> Made:
    if isinstance(result, Refused):
        raise InputError(result.faults)
    return result


def sweep_chunk(jobs: Sequence[Job], overlays: Sequence[str], code: str) -> Made | Refused:
    """The rows of a chunk, made by a worker; a worker with other code than the one that asks does nothing."""
    if code_digest() != code:
        raise StackwrightError("a worker has another version of stackwright, numpy or highspy than this machine")
    try:
        return rows_of(jobs, _catalog(tuple(overlays)))
    except InputError as error:
        return Refused(error.faults)


@cache
def _catalog(overlays: tuple[str, ...]) -> Catalog:
    return Catalog.load([Path(folder) for folder in overlays])
