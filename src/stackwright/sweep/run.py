"""Running a sweep: what is done already is read, the rest is done, chunk by chunk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import SENSE
from stackwright.codesign.plan import versions
from stackwright.core.errors import Fault, InputError
from stackwright.core.files import json_text, write_atomic
from stackwright.sweep.axes import Sweep, read_sweep
from stackwright.sweep.chunks import (
    ROWS,
    UNIT,
    Chunk,
    chunks_of,
    joined,
    kinds_of,
    read_chunk,
    source_digest,
    write_chunk,
    write_table,
)
from stackwright.sweep.workers import in_process, on_ray

if TYPE_CHECKING:
    from pyarrow import Table

Told = Callable[[str, float], None]
MANIFEST = "sweep.json"
WHOLE = "rows.parquet"
CHUNK = 4
"""Jobs of a chunk, where nothing else is asked for."""
REMEDY = "pip install 'stackwright[sweep]'"


@dataclass(frozen=True)
class Request:
    """What to sweep, where the rows go, and who does the work."""

    study: Path
    over: Path
    out: Path
    overlays: Sequence[Path] = ()
    draws: int = 0
    chunk: int = CHUNK
    workers: int = 0
    """Worker processes of Ray, or chunks at a time of a cluster; 0 without an address is this process."""
    address: str | None = None
    """Of a running Ray cluster."""

    @property
    def on_ray(self) -> bool:
        """Whether Ray does the work."""
        return bool(self.workers or self.address)


def require(*modules: str) -> None:
    """Raise `InputError` with the remedy where a library of the extra is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise InputError([Fault(name, "", "a library that is not installed", REMEDY) for name in missing])


def run_sweep(request: Request, catalog: Catalog, tell: Told | None = None) -> dict[str, Any]:
    """Do what is not done yet of a sweep; returns what ``sweep.json`` holds, with what this run did.

    Writes a file for each chunk as it is finished, and at the end the rows of all as one file.
    """
    require("pyarrow", *(("ray",) if request.on_ray else ()))
    started = time.perf_counter()
    sweep = read_sweep(request.study, request.over, catalog, tell)
    chunks = chunks_of(sweep, request.draws, request.chunk, source_digest(catalog, request.overlays))
    kept = {chunk.index: table for chunk in chunks if (table := read_chunk(request.out, chunk)) is not None}
    manifest = manifest_of(request, sweep, chunks)
    (request.out / WHOLE).unlink(missing_ok=True)
    write_atomic(request.out / MANIFEST, json_text(manifest))
    todo = [chunk for chunk in chunks if chunk.index not in kept]
    work(request, catalog, sweep, chunks, todo, tell)
    tables = [kept.get(chunk.index) or read_made(request.out, chunk) for chunk in chunks]
    rows = joined(tables)
    write_table(request.out / WHOLE, rows)
    made = manifest | results_of(tables, rows, sweep)
    write_atomic(request.out / MANIFEST, json_text(made))
    run = {"seconds": time.perf_counter() - started, "workers": request.workers, "done_before": len(kept)}
    return made | {"run": run | {"done_now": len(todo)}}


def work(
    request: Request,
    catalog: Catalog,
    sweep: Sweep,
    chunks: Sequence[Chunk],
    todo: Sequence[Chunk],
    tell: Told | None,
) -> None:
    """Work off chunks, and write each as it is finished."""
    if not todo:
        return
    kinds, done = kinds_of(sweep), len(chunks) - len(todo)
    results = (
        on_ray(todo, request.overlays, request.workers, request.address)
        if request.on_ray
        else in_process(todo, catalog)
    )
    for count, (chunk, made) in enumerate(results, start=done + 1):
        write_chunk(request.out, chunk, made, kinds)
        if tell:
            tell(f"{count} of {len(chunks)} chunks", count / len(chunks))


def read_made(folder: Path, chunk: Chunk) -> Table:
    """The rows of a chunk that this run has written."""
    table = read_chunk(folder, chunk)
    if table is None:
        got = "a file that was taken away or changed while the sweep ran"
        raise InputError([Fault(str(folder / chunk.file), "", got, "a folder that only this sweep writes to")])
    return table


def manifest_of(request: Request, sweep: Sweep, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """What a sweep is made of, known before it runs."""
    first = sweep.points[0].study
    return {
        "study": first.id,
        "axes": {axis.name: list(axis.values) for axis in sweep.axes},
        "columns_of_axes": {axis.name: axis.column for axis in sweep.axes},
        "points": len(sweep.points),
        "draws": request.draws,
        "jobs_per_chunk": request.chunk,
        "chunks": [chunk.file for chunk in chunks],
        "versions": versions(),
    }


def results_of(tables: Sequence[Table], rows: Table, sweep: Sweep) -> dict[str, Any]:
    """What a sweep found; `digest` is over all rows but for their seconds."""
    from pyarrow import compute

    digest = hashlib.sha256(b"".join(table.schema.metadata[ROWS] for table in tables)).hexdigest()
    return {
        "rows": rows.num_rows,
        "feasible": int(compute.sum(rows["feasible"]).as_py()),
        "columns": units_of(tables),
        "best": best_of(rows, sweep),
        "digest": digest,
    }


def units_of(tables: Sequence[Table]) -> dict[str, str]:
    """Column to unit, empty where it has none; axes are in SI units, as in a plan."""
    found: dict[str, str] = {}
    for table in tables:
        for field in table.schema:
            unit = (field.metadata or {}).get(UNIT, b"").decode()
            found[field.name] = found.get(field.name) or unit
    return found


def best_of(rows: Table, sweep: Sweep) -> Mapping[str, Any] | None:
    """The best row where all points have one objective, and no draws; None where there is none."""
    objectives = {str(point.study.objective) for point in sweep.points}
    if len(objectives) > 1 or "value" not in rows.column_names or rows["draw"].null_count < rows.num_rows:
        return None
    order = "descending" if SENSE[objectives.pop()] == "max" else "ascending"
    # equal values go to the first point
    best = rows.sort_by([("feasible", "descending"), ("value", order), ("point", "ascending")]).slice(0, 1)
    return {name: value for name, value in best.to_pylist()[0].items() if value is not None and name != "seconds"}
