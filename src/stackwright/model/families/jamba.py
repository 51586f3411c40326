"""Jamba: Mamba layers with an attention layer in every period, experts in every other layer.

Source: Lieber et al., Jamba (2024), section 3, and Jamba-1.5 (2024), section 2.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, feed_forward, normalization, selective_state_space
from stackwright.model.frame import Config, assemble, read_frame, read_heads, read_state_bytes
from stackwright.model.parts import Part

ARCHITECTURES = ("JambaForCausalLM",)


def read(config: Config) -> Architecture:
    """A Jamba decoder. Source: the papers named in this module."""
    keys = config.keys
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    inner = keys.count("intermediate_size")
    total = keys.count("num_experts")
    active = keys.count("num_experts_per_tok", most=total)
    attention_every, attention_at = keys.count("attn_layer_period"), keys.count("attn_layer_offset", zero=True)
    experts_every, experts_at = keys.count("expert_layer_period"), keys.count("expert_layer_offset", zero=True)
    mixer = selective_state_space(
        hidden=frame.hidden,
        inner=keys.count("mamba_expand") * frame.hidden,
        state=keys.count("mamba_d_state"),
        rank=keys.count("mamba_dt_rank"),
        kernel=keys.count("mamba_d_conv"),
        conv_bias=keys.flag("mamba_conv_bias"),
        inner_norms=True,
        state_bytes=read_state_bytes(keys, "mamba_ssm_cache_dtype"),
    )
    keys.only("mamba_proj_bias", False)
    keys.only("sliding_window")
    keys.known(("use_mamba_kernels", "num_logits_to_keep"))
    keys.done()

    attend = attention(hidden=frame.hidden, heads=heads.heads, kv_heads=heads.kv_heads, head_dim=heads.head_dim)

    def layer(number: int) -> tuple[Part, ...]:
        sparse = number % experts_every == experts_at
        return (
            normalization(frame.hidden, count=2),
            attend if number % attention_every == attention_at else mixer,
            *(
                experts(hidden=frame.hidden, inner=inner, experts=total, active=active)
                if sparse
                else (feed_forward(frame.hidden, inner),)
            ),
        )

    return assemble(config, frame, [part for number in range(frame.layers) for part in layer(number)])
