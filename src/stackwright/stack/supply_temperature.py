"""The supply temperature that is best for chip, plant and meter together, for one chip in one plant.

Warm coolant spares chillers, above all in the worst hour, for which the meter is sized. Cold coolant spares
leakage. Which one wins is a matter of the site's weather, so the best temperature is found, not assumed.
"""

from __future__ import annotations

from typing import Any

from stackwright.catalog.series import SiteSeries
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Ratio, Watts
from stackwright.stack.coupling import settle
from stackwright.stack.plant import PlantSpecs, cooling_year, excursion_share, hourly, meter_per_watt


@spec
class SupplyCurve:
    """One chip and one plant over supply temperatures; all fields [n]."""

    supply_temperature: Kelvin
    junction_temperature: Kelvin
    chip_power: Ratio
    """Power of the same work over that at the junction temperature to which the chip's leakage refers."""
    mean_meter: Ratio
    """Watts at the meter over a year per watt of chip compute, which is that reference power."""
    peak_meter: Ratio
    """The same in the worst hour."""
    overload: Ratio
    """Share of the hours that cannot be held."""


def supply_curve(
    specs: PlantSpecs,
    series: SiteSeries,
    chip_power: Any,
    *,
    supply_temperature: Kelvin,
    flop_rate: Any,
    byte_rate: Any,
    precision: str,
    tdp: Watts,
    other_power: Watts,
    liquid_share: Ratio,
    load_fraction: Ratio = 1.0,
    clock: Ratio = 1.0,
) -> SupplyCurve:
    """What a chip that does the same work draws at the meter at each supply temperature [n].

    `chip_power` is the chip layer's power family; `other_power` is what the rack draws beside a chip. Supply
    temperatures are those of the coolant at the racks. Source: fixed point of `settle` times the hourly energy balance
    of the plant.
    """
    cooling = specs.cooling
    settled = settle(
        chip_power,
        flop_rate=flop_rate,
        byte_rate=byte_rate,
        tdp=tdp,
        clock=clock,
        limit=tdp,
        precision=precision,
        coolant_temperature=cooling.chip_coolant_temperature(supply_temperature=supply_temperature),
        junction_resistance=cooling.junction_resistance,
    )
    compute = chip_power.draw(flop_rate=flop_rate, byte_rate=byte_rate, tdp=tdp, clock=clock, precision=precision)
    load = cooling_year(
        hourly(specs).cooling,
        series,
        supply_temperature=supply_temperature[:, None],
        liquid_share=liquid_share,
        load_fraction=load_fraction,
    )
    meter = meter_per_watt(specs, load, load_fraction) + 0.0 * series.dry_bulb
    drawn = (settled.power + other_power) / compute
    return SupplyCurve(
        supply_temperature=supply_temperature,
        junction_temperature=settled.temperature,
        chip_power=settled.power / compute,
        mean_meter=drawn * meter.mean(axis=-1),
        peak_meter=drawn * meter.max(axis=-1),
        overload=excursion_share(load, meter),
    )
