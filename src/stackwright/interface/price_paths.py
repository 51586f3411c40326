"""How the cost of a token moves on platforms: all fall together, and each wanders against the others.

The logarithm of a platform's cost is a random walk. What all platforms have in common is one fall, and a part of
every walk; an option to change lives on the rest.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio


def common_fall(*, gain: Ratio, years: Count) -> Ratio:
    """Cost of a token after so many years over today's, where price-performance gains a share a year.

    Source: definition.
    """
    return (1.0 + gain) ** (-years)


def relative_cost(*, drift: Ratio, volatility: Ratio, years: Count, walk: Count) -> Ratio:
    """A platform's cost over what the common fall makes of it, in the mean one over its own further gain.

    `drift` is that gain by year, `volatility` the standard deviation of the logarithm over a year, `walk` a standard
    normal draw. Source: geometric Brownian motion (Margrabe 1978, Journal of Finance 33).
    """
    xp = namespace(volatility, walk)
    spread = volatility * xp.sqrt(years + 0.0 * volatility)
    return (1.0 + drift) ** (-years) * xp.exp(spread * walk - 0.5 * spread * spread)


def correlated(*, common: Count, own: Count, correlation: Ratio) -> Count:
    """Standard normal draws that have so much in common with each other. Source: one-factor model."""
    xp = namespace(common, own, correlation)
    return xp.sqrt(correlation) * common + xp.sqrt(1.0 - correlation) * own


@spec
class PricePaths:
    """How fast and how differently platforms get better for their price."""

    common_gain: Ratio
    """Yearly gain of price-performance that all platforms share."""
    volatility: Ratio
    """Standard deviation of the logarithm of one platform's cost over a year."""
    correlation: Ratio
    """Of the walks of two platforms."""
