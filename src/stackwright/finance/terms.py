"""Financing terms: rates and lives."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio


@spec
class Terms:
    """How capital is priced and how long things last; rates are real, per year."""

    discount_rate: Ratio
    chip_life: Count
    """Years until a chip is worth nothing."""
    network_life: Count
    plant_life: Count
    """Electrical and mechanical plant, years."""
    building_life: Count
    chip_price_decline: Ratio
    """Yearly fall of the price of the same chip."""
    maintenance: Ratio
    """Yearly repair, spares and support of IT, over its price."""
    spares: Ratio
    """Accelerators bought beyond those in service, over those in service."""
