"""The building blocks of decoder layers: each function returns the parts of one block.

Counts follow from shapes alone. Projections that engines run as one GEMM (query, key and value; gate
and up) are one GEMM here. Element-wise traffic is what fused kernels move: every value read or
written once. The tests compare sums with published totals.
"""

from __future__ import annotations

from stackwright.model.cache import Cache, State
from stackwright.model.operators import (
    Attention,
    Elementwise,
    Experts,
    Gemm,
    LatentAttention,
    Operator,
    Recurrence,
    Role,
)
from stackwright.model.parts import Part, PartName

DECAY_AND_READ = 3
"""Multiply-adds per state value and token of a diagonal state space: decay, input, read-out.
Source: Gu and Dao, Mamba (2023), equations 2a and 2b."""

DELTA_RULE = 4
"""Multiply-adds per state value and token of the gated delta rule: decay, recall of the key, correction,
read-out. Source: Yang et al., Gated Delta Networks (2024), equation 10."""


def embedding(vocabulary: int, hidden: int, *, positions: int = 0, norm: int = 0) -> Part:
    """Input embedding, with learned positions and their norm where a model has them. Source: definition."""
    return Part(
        "embedding", (Elementwise("embedding", 2 * hidden, 1),), vectors=(vocabulary + positions) * hidden + norm
    )


def head(vocabulary: int, hidden: int, *, tied: bool, bias: bool = False, norm: int | None = None) -> tuple[Part, Part]:
    """Final norm, output head and sampling; a tied head runs on the input embedding.

    Sampling reads the logits twice in 32 bits, for their sum and for the draw. Source: definition.
    """
    gemm = Gemm("head", hidden, vocabulary, 1, "vocabulary", "head")
    sampling = Elementwise("sampling", 4 * vocabulary, 1, sharded=True, last=True)
    return (
        normalization(hidden, count=1, weights=hidden if norm is None else norm),
        Part("head", (gemm, sampling), vectors=vocabulary if bias else 0, borrows=tied),
    )


def normalization(hidden: int, *, count: int, weights: int | None = None) -> Part:
    """`count` norms over the residual stream, each fused with the addition of the branch before it.

    `weights` parameters in all (one per channel and norm if not given); the stream and the branch are
    read, the stream and its norm written. Source: definition.
    """
    total = count * hidden if weights is None else weights
    return Part("norm", (Elementwise("residual_norm", 4 * hidden, count),), vectors=total)


def attention(
    *,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    value_dim: int | None = None,
    window: int = 0,
    selected: int = 0,
    indexer_heads: int = 0,
    indexer_dim: int = 0,
    query_bias: bool = False,
    output_bias: bool = False,
    gated: bool = False,
    norm_weights: int = 0,
    sinks: bool = False,
    keys_as_values: bool = False,
) -> Part:
    """Attention with grouped key-value heads.

    `gated`: the query projection also makes a gate for the output. `keys_as_values`: one projection
    makes both. `sinks`: one learned logit per head. Source: Ainslie et al., GQA (2023).
    """
    value = head_dim if value_dim is None else value_dim
    query, keys = heads * head_dim * (2 if gated else 1), kv_heads * head_dim
    inward = query + keys + (0 if keys_as_values else kv_heads * value)
    vectors = norm_weights + (inward if query_bias else 0) + (hidden if output_bias else 0) + (heads if sinks else 0)
    return Part(
        "attention",
        (
            Gemm("qkv", hidden, inward, 1, "column", "attention"),
            Elementwise("rotary", 2 * (heads * head_dim + keys) + 2 * kv_heads * value, 1, sharded=True),
            Attention(heads, kv_heads, head_dim, value, window, 1, selected, indexer_heads, indexer_dim),
            Gemm("attention_output", heads * value, hidden, 1, "row", "attention"),
        ),
        vectors=vectors,
        caches=(Cache(kv_heads * (head_dim + value), kv_heads, window=window),),
    )


def latent_attention(
    *,
    hidden: int,
    heads: int,
    query_rank: int,
    latent: int,
    nope: int,
    rope: int,
    value_dim: int,
    selected: int = 0,
    indexer_heads: int = 0,
    indexer_dim: int = 0,
    gated: bool = False,
) -> Part:
    """Multi-head latent attention: queries and keys-values pass through low ranks.

    `query_rank` 0: queries are projected at once. Only the latent and the shared rotary key are
    cached. Source: DeepSeek-AI, DeepSeek-V2 (2024), section 2.1.
    """
    query = heads * (nope + rope)
    down = latent + rope + (query_rank or query)
    inward: list[Operator] = [
        Gemm("qkv_down", hidden, down, 1, "replicated" if query_rank else "column", "attention"),
        Elementwise("latent_norm", 2 * (latent + rope + query_rank), 1),
    ]
    if query_rank:
        inward.append(Gemm("query_up", query_rank, query, 1, "column", "attention"))
    if gated:
        inward.append(Gemm("attention_gate", hidden, heads * value_dim, 1, "column", "attention"))
    return Part(
        "attention",
        (
            *inward,
            Gemm("key_value_up", latent, heads * (nope + value_dim), 1, "column", "attention"),
            Elementwise("rotary", 2 * query, 1, sharded=True),
            LatentAttention(
                heads,
                latent,
                rope,
                nope,
                value_dim,
                1,
                selected=selected,
                indexer_heads=indexer_heads,
                indexer_dim=indexer_dim,
            ),
            Gemm("attention_output", heads * value_dim, hidden, 1, "row", "attention"),
        ),
        vectors=latent + query_rank,
        caches=(Cache(latent + rope, 1),),
    )


