"""How much faster one system serves a model than another, over the time that a user waits for a token.

One number says little: at a slow pace the older system batches as well as the newer one, at a fast pace it serves
nothing at all and the ratio has no bound. So the ratio is a curve, under each way of counting prompts, with the
baseline's layouts free or held within its own links.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval
from stackwright.evidence.claims.engine import ACCOUNTS, DECODE, POOLS, TOGETHER, Case, Engine, slower
from stackwright.evidence.claims.quantities.cases import case_of
from stackwright.model.precision import Precision

LIMITS = np.array([10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 85.0, 100.0, 125.0, 150.0, 200.0]) * 1e-3
"""Seconds between tokens at which a curve is told."""
WORDS = {
    TOGETHER: "prompts on the same chips",
    POOLS: "prompts on chips of their own, which count",
    DECODE: "answers alone count, prompts are free",
}
FREE, HELD = "any layout, also over the fabric", "each stage of the baseline within its own links"
LEAST = 0.01
"""Share of its best rate that a system has to reach for a ratio to it to be told."""


def over(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """A rate over another; NaN where the other is nothing. Source: definition."""
    return np.where(old > 0.0, new / np.where(old > 0.0, old, 1.0), np.nan)


def speedup_over_ttl(claim: Claim, engine: Engine) -> Computed:
    """Rate per chip of a new system over an old one at a claim's time between tokens, and the curve around it."""
    at = claim.fact("between_tokens").value
    first = claim.fact("first_token").value
    heads = tuple(int(one) for one in claim.choice("kv_heads"))
    spread = Interval.of(engine.datum("interface", claim.choice("old")["software"], "time_spread"))
    limits = np.unique(np.append(LIMITS, at))
    ratios: dict[tuple[str, str], np.ndarray] = {}
    for account in ACCOUNTS:
        for reach, held in ((FREE, False), (HELD, True)):
            rows = [
                _ratio(claim, engine, limits, account, first, held, kv_heads=count, factor=factor)
                for count in heads
                for factor in ((spread.value, spread.low, spread.high) if count == heads[0] else (spread.value,))
            ]
            ratios[account, reach] = np.array(rows)
    column = int(np.flatnonzero(limits == at)[0])
    here = {key: _range(rows[:, column]) for key, rows in ratios.items()}
    free = [here[account, FREE] for account in ACCOUNTS]
    known = [one for one in free if one is not None]
    whole = Interval(min(o.low for o in known), here[POOLS, FREE].value, max(o.high for o in known))  # type: ignore[union-attr]
    under = {f"{HELD}, and {WORDS[account]}": one for account in ACCOUNTS if (one := here[account, HELD]) is not None}
    base = [
        case_of(claim, claim.choice("old"), account=DECODE, within_domain=held, kv_heads=heads[0])
        for held in (False, True)
    ]
    edges = [edge(engine, one) for one in base]
    factors = decomposed(claim, engine, at, heads[0])
    return Computed(
        whole=whole,
        why=(
            f"At {at * 1e3:.0f} ms between tokens the rack serves {whole.low:.1f} to {whole.high:.1f} times as much per"
            f" chip if the baseline may spread layouts over its fabric, and {_told(under.values())} if it may not. The"
            f" baseline cannot serve at all below {edges[0] * 1e3:.0f} ms, or {edges[1] * 1e3:.0f} ms within its own"
            " links, where the ratio has no bound."
        ),
        under=under,
        findings=(_largest(factors),),
        rows=[*factors, *_edges(engine, base), *_per_dollar_and_watt(claim, engine, whole, under)],
        curve={
            "x": [float(one) * 1e3 for one in limits],
            "x_title": "time between tokens, ms",
            "y_title": "tokens per second and chip, new over old",
            "lines": {
                f"{reach}; {WORDS[account]}": [_plain(one) for one in rows[0]]
                for (account, reach), rows in ratios.items()
            },
        },
        used=_used(engine, claim),
    )


