"""How two limits of one kernel combine: neither a sum nor a maximum."""

from __future__ import annotations

from stackwright.core.units import Ratio, Seconds


def overlapped(*, first: Seconds, second: Seconds, sharpness: Ratio) -> Seconds:
    """Time of a kernel that needs `first` of one resource and `second` of another, partly at once.

    A p-norm: `sharpness` 1 is one after the other, large values are full overlap. Needs double
    precision, as powers of microseconds leave the range of single precision.
    Source: definition.
    """
    return (first**sharpness + second**sharpness) ** (1.0 / sharpness)