def indexer(*, hidden: int, query_rank: int, heads: int, dim: int) -> Part:
    """The lightning indexer that picks keys for sparse attention; its own keys are cached.

    Source: DeepSeek-AI, DeepSeek-V3.2 (2025), section 2.1.
    """
    return Part(
        "indexer",
        (
            Gemm("indexer_query", query_rank, heads * dim, 1, "replicated", "attention"),
            Gemm("indexer_key", hidden, dim, 1, "replicated", "attention"),
            Gemm("indexer_weights", hidden, heads, 1, "replicated", "attention"),
            Elementwise("indexer", 2 * (heads + 1) * dim, 1),
        ),
        vectors=2 * dim,
        caches=(Cache(dim, 1, index=True),),
    )


def feed_forward(
    hidden: int,
    inner: int,
    *,
    role: Role = "dense",
    gated: bool = True,
    up_bias: bool = False,
    down_bias: bool = False,
) -> Part:
    """A dense feed-forward block; `role` shared_expert where it runs beside routed experts.

    Source: Shazeer, GLU Variants Improve Transformer (2020).
    """
    wide = inner * (2 if gated else 1)
    name: PartName = "shared_expert" if role == "shared_expert" else "dense"
    return Part(
        name,
        (
            Gemm(f"{name}_up", hidden, wide, 1, "column", role),
            Elementwise(f"{name}_activation", wide + inner, 1, sharded=True),
            Gemm(f"{name}_down", inner, hidden, 1, "row", role),
        ),
        vectors=(wide if up_bias else 0) + (hidden if down_bias else 0),
    )


def experts(
    *,
    hidden: int,
    inner: int,
    experts: int,
    active: int,
    gated: bool = True,
    routing_width: int | None = None,
    router_vectors: int = 0,
    biased: bool = False,
) -> tuple[Part, Part]:
    """Router and routed experts.

    `routing_width`: width of what the router reads, where the experts work on a narrower latent.
    `biased`: every expert projection has a bias. Source: Shazeer et al., Sparsely-Gated MoE (2017).
    """
    matrices = 3 if gated else 2
    bias = (matrices - 1) * inner + hidden if biased else 0
    each = matrices * hidden * inner + bias
    router = Gemm("router", hidden if routing_width is None else routing_width, experts, 1, "replicated", "router")
    return (
        Part("router", (router,), vectors=router_vectors),
        Part(
            "experts",
            (Experts(experts, active, hidden, inner, matrices, 1),),
            vectors=experts * bias,
            idle=(experts - active) * each,
        ),
    )


def latent_projection(*, hidden: int, latent: int, norm: int = 0) -> Part:
    """Projections into and out of the narrower space in which routed experts work.

    They run on every token, so they take the shared experts' role. Source: NVIDIA, Nemotron 3
    technical report (2025), LatentMoE.
    """
    return Part(
        "latent_projection",
        (
            Gemm("latent_down", hidden, latent, 1, "replicated", "shared_expert"),
            Gemm("latent_up", latent, hidden, 1, "replicated", "shared_expert"),
        ),
        vectors=norm,
    )


def convolution(channels: int, kernel: int, *, count: int = 1) -> tuple[Elementwise, State]:
    """Traffic and state of a short causal convolution: the last `kernel` - 1 inputs are kept.

    Source: Gu and Dao, Mamba (2023), section 3.4.
    """
    return (
        Elementwise("convolution", 2 * channels, 1, sharded=True),
        State(channels * (kernel - 1), 2.0, heads=channels, count=count),
    )


def selective_state_space(
    *,
    hidden: int,
    inner: int,
    state: int,
    rank: int,
    kernel: int,
    conv_bias: bool,
    inner_norms: bool,
    state_bytes: float,
) -> Part:
    """A Mamba mixer: `state` values per channel. Source: Gu and Dao, Mamba (2023), section 3."""
    conv, conv_state = convolution(inner, kernel)
    vectors = inner * (kernel + (1 if conv_bias else 0)) + inner * state + 2 * inner
    return Part(
        "attention",
        (
            Gemm("mixer_in", hidden, 2 * inner, 1, "column", "attention"),
            conv,
            Gemm("mixer_select", inner, rank + 2 * state, 1, "row", "attention"),
            Gemm("mixer_step", rank, inner, 1, "column", "attention"),
            Recurrence(inner * state, DECAY_AND_READ * inner * state + kernel * inner, 1, state_bytes),
            Gemm("mixer_out", inner, hidden, 1, "row", "attention"),
        ),
        vectors=vectors + (rank + 2 * state if inner_norms else 0),
        states=(State(inner * state, state_bytes, heads=inner), conv_state),
    )


