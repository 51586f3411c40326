"""What the engine makes of an announced power: the best stack that it finds there, with the range of its inputs.

A study is made of the announcement's power, system, model and site, searched over parallelism, batch, cooling and
electrical design, and evaluated hour by hour. Everything is kept per watt or per chip, so that figures that the
announcement leaves out need not be guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import MEGAWATT_HOUR, MILLION, Finalist, finalist
from stackwright.codesign.plan import not_feasible
from stackwright.codesign.result import Metrics, ranged
from stackwright.codesign.searched import searched
from stackwright.codesign.uncertainty import draws, evaluate_with
from stackwright.core import yamltext
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.datacenter.building import LONG_LEAD
from stackwright.evidence.announcements.intervals import Interval, spanning
from stackwright.evidence.announcements.reading import Announcement
from stackwright.finance.capital import start_discount
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.study import load_text

SYSTEM, SITE = "gb200-nvl72", "abilene-tx"
"""Taken where an announcement names none: the rack of most of the announced campuses, and the site of the largest."""
MODELS = ("deepseek-r1", "gpt-oss-120b")
"""Taken where an announcement names no model: a large and a small open one, as tokens differ tenfold between them."""
STAND_IN_POWER = 100e6
"""Of a study where no power is announced: the results are per watt and per chip."""
BUILDING = "hyperscale-building"
DRAWS = 64
SEED = 1
MONTH = SECONDS_PER_YEAR / 12.0

STANDS_IN: tuple[str, ...] = ("peak_pue", "shell", "dollars_per_megawatt_hour")
"""What another system's stack says of a site on which the named system has none."""
PER_MODEL = ("tokens_per_second", "dollars_per_million_tokens")
"""Of which each model's own figures are kept beside the range over all."""

STUDY = """
study: announced
title: A stack at an announced power
demand:
  kind: serving
  volume: open
  traces: [{{trace: azure-2023-conversation, weight: 0.7}}, {{trace: mooncake-2025-conversation, weight: 0.3}}]
  shape: chat-week
  prefix_hits: 0.2
  ttft: 3 s
  tpot: 50 ms
horizon: {{first_year: 2027, years: 5}}
model: {{architecture: [{model}], precision: [fp4, fp8], cache_precision: [fp8, bf16]}}
serving:
  tensor_parallel: [1, 4, 8]
  expert_parallel: [1, 16, 64]
  batch: [32, 64, 128, 256, 512]
rack: {{system: [{system}]}}
cooling: {{supply_temperature: [30 degC, 40 degC]}}
datacenter: {{site: [{site}]}}
constraints: {{site_power: {power:.6g} W}}
"""
"""Chat as public traces have it, over a week's ebb and flow, within 3 s to the first token and 50 ms a token."""


@dataclass(frozen=True)
class Expected:
    """Ranges by quantity from the engine; where there is none, why, and in words what they rest on."""

    ranges: Mapping[str, Interval]
    basis: str
    reasons: tuple[str, ...]
    stacks: tuple[Mapping[str, Any], ...]
    """The stack that was found for each model."""

    def __getitem__(self, name: str) -> Interval | None:
        """The range of a quantity; None where the engine has none."""
        return self.ranges.get(name)

    @property
    def reason(self) -> str:
        """Why a quantity is missing. Source: definition."""
        return "; ".join(self.reasons)


def expected(announcement: Announcement, catalog: Catalog) -> Expected:
    """The engine's ranges at an announcement's power, site and system, over its model or over two.

    Source: definition.
    """
    system, site = announcement.system or SYSTEM, announcement.site or SITE
    models = MODELS if announcement.model is None else (announcement.model,)
    power = STAND_IN_POWER if announcement.power is None else announcement.power.value
    found, reasons, stacks = [], [], []
    for model in models:
        ranges, told = _at(power, system, model, site, catalog)
        if isinstance(told, str):
            reasons.append(told)
        else:
            stacks.append(told)
            found.append(ranges)
    named = "" if announcement.system else " (none is named)"
    placed = "" if announcement.site else " (stands in: no site of the catalog is named)"
    where = f"{catalog.get('rack', system).name}{named} in {catalog.get('datacenter', site).name}{placed}"
    if stacks:
        names = [one for one in models if one in {stack["model"] for stack in stacks}]
        served = " or ".join(catalog.get("model", model).name for model in names)
        together = {name: spanning(ranges[name] for ranges in found) for name in found[0]}
        basis = f"{served} on {where}, best stack found; 5th to 95th percentile of {DRAWS} draws"
    else:
        together, other = _by_record(power, system, site, catalog)
        basis = f"{where}: nameplate and price of the record, without a network; PUE and building as under {other}"
    _add_nameplate(together, system, catalog)
    return Expected(together | building_months(power, together, catalog), basis, tuple(reasons), tuple(stacks))


def _by_record(power: float, system: str, site: str, catalog: Catalog) -> tuple[dict[str, Interval], str]:
    """What stays known of a system for which no stack is found, and the system whose building and PUE stand in."""
    stand_in, _ = _at(power, SYSTEM, MODELS[0], site, catalog)
    ranges = {name: stand_in[name] for name in STANDS_IN if name in stand_in}
    values = catalog.get("rack", system).values
    if {"price_per_chip", "rack_power"} <= set(values) and "peak_pue" in ranges:
        price, rack = values["price_per_chip"], values["rack_power"]
        watts = Interval(rack.value, rack.low, rack.high) / values["chips_per_rack"].value * ranges["peak_pue"]
        ranges["chips"] = Interval(price.value, price.low, price.high) / watts
        ranges["campus"] = ranges["chips"] + ranges["shell"]
    return ranges, catalog.get("rack", SYSTEM).name


