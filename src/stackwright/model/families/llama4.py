"""Llama 4: chunked attention in three layers of four, one routed and one shared expert per token.

Source: Meta, Llama 4 model card and config.json (2025).
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, feed_forward, normalization
from stackwright.model.frame import Config, assemble, read_frame, read_heads
from stackwright.model.parts import Part

ARCHITECTURES = ("Llama4ForConditionalGeneration", "Llama4ForCausalLM")

FULL_ATTENTION_EVERY = 4
"""Every fourth layer has no rotary positions and attends to everything."""


def read(config: Config) -> Architecture:
    """A Llama 4 decoder. Source: the model card named in this module."""
    keys = config.keys
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    inner, dense_inner = keys.count("intermediate_size"), keys.count("intermediate_size_mlp")
    total = keys.count("num_local_experts")
    active = keys.count("num_experts_per_tok", most=total)
    experts_every = keys.count("interleave_moe_layer_step")
    chunk = keys.count("attention_chunk_size")
    keys.only("attention_bias", False)
    keys.only("no_rope_layer_interval", FULL_ATTENTION_EVERY)
    # The norm of queries and keys has no weights.
    keys.known(("use_qk_norm", "attn_temperature_tuning", "attn_scale", "floor_scale"))
    keys.done()

    def layer(number: int) -> tuple[Part, ...]:
        feed: tuple[Part, ...] = (feed_forward(frame.hidden, dense_inner),)
        if number % experts_every == 0:
            feed = (
                *experts(hidden=frame.hidden, inner=inner, experts=total, active=active),
                feed_forward(frame.hidden, inner, role="shared_expert"),
            )
        attend = attention(
            hidden=frame.hidden,
            heads=heads.heads,
            kv_heads=heads.kv_heads,
            head_dim=heads.head_dim,
            window=chunk if number % FULL_ATTENTION_EVERY else 0,
        )
        return (normalization(frame.hidden, count=2), attend, *feed)

    return assemble(config, frame, [part for number in range(1, frame.layers + 1) for part in layer(number)])
