"""Figures of the plant through its year: cooling by the week, and dispatch by the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackwright.report.drawing import OTHERS, Picture, axis, columns, heading, label, layout, on, panel, series_of
from stackwright.report.formats import percent, quantity, scale_of, sentence_case, significant
from stackwright.report.layers import BY_KEY, CHOSEN, INK
from stackwright.report.notes import ENERGY_PRICE, Note, beside_metric
from stackwright.report.source_kinds import (
    UNSERVED,
    WASTED,
    color_of_source,
    colors_of_sources,
    own_plants,
    rank_of_source,
)

QUARTERS = ((0.0, "Jan"), (90 / 7, "Apr"), (181 / 7, "Jul"), (273 / 7, "Oct"))
"""Marks of an axis that counts weeks."""
JOULES = 3.6e9
"""Of a megawatt-hour."""
LEAST_UNSERVED = 1e-6
"""Of the load: less than this is the solver's tolerance."""


def cooling_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """PUE and water by the week for each cooling, a column for each site."""
    given = series_of(plan, "cooling_year")
    if not given or not given["series"]:
        return None
    series = given["series"]
    sites = list(dict.fromkeys(row["site"] for row in series))
    coolings = list(dict.fromkeys(row["cooling"] for row in series))
    chosen = next((row for row in series if row["chosen"]), series[0])
    coolings.sort(key=lambda name: name != chosen["cooling"])
    colors = dict(zip(coolings, (BY_KEY["cooling"].color, *OTHERS[1:]), strict=False))
    wet = any(value > 0 for row in series for value in row["water"])
    data: list[dict[str, Any]] = []
    made: dict[str, Any] = {}
    words = []
    up, down = ((0.46, 0.94), (0.0, 0.34)) if wet else ((0.0, 0.94), (0.0, 0.0))
    tallest = max(max(row["pue_peak"]) for row in series)
    lowest = min(min(row["pue"]) for row in series)
    most = max(max(row["water"]) for row in series)
    for index, (site, across) in enumerate(zip(sites, columns(len(sites), 0.03), strict=True)):
        first, second = 2 * index + 1, 2 * index + 2
        here = [row for row in series if row["site"] == site]
        for row in here:
            data += _cooling_lines(row, first, colors[row["cooling"]], named=index == 0)
            data += [_water_line(row, second, colors[row["cooling"]])] if wet else []
        marks = {"tickvals": [week for week, _ in QUARTERS], "ticktext": [name for _, name in QUARTERS]}
        edge = {"showticklabels": index == 0}
        span = 0.06 * (tallest - lowest) + 0.002
        made |= panel(
            first,
            across=across,
            up=up,
            x=axis("", **marks),
            y=axis("PUE" if index == 0 else "", range=[lowest - span, tallest + span], **edge),
        )
        if wet:
            made |= panel(
                second,
                across=across,
                up=down,
                x=axis("", **marks),
                y=axis("water, L per kWh of IT" if index == 0 else "", range=[-0.04 * most, 1.1 * most], **edge),
            )
        name = f"<b>{label(here[0]['site_name'])}</b>" + (", chosen" if site == chosen["site"] else "")
        words.append(heading(name, across[0], 0.95))
    return Picture(
        id="cooling",
        title="PUE and water through the year",
        finding=_cooling_finding(given, chosen),
        reading="How to read: solid lines are weekly means, dotted ones the hour of the week with the highest PUE, "
        "both under the design's own load; the thick line is what was chosen. 1.00 would mean that every joule reaches "
        "the computers; the axis does not start at zero. Water is taken in, blowdown included.",
        data=data,
        layout=layout(
            520 if wet else 360,
            annotations=words,
            margin={"l": 70, "r": 24, "t": 20, "b": 64},
            legend={"orientation": "h", "y": -0.09 if wet else -0.14, "x": 0, "yanchor": "top", "xanchor": "left"},
            **made,
        ),
        notes=beside_metric(notes, "pue", "wue"),
    )


def _cooling_lines(row: Mapping[str, Any], number: int, color: str, *, named: bool) -> list[dict[str, Any]]:
    weeks = list(range(len(row["pue"])))
    name = label(row["cooling_name"])
    style = {"type": "scatter", "mode": "lines", "x": weeks, "legendgroup": row["cooling"]} | on(number)
    return [
        style
        | {
            "name": name,
            "showlegend": named,
            "y": row["pue"],
            "line": {"color": color, "width": 3.5 if row["chosen"] else 1.8},
            "hovertemplate": f"{name}: mean %{{y:.3f}}<extra></extra>",
        },
        style
        | {
            "name": f"{name}, peak",
            "showlegend": False,
            "y": row["pue_peak"],
            "line": {"color": color, "width": 2 if row["chosen"] else 1.2, "dash": "dot"},
            "hovertemplate": f"{name}: peak %{{y:.3f}}<extra></extra>",
        },
    ]


