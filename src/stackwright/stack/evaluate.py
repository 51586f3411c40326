"""`evaluate`: one design under one scenario, all layers together.

The same function serves one design (leaves are floats) and draws of its uncertain inputs (leaves are
arrays [n]); only the year of energy differs: one design is settled hour by hour as one load, draws
use the plant's terms per watt, whose distance from the settled year is reported as the cut gap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from stackwright.core.arrays import namespace
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
from stackwright.power.contract import Settlement
from stackwright.power.dispatch import solve_in_turn
from stackwright.power.portfolio import EnergyBill
from stackwright.power.supply import Dispatch, Supply, WaterTrade
from stackwright.serving.service import Lengths, Service, with_prefill
from stackwright.stack.deployment import Fleet, Money, Unit, columns, fleet_of, joined, money
from stackwright.stack.design import Design
from stackwright.stack.network import network_share
from stackwright.stack.offer import PLAIN, Arrangement, Offer, offers_of, priced
from stackwright.stack.performance import Cell, aggregated_service, decode_service, layout_of, prefill_service
from stackwright.stack.plant import (
    Capital,
    Held,
    HeldYear,
    Plant,
    PlantSpecs,
    PlantTerms,
    bill,
    capital_of,
    contracted,
    cooled,
    cooling_year,
    excursion_share,
    meter_of,
    module_load_of,
    peak_ratio,
    plant_terms,
)
from stackwright.stack.scenario import Scenario
from stackwright.stack.supply import bill_of, own_costs, supply_of
from stackwright.stack.unit import States, apart, unit_of


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
    lost: Ratio
    """Share of the work of the year that was left undone, as power was short or dear, or that nothing served."""
    unserved: Joules
    """Load that nothing served."""


@spec
class Evaluation:
    """Every intermediate that results and reports read. Years are the last axis [..., Y]."""

    service: Any
    """The steady state of the performance half: a `Service`, or what its kind of cell gives."""
    units: tuple[Unit, ...]
    """By system: two where a prefill pool stands on one of its own."""
    states: tuple[States, ...]
    """Watts of a rack by part in each state, by system."""
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
    capital: Capital
    """Of the plant and the building."""
    dispatched: tuple[Dispatched, ...] = ()
    """Years of a design whose hours were decided, as they were."""

    @property
    def unit(self) -> Unit:
        """What is repeated, with the prefill replica wherever it stands; watts and prices are the decode pool's."""
        first, *others = self.units
        if not others:
            return first
        pool = others[0]
        return replace(
            first, prefill_chips=pool.decode_chips, prefill_rate=pool.decode_rate, prefill_power=pool.decode_power
        )

    @property
    def present_cost(self) -> Dollars:
        """All costs of the horizon today. Source: definition."""
        return sum(self.costs.values())

    @property
    def peak_by_year(self) -> Watts:
        """Most that the meter draws in each year [..., Y]. Source: definition."""
        return self.fleet.peak_power * _years(self.peak_ratio)

    @property
    def peak_meter(self) -> Watts:
        """Most that the meter draws, in the year with the largest fleet. Source: definition."""
        return self.fleet.peak_power.max(axis=-1) * self.peak_ratio


@dataclass(frozen=True)
class Dispatched:
    """A year whose hours were decided: the problem, its optimum, and the bill."""

    problem: Supply
    answer: Dispatch
    bill: EnergyBill


