"""Intervals of positive numbers: the arithmetic of figures that are known to within a range."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A number with its range; ends of a ratio or product are those of its parts, taken together at their worst."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, low: float | None = None, high: float | None = None) -> Interval:
        """A number whose ends are itself where they are not stated. Source: definition."""
        return cls(value, value if low is None else low, value if high is None else high)

    def __mul__(self, other: Interval | float) -> Interval:
        """Product of positive intervals. Source: interval arithmetic."""
        if isinstance(other, Interval):
            return Interval(self.value * other.value, self.low * other.low, self.high * other.high)
        return Interval(self.value * other, self.low * other, self.high * other)

    def __truediv__(self, other: Interval | float) -> Interval:
        """Ratio of positive intervals. Source: interval arithmetic."""
        if isinstance(other, Interval):
            return Interval(self.value / other.value, self.low / other.high, self.high / other.low)
        return self * (1.0 / other)

    def __add__(self, other: Interval) -> Interval:
        """Sum. Source: interval arithmetic."""
        return Interval(self.value + other.value, self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        """Difference. Source: interval arithmetic."""
        return Interval(self.value - other.value, self.low - other.high, self.high - other.low)

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        return {"value": self.value, "low": self.low, "high": self.high}


def spanning(intervals: Iterable[Interval]) -> Interval:
    """The first one's value within the ends of all. Source: definition."""
    every = list(intervals)
    return Interval(every[0].value, min(one.low for one in every), max(one.high for one in every))
