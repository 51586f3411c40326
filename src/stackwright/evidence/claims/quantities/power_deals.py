"""Claims on power contracts: capacity, worth over the term, and what a contract delivers, from its record."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackwright.core.records import Record
from stackwright.core.units import SECONDS_PER_HOUR, SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval
from stackwright.evidence.claims.engine import Engine
from stackwright.power.contract import Contract

MEGAWATT = 1e6
MEGAWATT_HOUR = 1e6 * SECONDS_PER_HOUR
TERAWATT_HOUR = 1e6 * MEGAWATT_HOUR
ENDS = ("low", "value", "high")


def term_range(contract: Contract, record: Record, fields: Sequence[str]) -> tuple[Interval, Interval]:
    """Energy and payments over the term, over all corners of some fields of the record."""
    given = [field for field in fields if field in record.values]
    middle = contract.term()
    corners = [
        replace(
            contract, **{name: getattr(record.values[name], end) for name, end in zip(given, ends, strict=True)}
        ).term()
        for ends in itertools.product(("low", "high"), repeat=len(given))
    ]
    parts = zip(middle, *corners, strict=True)
    energy, paid = ([float(one) for one in part] for part in parts)
    return Interval.around(energy, energy[0]), Interval.around(paid, paid[0])


def contract_capacity(claim: Claim, engine: Engine) -> Computed:
    """A contract's capacity, its energy by year, and whether what it is said to give is in its terms."""
    part = engine.parts.get("power", claim.choice("contract"))
    contract, values = part.spec, part.record.values
    energy, paid = term_range(contract, part.record, ("capacity_factor",))
    capacity = Interval.of(values["capacity"])
    rows = _steps(contract)
    mean = energy.value / (contract.capacity_factor * contract.tenor)
    new = float(contract.additional) * float(contract.capacity)
    whole, under = capacity, {}
    if mean < 0.98 * capacity.value:
        ends = [mean * getattr(values["capacity"], end) / capacity.value for end in ENDS]
        whole, under = Interval(*ends), {"the last step of the ramp has come": capacity}
    return Computed(
        whole=whole,
        why=f"{capacity.value / MEGAWATT:,.0f} MW at most and {mean / MEGAWATT:,.0f} in the mean of the term:"
        f" {energy.low / TERAWATT_HOUR:.0f} to {energy.high / TERAWATT_HOUR:.0f} TWh for about"
        f" {paid.value / 1e9:.1f} billion USD; {new / MEGAWATT:,.0f} MW of it is new generation,"
        f" {float(contract.delivered):.0%} serves the buyer's load over the grid, {float(contract.onsite):.0%} behind"
        " his meter.",
        under=under,
        findings=_expected(claim, contract),
        rows=rows,
        used=[values[name].source for name in ("capacity", "capacity_factor")],
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
    energy, _ = term_range(contract, part.record, ("capacity_factor", "interim_share", "ramp_time", "initial_share"))
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
    return Computed(
        whole=Interval(ends["low"], ends["value"], ends["high"]),
        why=f"{ends['value']:.0%} of {total / 1e9:.1f} GW stand behind a buyer's meter;"
        f" {len(attributes)} of {len(rows)} contracts deliver no energy at all, attributes only.",
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