@dataclass(frozen=True)
class Hours:
    """Hourly series of a design's first year, for pictures."""

    it: Array
    cooling: Array
    house: Array
    losses: Array
    price: Array
    water: Array
    busy_share: Array
    """Part of the IT power that follows the demand."""
    trade: WaterTrade | None = None
    """Where hours are decided, what the water of a plant that may run without it spares."""

    @property
    def meter(self) -> Array:
        """At the meter. Source: energy balance."""
        return self.it + self.cooling + self.house + self.losses


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
    whole: bool = True,
    arrangement: Arrangement = PLAIN,
) -> Evaluation:
    """All layers of one design, or of draws of it.

    `volume` is the peak request rate that fills the limits where the scenario's volume is open.
    `settled` settles the year hour by hour as one load; draws pass False. `whole` counts whole replicas and units of
    sale; in fractions the design is smooth in its inputs. `arrangement` has the lease or the chip programs that the
    design's way of sourcing rests on.
    """
    draws = any(getattr(leaf, "ndim", 0) for leaf in (cell.hardware.chip.memory_bandwidth, terms.discount_rate))
    lengths = scenario.lengths.over(1) if draws else scenario.lengths
    service, numbers = numbers_of(cell, design, lengths)
    hardware, specs = pools_of(cell), plant.specs
    coolant = specs.cooling.chip_coolant_temperature(supply_temperature=design.supply_temperature)
    drawn = [
        unit_of(
            parts,
            precision=design.precision,
            power_cap=design.power_cap,
            network=network_share(parts.fabric, parts.system, design.oversubscription),
            numbers=own,
            coolant_temperature=coolant,
            junction_resistance=specs.cooling.junction_resistance,
            supply_scale=specs.distribution.rack_supply_scale,
            busbar_scale=specs.distribution.rack_busbar_scale,
        )
        for parts, own in zip(hardware, apart(numbers) if len(hardware) > 1 else (numbers,), strict=True)
    ]
    offers = offers_of(design.sourcing, hardware, terms, arrangement)
    units = tuple(priced(one.unit, offer) for one, offer in zip(drawn, offers, strict=True))
    years, served = scenario.years, demanded(scenario, volume)
    made = joined(tuple(fleet_of(unit, served, scenario.peak, scenario.ramp, whole=whole) for unit in units))
    cash = money(terms, years)
    liquid = liquid_shares(cell, specs)
    availability = specs.redundancy.availability(specs.site)
    cold = [
        cooled(
            plant,
            supply_temperature=design.supply_temperature + 0.0 * share,
            liquid_share=share,
            profile=scenario.profile,
        )
        for share in liquid
    ]
    ratio = peak_ratio_of(made, [peak_ratio(plant, hours.full) for hours in cold])
    dispatched: tuple[Dispatched, ...] = ()
    if settled:
        year, overload, dispatched = settled_year(plant, scenario, made, design.supply_temperature, liquid, ratio)
    else:
        here = [plant_terms(plant, hours, profile=scenario.profile, years=years) for hours in cold]
        year = _total([termed_year(own, pool, scenario.profile) for own, pool in zip(here, made.pools, strict=True)])
        held = plant.held
        year = replace(
            year,
            energy_cost=year.energy_cost + plant.sources.yearly_cost,
            lost=year.lost + (0.0 if held is None else np.array([one.lost for one in held.years])),
        )
        overload = most([own.overload for own in here])
    tokens = served * scenario.lengths.output_mean * SECONDS_PER_YEAR * _years(availability) * (1.0 - year.lost)
    capital = capital_for(made, [capital_of(specs, hours) for hours in cold])
    costs, flows = costs_of(units, made, year, capital, cash, offers)
    return Evaluation(
        service=service,
        units=units,
        states=tuple(one.states for one in drawn),
        fleet=made,
        year=year,
        tokens=tokens,
        capacity=(made.replicas * _years(units[0].decode_rate)).max(axis=-1) * scenario.lengths.output_mean,
        peak_ratio=ratio,
        availability=availability,
        overload=overload,
        thermal=most([one.margin for one in drawn]),
        junction=most(
            [coolant + specs.cooling.junction_resistance * design.power_cap * parts.chip.tdp for parts in hardware]
        ),
        present_tokens=(tokens * cash.middle).sum(axis=-1),
        costs=costs,
        cash=flows,
        switches=sum(
            pool.chips.max(axis=-1) * network_share(parts.fabric, parts.system, design.oversubscription).switches
            for parts, pool in zip(hardware, made.pools, strict=True)
        ),
        dispatched=dispatched,
        capital=capital,
    )


def pools_of(cell: Any) -> tuple[Any, ...]:
    """The hardware of a fleet, by system: two where a prefill pool stands on one of its own. Source: definition."""
    return cell.pools if isinstance(cell, Cell) else (cell.hardware,)


def liquid_shares(cell: Any, specs: PlantSpecs) -> tuple[Any, ...]:
    """Share of the heat of each system of a fleet that its cold plates take under a plant. Source: definition."""
    path = 1.0 if specs.cooling.heat_path == "liquid" else 0.0
    return tuple(path * parts.system.liquid_share for parts in pools_of(cell))


def peak_ratio_of(made: Fleet, ratios: Sequence[Any]) -> Ratio:
    """Meter watts per IT watt at full load of pools with a ratio each; all are largest in the same year.

    Source: energy balance.
    """
    if len(ratios) == 1:
        return ratios[0]
    watts = [pool.peak_power.max(axis=-1) for pool in made.pools]
    return sum(ratio * share for ratio, share in zip(ratios, watts, strict=True)) / sum(watts)


