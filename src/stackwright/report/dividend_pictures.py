"""Figures of what deciding together is worth: by layer, against every other way of deciding, and by pair of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from stackwright.report.dividend_told import (
    NOTHING,
    REFERENCE,
    REFERENCE_COLOR,
    Captioned,
    Told,
    color_of_way,
    listed,
    range_text,
    share_text,
    signed,
)
from stackwright.report.drawing import at_the_right, axis, heading, label, layout
from stackwright.report.formats import Scale
from stackwright.report.layers import BY_KEY, CHOSEN, INK, color_of, title_of

TOGETHER, APART = "#2166ac", "#b35806"
"""Pairs that bring more together, and pairs that bring less."""
AGAINST = {
    "separate": "teams that each go by their own measure",
    "sequential_worst": "deciding one after another in the worst order",
    "sequential_mean": "the mean order",
    "sequential_best": "the best order",
}
"""Ways that the finding names."""
NAMED = 3
"""Layers that bring next to nothing and are named; more are counted as one."""
SMALL_GAIN = 0.15
"""A gain below this share of the larger value would not be seen beside bars from zero."""


def waterfall_picture(told: Told) -> Captioned | None:
    """From the reference's value by what is attributed to each layer to the joint optimum."""
    shares: Mapping[str, float] = told.given.get("shapley") or {}
    if not shares:
        return None
    start, end, scale = float(told.given["reference"]["value"]), float(told.given["joint"]["value"]), told.scale
    order = sorted(shares, key=lambda layer: -abs(shares[layer]))
    turn = -1.0 if told.less_is_better else 1.0
    steps = [turn * float(shares[layer]) for layer in order]
    before = list(accumulate(steps, initial=start))[:-1]
    low = [0.0, *(min(at, at + step) for at, step in zip(before, steps, strict=True)), 0.0]
    size = [start, *(abs(step) for step in steps), end]
    whole = abs(start - end)
    texts = [scale.number(start) + _between(told, scale, REFERENCE)]
    texts += [_step_text(scale, step, whole) for step in steps]
    texts.append(scale.number(end) + _between(told, scale, "joint"))
    names = [f"Reference: {told.reference}", *(title_of(layer) for layer in order), "Decided together"]
    ends, cut = _ends_of([start, end, *before])
    return Captioned(
        id="waterfall",
        title="From the reference to the joint optimum, by layer",
        finding=_waterfall_finding(told, order, whole),
        reading="How to read: each bar is what freeing that layer brings, as the mean over all orders of freeing "
        "layers (Shapley), so that bars add up to the whole. Rack is the form in which a chip is sold: air or liquid, "
        "node or rack scale. The engine counts with serving." + (" The axis does not start at zero." if cut else ""),
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name in names],
                "x": [value / scale.factor for value in size],
                "base": [value / scale.factor for value in low],
                "marker": {"color": [REFERENCE_COLOR, *(color_of(layer) for layer in order), CHOSEN]},
                "text": texts,
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        layout=layout(
            70 + 34 * len(names),
            xaxis=axis(scale.unit, range=[value / scale.factor for value in ends]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            showlegend=False,
            bargap=0.28,
        ),
        notes=[],
        caption=told.caption("attribution is the mean over all orders of freeing layers", drawn=True),
    )


def _step_text(scale: Scale, step: float, whole: float) -> str:
    """What a layer brings, and its share of the whole."""
    text = signed(scale.number(step), step)
    return f"{text} · {share_text(abs(step) / whole)}" if step else text


def _between(told: Told, scale: Scale, name: str) -> str:
    """A value's interval in brackets; empty where none was drawn."""
    ends = told.robustness.get(name)
    return f" ({scale.number(ends['low'])} to {scale.number(ends['high'])})" if ends else ""


def _ends_of(values: Sequence[float]) -> tuple[tuple[float, float], bool]:
    """Ends of the axis with room for text, and whether it is cut off above zero."""
    low, high = min(values), max(values)
    if low <= 0.0 or high - low >= SMALL_GAIN * high or high == low:
        floor, room = min(0.0, low), 0.4 * (max(high, 0.0) - min(0.0, low))
        return (floor, max(high, 0.0) + room), False
    span = high - low
    return (low - 0.5 * span, high + 1.0 * span), True


def _waterfall_finding(told: Told, order: Sequence[str], whole: float) -> str:
    if not whole:
        return f"The reference, {told.reference}, is already the joint optimum: no layer brings anything."
    shapley = told.given["shapley"]
    top = [layer for layer in order if abs(shapley[layer]) >= 0.1 * whole] or list(order[:1])
    parts = [f"{title_of(layer).lower()} {share_text(abs(shapley[layer]) / whole)}" for layer in top]
    least = [title_of(layer).lower() for layer in order if abs(shapley[layer]) < 0.01 * whole]
    if len(least) > NAMED:
        least = ["any other"] if len(top) + len(least) == len(order) else ["each of the last"]
    text = f"Of the {told.scale.text(whole)} between them, {listed(parts)}"
    return f"{text}; less than 1% from {listed(least)}." if least else f"{text}."


