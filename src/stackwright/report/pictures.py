"""The report's figures as Plotly takes them: plain data and layout, one function a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stackwright.core.units import ZERO_CELSIUS
from stackwright.report.dates import dates_picture
from stackwright.report.deals import deals_picture
from stackwright.report.drawing import Picture, axis, label, layout, series_of
from stackwright.report.formats import percent, quantity, scale_of, significant
from stackwright.report.layers import BY_KEY, INK, LAYERS, NEUTRAL
from stackwright.report.marginal import price_picture
from stackwright.report.notes import ENERGY_PRICE, Note, beside_metric
from stackwright.report.plant_pictures import cooling_picture, dispatch_picture
from stackwright.report.tradeoff_pictures import (
    clean_share_picture,
    meter_picture,
    same_meter_picture,
    temperature_picture,
)

TICKS = [value * ten for ten in (0.1, 1, 10, 100, 1000, 10000) for value in (1, 2, 3, 5, 7)]
"""Marks of a logarithmic axis."""
CURVE_STYLES = (
    ("#0072b2", "solid"),
    ("#e69f00", "solid"),
    ("#009e73", "solid"),
    ("#56b4e9", "dash"),
    ("#d55e00", "dash"),
    ("#5c6773", "dash"),
    ("#b59a00", "dot"),
)
CASH_COLORS = {
    "capex": BY_KEY["rack"].color,
    "energy": BY_KEY["power"].color,
    "capacity": "#8a6d1a",
    "water": BY_KEY["cooling"].color,
    "lease": BY_KEY["network"].color,
    "staff": BY_KEY["finance"].color,
    "residual": BY_KEY["serving"].color,
}
CASH_NAMES = {"staff": "staff, repair and support", "residual": "residual value", "capacity": "capacity charge"}


def pictures_of(plan: Mapping[str, Any], notes: list[Note]) -> list[Picture]:
    """Every picture that the plan has data for, by the report's order."""
    made = (
        cost_picture(plan, notes),
        latency_picture(plan, notes),
        step_picture(plan),
        week_picture(plan, notes),
        dispatch_picture(plan, notes),
        cooling_picture(plan, notes),
        temperature_picture(plan, notes),
        same_meter_picture(plan, notes),
        meter_picture(plan, notes),
        clean_share_picture(plan, notes),
        dates_picture(plan),
        deals_picture(plan),
        price_picture(plan, notes),
        cash_picture(plan, notes),
    )
    return [picture for picture in made if picture is not None]


