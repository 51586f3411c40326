"""Questions to a sweep in SQL, also while it runs or after it was interrupted."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from stackwright.core.errors import Fault, InputError
from stackwright.sweep.run import MANIFEST, require

VIEW = "rows"
"""Name under which SQL finds the rows."""


@dataclass(frozen=True)
class Answer:
    """A table, and how many of the sweep's chunks it was made from."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    chunks: int
    of: int

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping for JSON."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"columns": list(self.columns), "rows": rows, "chunks": self.chunks, "of": self.of}


def ask(folder: Path, sql: str) -> Answer:
    """The answer to a statement of SQL over the rows of a sweep that are there."""
    require("duckdb")
    import duckdb

    chunks = chunks_in(folder)
    there = [str(path) for name in chunks if (path := folder / name).is_file()]
    if not there:
        raise InputError([Fault(str(folder), "", "no chunk that is done", "a sweep of which some rows are done")])
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as database:
            database.read_parquet(there, union_by_name=True).create_view(VIEW)
            made = database.execute(sql)
            if made is None:
                raise InputError([Fault("the query", "", "no statement", f"SQL over the table {VIEW!r}")])
            columns = tuple(str(column[0]) for column in made.description or ())
            rows = tuple(tuple(map(_plain, row)) for row in made.fetchall())
    except duckdb.Error as error:
        raise InputError([Fault("the query", "", str(error), f"SQL over the table {VIEW!r}")]) from None
    return Answer(columns, rows, len(there), len(chunks))


def chunks_in(folder: Path) -> list[str]:
    """The chunks of a sweep's folder, done or not; raises `InputError` if no sweep wrote there."""
    path = folder / MANIFEST
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["chunks"]]
    except OSError as error:
        got = error.strerror or str(error)
    except (ValueError, KeyError, TypeError):
        got = "a file that stackwright sweep did not write"
    raise InputError([Fault(str(path), "", got, f"the {MANIFEST} that stackwright sweep wrote")])


def _plain(value: Any) -> Any:
    """What JSON has: a decimal as a float, what is not finite as nothing, dates and the like as text."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