def dividends_of(told: Told) -> dict[str, float]:
    """By which share joint is better than each way of deciding, largest first."""
    found = {REFERENCE: told.share_of_reference}
    for name, entry in (told.given.get("baselines") or {}).items():
        if entry.get("value") is not None:
            found[name] = float(entry["dividend"])
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def value_of(told: Told, name: str) -> float:
    """The value of a way of deciding."""
    return float((told.given[REFERENCE] if name == REFERENCE else told.given["baselines"][name])["value"])


def ways_picture(told: Told) -> Captioned:
    """By how much joint is better than every other way of deciding, with intervals."""
    shares, scale = dividends_of(told), told.scale
    names = [label(told.way(name)) for name in shares]
    known: Mapping[str, Any] = told.robustness.get("dividends") or {}
    ranges = {name: known[name] for name in shares if "low" in known.get(name, {})}
    same: Mapping[str, float] = (told.given.get("same_quality") or {}).get("dividends") or {}
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "joint is better by",
            "y": names,
            "x": [100.0 * share for share in shares.values()],
            "marker": {"color": [color_of_way(name) for name in shares]},
            "hovertemplate": "%{y}: joint is better by %{x:.3g}%<extra></extra>",
            "showlegend": False,
        }
    ]
    if ranges:
        data.append(_whiskers(((told.way(name), row["low"], row["high"]) for name, row in ranges.items())))
    if shown := [name for name in shares if name in same]:
        precision = str(told.given["same_quality"].get("precision") or "the reference's precision")
        data.append(_diamonds([(told.way(name), same[name]) for name in shown], precision))
    reach = [100.0 * share for share in (*shares.values(), *(row["high"] for row in ranges.values()), *same.values())]
    least = [100.0 * share for share in (*shares.values(), *(row["low"] for row in ranges.values()), *same.values())]
    width = max(max(reach), 0.01) - min(0.0, *least)
    return Captioned(
        id="ways",
        title="Joint against every other way of deciding",
        finding=_ways_finding(told, shares),
        reading="How to read: each bar is one way of deciding on the same demand, limits, menu and prices; how much "
        "better joint is, in percent of that way's value. Black lines: interval over the inputs' ranges, everything "
        "decided anew in each draw. Diamonds: weights no narrower than the reference's, so no quality is given up.",
        data=data,
        layout=layout(
            90 + 27 * len(names),
            xaxis=axis(
                "joint is better by",
                ticksuffix="%",
                range=[min(0.0, *least) - 0.02 * width, max(*reach, 0.01) + 0.05 * width],
                domain=[0.0, 0.62],
            ),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[
                at_the_right(told.way(name), _way_text(told, name, share, ranges.get(name), scale))
                for name, share in shares.items()
            ]
            + [_column_title(f"share · value{f', {scale.unit}' if scale.unit else ''}")],
            bargap=0.35,
            margin={"l": 70, "r": 24, "t": 40, "b": 48},
        ),
        notes=[],
        caption=told.caption(_orders(told), drawn=True),
    )


def _orders(told: Told) -> str:
    """Over how many orders of deciding worst, mean and best are taken."""
    count = ((told.given.get("baselines") or {}).get("sequential_mean") or {}).get("orders")
    over = f"worst, mean and best over all {count:,} orders" if count else "worst, mean and best over orders"
    return f"{over}, and over the starts tried layer by layer"


def _whiskers(rows: Iterable[tuple[str, float, float]]) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[str] = []
    for name, low, high in rows:
        x += [100.0 * low, 100.0 * high, None]
        y += [label(name)] * 3
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "5th to 95th percentile over the inputs' draws",
        "x": x,
        "y": y,
        "line": {"color": INK, "width": 1.6},
        "marker": {"symbol": "line-ns", "size": 9, "line": {"width": 1.6, "color": INK}},
        "hovertemplate": "%{y}: %{x:.3g}%<extra>interval</extra>",
    }


def _diamonds(rows: Sequence[tuple[str, float]], precision: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"with weights of {label(precision)}",
        "x": [100.0 * share for _, share in rows],
        "y": [label(name) for name, _ in rows],
        "marker": {"symbol": "diamond", "size": 10, "color": "#ffffff", "line": {"width": 2, "color": INK}},
        "hovertemplate": "%{y}, at the reference's precision: %{x:.3g}%<extra></extra>",
    }


def _way_text(told: Told, name: str, share: float, ends: Mapping[str, float] | None, scale: Scale) -> str:
    text = f"<b>{share_text(share)}</b>"
    if ends:
        text += f" ({range_text(ends['low'], ends['high'])})"
    return f"{text} · {scale.number(value_of(told, name))}"


