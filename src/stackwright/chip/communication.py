"""Communication kernels as libraries ship them: measured collectives and expert exchanges of one call.

The network layer models collectives over any links from their latency and bandwidth; this says what
particular libraries reach on the links of the chips on which they were measured.
"""

from __future__ import annotations

from stackwright.chip.overlap import overlapped
from stackwright.chip.parts import Parted, with_parts
from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Ratio, Seconds

LINK_OVERLAP = 3.0
"""Sharpness with which the slower of two kinds of link decides an exchange."""


def collective_time(
    *,
    size: Bytes,
    ranks: Count,
    passes: Count,
    bandwidth: BytesPerSecond,
    launch: Seconds,
    hop_time: Seconds,
    efficiency: Ratio,
    ramp_size: Bytes,
    ramp_power: Ratio,
    contention: Ratio,
) -> Seconds:
    """Time of a collective of a buffer of `size` in `passes` over the links, isolated.

    The bandwidth of small buffers falls as a power `ramp_power` of their traffic below `ramp_size`, and that of
    many ranks as a power `contention` where they share links.
    Source: nccl-tests performance notes (bus bandwidth) for the traffic; the rest fitted.
    """
    traffic = passes * size * (ranks - 1.0) / ranks
    reached = bandwidth * efficiency * (2.0 / ranks) ** contention
    ramp = (1.0 + (ramp_size / traffic) ** (2.0 * ramp_power)) ** 0.5
    return launch + hop_time * (ranks - 1.0) + traffic / reached * ramp


def token_copies(*, active: Count, targets: Count, merged: Ratio) -> Count:
    """Copies of a token that leave for `targets`: one per choice, or per distinct target if `merged` is 1.

    Source: definition.
    """
    distinct = targets * (1.0 - (1.0 - 1.0 / targets) ** active)
    return merged * distinct + (1.0 - merged) * active


def exchange_time(
    *,
    tokens: Count,
    hidden: Count,
    value_bytes: Bytes,
    active: Count,
    ranks: Count,
    nodes: Count,
    merged: Ratio,
    units: Count,
    bandwidth: BytesPerSecond,
    launch: Seconds,
    rank_time: Seconds,
    copy_time: Seconds,
    efficiency: Ratio,
    fabric_bandwidth: BytesPerSecond,
    full_units: Count,
) -> Seconds:
    """Time to dispatch or combine a rank's tokens among the ranks of its experts, isolated.

    `units` compute units run the kernel (0: its default) and reach the scale-up links' bandwidth at
    `full_units`. Source: traffic by definition; parameters fitted.
    """
    xp = namespace(tokens, units, ranks, nodes, efficiency)
    copies = token_copies(active=active, targets=ranks, merged=merged)
    near = tokens * hidden * value_bytes * copies * (1.0 - 1.0 / ranks)
    far = (
        tokens * hidden * value_bytes * token_copies(active=active, targets=nodes, merged=merged) * (1.0 - 1.0 / nodes)
    )
    staffed = xp.where(units > 0, xp.minimum(units / full_units, 1.0), 1.0)
    sent = overlapped(
        first=near / (bandwidth * efficiency * staffed), second=far / fabric_bandwidth, sharpness=LINK_OVERLAP
    )
    return launch + rank_time * ranks + copy_time * tokens * copies + sent


def eager_time(*, captured: Seconds, floor: Seconds, size: Bytes, copy_bandwidth: BytesPerSecond) -> Seconds:
    """Time of an engine's all-reduce outside of a graph, from its time inside of one.

    The buffer is first copied to where the other ranks can read it, and the host takes `floor` to launch a call.
    Source: custom all-reduce of vLLM (unregistered buffers are copied: a read and a write); `floor` fitted.
    """
    xp = namespace(captured, floor, size)
    return xp.maximum(floor, captured + 2.0 * size / copy_bandwidth)


@spec
class CollectiveKernel:
    """One collective of a library; see `collective_time`."""

    launch: Seconds
    hop_time: Seconds
    efficiency: Ratio
    ramp_size: Bytes
    ramp_power: Ratio
    contention: Ratio


@spec
class ExchangeKernel:
    """One phase of an expert exchange; see `exchange_time`."""

    launch: Seconds
    rank_time: Seconds
    copy_time: Seconds
    efficiency: Ratio
    fabric_bandwidth: BytesPerSecond
    """Per chip, one direction, reached between nodes."""
    full_units: Count


@spec
class ExchangeResidual:
    """Where measured exchanges lie around predicted ones: 5th and 95th percentile of their ratio."""

    low: Ratio
    high: Ratio


LIBRARY_RESIDUALS = ("table", "custom", "eager", "node", "called", "message", "across")
"""Kinds of timed calls: tables of NCCL and of engines' kernels in a graph and outside; published calls inside a
node, launched by a framework, point to point, and across nodes."""


@spec
@with_parts({f"{name}_residual": ExchangeResidual for name in LIBRARY_RESIDUALS})
class CollectiveLibrary(Parted):
    """What libraries of collectives and their callers add to the links, flat: see `LIBRARY_RESIDUALS` for the rest."""

    reduction_hops: Ratio
    """Delay before sums in the switches of a domain flow, in hops of its links for each rank."""
    handshake: Seconds
    """What sender and receiver add to a message inside a domain until they have met."""
    ports: Count
    """Ports of a domain by which rings leave it, at most."""
    proxy_time: Seconds
    """What host threads that drive the ports add to a message between nodes."""
    call_time: Seconds
    """Host work of a call that the next one waits for."""
    arrival_spread: Seconds
    """How far apart ranks arrive at a call that a framework launches: it lasts that long at least."""
    eager_floor: Seconds
    """Host work of an engine's all-reduce outside of a graph."""
    copy_efficiency: Ratio
    """Share of the memory bandwidth at which a buffer is copied."""


EXCHANGES = (
    "deepep_low_latency",
    "deepep_normal",
    "vllm_low_latency",
    "vllm_high_throughput",
    "vllm_v2_context",
    "vllm_v2_generation",
    "trtllm_low_latency",
    "trtllm_high_throughput",
    "trtllm_one_sided",
    "trtllm_two_sided",
)
"""Exchange libraries: DeepEP by itself, within vLLM and within TensorRT-LLM, and the latter's own over NVLink."""

PHASES = ("dispatch", "combine", "combine_low_precision", "prepare")

EXCHANGE_PARTS = {f"{name}_{phase}": ExchangeKernel for name in EXCHANGES for phase in PHASES}


@spec
@with_parts({**EXCHANGE_PARTS, "residual": ExchangeResidual})
class ExchangeFamily(Parted):
    """Expert exchanges on one platform, flat: the fields of `EXCHANGE_PARTS`."""
