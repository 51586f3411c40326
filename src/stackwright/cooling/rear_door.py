"""Rear-door heat exchangers: server air is cooled at the rack by water from dry coolers and chillers."""

from __future__ import annotations

from typing import ClassVar

from stackwright.cooling.chilled_air import ChilledAir
from stackwright.cooling.heat_rejection import approach_temperature, mechanical_share
from stackwright.cooling.interface import CoolingLoad
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio


@spec
class RearDoor(ChilledAir):
    """The servers' own fans move the air; `fan_power` is that of the active doors."""

    heat_path: ClassVar[str] = "air"
    record: ClassVar[str] = """
type: RearDoor
name: Active rear-door heat exchangers
aliases: [RDHX, rear door]
edition: 2026-11-22
note: generic product; constants are engineering priors,
    checked against hourly results of published practice; server fans stay
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
  capex_per_watt: {value: 1.90 USD/W, low: 1.3 USD/W, high: 2.8 USD/W, kind: estimate,
    source: cushman-wakefield-2025, where: "mean of 19 United States markets, 11.7 MUSD/MW", date: 2025-06-01,
    note: "17.5 % mechanical share over 1.2, less air handlers, plus doors"}
  chiller_capex: {value: 0.40 USD/W, low: 0.20 USD/W, high: 0.60 USD/W, kind: assumption, source: assumption,
    note: "about a quarter of an air-cooled hall's mechanical plant of 1.71 USD/W: machines, their pipes and wiring"}
  fan_power: {value: 0.8 %, low: 0.0 %, high: 1.5 %, kind: assumption, source: assumption,
    note: "fans of active doors"}
  pump_power: {value: 1.2 %, low: 0.8 %, high: 1.8 %, kind: assumption, source: assumption,
    note: "door and facility water"}
  flow_exponent: {value: 2.6, low: 2.4, high: 2.8, kind: assumption, source: assumption,
    note: "cube law lowered by static head"}
  least_flow: {value: 0.4, low: 0.3, high: 0.5, kind: assumption, source: assumption,
    note: "minimum speed of variable-speed drives"}
  carnot_share: {value: 0.42, low: 0.36, high: 0.48, kind: assumption, source: assumption,
    note: "air-cooled screw and scroll machines at full load"}
  coil_approach: {value: 6 K, low: 4 K, high: 8 K, kind: assumption, source: assumption,
    note: "24 degC air from 18 degC water"}
  evaporator_approach: {value: 3 K, low: 2 K, high: 5 K, kind: assumption, source: assumption,
    note: "flooded evaporators"}
  condenser_approach: {value: 14 K, low: 11 K, high: 17 K, kind: assumption, source: assumption,
    note: "air-cooled condensers over dry bulb"}
  water_rise: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption, note: "door water"}
  dry_cooler_approach: {value: 8 K, low: 6 K, high: 10 K, kind: assumption, source: assumption,
    note: "water over dry bulb at full fan"}
  dry_cooler_capex: {value: 0.09 USD/W, low: 0.05 USD/W, high: 0.25 USD/W, kind: assumption, source: assumption,
    note: "as free-cooling coils of air-cooled halls"}
  dry_cooler_fan_power: {value: 1.5 %, low: 1.0 %, high: 3.0 %, kind: assumption, source: assumption,
    note: "dry-cooler fans"}
"""

    water_rise: Kelvin
    dry_cooler_approach: Kelvin
    dry_cooler_fan_power: Ratio

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
        free_fans = self.dry_cooler_fan_power * (1.0 - share)
        flow = self.flow_power(1.0, load_fraction)
        return CoolingLoad(
            compressor=self.water_chiller_power(
                heat_share=share, water=water, dry_bulb=dry_bulb, load_fraction=load_fraction
            ),
            fans=(self.fan_power + free_fans) * flow,
            pumps=self.pump_power * flow,
            water=0.0,
            overload=self.supply_margin(supply_temperature),
            chilled=share,
            dry_cooled=1.0 - share,
        )
