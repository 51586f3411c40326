"""Many plants at once: one cooling at one site, at all temperatures and shares of liquid, under all its portfolios.

A bill reads few numbers of a meter's year, so its hours are summed once and each portfolio prices the sums. Energy of
contracts from off the site is as good as the market's: taken by the load or sold again, it is worth the market price.
What is left of such a contract is its payment less that worth, in proportion to its capacity. A portfolio with
contracts behind the meter is settled by the hour, one whose hours are decided is read from its cuts.

Axes: liquid shares L, supply temperatures T, wirings W (a redundancy with a distribution), years Y, hours H, cuts K.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.catalog.series import SiteSeries
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Array,
    CubicMeters,
    Dollars,
    DollarsPerJoule,
    DollarsPerWatt,
    DollarsPerWattYear,
    Joules,
    KilogramsCO2,
    Ratio,
    Watts,
)
from stackwright.datacenter.distribution import Distribution
from stackwright.datacenter.redundancy import Redundancy
from stackwright.power.grid import Grid, capacity_cost, delivered_price
from stackwright.power.portfolio import above_zero
from stackwright.stack.curves import Curves, YearCurve, net_cost
from stackwright.stack.plant import (
    Cooled,
    Plant,
    PlantSpecs,
    capital_of,
    contracted,
    cooled,
    excursion_share,
    load_year,
    meter_per_watt,
    peak_of,
    reference_load,
)

NOTHING = CoolingLoad(compressor=0.0, fans=0.0, pumps=0.0, water=0.0, overload=0.0)
"""A hall that nothing cools."""


@dataclass(frozen=True)
class Wiring:
    """A redundancy scheme with a distribution."""

    redundancy: Redundancy
    distribution: Distribution

    def of(self, specs: PlantSpecs) -> PlantSpecs:
        """The plant with this wiring."""
        return replace(specs, redundancy=self.redundancy, distribution=self.distribution)


@spec
class MeterYear:
    """What bills read of a year of one watt of IT load at its peak; leaves [L, T]."""

    energy: Joules
    price_shape: Ratio
    """Mean of the market's shape over the energy: above one where the load is high in dear hours."""
    carbon: KilogramsCO2
    """By the grid's mix in each hour."""
    peak: Watts
    water: CubicMeters


@dataclass(frozen=True)
class Chains:
    """Wirings at a site, whatever cools it, for IT power that is always on and for that which follows demand."""

    specs: tuple[PlantSpecs, ...]
    """The site with each wiring [W]."""
    power: Watts
    """Mean at the meter without the cooling, per watt of IT at its peak [2, W]."""
    passed: Ratio
    """Meter watts per watt of cooling, times the load and over the hours, so that their sum is a mean [2, W, H]."""
    availability: Ratio
    """[W]"""


@spec
class Wired:
    """What wirings make of a site and its cooling; leaves [L, T, W]."""

    idle: Ratio
    """Energy at the meter over that under the first wiring, of IT power that is always on."""
    busy: Ratio
    """The same of IT power that follows demand."""
    peak_ratio: Ratio


@spec
class WiredCapital:
    """Capital and upkeep under each wiring, per watt of provisioned IT power [L, T, W]."""

    plant: DollarsPerWatt
    building: DollarsPerWatt
    opex: DollarsPerWattYear


@dataclass(frozen=True)
class Loads:
    """A cooling at a site under the first wiring."""

    plant: Plant
    cold: Cooled
    profile: Array
    """Demand over the capacity that is sized to its peak [H]."""
    meter: Watts
    """Per watt of IT power, at the search's reference load [L, T, H]."""
    idle: MeterYear
    busy: MeterYear
    overload: Ratio


@spec
class CutTerms:
    """Cuts of a year's energy cost: the largest of constant + idle watts x idle + busy watts x busy.

    Constants are [Y, K], slopes [..., Y, K].
    """

    constant: Dollars
    idle: Dollars
    busy: Dollars


@spec
class Priced:
    """A portfolio's price of the loads of a site and cooling under the first wiring."""

    idle_cost: Dollars
    """Energy and water by year [L, T, Y]; zero where hours are decided, as the cuts have both."""
    busy_cost: Dollars
    idle_carbon: KilogramsCO2
    """[L, T]"""
    busy_carbon: KilogramsCO2
    limit: Watts
    """Highest load at the meter by year [Y]."""
    cuts: CutTerms | None = None


