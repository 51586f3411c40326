"""Number formats of a served model: which part runs in which precision."""

from __future__ import annotations

from dataclasses import dataclass

VALUE_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5625}
"""Bytes per weight or cached value, block scales included (one fp8 scale per 16 fp4 values)."""

_ALWAYS_WIDE = dict.fromkeys(("router", "head", "embedding", "vector"), "bf16")
_KEPT_WIDER = {"fp4": {**_ALWAYS_WIDE, "attention": "fp8"}, "fp8": _ALWAYS_WIDE, "int8": _ALWAYS_WIDE}


@dataclass(frozen=True)
class Precision:
    """Format of the weights, and of the key-value cache.

    Published low-precision checkpoints keep sensitive parts wider: router and output head in bf16,
    attention projections one step above four-bit experts.
    """

    weights: str
    cache: str
    block_scaled: bool = False
    """Whether fp8 weights carry a scale per block (as checkpoints trained in fp8 do) or per tensor."""

    def of(self, role: str) -> str:
        """Format of the part that plays this role."""
        return _KEPT_WIDER.get(self.weights, {}).get(role, self.weights)

    def kernel(self, role: str) -> str:
        """Kernel format of that part."""
        return "fp8_block" if self.block_scaled and self.of(role) == "fp8" else self.of(role)

    def weight_bytes(self, role: str) -> float:
        """Bytes per weight of that part."""
        return VALUE_BYTES[self.of(role)]

    @property
    def cache_bytes(self) -> float:
        """Bytes per cached value."""
        return VALUE_BYTES[self.cache]

    @property
    def name(self) -> str:
        """For example ``fp4/fp8`` (weights/cache)."""
        return f"{self.weights}/{self.cache}"
