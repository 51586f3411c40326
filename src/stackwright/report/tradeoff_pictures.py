"""Figures of what is traded at the meter: cost for clean energy, its limit for chips, warmth for leakage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from stackwright.core.units import ZERO_CELSIUS
from stackwright.report.drawing import OTHERS, Picture, axis, columns, heading, label, layout, on, panel, series_of
from stackwright.report.formats import difference, percent, quantity, scale_of, sentence_case, significant
from stackwright.report.layers import BY_KEY, CHOSEN, INK
from stackwright.report.notes import ENERGY_PRICE, Note, beside_metric
from stackwright.report.source_kinds import colors_of_sources, rank_of_source

MEGAWATT = 1e6
COUNTINGS = {
    "annual": ("counted by the year", "#0072b2", "dot"),
    "grid": ("by the hour, the grid's clean part counts", "#009e73", "dash"),
    "hourly": ("by the hour", "#7d1f4f", "solid"),
}
"""Ways to count a clean share: words, color and line."""
REDUNDANCIES = {"n": "N", "n-plus-1": "N+1", "2n": "2N"}
COLOR_OF_CHANGE = {
    "supply_temperature": BY_KEY["cooling"].color,
    "redundancy": BY_KEY["datacenter"].color,
    "flexibility": BY_KEY["workload"].color,
    "own plants": BY_KEY["power"].color,
}
NOT_A_LINE = ("chosen", "chips", "limit", "tokens_per_second")
"""Keys of a point that do not tell lines apart."""


def clean_share_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """Cost of energy against its clean share, and what has to be built for it."""
    given = series_of(plan, "clean_share")
    if not given or not given["points"]:
        return None
    points = sorted(given["points"], key=lambda point: point["clean_share"])
    countings = [name for name in COUNTINGS if any(point["counting"] == name for point in points)]
    data = [_share_line([p for p in points if p["counting"] == name], *COUNTINGS[name]) for name in countings]
    shown = "hourly" if "hourly" in countings else countings[-1]
    bars, scale = _capacity_bars([point for point in points if point["counting"] == shown])
    left, right = columns(2, 0.1) if bars else ((0.0, 1.0), (0.0, 0.0))
    marks = list(range(0, 101, 20))
    ticks = {"tickvals": marks, "ticktext": [f"{mark}%" for mark in marks], "range": [-5, 105]}
    made = panel(1, across=left, up=(0.0, 0.9), x=axis("clean share", **ticks), y=axis("USD/MWh", rangemode="tozero"))
    words = [heading("<b>Cost of energy</b>", left[0], 0.92)]
    if bars:
        made |= panel(2, across=right, up=(0.0, 0.9), x=axis("clean share", **ticks), y=axis(scale))
        words.append(heading(f"<b>Own plants</b>, {COUNTINGS[shown][0]}", right[0], 0.92))
    if chosen := given.get("chosen"):
        data.append(_mark(100 * chosen["clean_share"], chosen["cost"], 1, "%{x:.0f}%: %{y:.4g} USD/MWh"))
    return Picture(
        id="clean",
        title="Cost against clean share",
        finding=_share_finding(points, shown),
        reading="How to read: each point is the cheapest way to reach the share with the plan's own kinds of plants, "
        "of any size, dispatched over typical days with perfect foresight; on the right is what it builds.",
        data=data + bars,
        layout=layout(
            440,
            annotations=words,
            barmode="stack",
            bargap=0.25,
            margin={"l": 70, "r": 24, "t": 20, "b": 110},
            legend={"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top", "xanchor": "left", "traceorder": "normal"},
            **made,
        ),
        notes=beside_metric(notes, ENERGY_PRICE),
    )


def _share_line(points: Sequence[Mapping[str, Any]], words: str, color: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": words,
        "x": [100 * point["clean_share"] for point in points],
        "y": [point["cost"] for point in points],
        "line": {"color": color, "width": 2.5, "dash": dash},
        "marker": {"size": 7, "color": color},
        "hovertemplate": f"%{{x:.0f}}% {words}: %{{y:.4g}} USD/MWh<extra></extra>",
    } | on(1)


def _capacity_bars(points: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Capacities of own plants by clean share, stacked."""
    rows = {row["name"]: row["kind"] for point in points for row in point.get("capacities") or ()}
    ordered = sorted(rows, key=lambda name: rank_of_source(rows[name]))
    most = max((sum(row["capacity"] for row in point.get("capacities") or ()) for point in points), default=0.0)
    if not ordered or most <= 0:
        return [], ""
    scale = scale_of(most, "W")

    def built(point: Mapping[str, Any], name: str) -> float:
        return sum(row["capacity"] for row in point.get("capacities") or () if row["name"] == name) / scale.factor

    width = 0.7 * min((100 * (b["clean_share"] - a["clean_share"]) for a, b in pairwise(points)), default=10.0)
    return [
        {
            "type": "bar",
            "name": label(sentence_case(name)),
            "x": [100 * point["clean_share"] for point in points],
            "y": [built(point, name) for point in points],
            "width": max(width, 1.0),
            "marker": {"color": color},
            "hovertemplate": f"{label(name)} at %{{x:.0f}}%: %{{y:.3g}} {scale.unit}<extra></extra>",
        }
        | on(2)
        for name, color in zip(ordered, colors_of_sources(rows[name] for name in ordered), strict=True)
    ], scale.unit


