"""The stack as a cross-section: a band for each layer, from capital and power at the bottom to the API on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.core.units import SECONDS_PER_DAY, SECONDS_PER_YEAR
from stackwright.report.formats import difference, large, percent, quantity, ranged
from stackwright.report.layers import LAYERS, Layer
from stackwright.report.notes import Note, beside_layer
from stackwright.report.source_kinds import own_plants

MOST_RACKS = 12
"""Racks that the picture draws at most; the number says how many there are."""

TOKENS_FROM = ("interface", "workload", "model", "serving", "training", "chip")
"""Layers whose riser carries tokens; below them it carries power."""


@dataclass(frozen=True)
class Band:
    """One layer of the picture: what was chosen, its key numbers, why, and what passes to the layer above."""

    layer: Layer
    chosen: str
    details: list[str]
    numbers: list[tuple[str, str]]
    why: str | None
    rises: str | None
    cost_share: float | None
    carries_tokens: bool
    notes: list[Note]

    @property
    def cost_text(self) -> str:
        """The layer's share of cost in percent."""
        return percent(self.cost_share or 0.0)


class _Reader:
    """A plan's entries, read so that an absent one is simply not shown."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.stack: Mapping[str, Any] = plan.get("stack") or {}
        self.metrics: Mapping[str, Any] = plan.get("metrics") or {}
        study = plan.get("study")
        self.study: Mapping[str, Any] = study if isinstance(study, Mapping) else {}
        self.demand: Mapping[str, Any] = self.study.get("demand") or {}
        self.names: Mapping[str, Any] = plan.get("names") or {}

    def entry(self, layer: str) -> Mapping[str, Any]:
        return self.stack.get(layer) or {}

    def name(self, record: object) -> str:
        return str(self.names.get(str(record), record))

    def metric(self, name: str, label: str, unit: str | None = None) -> list[tuple[str, str]]:
        item = self.metrics.get(name)
        if not item or item.get("value") is None:
            return []
        return [(label, ranged(item if unit is None else {**item, "unit": unit}))]

    def short(self, name: str) -> str | None:
        item = self.metrics.get(name) or {}
        return None if item.get("value") is None else quantity(item["value"], item.get("unit") or "")


def bands_of(plan: Mapping[str, Any], notes: list[Note]) -> list[Band]:
    """The bands, top to bottom; a layer that the plan does not have is left out."""
    read = _Reader(plan)
    costs = plan.get("cost_by_layer") or {}
    made = []
    for layer in LAYERS:
        described = DESCRIBED[layer.key](read)
        if described is None:
            continue
        chosen, details, numbers, rises = described
        made.append(
            Band(
                layer=layer,
                chosen=chosen,
                details=[text for text in details if text],
                numbers=numbers,
                why=why(plan, layer.key),
                rises=rises,
                cost_share=(costs.get(layer.key) or {}).get("share"),
                carries_tokens=layer.key in TOKENS_FROM,
                notes=beside_layer(notes, layer.key),
            )
        )
    return made


def racks_drawn(plan: Mapping[str, Any]) -> int:
    """How many racks the picture shows."""
    racks = ((plan.get("metrics") or {}).get("racks") or {}).get("value")
    return MOST_RACKS if racks is None else max(1, min(round(racks), MOST_RACKS))


def why(plan: Mapping[str, Any], layer: str) -> str | None:
    """The next best option of a layer and its difference, or the plan's own reason."""
    row = next((row for row in plan.get("alternatives") or () if row["layer"] == layer and row["next_best"]), None)
    if row is None:
        return ((plan.get("stack") or {}).get(layer) or {}).get("reason")
    away = row["difference"]
    size = "the same" if away == 0 else f"{difference(abs(away)).lstrip('+')} {'worse' if away > 0 else 'better'}"
    tail = ", but not eligible" if row.get("not_eligible") else ""
    return f"Next best: {row['name']}, {size}{tail}"


Described = tuple[str, list[str], list[tuple[str, str]], str | None]


def _interface(read: _Reader) -> Described | None:
    entry = read.entry("interface")
    if not entry:
        return None
    first, then = read.short("ttft"), read.short("tpot")
    rises = f"to users: first token within {first}, then one every {then}, for 95 of 100" if first and then else None
    return _named(entry, "software"), [], read.metric("ttft", "TTFT") + read.metric("tpot", "TPOT"), rises


