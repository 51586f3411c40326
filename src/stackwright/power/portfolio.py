"""A portfolio: one grid connection and the contracts beside it, settled over a year of hours."""

from __future__ import annotations

from collections.abc import Sequence

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    Count,
    Dollars,
    DollarsPerJoule,
    Joules,
    KilogramsCO2,
    KilogramsCO2PerJoule,
    Ratio,
    Watts,
)
from stackwright.power import matching
from stackwright.power.contract import Contract, Settlement, energy, payment
from stackwright.power.grid import Grid, capacity_cost, delivered_price
from stackwright.power.technology import Storage, Technology


@spec
class Carbon:
    """A year's emissions by four ways of counting, each [...]; plants on the site count by their own rate in all."""

    average: KilogramsCO2
    """By the grid's mix in each hour, whatever is contracted."""
    annual: KilogramsCO2
    """The same, less the share that the year's clean energy covers."""
    hourly: KilogramsCO2
    """By the grid's mix, on what clean energy does not cover in its hour."""
    marginal: KilogramsCO2
    """By the plants that respond to the load, less what additional clean energy displaces."""


@spec
class EnergyBill:
    """A year of one load; every field is [...], the load's axes without the hour."""

    market_cost: Dollars
    """Energy bought at the market, delivery included."""
    delivery_cost: Dollars
    """Delivery of contract energy over the grid."""
    contract_cost: Dollars
    """Paid to counterparties, less what they pay back."""
    surplus_revenue: Dollars
    """Contract energy that the load did not take, sold at the market."""
    capacity_cost: Dollars
    own_cost: Dollars
    """Of own plants and storage, of load that gives way, and of what nothing serves."""
    energy: Joules
    """At the meter."""
    market_energy: Joules
    surplus_energy: Joules
    energy_by_contract: tuple[Joules, ...]
    """Delivered energy that the load took from each contract, in their order."""
    paused_energy: Joules
    """Of load that was left undone."""
    unserved_energy: Joules
    clean_annual: Ratio
    clean_hourly: Ratio
    clean_with_grid: Ratio
    carbon: Carbon

    @property
    def energy_cost(self) -> Dollars:
        """All that is paid for energy and capacity. Source: definition."""
        paid = self.market_cost + self.delivery_cost + self.contract_cost + self.capacity_cost + self.own_cost
        return paid - self.surplus_revenue


def coverage(*, load: Watts, supply: Watts) -> Ratio:
    """Share of a supply that the load takes in its hour; the load is above zero. Source: definition."""
    xp = namespace(load, supply)
    return load / xp.maximum(load, supply)


def above_zero(*, power: Watts) -> Watts:
    """The power where it is positive. Source: definition."""
    xp = namespace(power)
    return xp.maximum(power, 0.0 * power)


@spec
class Flows:
    """Hourly powers of a year between load, grid and contracts, each [..., hour]."""

    taken: tuple[Watts, ...]
    """What the load took of each contract's energy."""
    surplus: Watts
    """Deliverable contract energy that it did not take."""
    bought: Watts
    """From the market."""
    drawn: Watts
    """Through the grid: bought, and contract energy from off the site."""
    clean: Watts
    """Attributes, by the hour of their generation."""
    clean_offsite: Watts
    additional: Watts
    """Clean energy off the site that would not exist without the contracts."""


def flows(*, load: Watts, settled: Sequence[Settlement]) -> Flows:
    """Contracts that deliver share the load in proportion to their output. Source: energy balance."""
    none = 0.0 * load
    supply = sum((item.delivered * item.generation for item in settled), start=none)
    share = coverage(load=load, supply=supply)
    taken = tuple(none + item.delivered * item.generation * share for item in settled)
    onsite = sum((item.onsite * part for item, part in zip(settled, taken, strict=True)), start=none)
    offsite = [(item, item.clean * (1.0 - item.onsite) * item.generation) for item in settled]
    served = sum(taken, start=none)
    return Flows(
        taken=taken,
        surplus=supply - served,
        bought=load - served,
        drawn=load - onsite,
        clean=sum((item.clean * item.generation for item in settled), start=none),
        clean_offsite=sum((clean for _, clean in offsite), start=none),
        additional=sum((item.additional * clean for item, clean in offsite), start=none),
    )


