"""A named future of prices: which kind of chip gains beyond what all gain."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Ratio


@spec
class PriceFuture:
    """Yearly gain of price-performance beyond the common one."""

    sold: Ratio
    """Of chips that anybody can buy."""
    in_house: Ratio
    """Of chips that clouds make for themselves, and rent out."""
