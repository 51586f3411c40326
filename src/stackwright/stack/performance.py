"""The performance half: from model, chips, links and engine to a replica's rates, latency and work.

A `Cell` holds what is fixed while the numbers vary: which model in which precision, on which system,
under which engine, over which fabric. Inside a cell, layouts, batches, power caps and
oversubscription are arrays, so one call serves one design, a grid, or draws of uncertain inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.family import KernelFamily, Kernels
from stackwright.chip.power import PowerFamily
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio
from stackwright.interface.software import SoftwareStack
from stackwright.model.architecture import Architecture
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.model.work import Work
from stackwright.network.collectives import Wires
from stackwright.network.links import Fabric, ScaleUp
from stackwright.network.topology import edge_ports
from stackwright.rack.system import System
from stackwright.serving.drafting import Drafting
from stackwright.serving.replica import Machine
from stackwright.serving.service import (
    DecodeStep,
    Lengths,
    Prefill,
    PrefillPool,
    Service,
    aggregated,
    chunked,
    disaggregated,
    prefill_pool,
)
from stackwright.stack.neighbors import Neighbors

QUEUE_SERVERS = 8.0
"""Prefill ranks or replicas behind one queue. A fleet that serves a product has more, but a router sees
only some of them well; fewer wait longer, so this is on the safe side."""

POOL_CHUNK = 8192.0
"""Prompt tokens of a pass of a prefill pool, beyond which a prompt takes several: the default of vLLM and SGLang
for servers on chips with 70 GB or more."""

DRAFTS = "drafts"
"""The record of how many drafted tokens a step keeps."""


@spec
class Hardware:
    """The specs of the performance half, one field per record; leaves may be draws."""

    software: SoftwareStack
    chip: Accelerator
    kernels: KernelFamily
    chip_power: PowerFamily
    system: System
    scale_up: ScaleUp
    fabric: Fabric
    drafting: Drafting | None = None
    """Asked for where tokens are drafted ahead."""


@dataclass(frozen=True)
class Cell:
    """A model on hardware under an engine; `names` says which records those are."""

    architecture: Architecture
    precision: Precision
    hardware: Hardware
    draft_tokens: float = 0.0
    weights_offload: float = 0.0
    cache_offload: float = 0.0
    neighbors: Neighbors | None = None
    """Measured runs that are like the cell's."""
    prefill: Cell | None = None
    """The cell of the prefill pool, where it stands on another system; weights and cache have one precision in both."""

    def paced(self, layout: Layout, batch: Count, lengths: Lengths) -> Cell:
        """The cell at the pace that measured runs like it show: its steps slower or faster, and surer."""
        if self.neighbors is None:
            return self
        factor, left = self.neighbors.pace(layout, batch, lengths)
        software = self.hardware.software
        paced = replace(software, time_spread=factor * software.time_spread ** (left**0.5))
        return replace(self, hardware=replace(self.hardware, software=paced), neighbors=None)

    def clock(self, power_cap: Ratio) -> Ratio:
        """Clock at which a chip that works flat out draws no more than its cap."""
        return self.hardware.chip_power.clock(power_cap=power_cap)

    def machine(
        self, power_cap: Ratio, oversubscription: Ratio, passes: dict[str, dict[str, Work]] | None = None
    ) -> Machine:
        """The cell as serving sees it, at these caps and oversubscriptions."""
        parts = self.hardware
        return Machine(
            architecture=self.architecture,
            kernels=Kernels(accelerator=parts.chip, family=parts.kernels, clock=self.clock(power_cap)),
            capacity=parts.chip.memory_capacity,
            precision=self.precision,
            wires=wires(parts, oversubscription),
            software=parts.software,
            draft_tokens=self.draft_tokens,
            draft_acceptance=0.0 if parts.drafting is None else parts.drafting.acceptance,
            passes=passes,
            weights_offload=self.weights_offload,
            cache_offload=self.cache_offload,
            host_bandwidth=parts.chip.host_bandwidth,
            host_memory=parts.system.host_memory,
        )

    @property
    def pools(self) -> tuple[Hardware, ...]:
        """The hardware of the fleet, by system: decode before prefill."""
        return (self.hardware,) if self.prefill is None else (self.hardware, self.prefill.hardware)

    def handover(self, prefill: Machine) -> Machine:
        """A prefill machine as its caches leave it: at the slower of its own ports and the decode pool's."""
        own, other = prefill.wires.fabric_bandwidth, self.hardware.system.nic_bandwidth
        slower: Any = namespace(own, other).minimum(own, other)
        return replace(prefill, wires=replace(prefill.wires, fabric_bandwidth=slower))


