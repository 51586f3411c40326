"""Air-cooled hall that takes in outdoor air when it is cool and dry enough, and runs chillers else."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.heat_rejection import mechanical_share
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


def share_with_dampers(*, outdoor_share: Ratio, dew_point: Kelvin, dew_point_limit: Kelvin) -> Ratio:
    """Share of heat left to chillers when dampers close in humid hours: then all of it. Source: definition."""
    xp = namespace(outdoor_share, dew_point, dew_point_limit)
    return xp.where(dew_point > dew_point_limit, 1.0, outdoor_share)


@spec
class AirSideEconomizer(ChilledAir):
    """Outdoor air where its temperature and dew point allow; full chillers behind it."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: AirSideEconomizer
name: Air-side economizer with air-cooled chillers
aliases: [air economizer]
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
  capex_per_watt: {value: 1.85 USD/W, low: 1.0 USD/W, high: 2.5 USD/W, kind: derived,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share of 11.7 USD/W, over 1.2 for N+1 spares, plus 8 % for dampers and filters; quotes
      give the range"}
  chiller_capex: {value: 0.40 USD/W, low: 0.20 USD/W, high: 0.60 USD/W, kind: assumption, source: assumption,
    note: "about a quarter of an air-cooled hall's mechanical plant of 1.71 USD/W: machines, their pipes and wiring"}
  fan_power: {value: 4.4 %, low: 3.0 %, high: 6.0 %, kind: assumption, source: assumption,
    note: "350 Pa of dampers, filters, pads or coils, and plenum over 60 % efficient fans, at 11 K rise of the air"}
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
  dew_point_limit: {value: 17 degC, low: 15 degC, high: 21 degC, kind: assumption, source: assumption,
    note: "ASHRAE: recommended 15, class A1 17, class A2 21 degC"}
  fan_heat: {value: 0.4 K, low: 0.2 K, high: 0.8 K, kind: assumption, source: assumption,
    note: "fan power over air flow"}
"""

    dew_point_limit: Kelvin
    """Of the supply air."""
    fan_heat: Kelvin
    """Rise of the air over the supply fans."""

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
        outdoor_share = mechanical_share(
            available=dry_bulb + self.fan_heat, supply_temperature=supply_temperature, coolant_rise=self.coolant_rise
        )
        share = share_with_dampers(
            outdoor_share=outdoor_share, dew_point=dew_point, dew_point_limit=self.dew_point_limit
        )
        water = self.chilled_water(supply_temperature)
        flow = self.flow_power(1.0, load_fraction)
        return CoolingLoad(
            compressor=self.water_chiller_power(
                heat_share=share, water=water, dry_bulb=dry_bulb, load_fraction=load_fraction
            ),
            fans=self.fan_power * flow,
            pumps=share * (self.pump_power * flow),
            water=0.0,
            overload=self.supply_margin(supply_temperature),
            chilled=share,
        )
