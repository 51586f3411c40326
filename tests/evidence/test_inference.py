"""Rows of published inference figures: what they may mean, and predictions that follow the load."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.inference import predict_inference, read_row
from stackwright.evidence.names import Spread
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import TOO_LARGE, Bench, Reading, Run

Rows = Callable[..., dict[str, str]]
LLAMA = {
    "hardware": "H100-SXM",
    "n_accel": "2",
    "n_nodes": "1",
    "model": "llama3.3-70b",
    "dtype": "fp8",
    "tp": "2",
    "pp": "1",
    "framework": "TensorRT-LLM 1.0 PyTorch backend",
    "workload": "synthetic fixed length",
    "isl": "1024",
    "osl": "512",
    "concurrency": "16",
    "scenario": "serving",
    "unit": "ms",
}


@pytest.fixture(scope="module")
def bench(catalog: Catalog) -> Bench:
    return Bench(catalog)


def columns(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    return {name: [one[name] for one in rows] for name in rows[0]}


def predict(rows: list[dict[str, str]], catalog: Catalog) -> Predictions:
    return predict_inference(columns(rows), catalog)


def only(reading: Reading) -> Run:
    assert reading.reason is None and not reading.imputed
    ((_, run),) = reading.runs
    return run


def test_a_row_that_says_it_all_is_one_run(row: Rows, bench: Bench) -> None:
    run = only(read_row(row("inference", **LLAMA, metric="tpot_mean"), bench))
    assert (run.chip, run.input, run.output, run.sequences) == ("nvidia-h100-sxm", 1024.0, 512.0, 16.0)
    assert run.spread == Spread(2.0) and run.software.startswith("tensorrt-llm")
    assert run.precision.name == "fp8/fp8"


@pytest.mark.parametrize(
    ("left_out", "imputed"), [({"isl": ""}, True), ({"osl": ""}, True), ({"tp": ""}, True), ({"framework": ""}, True)]
)
def test_what_a_row_leaves_out_is_imputed(row: Rows, bench: Bench, left_out: dict[str, str], imputed: bool) -> None:
    reading = read_row(row("inference", **{**LLAMA, **left_out}, metric="tpot_mean"), bench)
    assert reading.imputed is imputed and len(reading.runs) > 1


def test_an_unnamed_node_is_several_chips(row: Rows, bench: Bench) -> None:
    given = {**LLAMA, "hardware": "unspecified-8xGPU-node", "n_accel": "8", "tp": "8"}
    reading = read_row(row("inference", **given, metric="tpot_mean"), bench)
    assert reading.imputed and len({run.chip for _, run in reading.runs}) > 3


def test_loads(row: Rows, bench: Bench) -> None:
    def load(**given: str) -> tuple[float, float, bool]:
        reading = read_row(row("inference", **{**LLAMA, **given}, metric="tokens_per_s"), bench)
        run = reading.runs[0][1]
        return run.sequences, run.limit, run.static

    assert load(concurrency="inf", num_requests="") == (math.inf, math.inf, False)
    assert load(concurrency="inf", num_requests="3000") == (3000.0, math.inf, False)
    assert load(concurrency="8", batch="7.99 mean") == (7.99, math.inf, False)
    assert load(concurrency="", batch="128/GPU") == (256.0, math.inf, False)
    assert load(concurrency="", batch="64", scenario="static batch throughput") == (64.0, math.inf, True)
    assert load(concurrency="", batch="512", scenario="Offline", workload="MLPerf OpenOrca") == (math.inf, 512.0, False)


def test_latency_targets_of_a_server_row(row: Rows, bench: Bench) -> None:
    given = {**LLAMA, "concurrency": "", "workload": "MLPerf OpenOrca", "scenario": "Server"}
    given["slo"] = "TTFT p99<=450ms; TPOT p99<=40ms"
    run = read_row(row("inference", **given, metric="tpot_p99"), bench).runs[0][1]
    assert (run.ttft, run.tpot) == (0.45, 0.04)


def test_a_disaggregated_phase_has_a_pool_of_its_own(row: Rows, bench: Bench) -> None:
    given = {**LLAMA, "model": "deepseek-v3", "n_accel": "72", "n_nodes": "9", "tp": "", "pp": "", "disagg": "yes"}
    given |= {"dp": "72", "ep": "72", "batch": "128/GPU", "concurrency": ""}
    run = only(read_row(row("inference", **given, metric="decode_tokens_per_s_per_node"), bench))
    assert run.spread == run.prefill == Spread(1.0, 72.0)
    assert run.sequences == 128.0 * 72.0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"hardware": "Groq-LPU"}, "Groq-LPU"),
        ({"model": "no-such-model"}, "no-such-model"),
        ({"dtype": "posit8"}, "posit8"),
        ({"metric": "ttft_p37"}, "ttft_p37"),
    ],
)
def test_refusals_say_why(row: Rows, catalog: Catalog, given: dict[str, str], why: str) -> None:
    made = predict([row("inference", **{**LLAMA, "metric": "tpot_mean", **given})], catalog)
    assert made.reason[0] is not None and why in made.reason[0]
    assert made.value[0] == 0.0


def test_a_model_that_cannot_fit_is_refused(row: Rows, catalog: Catalog) -> None:
    made = predict(
        [row("inference", **{**LLAMA, "dtype": "bf16", "tp": "1", "n_accel": "1"}, metric="tpot_mean")], catalog
    )
    assert made.reason == [TOO_LARGE]


def test_predictions_follow_load_and_hardware(row: Rows, catalog: Catalog) -> None:
    def several(metric: str, name: str, values: list[str]) -> np.ndarray:
        made = predict([row("inference", **{**LLAMA, name: value}, metric=metric) for value in values], catalog)
        assert made.reason == [None] * len(values)
        assert (made.low < made.value).all() and (made.value < made.high).all()
        return made.value

    assert (np.diff(several("tpot_mean", "concurrency", ["1", "8", "64"])) > 0).all()
    assert (np.diff(several("tokens_per_s", "concurrency", ["1", "8", "64"])) > 0).all()
    assert (np.diff(several("ttft_mean", "isl", ["512", "2048", "8192"])) > 0).all()
    assert (np.diff(several("tpot_mean", "hardware", ["B200", "H200-SXM", "H100-SXM"])) > 0).all()


def test_metrics_of_one_run_agree(row: Rows, catalog: Catalog) -> None:
    metrics = ("tpot_mean", "tokens_per_s", "tpot_p99", "ttft_mean", "ttft_p99", "itl_p50", "itl_p99")
    made = predict([row("inference", **LLAMA, metric=metric) for metric in metrics], catalog)
    found = dict(zip(metrics, made.value, strict=True))
    assert found["tokens_per_s"] <= 16.0 / found["tpot_mean"] * 1e3 * 1.001
    assert found["tokens_per_s"] == pytest.approx(16.0 / found["tpot_mean"] * 1e3, rel=0.1)
    assert found["itl_p50"] <= found["tpot_mean"] <= found["tpot_p99"]
    assert found["itl_p50"] <= found["itl_p99"] and found["ttft_mean"] <= found["ttft_p99"]


def test_a_static_batch_takes_prefill_and_then_its_steps(row: Rows, catalog: Catalog) -> None:
    given = {**LLAMA, "concurrency": "", "batch": "8", "scenario": "phase characterisation", "osl": "128"}
    metrics = ("prefill_time", "decode_step_time", "e2e_latency")
    prefill, step, latency = predict([row("inference", **given, metric=metric) for metric in metrics], catalog).value
    assert latency == pytest.approx(prefill + 127.0 * step, rel=0.2)


def test_where_a_row_comes_from_changes_nothing(row: Rows, catalog: Catalog) -> None:
    rows = [row("inference", **{**LLAMA, "concurrency": load}, metric="tpot_mean") for load in ("4", "32")]
    names = ("row_id", "source_id", "source_url", "submitter", "notes", "source_date")
    other = [{**one, **dict.fromkeys(names, f"elsewhere {index}")} for index, one in enumerate(rows)]
    first, second = predict(rows, catalog), predict(other, catalog)
    assert (first.value == second.value).all() and (first.high == second.high).all()
