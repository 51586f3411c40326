"""Mixtures of experts on grouped-query attention: Mixtral and Qwen3-MoE.

Sources: Jiang et al., Mixtral of Experts (2024), section 2; Qwen Team, Qwen3 technical report (2025),
section 2.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, normalization
from stackwright.model.frame import Config, assemble, read_frame, read_heads

ARCHITECTURES = ("MixtralForCausalLM", "Qwen3MoeForCausalLM")


def read(config: Config) -> Architecture:
    """A decoder whose every feed-forward block is a mixture of experts. Source: the reports named in this module."""
    keys = config.keys
    qwen = config.architecture == "Qwen3MoeForCausalLM"
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    inner = keys.count("moe_intermediate_size" if qwen else "intermediate_size")
    total = keys.count("num_experts" if qwen else "num_local_experts")
    active = keys.count("num_experts_per_tok", most=total)
    window = 0
    if qwen:
        keys.only("attention_bias", False)
        keys.only("qkv_bias", False)
        keys.only("use_qk_norm", True)
        keys.only("decoder_sparse_step", 1)
        keys.only("mlp_only_layers", [])
        keys.only("shared_expert_intermediate_size", 0)
        keys.only("use_sliding_window", False)
        # The dense size is unused where no layer is dense.
        keys.known(("intermediate_size", "sliding_window", "max_window_layers"))
    else:
        window = keys.count("sliding_window", 0)
    keys.done()

    layer = (
        normalization(frame.hidden, count=2),
        attention(
            hidden=frame.hidden,
            heads=heads.heads,
            kv_heads=heads.kv_heads,
            head_dim=heads.head_dim,
            window=window,
            norm_weights=2 * heads.head_dim if qwen else 0,
        ),
        *experts(hidden=frame.hidden, inner=inner, experts=total, active=active),
    )
    return assemble(config, frame, layer * frame.layers)
