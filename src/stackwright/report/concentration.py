"""Whom and what a plan rests on: shares by layer, what hangs on one thing, and what a second of it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.report.drawing import OTHERS, Picture, at_the_right, axis, label, layout
from stackwright.report.formats import (
    difference,
    percent,
    quantity,
    ranged,
    sentence_case,
    significant,
    within_sentence,
    words,
)
from stackwright.report.layers import INK, LAYERS, NEUTRAL, title_of

SHOWN = 4
"""Suppliers of a part that have a color of their own; the rest are told as others."""
READABLE = 0.11
"""A share below this has no room for its supplier's name."""
WORDS = {
    "second_chip_vendor": "Second chip vendor",
    "second_platform": "Second platform",
    "second_engine": "Second engine",
    "second_foundry": "Second foundry",
    "second_site": "Second site",
    "second_grid": "Second grid",
    "second_chip_vendor_and_site": "Second chip vendor, at a second site",
    "second_chip_vendor_and_grid": "Second chip vendor, on a second grid",
}
HELD = "#5c6773"


@dataclass(frozen=True)
class Point:
    """Something that all tokens hang on, and what doing without it costs."""

    what: str
    names: str
    stands_in: str
    dollars: str
    share: str
    tokens: str


@dataclass(frozen=True)
class Second:
    """A kind of diversity: its two fleets, what they cost and what that buys."""

    kind: str
    fleets: list[str]
    share: str
    cost: str
    dollars: str
    twice: str
    outage: str
    remark: str


@dataclass(frozen=True)
class Concentration:
    """All that the report says of a plan's concentration."""

    finding: str
    pictures: list[Picture]
    points: list[Point]
    seconds: list[Second]
    halves: str
    """What the largest single loss is, before and after."""
    reason: str


def concentration_of(plan: Mapping[str, Any]) -> Concentration | None:
    """The section on concentration; None where the plan has none."""
    given = plan.get("concentration")
    if not given:
        return None
    names = plan.get("names") or {}
    rows = given.get("diversity") or []
    known = any(row["reason"] is None for row in rows)
    pictures = [_shares(given), *([_diversity(plan, rows)] if known else [])]
    return Concentration(
        finding=_finding(given),
        pictures=pictures,
        points=[_point(row) for row in given["single_points"]],
        seconds=[_second(row, names) for row in rows],
        halves=_halves(rows),
        reason=str(given.get("reason") or ""),
    )


def _finding(given: Mapping[str, Any]) -> str:
    """The largest seller, and what nothing replaces."""
    first = given["whole"]["suppliers"]
    text = ""
    if first:
        top = first[0]
        index = significant(given["whole"]["hhi"]["value"], 2)
        text = f"{top['name']} sells {percent(top['share']['value'])} of the cost; the index of the whole is {index}. "
    lone = [row for row in given["single_points"] if row["lost"]["tokens"]["value"] is not None]
    if lone:
        told = " and ".join(f"the {row['kind']} ({', '.join(row['names'])})" for row in lone)
        return f"{text}Nothing on the menu stands in for {told}."
    return f"{text}Something on the menu stands in for all of which it has more than one."


