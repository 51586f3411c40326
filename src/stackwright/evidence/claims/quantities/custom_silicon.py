"""Claims on chips of one's own: volumes and queries that repay a program, the ramp of a share, margins."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.codesign.make_or_buy import Range, break_even
from stackwright.core.units import SECONDS_PER_DAY, SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import LOG, Bars, Computed, Finding, Interval, Lines, bar, over_draws
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
    return over_draws(lambda a, b: a * b, Interval.of(price), Interval.exactly(faster))


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
    prices = np.linspace(made["unit_cost"]["value"], max(2.0 * worth.value, worth.high), 25)[1:]
    repaid = [break_even(program, Range(*(float(one),) * 3), rate)["ways"]["partner"]["volume"] for one in prices]
    return Computed(
        whole=None,
        why=f"At {worth.low:,.0f} to {worth.high:,.0f} USD a chip its tokens would cost those of a bought GB200. At"
        f" that price a program of this class repays with a partner at {told} chips{never}; the power announced is"
        f" that of {announced / 1e6:.1f} million. Speed and cost are those of the program that stands in.",
        findings=[
            Finding.either(
                bool(volumes) and min(volumes.values()) <= announced,
                "the volume announced repays a program of its class",
                "the volume announced does not repay a program of its class",
            )
        ],
        rows=[
            {"end of the price": end, "USD per chip": getattr(worth, end), "chips that repay": one}
            for end, one in made["volume"].items()
        ],
        curve=Lines(
            x=[float(one) / 1e3 for one in prices],
            lines={
                "a program of its class, with a partner": [one["value"] for one in repaid],
                "the power announced": [announced for _ in prices],
            },
            x_title="price of a chip with its system, thousand USD",
            y_title="chips that repay the program",
            y_scale=LOG,
        ),
    )


MONTHS_PER_YEAR = 12.0
DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?")
NRE_STEPS = np.linspace(0.5e9, 3.0e9, 11)
"""Dollars of a program at which its break-even is told."""


@dataclass(frozen=True)
class Query:
    """What a query's answer costs on chips that are bought and on own ones, power and building aside."""

    tokens: float
    life: float
    """Seconds in which a chip serves."""
    own: float
    """Dollars of an own chip with its system."""
    rates: Mapping[str, float]
    """Tokens per second of a chip, `custom` and `bought`."""

    def cost(self, price: Any, side: str, busy: Any) -> Any:
        """Dollars of a query on chips at a price that are busy for a share of their time. Source: definition."""
        return price * self.tokens / (self.rates[side] * self.life * busy)

    def saved(self, price: Any, busy: Any) -> Any:
        """Dollars that an own chip saves, over one bought at a price. Source: definition."""
        return self.cost(price, "bought", busy) - self.cost(self.own, "custom", busy)

    def needed(self, spent: Any, price: Any, busy: Any) -> Any:
        """Queries per second that repay a sum within a chip's life; without end where nothing is saved.

        Source: definition.
        """
        saved = self.saved(price, busy)
        return np.where(saved > 0.0, spent / np.where(saved > 0.0, saved, 1.0) / self.life, np.inf)

    def needed_at(self, spent: Any, price: Any, busy: Any, share: Any) -> Any:
        """The same if a share of what a query costs on bought chips is saved. Source: definition."""
        return spent / (share * self.cost(price, "bought", busy)) / self.life


def queries_that_repay(claim: Claim, engine: Engine) -> Computed:
    """Queries a day that repay a program within a chip's life, from what a query costs on both chips."""
    program = engine.parts.get("finance", claim.choice("program")).spec
    nre, busy, share = (claim.fact(name) for name in ("nre", "utilization", "saving_told"))
    bought = engine.datum("rack", claim.choice("bought")["system"], "price_per_chip")
    price = Interval.of(bought)
    query = Query(
        tokens=claim.fact("output").value,
        life=claim.fact("life").value,
        own=float(program.partnered(program.volume) + program.system_cost),
        rates={side: rate_of(claim, engine, side) for side in ("custom", "bought")},
    )
    ways: dict[str, Callable[[Interval], Interval]] = {
        "saving computed": lambda spent: over_draws(query.needed, spent, price, busy),
        f"saving of {share.value:.0%}": lambda spent: over_draws(query.needed_at, spent, price, busy, share),
    }
    whole, as_told = (way(nre) for way in ways.values())
    saved = over_draws(query.saved, price, busy)
    return Computed(
        whole=whole,
        why=f"A query of {query.tokens:.0f} tokens saves {saved.value * 100:.4f} cents ({saved.low * 100:.4f} to"
        f" {saved.high * 100:.4f}) on an own chip; {nre.low / 1e9:.1f} to {nre.high / 1e9:.1f} billion USD are repaid"
        f" over {query.life / SECONDS_PER_YEAR:.0f} years by {_daily(whole)} queries a day; by {_daily(as_told)} if an"
        f" own chip saves the {share.value:.0%} that the essay extrapolates.",
        under={f"a query saves the {share.value:.0%} that was told of one move": as_told},
        rows=[{"side": side, "tokens/s per chip": rate} for side, rate in query.rates.items()],
        curve=Lines(
            x=[float(one) / 1e9 for one in NRE_STEPS],
            lines={
                f"{told}, {name}": [_billions(getattr(way(Interval.exactly(float(one))), end)) for one in NRE_STEPS]
                for told, way in ways.items()
                for end, name in (("low", "5th percentile"), ("value", "middle"), ("high", "95th percentile"))
            },
            x_title="cost of the program, billion USD",
            y_title="billion queries a day that repay it",
            y_scale=LOG,
            stated=None if claim.stated is None else _billions(claim.stated.figure.value),
        ),
        used=[bought.source] if bought.source != "assumption" else [],
    )


