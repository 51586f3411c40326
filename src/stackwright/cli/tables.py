"""Numbers, words and tables of a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stackwright.cli.outcome import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

DIMENSIONLESS = "1"
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SCALED_UNITS = {"W", "J", "USD", "B", "token/s", "W/h"}


def number(value: float | None) -> str:
    """A number with four significant digits, or a dash where there is none."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    if 1e4 <= abs(value) < 1e9:
        return f"{float(f'{value:.4g}'):,.0f}"
    return f"{value:.3e}"


def percent(value: float | None) -> str:
    """A fraction in percent, or a dash."""
    return "-" if value is None else f"{value:.1%}"


def quantity(item: Mapping[str, Any]) -> str:
    """``value``, ``low``, ``high`` and ``unit`` as ``122 MW (110 to 140)``; else the reason why none."""
    value, unit = item.get("value"), str(item.get("unit") or "")
    unit = "" if unit == DIMENSIONLESS else unit
    if value is None:
        return f"none: {item['reason']}" if item.get("reason") else "-"
    factor, prefix = _scale(value, unit)
    text = f"{number(value / factor)} {prefix}{unit}".strip()
    low, high = item.get("low"), item.get("high")
    if low is None or high is None or low == high:
        return text
    return f"{text} ({number(low / factor)} to {number(high / factor)})"


def _scale(value: float, unit: str) -> tuple[float, str]:
    if unit in SCALED_UNITS:
        for factor, prefix in SCALES:
            if abs(value) >= factor:
                return factor, prefix if unit != "USD" else f"{prefix.replace('G', 'B')} "
    return 1.0, ""


def spaced(name: str) -> str:
    """A key as words."""
    return name.replace("_", " ")


def words(value: Any) -> str:
    """Any part of a plan as one line: mappings as ``key value, key value``."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{spaced(str(key))} {words(item)}" for key, item in value.items() if item not in (None, "", [], {})
        )
    if isinstance(value, list | tuple):
        return ", ".join(words(item) for item in value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return number(value) if isinstance(value, int | float) else str(value)


def new_table(title: str, *headings: str) -> Table:
    """An empty table of text."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(plain(title)), title_justify="left", title_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text to a table."""
    from rich.markup import escape

    table.add_row(*(escape(plain(cell)) for cell in cells))


def print_line(console: Console, text: str) -> None:
    """Print a line of plain text."""
    from rich.markup import escape

    console.print(escape(plain(text)), soft_wrap=False)
