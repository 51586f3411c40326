"""Days that stand for a year: a dispatch problem of 8,760 hours told by a few of its days.

Days are chosen, not averaged, so that within a day wind, sun, load and price keep going together. Extreme days,
which size plants, stand for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stackwright.core.units import Array, Count
from stackwright.power.supply import Supply

SWAPS = 50
"""Rounds of exchanging a chosen day for a better one, at most; a handful is needed."""


@dataclass(frozen=True)
class TypicalDays:
    """Which day of the problem stands for each day of the year."""

    days: Array
    """[D] days of the year that were chosen, in order."""
    of_day: Array
    """[365] place in `days` of the one that stands for each day."""
    hours: int
    """Of a day."""

    @property
    def weights(self) -> Count:
        """[D] days that each one stands for. Source: definition."""
        return np.bincount(self.of_day, minlength=len(self.days)).astype(float)

    def chosen(self, series: Array) -> Array:
        """Hours [..., D * hours] of the chosen days of a series [..., H]. Source: definition."""
        shape = (*series.shape[:-1], -1, self.hours)
        return series.reshape(shape)[..., self.days, :].reshape(*series.shape[:-1], -1)

    def spread(self, series: Array) -> Array:
        """Hours [..., H] of the year, of a series [..., D * hours] of the chosen days. Source: definition."""
        shape = (*series.shape[:-1], -1, self.hours)
        return series.reshape(shape)[..., self.of_day, :].reshape(*series.shape[:-1], -1)

    def summed(self, series: Array) -> Array:
        """Sums [..., D * hours] over the days that each one stands for, of a series [..., H]. Source: definition."""
        days = series.reshape(*series.shape[:-1], -1, self.hours)
        total = np.zeros((*series.shape[:-1], len(self.days), self.hours))
        np.add.at(np.moveaxis(total, -2, 0), self.of_day, np.moveaxis(days, -2, 0))
        return total.reshape(*series.shape[:-1], -1)


def distances(*, profiles: Array) -> Array:
    """Squared distance [D, D] of every two rows of profiles [D, F]. Source: definition."""
    squares = (profiles**2).sum(axis=1)
    return np.maximum(squares[:, None] + squares[None, :] - 2.0 * profiles @ profiles.T, 0.0)


def medoids(*, distance: Array, count: int) -> Array:
    """Rows [K] of a distance matrix [D, D] whose nearest-row distances sum to the least, by greedy choice and swaps.

    Source: Kaufman, Rousseeuw, Finding Groups in Data (1990), chapter 2 (PAM, build and swap).
    """
    chosen = [int(distance.sum(axis=0).argmin())]
    nearest = distance[chosen[0]].copy()
    while len(chosen) < count:
        gain = np.maximum(nearest[None, :] - distance, 0.0).sum(axis=1)
        gain[chosen] = -1.0
        chosen.append(int(gain.argmax()))
        nearest = np.minimum(nearest, distance[chosen[-1]])
    for _ in range(SWAPS):
        best, change = nearest.sum() * (1.0 - 1e-9), None
        for place in range(count):
            others = chosen[:place] + chosen[place + 1 :]
            without = distance[others].min(axis=0) if others else np.full(len(distance), np.inf)
            total = np.minimum(without[None, :], distance).sum(axis=1)
            total[others] = np.inf
            if total.min() < best:
                best, change = float(total.min()), (place, int(total.argmin()))
        if change is None:
            break
        chosen[change[0]] = change[1]
        nearest = distance[chosen].min(axis=0)
    return np.array(sorted(chosen))


def typical(problem: Supply, days: int = 24, extreme: int = 3) -> tuple[Supply, TypicalDays]:
    """The problem on typical days, and which they are.

    `days` are chosen in all, `extreme` of them at most as the days that size plants: least wind and sun, highest
    load, least connection. The mean of each series is that of the year: prices are shifted, others are scaled.
    Source: Kotzur, Markewitz, Robinius, Stolten, Impact of different time series aggregation methods on optimal
    energy system design, Renewable Energy 117 (2018).
    """
    hours = len(problem.load) // problem.days
    if days >= problem.days:
        return problem, TypicalDays(np.arange(problem.days), np.arange(problem.days), hours)
    profiles = _profiles(problem, hours)
    distance = distances(profiles=profiles)
    apart = _extremes(problem, hours)[:extreme]
    rest = np.setdiff1d(np.arange(problem.days), apart)
    middle = rest[medoids(distance=distance[np.ix_(rest, rest)], count=days - len(apart))]
    picked = np.sort(np.r_[middle, apart].astype(int))
    of_day = np.empty(problem.days, dtype=int)
    of_day[rest] = middle[distance[np.ix_(rest, middle)].argmin(axis=1)]
    of_day[apart] = apart
    mapping = TypicalDays(days=picked, of_day=np.searchsorted(picked, of_day), hours=hours)
    return _told(problem, mapping, np.isin(picked, apart)), mapping


def _series(problem: Supply) -> list[tuple[Array, float]]:
    """Hourly series of a problem that vary, with the scale on which a difference counts as one."""
    found = [(problem.load, float(problem.load.mean()))]
    found += [(plant.availability, 1.0) for plant in problem.generators]
    spread = float(np.std(problem.connection.price))
    found += [(problem.connection.price, spread)]
    found += [(part, float(problem.load.mean())) for part in (problem.delivered, problem.onsite, problem.attributes)]
    most = np.minimum(problem.connection.most, problem.load.max())
    found += [(most, float(problem.load.mean())), (problem.connection.clean_share, 1.0)]
    found += [(problem.connection.carbon, max(float(np.mean(problem.connection.carbon)), 1e-12))]
    return [(part, scale) for part, scale in found if np.ndim(part) == 1 and np.ptp(part) > 0.0]


def _profiles(problem: Supply, hours: int) -> Array:
    """What makes days alike [days, F]."""
    parts = [np.reshape(part, (problem.days, hours)) / scale for part, scale in _series(problem)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((problem.days, 1))


def _extremes(problem: Supply, hours: int) -> Array:
    """Days that size plants, the most telling first."""
    load = problem.load.reshape(problem.days, hours)
    scarce = -load.mean(axis=1) / load.mean()
    weather = [plant.availability for plant in problem.generators if np.ndim(plant.availability) == 1]
    for part in weather:
        scarce = scarce + np.reshape(part, (problem.days, hours)).mean(axis=1) / part.mean()
    found = [int(scarce.argmin())] if weather else []
    found.append(int(load.max(axis=1).argmax()))
    if np.ndim(problem.connection.most) == 1:
        found.append(int(np.reshape(problem.connection.most, (problem.days, hours)).mean(axis=1).argmin()))
    if np.ndim(problem.connection.price) == 1:
        found.append(int(np.reshape(problem.connection.price, (problem.days, hours)).mean(axis=1).argmax()))
    return np.array(list(dict.fromkeys(found)))


def _told(problem: Supply, mapping: TypicalDays, extreme: Array) -> Supply:
    """The problem on the chosen days."""
    weights = np.repeat(mapping.weights, mapping.hours) * problem.weights.sum() / (problem.days * mapping.hours)
    free = np.repeat(~extreme, mapping.hours)

    def scaled(series: Array, most: float = np.inf) -> Array:
        if np.ndim(series) == 0:
            return series
        part = mapping.chosen(series)
        for _ in range(3):  # what a bound cuts off, the other hours take
            missing = series.mean() * weights.sum() - (part * weights).sum()
            room = (part * weights)[free & (part < most)].sum()
            if room > 0.0:
                part = np.where(free, np.minimum(part * (1.0 + missing / room), most), part)
        return part

    def shifted(series: Array) -> Array:
        if np.ndim(series) == 0:
            return series
        part = mapping.chosen(series)
        return part + (series.mean() - (part * weights).sum() / weights.sum())

    def only(series: Array) -> Array:
        return series if np.ndim(series) == 0 else mapping.chosen(series)

    meter, water, flexible = problem.connection, problem.water, problem.flexible
    if flexible is not None:
        flexible = replace(flexible, movable=only(flexible.movable), pausable=only(flexible.pausable))
    return replace(
        problem,
        load=scaled(problem.load),
        weights=weights,
        days=len(mapping.days),
        connection=replace(
            meter,
            most=only(meter.most),
            price=shifted(meter.price),
            carbon=scaled(meter.carbon),
            clean_share=scaled(meter.clean_share, 1.0),
        ),
        generators=tuple(replace(plant, availability=scaled(plant.availability, 1.0)) for plant in problem.generators),
        delivered=scaled(problem.delivered),
        onsite=scaled(problem.onsite),
        attributes=scaled(problem.attributes),
        flexible=flexible,
        water=None if water is None else replace(water, spared=scaled(water.spared), water=scaled(water.water)),
        whole_year=False,
    )
