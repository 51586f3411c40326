"""Bars beside words: what every other option would cost, and which inputs move the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.evidence_kinds import color_of_kind
from stackwright.report.formats import difference, percent, quantity, record_scale, sentence_case, words
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
    return [Choice(_choice_title(key), color_of(key), grouped[key]) for key in keys], zero


def _choice_title(key: str) -> str:
    layer = layer_of(key)
    return title_of(layer) if layer == key else f"{title_of(layer)}: {words(key)}"


def _option(row: Mapping[str, Any], top: float, bottom: float) -> Option:
    away = row["difference"]
    shown = min(max(away, bottom), top)
    span = top - bottom
    return Option(
        name=str(row["name"]),
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
    return first + ("." if close is far else f"; nearly free to change: {close_title} ({difference(close['difference'])}).")


def swings_of(plan: Mapping[str, Any]) -> list[Swing]:
    """The inputs that move the objective most."""
    inputs = ((plan.get("explain") or {}).get("inputs") or ())[:MOST_INPUTS]
    reach = max((abs(row[key]) for row in inputs for key in ("effect_low", "effect_high")), default=0.0) or 1.0
    titles = {row["source"]: row.get("title") or row["source"] for row in plan.get("sources") or ()}
    records = {row["path"].rsplit(".", 1)[0]: row["record"] for row in plan.get("sources") or ()}
    names = plan.get("names") or {}
    unit = str((plan.get("objective") or {}).get("unit") or "")
    return [_swing(row, reach, unit, titles, {place: names.get(record, record) for place, record in records.items()}) for row in inputs]


def _swing(
    row: Mapping[str, Any], reach: float, unit: str, titles: Mapping[str, Any], parts: Mapping[str, Any]
) -> Swing:
    place, field = str(row["path"]).rsplit(".", 1)
    scale = record_scale(row["value"], str(row["unit"]))
    return Swing(
        name=sentence_case(words(field)),
        part=str(parts.get(place, words(place))),
        value=f"{scale.text(row['value'])} ({scale.number(row['low'])} to {scale.number(row['high'])})",
        kind=str(row["kind"]),
        kind_color=color_of_kind(str(row["kind"])),
        source=str(titles.get(row["source"], row["source"])),
        share=percent(row["share"]),
        low=_bar(row["effect_low"], reach),
        high=_bar(row["effect_high"], reach),
        low_effect=_signed(row["effect_low"], unit),
        high_effect=_signed(row["effect_high"], unit),
        color=color_of(place),
    )


def _bar(effect: float, reach: float) -> tuple[float, float]:
    """Left end and width in percent, zero in the middle."""
    width = 50.0 * abs(effect) / reach
    return (50.0 - width if effect < 0 else 50.0, width)


def _signed(value: float, unit: str) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{quantity(abs(value), unit)}"


def swings_finding(swings: list[Swing]) -> str:
    """Which input matters most, in one sentence."""
    first = swings[0]
    return f"The range comes first from {first.name.lower()} of {first.part} ({first.share} of it; {first.kind})."
