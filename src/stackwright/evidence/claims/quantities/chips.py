"""Claims on chips: peaks against what is served, links, parts of a rack, memory generations, energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Bars, Computed, Finding, Interval, bar, over_draws
from stackwright.evidence.claims.engine import DECODE, POOLS, TOGETHER, Case, Engine
from stackwright.evidence.claims.quantities.cases import case_of
from stackwright.model.precision import Precision

BOTH_WAYS = 2.0
MEGAWATT_HOUR = 1e6 * SECONDS_PER_HOUR


def peak_ratio(claim: Claim, engine: Engine) -> Computed:
    """Peak of a chip over its predecessor's, and what the engine makes of it in prefill and decode."""
    new, old, other = (claim.choice(name) for name in ("new", "old", "other_predecessor"))

    def peak(system: str) -> Any:
        return Interval.of(engine.datum("chip", engine.catalog.get("rack", system).links["chip"], "peak_bf16"))

    def memory(system: str) -> float:
        return engine.datum("chip", engine.catalog.get("rack", system).links["chip"], "memory_bandwidth").value

    whole = over_draws(lambda a, b: a / b, peak(new), peak(old))
    against = over_draws(lambda a, b: a / b, peak(new), peak(other))
    served = {account: _served_ratio(claim, engine, account) for account in (DECODE, TOGETHER)}
    prompts = _prompt_ratio(claim, engine)
    bandwidth = memory(new) / memory(old)
    names = {one: engine.catalog.get("rack", one).name for one in (old, other)}
    rows = [
        {"what": f"peak over {names[old]}", "ratio": whole.value},
        {"what": f"peak over {names[other]}", "ratio": against.value},
        {"what": "prefill, served", "ratio": prompts},
        {"what": "decode, served", "ratio": served[DECODE]},
        {"what": "both on the same chips, served", "ratio": served[TOGETHER]},
    ]
    return Computed(
        whole=whole,
        why=(
            f"The peak grew {whole.value:.2f} times over {names[old]} and {against.value:.2f} times over"
            f" {names[other]}. Served, prompts grow {prompts:.1f} times and answers {served[DECODE]:.1f} times;"
            f" memory bandwidth grew {bandwidth:.1f} times."
        ),
        rows=rows,
        bars=Bars(
            title=f"times {names[old]}",
            rows=[
                bar("16-bit peak", whole),
                {"label": "prompts served", "value": prompts},
                {"label": "prompts and answers served", "value": served[TOGETHER]},
                {"label": "answers served", "value": served[DECODE]},
                {"label": "memory bandwidth", "value": bandwidth},
            ],
            stated=None if claim.stated is None else claim.stated.figure.value,
        ),
        used=["google-tpu7x"],
    )


def _case(claim: Claim, system: str, account: str) -> Case:
    return Case(
        system=system,
        model=claim.choice("model"),
        software=claim.choice("software"),
        precision=Precision("bf16", "bf16"),
        input=claim.fact("input").value,
        output=claim.fact("output").value,
        account=account,
        most_chips=8.0,
        within_domain=True,
    )


def _served_ratio(claim: Claim, engine: Engine, account: str) -> float:
    at = np.array([claim.fact("between_tokens").value])
    best = [engine.curve(_case(claim, claim.choice(side), account)).best(at)[0] for side in ("new", "old")]
    return float(best[0] / best[1])


def _prompt_ratio(claim: Claim, engine: Engine) -> float:
    """Prompts per second and chip, new over old: from what prompts cost beside answers."""
    at = np.array([claim.fact("between_tokens").value])

    def seconds(system: str) -> float:
        rates = [engine.curve(_case(claim, system, account)).best(at)[0] for account in (POOLS, DECODE)]
        return float(1.0 / rates[0] - 1.0 / rates[1])

    return seconds(claim.choice("old")) / seconds(claim.choice("new"))


def link_bandwidth(claim: Claim, engine: Engine) -> Computed:
    """A chip's links to its domain, one way; both ways under the condition that says so."""
    links = engine.datum("chip", claim.choice("chip"), "scale_up_bandwidth")
    reached = engine.datum("network", claim.choice("links"), "efficiency")
    one_way = Interval.of(links)
    both = Interval(BOTH_WAYS * links.low, BOTH_WAYS * links.value, BOTH_WAYS * links.high)
    return Computed(
        whole=one_way,
        why=(
            f"One way a chip has {links.value / 1e9:.0f} GB/s, of which collectives reach {reached.value:.0%}"
            f" ({links.value * reached.value / 1e9:.0f} GB/s), and only inside its rack."
        ),
        under={"both directions are added": both},
        used=[one.source for one in (links, reached) if one.source != "assumption"],
    )


def parts_of_a_rack(claim: Claim, engine: Engine) -> Computed:
    """Chips of a rack's domain, and processors by the memory that chips have of them."""
    get, system = engine.datum, claim.choice("system")
    chips = get("rack", system, "scale_up_domain")
    hosts = chips.value * get("rack", system, "host_memory").value
    processors = hosts / get("chip", claim.choice("processor"), "memory_capacity").value
    liquid = get("rack", system, "liquid_share")
    stated = claim.fact("processors")
    return Computed(
        whole=Interval.exactly(chips.value),
        why=f"One domain of {chips.value:.0f} chips; their host memory is that of {processors:.0f} processors, and"
        f" {liquid.value:.0%} of the heat goes to liquid.",
        findings=[
            Finding(
                stated.low <= processors <= stated.high, f"host memory on record is that of {processors:.0f} processors"
            )
        ],
        used=[chips.source],
    )


