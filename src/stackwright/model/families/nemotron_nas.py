"""Llama-Nemotron models found by architecture search: every layer has its own attention and feed-forward size.

Source: Bercovich et al., Llama-Nemotron (2025), section 2; Puzzle (2024), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, feed_forward, normalization
from stackwright.model.frame import Config, assemble, read_frame
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

ARCHITECTURES = ("DeciLMForCausalLM",)

ROUND_UP = 256
"""Feed-forward sizes are rounded up to a multiple of this. Source: Llama-Nemotron, modeling code (2025)."""


def read(config: Config) -> Architecture:
    """A Llama-Nemotron decoder. Source: the reports named in this module."""
    keys = config.keys
    frame = read_frame(config)
    heads = keys.count("num_attention_heads")
    head_dim = keys.divides(frame.hidden, heads, "hidden_size", "num_attention_heads")
    for key in ("attention_bias", "mlp_bias"):
        keys.only(key, False)
    keys.only("intermediate_size")
    keys.only("num_key_value_heads")
    blocks = _blocks(keys, frame.layers, heads)
    keys.done()

    def layer(block: _Block) -> tuple[Part, ...]:
        parts: list[Part] = []
        if block.group:
            attend = attention(hidden=frame.hidden, heads=heads, kv_heads=heads // block.group, head_dim=head_dim)
            parts += [normalization(frame.hidden, count=1), attend]
        if block.multiple:
            inner = _inner(block.multiple, frame.hidden)
            parts += [normalization(frame.hidden, count=1), feed_forward(frame.hidden, inner)]
        return tuple(parts)

    return assemble(config, frame, [part for block in blocks for part in layer(block)])


@dataclass(frozen=True)
class _Block:
    """Query heads per key-value head, and feed-forward size as a multiple; 0 where the block is left out."""

    group: int
    multiple: float


def _inner(multiple: float, hidden: int) -> int:
    wanted = int(2 * multiple * hidden / 3)
    return -(-wanted // ROUND_UP) * ROUND_UP


def _blocks(keys: Keys, layers: int, heads: int) -> list[_Block]:
    given = keys.data.get("block_configs")
    keys.known(("block_configs",))
    if not isinstance(given, list) or len(given) != layers or not all(isinstance(item, Mapping) for item in given):
        keys.fault("block_configs", f"a list of {layers} mappings, one per layer")
        return []
    return [_block(keys, number, item, heads) for number, item in enumerate(given)]


def _block(keys: Keys, number: int, data: Mapping[str, Any], heads: int) -> _Block:
    block = Keys(data, keys.file, under=f"block_configs[{number}].", faults=keys.faults)
    attend, feed = block.nested("attention"), block.nested("ffn")
    group, multiple = 0, 0.0
    if not attend.flag("no_op", False):
        group = attend.count("n_heads_in_group")
        attend.divides(heads, group, "n_heads_in_group", "itself")
    if not feed.flag("no_op", False):
        multiple = _multiple(feed)
    attend.known(("n_heads_in_group",))
    feed.known(("ffn_mult",))
    for key in ("replace_with_linear", "unshifted_sink", "use_prefill_window_in_sink_attention"):
        attend.only(key, False)
    for key in ("num_sink_tokens", "sparsify", "window_length"):
        attend.only(key)
    feed.only("replace_with_linear", False)
    feed.only("sparsify")
    for part in (block, attend, feed):
        part.refuse_unknown()
    return _Block(group, multiple)


def _multiple(feed: Keys) -> float:
    value = feed.data.get("ffn_mult")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1000:
        feed.fault("ffn_mult", "a number above 0 and below 1000")
        return 1.0
    return float(value)
