"""Nemotron-H, Nemotron Nano 2 and Nemotron 3: a pattern of Mamba-2, attention, feed-forward and expert blocks.

Sources: NVIDIA, Nemotron-H (2025), section 2; Nemotron Nano 2 (2025), section 2; Nemotron 3 technical
reports (2025, 2026). Here a layer is one block with one norm, as the config counts.
"""

from __future__ import annotations

from collections.abc import Callable

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import (
    attention,
    draft_step,
    experts,
    feed_forward,
    latent_projection,
    normalization,
    state_space_duality,
)
from stackwright.model.frame import Config, assemble, read_frame, read_heads, read_state_bytes
from stackwright.model.keys import LARGEST_DEPTH, Keys
from stackwright.model.parts import Part

ARCHITECTURES = ("NemotronHForCausalLM",)

BLOCKS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}


def read(config: Config) -> Architecture:
    """A Nemotron-H decoder. Source: the reports named in this module."""
    keys = config.keys
    pattern = _pattern(keys, "hybrid_override_pattern", "layers_block_type")
    keys.only("num_hidden_layers", len(pattern))
    frame = read_frame(config, depth=len(pattern))
    blocks = _blocks(keys, frame.hidden, set(pattern))
    drafts = keys.count("num_nextn_predict_layers", 0, zero=True)
    draft_pattern = _pattern(keys, "mtp_hybrid_override_pattern", "mtp_layers_block_type") if drafts else ()
    for key in ("attention_bias", "mlp_bias", "use_bias", "mamba_proj_bias"):
        keys.only(key, False)
    keys.only("sliding_window")
    keys.known(
        [
            "chunk_size",
            "expand",
            "mamba_hidden_act",
            "mlp_hidden_act",
            "moe_shared_expert_overlap",
            "num_logits_to_keep",
            "time_step_floor",
            "time_step_limit",
            "time_step_max",
            "time_step_min",
            "time_step_rank",
            "use_mamba_kernels",
        ]
    )
    keys.done()

    def run(names: tuple[str, ...]) -> tuple[Part, ...]:
        return tuple(part for name in names for part in (normalization(frame.hidden, count=1), *blocks[name]()))

    draft = draft_step(hidden=frame.hidden, vocabulary=frame.vocabulary, layer=run(draft_pattern)) if drafts else ()
    return assemble(config, frame, run(pattern), draft=draft)


def _pattern(keys: Keys, text_key: str, list_key: str) -> tuple[str, ...]:
    """Kinds of the blocks, from a string of marks or from a list of words."""
    if keys.has(list_key):
        keys.known((text_key,))
        return keys.words(list_key, tuple(BLOCKS.values()))
    keys.known((text_key, list_key))
    marks = keys.data.get(text_key)
    if not isinstance(marks, str) or not 0 < len(marks) <= LARGEST_DEPTH or set(marks) - set(BLOCKS):
        keys.fault(text_key, f"a string of the marks {' '.join(BLOCKS)}")
        return ()
    return tuple(BLOCKS[mark] for mark in marks)


def _blocks(keys: Keys, hidden: int, used: set[str]) -> dict[str, Callable[[], tuple[Part, ...]]]:
    mixer = _mixer(keys, hidden)
    attend = _attention(keys, hidden)
    dense_inner = keys.count("intermediate_size")
    made: dict[str, Callable[[], tuple[Part, ...]]] = {
        "mamba": lambda: (mixer,),
        "attention": lambda: (attend,),
        "mlp": lambda: (feed_forward(hidden, dense_inner, gated=False),),
    }
    if "moe" in used:
        routed = _experts(keys, hidden)
        made["moe"] = lambda: routed
    return made


def _mixer(keys: Keys, hidden: int) -> Part:
    return state_space_duality(
        hidden=hidden,
        heads=keys.count("mamba_num_heads"),
        head_dim=keys.count("mamba_head_dim"),
        groups=keys.count("n_groups"),
        state=keys.count("ssm_state_size"),
        kernel=keys.count("conv_kernel"),
        conv_bias=keys.flag("use_conv_bias"),
        state_bytes=read_state_bytes(keys, "mamba_ssm_cache_dtype"),
    )


def _attention(keys: Keys, hidden: int) -> Part:
    heads = read_heads(keys, hidden)
    head_dim = keys.count("attention_head_dim", heads.head_dim)
    return attention(hidden=hidden, heads=heads.heads, kv_heads=heads.kv_heads, head_dim=head_dim)


def _experts(keys: Keys, hidden: int) -> tuple[Part, ...]:
    total = keys.count("n_routed_experts")
    latent = keys.count("moe_latent_size", 0, zero=True)
    routed = experts(
        hidden=latent or hidden,
        inner=keys.count("moe_intermediate_size"),
        experts=total,
        active=keys.count("num_experts_per_tok", most=total),
        gated=False,
        routing_width=hidden,
        router_vectors=total,
    )
    keys.only("n_shared_experts", 1)
    inner = keys.count("moe_shared_expert_intermediate_size")
    shared = feed_forward(hidden, inner, role="shared_expert", gated=False)
    return (*routed, shared, *((latent_projection(hidden=hidden, latent=latent),) if latent else ()))
