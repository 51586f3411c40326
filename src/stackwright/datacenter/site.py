"""A site: what building, water and waiting for the grid cost there.

Where it is, its weather and its market are words and links of its record; the arrays come from
`stackwright.catalog.series`.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import DollarsPerCubicMeter, DollarsPerWatt, KilogramsCO2PerJoule, PerYear, Seconds


@spec
class Site:
    """Numbers of one site."""

    building_cost: DollarsPerWatt
    """Shell and plant per watt of IT, as published for the region; sets the region factor."""
    water_price: DollarsPerCubicMeter
    """Delivered, with sewer charges for what is blown down."""
    grid_outages: PerYear
    """Times a year that the connection has no power."""
    grid_outage_time: Seconds
    """Mean length of these outages."""
    interconnection_time: Seconds | None = None
    """From request to energized for a large load; absent where nothing is published."""
    mean_carbon: KilogramsCO2PerJoule | None = None
    """Of the grid by the year; stands in where no hourly series is at hand."""
