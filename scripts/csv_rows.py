"""Rows of the tables that the fits read."""

from __future__ import annotations

import csv
from pathlib import Path


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, in order; every cell is text."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
