"""Bars beside words: what every other option would cost, and which inputs move the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.evidence_kinds import color_of_kind
from stackwright.report.formats import (
    Scale,
    difference,
    percent,
    quantity,
    record_scale,
    scale_of,
    sentence_case,
    words,
)
from stackwright.report.layers import LAYERS, color_of, layer_of, title_of

BREAK = 0.5
"""Differences above this are drawn as broken bars, so that the small ones can be told apart."""
LEAST_SCALE = 0.02
MOST_INPUTS = 12


@dataclass(frozen=True)
class Option:
    """One option that was not chosen. Bars are given in percent of the drawing's width."""

    name: str
    difference: str
    value: str
    left: float
    width: float
    broken: bool
    barred: str | None


@dataclass(frozen=True)
class Choice:
    """A layer, or a part of one, with what was chosen and what else there was."""

    title: str
    color: str
    chosen: str | None
    options: list[Option]


@dataclass(frozen=True)
class Swing:
    """An uncertain input, and how far it moves the result; bars in percent of the drawing's width."""

    name: str
    part: str
    value: str
    kind: str
    kind_color: str
    source: str
    share: str
    low: tuple[float, float]
    high: tuple[float, float]
    low_effect: str
    high_effect: str
    color: str


def choices_of(plan: Mapping[str, Any]) -> tuple[list[Choice], float]:
    """Layers with their other options, top to bottom, and where zero lies on the drawings, in percent."""
    rows = plan.get("alternatives") or ()
    finite = [row["difference"] for row in rows if row["difference"] <= BREAK]
    top = max([LEAST_SCALE, *finite]) if any(row["difference"] <= BREAK for row in rows) else BREAK
    bottom = max(min([0.0, *finite]), -BREAK)
    zero = 100.0 * -bottom / (top - bottom)
    grouped: dict[str, list[Option]] = {}
    for row in rows:
        grouped.setdefault(str(row["layer"]), []).append(_option(row, top, bottom))
    order = {layer.key: rank for rank, layer in enumerate(LAYERS)}
    keys = sorted(grouped, key=lambda key: (order.get(layer_of(key), len(order)), layer_of(key) != key, key))
    stack = plan.get("stack") or {}
    return [Choice(_choice_title(key), color_of(key), _chosen(stack, key, plan), grouped[key]) for key in keys], zero


def _chosen(stack: Mapping[str, Any], key: str, plan: Mapping[str, Any]) -> str | None:
    """What was chosen where these options were not."""
    entry = stack.get(layer_of(key)) or {}
    names = plan.get("names") or {}
    if key == "chip":
        return f"power cap {percent(entry['power_cap'])}" if entry.get("power_cap") is not None else None
    if key == "supply_temperature":
        return f"coolant at {quantity(entry[key], 'K')}" if entry.get(key) is not None else None
    if key == "model":
        return " ".join(str(names.get(entry.get(part), entry.get(part))) for part in ("architecture", "precision"))
    if key in entry:
        return str(names.get(entry[key], entry[key]))
    word = next((entry[part] for part in ("name", "mode", "portfolio", "sourcing") if entry.get(part)), None)
    return None if word is None else str(word)


def _choice_title(key: str) -> str:
    layer = layer_of(key)
    return title_of(layer) if layer == key else f"{title_of(layer)}: {words(key)}"


def _option(row: Mapping[str, Any], top: float, bottom: float) -> Option:
    away = row["difference"]
    shown = min(max(away, bottom), top)
    span = top - bottom
    return Option(
        name=str(row["name"]).replace(" degC", " °C"),
        difference=difference(away),
        value=quantity(row["value"], str(row.get("unit") or "")),
        left=100.0 * (min(shown, 0.0) - bottom) / span,
        width=100.0 * abs(shown) / span,
        broken=away != shown,
        barred=row.get("not_eligible"),
    )


def alternatives_finding(plan: Mapping[str, Any]) -> str:
    """Which choice matters most and which least, in one sentence."""
    rows = [row for row in plan.get("alternatives") or () if row["next_best"] and not row.get("not_eligible")]
    if not rows:
        return "No other option was available to compare with."
    close, far = min(rows, key=lambda row: abs(row["difference"])), max(rows, key=lambda row: row["difference"])
    close_title, far_title = (_choice_title(str(row["layer"])).lower() for row in (close, far))
    first = f"Hardest to replace: {far_title} (next best {difference(far['difference'])})"
    return first + (
        "." if close is far else f"; nearly free to change: {close_title} ({difference(close['difference'])})."
    )


def swings_of(plan: Mapping[str, Any]) -> list[Swing]:
    """The inputs that move the objective most."""
    inputs = ((plan.get("explain") or {}).get("inputs") or ())[:MOST_INPUTS]
    reach = max((abs(row[key]) for row in inputs for key in ("effect_low", "effect_high")), default=0.0) or 1.0
    titles = {row["source"]: row.get("title") or row["source"] for row in plan.get("sources") or ()}
    records = {row["path"].rsplit(".", 1)[0]: row["record"] for row in plan.get("sources") or ()}
    names = plan.get("names") or {}
    parts = {place: names.get(record, record) for place, record in records.items()}
    return [_swing(row, reach, effect_scale(plan), titles, parts) for row in inputs]


def effect_scale(plan: Mapping[str, Any]) -> Scale:
    """The scale in which effects on the objective are shown."""
    objective = plan.get("objective") or {}
    return scale_of(objective.get("value") or 0.0, str(objective.get("unit") or ""))


def _swing(
    row: Mapping[str, Any], reach: float, scale: Scale, titles: Mapping[str, Any], parts: Mapping[str, Any]
) -> Swing:
    place, field = str(row["path"]).rsplit(".", 1)
    own = record_scale(row["value"], str(row["unit"]))
    return Swing(
        name=sentence_case(words(field)),
        part=str(parts.get(place, words(place))),
        value=f"{own.text(row['value'])} ({own.number(row['low'])} to {own.number(row['high'])})",
        kind=str(row["kind"]),
        kind_color=color_of_kind(str(row["kind"])),
        source=str(titles.get(row["source"], row["source"])),
        share=percent(row["share"]),
        low=_bar(row["effect_low"], reach),
        high=_bar(row["effect_high"], reach),
        low_effect=_signed(row["effect_low"], scale),
        high_effect=_signed(row["effect_high"], scale),
        color=color_of(place),
    )


def _bar(effect: float, reach: float) -> tuple[float, float]:
    """Left end and width in percent, zero in the middle."""
    width = 50.0 * abs(effect) / reach
    return (50.0 - width if effect < 0 else 50.0, width)


def _signed(value: float, scale: Scale) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{scale.number(abs(value))}"


def swings_finding(swings: list[Swing]) -> str:
    """Which input matters most, in one sentence."""
    first = swings[0]
    return f"The range comes first from {first.name.lower()} of {first.part} ({first.share} of it; {first.kind})."