def capital_for(made: Fleet, capital: Sequence[Capital]) -> Capital:
    """Per watt of a fleet whose pools have plants of their own kind. Source: definition."""
    return Capital(
        **{name: peak_ratio_of(made, [getattr(one, name) for one in capital]) for name in Capital.__dataclass_fields__}
    )


def most(values: Sequence[Any]) -> Any:
    """The largest of what the systems of a fleet have, each a float or draws [n]. Source: definition."""
    return functools.reduce(namespace(*values).maximum, values)


def _total(years: Sequence[Year]) -> Year:
    first = years[0]
    if len(years) == 1:
        return first
    return Year(**{name: sum(getattr(year, name) for year in years) for name in Year.__dataclass_fields__})


def demanded(scenario: Scenario, volume: Any) -> Any:
    """Mean requests per second by year [Y]: the scenario's, or those of a site that is filled."""
    if scenario.requests is not None:
        return scenario.requests
    return _years(volume / scenario.peak) * scenario.ramp


def settled_year(
    plant: Plant, scenario: Scenario, made: Fleet, supply_temperature: float, liquid: Sequence[Any], ratio: Ratio
) -> tuple[Year, Ratio, tuple[Dispatched, ...]]:
    """Every year hour by hour, as one load with its own part-load curves; `liquid` has the share of each pool.

    `ratio` is meter watts per IT watt in the worst hour of a full fleet. Where hours are decided, every year's dispatch
    is beside it.
    """
    parts = [_hours(plant, scenario, made, index, supply_temperature, liquid) for index in range(len(scenario.years))]
    dispatched: tuple[Dispatched, ...] = ()
    if plant.sources.decides:
        dispatched = _dispatched(plant, scenario, made, [hours for hours, _ in parts], ratio)
        bills = [year.bill for year in dispatched]
    else:
        bills = [
            bill(plant, plant.specs, hours.meter, [year])[0]
            for (hours, _), year in zip(parts, scenario.years, strict=True)
        ]

    def energy(name: str) -> Array:
        return np.array([getattr(hours, name).sum() * SECONDS_PER_HOUR for hours, _ in parts])

    def billed(read: Callable[[EnergyBill], Any]) -> Array:
        return np.array([read(one) for one in bills])

    water = energy("water")
    for index, one in enumerate(dispatched):
        if one.problem.water is not None:
            water[index] -= float(((1.0 - one.answer.wet) * one.problem.water.water).sum())
    year = Year(
        it_energy=energy("it"),
        meter_energy=billed(lambda one: one.energy),
        cooling_energy=energy("cooling"),
        loss_energy=energy("losses") + energy("house"),
        water=water,
        energy_cost=billed(lambda one: one.energy_cost) + plant.sources.yearly_cost,
        water_cost=water * plant.specs.site.water_price,
        carbon_average=billed(lambda one: one.carbon.average),
        carbon_contracts=billed(lambda one: one.carbon.annual),
        carbon_marginal=billed(lambda one: one.carbon.marginal),
        lost=billed(lambda one: one.paused_energy + one.unserved_energy)
        / np.array([work_energy(hours) for hours, _ in parts]),
        unserved=billed(lambda one: one.unserved_energy),
    )
    return year, np.maximum.reduce([overload for _, overload in parts]), dispatched


def work_energy(hours: Hours) -> Joules:
    """Energy at the meter of a year's work: of what follows the demand. Source: definition."""
    return float((hours.meter * hours.busy_share).sum() * SECONDS_PER_HOUR)


def _dispatched(
    plant: Plant, scenario: Scenario, made: Fleet, parts: Sequence[Hours], ratio: Ratio
) -> tuple[Dispatched, ...]:
    """Each year's optimum; years of the same load under the same terms are solved once.

    `ratio` is meter watts per IT watt in the worst hour of a full fleet.
    """
    keys: list[Any] = []
    stated: dict[Any, tuple[Supply, tuple[Settlement, ...]]] = {}
    for index, (hours, year) in enumerate(zip(parts, scenario.years, strict=True)):
        keys.append((plant.key_in(plant.first_year + year), hours.meter.tobytes()))
        if keys[-1] not in stated:
            stated[keys[-1]] = supply_of(
                plant,
                hours.meter + (0.0 if hours.trade is None else hours.trade.spared),
                plant.first_year + year,
                capacities=contracted(plant, hours.meter.mean()),
                peak=float(made.peak_power[index] * ratio / hours.meter.mean()),
                busy_share=hours.busy_share,
                water=hours.trade,
            )
    answers = solve_in_turn([problem for problem, _ in stated.values()])
    known = {
        key: Dispatched(problem, answer, bill_of(plant, problem, contracts, answer))
        for (key, (problem, contracts)), answer in zip(stated.items(), answers, strict=True)
    }
    return tuple(known[key] for key in keys)


