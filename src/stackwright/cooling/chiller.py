"""Compression chillers: coefficient of performance from the two temperatures, and part load."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Kelvin, Ratio


def carnot_coefficient(*, evaporating: Kelvin, condensing: Kelvin, least_lift: Kelvin = 1.0) -> Ratio:
    """Heat removed per work of a reversible machine. Source: Carnot; `least_lift` keeps a lift of zero finite."""
    xp = namespace(evaporating, condensing)
    return evaporating / xp.maximum(condensing - evaporating, least_lift)


def coefficient_of_performance(
    *,
    evaporating: Kelvin,
    condensing: Kelvin,
    carnot_share: Ratio,
    lowest: Ratio = 1.0,
    highest: Ratio = 14.0,
    least_lift: Kelvin = 1.0,
) -> Ratio:
    """Heat removed per electricity of a real chiller at full load, within what products reach.

    Source: ASHRAE Handbook HVAC Systems and Equipment 2020, chapter 43, full-load performance;
    share of Carnot fitted to catalog points of air- and water-cooled machines.
    """
    xp = namespace(evaporating, condensing, carnot_share)
    reversible = carnot_coefficient(evaporating=evaporating, condensing=condensing, least_lift=least_lift)
    return xp.minimum(xp.maximum(carnot_share * reversible, lowest), highest)


def part_load_factor(*, load_fraction: Ratio) -> Ratio:
    """Multiplier of a variable-speed machine's coefficient of performance: best near three quarters of full load.

    Source: quadratic through full load, with the shape of AHRI 550/590 part-load ratings.
    """
    return 0.7 + 0.9 * load_fraction - 0.6 * load_fraction**2


def compressor_power(*, heat_share: Ratio, coefficient: Ratio, load_fraction: Ratio) -> Ratio:
    """Chiller electricity per watt of IT heat, of which it takes `heat_share`. Source: definition."""
    return heat_share / (coefficient * part_load_factor(load_fraction=load_fraction))
