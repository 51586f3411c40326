"""`evaluate`: one design under one scenario, all layers together.

The same function serves one design (leaves are floats) and draws of its uncertain inputs (leaves are
arrays [n]); only the year of energy differs: one design is settled hour by hour as one load, draws
use the plant's terms per watt, whose distance from the settled year is reported as the cut gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from stackwright.core.spec import spec
from stackwright.core.units import (
    HOURS_PER_YEAR,
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Array,
    Count,
    CubicMeters,
    Dollars,
    Joules,
    Kelvin,
    KilogramsCO2,
    Ratio,
    Tokens,
    TokensPerSecond,
    Watts,
)
from stackwright.finance.capital import additions
from stackwright.finance.terms import Terms
from stackwright.serving.service import Lengths, Service, with_prefill
from stackwright.stack.deployment import Fleet, Money, Unit, columns, fleet_of, money
from stackwright.stack.design import Design
from stackwright.stack.network import network_share
from stackwright.stack.performance import Cell, aggregated_service, decode_service, layout_of, prefill_service
from stackwright.stack.plant import (
    Plant,
    PlantTerms,
    bill,
    capex_of,
    cooled,
    cooling_year,
    excursion_share,
    meter_of,
    peak_ratio,
    plant_terms,
)
from stackwright.stack.scenario import Scenario
from stackwright.stack.unit import unit_of


@spec
class Year:
    """Energy of the horizon by year [..., Y], and of its first year by the hour where one design was settled."""

    it_energy: Joules
    meter_energy: Joules
    cooling_energy: Joules
    loss_energy: Joules
    water: CubicMeters
    energy_cost: Dollars
    water_cost: Dollars
    carbon_average: KilogramsCO2
    carbon_contracts: KilogramsCO2
    carbon_marginal: KilogramsCO2


@spec
class Evaluation:
    """Every intermediate that results and reports read. Years are the last axis [..., Y]."""

    service: Any
    """The steady state of the performance half: a `Service`, or what its kind of cell gives."""
    unit: Unit
    fleet: Fleet
    year: Year
    tokens: Tokens
    """Output tokens served by year."""
    capacity: TokensPerSecond
    peak_ratio: Ratio
    availability: Ratio
    overload: Ratio
    thermal: Ratio
    junction: Kelvin
    """Of a chip at its power cap."""
    present_tokens: Tokens
    costs: dict[str, Dollars]
    """Present dollars by layer; they sum to the cost."""
    cash: dict[str, Dollars]
    """Dollars by year [..., Y], not discounted."""
    switches: Count

    @property
    def present_cost(self) -> Dollars:
        """All costs of the horizon today. Source: definition."""
        return sum(self.costs.values())

    @property
    def peak_meter(self) -> Watts:
        """Most that the meter draws, in the year with the largest fleet. Source: definition."""
        return self.fleet.peak_power.max(axis=-1) * self.peak_ratio


@dataclass(frozen=True)
class Hours:
    """Hourly series of a design's first year, for pictures."""

    it: Array
    cooling: Array
    house: Array
    losses: Array
    price: Array
    water: Array


@singledispatch
def numbers_of(cell: Any, design: Design, lengths: Lengths) -> tuple[Any, dict[str, Any]]:
    """A replica's steady state, and the numbers that size and power its fleet, by the kind of cell."""
    raise TypeError(f"no performance half for {type(cell).__name__}")


@numbers_of.register
def serving_numbers(cell: Cell, design: Design, lengths: Lengths) -> tuple[Service, dict[str, Any]]:
    """A replica that serves."""
    chosen = design.numbers
    layout = layout_of(chosen)
    caps = (design.power_cap, design.oversubscription, lengths)
    if design.mode == "aggregated":
        service = aggregated_service(cell, layout, chosen["batch"], *caps, chunk=chosen["chunk"])
        pool_chips, pool_rate = 0.0 * service.decode.chips, 1.0 + 0.0 * service.decode.chips
    else:
        decode = decode_service(cell, layout, chosen["batch"], *caps)
        pool = prefill_service(cell, layout_of(chosen, "prefill_"), chosen["prefill_utilization"], *caps)
        service = with_prefill(decode, pool)
        pool_chips, pool_rate = pool.chips, pool.requests_per_second
    numbers = {
        "decode_chips": service.decode.chips,
        "decode_rate": service.requests_per_second,
        "decode_flops": service.decode.flop_rate,
        "decode_bytes": service.decode.byte_rate,
        "prefill_chips": pool_chips,
        "prefill_rate": pool_rate,
        "prefill_flops": service.prefill.flop_rate,
        "prefill_bytes": service.prefill.byte_rate,
    }
    return service, numbers


