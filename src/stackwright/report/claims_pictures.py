"""Pictures of claims: where a stated figure stands in the computed ranges, curves, and numbers side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.evidence.claims.computed import LOG
from stackwright.evidence.claims.pictures import LEAST, MOST, VERDICTS, round_numbers
from stackwright.evidence.claims.words import number, stated_text, unit_text
from stackwright.report.drawing import OTHERS, axis, label, layout
from stackwright.report.layers import INK

Row = Mapping[str, Any]
WIDE = 46
"""Characters of a line of words beside a row."""
LINE, ROW = 17, 22
"""Pixels of a line of words, and of a row without them."""
DECADE = 12.0
"""Greatest number over the least from which on an axis is logarithmic."""
FEW = 3
"""Points of a line up to which each is marked."""
STATED = "#b2182b"


@dataclass(frozen=True)
class Drawn:
    """A figure with its id on the page and what it shows."""

    id: str
    caption: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]

    @property
    def figure(self) -> dict[str, Any]:
        """What the page's script draws."""
        return {"data": self.data, "layout": self.layout}


def pictures_of(one: Mapping[str, Any]) -> list[Drawn]:
    """The pictures of a claim: its ranges, its curve and its numbers side by side, as far as it has them."""
    made = []
    if one["stated"] and one["computed"]:
        made.append(_ranges(one))
    if one["curve"]:
        made.append(_curve(one))
    if one["bars"]:
        made.append(_bars(one))
    return made


