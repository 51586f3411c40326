"""Whose margin is in the cost: each layer's cost and its vendor's share, and when a chip of one's own pays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.dividend_told import range_text, share_text
from stackwright.report.drawing import OTHERS, Picture, axis, label, layout
from stackwright.report.formats import DIGITS, Scale, large, quantity, scale_of, sentence_case
from stackwright.report.layers import INK, NEUTRAL, color_of, title_of

WHOLE = "Whole stack"


@dataclass(frozen=True)
class MarginRow:
    """A layer's vendor, his gross margin, and the evidence for it."""

    title: str
    color: str
    vendor: str
    margin: str
    kind: str
    source: str
    note: str


@dataclass(frozen=True)
class BreakEven:
    """A way to have a chip of one's own: what it costs and from which volume it pays."""

    program: str
    way: str
    price: str
    unit_cost: str
    nre: str
    volume: str
    planned: str
    pays: bool


def margins_picture(plan: Mapping[str, Any]) -> Picture | None:
    """Cost by layer as what it costs its vendor and what he keeps, with the range of the margin."""
    given = plan.get("margins_by_layer")
    if not given or not given.get("rows"):
        return None
    whole = given["all"]
    rows = sorted(given["rows"], key=lambda row: -row["cost"])
    scale = scale_of(float(whole["cost"]), str(given.get("unit") or (plan.get("objective") or {}).get("unit") or ""))
    shown = [(title_of(row["layer"]), color_of(row["layer"]), row) for row in rows] + [(WHOLE, OTHERS[0], whole)]
    return Picture(
        id="margins",
        title="Whose margin is in the cost",
        finding=_finding(whole, rows, scale),
        reading="How to read: the pale part of a bar is what the layer costs its vendor, the full part is his gross "
        "margin; the line is the range of where one ends and the other begins; beside it, the layer's cost and his "
        "margin in percent. Gray: no margin on record. Ranges of the whole add up all lows and all highs.",
        data=[
            _part(shown, "what it costs its vendor", "at_cost", scale, 0.35),
            _part(shown, "his gross margin", "margin_dollars", scale, 1.0)
            | {"text": [_text(row, scale) for *_, row in shown], "textposition": "outside", "cliponaxis": False},
            _range(shown, scale, "#ffffff", 5.0),
            _range(shown, scale, INK, 1.6),
        ],
        layout=layout(
            80 + 38 * len(shown),
            xaxis=axis(scale.unit, range=[0, 1.45 * float(whole["cost"]) / scale.factor]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            barmode="stack",
            bargap=0.3,
            showlegend=False,
        ),
        notes=[],
    )


def _part(
    shown: list[tuple[str, str, Mapping[str, Any]]], name: str, key: str, scale: Scale, opacity: float
) -> dict[str, Any]:
    """One of the two parts of every bar; a layer without a margin on record is drawn whole and gray."""
    values = [row[key]["value"] if row[key] else (row["cost"] if key == "at_cost" else 0.0) for *_, row in shown]
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [label(title) for title, *_ in shown],
        "x": [value / scale.factor for value in values],
        "marker": {"color": [color if row[key] else NEUTRAL for _, color, row in shown], "opacity": opacity},
        "hovertemplate": f"%{{y}}, {name}: %{{x:.3g}} {scale.unit}<extra></extra>",
    }


def _range(shown: list[tuple[str, str, Mapping[str, Any]]], scale: Scale, color: str, width: float) -> dict[str, Any]:
    """Lines over the bars' joints; a broad white one below a thin dark one is seen on every color."""
    known = [(title, row["at_cost"]) for title, _, row in shown if row["at_cost"]]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for _, ends in known for x in (ends["low"] / scale.factor, ends["high"] / scale.factor, None)],
        "y": [label(title) for title, _ in known for _ in range(3)],
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
    }


def _text(row: Mapping[str, Any], scale: Scale) -> str:
    """A bar's cost, and the margin in it."""
    return f"{scale.number(row['cost'])} · {margin_text(row['margin'])}"


def margin_text(margin: Mapping[str, Any] | None) -> str:
    """A margin with its range: 74.9% (70 to 88)."""
    if not margin:
        return "not on record"
    if margin["low"] == margin["high"]:
        return share_text(margin["value"])
    return f"{share_text(margin['value'])} ({range_text(margin['low'], margin['high'])})"


