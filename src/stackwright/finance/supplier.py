"""Suppliers of what vendors build from: how much of a market each of them holds."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, Ratio


def dollars_on(*, dollars: Dollars, share: Ratio) -> Dollars:
    """What of a sum rests on a supplier who holds a share of its market. Source: definition."""
    return dollars * share


@spec
class SupplierShare:
    """What a supplier holds of the market for a part; part, supplier and the vendors it holds for are words of the
    record.
    """

    share: Ratio
    """Of the market's volume or revenue, as the record says."""

    def of(self, dollars: Dollars) -> Dollars:
        """What of a sum rests on the supplier. Source: definition."""
        return dollars_on(dollars=dollars, share=self.share)
