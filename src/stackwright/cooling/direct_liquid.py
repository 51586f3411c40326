"""Cold plates: what dry-cooler and tower variants of direct-to-chip liquid cooling share.

Not a type of its own. The heat that the plates do not take stays in the air of the hall, which has a
chilled-air loop with its own set point, whatever the temperature of the liquid.
"""

from __future__ import annotations

from abc import abstractmethod

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.spec import spec
from stackwright.core.units import CubicMetersPerJoule, Kelvin, Ratio


@spec
class LiquidLoop:
    """What the liquid side draws, per watt of heat that it carries."""

    compressor: Ratio
    fans: Ratio
    water: CubicMetersPerJoule
    overload: Ratio


@spec
class DirectLiquid(ChilledAir):
    """Cold plates with a chilled-air remainder; powers are per watt of heat at full load."""

    air_supply: Kelvin
    """Set point of the hall's air."""
    liquid_pump_power: Ratio
    """Technology and facility loops together."""
    trim_capacity: Ratio
    """Share of the full liquid heat that the trim chillers can take."""

    @abstractmethod
    def liquid_loop(
        self, *, supply_temperature: Kelvin, dry_bulb: Kelvin, wet_bulb: Kelvin, load_fraction: Ratio
    ) -> LiquidLoop:
        """Heat rejection of the liquid, per watt that it carries."""

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
        """Electricity, water and overload by the hour. Source: definition."""
        liquid = self.liquid_loop(
            supply_temperature=supply_temperature, dry_bulb=dry_bulb, wet_bulb=wet_bulb, load_fraction=load_fraction
        )
        air_share = 1.0 - liquid_share
        air_compressor = self.water_chiller_power(
            heat_share=air_share,
            water=self.chilled_water(self.air_supply),
            dry_bulb=dry_bulb,
            load_fraction=load_fraction,
        )
        pumps = liquid_share * self.liquid_pump_power + air_share * self.pump_power
        return CoolingLoad(
            compressor=air_compressor + liquid_share * liquid.compressor,
            fans=self.flow_power(air_share * self.fan_power, load_fraction) + liquid_share * liquid.fans,
            pumps=self.flow_power(pumps, load_fraction),
            water=liquid_share * liquid.water,
            overload=liquid.overload,
        )
