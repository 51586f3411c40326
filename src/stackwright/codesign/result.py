"""A finalist as the mapping that ``plan.json`` holds: SI numbers with units, ranges and reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.finalists import MILLION, PREFILL, SENSE, UNITS, Finalist, objective_value, outlay
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.search import Found
from stackwright.core.records import Datum
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR, convert
from stackwright.finance.terms import Terms
from stackwright.power.matching import source_water
from stackwright.stack.chain import total_usage
from stackwright.stack.coupling import JUNCTION_LIMIT
from stackwright.stack.design import Design
from stackwright.stack.evaluate import Evaluation, pools_of
from stackwright.stack.parts import Parts
from stackwright.stack.plant import EXCURSIONS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

OWN = ("system", "chip")
LITERS = 1e3
KILOWATT_HOUR = 3.6e6
LAYERS = (
    "interface",
    "model",
    "serving",
    "chip",
    "rack",
    "network",
    "cooling",
    "datacenter",
    "power",
    "finance",
)

Metrics = dict[str, tuple[Any, str]]
MarginRow = tuple[str, Any, float | None, str]
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Kind:
    """What differs between the plans of two kinds of demand: how designs are timed, and what a result shows."""

    scenario: Callable[[Study, Parts], Scenario]
    grid: Callable[[Study, Parts, Scenario, Tell | None], Grid]
    axes: Callable[[Study], dict[str, int]]
    """Axes of the grid that the study does not list."""
    misses: Callable[[Mapping[str, np.ndarray], Scenario], dict[str, np.ndarray]]
    """Margins of the grid's rows by name; positive is violated."""
    limits: str
    """What those margins are of, in words."""
    held: Callable[[Study, Design], dict[str, Any]]
    """The sections of a study in which only what is tuned last stays free."""
    metrics: Callable[[Evaluation, Scenario, Finalist], Metrics]
    absent: Mapping[str, tuple[str, str]]
    """Unit and reason of metrics that do not apply."""
    stack: Callable[[Finalist], dict[str, Any]]
    """The entries of a stack that are this kind's own, by layer."""
    costs: Callable[[Finalist], dict[str, Any]]
    margins: Callable[[Evaluation, Scenario], list[MarginRow]]
    pictures: Callable[[Study, Scenario, Grid, Found, Finalist], dict[str, Any]]
    notes: Callable[[Study, Scenario, Finalist], list[str]]
    """What a reader has to know."""


def metric_values(done: Evaluation, scenario: Scenario, item: Finalist) -> Metrics:
    """Metrics of an evaluation with their units; values are floats, or draws [n]."""
    service, tokens = done.service, done.tokens.sum(axis=-1)
    inputs = scenario.lengths.input_mean / scenario.lengths.output_mean
    cost = done.present_cost / done.present_tokens * MILLION
    values: Metrics = {
        "cost_per_million_tokens": (cost, "USD/Mtoken"),
        "cost_per_million_total_tokens": (cost / (1.0 + inputs), "USD/Mtoken"),
        "tokens_per_second": (tokens / len(scenario.years) / SECONDS_PER_YEAR, "token/s"),
        "capacity_tokens_per_second": (done.capacity, "token/s"),
        "ttft": (service.ttft_p95, "s"),
        "ttft_p50": (service.ttft_p50, "s"),
        "ttft_p99": (service.ttft_p99, "s"),
        "tpot": (service.tpot_p95, "s"),
        "tpot_p50": (service.tpot_p50, "s"),
        "tpot_p99": (service.tpot_p99, "s"),
    }
    values |= fleet_metrics(done, item, tokens)
    if scenario.token_price is not None:
        values["npv"] = (done.present_tokens * scenario.token_price - done.present_cost, "USD")
    return values


