"""Work beside matrix products and attention: memory traffic, and mixers with a fixed state."""

from __future__ import annotations

from stackwright.chip.overlap import overlapped
from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, BytesPerSecond, Count, Flops, FlopsPerSecond, Ratio, Seconds

SCAN_CHUNK = 64
"""Tokens that a chunked scan handles per pass over the state."""


def traffic_time(*, moved: Bytes, memory_bandwidth: BytesPerSecond, bandwidth_efficiency: Ratio) -> Seconds:
    """Time of an operator that only moves bytes: norms, activations, residuals, permutes.

    Source: definition.
    """
    return moved / (memory_bandwidth * bandwidth_efficiency)


def recurrence_time(
    *,
    tokens: Count,
    sequences: Count,
    state: Count,
    work: Count,
    state_value_bytes: Bytes,
    peak: FlopsPerSecond,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    overlap: Ratio,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of a linear-attention or state-space mixer for `tokens` new tokens of all sequences.

    `state` values per sequence are read and written once per chunk of `SCAN_CHUNK` of its tokens;
    `work` is multiply-adds per token.
    Source: chunked scans as in Dao and Gu 2024 (Mamba-2), section 6.
    """
    xp = namespace(tokens, sequences, peak, efficiency)
    passes = sequences * xp.ceil(tokens / sequences / SCAN_CHUNK)
    moved = 2.0 * passes * state * state_value_bytes / (memory_bandwidth * bandwidth_efficiency)
    matrix = flop_per_mac * tokens * work / (peak * efficiency)
    return overlapped(first=moved, second=matrix, sharpness=overlap)