def _workload(read: _Reader) -> Described | None:
    demand = read.demand
    if not demand:
        return None
    years = read.study.get("horizon") or {}
    details = [_traces(demand), _growth(demand, years), _limits(demand)]
    if demand.get("kind") == "training":
        return _volume(demand), details, read.metric("tokens_per_second", "trained, mean"), None
    mean = read.short("tokens_per_second")
    rises = f"{mean} served on average" if mean else None
    return _volume(demand), details, read.metric("tokens_per_second", "served, mean"), rises


def _volume(demand: Mapping[str, Any]) -> str:
    if demand.get("kind") == "training":
        return f"A training run of {quantity(demand.get('tokens') or 0.0, 'token')}"
    if demand.get("requests") is None:
        return "As much as the limits carry"
    return f"{large(demand['requests'] * SECONDS_PER_DAY)} requests a day"


def _traces(demand: Mapping[str, Any]) -> str:
    traces = demand.get("traces") or ()
    return "lengths from " + ", ".join(f"{row['trace']} ({percent(row['weight'])})" for row in traces) if traces else ""


def _growth(demand: Mapping[str, Any], years: Mapping[str, Any]) -> str:
    first, count, growth = years.get("first_year"), years.get("years"), demand.get("growth")
    if first is None or count is None:
        return ""
    span = f"{first} to {first + count - 1}" if count > 1 else f"{first}"
    return f"{span}, growing {percent(growth * SECONDS_PER_YEAR)} a year" if growth else span


def _limits(demand: Mapping[str, Any]) -> str:
    limits = [(word, demand.get(key)) for word, key in (("TTFT", "ttft"), ("TPOT", "tpot"), ("deadline", "deadline"))]
    return ", ".join(f"{word} at most {quantity(value, 's')}" for word, value in limits if value)


def _model(read: _Reader) -> Described | None:
    entry = read.entry("model")
    if not entry:
        return None
    drafts = entry.get("draft_tokens")
    details = [
        f"weights in {entry['precision'].upper()}" if entry.get("precision") else "",
        f"KV cache in {entry['cache_precision'].upper()}" if entry.get("cache_precision") else "",
        f"{drafts:g} tokens drafted ahead" if drafts else "",
    ]
    return read.name(entry.get("name") or entry.get("architecture") or "model"), details, [], None


def _serving(read: _Reader) -> Described | None:
    entry = read.entry("serving")
    if not entry:
        return None
    mode, batch = str(entry.get("mode") or "serving"), entry.get("batch")
    chosen = f"{mode.capitalize()}, batch {batch:g}" if batch is not None else mode.capitalize()
    pools = [_pool(name, entry[name]) for name in ("decode", "prefill") if isinstance(entry.get(name), Mapping)]
    capacity = read.short("capacity_tokens_per_second")
    rises = f"{capacity} at the SLO" if capacity else None
    return chosen, pools, read.metric("capacity_tokens_per_second", "capacity"), rises


def _pool(name: str, pool: Mapping[str, Any]) -> str:
    ways = ((word, pool.get(f"{word}_parallel") or 1) for word in ("tensor", "expert", "pipeline"))
    split = " × ".join(f"{count:g}-way {word}" for word, count in ways if count > 1) or "no split"
    replicas, chips = pool.get("replicas"), pool.get("chips_per_replica")
    size = f": {replicas:,.0f} × {chips:g} chips" if replicas is not None and chips is not None else ""
    return f"{name}{size}, {split}"


def _training(read: _Reader) -> Described | None:
    entry = read.entry("training")
    if not entry:
        return None
    kinds = ("tensor", "expert", "context", "pipeline", "data")
    ways = [f"{entry[f'{kind}_parallel']:g}-way {kind}" for kind in kinds if (entry.get(f"{kind}_parallel") or 1) > 1]
    batch, small = entry.get("global_batch"), entry.get("micro_batch")
    details = [
        f"batch of {batch:,g} sequences" if batch else "",
        f"micro-batch {small:g}" if small else "",
        f"recompute: {entry['recompute']}" if entry.get("recompute") else "",
        str(entry.get("state_sharding") or ""),
    ]
    rate = read.short("tokens_per_second")
    numbers = read.metric("run_time", "duration") + read.metric("mfu", "MFU", unit="share")
    return " × ".join(ways) or "No split", details, numbers, f"{rate} trained" if rate else None


