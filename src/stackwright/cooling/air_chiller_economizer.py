"""Air-cooled hall with free cooling: a dry cooler in series with the air-cooled chillers."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.heat_rejection import approach_temperature, mechanical_share
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class AirChillerEconomizer(ChilledAir):
    """Chilled water is pre-cooled by outdoor air whenever that is cold enough; the chillers do the rest."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: AirChillerEconomizer
name: Air-cooled chillers with dry-cooler free cooling
aliases: [chiller with economizer]
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
  capex_per_watt: {value: 1.80 USD/W, low: 1.0 USD/W, high: 2.5 USD/W, kind: derived,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share of 11.7 USD/W, over 1.2 for N+1 spares, plus 5 % for free-cooling coils; quotes
      give the range"}
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
  water_rise: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption, note: "chilled-water design"}
  dry_cooler_approach: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption,
    note: "water over dry bulb at full fan"}
  dry_cooler_capex: {value: 0.09 USD/W, low: 0.05 USD/W, high: 0.25 USD/W, kind: assumption, source: assumption,
    note: "the 5 % for free-cooling coils"}
  economizer_fan_power: {value: 1.5 %, low: 1.0 %, high: 3.0 %, kind: assumption, source: assumption,
    note: "dry-cooler fans"}
"""

    water_rise: Kelvin
    """Of the chilled water."""
    dry_cooler_approach: Kelvin
    economizer_fan_power: Ratio

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
        water = self.chilled_water(supply_temperature)
        share = mechanical_share(
            available=approach_temperature(
                ambient=dry_bulb, approach=self.dry_cooler_approach, load_fraction=load_fraction
            ),
            supply_temperature=water,
            coolant_rise=self.water_rise,
        )
        compressor = self.water_chiller_power(
            heat_share=share, water=water, dry_bulb=dry_bulb, load_fraction=load_fraction
        )
        free_fans = self.economizer_fan_power * (1.0 - share)
        flow = self.flow_power(1.0, load_fraction)
        return CoolingLoad(
            compressor=compressor,
            fans=(self.fan_power + free_fans) * flow,
            pumps=self.pump_power * flow,
            water=0.0,
            overload=self.supply_margin(supply_temperature),
            chilled=share,
            dry_cooled=1.0 - share,
        )
