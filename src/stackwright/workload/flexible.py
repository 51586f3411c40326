"""Work that can wait: when it is done, so that what the whole demand needs at its busiest is least."""

from __future__ import annotations

from stackwright.core.arrays import namespace, trailing
from stackwright.core.units import Ratio


def filling_level(*, base: Ratio, amount: Ratio) -> Ratio:
    """Level up to which an amount fills what lies over a base: [..., N] and [...] to [...].

    The sum over the last axis of level - base, where positive, is the amount.
    Source: water-filling (Boyd and Vandenberghe, Convex Optimization, example 5.2).
    """
    xp = namespace(base, amount)
    rising = xp.sort(base, axis=-1)
    count = xp.arange(1, base.shape[-1] + 1)
    # the level over the k lowest hours falls with k until the next hour lies above it
    return xp.min((xp.cumsum(rising, axis=-1) + trailing(amount)) / count, axis=-1)


def moved(*, load: Ratio, movable: Ratio, window: int) -> tuple[Ratio, Ratio]:
    """A year's load with its movable share done at the quietest hours of each window, and that share by the hour.

    `load` [H]; `window` is in hours and divides H. Both results are [H]; the load keeps its sum in each window, and its
    highest hour is the lowest that moving can reach. Source: `filling_level`, window by window.
    """
    xp = namespace(load)
    windows = load.reshape(-1, window)
    base = (1.0 - movable) * windows
    level = filling_level(base=base, amount=movable * xp.sum(windows, axis=-1))
    placed = xp.maximum(level[:, None] - base, 0.0)
    return (base + placed).reshape(-1), placed.reshape(-1)
