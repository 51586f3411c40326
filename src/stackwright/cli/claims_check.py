"""``stackwright claims check``: what an announcement implies, beside what is plausible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome

OWN = "its own figures"
WRITTEN = {
    "USD/token": (1e6, "USD/Mtoken"),
    "USD/J": (3.6e9, "USD/MWh"),
    "s": (1.0 / 31_536_000.0, "year"),
    "token/s": (31_536_000.0, "token/year"),
}
"""Factor and unit in which figures are written that SI has in another."""

if TYPE_CHECKING:
    from rich.console import Console


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An announcement, a YAML file.")],
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Check an announcement: its ratios against a searched stack and published projects."""
    with outcome(json) as output:
        from stackwright.evidence.announcements.entries import entries_of
        from stackwright.evidence.announcements.reading import read_announcement

        records = open_catalog(catalog)
        told = read_announcement(file, records)
        from stackwright.evidence.announcements.check import check as checked

        made = checked(told, records)
        print_check(made, output.console)
        output.json(cast("Mapping[str, Any]", entries_of(made)))


def print_check(made: Mapping[str, Any], console: Console) -> None:
    """The quantities that there are, the flags, and why others are missing."""
    from stackwright.cli.tables import add_row, new_table, print_line

    _print_given(made, console)
    table = new_table("What it implies", "quantity", "implied", "plausible", "published projects")
    for row in made["quantities"]:
        if row["implied"]["value"] is None:
            continue
        mark = "! " if row["flags"] else ""
        add_row(table, f"{mark}{row['label']}", _shown(row, "implied"), _plausible(row), _projects(row))
    console.print(table)
    for flag in made["flags"]:
        label = next(row["label"] for row in made["quantities"] if row["quantity"] == flag["quantity"])
        far = f"{flag['factor']:.2g} times its end"
        print_line(console, f"! {label}: {flag['side']} the range of {flag['against']}, {far}: {flag['needs']}.")
    if not made["flags"]:
        print_line(console, "Nothing lies outside its ranges.")
    print_line(console, f"Engine: {made['engine']['basis']}.")
    for reason in made["engine"]["reasons"]:
        print_line(console, f"Engine: {reason}.")
    for note in made["notes"]:
        print_line(console, note)
    if missing := _missing(made):
        told = "; ".join(f"{', '.join(labels)} ({reason})" for reason, labels in missing.items())
        print_line(console, f"Not told: {told}.")


def _print_given(made: Mapping[str, Any], console: Console) -> None:
    """The figures as they were told, each with who says so."""
    from stackwright.cli.tables import add_row, new_table

    table = new_table(made["title"], "figure", "told", "by")
    for place, figure in made["given"].items():
        said = f"{figure['kind']}: {figure['source'] or 'no source named'}"
        add_row(table, place, _told(figure), f"{said} ({figure['note']})" if figure["note"] else said)
    console.print(table)


def _told(figure: Mapping[str, Any]) -> str:
    """A figure in the unit that people write it in; a date as a day."""
    from stackwright.cli.tables import quantity

    if isinstance(figure["value"], str):
        days = (figure["value"], figure["low"], figure["high"])
        return days[0] if days[1] == days[2] else f"{days[0]} ({days[1]} to {days[2]})"
    scale, unit = WRITTEN.get(figure["unit"], (1.0, figure["unit"]))
    told = quantity({"unit": unit} | {end: figure[end] * scale for end in ("value", "low", "high")})
    return f"{told} on {figure['date']}" if "date" in figure else told


def _shown(row: Mapping[str, Any], part: str) -> str:
    from stackwright.cli.tables import quantity

    found = row[part]
    return "-" if found["value"] is None else quantity({**found, "unit": row["unit"]})


def _plausible(row: Mapping[str, Any]) -> str:
    """The range of the engine, or that of the announcement's other figures, which is marked as such."""
    return f"{_shown(row, 'expected')}{' by its own figures' if row['expected']['by'] == OWN else ''}"


def _projects(row: Mapping[str, Any]) -> str:
    """The range of published projects with their number; the few that make no range, each."""
    from stackwright.cli.tables import quantity

    found = row["projects"]
    if found["value"] is not None:
        return f"{quantity({**found, 'unit': row['unit']})}, n = {found['n']}"
    each = [quantity({**one, "unit": row["unit"]}) for one in found["rows"]]
    return f"{'; '.join(each)}, too few for a range" if each else "-"


def _missing(made: Mapping[str, Any]) -> dict[str, list[str]]:
    """Why quantities are missing, with those that are."""
    reasons: dict[str, list[str]] = {}
    for row in made["quantities"]:
        if row["implied"]["value"] is None:
            reasons.setdefault(row["implied"]["reason"], []).append(row["label"])
    return reasons
