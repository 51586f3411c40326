"""The loop between chip and coolant: power warms the chip, warmth adds leakage, leakage is power."""

from __future__ import annotations

from typing import Any

from stackwright.cooling.interface import junction_temperature
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, KelvinPerWatt, Ratio, Watts

ROUNDS = 6
"""Leakage changes power by a few tenths of a percent per kelvin, so each round shrinks the error by
an order of magnitude or more; a test holds the residual below 1e-4."""

JUNCTION_LIMIT = 363.15
"""Throttling temperature of current accelerators, 90 degC: vendors state 83 to 95."""


@spec
class Settled:
    """Power of a chip at the temperature that this power causes."""

    power: Watts
    temperature: Kelvin
    residual: Ratio
    """Change of power in the last round, over the power."""


def settle(
    chip_power: Any,
    *,
    flop_rate: Any,
    byte_rate: Any,
    tdp: Watts,
    clock: Ratio,
    limit: Watts,
    precision: str,
    coolant_temperature: Kelvin,
    junction_resistance: KelvinPerWatt,
) -> Settled:
    """Find the power and temperature that agree; `chip_power` is the chip layer's power family.

    Source: fixed point of the chip's power equation and the thermal resistance to the coolant.
    """
    xp = namespace(flop_rate, limit, coolant_temperature)
    power = before = limit
    for _ in range(ROUNDS):
        temperature = junction_temperature(
            coolant_temperature=coolant_temperature, chip_power=power, junction_resistance=junction_resistance
        )
        before = power
        wanted = chip_power.draw(
            flop_rate=flop_rate,
            byte_rate=byte_rate,
            tdp=tdp,
            junction_temperature=temperature,
            clock=clock,
            precision=precision,
        )
        power = xp.minimum(wanted, limit)
    return Settled(power=power, temperature=temperature, residual=abs(power - before) / power)


def thermal_margin(*, temperature: Kelvin, coolant_temperature: Kelvin, limit: Kelvin = JUNCTION_LIMIT) -> Ratio:
    """Excess of a junction over its limit, over the head room that the coolant leaves; positive is violated.

    Source: definition.
    """
    return (temperature - limit) / (limit - coolant_temperature)
