"""Claims on build-outs: what a gigawatt costs, what operates against what is due, chips against power and packages."""

from __future__ import annotations

from collections.abc import Callable

from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval, over_corners
from stackwright.evidence.claims.engine import Engine

GIGAWATT = 1e9


def capital_per_watt(claim: Claim, engine: Engine) -> Interval:
    """Dollars per watt at the meter of a campus of one system: systems, fabric, building and plant."""
    system = claim.choice("system")
    watts = engine.watts(system)
    fabric = claim.fact("fabric_share")
    building = engine.datum("datacenter", claim.choice("site"), "building_cost")

    def dollars(price: float, drawn: float, share: float, plant: float, pue: float) -> float:
        return (price * (1.0 + share) / drawn + plant) / pue

    return over_corners(
        dollars,
        Interval.of(engine.datum("rack", system, "price_per_chip")),
        Interval(watts["low"], watts["value"], watts["high"]),
        fabric,
        Interval.of(building),
        claim.fact("pue"),
    )


def cost_of_capacity(claim: Claim, engine: Engine) -> Computed:
    """What an announced capacity costs to build with one system at today's prices."""
    per_watt, capacity = capital_per_watt(claim, engine), claim.fact("capacity")
    whole = over_corners(lambda a, b: a * b, per_watt, capacity)
    stated = claim.stated.figure.value if claim.stated is not None else whole.value
    return Computed(
        whole=whole,
        why=f"A campus of {claim.choice('system')} costs {per_watt.low:.0f} to {per_watt.high:.0f} USD/W at the meter;"
        f" the announcement implies {stated / capacity.value:.0f}.",
        rows=[
            {"what": "USD/W, computed", "low": per_watt.low, "value": per_watt.value, "high": per_watt.high},
            {"what": "USD/W, announced", "value": stated / capacity.value},
            {"what": "GW that the money buys", "low": stated / per_watt.high / GIGAWATT}
            | {"value": stated / per_watt.value / GIGAWATT, "high": stated / per_watt.low / GIGAWATT},
        ],
        used=[engine.datum("datacenter", claim.choice("site"), "building_cost").source],
    )


def deployed_by(claim: Claim, engine: Engine) -> Computed:
    """What the capacity that operated at a date cost to build: the most that had been turned into running plant."""
    per_watt, operating = capital_per_watt(claim, engine), claim.fact("operating")
    whole = over_corners(lambda a, b: a * b, per_watt, operating)
    return Computed(
        whole=whole,
        why=f"{operating.value / GIGAWATT:.1f} GW operated {claim.choice('at')}: at {per_watt.low:.0f} to"
        f" {per_watt.high:.0f} USD/W that is {whole.low / 1e9:.0f} to {whole.high / 1e9:.0f} billion USD of plant.",
        used=[engine.datum("datacenter", claim.choice("site"), "building_cost").source],
    )


def operating_over_due(claim: Claim, engine: Engine) -> Computed:
    """Megawatts that operate over those due by then on the announcement's own schedule, and over the headline."""
    operating, due, headline = (claim.fact(name) for name in ("operating", "due", "headline"))
    whole = over_corners(lambda a, b: a / b, operating, due)
    of_headline = operating.value / headline.value
    return Computed(
        whole=whole,
        why=f"{operating.value / 1e6:,.0f} MW ran of {due.value / 1e6:,.0f} due by then on the announcement's own"
        f" schedule ({whole.value:.0%}), and of {headline.value / 1e6:,.0f} in the headline ({of_headline:.0%}), of"
        f" which {due.value / headline.value:.0%} was due.",
        findings=[Finding.either(whole.high < 1.0, "less runs than was due by the date", "as much may run as was due")],
        rows=[{"of": "due by the date", "share": whole.value}, {"of": "the headline", "share": of_headline}],
    )


def chips_of_a_generation(claim: Claim, engine: Engine) -> Computed:
    """Chips of one generation that a year's packages leave, and the power that the stated number draws."""
    total, newer = claim.fact("all_generations"), claim.fact("newer_share")
    whole = over_corners(lambda a, b: a * (1.0 - b), total, newer)
    watts, pue = engine.watts(claim.choice("system")), claim.fact("pue").value
    stated = claim.stated.figure.value if claim.stated is not None else whole.value
    drawn = Interval(*(stated * watts[end] * pue for end in ("low", "value", "high")))
    return Computed(
        whole=whole,
        why=f"Packages of the year are put at {total.low / 1e6:.1f} to {total.high / 1e6:.1f} million of all"
        f" generations; with {newer.low:.0%} to {newer.high:.0%} of them for the newer one, {whole.low / 1e6:.1f} to"
        f" {whole.high / 1e6:.1f} million are left. The number stated would draw {drawn.low / GIGAWATT:.2f} to"
        f" {drawn.high / GIGAWATT:.2f} GW at the meter.",
        rows=[
            {"what": "GW of the stated number", "low": drawn.low / GIGAWATT, "value": drawn.value / GIGAWATT}
            | {"high": drawn.high / GIGAWATT}
        ],
    )


def growth_between(claim: Claim, engine: Engine) -> Computed:
    """A quantity some years on over where it was, on an even growth between two years that are known or forecast."""
    first, last, span, asked = (claim.fact(name) for name in ("first", "last", "span", "asked"))
    part = asked.value / span.value
    whole = over_corners(lambda a, b: (b / a) ** part, first, last)
    return Computed(
        whole=whole,
        why=f"Evenly grown to the forecast it is {whole.low:.2f} to {whole.high:.2f} times as much.",
    )


QUANTITIES: dict[str, Callable[[Claim, Engine], Computed]] = {
    "cost_of_capacity": cost_of_capacity,
    "deployed_by": deployed_by,
    "operating_over_due": operating_over_due,
    "chips_of_a_generation": chips_of_a_generation,
    "growth_between": growth_between,
}
