"""AIConfigurator: one session per model, chip and layout, as its own search keeps it; alone, its `cli_estimate`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from protocol import Figures, Point, refused, serve

SYSTEMS = {"h100": "h100_sxm", "h200": "h200_sxm", "b200": "b200_sxm", "b300": "b300_sxm"}
SYSTEMS |= {name: name for name in ("gb200", "gb300")}

CHECKPOINTS = {
    ("meta-llama/Llama-3.1-70B", "fp8"): "nvidia/Llama-3.1-70B-Instruct-FP8",
    ("Qwen/Qwen3-32B", "fp8"): "Qwen/Qwen3-32B-FP8-Static-PerTensor",
    ("Qwen/Qwen3.5-397B-A17B", "fp4"): "nvidia/Qwen3.5-397B-A17B-NVFP4",
    ("deepseek-ai/DeepSeek-R1", "fp8"): "deepseek-ai/DeepSeek-R1",
    ("deepseek-ai/DeepSeek-V3", "fp8"): "deepseek-ai/DeepSeek-V3",
    ("deepseek-ai/DeepSeek-R1", "fp4"): "nvidia/DeepSeek-V3.1-NVFP4",
    ("deepseek-ai/DeepSeek-V3", "fp4"): "nvidia/DeepSeek-V3.1-NVFP4",
    ("nvidia/DeepSeek-R1-NVFP4", "fp4"): "nvidia/DeepSeek-V3.1-NVFP4",
    ("MiniMaxAI/MiniMax-M2.5", "fp8"): "MiniMaxAI/MiniMax-M2.5",
    ("MiniMaxAI/MiniMax-M2.5", "fp4"): "nvidia/MiniMax-M2.5-NVFP4",
    ("moonshotai/Kimi-K2.5", "int4"): "moonshotai/Kimi-K2.5",
    ("moonshotai/Kimi-K2.5", "fp4"): "nvidia/Kimi-K2.5-NVFP4",
    ("zhipuai/GLM-5", "fp8"): "zai-org/GLM-5-FP8",
    ("zhipuai/GLM-5", "fp4"): "nvidia/GLM-5-NVFP4",
    ("Qwen/Qwen3-235B-A22B-FP8", "fp8"): "Qwen/Qwen3-235B-A22B-FP8",
    ("openai/gpt-oss-120b", "fp4"): "openai/gpt-oss-120b",
    ("openai/gpt-oss-120b", "fp8"): "openai/gpt-oss-120b",
}
"""Model and precision to the checkpoint, of the same architecture, that the package knows in that precision: it then
takes all formats from the checkpoint. Any other point names its formats itself."""

NAMES = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
}
"""Models under the name that the package has."""


class AIConfigurator:
    """The package; the newest tables of a system are looked up once."""

    def __init__(self, _asked: Mapping[str, Any]) -> None:
        from aiconfigurator.cli.api import cli_estimate
        from aiconfigurator.sdk import config, config_builders, inference_session, models, perf_database
        from aiconfigurator.sdk.backends.factory import get_backend

        logging.disable(logging.CRITICAL)
        self._estimate, self._backend = cli_estimate, get_backend
        self._config, self._build = config, config_builders.build_model_config
        self._session, self._models, self._tables = inference_session.InferenceSession, models, perf_database
        self._versions: dict[tuple[str, str], str] = {}

    def many(self, points: Sequence[Point]) -> list[Figures]:
        """A session serves all batches and lengths of a layout."""
        kept: dict[tuple[Any, ...], Any] = {}
        return [self._in_session(point, kept) for point in points]

    def one(self, point: Point) -> Figures:
        """The documented call for one configuration."""
        arguments = self._arguments(point)
        try:
            made = self._estimate(**arguments, isl=point.input, osl=point.output, batch_size=point.batch)
        except Exception as error:  # the package raises whatever it meets
            return refused(error)
        return Figures(float(made.tpot) / 1e3, float(made.ttft) / 1e3, float(made.tokens_per_second))

    def _arguments(self, point: Point) -> dict[str, Any]:
        checkpoint = CHECKPOINTS.get((point.model, point.precision))
        stated = {} if checkpoint else {"gemm_quant_mode": point.gemm_format, "moe_quant_mode": point.expert_format}
        return {
            "model_path": checkpoint or NAMES.get(point.model, point.model),
            "system_name": SYSTEMS[point.chip],
            "backend_name": point.backend,
            "backend_version": self._version(SYSTEMS[point.chip], point.backend),
            "tp_size": point.tensor,
            "attention_dp_size": point.attention_data,
            "moe_tp_size": point.expert_tensor,
            "moe_ep_size": point.expert,
        } | {name: word for name, word in stated.items() if word}

    def _version(self, system: str, backend: str) -> str:
        if (system, backend) not in self._versions:
            self._versions[system, backend] = self._tables.get_latest_database_version(system=system, backend=backend)
        return self._versions[system, backend]

    def _in_session(self, point: Point, kept: dict[tuple[Any, ...], Any]) -> Figures:
        key = (point.model, point.chip, point.backend, point.precision, point.tensor, point.expert)
        try:
            if key not in kept:
                kept[key] = self._opened(self._arguments(point))
            load = self._config.RuntimeConfig(isl=point.input, osl=point.output, batch_size=point.batch)
            made = kept[key].run_agg(load, ctx_tokens=point.input)
        except Exception as error:  # the package raises whatever it meets
            return refused(error)
        if made.check_oom() or made.check_kv_cache_oom():
            return refused("does not fit in memory")
        row = made.get_result_dict()
        return Figures(float(row["tpot"]) / 1e3, float(row["ttft"]) / 1e3, float(row["tokens/s"]))

    def _opened(self, arguments: Mapping[str, Any]) -> Any:
        path, backend = arguments["model_path"], arguments["backend_name"]
        tables = self._tables.get_database_view(
            arguments["system_name"], backend, arguments["backend_version"], database_mode="SILICON"
        )
        degrees = (arguments[name] for name in ("attention_dp_size", "moe_tp_size", "moe_ep_size"))
        layout = self._build(arguments["tp_size"], 1, *degrees)
        self._models.resolve_context_fmha_by_data(layout, path, tables, backend, is_context_role=True)
        return self._session(self._models.get_model(path, layout, backend), tables, self._backend(backend))


if __name__ == "__main__":
    serve("aiconfigurator", AIConfigurator)
