"""Claims on build-outs: what a gigawatt costs, what operates against what is due, chips against power and packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stackwright.evidence.announcements.comparables import comparable, projects
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Bars, Computed, Finding, Interval, Lines, bar, over_draws
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

    return over_draws(
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
    whole = over_draws(lambda a, b: a * b, per_watt, capacity)
    stated = claim.stated.figure.value if claim.stated is not None else whole.value
    return Computed(
        whole=whole,
        why=f"A campus of {engine.catalog.get('rack', claim.choice('system')).name} costs {per_watt.low:.0f} to"
        f" {per_watt.high:.0f} USD/W at the meter;"
        f" the announcement implies {stated / capacity.value:.0f}.",
        rows=[
            {"what": "USD/W, computed", "low": per_watt.low, "value": per_watt.value, "high": per_watt.high},
            {"what": "USD/W, announced", "value": stated / capacity.value},
            {"what": "GW that the money buys", "low": stated / per_watt.high / GIGAWATT}
            | {"value": stated / per_watt.value / GIGAWATT, "high": stated / per_watt.low / GIGAWATT},
        ],
        bars=_against_projects(engine, per_watt, stated / capacity.value),
        used=[engine.datum("datacenter", claim.choice("site"), "building_cost").source],
    )


def _against_projects(engine: Engine, per_watt: Interval, announced: float) -> Bars:
    """Dollars per watt of whole campuses: computed, announced, and as others tell theirs."""
    published = [
        row
        for one in projects(engine.catalog)
        if one.buys == "campus" and (row := comparable("dollars_per_watt", one)) is not None
    ]
    return Bars(
        title="USD per watt at the meter, whole campus",
        rows=[
            bar("computed", per_watt),
            {"label": "this announcement", "value": announced},
            *(
                {"label": one.title, "value": one.found.value, "low": one.found.low, "high": one.found.high}
                for one in sorted(published, key=lambda one: one.found.value)
            ),
        ],
        stated=announced,
    )


def deployed_by(claim: Claim, engine: Engine) -> Computed:
    """What the capacity that operated at a date cost to build: the most that had been turned into running plant."""
    per_watt, operating = capital_per_watt(claim, engine), claim.fact("operating")
    building = claim.fact("under_construction")
    whole = over_draws(lambda a, b: a * b, per_watt, operating)
    begun = over_draws(lambda a, b: a * b, per_watt, building)
    return Computed(
        whole=whole,
        why=f"{operating.value / GIGAWATT:.1f} GW operated {claim.choice('at')}: at {per_watt.low:.0f} to"
        f" {per_watt.high:.0f} USD/W that is {whole.low / 1e9:.0f} to {whole.high / 1e9:.0f} billion USD of plant;"
        f" {building.value / GIGAWATT:.1f} GW with all that was being built would take {begun.low / 1e9:.0f} to"
        f" {begun.high / 1e9:.0f} once it is done.",
        under={"all that was being built counts, as if it were done": begun},
        used=[engine.datum("datacenter", claim.choice("site"), "building_cost").source],
    )


def operating_over_due(claim: Claim, engine: Engine) -> Computed:
    """Megawatts that operate over those due by then on the announcement's own schedule, and over the headline."""
    operating, due, headline = (claim.fact(name) for name in ("operating", "due", "headline"))
    whole = over_draws(lambda a, b: a / b, operating, due)
    of_headline = operating.value / headline.value
    return Computed(
        whole=whole,
        why=f"{operating.value / 1e6:,.0f} MW ran of {due.value / 1e6:,.0f} due by then on the announcement's own"
        f" schedule ({whole.value:.0%}), and of {headline.value / 1e6:,.0f} in the headline ({of_headline:.0%}), of"
        f" which {due.value / headline.value:.0%} was due.",
        findings=[Finding.either(whole.high < 1.0, "less runs than was due by the date", "as much may run as was due")],
        rows=[{"of": "due by the date", "share": whole.value}, {"of": "the headline", "share": of_headline}],
        curve=_over_time(claim) if "over_time" in claim.choices else None,
    )


def _over_time(claim: Claim) -> Lines:
    """Megawatts by month: due on schedules that were announced, and seen to run."""
    steps = {
        name: [(_year(str(month)), fact) for month, fact in line] for name, line in claim.choice("over_time").items()
    }
    months = sorted({month for line in steps.values() for month, _ in line})
    return Lines(
        x=months,
        lines={
            name: _between(months, [(month, claim.fact(fact).value / 1e6) for month, fact in line])
            for name, line in steps.items()
        },
        x_title="year",
        y_title="MW at Abilene",
    )


def _year(month: str) -> float:
    """A month's end as a calendar year with a fraction. Source: definition."""
    return float(month[:4]) + float(month[5:7]) / 12.0


def _between(months: Sequence[float], steps: Sequence[tuple[float, float]]) -> list[float | None]:
    """Straight lines between known months; None outside them. Source: definition."""
    known, values = zip(*steps, strict=True)
    return [float(np.interp(one, known, values)) if known[0] <= one <= known[-1] else None for one in months]


def _leads(newer: Interval) -> Finding:
    """Whether the older generation is most of the year's chips, by the newer one's share. Source: definition."""
    if newer.low <= 0.5 <= newer.high:
        return Finding(
            None,
            f"which generation leads depends on the newer one's share of the year's packages, {newer.low:.0%} to"
            f" {newer.high:.0%}, of which no source is known",
        )
    return Finding.either(newer.high < 0.5, "most of the year's chips are of it", "most of the year's chips are newer")


def chips_of_a_generation(claim: Claim, engine: Engine) -> Computed:
    """Chips of one generation that a year's packages leave, and the power that the stated number draws."""
    total, newer = claim.fact("all_generations"), claim.fact("newer_share")
    whole = over_draws(lambda a, b: a * (1.0 - b), total, newer)
    watts, pue = engine.watts(claim.choice("system")), claim.fact("pue").value
    stated = claim.stated.figure.value if claim.stated is not None else whole.value
    drawn = Interval(*(stated * watts[end] * pue for end in ("low", "value", "high")))
    shares = np.linspace(0.2, 0.9, 15)
    return Computed(
        whole=whole,
        why=f"Packages of the year are put at {total.low / 1e6:.1f} to {total.high / 1e6:.1f} million of all"
        f" generations; with {newer.low:.0%} to {newer.high:.0%} of them for the newer one, {whole.low / 1e6:.1f} to"
        f" {whole.high / 1e6:.1f} million are left. The number stated would draw {drawn.low / GIGAWATT:.2f} to"
        f" {drawn.high / GIGAWATT:.2f} GW at the meter.",
        findings=[_leads(newer)],
        rows=[
            {"what": "GW of the stated number", "low": drawn.low / GIGAWATT, "value": drawn.value / GIGAWATT}
            | {"high": drawn.high / GIGAWATT}
        ],
        curve=Lines(
            x=[float(one) * 100.0 for one in shares],
            lines={"left for this generation": [float(total.value * (1.0 - one)) / 1e6 for one in shares]},
            x_title="share of the newer generation in the year's packages, %",
            y_title="million chips",
            stated=stated / 1e6,
        ),
    )


def growth_between(claim: Claim, engine: Engine) -> Computed:
    """A quantity some years on over where it was, on an even growth between two years that are known or forecast."""
    first, last, span, asked = (claim.fact(name) for name in ("first", "last", "span", "asked"))
    part = asked.value / span.value
    whole = over_draws(lambda a, b: (b / a) ** part, first, last)
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