@spec
class Tariff:
    """What a year's contracts cost beside a market that serves the load: a sum, and per watt of mean load."""

    fixed: Dollars
    """Of contracts of a given capacity: payments, less what their energy is worth at the market."""
    rate: Any
    """The same of contracts that are shares of the load, USD per watt of mean load."""
    credited: Watts
    """Capacity rights that come with the first kind."""
    credited_share: Ratio
    """And with the second, over the mean load."""

    def cost(self, load: MeterYear, grid: Grid) -> Dollars:
        """A year's energy and capacity. Source: definition, as `Portfolio.annual_energy` without plants on the site."""
        mean = load.energy / SECONDS_PER_YEAR
        price = delivered_price(market=grid.price(load.price_shape), delivery_charge=grid.delivery_charge)
        capacity = capacity_cost(
            peak=above_zero(power=load.peak - self.credited - self.credited_share * mean),
            capacity_charge=grid.capacity_charge,
            duration=SECONDS_PER_YEAR,
        )
        return load.energy * price + capacity + self.fixed + self.rate * mean


def loads_of(plant: Plant, *, supply_temperature: Array, liquid_share: Array, profile: Array) -> Loads:
    """The loads of a plant's cooling and wiring for temperatures [T] and shares [L]."""
    cold = cooled(
        plant, supply_temperature=supply_temperature[None, :], liquid_share=liquid_share[:, None], profile=profile
    )
    meter = meter_per_watt(plant.specs, cold.load, reference_load(profile))
    return Loads(
        plant=plant,
        cold=cold,
        profile=profile,
        meter=meter,
        idle=meter_year(plant.series, meter, cold.load.water),
        busy=meter_year(plant.series, meter * profile, cold.load.water * profile),
        overload=excursion_share(cold.load, meter),
    )


def meter_year(series: SiteSeries, meter: Array, water: Array) -> MeterYear:
    """Sums of a meter's load [L, T, H] and its water over the hours."""
    # No matrix product: the last bits of one depend on the number of threads.
    weights = np.stack([np.ones_like(series.price_shape), series.price_shape, series.average_carbon])
    total, weighted, emitted = np.moveaxis(np.einsum("lth,kh->ltk", meter, weights), -1, 0)
    return MeterYear(
        energy=total * SECONDS_PER_HOUR,
        price_shape=weighted / total,
        carbon=emitted * SECONDS_PER_HOUR,
        peak=meter.max(axis=-1),
        water=(water + 0.0 * meter).sum(axis=-1) * SECONDS_PER_HOUR,
    )


def chains_of(specs: PlantSpecs, wirings: Sequence[Wiring], profile: Array) -> Chains:
    """The chains of a site with each wiring."""
    made, fraction, weights = tuple(wiring.of(specs) for wiring in wirings), reference_load(profile), _parts(profile)
    power = np.stack([meter_per_watt(one, NOTHING, fraction) for one in made])
    passed = [1.0 + one.distribution.mechanical_loss(one.redundancy.module_load(fraction)) for one in made]
    return Chains(
        specs=made,
        power=np.einsum("kh,wh->kw", weights, power),
        passed=weights[:, None] * np.stack(passed),
        availability=np.array([one.redundancy.availability(one.site) for one in made]),
    )


def _parts(profile: Array) -> Array:
    """Weights of the hours in a mean of what is always on, and of what follows demand [2, H]."""
    return np.stack([np.ones_like(profile), profile]) / len(profile)


def wired(loads: Loads, chains: Chains) -> Wired:
    """What each wiring makes of the loads: their losses change all hours by nearly the same share.

    Bills are homogeneous in the load, so that energy and its cost follow the mean. The meter is a sum of the chain's
    part and of the cooling's.
    """
    by_cooling = np.einsum("lth,kwh->kltw", loads.cold.load.electricity, chains.passed)
    always, follows = by_cooling + chains.power[:, None, None]
    worst = loads.cold.full.electricity.max(axis=-1)
    return Wired(
        idle=always / always[..., :1],
        busy=follows / follows[..., :1],
        peak_ratio=np.stack([peak_of(one, worst) for one in chains.specs], axis=-1),
    )


def wired_capital(loads: Loads, chains: Chains, *, dry: bool) -> WiredCapital:
    """Capital under each wiring, with the chillers of dry hours where the plant may run without water."""
    cold, shape = loads.cold if dry else replace(loads.cold, dry=None), loads.overload.shape
    cooling = loads.plant.specs.cooling
    found = [capital_of(replace(one, cooling=cooling), cold) for one in chains.specs]

    def by_wiring(name: str) -> Array:
        return np.stack([np.broadcast_to(getattr(one, name), shape) for one in found], axis=-1)

    return WiredCapital(plant=by_wiring("plant"), building=by_wiring("building"), opex=by_wiring("opex"))


