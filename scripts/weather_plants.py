"""Hourly output over capacity of one wind and one solar plant from a year of weather."""

from __future__ import annotations

import numpy as np

WIND_SPEEDS = np.array([3.0, 3.25, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5, 9.75, 25, 25.01, 60])
WIND_POWERS = np.array(
    [0, 94, 132, 225, 344, 494, 676, 895, 1153, 1455, 1802, 2200, 2650, 3156, 3722, 4000, 4000, 0, 0], dtype=float
)
"""m/s to kW. Source: NREL turbine-models, 2020ATB_NREL_Reference_4MW_150."""
WIND_LOSSES = 0.15
"""Wakes, availability, wiring. Source: NREL ATB 2024, land-based wind, losses of about 15 %."""
SEA_LEVEL_DENSITY = 1.225

SOLAR_LOSSES = 0.14
INVERTER_EFFICIENCY = 0.96
TEMPERATURE_COEFFICIENT = -0.0035
"""Per kelvin above 25 degC. These three: Source: Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014)."""
ARRAY_OVER_INVERTER = 1.34
"""Source: NREL ATB 2024, utility-scale photovoltaics, single-axis tracking."""
STEEPEST = np.radians(60.0)
ALBEDO = 0.2
HEAT_OF_SUN = 0.03
"""Kelvin that a cell is warmer than the air per W/m2. Source: nominal operating cell temperature of 45 degC."""


def wind_output(*, speed: np.ndarray, temperature: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Net output over capacity from the speed at hub height (m/s), kelvin and pascals.

    Thinner air counts as slower wind. Source: IEC 61400-12-1, density normalization.
    """
    density = pressure / (287.05 * temperature)
    equal = speed * (density / SEA_LEVEL_DENSITY) ** (1 / 3)
    return (1.0 - WIND_LOSSES) * np.interp(equal, WIND_SPEEDS, WIND_POWERS) / WIND_POWERS.max()


def sun(*, latitude: float, longitude: float, utc_offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions to the sun in the middle of each hour of standard time: east, north, up [3, 8760]; and its height.

    Source: Duffie and Beckman, Solar Engineering of Thermal Processes, chapter 1 (declination, equation of time).
    """
    hour = np.arange(8760) + 0.5
    turn = 2.0 * np.pi * (hour / 24.0 - 81.0) / 364.0
    equation_of_time = (9.87 * np.sin(2 * turn) - 7.53 * np.cos(turn) - 1.5 * np.sin(turn)) / 60.0
    solar_time = hour % 24.0 + (longitude - 15.0 * utc_offset) / 15.0 + equation_of_time
    angle = np.radians(15.0 * (solar_time - 12.0))
    declination = np.radians(23.45) * np.sin(turn)
    phi = np.radians(latitude)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    east = -np.cos(declination) * np.sin(angle)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(angle)
    return np.stack([east, north, up]), up


def solar_output(
    *,
    horizontal: np.ndarray,
    direct: np.ndarray,
    diffuse: np.ndarray,
    temperature: np.ndarray,
    latitude: float,
    longitude: float,
    utc_offset: float,
) -> np.ndarray:
    """Net output over inverter capacity of panels that follow the sun about a north-south axis; W/m2, kelvin.

    Source: Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014).
    """
    (east, _, up), height = sun(latitude=latitude, longitude=longitude, utc_offset=utc_offset)
    tilt = np.clip(np.arctan2(east, up), -STEEPEST, STEEPEST)
    facing = np.where(height > 0.0, np.maximum(east * np.sin(tilt) + up * np.cos(tilt), 0.0), 0.0)
    sky = 0.5 * (1.0 + np.cos(tilt))
    on_panel = direct * facing + diffuse * sky + ALBEDO * horizontal * (1.0 - sky)
    warmth = temperature + HEAT_OF_SUN * on_panel - 298.15
    array = ARRAY_OVER_INVERTER * on_panel / 1000.0 * (1.0 + TEMPERATURE_COEFFICIENT * warmth) * (1.0 - SOLAR_LOSSES)
    return np.clip(INVERTER_EFFICIENCY * array, 0.0, 1.0)