def cost_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """Cost by layer as a horizontal waterfall from chip to the whole."""
    costs = plan.get("cost_by_layer")
    if not costs:
        return None
    order = [layer.key for layer in LAYERS if layer.key in costs] + [key for key in costs if key not in BY_KEY]
    unit = str(costs[order[0]]["unit"])
    values = [float(costs[key]["value"]) for key in order]
    total = sum(values)
    starts = [sum(values[:index]) for index in range(len(values))]
    scale = scale_of(total, unit)
    names = [_title(key) for key in order]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [*names, "Whole stack"],
            "x": [value / scale.factor for value in (*values, total)],
            "base": [start / scale.factor for start in (*starts, 0.0)],
            "marker": {"color": [*(_color(key) for key in order), INK]},
            "text": [f"{scale.number(value)} · {percent(value / total)}" for value in values] + [scale.text(total)],
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{y}: %{text}<extra></extra>",
        }
    ]
    top = sorted(range(len(order)), key=lambda index: -values[index])[:2]
    finding = " and ".join(f"{names[index].lower()} {percent(values[index] / total)}" for index in top)
    return Picture(
        id="cost",
        title="Where the money goes",
        finding=f"The largest parts of the cost: {finding}.",
        reading="How to read: each bar starts where the one above it ends; the last bar is the whole. "
        "A system's price is split into its chips and the rest of the rack.",
        data=data,
        layout=layout(
            56 + 44 * (len(order) + 1),
            xaxis=axis(scale.unit, range=[0, 1.18 * total / scale.factor]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            showlegend=False,
            bargap=0.32,
        ),
        notes=beside_metric(notes, str((plan.get("objective") or {}).get("name"))),
    )


def latency_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """Throughput per chip against time per token, a curve for each system."""
    curves = series_of(plan, "latency_curves")
    if not curves:
        return None
    names = plan.get("names") or {}
    styles = iter(CURVE_STYLES * len(curves))
    data = [
        _curve(curve, names, (BY_KEY["rack"].color, "solid") if curve.get("chosen") else next(styles))
        for curve in curves
    ]
    shapes, annotations = _slo(plan)
    chosen = next((curve for curve in curves if curve.get("chosen") and curve["tpot"]), None)
    finding = "Faster answers cost throughput: every chip yields fewer tokens when each must come sooner."
    if chosen is not None and (point := _chosen_point(plan, chosen)) is not None:
        data.append(_marked(point))
        annotations.append(_pointed(point))
        finding = f"The chosen stack yields {significant(point[1])} tokens per second and chip"
        finding += f" at {significant(point[0])} ms a token."
    fastest = max((y for curve in curves for y in curve["tokens_per_second_per_chip"]), default=1.0)
    return Picture(
        id="latency",
        title="Throughput against latency",
        finding=finding,
        reading="How to read: up is cheaper, left is faster; right of the dashed line the SLO is missed. Each curve is "
        "the best that a system does over layouts and batches, chips that read prompts included.",
        data=data,
        layout=layout(
            460,
            xaxis=axis(
                "TPOT, ms per output token (log scale)", type="log", tickvals=TICKS, ticktext=[f"{t:g}" for t in TICKS]
            ),
            yaxis=axis("output tokens per second and chip", range=[0, 1.1 * fastest]),
            shapes=shapes,
            annotations=annotations,
            margin={"l": 70, "r": 24, "t": 60, "b": 48},
        ),
        notes=beside_metric(notes, "tpot"),
    )


def _curve(curve: Mapping[str, Any], names: Mapping[str, Any], style: tuple[str, str]) -> dict[str, Any]:
    name = label(names.get(curve["system"], curve["system"]))
    color, dash = style
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{name}, {curve['mode']}" if curve.get("mode") else name,
        "x": [1e3 * value for value in curve["tpot"]],
        "y": curve["tokens_per_second_per_chip"],
        "line": {"color": color, "width": 4 if curve.get("chosen") else 2, "dash": dash},
        "marker": {"color": color, "size": 5},
        "hovertemplate": "%{x:.3g} ms, %{y:.3g} tokens/s per chip<extra>" + name + "</extra>",
    }


def _chosen_point(plan: Mapping[str, Any], curve: Mapping[str, Any]) -> tuple[float, float] | None:
    """The point of the chosen system's curve that is nearest to the plan's TPOT, in ms."""
    tpot = ((plan.get("metrics") or {}).get("tpot") or {}).get("value")
    if tpot is None:
        return None
    index = min(range(len(curve["tpot"])), key=lambda at: abs(curve["tpot"][at] - tpot))
    return 1e3 * curve["tpot"][index], curve["tokens_per_second_per_chip"][index]


def _marked(point: tuple[float, float]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "chosen",
        "showlegend": False,
        "x": [point[0]],
        "y": [point[1]],
        "marker": {"size": 16, "color": "#ffffff", "line": {"width": 4, "color": BY_KEY["rack"].color}},
        "hovertemplate": "chosen: %{x:.3g} ms, %{y:.3g} tokens/s per chip<extra></extra>",
    }


def _pointed(point: tuple[float, float]) -> dict[str, Any]:
    return {
        "x": math.log10(point[0]),
        "y": point[1],
        "ax": -46,
        "ay": 62,
        "standoff": 10,
        "text": "<b>chosen</b>",
        "arrowcolor": BY_KEY["rack"].color,
        "font": {"size": 15, "color": BY_KEY["rack"].color},
    }