def priced(plant: Plant, loads: Loads, years: Array, tariffs: Sequence[Tariff] | None, curves: Curves) -> Priced:
    """A portfolio's price of loads: from cuts where its hours are decided, by tariffs where it has some, by the hour.

    `plant` has the cooling and the wiring of `loads`.
    """
    if plant.sources.decides:
        return _decided(plant, loads, years, curves)
    limit = np.array([plant.sources.firm(year) for year in years])
    if tariffs is None:
        idle, busy = (
            load_year(plant, plant.specs, loads.meter * part, loads.cold.load.water * part, years)
            for part in (1.0, loads.profile)
        )
        return Priced(
            idle_cost=idle.cost,
            busy_cost=busy.cost,
            idle_carbon=idle.carbon_average,
            busy_carbon=busy.carbon_average,
            limit=limit,
        )
    grid, water_price = plant.specs.portfolio.grid, plant.specs.site.water_price

    def by_year(load: MeterYear) -> Array:
        made = {id(tariff): tariff.cost(load, grid) + load.water * water_price for tariff in tariffs}
        return np.stack([made[id(tariff)] for tariff in tariffs], axis=-1)

    return Priced(
        idle_cost=by_year(loads.idle),
        busy_cost=by_year(loads.busy),
        idle_carbon=loads.idle.carbon,
        busy_carbon=loads.busy.carbon,
        limit=limit,
    )


def _decided(plant: Plant, loads: Loads, years: Array, curves: Curves) -> Priced:
    """Cuts of each year's dispatch, water included; the curve is solved for the first share and middle temperature."""
    middle = (0, loads.meter.shape[1] // 2)
    shape = loads.meter[middle] * reference_load(loads.profile)
    peak = peak_of(plant.specs, loads.cold.full.electricity[middle].max())
    found = [curves.of(plant, shape, peak, plant.first_year + year) for year in years]
    knots = max(len(curve.cuts.constants) for curve in found)
    read = {key: _read(curve, loads, knots) for key, curve in {id(curve): curve for curve in found}.items()}
    constant, idle, busy = (list(one) for one in zip(*(read[id(curve)] for curve in found), strict=True))
    price, none = plant.specs.site.water_price, np.zeros((*loads.overload.shape, len(found)))
    return Priced(
        idle_cost=none,
        busy_cost=none,
        idle_carbon=loads.idle.energy * found[0].carbon,
        busy_carbon=loads.busy.energy * found[0].carbon,
        limit=np.array([plant.sources.carried(year, plant.busy_share) for year in years]),
        cuts=CutTerms(
            constant=np.stack(constant),
            idle=np.stack(idle, axis=-2) + (loads.idle.water * price)[..., None, None],
            busy=np.stack(busy, axis=-2) + (loads.busy.water * price)[..., None, None],
        ),
    )


def _read(curve: YearCurve, loads: Loads, knots: int) -> tuple[Array, Array, Array]:
    """Constants [K] and both slopes [L, T, K] of a curve's cuts."""
    constant, idle = curve.coefficients(loads.meter)
    _, busy = curve.coefficients(loads.meter * loads.profile)
    return padded(constant, knots), padded(idle, knots), padded(busy, knots)


def padded(values: Array, knots: int) -> Array:
    """The last cut again, so that years and portfolios with fewer cuts have as many."""
    missing = knots - values.shape[-1]
    return np.concatenate([values, np.repeat(values[..., -1:], missing, axis=-1)], axis=-1)


def tariffs_of(plant: Plant, years: Array) -> list[Tariff] | None:
    """The tariff of each year [Y]; None where hours are decided, or contracts come behind the meter."""
    portfolio = plant.specs.portfolio
    if plant.sources.decides or any(float(contract.onsite) > 0.0 for contract in portfolio.contracts):
        return None
    made: dict[Any, Tariff] = {}
    found = []
    for year in years:
        calendar = plant.first_year + year
        key = tuple(contract.terms_in_year(calendar) for contract in portfolio.contracts)
        if key not in made:
            made[key] = _tariff(plant, calendar)
        found.append(made[key])
    return found


def _tariff(plant: Plant, calendar: float) -> Tariff:
    portfolio, shared = plant.specs.portfolio, [capacity is None for capacity in plant.covered.capacities]
    market: DollarsPerJoule = portfolio.grid.price(plant.series.price_shape)
    settled = portfolio.settle(
        market_price=market,
        year=calendar,
        capacities=contracted(plant, 1.0),
        shapes=[plant.series.shapes[name] for name in plant.covered.shapes],
    )
    net = [net_cost(item, market) for item in settled]
    credited = [float(np.squeeze(item.credited_capacity)) for item in settled]

    def total(values: list[float], *, of_shared: bool) -> float:
        return sum((value for value, share in zip(values, shared, strict=True) if share == of_shared), start=0.0)

    return Tariff(
        fixed=total(net, of_shared=False),
        rate=total(net, of_shared=True),
        credited=total(credited, of_shared=False),
        credited_share=total(credited, of_shared=True),
    )
