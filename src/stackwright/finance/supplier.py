"""Suppliers of what vendors build from: how much of a market each of them holds."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Ratio


@spec
class SupplierShare:
    """What a supplier holds of the market for a part; part, supplier and the vendors it holds for are words of the
    record.
    """

    share: Ratio
    """Of the market's volume or revenue, as the record says."""
