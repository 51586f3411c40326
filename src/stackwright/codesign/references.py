"""References: stacks that somebody would buy for the demand today, each with its serving tuned to it.

A study's own `reference` section comes first. What it leaves open is conventional: eight-bit weights, chips at
their full power, a fabric without oversubscription, one redundant module, grid power, chips that are bought; and of
site and cooling the study's first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.table import Point, Table
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study

SYSTEMS = ("hgx-h200-liquid", "hgx-b200-liquid", "gb200-nvl72")
"""What a buyer compares with: the last generation's and this one's board of eight, ready for liquid, and the rack."""
BESIDE = ("hgx-h200-air", "hgx-b200-air")
"""Shown beside them: the same boards in a hall that has only air."""

CONVENTION: dict[str, tuple[Any, ...]] = {
    "precision": ("fp8", "bf16"),
    "cache_precision": ("bf16", "fp8"),
    "redundancy": ("n-plus-1",),
    "distribution": ("ac-480-ups",),
    "sourcing": ("buy",),
}
"""Uptime Institute's Tier III asks for one redundant part; AC with a central UPS is what most halls have."""
CONVENTIONAL_SUPPLY = {"liquid": 303.15, "air": 298.15}
"""Supply temperatures: ASHRAE classes S30 of liquid, and A1's recommended range of air (TC 9.9, 2021)."""


@dataclass(frozen=True)
class Reference:
    """A stack to compare with; `point` is None where it cannot serve, and `reason` says why."""

    system: str
    name: str
    point: Point | None
    reason: str | None = None


def references(study: Study, parts: Parts, table: Table) -> list[Reference]:
    """Every reference that was tried, the best of the eligible ones first; empty where the table has none.

    A reference that the study names is the first, whatever it costs.
    """
    named = study.reference.rack
    known = [name for name in (*SYSTEMS, *BESIDE) if name in study.rack.system]
    tried = list(dict.fromkeys([*([named] if named else []), *known])) or list(study.rack.system)
    made = [_reference(study, parts, table, system) for system in tried]
    if not any(one.point for one in made):
        others = [system for system in study.rack.system if system not in tried]
        made += [_reference(study, parts, table, system) for system in others]

    def rank(one: Reference) -> tuple[bool, bool, bool, float]:
        worth = np.inf if one.point is None else float(table.open[one.point])
        return one.system != named, one.point is None, one.system in BESIDE, worth

    return sorted(made, key=rank)


def _reference(study: Study, parts: Parts, table: Table, system: str) -> Reference:
    name = parts.get("rack", system).name
    own = [number for number, choice in enumerate(table.choices) if choice.system == system]
    if not own:
        return Reference(system, name, None, "no setting of serving meets the demand on it")
    choice = _choice(study, parts, table, system, own)
    cooling = _cooling(study, parts, table, choice)
    if cooling is None:
        return Reference(system, name, None, "no cooling of the study holds its racks")
    point = Point(
        choice,
        cooling,
        _place(study, table),
        _portfolio(study, table),
        _first(table.sourcings, study.reference.sourcing, CONVENTION["sourcing"]),
    )
    if not table.may_win[choice, point.sourcing]:
        return Reference(system, name, None, "not to be had this way, or at numbers that nobody stands behind")
    if not np.isfinite(table.score[point]):
        return Reference(system, name, None, "exceeds a limit of the study with a conventional plant")
    return Reference(system, name, point)


def _first(options: Sequence[Any], wanted: Any, conventional: Sequence[Any] = ()) -> int:
    """Place of the option that is wanted, else of the conventional one, else of the first."""
    for value in (wanted, *conventional):
        if value is not None and value in options:
            return list(options).index(value)
    return 0


def _choice(study: Study, parts: Parts, table: Table, system: str, own: Sequence[int]) -> int:
    """Of a system's choices, the one that is nearest to convention."""
    given, listed = study.reference, parts.get("rack", system).record.links.get("fabrics") or ()
    fabrics = [listed] if isinstance(listed, str) else list(listed)

    def order(value: Any, wanted: Any, conventional: Sequence[Any]) -> int:
        ranked = [item for item in (wanted, *conventional) if item is not None]
        return ranked.index(value) if value in ranked else len(ranked)

    def rank(number: int) -> tuple[Any, ...]:
        choice = table.choices[number]
        return (
            choice.prefill_system is not None,
            study.model.architecture.index(choice.architecture) if study.model.architecture else 0,
            order(choice.precision, given.precision, CONVENTION["precision"]),
            order(choice.cache_precision, None, CONVENTION["cache_precision"]),
            choice.draft_tokens,
            order(choice.fabric, given.fabric, fabrics),
            choice.oversubscription,
            abs(choice.power_cap - given.power_cap) if given.power_cap is not None else -choice.power_cap,
        )

    return min(own, key=rank)


def _cooling(study: Study, parts: Parts, table: Table, choice: int) -> int | None:
    """The study's first cooling that takes the racks, at the conventional temperature that is nearest."""
    fitting = [int(number) for number in np.flatnonzero(table.fits[choice])]
    if not fitting:
        return None
    kinds = [kind for kind in study.cooling.type if kind in {table.coolings[number][0] for number in fitting}]
    kind = study.reference.cooling if study.reference.cooling in kinds else kinds[0]
    path = parts.get("cooling", kind).spec.heat_path
    warm = study.reference.supply_temperature or CONVENTIONAL_SUPPLY[path]
    own = [number for number in fitting if table.coolings[number][0] == kind]
    return min(own, key=lambda number: abs(table.coolings[number][1] - warm))


def _place(study: Study, table: Table) -> int:
    given = study.reference
    site = given.site or study.datacenter.site[0]
    own = [number for number, place in enumerate(table.places) if place.site == site]
    redundancy = _named([table.places[n].redundancy for n in own], given.redundancy, CONVENTION["redundancy"])
    distribution = _named([table.places[n].distribution for n in own], given.distribution, CONVENTION["distribution"])
    return next(
        number
        for number in own
        if (table.places[number].redundancy, table.places[number].distribution) == (redundancy, distribution)
    )


def _named(options: Sequence[str], wanted: str | None, conventional: Sequence[str]) -> str:
    return options[_first(options, wanted, conventional)]


def _portfolio(study: Study, table: Table) -> int:
    """The portfolio that the study names, else the first that is the grid alone, else the first."""
    bare = [menu.name for menu in study.power.portfolio if not menu.contracts and not menu.plants]
    return _first(table.portfolios, study.reference.portfolio, bare)
