"""Claims on prices: what a move between chips saves, and what a cut of a list price has to do with one's own chips."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.chip.family import Kernels
from stackwright.codesign.make_or_buy import tie
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval, over_corners
from stackwright.evidence.claims.engine import POOLS, TOGETHER, Engine
from stackwright.evidence.claims.quantities.cases import case_of

ROWS, WIDTH = 8192.0, 8192.0
"""A matrix product that keeps a chip busy, as image models and prompts do."""
MONTHS_PER_YEAR = 12.0


def cost_ratio_by_basis(claim: Claim, engine: Engine) -> Computed:
    """Cost per token of graphics chips over that of custom ones, on three bases of price."""
    at = np.array([claim.fact("between_tokens").value])
    spread = Interval.of(engine.datum("interface", claim.choice("custom")["software"], "time_spread"))
    rates = {side: _rate(claim, engine, side, at) for side in ("custom", "graphics")}
    faster = rates["custom"] / rates["graphics"]
    width = Interval(faster * spread.value / spread.high, faster, faster * spread.value / spread.low)
    new, old = claim.choice("custom")["system"], claim.choice("graphics")["system"]

    def basis(custom: str, graphics: str) -> Interval:
        pair = (engine.datum("rack", old, graphics), engine.datum("rack", new, custom))
        return over_corners(lambda a, b, r: a / b * r, *(Interval.of(one) for one in pair), width)

    made = {
        "list rent, on demand": basis("rent_on_demand", "rent_on_demand"),
        "committed rent": basis("rent_committed", "rent_committed"),
        "what each owner pays for the system": basis("price_per_chip", "price_per_chip"),
        "what each system costs its maker": basis("price_per_chip", "cost_per_chip"),
    }
    whole, *_ = made.values()
    told = ", ".join(f"{words} {one.value:.2f}" for words, one in made.items())
    return Computed(
        whole=whole,
        why=f"At one speed a custom chip serves {faster:.2f} times a graphics chip's tokens; cost of the graphics"
        f" chip's token over the custom one's by basis: {told}.",
        under={f"the basis is {words}": one for words, one in made.items() if one is not whole},
        findings=[
            Finding.either(
                made["what each owner pays for the system"].value > 1.0,
                "at what each owner pays, the custom chip's token is the cheaper one",
                "at what each owner pays, the custom chip's token is the dearer one",
            )
        ],
        rows=[{"basis": words, "low": one.low, "ratio": one.value, "high": one.high} for words, one in made.items()],
        used=[engine.datum("rack", one, "rent_on_demand").source for one in (new, old)],
    )


def _rate(claim: Claim, engine: Engine, side: str, at: Any) -> float:
    chosen = claim.choice(side)
    case = case_of(
        claim,
        chosen,
        account=TOGETHER,
        within_domain=True,
        most_chips=8.0,
    )
    return float(engine.curve(case).best(at)[0])


def saving_by_moving(claim: Claim, engine: Engine) -> Computed:
    """Share of a compute bill that a move saves: old list rents against new ones, at the chips' speed in products."""
    new = claim.choice("new")
    speed = {system: _product_rate(engine, system) for system in (new, *claim.choice("old"))}

    def saving(rent_old: float, rent_new: float, ratio: float) -> float:
        return 1.0 - rent_new / (rent_old * ratio)

    by_basis, needed = {}, {}
    for field, words in (("rent_on_demand", "list rent"), ("rent_committed", "committed rent for the new chip")):
        found = []
        for old in claim.choice("old"):
            rent_old, rent_new = engine.datum("rack", old, "rent_on_demand"), engine.datum("rack", new, field)
            ratio = speed[new] / speed[old]
            found.append(
                over_corners(lambda a, b, r=ratio: saving(a, b, r), Interval.of(rent_old), Interval.of(rent_new))
            )
            share = claim.stated.figure.value if claim.stated is not None else 0.0
            needed[f"{words}, from {old}"] = rent_new.value / rent_old.value / (1.0 - share)
        by_basis[words] = Interval(min(o.low for o in found), found[0].value, max(o.high for o in found))
    whole, committed = by_basis.values()
    before, after = claim.fact("before"), claim.fact("after")
    arithmetic = 1.0 - after.value / before.value
    payback = claim.fact("port_people_cost").value / (before.value - after.value) * MONTHS_PER_YEAR
    delay = claim.fact("research_delay").value / SECONDS_PER_YEAR
    ratios = ", ".join(f"{one:.2f} ({words})" for words, one in needed.items())
    return Computed(
        whole=whole,
        why=f"The two bills quoted differ by {arithmetic:.1%}. At the rents on record a move saves {whole.low:.0%} to"
        f" {whole.high:.0%} at list and {committed.low:.0%} to {committed.high:.0%} with a commitment; the saving"
        f" stated needs the new chip to do this many times the old one's work: {ratios}. The port would pay back in"
        f" {payback:.1f} months, less {delay:.0f} year of research that its owner says it lost.",
        under={"the new chip is rented for three years ahead, the old one at list": committed},
        rows=[{"basis": words, "needed throughput, new over old": one} for words, one in needed.items()]
        + [{"system": system, "products, TFLOP/s": one / 1e12} for system, one in speed.items()],
        used=[engine.datum("rack", one, "rent_on_demand").source for one in (new, *claim.choice("old"))],
    )


