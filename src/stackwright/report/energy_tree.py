"""Energy from the meter to the token as a tree of ribbons: what branches off on the way, and what does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.formats import percent, quantity, sentence_case
from stackwright.report.layers import INK, color_of
from stackwright.report.notes import Note, beside_metric

ROOT = "meter"
TRUNK = ("IT equipment", "racks", "chips")
"""Joints behind the meter, each a part of the one before."""

BRANCHES = {
    "cooling": (ROOT, "cooling"),
    "distribution and house": (ROOT, "datacenter"),
    "fabric switches and optics": ("IT equipment", "network"),
    "rack supplies": ("racks", "rack"),
    "fans": ("racks", "rack"),
    "host processors": ("racks", "rack"),
    "NICs, scale-up switches, boards": ("racks", "network"),
    "chips, idle": ("chips", "finance"),
    "chips, working": ("chips", "chip"),
}
"""Where each part branches off, and the layer whose color it takes."""

WORK = "chips, working"
JOINT_COLORS = {ROOT: INK, "IT equipment": color_of("datacenter"), "racks": color_of("rack"), "chips": color_of("chip")}

WIDTH = 1120.0
FLOW = 300.0
"""Height of the whole flow, in the drawing's units."""
LEAST_SLOT = 34.0
GAP = 12.0
STEP = 185.0
LEAVES = 780.0
BAR = 12.0


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
    leaf: bool


@dataclass(frozen=True)
class EnergyTree:
    """The drawing, and what it shows."""

    height: float
    ribbons: list[Ribbon]
    bars: list[Bar]
    finding: str
    reading: str
    notes: list[Note]


def energy_tree(plan: Mapping[str, Any], notes: list[Note]) -> EnergyTree | None:
    """The drawing of a plan's energy flow; a part of unknown name branches off at the IT equipment."""
    flow = (plan.get("pictures") or {}).get("energy_flow")
    if not flow:
        return None
    parts = _ordered({str(name): float(value) for name, value in flow["parts"].items() if value > 0})
    total = sum(parts.values())
    slots = _slots(parts, total)
    bottom = max(y + height for y, height in slots.values())
    joints = _joints(parts)
    bars = [_bar(name, STEP * index, bottom, joints[name], total) for index, name in enumerate(joints)]
    bars += [_leaf(name, value, slots[name], total) for name, value in parts.items()]
    work = parts.get(WORK)
    token = str(flow.get("unit") or "J per token").removeprefix("J per ")
    finding = f"One {token} takes {quantity(total, 'J')} at the meter"
    return EnergyTree(
        height=bottom + 10.0,
        ribbons=_ribbons(parts, joints, slots, bottom, total),
        bars=bars,
        finding=f"{finding}; {percent(work / total)} of it does the work in the chips." if work else f"{finding}.",
        reading=f"How to read: the width of a ribbon is energy per {token}, all work for it included, in the first "
        "year. What branches off upward does not work in the chips; idle is what they draw while they wait.",
        notes=beside_metric(notes, "energy_per_token"),
    )


def _joint_of(part: str) -> str:
    return BRANCHES.get(part, ("IT equipment", ""))[0]


def _ordered(parts: Mapping[str, float]) -> dict[str, float]:
    """Parts from the meter inwards, the working chips last, so that ribbons do not cross."""
    depth = {joint: rank for rank, joint in enumerate((ROOT, *TRUNK))}
    names = sorted(parts, key=lambda name: (depth[_joint_of(name)], name == WORK))
    return {name: parts[name] for name in names}


def _joints(parts: Mapping[str, float]) -> dict[str, float]:
    """Energy that passes each joint; joints that nothing branches off from behind are left out."""
    order = (ROOT, *TRUNK)
    passing = {
        joint: sum(value for name, value in parts.items() if order.index(_joint_of(name)) >= rank)
        for rank, joint in enumerate(order)
    }
    return {joint: value for joint, value in passing.items() if value > 0}


def _slots(parts: Mapping[str, float], total: float) -> dict[str, tuple[float, float]]:
    """Top and height of every end, top to bottom, far enough apart for their labels."""
    slots, y = {}, 4.0
    for name, value in parts.items():
        height = FLOW * value / total
        room = max(height, LEAST_SLOT)
        slots[name] = (y + (room - height) / 2.0, height)
        y += room + GAP
    return slots


def _bar(name: str, x: float, bottom: float, value: float, total: float) -> Bar:
    height = FLOW * value / total
    return Bar(x, bottom - height, height, JOINT_COLORS[name], sentence_case(name), _amount(value, total), leaf=False)


def _leaf(name: str, value: float, slot: tuple[float, float], total: float) -> Bar:
    return Bar(LEAVES, *slot, color=_color(name), name=sentence_case(name), amount=_amount(value, total), leaf=True)


def _ribbons(
    parts: Mapping[str, float],
    joints: Mapping[str, float],
    slots: Mapping[str, tuple[float, float]],
    bottom: float,
    total: float,
) -> list[Ribbon]:
    made = []
    names = list(joints)
    for index, joint in enumerate(names):
        left, y = STEP * index + BAR, bottom - FLOW * joints[joint] / total
        for part in (part for part in parts if _joint_of(part) == joint):
            top, height = slots[part]
            text = f"{sentence_case(part)}: {_amount(parts[part], total)}"
            made.append(Ribbon(_path(left, y, LEAVES, top, height), _color(part), text))
            y += height
        if index + 1 < len(names):
            inner = names[index + 1]
            height = FLOW * joints[inner] / total
            text = f"{sentence_case(inner)}: {_amount(joints[inner], total)}"
            made.append(Ribbon(_path(left, y, STEP * (index + 1), bottom - height, height), JOINT_COLORS[inner], text))
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
