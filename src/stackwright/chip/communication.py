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
