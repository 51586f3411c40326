"""Qwen3.5: three gated delta networks to one gated attention, dense or with experts.

Source: Qwen Team, Qwen3.5 model cards and config.json (2026); Qwen3-Next (2025).
"""

from __future__ import annotations

from dataclasses import replace

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, draft_step, experts, feed_forward, gated_delta_rule, normalization
from stackwright.model.frame import Config, assemble, read_frame, read_heads, read_state_bytes
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

ARCHITECTURES = ("Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForConditionalGeneration")


def read(config: Config) -> Architecture:
    """A Qwen3.5 decoder. Source: the model cards named in this module."""
    keys = config.keys
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    kinds = keys.words("layer_types", ("linear_attention", "full_attention"), frame.layers)[: frame.layers]
    linear = _linear(keys, frame.hidden)
    sparse = "Moe" in config.architecture
    feed = _experts(keys, frame.hidden) if sparse else (feed_forward(frame.hidden, keys.count("intermediate_size")),)
    drafts = keys.count("mtp_num_hidden_layers", 0, zero=True, most=1)
    keys.only("attention_bias", False)
    keys.only("mlp_only_layers", [])
    keys.only("mtp_use_dedicated_embeddings", False)
    gated = keys.flag("attn_output_gate")
    keys.known(("full_attention_interval",))
    keys.done()

    full = attention(
        hidden=frame.hidden,
        heads=heads.heads,
        kv_heads=heads.kv_heads,
        head_dim=heads.head_dim,
        gated=gated,
        norm_weights=2 * heads.head_dim,
    )

    def layer(kind: str) -> tuple[Part, ...]:
        return (normalization(frame.hidden, count=2), full if kind == "full_attention" else linear, *feed)

    draft: tuple[Part, ...] = ()
    if drafts:
        draft = draft_step(hidden=frame.hidden, vocabulary=frame.vocabulary, layer=layer("full_attention"))
    return assemble(config, frame, [part for kind in kinds for part in layer(kind)], draft=draft)


def _linear(keys: Keys, hidden: int) -> Part:
    return gated_delta_rule(
        hidden=hidden,
        key_heads=keys.count("linear_num_key_heads"),
        value_heads=keys.count("linear_num_value_heads"),
        key_dim=keys.count("linear_key_head_dim"),
        value_dim=keys.count("linear_value_head_dim"),
        kernel=keys.count("linear_conv_kernel_dim"),
        state_bytes=read_state_bytes(keys, "mamba_ssm_dtype"),
    )


def _experts(keys: Keys, hidden: int) -> tuple[Part, ...]:
    total = keys.count("num_experts")
    routed = experts(
        hidden=hidden,
        inner=keys.count("moe_intermediate_size"),
        experts=total,
        active=keys.count("num_experts_per_tok", most=total),
    )
    shared = feed_forward(hidden, keys.count("shared_expert_intermediate_size"), role="shared_expert")
    # A gate of one output per token scales the shared expert.
    return (*routed, replace(shared, vectors=shared.vectors + hidden))
