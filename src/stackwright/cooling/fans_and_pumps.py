"""Fans and pumps: power at design, and at part load by the affinity laws."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import JoulesPerKilogramKelvin, Kelvin, KilogramsPerCubicMeter, Pascals, Ratio


def fan_power(*, design: Ratio, speed: Ratio, load_fraction: Ratio = 1.0) -> Ratio:
    """Fan electricity per watt of heat at a speed and part load, from that at full speed and full load.

    Source: fan affinity laws (power as speed cubed).
    """
    return design / load_fraction * (speed * speed * speed)


def flow_fraction(*, load_fraction: Ratio, least_flow: Ratio) -> Ratio:
    """Flow that a variable-speed fan or pump keeps at part load. Source: definition."""
    xp = namespace(load_fraction, least_flow)
    return xp.minimum(xp.maximum(load_fraction, least_flow), 1.0)


def power_per_heat(*, design: Ratio, load_fraction: Ratio, least_flow: Ratio, exponent: Ratio) -> Ratio:
    """Electricity per watt of IT heat at part load, from that at full load.

    The exponent is 3 without static head and less with it.
    Source: ASHRAE Handbook HVAC Systems and Equipment 2020, chapter 44, affinity laws.
    """
    flow = flow_fraction(load_fraction=load_fraction, least_flow=least_flow)
    return design * flow**exponent / load_fraction


def pump_power(
    *,
    pressure_drop: Pascals,
    temperature_rise: Kelvin,
    efficiency: Ratio,
    density: KilogramsPerCubicMeter = 1010.0,
    heat_capacity: JoulesPerKilogramKelvin = 3960.0,
) -> Ratio:
    """Pump electricity per watt of heat carried over a temperature rise; defaults are 25 % propylene glycol.

    Source: hydraulic power = pressure drop x flow; flow from the energy balance.
    """
    return pressure_drop / (density * heat_capacity * temperature_rise * efficiency)
