"""Dates of a campus: when power, building and chips come, when the first token does, and what waiting costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from stackwright.report.drawing import Picture, axis, heading, label, layout
from stackwright.report.formats import percent, quantity, sentence_case
from stackwright.report.layers import BY_KEY, INK, NEUTRAL

LEAST_BINDING = 0.02
"""Causes that hold up the campus more rarely are not drawn."""
MOST_PHASES = 4
"""Of more phases, those between the first and the last are drawn without their causes."""
COLORS = {"energization": BY_KEY["power"].color, "chips": BY_KEY["chip"].color}
APART, TOGETHER = "ready, if causes have nothing to do with one another", "ready, if all are late together"
CAUSES = {
    "transformer": "transformers",
    "switchgear": "switchgear",
    "generator": "generators",
    "chiller": "chillers",
    "chips": "delivery of the chips",
}


def dates_picture(plan: Mapping[str, Any]) -> Picture | None:
    """Median and 90th percentile of what each phase waits for."""
    given = plan.get("dates")
    if not given or not given["phases"]:
        return None
    rows, headings = _rows(given, plan.get("names") or {})
    lowest = len(rows)
    data = [_range(name, [row for row in rows if row[1] == name]) for name in dict.fromkeys(row[1] for row in rows)]
    ticks = {"tickvals": [place for place, *_ in rows], "ticktext": [label(text) for *_, text in rows]}
    words = [
        heading(f"<b>{label(text)}</b>", 0.0, place) | {"yref": "y", "yanchor": "middle"} for place, text in headings
    ]
    return Picture(
        id="dates",
        title="When the first token comes",
        finding=_finding(given),
        reading="How to read: a dot is the day that comes with even odds (P50), the end of its line the day that "
        "nine of ten cases make (P90). " + " ".join(str(note) for note in given["notes"]),
        data=data,
        layout=layout(
            60 + 24 * (lowest + len(headings)),
            annotations=words,
            xaxis=axis("", type="date", side="top"),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)", zeroline=False, **ticks),
            margin={"l": 70, "r": 24, "t": 60, "b": 16},
            legend={"orientation": "h", "y": 1.06, "x": 0, "yanchor": "bottom", "xanchor": "left"},
        ),
        notes=[],
    )


Row = tuple[float, str, Mapping[str, str], str]
"""Place from above, group of the legend, P50 and P90, and the words beside it."""


def _rows(given: Mapping[str, Any], names: Mapping[str, Any]) -> tuple[list[Row], list[tuple[float, str]]]:
    """Lines of the picture and headings of its phases."""
    phases = given["phases"]
    often = [_often(given["binding"]["first_token"]), _often(given["binding"]["full_power"])]
    rows: list[Row] = []
    headings = []
    place = 0.0
    for index, phase in enumerate(phases):
        first, last = index == 0, index == len(phases) - 1
        title = f"Phase {index + 1}, {quantity(phase['power']['value'], 'W')} in all"
        title += ": the first token" if first else ": full power" if last else ""
        headings.append((place, title))
        place += 1.0
        if first or last or len(phases) <= MOST_PHASES:
            held = often[0] if first else often[1]
            causes = sorted((entry["p90"], name) for name, entry in phase["causes"].items() if name in held)
            for _, name in causes:
                rows.append((place, _group(name), phase["causes"][name], _cause(name, names)))
                place += 1.0
        ready = phase["ready"]
        rows.append((place, APART, ready, "ready"))
        rows.append((place + 0.32, TOGETHER, {"p50": ready["p50_together"], "p90": ready["p90_together"]}, ""))
        place += 1.6
    return rows, headings


def _often(binding: Mapping[str, float]) -> set[str]:
    """Causes that hold up a phase often enough to be drawn."""
    return {name for name, share in binding.items() if share >= LEAST_BINDING}


def _cause(name: str, names: Mapping[str, Any]) -> str:
    return str(names.get(name, CAUSES.get(name, name)))


def _group(name: str) -> str:
    return {"energization": "energization", "chips": "chips"}.get(name, "building and plant")


def _range(group: str, rows: Sequence[Row]) -> dict[str, Any]:
    """All lines of a group as one trace; a gap parts them."""
    color = {APART: INK, TOGETHER: NEUTRAL}.get(group, COLORS.get(group, BY_KEY["datacenter"].color))
    ready = group in (APART, TOGETHER)
    days: list[str | None] = []
    places: list[float | None] = []
    for place, _, item, _ in rows:
        days += [item["p50"], item["p90"], None]
        places += [place, place, None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": group,
        "x": days,
        "y": places,
        "line": {"color": color, "width": 4 if ready else 2.5},
        "marker": {
            "size": [12 if ready else 10, 7, 0] * len(rows),
            "symbol": ["circle", "line-ns-open", "circle"] * len(rows),
            "color": color,
        },
        "hovertemplate": "%{x|%B %Y}<extra>" + group + "</extra>",
    }


def _finding(given: Mapping[str, Any]) -> str:
    first, full, idle = given["first_token"], given["full_power"], given["idle_chip_cost"]
    holds = max(given["binding"]["first_token"].items(), key=lambda item: item[1])
    text = (
        f"First token: even odds by {_between(first, 'p50')}, nine in ten by {_between(first, 'p90')}. "
        f"Most often held up by {CAUSES.get(holds[0], holds[0])} ({percent(holds[1])}). "
    )
    if len(given["phases"]) > 1:
        text += f"Full power: {_between(full, 'p50')}, nine in ten by {_between(full, 'p90')}. "
    low, high = sorted((idle["mean"], idle["together"]["mean"]))
    if high > 0:
        text += f"Chips that wait for the rest cost {quantity(low, 'USD')} to {quantity(high, 'USD')} in the mean. "
    month = given["month_of_delay"]
    text += f"A month in which the whole campus waits costs {quantity(month['idle_capital'], 'USD')} of capital"
    if month.get("lost_margin") is not None:
        text += f" and {quantity(month['lost_margin'], 'USD')} of margin"
    return sentence_case(f"{text}.")


def _between(item: Mapping[str, str], name: str) -> str:
    """Months of both ways to combine causes: March 2028 to September 2028."""
    early, late = (f"{date.fromisoformat(day):%B %Y}" for day in sorted((item[name], item[f"{name}_together"])))
    return early if early == late else f"{early} to {late}"