def _billions(per_second: float) -> float | None:
    """Billions a day; None without end. Source: definition."""
    return float(per_second) * SECONDS_PER_DAY / 1e9 if math.isfinite(per_second) else None


def _daily(one: Interval) -> str:
    low, high = (_billions(end) for end in (one.low, one.high))
    most = "any number of" if high is None else f"{high:.0f}"
    return "no number of" if low is None else f"{low:.1f} to {most} billion"


def share_by_then(claim: Claim, engine: Engine) -> Computed:
    """The share of own chips at a date if all grow as is forecast, and the ramp that the whole would need."""
    now, own, bought = (claim.fact(name) for name in ("share_now", "growth_own", "growth_bought"))
    years = claim.fact("years").value / SECONDS_PER_YEAR

    def share(start: float, mine: float, theirs: float) -> float:
        grown = start * (1.0 + mine) ** years
        return grown / (grown + (1.0 - start) * (1.0 + theirs) ** years)

    whole = over_draws(share, now, own, bought)
    needed = ((1.0 + bought.value) ** years / now.value) ** (1.0 / years)
    return Computed(
        whole=whole,
        why=f"At the growth forecast, own chips would be {whole.low:.0%} to {whole.high:.0%}; to be all, they would"
        f" have to grow {needed:.1f} times a year, and bought ones to leave inference. The share of all clouds'"
        " spending stands in for one company's.",
        findings=[
            Finding.either(
                whole.high >= 0.9, "the growth forecast may do", "the growth forecast does not reach the whole"
            )
        ],
        curve=_ramp(claim, now, own, bought, needed),
    )


def _ramp(claim: Claim, now: Interval, own: Interval, bought: Interval, needed: float) -> Lines:
    """Shares by year at the growth forecast, and at that which the stated share asks for."""
    years = np.linspace(0.0, claim.fact("years").value / SECONDS_PER_YEAR, 9)
    told = DATE.match(claim.when)
    first = 0.0 if told is None else float(told["year"]) + float(told["month"] or 0.0) / MONTHS_PER_YEAR

    def shares(start: float, mine: float, theirs: float) -> list[float]:
        grown = start * (1.0 + mine) ** years
        return [float(one) * 100.0 for one in grown / (grown + (1.0 - start) * (1.0 + theirs) ** years)]

    whole = [float(one) * 100.0 for one in now.value * (needed / (1.0 + bought.value)) ** years]
    return Lines(
        x=[float(one) for one in first + years],
        lines={
            "growth forecast": shares(now.value, own.value, bought.value),
            "own chips slowest, bought ones fastest": shares(now.low, own.low, bought.high),
            "own chips fastest, bought ones slowest": shares(now.high, own.high, bought.low),
            f"own chips {needed:.1f} times a year": whole,
        },
        x_title="years from then" if told is None else "year",
        y_title="own chips, % of all",
        stated=None if claim.stated is None else claim.stated.figure.value * 100.0,
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
    whole = over_draws(lambda a, b, c: a / b * c, Interval.of(price), own, Interval.exactly(faster))
    kept = over_draws(lambda a, b: 1.0 - b / a, Interval.of(price), Interval.of(cost))
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
        bars=Bars(
            title="thousand USD a chip with its system",
            rows=[
                bar("bought: price", Interval.of(price), 1e3),
                bar("bought: what it costs its makers", Interval.of(cost), 1e3),
                bar("own: with partner and program", own, 1e3),
                bar("own: for the tokens of one that is bought", over_draws(lambda a: a / faster, own), 1e3),
            ],
        ),
        used=[one.source for one in (price, cost)],
    )


QUANTITIES = {
    "volume_that_repays": volume_that_repays,
    "queries_that_repay": queries_that_repay,
    "share_by_then": share_by_then,
    "margin_advantage": margin_advantage,
}
