"""The ``stackwright`` command. Commands import what they need when they run, so that help is quick."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from stackwright import __version__
from stackwright.cli import (
    calibrate,
    catalog,
    claims,
    deploy,
    dividend,
    drill,
    evaluate,
    explain,
    plan,
    serve,
    sweep,
    validate,
)

app = typer.Typer(
    name="stackwright",
    help="Engineer the AI stack, from the power contract to the API, as one product.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(name="plan")(plan.plan)
app.command(name="evaluate")(evaluate.evaluate)
app.command(name="dividend")(dividend.dividend)
app.command(name="explain")(explain.explain)
app.command(name="serve")(serve.serve)
app.command(name="deploy")(deploy.deploy)
app.command(name="drill")(drill.drill)
app.command(name="validate")(validate.validate)
app.command(name="calibrate")(calibrate.calibrate)
app.command(name="sweep")(sweep.sweep)
app.command(name="sweep-query")(sweep.sweep_query)
app.add_typer(catalog.app, name="catalog")
app.add_typer(claims.app, name="claims")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"stackwright {__version__}")
        raise typer.Exit()


@app.callback()
def _stackwright(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Engineer the AI stack, from the power contract to the API, as one product."""


def main() -> None:
    """Entry point of the command line.

    Matrix products here are narrow: more threads cost more than they bring, and could change the last
    digits of a sum from run to run.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    app()
