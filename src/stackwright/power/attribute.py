"""Attribute contract: the buyer takes the clean energy attributes, the plant keeps its energy sales."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Dollars, DollarsPerJoule, Ratio, Watts
from stackwright.power.contract import Contract, payment


def attribute_price(*, price: DollarsPerJoule, energy_value: DollarsPerJoule) -> DollarsPerJoule:
    """What the attributes cost when a price covers all of a plant's income: the rest over its energy sales.

    Source: definition.
    """
    xp = namespace(price, energy_value)
    return xp.maximum(price - energy_value, 0.0 * price)


@spec
class AttributeContract(Contract):
    """Certificates of an operating plant."""

    energy_value: DollarsPerJoule
    """What the plant earns from energy and capacity, which its price covers too; zero for bare certificates."""

    @property
    def delivered(self) -> Ratio:
        """None of it. Source: definition."""
        return 0.0

    @property
    def settled_energy(self) -> Ratio:
        """None of it: the plant sells its energy. Source: definition."""
        return 0.0

    def payment(self, *, generation: Watts, market_price: DollarsPerJoule, price: DollarsPerJoule) -> Dollars:
        """Attribute price times generation. Source: definition."""
        return payment(power=generation, price=attribute_price(price=price, energy_value=self.energy_value))
