"""What every energy contract has in common: how much, in which years, at which price.

A contract type is a subclass in a file of its own and says only who pays whom for an hour's generation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    HOURS_PER_YEAR,
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
from stackwright.power.planned_outage import outage_share, output_factor


def elapsed_time(*, year: Count, start_year: Count, year_length: Seconds = SECONDS_PER_YEAR) -> Seconds:
    """From the contract's start to the beginning of a calendar year. Source: definition."""
    return (year - start_year) * year_length


def arrived(*, since: Seconds, ramp_time: Seconds, shortest: Seconds = 1.0) -> Ratio:
    """Share of a step's megawatts that have come: evenly over a time before its date, all of them from then on.

    `since` is the time from the date, negative before it; `shortest` keeps a ramp of no time finite.
    Source: definition; announced steps say by when, not how.
    """
    xp = namespace(since, ramp_time)
    return xp.clip(1.0 + since / xp.maximum(ramp_time, shortest), 0.0, 1.0)


def within_term(*, elapsed: Seconds, tenor: Seconds) -> Ratio:
    """One from the start to the end of a term, zero outside. Source: definition."""
    xp = namespace(elapsed, tenor)
    running = (elapsed >= 0.0 * tenor) & (elapsed < tenor)
    return xp.where(running, 1.0, 0.0)


def escalated_price(
    *, price: DollarsPerJoule, escalation: PerYear, elapsed: Seconds, year_length: Seconds = SECONDS_PER_YEAR
) -> DollarsPerJoule:
    """Contract price after yearly steps of a fixed rate. Source: definition."""
    return price * (1.0 + escalation * year_length) ** (elapsed / year_length)


def indexed_price(*, price: DollarsPerJoule, market_share: Ratio, market_price: DollarsPerJoule) -> DollarsPerJoule:
    """A share of the market price by the hour, and an adder. Source: definition."""
    return price + market_share * market_price


def above_floor(*, price: DollarsPerJoule, floor: DollarsPerJoule) -> DollarsPerJoule:
    """A price that does not fall below a floor. Source: definition."""
    xp = namespace(price, floor)
    return xp.maximum(price, floor)


def below_cap(*, price: DollarsPerJoule, cap: DollarsPerJoule) -> DollarsPerJoule:
    """A price that does not rise above a cap. Source: definition."""
    xp = namespace(price, cap)
    return xp.minimum(price, cap)


def withheld(*, market_price: DollarsPerJoule, share: Ratio) -> Ratio:
    """One in the hours that a seller keeps for itself: the dearest of the year, as many as it may; [..., hour].

    Source: definition; that it takes the dearest is the worst case for the buyer.
    """
    xp = namespace(market_price, share)
    rank = xp.argsort(xp.argsort(-market_price, axis=-1), axis=-1)
    return xp.where(rank < share * market_price.shape[-1], 1.0, 0.0)


def paid_in(*, payments: Dollars, time: Seconds, duration: Seconds) -> Dollars:
    """Part of a duration's payments that falls into a time: securities and fees are agreed so. Source: definition."""
    return payments * time / duration


def collateral_cost(*, collateral: Dollars, rate: PerYear, duration: Seconds) -> Dollars:
    """What a letter of credit for the security costs in a time. Source: definition."""
    return collateral * rate * duration


def capacity_for_share(*, mean_load: Watts, share: Ratio, capacity_factor: Ratio) -> Watts:
    """Capacity whose yearly generation is a share of the load. Source: definition."""
    return share * mean_load / capacity_factor


def generation(*, capacity: Watts, capacity_factor: Ratio, shape: Ratio) -> Watts:
    """Hourly generation; `shape` is [..., hour] with a mean of one. Source: definition."""
    return capacity * capacity_factor * shape


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
    contracted: Watts
    """Capacity under contract, the mean of the year; [..., 1]"""
    cost: Dollars
    """[...] all that the contract costs: payments, basis and collateral."""
    payments: Dollars
    """[...] to the counterparty, less what it pays back."""
    basis_cost: Dollars
    """[...] what energy loses in price between its delivery point and the load."""
    collateral: Dollars
    """[...] posted as security."""
    collateral_cost: Dollars
    termination_fee: Dollars
    """[...] for leaving the contract at the end of the year."""
    delivered: Ratio
    """Share of the generation that serves the load in its hour, so that it is not bought at the market."""
    onsite: Ratio
    """Share of what is delivered that comes without the grid: no delivery charge, and its own carbon."""
    clean: Ratio
    """Clean energy attributes that come with each unit of energy."""
    additional: Ratio
    """Share of the clean energy that would not exist without the contract."""
    credited_capacity: Watts
    """Offsets the peak that pays for grid capacity; the mean of the year."""
    carbon: KilogramsCO2PerJoule
    """Direct emissions of the generation."""


