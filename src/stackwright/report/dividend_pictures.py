"""Figures of what deciding together is worth: by layer, by way of deciding, by pair, under other inputs, on a front."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from stackwright.core.units import ZERO_CELSIUS
from stackwright.report.drawing import Picture, at_the_right, axis, columns, heading, label, layout, on, panel
from stackwright.report.formats import Scale, scale_of, sentence_case, significant, words
from stackwright.report.layers import BY_KEY, CHOSEN, INK, NEUTRAL, color_of, title_of

WAYS = {
    "separate": ("Each team by its own measure", "#c8505f"),
    "sequential_worst": ("One after another, worst order", "#0072b2"),
    "sequential_mean": ("One after another, mean over orders", "#0072b2"),
    "sequential_best": ("One after another, best order", "#0072b2"),
    "product_worst": ("Model, chip and rack as one, worst order", "#56b4e9"),
    "product_mean": ("Model, chip and rack as one, mean over orders", "#56b4e9"),
    "it_first": ("Computers first, then the plant", "#009e73"),
    "plant_first": ("The plant first, then computers", "#009e73"),
    "coordinate_worst": ("Layer by layer until none improves, worst start", "#e69f00"),
    "coordinate_best": ("Layer by layer until none improves, best start", "#e69f00"),
}
"""Ways of deciding: words and color."""
REFERENCE = "reference"
REFERENCE_COLOR = "#5c6773"
TOGETHER, APART = "#2166ac", "#b35806"
"""Pairs that bring more together, and pairs that bring less."""
NEGLIGIBLE = 5e-5
"""Shares below this show as less than 0.01%."""
SMALL_GAIN = 0.15
"""A gain below this share of the larger value would not be seen beside bars from zero."""
NUMBERS_OF_OPTION: dict[str, Callable[[float], str]] = {
    "power_cap": lambda cap: f" at {cap:.0%}",
    "oversubscription": lambda ratio: f" {ratio:g}:1",
    "supply_temperature": lambda kelvin: f" at {kelvin - ZERO_CELSIUS:.0f} degC",
}
"""Numbers of an option that is given by its parts, and how they are said."""
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")


@dataclass(frozen=True)
class Captioned(Picture):
    """A figure with the line that says what its numbers rest on."""

    caption: str


@dataclass(frozen=True)
class Told:
    """A dividend with how its numbers are said: `basis` is objective, limits, menu and reference in a sentence each."""

    given: Mapping[str, Any]
    names: Mapping[str, Any]
    basis: str

    @property
    def less_is_better(self) -> bool:
        """Whether the objective is minimized."""
        return self.given["objective"].get("sense") == "min"

    @property
    def scale(self) -> Scale:
        """How values of the objective are shown."""
        return scale_of(float(self.given["reference"]["value"]), str(self.given["objective"].get("unit") or ""))

    @property
    def robustness(self) -> Mapping[str, Any]:
        """What draws of the inputs say; empty where none were made."""
        return self.given.get("robustness") or {}

    @property
    def reference(self) -> str:
        """The reference's name."""
        given = self.given["reference"]
        return str(given.get("name") or self.names.get(given.get("system"), given.get("system") or REFERENCE))

    @property
    def share_of_reference(self) -> float:
        """By which share joint is better than the reference."""
        known = self.given.get("dividend_of_reference")
        start, end = float(self.given["reference"]["value"]), float(self.given["joint"]["value"])
        return float(known) if known is not None else abs(start - end) / abs(start) if start else 0.0

    def way(self, name: str) -> str:
        """A way of deciding in words."""
        if name == REFERENCE:
            return f"Reference: {self.reference}"
        if name in WAYS:
            return WAYS[name][0]
        system = name.removeprefix(f"{REFERENCE}_")
        return sentence_case(words(name)) if system == name else f"Reference: {self.names.get(system, system)}"

    def caption(self, statistic: str, *, drawn: bool = False) -> str:
        """What a figure's numbers rest on; `drawn` where it shows intervals over the inputs' draws."""
        draws = self.robustness.get("draws")
        interval = f"5th to 95th percentile of {draws:,} draws of the inputs" if drawn and draws else "none"
        return f"{self.basis} Statistic: {statistic}. Interval: {interval}."


def share_text(share: float) -> str:
    """A share with three significant digits: 30.5%."""
    return f"{significant(100.0 * share)}%" if abs(share) >= NEGLIGIBLE else "< 0.01%" if share else "0%"


def signed(text: str, value: float) -> str:
    """A number's text with its sign shown."""
    return f"+{text}" if value > 0 else text


def better(share: float, *, less_is_better: bool) -> str:
    """In words by how much joint is better: saves 30.5%."""
    return f"saves {share_text(share)}" if less_is_better else f"brings {share_text(share)} more"


