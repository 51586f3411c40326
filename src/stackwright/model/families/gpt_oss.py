"""gpt-oss: biased grouped-query attention with sinks, alternating windows, experts stored in MXFP4.

Source: OpenAI, gpt-oss-120b and gpt-oss-20b model card (2025), section 2.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, experts, normalization
from stackwright.model.frame import Config, assemble, read_frame, read_heads
from stackwright.model.parts import Part

ARCHITECTURES = ("GptOssForCausalLM",)


def read(config: Config) -> Architecture:
    """A gpt-oss decoder. Source: gpt-oss model card (2025), section 2."""
    keys = config.keys
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    inner = keys.count("intermediate_size")
    total = keys.count("num_local_experts")
    active = keys.count("num_experts_per_tok", most=total)
    keys.only("experts_per_token", active)
    keys.only("attention_bias", True)
    kinds = keys.words("layer_types", ("sliding_attention", "full_attention"), frame.layers)
    window = keys.count("sliding_window")
    keys.known(("initial_context_length", "swiglu_limit"))
    keys.done()

    def layer(kind: str) -> tuple[Part, ...]:
        return (
            normalization(frame.hidden, count=2),
            attention(
                hidden=frame.hidden,
                heads=heads.heads,
                kv_heads=heads.kv_heads,
                head_dim=heads.head_dim,
                window=window if kind == "sliding_attention" else 0,
                query_bias=True,
                output_bias=True,
                sinks=True,
            ),
            *experts(hidden=frame.hidden, inner=inner, experts=total, active=active, router_vectors=total, biased=True),
        )

    return assemble(config, frame, [part for kind in kinds[: frame.layers] for part in layer(kind)])
