"""Figures of claims in words, for tables and pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NONE = "-"
ENDS = ("value", "low", "high")
SENSES = {"is": "", "at_least": "at least ", "at_most": "at most "}


def number(value: float) -> str:
    """A number in three significant digits. Source: definition."""
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{float(f'{value / size:.3g}'):,g} {word}"
    if value == 0.0 or 1e-3 <= abs(value) < 1e4:
        text = f"{value:.3g}"
        return f"{float(text):,.0f}" if "e" in text else text
    if abs(value) >= 1e4:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.2e}"


def unit_text(unit: str) -> str:
    """A unit with a space before it; nothing for pure numbers, and times for ratios. Source: definition."""
    return {"1": "", "": "", "x": "x", "B USD": " billion USD", "chip": " chips"}.get(unit, f" {unit}")


def in_written_units(one: Mapping[str, Any]) -> dict[str, Any]:
    """A claim as people read it: its figures in the unit of what was stated, instead of SI. Source: definition."""
    unit, scale = one["written"]["unit"], one["written"]["scale"]

    def scaled(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if entry is None:
            return None
        ends = {end: None if entry[end] is None else entry[end] / scale for end in ENDS}
        return {**entry, **ends, "unit": unit}

    return {
        **one,
        "stated": scaled(one["stated"]),
        "computed": scaled(one["computed"]),
        "under": [scaled(under) for under in one["under"]],
    }


def stated_text(stated: Mapping[str, Any] | None) -> str:
    """The figure that was stated, with its sense. Source: definition."""
    if stated is None:
        return NONE
    return f"{SENSES[stated['sense']]}{number(stated['value'])}{unit_text(stated['unit'])}"


def computed_text(computed: Mapping[str, Any] | None) -> str:
    """A computed number with its range. Source: definition."""
    if computed is None:
        return NONE
    value, low, high = (computed[name] for name in ("value", "low", "high"))
    told = f"{number(value)}{unit_text(computed['unit'])}"
    if low is not None and high is not None and math.isclose(low, high):
        return told
    return f"{told} ({_end(low)} to {_end(high)})"


def _end(value: float | None) -> str:
    return "without bound" if value is None else number(value)


def verdict_text(verdict: str) -> str:
    """A verdict in words. Source: definition."""
    return verdict.replace("_", " ")
