"""``stackwright deploy``: launch files of a plan for an engine that exists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import Output, open_catalog, outcome, plain

if TYPE_CHECKING:
    from stackwright.deploy.files import Deployment


def deploy(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that plan wrote.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ENGINE",
            help="vllm, sglang, tensorrt-llm, dynamo, llm-d, jetstream or neuron.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="OUT", help="Where the files go; DIR/deploy/ENGINE if not given."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option("--system", metavar="ID", help="Launch the plan's alternative on this system, by record id."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Weights to load, a Hugging Face name or a path of your own."),
    ] = None,
    engine_version: Annotated[
        str | None,
        typer.Option("--engine-version", metavar="V", help="A version with a table; the newest if not given."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="A table of your own, for a version that is not packaged."),
    ] = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Write launch commands, Kubernetes manifests and a benchmark for a plan's pools on a real engine."""
    with outcome(json, show_nearest=_show_able, nearest="What launches this plan:") as output:
        from stackwright.cli.explain import read_plan
        from stackwright.deploy.files import deployment_of, write
        from stackwright.deploy.table import table_of

        used = table_of(to, engine_version, table)
        plan = read_plan(directory)
        made = deployment_of(plan, used, open_catalog(catalog), system=system, model=model)
        paths = write(made.files, out if out is not None else directory / "deploy" / to)
        _print(made, paths, output)
        output.json(made.as_dict() | {"files": [str(path) for path in paths]})


def _print(made: Deployment, paths: list[Path], output: Output) -> None:
    from rich.markup import escape

    say = output.console.print
    service = made.service
    say(escape(plain(f"{made.engine} {made.version} for {service.name}: {', '.join(made.checkpoints)}")))
    for note in service.notes:
        say(escape(plain(f"! {note}")))
    for pool in service.pools:
        servers = "" if pool.nodes == 1 else f" over {pool.nodes} servers"
        text = f"  {pool.role}: {pool.replicas} replicas of {pool.chips} chips{servers}, {pool.hardware.system}"
        say(escape(plain(text)))
    if made.missing:
        say("Not expressed in these files, which say so too:")
    for place, reasons in made.missing.items():
        for reason in reasons.values():
            say(escape(plain(f"- {place}: {reason}")))
    for path in paths:
        say(escape(plain(str(path))), soft_wrap=True)


def _show_able(nearest: Mapping[str, Any], output: Output) -> None:
    from rich.markup import escape

    for row in nearest.get("engines", ()):
        text = f"  --to {row['engine']} launches {row['software']} on {row['system']}"
        output.console.print(escape(plain(text)))
    if "lacks" in nearest:
        output.console.print(escape(plain(f"  {nearest['engine']} lacks {nearest['lacks']}")))
