"""The plant half: from weather, cooling, building and contracts to what a watt of IT costs by year.

A `Plant` is what one option of each plant layer gives. Its year is computed hour by hour for two
loads: IT power that is always on, and IT power that follows demand. Energy, water and carbon of any
fleet are sums of the two. Contracts settle each load by itself, so where a fleet's mix could net a
surplus of one against the other, the sum is an upper bound: finalists are settled again as one load.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries
from stackwright.cooling.interface import Cooling, CoolingLoad, DesignCapacity
from stackwright.core.arrays import namespace
from stackwright.core.spec import map_leaves, spec
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    Array,
    CubicMeters,
    Dollars,
    DollarsPerWatt,
    DollarsPerWattYear,
    Joules,
    KilogramsCO2,
    Ratio,
)
from stackwright.datacenter.building import Building
from stackwright.datacenter.distribution import Distribution
from stackwright.datacenter.meter import MeterPower, meter_power
from stackwright.datacenter.redundancy import Redundancy
from stackwright.datacenter.site import Site
from stackwright.power.portfolio import EnergyBill, Portfolio
from stackwright.power.technology import Storage, Technology
from stackwright.stack.supply import Sources, contract_payments

REFERENCE_IDLE = 0.4
"""Always-on share of IT power in the load at which the search reads part-load curves; finalists use
their own. Accelerators idle at 10 to 25 % of their limit and racks have constant parts."""

DESIGN_LOAD = 1.0
LEAST_LOAD = 0.02
"""Of the electrical chain: house and network keep a site above it."""

EXCURSIONS = 0.01
"""Share of hours in which a plant may miss its set point: equipment makers allow short excursions into
a wider range (ASHRAE TC 9.9 allowable envelope), so the share is an assumption."""


@spec
class PlantSpecs:
    """The specs of the plant half, one field per record; leaves may be draws [n]."""

    cooling: Cooling
    site: Site
    building: Building
    redundancy: Redundancy
    distribution: Distribution
    portfolio: Portfolio


@dataclass(frozen=True)
class Covered:
    """How much each contract of a portfolio covers: a share of the mean load, or a capacity in watts."""

    shares: tuple[float | None, ...]
    capacities: tuple[float | None, ...]
    shapes: tuple[str, ...]


MARKET_ALONE = Sources()
"""A meter without a limit, and nothing to decide."""


@dataclass(frozen=True)
class Plant:
    """One option of each plant layer at a site."""

    specs: PlantSpecs
    series: SiteSeries
    covered: Covered
    first_year: int
    name: str = ""
    """Of the site and its portfolio."""
    sources: Sources = MARKET_ALONE
    busy_share: Any = 1.0
    """Part of the meter's load that follows the demand [H], for load that can give way."""
    held: Held | None = None
    """The dispatch of a design, once it is settled: draws of the inputs hold it."""

    def key_in(self, calendar: float) -> tuple[Any, ...]:
        """What of a year the dispatch depends on, so that like years are solved once."""
        terms = tuple(contract.terms_in_year(calendar) for contract in self.specs.portfolio.contracts)
        limit = np.asarray(self.sources.limit(calendar - self.first_year))
        return (self.name, terms, limit.tobytes())


@dataclass(frozen=True)
class HeldYear:
    """A settled year of a design whose hours were decided: dollars by what they are paid for, and energy."""

    costs: dict[str, float]
    """Market, delivery, capacity and the like, and each own plant's variable and fixed cost by its place."""
    capacities: tuple[Any, ...]
    """Of the contracts."""
    energy: float
    """At the meter, in joules."""
    lost: float
    """Share of the work that was left undone."""
    carbon_average: float
    carbon_contracts: float
    carbon_marginal: float


@dataclass(frozen=True)
class Held:
    """Settled years of a design, and the specs under which they were."""

    years: tuple[HeldYear, ...]
    specs: PlantSpecs


@spec
class LoadYear:
    """A year of one watt of IT load (at its peak): energy, water, carbon and cost; yearly cost is [..., Y]."""

    cost: Dollars
    energy: Joules
    water: CubicMeters
    carbon_average: KilogramsCO2
    """By the grid's mix in each hour, whatever is contracted."""
    carbon_contracts: KilogramsCO2
    """The same, less the share that contracted clean energy covers over the year."""
    carbon_marginal: KilogramsCO2


