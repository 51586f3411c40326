"""A host processor."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Watts


@spec
class Processor:
    """Numbers of one host CPU."""

    tdp: Watts | None = None
    cores: Count | None = None
    memory_capacity: Bytes | None = None
    memory_bandwidth: BytesPerSecond | None = None
    link_bandwidth: BytesPerSecond | None = None
    """To the accelerators, all together, one direction."""
