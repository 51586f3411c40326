"""Gemma 3 and Gemma 4: windowed layers with a full one in every six; Gemma 4 may add experts beside the dense block.

Sources: Gemma Team, Gemma 3 technical report (2025), section 2; Gemma 4 model card and config.json (2026).
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, feed_forward, normalization
from stackwright.model.frame import Config, Frame, Heads, assemble, read_frame, read_heads
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

ARCHITECTURES = ("Gemma3ForConditionalGeneration", "Gemma3ForCausalLM", "Gemma4ForConditionalGeneration")


def read(config: Config) -> Architecture:
    """A Gemma decoder. Source: the reports named in this module."""
    keys = config.keys
    frame = read_frame(config, tied=True)
    heads = read_heads(keys, frame.hidden)
    inner = keys.count("intermediate_size")
    window = keys.count("sliding_window")
    kinds = keys.words("layer_types", ("sliding_attention", "full_attention"), frame.layers)[: frame.layers]
    keys.only("attention_bias", False)
    keys.known(("query_pre_attn_scalar", "final_logit_softcapping", "attn_logit_softcapping", "rope_local_base_freq"))
    latest = config.architecture.startswith("Gemma4")
    full_heads, same = _full_attention(keys, heads) if latest else (heads, False)
    routed = _experts(keys, frame) if latest else ()
    keys.done()

    def layer(kind: str) -> tuple[Part, ...]:
        full = kind == "full_attention"
        chosen = full_heads if full else heads
        attend = attention(
            hidden=frame.hidden,
            heads=chosen.heads,
            kv_heads=chosen.kv_heads,
            head_dim=chosen.head_dim,
            window=0 if full else window,
            norm_weights=2 * chosen.head_dim,
            keys_as_values=full and same,
        )
        norms = normalization(frame.hidden, count=7 if routed else 4)
        return (norms, attend, feed_forward(frame.hidden, inner), *routed)

    return assemble(config, frame, [part for kind in kinds for part in layer(kind)])


def _full_attention(keys: Keys, windowed: Heads) -> tuple[Heads, bool]:
    """Heads of the full layers, and whether their values are projected together with their keys."""
    same = keys.flag("attention_k_eq_v", False)
    kv_heads = keys.count("num_global_key_value_heads", windowed.kv_heads)
    return Heads(
        windowed.heads, kv_heads if same else windowed.kv_heads, keys.count("global_head_dim", windowed.head_dim)
    ), same


def _experts(keys: Keys, frame: Frame) -> tuple[Part, ...]:
    keys.only("hidden_size_per_layer_input", 0)
    keys.only("num_kv_shared_layers", 0)
    keys.only("use_double_wide_mlp", False)
    keys.known(("use_bidirectional_attention", "vocab_size_per_layer_input"))
    if not keys.flag("enable_moe_block", False):
        keys.known(("num_experts", "top_k_experts", "moe_intermediate_size"))
        return ()
    total = keys.count("num_experts")
    return experts(
        hidden=frame.hidden,
        inner=keys.count("moe_intermediate_size"),
        experts=total,
        active=keys.count("top_k_experts", most=total),
        router_vectors=frame.hidden + total,
    )
