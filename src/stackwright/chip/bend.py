"""What a kernel's form leaves over: a factor that bends smoothly with the sizes.

Forms are sums and minima of a few limits; kernels differ from them by some per cent, and by the same in
neighboring sizes. The logarithm of the rest is a quadratic in the logarithms of the sizes, shrunk to zero in
the fit, and constant beyond the sizes that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio


class Axis(NamedTuple):
    """A size that bends a kernel's time, and the range in which it does."""

    name: str
    low: float
    high: float


def place(*, size: Count, low: Count, high: Count) -> Ratio:
    """Where a size lies in a range on a logarithmic scale: -1 at its low end or below, 1 at its high end or above.

    Source: definition.
    """
    xp = namespace(size, low, high)
    return 2.0 * xp.log(xp.clip(size, low, high) / low) / xp.log(high / low) - 1.0


@cache
def bend_of(axes: tuple[Axis, ...]) -> type[Any]:
    """The spec of a bend over axes: a factor for each axis, its square, and each pair; one bends nothing.

    Source: definition.
    """
    names = [axis.name for axis in axes]
    terms = names + [f"{one}_{other}" for index, one in enumerate(names) for other in names[index:]]
    made = type("Bend", (), {"__annotations__": dict.fromkeys(terms, Ratio), "__doc__": "Factors of a bend."})
    return spec(made)


def bent(factors: Any, axes: Sequence[Axis], sizes: Sequence[Any]) -> Any:
    """Factor on a kernel's time at these sizes, one for each axis.

    Each of the `factors` is raised to its axis' `place`, to that place's square, or to the product of two.
    Source: definition (second-order response surface on logarithms).
    """
    places = [place(size=size, low=axis.low, high=axis.high) for axis, size in zip(axes, sizes, strict=True)]
    terms = places + [one * other for index, one in enumerate(places) for other in places[index:]]
    values = [getattr(factors, item.name) for item in fields(factors)]
    xp = namespace(*terms, *values)
    return xp.exp(sum(xp.log(value) * term for value, term in zip(values, terms, strict=True)))
