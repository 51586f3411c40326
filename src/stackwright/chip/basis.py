"""How the time of each operator on a chip is known, and how far measured times lie from it.

``fitted``: parameters come from rows of this very chip. ``scaled``: from rows of other chips of its
generation, carried over by peaks, bandwidth and units. ``bounded``: no row of the generation ran this kernel;
parameters are borrowed and ranges wide. No operator's time is a ``measured`` one: forms stand between rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackwright.chip.family import EXPERTS, PRODUCTS, KernelFamily, Residual
from stackwright.core.records import Record

BASES = ("measured", "fitted", "scaled", "bounded")

TABLE_OF: Mapping[str, str] = {
    **dict.fromkeys(PRODUCTS, "gemm"),
    **{f"experts_{name}": "experts" for name in EXPERTS},
    "prefill": "prefill",
    "prefill_fp8": "prefill",
    "latent_prefill": "latent_prefill",
    "latent_prefill_fp8": "latent_prefill",
    "decode": "decode",
    "decode_fp8": "decode",
    "latent": "latent_decode",
    "latent_fp8": "latent_decode",
}
"""Part of a family to the group whose residual is its own."""


@dataclass(frozen=True)
class OperatorBasis:
    """One operator of a chip: how its time is known, and the 5-95 % range of measured over predicted time."""

    operator: str
    basis: str
    low: float
    high: float


def basis_of(part: str, chip: str, family: Record) -> str:
    """The basis of a part of a chip's kernel family, from the chips whose rows its record names. Source: definition."""
    fitted = str(family.text.get("fitted_on", {}).get(part, "")).split()
    if not fitted:
        return "bounded"
    return "fitted" if chip in fitted else "scaled"


def residual_of(group: str, basis: str, family: KernelFamily) -> Residual:
    """Where measured times lie around predicted ones, for a group of kernels known in some way. Source: definition."""
    wider = {"fitted": f"{group}_residual", "scaled": f"{group}_scaled", "bounded": "bounded"}[basis]
    return family.part(wider, Residual)


def operator_bases(chip: str, family: Record) -> tuple[OperatorBasis, ...]:
    """Every operator that a chip's family times, with its basis and range. Source: definition."""
    kernels = family.spec(KernelFamily)
    found = []
    for part, group in TABLE_OF.items():
        if kernels.has(part):
            basis = basis_of(part, chip, family)
            residual = residual_of(group, basis, kernels)
            found.append(OperatorBasis(part, basis, float(residual.low), float(residual.high)))
    if kernels.has("vector"):
        bounded = kernels.part("bounded", Residual)
        found.append(OperatorBasis("elementwise", "bounded", float(bounded.low), float(bounded.high)))
    return tuple(found)
