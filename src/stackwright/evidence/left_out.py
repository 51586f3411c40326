"""Errors of predictions for a model, chip, engine or source that was left out of a fit, as the fits wrote them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stackwright.catalog.loader import packaged

FOLDER = "left_out"
"""Folder of the catalog: a file per script that fits, a line per thing left out."""
TOGETHER = "all, each left out"
"""Name of the line that has all rows together, each predicted without its own."""
COLUMNS = ("table", "left_out", "name", "rows", "median_ape", "p90_ape")


def left_out(table: str) -> dict[str, dict[str, Any]]:
    """``leave_<kind>_out`` of a table: name of what was left out to its rows and errors. Source: definition."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(str(packaged() / FOLDER)).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["table"] == table:
                    figures = {"median_ape": float(row["median_ape"]), "p90_ape": float(row["p90_ape"])}
                    found.setdefault(f"leave_{row['left_out']}_out", {})[row["name"]] = {
                        "rows": int(row["rows"]),
                        **figures,
                    }
    return found


def write_left_out(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A file of `left_out`, errors as fractions. Source: definition."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        out.writeheader()
        for row in rows:
            shown = {name: f"{row[name]:.4g}" for name in ("median_ape", "p90_ape")}
            out.writerow({**row, **shown})
