"""Bytes that a chip sends over links while its replica serves: what their energy is counted on."""

from __future__ import annotations

from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Experts, Gemm
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout

ACTIVATION_BYTES = 2.0
"""Activations travel in 16 bits."""


def reduced_bytes(*, size: Bytes, ranks: Count) -> Bytes:
    """Bytes that each rank sends to sum a buffer of `size` over all of them.

    Source: bandwidth-optimal all-reduce (Patarasuk and Yuan 2009): 2 (n - 1) / n of the buffer.
    """
    return 2.0 * (ranks - 1.0) / ranks * size


def sent_bytes_per_token(architecture: Architecture, precision: Precision, layout: Layout) -> Bytes:
    """Bytes that a chip sends for each token of its attention group: reductions, or the experts' exchange.

    Where attention runs data-parallel, each token's values go to its experts' chips and come back; the chips of
    a tensor group share them. Source: definition.
    """
    xp = namespace(layout.tensor, layout.expert)
    value = architecture.hidden * ACTIVATION_BYTES
    rows = [op for op in architecture.operators if isinstance(op, Gemm) and op.shard == "row"]
    attention = sum(op.count for op in rows if op.role == "attention")
    others = sum(op.count for op in rows if op.role not in ("attention", "shared_expert"))
    routed = [op for op in architecture.operators if isinstance(op, Experts)]
    layers = sum(op.count for op in routed)
    summed = reduced_bytes(size=value, ranks=layout.tensor)
    away = 1.0 - 1.0 / layout.stage_chips
    copies = max((op.active for op in routed), default=0) * away / layout.tensor
    exchanged = copies * architecture.hidden * (precision.weight_bytes("experts") + ACTIVATION_BYTES)
    moved: Any = xp.where(layout.groups > 1.0, exchanged, summed)
    return ((attention + others) * summed + layers * moved) / layout.pipeline
