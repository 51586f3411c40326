"""``stackwright validate``: predictions against measured rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome, plain
from stackwright.core.errors import Fault, InputError

if TYPE_CHECKING:
    from rich.console import Console


def validate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of CSV files with measured rows.")],
    only: Annotated[
        str | None, typer.Option("--only", metavar="TABLE", help="Only this table: a file's name without .csv.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", metavar="FILE", help="Write one line per row and metric, as CSV.")
    ] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Compare predictions with measured rows."""
    with outcome(json) as output:
        if not directory.is_dir():
            raise InputError([Fault(str(directory), "", "no such folder", "a folder of CSV files")])
        records = open_catalog(catalog)
        from stackwright.evidence.validate import validate_directory

        found = validate_directory(directory, records, only, rows)
        _print(found, output.console)
        output.json(found)


def _print(found: Mapping[str, Any], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from stackwright.cli.summary import number, percent

    for name, table in found.get("tables", {}).items():
        counts = f"{table['predicted']} of {table['in_scope']} rows in scope predicted"
        shown = Table(title=escape(plain(f"{name}: {counts}")), title_justify="left")
        for heading in ("metric", "rows", "predicted", "median APE", "p90 APE", "ratio", "rank", "coverage"):
            shown.add_column(heading, justify="left" if heading == "metric" else "right", overflow="fold")
        for metric, row in table.get("by_metric", {}).items():
            shown.add_row(
                escape(plain(metric)),
                str(row["rows"]),
                str(row["predicted"]),
                percent(row.get("median_ape")),
                percent(row.get("p90_ape")),
                number(row.get("median_ratio")),
                number(row.get("kendall_tau")),
                percent(row.get("interval90_coverage")),
            )
        console.print(shown)
        for reason, count in sorted(table.get("refused", {}).items(), key=lambda item: -item[1]):
            console.print(escape(plain(f"  refused {count}: {reason}")))
