"""Dense decoders of the Llama kind: norm, grouped-query attention, norm, gated feed-forward.

Sources: Grattafiori et al., The Llama 3 Herd of Models (2024), section 3.2; Jiang et al., Mistral 7B
(2023); Qwen Team, Qwen2.5 (2024) and Qwen3 (2025) technical reports, section 2; NVIDIA, Nemotron-4
15B (2024), section 2.
"""

from __future__ import annotations

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import attention, feed_forward, head, normalization
from stackwright.model.frame import Config, assemble, read_frame, read_heads
from stackwright.model.keys import Keys

ARCHITECTURES = (
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "NemotronForCausalLM",
)


def read(config: Config) -> Architecture:
    """A dense decoder. Source: the reports named in this module."""
    keys, kind = config.keys, config.architecture
    frame = read_frame(config)
    heads = read_heads(keys, frame.hidden)
    inner = keys.count("intermediate_size")
    bias = keys.flag("attention_bias", False)
    mlp_bias = keys.flag("mlp_bias", False)
    window = sliding_window(keys, kind)
    keys.done()

    ungated = kind == "NemotronForCausalLM"
    per_norm = 2 * frame.hidden if ungated else frame.hidden
    layer = (
        normalization(frame.hidden, count=2, weights=2 * per_norm),
        attention(
            hidden=frame.hidden,
            heads=heads.heads,
            kv_heads=heads.kv_heads,
            head_dim=heads.head_dim,
            window=window,
            query_bias=bias or kind == "Qwen2ForCausalLM",
            output_bias=bias,
            norm_weights=2 * heads.head_dim if kind == "Qwen3ForCausalLM" else 0,
        ),
        feed_forward(frame.hidden, inner, gated=not ungated, up_bias=mlp_bias, down_bias=mlp_bias),
    )
    end = head(frame.vocabulary, frame.hidden, tied=frame.tied, norm=per_norm)
    return assemble(config, frame, layer * frame.layers, end=end)


def sliding_window(keys: Keys, kind: str) -> int:
    """Tokens of the sliding window of every layer, 0 for none.

    Qwen configs carry a window that `use_sliding_window` turns off; turned on it would split the
    layers, which no published checkpoint does. Source: Mistral 7B (2023), section 2.
    """
    if kind.startswith("Qwen"):
        keys.only("use_sliding_window", False)
        keys.known(("sliding_window", "max_window_layers"))
        return 0
    return keys.count("sliding_window", 0)
