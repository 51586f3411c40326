"""How much faster one system serves a model than another, over the time that a user waits for a token.

One number says little: at a slow pace the older system batches as well as the newer one, at a fast pace it serves
nothing at all and the ratio has no bound. So the ratio is a curve, under each way of counting prompts, with the
baseline's layouts free or held within its own links.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import LOG, Bars, Computed, Finding, Interval, Lines
from stackwright.evidence.claims.engine import ACCOUNTS, DECODE, POOLS, TOGETHER, Engine, slower
from stackwright.evidence.claims.quantities.cases import case_of
from stackwright.model.precision import VALUE_BYTES, Precision

LIMITS = np.array([10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 85.0, 100.0, 125.0, 150.0, 200.0]) * 1e-3
"""Seconds between tokens at which a curve is told."""
WORDS = {
    TOGETHER: "prompts on the same chips",
    POOLS: "prompts on chips of their own, which count",
    DECODE: "answers alone count, prompts are free",
}
FREE = "the baseline may use any layout, also over its fabric"
HELD = "each stage of the baseline stays within its own links"


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
    ratios = {
        (account, reach): np.array(
            [
                _ratio(claim, engine, limits, account, first, held, kv_heads=count, factor=factor)
                for count in heads
                for factor in ((spread.value, spread.low, spread.high) if count == heads[0] else (spread.value,))
            ]
        )
        for account in ACCOUNTS
        for reach, held in ((FREE, False), (HELD, True))
    }
    column = int(np.flatnonzero(limits == at)[0])
    here = {key: found for key, rows in ratios.items() if (found := _range(rows[:, column])) is not None}
    parts, edges = decomposed(claim, engine, at, heads[0]), _edges(claim, engine, first)
    return Computed(
        whole=_over_accounts(here),
        why=_told(at, here, edges) + _beyond(parts, at),
        under={f"{reach}, and {WORDS[account]}": one for (account, reach), one in here.items()},
        findings=(_largest(parts, at),),
        rows=_per_dollar_and_watt(claim, engine, here),
        tables={
            "What the ratio of answers alone is made of, the baseline's stages within own links": parts,
            "Where the baseline ends, in ms between tokens": edges,
        },
        curve=Lines(
            x=[float(one) * 1e3 for one in limits],
            x_title="time between tokens, ms",
            y_title="tokens per second and chip, new over old",
            lines={
                f"{reach}; {WORDS[account]}": [_plain(one) for one in rows[0]]
                for (account, reach), rows in ratios.items()
            },
            x_scale=LOG,
            y_scale=LOG,
            stated=None if claim.stated is None else claim.stated.figure.value,
        ),
        bars=_parts_beside_hardware(parts, at),
        used=_used(engine, claim),
    )


def _over_accounts(here: Mapping[tuple[str, str], Interval]) -> Interval | None:
    """Over the ways to count prompts, the baseline free, about the way that counts all chips; None without any."""
    free = {account: one for (account, reach), one in here.items() if reach == FREE}
    if not free:
        return None
    middle = free.get(POOLS, next(iter(free.values())))
    return Interval(min(one.low for one in free.values()), middle.value, max(one.high for one in free.values()))


def _parts_beside_hardware(parts: Sequence[Mapping[str, Any]], at: float) -> Bars:
    return Bars(
        title=f"factor in the ratio of answers alone at {at * 1e3:.0f} ms between tokens",
        rows=[
            {"label": row["part"], "value": row[_column(at)]} | ({"mark": row[HARDWARE]} if HARDWARE in row else {})
            for row in parts
            if row[_column(at)] is not None
        ],
        scale=LOG,
        mark=HARDWARE,
    )


def _told(at: float, here: Mapping[tuple[str, str], Interval], edges: Sequence[Mapping[str, Any]]) -> str:
    """What the ratios say, and where they have no bound."""
    free, held = (_times([one for (_, reach), one in here.items() if reach == name]) for name in (FREE, HELD))
    told = (
        f"At {at * 1e3:.0f} ms between tokens the rack serves {free} as much per chip if the baseline may spread"
        f" layouts over its fabric, and {held} if each of its stages stays within its own links, by the way in which"
        " prompts count."
    )
    ends = [row["serves nothing below"] for row in edges if row["serves nothing below"] is not None]
    tenths = [row["a tenth of its best rate at"] for row in edges if row["serves nothing below"] is not None]
    if not ends:
        return f"{told} The baseline serves nothing."
    return (
        f"{told} No single number holds: by the same ways the baseline falls to a tenth of its best rate at"
        f" {min(tenths):.0f} to {max(tenths):.0f} ms and serves nothing below {min(ends):.0f} to {max(ends):.0f} ms,"
        " from where on the ratio has no bound."
    )


def _times(ranges: Sequence[Interval]) -> str:
    if not ranges:
        return "without bound"
    return f"{min(one.low for one in ranges):.1f} to {max(one.high for one in ranges):.1f} times"


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


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def decomposed(claim: Claim, engine: Engine, at: float, kv_heads: int) -> list[dict[str, Any]]:
    """What the ratio of answers is made of, against the baseline within its own links: factors that multiply to it.

    Four parts of the new system are set as the old has them, in every combination; each part's factor is the mean of
    its logarithm over all orders. What is left is the chips' compute and kernels. A part's factor may exceed the ratio
    of the hardware: near the edge of latency, faster memory also leaves time for larger batches. ``batch`` stands
    beside them: what larger batches are worth, through all parts. Source: Shapley (1953), A value for n-person games.
    """
    limits = np.array([at, *SLOWER])
    old: Any = engine.hardware(claim.choice("old")["system"], claim.choice("old")["software"])
    newer: Any = engine.hardware(claim.choice("new")["system"], claim.choice("new")["software"])
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
    hardware = {
        "domain": newer.system.scale_up_domain / old.system.scale_up_domain,
        "precision": VALUE_BYTES[claim.choice("old")["weights"]] / VALUE_BYTES[claim.choice("new")["weights"]],
        "bandwidth": newer.chip.memory_bandwidth / old.chip.memory_bandwidth,
        "capacity": newer.chip.memory_capacity / old.chip.memory_capacity,
    }

    def rates_of(back: frozenset[str]) -> np.ndarray:
        changed = tuple(leaf for name in leaves if name in back for leaf in leaves[name])
        precision = formats if "precision" in back else new.precision
        return engine.curve(replace(new, changed=changed, precision=precision)).best(limits)

    rates = {back: rates_of(back) for back in subsets(tuple(leaves))}
    few = [engine.curve(base).batch(limit) for limit in limits]
    through = np.array([engine.curve(new).best_at(*pair) for pair in zip(limits, few, strict=True)])
    rest = over(rates[frozenset(leaves)], engine.curve(base).best(limits))
    factors = {name: _shared(rates, name, tuple(leaves)) for name in leaves}
    factors |= {REST: rest, "batch (through all of them)": over(rates[frozenset()], through)}
    return [
        {"part": name}
        | {_column(limit): _plain(one) for limit, one in zip(limits, found, strict=True)}
        | ({HARDWARE: float(hardware[name])} if name in hardware else {})
        for name, found in factors.items()
    ]


SLOWER = (0.1, 0.2)
"""Seconds between tokens, farther from the baseline's edge, at which the parts are told too."""
REST = "compute and kernels"
HARDWARE = "of the hardware alone"


