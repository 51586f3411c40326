"""Decoders of the GPT kind: layer norms, full multi-head attention, ungated feed-forward of four times the width.

They differ in biases, positions, parallel branches and heads. Sources: Brown et al., GPT-3 (2020),
section 2.1; Zhang et al., OPT (2022), section 2; BigScience, BLOOM (2022), section 3.2; Wang and
Komatsuzaki, GPT-J-6B (2021); Almazrouei et al., Falcon (2023), section 4; MosaicML, MPT (2023).
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, embedding, feed_forward, head, normalization
from stackwright.model.frame import Config, Frame, assemble, read_frame
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

OPT_POSITION_OFFSET = 2
"""OPT reserves this many rows of its position table. Source: OPT (2022), modeling code."""


def read(config: Config) -> Architecture:
    """A GPT-like decoder. Source: the papers named in this module."""
    return _READERS[config.architecture](config)


def _gpt2(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, hidden="n_embd", layers="n_layer", context="n_positions", tied=True)
    heads = keys.count("n_head")
    inner = keys.count("n_inner", 4 * frame.hidden)
    keys.only("add_cross_attention", False)
    keys.known(("n_ctx", "scale_attn_weights", "reorder_and_upcast_attn", "scale_attn_by_inverse_layer_idx"))
    layer = _layer(keys, frame, heads, inner)
    keys.done()
    start = embedding(frame.vocabulary, frame.hidden, positions=frame.max_context)
    return assemble(config, frame, layer * frame.layers, start=start, end=_end(frame))


def _opt(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, tied=True)
    heads = keys.count("num_attention_heads")
    inner = keys.count("ffn_dim")
    keys.only("word_embed_proj_dim", frame.hidden)
    keys.only("do_layer_norm_before", True)
    keys.only("enable_bias", True)
    keys.known(("init_std", "layer_norm_elementwise_affine", "_remove_final_layer_norm"))
    layer = _layer(keys, frame, heads, inner)
    keys.done()
    start = embedding(frame.vocabulary, frame.hidden, positions=frame.max_context + OPT_POSITION_OFFSET)
    return assemble(config, frame, layer * frame.layers, start=start, end=_end(frame))


def _bloom(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, layers="n_layer", context="seq_length", tied=True)
    heads = keys.count("n_head")
    keys.known(
        (
            "apply_residual_connection_post_layernorm",
            "attention_softmax_in_fp32",
            "bias_dropout_fusion",
            "slow_but_exact",
        )
    )
    layer = _layer(keys, frame, heads, 4 * frame.hidden)
    keys.done()
    start = embedding(frame.vocabulary, frame.hidden, norm=2 * frame.hidden)
    return assemble(config, frame, layer * frame.layers, start=start, end=_end(frame))


def _gptj(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, hidden="n_embd", layers="n_layer", context="n_positions")
    heads = keys.count("n_head")
    head_dim = keys.divides(frame.hidden, heads, "n_embd", "n_head")
    inner = keys.count("n_inner", 4 * frame.hidden)
    keys.known(("n_ctx", "rotary", "scale_attn_weights"))
    keys.done()
    layer = (
        normalization(frame.hidden, count=1, weights=2 * frame.hidden),
        attention(hidden=frame.hidden, heads=heads, kv_heads=heads, head_dim=head_dim),
        feed_forward(frame.hidden, inner, gated=False, up_bias=True, down_bias=True),
    )
    end = head(frame.vocabulary, frame.hidden, tied=frame.tied, bias=True, norm=2 * frame.hidden)
    return assemble(config, frame, layer * frame.layers, end=end)


def _falcon(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, tied=True)
    heads = keys.count("num_attention_heads")
    kv_heads = keys.count("num_kv_heads")
    head_dim = keys.divides(frame.hidden, heads, "hidden_size", "num_attention_heads")
    for key, value in {"new_decoder_architecture": True, "parallel_attn": True, "bias": False, "alibi": False}.items():
        keys.only(key, value)
    keys.known(("multi_query",))
    keys.done()
    layer = (
        normalization(frame.hidden, count=2, weights=4 * frame.hidden),
        attention(hidden=frame.hidden, heads=heads, kv_heads=kv_heads, head_dim=head_dim),
        feed_forward(frame.hidden, 4 * frame.hidden, gated=False),
    )
    return assemble(config, frame, layer * frame.layers, end=_end(frame))


def _mpt(config: Config) -> Architecture:
    keys = config.keys
    frame = read_frame(config, hidden="d_model", layers="n_layers", context="max_seq_len", tied=True)
    heads = keys.count("n_heads")
    head_dim = keys.divides(frame.hidden, heads, "d_model", "n_heads")
    inner = keys.count("expansion_ratio") * frame.hidden
    positions = frame.max_context if keys.flag("learned_pos_emb", True) else 0
    keys.only("no_bias", True)
    keys.known(("init_config", "init_device", "logit_scale"))
    keys.done()
    layer = (
        normalization(frame.hidden, count=2),
        attention(hidden=frame.hidden, heads=heads, kv_heads=heads, head_dim=head_dim),
        feed_forward(frame.hidden, inner, gated=False),
    )
    start = embedding(frame.vocabulary, frame.hidden, positions=positions)
    return assemble(config, frame, layer * frame.layers, start=start)


def _layer(keys: Keys, frame: Frame, heads: int, inner: int) -> tuple[Part, ...]:
    """Two layer norms and biases on every projection, as in GPT-2, GPT-3, OPT and BLOOM."""
    head_dim = keys.divides(frame.hidden, heads, "n_head", "the hidden size")
    return (
        normalization(frame.hidden, count=2, weights=4 * frame.hidden),
        attention(
            hidden=frame.hidden, heads=heads, kv_heads=heads, head_dim=head_dim, query_bias=True, output_bias=True
        ),
        feed_forward(frame.hidden, inner, gated=False, up_bias=True, down_bias=True),
    )


def _end(frame: Frame) -> tuple[Part, Part]:
    return head(frame.vocabulary, frame.hidden, tied=frame.tied, norm=2 * frame.hidden)


_READERS = {
    "GPT2LMHeadModel": _gpt2,
    "OPTForCausalLM": _opt,
    "BloomForCausalLM": _bloom,
    "GPTJForCausalLM": _gptj,
    "FalconForCausalLM": _falcon,
    "MPTForCausalLM": _mpt,
}
ARCHITECTURES = tuple(_READERS)
