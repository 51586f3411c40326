"""When the first token comes: dates as distributions, the latest of several, and what waiting costs.

A date is a calendar year with a fraction. Its distribution is a lognormal in the time since some day, with one
spread below the median and one above. Several dates meet on a grid of days [T]; no draws are taken, so the
same study gives the same figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from stackwright.core.units import Array, Count, Ratio
from stackwright.power.interconnection import date_at, date_spread

NORMAL_90 = NormalDist().inv_cdf(0.9)
NORMAL_95 = NormalDist().inv_cdf(0.95)
DAYS_PER_YEAR = 365.0
DAY = 1.0 / DAYS_PER_YEAR
MOST_YEARS = 100.0
"""Of a grid; what comes later than this after the first counts as then."""
TAIL = 1e-4
"""Chance left beyond the grid of days at each end."""
NODES = 4001
"""Quantiles at which dates that move together are compared."""

_WRITTEN = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")


def calendar_year(text: str) -> Count:
    """``2027-03`` (its first day) or ``2027-03-15`` as a calendar year with a fraction; ValueError for others."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(part or 1) for part in match.groups())
    return year + (date(year, month, day) - date(year, 1, 1)).days / _days(year)


def written(time: Count) -> str:
    """A calendar year with a fraction as the day that it falls on. Source: definition."""
    year = int(time)
    days = min(int((time - year) * _days(year) + 1e-6), _days(year) - 1)
    return (date(year, 1, 1) + timedelta(days=days)).isoformat()


