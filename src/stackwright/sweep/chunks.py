"""The chunks of a sweep: what each is made of, and the Parquet file that it becomes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackwright.catalog import Catalog
from stackwright.stack.design import Design
from stackwright.sweep.axes import Axis, Sweep
from stackwright.sweep.rows import Job, Made, Row

if TYPE_CHECKING:
    from pyarrow import DataType, Table

DRAWS_AT_ONCE = 256
"""Draws of a point that are evaluated together: one job."""
SOLVERS = ("numpy", "highspy")
"""Libraries that a result's digits come from."""
FOLDER = "chunks"
DIGEST, ROWS = b"stackwright.digest", b"stackwright.rows"
"""Keys of a file's metadata: what it was made from, and the digest of what it holds."""
UNIT = b"unit"
INTEGERS = ("point", "draw", "seed")
WORDS = ("case", "objective", "unit", "reason")
KINDS = {"str": "string", "str | None": "string", "float": "float64", "int": "int64"}
"""Annotation of a design's field to the type of its column."""


@dataclass(frozen=True)
class Chunk:
    """Jobs that are done together, and the digest of all that their rows depend on."""

    index: int
    jobs: tuple[Job, ...]
    digest: str

    @property
    def file(self) -> str:
        """Path of the chunk's rows, inside the folder of the sweep."""
        return f"{FOLDER}/{self.index:05d}-{self.digest[:16]}.parquet"


def jobs_of(sweep: Sweep, draws: int) -> Iterator[Job]:
    """The jobs of a sweep in the order of its points; each is a point, or a block of its draws."""
    for point in sweep.points:
        if not draws:
            yield Job(point)
        for first in range(0, draws, DRAWS_AT_ONCE):
            yield Job(point, range(first, min(first + DRAWS_AT_ONCE, draws)), draws)


def chunks_of(sweep: Sweep, draws: int, size: int, source: str) -> list[Chunk]:
    """The jobs of a sweep, so many at a time. `source` is the digest of the code and the catalog."""
    jobs = tuple(jobs_of(sweep, draws))
    parts = [jobs[first : first + size] for first in range(0, len(jobs), size)]
    return [Chunk(index, part, _digest([source, *map(_content, part)])) for index, part in enumerate(parts)]


def _content(job: Job) -> list[Any]:
    study, draws = job.point.study, job.draws
    place = [job.point.index, study.case, dict(job.point.values), study.digest()]
    return [*place, None if draws is None else [draws.start, draws.stop, job.of]]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def source_digest(catalog: Catalog, overlays: Iterable[Path]) -> str:
    """SHA-256 of what a row depends on besides its study: code, packaged data, libraries, catalog and its overlays."""
    return _digest([code_digest(), catalog.digest(), [_folder_digest(folder) for folder in overlays]])


@cache
def code_digest() -> str:
    """SHA-256 of the package, code and data, with the versions of the libraries that its digits come from."""
    return _digest([_folder_digest(files("stackwright")), {name: version(name) for name in SOLVERS}])


def _folder_digest(folder: Traversable) -> str:
    """SHA-256 of a folder's files by name and content, but for what Python keeps there."""
    found = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_file():
            found.append([item.name, hashlib.sha256(item.read_bytes()).hexdigest()])
        elif item.is_dir() and item.name != "__pycache__":
            found.append([item.name, _folder_digest(item)])
    return _digest(found)


def rows_digest(rows: Iterable[Row]) -> str:
    """SHA-256 of rows but for their seconds; a missing value is as good as none."""
    return _digest(
        [{name: value for name, value in row.items() if name != "seconds" and value is not None} for row in rows]
    )


def kinds_of(sweep: Sweep) -> dict[str, str]:
    """Type of every column that is no 64-bit float; an axis is of numbers if all of its values are."""
    made = dict.fromkeys(INTEGERS, "int64") | dict.fromkeys(WORDS, "string") | {"feasible": "bool"}
    made |= {field.name: KINDS[str(field.type)] for field in fields(Design) if field.name != "numbers"}
    return made | {axis.column: "string" for axis in sweep.axes if axis.column not in made and _is_words(sweep, axis)}


def _is_words(sweep: Sweep, axis: Axis) -> bool:
    return any(isinstance(point.values[axis.column], str) for point in sweep.points)


def write_chunk(folder: Path, chunk: Chunk, made: Made, kinds: Mapping[str, str]) -> None:
    """Write the rows of a chunk whole or not at all."""
    write_table(folder / chunk.file, table_of(made, kinds, chunk.digest))


def table_of(made: Made, kinds: Mapping[str, str], digest: str) -> Table:
    """Rows as a table whose columns know their unit, and which knows what it was made from."""
    import pyarrow

    names = list(dict.fromkeys(name for row in made.rows for name in row))
    columns = [[row.get(name) for row in made.rows] for name in names]
    types: list[DataType] = [pyarrow.type_for_alias(kinds.get(name, "float64")) for name in names]
    made_of = {DIGEST: digest.encode(), ROWS: rows_digest(made.rows).encode()}
    schema = pyarrow.schema(
        [
            pyarrow.field(name, kind, metadata={UNIT: made.units.get(name, "").encode()})
            for name, kind in zip(names, types, strict=True)
        ],
        metadata=made_of,
    )
    texts = [
        [None if value is None else str(value) for value in column] if kind == pyarrow.string() else column
        for column, kind in zip(columns, types, strict=True)
    ]
    return pyarrow.table(
        [pyarrow.array(column, kind) for column, kind in zip(texts, types, strict=True)], schema=schema
    )


def write_table(path: Path, table: Table) -> None:
    """Write a Parquet file so that `path` holds either its old content or all of the new one."""
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        parquet.write_table(table, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_chunk(folder: Path, chunk: Chunk) -> Table | None:
    """The rows of a chunk that was done; None where it is not there, is damaged, or was made from something else."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(folder / chunk.file)
    except (FileNotFoundError, pyarrow.ArrowException):
        return None
    known = table.schema.metadata or {}
    return table if known.get(DIGEST) == chunk.digest.encode() and ROWS in known else None


def joined(tables: Sequence[Table]) -> Table:
    """The rows of all chunks in order, each column that any of them has."""
    import pyarrow

    return pyarrow.concat_tables(tables, promote_options="default")
