"""The unit of sale: a node, rack or pod that fixes chip, CPU, scale-up domain and cooling class.

A part is free only where its vendor sells it apart; which chip, CPU and scale-up link a system
carries are links of its record, not fields.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Dollars, DollarsPerSecond, Ratio, Watts
from stackwright.rack.power import RackPower, busbar_loss, fan_power, supply_loss


@spec
class System:
    """Numbers of one system; powers of parts are those that the busbar or the supplies deliver to them."""

    chips: Count
    """Accelerators in the unit that is sold."""
    scale_up_domain: Count
    """Accelerators that share the scale-up links; a torus or multi-rack domain may exceed `chips`."""
    chips_per_rack: Count
    node_chips: Count
    """Accelerators that share one host and its NICs."""
    processor_power: Watts
    """Host CPUs and their memory, per accelerator, while the accelerators work."""
    nic_power: Watts
    """NICs and data processors, per accelerator."""
    switch_power: Watts
    """Scale-up switches, per accelerator; none in a mesh or torus of chips."""
    board_power: Watts
    """Drives, boards, retimers and management, per accelerator."""
    fan_share: Ratio
    """Server fans as a share of the system's other power (air-cooled part included)."""
    supply_rating: Watts
    """Output of the installed shelves or supplies, spares included, per accelerator."""
    supply_constant: Ratio
    """No-load loss of the shelves or supplies over their rating; PUE hides all of these."""
    supply_proportional: Ratio
    supply_quadratic: Ratio
    busbar_resistive: Ratio
    """Loss of the busbar at the rating of the shelves over that rating."""
    liquid_share: Ratio
    """Share of the system's heat that a liquid-cooled build of it gives to liquid; 0 where no such build is sold."""
    chip_plates: Ratio | None = None
    """Share of the accelerators' heat that cold plates take; None where the build is air-cooled."""
    processor_plates: Ratio | None = None
    nic_plates: Ratio | None = None
    switch_plates: Ratio | None = None
    supply_plates: Ratio | None = None
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

    def power(self, chip: Watts, *, supply_scale: Ratio = 1.0, busbar_scale: Ratio = 1.0) -> RackPower:
        """Every part's watts per accelerator while an accelerator draws `chip`.

        The scales are the distribution's: what direct current leaves of the losses of shelves and busbar.
        Source: energy balance of a rack.
        """
        parts = chip + self.processor_power + self.nic_power + self.switch_power + self.board_power
        fans = fan_power(cooled=parts, fan_share=self.fan_share)
        busbar = busbar_scale * busbar_loss(
            delivered=parts + fans, rating=self.supply_rating, resistive=self.busbar_resistive
        )
        supply = supply_scale * supply_loss(
            output=parts + fans + busbar,
            rating=self.supply_rating,
            constant=self.supply_constant,
            proportional=self.supply_proportional,
            quadratic=self.supply_quadratic,
        )
        return RackPower(
            chip=chip,
            processor=self.processor_power,
            nic=self.nic_power,
            switch=self.switch_power,
            board=self.board_power,
            fans=fans,
            busbar=busbar,
            supply=supply,
        )

    def plates(self) -> dict[str, Ratio]:
        """Share of each part's heat that cold plates take; empty for an air-cooled build. Source: definition."""
        shares = {
            "chip": self.chip_plates,
            "processor": self.processor_plates,
            "nic": self.nic_plates,
            "switch": self.switch_plates,
            "supply": self.supply_plates,
        }
        return {part: share for part, share in shares.items() if share is not None}
