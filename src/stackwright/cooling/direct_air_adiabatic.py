"""Direct outdoor air, wetted in warm hours, with a small direct-expansion trim."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chiller import coefficient_of_performance, compressor_power
from stackwright.cooling.fans_and_pumps import power_per_heat
from stackwright.cooling.heat_rejection import (
    adiabatic_temperature,
    adiabatic_water,
    mechanical_share,
    saturated_humidity,
)
from stackwright.cooling.interface import Cooling, CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    CubicMetersPerJoule,
    JoulesPerKilogramKelvin,
    Kelvin,
    KilogramsPerCubicMeter,
    Ratio,
)


def wetting_drop(*, air: Kelvin, wetted: Kelvin, supply_temperature: Kelvin) -> Kelvin:
    """Temperature drop that wetting brings: what the set point needs, and no more than full wetting gives.

    Source: definition.
    """
    xp = namespace(air, wetted, supply_temperature)
    none = 0.0 * supply_temperature
    return xp.minimum(xp.maximum(air - supply_temperature, none), xp.maximum(air - wetted, none))


def wetted_dew_point(
    *, dry_bulb: Kelvin, wet_bulb: Kelvin, dew_point: Kelvin, temperature_drop: Kelvin, least: Kelvin = 1e-3
) -> Kelvin:
    """Dew point of air that wetting has cooled: it reaches the wet bulb when the air does.

    Source: constant wet bulb of adiabatic saturation, interpolated between its two ends.
    """
    xp = namespace(dry_bulb, wet_bulb, dew_point, temperature_drop)
    progress = temperature_drop / xp.maximum(dry_bulb - wet_bulb, least)
    return dew_point + xp.minimum(progress, 1.0) * (wet_bulb - dew_point)


def outdoor_air_share(*, air: Kelvin, supply_temperature: Kelvin, coolant_rise: Kelvin) -> Ratio:
    """Outdoor air in the supply; in cold hours the rest is return air that warms it to the set point.

    Source: energy balance of mixing, the return being warmer than the supply by `coolant_rise`.
    """
    xp = namespace(air, supply_temperature, coolant_rise)
    return coolant_rise / (coolant_rise + xp.maximum(supply_temperature - air, 0.0 * supply_temperature))


def humidifying_water(
    *,
    dew_point: Kelvin,
    dew_point_minimum: Kelvin,
    outdoor_share: Ratio,
    coolant_rise: Kelvin,
    bleed: Ratio,
    heat_capacity: JoulesPerKilogramKelvin = 1006.0,
    density: KilogramsPerCubicMeter = 997.0,
    kelvin: Kelvin = 1.0,
) -> CubicMetersPerJoule:
    """Water that brings outdoor air up to the least dew point, bleed included.

    Servers add no vapor, so return air is as humid as the supply. Source: mass balance of vapor.
    """
    xp = namespace(dew_point, dew_point_minimum)
    wanted = saturated_humidity(temperature=dew_point_minimum, kelvin=kelvin)
    missing = xp.maximum(wanted - saturated_humidity(temperature=dew_point, kelvin=kelvin), 0.0)
    return outdoor_share * missing * (1.0 + bleed) / (heat_capacity * coolant_rise * density)


@spec
class DirectAirAdiabatic(Cooling):
    """Outdoor air all year; powers are per watt of heat at full load."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: DirectAirAdiabatic