def _column(limit: float) -> str:
    return f"at {limit * 1e3:.0f} ms"


def subsets(names: Sequence[str]) -> list[frozenset[str]]:
    """Every set of some names. Source: definition."""
    return [frozenset(one) for size in range(len(names) + 1) for one in itertools.combinations(names, size)]


def _shared(rates: Mapping[frozenset[str], np.ndarray], name: str, names: Sequence[str]) -> np.ndarray:
    """A part's factor: the mean over orders of what setting it back costs. NaN where a combination serves nothing."""
    count = len(names)
    logarithms = {back: np.log(np.where(one > 0.0, one, np.nan)) for back, one in rates.items()}
    total = np.zeros_like(logarithms[frozenset()])
    for back in subsets([one for one in names if one != name]):
        weight = math.factorial(len(back)) * math.factorial(count - len(back) - 1) / math.factorial(count)
        total = total + weight * (logarithms[back] - logarithms[back | {name}])
    return np.exp(total)


WORTHWHILE = 0.1
"""Share of its best rate above which a system is still worth its chips."""


def _edges(claim: Claim, engine: Engine, first: float) -> list[dict[str, Any]]:
    """Milliseconds between tokens below which the baseline serves nothing, or less than a tenth of its best."""
    rows = []
    for account in ACCOUNTS:
        for reach, held in ((FREE, False), (HELD, True)):
            case = case_of(
                claim,
                claim.choice("old"),
                account=account,
                first_token=first,
                within_domain=held,
                kv_heads=int(claim.choice("kv_heads")[0]),
            )
            curve = engine.curve(case)
            ends = [
                curve.between[curve.rate > share * curve.rate.max()].min(initial=np.inf) * 1e3
                for share in (0.0, WORTHWHILE)
            ]
            rows.append(
                {"prompts": WORDS[account], "baseline": reach}
                | {"serves nothing below": _plain(ends[0]), "a tenth of its best rate at": _plain(ends[1])}
            )
    return rows