def _column_title(text: str) -> dict[str, Any]:
    """Words above the column at the right edge."""
    return heading(text, 1.0, 1.0) | {"xanchor": "right", "font": {"size": 12, "color": REFERENCE_COLOR}}


def _ways_finding(told: Told, shares: Mapping[str, float]) -> str:
    text = f"Joint is better by {share_text(shares[REFERENCE])} than {told.reference}"
    against = {words: shares[name] for name, words in AGAINST.items() if name in shares}
    if worse := [f"{share_text(share)} than {words}" for words, share in against.items() if share >= NOTHING]:
        text += f", by {listed(worse)}"
    if level := [words for words, share in against.items() if share < NOTHING]:
        text += f"; no better than {listed(level)}"
    return f"{text}."


def matrix_picture(told: Told) -> Captioned | None:
    """What each pair of layers brings together beyond what the two bring apart."""
    pairs: Mapping[str, float] = told.given.get("interactions") or {}
    order = list(told.given.get("shapley") or told.given.get("alone") or ())
    if not pairs or not order:
        return None
    values = {frozenset(pair.split("+")): float(value) for pair, value in pairs.items()}
    cells = [[values.get(frozenset((a, b))) if a != b else None for b in order] for a in order]
    scale, titles = told.scale, [title_of(layer) for layer in order]
    most = max((abs(value) for value in values.values()), default=0.0) or 1.0
    alone = told.given.get("alone") or {}
    return Captioned(
        id="matrix",
        title="Which layers have to be decided together",
        finding=_matrix_finding(values, scale),
        reading="How to read: a cell is what two layers bring when both are free beyond what each brings by itself, as "
        "the mean over all that the other layers may do. Blue (+): they need each other; who decides one without the "
        "other leaves this behind. Brown (−): they can stand in for each other, so their gains do not add up. Pale: "
        "they can be decided apart. On the diagonal, slanted, what a layer brings alone, all others at the reference.",
        data=[
            {
                "type": "heatmap",
                "x": titles,
                "y": titles,
                "z": [[None if cell is None else cell / scale.factor for cell in row] for row in cells],
                "text": [["" if cell is None else _cell(cell, scale, most) for cell in row] for row in cells],
                "texttemplate": "%{text}",
                "xgap": 2,
                "ygap": 2,
                "zmin": -most / scale.factor,
                "zmax": most / scale.factor,
                "colorscale": [[0.0, APART], [0.5, "#f6f7f8"], [1.0, TOGETHER]],
                "showscale": any(values.values()),
                "colorbar": {"title": {"text": scale.unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
                "hovertemplate": f"%{{y}} with %{{x}}: %{{z:+.3g}} {scale.unit}<extra></extra>",
            }
        ],
        layout=layout(
            90 + 40 * len(order),
            xaxis=axis("", side="top", showgrid=False),
            yaxis=axis("", autorange="reversed", showgrid=False),
            annotations=[
                _in_cell(title_of(layer), f"<i>{scale.number(abs(float(alone[layer])))}</i>")
                for layer in order
                if layer in alone
            ],
            margin={"l": 70, "r": 24, "t": 40, "b": 16},
        ),
        notes=[],
        caption=told.caption(
            "mean of the interaction over all sets of the other layers that are free (Shapley interaction index)"
        ),
    )


def _cell(value: float, scale: Scale, most: float) -> str:
    """A cell's number; what is less than a thousandth of the largest reads as none."""
    return "·" if abs(value) < 1e-3 * most else signed(scale.number(value), value)


def _in_cell(place: str, text: str) -> dict[str, Any]:
    return {"x": place, "y": place, "text": text, "showarrow": False, "font": {"size": 11, "color": REFERENCE_COLOR}}


def _matrix_finding(values: Mapping[frozenset[str], float], scale: Scale) -> str:
    def told(pair: frozenset[str]) -> str:
        first, second = sorted(pair, key=list(BY_KEY).index) if pair <= set(BY_KEY) else sorted(pair)
        number = signed(scale.number(values[pair]), values[pair])
        return f"{title_of(first).lower()} and {title_of(second).lower()} ({number})"

    ranked = sorted(values, key=lambda pair: (-values[pair], sorted(pair)))
    most = max(abs(value) for value in values.values())
    needed = [pair for pair in ranked if values[pair] > 0.1 * most][:3]
    instead = [pair for pair in reversed(ranked) if values[pair] < -0.05 * most][:2]
    parts = []
    if needed:
        parts.append(f"need each other: {listed([told(pair) for pair in needed])}")
    if instead:
        parts.append(f"stand in for each other: {listed([told(pair) for pair in instead])}")
    if not parts:
        return "No pair of layers brings more together than apart: each can be decided alone."
    text = "; ".join(parts)
    return f"Layers that {text}{f', {scale.unit}' if scale.unit else ''}."
