"""How limits of one kernel combine: two resources at once, and memory behind a cache."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Ratio, Seconds

HELD_SHARE = 0.5
"""Share of the last-level cache up to which a repeated kernel finds all its operands there; none at twice that."""


def overlapped(*, first: Seconds, second: Seconds, sharpness: Ratio) -> Seconds:
    """Time of a kernel that needs `first` of one resource and `second` of another, partly at once.

    A p-norm: `sharpness` 1 is one after the other, large values are full overlap. Needs double
    precision, as powers of microseconds leave the range of single precision.
    Source: definition.
    """
    return (first**sharpness + second**sharpness) ** (1.0 / sharpness)


def warm_speedup(*, moved: Bytes, cache: Bytes, gain: Ratio) -> Ratio:
    """How much faster a kernel that is repeated on the same operands moves them than from memory.

    `gain` where all of them stay in the last-level cache, 1 where none does.
    Source: definition; share and gain fitted on measured kernels.
    """
    xp = namespace(moved, cache, gain)
    held = xp.clip(2.0 - moved / (HELD_SHARE * cache), 0.0, 1.0)
    return 1.0 / (1.0 - held * (1.0 - 1.0 / gain))
