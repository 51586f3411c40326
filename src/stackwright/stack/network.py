"""A chip's share of the scale-out network: its ports, switches and optics."""

from __future__ import annotations

from typing import Any

from stackwright.core.spec import spec
from stackwright.core.units import Dollars, Ratio, Watts
from stackwright.network.links import Fabric
from stackwright.rack.system import System


@spec
class NetworkShare:
    """Of one chip, in a three-tier tree of a large cluster."""

    power: Watts
    price: Dollars
    switches: Ratio


def network_share(fabric: Fabric, system: System, oversubscription: Any) -> NetworkShare:
    """Switch ports and optics per chip in a three-tier folded Clos, thinned above the first tier.

    Per host port: one down-link and ``1/o`` up-link at the edge, ``2/o`` ports at the middle tier and
    ``1/o`` at the core; two optics on the host link and ``4/o`` on the two links above it.
    Source: port counts of a folded Clos (Al-Fares et al., SIGCOMM 2008), with up-links over `o`.
    """
    ports = system.nic_bandwidth / fabric.port_bandwidth
    thin = 1.0 / oversubscription
    switches = ports * (1.0 + 4.0 * thin) / fabric.switch_ports
    optics = ports * (2.0 + 4.0 * thin)
    nic = 0.0 if fabric.nic_price is None else fabric.nic_price * ports
    return NetworkShare(
        power=switches * fabric.switch_power + optics * fabric.optic_power,
        price=switches * fabric.switch_price + optics * fabric.optic_price + nic,
        switches=switches,
    )