def evaluate(
    design: Design,
    scenario: Scenario,
    *,
    cell: Any,
    plant: Plant,
    terms: Terms,
    volume: Any = None,
    settled: bool = True,
) -> Evaluation:
    """All layers of one design, or of draws of it.

    `volume` is the peak request rate that fills the limits where the scenario's volume is open.
    `settled` settles the year hour by hour as one load; draws pass False.
    """
    draws = any(getattr(leaf, "ndim", 0) for leaf in (cell.hardware.chip.memory_bandwidth, terms.discount_rate))
    lengths = scenario.lengths.over(1) if draws else scenario.lengths
    service, numbers = numbers_of(cell, design, lengths)
    hardware, specs = cell.hardware, plant.specs
    coolant = specs.cooling.chip_coolant_temperature(supply_temperature=design.supply_temperature)
    unit, thermal = unit_of(
        hardware,
        precision=design.precision,
        power_cap=design.power_cap,
        oversubscription=design.oversubscription,
        numbers=numbers,
        coolant_temperature=coolant,
        junction_resistance=specs.cooling.junction_resistance,
    )
    unit = with_supply(unit, hardware.system.supply_loss, specs.distribution.rack_supply_scale)
    years = scenario.years
    made = fleet_of(unit, demanded(scenario, volume), scenario.peak, len(years))
    cash = money(terms, years)
    liquid = hardware.system.liquid_share if specs.cooling.heat_path == "liquid" else 0.0 * hardware.system.liquid_share
    served = demanded(scenario, volume)
    availability = specs.redundancy.availability()
    tokens = served * scenario.lengths.output_mean * SECONDS_PER_YEAR * _years(availability)
    cold = cooled(
        plant,
        supply_temperature=design.supply_temperature + 0.0 * liquid,
        liquid_share=liquid,
        profile=scenario.profile,
    )
    ratio = peak_ratio(plant, cold.full)
    if settled:
        year, overload = settled_year(plant, scenario, made, design.supply_temperature, liquid)
    else:
        here = plant_terms(plant, cold, profile=scenario.profile, years=years)
        year, overload = termed_year(here, made, scenario.profile), here.overload
    costs, flows = costs_of(unit, made, year, specs, cash, hardware, rented=design.sourcing == "rent")
    return Evaluation(
        service=service,
        unit=unit,
        fleet=made,
        year=year,
        tokens=tokens,
        capacity=(made.replicas * _years(unit.decode_rate)).max(axis=-1) * scenario.lengths.output_mean,
        peak_ratio=ratio,
        availability=availability,
        overload=overload,
        thermal=thermal,
        junction=coolant + specs.cooling.junction_resistance * design.power_cap * hardware.chip.tdp,
        present_tokens=(tokens * cash.middle).sum(axis=-1),
        costs=costs,
        cash=flows,
        switches=made.chips.max(axis=-1)
        * network_share(hardware.fabric, hardware.system, design.oversubscription).switches,
    )


def demanded(scenario: Scenario, volume: Any) -> Any:
    """Mean requests per second by year [Y]: the scenario's, or those of a site that is filled."""
    if scenario.requests is not None:
        return scenario.requests
    return _years(volume / scenario.peak) * np.ones(len(scenario.years))


def with_supply(unit: Unit, supply_loss: Any, supply_scale: Any) -> Unit:
    """The unit's powers where the distribution spares the rack a part of its conversion."""
    factor = (1.0 - supply_loss) / (1.0 - supply_loss * supply_scale)
    powers = ("decode_power", "prefill_power", "idle_power", "provisioned_power")
    return Unit(
        **{name: getattr(unit, name) * (factor if name in powers else 1.0) for name in Unit.__dataclass_fields__}
    )


def settled_year(
    plant: Plant, scenario: Scenario, made: Fleet, supply_temperature: float, liquid_share: Any
) -> tuple[Year, Ratio]:
    """Every year hour by hour, as one load with its own part-load curves."""
    parts = [
        _hours(plant, scenario, made, index, supply_temperature, liquid_share) for index in range(len(scenario.years))
    ]
    bills = [
        bill(plant, plant.specs, hours.it + hours.cooling + hours.house + hours.losses, [year])[0]
        for (hours, _), year in zip(parts, scenario.years, strict=True)
    ]

    def energy(name: str) -> Array:
        return np.array([getattr(hours, name).sum() * SECONDS_PER_HOUR for hours, _ in parts])

    water = energy("water")
    year = Year(
        it_energy=energy("it"),
        meter_energy=np.array([one.energy for one in bills]),
        cooling_energy=energy("cooling"),
        loss_energy=energy("losses") + energy("house"),
        water=water,
        energy_cost=np.array([one.energy_cost for one in bills]),
        water_cost=water * plant.specs.site.water_price,
        carbon_average=np.array([one.carbon.average for one in bills]),
        carbon_contracts=np.array([one.carbon.annual for one in bills]),
        carbon_marginal=np.array([one.carbon.marginal for one in bills]),
    )
    return year, np.maximum.reduce([overload for _, overload in parts])


def hours_of(plant: Plant, scenario: Scenario, made: Fleet, supply_temperature: float, liquid_share: Any) -> Hours:
    """The first year by the hour."""
    return _hours(plant, scenario, made, 0, supply_temperature, liquid_share)[0]


