"""Which systems may win: those that this buyer can have, at numbers that somebody stands behind.

A number of kind `unverified` drives no headline, so a system that depends on one is priced and shown
beside the others but never chosen. A price that is its maker's internal cost is not a price to others:
they can rent. A chip of the buyer's own needs the record of a program that makes it; its price is the
program's, whatever its maker's costs are.
"""

from __future__ import annotations

from stackwright.core.records import Record
from stackwright.stack.offer import OWN_CHIP, program_of
from stackwright.stack.parts import Part, Parts

HEADLINE = {"chip": ("memory_capacity", "memory_bandwidth", "peak_bf16", "tdp")}
PRICES = {"buy": "price_per_chip", "lease": "price_per_chip", "rent": "rent_committed"}


def absent(system: Part, parts: Parts, sourcing: str) -> str | None:
    """Why a system cannot be had this way at all, or None."""
    if sourcing in OWN_CHIP:
        return None if program_of(system, parts) else "no record of a program that makes its chip"
    return unavailable(system, sourcing)


def unavailable(system: Part, sourcing: str) -> str | None:
    """Why its vendor does not sell or rent a system this way, or None."""
    if getattr(system.spec, PRICES[sourcing]) is None:
        return f"no public {'rent' if sourcing == 'rent' else 'price'}"
    basis = str(system.record.text.get("price_basis") or "")
    if sourcing != "rent" and basis.startswith("internal"):
        return "not sold: the price on record is its maker's own cost"
    return None


def ineligible(system: Part, parts: Parts, sourcing: str) -> str | None:
    """Why a system may not be the headline, or None: unverified numbers that decide its cost."""
    chip = parts.get("chip", str(system.record.links["chip"]))
    doubtful = [f"chip.{name}" for name in HEADLINE["chip"] if _unverified(chip.record, name)]
    if sourcing in OWN_CHIP:
        program = program_of(system, parts)
        assert program is not None
        doubtful += [f"program.{name}" for name in program.record.values if _unverified(program.record, name)]
    elif _unverified(system.record, PRICES[sourcing]):
        doubtful.append(f"system.{PRICES[sourcing]}")
    return f"unverified {', '.join(doubtful)}" if doubtful else None


def _unverified(record: Record, name: str) -> bool:
    datum = record.values.get(name)
    return datum is not None and datum.kind == "unverified"