def _shares(given: Mapping[str, Any]) -> Picture:
    """Bars of one, by layer and part, cut at the suppliers' shares."""
    order = {layer.key: rank for rank, layer in enumerate(LAYERS)}
    known = [row for row in given["shares"] if row["suppliers"]]
    known = [given["whole"], *sorted(known, key=lambda row: order.get(row["layer"], len(order)))]
    known = [row for row in known if row["suppliers"]]
    names = [_row_name(row) for row in known]
    height = 110 + 30 * len(known)
    return Picture(
        id="shares",
        title="Who supplies what",
        finding="",
        reading="How to read: each bar is all of a layer, or of a part that its sellers build from, cut at the shares "
        "of its suppliers, the largest first. Gray is what many small ones share. At the right the "
        "Herfindahl-Hirschman index, the sum of the squares of the shares: 1 is a single supplier. Ranges are those of "
        "shares of markets.",
        data=_segments(known, names),
        layout=layout(
            height,
            barmode="stack",
            bargap=0.25,
            showlegend=False,
            xaxis=axis("share", range=[0, 1.0], tickformat=".0%", domain=[0.0, 0.82]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[at_the_right(name, _index(row)) for name, row in zip(names, known, strict=True)],
        ),
        notes=[],
    )


def _row_name(row: Mapping[str, Any]) -> str:
    if row["layer"] == "all":
        return "Whole stack: sellers"
    return f"{title_of(row['layer'])}: {'seller' if row['part'] == 'seller' else row['part']}"


def _index(row: Mapping[str, Any]) -> str:
    return f"HHI {_ended(row['hhi'])}"


def _ended(item: Mapping[str, Any]) -> str:
    """An index with its range: 0.46 (0.33 to 0.47)."""
    value, low, high = (significant(item[end], 2) for end in ("value", "low", "high"))
    return value if low == high else f"{value} ({low} to {high})"


def _segments(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """A trace for each rank of supplier, and one for all others."""
    made = []
    for rank in range(SHOWN):
        held = [
            (name, row["suppliers"][rank])
            for name, row in zip(names, rows, strict=True)
            if rank < len(row["suppliers"])
        ]
        if held:
            made.append(_segment([(name, one["name"], one["share"]["value"]) for name, one in held], OTHERS[rank]))
    rest = [
        (name, "others", row["others"] + sum(one["share"]["value"] for one in row["suppliers"][SHOWN:]))
        for name, row in zip(names, rows, strict=True)
    ]
    return [*made, _segment([one for one in rest if one[2] > 0.0], NEUTRAL)]


def _segment(held: Sequence[tuple[str, str, float]], color: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "y": [label(name) for name, *_ in held],
        "x": [share for *_, share in held],
        "text": [label(who) if share >= READABLE else "" for _, who, share in held],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": "#ffffff", "size": 11},
        "marker": {"color": color, "line": {"color": "#ffffff", "width": 1}},
        "customdata": [label(who) for _, who, _ in held],
        "hovertemplate": "%{y}: %{customdata} %{x:.0%}<extra></extra>",
    }


def _diversity(plan: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Picture:
    """What a second of each kind costs, with its range; pairs with a system that may not win are rings."""
    known = [row for row in rows if row["reason"] is None]
    names = [_kind(row) for row in known]
    shares = [100.0 * row["share"]["value"] for row in known]
    nearest = [
        (name, 100.0 * row["nearest"]["share"]) for name, row in zip(names, known, strict=True) if row["nearest"]
    ]
    ends = [100.0 * row["share"][end] for row in known for end in ("low", "high")]
    room = 0.04 * (max([*ends, 1.0]) - min([*ends, 0.0]))
    unit = str((plan.get("objective") or {}).get("unit") or "")
    return Picture(
        id="diversity",
        title="What a second of it costs",
        finding=_diversity_finding(known),
        reading="How to read: two fleets share the demand in halves and have no supplier, site or grid of the kind in "
        "common, each being the best of its own. Bars are what the pair costs more than the one fleet of the plan, "
        "lines the 5th to 95th percentile under paired draws, left of zero where the pair is the cheaper one. A ring "
        "is a pair with a system that may not win, as a number of it is not verified.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name in names],
                "x": shares,
                "marker": {"color": [HELD if share < 0 else OTHERS[0] for share in shares]},
                "hovertemplate": "%{y}: %{x:+.2f}%<extra></extra>",
            },
            *(_line(names, known, color, width) for color, width in (("#ffffff", 5.0), (INK, 1.6))),
            *([_rings(nearest)] if nearest else []),
        ],
        layout=layout(
            90 + 34 * len(known),
            bargap=0.45,
            showlegend=False,
            xaxis=axis(
                "more than the one fleet",
                ticksuffix="%",
                range=[min([*ends, 0.0]) - room, max([*ends, 1.0]) + room],
                domain=[0.0, 0.8],
            ),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[
                at_the_right(name, f"{difference(row['share']['value'])}, {quantity(row['cost']['value'], unit)}")
                for name, row in zip(names, known, strict=True)
            ],
        ),
        notes=[],
    )


def _line(names: Sequence[str], rows: Sequence[Mapping[str, Any]], color: str, width: float) -> dict[str, Any]:
    """Ranges over the bars; a broad white line below a thin dark one is seen on every color."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for row in rows for x in (100.0 * row["share"]["low"], 100.0 * row["share"]["high"], None)],
        "y": [label(name) for name in names for _ in range(3)],
        "line": {"color": color, "width": width},
        "hoverinfo": "skip",
    }


def _rings(nearest: Sequence[tuple[str, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [share for _, share in nearest],
        "y": [label(name) for name, _ in nearest],
        "marker": {"symbol": "circle-open", "size": 12, "color": "#b2182b", "line": {"width": 2.5}},
        "hovertemplate": "%{y}, with a system that may not win: %{x:+.2f}%<extra></extra>",
    }


def _kind(row: Mapping[str, Any]) -> str:
    return WORDS.get(row["kind"]) or sentence_case(words(row["kind"]))


def _diversity_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    told = [f"{within_sentence(_kind(row))} costs {_more(row['share'])}" for row in rows if len(row["differs_in"]) == 1]
    return f"{sentence_case('; '.join(f'a {one}' for one in told))}."


def _more(share: Mapping[str, Any]) -> str:
    """A cost in words with its range: 37% more (1.1% to 89%)."""
    value = share["value"]
    return f"{percent(abs(value))} {'more' if value >= 0 else 'less'} ({_ends(share)})"


def _ends(share: Mapping[str, Any]) -> str:
    """The ends of a share's range, with a minus as in print."""
    return " to ".join(percent(share[end]).replace("-", "−") for end in ("low", "high"))


def _point(row: Mapping[str, Any]) -> Point:
    lost = row["lost"]
    none = lost["stands_in"] is None
    return Point(
        what=sentence_case(str(row["kind"])),
        names=", ".join(row["names"]),
        stands_in=f"nothing: {lost['reason']}" if none else str(lost["stands_in"]),
        dollars="" if none else ranged(lost["dollars"]),
        share="" if none else _spread(lost["share"]),
        tokens="not asked" if none and lost["tokens"]["value"] is None else ranged(lost["tokens"]) if none else "none",
    )


def _spread(share: Mapping[str, Any]) -> str:
    """A share with its range, where it has one: 2% (0% to 2%)."""
    value = difference(share["value"])
    return value if share["low"] == share["high"] else f"{value} ({_ends(share)})"


def _second(row: Mapping[str, Any], names: Mapping[str, Any]) -> Second:
    kind = _kind(row)
    if row["reason"] is not None:
        return Second(kind, [], "", "", "", "", "", "; ".join((_none(row), *_nearest(row, names))))
    nothing, unit = row["outage"]["nothing_served"], str(row["cost"]["unit"])
    return Second(
        kind=kind,
        fleets=[_fleet(one, engine="engine" in row["differs_in"]) for one in row["fleets"]],
        share=f"{difference(row['share']['value'])} ({_ends(row['share'])})",
        cost=ranged(row["cost"]),
        dollars=ranged(row["dollars"]),
        twice=quantity(row["duplicated"]["value"], unit),
        outage=f"{significant(nothing['before'], 2)} → {significant(nothing['after'], 2)} h/year",
        remark="; ".join(_nearest(row, names)),
    )


def _none(row: Mapping[str, Any]) -> str:
    return sentence_case(str(row["reason"]))


def _fleet(fleet: Mapping[str, Any], *, engine: bool) -> str:
    """A fleet in words: system and site, and the engine where fleets differ in it."""
    names = fleet["names"]
    return f"{names['system']}, {names['engine'] if engine else names['site']}"


def _halves(rows: Sequence[Mapping[str, Any]]) -> str:
    """What of a day's tokens the loss of one of the kind takes, with one of it and with two."""
    loss = next((row["outage"]["largest_loss"] for row in rows if row["reason"] is None), None)
    if loss is None:
        return ""
    before, after = (quantity(loss[end], "token") for end in ("before", "after"))
    return f"With two of a kind the loss of one takes {after} a day, not {before}."


def _nearest(row: Mapping[str, Any], names: Mapping[str, Any]) -> list[str]:
    near = row.get("nearest")
    if not near:
        return []
    systems = " and ".join(str(names.get(name, name)) for name in near["systems"])
    why = dict.fromkeys(one.partition(": ")[2] for one in str(near["reason"]).split("; "))
    return [f"With {systems} {difference(near['share'])}, but not eligible: {', '.join(why)}"]
