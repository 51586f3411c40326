"""MiMo-V2-Flash: five windowed layers to one full one, with other head counts, then experts.

Source: Xiaomi LLM-Core, MiMo-V2-Flash technical report (2026), section 2. The config does not
describe the multi-token-prediction layers that its checkpoint carries; they are not counted.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, feed_forward, normalization
from stackwright.model.frame import Config, assemble, read_frame
from stackwright.model.keys import Keys
from stackwright.model.parts import Part

ARCHITECTURES = ("MiMoV2FlashForCausalLM",)


def read(config: Config) -> Architecture:
    """A MiMo-V2 decoder. Source: the report named in this module."""
    keys = config.keys
    frame = read_frame(config)
    full = _Mixer(keys, frame.hidden, "", window=0)
    window = keys.count("sliding_window")
    keys.only("sliding_window_size", window)
    keys.only("attention_chunk_size", window)
    windowed = _Mixer(keys, frame.hidden, "swa_", window=window)
    pattern = keys.counts("hybrid_layer_pattern", frame.layers, most=1)
    sparse = keys.counts("moe_layer_freq", frame.layers, most=1)
    dense_inner = keys.count("intermediate_size")
    inner = keys.count("moe_intermediate_size")
    total = keys.count("n_routed_experts")
    active = keys.count("num_experts_per_tok", most=total)
    keys.only("n_shared_experts", 0)
    keys.only("attention_bias", False)
    keys.known(("swa_rope_theta", "attention_value_scale"))
    keys.done()

    def layer(is_windowed: int, is_sparse: int) -> tuple[Part, ...]:
        mixer = windowed if is_windowed else full
        feed: tuple[Part, ...] = (feed_forward(frame.hidden, dense_inner),)
        if is_sparse:
            feed = experts(hidden=frame.hidden, inner=inner, experts=total, active=active, router_vectors=total)
        return (normalization(frame.hidden, count=2), mixer.part(), *feed)

    pairs = list(zip(pattern, sparse, strict=False))[: frame.layers]
    return assemble(config, frame, [part for pair in pairs for part in layer(*pair)])


class _Mixer:
    """Attention sizes, read with the prefix that tells windowed layers from full ones."""

    def __init__(self, keys: Keys, hidden: int, prefix: str, *, window: int) -> None:
        self.hidden = hidden
        self.window = window
        self.heads = keys.count(f"{prefix}num_attention_heads")
        self.kv_heads = keys.count(f"{prefix}num_key_value_heads")
        self.head_dim = keys.count(f"{prefix}head_dim")
        self.value_dim = keys.count(f"{prefix}v_head_dim")
        self.sinks = keys.flag(f"add_{'swa' if window else 'full'}_attention_sink_bias", False)

    def part(self) -> Part:
        return attention(
            hidden=self.hidden,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            value_dim=self.value_dim,
            window=self.window,
            sinks=self.sinks,
        )
