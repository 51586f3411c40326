"""Matching of load with clean energy, and the carbon and water behind a load: three ways of counting.

*Annual* counts a year's clean energy against a year's load, as certificates of a year do; *hourly* counts only
what is clean in the hour of the load, as certificates of an hour do; *with the grid* adds the clean part of what
the grid delivers in that hour. The grid's part is its whole mix: plants under contract to others count in it too,
as no residual mix by the hour is published.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    CubicMeters,
    CubicMetersPerJoule,
    Joules,
    KilogramsCO2,
    KilogramsCO2PerJoule,
    Ratio,
    Seconds,
    Watts,
)


def served(*, load: Watts, supply: Watts) -> Watts:
    """What a supply covers of the load in its hour. Source: definition."""
    xp = namespace(load, supply)
    return xp.minimum(load, supply)


def annual_clean_share(*, load: Watts, clean: Watts, least: Watts = 1e-9) -> Ratio:
    """Clean energy over load by the year, at most one; [..., hour] to [...].

    `least` keeps the share finite where plants on the site leave nothing to draw.
    Source: GHG Protocol, Scope 2 Guidance (2015), market-based method: certificates of the reporting year.
    """
    xp = namespace(load, clean)
    return xp.minimum(xp.sum(clean, axis=-1) / xp.maximum(xp.sum(load, axis=-1), least), 1.0)


def hourly_clean_share(*, load: Watts, clean: Watts) -> Ratio:
    """Load met by clean energy of its own hour, over the load; [..., hour] to [...].

    Source: Xu, Manocha, Patankar, Jenkins, System-level Impacts of 24/7 Carbon-free Electricity (2021); EnergyTag,
    Granular Certificate Matching Criteria (2024), for contracts alone.
    """
    xp = namespace(load, clean)
    return xp.sum(served(load=load, supply=clean), axis=-1) / xp.sum(load, axis=-1)


def hourly_clean_share_with_grid(*, load: Watts, clean: Watts, grid_clean_share: Ratio) -> Ratio:
    """The same, where what is left draws the grid's clean share of that hour; [..., hour] to [...].

    Source: Google, 24/7 Carbon-Free Energy: Methodologies and Metrics (2021), CFE score.
    """
    xp = namespace(load, clean, grid_clean_share)
    matched = served(load=load, supply=clean)
    return xp.sum(matched + (load - matched) * grid_clean_share, axis=-1) / xp.sum(load, axis=-1)


def source_water(*, site_water: CubicMeters, grid_energy: Joules, water_intensity: CubicMetersPerJoule) -> CubicMeters:
    """Water evaporated on the site and by the plants that feed the grid. Source: The Green Grid, white paper 35,
    Water Usage Effectiveness (2011), WUE source = WUE site + PUE x water of the energy.
    """
    return site_water + grid_energy * water_intensity


def emissions(*, power: Watts, rate: KilogramsCO2PerJoule, step: Seconds = SECONDS_PER_HOUR) -> KilogramsCO2:
    """Emissions of a series of powers; [..., hour] to [...]. Source: definition."""
    xp = namespace(power, rate)
    return xp.sum(power * rate, axis=-1) * step