def state_space_duality(
    *, hidden: int, heads: int, head_dim: int, groups: int, state: int, kernel: int, conv_bias: bool, state_bytes: float
) -> Part:
    """A Mamba-2 mixer: `head_dim` x `state` values per head. Source: Dao and Gu, Mamba-2 (2024), section 7."""
    inner, shared = heads * head_dim, 2 * groups * state
    conv, conv_state = convolution(inner + shared, kernel)
    size = heads * head_dim * state
    return Part(
        "attention",
        (
            Gemm("mixer_in", hidden, 2 * inner + shared + heads, 1, "column", "attention"),
            conv,
            Recurrence(size, DECAY_AND_READ * size + kernel * (inner + shared), 1, state_bytes),
            Elementwise("mixer_norm", 3 * inner, 1, sharded=True),
            Gemm("mixer_out", inner, hidden, 1, "row", "attention"),
        ),
        vectors=(inner + shared) * (kernel + (1 if conv_bias else 0)) + 3 * heads + inner,
        states=(State(size, state_bytes, heads=heads), conv_state),
    )


def gated_delta_rule(
    *, hidden: int, key_heads: int, value_heads: int, key_dim: int, value_dim: int, kernel: int, state_bytes: float
) -> Part:
    """A gated delta network: `key_dim` x `value_dim` values per value head, one decay per head.

    Source: Yang, Kautz and Hatamizadeh, Gated Delta Networks (2024).
    """
    keys, values = key_heads * key_dim, value_heads * value_dim
    conv, conv_state = convolution(2 * keys + values, kernel)
    size = value_heads * key_dim * value_dim
    return Part(
        "attention",
        (
            Gemm("mixer_in", hidden, 2 * keys + 2 * values + 2 * value_heads, 1, "column", "attention"),
            conv,
            Recurrence(size, DELTA_RULE * size + kernel * (2 * keys + values), 1, state_bytes),
            Elementwise("mixer_norm", 3 * values, 1, sharded=True),
            Gemm("mixer_out", values, hidden, 1, "row", "attention"),
        ),
        vectors=(2 * keys + values) * kernel + 2 * value_heads + value_dim,
        states=(State(size, state_bytes, heads=value_heads), conv_state),
    )


def channel_gated_delta_rule(
    *, hidden: int, heads: int, head_dim: int, kernel: int, full_rank_gate: bool, state_bytes: float
) -> Part:
    """Kimi delta attention: a gated delta rule with one decay per channel, made at low rank.

    Source: Kimi Team, Kimi Linear (2025), section 3.
    """
    inner = heads * head_dim
    conv, conv_state = convolution(3 * inner, kernel)
    size = heads * head_dim * head_dim
    gate: tuple[Operator, ...] = (Gemm("mixer_gate", hidden, inner, 1, "column", "attention"),)
    if not full_rank_gate:
        gate = (
            Gemm("mixer_gate_down", hidden, head_dim, 1, "replicated", "attention"),
            Gemm("mixer_gate_up", head_dim, inner, 1, "column", "attention"),
        )
    return Part(
        "attention",
        (
            Gemm("mixer_in", hidden, 3 * inner, 1, "column", "attention"),
            Gemm("mixer_decay_down", hidden, head_dim, 1, "replicated", "attention"),
            Gemm("mixer_decay_up", head_dim, inner, 1, "column", "attention"),
            Gemm("mixer_rate", hidden, heads, 1, "column", "attention"),
            *gate,
            conv,
            Recurrence(size, DELTA_RULE * size + 3 * kernel * inner, 1, state_bytes),
            Elementwise("mixer_norm", 3 * inner, 1, sharded=True),
            Gemm("mixer_out", inner, hidden, 1, "row", "attention"),
        ),
        vectors=3 * inner * kernel + inner + heads + head_dim,
        states=(State(size, state_bytes, heads=heads), conv_state),
    )


def draft_step(*, hidden: int, vocabulary: int, layer: tuple[Part, ...], norms: int = 3) -> tuple[Part, ...]:
    """One multi-token-prediction step: fuse embedding and hidden state, run its layer, predict.

    Embedding and head are the main model's. Source: DeepSeek-AI, DeepSeek-V3 (2024), section 2.2.
    """
    fuse = Part("draft", (Gemm("draft_fuse", 2 * hidden, hidden, 1, "replicated", "draft"),))
    predict = Part("head", (Gemm("head", hidden, vocabulary, 1, "vocabulary", "head"),), borrows=True)
    return (fuse, normalization(hidden, count=norms), *layer, predict)
