"""Kernels that run at a fixed share of a roofline, so that tests know every time by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, embedding, head, normalization
from stackwright.model.operators import Experts, Gemm
from stackwright.model.parts import Part
from stackwright.network.collectives import Wires
from stackwright.training.recipe import Recipe, recipe
from stackwright.training.release import TrainingRelease
from stackwright.training.step import TrainingMachine

PEAK, BANDWIDTH = 1e15, 4e12


@dataclass(frozen=True)
class Roofline:
    """Compute at the peak, memory at its bandwidth, the slower one decides."""

    def gemm(self, tokens: Any, inputs: Any, outputs: Any, precision: str) -> Any:
        return np.maximum(
            2.0 * tokens * inputs * outputs / PEAK,
            2.0 * (tokens * inputs + inputs * outputs + tokens * outputs) / BANDWIDTH,
        )

    def prefill_attention(
        self,
        queries: Any,
        keys: Any,
        sequences: Any,
        heads: Any,
        kv_heads: Any,
        head_dim: Any,
        window: Any,
        precision: str,
    ) -> Any:
        return 4.0 * sequences * queries * keys / 2.0 * heads * head_dim / PEAK

    def quantizes(self, precision: str) -> bool:
        return False

    def elementwise(self, size: Any) -> Any:
        return size / BANDWIDTH


LEAN = TrainingRelease(
    gemm_scale=1.0,
    attention_scale=1.0,
    attention_backward=2.5,
    elementwise_scale=1.0,
    permutation_scale=1.0,
    tensor_exposed=1.0,
    expert_exposed=1.0,
    data_exposed=1.0,
    bubble_scale=1.0,
    kernel_overhead=0.0,
    step_overhead=0.0,
    memory_utilization=1.0,
    attention_counted=0.5,
    time_spread=1.0,
)

WIRES = Wires(
    domain=8.0,
    scale_up_bandwidth=450e9,
    scale_up_latency=0.0,
    scale_up_hop_latency=0.0,
    scale_up_efficiency=1.0,
    fabric_bandwidth=50e9,
    fabric_latency=0.0,
    fabric_hop_latency=0.0,
    fabric_efficiency=1.0,
)


def decoder(
    *, hidden: int = 2048, layers: int = 4, experts: int = 0, active: int = 2, vocabulary: int = 32_000
) -> Architecture:
    """A small decoder, dense or with routed experts."""
    inner = 4 * hidden
    feed = (
        (
            Gemm("router", hidden, experts, 1, "replicated", "router"),
            Experts(experts, active, hidden, inner, 2, 1),
        )
        if experts
        else (Gemm("up", hidden, inner, 1, "column", "dense"), Gemm("down", inner, hidden, 1, "row", "dense"))
    )
    layer = (
        normalization(hidden, count=2),
        attention(hidden=hidden, heads=hidden // 128, kv_heads=hidden // 128, head_dim=128),
        Part("experts" if experts else "dense", feed),
    )
    parts = (embedding(vocabulary, hidden), *(layer * layers), *head(vocabulary, hidden, tied=False))
    return Architecture("small", "test", hidden, vocabulary, layers, 8192, parts)


def machine(
    architecture: Architecture | None = None, *, release: TrainingRelease = LEAN, formats: Recipe | None = None
) -> TrainingMachine:
    """The small decoder on the roofline, eight chips to a domain."""
    return TrainingMachine(
        architecture=architecture or decoder(),
        kernels=Roofline(),  # type: ignore[arg-type]
        capacity=80e9,
        peak=PEAK,
        recipe=formats or recipe("bf16"),
        wires=WIRES,
        release=release,
    )
