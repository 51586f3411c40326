"""MiniMax M2 and M3: grouped-query attention with normed queries and keys; M3 selects blocks of keys.

Sources: MiniMax, MiniMax-M2.5 and MiniMax-M3 model cards and config.json (2026). M2.5 names
multi-token-prediction modules that its published weights do not contain; they are not counted.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, draft_step, experts, feed_forward, normalization
from stackwright.model.cache import Cache
from stackwright.model.frame import Config, Frame, Heads, assemble, read_frame, read_heads
from stackwright.model.keys import Keys
from stackwright.model.operators import Elementwise, Gemm
from stackwright.model.parts import Part

ARCHITECTURES = ("MiniMaxM2ForCausalLM", "MiniMaxM3ForCausalLM")


def read(config: Config) -> Architecture:
    """A MiniMax decoder. Source: the model cards named in this module."""
    frame = read_frame(config)
    heads = read_heads(config.keys, frame.hidden)
    config.keys.only("use_qk_norm", True)
    config.keys.known(("use_routing_bias",))
    if config.architecture == "MiniMaxM2ForCausalLM":
        return _read_m2(config, frame, heads)
    return _read_m3(config, frame, heads)


def _read_m2(config: Config, frame: Frame, heads: Heads) -> Architecture:
    keys = config.keys
    inner = keys.count("intermediate_size")
    total = keys.count("num_local_experts")
    active = keys.count("num_experts_per_tok", most=total)
    keys.only("qk_norm_type", "per_layer")
    keys.only("shared_intermediate_size", 0)
    keys.known(("use_mtp", "mtp_transformer_layers", "num_mtp_modules"))
    keys.done()

    layer = (
        normalization(frame.hidden, count=2),
        attention(
            hidden=frame.hidden,
            heads=heads.heads,
            kv_heads=heads.kv_heads,
            head_dim=heads.head_dim,
            norm_weights=(heads.heads + heads.kv_heads) * heads.head_dim,
        ),
        *experts(hidden=frame.hidden, inner=inner, experts=total, active=active, router_vectors=total),
    )
    return assemble(config, frame, layer * frame.layers)


def _read_m3(config: Config, frame: Frame, heads: Heads) -> Architecture:
    keys = config.keys
    inner = keys.count("moe_intermediate_size")
    keys.only("intermediate_size", inner)
    dense_inner = keys.count("dense_intermediate_size")
    shared_inner = keys.count("shared_intermediate_size") * keys.count("n_shared_experts")
    total = keys.count("num_local_experts")
    active = keys.count("num_experts_per_tok", most=total)
    sparse_ffn = keys.counts("moe_layer_freq", frame.layers, most=1)
    drafts = keys.count("num_nextn_predict_layers", 0, zero=True)
    keys.only("qk_norm_type", "per_head")
    keys.only("attention_output_gate", False)
    keys.known(("first_k_dense_replace", "num_mtp_modules", "swiglu_alpha", "swiglu_limit", "use_gemma_norm"))
    index = _Index(keys.nested("sparse_attention_config"), frame.layers)
    keys.done()

    def mixer(sparse: int) -> tuple[Part, ...]:
        plain = attention(
            hidden=frame.hidden,
            heads=heads.heads,
            kv_heads=heads.kv_heads,
            head_dim=heads.head_dim,
            norm_weights=2 * heads.head_dim,
            selected=index.selected if sparse else 0,
            indexer_heads=index.heads if sparse else 0,
            indexer_dim=index.dim if sparse else 0,
        )
        return (plain, index.part(frame.hidden)) if sparse else (plain,)

    def feed(sparse: int) -> tuple[Part, ...]:
        if not sparse:
            return (feed_forward(frame.hidden, dense_inner),)
        return (
            *experts(hidden=frame.hidden, inner=inner, experts=total, active=active, router_vectors=total),
            feed_forward(frame.hidden, shared_inner, role="shared_expert"),
        )

    def layer(sparse_mixer: int, sparse_feed: int) -> tuple[Part, ...]:
        return (normalization(frame.hidden, count=2), *mixer(sparse_mixer), *feed(sparse_feed))

    pairs = list(zip(index.layers, sparse_ffn, strict=False))[: frame.layers]
    draft = draft_step(hidden=frame.hidden, vocabulary=frame.vocabulary, layer=layer(1, 1)) if drafts else ()
    return assemble(config, frame, [part for pair in pairs for part in layer(*pair)], draft=draft)


class _Index:
    """The block indexer: per key-value head it picks whole blocks of keys, by keys of its own."""

    def __init__(self, keys: Keys, layers: int) -> None:
        self.layers = keys.counts("sparse_attention_freq", layers, most=1)
        self.heads = keys.count("sparse_num_index_heads")
        self.dim = keys.count("sparse_index_dim")
        self.selected = keys.count("sparse_block_size") * keys.count("sparse_topk_blocks")
        keys.only("use_sparse_attention", True)
        # Where the indexer has no values of its own it adds no output projection.
        without_values = keys.counts("sparse_disable_index_value", layers, most=1)
        if without_values[:layers] != self.layers[:layers]:
            keys.fault("sparse_disable_index_value", "1 on every layer with sparse attention")
        keys.known(("sparse_init_block", "sparse_local_block", "sparse_score_type"))
        keys.refuse_unknown()

    def part(self, hidden: int) -> Part:
        return Part(
            "indexer",
            (
                Gemm("indexer_query_key", hidden, (self.heads + 1) * self.dim, 1, "column", "attention"),
                Elementwise("indexer", 2 * (self.heads + 1) * self.dim, 1),
            ),
            vectors=2 * self.dim,
            caches=(Cache(self.dim, 1, index=True),),
        )