def _chip(read: _Reader) -> Described | None:
    entry = read.entry("chip")
    if not entry:
        return None
    cap, clock = entry.get("power_cap"), entry.get("clock")
    details = [
        f"power cap at {percent(cap)} of TDP" if cap is not None else "",
        f"clock at {percent(clock)}" if clock is not None else "",
    ]
    return _named(entry, "accelerator"), details, read.metric("chips", "with spares"), None


def _rack(read: _Reader) -> Described | None:
    entry = read.entry("rack")
    pools = [f"{phase}: {pool['racks']:,.0f} of {pool['name']}" for phase, pool in read.entry("pools").items()]
    return (_named(entry, "system"), pools, read.metric("racks", "in all"), None) if entry else None


def _network(read: _Reader) -> Described | None:
    entry = read.entry("network")
    if not entry:
        return None
    thin, links = entry.get("oversubscription"), entry.get("scale_up")
    details = [
        f"oversubscription {thin:g}:1" if thin is not None else "",
        f"scale-up links: {read.name(links)}" if links else "",
    ]
    return _named(entry, "fabric"), details, read.metric("switches", "fabric"), None


def _cooling(read: _Reader) -> Described | None:
    entry = read.entry("cooling")
    if not entry:
        return None
    supply, junction = entry.get("supply_temperature"), entry.get("junction_temperature")
    details = [
        f"coolant at {quantity(supply, 'K')}" if supply is not None else "",
        f"chips at {quantity(junction, 'K')}" if junction is not None else "",
    ]
    return _named(entry, "type"), details, read.metric("pue", "PUE") + read.metric("wue", "WUE"), None


def _datacenter(read: _Reader) -> Described | None:
    entry = read.entry("datacenter")
    if not entry:
        return None
    level, path = entry.get("redundancy"), entry.get("distribution")
    details = [f"redundancy {read.name(level)}" if level else "", f"{read.name(path)}" if path else ""]
    power = read.short("it_power")
    return (
        _named(entry, "site"),
        details,
        read.metric("tue", "TUE") + read.metric("downtime", "without power or cooling"),
        f"{power} to IT on average" if power else None,
    )


def _power(read: _Reader) -> Described | None:
    entry = read.entry("power")
    if not entry:
        return None
    contracts = [read.name(name) for name in entry.get("contracts") or ()]
    chosen = " + ".join([*contracts, read.name(entry.get("grid") or "grid")])
    mean, peak = read.short("facility_power"), read.short("peak_facility_power")
    rises = f"{mean} at the meter on average, {peak} at peak" if mean and peak else None
    numbers = read.metric("peak_facility_power", "peak") + read.metric("facility_power", "mean")
    details = [f"portfolio “{entry['portfolio']}”" if entry.get("portfolio") else ""]
    details += [f"own: {quantity(row['capacity'], 'W')} of {row['name']}" for row in own_plants(read.plan)]
    return chosen, details, numbers, rises


def _finance(read: _Reader) -> Described | None:
    entry = read.entry("finance")
    if not entry:
        return None
    sourcing = {"buy": "Bought", "rent": "Rented"}.get(str(entry.get("sourcing")), str(entry.get("sourcing")))
    terms = [f"terms: {read.name(entry['terms'])}" if entry.get("terms") else ""]
    return sourcing, terms, read.metric("capex", "capex") + read.metric("npv", "NPV"), None


def _named(entry: Mapping[str, Any], key: str) -> str:
    return str(entry.get("name") or entry.get(key) or "")


DESCRIBED = {
    "interface": _interface,
    "workload": _workload,
    "model": _model,
    "serving": _serving,
    "training": _training,
    "chip": _chip,
    "rack": _rack,
    "network": _network,
    "cooling": _cooling,
    "datacenter": _datacenter,
    "power": _power,
    "finance": _finance,
}
