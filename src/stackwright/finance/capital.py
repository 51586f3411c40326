"""Time value of money, in real terms: no equation here knows inflation.

Years are the last axis [Y] and counted from the first year of the horizon. Capital is spent at the
start of a year; running costs and tokens fall in its middle.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Array, Count, Dollars, DollarsPerToken, Ratio, Tokens


def start_discount(*, year: Count, rate: Ratio) -> Ratio:
    """Present value of a dollar spent at the start of a year [Y]. Source: definition."""
    return (1.0 + rate) ** (-year)


def middle_discount(*, year: Count, rate: Ratio) -> Ratio:
    """Present value of a dollar spent evenly over a year [Y]. Source: definition (mid-year convention)."""
    return (1.0 + rate) ** (-year - 0.5)


def straight_line_value(*, age: Count, life: Count) -> Ratio:
    """Share of the price that an asset is still worth, straight-line to zero. Source: definition."""
    return namespace(age, life).maximum(0.0, 1.0 - age / life)


def price_path(*, year: Count, decline: Ratio) -> Ratio:
    """Price of a year over the first year's, falling by a constant share a year. Source: definition."""
    return (1.0 - decline) ** year


def additions(installed: Array) -> Array:
    """New units per year [..., Y] for an installed base [..., Y] that never shrinks.

    Source: definition.
    """
    xp = namespace(installed)
    base = xp.stack([installed[..., : index + 1].max(axis=-1) for index in range(installed.shape[-1])], axis=-1)
    return xp.concatenate([base[..., :1], base[..., 1:] - base[..., :-1]], axis=-1)


def residual_weights(*, year: Count, life: Count, decline: Ratio) -> Ratio:
    """What one unit bought in each year is still worth when the horizon ends [Y], per dollar of first-year price.

    Source: definition; straight-line value of the price that was paid.
    """
    age = year[-1] + 1.0 - year
    return straight_line_value(age=age, life=life) * price_path(year=year, decline=decline)


def capital_weights(*, year: Count, rate: Ratio, life: Count, decline: Ratio) -> Ratio:
    """Present net cost [Y] of one unit bought in each year, per dollar of first-year price.

    Price paid then, less what the unit is still worth at the end of the horizon; both discounted.
    Source: definition.
    """
    paid = price_path(year=year, decline=decline) * start_discount(year=year, rate=rate)
    kept = residual_weights(year=year, life=life, decline=decline)
    return paid - kept * start_discount(year=year[-1] + 1.0, rate=rate)


def levelized_cost(*, present_cost: Dollars, present_tokens: Tokens) -> DollarsPerToken:
    """Price per token that repays all costs: both discounted alike. Source: definition (LCOE form)."""
    return present_cost / present_tokens
