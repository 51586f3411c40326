"""Heat to the outside: towers, dry coolers and wetted air, with the water they take."""

from __future__ import annotations

import math

from stackwright.core.arrays import namespace
from stackwright.core.units import (
    ZERO_CELSIUS,
    CubicMetersPerJoule,
    JoulesPerKilogram,
    JoulesPerKilogramKelvin,
    Kelvin,
    KilogramsPerCubicMeter,
    Ratio,
)

PRESSURE_AT_POLE = 101_325.0 / 610.94 * math.exp(-17.625)
"""Atmosphere over the vapor pressure of the Magnus form, less its temperature's part."""


def approach_temperature(*, ambient: Kelvin, approach: Kelvin, load_fraction: Ratio = 1.0) -> Kelvin:
    """Coldest fluid that a tower (ambient: wet bulb) or a dry cooler (ambient: dry bulb) makes at full fan speed.

    `approach` is that at full load; it shrinks with the heat, as the exchangers keep their size.
    Source: ASHRAE Handbook HVAC Systems and Equipment 2020, chapter 40, definition of approach; constant effectiveness
    of an exchanger at constant flows.
    """
    return ambient + approach * load_fraction


def mechanical_share(*, available: Kelvin, supply_temperature: Kelvin, coolant_rise: Kelvin) -> Ratio:
    """Share of a loop's heat that a chiller must take when the outside brings its fluid down to `available` only.

    The outside takes what lies between the return and `available`: all below the set point, nothing
    above the return. Source: energy balance of an integrated (series) economizer.
    """
    xp = namespace(available, supply_temperature, coolant_rise)
    missing = (available - supply_temperature) / coolant_rise
    return xp.clip(missing, 0.0, 1.0)


def adiabatic_temperature(*, dry_bulb: Kelvin, wet_bulb: Kelvin, effectiveness: Ratio) -> Kelvin:
    """Air after a direct evaporative pad at full wetting.

    Source: ASHRAE Handbook HVAC Systems and Equipment 2020, chapter 41, saturation effectiveness.
    """
    return dry_bulb - effectiveness * (dry_bulb - wet_bulb)


def adiabatic_water(
    *,
    temperature_drop: Kelvin,
    coolant_rise: Kelvin,
    bleed: Ratio,
    heat_capacity: JoulesPerKilogramKelvin = 1006.0,
    latent_heat: JoulesPerKilogram = 2.43e6,
    density: KilogramsPerCubicMeter = 997.0,
) -> CubicMetersPerJoule:
    """Water that wets the air stream of one joule of IT heat, bleed included.

    The air that carries a joule over `coolant_rise` is cooled by `temperature_drop` at constant
    enthalpy. Source: energy balance of a direct evaporative cooler; properties of air and water at 25 degC.
    """
    air = 1.0 / (heat_capacity * coolant_rise)
    return air * heat_capacity * temperature_drop * (1.0 + bleed) / (latent_heat * density)


def saturated_humidity(*, temperature: Kelvin, kelvin: Kelvin = 1.0) -> Ratio:
    """Mass of vapor per mass of dry air of saturated air at sea level.

    Source: Alduchov and Eskridge 1996 (Magnus form); ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 20.
    """
    xp = namespace(temperature)
    pole = (ZERO_CELSIUS - 243.04) * kelvin
    # exp(17.625 t / (t + 243.04)) with the quotient as one minus a pole: fewer passes over a year
    pressure_over_vapor = PRESSURE_AT_POLE * xp.exp(17.625 * 243.04 * kelvin / (temperature - pole))
    return 0.621945 / (pressure_over_vapor - 1.0)


def evaporated_share(
    *,
    exhaust: Kelvin,
    dry_bulb: Kelvin,
    dew_point: Kelvin,
    latent_heat: JoulesPerKilogram = 2.43e6,
    heat_capacity: JoulesPerKilogramKelvin = 1006.0,
    kelvin: Kelvin = 1.0,
) -> Ratio:
    """Share of a tower's heat that leaves as vapor: less in cold air, which is warmed; above one in hot and dry air.

    Source: energy balance of the air, which leaves a tower saturated (ASHRAE Handbook HVAC Systems and Equipment 2020,
    chapter 40).
    """
    leaving = saturated_humidity(temperature=exhaust, kelvin=kelvin)
    latent = latent_heat * (leaving - saturated_humidity(temperature=dew_point, kelvin=kelvin))
    return latent / (latent + heat_capacity * (exhaust - dry_bulb))


def tower_water(
    *,
    rejected: Ratio,
    latent_share: Ratio,
    cycles: Ratio,
    latent_heat: JoulesPerKilogram = 2.43e6,
    density: KilogramsPerCubicMeter = 997.0,
) -> CubicMetersPerJoule:
    """Make-up water of a tower that rejects `rejected` joules per joule of IT heat: evaporation and blowdown.

    Drift is a part of what leaves as blowdown at these cycles of concentration.
    Source: ASHRAE Handbook HVAC Systems and Equipment 2020, chapter 40, blowdown = evaporation / (cycles - 1).
    """
    evaporation = latent_share * rejected / (latent_heat * density)
    return evaporation * (1.0 + 1.0 / (cycles - 1.0))


def fan_speed(*, approach: Kelvin, available_approach: Kelvin, slowest: Ratio) -> Ratio:
    """Speed at which fans bring the fluid just to its set point, as a share of full speed.

    The approach grows as the air flow falls, so in cold weather slow fans are enough.
    Source: fan affinity laws (flow proportional to speed), approach inversely proportional to flow.
    """
    xp = namespace(approach, available_approach, slowest)
    wanted = approach / xp.maximum(available_approach, approach)
    return xp.maximum(wanted, slowest)