def _slo(plan: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    study = plan.get("study")
    tpot = (study.get("demand") or {}).get("tpot") if isinstance(study, Mapping) else None
    if not tpot:
        return [], []
    line = {"type": "line", "x0": 1e3 * tpot, "x1": 1e3 * tpot, "yref": "paper", "y0": 0, "y1": 1}
    return [line | {"line": {"color": INK, "width": 1.5, "dash": "dash"}}], [
        {
            "x": math.log10(1e3 * tpot),
            "y": 0.02,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "right",
            "showarrow": False,
            "text": f"SLO {significant(1e3 * tpot)} ms ",
            "font": {"size": 12, "color": INK},
        }
    ]


def step_picture(plan: Mapping[str, Any]) -> Picture | None:
    """Where the time of a training step goes, as bars."""
    step = series_of(plan, "step_breakdown")
    if not step:
        return None
    parts = {str(name): float(value) for name, value in step["parts"].items()}
    total = sum(parts.values())
    scale = scale_of(total, "s")
    largest = max(parts, key=lambda name: parts[name])
    return Picture(
        id="step",
        title="Where a step's time goes",
        finding=f"A step takes {scale.text(total)}; {percent(parts[largest] / total)} of it is {largest}.",
        reading="How to read: bars add up to the time of one optimizer step; communication that work hides does not "
        "count.",
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [label(name) for name in parts],
                "x": [value / scale.factor for value in parts.values()],
                "marker": {"color": BY_KEY["training"].color},
                "text": [f"{scale.text(value)} · {percent(value / total)}" for value in parts.values()],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        layout=layout(
            56 + 40 * len(parts),
            xaxis=axis(scale.unit, range=[0, 1.25 * parts[largest] / scale.factor]),
            yaxis=axis("", autorange="reversed", gridcolor="rgba(0,0,0,0)"),
            showlegend=False,
        ),
        notes=[],
    )


def week_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """A winter and a summer week: power by use, stacked, and the price of energy."""
    weeks = (series_of(plan, "hours") or {}).get("weeks")
    if not weeks:
        return None
    peak = max(
        i + c + x
        for week in weeks.values()
        for i, c, x in zip(week["it"], week["cooling"], week["losses"], strict=True)
    )
    dearest = max(max(week["price"]) for week in weeks.values())
    scale = scale_of(peak, "W")
    data: list[dict[str, Any]] = []
    made: dict[str, Any] = {}
    count = len(weeks)
    for index, (name, week) in enumerate(weeks.items(), start=1):
        data += _week_traces(week, index, scale.factor)
        left, right = (index - 1 + 0.04 * (index > 1)) / count, (index - 0.04 * (index < count)) / count
        made |= _week_axes(
            name, week, index, (left, right), (1.12 * peak / scale.factor, 1.12 * dearest), scale.unit, count
        )
    annotations = [made.pop(key) for key in list(made) if key.startswith("note")]
    return Picture(
        id="weeks",
        title="Load and power, hour by hour",
        finding=f"Power at the meter reaches {scale.text(peak)} in these weeks; "
        f"energy costs up to {significant(dearest)} USD/MWh.",
        reading="How to read: colored areas add up to power at the meter (left axis); the dark line is the price of "
        "energy in the same hour (right axis). First year; the plan's peak at the meter is that of its largest year.",
        data=data,
        layout=layout(
            380,
            annotations=annotations,
            margin={"l": 70, "r": 70, "t": 34, "b": 70},
            legend={"orientation": "h", "y": -0.12, "x": 0, "yanchor": "top", "xanchor": "left"},
            **made,
        ),
        notes=beside_metric(notes, "pue", ENERGY_PRICE),
    )


WEEK_LAYERS = (("it", "IT", "chip"), ("losses", "losses and house", "datacenter"), ("cooling", "cooling", "cooling"))


def _week_traces(week: Mapping[str, Any], index: int, factor: float) -> list[dict[str, Any]]:
    number = "" if index == 1 else str(2 * index - 1)
    hours = [hour / 24 for hour in range(len(week["it"]))]
    areas = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "legendgroup": name,
            "showlegend": index == 1,
            "stackgroup": f"week{index}",
            "x": hours,
            "y": [value / factor for value in week[key]],
            "line": {"width": 0.6, "color": BY_KEY[layer].color},
            "fillcolor": f"{BY_KEY[layer].color}b0",
            "xaxis": f"x{index if index > 1 else ''}",
            "yaxis": f"y{number}",
            "hovertemplate": f"{name}: %{{y:.3g}}<extra></extra>",
        }
        for key, name, layer in WEEK_LAYERS
    ]
    price = {
        "type": "scatter",
        "mode": "lines",
        "name": "price of energy",
        "legendgroup": "price",
        "showlegend": index == 1,
        "x": hours,
        "y": week["price"],
        "line": {"width": 1.6, "color": INK},
        "xaxis": f"x{index if index > 1 else ''}",
        "yaxis": f"y{2 * index}",
        "hovertemplate": "price: %{y:.3g} USD/MWh<extra></extra>",
    }
    return [*areas, price]