def _largest(parts: Sequence[Mapping[str, Any]], at: float) -> Finding:
    """Whether the ratio is the domain's doing, as it is told: the largest factor is the domain's."""
    known = _known(parts, at)
    largest = max(known, key=lambda name: known[name])
    first = f"of the ratio of answers alone at {at * 1e3:.0f} ms the largest factor is"
    if largest == "domain":
        return Finding(True, f"{first} the domain's, {known[largest]:.2g} times")
    domain = f", the domain's is {known['domain']:.2g}" if "domain" in known else ""
    return Finding(False, f"{first} that of {largest}, {known[largest]:.2g} times{domain}")


def _known(parts: Sequence[Mapping[str, Any]], at: float) -> dict[str, float]:
    """Factors of the parts that multiply to the ratio, as far as there are designs. Source: definition."""
    return {row["part"]: row[_column(at)] for row in parts[:-1] if row[_column(at)] is not None}


def _beyond(parts: Sequence[Mapping[str, Any]], at: float) -> str:
    """Which parts are worth more than the ratio of their hardware, and why that can be."""
    told = [
        f"{row['part']} {row[_column(at)]:.2g} against {row[HARDWARE]:.2g}"
        for row in parts[:-1]
        if HARDWARE in row and (row[_column(at)] or 0.0) > row[HARDWARE]
    ]
    if not told:
        return ""
    return (
        f" So near the baseline's edge a part may be worth more than its hardware's ratio ({', '.join(told)}), as it"
        " also leaves time for larger batches."
    )


def _per_dollar_and_watt(
    claim: Claim, engine: Engine, here: Mapping[tuple[str, str], Interval]
) -> list[dict[str, Any]]:
    """Ratios per chip, dollar and watt of the system, by what the baseline may use and how prompts count."""
    new, old = claim.choice("new")["system"], claim.choice("old")["system"]
    bases = {
        f"per dollar, {name.replace('_', ' ')}": engine.datum("rack", new, name).value
        / engine.datum("rack", old, name).value
        for name in ("price_per_chip", "rent_committed", "rent_on_demand")
    }
    bases["per watt"] = engine.watts(new)["value"] / engine.watts(old)["value"]
    return [
        {"baseline": reach, "prompts": WORDS[account], "per chip": one.value, "low": one.low, "high": one.high}
        | {words: one.value / dearer for words, dearer in bases.items()}
        for (account, reach), one in here.items()
    ]


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
    rows: list[dict[str, Any]] = []
    inside = {"bounded": 0, "open": 0}
    for index, line in enumerate(points):
        values = [float(one[index]) for one in ways.values()]
        known, measured = [one for one in values if np.isfinite(one)], float(line["measured"])
        bounded = len(known) == len(values)
        inside["bounded" if bounded else "open"] += min(known) <= measured and (not bounded or measured <= max(known))
        told = {words: _plain(one[index]) for words, one in ways.items()}
        rows.append({"tokens/s/user": float(line["speed"]), "per": line["per"], "measured": measured} | told)
    first = {words: Interval.exactly(float(one[0])) for words, one in ways.items() if np.isfinite(one[0])}
    every = [one.value for one in first.values()]
    best = [one.value for words, one in first.items() if not words.startswith(RECIPE)]
    recipes = [one.value for words, one in first.items() if words.startswith(RECIPE)]
    return Computed(
        whole=Interval.around(best),
        why=(
            f"{inside['bounded']} of {len(rows)} measured ratios lie between the engine's for the baseline at its best"
            f" and those for a baseline of one replica over two nodes, prompts on the same chips. {inside['open']} more"
            " lie above its best at a speed at which such replicas in part serve nothing, so that the ratio has no"
            f" upper bound there. How the baseline runs moves the ratio {max(every) / min(every):.0f} times at"
            f" {float(points[0]['speed']):.0f} tokens/s/user."
        ),
        under={
            "the baseline is one replica over two nodes, and the rack drafts tokens ahead": Interval.around(recipes)
        },
        rows=rows,
        curve=_speed_curve(claim, engine),
        used=_used(engine, claim),
    )


def _speed_curve(claim: Claim, engine: Engine) -> Lines:
    """Ratios per chip over speed, by how the baseline runs, with the measured points."""
    points = {float(one["speed"]): float(one["measured"]) for one in claim.choice("points") if one["per"] == "chip"}
    speeds = np.unique([*SPEEDS, *points])
    lines = {words: over(*rates) for words, rates in _ways(claim, engine, 1.0 / speeds).items()}
    return Lines(
        x=[float(one) for one in speeds],
        x_title="tokens per second and user",
        y_title="tokens per second and chip, new over old",
        lines={"measured": [points.get(float(one)) for one in speeds]}
        | {words: [_plain(one) for one in line] for words, line in lines.items()},
        x_scale=LOG,
        y_scale=LOG,
    )


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


QUANTITIES = {
    "speedup_over_ttl": speedup_over_ttl,
    "measured_curve": measured_curve,
}
