"""Kimi Linear and Kimi K3: delta attention with some latent attention, experts in a latent space.

Sources: Kimi Team, Kimi Linear (2025), sections 3 and 4; Attention Residuals (2026); Kimi-K3 model
card and config.json (2026).
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import (
    channel_gated_delta_rule,
    experts,
    feed_forward,
    latent_projection,
    normalization,
)
from stackwright.model.families.deepseek import Mixer
from stackwright.model.frame import Config, assemble, read_frame, text_model_defaults
from stackwright.model.keys import Keys
from stackwright.model.operators import Elementwise
from stackwright.model.parts import Part

ARCHITECTURES = ("KimiLinearForCausalLM", "KimiK3ForConditionalGeneration")

SUBLAYERS = 2


def read(config: Config) -> Architecture:
    """A Kimi Linear decoder. Source: the reports named in this module."""
    keys = config.keys
    frame = read_frame(config)
    latent_mixer = Mixer.read(keys, frame.hidden)
    linear = _Linear(keys.nested("linear_attn_config"), frame.layers)
    dense_inner = keys.count("intermediate_size")
    inner = keys.count("moe_intermediate_size")
    total = keys.count("num_experts")
    active = keys.count("num_experts_per_token", most=total)
    shared = keys.count("num_shared_experts", 0, zero=True)
    dense_layers = keys.count("first_k_dense_replace", zero=True, most=frame.layers)
    width = keys.count("routed_expert_hidden_size", 0, zero=True)
    normed = keys.flag("latent_moe_use_norm", False)
    block = keys.count("attn_res_block_size", 0, zero=True)
    keys.only("moe_layer_freq", 1)
    keys.only("num_nextn_predict_layers", 0)
    keys.known(
        [
            "activation_situ_beta",
            "activation_situ_linear_beta",
            "mla_use_nope",
            "moe_renormalize",
            "moe_router_activation_func",
            "num_expert_group",
            "use_grouped_topk",
        ]
    )
    text_model_defaults(keys)
    keys.done()

    def feed(number: int) -> tuple[Part, ...]:
        if number < dense_layers:
            return (feed_forward(frame.hidden, dense_inner),)
        routed = experts(
            hidden=width or frame.hidden,
            inner=inner,
            experts=total,
            active=active,
            routing_width=frame.hidden,
            router_vectors=total,
        )
        beside = (feed_forward(frame.hidden, shared * inner, role="shared_expert"),) if shared else ()
        between = (latent_projection(hidden=frame.hidden, latent=width, norm=width if normed else 0),) if width else ()
        return (*routed, *beside, *between)

    def layer(number: int) -> tuple[Part, ...]:
        mixer = (linear.part(frame.hidden),) if number in linear.layers else latent_mixer.parts(False)
        streams = (_attention_residuals(frame.hidden, frame.layers, block),) if block else ()
        return (normalization(frame.hidden, count=SUBLAYERS), *streams, *mixer, *feed(number))

    last = (Part("residual", vectors=2 * frame.hidden),) if block else ()
    return assemble(config, frame, [*(part for number in range(frame.layers) for part in layer(number)), *last])


def _attention_residuals(hidden: int, layers: int, block: int) -> Part:
    """Each sub-layer reads an attention-weighted mix of the outputs of all blocks before it, on average half."""
    blocks = -(-SUBLAYERS * layers // block)
    return Part(
        "residual",
        (Elementwise("attention_residual", hidden * (blocks + 1) // 2, SUBLAYERS),),
        vectors=2 * SUBLAYERS * hidden,
    )


class _Linear:
    """Which layers (counted from 1 in the config) use delta attention, and its sizes."""

    def __init__(self, keys: Keys, layers: int) -> None:
        linear = keys.counts("kda_layers", most=layers)
        full = keys.counts("full_attn_layers", most=layers)
        if sorted((*linear, *full)) != list(range(1, layers + 1)):
            keys.fault("kda_layers", f"together with full_attn_layers, each of 1 to {layers} once")
        self.layers = frozenset(number - 1 for number in linear)
        self.heads = keys.count("num_heads")
        self.head_dim = keys.count("head_dim")
        self.kernel = keys.count("short_conv_kernel_size")
        self.full_rank_gate = keys.flag("use_full_rank_gate", False)
        keys.known(("gate_lower_bound",))
        keys.refuse_unknown()

    def part(self, hidden: int) -> Part:
        return channel_gated_delta_rule(
            hidden=hidden,
            heads=self.heads,
            head_dim=self.head_dim,
            kernel=self.kernel,
            full_rank_gate=self.full_rank_gate,
            state_bytes=4.0,
        )
