"""Ways to have chips and a place for them: bought, rented, in a leased building, made alone or with a partner.

An `Offer` is what a way of sourcing costs on one system; search and evaluation read no other price. Bought and
rented systems have the prices of their records. A lease takes the capital of building and plant away and brings a
yearly rent. A chip of one's own costs what its program makes it for, in a system that is built around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackwright.chip.accelerator import Accelerator
from stackwright.core.arrays import trailing
from stackwright.core.errors import Fault, InputError
from stackwright.core.spec import spec
from stackwright.core.units import SECONDS_PER_YEAR, Array, Dollars, DollarsPerSecond, PerYear, Ratio
from stackwright.finance.lease import Lease, escalated
from stackwright.finance.program import ChipProgram, nre_per_chip
from stackwright.finance.terms import Terms
from stackwright.rack.system import System
from stackwright.stack.deployment import Unit
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import Hardware

OWN_CHIP = ("partner", "make")
"""Ways whose chip is the buyer's own design."""
PLANTS = {"buy": "own", "rent": "rented", "lease": "leased", "partner": "own", "make": "own"}
"""Whose building and plant a way of sourcing has: the buyer's own, in the chips' rent, or leased apart."""


@spec
class Arrangement:
    """What a way of sourcing rests on beside the systems; leaves may be draws [n]."""

    lease: Lease | None = None
    program: ChipProgram | None = None
    prefill_program: ChipProgram | None = None
    """Where the prefill pool stands on a system with another chip."""


PLAIN = Arrangement()
"""Systems as their vendors sell or rent them."""


@dataclass(frozen=True)
class Offer:
    """What a chip of one system costs under a way of sourcing; numbers are floats or draws [n]."""

    system_price: Dollars
    """Per chip, in its system, with its share of a program's NRE."""
    chip_price: Dollars
    """Of it, the chip."""
    rent: DollarsPerSecond
    """Per chip, all-in."""
    plant: str
    """``own``, ``rented`` or ``leased``."""
    lease: PerYear = 0.0
    """Yearly rent of building and plant over their capital, where they are leased."""
    escalation: PerYear = 0.0

    @property
    def rented(self) -> bool:
        """Whether one rent pays for all. Source: definition."""
        return self.plant == "rented"

    def lease_rates(self, years: Array) -> Ratio:
        """Lease paid in each year [..., Y] over the capital of what is leased then; zero where nothing is leased.

        Source: definition.
        """
        return trailing(self.lease) * SECONDS_PER_YEAR * escalated(year=years, escalation=trailing(self.escalation))


def program_price(way: str, program: ChipProgram, rate: Ratio) -> Dollars:
    """A chip of a program, with its share of the NRE; `rate` is the discount rate per year. Source: definition."""
    partner = way == "partner"
    chip = program.partnered(program.volume) if partner else program.made(program.volume)
    return chip + nre_per_chip(
        nre=program.partner_nre if partner else program.nre,
        volume=program.volume,
        failure=program.failure,
        rate=rate,
        lead_time=program.lead_time,
    )


def offer_of(
    way: str,
    system: System,
    chip: Accelerator,
    terms: Terms,
    *,
    lease: Lease | None = None,
    program: ChipProgram | None = None,
) -> Offer:
    """What one system costs under a way of sourcing that can be had.

    A price that nobody publishes counts as zero: `eligibility` keeps such a way out.
    """
    price, part = _or_zero(system.price_per_chip), _or_zero(chip.price)
    if way in OWN_CHIP:
        assert program is not None
        part = program_price(way, program, terms.discount_rate)
        price = program.system_cost + part
    made = Offer(system_price=price, chip_price=part, rent=_or_zero(system.rent_committed), plant=PLANTS[way])
    if made.plant != "leased":
        return made
    assert lease is not None
    return replace(made, lease=lease.over_capital, escalation=lease.escalation)


def offers_of(way: str, hardware: Sequence[Hardware], terms: Terms, arrangement: Arrangement) -> tuple[Offer, ...]:
    """What the systems of a fleet cost, decode before prefill."""
    programs = (arrangement.program, arrangement.prefill_program or arrangement.program)
    return tuple(
        offer_of(way, parts.system, parts.chip, terms, lease=arrangement.lease, program=program)
        for parts, program in zip(hardware, programs, strict=False)
    )


def priced(unit: Unit, offer: Offer) -> Unit:
    """A unit at the price of an offer. Source: definition."""
    return replace(unit, system_price=0.0 * unit.decode_chips + offer.system_price)


def program_of(system: Part, parts: Parts) -> Part | None:
    """The program that makes a system's chip, or None. Raises `InputError` where records name two."""
    chip = system.record.links["chip"]
    found = [
        record.id
        for record in parts.catalog.records("finance")
        if record.type == "ChipProgram" and record.links.get("chip") == chip
    ]
    if len(found) > 1:
        raise InputError([Fault("catalog", "finance", f"{', '.join(found)} for {chip}", "one program for a chip")])
    return parts.get("finance", found[0]) if found else None


def _or_zero(price: Any) -> Any:
    return 0.0 if price is None else price
