"""Cold plates: what all variants of direct-to-chip liquid cooling share.

Not a type of its own. The heat that the plates do not take stays in the air of the hall, which has a
chilled-air loop with its own set point, whatever the temperature of the liquid. The water of that loop
is cooled by the same towers or dry coolers first, and by air-cooled chillers for the rest.
"""

from __future__ import annotations

from abc import abstractmethod

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.heat_rejection import mechanical_share
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import CubicMetersPerJoule, Kelvin, Ratio


@spec
class LiquidLoop:
    """What the liquid side draws, per watt of heat that it carries."""

    outdoor_water: Kelvin
    """Coldest fluid that towers and dry coolers make in the hour."""
    compressor: Ratio
    fans: Ratio
    water: CubicMetersPerJoule
    chilled: Ratio
    dry_cooled: Ratio


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
        self, *, supply_temperature: Kelvin, dry_bulb: Kelvin, wet_bulb: Kelvin, dew_point: Kelvin, load_fraction: Ratio
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
        loop = self.liquid_loop(
            supply_temperature=supply_temperature,
            dry_bulb=dry_bulb,
            wet_bulb=wet_bulb,
            dew_point=dew_point,
            load_fraction=load_fraction,
        )
        return self.with_air(
            loop,
            supply_temperature=supply_temperature,
            dry_bulb=dry_bulb,
            liquid_share=liquid_share,
            load_fraction=load_fraction,
        )

    def with_air(
        self,
        loop: LiquidLoop,
        *,
        supply_temperature: Kelvin,
        dry_bulb: Kelvin,
        liquid_share: Ratio,
        load_fraction: Ratio,
    ) -> CoolingLoad:
        """The whole hall: a liquid loop, and the air beside it on the same outdoor units. Source: definition."""
        xp = namespace(loop.chilled, supply_temperature)
        water, air_share = self.chilled_water(self.air_supply), 1.0 - liquid_share
        air_chilled = mechanical_share(
            available=loop.outdoor_water, supply_temperature=water, coolant_rise=self.coolant_rise
        )
        air_compressor = self.water_chiller_power(
            heat_share=air_chilled, water=water, dry_bulb=dry_bulb, load_fraction=load_fraction
        )
        outdoors = liquid_share + air_share * (1.0 - air_chilled)
        flow = self.flow_power(1.0, load_fraction)
        return CoolingLoad(
            compressor=air_share * air_compressor + liquid_share * loop.compressor,
            fans=air_share * self.fan_power * flow + outdoors * loop.fans,
            pumps=(liquid_share * self.liquid_pump_power + air_share * self.pump_power) * flow,
            water=outdoors * loop.water,
            overload=xp.maximum(
                loop.chilled * load_fraction - self.trim_capacity, self.supply_margin(supply_temperature)
            ),
            chilled=liquid_share * xp.minimum(loop.chilled, self.trim_capacity) + air_share * air_chilled,
            dry_cooled=outdoors * loop.dry_cooled,
        )
