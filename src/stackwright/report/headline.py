"""The answer in one sentence, and the figures that a reader looks for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.evidence_kinds import Share, by_count, by_influence, named
from stackwright.report.formats import differ, ranged, scale_of, sentence_case, within_sentence, words
from stackwright.report.notes import Note, beside_metric
from stackwright.report.source_kinds import own_plants

OBJECTIVES = {
    "cost_per_million_tokens": "per million output tokens",
    "carbon_per_million_tokens": "per million output tokens",
    "npv": "of net present value",
    "tokens_per_second": "",
    "tokens_per_megawatt_hour": "",
    "cost_per_run": "for the run",
}
"""What follows the value in the title; the unit then says no more than its first part."""

TITLES = {
    "cost_per_million_tokens": "Cost per million output tokens",
    "cost_per_million_total_tokens": "Cost per million tokens, input and output",
    "cost_per_run": "Cost of the run",
    "tokens_per_second": "Output tokens served, mean",
    "capacity_tokens_per_second": "Output tokens at the SLO, capacity",
    "tokens_per_megawatt_hour": "Output tokens per MWh",
    "ttft": "TTFT, 95 of 100 requests",
    "ttft_p50": "TTFT, median",
    "tpot": "TPOT, 95 of 100 requests",
    "tpot_p50": "TPOT, median",
    "chips": "Chips, spares included",
    "chips_in_service": "Chips in service",
    "racks": "Racks",
    "switches": "Switches of the fabric",
    "facility_power": "Power at the meter, mean",
    "peak_facility_power": "Power at the meter, peak",
    "it_power": "IT power, mean",
    "peak_it_power": "IT power, peak",
    "pue": "PUE over the year",
    "peak_pue": "PUE in the hottest hour",
    "tue": "TUE over the year: meter over boards",
    "downtime": "Hours a year without power or cooling",
    "wue": "WUE over the year",
    "energy_per_token": "Energy per output token",
    "carbon_per_million_tokens": "Carbon per million output tokens",
    "marginal_carbon_per_million_tokens": "Carbon per million output tokens, marginal",
    "capex": "Capex over the horizon",
    "present_cost": "Cost over the horizon, today's value",
    "npv": "NPV",
    "run_time": "Duration of the run",
    "chip_hours": "Work of the chips",
    "mfu": "MFU",
    "hfu": "HFU",
    "goodput": "Goodput of the run",
    "step_time": "Time of a step",
    "availability": "Availability",
}
TRAINING_TITLES = {"tokens_per_second": "Tokens trained, mean"}
SHARES = {"mfu", "hfu", "goodput", "availability"}
"""Ratios that are read as a share of the whole."""

CARDS = (
    "run_time",
    "mfu",
    "goodput",
    "step_time",
    "chip_hours",
    "tokens_per_second",
    "capacity_tokens_per_second",
    "ttft",
    "tpot",
    "chips",
    "peak_facility_power",
    "pue",
    "wue",
    "energy_per_token",
    "carbon_per_million_tokens",
    "capex",
    "cost_per_million_tokens",
    "npv",
)
"""Metrics that have a card, in this order."""

BESIDE = {
    "capacity_tokens_per_second": ("tokens_per_second", "served on average"),
    "peak_facility_power": ("facility_power", "on average"),
    "chips": ("racks", "in all"),
}
"""Metrics that stand in the card of another, and with which words."""

SERVING = ("software", "kernels", "chip", "scale_up", "fabric")
TRAINING = ("release", "kernels", "chip", "scale_up", "fabric")
IT = ("chip", "chip_power", "system", "fabric")
PLANT = ("cooling", "site", "building", "distribution")
PLACES = {
    "run_time": (*TRAINING, "reliability"),
    "mfu": TRAINING,
    "goodput": ("reliability",),
    "step_time": TRAINING,
    "chip_hours": (*TRAINING, "reliability"),
    "capacity_tokens_per_second": SERVING,
    "tokens_per_second": ("redundancy", "software"),
    "ttft": SERVING,
    "tpot": SERVING,
    "chips": SERVING,
    "peak_facility_power": IT + PLANT,
    "pue": (*PLANT, "chip_power"),
    "wue": ("cooling", "site"),
    "energy_per_token": SERVING + IT + PLANT,
    "carbon_per_million_tokens": SERVING + IT + PLANT + ("grid",),
    "capex": (*SERVING, "system", "building", "cooling", "terms"),
    "cost_per_million_tokens": SERVING + IT + PLANT + ("grid", "terms"),
    "npv": SERVING + IT + PLANT + ("grid", "terms"),
}
"""Parts of the stack whose numbers a metric is computed from."""


@dataclass(frozen=True)
class Card:
    """One figure with its range and how well founded it is."""

    title: str
    number: str
    unit: str
    low: str | None
    high: str | None
    position: float
    evidence: list[Share]
    evidence_words: str
    notes: list[Note]
    beside: str | None = None


def title_sentence(plan: Mapping[str, Any]) -> str:
    """The answer in one sentence: the objective with its range, from what, and where."""
    answer = answer_of(plan["objective"])
    means = ", ".join(part for part in (_machines(plan), _place(plan), _energy(plan)) if part)
    sentence = f"{answer}, {means}" if means else answer
    return f"Nearest miss: {sentence}" if plan.get("feasible") is False else sentence


def answer_of(objective: Mapping[str, Any]) -> str:
    """The objective in words: 1.13 USD per million output tokens (0.671 to 2.07)."""
    name, value = str(objective.get("name")), objective.get("value")
    if value is None:
        return f"{TITLES.get(name, words(name))}: {ranged(objective)}"
    tail = OBJECTIVES.get(name, "")
    unit = str(objective.get("unit") or "")
    scale = scale_of(value, unit.split("/")[0] if tail else unit)
    text = " ".join(part for part in (scale.text(value), tail) if part)
    low, high = objective.get("low"), objective.get("high")
    if low is None or high is None or not differ(low, high):
        return text
    return f"{text} ({scale.number(low)} to {scale.number(high)})"


def trains(plan: Mapping[str, Any]) -> bool:
    """Whether the plan is of a training run."""
    return "training" in (plan.get("stack") or {})


def title_of_metric(plan: Mapping[str, Any], name: str) -> str:
    """A metric in words; tokens of a training run are trained, not put out."""
    if not trains(plan):
        return TITLES.get(name, sentence_case(words(name)))
    title = TRAINING_TITLES.get(name) or TITLES.get(name) or sentence_case(words(name))
    return title.replace("output token", "trained token")


def cards_of(plan: Mapping[str, Any], notes: list[Note]) -> list[Card]:
    """The objective's card first, then those of the metrics that have a value."""
    objective = plan["objective"]
    first = str(objective["name"])
    known = {name: item for name, item in _metrics(plan).items() if item.get("value") is not None}
    sources = plan.get("sources") or ()
    made = []
    if objective.get("value") is not None:
        mix = named_mix("by share of the range", by_influence((plan.get("explain") or {}).get("inputs") or ()))
        made.append(
            _card(title_of_metric(plan, first), objective, mix, beside_metric(notes, first), _total_tokens(plan))
        )
    within = {beside for name, (beside, _) in BESIDE.items() if name in known}
    for name in (name for name in CARDS if name in known and name != first and name not in within):
        mix = named_mix("by number of inputs", by_count(sources, PLACES.get(name, ())))
        item = {**known[name], "unit": "share"} if name in SHARES else known[name]
        made.append(_card(title_of_metric(plan, name), item, mix, beside_metric(notes, name), _beside(known, name)))
    return made