def _ratio(
    claim: Claim,
    engine: Engine,
    limits: np.ndarray,
    account: str,
    first: float,
    held: bool,
    *,
    kv_heads: int | None = None,
    factor: float = 1.0,
) -> np.ndarray:
    common: dict[str, Any] = {"account": account, "first_token": first, "kv_heads": kv_heads}
    new = engine.curve(slower(case_of(claim, claim.choice("new"), within_domain=True, **common), factor)).best(limits)
    old = engine.curve(slower(case_of(claim, claim.choice("old"), within_domain=held, **common), factor)).best(limits)
    return over(new, old)


def _range(values: np.ndarray) -> Interval | None:
    """The first of some ratios with the least and the most of all; None where none is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    value = float(values[0]) if np.isfinite(values[0]) else float(known.max())
    return Interval(float(known.min()), value, float(known.max()))


def _told(ranges: Iterable[Interval]) -> str:
    known = list(ranges)
    if not known:
        return "without bound"
    return f"{min(one.low for one in known):.1f} to {max(one.high for one in known):.1f} times"


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def edge(engine: Engine, case: Case) -> float:
    """The shortest time between tokens at which a system serves a model at all. Source: definition."""
    curve = engine.curve(case)
    return float(curve.between[curve.rate > 0.0].min(initial=np.inf))


def decomposed(claim: Claim, engine: Engine, at: float, kv_heads: int) -> list[dict[str, Any]]:
    """What the ratio of answers is made of, against the baseline within its own links: factors that multiply to it.

    Four parts of the new system are set as the old has them, in every combination; each part's factor is the mean of
    its logarithm over all orders. What is left is the chips' compute and kernels. ``batch`` stands beside them: what
    larger batches are worth, through all parts. Source: Shapley (1953), A value for n-person games.
    """
    old: Any = engine.hardware(claim.choice("old")["system"], claim.choice("old")["software"])
    formats = Precision(claim.choice("old")["weights"], claim.choice("old")["cache"])
    new = case_of(claim, claim.choice("new"), account=DECODE, within_domain=True, kv_heads=kv_heads)
    base = case_of(claim, claim.choice("old"), account=DECODE, within_domain=True, kv_heads=kv_heads)
    leaves: dict[str, tuple[tuple[str, float], ...]] = {
        "domain": (
            ("system.scale_up_domain", float(old.system.scale_up_domain)),
            ("chip.scale_up_bandwidth", float(old.chip.scale_up_bandwidth)),
        ),
        "precision": (),
        "bandwidth": (("chip.memory_bandwidth", float(old.chip.memory_bandwidth)),),
        "capacity": (("chip.memory_capacity", float(old.chip.memory_capacity)),),
    }

    def rate(back: frozenset[str]) -> float:
        changed = tuple(leaf for name in leaves if name in back for leaf in leaves[name])
        precision = formats if "precision" in back else new.precision
        return float(engine.curve(replace(new, changed=changed, precision=precision)).best(np.array([at]))[0])

    rates = {back: rate(back) for back in subsets(tuple(leaves))}
    whole, few = rates[frozenset()], engine.curve(base).batch(at)
    through = engine.curve(new).best_at(at, few)
    rest = over(np.array(rates[frozenset(leaves)]), engine.curve(base).best(np.array([at]))).item()
    rows = [{"factor": name, "ratio": _shared(rates, name, tuple(leaves))} for name in leaves]
    return [
        *rows,
        {"factor": "compute and kernels", "ratio": _plain(rest)},
        {"factor": "batch (through all of them)", "ratio": _plain(over(np.array(whole), np.array(through)).item())},
    ]


def subsets(names: Sequence[str]) -> list[frozenset[str]]:
    """Every set of some names. Source: definition."""
    return [frozenset(one) for size in range(len(names) + 1) for one in itertools.combinations(names, size)]


def _shared(rates: Mapping[frozenset[str], float], name: str, names: Sequence[str]) -> float | None:
    """A part's factor: the mean over orders of what setting it back costs. None where a combination serves nothing."""
    if min(rates.values()) <= 0.0:
        return None
    count, total = len(names), 0.0
    for back in subsets([one for one in names if one != name]):
        weight = math.factorial(len(back)) * math.factorial(count - len(back) - 1) / math.factorial(count)
        total += weight * math.log(rates[back] / rates[back | {name}])
    return math.exp(total)


