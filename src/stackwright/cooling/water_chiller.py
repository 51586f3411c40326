"""Air-cooled hall on water-cooled chillers and towers, with a water-side economizer."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chiller import coefficient_of_performance, compressor_power
from stackwright.cooling.fans_and_pumps import power_per_heat
from stackwright.cooling.heat_rejection import approach_temperature, evaporated_share, mechanical_share, tower_water
from stackwright.cooling.interface import Cooling, CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class WaterChiller(Cooling):
    """All heat through air, chilled water and a tower; powers are per watt of heat at full load."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: WaterChiller
name: Water-cooled chillers with towers
aliases: [water-cooled chiller, chilled water with tower]
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
  capex_per_watt: {value: 1.90 USD/W, low: 1.0 USD/W, high: 2.5 USD/W, kind: derived,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share of 11.7 USD/W, over 1.2 for N+1 spares, plus 11 % for towers and condenser
      water; quotes give the range"}
  chiller_capex: {value: 0.30 USD/W, low: 0.15 USD/W, high: 0.50 USD/W, kind: assumption, source: assumption,
    note: "centrifugal machines with their pipes and wiring; their condensers are towers, priced apart"}
  fan_power: {value: 3.5 %, low: 2.0 %, high: 5.0 %, kind: assumption, source: assumption,
    note: "air handlers with EC fans at 11 K rise"}
  tower_fan_power: {value: 0.9 %, low: 0.6 %, high: 1.2 %, kind: assumption, source: assumption,
    note: "induced-draft towers at full speed"}
  pump_power: {value: 1.8 %, low: 1.2 %, high: 2.6 %, kind: assumption, source: assumption,
    note: "chilled and condenser water"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption,
    note: "cube law lowered by static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption,
    note: "minimum speed of variable-speed drives"}
  carnot_share: {value: 0.6, low: 0.52, high: 0.66, kind: assumption, source: assumption,
    note: "centrifugal machines at full load"}
  coil_approach: {value: 7 K, low: 5 K, high: 9 K, kind: assumption, source: assumption,
    note: "25 degC air from 18 degC water"}
  evaporator_approach: {value: 3 K, low: 2 K, high: 5 K, kind: assumption, source: assumption,
    note: "flooded evaporators"}
  condenser_approach: {value: 10 K, low: 8 K, high: 12 K, kind: assumption, source: assumption,
    note: "tower, condenser range and pinch over wet bulb"}
  tower_approach: {value: 4 K, low: 3 K, high: 5 K, kind: assumption, source: assumption,
    note: "leaving water over wet bulb"}
  exchanger_approach: {value: 2 K, low: 1 K, high: 3 K, kind: assumption, source: assumption, note: "plate exchanger"}
  water_rise: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption, note: "chilled-water design"}
  cycles: {value: 5, low: 3, high: 8, kind: assumption, source: assumption, note: "depends on water quality"}
"""

    fan_power: Ratio
    """Air handlers."""
    tower_fan_power: Ratio
    """Per watt rejected."""
    pump_power: Ratio
    """Chilled and condenser water."""
    flow_exponent: Ratio
    least_flow: Ratio
    carnot_share: Ratio
    coil_approach: Kelvin
    evaporator_approach: Kelvin
    condenser_approach: Kelvin
    """Condensing refrigerant over the outdoor wet bulb."""
    tower_approach: Kelvin
    exchanger_approach: Kelvin
    """Of the economizer's heat exchanger."""
    water_rise: Kelvin
    """Of the chilled water."""
    cycles: Ratio
    """Cycles of concentration of the tower water."""

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
        xp = namespace(supply_temperature, wet_bulb)
        water = supply_temperature - self.coil_approach
        share = mechanical_share(
            available=approach_temperature(
                ambient=wet_bulb,
                approach=self.tower_approach + self.exchanger_approach,
                load_fraction=load_fraction,
            ),
            supply_temperature=water,
            coolant_rise=self.water_rise,
        )
        coefficient = coefficient_of_performance(
            evaporating=water - self.evaporator_approach,
            condensing=wet_bulb + self.condenser_approach,
            carnot_share=self.carnot_share,
        )
        compressor = compressor_power(heat_share=share, coefficient=coefficient, load_fraction=load_fraction)
        # the heat of air-handler fans and pumps ends in the tower too
        flow = power_per_heat(
            design=1.0, load_fraction=load_fraction, least_flow=self.least_flow, exponent=self.flow_exponent
        )
        rejected = 1.0 + compressor + (self.fan_power + self.pump_power) * flow
        # tower water is as cold as the outside allows, or as the economizer needs it
        evaporated = evaporated_share(
            exhaust=xp.maximum(wet_bulb + self.tower_approach, water - self.exchanger_approach) + 0.5 * self.water_rise,
            dry_bulb=dry_bulb,
            dew_point=dew_point,
        )
        return CoolingLoad(
            compressor=compressor,
            fans=(self.fan_power + self.tower_fan_power * rejected) * flow,
            pumps=self.pump_power * flow,
            water=tower_water(rejected=rejected, latent_share=evaporated, cycles=self.cycles),
            overload=self.supply_margin(supply_temperature),
            chilled=share,
        )
