"""Claims on power contracts: capacity, worth over the term, and what a contract delivers, from its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.codesign.uncertainty import BOUNDED
from stackwright.core.records import Record
from stackwright.core.units import SECONDS_PER_HOUR, SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import (
    Bars,
    Computed,
    Finding,
    Interval,
    Lines,
    bar,
    percentiles,
    standard_draws,
)
from stackwright.evidence.claims.engine import Engine
from stackwright.power.contract import Contract

MEGAWATT = 1e6
MEGAWATT_HOUR = 1e6 * SECONDS_PER_HOUR
TERAWATT_HOUR = 1e6 * MEGAWATT_HOUR
ENDS = ("low", "value", "high")
TERMS = 48
"""Draws of a contract: its whole term is settled by the hour in each."""
OF_ENERGY = ("capacity_factor", "interim_share", "ramp_time", "initial_share")
"""Numbers of a contract on which its energy rests."""


def term_range(contract: Contract, record: Record, fields: Sequence[str]) -> tuple[Interval, Interval]:
    """Energy and payments over the term, over draws of some numbers of the record."""
    given = [name for name in fields if name in record.values and Interval.of(record.values[name]).width > 0.0]
    normals = standard_draws(TERMS if given else 1, len(given))
    drawn = [Interval.of(record.values[name]).at(one) for name, one in zip(given, normals, strict=True)]
    cut = [np.minimum(one, 1.0) if name in BOUNDED else one for name, one in zip(given, drawn, strict=True)]
    terms = [
        replace(contract, **dict(zip(given, map(float, one), strict=True))).term() for one in zip(*cut, strict=True)
    ]
    middle = contract.term()
    energy, paid = (np.array([float(one[part]) for one in (middle, *terms)]) for part in (0, 1))
    return percentiles(energy[1:] if given else energy, energy[0]), percentiles(paid[1:] if given else paid, paid[0])


def contract_capacity(claim: Claim, engine: Engine) -> Computed:
    """A contract's capacity, its energy by year, and whether what it is said to give is in its terms."""
    part = engine.parts.get("power", claim.choice("contract"))
    contract, values = part.spec, part.record.values
    energy, paid = term_range(contract, part.record, OF_ENERGY)
    capacity, factor = Interval.of(values["capacity"]), Interval.of(values["capacity_factor"])
    middle, _ = contract.term()
    mean = float(middle) / (contract.capacity_factor * contract.tenor)
    whole, under = capacity, {}
    if mean < 0.98 * capacity.value:
        ends = [mean * getattr(values["capacity"], end) / capacity.value for end in ENDS]
        whole, under = Interval(*ends), {"the last step of the ramp has come": capacity}
    in_the_mean = f" and {mean / MEGAWATT:,.0f} in the mean of the term" if under else ""
    return Computed(
        whole=whole,
        why=f"{capacity.value / MEGAWATT:,.0f} MW at most{in_the_mean}: {energy.low / TERAWATT_HOUR:.0f} to"
        f" {energy.high / TERAWATT_HOUR:.0f} TWh at capacity factors of {factor.low:.0%} to {factor.high:.0%}, for"
        f" about {paid.value / 1e9:.1f} billion USD. {_kind_of_power(contract)}",
        under=under,
        findings=_expected(claim, contract),
        rows=_steps(contract),
        curve=_ramp(claim, contract),
        used=[values[name].source for name in ("capacity", "capacity_factor")],
    )


def _kind_of_power(contract: Contract) -> str:
    """How the buyer gets it, and how much of it is new, in words."""
    added = float(contract.additional * contract.capacity) / MEGAWATT
    new = f"{added:,.0f} MW of it is new generation" if added else "none of it is new generation"
    if float(contract.onsite) >= 0.5:
        return f"It comes behind the buyer's meter; {new}."
    if float(contract.delivered) >= 0.5:
        return f"It comes to the buyer's load over the grid, none of it behind his meter; {new}."
    return f"The buyer gets the attributes and no energy: the plant sells that to the grid; {new}."


def _ramp(claim: Claim, contract: Contract) -> Lines:
    """Megawatts by year, beside those stated."""
    years = np.array([float(year) for year in contract.years()])
    held = [float(contract.capacity * contract.ramp_share(year)) / MEGAWATT for year in years]
    stated = None if claim.stated is None else claim.stated.figure.value / MEGAWATT
    return Lines(
        x=[float(year) for year in years],
        lines={"under contract, mean of the year": held},
        x_title="year",
        y_title="MW",
        stated=stated,
        steps=True,
    )


def _steps(contract: Contract) -> list[dict[str, Any]]:
    """Megawatts under contract, in the years in which they change."""
    years = [float(year) for year in contract.years()]
    held = [float(contract.capacity * contract.ramp_share(year)) / MEGAWATT for year in years]
    return [
        {"from year": int(year), "MW, mean of the year": here}
        for year, here, before in zip(years, held, [0.0, *held], strict=False)
        if here != before
    ]


def _expected(claim: Claim, contract: Contract) -> list[Finding]:
    """What the claim says that the contract gives, against its terms."""
    told = {
        "delivered": "the contract delivers energy to the buyer's load",
        "additional": "most of the energy would not exist without the contract",
        "onsite": "the plant stands behind the buyer's meter",
    }
    not_so = {
        "delivered": "the buyer gets attributes; all of his energy still comes from the grid",
        "additional": "the plant runs today: hardly any of its energy is new",
        "onsite": "the plant serves the grid, not the buyer's meter",
    }
    found = []
    for name in claim.choices.get("expects", ()):
        holds = float(getattr(contract, name)) >= 0.5
        found.append(Finding(holds, told[name] if holds else not_so[name]))
    return found


