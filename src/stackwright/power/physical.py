"""Physical contract: the buyer takes the energy and pays the contract price for each unit of it."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, DollarsPerJoule, Ratio, Watts
from stackwright.power.contract import Contract, payment


@spec
class PhysicalContract(Contract):
    """Energy in its hour; what the load does not take is sold at the market."""

    @property
    def delivered(self) -> Ratio:
        """All of it. Source: definition."""
        return 1.0

    def payment(self, *, generation: Watts, market_price: DollarsPerJoule, price: DollarsPerJoule) -> Dollars:
        """Contract price times generation. Source: definition."""
        return payment(power=generation, price=price)
