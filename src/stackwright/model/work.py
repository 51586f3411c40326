"""The work of one forward pass on one chip: seconds, operations and bytes.

Every operator of the model is sharded by the layout, timed by the chip's kernels and counted. The
counts feed the power model, the seconds the step time. All arguments broadcast: layouts on one
axis, batch sizes on another, clocks on a third.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count, Flops
from stackwright.model.operators import (
    Attention,
    Elementwise,
    Experts,
    Gemm,
    LatentAttention,
    Operator,
    Recurrence,
)
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout


class KernelTimes(Protocol):
    """What the chip layer offers: seconds of each kernel on one chip, launch floor excluded."""

    def gemm(self, tokens: Any, inputs: Any, outputs: Any, precision: str) -> Any: ...

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
    ) -> Any: ...

    def decode_attention(
        self, sequences: Any, keys: Any, heads: Any, kv_heads: Any, head_dim: Any, window: Any, cache_value_bytes: Any
    ) -> Any: ...

    def latent_prefill(
        self, queries: Any, keys: Any, sequences: Any, heads: Any, nope: Any, rope: Any, value_dim: Any
    ) -> Any: ...

    def latent_decode(
        self, sequences: Any, keys: Any, heads: Any, latent: Any, rope: Any, cache_value_bytes: Any
    ) -> Any: ...

    def experts(
        self,
        tokens: Any,
        hidden: Any,
        inner: Any,
        active: Any,
        experts: Any,
        tensor_parallel: Any,
        expert_parallel: Any,
        matrices: Any,
        precision: str,
    ) -> Any: ...

    def indexer(self, queries: Any, keys: Any, sequences: Any, heads: Any, head_dim: Any) -> Any: ...

    def recurrence(self, tokens: Any, sequences: Any, state: Any, work: Any) -> Any: ...

    def elementwise(self, moved: Any) -> Any: ...

    def quantizes(self, precision: str) -> bool: ...


@dataclass(frozen=True)
class Work:
    """Per chip and forward pass; `kernels` counts launches, `quantized` products whose activations change format."""

    seconds: Any
    flops: Any
    bytes: Any
    kernels: Any
    quantized: Any = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.seconds + other.seconds,
            self.flops + other.flops,
            self.bytes + other.bytes,
            self.kernels + other.kernels,
            self.quantized + other.quantized,
        )

    def scaled(self, time: Any, count: Any) -> Work:
        """The work `count` times over, its time multiplied by `time`."""
        return Work(
            self.seconds * time * count,
            self.flops * count,
            self.bytes * count,
            self.kernels * count,
            self.quantized * count,
        )


NOTHING = Work(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Pass:
    """One forward pass of one attention rank.

    `tokens` are all tokens of the pass on this rank, in `sequences` sequences of which each adds
    `queries` tokens and attends to `keys` (its own included). `decode` says which kernels run.
    """

    tokens: Any
    sequences: Any
    queries: Any
    keys: Any
    decode: bool


def matmul_flops(*, rows: Count, inner: Count, columns: Count, flop_per_mac: Flops = 2.0) -> Flops:
    """Operations of a matrix product. Source: definition (one multiply and one add per element)."""
    return flop_per_mac * rows * inner * columns


def touched_experts(*, tokens: Count, active: Count, experts: Count) -> Count:
    """Expected distinct experts that a batch routes to, with balanced routing.

    Source: definition (occupancy of independent draws: E (1 - (1 - k/E)^T)).
    """
    return experts * (1.0 - (1.0 - active / experts) ** tokens)


BLOCK_ROWS = 64.0
"""Rows of a tile of block-scaled expert products. Source: default of vLLM's fused experts with block scales."""


def executed_rows(*, routed: Count, touched: Count, tile: Count) -> Count:
    """Rows that a grouped product works through when each touched expert's are filled up to whole tiles.

    Filling up adds half a tile on average, and a lone row costs a whole one. Source: definition.
    """
    xp = namespace(routed, touched)
    return xp.maximum(touched * tile, routed + 0.5 * touched * tile)


def moved_bytes(*, values: Count, value_bytes: Bytes) -> Bytes:
    """Bytes of so many values. Source: definition."""
    return values * value_bytes