def _days(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


@dataclass(frozen=True)
class Uncertain:
    """A date that is not certain: lognormal in the time since a day, spreads below and above the median."""

    since: float
    median: float
    below: float = 0.0
    above: float = 0.0

    def at(self, normal: Array) -> Count:
        """The date at standard normals. Source: two-piece lognormal."""
        spread = np.where(np.asarray(normal) > 0.0, self.above, self.below)
        return date_at(dated=self.since, p50=self.median, spread=spread, normal=normal)

    def quantile(self, share: float) -> float:
        """The date by which it has come with this chance. Source: two-piece lognormal."""
        return float(self.at(NormalDist().inv_cdf(share)))

    def chance(self, times: Array) -> Ratio:
        """Chance that the date has come by each time. Source: two-piece lognormal."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(np.maximum(times - self.since, 0.0) / (self.median - self.since))
            spread = np.where(log > 0.0, self.above, self.below)
            normal = np.where(spread > 0.0, log / spread, np.where(log >= -1e-9, np.inf, -np.inf))
        return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in normal])


def certain(day: Count) -> Uncertain:
    """A date without a doubt. Source: definition."""
    return Uncertain(since=day - 1.0, median=day)


def between(*, dated: Count, p50: Count, p90: Count) -> Uncertain:
    """A date through its 50th and 90th percentile. Source: `power.interconnection.date_spread`."""
    if p90 <= p50:
        return certain(p50)
    spread = float(date_spread(dated=dated, p50=p50, p90=p90))
    return Uncertain(since=dated, median=p50, below=spread, above=spread)


def after(*, start: Count, time: Count, low: Count, high: Count) -> Uncertain:
    """A date that is a start and a duration in years, of which the 5th, 50th and 95th percentile are known.

    Source: two-piece lognormal by percentiles, as draws of a record's number.
    """
    return Uncertain(
        since=start,
        median=start + time,
        below=math.log(time / low) / NORMAL_95,
        above=math.log(high / time) / NORMAL_95,
    )


def days_of(dates: Sequence[Uncertain]) -> Array:
    """A grid of days that holds all of these dates [T], as calendar years. Source: definition."""
    first = min(item.quantile(TAIL) for item in dates)
    last = min(max(item.quantile(1.0 - TAIL) for item in dates), first + MOST_YEARS)
    count = math.ceil((last - first) * DAYS_PER_YEAR) + 4
    return first + (np.arange(count) - 2.0) / DAYS_PER_YEAR


@dataclass(frozen=True)
class Latest:
    """The latest of several dates, each with a name: all are needed."""

    dates: Mapping[str, Uncertain]

    def apart(self, days: Array) -> Ratio:
        """Chance by day [T] that all have come, where they are independent. Source: product rule."""
        return np.prod([item.chance(days) for item in self.dates.values()], axis=0)

    def _chance(self, time: float) -> float:
        return float(self.apart(np.array([time]))[0])

    def together(self, normal: Array) -> Count:
        """The latest at standard normals where all are late together. Source: comonotone dates share their quantile."""
        return np.max([item.at(normal) for item in self.dates.values()], axis=0)

    def quantile_apart(self, share: float) -> float:
        """Day by which all have come with this chance, dates apart. Source: definition."""
        first = max(item.quantile(share) for item in self.dates.values())
        last = first + DAY
        while self._chance(last) < share:
            last = first + 2.0 * (last - first)
        while last - first > DAY / 100.0:
            middle = 0.5 * (first + last)
            first, last = (first, middle) if self._chance(middle) >= share else (middle, last)
        return last

    def quantile_together(self, share: float) -> float:
        """Day by which all have come with this chance, dates together. Source: definition."""
        return float(self.together(np.array([NormalDist().inv_cdf(share)]))[0])

    def binding(self) -> dict[str, Ratio]:
        """How often each date is the latest, dates apart; they sum to one. Source: definition."""
        days = days_of(list(self.dates.values()))
        chances = {name: item.chance(days) for name, item in self.dates.items()}
        found = {}
        for name, own in chances.items():
            others = np.prod([held for other, held in chances.items() if other != name], axis=0) * np.ones_like(own)
            found[name] = float((np.diff(own) * 0.5 * (others[1:] + others[:-1])).sum())
        total = sum(found.values())
        return {name: value / total for name, value in found.items()}


@dataclass(frozen=True)
class Wait:
    """Time in years for which one thing waits for another: mean and percentiles."""

    p50: float
    mean: float
    p90: float


def wait_apart(ready: Uncertain, needed: Latest) -> Wait:
    """How long what is ready waits for what it needs, dates apart.

    The mean is the integral of the chance that one has come and the other has not; percentiles come from the
    distribution of the difference on days. Source: E[max(L - C, 0)] = integral of F_C (1 - F_L).
    """
    days = days_of([ready, *needed.dates.values()])
    come, served = ready.chance(days), needed.apart(days)
    waiting = come * (1.0 - served)
    mean = float((0.5 * (waiting[1:] + waiting[:-1])).sum() * DAY)
    first, last = np.diff(come, prepend=0.0), np.diff(served, prepend=0.0)
    by_days = np.cumsum(_differences(last, first))
    return Wait(p50=_delay(by_days, 0.5), mean=mean, p90=_delay(by_days, 0.9))


def _differences(first: Array, second: Array) -> Array:
    """Chances that the first is some days after the second, from -(T - 1) to T - 1, for chances by day [T]."""
    length = 2 * len(first)
    made = np.fft.irfft(np.fft.rfft(first, length) * np.conj(np.fft.rfft(second, length)), length)
    return np.concatenate([made[len(first) + 1 :], made[: len(first)]])


def _delay(by_days: Array, share: float) -> float:
    index = int(np.searchsorted(by_days, share * by_days[-1]))
    return max(index - len(by_days) // 2, 0) * DAY


def wait_together(ready: Uncertain, needed: Latest) -> Wait:
    """How long what is ready waits for what it needs, all dates late together. Source: comonotone quantiles."""
    normal = np.array([NormalDist().inv_cdf((index + 0.5) / NODES) for index in range(NODES)])
    waits = np.sort(np.maximum(needed.together(normal) - ready.at(normal), 0.0))
    return Wait(p50=float(waits[NODES // 2]), mean=float(waits.mean()), p90=float(waits[math.ceil(0.9 * NODES) - 1]))
