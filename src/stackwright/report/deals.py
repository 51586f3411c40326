"""Named power deals: what each delivers by year, and what it is in energy, money, clean energy and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from stackwright.report.drawing import Picture, axis, columns, heading, label, layout, on, panel
from stackwright.report.formats import quantity, ranged, scale_of, sentence_case
from stackwright.report.layers import INK
from stackwright.report.source_kinds import color_of_source

TOTALS = (
    ("energy", "energy under contract, whole term"),
    ("delivered", "of it taken by the campus in its hour"),
    ("surplus", "of it sold again at the market"),
    ("bought", "still bought from the grid"),
    ("price_paid", "price paid for the deal's energy or attributes"),
    ("grid_price", "price of the grid's energy, delivered"),
    ("net_cost", "cost of the deal against the grid alone"),
    ("added_clean", "clean energy that would not exist without it"),
    ("carbon_avoided", "carbon avoided at the margin"),
)
"""Totals of a deal that its table has, and their words."""
SLIPS = (
    ("cost", "changes the cost by"),
    ("added_clean_lost", "loses clean energy of"),
    ("tokens_lost", "loses tokens"),
    ("tokens_lost_if_it_waits", "loses tokens, if the campus waits for the plant"),
)
AT_ONCE = 3
"""Deals side by side."""


@dataclass(frozen=True)
class Deal:
    """A deal's column of the table, in words."""

    name: str
    settled: str
    is_: str
    is_not: str
    values: dict[str, str]
    notes: list[str]


def deals_of(plan: Mapping[str, Any]) -> list[Deal]:
    """The deals of a plan."""
    return [_deal(row) for row in plan.get("deals") or ()]


def _deal(row: Mapping[str, Any]) -> Deal:
    start, years = row["start_year"], row["tenor"]
    values = {
        "capacity": ranged(row["capacity"]),
        "term": f"{years['value']:g} years from {_month(start['value'])}",
    }
    totals = row["total"]
    for key, words in TOTALS:
        if (item := totals.get(key)) and (item["value"] or key in ("delivered", "bought")):
            values[words] = ranged(item)
    values["tokens from as much energy"] = ranged(row["tokens"])
    slip = row["slip"]
    for key, words in SLIPS:
        if (item := slip.get(key)) and (item["value"] or key == "tokens_lost"):
            values[f"{slip['years']:g} years late: {words}"] = ranged(item)
    same = row["equivalence"]
    values["equivalence, a measure of size"] = f"{ranged(same['chips'])} of {same['system']}"
    return Deal(
        name=str(row["name"]),
        settled=sentence_case(str(row.get("settlement") or "")),
        is_=sentence_case(str(row.get("what_it_is") or "")),
        is_not=sentence_case(str(row.get("what_it_is_not") or "")),
        values=values,
        notes=[str(note) for note in (*row["notes"], slip["note"], same["note"])],
    )


def _month(year: float) -> str:
    """The month of a calendar year with a fraction. Source: definition."""
    return f"{date(int(year), min(int(year % 1.0 * 12 + 1e-6), 11) + 1, 1):%B %Y}"


def deal_rows(deals: Sequence[Deal]) -> list[tuple[str, list[str]]]:
    """The table: a row for each thing that some deal has, a column for each deal."""
    longest = sorted(deals, key=lambda deal: -len(deal.values))
    names = dict.fromkeys(name for deal in longest for name in deal.values)
    return [(name, [deal.values.get(name, "none") for deal in deals]) for name in names]


def deal_notes(deals: Sequence[Deal]) -> list[str]:
    """What has to be known of the deals, each once."""
    return [sentence_case(note) for note in dict.fromkeys(note for deal in deals for note in deal.notes)]


def deals_picture(plan: Mapping[str, Any]) -> Picture | None:
    """Energy by calendar year, a panel for each deal: from the deal, and from the grid beside it."""
    rows = (plan.get("deals") or [])[:AT_ONCE]
    if not rows:
        return None
    series = [row["by_year"] for row in rows]
    most = max(
        max(a + b for a, b in zip(one["delivered"]["values"], one["bought"]["values"], strict=True)) for one in series
    )
    top = max(most, *(max(one["energy"]["values"]) for one in series))
    scale = scale_of(top, "MWh")
    data: list[dict[str, Any]] = []
    made: dict[str, Any] = {}
    words = []
    for index, (row, across) in enumerate(zip(rows, columns(len(rows)), strict=True)):
        data += _deal_traces(row, index + 1, scale.factor, scale.unit, named=index == 0)
        made |= panel(
            index + 1,
            across=across,
            up=(0.0, 0.92),
            x=axis("", nticks=8, tickformat="d"),
            y=axis(scale.unit if index == 0 else "", range=[0, 1.06 * top / scale.factor]),
        )
        words.append(heading(f"<b>{label(row['name'])}</b>", across[0], 0.94))
    return Picture(
        id="deals",
        title="The named deals, as they are settled",
        finding=" ".join(_sentence(row) for row in rows),
        reading="How to read: bars are the campus's energy by calendar year, from the deal and from the grid; the line "
        "is what is under contract, taken or not.",
        data=data,
        layout=layout(
            360,
            annotations=words,
            barmode="stack",
            bargap=0.2,
            margin={"l": 70, "r": 24, "t": 20, "b": 70},
            legend={"orientation": "h", "y": -0.12, "x": 0, "yanchor": "top", "xanchor": "left"},
            **made,
        ),
        notes=[],
    )


def _deal_traces(row: Mapping[str, Any], number: int, factor: float, unit: str, *, named: bool) -> list[dict[str, Any]]:
    years, own = row["by_year"]["year"], color_of_source(str(row.get("kind") or "other"))

    def trace(key: str, name: str, **style: Any) -> dict[str, Any]:
        return (
            {
                "name": name,
                "legendgroup": key,
                "showlegend": named,
                "x": years,
                "y": [value / factor for value in row["by_year"][key]["values"]],
                "hovertemplate": f"%{{x}}: {name} %{{y:.4g}} {unit}<extra></extra>",
            }
            | on(number)
            | style
        )

    return [
        trace("delivered", "taken from the deal", type="bar", marker={"color": own}),
        trace("bought", "bought from the grid", type="bar", marker={"color": color_of_source("grid")}),
        trace(
            "energy",
            "under contract",
            type="scatter",
            mode="lines+markers",
            line={"color": INK, "width": 2, "shape": "hvh"},
            marker={"size": 5, "color": INK},
        ),
    ]


def _sentence(row: Mapping[str, Any]) -> str:
    totals = row["total"]
    return (
        f"{row['name']}: {quantity(totals['energy']['value'], totals['energy']['unit'])} over its term at "
        f"{ranged(totals['price_paid'])}; {quantity(totals['bought']['value'], totals['bought']['unit'])} are still "
        "bought from the grid."
    )
