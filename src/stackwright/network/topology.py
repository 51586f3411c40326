"""What a scale-out fabric is made of: switches, links and optical modules of a folded-Clos network."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio

MODULES_PER_LINK = 2.0


@spec
class FatTree:
    """Parts of a fabric; a torus of direct links needs none of them."""

    tiers: Count
    """Levels of switches: one to three."""
    edge_switches: Count
    switches: Count
    """Of all tiers, the edge's included."""
    links: Count
    """Cables: from chips to the edge and between tiers."""
    optical_modules: Count
    margin: Ratio
    """Excess of chips over what three tiers of such switches carry; positive is violated."""


def edge_ports(*, switch_ports: Count, oversubscription: Ratio) -> Count:
    """Ports of an edge switch that face chips, one at least; the others face the spine. Source: definition."""
    xp = namespace(switch_ports, oversubscription)
    return xp.maximum(xp.floor(switch_ports * oversubscription / (1.0 + oversubscription)), 1.0)


def fat_tree(
    *,
    chips: Count,
    switch_ports: Count,
    oversubscription: Ratio = 1.0,
    ports_per_chip: Count = 1.0,
    optical_edge: Ratio = 1.0,
) -> FatTree:
    """Parts of a two- or three-tier tree for so many chips, or of one switch where they fit it.

    `oversubscription` is bandwidth into an edge switch over bandwidth out of it, 1 being
    non-blocking; upper tiers do not oversubscribe. `optical_edge` is the share of links between chips
    and edge switches that are optical rather than copper. Counts are whole.
    Source: Leiserson 1985; Al-Fares et al. 2008, section 3 (k^3/4 chips in three tiers of k ports).
    """
    xp = namespace(chips, switch_ports, oversubscription, ports_per_chip)
    ends = chips * ports_per_chip
    down = edge_ports(switch_ports=switch_ports, oversubscription=oversubscription)
    up = switch_ports - down
    one, two = ends <= switch_ports, ends <= down * switch_ports
    edge = xp.where(one, 1.0, xp.ceil(ends / down))
    uplinks = xp.where(one, 0.0, edge * up)
    spine = xp.ceil(uplinks / switch_ports)
    aggregation = xp.ceil(uplinks / (switch_ports / 2.0))
    upper = xp.where(one, 0.0, xp.where(two, spine, aggregation + spine))
    levels = xp.where(one, 1.0, xp.where(two, 2.0, 3.0))
    between = uplinks * (levels - 1.0)
    most = down * switch_ports**2 / 2.0
    return FatTree(
        tiers=levels,
        edge_switches=edge,
        switches=edge + upper,
        links=ends + between,
        optical_modules=MODULES_PER_LINK * (ends * optical_edge + between),
        margin=(ends - most) / most,
    )
