"""The interconnection agreement: which megawatts are connected from when, how firmly, and on what conditions.

Dates are calendar years with a fraction. Phases are cumulative: each says what is connected in all from its
date on. Phases are the last axis [P]; so are the hours of a year [H] where there are no phases any more.
"""

from __future__ import annotations

from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    Array,
    Count,
    Dollars,
    DollarsPerJoule,
    DollarsPerSecond,
    DollarsPerWattYear,
    Joules,
    PerYear,
    Ratio,
    Seconds,
    Watts,
    WattsPerSecond,
)

NORMAL_90 = 1.2815515655446004
"""Standard normal at 90 %."""


def date_spread(*, dated: Count, p50: Count, p90: Count) -> Ratio:
    """Standard deviation of the logarithm of the time since `dated`, from two percentiles of a date.

    A lognormal: waits are positive and late ones are very late. Source: Vazquez, Marasinou, Kalogridis, Ellinas,
    Activity delay patterns in project networks (arXiv 2304.10304): delays of 180 construction schedules are lognormal.
    """
    return namespace(dated, p50, p90).log((p90 - dated) / (p50 - dated)) / NORMAL_90


def date_at(*, dated: Count, p50: Count, spread: Ratio, normal: Ratio) -> Count:
    """The date at a standard normal: 0 gives the median, `NORMAL_90` the 90th percentile. Source: lognormal."""
    return dated + (p50 - dated) * namespace(dated, p50, spread, normal).exp(spread * normal)


def share_of_year(*, date: Count, year: Count) -> Ratio:
    """Share of a calendar year that lies after a date. Source: definition."""
    xp = namespace(date, year)
    return xp.minimum(xp.maximum(year + 1.0 - date, 0.0), 1.0)


def begun(*, date: Count, time: Count) -> Ratio:
    """One where a time is at or after a date, else zero. Source: definition."""
    xp = namespace(date, time)
    return xp.where(time >= date, 1.0, 0.0)


def in_force(*, power: Watts, share: Ratio) -> Watts:
    """Connected power where each phase [P] is in force for a share of a time [P], up to the phase that follows.

    Phases come in the order of their dates, so shares fall. Source: definition (time-weighted mean).
    """
    xp = namespace(power, share)
    return xp.sum(power * share, axis=-1) - xp.sum(power[..., :-1] * share[..., 1:], axis=-1)


def curtailed_share(*, signal: Array, duration: Seconds, weights: Array) -> Ratio:
    """Share of each hour [H] in which non-firm power is missing: the hours of the highest signal, until they are full.

    `signal` [H] is the market price or the net load; `weights` [H] are hours of the year that each one stands
    for. Utilities curtail when their system is short, which is when prices and net loads are highest.
    Source: assumption; Norris et al., Rethinking Load Growth (Duke University, 2025) curtail new loads in the
    hours of the highest system load too.
    """
    xp = namespace(signal, weights)
    order = xp.argsort(-signal, axis=-1, stable=True)
    held = xp.take_along_axis(weights + 0.0 * signal, order, axis=-1)
    before = xp.cumsum(held, axis=-1) - held
    taken = xp.minimum(xp.maximum((duration / SECONDS_PER_HOUR - before) / held, 0.0), 1.0)
    return xp.take_along_axis(taken, xp.argsort(order, axis=-1, stable=True), axis=-1)


def hourly_limit(*, firm: Watts, nonfirm: Watts, curtailed: Ratio) -> Watts:
    """What the meter may draw in an hour. Source: definition."""
    return firm + nonfirm * (1.0 - curtailed)


def carrying_cost(*, security: Dollars, rate: PerYear) -> DollarsPerSecond:
    """What posted security costs while it stands. Source: definition."""
    return security * rate


def largest_ramp(*, load: Watts, step: Seconds = SECONDS_PER_HOUR) -> WattsPerSecond:
    """Fastest change of a series of powers [..., H], each spread evenly over its step. Source: definition."""
    xp = namespace(load)
    return xp.max(xp.abs(load[..., 1:] - load[..., :-1]), axis=-1) / step


def step_ramp(*, step_power: Watts, step_time: Seconds) -> WattsPerSecond:
    """Change of a load that moves in unison, over the time that chips or firmware take for it. Source: definition."""
    return step_power / step_time


def smoothing_power(*, step_power: Watts, step_time: Seconds, ramp_limit: WattsPerSecond) -> Watts:
    """Storage power that brings a step within a ramp limit: what the grid has not yet followed when the step ends.

    Source: definition (difference of two linear ramps, largest at the end of the faster one).
    """
    xp = namespace(step_power, step_time, ramp_limit)
    return xp.maximum(step_power - ramp_limit * step_time, 0.0 * step_power)


def smoothing_energy(*, step_power: Watts, step_time: Seconds, ramp_limit: WattsPerSecond) -> Joules:
    """Storage energy that brings a step within a ramp limit: the area between the two ramps.

    Source: definition (triangle of the step's height between both durations).
    """
    xp = namespace(step_power, step_time, ramp_limit)
    late = step_power / ramp_limit - step_time
    return 0.5 * step_power * xp.maximum(late, 0.0 * step_time)


