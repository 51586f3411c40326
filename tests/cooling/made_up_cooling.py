"""A cooling type that nobody sells: cold plates on the water of a deep lake, moved by pumps alone.

It is what a new type takes: equations, one class with the record of its product, and nothing else.
"""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.fans_and_pumps import power_per_heat
from stackwright.cooling.heat_rejection import approach_temperature
from stackwright.cooling.interface import Cooling, CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


def lake_flow(*, available: Kelvin, supply_temperature: Kelvin, coolant_rise: Kelvin) -> Ratio:
    """Lake water per heat, over that at the coldest set point: a warmer loop heats each liter more.

    Source: energy balance of the exchanger, lake water leaving at the loop's return temperature.
    """
    xp = namespace(available, supply_temperature, coolant_rise)
    return coolant_rise / xp.maximum(supply_temperature + coolant_rise - available, coolant_rise)


def shortfall(*, available: Kelvin, supply_temperature: Kelvin, coolant_rise: Kelvin) -> Ratio:
    """How far a lake is from cooling a loop to its set point, over the loop's rise. Source: definition."""
    return (available - supply_temperature) / coolant_rise


@spec
class DeepLake(Cooling):
    """Lake water of one temperature all year, through heat exchangers; no fans, no chillers, no water lost."""

    heat_path: ClassVar[str] = "liquid"
    record: ClassVar[str] = """
type: DeepLake
name: Deep lake water through heat exchangers
aliases: [lake water]
edition: 2026-11-22
note: a made-up product
values:
  junction_resistance: {value: 0.030 K/W, low: 0.022 K/W, high: 0.040 K/W, kind: assumption, source: assumption,
    note: "cold plates as of any liquid type"}
  coolant_rise: {value: 10 K, low: 8 K, high: 12 K, kind: assumption, source: assumption, note: "usual flow"}
  supply_minimum: {value: 12 degC, low: 10 degC, high: 14 degC, kind: assumption, source: assumption,
    note: "what the lake gives"}
  supply_maximum: {value: 45 degC, low: 40 degC, high: 50 degC, kind: assumption, source: assumption,
    note: "cold plates as of any liquid type"}
  capex_per_watt: {value: 1.0 USD/W, low: 0.6 USD/W, high: 2.0 USD/W, kind: assumption, source: assumption,
    note: "a pipe and heat exchangers in place of chillers"}
  lake_temperature: {value: 6 degC, low: 4 degC, high: 9 degC, kind: assumption, source: assumption,
    note: "below the thermocline"}
  exchanger_approach: {value: 4 K, low: 2 K, high: 6 K, kind: assumption, source: assumption, note: "plates"}
  lake_pump_power: {value: 1.5 %, low: 0.8 %, high: 3.0 %, kind: assumption, source: assumption,
    note: "lift and pipe, at the coldest set point"}
  loop_pump_power: {value: 1.0 %, low: 0.6 %, high: 1.6 %, kind: assumption, source: assumption,
    note: "facility and technology loops"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption, note: "some static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption, note: "drives"}
"""

    lake_temperature: Kelvin
    exchanger_approach: Kelvin
    """Facility water over lake water."""
    lake_pump_power: Ratio
    loop_pump_power: Ratio
    flow_exponent: Ratio
    least_flow: Ratio

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
        xp = namespace(supply_temperature)
        loop = {
            "available": approach_temperature(ambient=self.lake_temperature, approach=self.exchanger_approach),
            "supply_temperature": supply_temperature,
            "coolant_rise": self.coolant_rise,
        }
        design = self.loop_pump_power + self.lake_pump_power * lake_flow(**loop) ** self.flow_exponent
        pumps = power_per_heat(
            design=design, load_fraction=load_fraction, least_flow=self.least_flow, exponent=self.flow_exponent
        )
        return CoolingLoad(
            compressor=0.0,
            fans=0.0,
            pumps=pumps,
            water=0.0,
            overload=xp.maximum(shortfall(**loop), self.supply_margin(supply_temperature)),
        )
