"""Energy from its sources to the chips as ribbons: what comes in, what branches off, and what does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.report.drawing import series_of
from stackwright.report.formats import percent, quantity, sentence_case
from stackwright.report.layers import INK, color_of
from stackwright.report.notes import Note, beside_metric
from stackwright.report.source_kinds import colors_of_sources, rank_of_source

SUPPLY = "supply"
METER = "meter"
TRUNK = (SUPPLY, METER, "IT equipment", "racks", "chips")
"""Joints on the way, each a part of the one before."""

BRANCHES = {
    "lost in storage": (SUPPLY, "power"),
    "curtailed": (SUPPLY, "power"),
    "exported": (SUPPLY, "power"),
    "cooling": (METER, "cooling"),
    "house": (METER, "datacenter"),
    "transformers": (METER, "datacenter"),
    "UPS or rectifiers": (METER, "datacenter"),
    "busways": (METER, "datacenter"),
    "fabric switches and optics": ("IT equipment", "network"),
    "shelves": ("racks", "rack"),
    "busbars": ("racks", "rack"),
    "fans": ("racks", "rack"),
    "host processors": ("racks", "rack"),
    "NICs": ("racks", "network"),
    "scale-up switches": ("racks", "network"),
    "boards and drives": ("racks", "rack"),
    "chips, idle": ("chips", "finance"),
    "chips, working": ("chips", "chip"),
}
"""Where each part branches off, and the layer whose color it takes."""

WORK = "chips, working"
JOINT_COLORS = {
    SUPPLY: color_of("power"),
    METER: INK,
    "IT equipment": color_of("datacenter"),
    "racks": color_of("rack"),
    "chips": color_of("chip"),
}

FLOW = 300.0
"""Height of the whole flow, in the drawing's units."""
LEAST_SLOT = 28.0
SOURCE_SLOT = 40.0
"""Least room of an end, whose label is one line, and of a source, whose label is two."""
GAP = 8.0
WIDTH = 1180.0
TRUNK_START = 190.0
"""Where the first joint stands, right of the sources."""
LEAVES = 845.0
BAR = 12.0
SOURCE_LETTERS = 22
"""Of a source's name, before it is cut."""


@dataclass(frozen=True)
class Ribbon:
    """A band from one bar to another."""

    path: str
    color: str
    text: str


@dataclass(frozen=True)
class Bar:
    """A joint or an end of the flow, with its label."""

    x: float
    y: float
    height: float
    color: str
    name: str
    amount: str
    kind: str
    """``source``, ``joint`` or ``end``."""


@dataclass(frozen=True)
class EnergyTree:
    """The drawing, and what it shows."""

    width: float
    height: float
    ribbons: list[Ribbon]
    bars: list[Bar]
    finding: str
    reading: str
    notes: list[Note]


def energy_tree(plan: Mapping[str, Any], notes: list[Note]) -> EnergyTree | None:
    """The drawing of a plan's energy flow; a part of unknown name branches off at the IT equipment."""
    flow = series_of(plan, "energy_flow")
    if not flow:
        return None
    parts = _ordered({str(name): float(value) for name, value in flow["parts"].items() if value > 0})
    total = sum(parts.values())
    slots = _slots(parts, total, LEAST_SLOT)
    given = _sources_of(flow)
    bottom = max(y + height for y, height in slots.values())
    joints = _joints(parts)
    places = _places(joints, given)
    entries = _slots({name: value for name, value, _ in given}, total, SOURCE_SLOT)
    lift = bottom - max((y + (height + max(height, SOURCE_SLOT)) / 2.0 for y, height in entries.values()), default=0.0)
    entries = {name: (y + lift, height) for name, (y, height) in entries.items()}
    bars = [_source_bar(name, value, entries[name], color, total) for name, value, color in given]
    bars += [_bar(name, places[name], bottom, joints[name], total) for name in joints]
    bars += [_leaf(name, value, slots[name], total) for name, value in parts.items()]
    work = parts.get(WORK)
    token = str(flow.get("unit") or "J per token").removeprefix("J per ")
    finding = f"One {token} takes {quantity(joints[METER], 'J')} at the meter"
    return EnergyTree(
        width=WIDTH,
        height=bottom + 10.0,
        ribbons=[
            *_source_ribbons(given, entries, places, bottom, total),
            *_ribbons(parts, joints, places, slots, bottom, total),
        ],
        bars=bars,
        finding=f"{finding}; {percent(work / joints[METER])} of it does the work in the chips."
        if work
        else f"{finding}.",
        reading=f"How to read: the width of a ribbon is energy per {token}, all work for it included, in the first "
        "year. What branches off upward does not work in the chips; idle is what they draw while they wait.",
        notes=beside_metric(notes, "energy_per_token"),
    )


