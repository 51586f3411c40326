"""Which systems may win: those that this buyer can have, at numbers that somebody stands behind.

A number of kind `unverified` drives no headline, so a system that depends on one is priced and shown
beside the others but never chosen. A price that is its maker's internal cost is not a price to others:
they can rent.
"""

from __future__ import annotations

from stackwright.core.records import Record
from stackwright.stack.parts import Part, Parts

HEADLINE = {"chip": ("memory_capacity", "memory_bandwidth", "peak_bf16", "tdp")}
PRICES = {"buy": "price_per_chip", "rent": "rent_committed"}


def unavailable(system: Part, sourcing: str) -> str | None:
    """Why a system cannot be had this way at all, or None."""
    if getattr(system.spec, PRICES[sourcing]) is None:
        return f"no public {'price' if sourcing == 'buy' else 'rent'}"
    basis = str(system.record.text.get("price_basis") or "")
    if sourcing == "buy" and basis.startswith("internal"):
        return "not sold: the price on record is its maker's own cost"
    return None


def ineligible(system: Part, parts: Parts, sourcing: str) -> str | None:
    """Why a system may not be the headline, or None: unverified numbers that decide its cost."""
    chip = parts.get("chip", str(system.record.links["chip"]))
    doubtful = [f"chip.{name}" for name in HEADLINE["chip"] if _unverified(chip.record, name)]
    if _unverified(system.record, PRICES[sourcing]):
        doubtful.append(f"system.{PRICES[sourcing]}")
    return f"unverified {', '.join(doubtful)}" if doubtful else None


def _unverified(record: Record, name: str) -> bool:
    datum = record.values.get(name)
    return datum is not None and datum.kind == "unverified"
