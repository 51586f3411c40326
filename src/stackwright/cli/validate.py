"""``stackwright validate``: predictions against measured rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="DIR2", help="Write a page of figures and pictures, DIR's name.md, to DIR2."),
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

        found = validate_directory(directory, records, only, rows, page)
        _print(found, output.console)
        output.json(found)


def _print(found: Mapping[str, Any], console: Console) -> None:
    for name, table in found.get("tables", {}).items():
        _print_table(name, table, console)
    if targets := found.get("targets"):
        _print_targets(targets, console)


def _print_table(name: str, table: Mapping[str, Any], console: Console) -> None:
    """The figures of a table by metric; *judged* are those of rows that fitted no parameter."""
    from stackwright.cli.tables import number, percent
    from stackwright.evidence.page import LEFT_OUT, errors_text

    counts = f"{table['predicted']} of {table['in_scope']} rows in scope predicted"
    headings = ("metric", "rows", "predicted", "median APE", "p90 APE", "judged", "ratio", "rank", "coverage")
    judged = table.get("judged", {}).get("by_metric", {})
    rows = [
        (
            metric,
            str(row["rows"]),
            str(row["predicted"]),
            percent(row.get("median_ape")),
            percent(row.get("p90_ape")),
            errors_text(judged.get(metric, {})),
            number(row.get("median_ratio")),
            number(row.get("kendall_tau")),
            percent(row.get("interval90_coverage")),
        )
        for metric, row in table.get("by_metric", {}).items()
    ]
    _print_grid(f"{name}: {counts}", headings, rows, console)
    for reason, count in sorted(table.get("refused", {}).items(), key=lambda item: -item[1]):
        _say(f"  refused {count}: {reason}", console)
    for what in LEFT_OUT:
        for left, own in (table.get(f"leave_{what}_out") or {}).items():
            _say(f"  {what} {left} left out of the fit: {errors_text(own)}", console)


def _print_targets(targets: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The targets that some row answers, then those that none does, by their reason."""
    from stackwright.cli.tables import percent
    from stackwright.evidence.page import MET, by_source_text, reached_text, target_text

    headings = ("what", "best peer", "prototype", "target", "reached", "met", "rows", "predicted")
    rows = [
        (
            line["what"],
            line["peer"],
            line["prototype"],
            target_text(line["target"]),
            reached_text(line),
            MET[line["met"]],
            str(line["rows"]),
            percent(line["predicted"] / line["rows"]),
        )
        for line in targets
        if line["reached"] is not None
    ]
    title = "Targets, on rows not used for fitting: median / 90th percentile error; rank; coverage and width"
    _print_grid(title, headings, rows, console)
    for line in targets:
        if text := by_source_text(line):
            _say(f"  {line['what']}, median error by source: {text}", console)
    missing: dict[str, list[str]] = {}
    for line in targets:
        if line["reached"] is None:
            missing.setdefault(line["reason"], []).append(line["what"])
    for reason, names in missing.items():
        _say(f"  not answered here, {reason}: {'; '.join(names)}", console)


def _print_grid(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=escape(plain(title)), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        left = heading in (headings[0], *WORDY)
        shown.add_column(heading, justify="left" if left else "right", overflow="fold", no_wrap=heading in UNBROKEN)
    for row in rows:
        shown.add_row(*(escape(plain(cell)) for cell in row))
    console.print(shown)


WORDY = ("best peer", "prototype", "target", "reached", "met")
UNBROKEN = ("rows", "predicted", "met")


def _say(text: str, console: Console) -> None:
    from rich.markup import escape

    console.print(escape(plain(text)))
