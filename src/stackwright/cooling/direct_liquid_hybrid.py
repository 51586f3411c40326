"""Direct-to-chip liquid cooling with towers behind dry coolers: wet where dry coolers cannot hold the set point."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.direct_liquid import LiquidLoop
from stackwright.cooling.direct_liquid_dry import DirectLiquidDry
from stackwright.cooling.heat_rejection import (
    approach_temperature,
    evaporated_share,
    mechanical_share,
    tower_water,
)
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class DirectLiquidHybrid(DirectLiquidDry):
    """Dry coolers, towers and air-cooled trim chillers in series; without water the chillers do the towers' part."""

    heat_path: ClassVar[str] = "liquid"
    record: ClassVar[str] = """
type: DirectLiquidHybrid
name: Direct-to-chip liquid with dry coolers and towers behind them
aliases: [DLC hybrid, hybrid cooler, adiabatic assist, thermosyphon]
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
  capex_per_watt: {value: 2.75 USD/W, low: 2.0 USD/W, high: 5.0 USD/W, kind: derived, source: turner-townsend-2025,
    where: "AI and liquid premium 7 to 10 % of the build", date: 2025-10-01,
    note: "as with towers, 2.60 USD/W, plus dry coolers"}
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
  tower_approach: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption,
    note: "tower 4 to 5 K, exchanger and distribution unit 3 to 4 K"}
  tower_fan_power: {value: 1.2 %, low: 0.6 %, high: 1.6 %, kind: assumption, source: assumption,
    note: "at full speed, cells switched on as needed"}
  cycles: {value: 5, low: 3, high: 8, kind: assumption, source: assumption, note: "depends on water quality"}
"""

    tower_approach: Kelvin
    """Rack supply over the outdoor wet bulb at full fan speed, heat exchangers included."""
    tower_fan_power: Ratio
    cycles: Ratio
    """Cycles of concentration of the tower water."""

    def liquid_loop(
        self, *, supply_temperature: Kelvin, dry_bulb: Kelvin, wet_bulb: Kelvin, dew_point: Kelvin, load_fraction: Ratio
    ) -> LiquidLoop:
        """Heat rejection of the liquid, per watt that it carries. Source: definition."""
        xp = namespace(supply_temperature, dry_bulb)
        dry_water = self.dry_water(dry_bulb, load_fraction)
        tower_water_reached = approach_temperature(
            ambient=wet_bulb, approach=self.tower_approach, load_fraction=load_fraction
        )
        after_dry, after_towers = (
            mechanical_share(available=available, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise)
            for available in (dry_water, xp.minimum(dry_water, tower_water_reached))
        )
        wet = after_dry - after_towers
        evaporated = evaporated_share(
            exhaust=xp.maximum(supply_temperature, wet_bulb + self.tower_approach),
            dry_bulb=dry_bulb,
            dew_point=dew_point,
        )
        return LiquidLoop(
            outdoor_water=dry_water,
            compressor=self.water_chiller_power(
                heat_share=after_towers, water=supply_temperature, dry_bulb=dry_bulb, load_fraction=load_fraction
            ),
            fans=self.dry_cooler_fans(supply_temperature, dry_bulb, load_fraction) + self.tower_fan_power * wet,
            water=tower_water(rejected=wet, latent_share=evaporated, cycles=self.cycles),
            chilled=after_towers,
            dry_cooled=1.0 - after_dry,
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
        """Dry coolers and trim chillers alone. Source: definition."""
        loop = super().liquid_loop(
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
