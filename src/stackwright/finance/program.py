"""A chip of one's own: what a package costs to make, what the program adds to it, and when it comes.

The cost of a package follows its parts: dies that yield, memory, and a package that yields. The program adds
its non-recurring engineering (NRE), carried with interest to the first chips and spread over the program's
volume; programs that fail are paid for by those that do not.
"""

from __future__ import annotations

import math

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_YEAR,
    Bytes,
    Count,
    Dollars,
    DollarsPerByte,
    Meters,
    PerSquareMeter,
    Ratio,
    Seconds,
    SquareMeters,
)
from stackwright.finance.margins import price_of

NORMAL_90 = 1.2815515655446004
"""Standard normal quantile at 90 %."""


def gross_dies(*, die_area: SquareMeters, wafer_diameter: Meters = 0.3) -> Count:
    """Whole dies on a wafer. Source: Hennessy and Patterson, Computer Architecture, section 1.6."""
    circle = math.pi * wafer_diameter**2 / (4.0 * die_area)
    return circle - math.pi * wafer_diameter / (2.0 * die_area) ** 0.5


def die_yield(*, die_area: SquareMeters, defect_density: PerSquareMeter, clustering: Ratio) -> Ratio:
    """Share of dies without a fatal defect. Source: Stapper (1983), IBM J. Res. Dev. 27(6), negative binomial."""
    return (1.0 + die_area * defect_density / clustering) ** (-clustering)


def die_cost(*, wafer_price: Dollars, gross_dies: Count, die_yield: Ratio) -> Dollars:
    """Cost of a good die. Source: definition."""
    return wafer_price / (gross_dies * die_yield)


def learned_cost(*, cost: Dollars, volume: Count, reference_volume: Count, learning: Ratio) -> Dollars:
    """Mean cost of a unit at a program's volume: it falls by a share with each doubling.

    Source: Wright (1936), J. Aeronautical Sciences 3(4), cumulative average.
    """
    xp = namespace(volume, learning)
    return cost * (volume / reference_volume) ** xp.log2(1.0 - learning)


def nre_per_chip(
    *,
    nre: Dollars,
    volume: Count,
    failure: Ratio,
    rate: Ratio,
    lead_time: Seconds,
    year_length: Seconds = SECONDS_PER_YEAR,
) -> Dollars:
    """NRE on each chip of a program: spent evenly until the first chips, with interest, failed programs included.

    `rate` is per year. Source: definition (mid-period compounding; expected cost of a success).
    """
    carried = nre * (1.0 + rate) ** (0.5 * lead_time / year_length)
    return carried / (volume * (1.0 - failure))


def break_even_volume(*, nre: Dollars, price: Dollars, unit_cost: Dollars) -> Count:
    """Chips that repay an NRE where a unit is worth a price; infinite where it costs that much or more.

    Source: definition, NRE / (p* - c).
    """
    xp = namespace(nre, price, unit_cost)
    gain = price - unit_cost
    pays = gain > 0.0 * gain
    return xp.where(pays, nre / xp.where(pays, gain, price), math.inf)


def lognormal_mean(*, p50: Seconds, p90: Seconds) -> Seconds:
    """Mean of a time by its median and its 90 % quantile. Source: lognormal distribution."""
    xp = namespace(p50, p90)
    return p50 * xp.exp((xp.log(p90 / p50) / NORMAL_90) ** 2 / 2.0)


@spec
class ChipProgram:
    """A chip that is made, alone or with a partner; costs are of one package at the reference volume."""

    die_area: SquareMeters
    dies: Count
    """Logic dies of this area in a package."""
    wafer_price: Dollars
    defect_density: PerSquareMeter
    clustering: Ratio
    """Of defects: a small number is a strong clustering."""
    memory: Bytes
    """High-bandwidth memory of a package."""
    memory_price: DollarsPerByte
    package_cost: Dollars
    """Interposer, substrate and assembly."""
    test_cost: Dollars
    package_yield: Ratio
    learning: Ratio
    """Fall of the cost of all but memory with each doubling of the volume."""
    reference_volume: Count
    """Chips of the program whose costs these are."""
    system_cost: Dollars
    """Host, links, boards and rack around a chip, per chip, as their makers sell them."""
    nre: Dollars
    """Design, verification, masks, software and bring-up, all by the owner."""
    partner_nre: Dollars
    """What the owner still pays where a partner does the physical design."""
    partner_margin: Ratio
    """Gross margin of the partner on all but memory, which is passed on."""
    volume: Count
    """Chips that the program makes in its life."""
    failure: Ratio
    """Chance that a program ends without a chip that can be used."""
    lead_time_p50: Seconds
    """From the decision to chips in volume."""
    lead_time_p90: Seconds

    @property
    def lead_time(self) -> Seconds:
        """Expected time to chips in volume. Source: lognormal distribution."""
        return lognormal_mean(p50=self.lead_time_p50, p90=self.lead_time_p90)

    def memory_cost(self) -> Dollars:
        """Memory of a good package. Source: definition."""
        return self.memory * self.memory_price / self.package_yield

    def silicon_cost(self, volume: Count) -> Dollars:
        """All but memory of a good package, at a volume of the program. Source: definition."""
        die = die_cost(
            wafer_price=self.wafer_price,
            gross_dies=gross_dies(die_area=self.die_area),
            die_yield=die_yield(die_area=self.die_area, defect_density=self.defect_density, clustering=self.clustering),
        )
        cost = (self.dies * die + self.package_cost + self.test_cost) / self.package_yield
        return learned_cost(cost=cost, volume=volume, reference_volume=self.reference_volume, learning=self.learning)

    def made(self, volume: Count) -> Dollars:
        """Cost of a chip by the owner's own flow, without NRE. Source: definition."""
        return self.silicon_cost(volume) + self.memory_cost()

    def partnered(self, volume: Count) -> Dollars:
        """Price of a chip from a partner, without NRE. Source: definition."""
        return price_of(cost=self.silicon_cost(volume), gross_margin=self.partner_margin) + self.memory_cost()