def held_of(plant: Plant, done: Evaluation) -> Held:
    """What draws of the inputs hold of settled years: their cost by what is paid for, energy and emissions."""
    years = tuple(
        HeldYear(
            costs=one.answer.costs | {"water": 0.0} | own_costs(plant, one.problem, one.answer),
            capacities=tuple(contracted(plant, one.problem.load.mean())),
            energy=float(one.bill.energy),
            lost=float(lost),
            carbon_average=float(one.bill.carbon.average),
            carbon_contracts=float(one.bill.carbon.annual),
            carbon_marginal=float(one.bill.carbon.marginal),
        )
        for one, lost in zip(done.dispatched, done.year.lost, strict=True)
    )
    return Held(years, plant.specs)


def hours_of(plant: Plant, scenario: Scenario, made: Fleet, supply_temperature: float, liquid: Sequence[Any]) -> Hours:
    """The first year by the hour; `liquid` has the liquid share of each pool."""
    return _hours(plant, scenario, made, 0, supply_temperature, liquid)[0]


def _hours(
    plant: Plant, scenario: Scenario, made: Fleet, index: int, supply_temperature: float, liquid: Sequence[Any]
) -> tuple[Hours, Any]:
    pools = [
        pool.idle_power[index] + pool.busy_power[index] * pool.load[index] * scenario.profile for pool in made.pools
    ]
    it_power, full = sum(pools), made.peak_power[index]
    heat = [share * power for share, power in zip(liquid, pools, strict=True)]
    liquid_share = liquid[0] if len(pools) == 1 else sum(heat) / it_power
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
        busy_share=1.0 - sum(pool.idle_power[index] for pool in made.pools) / it_power,
    )
    if plant.sources.decides:
        hours = replace(hours, trade=trade_of(plant, hours, supply_temperature, liquid_share, it_power / full))
    return hours, excursion_share(load, it_power)


def trade_of(
    plant: Plant, hours: Hours, supply_temperature: float, liquid_share: Any, load_fraction: Array
) -> WaterTrade | None:
    """What the water of a plant spares at the meter by the hour; None where it cannot run without.

    Losses before the cooling are those that the hour has.
    """
    given = plant.specs.cooling.water_trade(
        supply_temperature=supply_temperature,
        dry_bulb=plant.series.dry_bulb,
        wet_bulb=plant.series.wet_bulb,
        dew_point=plant.series.dew_point,
        liquid_share=liquid_share,
        load_fraction=load_fraction,
    )
    if given is None:
        return None
    module = module_load_of(plant.specs, it_power=load_fraction, full_it_power=1.0)
    spared = given.spared * hours.it * (1.0 + plant.specs.distribution.mechanical_loss(module))
    water = given.water * hours.it * SECONDS_PER_HOUR
    taken_dry = hours.water.sum() * SECONDS_PER_HOUR - water.sum()
    return WaterTrade(
        spared=spared,
        water=water,
        price=float(plant.specs.site.water_price),
        most=max(plant.sources.most_water - taken_dry, 0.0),
    )


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
        lost=none,
        unserved=none,
    )


