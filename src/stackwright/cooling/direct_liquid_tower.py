"""Direct-to-chip liquid cooling with open towers: colder supply for water."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chiller import coefficient_of_performance, compressor_power
from stackwright.cooling.direct_liquid import DirectLiquid, LiquidLoop
from stackwright.cooling.fans_and_pumps import fan_power
from stackwright.cooling.heat_rejection import (
    approach_temperature,
    evaporated_share,
    fan_speed,
    mechanical_share,
    tower_water,
)
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class DirectLiquidTower(DirectLiquid):
    """Tower and heat exchanger in front of the loop; water-cooled trim chillers."""

    heat_path: ClassVar[str] = "liquid"
    record: ClassVar[str] = """
type: DirectLiquidTower
name: Direct-to-chip liquid with towers
aliases: [DLC tower, direct liquid with tower]
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
  capex_per_watt: {value: 2.60 USD/W, low: 1.9 USD/W, high: 5.0 USD/W, kind: derived, source: turner-townsend-2025,
    where: "AI and liquid premium 7 to 10 % of the build", date: 2025-10-01,
    note: "as with dry coolers, plus water treatment"}
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
  tower_approach: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption,
    note: "tower 4 to 5 K, exchanger and distribution unit 3 to 4 K"}
  tower_fan_power: {value: 1.2 %, low: 0.6 %, high: 1.6 %, kind: assumption, source: assumption,
    note: "at full speed"}
  slowest_fan: {value: 0.3, low: 0.2, high: 0.4, kind: assumption, source: assumption, note: "minimum speed"}
  cycles: {value: 5, low: 3, high: 8, kind: assumption, source: assumption, note: "depends on water quality"}
  trim_carnot_share: {value: 0.6, low: 0.52, high: 0.66, kind: assumption, source: assumption,
    note: "water-cooled trim machines"}
  trim_condenser_approach: {value: 10 K, low: 8 K, high: 12 K, kind: assumption, source: assumption,
    note: "over wet bulb"}
"""

    tower_approach: Kelvin
    """Rack supply over the outdoor wet bulb at full fan speed, heat exchangers included."""
    tower_fan_power: Ratio
    slowest_fan: Ratio
    cycles: Ratio
    trim_carnot_share: Ratio
    trim_condenser_approach: Kelvin
    """Condensing refrigerant over the outdoor wet bulb."""

    def liquid_loop(
        self, *, supply_temperature: Kelvin, dry_bulb: Kelvin, wet_bulb: Kelvin, dew_point: Kelvin, load_fraction: Ratio
    ) -> LiquidLoop:
        """Heat rejection of the liquid, per watt that it carries. Source: definition."""
        xp = namespace(supply_temperature, wet_bulb)
        outdoor_water = approach_temperature(
            ambient=wet_bulb, approach=self.tower_approach, load_fraction=load_fraction
        )
        share = mechanical_share(
            available=outdoor_water, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise
        )
        compressor = self._trim(share, supply_temperature, wet_bulb, load_fraction)
        speed = fan_speed(
            approach=self.tower_approach * load_fraction,
            available_approach=supply_temperature - wet_bulb,
            slowest=self.slowest_fan,
        )
        # The exchanger before the tower lowers its water by about what half the rise adds to its mean.
        evaporated = evaporated_share(
            exhaust=xp.maximum(supply_temperature, wet_bulb + self.tower_approach),
            dry_bulb=dry_bulb,
            dew_point=dew_point,
        )
        return LiquidLoop(
            outdoor_water=outdoor_water,
            compressor=compressor,
            fans=fan_power(design=self.tower_fan_power, speed=speed, load_fraction=load_fraction),
            water=tower_water(rejected=1.0 + compressor, latent_share=evaporated, cycles=self.cycles),
            chilled=share,
            dry_cooled=0.0,
        )

    def _trim(self, share: Ratio, supply: Kelvin, wet_bulb: Kelvin, load_fraction: Ratio) -> Ratio:
        coefficient = coefficient_of_performance(
            evaporating=supply - self.evaporator_approach,
            condensing=wet_bulb + self.trim_condenser_approach,
            carnot_share=self.trim_carnot_share,
        )
        return compressor_power(heat_share=share, coefficient=coefficient, load_fraction=load_fraction)
