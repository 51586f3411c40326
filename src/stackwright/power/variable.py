"""Plants that the weather drives: what a shape and a capacity factor make of their output by the hour."""

from __future__ import annotations

from stackwright.core.arrays import namespace, trailing
from stackwright.core.units import Ratio

LEAST = 1e-12
"""Sum of a shape that counts as none."""


def availability(*, shape: Ratio, capacity_factor: Ratio) -> Ratio:
    """Output over capacity by the hour, at most one, with the capacity factor as its mean; [..., hour].

    A fleet's shape times a capacity factor may pass the capacity in its best hours. They are cut, and the other
    hours scaled until the mean is right: with the k best hours cut the scale is (factor * hours - k) / (sum of the
    others), and the largest over k is the one that fits. `capacity_factor` is [...]; one above the share of hours
    with any output cannot be reached, and `LEAST` keeps the scale finite then.
    Source: definition (a mean of min(1, scale * shape)).
    """
    xp = namespace(shape, capacity_factor)
    hours = shape.shape[-1]
    rest = xp.cumsum(xp.sort(shape, axis=-1), axis=-1)[..., ::-1]
    wanted = trailing(hours * capacity_factor)
    scale = xp.max((wanted - xp.arange(hours)) / xp.maximum(rest, LEAST), axis=-1)
    return xp.minimum(shape * trailing(scale), 1.0)


def cut_share(*, shape: Ratio, capacity_factor: Ratio) -> Ratio:
    """Share of the energy that a shape scaled as it is would make above the capacity; [..., hour] to [...].

    Source: definition.
    """
    xp = namespace(shape, capacity_factor)
    scaled = shape * trailing(capacity_factor)
    return xp.mean(xp.maximum(scaled - 1.0, 0.0 * scaled), axis=-1) / capacity_factor