def _at(
    power: float, system: str, model: str, site: str, catalog: Catalog
) -> tuple[dict[str, Interval], Mapping[str, Any] | str]:
    """Ranges of the best stack for a model, with that stack, or no ranges and why."""
    text = yamltext.parse(STUDY.format(model=model, system=system, site=site, power=power), "announced")
    (study,) = load_text(text, Path(), catalog)
    seen = searched(study, catalog)
    if seen.found.best is None:
        why = "; ".join(seen.found.barred.values()) or not_feasible(study, seen).get(system) or "nothing fits"
        name = catalog.get("model", model).name
        return {}, f"no stack that serves {name} on {catalog.get('rack', system).name}: {why}"
    item = finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)
    drawn = draws(item, seen.scenario, SEED, DRAWS)
    base = evaluate_with(item, seen.scenario, {}, 1)
    made = ranged(_metrics(item.done, item), _metrics(base, item), _metrics(drawn, item), {})
    ranges = {name: Interval(entry["value"], entry["low"], entry["high"]) for name, entry in made.items()}
    found = {name: made[name] for name in PER_MODEL}
    return ranges, {"model": model, "system": system, "site": site, "stack": item.design.by_layer(), **found}


def _metrics(done: Evaluation, item: Finalist) -> Metrics:
    """Per watt at the meter, per chip or per token; values are floats, or draws [n]."""
    chips = done.fleet.bought(item.terms.spares).max(axis=-1)
    meter, racks = done.peak_meter, done.fleet.peak_power.max(axis=-1)
    capex = done.cash["capex"][..., 0]
    shell = (done.capital.plant + done.capital.building) * racks
    tokens = done.tokens[..., 0]
    cost = done.present_cost / done.present_tokens * MILLION
    years = done.tokens.shape[-1]
    discount = start_discount(year=float(years), rate=item.terms.discount_rate)
    kept = capex + done.cash["residual"].sum(axis=-1) * discount
    per_watt = kept / capex * meter / done.present_tokens * MILLION
    return {
        "watts_per_chip": (meter / chips, "W"),
        "rack_watts_per_chip": (racks / chips, "W"),
        "peak_pue": (done.peak_ratio, ""),
        "campus": (capex / meter, "USD/W"),
        "shell": (shell / meter, "USD/W"),
        "chips": ((capex - shell) / meter, "USD/W"),
        "tokens_per_second": (done.capacity / meter, "token/s/W"),
        "tokens_per_year": (tokens / meter, "token/year/W"),
        "dollars_per_million_tokens": (cost, "USD/Mtoken"),
        "capital_in_tokens": (per_watt, "USD/Mtoken per USD/W"),
        "running_in_tokens": (cost - capex / meter * per_watt, "USD/Mtoken"),
        "dollars_per_chip_hour": (cost / MILLION * tokens / chips / HOURS_PER_YEAR, "USD/h"),
        "dollars_per_watt_year": (cost / MILLION * tokens / meter, "USD/W/year"),
        "dollars_per_megawatt_hour": (
            done.cash["energy"][..., 0] / done.year.meter_energy[..., 0] * MEGAWATT_HOUR,
            "USD/MWh",
        ),
    }


def _add_nameplate(ranges: dict[str, Interval], system: str, catalog: Catalog) -> None:
    """Widen watts per chip to a rack at its nameplate: campuses are announced by what is reserved for them."""
    values = catalog.get("rack", system).values
    if "rack_power" not in values:
        return
    rack = values["rack_power"]
    plate = Interval(rack.value, rack.low, rack.high) / values["chips_per_rack"].value
    for name, over in (("rack_watts_per_chip", Interval.of(1.0)), ("watts_per_chip", ranges.get("peak_pue"))):
        if over is not None:
            worked = ranges.get(name, plate * over)
            ranges[name] = spanning([worked, plate * over])


def building_months(power: float, ranges: Mapping[str, Interval], catalog: Catalog) -> dict[str, Interval]:
    """Months from ground-breaking to the first block and to the last, and megawatts a month, by the building's record.

    Ends take every lead time, block and interval at its own end. Source: line of balance.
    """
    values = catalog.get("datacenter", BUILDING).values

    def of(name: str, *, turned: bool = False) -> Interval:
        datum = values[name]
        low, high = (datum.high, datum.low) if turned else (datum.low, datum.high)
        return Interval(datum.value, low, high)

    early = of("ordered_before", turned=True)
    paths = [of("build_time")]
    for name in LONG_LEAD:
        lead, installed = of(f"{name}_lead"), of("installation_time")
        paths.append(
            Interval(
                *(
                    getattr(lead, end) - getattr(early, end) + getattr(installed, end)
                    for end in ("value", "low", "high")
                )
            )
        )
    first = Interval(*(max(getattr(path, end) for path in paths) for end in ("value", "low", "high")))
    racks = power / ranges["peak_pue"].value if "peak_pue" in ranges else power
    blocks = of("block_power", turned=True)
    places = Interval(*(math.ceil(racks / getattr(blocks, end) - 1e-9) - 1.0 for end in ("value", "low", "high")))
    last = first + places * of("block_interval")
    size = of("block_power") / 1e6
    pace = size / (of("block_interval") / MONTH)
    return {
        "months_to_first_power": first / MONTH,
        "months_to_full_power": last / MONTH,
        "pace_seen": pace,
        "pace_needed": pace,
    }
