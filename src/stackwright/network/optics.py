"""Optical modules: the two ends of a link that copper does not span."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import BytesPerSecond, Dollars, Watts


@spec
class OpticalModule:
    """Numbers of one module, or of one port where the optics share the switch's package."""

    bandwidth: BytesPerSecond
    """One direction."""
    power: Watts | None = None
    price: Dollars | None = None
