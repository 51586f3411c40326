"""Power of a system by part, from the chip to the input of its power shelves."""

from __future__ import annotations

from stackwright.core.units import Ratio, Watts


def shelf_input(
    *, chip: Watts, processor: Watts, overhead: Watts, fan_share: Ratio, supply_loss: Ratio, supply_scale: Ratio
) -> Watts:
    """Power per accelerator at the input of the rack's shelves.

    Chips, host and links, plus fans as a share of them, over what the shelf passes on.
    `supply_scale` is the distribution's effect on the shelf (800 V DC needs less conversion there).
    Source: definition (energy balance of a rack).
    """
    return (chip + processor + overhead) * (1.0 + fan_share) / (1.0 - supply_loss * supply_scale)