@spec
class PlantTerms:
    """What a watt of IT power asks of a plant; leaves [...]."""

    idle: LoadYear
    busy: LoadYear
    plant_capex: DollarsPerWatt
    """Electrical and mechanical, per watt of provisioned IT power."""
    building_capex: DollarsPerWatt
    opex: DollarsPerWattYear
    """Staff and upkeep, per watt of provisioned IT power."""
    peak_ratio: Ratio
    """Meter watts per watt of IT at full load in the worst hour."""
    availability: Ratio
    overload: Ratio
    """Share of hours in which the set point, or the air's humidity, cannot be held."""


def cooling_year(
    cooling: Cooling,
    series: SiteSeries,
    *,
    supply_temperature: Any,
    liquid_share: Any,
    load_fraction: Array,
) -> CoolingLoad:
    """Hours of a cooling at a site; temperature and share end in an axis of one or are floats."""
    return cooling.load(
        supply_temperature=supply_temperature,
        dry_bulb=series.dry_bulb,
        wet_bulb=series.wet_bulb,
        dew_point=series.dew_point,
        liquid_share=liquid_share,
        load_fraction=load_fraction,
    )


def excursion_share(load: CoolingLoad, hours: Array) -> Ratio:
    """Share of the hours of `hours` [..., H] in which the cooling is beyond its limits."""
    return (load.overload + 0.0 * hours > 1e-9).mean(axis=-1)


def reference_load(profile: Array) -> Array:
    """Load of the plant over its capacity at which the search reads part-load curves [H]."""
    return REFERENCE_IDLE + (1.0 - REFERENCE_IDLE) * profile


def module_load_of(specs: PlantSpecs, *, it_power: Array, full_it_power: Any) -> Array:
    """Load of the modules of the electrical chain by the hour, above zero as their curves need it."""
    return specs.redundancy.module_load(
        namespace(it_power, full_it_power).maximum(it_power / full_it_power, LEAST_LOAD)
    )


def meter_of(specs: PlantSpecs, load: CoolingLoad, *, it_power: Array, full_it_power: Any) -> MeterPower:
    """Meter power by part for IT power by the hour; the electrical chain at its own load."""
    module = module_load_of(specs, it_power=it_power, full_it_power=full_it_power)
    return meter_power(
        it_power=it_power,
        full_it_power=full_it_power,
        cooling_electricity=load.electricity,
        house_share=specs.building.house_share,
        distribution_loss=specs.distribution.loss(module),
        mechanical_loss=specs.distribution.mechanical_loss(module),
    )


@spec
class Capital:
    """Capital and yearly upkeep per watt of provisioned IT power."""

    electrical: DollarsPerWatt
    mechanical: DollarsPerWatt
    building: DollarsPerWatt
    opex: DollarsPerWattYear

    @property
    def plant(self) -> DollarsPerWatt:
        """Electrical and mechanical. Source: definition."""
        return self.electrical + self.mechanical


def capital_of(specs: PlantSpecs, cold: Cooled) -> Capital:
    """What a plant costs to build, with the chillers and dry coolers that its weather asks for."""
    cost = specs.building.capex(
        building_cost=specs.site.building_cost,
        electrical=specs.distribution.capex_per_watt,
        mechanical=specs.cooling.capex(cold.capacity),
        electrical_multiplier=specs.redundancy.electrical_multiplier,
        mechanical_multiplier=specs.redundancy.mechanical_multiplier,
    )
    return Capital(
        electrical=cost.electrical,
        mechanical=cost.mechanical,
        building=cost.shell + cost.fit_out,
        opex=specs.building.opex(cost),
    )


def contracted(plant: Plant, mean_load: Any) -> tuple[Any, ...]:
    """Capacity of each contract for a mean load at the meter."""
    made = []
    contracts = plant.specs.portfolio.contracts
    for contract, share, capacity in zip(contracts, plant.covered.shares, plant.covered.capacities, strict=True):
        if capacity is not None:
            made.append(capacity)
        else:
            made.append(contract.capacity_for_share(mean_load=mean_load, share=share))
    return tuple(made)


def bill(plant: Plant, specs: PlantSpecs, load: Array, years: Array) -> list[EnergyBill]:
    """Settle a meter load [..., H] in each year; `specs` has leaves ready for hours."""
    mean = load.mean(axis=-1, keepdims=True)
    capacities = contracted(replace(plant, specs=specs), mean)
    made: dict[tuple[Any, ...], EnergyBill] = {}
    bills = []
    for year in years:
        calendar = plant.first_year + year
        key = _terms_of(specs.portfolio, calendar)
        if key is None or key not in made:
            one = specs.portfolio.annual_energy(
                load=load,
                price_shape=plant.series.price_shape,
                average_carbon=plant.series.average_carbon,
                marginal_carbon=plant.series.marginal_carbon,
                grid_clean_share=plant.series.grid_clean_share,
                year=calendar,
                capacities=capacities,
                shapes=[plant.series.shapes[name] for name in plant.covered.shapes],
            )
            if key is None:
                bills.append(one)
                continue
            made[key] = one
        bills.append(made[key])
    return bills