WORTHWHILE = 0.1
"""Share of its best rate above which a system is still worth its chips."""


def _edges(engine: Engine, base: Sequence[Case]) -> list[dict[str, Any]]:
    """Milliseconds between tokens below which the baseline serves nothing, or less than a tenth of its best."""
    rows = []
    for words, case in zip(("any layout", "stages within own links"), base, strict=True):
        curve = engine.curve(case)
        worth = float(curve.between[curve.rate >= WORTHWHILE * curve.rate.max()].min())
        rows.append({"factor": f"the baseline ends, {words}", "ms between tokens": edge(engine, case) * 1e3})
        rows.append({"factor": f"it falls to a tenth, {words}", "ms between tokens": worth * 1e3})
    return rows


def _largest(factors: Sequence[Mapping[str, Any]]) -> Finding:
    """Whether the ratio is the domain's doing, as it is told: the largest factor is the domain's."""
    known = {row["factor"]: row["ratio"] for row in factors[:-1] if row["ratio"] is not None}
    largest = max(known, key=lambda name: known[name])
    told = ", ".join(f"{name} {ratio:.2g}" for name, ratio in known.items())
    return Finding(largest == "domain", f"of the ratio of answers, the largest factor is {largest}: {told}")


def _per_dollar_and_watt(
    claim: Claim, engine: Engine, whole: Interval, under: Mapping[str, Interval]
) -> list[dict[str, Any]]:
    """The ratio over those of prices, rents and watts, free and at the most of what is held."""
    new, old = claim.choice("new")["system"], claim.choice("old")["system"]
    highest = max((one.high for one in under.values()), default=whole.high)
    rows = []
    for name in ("price_per_chip", "rent_committed", "rent_on_demand"):
        dearer = engine.datum("rack", new, name).value / engine.datum("rack", old, name).value
        rows.append(
            {"factor": f"per dollar, {name.replace('_', ' ')}", "ratio": whole.value / dearer}
            | {"most": highest / dearer}
        )
    hungrier = engine.watts(new)["value"] / engine.watts(old)["value"]
    return [*rows, {"factor": "per watt of the system", "ratio": whole.value / hungrier, "most": highest / hungrier}]


def _used(engine: Engine, claim: Claim) -> list[str]:
    found = []
    for side in ("new", "old"):
        record = engine.catalog.get("rack", claim.choice(side)["system"])
        chip = engine.catalog.get("chip", record.links["chip"])
        fields = [chip.values[name] for name in ("memory_bandwidth", "memory_capacity", "scale_up_bandwidth")]
        found += [one.source for one in [*fields, record.values["price_per_chip"]]]
    return [one for one in found if one != "assumption"]


def measured_curve(claim: Claim, engine: Engine) -> Computed:
    """Measured ratios at given speeds, each beside those of the engine for several ways to run the baseline."""
    points = claim.choice("points")
    limits = np.array([1.0 / float(line["speed"]) for line in points])
    scale = np.array([_dearer(engine, claim) if line["per"] == "dollar" else 1.0 for line in points])
    ways = {words: over(*rates) / scale for words, rates in _ways(claim, engine, limits).items()}
    rows, inside = [], 0
    for index, line in enumerate(points):
        values = [float(one[index]) for one in ways.values()]
        known = [one for one in values if np.isfinite(one)]
        highest = max(known) if len(known) == len(values) else math.inf
        inside += min(known) <= float(line["measured"]) <= highest
        told = {words: _plain(one[index]) for words, one in ways.items()}
        stated = {"tokens/s/user": float(line["speed"]), "per": line["per"], "measured": float(line["measured"])}
        rows.append(stated | told)
    first = {words: Interval.exactly(float(one[0])) for words, one in ways.items() if np.isfinite(one[0])}
    best = [one.value for words, one in first.items() if not words.startswith(RECIPE)]
    recipes = [one.value for words, one in first.items() if words.startswith(RECIPE)]
    return Computed(
        whole=Interval.around(best),
        why=(
            f"{inside} of {len(rows)} measured ratios lie between the baseline at its best and the baseline as one"
            " replica over two nodes, prompts on the same chips; a ratio to a baseline that cannot serve has no bound."
        ),
        under={
            "the baseline is one replica over two nodes, and the rack drafts tokens ahead": Interval.around(recipes)
        },
        rows=rows,
        curve=_speed_curve(claim, engine),
        used=_used(engine, claim),
    )


