"""What one more unit of anything scarce is worth: a table, and the prices of a year's hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.report.drawing import Picture, axis, layout, series_of
from stackwright.report.formats import differ, scale_of
from stackwright.report.layers import CHOSEN
from stackwright.report.notes import ENERGY_PRICE, Note, beside_metric
from stackwright.report.source_kinds import color_of_source


@dataclass(frozen=True)
class Marginal:
    """One thing, and what one more unit of it is worth."""

    what: str
    value: str
    spread: str
    note: str
    scarce: bool


def marginal_of(plan: Mapping[str, Any]) -> list[Marginal]:
    """The table of a plan."""
    return [_row(row) for row in plan.get("marginal") or ()]


def _row(row: Mapping[str, Any]) -> Marginal:
    value, unit = float(row["value"]), str(row["unit"])
    scale = scale_of(value, unit)
    low, high = row.get("low"), row.get("high")
    spread = ""
    if low is not None and high is not None and differ(low, high):
        spread = f"{scale.number(low)} to {scale.number(high)}"
    return Marginal(
        what=str(row["what"]),
        value=scale.text(value) if value else "nothing: it is not scarce",
        spread=spread,
        note=str(row.get("note") or ""),
        scarce=value != 0,
    )


def marginal_finding(rows: Sequence[Marginal]) -> str:
    """What is scarce, in one sentence."""
    scarce = [f"{row.what} {row.value}" for row in rows if row.scarce]
    free = [row.what for row in rows if not row.scarce]
    text = f"Worth of one more: {'; '.join(scarce)}." if scarce else ""
    return f"{text} Not scarce: {', '.join(free)}.".strip() if free else text


def _within(curves: Sequence[Sequence[float]]) -> list[float]:
    """A range that holds all but the outermost points of falling curves."""
    low, high = min(curve[-2] for curve in curves), max(curve[1] for curve in curves)
    return [min(0.0, 1.1 * low), 1.1 * high]


def price_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """Hours of the year by their price, dearest first."""
    given = series_of(plan, "hour_prices")
    if not given:
        return None
    curves = [("market", "market price", color_of_source("grid"), "solid")]
    curves += [("worth", "what one more MWh of load costs", CHOSEN, "dash")]
    shares = [100 * share for share in given["share"]]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": shares,
            "y": given[key],
            "line": {"color": color, "width": 2.2, "dash": dash},
            "hovertemplate": f"%{{x:.0f}}% of hours: {name} above %{{y:.4g}} USD/MWh<extra></extra>",
        }
        for key, name, color, dash in curves
        if given.get(key)
    ]
    return Picture(
        id="prices",
        title="What an hour of energy costs",
        finding="Hours of the year by price, dearest first.",
        reading="How to read: so many percent of the hours of the year are dearer than the line. The dashed line has "
        "delivery, capacity and a clean share in it, where the plan has them. The dearest and the cheapest hundredth "
        "of the hours may lie outside.",
        data=data,
        layout=layout(
            320,
            xaxis=axis("hours of the year", ticksuffix="%", range=[0, 100]),
            yaxis=axis("USD/MWh", range=_within([row["y"] for row in data])),
            margin={"l": 70, "r": 24, "t": 44, "b": 48},
        ),
        notes=beside_metric(notes, ENERGY_PRICE),
    )
