"""Latent attention over fine-grained experts: DeepSeek-V3 and V3.2, Kimi K2, GLM-5.

Sources: DeepSeek-AI, DeepSeek-V3 technical report (2024), section 2, and DeepSeek-V3.2 (2025),
section 2; Kimi Team, Kimi K2 (2025), section 2; Z.ai, GLM-5 (2026), section 2. In GLM-5.2 most
layers reuse the choice of an earlier layer's indexer.
"""

from __future__ import annotations

from dataclasses import dataclass

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import draft_step, experts, feed_forward, indexer, latent_attention, normalization
from stackwright.model.frame import Config, assemble, read_frame, text_model_defaults
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

ARCHITECTURES = (
    "DeepseekV2ForCausalLM",
    "DeepseekV3ForCausalLM",
    "DeepseekV32ForCausalLM",
    "GlmMoeDsaForCausalLM",
    "KimiK25ForConditionalGeneration",
)


def read(config: Config) -> Architecture:
    """A decoder with latent attention and experts. Source: the reports named in this module."""
    keys = config.keys
    frame = read_frame(config)
    mixer = Mixer.read(keys, frame.hidden)
    dense_inner = keys.count("intermediate_size")
    inner = keys.count("moe_intermediate_size")
    total = keys.count("n_routed_experts")
    active = keys.count("num_experts_per_tok", most=total)
    shared = keys.count("n_shared_experts", 0, zero=True)
    dense_layers = keys.count("first_k_dense_replace", zero=True, most=frame.layers)
    drafts = keys.count("num_nextn_predict_layers", 0, zero=True)
    keys.only("moe_layer_freq", 1)
    keys.only("attention_bias", False)
    own_indexer = _own_indexer(keys, frame.layers, sparse=mixer.selected > 0)
    keys.only("mlp_layer_types", ["dense"] * dense_layers + ["sparse"] * (frame.layers - dense_layers))
    keys.known(("moe_router_dtype", "index_share_for_mtp_iteration"))
    text_model_defaults(keys)
    keys.done()

    def layer(number: int) -> tuple[Part, ...]:
        norms = normalization(frame.hidden, count=2)
        if number < dense_layers:
            return (norms, *mixer.parts(own_indexer[number]), feed_forward(frame.hidden, dense_inner))
        bias = total if config.architecture != "DeepseekV2ForCausalLM" else 0
        return (
            norms,
            *mixer.parts(own_indexer[number]),
            *experts(hidden=frame.hidden, inner=inner, experts=total, active=active, router_vectors=bias),
            *((feed_forward(frame.hidden, shared * inner, role="shared_expert"),) if shared else ()),
        )

    draft: tuple[Part, ...] = ()
    if drafts:
        draft = draft_step(hidden=frame.hidden, vocabulary=frame.vocabulary, layer=layer(frame.layers))
    return assemble(config, frame, [part for number in range(frame.layers) for part in layer(number)], draft=draft)


def _own_indexer(keys: Keys, layers: int, *, sparse: bool) -> tuple[bool, ...]:
    """For every layer and the draft layer after them, whether it has an indexer of its own."""
    keys.only("index_topk_pattern")
    keys.known(("index_topk_freq", "index_skip_topk_offset", "indexer_rope_interleave"))
    if sparse and keys.has("indexer_types"):
        kinds = keys.words("indexer_types", ("full", "shared"), layers)[:layers]
        return (*(kind == "full" for kind in kinds), True)
    keys.known(("indexer_types",))
    return (sparse,) * (layers + 1)


@dataclass(frozen=True)
class Mixer:
    """Sizes of latent attention, with those of its indexer where keys are selected."""

    hidden: int
    heads: int
    query_rank: int
    latent: int
    nope: int
    rope: int
    value_dim: int
    selected: int
    indexer_heads: int
    indexer_dim: int
    gated: bool = False

    @classmethod
    def read(cls, keys: Keys, hidden: int) -> Mixer:
        """From the keys that DeepSeek-V2 introduced. Source: DeepSeek-V2 (2024), section 2.1."""
        sparse = keys.has("index_topk")
        heads = keys.count("num_attention_heads")
        keys.only("num_key_value_heads", heads)
        nope, rope = keys.count("qk_nope_head_dim"), keys.count("qk_rope_head_dim")
        keys.only("qk_head_dim", nope + rope)
        # Transformers fills it with one of the sizes above, differently from release to release.
        keys.known(("head_dim", "index_topk"))
        return cls(
            hidden=hidden,
            heads=heads,
            query_rank=keys.count("q_lora_rank", 0, zero=True),
            latent=keys.count("kv_lora_rank"),
            nope=nope,
            rope=rope,
            value_dim=keys.count("v_head_dim"),
            selected=keys.count("index_topk") if sparse else 0,
            indexer_heads=keys.count("index_n_heads") if sparse else 0,
            indexer_dim=keys.count("index_head_dim") if sparse else 0,
            gated=keys.flag("mla_use_output_gate", False),
        )

    def parts(self, own_indexer: bool) -> tuple[Part, ...]:
        """Attention, and the indexer if this layer has its own. Source: definition."""
        mixer = latent_attention(
            hidden=self.hidden,
            heads=self.heads,
            query_rank=self.query_rank,
            latent=self.latent,
            nope=self.nope,
            rope=self.rope,
            value_dim=self.value_dim,
            selected=self.selected,
            indexer_heads=self.indexer_heads if own_indexer else 0,
            indexer_dim=self.indexer_dim if own_indexer else 0,
            gated=self.gated,
        )
        if not own_indexer:
            return (mixer,)
        picker = indexer(hidden=self.hidden, query_rank=self.query_rank, heads=self.indexer_heads, dim=self.indexer_dim)
        return (mixer, picker)