def _share_finding(points: Sequence[Mapping[str, Any]], shown: str) -> str:
    own = [point for point in points if point["counting"] == shown]
    low, high = own[0], own[-1]
    text = (
        f"{percent(high['clean_share'])} clean {COUNTINGS[shown][0]} costs {significant(high['cost'])} USD/MWh, "
        f"{percent(low['clean_share'])} {significant(low['cost'])}"
    )
    if len(own) > 2:
        last = own[-2]
        step = (high["cost"] - last["cost"]) / (100 * (high["clean_share"] - last["clean_share"]))
        text += f"; each of the last points costs {significant(step)} USD/MWh"
    if high["clean_share"] < 1.0:
        text += "; a larger share is out of reach"
    return f"{text}."


def same_meter_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """By how much the tokens of one meter change with each option of the plant, as bars from zero."""
    given = plan.get("same_meter")
    rows = [row for row in (given or {}).get("changes") or () if row["difference"] is not None]
    if not given or not rows:
        return None
    names = plan.get("names") or {}
    shown = [(_change(row, names), 100 * row["difference"]) for row in rows]
    reach = max(abs(change) for _, change in shown) or 1.0
    ends = [-1.25 * reach * any(c < 0 for _, c in shown), 1.25 * reach * any(c > 0 for _, c in shown)]
    strongest = max(rows, key=lambda row: abs(row["difference"]))
    return Picture(
        id="same_meter",
        title="Tokens from the same meter",
        finding=f"{quantity(given['limit']['value'], 'W')} carry "
        f"{quantity(given['tokens_per_second'], 'token/s')} as planned. What matters most is "
        f"“{_change(strongest, names)}”: {difference(strongest['difference'])}.",
        reading="How to read: each bar changes one thing of the chosen design, tunes serving anew and fills the same "
        "meter again; bars to the left are tokens that the plan's own choice gains.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name, _ in shown],
                "x": [change for _, change in shown],
                "marker": {"color": [COLOR_OF_CHANGE.get(row["what"], BY_KEY["power"].color) for row in rows]},
                "text": [difference(row["difference"]) for row in rows],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        layout=layout(
            70 + 30 * len(rows),
            xaxis=axis("change of tokens per second", ticksuffix="%", range=ends),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            showlegend=False,
        ),
        notes=beside_metric(notes, "peak_pue"),
    )


