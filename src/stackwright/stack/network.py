"""A chip's share of the scale-out network: its ports, switches and optics."""

from __future__ import annotations

from typing import Any

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, Ratio, Watts
from stackwright.network.links import Fabric
from stackwright.network.topology import fat_tree
from stackwright.rack.system import System

CLUSTER = 16_384.0
"""Chips of the cluster whose tree gives the shares: a building's worth. Larger ones need the same parts
per chip as long as three tiers carry them."""


@spec
class NetworkShare:
    """Of one chip."""

    power: Watts
    price: Dollars
    switches: Ratio


def network_share(fabric: Fabric, system: System, oversubscription: Any) -> NetworkShare:
    """Switch, optics and port of one chip; `oversubscription` thins the tree above its first tier."""
    ports = system.nic_bandwidth / fabric.port_bandwidth
    tree = fat_tree(
        chips=CLUSTER, switch_ports=fabric.switch_ports, oversubscription=oversubscription, ports_per_chip=ports
    )
    switches, optics = tree.switches / CLUSTER, tree.optical_modules / CLUSTER
    nic = 0.0 if fabric.nic_price is None else fabric.nic_price * ports
    return NetworkShare(
        power=switches * fabric.switch_power + optics * fabric.optic_power,
        price=switches * fabric.switch_price + optics * fabric.optic_price + nic,
        switches=switches,
    )
