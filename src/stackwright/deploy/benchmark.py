"""Measuring what was launched: load clients at the plan's lengths, and a description that `calibrate` reads back."""

from __future__ import annotations

import shlex
from typing import Any

from stackwright.deploy.launch import Launch
from stackwright.deploy.service import Service
from stackwright.deploy.table import dumped

LOADS = (0.25, 0.5, 1.0)
"""Shares of the planned running requests of a decode replica at which is measured."""
WAVES = 8
"""Requests of a run over its concurrency, so that most of them meet a full batch."""
BACKENDS = {"tensorrt-llm-2026": "trtllm", "sglang-2026": "sglang", "vllm-2026": "vllm"}
"""Engines by the words of the table e2e_serving; the others are told in the words of the table inference."""
FRAMEWORKS = {"rocm-vllm": "vLLM ROCm", "tpu-vllm": "vLLM TPU", "neuron-nxd": "Neuron NxD", "jetstream": "JetStream"}
QUANTIZED = {"fp8": "fp8", "fp4": "nvfp4", "bf16": "bf16", "int8": "int8"}
# Plain completions: a chat template would put its own tokens on top of the plan's longest request, which the engine
# then refuses, and weights without one answer no chat.
VLLM = (
    ("--backend", "openai"),
    ("--endpoint", "/v1/completions"),
    ("--base-url", '"$URL"'),
    ("--model", "{name}"),
    ("--tokenizer", "{model}"),
    ("--dataset-name", "random"),
    ("--random-input-len", "{input}"),
    ("--random-output-len", "{output}"),
    ("--ignore-eos", ""),
    ("--max-concurrency", '"$RUNNING"'),
    ("--num-prompts", f'"$((RUNNING * {WAVES}))"'),
    ("--percentile-metrics", "ttft,tpot,itl,e2el"),
    ("--metric-percentiles", "50,95,99"),
    ("--save-result", ""),
    ("--result-dir", '"$HERE"'),
    ("--result-filename", '"vllm-$RUNNING.json"'),
)
AIPERF = (
    ("--model", "{name}"),
    ("--tokenizer", "{model}"),
    ("--url", '"$URL"'),
    ("--endpoint-type", "completions"),
    ("--streaming", ""),
    ("--synthetic-input-tokens-mean", "{input}"),
    ("--synthetic-input-tokens-stddev", "0"),
    ("--output-tokens-mean", "{output}"),
    ("--output-tokens-stddev", "0"),
    ("--extra-inputs", "ignore_eos:true"),
    ("--concurrency", '"$RUNNING"'),
    ("--request-count", f'"$((RUNNING * {WAVES}))"'),
    ("--artifact-dir", '"$HERE/aiperf-$RUNNING"'),
)


def running(pool: Any) -> int:
    """Planned mean of running requests of one replica of a decode pool. Source: definition."""
    return max(1, round(pool.batch * pool.pipeline * pool.groups))


def script(head: str, service: Service, decode: Launch) -> str:
    """A script that loads one decode replica and its share of the prefill pool at three loads, by either client."""
    words = {
        "name": service.name,
        "model": decode.quantities["model"],
        "input": service.traffic.input_mean,
        "output": service.traffic.output_mean,
    }
    loads = " ".join(str(max(1, round(share * running(decode.pool)))) for share in LOADS)
    commands = {
        "vllm": _command("vllm bench serve", VLLM, words),
        "aiperf": _command("aiperf profile", AIPERF, words),
    }
    cases = "\n".join(f"  {client})\n    {text}\n    ;;" for client, text in commands.items())
    return (
        f"#!/bin/sh\n{head}"
        "# Usage: URL=http://HOST:PORT ./run.sh [vllm | aiperf]\n"
        "# Concurrency is that of one decode replica with its share of prefill; measured.yaml says how many.\n"
        'set -eu\nURL="${URL:-http://127.0.0.1:8000}"\nHERE="$(cd "$(dirname "$0")" && pwd)"\n'
        f"for RUNNING in {loads}; do\n"
        f'  case "${{1:-vllm}}" in\n{cases}\n  *)\n    echo "vllm or aiperf" >&2; exit 2\n    ;;\n  esac\ndone\n'
    )


def _command(program: str, flags: tuple[tuple[str, str], ...], words: dict[str, Any]) -> str:
    own = {key: shlex.quote(str(value)) for key, value in words.items()}
    parts = [f"{name} {value.format(**own) if '$' not in value else value}".strip() for name, value in flags]
    return " \\\n      ".join([program, *parts])


def description(head: str, service: Service, launches: list[Launch]) -> str:
    """What was measured, as a row of the table that `stackwright calibrate` takes, without the measurement."""
    decode = launches[-1]
    backend = BACKENDS.get(service.software)
    table = "inference" if backend is None else "e2e_serving"
    row = _framework_row(service, decode) if backend is None else _backend_row(service, launches, backend)
    note = (
        "# What run.sh measures, for `stackwright calibrate RESULT.json`. Change what was started otherwise,\n"
        "# counts of workers above all. Lengths, concurrency and times come from the result.\n"
    )
    return f"{head}{note}{dumped({'table': table, 'row': row})}"


def _backend_row(service: Service, launches: list[Launch], backend: str) -> dict[str, Any]:
    decode = launches[-1]
    weights = QUANTIZED[service.precision]
    row: dict[str, Any] = {
        "gpu": decode.pool.hardware.chip,
        "backend": backend,
        "model": service.architecture,
        "mode": "disagg" if service.apart else "agg",
        "gemm_quant": weights,
        "moe_quant": weights,
    }
    if not service.apart:
        return row | _split(decode, "")
    ratio = max(1, round(launches[0].pool.replicas / decode.pool.replicas))
    row |= _split(launches[0], "prefill_") | {"prefill_num_workers": ratio}
    return row | _split(decode, "decode_") | {"decode_num_workers": 1}


def _split(launch: Launch, place: str) -> dict[str, Any]:
    pool = launch.pool
    return {
        f"{place}tp_size": pool.attention,
        f"{place}attention_dp_size": pool.groups,
        f"{place}moe_tp_size": pool.stage // pool.expert,
        f"{place}moe_ep_size": pool.expert,
    }


def _framework_row(service: Service, decode: Launch) -> dict[str, Any]:
    pool = decode.pool
    return {
        "hardware": pool.hardware.chip,
        "n_accel": pool.chips,
        "model": service.architecture,
        "dtype": service.precision,
        "kv_dtype": service.cache_precision,
        "tp": pool.attention,
        "pp": pool.pipeline,
        "dp": pool.groups,
        "ep": pool.expert,
        "disagg": "yes" if service.apart else "",
        "framework": FRAMEWORKS.get(service.software, service.software),
        "metric": "tpot_mean",
        "unit": "ms",
    }
