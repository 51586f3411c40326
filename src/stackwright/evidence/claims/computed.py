"""What the engine makes of a claim: a range, ranges under narrower conditions, and what speaks of its attribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np

from stackwright.codesign.uncertainty import NORMAL_95
from stackwright.core.records import Datum

DRAWS = 2048
"""Draws of a formula's numbers."""
SEED = 6
"""One seed for all claims: the same claim gives the same bytes."""


@dataclass(frozen=True)
class Interval:
    """A number with its range, in SI units."""

    low: float
    value: float
    high: float

    @property
    def width(self) -> float:
        """From the low end to the high one."""
        return self.high - self.low

    def meets(self, other: Interval) -> bool:
        """Whether two ranges share a number. Source: definition."""
        return self.low <= other.high and other.low <= self.high

    def apart(self, other: Interval) -> float:
        """How far two ranges lie apart; zero where they meet. Source: definition."""
        return max(0.0, other.low - self.high, self.low - other.high)

    def at(self, standard: np.ndarray) -> np.ndarray:
        """The number at standard normals, its ends being the 5th and 95th percentile.

        Source: two-piece lognormal by percentiles; where the range reaches zero two-piece normal, cut there.
        """
        above = standard > 0.0
        if self.low > 0.0:
            spread = np.where(above, math.log(self.high / self.value), math.log(self.value / self.low))
            return self.value * np.exp(spread * standard / NORMAL_95)
        spread = np.where(above, self.high - self.value, self.value - self.low)
        made = self.value + spread * standard / NORMAL_95
        return np.maximum(made, 0.0) if self.low >= 0.0 else made

    @classmethod
    def of(cls, datum: Datum) -> Interval:
        """The range of a number on record. Source: definition."""
        return cls(datum.low, datum.value, datum.high)

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """A number without a range. Source: definition."""
        return cls(value, value, value)

    @classmethod
    def around(cls, values: Sequence[float], value: float | None = None) -> Interval:
        """The least and the most of some numbers, about one of them or their middle. Source: definition."""
        low, high = min(values), max(values)
        return cls(low, 0.5 * (low + high) if value is None else value, high)


def standard_draws(count: int, numbers: int) -> np.ndarray:
    """Standard normals, one row a number and one column a draw: each row has one of every slice of its range.

    Source: McKay, Beckman and Conover (1979), Technometrics 21, Latin hypercube sampling.
    """
    shuffled = np.random.default_rng(SEED)
    shares = np.array([(shuffled.permutation(count) + 0.5) / count for _ in range(numbers)])
    return np.vectorize(NormalDist().inv_cdf, otypes=[float])(shares)


def percentiles(values: Sequence[float] | np.ndarray, value: float) -> Interval:
    """The 5th and 95th percentile of some draws, around the value without a draw. Source: definition."""
    low, high = (float(one) for one in np.percentile(values, (5.0, 95.0), method="inverted_cdf"))
    return Interval(min(low, value), value, max(high, value))


def over_draws(function: Callable[..., Any], *ranges: Interval) -> Interval:
    """A function of numbers with ranges: at their values, with the 5th and 95th percentile over draws of all.

    The function takes arrays. Numbers are drawn apart. Source: definition.
    """
    count = DRAWS if any(one.width > 0.0 for one in ranges) else 1
    drawn = [one.at(normal) for one, normal in zip(ranges, standard_draws(count, len(ranges)), strict=True)]
    made = np.broadcast_to(function(*drawn), (count,))
    return percentiles(made, float(function(*(one.value for one in ranges))))


@dataclass(frozen=True)
class Finding:
    """A computed fact that speaks for or against what a claim lays its figure to; None leaves it open."""

    supports: bool | None
    why: str

    @classmethod
    def either(cls, holds: bool, yes: str, no: str) -> Finding:
        """A finding in the words for what was found. Source: definition."""
        return cls(holds, yes if holds else no)


LINEAR, LOG = "linear", "log"


@dataclass(frozen=True)
class Lines:
    """A picture of lines over one axis, in the units that its titles name."""

    x: Sequence[float]
    lines: Mapping[str, Sequence[float | None]]
    """Values by name, None where there is nothing."""
    x_title: str
    y_title: str
    x_scale: str = LINEAR
    y_scale: str = LINEAR
    stated: float | None = None
    """Where the stated figure lies across."""
    steps: bool = False
    """Whether a value holds until the next one, in place of a straight line between them."""

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        return asdict(self)


@dataclass(frozen=True)
class Bars:
    """A picture of numbers side by side, some of them with ranges, in the unit that its title names."""

    title: str
    rows: Sequence[Mapping[str, Any]]
    """`label`, `value`, and where there is a range `low` and `high`; `mark` is a second number beside the first."""
    scale: str = LINEAR
    stated: float | None = None
    """Where the stated figure lies across."""
    mark: str = ""
    """What the second number is."""

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        return asdict(self)


def bar(label: str, one: Interval, factor: float = 1.0) -> dict[str, Any]:
    """A row of a picture of bars, in a unit of so many SI units. Source: definition."""
    return {"label": label, "value": one.value / factor, "low": one.low / factor, "high": one.high / factor}


@dataclass(frozen=True)
class Computed:
    """A claim's quantity as the engine has it."""

    whole: Interval | None
    """With everything free that the claim leaves open; None where only the findings count."""
    why: str
    """What the numbers say, in a sentence or two."""
    under: Mapping[str, Interval] = field(default_factory=dict)
    """The same under conditions that the claim does not state, by their words."""
    findings: Sequence[Finding] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    """A table beside the figure: plain numbers in the units that its keys name; None where there is no design."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """More tables, by their titles."""
    curve: Lines | None = None
    bars: Bars | None = None
    used: Iterable[str] = ()
    """Keys of the sources behind the numbers."""
