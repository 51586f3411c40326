"""Results of load clients: samples in each client's documented form become rows, and move the catalog."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stackwright.catalog import Catalog
from stackwright.cli.main import app
from stackwright.core.errors import InputError
from stackwright.evidence.benchmarks import rows_of
from stackwright.evidence.calibrate import calibrate

VLLM = {
    "date": "20261101-120000",
    "backend": "openai-chat",
    "model_id": "small",
    "num_prompts": 256,
    "request_rate": "inf",
    "max_concurrency": 32,
    "duration": 41.0,
    "completed": 256,
    "failed": 0,
    "total_input_tokens": 262144,
    "total_output_tokens": 65536,
    "output_throughput": 1598.4,
    "mean_ttft_ms": 210.5,
    "median_ttft_ms": 180.25,
    "mean_tpot_ms": 14.5,
    "median_tpot_ms": 14.25,
    "p99_tpot_ms": 19.5,
}
"""As `vllm bench serve --save-result` writes it (vllm/benchmarks/serve.py, release 0.31.0), less the lists."""
SGLANG = {
    "backend": "sglang-oai",
    "dataset_name": "random",
    "request_rate": "trace",
    "max_concurrency": 32,
    "duration": 41.0,
    "completed": 256,
    "total_input_tokens": 262144,
    "total_output_tokens": 65536,
    "mean_ttft_ms": 190.0,
    "mean_tpot_ms": 13.0,
}
"""A line as SGLang's bench_serving appends it (sglang/benchmark/serving.py, release 0.5.21)."""
AIPERF = {
    "schema_version": "1.4",
    "aiperf_version": "0.13.0",
    "input_config": {"phases": [{"name": "profiling", "concurrency": 32, "requests": 256}]},
    "request_count": {"unit": "requests", "avg": 256.0},
    "time_to_first_token": {"unit": "ms", "avg": 205.0, "p50": 180.0, "p95": 400.0, "count": 256},
    "inter_token_latency": {"unit": "ms", "avg": 14.0, "p50": 13.9, "p95": 18.0, "count": 256},
    "input_sequence_length": {"unit": "tokens", "avg": 1024.0, "count": 256},
    "output_sequence_length": {"unit": "tokens", "avg": 256.0, "count": 256},
    "was_cancelled": False,
}
"""As `profile_export_aiperf.json` (docs.nvidia.com/aiperf, JSON export schema 1.4)."""
SERVED = """
table: e2e_serving
row: {gpu: nvidia-h200-sxm, backend: vllm, model: llama-3-1-70b, mode: agg, gemm_quant: fp8, moe_quant: fp8,
  tp_size: 4, attention_dp_size: 1, moe_tp_size: 4, moe_ep_size: 1}
"""
PUBLISHED = """
table: inference
row: {hardware: google-tpu-v6e, n_accel: 8, model: llama-3-1-70b, dtype: int8, kv_dtype: bf16, tp: 8, pp: 1, dp: 1,
  ep: 1, framework: vLLM TPU}
"""


def save(folder: Path, name: str, data: Any, description: str | None = SERVED) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    if description:
        (folder / "measured.yaml").write_text(description, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "data", "ttft", "tpot"),
    [
        ("vllm-32.json", VLLM, "210.5", "14.5"),
        ("sglang.jsonl", json.dumps(SGLANG) + "\n", "190", "13"),
        ("aiperf-32/profile_export_aiperf.json", AIPERF, "205", "14"),
    ],
)
def test_each_client_becomes_a_row(tmp_path: Path, name: str, data: Any, ttft: str, tpot: str) -> None:
    table, (row,) = rows_of(save(tmp_path, name, data))
    assert table == "e2e_serving"
    wanted = {
        "isl": "1024",
        "osl": "256",
        "concurrency": "32",
        "ttft_ms": ttft,
        "tpot_ms": tpot,
        "gpu": "nvidia-h200-sxm",
    }
    assert {column: row[column] for column in wanted} == wanted


def test_lines_of_a_result_are_runs(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(SGLANG | {"max_concurrency": load}) for load in (8, 16, 32))
    _, rows = rows_of(save(tmp_path, "sglang.jsonl", lines))
    assert [row["concurrency"] for row in rows] == ["8", "16", "32"]