def costs_of(
    units: Sequence[Unit], made: Fleet, year: Year, capital: Capital, cash: Money, offers: Sequence[Offer]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Present dollars by layer, and dollars by year by kind; `units` and `offers` go by system.

    A rent is all-in: nothing else is paid. A bought system's price is split into its chips and the
    rest of it, so that margins can be laid at the right door.
    """
    zero = 0.0 * made.peak_power
    pools = list(zip(units, made.pools, offers, strict=True))
    if offers[0].rented:
        systems = sum(columns(unit, pool, cash, rented=True)[..., 0] for unit, pool, _ in pools)
        paid = sum(pool.chips * _years(unit.rent) * SECONDS_PER_YEAR for unit, pool, _ in pools)
        return {"rack": systems}, dict.fromkeys(("capex", "energy", "water", "staff", "residual"), zero) | {
            "lease": paid
        }
    bought = [bought_of(unit, pool, cash, offer.chip_price) for unit, pool, offer in pools]
    if offers[0].plant == "leased":
        premises = leased_premises(made, capital, cash, offers[0])
    else:
        premises = own_premises(made, capital, cash)
    last = np.arange(made.peak_power.shape[-1]) == made.peak_power.shape[-1] - 1
    costs = {
        "chip": sum(one.systems * one.chip_share for one in bought),
        "rack": sum(one.systems * (1.0 - one.chip_share) for one in bought),
        "network": sum(one.network for one in bought),
        "cooling": premises.cooling + (year.water_cost * cash.middle).sum(axis=-1),
        "datacenter": premises.datacenter,
        "power": (year.energy_cost * cash.middle).sum(axis=-1),
    }
    flows = {
        "capex": sum(one.capex for one in bought) + premises.capex,
        "energy": year.energy_cost,
        "water": year.water_cost,
        "staff": premises.upkeep + sum(one.upkeep for one in bought),
        "lease": premises.lease,
        "residual": -_years(sum(one.worth for one in bought) + premises.worth) * last,
    }
    return costs, flows


@dataclass(frozen=True)
class Premises:
    """Dollars of building and plant: of the horizon today by layer, by year [..., Y], and at its end."""

    cooling: Any
    datacenter: Any
    capex: Any
    upkeep: Any
    lease: Any
    worth: Any


def own_premises(made: Fleet, capital: Capital, cash: Money) -> Premises:
    """What building and plant cost who builds them. Source: definition."""
    new, upkeep = additions(made.peak_power), made.peak_power * _years(capital.opex) * SECONDS_PER_YEAR
    plant_watts, building_watts = (new * cash.plant).sum(axis=-1), (new * cash.building).sum(axis=-1)
    return Premises(
        cooling=plant_watts * capital.mechanical,
        datacenter=plant_watts * capital.electrical
        + building_watts * capital.building
        + (upkeep * cash.middle).sum(axis=-1),
        capex=new * _years(capital.plant + capital.building),
        upkeep=upkeep,
        lease=0.0 * made.peak_power,
        worth=(new * cash.left["plant"]).sum(axis=-1) * capital.plant
        + (new * cash.left["building"]).sum(axis=-1) * capital.building,
    )


def leased_premises(made: Fleet, capital: Capital, cash: Money, offer: Offer) -> Premises:
    """What building and plant cost who leases them: a yearly rent over their capital, upkeep in it.

    Source: definition.
    """
    zero = 0.0 * made.peak_power
    rates = offer.lease_rates(np.arange(zero.shape[-1], dtype=float))
    lease = made.peak_power * _years(capital.plant + capital.building) * rates
    return Premises(
        cooling=zero.sum(axis=-1),
        datacenter=(lease * cash.middle).sum(axis=-1),
        capex=zero,
        upkeep=zero,
        lease=lease,
        worth=zero.sum(axis=-1),
    )


@dataclass(frozen=True)
class Bought:
    """Dollars of the systems and the network of one pool: of the horizon today, by year [..., Y], and at its end."""

    systems: Any
    network: Any
    chip_share: Any
    """Of the systems' price."""
    capex: Any
    upkeep: Any
    worth: Any


def bought_of(unit: Unit, pool: Fleet, cash: Money, chip_price: Any) -> Bought:
    """What a pool's systems and network cost their owner. Source: definition."""
    table = columns(unit, pool, cash, rented=False)
    installed = pool.bought(cash.spares)
    new, wired = additions(installed), additions(pool.chips)
    return Bought(
        systems=table[..., 0],
        network=table[..., 1],
        chip_share=namespace(chip_price, unit.system_price).minimum(chip_price / unit.system_price, 1.0),
        capex=new * _years(unit.system_price) * cash.prices + wired * _years(unit.network_price),
        upkeep=installed * _years(unit.system_price * cash_rate(cash)),
        worth=(new * cash.left["systems"]).sum(axis=-1) * unit.system_price
        + (wired * cash.left["network"]).sum(axis=-1) * unit.network_price,
    )


def cash_rate(cash: Money) -> Any:
    """Yearly maintenance of IT over its price."""
    return (cash.maintenance / cash.middle)[..., 0]


def _years(value: Any) -> Any:
    return value[..., None] if getattr(value, "ndim", 0) else value