def _change(row: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    """What is changed, and to what: coolant at 35 °C, flexible load: none."""
    what, text = str(row["what"]), str(row["option"])
    if what == "supply_temperature":
        return f"coolant at {text.replace(' degC', ' °C')}"
    if what == "redundancy":
        return f"redundancy {names.get(text, REDUNDANCIES.get(text, text))}"
    record = text.removeprefix("without ")
    if record in names:
        text = f"without {names[record]}"
    return f"{'flexible load' if what == 'flexibility' else what}: {text}"


def meter_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """Chips and tokens that a meter carries, a line for each way to cool and supply them."""
    given = series_of(plan, "meter_limit")
    if not given or not given["points"]:
        return None
    lines = _lines_of(given["points"], plan)
    scale = scale_of(max(point["limit"] for point in given["points"]), "W")
    most = scale_of(max(point["chips"] for point in given["points"]), "chip")
    left, right = columns(2, 0.1)
    data: list[dict[str, Any]] = []
    for (name, points), color in zip(lines.items(), OTHERS * len(lines), strict=False):
        chosen = any(point.get("chosen") for point in points)
        style = {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label(name),
            "legendgroup": name,
            "x": [point["limit"] / scale.factor for point in points],
            "line": {"color": CHOSEN if chosen else color, "width": 3.5 if chosen else 1.8},
            "marker": {"size": 6},
        }
        carried = [point["chips"] / most.factor for point in points]
        served = [point["tokens_per_second"] / (point["limit"] / MEGAWATT) for point in points]
        data.append(
            style
            | {"y": carried, "hovertemplate": f"%{{x:.4g}} {scale.unit}: %{{y:.4g}} {most.unit}<extra></extra>"}
            | on(1)
        )
        data.append(
            style
            | {"y": served, "showlegend": False, "hovertemplate": "%{y:.5g} tokens/s per MW<extra></extra>"}
            | on(2)
        )
    under = f"limit of the meter, {scale.unit}"
    made = panel(
        1, across=left, up=(0.0, 0.9), x=axis(under, rangemode="tozero"), y=axis(most.unit, rangemode="tozero")
    )
    made |= panel(2, across=right, up=(0.0, 0.9), x=axis(under, rangemode="tozero"), y=axis("tokens/s per MW"))
    return Picture(
        id="meter",
        title="What a meter carries",
        finding=_meter_finding(lines),
        reading="How to read: each line is one way to cool and supply the same racks; the peak of the worst hour has "
        "to stay within the limit. On the right the same for each megawatt; that axis does not start at zero.",
        data=data,
        layout=layout(
            430,
            annotations=[
                heading("<b>Chips carried</b>", left[0], 0.92),
                heading("<b>Output for each megawatt</b>", right[0], 0.92),
            ],
            margin={"l": 70, "r": 24, "t": 20, "b": 120},
            legend={"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top", "xanchor": "left"},
            **made,
        ),
        notes=beside_metric(notes, "peak_pue"),
    )


def _lines_of(points: Sequence[Mapping[str, Any]], plan: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Points by what they have in common, named by what tells them apart."""
    names = plan.get("names") or {}
    keys = [key for key in points[0] if key not in NOT_A_LINE]
    apart = [key for key in keys if len({str(point.get(key)) for point in points}) > 1] or keys
    made: dict[str, list[Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda point: point["limit"]):
        made.setdefault(
            ", ".join(_choice(key, point[key], names) for key in apart if point.get(key) is not None), []
        ).append(point)
    return made


def _choice(key: str, value: Any, names: Mapping[str, Any]) -> str:
    if key == "supply_temperature":
        return f"coolant at {quantity(value, 'K')}"
    if key == "redundancy":
        return f"redundancy {names.get(value, REDUNDANCIES.get(value, value))}"
    return str(names.get(str(value), value))


def _meter_finding(lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    ends = {name: points[-1]["tokens_per_second"] / points[-1]["limit"] for name, points in lines.items()}
    best, worst = max(ends, key=lambda name: ends[name]), min(ends, key=lambda name: ends[name])
    top = max(points[-1]["limit"] for points in lines.values())
    if best == worst:
        chips = lines[best][-1]["chips"]
        return f"{quantity(top, 'W')} carry {quantity(chips, 'chip')}."
    gain = ends[best] / ends[worst] - 1.0
    return f"Behind the same {quantity(top, 'W')}, {best} yields {percent(gain)} more tokens than {worst}."


def temperature_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """What moves with the temperature of the coolant: the objective, chips, cooling, and the meter."""
    given = series_of(plan, "supply_temperature")
    if not given or len(given["points"]) < 2:
        return None
    points = sorted(given["points"], key=lambda point: point["supply_temperature"])
    objective = plan.get("objective") or {}
    unit = scale_of(points[0]["objective"], str(objective.get("unit") or ""))
    panels: list[tuple[str, str, list[tuple[str, list[float | None], str]]]] = [
        ("The objective", unit.unit, [("objective", [_over(p.get("objective"), unit.factor) for p in points], CHOSEN)]),
        (
            f"PUE</b>, {_tinted('mean', BY_KEY['cooling'].color)} and "
            f"{_tinted('in the worst hour', BY_KEY['datacenter'].color)}<b>",
            "",
            [
                ("PUE, mean", [p.get("pue") for p in points], BY_KEY["cooling"].color),
                ("PUE, worst hour", [p.get("peak_pue") for p in points], BY_KEY["datacenter"].color),
            ],
        ),
        ("A chip's power", "W", [("chip", [p.get("chip_power") for p in points], BY_KEY["chip"].color)]),
        (
            "The meter's peak for each chip",
            "W",
            [("meter", [p.get("meter_per_chip") for p in points], BY_KEY["power"].color)],
        ),
    ]
    panels = [row for row in panels if any(value is not None for _, values, _ in row[2] for value in values)]
    celsius = [point["supply_temperature"] - ZERO_CELSIUS for point in points]
    data: list[dict[str, Any]] = []
    made: dict[str, Any] = {}
    words, shapes = [], []
    chosen = next((point for point in points if point.get("chosen")), None)
    for index, ((title, y, curves), (across, up)) in enumerate(zip(panels, _tiles(len(panels)), strict=True)):
        for name, values, color in curves:
            data.append(_along(name, celsius, values, color) | on(index + 1))
        made |= panel(index + 1, across=across, up=up, x=axis("coolant, °C"), y=axis(y))
        words.append(heading(f"<b>{title}</b>", across[0], up[1] + 0.01))
        if chosen is not None:
            shapes.append(_upright(chosen["supply_temperature"] - ZERO_CELSIUS, index + 1))
    return Picture(
        id="temperature",
        title="The best temperature of the coolant",
        finding=_temperature_finding(points, chosen, objective),
        reading="How to read: warmer coolant spares compressors and water but makes chips leak more; the dashed line "
        "is what was chosen, for chips, plant and meter together. Axes do not start at zero.",
        data=data,
        layout=layout(
            250 * (1 + (len(panels) > 2)) + 60,
            annotations=words,
            shapes=shapes,
            showlegend=False,
            margin={"l": 70, "r": 24, "t": 20, "b": 50},
            **made,
        ),
        notes=beside_metric(notes, "pue"),
    )


def _tinted(text: str, color: str) -> str:
    return f"<span style='color:{color}'>{text}</span>"


def _tiles(count: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Places of so many panels, two in a row."""
    if count <= 2:
        return [(across, (0.0, 0.9)) for across in columns(count, 0.12)]
    left, right = columns(2, 0.12)
    return [(left, (0.6, 0.95)), (right, (0.6, 0.95)), (left, (0.0, 0.38)), (right, (0.0, 0.38))][:count]


def _over(value: float | None, factor: float) -> float | None:
    return None if value is None else value / factor


def _along(name: str, x: Sequence[float], y: Sequence[float | None], color: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": color, "width": 2.5},
        "marker": {"size": 7},
        "hovertemplate": f"{name}: %{{y:.5g}}<extra></extra>",
    }


def _upright(x: float, number: int) -> dict[str, Any]:
    names = on(number)
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "xref": names["xaxis"],
        "y0": 0,
        "y1": 1,
        "yref": f"{names['yaxis']} domain",
        "line": {"color": INK, "width": 1.5, "dash": "dash"},
    }


def _mark(x: float, y: float, number: int, hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "chosen",
        "x": [x],
        "y": [y],
        "marker": {"size": 14, "color": "#ffffff", "line": {"width": 4, "color": CHOSEN}},
        "hovertemplate": f"chosen, {hover}<extra></extra>",
    } | on(number)


def _temperature_finding(
    points: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any] | None, objective: Mapping[str, Any]
) -> str:
    if chosen is None:
        return f"{len(points)} temperatures were compared."
    sense = 1.0 if objective.get("sense") == "min" else -1.0
    best, worst = (pick(points, key=lambda point: sense * point["objective"]) for pick in (min, max))

    def away(point: Mapping[str, Any]) -> str:
        share = percent(abs(point["objective"] / chosen["objective"] - 1.0))
        return f"at {quantity(point['supply_temperature'], 'K')} the objective would be {share}"

    here = quantity(chosen["supply_temperature"], "K")
    if best["objective"] == chosen["objective"]:
        return f"Coolant at {here} is best; {away(worst)} worse."
    return f"Coolant at {here} was chosen; {away(best)} better, {away(worst)} worse."
