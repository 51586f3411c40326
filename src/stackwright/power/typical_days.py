"""Days that stand for a year: a dispatch problem of 8,760 hours told by a few of its days.

Days are chosen, not averaged, so that within a day wind, sun, load and price keep going together. Which days are
alike, and how many each one stands for, is asked of what sizes plants: the load that wind and sun leave. As that
depends on the sizes, a few days are solved first, and their sizes choose the next ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stackwright.core.units import Array, Count
from stackwright.power.dispatch import by_hour, linear_optimum, solve
from stackwright.power.supply import Dispatch, Generator, Supply

FIRST_DAYS = 12
"""Days of the solutions whose sizes choose days; two of them come before the last."""
SWAPS = 3
"""Rounds of exchanging a chosen day for a better one, at most."""
SCARCE = 4.0
"""How much more than the mildest day the scarcest day counts when days are chosen."""
SIZES = (1.0, 0.8, 1.25)
"""Sizes of each weather-driven plant, over those found, at which the chosen days have to leave as much load."""
LEVELS = 12
"""Levels of what is left, above which the days have to have as much energy as the year."""
PRICE_SCALE = 0.1
"""Weight of a standard deviation of the price beside a mean load, in what makes days alike; chosen by trial."""
SERIES_SCALE = 0.3
"""The same of availabilities and of other series over the mean load."""
KEEP = 0.02
"""Weight of how far a day's count moves from the days that are nearest to it; small beside what is matched."""
LEAST_COUNT = 0.5
SAME = 1e-12
"""Squared distance over the largest square up to which rows differ by rounding alone."""


@dataclass(frozen=True)
class TypicalDays:
    """Which day of a problem stands for each day of the year."""

    days: Array
    """[D] days of the year that were chosen, in order."""
    of_day: Array
    """[days of the year] place in `days` of the one that is most alike."""
    counts: Count
    """[D] days that each one stands for in sums of the year."""
    hours: int
    """Of a day."""

    def chosen(self, series: Array) -> Array:
        """Hours [D * hours] of the chosen days of a series [H]. Source: definition."""
        return series.reshape(-1, self.hours)[self.days].ravel()

    def spread(self, series: Array) -> Array:
        """Hours [H] of the year, of a series [D * hours] of the chosen days. Source: definition."""
        return series.reshape(-1, self.hours)[self.of_day].ravel()

    @property
    def shares(self) -> Array:
        """What a day's count is over the days that are most alike it, by hour [D * hours]. Source: definition."""
        alike = np.bincount(self.of_day, minlength=len(self.days))
        return np.repeat(self.counts / alike, self.hours)


def distances(*, profiles: Array) -> Array:
    """Squared distance [D, D] of every two rows of profiles [D, F]. Source: definition."""
    squares = (profiles**2).sum(axis=1)
    found = squares[:, None] + squares[None, :] - 2.0 * profiles @ profiles.T
    return np.where(found > SAME * squares.max(), found, 0.0)


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


def typical(problem: Supply, days: int = 24, extreme: int = 1) -> tuple[Supply, TypicalDays]:
    """The problem on typical days, and which they are.

    `days` are chosen in all, `extreme` of them as the days with the highest load after wind and sun. How many days
    each stands for makes them have the energy above every level that the year has; what the counts leave of a
    series' mean, a factor or (prices) a shift makes up.
    Source: Kotzur, Markewitz, Robinius, Stolten, Impact of different time series aggregation methods on optimal
    energy system design, Renewable Energy 117 (2018); counts by duration curves: Poncelet, Hoeschle, Delarue, Virag,
    D'haeseleer, Selecting representative days, IEEE Trans. Power Systems 32 (2017).
    """
    if days >= problem.days:
        each = np.arange(problem.days)
        hours = len(problem.load) // problem.days
        return problem, TypicalDays(each, each, np.ones(problem.days), hours)
    sized = problem.generators or problem.stores
    steps = [min(FIRST_DAYS, days)] * 2 if sized else []
    found: Dispatch | None = None
    for count in steps:
        found = solve(_told(problem, _choice(problem, found, count, extreme)))
    mapping = _choice(problem, found, days, extreme)
    return _told(problem, mapping), mapping


def _by_day(series: Array, problem: Supply) -> Array:
    return by_hour(series, len(problem.load)).reshape(problem.days, -1)


def _weather(problem: Supply) -> list[Generator]:
    return [plant for plant in problem.generators if np.ndim(plant.availability) == 1]


def _left(problem: Supply, sizes: dict[str, float]) -> Array:
    """Load [days, hours] over its mean that weather-driven plants of given sizes leave.

    Megawatts that the connection lacks against its best hour count as load.
    """
    meter = problem.connection
    left = problem.load - problem.onsite
    if np.ndim(meter.most) == 1 and np.isfinite(meter.most).all():
        left = left + (meter.most.max() - meter.most)
    for plant in _weather(problem):
        left = left - sizes[plant.name] * plant.availability
    return _by_day(left, problem) / problem.load.mean()


