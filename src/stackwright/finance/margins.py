"""Gross margins: what of a price its seller keeps above the cost of what is sold."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, Ratio


def margin_dollars(*, price: Dollars, gross_margin: Ratio) -> Dollars:
    """What the seller keeps of a price. Source: definition."""
    return price * gross_margin


def cost_behind(*, price: Dollars, gross_margin: Ratio) -> Dollars:
    """The seller's cost of what is sold at a price. Source: definition."""
    return price * (1.0 - gross_margin)


def price_of(*, cost: Dollars, gross_margin: Ratio) -> Dollars:
    """The price at which a seller with a cost keeps a margin. Source: definition."""
    return cost / (1.0 - gross_margin)


@spec
class Margin:
    """What the vendor of a layer keeps; layer and vendor are words of the record."""

    gross_margin: Ratio
    """Revenue less cost of goods, over revenue."""

    def dollars(self, price: Dollars) -> Dollars:
        """What the vendor keeps of a price. Source: definition."""
        return margin_dollars(price=price, gross_margin=self.gross_margin)

    def cost(self, price: Dollars) -> Dollars:
        """The vendor's cost behind a price. Source: definition."""
        return cost_behind(price=price, gross_margin=self.gross_margin)