def _product_rate(engine: Engine, system: str) -> float:
    """Operations per second of a large 16-bit product. Source: definition."""
    get = engine.parts.get
    chip = get("chip", engine.catalog.get("rack", system).links["chip"])
    kernels = Kernels(chip.spec, get("chip", chip.record.links["kernels"]).spec)
    return float(2.0 * ROWS * WIDTH * WIDTH / kernels.gemm(ROWS, WIDTH, WIDTH, "bf16"))


def list_price_cut(claim: Claim, engine: Engine) -> Computed:
    """A cut of list prices, and the cut that the vendor's next generation alone asks for at equal cost per token."""
    before, after = claim.fact("before"), claim.fact("after")
    whole = over_corners(lambda a, b: 1.0 - b / a, before, after)
    at = np.array([claim.fact("between_tokens").value])
    chosen = {side: claim.choice(side) for side in ("next", "cut")}
    rates = {}
    for side, one in chosen.items():
        case = case_of(
            claim,
            one,
            account=POOLS,
        )
        rates[side] = float(engine.curve(case).best(at)[0])
    chips = claim.fact("chips").value
    rent_next = engine.datum("rack", chosen["next"]["system"], "rent_on_demand").value
    target = rent_next / rates["next"]
    held = before.value / chips
    tied = tie(lambda rent: rent / rates["cut"], target, low=0.0, high=held)
    forced = 0.0 if tied is None else 1.0 - tied / held
    others = [{"family": name, "cut": claim.fact(name).value} for name in claim.facts if name.startswith("cut_")]
    return Computed(
        whole=whole,
        why=f"The list price fell by {whole.value:.1%}; the vendor's next generation alone, at its list rent and"
        f" {rates['next'] / rates['cut']:.1f} times the tokens, asks for {forced:.0%} at equal cost per token.",
        findings=[
            Finding(True, "the next generation of graphics chips asks for less than half of the cut")
            if forced < 0.5 * whole.value
            else Finding(
                None,
                "the next generation of graphics chips asks for much of the cut by itself: the buyer's own chips"
                " are not needed to explain it",
            )
        ],
        rows=[
            {"family": "largest", "cut": whole.value},
            *others,
            {"family": "asked by the next generation", "cut": forced},
        ],
    )


QUANTITIES = {
    "cost_ratio_by_basis": cost_ratio_by_basis,
    "saving_by_moving": saving_by_moving,
    "list_price_cut": list_price_cut,
}