def _choice(problem: Supply, found: Dispatch | None, days: int, extreme: int) -> TypicalDays:
    """Days chosen by what plants of the sizes found leave of the load."""
    weather = _weather(problem)
    mean = problem.load.mean()
    if found is None:  # as if each served the load
        sizes = {plant.name: min(plant.most, mean / len(weather) / plant.availability.mean()) for plant in weather}
    else:
        sizes = {plant.name: found.capacity[plant.name] for plant in weather}
    left = _left(problem, sizes)
    distance = distances(profiles=_profiles(problem, left))
    scarcity = left.mean(axis=1)
    rank = scarcity.argsort().argsort() / (problem.days - 1.0)
    tightest = [int(left.max(axis=1).argmax()), *(-scarcity).argsort()]
    apart = np.array(list(dict.fromkeys(tightest))[:extreme], dtype=int)
    rest = np.setdiff1d(np.arange(problem.days), apart)
    importance = 1.0 + SCARCE * rank**3
    among = distance[np.ix_(rest, rest)] * importance[rest]
    middle = rest[medoids(distance=among, count=days - len(apart))]
    of_day = np.empty(problem.days, dtype=int)
    of_day[rest] = middle[distance[np.ix_(rest, middle)].argmin(axis=1)]
    of_day[apart] = apart
    picked, of_day, alike = np.unique(of_day, return_inverse=True, return_counts=True)
    counts = matched_counts(features=_features(problem, sizes), days=picked, alike=alike.astype(float))
    return TypicalDays(picked, of_day, counts, left.shape[1])


def _spread(price: Array) -> float:
    """Standard deviation of a price; its size, where it is one price but for rounding."""
    size = float(np.abs(price).max()) or 1.0
    spread = float(np.std(price))
    return spread if spread > SAME * size else size


def _profiles(problem: Supply, left: Array) -> Array:
    """What makes days alike [days, F]."""
    meter, mean = problem.connection, problem.load.mean()
    parts = [left, SERIES_SCALE * _by_day(problem.load, problem) / mean]
    parts += [SERIES_SCALE * _by_day(plant.availability, problem) for plant in _weather(problem)]
    parts += [SERIES_SCALE * _by_day(part, problem) / mean for part in (problem.delivered, problem.attributes)]
    parts.append(PRICE_SCALE * _by_day(meter.price, problem) / _spread(meter.price))
    return np.concatenate(parts, axis=1)


def _features(problem: Supply, sizes: dict[str, float]) -> Array:
    """What the chosen days have to share with the year [F, days]: means, and what is left above levels."""
    price = _by_day(problem.connection.price, problem)
    spread = _spread(price)
    costly = np.maximum(price, 0.0) / max(float(np.abs(price).mean()), 1e-300)
    found = [5.0 * _by_day(plant.availability, problem).mean(axis=1) for plant in _weather(problem)]
    found.append(2.0 * price.mean(axis=1) / spread)
    found += [np.maximum(price - level, 0.0).mean(axis=1) / spread for level in np.quantile(price, (0.5, 0.9, 0.98))]
    scaled = [{name: factor} for name in sizes for factor in SIZES[1:]]
    for factors in ({}, *scaled):
        left = _left(problem, {name: size * factors.get(name, 1.0) for name, size in sizes.items()})
        for level in np.quantile(left, np.linspace(0.05, 0.98, LEVELS)):
            above = np.maximum(left - level, 0.0)
            found += [above.mean(axis=1), SERIES_SCALE * (above * costly).mean(axis=1)]
        mean = left.mean(axis=1)
        found += [np.maximum(mean - level, 0.0) for level in np.quantile(mean, np.linspace(0.05, 0.97, LEVELS))]
    return np.array(found)


def matched_counts(*, features: Array, days: Array, alike: Count) -> Count:
    """How many days each chosen day [D] stands for, so that features [F, days] of the year sum to the same.

    Least absolute difference; `alike` [D] are the days that are nearest to each, which the counts keep near.
    Source: Poncelet et al. (2017), with absolute differences of energies above levels.
    """
    kinds, count = len(features), len(days)
    matrix = np.zeros((kinds + count + 1, 3 * count + 2 * kinds))
    matrix[:kinds, :count] = features[:, days]
    matrix[:kinds, count : count + kinds] = np.eye(kinds)
    matrix[:kinds, count + kinds : count + 2 * kinds] = -np.eye(kinds)
    matrix[kinds:-1, :count] = matrix[kinds:-1, -2 * count : -count] = np.eye(count)
    matrix[kinds:-1, -count:] = -np.eye(count)
    matrix[-1, :count] = 1.0
    given = np.r_[features.sum(axis=1), alike, alike.sum()]
    least = np.zeros(matrix.shape[1])
    least[:count] = np.minimum(alike, LEAST_COUNT)
    cost = np.r_[np.zeros(count), np.ones(2 * kinds), np.full(2 * count, KEEP)]
    return linear_optimum(cost=cost, least=least, matrix=matrix, given=given)[:count]


def _told(problem: Supply, mapping: TypicalDays) -> Supply:
    """The problem on the chosen days."""
    weights = np.repeat(mapping.counts, mapping.hours) * problem.weights.sum() / (problem.days * mapping.hours)

    def scaled(series: Array, most: float = np.inf) -> Array:
        if np.ndim(series) == 0:
            return series
        part = mapping.chosen(series)
        for _ in range(3):  # what a bound cuts off, the other hours take
            missing = series.mean() * weights.sum() - (part * weights).sum()
            room = (part * weights)[part < most].sum()
            if room > 0.0:
                part = np.minimum(part * (1.0 + missing / room), most)
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
