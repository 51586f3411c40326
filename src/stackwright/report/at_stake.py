"""What each layer of a plan is: margin, lever or vulnerability, and hence made, had with a partner, or bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.formats import ranged, sentence_case
from stackwright.report.layers import color_of, title_of


@dataclass(frozen=True)
class Stake:
    """A layer with what is at stake in it, each in dollars with its range, and in tokens where some are lost."""

    title: str
    color: str
    margin: str
    performance: str
    late: str
    lost: str
    repriced: str
    roles: list[tuple[str, bool]]
    """Words that hold, and whether the whole range agrees."""
    way: str
    sure: bool
    why: str


def stakes_of(plan: Mapping[str, Any]) -> list[Stake]:
    """Rows of the table, as the plan has its layers."""
    return [_stake(row) for row in plan.get("at_stake") or ()]


def _stake(row: Mapping[str, Any]) -> Stake:
    exposure = row["exposure"]
    return Stake(
        title=title_of(row["layer"]),
        color=color_of(row["layer"]),
        margin=_dollars(row["margin"]["dollars"], row["margin"].get("vendor")),
        performance=_dollars(row["performance"]["dollars"], row["performance"].get("option")),
        late=_with_tokens(exposure["late"]),
        lost=_with_tokens(exposure["lost"], exposure["lost"].get("stands_in")),
        repriced=_dollars(exposure["repriced"]["dollars"], None),
        roles=[(word, bool(one["sure"])) for word, one in row["roles"].items() if one["holds"]],
        way=sentence_case(str(row["way"])),
        sure=bool(row["sure"]),
        why=str(row["why"]),
    )


def _dollars(item: Mapping[str, Any], of: object) -> str:
    """Dollars with their range and what they are of; empty where the plan has none."""
    if item["value"] is None:
        return ""
    return f"{ranged(item)}: {of}" if of else ranged(item)


def _with_tokens(item: Mapping[str, Any], of: object = None) -> str:
    """Dollars and tokens of an exposure, where it has them."""
    told = [_dollars(item["dollars"], of)]
    if item["tokens"]["value"]:
        told.append(ranged(item["tokens"]))
    return "; ".join(one for one in told if one)


def stakes_finding(stakes: list[Stake]) -> str:
    """Which layers can hurt, and how each is to be had, in a sentence."""
    exposed = [one.title.lower() for one in stakes if any(word == "strategic vulnerability" for word, _ in one.roles)]
    ways: dict[str, list[str]] = {}
    for one in stakes:
        ways.setdefault(one.way.lower(), []).append(one.title.lower())
    hence = "; ".join(f"{way} {', '.join(layers)}" for way, layers in ways.items())
    hurt = (
        f"Others can hurt most by: {', '.join(exposed)}. " if exposed else "No layer is one by which others can hurt. "
    )
    return f"{hurt}Hence: {hence}."
