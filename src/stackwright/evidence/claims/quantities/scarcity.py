"""Claims on what limits a build-out: waits for power against waits for chips, and what a megawatt more is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stackwright.codesign.searched import searched
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import LOG, Bars, Computed, Finding, Interval, bar, over_draws
from stackwright.evidence.claims.engine import Engine, study_path
from stackwright.stack.study import Study, load

MEGAWATT, MILLION = 1e6, 1e6
STEP = 0.1
"""Share by which a site's connection is widened."""


def longest_wait(claim: Claim, engine: Engine) -> Computed:
    """How much longer a site waits for its grid connection than for chips: over one, electricity is what binds."""
    chips = claim.fact("chip_lead_time")
    rows: list[dict[str, Any]] = []
    ratios: list[Interval] = []
    for site in claim.choice("sites"):
        wait = engine.datum("datacenter", site, "interconnection_time")
        ratio = over_draws(lambda a, b: a / b, Interval.of(wait), chips)
        ratios.append(ratio)
        name = engine.catalog.get("datacenter", site).name
        rows.append({"site": name, "low": ratio.low, "ratio": ratio.value, "high": ratio.high})
    middle = sorted(one.value for one in ratios)[len(ratios) // 2]
    bridged = over_draws(lambda a, b: a / b, claim.fact("own_plant_lead_time"), chips)
    share = over_draws(
        lambda price, drawn, cost: price * drawn / (price * drawn + cost),
        claim.fact("electricity_price"),
        Interval.exactly(engine.watts(claim.choice("system"))["value"] * claim.fact("pue").value),
        _yearly(claim, engine),
    )
    worth = megawatt_worth(claim, engine)
    same = [row["million USD a MW more is worth"] for row in worth[1::2]]
    apart = max(same) / min(same) - 1.0
    gains = [row["million USD a MW more is worth"] for row in worth]
    return Computed(
        whole=Interval(min(o.low for o in ratios), middle, max(o.high for o in ratios)),
        why=f"A new connection takes {middle:.1f} times the wait for chips in the middle of {len(ratios)} sites;"
        f" plants of one's own take {bridged.value:.1f} times. Once a site runs, electricity is {share.low:.0%} to"
        f" {share.high:.0%} of what chips cost to buy and run. A"
        f" megawatt more of a connection is worth {min(gains):.0f} to {max(gains):.0f} million USD net of all costs"
        f" over five years, by the price of a token; sites differ by {apart:.1%} at one price.",
        under={"the campus brings plants of its own": bridged},
        findings=[
            Finding.either(
                middle > 1.0, "a connection takes longer than chips do", "chips take longer than a connection does"
            ),
            Finding.either(
                share.value > 0.5,
                "electricity is most of what chips cost to buy and run",
                "electricity is the smaller part of what chips cost to buy and run",
            ),
        ],
        rows=rows,
        tables={"What a megawatt more of a connection is worth over five years": worth},
        bars=Bars(
            title="wait for a grid connection over the wait for chips",
            rows=[
                *(bar(row["site"], one) for row, one in zip(rows, ratios, strict=True)),
                bar("with plants of one's own", bridged),
            ],
            scale=LOG,
            stated=1.0,
        ),
        used=[engine.datum("datacenter", one, "interconnection_time").source for one in claim.choice("sites")],
    )


def _yearly(claim: Claim, engine: Engine) -> Interval:
    """Dollars per second of a chip's system over its life, without interest. Source: definition."""
    price = engine.datum("rack", claim.choice("system"), "price_per_chip")
    return over_draws(lambda a, b: a / b, Interval.of(price), claim.fact("chip_life"))


def megawatt_worth(claim: Claim, engine: Engine) -> list[dict[str, Any]]:
    """Present dollars of a megawatt more at each site, net of all costs, at the low and the middle price of a token."""
    study = load(study_path(claim), engine.catalog)[0]
    price = claim.fact("token_price")
    rows = []
    for site in claim.choice("priced_sites"):
        name = engine.catalog.get("datacenter", site).name
        for level in (price.low, price.value):
            demand = study.demand.model_copy(update={"token_price": level})
            place = study.datacenter.model_copy(update={"site": (site,)})
            gain = _gain(study.model_copy(update={"demand": demand, "datacenter": place}), engine)
            rows.append({"site": name, "USD/Mtoken": level * MILLION, "million USD a MW more is worth": gain / MILLION})
    return rows


def _gain(study: Study, engine: Engine) -> float:
    """Present dollars per megawatt of a connection that is wider by `STEP`, every layer decided anew."""
    limit = study.constraints.site_power
    assert limit is not None
    values = []
    for power in (limit, (1.0 + STEP) * limit):
        limits = study.constraints.model_copy(update={"site_power": power})
        best = searched(study.model_copy(update={"constraints": limits}), engine.catalog).found.best
        values.append(0.0 if best is None else -best.score)
    return (values[1] - values[0]) / (STEP * limit / MEGAWATT)


QUANTITIES: dict[str, Callable[[Claim, Engine], Computed]] = {"longest_wait": longest_wait}
