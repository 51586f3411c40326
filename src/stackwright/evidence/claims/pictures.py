"""Pictures of claims as SVG: where stated figures stand in the computed ranges, and curves of a claim.

The same claims give the same bytes.
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stackwright.core.files import write_atomic
from stackwright.evidence.claims.computed import LOG
from stackwright.evidence.claims.words import number

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#5c6773", "#b59a00", "#7b4173")
INK, GRID = "#1f2933", "#d9dee3"
WIDTH, ROW, NAMES, RIGHT = 860.0, 24.0, 250.0, 30.0
VERDICTS = {
    "reproduced": "#009e73",
    "recorded": "#56b4e9",
    "conditional": "#e69f00",
    "not_testable": "#5c6773",
    "contested": "#cc79a7",
    "refuted": "#d55e00",
}
LEAST, MOST = 0.02, 50.0
"""Ends of the axis of a computed figure over the stated one."""
PLOT, LEFT, TOP, LEGEND_ROW, APART = 270.0, 64.0, 20.0, 15.0, 44.0
FEW = 3
"""Points up to which a line is shown with a mark at each."""


def picture_standing(made: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Computed ranges over stated figures, one row a claim; thin lines are those under narrower conditions."""
    rows = [one for one in made if one["stated"] and one["computed"] and one["stated"]["value"] > 0.0]
    height = ROW * len(rows) + 56.0
    parts = [_line(_at(tick), 20.0, _at(tick), height - 36.0, GRID) for tick in (0.1, 0.3, 1.0, 3.0, 10.0)]
    parts += [_text(_at(tick), height - 20.0, f"{tick:g}", "middle") for tick in (0.1, 0.3, 1.0, 3.0, 10.0)]
    parts.append(_text(_at(1.0), height - 4.0, "computed over stated", "middle"))
    parts.append(_line(_at(1.0), 20.0, _at(1.0), height - 36.0, INK))
    for index, one in enumerate(rows):
        y = 34.0 + ROW * index
        color = VERDICTS[one["figure"]]
        parts.append(_text(NAMES - 10.0, y + 4.0, one["id"], "end"))
        parts += [_range(under, one["stated"], y, color, 1.5) for under in one["under"]]
        parts.append(_range(one["computed"], one["stated"], y, color, 6.0))
        middle = _at(one["computed"]["value"] / one["stated"]["value"])
        parts.append(f'<circle cx="{middle:.1f}" cy="{y:.1f}" r="4" fill="#fff" stroke="{color}" stroke-width="2"/>')
    _write(parts, height, path)


def _range(item: Mapping[str, Any], stated: Mapping[str, Any], y: float, color: str, width: float) -> str:
    low, high = (_at(item[end] / stated["value"]) for end in ("low", "high"))
    return _line(low, y, max(high, low + 1.0), y, color, width)


def _at(ratio: float) -> float:
    """Where a ratio stands on the logarithmic axis; beyond its ends it is drawn at them."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return NAMES + share * (WIDTH - NAMES - RIGHT)


def picture_curve(curve: Mapping[str, Any], path: Path) -> None:
    """Lines of a claim's curve, on the scales that it names; where a line ends there is nothing."""
    stated, xs = curve["stated"], curve["x"]
    known = [value for line in curve["lines"].values() for value in line if value is not None]
    known += [stated] if stated is not None else []
    across = _scale(curve["x_scale"], (xs[0], xs[-1]), (LEFT, WIDTH - RIGHT))
    ends = (min(known) / 1.1, max(known) * 1.2) if curve["y_scale"] == LOG else (min(0.0, *known), 1.08 * max(known))
    up = _scale(curve["y_scale"], ends, (PLOT, TOP))
    parts = []
    for tick in round_numbers(curve["y_scale"], *ends):
        parts += [
            _line(LEFT, up(tick), WIDTH - RIGHT, up(tick), GRID),
            _text(LEFT - 8.0, up(tick) + 4.0, number(tick), "end"),
        ]
    parts += [_text(across(x), PLOT + 18.0, _told(x), "middle") for x in _spread(xs, across)]
    parts.append(_text((LEFT + WIDTH) / 2.0, PLOT + 36.0, curve["x_title"], "middle"))
    parts.append(_text(LEFT, 12.0, curve["y_title"], "start"))
    if stated is not None:
        parts.append(_line(LEFT, up(stated), WIDTH - RIGHT, up(stated), INK, 1.5, "6 4"))
    for index, (name, line) in enumerate(curve["lines"].items()):
        color = COLORS[index % len(COLORS)]
        marked = [(x, y) for x, y in zip(xs, line, strict=True) if y is not None]
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in (stepped(marked) if curve["steps"] else marked))
        dash = ' stroke-dasharray="5 3"' if index % 2 else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        if len(marked) <= FEW:
            parts += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="5" fill="{color}"/>' for x, y in marked]
        y = PLOT + 56.0 + LEGEND_ROW * index
        parts += [
            _line(LEFT, y, LEFT + 26.0, y, color, 2.0, "5 3" if index % 2 else ""),
            _text(LEFT + 34.0, y + 4.0, name, "start"),
        ]
    _write(parts, PLOT + 56.0 + LEGEND_ROW * len(curve["lines"]), path)


def stepped(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points with those between them at which a step comes. Source: definition."""
    pairs = itertools.pairwise(points)
    return [*points[:1], *(one for old, new in pairs for one in ((new[0], old[1]), new))]


def _scale(kind: str, ends: tuple[float, float], places: tuple[float, float]) -> Callable[[float], float]:
    """Where a number stands on an axis between two places."""
    first, last = (math.log(one) if kind == LOG else one for one in ends)

    def place(value: float) -> float:
        share = ((math.log(value) if kind == LOG else value) - first) / (last - first)
        return places[0] + share * (places[1] - places[0])

    return place


def round_numbers(kind: str, low: float, high: float) -> list[float]:
    """Round numbers between two ends, few enough to be read. Source: definition."""
    decades = range(math.floor(math.log10(high)) - 7, math.floor(math.log10(high)) + 1)
    if kind == LOG:
        steps = (1.0, 2.0, 5.0) if high < 1e3 * low else (1.0,)
        return [tick for power in decades for step in steps if low <= (tick := step * 10.0**power) <= high]
    width = next(one for power in decades for step in (1.0, 2.0, 5.0) if high / (one := step * 10.0**power) <= 6.0)
    return [width * index for index in range(math.ceil(low / width), math.floor(high / width) + 1)]


def _spread(xs: Sequence[float], across: Callable[[float], float]) -> list[float]:
    """Numbers of an axis whose words do not touch each other."""
    found: list[float] = []
    for x in xs:
        if not found or across(x) - across(found[-1]) >= APART:
            found.append(x)
    return found


def _told(x: float) -> str:
    """A number of an axis; a calendar year without a comma."""
    return f"{x:.1f}".removesuffix(".0") if 1900.0 <= x <= 2100.0 else number(x)


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1.0, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{color}" stroke-width="{width:g}"{dashed}/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{html.escape(words)}</text>'


def _write(parts: Sequence[str], height: float, path: Path) -> None:
    size = f'width="{WIDTH:.0f}" height="{height:.0f}" viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    ground = f'<rect width="{WIDTH:.0f}" height="{height:.0f}" fill="#fff"/>'
    write_atomic(path, "\n".join([head, ground, *parts, "</svg>"]) + "\n")
