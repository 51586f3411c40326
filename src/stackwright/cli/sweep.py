"""``stackwright sweep``: one study at many points, on any number of machines; ``sweep-query``: SQL over its rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome, plain

if TYPE_CHECKING:
    from rich.console import Console

    from stackwright.sweep.query import Answer


def sweep(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study, a YAML file.")],
    over: Annotated[
        Path,
        typer.Option("--over", metavar="AXES", help="A YAML file: fields of the study to lists of values."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the rows go; what is there is not redone.")],
    draws: Annotated[
        int, typer.Option("--draws", min=0, help="Draws of the inputs of each point's best stack, a row for each.")
    ] = 0,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Worker processes, by Ray; 0 is none but this one.")
    ] = 0,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="A running Ray cluster, for example auto.")
    ] = None,
    chunk: Annotated[
        int, typer.Option("--chunk", min=1, help="Points, or blocks of 256 draws, that are written together.")
    ] = 4,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Find the best stack at every point of a study's fields; go on where an earlier run was interrupted."""
    with outcome(json) as output:
        from stackwright.cli.progress import progress
        from stackwright.sweep.run import Request, run_sweep

        asked = Request(study, over, out, tuple(catalog or ()), draws, chunk, workers, ray)
        with progress(out.name) as tell:
            made = run_sweep(asked, open_catalog(catalog), tell)
        _print(made, out, output.console)
        output.json(made)


def sweep_query(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that sweep writes to.")],
    sql: Annotated[str, typer.Argument(metavar="SQL", help='For example: "select * from rows".')],
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Ask a sweep's rows in SQL, also while it runs."""
    with outcome(json) as output:
        from stackwright.sweep.query import ask

        open_catalog(catalog)
        answer = ask(directory, sql)
        _print_answer(answer, output.console)
        output.json(answer.as_dict())


def _print(made: Mapping[str, Any], out: Path, console: Console) -> None:
    from rich.markup import escape

    from stackwright.cli.tables import number

    run = made["run"]
    lines = [
        f"{made['study']}: {made['points']} points, {made['rows']} rows, {made['feasible']} feasible; "
        f"{run['done_now']} chunks done now, {run['done_before']} before",
    ]
    if best := made["best"]:
        case = [f"case {best['case']}"] if "case" in best else []
        places = [f"{axis} {_shown(best.get(name))}" for axis, name in made["columns_of_axes"].items()]
        where = ", ".join(case + places)
        lines.append(f"Best: {number(best['value'])} {best['unit']} at {where}")
    lines += [f"Rows: {out / 'rows.parquet'}", f'Ask them: stackwright sweep-query {out} "select * from rows"']
    for line in lines:
        console.print(escape(plain(line)), soft_wrap=True)


def _print_answer(answer: Answer, console: Console) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, heading in enumerate(answer.columns):
        numeric = any(isinstance(row[place], int | float) for row in answer.rows)
        table.add_column(escape(plain(heading)), justify="right" if numeric else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(escape(plain(_shown(value))) for value in row))
    console.print(table)
    if answer.chunks < answer.of:
        console.print(f"{answer.chunks} of {answer.of} chunks are done.")


def _shown(value: Any) -> str:
    """A value as people read it: numbers short, nothing as nothing."""
    from stackwright.cli.tables import number

    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else str(value)