def fleet_metrics(done: Evaluation, item: Finalist, tokens: Any) -> Metrics:
    """Metrics of an evaluation's fleet and plant, per token where these are `tokens` over the horizon."""
    made, year = done.fleet, done.year
    years = done.tokens.shape[-1]
    chips = made.chips.max(axis=-1)
    bought = made.bought(item.terms.spares).max(axis=-1)
    racks = sum(
        np.ceil(pool.bought(item.terms.spares).max(axis=-1) / parts.system.chips_per_rack)
        for pool, parts in zip(made.pools, pools_of(item.cell), strict=True)
    )
    return {
        "chips": (bought, "chip"),
        "chips_in_service": (chips, "chip"),
        "spare_chips": (bought - chips, "chip"),
        "racks": (racks, "rack"),
        "switches": (np.ceil(done.switches), "switch"),
        "it_power": (year.it_energy.sum(axis=-1) / years / SECONDS_PER_YEAR, "W"),
        "facility_power": (year.meter_energy.sum(axis=-1) / years / SECONDS_PER_YEAR, "W"),
        "peak_it_power": (made.peak_power.max(axis=-1), "W"),
        "peak_facility_power": (done.peak_meter, "W"),
        "pue": (year.meter_energy.sum(axis=-1) / year.it_energy.sum(axis=-1), ""),
        "peak_pue": (done.peak_ratio, ""),
        "tue": (
            total_usage(
                list(zip(done.units, done.states, made.pools, strict=True)),
                it_energy=year.it_energy[..., 0],
                meter_energy=year.meter_energy[..., 0],
            ),
            "",
        ),
        "downtime": ((1.0 - done.availability) * HOURS_PER_YEAR, "h/year"),
        "wue": (year.water.sum(axis=-1) * LITERS / (year.it_energy.sum(axis=-1) / KILOWATT_HOUR), "L/kWh"),
        **source_water_metric(done, item),
        "water": (year.water.sum(axis=-1) * LITERS / years, "L/year"),
        "energy_per_token": (year.meter_energy.sum(axis=-1) / tokens, "J"),
        "carbon_per_million_tokens": (year.carbon_average.sum(axis=-1) / tokens * MILLION, "kg/Mtoken"),
        "contract_carbon_per_million_tokens": (year.carbon_contracts.sum(axis=-1) / tokens * MILLION, "kg/Mtoken"),
        "marginal_carbon_per_million_tokens": (year.carbon_marginal.sum(axis=-1) / tokens * MILLION, "kg/Mtoken"),
        "availability": (done.availability, ""),
        "capex": (done.cash["capex"].sum(axis=-1), "USD"),
        "present_cost": (done.present_cost, "USD"),
    }


def source_water_metric(done: Evaluation, item: Finalist) -> Metrics:
    """Water consumed at the site and by the grid's plants; absent where the grid's is not known."""
    intensity = item.plant.specs.portfolio.grid.water_intensity
    if intensity is None:
        return {}
    year = done.year
    total = source_water(site_water=year.water, grid_energy=year.meter_energy, water_intensity=intensity)
    return {"source_wue": (total.sum(axis=-1) * LITERS / (year.it_energy.sum(axis=-1) / KILOWATT_HOUR), "L/kWh")}