def named_mix(basis: str, shares: list[Share]) -> tuple[str, list[Share]]:
    """Evidence as a strip, and in words."""
    return f"Evidence {basis}: {named(shares)}", shares


def missing_of(plan: Mapping[str, Any]) -> list[str]:
    """Metrics without a value, by the reason why."""
    by_reason: dict[str, list[str]] = {}
    for name, item in _metrics(plan).items():
        if item.get("value") is None:
            by_reason.setdefault(str(item.get("reason") or "not known"), []).append(
                within_sentence(title_of_metric(plan, name))
            )
    return [f"No {'; no '.join(titles)}: {reason}." for reason, titles in by_reason.items()]


def _metrics(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: item for name, item in (plan.get("metrics") or {}).items() if isinstance(item, Mapping)}


def _beside(known: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    """The metric that stands beside another in its card."""
    other, tail = BESIDE.get(name, ("", ""))
    return f"{ranged({**known[other], 'low': None})} {tail}" if other in known else None


def _total_tokens(plan: Mapping[str, Any]) -> str | None:
    """The cost per token of any kind, beside that of output tokens."""
    item = _metrics(plan).get("cost_per_million_total_tokens") or {}
    if item.get("value") is None or plan["objective"]["name"] != "cost_per_million_tokens":
        return None
    return f"{ranged(item)} over input and output tokens together"


def _card(
    title: str,
    item: Mapping[str, Any],
    mix: tuple[str, list[Share]],
    notes: list[Note],
    beside: str | None = None,
) -> Card:
    value = item["value"]
    low, high = (value if item.get(end) is None else item[end] for end in ("low", "high"))
    scale = scale_of(value, item.get("unit") or "")
    known = differ(low, high)
    return Card(
        title=title,
        number=scale.number(value),
        unit=scale.unit,
        low=scale.number(low) if known else None,
        high=scale.number(high) if known else None,
        position=(value - low) / (high - low) if known else 0.0,
        evidence=mix[1],
        evidence_words=mix[0],
        notes=notes,
        beside=beside,
    )


def _machines(plan: Mapping[str, Any]) -> str:
    stack, metrics = plan.get("stack") or {}, plan.get("metrics") or {}
    chips = metrics.get("chips") or {}
    pools = (stack.get("pools") or {}).values()
    system = " and ".join(str(pool["name"]) for pool in pools) or (stack.get("rack") or {}).get("name")
    if chips.get("value") is None:
        return f"from {system}" if system else ""
    text = f"from {ranged({**chips, 'low': None})}"
    racks = (metrics.get("racks") or {}).get("value")
    if system is None:
        return text
    return f"{text} in {round(racks):,} racks of {system}" if racks else f"{text} of {system}"


def _place(plan: Mapping[str, Any]) -> str:
    site = ((plan.get("stack") or {}).get("datacenter") or {}).get("name")
    return f"in {site}" if site else ""


def _energy(plan: Mapping[str, Any]) -> str:
    power = (plan.get("stack") or {}).get("power") or {}
    if not power.get("portfolio"):
        return ""
    names = plan.get("names") or {}
    beside = [str(names.get(name, name)) for name in power.get("contracts") or ()]
    kinds = list(dict.fromkeys(str(row["kind"]) for row in own_plants(plan)))
    if kinds:
        *others, last = kinds
        beside.append(f"own {', '.join(others)} and {last}" if others else f"own {last}")
    grid = str(names.get(power.get("grid"), power.get("grid") or "grid"))
    return f"powered by {' and '.join(beside)} beside the grid" if beside else f"powered by the grid ({grid})"