def layout_of(numbers: Mapping[str, Any], pool: str = "") -> Layout:
    """The layout among a design's numbers; `pool` is a prefix of their names. Source: definition."""
    return Layout(**{name: numbers[f"{pool}{name}"] for name in ("tensor", "expert", "pipeline", "context")})


def wires(parts: Hardware, oversubscription: Ratio) -> Wires:
    """The links of a chip in its system and on its fabric."""
    links, fabric = parts.scale_up, parts.fabric
    return Wires(
        domain=parts.system.scale_up_domain,
        scale_up_bandwidth=parts.chip.scale_up_bandwidth,
        scale_up_latency=links.latency,
        scale_up_hop_latency=links.hop_latency,
        scale_up_efficiency=links.efficiency,
        fabric_bandwidth=parts.system.nic_bandwidth,
        fabric_latency=fabric.latency,
        fabric_hop_latency=fabric.hop_latency,
        fabric_efficiency=fabric.efficiency,
        oversubscription=oversubscription,
        in_network_reduction=links.in_network_reduction,
        fabric_reduction=fabric.in_network_reduction,
        torus_dimensions=links.torus_dimensions,
        leaf_ports=edge_ports(switch_ports=fabric.switch_ports, oversubscription=oversubscription),
        rails=0.0 if fabric.rails is None else fabric.rails,
    )


def aggregated_service(
    cell: Cell,
    layout: Layout,
    batch: Count,
    power_cap: Ratio,
    oversubscription: Ratio,
    lengths: Lengths,
    chunk: float = 0.0,
) -> Service:
    """A replica that does both phases; rounds take `chunk` prompt tokens along, or none at 0."""
    machine = cell.paced(layout, batch, lengths).machine(power_cap, oversubscription, {})
    step = machine.running_step(layout, batch, lengths)
    return both_phases(machine, layout, batch, chunk, step, machine.prefill(layout, lengths), lengths)


def both_phases(
    machine: Machine, layout: Layout, batch: Count, chunk: float, step: DecodeStep, prefill: Prefill, lengths: Lengths
) -> Service:
    """A replica that does both phases, from its timed round and prefills.

    `chunk` is the prompt tokens that a round of an attention group takes along; at 0, prompts have passes of their own.
    """
    common: dict[str, Any] = {
        "layout": layout,
        "batch": batch,
        "step": step,
        "prefill": prefill,
        "lengths": lengths,
        "tokens_per_step": machine.tokens_per_step,
        "first_token_overhead": machine.software.prefill_overhead,
        "servers": QUEUE_SERVERS,
    }
    if not chunk:
        return aggregated(**common)
    return chunked(**common, chunk=machine.chunk(layout, batch, chunk, lengths, step))


def decode_service(
    cell: Cell, layout: Layout, batch: Count, power_cap: Ratio, oversubscription: Ratio, lengths: Lengths
) -> Service:
    """A decode replica whose prefills happen elsewhere."""
    machine = cell.machine(power_cap, oversubscription, {})
    return disaggregated(
        layout=layout,
        batch=batch,
        step=machine.running_step(layout, batch, lengths),
        lengths=lengths,
        tokens_per_step=machine.tokens_per_step,
    )


def prefill_service(
    cell: Cell, layout: Layout, utilization: Ratio, power_cap: Ratio, oversubscription: Ratio, lengths: Lengths
) -> PrefillPool:
    """A prefill replica at a utilization, on the system of the cell's prefill pool."""
    machine = (cell.prefill or cell).machine(power_cap, oversubscription)
    return prefill_pool(
        layout=layout,
        prefill=machine.prefill(layout, lengths),
        pieces=machine.pieces(layout, POOL_CHUNK, lengths),
        lengths=lengths,
        utilization=utilization,
        servers=QUEUE_SERVERS,
        transfer=cell.handover(machine).transfer(layout, lengths),
        memory=machine.memory_margin(layout, layout.pipeline, lengths),
        first_token_overhead=cell.hardware.software.prefill_overhead,
    )


def divisors(architecture: Architecture) -> tuple[int, int]:
    """Attention heads and routed experts of a model; 1 expert where there are none. Source: definition."""
    heads = max((op.heads for op in architecture.operators if hasattr(op, "heads")), default=1)
    experts = max((op.experts for op in architecture.operators if hasattr(op, "experts")), default=1)
    return heads, experts
