"""The unit of sale: a node, rack or pod that fixes chip, CPU, scale-up domain and cooling class.

A part is free only where its vendor sells it apart; which chip, CPU and scale-up link a system
carries are links of its record, not fields.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Dollars, DollarsPerSecond, Ratio, Watts


@spec
class System:
    """Numbers of one system; powers are those that its power shelves or supplies deliver."""

    chips: Count
    """Accelerators in the unit that is sold."""
    scale_up_domain: Count
    """Accelerators that share the scale-up links; a torus or multi-rack domain may exceed `chips`."""
    chips_per_rack: Count
    node_chips: Count
    """Accelerators that share one host and its NICs."""
    processor_power: Watts
    """Host CPUs and their memory, per accelerator, while the accelerators work."""
    overhead_power: Watts
    """NICs, scale-up switches, drives and boards, per accelerator."""
    fan_share: Ratio
    """Server fans as a share of the system's other power (air-cooled part included)."""
    supply_loss: Ratio
    """Loss of power shelves or supplies inside the rack, as a share of their input; PUE hides it."""
    liquid_share: Ratio
    """Share of the system's heat that a liquid-cooled build of it gives to liquid; 0 where no such build is sold."""
    rack_power: Watts | None = None
    """Nameplate of a full rack, as the vendor states it; a check, not an input."""
    host_memory: Bytes | None = None
    """Memory of the host CPUs, per accelerator; None where it is not known."""
    nic_bandwidth: BytesPerSecond
    """Scale-out bandwidth per accelerator, one direction."""
    price_per_chip: Dollars | None = None
    """What a volume buyer pays for the whole system, divided by its accelerators."""
    cost_per_chip: Dollars | None = None
    """The vendor's cost of goods for the whole system, divided by its accelerators."""
    rent_on_demand: DollarsPerSecond | None = None
    """Per accelerator, all-in."""
    rent_committed: DollarsPerSecond | None = None
    """Per accelerator, all-in, with a three-year commitment."""
