"""A finalist as the mapping that ``plan.json`` holds: SI numbers with units, ranges and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stackwright.codesign.finalists import MILLION, SENSE, UNITS, Finalist, objective_value
from stackwright.codesign.plant_grid import site_limit
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.terms import Terms
from stackwright.stack.coupling import JUNCTION_LIMIT
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.plant import EXCURSIONS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

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


def metric_values(done: Evaluation, scenario: Scenario, item: Finalist) -> dict[str, tuple[Any, str]]:
    """Metrics of an evaluation with their units; values are floats, or draws [n]."""
    service, made, year = done.service, done.fleet, done.year
    tokens = done.tokens.sum(axis=-1)
    years = len(scenario.years)
    chips = made.chips.max(axis=-1)
    inputs = scenario.lengths.input_mean / scenario.lengths.output_mean
    cost = done.present_cost / done.present_tokens * MILLION
    bought = made.bought(item.terms.spares).max(axis=-1)
    per_rack = item.cell.hardware.system.chips_per_rack
    values: dict[str, tuple[Any, str]] = {
        "cost_per_million_tokens": (cost, "USD/Mtoken"),
        "cost_per_million_total_tokens": (cost / (1.0 + inputs), "USD/Mtoken"),
        "tokens_per_second": (tokens / years / SECONDS_PER_YEAR, "token/s"),
        "capacity_tokens_per_second": (done.capacity, "token/s"),
        "ttft": (service.ttft_p95, "s"),
        "ttft_p50": (service.ttft_p50, "s"),
        "tpot": (service.tpot_p95, "s"),
        "tpot_p50": (service.tpot_p50, "s"),
        "chips": (bought, "chip"),
        "chips_in_service": (chips, "chip"),
        "spare_chips": (bought - chips, "chip"),
        "racks": (np.ceil(bought / per_rack), "rack"),
        "switches": (np.ceil(done.switches), "switch"),
        "it_power": (year.it_energy.sum(axis=-1) / years / SECONDS_PER_YEAR, "W"),
        "facility_power": (year.meter_energy.sum(axis=-1) / years / SECONDS_PER_YEAR, "W"),
        "peak_it_power": (made.peak_power.max(axis=-1), "W"),
        "peak_facility_power": (done.peak_meter, "W"),
        "pue": (year.meter_energy.sum(axis=-1) / year.it_energy.sum(axis=-1), ""),
        "peak_pue": (done.peak_ratio, ""),
        "wue": (year.water.sum(axis=-1) * LITERS / (year.it_energy.sum(axis=-1) / KILOWATT_HOUR), "L/kWh"),
        "water": (year.water.sum(axis=-1) * LITERS / years, "L/year"),
        "energy_per_token": (year.meter_energy.sum(axis=-1) / tokens, "J"),
        "carbon_per_million_tokens": (year.carbon_average.sum(axis=-1) / tokens * MILLION, "kg/Mtoken"),
        "marginal_carbon_per_million_tokens": (year.carbon_marginal.sum(axis=-1) / tokens * MILLION, "kg/Mtoken"),
        "availability": (done.availability, ""),
        "capex": (done.cash["capex"].sum(axis=-1), "USD"),
        "present_cost": (done.present_cost, "USD"),
    }
    if scenario.token_price is not None:
        values["npv"] = (done.present_tokens * scenario.token_price - done.present_cost, "USD")
    return values


def ranged(
    nominal: Mapping[str, tuple[Any, str]], base: Mapping[str, tuple[Any, str]], drawn: Mapping[str, tuple[Any, str]]
) -> dict[str, dict[str, Any]]:
    """Metrics with the 5th and 95th percentile of the draws around the settled value.

    Draws use the plant's terms per watt; `base` is the design itself by those terms, so its distance
    from the settled value is taken out of the percentiles.
    """
    made: dict[str, dict[str, Any]] = {}
    for name, (value, unit) in nominal.items():
        level = float(np.mean(value))
        shift = level - float(np.mean(base[name][0]))
        low, high = (float(np.percentile(drawn[name][0], q)) + shift for q in (5.0, 95.0))
        made[name] = {"value": level, "low": min(low, level), "high": max(high, level), "unit": unit}
    if "npv" not in made:
        made["npv"] = {
            "value": None,
            "low": None,
            "high": None,
            "unit": "USD",
            "reason": "the study gives no token_price",
        }
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


def stack_entry(item: Finalist, reasons: Mapping[str, str]) -> dict[str, Any]:
    """The chosen option of each layer by record id, with names for people and the reason."""
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
            "chips_per_replica": float(done.unit.decode_chips),
            "replicas": replicas,
        },
    }
    if design.mode == "disaggregated":
        serving["prefill"] = {
            "tensor_parallel": numbers["prefill_tensor"],
            "expert_parallel": numbers["prefill_expert"],
            "pipeline_parallel": numbers["prefill_pipeline"],
            "utilization": numbers["prefill_utilization"],
            "chips_per_replica": float(done.unit.prefill_chips),
            "replicas": float(done.fleet.prefill_replicas.max()),
        }
    made: dict[str, Any] = {
        "interface": {"software": design.software, "name": parts["software"].name},
        "model": {
            "architecture": design.architecture,
            "precision": design.precision,
            "cache_precision": design.cache_precision,
            "draft_tokens": design.draft_tokens,
        },
        "serving": serving,
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
    for layer, reason in reasons.items():
        made[layer]["reason"] = reason
    return made


def cost_entry(item: Finalist) -> dict[str, Any]:
    """Cost per million output tokens by layer; the layers sum to the whole."""
    tokens = float(np.mean(item.done.present_tokens))
    total = float(np.mean(item.done.present_cost))
    return {
        layer: {
            "value": float(np.mean(cost)) / tokens * MILLION,
            "unit": "USD/Mtoken",
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


def with_chances(rows: list[dict[str, Any]], drawn: Evaluation) -> list[dict[str, Any]]:
    """Margins with the share of draws of the inputs that keep each limit; designs are sized at the nominal inputs."""
    values = {
        "ttft": drawn.service.ttft_p95,
        "tpot": drawn.service.tpot_p95,
        "memory": drawn.service.memory + 1.0,
        "junction_temperature": drawn.junction,
        "site_power": drawn.peak_meter,
    }
    for row in rows:
        known = values.get(row["constraint"])
        row["chance"] = None if known is None else float((np.asarray(known) <= row["limit"] * (1.0 + 1e-9)).mean())
    return rows


def margin_entries(study: Study, scenario: Scenario, item: Finalist) -> list[dict[str, Any]]:
    """Every constraint with its value, limit and slack; `binding`, `worth` and `chance` are filled in by others."""
    done, limits = item.done, study.constraints
    rows: list[tuple[str, float, float | None, str]] = [
        ("ttft", float(np.mean(done.service.ttft_p95)), scenario.ttft, "s"),
        ("tpot", float(np.mean(done.service.tpot_p95)), scenario.tpot, "s"),
        ("memory", float(np.mean(done.service.memory)) + 1.0, 1.0, "share of usable memory"),
        ("junction_temperature", float(np.mean(done.junction)), JUNCTION_LIMIT, "K"),
        ("cooling_set_point", float(np.mean(done.overload)), EXCURSIONS, "share of hours beyond it"),
        ("site_power", float(np.mean(done.peak_meter)), site_limit(study, item.design.site), "W"),
        ("budget", float(done.cash["capex"].sum()), limits.budget, "USD"),
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


def source_entries(item: Finalist, catalog: Any) -> list[dict[str, Any]]:
    """Every number of the stack's records: path, value, range, kind, source."""
    entries = []
    for place, part in item.parts.items():
        for name, datum in part.record.values.items():
            if hasattr(part.spec, name):
                entries.append(
                    {
                        "path": f"{place}.{name}",
                        "record": part.id,
                        "value": datum.value,
                        "low": datum.low,
                        "high": datum.high,
                        "unit": datum.unit,
                        "kind": datum.kind,
                        "source": datum.source,
                        "title": catalog.source(datum.source).title,
                        "where": datum.where,
                        "date": datum.date,
                    }
                )
    return entries


__all__ = ["LAYERS", "Terms"]
