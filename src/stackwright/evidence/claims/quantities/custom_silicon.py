"""Claims on chips of one's own: volumes and queries that repay a program, the ramp of a share, margins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.codesign.make_or_buy import Range, break_even
from stackwright.core.units import SECONDS_PER_DAY, SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval, over_corners
from stackwright.evidence.claims.engine import POOLS, Engine
from stackwright.evidence.claims.quantities.cases import case_of


def rate_of(claim: Claim, engine: Engine, side: str) -> float:
    """Tokens per second and chip of a side of a claim at its time between tokens, prompts counted."""
    chosen = claim.choice(side)
    case = case_of(
        claim,
        chosen,
        account=POOLS,
        within_domain=True,
    )
    return float(engine.curve(case).best(np.array([claim.fact("between_tokens").value]))[0])


def worth_of_a_chip(claim: Claim, engine: Engine) -> Interval:
    """The price of a custom chip's system at which its tokens cost those of the bought one, power aside."""
    faster = rate_of(claim, engine, "custom") / rate_of(claim, engine, "bought")
    price = engine.datum("rack", claim.choice("bought")["system"], "price_per_chip")
    return over_corners(lambda a, b: a * b, Interval.of(price), Interval.exactly(faster))


def volume_that_repays(claim: Claim, engine: Engine) -> Computed:
    """Chips that repay a program at the price at which they tie with what is sold, against the volume announced."""
    program = engine.parts.get("finance", claim.choice("program")).spec
    rate = engine.parts.get("finance", "corporate").spec.discount_rate
    worth = worth_of_a_chip(claim, engine)
    made = break_even(program, Range(worth.low, worth.value, worth.high), rate)["ways"]["partner"]
    watts = engine.watts(claim.choice("custom")["system"])["value"] * claim.fact("pue").value
    announced = claim.fact("announced_power").value / watts
    volumes = {end: one for end, one in made["volume"].items() if one is not None}
    told = f"{min(volumes.values()):,.0f} to {max(volumes.values()):,.0f}" if volumes else "no number of"
    never = "" if len(volumes) == len(made["volume"]) else ", and never at the low end of the price"
    return Computed(
        whole=None,
        why=f"A program of this class repays with a partner at {told} chips{never}; the power announced is that of"
        f" {announced / 1e6:.1f} million.",
        findings=[
            Finding.either(
                bool(volumes) and min(volumes.values()) <= announced,
                "the volume announced repays a program of its class",
                "the volume announced does not repay a program of its class",
            )
        ],
        rows=[{"end of the price": end, "chips that repay": one} for end, one in made["volume"].items()],
    )


def queries_that_repay(claim: Claim, engine: Engine) -> Computed:
    """Queries a day that repay a program within a chip's life, from what a query costs on both chips."""
    program = engine.parts.get("finance", claim.choice("program")).spec
    nre, life = claim.fact("nre"), claim.fact("life").value
    tokens = claim.fact("output").value
    bought = engine.datum("rack", claim.choice("bought")["system"], "price_per_chip")
    own = float(program.partnered(program.volume) + program.system_cost)
    rates = {side: rate_of(claim, engine, side) for side in ("custom", "bought")}
    busy = claim.fact("utilization")

    def per_query(price: float, rate: float, share: float) -> float:
        return price * tokens / (rate * life * share)

    def needed(spent: float, price: float, share: float) -> float:
        saved = per_query(price, rates["bought"], share) - per_query(own, rates["custom"], share)
        return spent / saved / life if saved > 0.0 else float("inf")

    whole = over_corners(needed, nre, Interval.of(bought), busy)
    saved = per_query(bought.value, rates["bought"], busy.value) - per_query(own, rates["custom"], busy.value)
    daily = SECONDS_PER_DAY
    return Computed(
        whole=whole,
        why=f"A query saves {saved * 100:.3f} cents on an own chip; {nre.low / 1e9:.1f} to {nre.high / 1e9:.1f} billion"
        f" USD are repaid over {life / SECONDS_PER_YEAR:.0f} years by {whole.low * daily / 1e9:.2f} to"
        f" {whole.high * daily / 1e9:.2f} billion queries a day.",
        rows=[{"side": side, "tokens/s per chip": rate} for side, rate in rates.items()],
        used=[bought.source] if bought.source != "assumption" else [],
    )


def share_by_then(claim: Claim, engine: Engine) -> Computed:
    """The share of own chips at a date if all grow as is forecast, and the ramp that the whole would need."""
    now, own, bought = (claim.fact(name) for name in ("share_now", "growth_own", "growth_bought"))
    years = claim.fact("years").value / SECONDS_PER_YEAR

    def share(start: float, mine: float, theirs: float) -> float:
        grown = start * (1.0 + mine) ** years
        return grown / (grown + (1.0 - start) * (1.0 + theirs) ** years)

    whole = over_corners(share, now, own, bought)
    needed = ((1.0 + bought.value) ** years / now.value) ** (1.0 / years)
    return Computed(
        whole=whole,
        why=f"At the growth forecast, own chips would be {whole.low:.0%} to {whole.high:.0%}; to be all, they would"
        f" have to grow {needed:.1f} times a year while bought ones go to nothing.",
        findings=[
            Finding.either(
                whole.high >= 0.9, "the growth forecast may do", "the growth forecast does not reach the whole"
            )
        ],
    )


def margin_advantage(claim: Claim, engine: Engine) -> Computed:
    """Cost of a token on bought chips over that on own ones with their share of the program, power aside."""
    program = engine.parts.get("finance", claim.choice("program"))
    rate = engine.parts.get("finance", "corporate").spec.discount_rate
    made: dict[str, Any] = {}
    for end in ("low", "value", "high"):
        leaves = {
            name: getattr(program.record.values[name], end) for name in ("partner_margin", "system_cost", "partner_nre")
        }
        spec = replace(program.spec, **leaves)
        tied = break_even(spec, Range(1.0, 1.0, 1.0), rate)
        made[end] = tied["ways"]["partner"]["all_in"]["value"]
    faster = rate_of(claim, engine, "custom") / rate_of(claim, engine, "bought")
    system = claim.choice("bought")["system"]
    price, cost = engine.datum("rack", system, "price_per_chip"), engine.datum("rack", system, "cost_per_chip")
    own = Interval(made["low"], made["value"], made["high"])
    whole = over_corners(lambda a, b, c: a / b * c, Interval.of(price), own, Interval.exactly(faster))
    kept = over_corners(lambda a, b: 1.0 - b / a, Interval.of(price), Interval.of(cost))
    return Computed(
        whole=whole,
        why=f"Of the bought system's price its makers keep {kept.low:.0%} to {kept.high:.0%}; an own chip costs"
        f" {own.low:,.0f} to {own.high:,.0f} USD with system, partner's margin and program, and serves {faster:.2f}"
        f" times the tokens: a bought token costs {whole.low:.1f} to {whole.high:.1f} times an own one, power"
        " and building aside.",
        findings=[
            Finding.either(
                whole.low > 1.0,
                "an own token is cheaper at every end of the ranges",
                "an own token is dearer at an end of the ranges",
            )
        ],
        rows=[
            {
                "what": "makers' share of the bought system's price",
                "low": kept.low,
                "value": kept.value,
                "high": kept.high,
            }
        ],
        used=[one.source for one in (price, cost)],
    )


QUANTITIES = {
    "volume_that_repays": volume_that_repays,
    "queries_that_repay": queries_that_repay,
    "share_by_then": share_by_then,
    "margin_advantage": margin_advantage,
}