def ranged(
    nominal: Metrics, base: Metrics, drawn: Metrics, absent: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Metrics with the 5th and 95th percentile of the draws around the settled value.

    Draws use the plant's terms per watt; `base` is the design itself by those terms, so its distance
    from the settled value is taken out of the percentiles. `absent` has unit and reason of what does not apply.
    """
    made: dict[str, dict[str, Any]] = {}
    for name, (value, unit) in nominal.items():
        level = float(np.mean(value))
        shift = level - float(np.mean(base[name][0]))
        low, high = (float(np.percentile(drawn[name][0], q)) + shift for q in (5.0, 95.0))
        made[name] = {"value": level, "low": min(low, level), "high": max(high, level), "unit": unit}
    for name, (unit, reason) in absent.items():
        if name not in made:
            made[name] = {"value": None, "low": None, "high": None, "unit": unit, "reason": reason}
    return made


def objective_entry(
    study: Study, scenario: Scenario, item: Finalist, base: Evaluation, drawn: Evaluation
) -> dict[str, Any]:
    """The objective with its range."""
    name = str(study.objective)
    level = float(np.mean(item.value))
    shift = level - float(np.mean(objective_value(name, scenario, base, item.terms)))
    spread = np.asarray(objective_value(name, scenario, drawn, item.terms))
    low, high = (float(np.percentile(spread, q)) + shift for q in (5.0, 95.0))
    return {
        "name": name,
        "unit": UNITS[name],
        "sense": SENSE[name],
        "value": level,
        "low": min(low, level),
        "high": max(high, level),
    }


def serving_entries(item: Finalist) -> dict[str, Any]:
    """The entries of a stack that serves: engine, model and replicas."""
    design, parts, done = item.design, item.parts, item.done
    numbers = design.numbers
    replicas = float(done.fleet.replicas.max())
    serving: dict[str, Any] = {
        "mode": design.mode,
        "batch": numbers["batch"],
        "decode": {
            "tensor_parallel": numbers["tensor"],
            "expert_parallel": numbers["expert"],
            "pipeline_parallel": numbers["pipeline"],
            "context_parallel": numbers["context"],
            "chips_per_replica": float(done.unit.decode_chips),
            "replicas": replicas,
        },
        "weights_offload": numbers["weights_offload"],
        "cache_offload": numbers["cache_offload"],
    }
    if design.mode == "aggregated":
        serving["chunk_tokens"] = numbers["chunk"]
    if design.mode == "disaggregated":
        serving["prefill"] = {
            "tensor_parallel": numbers["prefill_tensor"],
            "expert_parallel": numbers["prefill_expert"],
            "pipeline_parallel": numbers["prefill_pipeline"],
            "context_parallel": numbers["prefill_context"],
            "utilization": numbers["prefill_utilization"],
            "chips_per_replica": float(done.unit.prefill_chips),
            "replicas": float(done.fleet.prefill_replicas.max()),
        }
    return {
        "interface": {"software": design.software, "name": parts["software"].name},
        "model": {
            "architecture": design.architecture,
            "precision": design.precision,
            "cache_precision": design.cache_precision,
            "draft_tokens": design.draft_tokens,
        },
        "serving": serving,
    }


def stack_entry(item: Finalist, own: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, Any]:
    """The chosen option of each layer by record id, with names for people and the reason.

    `own` are the entries of the upper layers, which the kind of demand decides.
    """
    design, parts, done = item.design, item.parts, item.done
    made: dict[str, Any] = {
        **own,
        "chip": {
            "accelerator": design.chip,
            "name": parts["chip"].name,
            "power_cap": design.power_cap,
            "clock": float(item.cell.clock(design.power_cap)),
        },
        "rack": {"system": design.system, "name": parts["system"].name},
        "network": {
            "fabric": design.fabric,
            "name": parts["fabric"].name,
            "oversubscription": design.oversubscription,
            "scale_up": parts["scale_up"].id,
        },
        "cooling": {
            "type": design.cooling,
            "name": parts["cooling"].name,
            "supply_temperature": design.supply_temperature,
            "junction_temperature": float(done.junction),
        },
        "datacenter": {
            "site": design.site,
            "name": parts["site"].name,
            "redundancy": design.redundancy,
            "distribution": design.distribution,
        },
        "power": {
            "portfolio": design.portfolio,
            "grid": parts["grid"].id,
            "contracts": [part.id for place, part in parts.items() if place.startswith("contracts.")],
        },
        "finance": {"sourcing": design.sourcing, "terms": parts["terms"].id},
    }
    if design.prefill_system is not None:
        made["pools"] = pool_entries(item)
    for layer, reason in reasons.items():
        made[layer]["reason"] = reason
    return made


def pool_entries(item: Finalist) -> dict[str, Any]:
    """The two systems of a fleet, with what each needs; the layers above name those of the decode pool."""
    parts, fleet, units = item.parts, item.done.fleet, item.done.units
    made: dict[str, Any] = {}
    for place, hardware, unit, pool in zip(("decode", "prefill"), item.cell.pools, units, fleet.pools, strict=True):
        own = {name: parts.get(f"{PREFILL}{name}", parts[name]) if place == "prefill" else parts[name] for name in OWN}
        bought = float(pool.bought(item.terms.spares).max())
        made[place] = {
            "system": own["system"].id,
            "name": own["system"].name,
            "chip": own["chip"].id,
            "chips_per_replica": float(unit.decode_chips),
            "replicas": float(pool.replicas.max()),
            "chips": bought,
            "chips_in_service": float(pool.chips.max()),
            "spare_chips": bought - float(pool.chips.max()),
            "racks": float(np.ceil(bought / hardware.system.chips_per_rack)),
            "peak_it_power": {"value": float(pool.peak_power.max()), "unit": "W"},
        }
    return made


def cost_entry(item: Finalist) -> dict[str, Any]:
    """Cost per million output tokens by layer."""
    return layer_costs(item, MILLION / float(np.mean(item.done.present_tokens)), "USD/Mtoken")


def layer_costs(item: Finalist, scale: float, unit: str) -> dict[str, Any]:
    """Present cost by layer, scaled to a unit of the product; the layers sum to the whole."""
    total = float(np.mean(item.done.present_cost))
    return {
        layer: {
            "value": float(np.mean(cost)) * scale,
            "unit": unit,
            "share": float(np.mean(cost)) / total,
        }
        for layer, cost in item.done.costs.items()
    }


def cash_entry(item: Finalist, scenario: Scenario) -> list[dict[str, Any]]:
    """Dollars by year and kind, not discounted; the capacity charge is inside energy."""
    cash = item.done.cash
    return [
        {"year": int(scenario.first_year + year)}
        | {kind: float(np.broadcast_to(values, (len(scenario.years),))[index]) for kind, values in cash.items()}
        | {"capacity": {"value": None, "reason": "inside energy: the bill is settled as one"}}
        for index, year in enumerate(scenario.years)
    ]


def with_chances(
    rows: list[dict[str, Any]], item: Finalist, drawn: Evaluation, own: Sequence[MarginRow]
) -> list[dict[str, Any]]:
    """Margins with the share of draws of the inputs that keep each limit; designs are sized at the nominal inputs.

    `own` are the draws' margins that the kind of demand sets.
    """
    values = {name: value for name, value, _, _ in own} | {
        "junction_temperature": drawn.junction,
        "site_power": drawn.peak_by_year[..., item.tightest],
    }
    for row in rows:
        known = values.get(row["constraint"])
        row["chance"] = None if known is None else float((np.asarray(known) <= row["limit"] * (1.0 + 1e-9)).mean())
    return rows


def serving_margins(done: Evaluation, scenario: Scenario) -> list[MarginRow]:
    """Constraints of serving: latency, and the memory of a replica; values are floats, or draws [n]."""
    service = done.service
    return [
        ("ttft", service.ttft_p95, scenario.ttft, "s"),
        ("tpot", service.tpot_p95, scenario.tpot, "s"),
        ("memory", service.memory + 1.0, 1.0, "share of usable memory"),
    ]


def margin_entries(study: Study, item: Finalist, own: Sequence[MarginRow]) -> list[dict[str, Any]]:
    """Every constraint with its value, limit and slack; `binding`, `worth` and `chance` are filled in by others.

    `own` are the constraints that the kind of demand sets.
    """
    done, limits = item.done, study.constraints
    rows: list[MarginRow] = [
        *((name, float(np.mean(value)), limit, unit) for name, value, limit, unit in own),
        ("junction_temperature", float(np.mean(done.junction)), JUNCTION_LIMIT, "K"),
        ("cooling_set_point", float(np.mean(done.overload)), EXCURSIONS, "share of hours beyond it"),
        ("site_power", float(done.peak_by_year[item.tightest]), item.site_limit, "W"),
        ("budget", float(outlay(done)), limits.budget, "USD"),
        (
            "water",
            float(done.year.water.max()),
            None if limits.water is None else limits.water * SECONDS_PER_YEAR,
            "m3/year",
        ),
        (
            "carbon",
            float(done.year.carbon_average.max()),
            None if limits.carbon is None else limits.carbon * SECONDS_PER_YEAR,
            "kgCO2/year",
        ),
    ]
    return [
        {
            "constraint": name,
            "value": value,
            "limit": limit,
            "unit": unit,
            "slack": limit - value,
            "binding": False,
            "worth": None,
        }
        for name, value, limit, unit in rows
        if limit is not None
    ]


def printed(datum: Datum) -> dict[str, Any]:
    """A number with its range in the unit that its field declares, its kind and its source."""
    value, low, high = (float(convert(number, datum.unit)) for number in (datum.value, datum.low, datum.high))
    return {"value": value, "low": low, "high": high, "unit": datum.unit, "kind": datum.kind, "source": datum.source}


def source_entries(item: Finalist, catalog: Any) -> list[dict[str, Any]]:
    """Every number of the stack's records: path, value, range, kind, source."""
    entries = []
    for place, part in item.parts.items():
        for name, datum in part.record.values.items():
            if hasattr(part.spec, name):
                source = catalog.source(datum.source)
                entries.append(
                    {"path": f"{place}.{name}", "record": part.id}
                    | printed(datum)
                    | {"title": source.title, "url": source.url, "where": datum.where, "date": datum.date}
                )
    return entries


__all__ = ["LAYERS", "Terms"]
