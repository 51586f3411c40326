"""Claims on prices: what a move between chips saves, and what a cut of a list price has to do with one's own chips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stackwright.chip.family import Kernels
from stackwright.core.units import SECONDS_PER_HOUR, SECONDS_PER_YEAR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Bars, Computed, Finding, Interval, bar, over_draws
from stackwright.evidence.claims.engine import POOLS, TOGETHER, Engine
from stackwright.evidence.claims.quantities.cases import case_of

ROWS, WIDTH = 8192.0, 8192.0
"""A matrix product that keeps a chip busy, as image models and prompts do."""
MONTHS_PER_YEAR = 12.0


def cost_ratio_by_basis(claim: Claim, engine: Engine) -> Computed:
    """Cost per token of graphics chips over that of custom ones, on three bases of price."""
    at = np.array([claim.fact("between_tokens").value])
    spread = Interval.of(engine.datum("interface", claim.choice("custom")["software"], "time_spread"))
    rates = {side: _rate(claim, engine, claim.choice(side), at) for side in ("custom", "graphics")}
    faster = rates["custom"] / rates["graphics"]
    width = Interval(faster * spread.value / spread.high, faster, faster * spread.value / spread.low)
    new, old = claim.choice("custom")["system"], claim.choice("graphics")["system"]

    def basis(custom: str, graphics: str) -> Interval:
        pair = (engine.datum("rack", old, graphics), engine.datum("rack", new, custom))
        return over_draws(lambda a, b, r: a / b * r, *(Interval.of(one) for one in pair), width)

    made = {
        "list rent, on demand": basis("rent_on_demand", "rent_on_demand"),
        "committed rent": basis("rent_committed", "rent_committed"),
        "what each owner pays for the system": basis("price_per_chip", "price_per_chip"),
        "what each system costs its maker": basis("price_per_chip", "cost_per_chip"),
    }
    whole, *_ = made.values()
    alike = _rate(claim, engine, {**claim.choice("graphics"), "weights": "bf16", "cache": "bf16"}, at)
    slower = rates["graphics"] / alike
    told = ", ".join(f"{words} {one.value:.2f}" for words, one in made.items())
    return Computed(
        whole=whole,
        why=f"At one speed a custom chip serves {faster:.2f} times a graphics chip's tokens; cost of the graphics"
        f" chip's token over the custom one's by basis: {told}.",
        under={f"the basis is {words}": one for words, one in made.items() if one is not whole}
        | {
            f"the basis is {words}, and both serve in 16 bits": Interval(
                one.low * slower, one.value * slower, one.high * slower
            )
            for words, one in made.items()
        },
        findings=[
            Finding.either(
                made["what each owner pays for the system"].value > 1.0,
                "at what each owner pays, the custom chip's token is the cheaper one",
                "at what each owner pays, the custom chip's token is the dearer one",
            )
        ],
        rows=[
            {
                "basis": words,
                "low": one.low,
                "ratio": one.value,
                "high": one.high,
                "both in 16 bits": one.value * slower,
            }
            for words, one in made.items()
        ],
        used=[engine.datum("rack", one, "rent_on_demand").source for one in (new, old)],
    )


def _rate(claim: Claim, engine: Engine, chosen: Mapping[str, Any], at: Any) -> float:
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

    by_basis, by_case, needed = {}, {}, {}
    for field, words in (("rent_on_demand", "list rent"), ("rent_committed", "committed rent for the new chip")):
        found = []
        for old in claim.choice("old"):
            rent_old, rent_new = engine.datum("rack", old, "rent_on_demand"), engine.datum("rack", new, field)
            ratio = speed[new] / speed[old]
            found.append(
                over_draws(lambda a, b, r=ratio: saving(a, b, r), Interval.of(rent_old), Interval.of(rent_new))
            )
            by_case[f"{words}, from {engine.catalog.get('rack', old).name}"] = found[-1]
            share = claim.stated.figure.value if claim.stated is not None else 0.0
            needed[f"{words}, from {engine.catalog.get('rack', old).name}"] = (
                rent_new.value / rent_old.value / (1.0 - share)
            )
        by_basis[words] = Interval(min(o.low for o in found), found[0].value, max(o.high for o in found))
    whole, committed = by_basis.values()
    before, after = claim.fact("before"), claim.fact("after")
    arithmetic = 1.0 - after.value / before.value
    port = _port(claim, before.value - after.value)
    return Computed(
        whole=whole,
        why=f"The two bills quoted differ by {arithmetic:.1%}. At the rents on record a move saves {whole.low:.0%} to"
        f" {whole.high:.0%} at list and {committed.low:.0%} to {committed.high:.0%} with a commitment; the saving"
        f" stated needs the new chip to do {min(needed.values()):.1f} to {max(needed.values()):.1f} times the old one's"
        " work, by basis and old chip. At the bills quoted the port is paid back in"
        f" {port['months that pay the port back']:.1f} months; the"
        f" {port['months of research lost, as the owner says']:.0f} months of research that its owner says it cost undo"
        f" the saving of the time counted if a month of them was worth"
        f" {port['million USD a month of research that undo it']:.1f} million USD.",
        under={"the new chip is rented for three years ahead, the old one at list": committed},
        rows=[{"basis": words, "needed throughput, new over old": one} for words, one in needed.items()],
        tables={
            "Operations of a large 16-bit product": [
                {"system": engine.catalog.get("rack", system).name, "TFLOP/s": one / 1e12}
                for system, one in speed.items()
            ],
            "The port, at the bills quoted": [{"what": words, "value": one} for words, one in port.items()],
        },
        bars=Bars(
            title="saved of the compute bill, %",
            rows=[bar(words, one, 0.01) for words, one in by_case.items()],
            stated=None if claim.stated is None else claim.stated.figure.value * 100.0,
        ),
        used=[engine.datum("rack", one, "rent_on_demand").source for one in (new, *claim.choice("old"))],
    )


def _port(claim: Claim, monthly: float) -> dict[str, float]:
    """What a port costs beside what it saves a month: payback, and the worth of lost research that undoes it."""
    people, delay, over = (claim.fact(name).value for name in ("port_people_cost", "research_delay", "counted_over"))
    months = over / SECONDS_PER_YEAR * MONTHS_PER_YEAR
    lost = delay / SECONDS_PER_YEAR * MONTHS_PER_YEAR
    kept = months * monthly - people
    return {
        "million USD saved in the time counted": months * monthly / 1e6,
        "million USD for the port": people / 1e6,
        "months that pay the port back": people / monthly,
        "months of research lost, as the owner says": lost,
        "million USD a month of research that undo it": kept / lost / 1e6,
    }


def _product_rate(engine: Engine, system: str) -> float:
    """Operations per second of a large 16-bit product. Source: definition."""
    get = engine.parts.get
    chip = get("chip", engine.catalog.get("rack", system).links["chip"])
    kernels = Kernels(chip.spec, get("chip", chip.record.links["kernels"]).spec)
    return float(2.0 * ROWS * WIDTH * WIDTH / kernels.gemm(ROWS, WIDTH, WIDTH, "bf16"))


def list_price_cut(claim: Claim, engine: Engine) -> Computed:
    """A cut of list prices, and the cut that the vendor's next generation alone asks for at equal cost per token."""
    before, after = claim.fact("before"), claim.fact("after")
    whole = over_draws(lambda a, b: 1.0 - b / a, before, after)
    at = np.array([claim.fact("between_tokens").value])
    chosen = {side: claim.choice(side) for side in ("next", "cut")}
    rates = {side: float(engine.curve(case_of(claim, one, account=POOLS)).best(at)[0]) for side, one in chosen.items()}
    chips = claim.fact("chips").value
    faster = rates["next"] / rates["cut"]
    held = before.value / chips
    asked = {
        words: max(0.0, 1.0 - rent / faster / held)
        for words, rent in (
            ("at the same vendor's list price of the next generation", claim.fact("next_list").value / chips),
            (
                "at specialized clouds' rent of the next generation",
                engine.datum("rack", chosen["next"]["system"], "rent_on_demand").value,
            ),
        )
    }
    same_vendor, elsewhere = asked.values()
    rival = engine.datum("rack", chosen["cut"]["system"], "rent_on_demand").value
    families = {
        "p5, the largest": whole.value,
        **{name.removeprefix("cut_"): claim.fact(name).value for name in claim.facts if name.startswith("cut_")},
    }
    return Computed(
        whole=whole,
        why=f"The list price fell by {whole.value:.1%}. The next generation of graphics chips serves {faster:.1f} times"
        f" the tokens: at the same vendor's list price for it, equal cost per token asks for a cut of {same_vendor:.0%}"
        f" by itself; at specialized clouds' rents for it, of {elsewhere:.0%}. Such clouds rent the same chip at"
        f" {rival * SECONDS_PER_HOUR:.2f} USD/h, where the list price was {held * SECONDS_PER_HOUR:.2f}.",
        findings=[
            Finding(True, "the next generation of graphics chips asks for less than half of the cut")
            if same_vendor < 0.5 * whole.value
            else Finding(
                None,
                "the next generation of graphics chips asks for as much by itself: the vendor's own chips are not"
                " needed to explain the cut, and nothing rules them out",
            )
        ],
        rows=[
            *({"family": f"cut of {name}", "cut, %": one * 100.0} for name, one in families.items()),
            *({"family": f"asked {words}", "cut, %": one * 100.0} for words, one in asked.items()),
        ],
        bars=Bars(
            title="cut of the price, %",
            rows=[
                *({"label": f"cut of {name}", "value": one * 100.0} for name, one in families.items()),
                *({"label": f"asked {words}", "value": one * 100.0} for words, one in asked.items()),
            ],
            stated=None if claim.stated is None else claim.stated.figure.value * 100.0,
        ),
    )


QUANTITIES = {
    "cost_ratio_by_basis": cost_ratio_by_basis,
    "saving_by_moving": saving_by_moving,
    "list_price_cut": list_price_cut,
}
