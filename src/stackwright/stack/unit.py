"""From a replica's work to its watts and dollars: where chip, rack, network and coolant meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.core.spec import spec
from stackwright.core.units import Ratio, Watts
from stackwright.rack.power import RackPower
from stackwright.stack.coupling import settle, thermal_margin
from stackwright.stack.deployment import Unit
from stackwright.stack.network import NetworkShare
from stackwright.stack.performance import Hardware


@spec
class States:
    """Watts per accelerator of a system by part, in each state of its chips."""

    decode: RackPower
    prefill: RackPower
    idle: RackPower
    limit: RackPower
    """Chips at their cap: what the plant is built for."""
    network: Watts
    """Its share of the fabric's switches and optics, which have supplies of their own."""

    def input(self, state: str) -> Watts:
        """Into the rack and the fabric in a state. Source: energy balance."""
        return getattr(self, state).input + self.network


@spec
class Drawn:
    """A replica's chips, watts and price."""

    unit: Unit
    states: States
    margin: Ratio
    """Excess of a chip at its cap over the temperature that it may have; positive is violated."""


def unit_of(
    hardware: Hardware,
    *,
    precision: str,
    power_cap: Any,
    network: NetworkShare,
    numbers: Mapping[str, Any],
    coolant_temperature: Any,
    junction_resistance: Any,
    supply_scale: Any,
    busbar_scale: Any,
) -> Drawn:
    """A replica's chips, watts and price.

    Power is that at the rack's input: chip at the temperature it settles at, host, links, fans, and what busbar and
    shelves lose at that load, and its share of the fabric's switches and optics. The scales are the distribution's.
    """
    family, chip, system = hardware.chip_power, hardware.chip, hardware.system
    clock = family.clock(power_cap=power_cap)
    limit = power_cap * chip.tdp
    form = precision if getattr(family, f"energy_per_flop_{precision}", None) is not None else "bf16"

    def working(name: str) -> RackPower:
        settled = settle(
            family,
            flop_rate=numbers[f"{name}_flops"],
            byte_rate=numbers[f"{name}_bytes"],
            tdp=chip.tdp,
            clock=clock,
            precision=form,
            limit=limit,
            coolant_temperature=coolant_temperature,
            junction_resistance=junction_resistance,
        )
        return rack(settled.power)

    def rack(power: Any) -> RackPower:
        return system.power(power, supply_scale=supply_scale, busbar_scale=busbar_scale)

    idle = family.idle(
        tdp=chip.tdp, junction_temperature=coolant_temperature + junction_resistance * family.idle_share * chip.tdp
    )
    hottest = coolant_temperature + junction_resistance * limit
    states = States(
        decode=working("decode"), prefill=working("prefill"), idle=rack(idle), limit=rack(limit), network=network.power
    )
    zero = 0.0 * numbers["decode_chips"]
    unit = Unit(
        decode_chips=numbers["decode_chips"],
        decode_rate=numbers["decode_rate"],
        prefill_chips=numbers["prefill_chips"],
        prefill_rate=numbers["prefill_rate"],
        system_price=zero + _or_zero(system.price_per_chip),
        rent=zero + _or_zero(system.rent_committed),
        network_price=zero + network.price,
        decode_power=zero + states.input("decode"),
        prefill_power=zero + states.input("prefill"),
        idle_power=zero + states.input("idle"),
        provisioned_power=zero + states.input("limit"),
        sold_chips=zero + system.chips,
    )
    margin = zero + thermal_margin(temperature=hottest, coolant_temperature=coolant_temperature)
    return Drawn(unit=unit, states=states, margin=margin)


def apart(numbers: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A fleet's numbers as those of its two pools, each alone: decode without prefill chips, and the prefill pool.

    The prefill replica stands in the place of the decode replica, so a pool is a fleet like any other.
    Source: definition.
    """
    none = 0.0 * numbers["prefill_chips"]
    alone = {"prefill_chips": none, "prefill_rate": 1.0 + none, "prefill_flops": none, "prefill_bytes": none}
    decode = {name: value for name, value in numbers.items() if name.startswith("decode_")}
    prefill = {name.replace("prefill_", "decode_"): numbers[name] for name in alone}
    return decode | alone, prefill | alone


def _or_zero(price: Any) -> Any:
    """A price that nobody publishes counts as zero here; `eligibility` keeps such a way of sourcing out."""
    return 0.0 if price is None else price