def test_at_a_rate_the_mean_number_at_once_is_littles(tmp_path: Path) -> None:
    at_rate = VLLM | {"max_concurrency": None, "request_throughput": 4.0, "mean_e2el_ms": 2500.0}
    _, (row,) = rows_of(save(tmp_path, "a.json", at_rate))
    assert row["concurrency"] == "10"
    phases = {"phases": [{"name": "profiling", "type": "poisson", "requests": 256, "rate": 4.0}]}
    spans = {
        "request_throughput": {"unit": "requests/sec", "avg": 4.0},
        "request_latency": {"unit": "ms", "avg": 2500.0},
    }
    _, (row,) = rows_of(save(tmp_path, "b.json", AIPERF | {"input_config": phases} | spans))
    assert row["concurrency"] == "10"


def test_seconds_become_milliseconds(tmp_path: Path) -> None:
    data = AIPERF | {"inter_token_latency": {"unit": "s", "avg": 0.014}}
    _, (row,) = rows_of(save(tmp_path, "a.json", data))
    assert row["tpot_ms"] == "14"


def test_an_engine_outside_the_table_of_servings_goes_to_that_of_published_figures(tmp_path: Path) -> None:
    table, (row,) = rows_of(save(tmp_path, "vllm.json", VLLM, PUBLISHED))
    assert table == "inference"
    assert (row["metric"], row["value"], row["unit"], row["num_requests"]) == ("tpot_mean", "14.5", "ms", "256")


def test_results_move_the_stack_that_was_measured(tmp_path: Path) -> None:
    catalog = Catalog.load()
    slow = calibrate([save(tmp_path, "slow.json", VLLM | {"mean_tpot_ms": 60.0})], catalog)
    fast = calibrate([save(tmp_path, "fast.json", VLLM | {"mean_tpot_ms": 6.0})], catalog)
    assert slow.stacks["vllm-2026"].factor > 1.0 > fast.stacks["vllm-2026"].factor
    other = calibrate([save(tmp_path, "tpu.json", VLLM | {"mean_tpot_ms": 60.0}, PUBLISHED)], catalog)
    assert set(other.stacks) == {"tpu-vllm"}


@pytest.mark.parametrize(
    ("data", "described", "said"),
    [
        ("{", SERVED, "the JSON result of a load client"),
        ("[]", SERVED, "no JSON object"),
        ({"tokens": 3}, SERVED, "a result of a known client"),
        (VLLM | {"completed": 0}, SERVED, "completed: got 0"),
        (VLLM | {"max_concurrency": None}, SERVED, "request_throughput: got nothing"),
        (VLLM | {"max_concurrency": 0}, SERVED, "max_concurrency: got 0"),
        (VLLM | {"mean_tpot_ms": "fast"}, SERVED, "a positive number"),
        (AIPERF | {"was_cancelled": True}, SERVED, "a complete run"),
        (AIPERF | {"input_config": None}, SERVED, "request_throughput: got nothing"),
        (AIPERF | {"time_to_first_token": 3}, SERVED, "a metric with unit and avg"),
        (VLLM, None, "no measured.yaml beside it"),
        (VLLM, "table: power\n", "one of e2e_serving, inference"),
        (VLLM, "table: inference\nrow: 3\n", "columns of the table"),
        (VLLM, "table: e2e_serving\nrow: {gpus: 3}\n", "did you mean 'gpu'"),
    ],
)
def test_faults_are_told(tmp_path: Path, data: Any, described: str | None, said: str) -> None:
    path = save(tmp_path / "own", "a.json", data, described)
    with pytest.raises(InputError) as raised:
        rows_of(path)
    assert said in str(raised.value)


def test_the_command_takes_a_description_by_name(tmp_path: Path) -> None:
    result = save(tmp_path, "vllm.json", VLLM, None)
    described = tmp_path / "other.yaml"
    described.write_text(SERVED, encoding="utf-8")
    arguments = [
        "calibrate",
        str(result),
        "--described",
        str(described),
        "--out",
        str(tmp_path / "mine"),
        "--json",
        "-",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["stacks"]["vllm-2026"]["rows"] == 1
    assert (tmp_path / "mine" / "interface" / "vllm-2026.yaml").is_file()
