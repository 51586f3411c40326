"""llm-analysis: an `LLMAnalysis` per model, chip and degree, an `inference` per point, at its default efficiencies."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from protocol import Figures, Point, refused, serve

BITS = {"bf16": 16, "fp8": 8, "fp4": 4}


class LlmAnalysis:
    """The package, with the facts of models and chips that its configurations are made of."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        from llm_analysis import analysis, config

        logging.disable(logging.CRITICAL)
        self._models, self._chips = asked["models"], asked["chips"]
        self._analysis, self._config = analysis, config

    def many(self, points: Sequence[Point]) -> list[Figures]:
        """Analyses are kept while the model, the chip and the degree stay."""
        kept: dict[tuple[Any, ...], Any] = {}
        return [self._figures(point, kept) for point in points]

    def one(self, point: Point) -> Figures:
        """An analysis of its own, as `infer` makes it."""
        return self._figures(point, {})

    def _figures(self, point: Point, kept: dict[tuple[Any, ...], Any]) -> Figures:
        model = self._models[point.model]
        if model["latent"]:
            return refused("its model configuration has no latent attention")
        key = (point.model, point.chip, point.precision, point.tensor)
        try:
            if key not in kept:
                kept[key] = self._made(point, model, self._chips[point.chip])
            made = kept[key].inference(
                batch_size_per_gpu=point.batch, seq_len=point.input, num_tokens_to_generate=point.output
            )
        except AssertionError as error:
            return refused(error)
        return Figures(made["decode_latency"], made["prefill_latency"], made["total_tokens_per_sec"])

    def _made(self, point: Point, model: Mapping[str, Any], chip: Mapping[str, float]) -> Any:
        """A gated feed-forward layer has three matrices where the package counts two: 1.5 times the width."""
        bits = BITS[point.precision]
        width = model["feed_forward"] * 3 // 2
        return self._analysis.LLMAnalysis(
            self._config.ModelConfig(
                name=point.model,
                num_layers=model["layers"],
                n_head=model["heads"],
                num_key_value_heads=model["kv_heads"],
                hidden_dim=model["hidden"],
                ffn_embed_dim=width,
                expansion_ratio=width / model["hidden"],
                vocab_size=model["vocabulary"],
            ),
            self._config.GPUConfig(
                name=point.chip,
                mem_per_GPU_in_GB=chip["memory_capacity"] / 2**30,
                hbm_bandwidth_in_GB_per_sec=chip["memory_bandwidth"] / 1e9,
                intra_node_bandwidth_in_GB_per_sec=chip["scale_up_bandwidth"] / 1e9,
                intra_node_min_message_latency=8e-6,
                peak_fp16_TFLOPS=chip["peak_bf16"] / 1e12,
                peak_i8_TFLOPS=chip["peak_fp8"] / 1e12,
            ),
            self._config.DtypeConfig(weight_bits=bits, activation_bits=bits),
            self._config.ParallelismConfig(tp_size=point.tensor),
        )


if __name__ == "__main__":
    serve("llm-analysis", LlmAnalysis)
