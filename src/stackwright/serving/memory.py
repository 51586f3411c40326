"""What must fit into a chip's memory: weights, key-value cache, working space."""

from __future__ import annotations

from collections.abc import Mapping

from stackwright.core.units import Bytes, Ratio
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout

WORKSPACE = 2.0e9
"""Activations, communication buffers and captured graphs per chip, in bytes: an assumption in line
with what engines reserve at their default token budgets (1 to 4 GB)."""

BLOCK_TOKENS = 16
"""Tokens of a cache block, as vLLM and SGLang page memory by default."""

HOST_EFFICIENCY = 0.85
"""Share of a host link's rate that large copies reach: about 55 of the 64 GB/s of PCIe 5.0 x16, an assumption."""

HOST_UTILIZATION = 0.8
"""Share of host memory that an engine may pin; the rest is the system's own: an assumption."""

EXPERTS = "experts"


def weight_bytes(parameters: Mapping[str, float], layout: Layout, precision: Precision) -> Bytes:
    """Weights on one chip: experts over the whole stage, the rest over the tensor ranks.

    `parameters` counts the model's parameters by role. Source: definition.
    """
    total = 0.0
    for role, count in parameters.items():
        shards = layout.stage_chips if role == EXPERTS else layout.tensor
        total = total + count * precision.weight_bytes(role) / (shards * layout.pipeline)
    return total


def memory_margin(*, used: Bytes, capacity: Bytes, utilization: Ratio) -> Ratio:
    """Share by which the used memory exceeds what the engine may use; positive is violated.

    Source: definition.
    """
    return used / (capacity * utilization) - 1.0