def _speed_curve(claim: Claim, engine: Engine) -> dict[str, Any]:
    """Ratios per chip over speed, by how the baseline runs, with the measured points."""
    points = {float(one["speed"]): float(one["measured"]) for one in claim.choice("points") if one["per"] == "chip"}
    speeds = np.unique([*SPEEDS, *points])
    lines = {words: over(*rates) for words, rates in _ways(claim, engine, 1.0 / speeds).items()}
    return {
        "x": [float(one) for one in speeds],
        "x_title": "tokens per second and user",
        "y_title": "tokens per second and chip, new over old",
        "lines": {"measured": [points.get(float(one)) for one in speeds]}
        | {words: [_plain(one) for one in line] for words, line in lines.items()},
    }


SPEEDS = (15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 75.0, 90.0, 100.0, 116.0, 130.0, 150.0)
RECIPE = "two nodes"


def _ways(claim: Claim, engine: Engine, limits: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rates of new and old at limits, by how the baseline runs."""
    first = claim.fact("first_token").value
    new = case_of(claim, claim.choice("new"), account=POOLS, first_token=first, within_domain=True)
    drafting = replace(new, draft_tokens=float(claim.choice("drafts")))
    pools = case_of(claim, claim.choice("old"), account=POOLS, first_token=first)
    together = replace(pools, account=TOGETHER)
    found = {
        "any layout": (new, pools),
        "stages within own links": (new, replace(pools, within_domain=True)),
    }
    for layout in claim.choice("recipes"):
        tensor, expert, pipeline = (float(one) for one in layout)
        words = f"{RECIPE}, tensor {tensor:.0f}, expert {expert:.0f}, pipeline {pipeline:.0f}"
        found[words] = (drafting, replace(together, layouts=((tensor, expert, pipeline),)))
    return {
        words: (engine.curve(newer).best(limits), engine.curve(older).best(limits))
        for words, (newer, older) in found.items()
    }


def _dearer(engine: Engine, claim: Claim) -> float:
    """Price of the new system over that of the old, per chip. Source: definition."""
    prices = [engine.datum("rack", claim.choice(side)["system"], "price_per_chip").value for side in ("new", "old")]
    return prices[0] / prices[1]


def worth_of_fabric(claim: Claim, engine: Engine) -> Computed:
    """Rate of a rack's answers over that with half the fabric's bandwidth: what the fabric does for them."""
    at = np.array([claim.fact("between_tokens").value])
    heads = [int(one) for one in claim.choice("kv_heads")]
    fabric = float(engine.hardware(claim.choice("new")["system"], claim.choice("new")["software"]).system.nic_bandwidth)
    values = []
    for count in heads:
        case = case_of(claim, claim.choice("new"), account=DECODE, within_domain=True, kv_heads=count)
        halved = replace(case, changed=(("system.nic_bandwidth", 0.5 * fabric),))
        values.append(float(over(engine.curve(case).best(at), engine.curve(halved).best(at)).item()))
    made = Interval.around(values)
    return Computed(
        whole=made,
        why=f"With half the fabric's bandwidth the rack serves {1.0 / made.value:.0%} of its answers.",
        findings=[
            Finding.either(
                made.high > 1.01, "the fabric matters to the answers", "the fabric adds nothing to the answers"
            )
        ],
    )


QUANTITIES = {
    "speedup_over_ttl": speedup_over_ttl,
    "measured_curve": measured_curve,
    "worth_of_fabric": worth_of_fabric,
}