@spec
class Contract(ABC):
    """A contract with one plant or one kind of plant. Terms that it does not have are None."""

    price: DollarsPerJoule
    """In the start year; beside a share of the market price, the adder."""
    escalation: PerYear
    market_share: Ratio | None = None
    """Of the market price by the hour, which the price follows."""
    floor: DollarsPerJoule | None = None
    cap: DollarsPerJoule | None = None
    basis: DollarsPerJoule | None = None
    """How much less the energy is worth at its delivery point than at the load's node."""
    start_year: Count
    """Calendar year, with a fraction where it starts within one."""
    tenor: Seconds
    capacity: Watts | None = None
    """Of a named plant; absent for a generic contract, which is sized by the load."""
    initial_share: Ratio
    """Of the capacity, at the start."""
    interim_year: Count | None = None
    """Date of a step between the start and the whole."""
    interim_share: Ratio | None = None
    """Of the capacity, from that date on."""
    full_year: Count | None = None
    """Date from which it is the whole capacity; None is the start and the ramp."""
    ramp_time: Seconds
    """Before a step's date, in which its megawatts come in evenly; zero is all on the date."""
    capacity_factor: Ratio
    """Mean of many years, outages included."""
    outage_interval: Seconds | None = None
    """From one planned outage of a unit to its next; None is a contract whose shape has them, or which is firm."""
    outage_time: Seconds | None = None
    """Of one planned outage, without a break."""
    outage_year: Count | None = None
    """Calendar year with its fraction in which an outage begins."""
    outage_units: Count | None = None
    """Units of the plant, which take turns."""
    curtailment: Ratio | None = None
    """Share of the hours in which the seller may keep the energy."""
    clean: Ratio
    additional: Ratio
    capacity_credit: Ratio
    """Part of the contracted capacity that comes with capacity rights."""
    onsite: Ratio
    """One where the plant stands behind the site's meter."""
    carbon: KilogramsCO2PerJoule
    collateral_time: Seconds | None = None
    """Security that the buyer posts, in time of its payments."""
    collateral_rate: PerYear | None = None
    """Yearly cost of the security over its sum."""
    termination_time: Seconds | None = None
    """Fee for leaving early, in time of its payments."""

    @abstractmethod
    def payment(self, *, generation: Watts, market_price: DollarsPerJoule, price: DollarsPerJoule) -> Dollars:
        """Paid to the counterparty over the year, less what it pays back; [..., hour] to [...]."""

    @property
    @abstractmethod
    def delivered(self) -> Ratio:
        """Share of the generation that serves the load in its hour."""

    @property
    def settled_energy(self) -> Ratio:
        """Share of the generation whose energy is settled, and bears the basis. Source: definition."""
        return 1.0

    def elapsed(self, year: Count, date: Count | None = None) -> Seconds:
        """From a date, or the start, to each hour of a calendar year; [..., hour]. Source: definition."""
        xp = namespace(self.start_year, year)
        begin = elapsed_time(year=year, start_year=self.start_year if date is None else date)
        return begin + SECONDS_PER_HOUR * xp.arange(HOURS_PER_YEAR)

    def contracted_share(self, year: Count) -> Ratio:
        """Share of the full capacity under contract by the hour of a calendar year. Source: definition."""
        full = self.start_year + self.ramp_time / SECONDS_PER_YEAR if self.full_year is None else self.full_year
        end = self.start_year + self.tenor / SECONDS_PER_YEAR
        if np.all(year >= full) and np.all(year + 1.0 <= end):
            return np.ones(HOURS_PER_YEAR)  # most years: nothing to count
        share, before = self.initial_share, self.initial_share
        if self.interim_year is not None and self.interim_share is not None:
            share = share + (self.interim_share - share) * self._arrived(year, self.interim_year)
            before = self.interim_share
        share = share + (1.0 - before) * self._arrived(year, full)
        return share * within_term(elapsed=self.elapsed(year), tenor=self.tenor)

    def _arrived(self, year: Count, date: Count) -> Ratio:
        return arrived(since=self.elapsed(year, date), ramp_time=self.ramp_time)

    def output_share(self, year: Count) -> Ratio:
        """Output over that of the full capacity at its mean, by the hour of a calendar year. Source: definition."""
        share = self.contracted_share(year)
        if self.outage_interval is None or self.outage_time is None or self.outage_year is None:
            return share
        out = outage_share(
            since=self.elapsed(year, self.outage_year),
            interval=self.outage_interval,
            outage_time=self.outage_time,
            machines=1.0 if self.outage_units is None else self.outage_units,
        )
        return share * output_factor(out=out, interval=self.outage_interval, outage_time=self.outage_time)

    def price_in_year(self, year: Count) -> DollarsPerJoule:
        """Price, or adder, as it has escalated by the beginning of a calendar year. Source: definition."""
        xp = namespace(self.start_year, year)
        elapsed = xp.maximum(elapsed_time(year=year, start_year=self.start_year), 0.0)
        return escalated_price(price=self.price, escalation=self.escalation, elapsed=elapsed)

    def ramp_share(self, year: Count) -> Ratio:
        """Mean share of the full capacity under contract in a calendar year; [...]. Source: definition."""
        return self.contracted_share(year).mean(axis=-1)

    def terms_in_year(self, year: Count) -> tuple[bytes, float] | None:
        """What of a calendar year a settlement depends on, so that like years are settled once; None for draws.

        Source: definition.
        """
        price, share = self.price_in_year(year), self.output_share(year)
        if namespace(price, share) is not np or np.size(price) > 1:
            return None
        return np.asarray(share).tobytes(), float(np.asarray(price).item())

    def hourly_price(self, *, year: Count, market_price: DollarsPerJoule) -> DollarsPerJoule:
        """What a unit of energy costs by the hour, index, floor and cap included. Source: definition."""
        price = self.price_in_year(year)
        if self.market_share is not None:
            price = indexed_price(price=price, market_share=self.market_share, market_price=market_price)
        if self.floor is not None:
            price = above_floor(price=price, floor=self.floor)
        return price if self.cap is None else below_cap(price=price, cap=self.cap)

    def capacity_for_share(self, *, mean_load: Watts, share: Ratio) -> Watts:
        """Capacity whose yearly generation is a share of the load, when running. Source: definition."""
        return capacity_for_share(mean_load=mean_load, share=share, capacity_factor=self.capacity_factor)

    def energy_in_year(self, *, capacity: Watts, year: Count) -> Joules:
        """Energy under contract in a calendar year, of a shape with a mean of one. Source: definition."""
        output = self.output_share(year)
        return energy(power=generation(capacity=capacity, capacity_factor=self.capacity_factor, shape=output))

    def years(self) -> Count:
        """The calendar years that the term touches [Y]. Source: definition."""
        end = self.start_year + self.tenor / SECONDS_PER_YEAR
        return np.arange(np.floor(self.start_year), np.ceil(end - 1e-6))

    def term(self) -> tuple[Joules, Dollars]:
        """Energy and payments over the term of a contract with a capacity of its own, at a market price of zero.

        Source: definition.
        """
        none = np.zeros(HOURS_PER_YEAR)
        given = [
            self.settle(capacity=self.capacity, shape=1.0 + none, market_price=none, year=float(year))
            for year in self.years()
        ]
        return sum(energy(power=year.generation) for year in given), sum(year.payments for year in given)

    def settle(self, *, capacity: Watts, shape: Ratio, market_price: DollarsPerJoule, year: Count) -> Settlement:
        """The contract's year; shape and market price are [..., hour], the rest has a trailing axis of one or none.

        Source: definition.
        """
        output = generation(
            capacity=capacity, capacity_factor=self.capacity_factor, shape=shape * self.output_share(year)
        )
        if self.curtailment is not None:
            output = output * (1.0 - withheld(market_price=market_price, share=self.curtailment))
        contracted = capacity * self.contracted_share(year).mean(axis=-1, keepdims=True)
        price = self.hourly_price(year=year, market_price=market_price)
        paid = self.payment(generation=output, market_price=market_price, price=price)
        basis_cost = 0.0 * paid if self.basis is None else self.settled_energy * payment(power=output, price=self.basis)
        owed = paid
        if self.collateral_time is not None or self.termination_time is not None:
            # Where the market pays nothing back.
            owed = self.payment(generation=output, market_price=0.0 * market_price, price=price)
        posted = self._paid_in(owed, self.collateral_time)
        security = collateral_cost(
            collateral=posted, rate=_narrow(_known(self.collateral_rate)), duration=SECONDS_PER_YEAR
        )
        return Settlement(
            generation=output,
            contracted=contracted,
            cost=paid + basis_cost + security,
            payments=paid,
            basis_cost=basis_cost,
            collateral=posted,
            collateral_cost=security,
            termination_fee=self._paid_in(owed, self.termination_time),
            delivered=self.delivered,
            onsite=self.onsite,
            clean=self.clean,
            additional=self.additional,
            credited_capacity=contracted * self.capacity_credit,
            carbon=self.carbon,
        )

    def _paid_in(self, owed: Dollars, time: Seconds | None) -> Dollars:
        return paid_in(payments=owed, time=_narrow(_known(time)), duration=SECONDS_PER_YEAR)


def _known(value: Any) -> Any:
    return 0.0 if value is None else value


def _narrow(value: Any) -> Any:
    return value[..., 0] if getattr(value, "ndim", 0) else value
