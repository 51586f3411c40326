"""Power of a system by part, from the chip to the input of its power shelves.

Parts draw from a busbar; the shelves or supplies of the rack feed it. Both lose by their load, so a rack
that idles, decodes, prefills or stands at its limit has a loss of its own in each state. Where the
building delivers direct current, only a share of these losses stays in the rack.
"""

from __future__ import annotations

from collections.abc import Mapping

from stackwright.core.spec import spec
from stackwright.core.units import Ratio, Watts


def fan_power(*, cooled: Watts, fan_share: Ratio) -> Watts:
    """Server fans for the other parts. Source: definition."""
    return cooled * fan_share


def busbar_loss(*, delivered: Watts, rating: Watts, resistive: Ratio) -> Watts:
    """Resistive loss at constant voltage; `resistive` is that at the rating over the rating. Source: Ohm's law."""
    return resistive * delivered * delivered / rating


def supply_loss(*, output: Watts, rating: Watts, constant: Ratio, proportional: Ratio, quadratic: Ratio) -> Watts:
    """Loss of shelves or supplies that share a load, spares included in their rating.

    Source: 80 PLUS and Open Rack V3 efficiency points by load; loss/rated = a + b L + c L^2.
    """
    return constant * rating + proportional * output + quadratic * output * output / rating


@spec
class RackPower:
    """Watts per accelerator by part [...]."""

    chip: Watts
    processor: Watts
    nic: Watts
    switch: Watts
    board: Watts
    fans: Watts
    busbar: Watts
    """Lost between the shelves and the parts."""
    supply: Watts
    """Lost in the shelves or supplies."""

    @property
    def boards(self) -> Watts:
        """Into all boards, the fans left out. Source: energy balance."""
        return self.chip + self.processor + self.nic + self.switch + self.board

    @property
    def delivered(self) -> Watts:
        """At the end of the busbar. Source: energy balance."""
        return self.boards + self.fans

    @property
    def shelf_output(self) -> Watts:
        """Out of the shelves or supplies. Source: energy balance."""
        return self.delivered + self.busbar

    @property
    def input(self) -> Watts:
        """Into the rack. Source: energy balance."""
        return self.shelf_output + self.supply

    def __add__(self, other: RackPower) -> RackPower:
        """Both together, part by part. Source: definition."""
        return RackPower(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})

    def times(self, factor: Ratio) -> RackPower:
        """Every part this many times. Source: definition."""
        return RackPower(**{name: getattr(self, name) * factor for name in self.__dataclass_fields__})

    def heat_to(self, plates: Mapping[str, float]) -> Ratio:
        """Share of the rack's heat that cold plates take, from the share of each part's that they do.

        Source: energy balance; all power becomes heat.
        """
        return sum(getattr(self, part) * share for part, share in plates.items()) / self.input