def _hours(
    plant: Plant, scenario: Scenario, made: Fleet, index: int, supply_temperature: float, liquid_share: Any
) -> tuple[Hours, Any]:
    it_power = made.idle_power[index] + made.busy_power[index] * made.load[index] * scenario.profile
    full = made.peak_power[index]
    load = cooling_year(
        plant.specs.cooling,
        plant.series,
        supply_temperature=supply_temperature,
        liquid_share=liquid_share,
        load_fraction=it_power / full,
    )
    meter = meter_of(plant.specs, load, it_power=it_power, full_it_power=full)
    hours = Hours(
        it=it_power,
        cooling=meter.cooling + 0.0 * it_power,
        house=meter.house + np.zeros(HOURS_PER_YEAR),
        losses=meter.losses,
        price=plant.specs.portfolio.grid.price(plant.series.price_shape),
        water=load.water * it_power + 0.0 * it_power,
    )
    return hours, excursion_share(load, it_power)


def termed_year(terms: PlantTerms, made: Fleet, profile: Array) -> Year:
    """Every year from the plant's terms per idle and per busy watt."""
    idle, busy = made.idle_power, made.busy_power * made.load

    def total(name: str) -> Any:
        first, second = getattr(terms.idle, name), getattr(terms.busy, name)
        return idle * _years(first) + busy * _years(second)

    cost = idle * terms.idle.cost + busy * terms.busy.cost
    none = 0.0 * idle
    return Year(
        it_energy=idle * SECONDS_PER_YEAR + busy * profile.sum() * SECONDS_PER_HOUR,
        meter_energy=total("energy"),
        cooling_energy=none,
        loss_energy=none,
        water=total("water"),
        energy_cost=cost,
        water_cost=none,
        carbon_average=total("carbon_average"),
        carbon_contracts=total("carbon_contracts"),
        carbon_marginal=total("carbon_marginal"),
    )


def costs_of(
    unit: Unit, made: Fleet, year: Year, specs: Any, cash: Money, hardware: Any, *, rented: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Present dollars by layer, and dollars by year by kind.

    A rent is all-in: nothing else is paid. A bought system's price is split into its chips and the
    rest of it, so that margins can be laid at the right door.
    """
    table = columns(unit, made, cash, rented=rented)
    systems, network = table[..., 0], table[..., 1]
    zero = 0.0 * made.peak_power
    if rented:
        paid = made.chips * _years(unit.rent) * SECONDS_PER_YEAR
        return {"rack": systems}, dict.fromkeys(("capex", "energy", "water", "staff", "residual"), zero) | {
            "lease": paid
        }
    plant_capex, building_capex, opex = capex_of(specs)
    mechanical = specs.cooling.capex_per_watt * specs.redundancy.mechanical_multiplier
    mechanical = mechanical * specs.site.building_cost / specs.building.reference_cost
    price = hardware.chip.price if hardware.chip.price is not None else 0.0 * unit.system_price
    chip_share = np.minimum(price / unit.system_price, 1.0)
    upkeep = made.peak_power * _years(opex) * SECONDS_PER_YEAR
    installed = made.bought(cash.spares)
    bought = additions(installed) * _years(unit.system_price) * cash.prices
    wired = additions(made.chips) * _years(unit.network_price)
    built = additions(made.peak_power) * _years(plant_capex + building_capex)
    worth = (
        (additions(installed) * cash.left["systems"]).sum(axis=-1) * unit.system_price
        + (additions(made.chips) * cash.left["network"]).sum(axis=-1) * unit.network_price
        + (additions(made.peak_power) * cash.left["plant"]).sum(axis=-1) * plant_capex
        + (additions(made.peak_power) * cash.left["building"]).sum(axis=-1) * building_capex
    )
    last = np.arange(made.peak_power.shape[-1]) == made.peak_power.shape[-1] - 1
    costs = {
        "chip": systems * chip_share,
        "rack": systems * (1.0 - chip_share),
        "network": network,
        "cooling": table[..., 2] * mechanical + (year.water_cost * cash.middle).sum(axis=-1),
        "datacenter": table[..., 2] * (plant_capex - mechanical)
        + table[..., 3] * building_capex
        + (upkeep * cash.middle).sum(axis=-1),
        "power": (year.energy_cost * cash.middle).sum(axis=-1),
    }
    flows = {
        "capex": bought + wired + built,
        "energy": year.energy_cost,
        "water": year.water_cost,
        "staff": upkeep + installed * _years(unit.system_price * cash_rate(cash)),
        "lease": zero,
        "residual": -_years(worth) * last,
    }
    return costs, flows


def cash_rate(cash: Money) -> Any:
    """Yearly maintenance of IT over its price."""
    return (cash.maintenance / cash.middle)[..., 0]


def _years(value: Any) -> Any:
    return value[..., None] if getattr(value, "ndim", 0) else value
