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

    @property
    def electricity(self) -> Ratio:
        """All of cooling, W per W of IT heat. Source: definition."""
        return self.compressor + self.fans + self.pumps


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
    """Mechanical plant per watt of IT heat, without spare units."""

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

    def chip_coolant_temperature(self, *, supply_temperature: Kelvin) -> Kelvin:
        """Coolant temperature that sets the chips' leakage. Source: definition."""
        return effective_coolant_temperature(supply_temperature=supply_temperature, coolant_rise=self.coolant_rise)

    def supply_margin(self, supply_temperature: Kelvin) -> Ratio:
        """Above zero where no product of this type supplies this temperature. Source: definition."""
        return outside_range(value=supply_temperature, lowest=self.supply_minimum, highest=self.supply_maximum)