def _sources_of(flow: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Name, energy and color of each source, in the order of stacks."""
    rows = sorted(
        (row for row in flow.get("sources") or () if row["value"] > 0), key=lambda row: rank_of_source(row["kind"])
    )
    colors = colors_of_sources(row["kind"] for row in rows)
    return [(str(row["name"]), float(row["value"]), color) for row, color in zip(rows, colors, strict=True)]


def _joint_of(part: str) -> str:
    return BRANCHES.get(part, ("IT equipment", ""))[0]


def _ordered(parts: Mapping[str, float]) -> dict[str, float]:
    """Parts from the sources inwards, the working chips last, so that ribbons do not cross."""
    depth = {joint: rank for rank, joint in enumerate(TRUNK)}
    names = sorted(parts, key=lambda name: (depth[_joint_of(name)], name == WORK))
    return {name: parts[name] for name in names}


def _joints(parts: Mapping[str, float]) -> dict[str, float]:
    """Energy that passes each joint; besides the meter, joints that nothing branches off from are left out."""
    passing = {
        joint: sum(value for name, value in parts.items() if TRUNK.index(_joint_of(name)) >= rank)
        for rank, joint in enumerate(TRUNK)
    }
    used = {METER, *(_joint_of(name) for name in parts)}
    return {joint: value for joint, value in passing.items() if joint in used and value > 0}


def _places(joints: Mapping[str, float], sources: Sequence[Any]) -> dict[str, float]:
    """Where the joints stand, left to right, between the sources and the ends."""
    start = TRUNK_START if sources else 0.0
    step = (LEAVES - start) / (len(joints) + 0.2)
    return {name: start + step * index for index, name in enumerate(joints)}


def _slots(parts: Mapping[str, float], total: float, least: float) -> dict[str, tuple[float, float]]:
    """Top and height of every end, top to bottom, far enough apart for their labels."""
    slots, y = {}, 4.0
    for name, value in parts.items():
        height = FLOW * value / total
        room = max(height, least)
        slots[name] = (y + (room - height) / 2.0, height)
        y += room + GAP
    return slots


def _bar(name: str, x: float, bottom: float, value: float, total: float) -> Bar:
    height = FLOW * value / total
    return Bar(x, bottom - height, height, JOINT_COLORS[name], sentence_case(name), _amount(value, total), "joint")


def _leaf(name: str, value: float, slot: tuple[float, float], total: float) -> Bar:
    return Bar(LEAVES, *slot, _color(name), sentence_case(name), _amount(value, total), "end")


def _source_bar(name: str, value: float, slot: tuple[float, float], color: str, total: float) -> Bar:
    return Bar(0.0, *slot, color, sentence_case(shortened(name)), _amount(value, total), "source")


def shortened(name: str) -> str:
    """A name that fits beside its bar: up to its first comma, or cut."""
    short = name if len(name) <= SOURCE_LETTERS else name.split(",")[0]
    return short if len(short) <= SOURCE_LETTERS else f"{short[: SOURCE_LETTERS - 1].rstrip()}…"


def _source_ribbons(
    sources: Sequence[tuple[str, float, str]],
    entries: Mapping[str, tuple[float, float]],
    places: Mapping[str, float],
    bottom: float,
    total: float,
) -> list[Ribbon]:
    """From every source to the first joint, side by side."""
    made = []
    y = bottom - FLOW * sum(value for _, value, _ in sources) / total
    right = next(iter(places.values()))
    for name, value, color in sources:
        top, height = entries[name]
        text = f"{sentence_case(name)}: {_amount(value, total)}"
        made.append(Ribbon(_path(BAR, top, right, y, height), color, text))
        y += height
    return made


def _ribbons(
    parts: Mapping[str, float],
    joints: Mapping[str, float],
    places: Mapping[str, float],
    slots: Mapping[str, tuple[float, float]],
    bottom: float,
    total: float,
) -> list[Ribbon]:
    made = []
    names = list(joints)
    for index, joint in enumerate(names):
        left, y = places[joint] + BAR, bottom - FLOW * joints[joint] / total
        for part in (part for part in parts if _joint_of(part) == joint):
            top, height = slots[part]
            text = f"{sentence_case(part)}: {_amount(parts[part], total)}"
            made.append(Ribbon(_path(left, y, LEAVES, top, height), _color(part), text))
            y += height
        if index + 1 < len(names):
            inner = names[index + 1]
            height = FLOW * joints[inner] / total
            text = f"{sentence_case(inner)}: {_amount(joints[inner], total)}"
            made.append(Ribbon(_path(left, y, places[inner], bottom - height, height), JOINT_COLORS[inner], text))
    return made


def _path(left: float, y: float, right: float, top: float, height: float) -> str:
    """A ribbon of even height that leaves and arrives level."""
    near, far = left + 0.45 * (right - left), left + 0.55 * (right - left)
    return (
        f"M{left:.1f} {y:.1f}C{far:.1f} {y:.1f} {near:.1f} {top:.1f} {right:.1f} {top:.1f}v{height:.2f}"
        f"C{near:.1f} {top + height:.1f} {far:.1f} {y + height:.1f} {left:.1f} {y + height:.1f}z"
    )


def _color(part: str) -> str:
    return color_of(BRANCHES.get(part, ("", ""))[1])


def _amount(value: float, total: float) -> str:
    return f"{quantity(value, 'J')} · {percent(value / total)}"
