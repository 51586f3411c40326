"""GenZ: a decode step at the batch and at the mean context, and a prefill of a lone prompt, at full efficiency."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from protocol import Figures, Point, refused, serve


class GenZ:
    """The package, with the facts of models and chips that its configurations are made of."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        import GenZ as package

        warnings.simplefilter("ignore")
        self._genz = package
        self._chips = {
            name: {
                "Flops": chip["peak_bf16"] / 1e12,
                "Memory_size": chip["memory_capacity"] / 2**30,
                "Memory_BW": chip["memory_bandwidth"] / 1e9,
                "ICN": chip["scale_up_bandwidth"] / 1e9,
                "real_values": True,
            }
            for name, chip in asked["chips"].items()
        }
        self._models = {name: self._model(name, facts) for name, facts in asked["models"].items()}

    def _model(self, name: str, facts: Mapping[str, Any]) -> Any:
        if facts["latent"]:
            return None
        return self._genz.ModelConfig(
            model=name,
            vocab_size=facts["vocabulary"],
            hidden_size=facts["hidden"],
            intermediate_size=facts["feed_forward"],
            num_ffi=2,
            num_decoder_layers=facts["layers"],
            num_attention_heads=facts["heads"],
            num_key_value_heads=facts["kv_heads"],
            head_dim=facts["head_dim"],
        )

    def many(self, points: Sequence[Point]) -> list[Figures]:
        """Each point by itself: the package has no other way."""
        return [self.one(point) for point in points]

    def one(self, point: Point) -> Figures:
        """Two calls."""
        if self._models[point.model] is None:
            return refused("its model configuration has no latent attention")
        common = {
            "model": self._models[point.model],
            "system_name": self._chips[point.chip],
            "bits": point.precision,
            "tensor_parallel": point.tensor,
        }
        try:
            decode = self._genz.decode_moddeling(
                **common, batch_size=point.batch, Bb=1, input_tokens=point.input, output_tokens=point.output // 2
            )
            prefill = self._genz.prefill_moddeling(**common, batch_size=1, input_tokens=point.input)
        except ValueError as error:
            return refused(error)
        return Figures(decode["Latency"] / 1e3, prefill["Latency"] / 1e3, float(decode["Throughput"]))


if __name__ == "__main__":
    serve("genz-llm", GenZ)
