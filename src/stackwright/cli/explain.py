"""``stackwright explain``: which inputs move a plan's result most."""

from __future__ import annotations

import json as jsontext
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome, plain
from stackwright.core.errors import Fault, InputError, shown

if TYPE_CHECKING:
    from rich.console import Console

WRITE = "Write one: `stackwright plan STUDY --out DIR`."


def explain(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that plan wrote.")],
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Print which inputs move the result most."""
    with outcome(json) as output:
        open_catalog(catalog)
        made = read_plan(directory)
        from stackwright.codesign.explain import explain_plan

        explained = explain_plan(made)
        _print(explained, output.console)
        output.json(explained)


def read_plan(directory: Path) -> dict[str, Any]:
    """The plan.json of a folder; raises `InputError` if it is none."""
    path, expected = directory / "plan.json", "the plan.json that stackwright plan wrote"
    try:
        made = jsontext.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError([Fault(str(path), "", error.strerror or str(error), expected, remedy=WRITE)]) from None
    except (ValueError, RecursionError) as error:
        got = f"no JSON ({str(error)[:80]})"
        raise InputError([Fault(str(path), "", got, expected, remedy=WRITE)]) from None
    if not isinstance(made, dict):
        raise InputError([Fault(str(path), "", shown(made), expected, remedy=WRITE)])
    missing = [key for key in ("objective", "stack", "metrics") if key not in made]
    if missing:
        raise InputError([Fault(str(path), "", f"no {', '.join(missing)}", expected, remedy=WRITE)])
    return made


MOST = 20
"""Inputs that the table shows; ``--json`` has all."""


def _print(explained: Mapping[str, Any], console: Console) -> None:
    from rich.markup import escape
    from rich.table import Table

    from stackwright.cli.tables import number, quantity

    table = Table(title="Inputs that move the result most", title_justify="left")
    for heading in ("input", "value", "effect low", "effect high", "share", "kind", "source"):
        table.add_column(
            heading, overflow="fold", justify="left" if heading in ("input", "kind", "source") else "right"
        )
    for item in explained["inputs"][:MOST]:
        table.add_row(
            escape(plain(item["path"])),
            quantity(item),
            number(item.get("effect_low")),
            number(item.get("effect_high")),
            "" if item.get("share") is None else f"{item['share']:.1%}",
            escape(plain(item.get("kind") or "")),
            escape(plain(item.get("source") or "")),
        )
    console.print(table)