def held_energy(*, step_power: Watts, step_time: Seconds) -> Joules:
    """Energy that chips burn when firmware lets them fall slowly in place of at once.

    Source: definition; NVIDIA, How New GB300 NVL72 Features Provide Steady Power for AI (2025), ramp-down mode.
    """
    return 0.5 * step_power * step_time


def swing_energy(*, swing_power: Watts, period: Seconds, duty: Ratio) -> Joules:
    """Storage that keeps the meter at its mean while a load swings between two levels in every training step.

    `duty` is the share of the period at the higher level. Source: definition (area above the mean); Choukse et al.,
    Power Stabilization for AI Training Datacenters (arXiv 2508.14318) measure such swings.
    """
    return swing_power * period * duty * (1.0 - duty)


def carried_time(*, dip_time: Seconds, dips: Count) -> Seconds:
    """Time that batteries carry the load through a series of voltage dips. Source: definition."""
    return dip_time * dips


@spec
class Phase:
    """What is connected in all from a date on."""

    firm: Watts
    nonfirm: Watts
    """Missing in curtailed hours."""
    p50: Count
    p90: Count


@spec
class RideThrough:
    """Disturbances that the load has to pass without harm."""

    voltage: Ratio
    """What is left of the nominal voltage in a dip."""
    time: Seconds
    """Of one dip."""
    dips: Count
    """In a row; the load has to stay connected through all of them."""


@spec
class Facility:
    """What stands at the site to meet the conditions; None where nothing is stated."""

    battery_time: Seconds | None = None
    """For which UPS or rack batteries carry the whole load."""
    dips_tolerated: Count | None = None
    """In a row, before the UPS leaves the grid for the generators."""
    step_time: Seconds | None = None
    """That firmware spreads a step of all chips over."""
    smoothing_power: Watts | None = None
    """Of storage that smooths steps."""
    smoothing_energy: Joules | None = None


@spec
class Interconnection:
    """An agreement with a utility for one site."""

    dated: Count
    """From where waits are counted: what is uncertain was uncertain then."""
    phases: tuple[Phase, ...]
    curtailed_time: Seconds
    """Of a year at most, of all non-firm power."""
    upgrade_cost: Dollars
    security: Dollars
    security_rate: PerYear
    """Cost of the capital, or of the guarantee, that is bound by it."""
    most_export: Watts
    facility: Facility
    ramp_limit: WattsPerSecond | None = None
    ride_through: RideThrough | None = None
    capacity_charge: DollarsPerWattYear | None = None
    """In place of that of the site's grid."""
    delivery_charge: DollarsPerJoule | None = None

    def firm(self) -> Watts:
        """By phase [P]. Source: definition."""
        return self._by_phase("firm")

    def nonfirm(self) -> Watts:
        """By phase [P]. Source: definition."""
        return self._by_phase("nonfirm")

    def dates(self, normal: Ratio = 0.0) -> Count:
        """Of the phases [P], all as late as a standard normal says: 0 is P50, `NORMAL_90` is P90. Source: lognormal."""
        p50, p90 = self._by_phase("p50"), self._by_phase("p90")
        spread = date_spread(dated=self.dated, p50=p50, p90=p90)
        return date_at(dated=self.dated, p50=p50, spread=spread, normal=normal)

    def mean_in_year(self, year: Count, normal: Ratio = 0.0) -> tuple[Watts, Watts]:
        """Firm and non-firm power connected on average over a calendar year. Source: definition."""
        share = share_of_year(date=self.dates(normal), year=year)
        return in_force(power=self.firm(), share=share), in_force(power=self.nonfirm(), share=share)

    def at(self, time: Count, normal: Ratio = 0.0) -> tuple[Watts, Watts]:
        """Firm and non-firm power connected at a time; at the start of a year it is that year's least. [...] to [...].

        Source: definition.
        """
        xp = namespace(time)
        share = begun(date=self.dates(normal), time=xp.asarray(time)[..., None])
        return in_force(power=self.firm(), share=share), in_force(power=self.nonfirm(), share=share)

    def limit(self, *, firm: Watts, nonfirm: Watts, signal: Array, weights: Array) -> Watts:
        """What the meter may draw in each hour [H] of a year in which this much is connected.

        `firm` and `nonfirm` are those of `mean_in_year` or of the start of the year (`at`), or go by the hour [H]:
        ``at(year + hour / 8760)`` lets phases begin within the year. `signal` [H] says which hours are curtailed.
        Source: definition.
        """
        missing = curtailed_share(signal=signal, duration=self.curtailed_time, weights=weights)
        return hourly_limit(firm=firm, nonfirm=nonfirm, curtailed=missing)

    def _by_phase(self, name: str) -> Any:
        values = [getattr(phase, name) for phase in self.phases]
        return namespace(*values).stack([1.0 * namespace(value).asarray(value) for value in values], axis=-1)