def gemm_work(op: Gemm, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision) -> Work:
    """A dense projection, sharded over the tensor ranks as its role says."""
    outputs = op.outputs / layout.tensor if op.shard in ("column", "vocabulary") else op.outputs
    inputs = op.inputs / layout.tensor if op.shard == "row" else op.inputs
    tokens = run.sequences if op.role == "head" else run.tokens
    size = precision.weight_bytes(op.role)
    return Work(
        kernels.gemm(tokens, inputs, outputs, precision.kernel(op.role)),
        matmul_flops(rows=tokens, inner=inputs, columns=outputs),
        moved_bytes(values=inputs * outputs, value_bytes=size)
        + moved_bytes(values=tokens * (inputs + outputs), value_bytes=2.0),
        1.0,
        1.0 if kernels.quantizes(precision.kernel(op.role)) else 0.0,
    ).scaled(1.0, op.count)


def attention_work(op: Attention, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision) -> Work:
    """Grouped-query attention: heads over the tensor ranks, keys and values read once per group."""
    xp = namespace(layout.tensor, run.keys, run.sequences)
    heads = xp.maximum(1.0, op.heads / layout.tensor)
    kv_heads = xp.maximum(1.0, op.kv_heads / layout.tensor)
    keys = _reach(xp, run.keys / op.compress, op.window, op.selected)
    width = op.head_dim + op.value_dim
    if run.decode:
        seconds = kernels.decode_attention(
            run.sequences, keys, heads, kv_heads, op.head_dim, op.window, precision.cache_bytes
        )
        pairs = run.sequences * run.queries * keys
    else:
        seconds = kernels.prefill_attention(
            run.queries, run.keys, run.sequences, heads, kv_heads, op.head_dim, op.window, precision.cache
        )
        pairs = run.sequences * _causal_pairs(xp, run.queries, run.keys, keys)
    flops = matmul_flops(rows=pairs, inner=heads, columns=width)
    size = moved_bytes(values=run.sequences * keys * kv_heads * width, value_bytes=precision.cache_bytes)
    own = Work(seconds, flops, size, 1.0)
    return (own + _indexer(op, kernels, run, xp)).scaled(1.0, op.count)


def latent_attention_work(
    op: LatentAttention, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision
) -> Work:
    """Latent attention: absorbed in decode (one shared latent per token), expanded in prefill."""
    xp = namespace(layout.tensor, run.keys, run.sequences)
    heads = xp.maximum(1.0, op.heads / layout.tensor)
    keys = _reach(xp, run.keys / op.compress, op.window, op.selected)
    if run.decode:
        seconds = kernels.latent_decode(run.sequences, keys, heads, op.latent, op.rope, precision.cache_bytes)
        flops = matmul_flops(rows=run.sequences * run.queries * keys, inner=heads, columns=2 * op.latent + op.rope)
    else:
        seconds = kernels.latent_prefill(run.queries, run.keys, run.sequences, heads, op.nope, op.rope, op.value_dim)
        pairs = run.sequences * _causal_pairs(xp, run.queries, run.keys, keys)
        seconds = seconds * pairs / (run.sequences * _causal_pairs(xp, run.queries, run.keys, run.keys))
        flops = matmul_flops(rows=pairs, inner=heads, columns=op.nope + op.rope + op.value_dim)
    size = moved_bytes(values=run.sequences * keys * (op.latent + op.rope), value_bytes=precision.cache_bytes)
    own = Work(seconds, flops, size, 1.0)
    return (own + _indexer(op, kernels, run, xp)).scaled(1.0, op.count)


def experts_work(op: Experts, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision) -> Work:
    """Routed experts: the tokens of all attention ranks of a stage, spread over the expert ranks.

    Block-scaled products count the rows that fill their tiles too: they take energy like any other.
    """
    xp = namespace(layout.expert, run.tokens)
    everyone = run.tokens * layout.groups
    seconds = kernels.experts(
        everyone,
        op.hidden,
        op.inner,
        op.active,
        op.experts,
        layout.expert_shards,
        layout.expert,
        op.matrices,
        precision.kernel("experts"),
    )
    share = layout.expert * layout.expert_shards
    routed = everyone * op.active
    touched = touched_experts(tokens=everyone, active=op.active, experts=op.experts)
    here = touched / share
    blocks = precision.kernel("experts") == "fp8_block"
    rows = executed_rows(routed=routed, touched=touched, tile=BLOCK_ROWS) if blocks else routed
    weights = xp.minimum(here, op.experts / share) * op.matrices * op.hidden * op.inner
    return Work(
        seconds,
        matmul_flops(rows=rows / share, inner=op.hidden, columns=op.matrices * op.inner),
        moved_bytes(values=weights, value_bytes=precision.weight_bytes("experts"))
        + moved_bytes(values=routed / share * 2 * (op.hidden + op.inner), value_bytes=2.0),
        2.0,
    ).scaled(1.0, op.count)


