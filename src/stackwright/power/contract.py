"""What every energy contract has in common: how much, in which years, at which price.

A contract type is a subclass in a file of its own and says only who pays whom for an hour's generation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Count,
    Dollars,
    DollarsPerJoule,
    Joules,
    KilogramsCO2PerJoule,
    PerYear,
    Ratio,
    Seconds,
    Watts,
)


def elapsed_time(*, year: Count, start_year: Count, year_length: Seconds = SECONDS_PER_YEAR) -> Seconds:
    """From the contract's start to the beginning of a calendar year. Source: definition."""
    return (year - start_year) * year_length


def ramp(*, elapsed: Seconds, ramp_time: Seconds, initial_share: Ratio, tenor: Seconds) -> Ratio:
    """Share of the full capacity under contract: linear from the initial share, nothing outside the tenor.

    Source: definition; announced ramps give two or three points, a line joins them.
    """
    xp = namespace(elapsed, ramp_time, initial_share, tenor)
    progress = xp.minimum(elapsed / xp.maximum(ramp_time, 1e-6 * tenor), 1.0)
    share = initial_share + (1.0 - initial_share) * progress
    running = (elapsed >= 0.0 * tenor) & (elapsed < tenor)
    return xp.where(running, share, 0.0 * share)


def escalated_price(
    *, price: DollarsPerJoule, escalation: PerYear, elapsed: Seconds, year_length: Seconds = SECONDS_PER_YEAR
) -> DollarsPerJoule:
    """Contract price after yearly steps of a fixed rate. Source: definition."""
    return price * (1.0 + escalation * year_length) ** (elapsed / year_length)


def capacity_for_share(*, mean_load: Watts, share: Ratio, capacity_factor: Ratio) -> Watts:
    """Capacity whose yearly generation is a share of the load. Source: definition."""
    return share * mean_load / capacity_factor


def generation(*, capacity: Watts, capacity_factor: Ratio, shape: Ratio) -> Watts:
    """Hourly generation; `shape` is [..., hour] with a mean of one. Source: definition."""
    return capacity * capacity_factor * shape


def yearly_energy(
    *, capacity: Watts, capacity_factor: Ratio, ramp_share: Ratio, year_length: Seconds = SECONDS_PER_YEAR
) -> Joules:
    """Energy of one contract year. Source: definition."""
    return capacity * ramp_share * capacity_factor * year_length


def energy(*, power: Watts, step: Seconds = SECONDS_PER_HOUR) -> Joules:
    """Energy of a series of mean powers, summed over its last axis. Source: definition."""
    xp = namespace(power)
    return xp.sum(power, axis=-1) * step


def payment(*, power: Watts, price: DollarsPerJoule, step: Seconds = SECONDS_PER_HOUR) -> Dollars:
    """Money for a series of powers at a price by the hour, summed over the last axis. Source: definition."""
    xp = namespace(power, price)
    return xp.sum(power * price, axis=-1) * step


@spec
class Settlement:
    """One contract's year: what it generates and what is paid for it."""

    generation: Watts
    """[..., hour]"""
    cost: Dollars
    """[...] paid to the counterparty, less what it pays back."""
    delivered: Ratio
    """Share of the generation that serves the load in its hour, so that it is not bought at the market."""
    onsite: Ratio
    """Share of what is delivered that comes without the grid: no delivery charge, and its own carbon."""
    clean: Ratio
    """Clean energy attributes that come with each unit of energy."""
    additional: Ratio
    """Share of the clean energy that would not exist without the contract."""
    credited_capacity: Watts
    """Offsets the peak that pays for grid capacity."""
    carbon: KilogramsCO2PerJoule
    """Direct emissions of the generation."""


@spec
class Contract(ABC):
    """A contract with one plant or one kind of plant."""

    price: DollarsPerJoule
    escalation: PerYear
    start_year: Count
    """Calendar year, with a fraction where it starts within one."""
    tenor: Seconds
    capacity: Watts | None = None
    """Of a named plant; absent for a generic contract, which is sized by the load."""
    initial_share: Ratio
    """Of the capacity, at the start."""
    ramp_time: Seconds
    """From the initial share to all of it."""
    capacity_factor: Ratio
    clean: Ratio
    additional: Ratio
    capacity_credit: Ratio
    """Part of the contracted capacity that comes with capacity rights."""
    onsite: Ratio
    """One where the plant stands behind the site's meter."""
    carbon: KilogramsCO2PerJoule

    @abstractmethod
    def payment(self, *, generation: Watts, market_price: DollarsPerJoule, price: DollarsPerJoule) -> Dollars:
        """Paid to the counterparty over the year, less what it pays back; [..., hour] to [...]."""

    @property
    @abstractmethod
    def delivered(self) -> Ratio:
        """Share of the generation that serves the load in its hour."""

    def ramp_share(self, year: Count) -> Ratio:
        """Share of the full capacity in a calendar year. Source: definition."""
        return ramp(
            elapsed=elapsed_time(year=year, start_year=self.start_year),
            ramp_time=self.ramp_time,
            initial_share=self.initial_share,
            tenor=self.tenor,
        )

    def price_in_year(self, year: Count) -> DollarsPerJoule:
        """Escalated price. Source: definition."""
        return escalated_price(
            price=self.price,
            escalation=self.escalation,
            elapsed=elapsed_time(year=year, start_year=self.start_year),
        )

    def capacity_for_share(self, *, mean_load: Watts, share: Ratio) -> Watts:
        """Capacity whose yearly generation is a share of the load, when running. Source: definition."""
        return capacity_for_share(mean_load=mean_load, share=share, capacity_factor=self.capacity_factor)

    def energy_in_year(self, *, capacity: Watts, year: Count) -> Joules:
        """Energy under contract in a calendar year. Source: definition."""
        return yearly_energy(capacity=capacity, capacity_factor=self.capacity_factor, ramp_share=self.ramp_share(year))

    def settle(self, *, capacity: Watts, shape: Ratio, market_price: DollarsPerJoule, year: Count) -> Settlement:
        """The contract's year; shape and market price are [..., hour], the rest has a trailing axis of one or none.

        Source: definition.
        """
        contracted = capacity * self.ramp_share(year)
        output = generation(capacity=contracted, capacity_factor=self.capacity_factor, shape=shape)
        return Settlement(
            generation=output,
            cost=self.payment(generation=output, market_price=market_price, price=self.price_in_year(year)),
            delivered=self.delivered,
            onsite=self.onsite,
            clean=self.clean,
            additional=self.additional,
            credited_capacity=contracted * self.capacity_credit,
            carbon=self.carbon,
        )
