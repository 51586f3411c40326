"""Power of a chip: idle, leakage, being busy, work done, the limit, and what a lower clock saves."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    BytesPerSecond,
    FlopsPerSecond,
    JoulesPerByte,
    JoulesPerFlop,
    Kelvin,
    PerKelvin,
    Ratio,
    Seconds,
    Watts,
)

NEWTON_STEPS = 6
"""From clock 1 downwards, the power curve is convex: six steps reach rounding error."""


def dynamic_scale(*, clock: Ratio, threshold: Ratio) -> Ratio:
    """Energy per operation at a clock over that at the highest: the square of the voltage.

    Voltage falls linearly with the clock down to `threshold`, the share that remains at clock zero.
    Source: alpha-power law of CMOS delay near the operating point (Sakurai and Newton 1990), linearized.
    """
    return (threshold + (1.0 - threshold) * clock) ** 2


def leakage_power(*, reference: Watts, temperature: Kelvin, reference_temperature: Kelvin, slope: PerKelvin) -> Watts:
    """Leakage at a junction temperature, exponential around the reference.

    Source: subthreshold leakage, P exp(b (T - T0)) as in Liu et al. 2007 (DATE).
    """
    xp = namespace(reference, temperature, slope)
    return reference * xp.exp(slope * (temperature - reference_temperature))


def busy_share(*, work: Watts, saturation: Watts) -> Ratio:
    """Share of the power of being busy (schedulers, caches, networks) that a rate of work sets moving.

    Source: definition (saturating, fitted).
    """
    xp = namespace(work, saturation)
    return 1.0 - xp.exp(-work / saturation)


def limited(*, demand: Watts, limit: Watts, sharpness: Ratio) -> Watts:
    """Power under a limit that the firmware holds by lowering clocks before it is reached.

    Source: definition (p-norm, fitted).
    """
    return demand / (1.0 + (demand / limit) ** sharpness) ** (1.0 / sharpness)


def capped_clock(*, power_cap: Ratio, constant_share: Ratio, threshold: Ratio, lowest: Ratio) -> Ratio:
    """Clock at which a chip that works flat out draws `power_cap` of its limit.

    `constant_share` of the power (leakage, memory) does not follow the core clock; the rest goes as
    f V(f)^2. Never below the `lowest` clock.
    Source: root of that cubic by Newton's method.
    """
    xp = namespace(power_cap, constant_share, threshold)
    clock = 1.0 + 0.0 * power_cap * threshold
    for _ in range(NEWTON_STEPS):
        volts = threshold + (1.0 - threshold) * clock
        excess = constant_share + (1.0 - constant_share) * clock * volts**2 - power_cap
        slope = (1.0 - constant_share) * (volts**2 + 2.0 * clock * volts * (1.0 - threshold))
        clock = xp.maximum(clock - excess / slope, lowest)
    return xp.minimum(clock, 1.0)


def sampled_share(*, span: Seconds, interval: Seconds, window: Seconds) -> Ratio:
    """Share of a mean reading that is of the work measured; what ran before it has the rest.

    A sensor that averages over `window` is read at the start of a span of work and every `interval`
    within it: a reading at time t has seen the work for min(t, window).
    Source: definition (mean of a running average over its samples).
    """
    xp = namespace(span, interval, window)
    later = xp.floor(span / interval)
    rising = xp.minimum(later, xp.floor(window / interval))
    return (0.5 * rising * (rising + 1.0) * interval / window + later - rising) / (later + 1.0)


@spec
class PowerSensor:
    """What a board's sensor shows of kernels that a benchmark repeats for a short while.

    Not a property of the chip: it tells how far a table of such readings is evidence of its power.
    """

    window: Seconds
    """Time over which a reading averages."""
    interval: Seconds
    """Time between the readings of one kernel, the first of which is taken as it starts."""
    span: Seconds
    """How long a kernel is repeated."""
    short_span: Seconds
    """How long if one call takes less than `short_call`."""
    short_call: Seconds
    most_repeats: Ratio
    least_repeats: Ratio
    resting: Ratio
    """Lowest reading between kernels, as a share of the limit."""
    back_to_back: Ratio
    """What one kernel without gaps keeps moving, over what the mixed kernels of a served step do."""
    before_prefill: Ratio
    """Where, from `resting` to the limit, power was before kernels of this kind: those of a sweep follow their like."""
    before_decode: Ratio
    before_experts: Ratio
    by_heads: Ratio
    """Power of the odds of `before_prefill` in the width of all heads over 1,024."""
    by_cache_heads: Ratio
    """Power of the odds of `before_decode` in the key-value heads over 2."""
    by_weights: Ratio
    """Power of the odds of `before_experts` in the weights of a rank over 2^28."""
    windowed: Ratio
    """Factor of the odds where attention sees a window only."""
    before_low: Ratio
    """5th and 95th percentile of measured over predicted readings where only what ran before is seen."""
    before_high: Ratio
    own_low: Ratio
    """Likewise where a kernel is seen as well as can be."""
    own_high: Ratio

    def seen(self, *, call: Seconds) -> Ratio:
        """Share of the reading that is of a kernel whose call takes so long."""
        xp = namespace(call)
        span = xp.where(call < self.short_call, self.short_span, self.span)
        repeats = xp.minimum(xp.maximum(span / call, self.least_repeats), self.most_repeats)
        return sampled_share(span=repeats * call, interval=self.interval, window=self.window)

    def before(self, *, share: Ratio, odds: Ratio, tdp: Watts) -> Watts:
        """Power before a kernel, whose kind has `share` between resting and the limit, its odds times `odds`."""
        ahead = share / (1.0 - share) * odds
        return (self.resting + (1.0 - self.resting) * ahead / (1.0 + ahead)) * tdp


@spec
class PowerFamily:
    """How a generation of chips turns work into heat; shares are of the power limit (TDP)."""

    idle_share: Ratio
    """Powered, memory refreshed, no work, leakage included at its reference temperature."""
    leakage_share: Ratio
    leakage_slope: PerKelvin
    leakage_temperature: Kelvin
    """Junction temperature at which `leakage_share` holds."""
    awake_share: Ratio
    """Added by running anything at all, at the highest clock."""
    busy_share: Ratio
    """Added besides by caches, networks and schedulers that work keeps moving."""
    busy_saturation: Ratio
    """Power of the work itself at which most of that is reached."""
    energy_per_flop_bf16: JoulesPerFlop
    energy_per_flop_fp8: JoulesPerFlop
    energy_per_flop_fp4: JoulesPerFlop | None = None
    energy_per_flop_int8: JoulesPerFlop | None = None
    energy_per_memory_byte: JoulesPerByte
    energy_per_link_byte: JoulesPerByte
    limit_sharpness: Ratio
    voltage_threshold: Ratio
    """Share of the voltage that remains, extrapolated to clock zero."""
    constant_share: Ratio
    """Share of full power that does not follow the core clock."""
    lowest_clock: Ratio
    residual_low: Ratio | None = None
    residual_high: Ratio | None = None
    """5th and 95th percentile of measured over predicted power."""

    def idle(self, *, tdp: Watts, junction_temperature: Kelvin | None = None) -> Watts:
        """Power without work; at the reference temperature where none is given."""
        if junction_temperature is None:
            return self.idle_share * tdp
        leakage = leakage_power(
            reference=self.leakage_share * tdp,
            temperature=junction_temperature,
            reference_temperature=self.leakage_temperature,
            slope=self.leakage_slope,
        )
        return (self.idle_share - self.leakage_share) * tdp + leakage

    def work(
        self,
        *,
        flop_rate: FlopsPerSecond,
        byte_rate: BytesPerSecond,
        clock: Ratio = 1.0,
        link_rate: BytesPerSecond = 0.0,
        precision: str = "bf16",
    ) -> Watts:
        """Power of the work itself: all that a chip's power depends on of its operations and bytes."""
        scale = dynamic_scale(clock=clock, threshold=self.voltage_threshold)
        compute = getattr(self, f"energy_per_flop_{precision}") * flop_rate * scale
        return compute + self.energy_per_memory_byte * byte_rate + self.energy_per_link_byte * link_rate

    def known_format(self, precision: str) -> str:
        """The format whose energy per operation stands for a precision: its own where that is known, else bf16."""
        return precision if getattr(self, f"energy_per_flop_{precision}", None) is not None else "bf16"

    def draw(
        self,
        *,
        flop_rate: FlopsPerSecond,
        byte_rate: BytesPerSecond,
        tdp: Watts,
        junction_temperature: Kelvin | None = None,
        clock: Ratio = 1.0,
        link_rate: BytesPerSecond = 0.0,
        precision: str = "bf16",
    ) -> Watts:
        """Power at these rates of operations in `precision`, of memory bytes and of link bytes.

        Rates are those that the chip reaches at this `clock`.
        """
        scale = dynamic_scale(clock=clock, threshold=self.voltage_threshold)
        work = self.work(
            flop_rate=flop_rate, byte_rate=byte_rate, clock=clock, link_rate=link_rate, precision=precision
        )
        moving = self.busy_share * busy_share(work=work, saturation=self.busy_saturation * tdp)
        busy = (self.awake_share + moving) * tdp * clock * scale
        demand = self.idle(tdp=tdp, junction_temperature=junction_temperature) + busy + work
        return limited(demand=demand, limit=tdp, sharpness=self.limit_sharpness)

    def clock(self, *, power_cap: Ratio) -> Ratio:
        """Clock over the highest at which a chip that works flat out keeps to a cap, as a share of TDP."""
        return capped_clock(
            power_cap=power_cap,
            constant_share=self.constant_share,
            threshold=self.voltage_threshold,
            lowest=self.lowest_clock,
        )
