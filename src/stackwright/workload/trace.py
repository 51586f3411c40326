"""Request traces: lengths, arrivals and shared prefixes of real traffic.

A trace file is a gzip-compressed CSV with the columns ``arrival_s``, ``input_tokens``,
``output_tokens`` and, where known, ``prefix_block_ids`` (hashes of 512-token blocks).
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stackwright.core.errors import Fault, InputError
from stackwright.core.spec import spec
from stackwright.core.units import Count, Seconds

BLOCK_TOKENS = 512
"""Tokens of a prefix block in the traces that carry block hashes."""

QUANTILES = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.96, 0.985, 1.0)
"""Edges of the input-length classes that stand for a trace in the search."""


@spec
class Trace:
    """Catalog record of a trace: what it covers; its rows are in the linked file."""

    requests: Count
    duration: Seconds


@dataclass(frozen=True)
class Requests:
    """Rows of a trace: arrays [N]; `hits` are input tokens whose prefix was seen before."""

    arrival: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    hits: np.ndarray


def read_trace(path: Path, *, shown_as: str | None = None) -> Requests:
    """Read a trace; every faulty row is named at once in one `InputError`. Source: definition."""
    name = shown_as or path.name
    if not path.is_file():
        raise InputError([Fault(name, "", "no such file", "a trace (.csv.gz) that exists")])
    opener = gzip.open if path.suffix == ".gz" else open
    faults: list[Fault] = []
    rows: list[tuple[float, float, float]] = []
    blocks: list[str] = []
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"arrival_s", "input_tokens", "output_tokens"} - set(reader.fieldnames or ())
            if missing:
                raise InputError(
                    [Fault(name, "", f"no column {', '.join(sorted(missing))}", "the columns of a trace", 1)]
                )
            for line, row in enumerate(reader, start=2):
                try:
                    values = (float(row["arrival_s"]), float(row["input_tokens"]), float(row["output_tokens"]))
                except (TypeError, ValueError):
                    faults.append(
                        Fault(name, "", "a row that is not numbers", "arrival, input and output as numbers", line)
                    )
                    continue
                if not all(np.isfinite(values)) or min(values) < 0 or values[1] < 1:
                    faults.append(Fault(name, "", f"{values}", "finite numbers, at least one input token", line))
                    continue
                rows.append(values)
                blocks.append(row.get("prefix_block_ids") or "")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError([Fault(name, "", str(error) or "a broken file", "a readable gzip CSV")]) from None
    if not rows:
        faults.append(Fault(name, "", "no requests", "at least one row"))
    if faults:
        raise InputError(faults[:50])
    table = np.array(rows)
    return Requests(table[:, 0], table[:, 1], np.maximum(table[:, 2], 1.0), _prefix_hits(blocks, table[:, 1]))


def _prefix_hits(blocks: list[str], lengths: np.ndarray) -> np.ndarray:
    """Tokens of each request whose leading blocks came before, with a cache that never evicts."""
    seen: set[str] = set()
    hits = np.zeros(len(blocks))
    for index, text in enumerate(blocks):
        ids = text.split()
        shared = 0
        for block in ids:
            if block not in seen:
                break
            shared += 1
        seen.update(ids)
        hits[index] = min(shared * BLOCK_TOKENS, max(lengths[index] - 1.0, 0.0))
    return hits