def recurrence_work(op: Recurrence, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision) -> Work:
    """Linear attention or state space: the state is read and written once per sequence and pass."""
    tokens = run.tokens / layout.tensor
    state = op.state / layout.tensor
    return Work(
        kernels.recurrence(tokens, run.sequences, state, op.work),
        matmul_flops(rows=tokens, inner=1.0, columns=op.work),
        moved_bytes(values=run.sequences * state * 2, value_bytes=op.value_bytes),
        2.0,
    ).scaled(1.0, op.count)


def elementwise_work(op: Elementwise, kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision) -> Work:
    """Norms, activations, residuals, embedding and sampling: bytes in and out."""
    shards = layout.tensor if op.sharded else 1.0
    tokens = run.sequences if op.last else run.tokens
    size = moved_bytes(values=tokens * op.values / shards, value_bytes=2.0)
    return Work(kernels.elementwise(size), 0.0, size, 1.0).scaled(1.0, op.count)


_WORK: dict[type, Any] = {
    Gemm: gemm_work,
    Attention: attention_work,
    LatentAttention: latent_attention_work,
    Experts: experts_work,
    Recurrence: recurrence_work,
    Elementwise: elementwise_work,
}

_SCALE: dict[type, str] = {
    Gemm: "gemm_scale",
    Attention: "attention_scale",
    LatentAttention: "attention_scale",
    Experts: "experts_scale",
    Recurrence: "attention_scale",
    Elementwise: "gemm_scale",
}


def grouped_forward(
    operators: tuple[Operator, ...], kernels: KernelTimes, layout: Layout, run: Pass, precision: Precision
) -> dict[str, Work]:
    """Work of one forward pass on one chip of each stage, by the group of operators that an engine scales."""
    groups: dict[str, Work] = {}
    for op in operators:
        done = _WORK[type(op)](op, kernels, layout, run, precision)
        group = _SCALE[type(op)]
        groups[group] = groups.get(group, NOTHING) + done
    return groups


def scaled_sum(groups: dict[str, Work], software: Any) -> Work:
    """The whole pass inside an engine: `software` scales each group's isolated times (fusion, graphs).

    Bringing a product's activations to its format costs an engine `quantize_overhead` each.
    """
    total = NOTHING
    for group, work in groups.items():
        total = total + work.scaled(getattr(software, group), 1.0)
    if software.quantize_overhead is None:
        return total
    return replace(total, seconds=total.seconds + software.quantize_overhead * total.quantized)


def forward(
    operators: tuple[Operator, ...],
    kernels: KernelTimes,
    layout: Layout,
    run: Pass,
    precision: Precision,
    software: Any,
) -> Work:
    """Work of one forward pass inside an engine."""
    return scaled_sum(grouped_forward(operators, kernels, layout, run, precision), software)


def _reach(xp: Any, keys: Any, window: int, selected: int) -> Any:
    """Keys that a query really attends to."""
    limit = min(size for size in (window or 1 << 40, selected or 1 << 40))
    return xp.minimum(keys, float(limit))


def _causal_pairs(xp: Any, queries: Any, keys: Any, reach: Any) -> Any:
    """Query-key pairs of the last `queries` of `keys` positions, each seeing at most `reach` keys."""
    return queries * xp.minimum(reach, keys - (queries - 1.0) / 2.0)


def _indexer(op: Any, kernels: KernelTimes, run: Pass, xp: Any) -> Work:
    """The light indexer of sparse attention scores every key before a few are selected."""
    if not op.indexer_heads:
        return NOTHING
    keys = run.keys / op.compress
    pairs = run.sequences * (run.queries * keys if run.decode else _causal_pairs(xp, run.queries, keys, keys))
    return Work(
        kernels.indexer(run.queries, keys, run.sequences, op.indexer_heads, op.indexer_dim),
        matmul_flops(rows=pairs, inner=op.indexer_dim, columns=op.indexer_heads),
        moved_bytes(values=run.sequences * keys * op.indexer_dim, value_bytes=1.0),
        2.0,
    )
