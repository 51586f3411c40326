"""Where energy comes from, as the report shows it: one color for each kind of source, in every picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

COLORS = {
    "nuclear": "#7c5cb4",
    "hydro": "#2b6cb0",
    "geothermal": "#8c3b2e",
    "gas": "#b5651d",
    "fuel cell": "#d98ba5",
    "wind": "#2f9e78",
    "solar": "#f0b400",
    "storage": "#93a82a",
    "grid": "#7a8899",
    "other": "#b9c2cb",
}
"""By kind, in the order in which sources are stacked from the ground up."""

UNSERVED = "#b2182b"
WASTED = "#d8dde3"
"""Energy that nobody uses, and energy that is missing."""

LIGHTER = 0.35
"""By how much the second source of a kind is lighter than the first."""


def own_plants(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a plan builds behind its meter, in its first year: name, kind, and capacity in watts."""
    years = plan.get("dispatch") or [{}]
    return [row for row in years[0].get("sizes") or () if row["capacity"] > 0]


def color_of_source(kind: str, index: int = 0) -> str:
    """The color of a kind; further sources of one kind are lighter."""
    base = COLORS.get(kind, COLORS["other"])
    white = 1.0 - (1.0 - LIGHTER) ** index
    channels = (int(base[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(value + (255 - value) * white):02x}" for value in channels)


def colors_of_sources(kinds: Iterable[str]) -> list[str]:
    """A color for each source of a list, told apart where they are of one kind."""
    seen: Counter[str] = Counter()
    made = []
    for kind in kinds:
        made.append(color_of_source(kind, seen[kind]))
        seen[kind] += 1
    return made


def rank_of_source(kind: str) -> int:
    """Place of a kind in a stack, from the ground up."""
    order = list(COLORS)
    return order.index(kind) if kind in order else len(order)