def standing(claims: Sequence[Mapping[str, Any]]) -> Drawn:
    """Computed ranges over stated figures of all claims that have both."""
    shown = [one for one in claims if one["stated"] and one["computed"] and one["stated"]["value"] > 0.0]
    names = [one["id"] for one in shown]
    data = []
    for one in shown:
        ends = [_cut(one["computed"][end], one["stated"]["value"]) for end in ("low", "high", "value")]
        data.append(_thick(ends[0], ends[1], label(one["id"]), VERDICTS[one["figure"]]))
        data.append(_dot(ends[2], label(one["id"]), VERDICTS[one["figure"]], f"{number(ends[2])} of what was stated"))
    return Drawn(
        id="standing",
        caption="Each bar is a computed range (5th to 95th percentile) over the figure that was stated, the dot its"
        " middle; at 1 both agree. Colors are verdicts on the figure. A bound (at least, at most) is met on its side."
        f" What lies beyond {LEAST:g} or {MOST:g} is drawn at that end.",
        data=data,
        layout=layout(
            80 + ROW * len(names),
            xaxis=axis("computed over stated", type="log", range=[-1.7, 1.7], tickvals=[0.03, 0.1, 0.3, 1, 3, 10, 30]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            showlegend=False,
            shapes=[_upright(1.0, INK, "solid")],
        ),
    )


def _cut(value: float | None, stated: float) -> float:
    """A ratio that stays on the axis. Source: definition."""
    return MOST if value is None else min(max(value / stated, LEAST), MOST)


def _ranges(one: Mapping[str, Any]) -> Drawn:
    """The stated figure as a line or a side, the computed range, and those under narrower conditions."""
    stated, computed = one["stated"], one["computed"]
    rows = [("computed", computed, VERDICTS[one["figure"]])]
    rows += [(f"if {under['conditions']}", under, OTHERS[4]) for under in one["under"]]
    known = [row[end] for _, row, _ in rows for end in ("low", "value", "high") if row[end] is not None]
    known += [stated["low"], stated["value"], stated["high"]]
    logarithmic = min(known) > 0.0 and max(known) > DECADE * min(known)
    left, right = _ends(known, logarithmic)
    data = []
    for words, row, color in rows:
        low, high = (right if row[end] is None else row[end] for end in ("low", "high"))
        data.append(_thick(low, high, wrapped(words), color))
        if row["value"] is not None:
            data.append(_dot(row["value"], wrapped(words), color, f"{number(row['value'])}{unit_text(row['unit'])}"))
    return Drawn(
        id=f"{one['id']}-ranges",
        caption=f"Stated: {stated_text(stated)} (red). Bars: computed ranges, 5th to 95th percentile or least to most"
        " reading; dots: their middle values.",
        data=data,
        layout=_in_rows(
            [words for words, _, _ in rows],
            xaxis=_across(_title(one["quantity"], computed["unit"]), logarithmic, (left, right)),
            shapes=[_side(stated, left, right), _upright(stated["value"], STATED, "dash")],
        ),
    )


def _title(quantity: str, unit: str) -> str:
    """What stands along the axis: the quantity, with its unit unless it is a ratio."""
    return quantity if unit in ("x", "", "1") else f"{quantity}, {unit_text(unit).strip()}"


def _ends(known: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    """Ends of an axis with room beside the numbers. Source: definition."""
    if logarithmic:
        return min(known) / 1.3, max(known) * 1.3
    room = 0.06 * (max(known) - min(0.0, *known) or 1.0)
    return min(0.0, min(known) - room), max(known) + room


def _side(stated: Mapping[str, Any], left: float, right: float) -> dict[str, Any]:
    """What the stated figure admits: its rounding, or all on its side."""
    low = left if stated["sense"] == "at_most" else stated["low"]
    high = right if stated["sense"] == "at_least" else stated["high"]
    return {"type": "rect", "x0": low, "x1": high, "yref": "paper", "y0": 0, "y1": 1} | {
        "fillcolor": STATED,
        "opacity": 0.10,
        "line": {"width": 0},
        "layer": "below",
    }


def _curve(one: Mapping[str, Any]) -> Drawn:
    curve = one["curve"]
    data = [
        {
            "type": "scatter",
            "mode": "lines" if sum(y is not None for y in line) > FEW else "lines+markers",
            "name": wrapped(name, 90),
            "x": curve["x"],
            "y": line,
            "line": {
                "color": OTHERS[index % len(OTHERS)],
                "width": 2.4,
                "dash": "dot" if index % 2 else "solid",
                "shape": "hv" if curve["steps"] else "linear",
            },
            "marker": {"size": 9},
            "hovertemplate": f"%{{x:.4g}}: %{{y:.3g}}<extra>{label(name)}</extra>",
        }
        for index, (name, line) in enumerate(curve["lines"].items())
    ]
    level = curve["stated"]
    known = [y for line in curve["lines"].values() for y in line if y is not None]
    missing = any(None in line for line in curve["lines"].values())
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level}
    legend = LINE * sum(words.count("<br>") + 1 for words in (trace["name"] for trace in data))
    return Drawn(
        id=f"{one['id']}-curve",
        caption=" ".join(
            words
            for words, told in (
                ("Red dashes: the stated figure.", level is not None),
                ("A line that ends has no design beyond.", curve["y_scale"] == LOG and missing),
            )
            if told
        ),
        data=data,
        layout=layout(
            330 + legend,
            margin={"l": 70, "r": 24, "t": 16, "b": 60 + legend},
            legend={"orientation": "v", "y": -0.2, "yanchor": "top", "x": 0, "xanchor": "left"},
            xaxis=axis(curve["x_title"], type="log" if curve["x_scale"] == LOG else "linear", **_ticks(curve)),
            yaxis=axis(curve["y_title"], type="log" if curve["y_scale"] == LOG else "linear")
            | (_powers(min(known), max(known)) if curve["y_scale"] == LOG else {"rangemode": "tozero"}),
            shapes=[across | {"line": {"color": STATED, "width": 1.4, "dash": "dash"}}] if level is not None else [],
        ),
    )


def _ticks(curve: Mapping[str, Any]) -> dict[str, Any]:
    """The curve's own numbers where the axis is logarithmic; years without a separator."""
    if curve["x_scale"] == LOG:
        return {"tickvals": curve["x"], "ticktext": [f"{x:g}" for x in curve["x"]]}
    if curve["x_title"] != "year":
        return {}
    if max(curve["x"]) - min(curve["x"]) > FEW:
        return {"tickformat": "d", "dtick": 2}
    quarters = [0.25 * quarter for quarter in range(math.floor(4 * curve["x"][0]), math.ceil(4 * curve["x"][-1]) + 1)]
    return {"tickvals": quarters, "ticktext": [f"{MONTHS[int(4 * (one % 1.0))]} {int(one)}" for one in quarters]}


MONTHS = ("Jan", "Apr", "Jul", "Oct")
"""The months that quarters begin with."""


def _bars(one: Mapping[str, Any]) -> Drawn:
    """Numbers side by side, with their ranges; a diamond is the second number that the picture names."""
    bars = one["bars"]
    rows = bars["rows"]
    known = [row[key] for row in rows for key in ("low", "value", "high", "mark") if row.get(key) is not None]
    known += [bars["stated"]] if bars["stated"] is not None else []
    logarithmic = bars["scale"] == LOG
    color = OTHERS[0]
    data = []
    for row in rows:
        place = wrapped(row["label"])
        if row.get("low") is not None:
            data.append(_thick(row["low"], row["high"], place, color))
        data.append(_dot(row["value"], place, color, number(row["value"])))
        if row.get("mark") is not None:
            told = f"{bars['mark']}: {number(row['mark'])}"
            data.append(_dot(row["mark"], place, OTHERS[1], told) | {"marker": {"symbol": "diamond", "size": 11}})
            data[-1]["marker"]["color"] = OTHERS[1]
    said = ["Dots: values; bars: their ranges."] if any(row.get("low") is not None for row in rows) else []
    said += [f"Orange: {bars['mark']}."] if bars["mark"] else []
    said += ["Red dashes: the stated figure."] if bars["stated"] is not None else []
    return Drawn(
        id=f"{one['id']}-bars",
        caption=" ".join(said),
        data=data,
        layout=_in_rows(
            [row["label"] for row in rows],
            xaxis=_across(bars["title"], logarithmic, _ends(known, logarithmic)),
            shapes=[_upright(bars["stated"], STATED, "dash")] if bars["stated"] is not None else [],
        ),
    )


def _in_rows(words: Sequence[str], **more: Any) -> dict[str, Any]:
    """The layout of rows that have words beside them."""
    most = max(wrapped(one).count("<br>") + 1 for one in words)
    return layout(
        78 + len(words) * max(LINE * most + 8, ROW),
        margin={"l": 20, "r": 30, "t": 10, "b": 52},
        yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
        showlegend=False,
        **more,
    )


def _across(title: str, logarithmic: bool, ends: tuple[float, float]) -> dict[str, Any]:
    if logarithmic:
        return axis(title, type="log", range=[math.log10(one) for one in ends], **_powers(*ends))
    return axis(title, range=list(ends))


def _powers(low: float, high: float) -> dict[str, Any]:
    """Round numbers on a logarithmic axis, each told in full."""
    ticks = round_numbers(LOG, low, high)
    return {"tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


def _thick(low: float, high: float, row: str, color: str) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "x": [low, high], "y": [row, row], "hoverinfo": "skip"} | {
        "line": {"color": color, "width": 9},
        "opacity": 0.45,
    }


def _dot(value: float, row: str, color: str, told: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value],
        "y": [row],
        "hovertemplate": f"{told}<extra></extra>",
    } | {"marker": {"color": color, "size": 10, "line": {"color": "#ffffff", "width": 1.5}}}


def _upright(x: float, color: str, dash: str) -> dict[str, Any]:
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1} | {
        "line": {"color": color, "width": 1.6, "dash": dash}
    }


def wrapped(words: str, wide: int = WIDE) -> str:
    """Words in lines, as Plotly shows them."""
    return "<br>".join(label(line) for line in textwrap.wrap(words, wide))
