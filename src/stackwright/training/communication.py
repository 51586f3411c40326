"""Groups of ranks laid over scale-up domains: what stands far apart shares few links.

A group's ranks stand `stride` chips apart. A group with a large stride has few ranks in each domain,
and what leaves a domain goes out over the ports of those ranks alone.
"""

from __future__ import annotations

from dataclasses import replace

from stackwright.core.arrays import namespace
from stackwright.core.units import Count
from stackwright.network.collectives import Wires


def ranks_together(*, domain: Count, stride: Count) -> Count:
    """Ranks of a group that share a scale-up domain, at least one. Source: definition."""
    return namespace(domain, stride).maximum(1.0, domain / stride)


def strided(wires: Wires, stride: Count) -> Wires:
    """The links as a group meets them whose ranks stand `stride` chips apart."""
    return replace(wires, domain=ranks_together(domain=wires.domain, stride=stride))