def _terms_of(portfolio: Portfolio, calendar: float) -> tuple[Any, ...] | None:
    """What of a year the settlement depends on, so that like years are settled once; None for draws."""
    found: list[Any] = []
    for contract in portfolio.contracts:
        terms = contract.terms_in_year(calendar)
        if terms is None:
            return None
        found.append(terms)
    return tuple(found)


def load_year(plant: Plant, specs: PlantSpecs, meter: Array, water: Array, years: Array) -> LoadYear:
    """A year of a meter load [..., H] with its water [..., H] in m3/s: cost by year, the rest of the first year."""
    if plant.sources.decides:
        return held_year(plant, specs, meter, water, years)
    bills = bill(plant, specs, meter, years)
    drawn = (water + 0.0 * meter).sum(axis=-1) * SECONDS_PER_HOUR
    price = _narrow(specs.site.water_price)
    return LoadYear(
        cost=_by_year([one.energy_cost + drawn * price for one in bills]),
        energy=bills[0].energy,
        water=drawn,
        carbon_average=bills[0].carbon.average,
        carbon_contracts=bills[0].carbon.annual,
        carbon_marginal=bills[0].carbon.marginal,
    )


def held_year(plant: Plant, specs: PlantSpecs, meter: Array, water: Array, years: Array) -> LoadYear:
    """The same where hours are decided: at the mean price that the settled dispatch has under these specs.

    Draws hold what was dispatched and pay their own prices for it, so they bound the cost of a year that is
    dispatched anew from above. Without a settled dispatch there is no price of energy yet, and the water's alone is
    the cost. Source: definition.
    """
    used = meter.sum(axis=-1) * SECONDS_PER_HOUR
    drawn = (water + 0.0 * meter).sum(axis=-1) * SECONDS_PER_HOUR
    paid = drawn * _narrow(specs.site.water_price)
    none = 0.0 * used
    if plant.held is None:
        cost = _by_year([none + paid for _ in years])
        return LoadYear(
            cost=cost, energy=used, water=drawn, carbon_average=none, carbon_contracts=none, carbon_marginal=none
        )
    ratios = price_ratios(plant.held.specs.portfolio, specs.portfolio, plant.sources.discount_rate)
    market = specs.portfolio.grid.price(plant.series.price_shape)
    shapes = [plant.series.shapes[name] for name in plant.covered.shapes]
    prices = []
    for year, calendar in zip(plant.held.years, plant.first_year + years, strict=True):
        contracts = specs.portfolio.settle(
            market_price=market, year=calendar, capacities=year.capacities, shapes=shapes
        )
        own = sum(cost * ratios.get(name, 1.0) for name, cost in year.costs.items())
        prices.append((own + contract_payments(contracts)) / year.energy)
    first = plant.held.years[0]
    return LoadYear(
        cost=_by_year([used * price + paid for price in prices]),
        energy=used,
        water=drawn,
        carbon_average=used * (first.carbon_average / first.energy),
        carbon_contracts=used * (first.carbon_contracts / first.energy),
        carbon_marginal=used * (first.carbon_marginal / first.energy),
    )


def _by_year(values: list[Any]) -> Array:
    """Years as the last axis."""
    return namespace(*values).stack(values, axis=-1)


def price_ratios(before: Portfolio, now: Portfolio, rate: float) -> dict[str, Any]:
    """What each part of a settled year's cost is under other prices, over what it was; `rate` annualizes capital.

    Contracts are settled anew and are not among them.
    """
    made: dict[str, Any] = {
        "market": _narrow(now.grid.mean_price) / before.grid.mean_price,
        "export": _narrow(now.grid.mean_price) / before.grid.mean_price,
        "delivery": _narrow(now.grid.delivery_charge) / before.grid.delivery_charge,
        "capacity": _narrow(now.grid.capacity_charge) / before.grid.capacity_charge,
    }
    for index, (plant_now, plant_before) in enumerate(zip(now.plants, before.plants, strict=True)):
        if isinstance(plant_now, Storage) and isinstance(plant_before, Storage):
            made[f"plants.{index}.fixed"] = _narrow(plant_now.power_cost(rate)) / plant_before.power_cost(rate)
        elif isinstance(plant_now, Technology) and isinstance(plant_before, Technology):
            made[f"plants.{index}.fixed"] = _narrow(plant_now.fixed_cost(rate)) / plant_before.fixed_cost(rate)
            if plant_before.variable_cost:
                made[f"plants.{index}.variable"] = _narrow(plant_now.variable_cost) / plant_before.variable_cost
    return made


