"""What all of the report's figures share: how a figure is described, its layout and its axes."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.layers import INK
from stackwright.report.notes import Note

FONT = '"Segoe UI", -apple-system, Roboto, "Helvetica Neue", Arial, "Liberation Sans", system-ui, sans-serif'
GRID = "#e4e8ec"
OTHERS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#5c6773", "#b59a00", "#56b4e9")
"""Colors of curves that were not chosen."""


@dataclass(frozen=True)
class Picture:
    """A figure with what it shows in one sentence, how to read it, and the notes that touch it."""

    id: str
    title: str
    finding: str
    reading: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    notes: list[Note]

    @property
    def figure(self) -> dict[str, Any]:
        """What the page's script draws."""
        return {"data": self.data, "layout": self.layout}


def series_of(plan: Mapping[str, Any], key: str) -> Any:
    """The data of a plan's picture; None where it has none."""
    return (plan.get("pictures") or {}).get(key)


def label(text: object) -> str:
    """A name as Plotly shows it: Plotly reads some markup in labels, so a name's own is escaped."""
    return html.escape(str(text), quote=False)


def layout(height: int, **more: Any) -> dict[str, Any]:
    """The layout that all figures share."""
    return {
        "height": height,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 70, "r": 24, "t": 16, "b": 48},
        "hoverlabel": {"font": {"family": FONT, "size": 13}},
        "legend": {"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "xanchor": "left"},
    } | more


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with quiet grid lines."""
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "gridcolor": GRID,
        "zerolinecolor": "#9aa3ad",
        "automargin": True,
    } | more


def on(panel: int) -> dict[str, str]:
    """The axes of a panel, for its traces; panels are counted from one."""
    number = "" if panel == 1 else str(panel)
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}


def panel(
    number: int, *, across: tuple[float, float], up: tuple[float, float], x: dict[str, Any], y: dict[str, Any]
) -> dict[str, Any]:
    """The layout of one of several panels: its axes, and where they lie as shares of the figure."""
    names = on(number)
    return {
        f"xaxis{names['xaxis'][1:]}": x | {"domain": list(across), "anchor": names["yaxis"]},
        f"yaxis{names['yaxis'][1:]}": y | {"domain": list(up), "anchor": names["xaxis"]},
    }


def columns(count: int, gap: float = 0.06) -> list[tuple[float, float]]:
    """So many columns side by side, as shares of the width."""
    width = (1.0 - gap * (count - 1)) / count
    return [(index * (width + gap), index * (width + gap) + width) for index in range(count)]


def heading(text: str, x: float, y: float) -> dict[str, Any]:
    """Words above a panel, from its upper left corner."""
    return {
        "text": text,
        "x": x,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
    }


def at_the_right(row: str, text: str) -> dict[str, Any]:
    """Words of one row of horizontal bars, in a column at the right edge of the figure."""
    return {"x": 1, "xref": "paper", "xanchor": "right", "y": label(row), "text": text, "showarrow": False}
