"""Number formats of a training run: what the matrix products run in, and what is kept per parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stackwright.core.spec import spec
from stackwright.core.units import Bytes
from stackwright.model.precision import VALUE_BYTES, Precision

KEPT_WIDE = ("router", "head", "embedding", "vector")


@spec
class ParameterBytes:
    """Bytes kept per trained parameter."""

    weight: Bytes
    """The copy that the forward pass reads and that data ranks gather."""
    gradient: Bytes
    optimizer: Bytes
    """Master weight and Adam's two moments."""

    @property
    def update(self) -> Bytes:
        """Bytes that the optimizer moves per parameter: states in and out, gradient in, weight out."""
        return 2.0 * self.optimizer + self.gradient + self.weight


MIXED = ParameterBytes(weight=2.0, gradient=2.0, optimizer=12.0)
"""16-bit weights and gradients, fp32 master and moments (Rajbhandari et al. 2020, arXiv:1910.02054,
section 3.1)."""

COMPACT = ParameterBytes(weight=1.0, gradient=4.0, optimizer=8.0)
"""fp8 weights, fp32 gradients, fp32 master and bf16 moments (DeepSeek-V3 report, arXiv:2412.19437,
section 3.3.3)."""


@dataclass(frozen=True)
class Recipe(Precision):
    """Formats of a training run: `weights` is that of the matrix products, `cache` that of keys and values.

    Low-precision training keeps the router, the output head, embeddings and norms wide: DeepSeek-V3
    report (arXiv:2412.19437), section 3.3.1.
    """

    parameters: ParameterBytes = MIXED

    def of(self, role: str) -> str:
        """Format of the products of the part that plays this role."""
        return "bf16" if role in KEPT_WIDE else self.weights


def recipe(products: str) -> Recipe:
    """The usual recipe for matrix products in this format, with weights stored and gathered in it.

    Source: Micikevicius et al. 2022 (arXiv:2209.05433), section 3, for the formats; stored weights as in
    frameworks that gather low-precision parameters.
    """
    return Recipe(weights=products, cache="bf16", parameters=replace(MIXED, weight=VALUE_BYTES[products]))
