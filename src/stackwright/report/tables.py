"""The report's tables: limits, the searched space, numbers with their sources, and what a run depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stackwright.report.agreement import CONDITIONS
from stackwright.report.evidence_kinds import color_of_kind
from stackwright.report.formats import (
    large,
    percent,
    quantity,
    record_scale,
    scale_of,
    sentence_case,
    significant,
    words,
)
from stackwright.report.layers import LAYERS, color_of, layer_of, title_of

CONSTRAINTS = {
    "ttft": "TTFT, 95 of 100 requests",
    "tpot": "TPOT, 95 of 100 requests",
    "memory": "Memory of the chips",
    "junction_temperature": "Temperature of the chips",
    "cooling_set_point": "Hours too hot for the cooling",
    "site_power": "Power at the meter, peak",
    "budget": "Capital",
    "water": "Water",
    "carbon": "Carbon, average mix",
    "deadline": "Deadline of the run",
    **{name: f"Agreement: {words}" for name, words in CONDITIONS.items()},
}
AXES = {
    "model.architecture": "model",
    "model.precision": "precision of weights",
    "model.cache_precision": "precision of the KV cache",
    "serving.software": "software stack",
    "serving.mode": "mode of serving",
    "serving.batch": "batch size",
    "cooling.type": "type of cooling",
    "power.portfolio": "power contracts",
    "rack.system": "system",
    "finance.sourcing": "buy or rent",
}


@dataclass(frozen=True)
class Limit:
    """A constraint with how much of it is used; `state` is met, binding or violated."""

    name: str
    value: str
    limit: str
    slack: str
    state: str
    worth: str
    used: float | None


@dataclass(frozen=True)
class SourceRow:
    """One number of the stack with where it is from."""

    field: str
    record: str
    value: str
    kind: str
    color: str
    title: str
    url: str | None
    where: str
    date: str


@dataclass(frozen=True)
class SourceGroup:
    """All numbers of one layer."""

    title: str
    color: str
    rows: list[SourceRow]


def operators_of(plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """How each operator's time is known: its name, the basis, and measured over predicted time."""
    return [
        (words(row["operator"]), str(row["basis"]), f"{row['low']:.2f} to {row['high']:.2f}")
        for row in plan.get("operators") or ()
    ]


def limits_of(plan: Mapping[str, Any]) -> list[Limit]:
    """Every constraint of the study."""
    return [_limit(row) for row in plan.get("margins") or ()]


def _limit(row: Mapping[str, Any]) -> Limit:
    unit, value, limit, slack = str(row["unit"]), row["value"], row["limit"], row["slack"]
    scale = scale_of(limit, unit)
    state = "violated" if slack < 0 else "binding" if row["binding"] else "met"
    spare = quantity(abs(slack), unit) if not scale.offset else f"{significant(abs(slack))} K"
    return Limit(
        name=CONSTRAINTS.get(str(row["constraint"]), sentence_case(words(row["constraint"]))),
        value=quantity(value, unit),
        limit=scale.text(limit),
        slack=f"{spare} {'over' if slack < 0 else 'left'}" if slack else "none left",
        state=state,
        worth=_worth(row.get("worth"), scale.factor, scale.unit),
        used=None if scale.offset or limit <= 0 else value / limit,
    )


def _worth(worth: Any, factor: float, limit_unit: str) -> str:
    """What one unit more is worth, per unit as the limit is shown: per ms rather than per s."""
    if not isinstance(worth, Mapping) or worth.get("value") is None:
        return ""
    unit = str(worth["unit"]).split(" per ")[0]
    per = "percentage point" if limit_unit == "%" else limit_unit
    return f"{quantity(worth['value'] * factor, unit)} per {per}"


def limits_finding(limits: list[Limit]) -> str:
    """Which limits are violated or hold the result back."""
    for state, words_before in (("violated", "Violated"), ("binding", "What holds the result back")):
        found = [limit.name for limit in limits if limit.state == state]
        if found:
            return f"{words_before}: {'; '.join(found)}."
    return "No limit holds the result back: relaxing any by a tenth would not improve it."


def space_sentence(plan: Mapping[str, Any]) -> str | None:
    """How many designs there were, and what became of them."""
    space = plan.get("space")
    if not space or space.get("designs") is None:
        return None
    parts = [f"{large(space['designs'])} designs in the search space"]
    for key, text in (
        ("feasible", "exist and meet memory and latency"),
        ("evaluated", "points and pairs computed"),
        ("bounded", "shown unable to win without computing each"),
    ):
        if space.get(key) is not None:
            parts.append(f"{large(space[key])} {text}")
    return f"{'; '.join(parts)}."