@spec
class Portfolio:
    """A grid connection and contracts. In a batch, leaves that are no hourly series end in an axis of one."""

    grid: Grid
    contracts: tuple[Contract, ...] = ()
    plants: tuple[Technology | Storage, ...] = ()
    """Behind the meter; their sizes and hours are the dispatch's to decide."""

    def settle(
        self, *, market_price: DollarsPerJoule, year: Count, capacities: Sequence[Watts], shapes: Sequence[Ratio]
    ) -> tuple[Settlement, ...]:
        """Each contract's year; one capacity and one shape [hour] per contract. Source: definition."""
        return tuple(
            contract.settle(capacity=capacity, shape=shape, market_price=market_price, year=year)
            for contract, capacity, shape in zip(self.contracts, capacities, shapes, strict=True)
        )

    def capacities(self, *, mean_load: Watts, shares: Sequence[Ratio]) -> tuple[Watts, ...]:
        """Capacity of each contract whose yearly generation is a share of the mean load. Source: definition."""
        pairs = zip(self.contracts, shares, strict=True)
        return tuple(contract.capacity_for_share(mean_load=mean_load, share=share) for contract, share in pairs)

    def annual_energy(
        self,
        *,
        load: Watts,
        price_shape: Ratio,
        average_carbon: KilogramsCO2PerJoule,
        marginal_carbon: KilogramsCO2PerJoule,
        grid_clean_share: Ratio,
        year: Count,
        capacities: Sequence[Watts] = (),
        shapes: Sequence[Ratio] = (),
    ) -> EnergyBill:
        """Settle a load [..., hour] above zero, without own plants; one capacity and one shape [hour] per contract.

        Homogeneous of degree one in the load and the capacities together. Source: definition.
        """
        market = self.grid.price(price_shape)
        settled = self.settle(market_price=market, year=year, capacities=capacities, shapes=shapes)
        flow = flows(load=load, settled=settled)
        carbon = _carbon(flow, settled, average_carbon, marginal_carbon)
        return EnergyBill(
            market_cost=payment(
                power=flow.bought, price=delivered_price(market=market, delivery_charge=self.grid.delivery_charge)
            ),
            delivery_cost=payment(power=flow.drawn - flow.bought, price=self.grid.delivery_charge),
            contract_cost=sum((item.cost for item in settled), start=0.0 * load[..., 0]),
            surplus_revenue=payment(power=flow.surplus, price=market),
            capacity_cost=self._capacity_cost(load, settled),
            own_cost=0.0 * load[..., 0],
            energy=energy(power=load),
            market_energy=energy(power=flow.bought),
            surplus_energy=energy(power=flow.surplus),
            energy_by_contract=tuple(energy(power=part) for part in flow.taken),
            paused_energy=0.0 * load[..., 0],
            unserved_energy=0.0 * load[..., 0],
            clean_annual=matching.annual_clean_share(load=load, clean=flow.clean),
            clean_hourly=matching.hourly_clean_share(load=load, clean=flow.clean),
            clean_with_grid=matching.hourly_clean_share_with_grid(
                load=load, clean=flow.clean, grid_clean_share=grid_clean_share
            ),
            carbon=carbon,
        )

    def _capacity_cost(self, load: Watts, settled: Sequence[Settlement]) -> Dollars:
        peak = load.max(-1, keepdims=True)
        credited = sum((item.credited_capacity for item in settled), start=0.0 * peak)
        cost = capacity_cost(
            peak=above_zero(power=peak - credited),
            capacity_charge=self.grid.capacity_charge,
            duration=load.shape[-1] * SECONDS_PER_HOUR,
        )
        return cost[..., 0]


def _carbon(
    flow: Flows,
    settled: Sequence[Settlement],
    average_rate: KilogramsCO2PerJoule,
    marginal_rate: KilogramsCO2PerJoule,
) -> Carbon:
    own = sum(
        (
            matching.emissions(power=item.onsite * part, rate=item.carbon)
            for item, part in zip(settled, flow.taken, strict=True)
        ),
        start=0.0 * flow.drawn[..., 0],
    )
    by_grid = matching.emissions(power=flow.drawn, rate=average_rate)
    uncovered = 1.0 - matching.annual_clean_share(load=flow.drawn, clean=flow.clean_offsite)
    unmatched = above_zero(power=flow.drawn - flow.clean_offsite)
    return Carbon(
        average=own + by_grid,
        annual=own + uncovered * by_grid,
        hourly=own + matching.emissions(power=unmatched, rate=average_rate),
        marginal=own + matching.emissions(power=flow.drawn - flow.additional, rate=marginal_rate),
    )
