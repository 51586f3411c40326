"""Financial contract: a contract for differences on the market price; all energy is bought at the market."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, DollarsPerJoule, Ratio, Watts
from stackwright.power.contract import Contract, payment


@spec
class FinancialContract(Contract):
    """A virtual purchase agreement: the seller earns the market price and the buyer pays the difference."""

    @property
    def delivered(self) -> Ratio:
        """None of it. Source: definition."""
        return 0.0

    def payment(self, *, generation: Watts, market_price: DollarsPerJoule, price: DollarsPerJoule) -> Dollars:
        """Contract price less market price, times generation; negative when the market is high. Source: definition."""
        return payment(power=generation, price=price - market_price)