def _water_line(row: Mapping[str, Any], number: int, color: str) -> dict[str, Any]:
    name = label(row["cooling_name"])
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "showlegend": False,
        "legendgroup": row["cooling"],
        "x": list(range(len(row["water"]))),
        "y": row["water"],
        "line": {"color": color, "width": 3.5 if row["chosen"] else 1.8},
        "hovertemplate": f"{name}: %{{y:.3g}} L/kWh<extra></extra>",
    } | on(number)


def _cooling_finding(given: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    water = f"{significant(chosen['wue'])} L of water per kWh" if chosen["wue"] else "no water"
    text = (
        f"{chosen['cooling_name']} in {chosen['site_name']}: PUE {chosen['mean_pue']:.3f} over the year, "
        f"{chosen['peak_pue']:.3f} in its worst hour, {water}."
    )
    rows = given["year"]
    if len(rows) < 2:
        return text
    places = len({row["site"] for row in rows}) > 1

    def named(row: Mapping[str, Any]) -> str:
        return f"{row['cooling_name']}, {row['site_name']}" if places else str(row["cooling_name"])

    best, worst = min(rows, key=lambda row: row["mean_pue"]), max(rows, key=lambda row: row["mean_pue"])
    return text + (
        f" All {len(rows)} choices: from {best['mean_pue']:.3f} ({named(best)})"
        f" to {worst['mean_pue']:.3f} ({named(worst)})."
    )


def dispatch_picture(plan: Mapping[str, Any], notes: list[Note]) -> Picture | None:
    """A winter and a summer week by source, with storage and the price below."""
    given = series_of(plan, "dispatch")
    if not given:
        return None
    weeks = given["weeks"]
    tops = [
        max(map(sum, zip(*(row["power"] for row in week["sources"]), week["unserved"], strict=True)))
        for week in weeks.values()
    ]
    depths = [
        max(map(sum, zip(*(row["power"] for row in week["sinks"]), strict=True)), default=0.0)
        for week in weeks.values()
    ]
    scale = scale_of(max(tops), "W")
    ends = [-1.1 * max(depths) / scale.factor, 1.08 * max(tops) / scale.factor]
    data: list[dict[str, Any]] = []
    made: dict[str, Any] = {}
    words = []
    named: set[str] = set()
    for index, ((season, week), across) in enumerate(zip(weeks.items(), columns(len(weeks), 0.06), strict=True)):
        first, second = 2 * index + 1, 2 * index + 2
        data += _dispatch_areas(week, first, scale.factor, scale.unit, named)
        data += _price_lines(week, second, named)
        days = list(range(len(week["load"]) // 24))
        marks = {"tickvals": days, "ticktext": [f"day {day + 1}" for day in days]}
        prices = (*week["price"], *(week["worth"] or ()))
        reach = [min(0.0, 1.1 * min(prices)), 1.1 * max(prices)]
        made |= panel(
            first,
            across=across,
            up=(0.36, 0.94),
            x=axis("", tickvals=days, showticklabels=False),
            y=axis(scale.unit if index == 0 else "", range=ends, showticklabels=index == 0),
        )
        made |= panel(
            second,
            across=across,
            up=(0.0, 0.26),
            x=axis("", **marks),
            y=axis("USD/MWh" if index == 0 else "", range=reach, nticks=4),
        )
        words.append(heading(f"<b>{label(season.capitalize())} week</b>", across[0], 0.95))
    return Picture(
        id="dispatch",
        title="Where the power comes from, hour by hour",
        finding=_dispatch_finding(given["year"]) + _built(plan),
        reading=_dispatch_reading(given),
        data=data,
        layout=layout(
            560,
            annotations=words,
            margin={"l": 70, "r": 24, "t": 20, "b": 96},
            legend={"orientation": "h", "y": -0.1, "x": 0, "yanchor": "top", "xanchor": "left", "traceorder": "normal"},
            **made,
        ),
        notes=beside_metric(notes, ENERGY_PRICE),
    )


def _dispatch_areas(
    week: Mapping[str, Any], number: int, factor: float, unit: str, named: set[str]
) -> list[dict[str, Any]]:
    hours = [hour / 24 for hour in range(len(week["load"]))]
    ordered = sorted(week["sources"], key=lambda row: rank_of_source(row["kind"]))
    tinted = zip(ordered, colors_of_sources(row["kind"] for row in ordered), strict=True)
    above = [(row["name"], row["power"], color) for row, color in tinted if any(row["power"])]
    if max(week["unserved"]) > LEAST_UNSERVED * max(week["load"]):
        above.append(("not served", week["unserved"], UNSERVED))
    below = [(_sink_name(row), [-value for value in row["power"]], _sink_color(row)) for row in week["sinks"]]
    below = [row for row in below if any(row[1])]

    def area(name: str, power: Sequence[float], color: str, group: str) -> dict[str, Any]:
        shown = name not in named
        named.add(name)
        return {
            "type": "scatter",
            "mode": "lines",
            "name": label(sentence_case(name)),
            "legendgroup": name,
            "showlegend": shown,
            "stackgroup": f"{group}{number}",
            "x": hours,
            "y": [value / factor for value in power],
            "line": {"width": 0.5, "color": color},
            "fillcolor": f"{color}d0",
            "hovertemplate": f"{label(name)}: %{{y:.4g}} {unit}<extra></extra>",
        } | on(number)

    made = [area(*row, "above") for row in above] + [area(*row, "below") for row in below]
    lines = [("Load", week["served"], "solid")]
    if week["served"] != week["load"]:
        lines.append(("Load as planned", week["load"], "dot"))
    return made + [
        _line(name, hours, [v / factor for v in power], number, dash, unit, named) for name, power, dash in lines
    ]


def _sink_name(row: Mapping[str, Any]) -> str:
    return f"{row['name']}, charging" if row["kind"] == "storage" else str(row["name"])


def _sink_color(row: Mapping[str, Any]) -> str:
    return color_of_source("storage", 1) if row["kind"] == "storage" else WASTED


def _line(
    name: str, hours: Sequence[float], values: Sequence[float], number: int, dash: str, unit: str, named: set[str]
) -> dict[str, Any]:
    shown = name not in named
    named.add(name)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "legendgroup": name,
        "showlegend": shown,
        "x": list(hours),
        "y": list(values),
        "line": {"color": INK, "width": 1.8, "dash": dash},
        "hovertemplate": f"{name}: %{{y:.4g}} {unit}<extra></extra>",
    } | on(number)


def _price_lines(week: Mapping[str, Any], number: int, named: set[str]) -> list[dict[str, Any]]:
    hours = [hour / 24 for hour in range(len(week["price"]))]
    market = _line("Market price", hours, week["price"], number, "solid", "USD/MWh", named)
    made = [market | {"line": {"color": color_of_source("grid"), "width": 1.8}}]
    if week["worth"] is not None:
        worth = _line("What one more MWh of load costs", hours, week["worth"], number, "solid", "USD/MWh", named)
        made.append(worth | {"line": {"color": CHOSEN, "width": 1.5, "dash": "dot"}})
    return made


def _dispatch_finding(year: Mapping[str, Any]) -> str:
    served = year["served"]
    ordered = sorted(year["sources"], key=lambda row: (row["kind"] == "storage", -row["energy"]))
    shares = [
        f"{'again out of ' if row['kind'] == 'storage' else ''}{row['name']} ({percent(row['energy'] / served)})"
        for row in ordered
        if row["energy"] > 0.001 * served
    ]
    text = f"Over the first year {quantity(served / JOULES, 'MWh')} at the meter: {', '.join(shares)}."
    wasted = [
        f"{quantity(row['energy'] / JOULES, 'MWh')} {row['name']}"
        for row in year["sinks"]
        if row["kind"] != "storage" and row["energy"] > LEAST_UNSERVED * served
    ]
    if year["sold"] > LEAST_UNSERVED * served:
        wasted.append(f"{quantity(year['sold'] / JOULES, 'MWh')} of contract energy sold again")
    if year["unserved"] > LEAST_UNSERVED * served:
        wasted.append(f"{quantity(year['unserved'] / JOULES, 'MWh')} not served")
    return f"{text} Besides: {', '.join(wasted)}." if wasted else text


def _built(plan: Mapping[str, Any]) -> str:
    """What the plan builds behind its meter in the first year."""
    years = plan.get("dispatch") or [{}]
    held = years[0].get("storage_energy") or {}
    words = [f"{quantity(row['capacity'], 'W')} of {row['name']}" for row in own_plants(plan)]
    energy = sum(item["value"] for item in held.values()) / JOULES
    stored = f", which holds {quantity(energy, 'MWh')}" if energy > 0 else ""
    return f" Behind the meter: {', '.join(words)}{stored}." if words else ""


def _dispatch_reading(given: Mapping[str, Any]) -> str:
    text = "How to read: areas above zero add up to the load (dark line) and to what lies below zero: charging, and "
    text += "energy that is curtailed or exported. Load that can wait has moved from where the dotted line is. "
    if given["foresight"]:
        return text + (
            "Perfect foresight: the dispatch knows every hour of the year in advance, so a real operator gets less out "
            "of storage and flexible load. Dotted below: what one more MWh of load would cost in that hour."
        )
    return (
        "How to read: areas add up to the load (dark line). Nothing is decided by the hour here: contracts deliver "
        + ("by their shape, and the grid fills the rest.")
    )