def gaps_of(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How far the answer can be from the truth of the model, by cause."""
    names = {
        "gap": "search: best design found against the bound",
        "cut_gap": "power: typical days in the search against all 8,760 hours",
        "queue_gap": "queueing: formula against an event simulation",
    }
    made = []
    for key, name in names.items():
        if key not in plan:
            continue
        given = plan[key]
        item: Mapping[str, Any] = given if isinstance(given, Mapping) else {"value": given}
        size = item.get("value")
        made.append((name, str(item.get("reason") or "not known") if size is None else percent(size)))
    return made


def refinement_sentence(plan: Mapping[str, Any]) -> str:
    """What lies between the grid's power caps and temperatures; empty where it was not refined."""
    given = plan.get("refinement")
    if not given:
        return ""
    if given.get("value") is None:
        return f"Between the grid's power caps and temperatures: {given.get('reason') or 'not known'}."
    unit = str((plan.get("objective") or {}).get("unit") or "")
    scale = scale_of(given["value"], unit)
    text = f"Refined between the grid's power caps and coolant temperatures: {scale.text(given['value'])}"
    if given.get("grid_value") is not None:
        gain = abs(given["value"] / given["grid_value"] - 1.0) if given["grid_value"] else 0.0
        text += f", {percent(gain)} better than the best of the grid"
    if given.get("bound") is not None:
        text += f"; nothing between its values is better than {scale.text(given['bound'])}"
    return f"{text} (gap {percent(given['gap'])})." if given.get("gap") is not None else f"{text}."


def axes_of(plan: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The grid's axes that have a choice: name, number of options, color of the layer."""
    axes = (plan.get("space") or {}).get("axes") or {}
    return [
        (AXES.get(name, words(name.rsplit(".", 1)[-1])), f"{count:,}", color_of(str(name)))
        for name, count in axes.items()
        if count > 1
    ]


def barred_of(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Options that were not eligible or do not exist, with the reason."""
    names = plan.get("names") or {}
    made = []
    for key, reason in (plan.get("not_eligible") or {}).items():
        record, comma, rest = str(key).partition(", ")
        made.append((f"{names.get(record, record)}{comma}{rest}", str(reason)))
    return made


def source_groups(plan: Mapping[str, Any]) -> list[SourceGroup]:
    """Every number of the stack, by layer."""
    names = plan.get("names") or {}
    grouped: dict[str, list[SourceRow]] = {}
    for row in plan.get("sources") or ():
        grouped.setdefault(layer_of(str(row["path"])), []).append(_source(row, names))
    order = {layer.key: rank for rank, layer in enumerate(LAYERS)}
    keys = sorted(grouped, key=lambda key: (order.get(key, len(order)), key))
    return [SourceGroup(title_of(key), color_of(key), grouped[key]) for key in keys]


def _source(row: Mapping[str, Any], names: Mapping[str, Any]) -> SourceRow:
    scale = record_scale(row["value"], str(row["unit"]))
    spread = "" if row["low"] == row["high"] else f" ({scale.number(row['low'])} to {scale.number(row['high'])})"
    return SourceRow(
        field=words(str(row["path"]).rsplit(".", 1)[-1]),
        record=str(names.get(row["record"], row["record"])),
        value=f"{scale.text(row['value'])}{spread}",
        kind=str(row["kind"]),
        color=color_of_kind(str(row["kind"])),
        title=str(row.get("title") or row["source"]),
        url=web_address(row.get("url")),
        where=str(row.get("where") or ""),
        date=str(row.get("date") or ""),
    )


def web_address(url: object) -> str | None:
    """The address if it is one of the web; anything else is not made a link."""
    text = str(url or "")
    return text if urlsplit(text).scheme in ("http", "https") else None


def works_cited(groups: list[SourceGroup]) -> list[tuple[str, str | None, int]]:
    """Distinct sources by title: address, and how many numbers are from there; most used first."""
    counts: dict[tuple[str, str | None], int] = {}
    for group in groups:
        for row in group.rows:
            counts[row.title, row.url] = counts.get((row.title, row.url), 0) + 1
    return [
        (title, url, count) for (title, url), count in sorted(counts.items(), key=lambda item: (-item[1], item[0][0]))
    ]


def provenance_of(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader needs to get the same result again."""
    rows = [(words(key), str(value)) for key, value in (plan.get("versions") or {}).items()]
    rows.append(("seed", str(plan.get("seed", "not known"))))
    inputs = plan.get("inputs") or {}
    rows += [(f"digest of the {key}", str(inputs[key])) for key in ("study", "catalog") if inputs.get(key)]
    rows += [(f"digest of {name}", str(value)) for name, value in (inputs.get("files") or {}).items()]
    if plan.get("digest"):
        rows.append(("digest of the plan", str(plan["digest"])))
    run = plan.get("run") or {}
    if run.get("seconds") is not None:
        rows.append(("time taken", quantity(run["seconds"], "s")))
    if (run.get("peak_memory") or {}).get("value") is not None:
        rows.append(("memory at the peak", quantity(run["peak_memory"]["value"], "byte")))
    return rows
