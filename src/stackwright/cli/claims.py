"""``stackwright claims``: public claims run again, with verdicts on the figure and on what it is laid to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from stackwright.cli.claims_check import check
from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import Output, open_catalog, outcome, plain, save
from stackwright.core.errors import Fault, InputError
from stackwright.core.files import json_text

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Run public claims again, and judge them.", rich_markup_mode=None)

RegisterOption = Annotated[
    Path | None,
    typer.Option(
        "--register", metavar="DIR", help="Take the claims of DIR, one YAML file each, not the packaged ones."
    ),
]


@app.callback(invoke_without_command=True)
def claims(
    context: typer.Context,
    register: RegisterOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write claims.json and report.html to DIR.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="DIR", help="Write the page claims.md and its pictures to DIR.")
    ] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Run every claim of the register: what was stated, what the engine computes, two verdicts and why."""
    if context.invoked_subcommand is not None:
        return
    with outcome(json) as output:
        from stackwright.cli.progress import progress
        from stackwright.evidence.claims.claim import claims_of
        from stackwright.evidence.claims.runner import run_all

        chosen, records = claims_of(register), open_catalog(catalog)
        for folder in (out, page):
            if folder is not None:
                _usable(folder)
        with progress("claims") as tell:
            made = run_all(records, chosen, tell)
        _print_all(made, output.console)
        if out is not None:
            _report(out, made, output.console)
        if page is not None:
            from stackwright.evidence.claims.page import write_page

            write_page(page, made)
        _json(made, output)


@app.command(name="run")
def run_one(
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a claim.")],
    register: RegisterOption = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Run one claim, and show all that goes into its verdict."""
    with outcome(json) as output:
        from stackwright.evidence.claims.claim import claims_of
        from stackwright.evidence.claims.runner import claim_named, run_all

        claim = claim_named(id, claims_of(register))
        made = run_all(open_catalog(catalog), [claim])
        _print_one(made[0], output.console)
        _json(made, output)


app.command(name="check")(check)


def _json(made: Sequence[Mapping[str, Any]], output: Output) -> None:
    """A list, one entry a claim."""
    output.json(cast("Mapping[str, Any]", made))


def _usable(folder: Path) -> None:
    """A folder that can be had, told before a minute of work. Raises `InputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got = error.strerror or str(error)
        raise InputError([Fault(str(folder), "", got, "a folder that can be made")]) from None


def _report(folder: Path, made: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The claims as data and as a page with a picture for each."""
    from stackwright.cli.tables import print_line
    from stackwright.report.claims import write_claims

    save(folder / "claims.json", json_text(made))
    write_claims(made, folder / "report.html")
    print_line(console, f"Report: {folder / 'report.html'}")


def _print_all(made: Sequence[Mapping[str, Any]], console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from stackwright.evidence.claims.words import computed_text, in_written_units, stated_text, verdict_text

    table = Table(title=f"{len(made)} claims", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("claim", "stated", "computed", "figure", "attribution", "why"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "claim")
    for one in map(in_written_units, made):
        why = one["why_figure"] if one["figure"] == one["verdict"] else one["why_attribution"]
        cells = (one["id"], stated_text(one["stated"]), computed_text(one["computed"]))
        verdicts = (verdict_text(one["figure"]), verdict_text(one["attribution"]))
        table.add_row(*(escape(plain(cell)) for cell in (*cells, *verdicts, why)))
    console.print(table)


def _print_one(one: Mapping[str, Any], console: Console) -> None:
    from rich.markup import escape

    from stackwright.evidence.claims.words import computed_text, in_written_units, stated_text, verdict_text

    one = in_written_units(one)
    lines = [
        f"{one['id']}: {verdict_text(one['verdict'])}",
        f"  {one['who']}, {one['when']}: {one['wording']}",
        f"  quantity: {one['quantity']}",
        f"  stated: {stated_text(one['stated'])}; computed: {computed_text(one['computed'])}",
        *(f"  if {under['conditions']}: {computed_text(under)}" for under in one["under"]),
        f"  figure {verdict_text(one['figure'])}, attribution {verdict_text(one['attribution'])}",
        f"  {one['reason']}",
        f"  would change it: {one['would_change']}",
        *(f"  condition: {words}" for words in one["conditions"]),
        *_rows("", one["rows"]),
        *(line for title, rows in one["tables"].items() for line in _rows(title, rows)),
        *(f"  source: {source['title']} {source['url']}".rstrip() for source in one["sources"]),
    ]
    for line in lines:
        console.print(escape(plain(line)))


def _rows(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [f"  {', '.join(f'{key}: {_cell(value)}' for key, value in row.items())}" for row in rows]
    return [f"  {title}:", *told] if title else told


def _cell(value: Any) -> str:
    from stackwright.evidence.claims.words import number

    if value is None:
        return "no design"
    return number(value) if isinstance(value, float) else str(value)
