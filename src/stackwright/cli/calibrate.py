"""``stackwright calibrate``: own measurements into a catalog overlay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome, plain

if TYPE_CHECKING:
    from rich.console import Console

    from stackwright.evidence.calibrate import Calibration


def calibrate(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="CSV files with measured rows of your own, or results of load clients."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Write the catalog overlay into this folder.")],
    described: Annotated[
        Path | None,
        typer.Option(
            "--described", metavar="FILE", help="What a load client measured; measured.yaml beside its result."
        ),
    ] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Move what the catalog says of stacks and kernels towards measurements of your own."""
    with outcome(json) as output:
        records = open_catalog(catalog)
        from stackwright.evidence.calibrate import calibrate as find
        from stackwright.evidence.calibrate import write_overlay

        found = find(files, records, described)
        written = write_overlay(found, records, out)
        _print(found, output.console)
        output.console.print(plain(f"Wrote {len(written)} files; use them with --catalog {out}"), markup=False)
        output.json(found.as_dict() | {"files": [str(path) for path in written]})


def _print(found: Calibration, console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from stackwright.cli.tables import number, percent

    shown = Table()
    for heading in ("calibrated", "rows", "times multiplied by", "median APE before", "after"):
        shown.add_column(heading, justify="left" if heading == "calibrated" else "right")
    named = dict(found.stacks)
    named |= {f"{chip} {part}": level for chip, own in found.kernels.items() for part, level in own.items()}
    for name, level in named.items():
        cells = (number(level.factor), percent(level.before), percent(level.after))
        shown.add_row(escape(plain(name)), str(level.rows), *cells)
    console.print(shown)
    for reason, count in found.refused.items():
        console.print(escape(plain(f"  not used {count}: {reason}")))
