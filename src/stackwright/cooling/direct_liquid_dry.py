"""Direct-to-chip liquid cooling with dry coolers: no water, and a trim chiller for hot hours."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.direct_liquid import DirectLiquid, LiquidLoop
from stackwright.cooling.fans_and_pumps import fan_power
from stackwright.cooling.heat_rejection import approach_temperature, fan_speed, mechanical_share
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class DirectLiquidDry(DirectLiquid):
    """Closed loop to dry coolers; the fans slow down in cold weather."""

    heat_path: ClassVar[str] = "liquid"
    record: ClassVar[str] = """
type: DirectLiquidDry
name: Direct-to-chip liquid with dry coolers
aliases: [direct liquid, DLC dry, dry cooler, closed loop]
edition: 2026-11-22
note: generic product; constants are engineering priors,
    checked against hourly results of published practice; in-rack plates and manifolds are in the price of the rack
values:
  junction_resistance: {value: 0.030 K/W, low: 0.025 K/W, high: 0.045 K/W, kind: estimate,
    source: cold-plate-practice, where: "vendor target below 0.03 K/W; CFD 35 to 49 K at 1.4 kW", date: 2025-01-01,
    note: "plate, interface and package together"}
  coolant_rise: {value: 10 K, low: 7 K, high: 12 K, kind: assumption, source: assumption,
    note: "1.5 L/min per kW of 25 % glycol"}
  supply_minimum: {value: 17 degC, low: 15 degC, high: 18 degC, kind: assumption, source: assumption,
    note: "facility water classes W17 to W45; rack inlets are warmer by the distribution unit"}
  supply_maximum: {value: 45 degC, low: 43 degC, high: 48 degC, kind: assumption, source: assumption,
    note: "facility water classes W17 to W45; rack inlets are warmer by the distribution unit"}
  capex_per_watt: {value: 2.50 USD/W, low: 1.9 USD/W, high: 5.0 USD/W, kind: derived, source: turner-townsend-2025,
    where: "AI and liquid premium 7 to 10 % of the build", date: 2025-10-01,
    note: "air plant 1.71 USD/W plus a premium of 8.5 % of 11.7 USD/W over 1.2; quoted liquid plants 1.9 to 5.0"}
  chiller_capex: {value: 0.40 USD/W, low: 0.20 USD/W, high: 0.60 USD/W, kind: assumption, source: assumption,
    note: "about a quarter of an air-cooled hall's mechanical plant of 1.71 USD/W: machines, their pipes and wiring"}
  fan_power: {value: 3.5 %, low: 2.0 %, high: 5.0 %, kind: assumption, source: assumption,
    note: "air handlers with EC fans at 11 K rise"}
  pump_power: {value: 1.0 %, low: 0.6 %, high: 1.6 %, kind: assumption, source: assumption,
    note: "chilled water, 150 to 250 kPa"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption,
    note: "cube law lowered by static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption,
    note: "minimum speed of variable-speed drives"}
  carnot_share: {value: 0.42, low: 0.36, high: 0.48, kind: assumption, source: assumption,
    note: "air-cooled screw and scroll machines at full load"}
  coil_approach: {value: 7 K, low: 5 K, high: 9 K, kind: assumption, source: assumption,
    note: "25 degC air from 18 degC water"}
  evaporator_approach: {value: 3 K, low: 2 K, high: 5 K, kind: assumption, source: assumption,
    note: "flooded evaporators"}
  condenser_approach: {value: 14 K, low: 11 K, high: 17 K, kind: assumption, source: assumption,
    note: "air-cooled condensers over dry bulb"}
  air_supply: {value: 25 degC, low: 23 degC, high: 27 degC, kind: assumption, source: assumption,
    note: "hall air of liquid-cooled rows"}
  liquid_pump_power: {value: 1.4 %, low: 1.0 %, high: 2.0 %, kind: assumption, source: assumption,
    note: "technology loop 0.6 %, facility loop 0.6 to 1.2 %"}
  trim_capacity: {value: 1.0, low: 0.5, high: 1.0, kind: assumption, source: assumption,
    note: "full trim: a plant that trusts dry or wet coolers alone buys less"}
  dry_cooler_approach: {value: 8 K, low: 6 K, high: 12 K, kind: assumption, source: assumption,
    note: "rack supply over dry bulb, distribution unit included"}
  dry_cooler_capex: {value: 0.15 USD/W, low: 0.05 USD/W, high: 0.25 USD/W, kind: assumption, source: assumption,
    note: "coolers of 8 K approach with their pipes"}
  dry_cooler_fan_power: {value: 2.0 %, low: 1.0 %, high: 3.0 %, kind: assumption, source: assumption,
    note: "at full speed"}
  slowest_fan: {value: 0.3, low: 0.2, high: 0.4, kind: assumption, source: assumption,
    note: "minimum speed of EC fans"}
"""

    dry_cooler_approach: Kelvin
    """Rack supply over the outdoor dry bulb at full fan speed, the coolant distribution unit included."""
    dry_cooler_fan_power: Ratio
    slowest_fan: Ratio

    def liquid_loop(
        self, *, supply_temperature: Kelvin, dry_bulb: Kelvin, wet_bulb: Kelvin, dew_point: Kelvin, load_fraction: Ratio
    ) -> LiquidLoop:
        """Heat rejection of the liquid, per watt that it carries. Source: definition."""
        outdoor_water = self.dry_water(dry_bulb, load_fraction)
        share = mechanical_share(
            available=outdoor_water, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise
        )
        return LiquidLoop(
            outdoor_water=outdoor_water,
            compressor=self.water_chiller_power(
                heat_share=share, water=supply_temperature, dry_bulb=dry_bulb, load_fraction=load_fraction
            ),
            fans=self.dry_cooler_fans(supply_temperature, dry_bulb, load_fraction),
            water=0.0,
            chilled=share,
            dry_cooled=1.0 - share,
        )

    def dry_water(self, dry_bulb: Kelvin, load_fraction: Ratio) -> Kelvin:
        """Coldest fluid of the dry coolers. Source: definition."""
        return approach_temperature(ambient=dry_bulb, approach=self.dry_cooler_approach, load_fraction=load_fraction)

    def dry_cooler_fans(self, supply_temperature: Kelvin, dry_bulb: Kelvin, load_fraction: Ratio) -> Ratio:
        """Fans of the dry coolers, per watt of the loop. Source: definition."""
        speed = fan_speed(
            approach=self.dry_cooler_approach * load_fraction,
            available_approach=supply_temperature - dry_bulb,
            slowest=self.slowest_fan,
        )
        return fan_power(design=self.dry_cooler_fan_power, speed=speed, load_fraction=load_fraction)
