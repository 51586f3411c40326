"""From a replica's work to its watts and dollars: where chip, rack, network and coolant meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.rack.power import shelf_input
from stackwright.stack.coupling import settle, thermal_margin
from stackwright.stack.deployment import Unit
from stackwright.stack.network import network_share
from stackwright.stack.performance import Hardware


def unit_of(
    hardware: Hardware,
    *,
    precision: str,
    power_cap: Any,
    oversubscription: Any,
    numbers: Mapping[str, Any],
    coolant_temperature: Any,
    junction_resistance: Any,
) -> tuple[Unit, Any]:
    """A replica's chips, power and price; and the thermal margin of a chip at its cap.

    Power is that at the rack's input: chip at the temperature it settles at, host, links, fans and
    supply losses, and its share of the fabric's switches and optics.
    """
    family, chip, system = hardware.chip_power, hardware.chip, hardware.system
    clock = family.clock(power_cap=power_cap)
    share = network_share(hardware.fabric, system, oversubscription)
    limit = power_cap * chip.tdp
    form = precision if getattr(family, f"energy_per_flop_{precision}", None) is not None else "bf16"

    def drawn(name: str) -> Any:
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
        return shelf(settled.power)

    def shelf(power: Any) -> Any:
        return (
            shelf_input(
                chip=power,
                processor=system.processor_power,
                overhead=system.overhead_power,
                fan_share=system.fan_share,
                supply_loss=system.supply_loss,
                supply_scale=1.0,
            )
            + share.power
        )

    idle = family.idle(
        tdp=chip.tdp, junction_temperature=coolant_temperature + junction_resistance * family.idle_share * chip.tdp
    )
    hottest = coolant_temperature + junction_resistance * limit
    zero = 0.0 * numbers["decode_chips"]
    unit = Unit(
        decode_chips=numbers["decode_chips"],
        decode_rate=numbers["decode_rate"],
        prefill_chips=numbers["prefill_chips"],
        prefill_rate=numbers["prefill_rate"],
        system_price=zero + _or_zero(system.price_per_chip),
        rent=zero + _or_zero(system.rent_committed),
        network_price=zero + share.price,
        decode_power=zero + drawn("decode"),
        prefill_power=zero + drawn("prefill"),
        idle_power=zero + shelf(idle),
        provisioned_power=zero + shelf(limit),
        sold_chips=zero + system.chips,
    )
    return unit, zero + thermal_margin(temperature=hottest, coolant_temperature=coolant_temperature)


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
