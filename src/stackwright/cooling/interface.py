"""What every cooling offers: electricity, water and a margin per watt of IT heat, by the hour.

A cooling type is a subclass in a file of its own. The supply temperature is that of the coolant which
enters the racks: air for the air types, the fluid of the cold plates or the tank for the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    CubicMetersPerJoule,
    DollarsPerWatt,
    Kelvin,
    KelvinPerWatt,
    Ratio,
    Watts,
)


def effective_coolant_temperature(*, supply_temperature: Kelvin, coolant_rise: Kelvin) -> Kelvin:
    """Coolant temperature that the average chip of a loop sees: halfway up its rise. Source: definition."""
    return supply_temperature + 0.5 * coolant_rise


def junction_temperature(
    *, coolant_temperature: Kelvin, chip_power: Watts, junction_resistance: KelvinPerWatt
) -> Kelvin:
    """Temperature of a chip over its coolant.

    Source: Incropera et al., Fundamentals of Heat and Mass Transfer, section 3.1 (thermal resistance).
    """
    return coolant_temperature + chip_power * junction_resistance


def outside_range(*, value: Kelvin, lowest: Kelvin, highest: Kelvin) -> Ratio:
    """How far a value is outside its range, over the width of the range: above zero outside. Source: definition."""
    xp = namespace(value, lowest, highest)
    return xp.maximum(lowest - value, value - highest) / (highest - lowest)


@spec
class CoolingLoad:
    """What cooling draws per watt of IT heat; the fields broadcast to [..., hour]."""

    compressor: Ratio
    """Chillers, W per W of IT heat."""
    fans: Ratio
    pumps: Ratio
    water: CubicMetersPerJoule
    """Water taken in, evaporated and blown down, per joule of IT heat."""
    overload: Ratio
    """Above zero in hours where the supply temperature, or the humidity, cannot be held."""
    chilled: Ratio = 0.0
    """Heat that chillers take, W per W of IT heat."""
    dry_cooled: Ratio = 0.0
    """Heat that dry coolers take without them, W per W of IT heat."""

    @property
    def electricity(self) -> Ratio:
        """All of cooling, W per W of IT heat. Source: definition."""
        return self.compressor + self.fans + self.pumps

    def design_capacity(self, exceeded: Ratio = 0.0) -> DesignCapacity:
        """What the plant of this year [..., H] at full load has to be able to do.

        `exceeded` is the share of hours in which it need not: none, or 0.004 of ASHRAE's design day.
        Source: definition (ASHRAE Handbook Fundamentals 2017, chapter 14, annual cumulative frequency).
        """
        return DesignCapacity(
            chillers=_reached(self.chilled, exceeded), dry_coolers=_reached(self.dry_cooled, exceeded)
        )


def _reached(hours: Ratio, exceeded: Ratio) -> Ratio:
    """Value of the last axis that a share of the hours exceeds; one that is the same in all hours has no such axis."""
    if not getattr(hours, "ndim", 0):
        return hours
    return hours.max(axis=-1) if exceeded == 0.0 else namespace(hours).quantile(hours, 1.0 - exceeded, axis=-1)


@spec
class DesignCapacity:
    """Size of the parts whose need the climate and the supply temperature set, W per W of full IT heat."""

    chillers: Ratio
    dry_coolers: Ratio


@spec
class WaterTrade:
    """Water against electricity in one hour: running wet in place of dry; fields broadcast to [..., hour]."""

    spared: Ratio
    """Electricity that running wet spares, W per W of IT heat; zero in hours that cannot be held dry."""
    water: CubicMetersPerJoule
    """Water that it takes, per joule of IT heat."""


@spec
class Cooling(ABC):
    """What all cooling types have in common."""

    types: ClassVar[dict[str, type[Cooling]]] = {}
    heat_path: ClassVar[str]
    """What carries the chips' heat: ``air``, ``liquid`` (with an air remainder) or ``immersion``."""
    record: ClassVar[str]
    """Record text of the generic product of this type."""

    junction_resistance: KelvinPerWatt
    """Effective, from the coolant to the junction, per watt of one chip."""
    coolant_rise: Kelvin
    """From rack inlet to rack outlet at full load."""
    supply_minimum: Kelvin
    supply_maximum: Kelvin
    capex_per_watt: DollarsPerWatt
    """Mechanical plant per watt of IT heat without spare units, if its chillers, and its dry coolers, can take all."""
    chiller_capex: DollarsPerWatt | None = None
    """Per watt of heat that chillers can take; None where a type has none."""
    dry_cooler_capex: DollarsPerWatt | None = None
    """Per watt of heat that dry coolers can take; None where a type has none, or has them whatever the climate."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "record" in cls.__dict__:
            Cooling.types[cls.__name__] = cls

    @abstractmethod
    def load(
        self,
        *,
        supply_temperature: Kelvin,
        dry_bulb: Kelvin,
        wet_bulb: Kelvin,
        dew_point: Kelvin,
        liquid_share: Ratio,
        load_fraction: Ratio,
    ) -> CoolingLoad:
        """Electricity, water and overload by the hour; all arguments broadcast, the hour is the last axis.

        `load_fraction` is the IT heat over that of the full hall, above zero.

        `liquid_share` is the share of the racks' heat that their cold plates take: types whose
        `heat_path` is not ``liquid`` take all heat one way and do not read it.
        """

    def dry_load(
        self,
        *,
        supply_temperature: Kelvin,
        dry_bulb: Kelvin,
        wet_bulb: Kelvin,
        dew_point: Kelvin,
        liquid_share: Ratio,
        load_fraction: Ratio,
    ) -> CoolingLoad | None:
        """The same hours with the water turned off; None for a type that has no such way to run."""
        return None

    def water_trade(self, **hours: Any) -> WaterTrade | None:
        """What the water of each hour spares; arguments as of `load`. None for a type that cannot choose.

        The plant without its water draws `load().electricity + spared` and takes `load().water - water`. It needs the
        chillers of its dry hours, `dry_load().design_capacity()`, where that of `load` has those of wet hours alone.
        """
        dry = self.dry_load(**hours)
        if dry is None:
            return None
        wet = self.load(**hours)
        spared, water = dry.electricity - wet.electricity, wet.water - dry.water
        free = (dry.overload <= 0.0) & (spared > 0.0)
        return WaterTrade(spared=spared * free, water=water * free)

    def capex(self, capacity: DesignCapacity) -> DollarsPerWatt:
        """Mechanical plant per watt of IT heat, with the chillers and dry coolers that its site needs.

        Source: definition.
        """
        missing = 0.0
        if self.chiller_capex is not None:
            missing = missing + self.chiller_capex * (1.0 - capacity.chillers)
        if self.dry_cooler_capex is not None:
            missing = missing + self.dry_cooler_capex * (1.0 - capacity.dry_coolers)
        return self.capex_per_watt - missing

    def chip_coolant_temperature(self, *, supply_temperature: Kelvin) -> Kelvin:
        """Coolant temperature that sets the chips' leakage. Source: definition."""
        return effective_coolant_temperature(supply_temperature=supply_temperature, coolant_rise=self.coolant_rise)

    def supply_margin(self, supply_temperature: Kelvin) -> Ratio:
        """Above zero where no product of this type supplies this temperature. Source: definition."""
        return outside_range(value=supply_temperature, lowest=self.supply_minimum, highest=self.supply_maximum)