def host_link(claim: Claim, engine: Engine) -> Computed:
    """Bandwidth from processor to chip, new over old, per chip."""
    new, old = (engine.datum("chip", claim.choice(side), "host_bandwidth") for side in ("new", "old"))
    whole = over_draws(lambda a, b: a / b, Interval.of(new), Interval.of(old))
    return Computed(
        whole=whole,
        why=f"A chip has {new.value / 1e9:.0f} GB/s to its processor, {whole.value:.1f} times what PCIe gives one; the"
        " engine uses it only where caches or weights lie in host memory.",
        findings=[
            Finding.either(whole.low > 1.0, "the link on record is faster than PCIe", "it may be no faster than PCIe")
        ],
        used=[one.source for one in (new, old)],
    )


def memory_generation(claim: Claim, engine: Engine) -> Computed:
    """Stacks that a chip's memory bandwidth would take at the older generation's most, over the newer's."""
    chips = claim.choice("chips")
    older, newer = claim.fact("older_stack_bandwidth"), claim.fact("newer_stack_bandwidth")
    most = claim.fact("stacks_on_a_package")
    names = {one: engine.catalog.get("chip", one).name for one in chips}
    bandwidths = {one: engine.datum("chip", one, "memory_bandwidth").value for one in chips}
    rows = [
        {"chip": names[one], "TB/s": value / 1e12}
        | {"stacks of HBM3E": value / older.value, "stacks of HBM4": value / newer.value}
        for one, value in bandwidths.items()
    ]
    needs = [one for one, value in bandwidths.items() if value / older.value > most.high]
    told = "; ".join(f"{row['chip']} {row['stacks of HBM3E']:.1f} or {row['stacks of HBM4']:.1f}" for row in rows)
    return Computed(
        whole=None,
        why=f"For its published bandwidth a chip would need so many stacks of HBM3E, or of HBM4: {told}. More than the"
        f" {most.high:.0f} that a package may hold, so that only HBM4 is left:"
        f" {', '.join(names[one] for one in needs) or 'none'}.",
        findings=[
            Finding.either(
                bool(set(needs) & set(claim.choice("due_in_time"))),
                "a chip that is due in the year claimed needs the newer memory",
                "no chip that is due in the year claimed needs the newer memory",
            )
        ],
        rows=rows,
        used=[engine.datum("chip", name, "memory_bandwidth").source for name in chips],
    )


def tokens_per_energy(claim: Claim, engine: Engine) -> Computed:
    """Tokens per megawatt-hour of custom chips over those of graphics chips, at one speed."""
    rows = [
        _energy_row(claim, engine, side, chosen) for side in ("custom", "graphics") for chosen in claim.choice(side)
    ]
    alike = [_energy_row(claim, engine, "graphics, FP8 as well", _in_8_bits(one)) for one in claim.choice("graphics")]
    whole, custom, graphics = _best_over_best(engine, rows)
    same, *_ = _best_over_best(engine, [row for row in rows if row["side"] == "custom"] + alike)
    names = {row["system"]: engine.catalog.get("rack", row["system"]).name for row in rows}
    return Computed(
        whole=whole,
        why=f"The best custom system ({names[custom['system']]}) makes {whole.value:.2f} times the tokens of the best"
        f" graphics system ({names[graphics['system']]}) from the same energy at its chips' limits, {same.value:.2f}"
        " times if both serve in eight bits.",
        under={"graphics chips serve in eight bits too": same},
        rows=[*rows, *alike],
        bars=Bars(
            title="million output tokens per MWh of the system",
            rows=[
                {"label": f"{names[row['system']]}, {row['format']}", "value": row[PER_ENERGY]}
                for row in [*rows, *alike]
            ],
        ),
    )


PER_ENERGY = "Mtoken per MWh"


def _in_8_bits(chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {**chosen, "weights": "fp8"}


def _energy_row(claim: Claim, engine: Engine, side: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens and watts of a chip with its share of its system. Source: definition."""
    at = np.array([claim.fact("between_tokens").value])
    rate = float(engine.curve(case_of(claim, chosen, account=POOLS, within_domain=True)).best(at)[0])
    watts = engine.watts(chosen["system"])["value"]
    return {
        "side": side,
        "system": chosen["system"],
        "format": str(chosen["weights"]).upper(),
        "tokens/s per chip": rate,
        "W per chip": watts,
        PER_ENERGY: rate / watts * MEGAWATT_HOUR / 1e6,
    }


def _best_over_best(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> tuple[Interval, Any, Any]:
    """Tokens from energy, best custom over best graphics system, over the ranges of their watts."""
    ours = max((row for row in rows if row["side"] == "custom"), key=lambda row: row[PER_ENERGY])
    theirs = max((row for row in rows if row["side"] != "custom"), key=lambda row: row[PER_ENERGY])
    drawn = [Interval(**engine.watts(row["system"])) for row in (theirs, ours)]
    faster = ours["tokens/s per chip"] / theirs["tokens/s per chip"]
    return over_draws(lambda a, b: faster * a / b, *drawn), ours, theirs


QUANTITIES = {
    "peak_ratio": peak_ratio,
    "link_bandwidth": link_bandwidth,
    "parts_of_a_rack": parts_of_a_rack,
    "host_link": host_link,
    "memory_generation": memory_generation,
    "tokens_per_energy": tokens_per_energy,
}
