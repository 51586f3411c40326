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
    return xp.clip(carnot_share * reversible, lowest, highest)


def part_load_factor(*, load_fraction: Ratio) -> Ratio:
    """Multiplier of a variable-speed machine's coefficient of performance: best near three quarters of full load.

    Source: quadratic through full load, with the shape of AHRI 550/590 part-load ratings.
    """
    return 0.7 + (0.9 - 0.6 * load_fraction) * load_fraction


def staged_load(*, load_fraction: Ratio, machines: Ratio = 8.0, best: Ratio = 0.75) -> Ratio:
    """Load of each running machine of a plant of equal machines, at a load of all of them.

    As many run as keep each at its `best` load: above it all of them do, below the best load of one it runs alone.
    Source: ASHRAE Handbook HVAC Applications 2019, chapter 43, sequencing of chillers, with steps smoothed out.
    """
    xp = namespace(load_fraction, machines, best)
    return xp.maximum(load_fraction, xp.minimum(machines * load_fraction, best))


def compressor_power(*, heat_share: Ratio, coefficient: Ratio, load_fraction: Ratio) -> Ratio:
    """Chiller electricity per watt of heat, of which staged chillers that could take all of it take `heat_share`.

    `load_fraction` is the heat over that of the full hall. Source: definition.
    """
    machine_load = staged_load(load_fraction=heat_share * load_fraction)
    return heat_share / (coefficient * part_load_factor(load_fraction=machine_load))