def contract_value(claim: Claim, engine: Engine) -> Computed:
    """Payments over a contract's term, over the corners of price and capacity factor."""
    part = engine.parts.get("power", claim.choice("contract"))
    energy, paid = term_range(part.spec, part.record, ("price", "capacity_factor"))
    price = part.record.values["price"]
    named = claim.fact("named_figure")
    same = claim.stated is not None and named.meets(claim.stated.figure)
    unit_price = 1.0 / MEGAWATT_HOUR
    return Computed(
        whole=paid,
        why=f"{energy.value / TERAWATT_HOUR:.0f} TWh at {price.low / unit_price:.0f} to {price.high / unit_price:.0f}"
        f" USD/MWh are {paid.low / 1e9:.1f} to {paid.high / 1e9:.1f} billion USD over the term.",
        findings=[Finding(False, f"the same figure was published as something else: {claim.choice('named_as')}")]
        if same
        else [],
        used=[one.source for one in (price, part.record.values["capacity"])],
    )


def price_of_energy(claim: Claim, engine: Engine) -> Computed:
    """A contract's published worth over its energy: with its ramp, and as if it were whole from the start."""
    part = engine.parts.get("power", claim.choice("contract"))
    contract = part.spec
    worth = claim.fact("worth")
    energy, _ = term_range(contract, part.record, OF_ENERGY)
    flat, _ = term_range(
        replace(contract, initial_share=1.0, interim_year=None, interim_share=None, full_year=None, ramp_time=0.0),
        part.record,
        ("capacity_factor",),
    )

    hours = Interval.exactly(float(contract.capacity * claim.fact("years").value))

    def over(given: Interval) -> Interval:
        scale = MEGAWATT_HOUR
        return Interval(
            worth.low / given.high * scale, worth.value / given.value * scale, worth.high / given.low * scale
        )

    ramped, whole = over(energy), over(flat)
    in_si = {"with": ramped, "flat": whole, "never stopped": over(hours)}
    unit_price = 1.0 / MEGAWATT_HOUR
    scaled = {name: Interval(*(getattr(one, end) / MEGAWATT_HOUR for end in ENDS)) for name, one in in_si.items()}
    return Computed(
        whole=scaled["with"],
        why=f"With its steps the contract carries {energy.low / TERAWATT_HOUR:.0f} to {energy.high / TERAWATT_HOUR:.0f}"
        f" TWh, {ramped.low:.0f} to {ramped.high:.0f} USD/MWh; whole from the start it would be {whole.low:.0f} to"
        f" {whole.high:.0f}.",
        under={
            "the whole capacity flowed from the first day": scaled["flat"],
            "the whole capacity flowed in every hour of every year": scaled["never stopped"],
        },
        bars=Bars(
            title="USD/MWh over the term",
            rows=[
                bar("with its steps", scaled["with"], unit_price),
                bar("whole from the first day", scaled["flat"], unit_price),
                bar("whole, and never stopped", scaled["never stopped"], unit_price),
            ],
            stated=None if claim.stated is None else claim.stated.figure.value / unit_price,
        ),
        used=[part.record.values["capacity"].source],
    )


def dedicated_share(claim: Claim, engine: Engine) -> Computed:
    """Share of some contracts' megawatts behind the buyer's meter."""
    parts = [engine.parts.get("power", one) for one in claim.choice("contracts")]
    total = sum(float(one.spec.capacity) for one in parts)
    rows: list[dict[str, Any]] = []
    for one in parts:
        rows.append(
            {
                "contract": one.name,
                "MW": float(one.spec.capacity) / MEGAWATT,
                "behind the meter": float(one.spec.onsite),
                "delivered to the load": float(one.spec.delivered),
                "new": float(one.spec.additional),
                "years": float(one.spec.tenor) / SECONDS_PER_YEAR,
            }
        )
    ends = {
        end: sum(getattr(one.record.values["onsite"], end) * float(one.spec.capacity) for one in parts) / total
        for end in ENDS
    }
    attributes = [row["contract"] for row in rows if row["delivered to the load"] == 0.0]
    signing = claim.fact("behind_the_meter_at_signing")
    before = Interval(*(getattr(signing, end) / total for end in ENDS))
    return Computed(
        whole=Interval(ends["low"], ends["value"], ends["high"]),
        why=f"{ends['value']:.0%} of {total / 1e9:.1f} GW stand behind a buyer's meter today, {before.value:.0%} did"
        f" when the last was signed; {len(attributes)} of {len(rows)} contracts deliver no energy at all, attributes"
        " only.",
        under={"the share is that at signing, before the regulator's refusal took effect": before},
        findings=[
            Finding.either(
                ends["high"] >= 0.5, "half of the megawatts may be behind a meter", "most megawatts come over the grid"
            )
        ],
        rows=rows,
        used=[one.record.values["capacity"].source for one in parts],
    )


QUANTITIES = {
    "contract_capacity": contract_capacity,
    "contract_value": contract_value,
    "price_of_energy": price_of_energy,
    "dedicated_share": dedicated_share,
}