def meter_per_watt(specs: PlantSpecs, load: CoolingLoad, fraction: Array) -> Array:
    """Meter watts per IT watt by the hour [..., H], at a load of the plant by the hour."""
    module = specs.redundancy.module_load(fraction)
    overhead = (load.electricity + specs.building.house_share / fraction) * (
        1.0 + specs.distribution.mechanical_loss(module)
    )
    return 1.0 + specs.distribution.loss(module) + overhead


@dataclass(frozen=True)
class Cooled:
    """Hours of a cooling at a site: at the search's reference load, and at full load."""

    load: CoolingLoad
    full: CoolingLoad
    dry: CoolingLoad | None
    """At full load without water, where the hours of a plant are decided that may run without."""

    @cached_property
    def capacity(self) -> DesignCapacity:
        """What has to be installed. Source: definition."""
        return (self.full if self.dry is None else self.dry).design_capacity()


def cooled(plant: Plant, *, supply_temperature: Any, liquid_share: Any, profile: Array) -> Cooled:
    """Both years of a plant's cooling; `supply_temperature` and `liquid_share` may be arrays [n]."""
    specs = hourly(plant.specs)
    temperature, share = _wide(supply_temperature), _wide(liquid_share)

    def at(fraction: Any) -> CoolingLoad:
        load = cooling_year(
            specs.cooling, plant.series, supply_temperature=temperature, liquid_share=share, load_fraction=fraction
        )
        # A type may not depend on its supply temperature; its year still has one row for each.
        return replace(load, compressor=load.compressor + 0.0 * temperature, water=load.water + 0.0 * temperature)

    dry = None
    if plant.sources.decides:
        dry = specs.cooling.dry_load(
            supply_temperature=temperature,
            dry_bulb=plant.series.dry_bulb,
            wet_bulb=plant.series.wet_bulb,
            dew_point=plant.series.dew_point,
            liquid_share=share,
            load_fraction=DESIGN_LOAD,
        )
    return Cooled(load=at(reference_load(profile)), full=at(DESIGN_LOAD), dry=dry)


def plant_terms(plant: Plant, cold: Cooled, *, profile: Array, years: Array) -> PlantTerms:
    """What a watt of IT asks of this plant; leaves of the plant may be arrays [n].

    Where hours are decided, they are those of the dispatch that the plant carries. Source: hourly energy balance of
    one watt that is always on and one that follows `profile` [H].
    """
    specs, load = hourly(plant.specs), cold.load
    meter = meter_per_watt(specs, load, reference_load(profile))
    capital = capital_of(plant.specs, cold)
    return PlantTerms(
        idle=load_year(plant, specs, meter, load.water, years),
        busy=load_year(plant, specs, meter * profile, load.water * profile, years),
        plant_capex=capital.plant,
        building_capex=capital.building,
        opex=capital.opex,
        peak_ratio=peak_ratio(plant, cold.full),
        availability=plant.specs.redundancy.availability(plant.specs.site),
        overload=excursion_share(load, meter),
    )


def peak_ratio(plant: Plant, full: CoolingLoad) -> Ratio:
    """Meter watts per IT watt in the worst hour at full load: what the interconnection has to carry."""
    return peak_of(plant.specs, full.electricity.max(axis=-1))


def peak_of(specs: PlantSpecs, worst: Ratio) -> Ratio:
    """The same for what the cooling draws in its worst hour, as the meter rises with it."""
    module = module_load_of(specs, it_power=DESIGN_LOAD, full_it_power=DESIGN_LOAD)
    return meter_power(
        it_power=DESIGN_LOAD,
        full_it_power=DESIGN_LOAD,
        cooling_electricity=worst,
        house_share=specs.building.house_share,
        distribution_loss=specs.distribution.loss(module),
        mechanical_loss=specs.distribution.mechanical_loss(module),
    ).total


def hourly(specs: PlantSpecs) -> PlantSpecs:
    """The same specs with leaves [n] turned to [n, 1], so that they broadcast against hours."""
    return map_leaves(lambda _, leaf: _wide(leaf), specs)


def _wide(value: Any) -> Any:
    return value[..., None] if getattr(value, "ndim", 0) else value


def _narrow(value: Any) -> Any:
    return value[..., 0] if getattr(value, "ndim", 0) else value
