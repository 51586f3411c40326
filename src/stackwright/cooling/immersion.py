"""Single-phase immersion: all heat into a dielectric fluid, rejected by dry coolers."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chiller import coefficient_of_performance, compressor_power
from stackwright.cooling.fans_and_pumps import fan_power, power_per_heat
from stackwright.cooling.heat_rejection import approach_temperature, fan_speed, mechanical_share
from stackwright.cooling.interface import Cooling, CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class Immersion(Cooling):
    """Tanks, fluid and facility loops, dry coolers, trim chillers; no fans in the servers."""

    heat_path: ClassVar[str] = "immersion"
    record: ClassVar[str] = """
type: Immersion
name: Single-phase immersion with dry coolers
aliases: [immersion cooling]
edition: 2026-11-22
note: generic product; constants are engineering priors,
    checked against hourly results of published practice; warranty and fluid supply are not modeled
values:
  junction_resistance: {value: 0.065 K/W, low: 0.050 K/W, high: 0.100 K/W, kind: estimate, source: hall-practice,
    where: "boosted sinks in dielectric fluid",
    note: "wide: few public measurements at 1 kW"}
  coolant_rise: {value: 8 K, low: 5 K, high: 12 K, kind: assumption, source: assumption, note: "tank design"}
  supply_minimum: {value: 25 degC, low: 23 degC, high: 26 degC, kind: assumption, source: assumption,
    note: "single-phase fluids; viscosity below, material limits above"}
  supply_maximum: {value: 50 degC, low: 48 degC, high: 53 degC, kind: assumption, source: assumption,
    note: "single-phase fluids; viscosity below, material limits above"}
  capex_per_watt: {value: 3.50 USD/W, low: 2.2 USD/W, high: 5.5 USD/W, kind: derived, source: turner-townsend-2025,
    where: "AI and liquid premium 7 to 10 % of the build", date: 2025-10-01,
    note: "liquid plant plus tanks and fluid; quotes vary"}
  chiller_capex: {value: 0.40 USD/W, low: 0.20 USD/W, high: 0.60 USD/W, kind: assumption, source: assumption,
    note: "about a quarter of an air-cooled hall's mechanical plant of 1.71 USD/W: machines, their pipes and wiring"}
  pump_power: {value: 1.5 %, low: 1.0 %, high: 2.5 %, kind: assumption, source: assumption,
    note: "fluid and facility loops"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption,
    note: "cube law lowered by static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption,
    note: "minimum speed of variable-speed drives"}
  dry_cooler_approach: {value: 10 K, low: 8 K, high: 14 K, kind: assumption, source: assumption,
    note: "tank supply over dry bulb, exchanger included"}
  dry_cooler_capex: {value: 0.13 USD/W, low: 0.05 USD/W, high: 0.25 USD/W, kind: assumption, source: assumption,
    note: "coolers of 10 K approach with their pipes"}
  dry_cooler_fan_power: {value: 2.0 %, low: 1.0 %, high: 3.0 %, kind: assumption, source: assumption,
    note: "at full speed"}
  slowest_fan: {value: 0.3, low: 0.2, high: 0.4, kind: assumption, source: assumption,
    note: "minimum speed of EC fans"}
  trim_capacity: {value: 1.0, low: 0.5, high: 1.0, kind: assumption, source: assumption, note: "full trim"}
  carnot_share: {value: 0.42, low: 0.36, high: 0.48, kind: assumption, source: assumption,
    note: "air-cooled screw and scroll machines at full load"}
  evaporator_approach: {value: 3 K, low: 2 K, high: 5 K, kind: assumption, source: assumption,
    note: "flooded evaporators"}
  condenser_approach: {value: 14 K, low: 11 K, high: 17 K, kind: assumption, source: assumption,
    note: "air-cooled condensers over dry bulb"}
"""

    pump_power: Ratio
    flow_exponent: Ratio
    least_flow: Ratio
    dry_cooler_approach: Kelvin
    """Tank supply over the outdoor dry bulb at full fan speed, the heat exchanger included."""
    dry_cooler_fan_power: Ratio
    slowest_fan: Ratio
    trim_capacity: Ratio
    """Share of the full heat that the trim chillers can take."""
    carnot_share: Ratio
    evaporator_approach: Kelvin
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
        xp = namespace(supply_temperature, dry_bulb)
        share = mechanical_share(
            available=approach_temperature(
                ambient=dry_bulb, approach=self.dry_cooler_approach, load_fraction=load_fraction
            ),
            supply_temperature=supply_temperature,
            coolant_rise=self.coolant_rise,
        )
        coefficient = coefficient_of_performance(
            evaporating=supply_temperature - self.evaporator_approach,
            condensing=dry_bulb + self.condenser_approach,
            carnot_share=self.carnot_share,
        )
        speed = fan_speed(
            approach=self.dry_cooler_approach * load_fraction,
            available_approach=supply_temperature - dry_bulb,
            slowest=self.slowest_fan,
        )
        return CoolingLoad(
            compressor=compressor_power(heat_share=share, coefficient=coefficient, load_fraction=load_fraction),
            fans=fan_power(design=self.dry_cooler_fan_power, speed=speed, load_fraction=load_fraction),
            pumps=power_per_heat(
                design=self.pump_power,
                load_fraction=load_fraction,
                least_flow=self.least_flow,
                exponent=self.flow_exponent,
            ),
            water=0.0,
            overload=xp.maximum(share * load_fraction - self.trim_capacity, self.supply_margin(supply_temperature)),
            chilled=xp.minimum(share, self.trim_capacity),
            dry_cooled=1.0 - share,
        )