name: Direct outdoor air with adiabatic pads
aliases: [adiabatic, evaporative air]
edition: 2026-11-22
note: generic product; constants are engineering priors, checked against hourly results of published practice
values:
  junction_resistance: {value: 0.050 K/W, low: 0.040 K/W, high: 0.065 K/W, kind: derived, source: hall-practice,
    where: "H100 at 54 to 72 degC in air, arXiv 2507.16781", date: 2025-07-01,
    note: "0.036 to 0.065 over air of 25 to 30 degC at about 650 W; taller chassis cool 1,000 W"}
  coolant_rise: {value: 11 K, low: 9 K, high: 15 K, kind: assumption, source: assumption,
    note: "server air rise at design flow"}
  supply_minimum: {value: 18 degC, low: 16 degC, high: 19 degC, kind: assumption, source: assumption,
    note: "ASHRAE recommended 18 to 27 degC, allowed to 32 (A1)"}
  supply_maximum: {value: 32 degC, low: 30 degC, high: 35 degC, kind: assumption, source: assumption,
    note: "ASHRAE recommended 18 to 27 degC, allowed to 32 (A1)"}
  capex_per_watt: {value: 1.50 USD/W, low: 0.9 USD/W, high: 2.2 USD/W, kind: derived,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share of 11.7 USD/W, over 1.2 for N+1 spares, less a quarter for the missing chillers, plus
      the half of trim units that this counts as missing; quotes give the range"}
  chiller_capex: {value: 0.40 USD/W, low: 0.20 USD/W, high: 0.60 USD/W, kind: assumption, source: assumption,
    note: "about a quarter of an air-cooled hall's mechanical plant of 1.71 USD/W: machines, their pipes and wiring"}
  fan_power: {value: 4.4 %, low: 3.0 %, high: 6.0 %, kind: assumption, source: assumption,
    note: "350 Pa of dampers, filters, pads or coils, and plenum over 60 % efficient fans, at 11 K rise of the air"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption,
    note: "cube law lowered by static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption,
    note: "minimum speed of variable-speed drives"}
  fan_heat: {value: 0.4 K, low: 0.2 K, high: 0.8 K, kind: assumption, source: assumption,
    note: "fan power over air flow"}
  effectiveness: {value: 0.85, low: 0.75, high: 0.92, kind: assumption, source: assumption, note: "wetted-media pads"}
  bleed: {value: 15 %, low: 10 %, high: 30 %, kind: assumption, source: assumption, note: "drain against scaling"}
  dew_point_limit: {value: 24 degC, low: 21 degC, high: 24 degC, kind: assumption, source: assumption,
    note: "ASHRAE class A2 21, class A3 24 degC"}
  dew_point_minimum: {value: -12 degC, low: -12 degC, high: 5.5 degC, kind: assumption, source: assumption,
    note: "ASHRAE classes A1 to A4 -12 degC; recommended -9 since 2015 and 5.5 before"}
  trim_capacity: {value: 0.5, low: 0.3, high: 0.6, kind: assumption, source: assumption,
    note: "direct-expansion trim sized for the worst hours"}
  carnot_share: {value: 0.42, low: 0.36, high: 0.48, kind: assumption, source: assumption,
    note: "air-cooled screw and scroll machines at full load"}
  evaporator_approach: {value: 7 K, low: 5 K, high: 10 K, kind: assumption, source: assumption,
    note: "direct-expansion coil under the supply air"}
  condenser_approach: {value: 14 K, low: 11 K, high: 17 K, kind: assumption, source: assumption,
    note: "air-cooled condensers over dry bulb"}
"""

    fan_power: Ratio
    flow_exponent: Ratio
    least_flow: Ratio
    fan_heat: Kelvin
    """Rise of the air over the supply fans."""
    effectiveness: Ratio
    """Of saturation in the wetted pads."""
    bleed: Ratio
    """Water drained per water evaporated."""
    dew_point_limit: Kelvin
    """Of the supply air."""
    dew_point_minimum: Kelvin
    """Of the supply air; pads or foggers humidify drier air."""
    trim_capacity: Ratio
    """Share of full heat that the trim units can take."""
    carnot_share: Ratio
    evaporator_approach: Kelvin
    """Supply air over evaporating refrigerant."""
    condenser_approach: Kelvin

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
        air = dry_bulb + self.fan_heat
        drop = wetting_drop(
            air=air,
            wetted=self.fan_heat
            + adiabatic_temperature(dry_bulb=dry_bulb, wet_bulb=wet_bulb, effectiveness=self.effectiveness),
            supply_temperature=supply_temperature,
        )
        supplied = wetted_dew_point(dry_bulb=dry_bulb, wet_bulb=wet_bulb, dew_point=dew_point, temperature_drop=drop)
        humidifying = humidifying_water(
            dew_point=supplied,
            dew_point_minimum=self.dew_point_minimum,
            outdoor_share=outdoor_air_share(
                air=air, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise
            ),
            coolant_rise=self.coolant_rise,
            bleed=self.bleed,
        )
        wetting = adiabatic_water(temperature_drop=drop, coolant_rise=self.coolant_rise, bleed=self.bleed)
        return self._after_pads(
            air - drop,
            supplied,
            wetting + humidifying,
            supply_temperature=supply_temperature,
            dry_bulb=dry_bulb,
            load_fraction=load_fraction,
        )

    def dry_load(
        self,
        *,
        supply_temperature: Kelvin,
        dry_bulb: Kelvin,
        wet_bulb: Kelvin,
        dew_point: Kelvin,
        liquid_share: Ratio,
        load_fraction: Ratio,
    ) -> CoolingLoad:
        """The trim units in place of the pads. Source: definition."""
        return self._after_pads(
            dry_bulb + self.fan_heat,
            dew_point,
            0.0,
            supply_temperature=supply_temperature,
            dry_bulb=dry_bulb,
            load_fraction=load_fraction,
        )

    def _after_pads(
        self,
        air: Kelvin,
        dew_point: Kelvin,
        water: CubicMetersPerJoule,
        *,
        supply_temperature: Kelvin,
        dry_bulb: Kelvin,
        load_fraction: Ratio,
    ) -> CoolingLoad:
        """The trim units and fans behind air of a temperature and dew point."""
        xp = namespace(air, supply_temperature)
        share = mechanical_share(available=air, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise)
        return CoolingLoad(
            compressor=self._trim(share, supply_temperature, dry_bulb, load_fraction),
            fans=power_per_heat(
                design=self.fan_power,
                load_fraction=load_fraction,
                least_flow=self.least_flow,
                exponent=self.flow_exponent,
            ),
            pumps=0.0,
            water=water,
            overload=self._overload(share * load_fraction, supply_temperature, dew_point),
            chilled=xp.minimum(share, self.trim_capacity),
        )

    def _trim(self, share: Ratio, supply: Kelvin, dry_bulb: Kelvin, load_fraction: Ratio) -> Ratio:
        coefficient = coefficient_of_performance(
            evaporating=supply - self.evaporator_approach,
            condensing=dry_bulb + self.condenser_approach,
            carnot_share=self.carnot_share,
        )
        return compressor_power(heat_share=share, coefficient=coefficient, load_fraction=load_fraction)

    def _overload(self, trim: Ratio, supply: Kelvin, dew_point: Kelvin) -> Ratio:
        xp = namespace(trim, dew_point)
        humid = (dew_point - self.dew_point_limit) / self.coolant_rise
        return xp.maximum(xp.maximum(trim - self.trim_capacity, humid), self.supply_margin(supply))
