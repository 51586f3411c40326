"""What the engine makes of a claim: a range, ranges under narrower conditions, and what speaks of its attribution."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwright.core.records import Datum


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


def over_corners(function: Callable[..., float], *ranges: Interval) -> Interval:
    """A function of numbers with ranges: at their values, with the least and the most over all corners.

    Source: definition; exact where the function is monotonic in each number.
    """
    corners = [function(*ends) for ends in itertools.product(*((one.low, one.high) for one in ranges))]
    value = function(*(one.value for one in ranges))
    return Interval(min([*corners, value]), value, max([*corners, value]))


@dataclass(frozen=True)
class Finding:
    """A computed fact that speaks for or against what a claim lays its figure to; None leaves it open."""

    supports: bool | None
    why: str

    @classmethod
    def either(cls, holds: bool, yes: str, no: str) -> Finding:
        """A finding in the words for what was found. Source: definition."""
        return cls(holds, yes if holds else no)


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
    """A table beside the figure: plain numbers in the units that its keys name."""
    curve: Mapping[str, Any] | None = None
    """`x`, `lines` (name to values, None where there is no design), `x_title`, `y_title`, `stated`."""
    used: Iterable[str] = ()
    """Keys of the sources behind the numbers."""