def margin_rows(plan: Mapping[str, Any]) -> list[MarginRow]:
    """The table: whose margin each is, and how it is known."""
    return [
        MarginRow(
            title=title_of(row["layer"]),
            color=color_of(row["layer"]),
            vendor=str(row["vendor"] or ""),
            margin=margin_text(row["margin"]),
            kind=str((row["margin"] or {}).get("kind") or ""),
            source=str((row["margin"] or {}).get("source") or ""),
            note=str((row["margin"] or {}).get("note") or ""),
        )
        for row in (plan.get("margins_by_layer") or {}).get("rows") or ()
    ]


def _finding(whole: Mapping[str, Any], rows: list[Mapping[str, Any]], scale: Scale) -> str:
    margin = {end: share_text(share) for end, share in whole["margin"].items()}
    kept, bare = (scale.text(whole[key]["value"]) for key in ("margin_dollars", "at_cost"))
    text = (
        f"Vendors' gross margins are {margin['value']} of the cost ({margin['low']} to {margin['high']}): {kept} of "
        f"{scale.text(whole['cost'])}; with every layer at its vendor's cost it would be {bare}"
    )
    known = [row for row in rows if row["margin_dollars"] and row["margin_dollars"]["value"] > 0]
    if known:
        top = max(known, key=lambda row: row["margin_dollars"]["value"])
        most = scale.text(top["margin_dollars"]["value"])
        text += f". The largest is that of the {title_of(top['layer']).lower()}: {most}"
    return f"{text}."


def break_evens_of(plan: Mapping[str, Any]) -> list[BreakEven]:
    """When chips of one's own pay, a row for each program and way."""
    given = plan.get("margins_by_layer") or {}
    tied = [program for program in given.get("break_even") or () if "ways" in program]
    return [row for program in tied for row in _ways(program, plan.get("names") or {})]


def without_break_even(plan: Mapping[str, Any]) -> list[str]:
    """Programs of the menu that no price makes tie, and why."""
    given, names = plan.get("margins_by_layer") or {}, plan.get("names") or {}
    return [
        f"{names.get(program['system'], program['system'])}: {program['reason']}."
        for program in given.get("break_even") or ()
        if "ways" not in program
    ]


def _ways(program: Mapping[str, Any], names: Mapping[str, Any]) -> Iterator[BreakEven]:
    name, price = str(program["program"]), program["price"]
    for way, one in program["ways"].items():
        yield BreakEven(
            program=str(names.get(name, name)),
            way=sentence_case(str(way)),
            price=_between(price, str(price["unit"])),
            unit_cost=quantity(one["unit_cost"]["value"], str(one["unit_cost"]["unit"])),
            nre=quantity(one["nre"]["value"], str(one["nre"]["unit"])),
            volume=_volume(one["volume"]),
            planned=large(program["planned_volume"]),
            pays=bool(one["pays"]),
        )


def _between(ends: Mapping[str, Any], unit: str) -> str:
    scale = scale_of(ends["value"], unit)
    return f"{scale.text(ends['value'])} ({scale.number(ends['low'])} to {scale.number(ends['high'])})"


def _volume(volume: Mapping[str, float | None]) -> str:
    """Chips that repay the program; at a price at or below the unit's cost none do."""
    low, value, high = (
        None if (one := volume[end]) is None else large(rounded(one)) for end in ("low", "value", "high")
    )
    if value is None:
        return "never: the price is not above the unit's cost"
    return f"{value} chips ({high or 'never'} to {low or 'never'})"


def rounded(count: float) -> float:
    """A count with the digits that are shown of other numbers."""
    return float(f"{count:.{DIGITS - 1}e}")


def second_source_sentence(plan: Mapping[str, Any]) -> str:
    """What a second vendor is worth; empty where the plan does not say."""
    given = (plan.get("margins_by_layer") or {}).get("second_source")
    if not given:
        return ""
    unit = str((plan.get("objective") or {}).get("unit") or "")
    if given["second"] is None:
        return f"{sentence_case(str(given['reason']))}."
    text = (
        f"Without {given['first']} the best stack is one of {given['second']}, worse by "
        f"{quantity(given['loss_without_first'], unit)}"
    )
    cap = given.get("cap")
    if cap is None:
        return f"{text}; {given['reason']}."
    return (
        f"{text}; it caps the price of {given['first']} at {quantity(cap['value'], cap['unit'])} a chip, "
        f"{share_text(cap['over_price'])} above what is asked."
    )
