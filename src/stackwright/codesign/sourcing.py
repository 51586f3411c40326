"""What each way of sourcing offers on each system of a study, or why it cannot be had.

One place for the prices that search and evaluation read: see `stack.offer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackwright.codesign.eligibility import absent
from stackwright.codesign.plants import terms_of
from stackwright.stack.offer import OWN_CHIP, Arrangement, Offer, offer_of, program_of
from stackwright.stack.parts import Part, Parts
from stackwright.stack.study import Study


@dataclass(frozen=True)
class Absent:
    """A way of sourcing that cannot be had, and why."""

    reason: str


def offer(system: Part, parts: Parts, sourcing: str, study: Study) -> Offer | Absent:
    """What a system costs under a way of sourcing, or why it cannot be had so."""
    if reason := absent(system, parts, sourcing):
        return Absent(reason)
    given = arrangement_of(study, parts, sourcing, [system])
    chip = parts.get("chip", str(system.record.links["chip"]))
    return offer_of(sourcing, system.spec, chip.spec, terms_of(study, parts), lease=given.lease, program=given.program)


def offers_of_menu(study: Study, parts: Parts, systems: Iterable[Part]) -> dict[tuple[str, str], Offer]:
    """What the systems of a menu cost by system and way of sourcing; ways that cannot be had are left out."""
    known = {system.id: system for system in systems}
    made = {(name, way): offer(known[name], parts, way, study) for name in known for way in study.finance.sourcing}
    return {key: one for key, one in made.items() if isinstance(one, Offer)}


def arrangement_of(study: Study, parts: Parts, sourcing: str, systems: Sequence[Part]) -> Arrangement:
    """The lease or the programs of a way of sourcing that can be had on systems, decode before prefill."""
    found: dict[str, Any] = {
        place: replace(part.spec, volume=study.finance.program_volume)
        if place != "lease" and study.finance.program_volume is not None
        else part.spec
        for place, part in sourcing_parts(study, parts, sourcing, systems).items()
    }
    return Arrangement(**found)


def sourcing_parts(study: Study, parts: Parts, sourcing: str, systems: Sequence[Part]) -> dict[str, Part]:
    """The records that a way of sourcing rests on, by their place in an `Arrangement`."""
    if sourcing == "lease":
        return {"lease": parts.get("finance", study.finance.lease)}
    if sourcing not in OWN_CHIP:
        return {}
    programs = [program_of(system, parts) for system in systems]
    places = ("program", "prefill_program")
    return {
        place: program
        for place, program in zip(places, programs, strict=False)
        if program is not None and (place == "program" or program is not programs[0])
    }
