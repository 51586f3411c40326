"""The shape of demand over the hours of a year.

Public traces cover an hour; how a day, a week and a year go on is an assumption with a range, and
so it is a record that can be replaced.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Array, Count, Ratio

HOURS_PER_DAY = 24.0
DAYS_PER_WEEK = 7.0
DAYS_PER_YEAR = 365.0


def hourly_load(
    *,
    hour: Count,
    daily_swing: Ratio,
    peak_hour: Count,
    weekend_drop: Ratio,
    yearly_swing: Ratio,
    first_weekend_day: Count,
) -> Ratio:
    """Demand of each hour over the mean hour: [H].

    One cosine over the day about its peak hour, a lower level on two days of the week, and one
    cosine over the year with its peak in mid-winter; scaled to a mean of one.
    Source: definition (lowest useful harmonics of a diurnal, weekly and yearly load).
    """
    xp = namespace(hour, daily_swing)
    turn = 6.283185307179586
    day = 1.0 + daily_swing * xp.cos(turn * (hour - peak_hour) / HOURS_PER_DAY)
    weekday = (hour // HOURS_PER_DAY) % DAYS_PER_WEEK
    weekend = (weekday - first_weekend_day) % DAYS_PER_WEEK < 2.0
    week = xp.where(weekend, 1.0 - weekend_drop, 1.0)
    year = 1.0 + yearly_swing * xp.cos(turn * hour / (HOURS_PER_DAY * DAYS_PER_YEAR))
    load = day * week * year
    return load / load.mean(axis=-1, keepdims=True)


@spec
class LoadShape:
    """Named shape of a year; every number carries a range in its record."""

    daily_swing: Ratio
    """Amplitude of the day, over its mean."""
    peak_hour: Count
    weekend_drop: Ratio
    yearly_swing: Ratio
    burst: Ratio
    """Peak minutes over the peak hour's mean: capacity is sized to it."""

    def hourly(self, hours: Array) -> Ratio:
        """Load of each hour over the mean [H]."""
        return hourly_load(
            hour=hours,
            daily_swing=self.daily_swing,
            peak_hour=self.peak_hour,
            weekend_drop=self.weekend_drop,
            yearly_swing=self.yearly_swing,
            first_weekend_day=5.0,
        )
