"""Air-cooled hall: air handlers on chilled water, air-cooled chillers all year."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class AirChiller(ChilledAir):
    """All heat through air and chillers, without free cooling."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: AirChiller
name: Air-cooled chillers with air handlers
aliases: [air chiller, CRAH]
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
  capex_per_watt: {value: 1.71 USD/W, low: 1.0 USD/W, high: 2.5 USD/W, kind: derived,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share of 11.7 USD/W, over 1.2 for N+1 spares; quotes give the range"}
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
"""

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
        compressor = self.water_chiller_power(
            heat_share=1.0,
            water=self.chilled_water(supply_temperature),
            dry_bulb=dry_bulb,
            load_fraction=load_fraction,
        )
        return CoolingLoad(
            compressor=compressor,
            fans=self.flow_power(self.fan_power, load_fraction),
            pumps=self.flow_power(self.pump_power, load_fraction),
            water=0.0,
            overload=self.supply_margin(supply_temperature),
            chilled=1.0,
        )
