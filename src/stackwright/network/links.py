"""Links between chips: the scale-up link of a domain, and the scale-out fabric between domains."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import BytesPerSecond, Count, Dollars, Ratio, Seconds, Watts


@spec
class ScaleUp:
    """A scale-up link family (NVLink, ICI, NeuronLink, Infinity Fabric, UALink).

    Bandwidth per chip is the chip's own; this says how well collectives use it and at what latency.
    """

    latency: Seconds
    """Launch and first hop of a collective."""
    hop_latency: Seconds
    """Each further rank of a ring, or switch level."""
    efficiency: Ratio
    """Share of the link rate that large collectives reach."""
    bandwidth: BytesPerSecond | None = None
    """Per chip, one direction, of the generation; the chip's own figure comes first."""
    torus_dimensions: Count | None = None
    """Dimensions of a torus; None where every pair is switched or fully meshed."""
    in_network_reduction: Ratio | None = None
    """Speed-up of all-reduces of very many ranks by sums in the switch (1 = none); see `reduced_time`."""


@spec
class Fabric:
    """A scale-out fabric generation (InfiniBand, Ethernet, EFA), per port, with its switch."""

    port_bandwidth: BytesPerSecond
    """One direction."""
    latency: Seconds
    """End to end of a small message between hosts, library included."""
    hop_latency: Seconds
    efficiency: Ratio
    """Share of the port rate that large messages reach."""
    switch_ports: Count
    switch_power: Watts
    switch_price: Dollars
    optic_power: Watts
    """One pluggable module."""
    optic_price: Dollars
    in_network_reduction: Ratio | None = None
    """Speed-up of all-reduces of very many domains by sums in the switches (1 = none); see `reduced_time`."""
    rails: Ratio | None = None
    """1 where leaf switches join chips of the same rank (rail-optimized), 0 where they join whole domains."""
    nic_price: Dollars | None = None
    switch_cost: Dollars | None = None
    """Vendor's cost of goods of a switch, where a source gives a margin."""
