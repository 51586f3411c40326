"""A dividend under draws of the inputs, and fronts of several objectives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackwright.report.dividend_told import (
    REFERENCE_COLOR,
    Captioned,
    Told,
    color_of_way,
    listed,
    option_text,
    share_text,
)
from stackwright.report.drawing import axis, columns, heading, label, layout, on, panel
from stackwright.report.formats import Scale, scale_of, words
from stackwright.report.layers import CHOSEN, NEUTRAL, color_of, title_of

MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")


LINES = (
    ("joint", "decided anew in every draw", CHOSEN, "solid"),
    ("nominal_stack", "the chosen stack, kept", "#0072b2", "dash"),
    ("reference", "the reference", REFERENCE_COLOR, "dot"),
)
"""Samples of a robustness: words, color and line."""


def robustness_picture(told: Told) -> Captioned | None:
    """Values over the inputs' draws, and how often each layer's choice changes."""
    robust = told.robustness
    if not robust:
        return None
    samples: Mapping[str, Sequence[float | None]] = robust.get("samples") or {}
    scale, lines = told.scale, [line for line in LINES if samples.get(line[0])]
    changes: Mapping[str, float] = robust["changes"]
    left, right = columns(2, 0.16)
    data = [_spread(samples[key], name, color, dash, scale) for key, name, color, dash in lines]
    data.append(
        {
            "type": "bar",
            "orientation": "h",
            "showlegend": False,
            "y": [title_of(layer) for layer in changes],
            "x": [100.0 * share for share in changes.values()],
            "marker": {"color": [color_of(layer) for layer in changes]},
            "text": [share_text(share) for share in changes.values()],
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{y}: another choice in %{x:.3g}% of draws<extra></extra>",
        }
        | on(2)
    )
    most = max(100.0 * share for share in changes.values()) or 1.0
    made = panel(
        1,
        across=left,
        up=(0.0, 0.9),
        x=axis(scale.unit, range=_within([samples[line[0]] for line in lines], scale)),
        y=axis("share of draws at or below", ticksuffix="%", range=[0, 103]),
    )
    made |= panel(
        2,
        across=right,
        up=(0.0, 0.9),
        x=axis("draws with another choice", ticksuffix="%", range=[0, 1.25 * most]),
        y=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
    )
    return Captioned(
        id="robustness",
        title="What other inputs would change",
        finding=_robustness_finding(robust),
        reading="How to read: on the left, sorted values over the draws: where a line is at 90%, nine in ten draws are "
        "at or below that value; the distance between the first two lines is what keeping the chosen stack costs. "
        "On the right, in how many draws the best stack has another choice in that layer.",
        data=data,
        layout=layout(
            440,
            annotations=[
                heading("<b>Value over the draws</b>", left[0], 0.92),
                heading("<b>How often the choice changes</b>", right[0], 0.92),
            ],
            margin={"l": 70, "r": 24, "t": 20, "b": 100},
            legend={"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top", "xanchor": "left"},
            **made,
        ),
        notes=[],
        caption=told.caption("sorted values of all draws, their mean and the mean of the worst tenth", drawn=True),
    )


def _finite(values: Iterable[float | None]) -> list[float]:
    return sorted(float(value) for value in values if value is not None and math.isfinite(value))


def _within(curves: Sequence[Sequence[float | None]], scale: Scale) -> list[float] | None:
    """A range that holds all but the outermost hundredths of the samples."""
    kept = [[value / scale.factor for value in values] for curve in curves if (values := _finite(curve))]
    if not kept:
        return None
    low = min(values[len(values) // 100] for values in kept)
    high = max(values[-1 - len(values) // 100] for values in kept)
    room = 0.04 * (high - low)
    return [low - room, high + room]


def _spread(values: Sequence[float | None], name: str, color: str, dash: str, scale: Scale) -> dict[str, Any]:
    """Sorted values against the share of draws; draws without a value keep the line below 100%."""
    known = _finite(values)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [value / scale.factor for value in known],
        "y": [100.0 * (rank + 1) / len(values) for rank in range(len(known))],
        "line": {"color": color, "width": 2.5, "dash": dash, "shape": "hv"},
        "hovertemplate": f"{name}: %{{y:.0f}}% of draws at or below %{{x:.4g}} {scale.unit}<extra></extra>",
    } | on(1)


def _robustness_finding(robust: Mapping[str, Any]) -> str:
    regret = robust["regret"]
    parts = [
        f"Over {robust['draws']:,} draws of the inputs another stack wins in {share_text(robust['winner_changes'])}"
    ]
    if regret.get("mean") is None:
        parts.append("the chosen one meets the limits in none of them")
    else:
        parts.append(
            f"keeping the chosen one costs {share_text(regret['mean'])} in the mean and "
            f"{share_text(regret['worst_tenth'])} in the worst tenth"
        )
        if regret.get("infeasible"):
            parts.append(f"it misses a limit in {share_text(regret['infeasible'])}")
    missed = robust["draws"] - robust.get("served", robust["draws"])
    if missed:
        parts.append(f"draws in which nothing serves are left out ({missed:,})")
    return f"{'; '.join(parts)}."


def front_pictures(told: Told) -> list[Captioned]:
    """A figure for each front of two or three objectives."""
    fronts = told.given.get("front") or ()
    return [_front_picture(told, front, number) for number, front in enumerate(fronts, start=1) if front["points"]]


def _front_picture(told: Told, front: Mapping[str, Any], number: int) -> Captioned:
    objectives = front["objectives"]
    scales = [
        scale_of(max(abs(point["values"][at]) for point in front["points"]), str(objective.get("unit") or ""))
        for at, objective in enumerate(objectives)
    ]
    titles = [_axis_title(objective, scale) for objective, scale in zip(objectives, scales, strict=True)]
    marked = {name: values for name, values in (front.get("marked") or {}).items() if values}
    data = [_front_points(told, front, scales, titles)]
    data += [
        _front_mark(told, name, values, scales, symbol)
        for (name, values), symbol in zip(marked.items(), MARKS * len(marked), strict=False)
    ]
    better_across = "left" if _least(objectives[0]) else "right"
    better_up = "down" if _least(objectives[1]) else "up"
    return Captioned(
        id=f"front{number}",
        title=f"What has to be given up: {listed([words(one['name']) for one in objectives])}",
        finding=_front_finding(front, scales),
        reading="How to read: small points are stacks that no other one beats in every objective; better is "
        f"{better_across} and {better_up}. Large marks are the ways of deciding; a mark off the front gives "
        "something up for nothing." + (f" Color: {label(titles[2])}." if len(objectives) > 2 else ""),
        data=data,
        layout=layout(
            480,
            xaxis=axis(titles[0]),
            yaxis=axis(titles[1]),
            margin={"l": 70, "r": 24, "t": 16, "b": 110},
            legend={"orientation": "h", "y": -0.18, "x": 0, "yanchor": "top", "xanchor": "left"},
        ),
        notes=[],
        caption=told.caption("all stacks of the menu that none dominates"),
    )


def _least(objective: Mapping[str, Any]) -> bool:
    return objective.get("sense") == "min"


def _axis_title(objective: Mapping[str, Any], scale: Scale) -> str:
    name = label(words(objective["name"]))
    return f"{name}, {label(scale.unit)}" if scale.unit else name


def _front_points(
    told: Told, front: Mapping[str, Any], scales: Sequence[Scale], titles: Sequence[str]
) -> dict[str, Any]:
    points = sorted(front["points"], key=lambda point: list(point["values"]))
    shown = [[value / scale.factor for value, scale in zip(p["values"], scales, strict=True)] for p in points]
    flat = len(scales) == 2
    marker: dict[str, Any] = {"size": 8, "color": NEUTRAL}
    if not flat:
        marker |= {
            "color": [row[2] for row in shown],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": titles[2], "side": "right"}, "thickness": 12, "outlinewidth": 0},
        }
    return {
        "type": "scatter",
        "mode": "lines+markers" if flat else "markers",
        "name": "stacks that none beats",
        "x": [row[0] for row in shown],
        "y": [row[1] for row in shown],
        "line": {"color": NEUTRAL, "width": 1.5, "shape": "hv" if _least(front["objectives"][0]) else "vh"},
        "marker": marker,
        "text": [_stack_lines(told, point.get("stack") or {}) for point in points],
        "hovertemplate": "%{x:.4g}, %{y:.4g}<br>%{text}<extra></extra>",
    }


def _stack_lines(told: Told, stack: Mapping[str, Any]) -> str:
    return "<br>".join(
        f"{label(title_of(layer))}: {label(option_text(text, told.names))}" for layer, text in stack.items()
    )


def _front_mark(told: Told, name: str, values: Sequence[float], scales: Sequence[Scale], symbol: str) -> dict[str, Any]:
    joint = name == "joint"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label("Decided together" if joint else told.way(name)),
        "x": [values[0] / scales[0].factor],
        "y": [values[1] / scales[1].factor],
        "marker": {
            "symbol": symbol,
            "size": 14,
            "color": CHOSEN if joint else color_of_way(name),
            "line": {"width": 1.5, "color": "#ffffff"},
        },
        "hovertemplate": "%{x:.4g}, %{y:.4g}<extra>"
        + label("Decided together" if joint else told.way(name))
        + "</extra>",
    }


def _front_finding(front: Mapping[str, Any], scales: Sequence[Scale]) -> str:
    first, second = front["objectives"][:2]
    points = [point["values"] for point in front["points"]]

    def best(at: int) -> Sequence[float]:
        chosen: Sequence[float] = (min if _least(front["objectives"][at]) else max)(points, key=lambda row: row[at])
        return chosen

    def told(row: Sequence[float]) -> str:
        return f"{scales[0].text(row[0])} with {scales[1].text(row[1])}"

    ends = best(0), best(1)
    text = f"{len(points):,} stacks are left between best {words(first['name'])} and best {words(second['name'])}"
    return f"{text}: from {told(ends[0])} to {told(ends[1])}."