def _week_axes(
    name: str,
    week: Mapping[str, Any],
    index: int,
    domain: tuple[float, float],
    tops: tuple[float, float],
    unit: str,
    count: int,
) -> dict[str, Any]:
    number = "" if index == 1 else str(2 * index - 1)
    across = f"x{index if index > 1 else ''}"
    cold, hot = (f(week["dry_bulb"]) - ZERO_CELSIUS for f in (min, max))
    days = list(range(0, len(week["it"]) // 24))
    return {
        f"xaxis{index if index > 1 else ''}": axis(
            "", domain=list(domain), anchor=f"y{number}", tickvals=days, ticktext=[f"day {day + 1}" for day in days]
        ),
        f"yaxis{number}": axis(
            unit if index == 1 else "", range=[0, tops[0]], anchor=across, showticklabels=index == 1
        ),
        f"yaxis{2 * index}": axis(
            "USD/MWh" if index == count else "",
            overlaying=f"y{number}",
            side="right",
            range=[min(0.0, 1.1 * min(week["price"])), tops[1]],
            showgrid=False,
            anchor=across,
            showticklabels=index == count,
            tickmode="auto",
            nticks=6,
        ),
        f"note{index}": {
            "text": f"<b>{label(name.capitalize())} week</b>, {cold:.0f} to {hot:.0f} °C outside",
            "x": domain[0],
            "xref": "paper",
            "xanchor": "left",
            "y": 1.0,
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
        },
    }


def cash_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """What is paid in each year, by kind."""
    flows = plan.get("cash_flow")
    if not flows:
        return None
    kinds = [key for key in CASH_COLORS if any(isinstance(row.get(key), int | float) and row[key] for row in flows)]
    years = [str(row["year"]) for row in flows]
    paid = sum(max(float(row[key]), 0.0) for row in flows for key in kinds)
    largest = max((sum(max(float(row[key]), 0.0) for key in kinds) for row in flows), default=1.0)
    scale = scale_of(largest, "USD")
    back = -sum(min(float(row[key]), 0.0) for row in flows for key in kinds)
    finding = f"{quantity(paid, 'USD')} are paid over {len(flows)} {'years' if len(flows) > 1 else 'year'}"
    if back:
        finding += f"; {quantity(back, 'USD')} of value are left at the end"
    data = [
        {
            "type": "bar",
            "name": CASH_NAMES.get(key, key),
            "x": years,
            "y": [float(row[key]) / scale.factor for row in flows],
            "marker": {"color": CASH_COLORS[key]},
            "hovertemplate": f"{CASH_NAMES.get(key, key)} %{{x}}: %{{y:.3g}} {scale.unit}<extra></extra>",
        }
        for key in kinds
    ]
    return Picture(
        id="cash",
        title="What is paid, year by year",
        finding=f"{finding}.",
        reading="How to read: bars above zero are paid, bars below come back; not discounted. " + _missing_cash(flows),
        data=data,
        layout=layout(
            340,
            barmode="relative",
            bargap=0.45,
            yaxis=axis(scale.unit),
            xaxis=axis("", type="category", gridcolor="rgba(0,0,0,0)"),
            margin={"l": 70, "r": 24, "t": 44, "b": 40},
        ),
        notes=[],
    )


def _missing_cash(flows: Sequence[Mapping[str, Any]]) -> str:
    reasons = {
        f"{CASH_NAMES.get(key, key).capitalize()}: {value['reason']}."
        for row in flows
        for key, value in row.items()
        if isinstance(value, Mapping) and value.get("reason")
    }
    return " ".join(sorted(reasons))


def _title(key: str) -> str:
    return BY_KEY[key].title if key in BY_KEY else label(key.capitalize())


def _color(key: str) -> str:
    return BY_KEY[key].color if key in BY_KEY else NEUTRAL