def pictures_of_dividend(told: Told) -> list[Captioned]:
    """Every figure that a dividend has data for."""
    made = [waterfall_picture(told), ways_picture(told), matrix_picture(told), robustness_picture(told)]
    return [picture for picture in made if picture is not None] + front_pictures(told)


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
    whole = sum(abs(step) for step in steps)
    alone = told.given.get("alone") or {}
    texts = [scale.text(start) + _between(told, scale, REFERENCE)]
    texts += [_step_text(scale, step, whole, alone.get(layer)) for layer, step in zip(order, steps, strict=True)]
    texts.append(scale.text(end) + _between(told, scale, "joint"))
    names = [f"Reference: {told.reference}", *(title_of(layer) for layer in order), "Decided together"]
    ends, cut = _ends_of([start, end, *before])
    return Captioned(
        id="waterfall",
        title="From the reference to the joint optimum, by layer",
        finding=_waterfall_finding(told, order, whole),
        reading="How to read: each bar is what freeing that layer brings, as the mean over all orders of freeing "
        "layers (Shapley), so that bars add up to the whole; in brackets, what it brings when it alone is free. Rack "
        "is the form in which a chip is sold: air or liquid, node or rack scale. The engine counts with serving."
        + (" The axis does not start at zero." if cut else ""),
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


def _step_text(scale: Scale, step: float, whole: float, alone: float | None) -> str:
    text = signed(scale.number(step), step)
    if step:
        text += f" · {share_text(abs(step) / whole)}"
    return text if alone is None else f"{text} (alone {scale.number(abs(float(alone)))})"


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
    text = f"Of the {told.scale.text(whole)} between them, {listed(parts)}"
    return f"{text}; less than 1% from {listed(least)}." if least else f"{text}."


def listed(parts: Sequence[str]) -> str:
    """Parts as a sentence lists them: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


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
            "marker": {"color": [_color_of_way(name) for name in shares]},
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
                domain=[0.0, 0.74],
            ),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            annotations=[
                at_the_right(told.way(name), _way_text(told, name, share, ranges.get(name), scale))
                for name, share in shares.items()
            ],
            bargap=0.35,
            margin={"l": 70, "r": 24, "t": 40, "b": 48},
        ),
        notes=[],
        caption=told.caption(_orders(told), drawn=True),
    )


def _orders(told: Told) -> str:
    """Over how many orders of deciding worst, mean and best are taken."""
    count = (told.given["baselines"].get("sequential_mean") or {}).get("orders")
    over = f"worst, mean and best over all {count:,} orders" if count else "worst, mean and best over orders"
    return f"{over}, and over the starts tried layer by layer"


def _color_of_way(name: str) -> str:
    return WAYS[name][1] if name in WAYS else REFERENCE_COLOR


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
        text += f" ({significant(100.0 * ends['low'])} to {significant(100.0 * ends['high'])})"
    return f"{text} · {scale.text(value_of(told, name))}"


def _ways_finding(told: Told, shares: Mapping[str, float]) -> str:
    parts = []
    for name, against in (
        ("separate", "teams that each go by their own measure"),
        ("sequential_worst", "the worst order of deciding one after another"),
        ("sequential_mean", "the mean order"),
        ("sequential_best", "the best order"),
    ):
        if name in shares:
            parts.append(f"{share_text(shares[name])} against {against}")
    start = f"Joint is better by {share_text(shares[REFERENCE])} than {told.reference}"
    return f"{start}; by {', '.join(parts)}." if parts else f"{start}."


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
        "they can be decided apart. On the diagonal, what a layer brings alone, all others at the reference.",
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
                "colorbar": {"title": {"text": scale.unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
                "hovertemplate": f"%{{y}} with %{{x}}: %{{z:+.3g}} {scale.unit}<extra></extra>",
            }
        ],
        layout=layout(
            90 + 40 * len(order),
            xaxis=axis("", side="top", showgrid=False),
            yaxis=axis("", autorange="reversed", showgrid=False),
            annotations=[
                _in_cell(title_of(layer), f"alone {scale.number(abs(float(alone[layer])))}")
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
    return {"x": place, "y": place, "text": text, "showarrow": False, "font": {"size": 11, "color": NEUTRAL}}


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
        parts.append(f"in {missed:,} draws nothing serves, and they are left out")
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
            "color": CHOSEN if joint else _color_of_way(name),
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


def option_text(option: object, names: Mapping[str, Any]) -> str:
    """A layer's option with its records' names: nvidia-gb200 at 100% is NVIDIA GB200 at 100%."""
    pieces = [piece.split(" ") for piece in _plain(option).replace("degC", "°C").split(", ")]
    return ", ".join(" ".join(str(names.get(word, word)) for word in piece) for piece in pieces)


def _plain(option: object) -> str:
    """An option in one line; one that is given by its parts has numbers after the records."""
    if not isinstance(option, Mapping):
        return str(option)
    numbers = "".join(text(option[name]) for name, text in NUMBERS_OF_OPTION.items() if name in option)
    return ", ".join(str(part) for name, part in option.items() if name not in NUMBERS_OF_OPTION) + numbers
