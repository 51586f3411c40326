"""Moist air: saturation, humidity ratio, dew point and wet bulb, over whole years at once.

Correlations are those of the ASHRAE Handbook. They are stated for a temperature in kelvin and a
pressure in pascals, so each takes those references as arguments and divides by them first.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import ZERO_CELSIUS, Kelvin, Meters, Pascals, Ratio

STANDARD_PRESSURE = 101_325.0
HALVINGS = 26
"""Halvings of a bracket of at most 120 K: the answer is then within 2 microkelvin."""


def saturation_pressure(*, temperature: Kelvin, kelvin: Kelvin = 1.0, pascal: Pascals = 1.0) -> Pascals:
    """Vapor pressure of saturated air, over ice below 0 degC and over water above.

    Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eqs. 5 and 6 (Hyland and Wexler 1983).
    """
    xp = namespace(temperature)
    t = temperature / kelvin
    over_ice = (
        -5.6745359e3 / t
        + 6.3925247
        - 9.677843e-3 * t
        + 6.2215701e-7 * t**2
        + 2.0747825e-9 * t**3
        - 9.484024e-13 * t**4
        + 4.1635019 * xp.log(t)
    )
    over_water = (
        -5.8002206e3 / t
        + 1.3914993
        - 4.8640239e-2 * t
        + 4.1764768e-5 * t**2
        - 1.4452093e-8 * t**3
        + 6.5459673 * xp.log(t)
    )
    return xp.exp(xp.where(t < ZERO_CELSIUS, over_ice, over_water)) * pascal


def humidity_ratio(*, vapor_pressure: Pascals, pressure: Pascals) -> Ratio:
    """Mass of vapor per mass of dry air. Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 20."""
    return 0.621945 * vapor_pressure / (pressure - vapor_pressure)


def vapor_pressure_of_ratio(*, humidity_ratio: Ratio, pressure: Pascals) -> Pascals:
    """Partial pressure of the vapor. Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 20, inverted."""
    return pressure * humidity_ratio / (0.621945 + humidity_ratio)


def vapor_pressure(
    *, dry_bulb: Kelvin, relative_humidity: Ratio, kelvin: Kelvin = 1.0, pascal: Pascals = 1.0
) -> Pascals:
    """Partial pressure of the vapor. Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 22."""
    return relative_humidity * saturation_pressure(temperature=dry_bulb, kelvin=kelvin, pascal=pascal)


def standard_pressure(
    *, elevation: Meters, sea_level: Pascals = STANDARD_PRESSURE, scale_height: Meters = 44_330.77
) -> Pascals:
    """Pressure of the standard atmosphere. Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 3."""
    return sea_level * (1.0 - elevation / scale_height) ** 5.2559


def dew_point(
    *,
    dry_bulb: Kelvin,
    relative_humidity: Ratio,
    coldest: Kelvin = 173.15,
    kelvin: Kelvin = 1.0,
    pascal: Pascals = 1.0,
) -> Kelvin:
    """Temperature at which the air's vapor saturates (frost point below 0 degC).

    Bisection between `coldest` and the dry bulb, as saturation pressure rises with temperature.
    Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eq. 36 (its definition).
    """
    xp = namespace(dry_bulb, relative_humidity)
    wanted = vapor_pressure(dry_bulb=dry_bulb, relative_humidity=relative_humidity, kelvin=kelvin, pascal=pascal)
    low, high = coldest, dry_bulb
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        too_dry = saturation_pressure(temperature=middle, kelvin=kelvin, pascal=pascal) < wanted
        low, high = xp.where(too_dry, middle, low), xp.where(too_dry, high, middle)
    return 0.5 * (low + high)


def humidity_ratio_at_wet_bulb(
    *, dry_bulb: Kelvin, wet_bulb: Kelvin, pressure: Pascals, kelvin: Kelvin = 1.0, pascal: Pascals = 1.0
) -> Ratio:
    """Humidity ratio of air from its dry and wet bulb, the wet bulb being frozen below 0 degC.

    Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eqs. 33 and 35.
    """
    xp = namespace(dry_bulb, wet_bulb, pressure)
    wet, dry = wet_bulb / kelvin - ZERO_CELSIUS, dry_bulb / kelvin - ZERO_CELSIUS
    vapor = saturation_pressure(temperature=wet_bulb, kelvin=kelvin, pascal=pascal)
    saturated = humidity_ratio(vapor_pressure=vapor, pressure=pressure)
    over_water = ((2501.0 - 2.326 * wet) * saturated - 1.006 * (dry - wet)) / (2501.0 + 1.86 * dry - 4.186 * wet)
    over_ice = ((2830.0 - 0.24 * wet) * saturated - 1.006 * (dry - wet)) / (2830.0 + 1.86 * dry - 2.1 * wet)
    return xp.where(wet < 0.0, over_ice, over_water)


def wet_bulb(
    *, dry_bulb: Kelvin, dew_point: Kelvin, pressure: Pascals, kelvin: Kelvin = 1.0, pascal: Pascals = 1.0
) -> Kelvin:
    """Thermodynamic wet bulb temperature.

    Bisection between dew point and dry bulb: the balance jumps where the bulb freezes, and Newton's
    method can cycle there. Source: ASHRAE Handbook Fundamentals 2017, chapter 1, eqs. 33 and 35.
    """
    xp = namespace(dry_bulb, dew_point, pressure)
    vapor = saturation_pressure(temperature=dew_point, kelvin=kelvin, pascal=pascal)
    actual = humidity_ratio(vapor_pressure=vapor, pressure=pressure)
    low, high = xp.minimum(dew_point, dry_bulb), dry_bulb
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        ratio = humidity_ratio_at_wet_bulb(
            dry_bulb=dry_bulb, wet_bulb=middle, pressure=pressure, kelvin=kelvin, pascal=pascal
        )
        too_dry = ratio < actual
        low, high = xp.where(too_dry, middle, low), xp.where(too_dry, high, middle)
    return 0.5 * (low + high)
