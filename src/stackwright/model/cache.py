"""What a sequence leaves in memory: cached keys and values that grow, saturate or stay constant."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count, Tokens

INDEX_VALUE_BYTES = 1.0 + 4.0 / 128.0
"""Bytes per cached index key value: FP8 with one FP32 scale per 128 values, whatever the cache precision.
Source: DeepSeek-AI, DeepSeek-V3.2 technical report (2025), section 2 (lightning indexer in FP8)."""


def cached_bytes(
    *, tokens: Tokens, values: Count, window: Tokens, compress: Count, value_bytes: Bytes, token: Tokens = 1.0
) -> Bytes:
    """Bytes that one layer caches for a sequence.

    `values` per entry, one entry per `compress` whole tokens, and no more than `window` tokens
    (infinite where the cache grows without end). Source: definition.
    """
    xp = namespace(tokens, window, compress)
    entries = xp.floor(xp.minimum(tokens, window) / (compress * token))
    return entries * values * value_bytes


def ranks_sharing(*, tensor_parallel: Count, heads: Count) -> Count:
    """Over how many tensor-parallel ranks a cache divides: no more than it has heads.

    Beyond that, ranks hold copies. Source: Pope et al., Efficiently Scaling Transformer Inference
    (2022), section 3.3 (multiquery attention).
    """
    xp = namespace(tensor_parallel, heads)
    return xp.minimum(tensor_parallel, heads)


@dataclass(frozen=True)
class Cache:
    """Values cached per token by one layer, or by `count` equal layers.

    `window` tokens at most (0: no limit); one entry per `compress` tokens; divisible over `heads`;
    `index` where the values are the keys of a sparse indexer, which keep their own precision.
    """

    values: int
    heads: int
    count: int = 1
    window: int = 0
    compress: int = 1
    index: bool = False

    @property
    def limit(self) -> float:
        """The window in tokens, infinite where there is none. Source: definition."""
        return float(self.window) if self.window else math.inf


@dataclass(frozen=True)
class State:
    """Values of a fixed-size state that one layer, or `count` equal layers, keep per sequence."""

    values: int
    value_bytes: float
    heads: int
    count: int = 1
