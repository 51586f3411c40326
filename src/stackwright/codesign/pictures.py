"""Data behind the report's pictures, taken from a plan's own evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.performance_grid import Grid, axes_of, evaluate_cell
from stackwright.codesign.search import Found
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_HOUR, SECONDS_PER_YEAR
from stackwright.rack.power import shelf_input
from stackwright.serving.service import Service
from stackwright.stack.deployment import Fleet, Unit
from stackwright.stack.evaluate import hours_of, liquid_shares, pools_of
from stackwright.stack.network import network_share
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

CURVES = 8
WEEK = 168
SUMMER, WINTER = 28 * WEEK, 2 * WEEK
MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) * 24


def pictures(study: Study, scenario: Scenario, grid: Grid, found: Found, item: Finalist) -> dict[str, Any]:
    """All series that the report draws; plain lists."""
    return {
        "latency_curves": latency_curves(study, scenario, grid, found, item),
        "energy_flow": energy_flow(item),
        "hours": hourly_series(scenario, item),
    }


def latency_curves(study: Study, scenario: Scenario, grid: Grid, found: Found, item: Finalist) -> list[dict[str, Any]]:
    """Output tokens per second and chip against time per token, prefill chips included, per system.

    Each curve is the front over layouts and batches of the system's best cell, its prefill pool as in
    that best design; the chosen design's point is marked.
    """
    picks = {value: pick for (axis, value), pick in found.by_option.items() if axis == "rack"}
    ordered = sorted(picks.items(), key=lambda entry: entry[1].score)[:CURVES]
    curves = []
    for system, pick in ordered:
        number = int(grid.rows.cell[pick.row])
        cell = grid.cells[number]
        single = study.model_copy(
            update={
                "chip": study.chip.model_copy(update={"power_cap": (float(grid.rows.choice["power_cap"][pick.row]),)}),
                "network": study.network.model_copy(
                    update={"oversubscription": (float(grid.rows.choice["oversubscription"][pick.row]),)}
                ),
            }
        )
        axes = axes_of(single, cell)
        if axes is None:
            continue
        aggregated = grid.rows.mode[pick.row] == 0
        made = evaluate_cell(
            cell, axes, scenario.lengths.over(4), ("aggregated",) if aggregated else ("disaggregated",)
        )
        services = made["aggregated"] if aggregated else [made["disaggregated"]]
        share = 0.0
        if not aggregated:
            share = float(grid.rows.numbers["prefill_chips"][pick.row] / grid.rows.numbers["prefill_rate"][pick.row])
        points = np.concatenate([_points(service, share, scenario.lengths.output_mean) for service in services])
        front = points[non_dominated(points)] if len(points) else points
        front = front[front[:, 0].argsort()]
        curves.append(
            {
                "system": system,
                "mode": "aggregated" if aggregated else "disaggregated",
                "tpot": front[:, 0].tolist(),
                "tokens_per_second_per_chip": (-front[:, 1]).tolist(),
                "chosen": system == item.design.system,
            }
        )
    return curves


def _points(service: Service, share: float, output: float) -> np.ndarray:
    """Time per token, and minus the tokens per second and chip, of what fits into memory; `share` as prefill chips."""
    chips = service.decode.chips + service.requests_per_second * share
    speed = service.requests_per_second * output / chips
    fits = (service.memory <= 0).ravel()
    return np.stack([service.tpot_p95.ravel()[fits], -speed.ravel()[fits]], axis=1)


def energy_flow(item: Finalist) -> dict[str, Any]:
    """Joules per output token from the meter to the token, in the first year; the parts sum to the meter."""
    done, year = item.done, item.done.year
    tokens, it = float(done.tokens[0]), float(year.it_energy[0])
    pools = [
        pool_energy(item, hardware, unit, pool, energy)
        for hardware, unit, pool, energy in zip(
            pools_of(item.cell), done.units, done.fleet.pools, _energy_by_pool(done.fleet.pools, it), strict=True
        )
    ]
    parts = {
        "cooling": float(year.cooling_energy[0]),
        "distribution and house": float(year.loss_energy[0]),
        **{name: sum(pool[name] for pool in pools) for name in pools[0]},
    }
    return {
        "unit": "J per output token",
        "meter": float(year.meter_energy[0]) / tokens,
        "it": it / tokens,
        "parts": {name: value / tokens for name, value in parts.items()},
    }


def _energy_by_pool(pools: Sequence[Fleet], energy: float) -> list[float]:
    """IT energy of the first year by system: all follow the same demand, so watts above idle share what is left."""
    if len(pools) == 1:
        return [energy]
    idle = [float(pool.idle_power[0]) * SECONDS_PER_YEAR for pool in pools]
    busy = [float(pool.busy_power[0] * pool.load[0]) for pool in pools]
    return [own + (energy - sum(idle)) * watts / sum(busy) for own, watts in zip(idle, busy, strict=True)]


def pool_energy(item: Finalist, hardware: Any, unit: Unit, pool: Fleet, it: float) -> dict[str, float]:
    """The IT energy of one system's fleet by part, in the first year; the parts sum to it."""
    chips = float(pool.chips[0])
    system = hardware.system
    scale = item.plant.specs.distribution.rack_supply_scale
    seconds = HOURS_PER_YEAR * SECONDS_PER_HOUR
    host = (system.processor_power, system.overhead_power)
    bare = sum(host)
    network = float(network_share(hardware.fabric, system, item.design.oversubscription).power)
    network *= (1.0 - system.supply_loss) / (1.0 - system.supply_loss * scale)
    through = shelf_input(
        chip=1.0,
        processor=0.0,
        overhead=0.0,
        fan_share=system.fan_share,
        supply_loss=system.supply_loss,
        supply_scale=scale,
    )
    racks = it - chips * network * seconds
    inside = racks / float(through)
    silicon = inside - chips * bare * seconds
    idle = chips * float(unit.idle_power) * seconds
    idle_silicon = (idle - chips * network * seconds) / float(through) - chips * bare * seconds
    return {
        "fabric switches and optics": chips * network * seconds,
        "rack supplies": racks * system.supply_loss * float(scale),
        "fans": inside * system.fan_share,
        "host processors": chips * system.processor_power * seconds,
        "NICs, scale-up switches, boards": chips * system.overhead_power * seconds,
        "chips, idle": idle_silicon,
        "chips, working": silicon - idle_silicon,
    }


def hourly_series(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """The first year: PUE by month, and a winter and a summer week of power, price and load."""
    liquid = liquid_shares(item.cell, item.plant.specs)
    hours = hours_of(item.plant, scenario, item.done.fleet, item.design.supply_temperature, liquid)
    meter = hours.it + hours.cooling + hours.house + hours.losses
    edges = np.cumsum(MONTHS)[:-1]
    monthly = [float(m.sum() / i.sum()) for m, i in zip(np.split(meter, edges), np.split(hours.it, edges), strict=True)]
    water = [float(part.sum() * SECONDS_PER_HOUR * 1e3) for part in np.split(hours.water, edges)]
    weeks: dict[str, Mapping[str, list[float]]] = {}
    for name, start in (("winter", WINTER), ("summer", SUMMER)):
        part = slice(start, start + WEEK)
        weeks[name] = {
            "it": hours.it[part].tolist(),
            "cooling": hours.cooling[part].tolist(),
            "losses": (hours.losses + hours.house)[part].tolist(),
            "price": (hours.price[part] * 3.6e9).tolist(),
            "dry_bulb": item.plant.series.dry_bulb[part].tolist(),
        }
    return {"pue_by_month": monthly, "water_by_month": water, "weeks": weeks}
