"""Serving rows: how worker columns, drafts and pools are read, and how predictions follow them."""

from collections.abc import Callable

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.names import Spread
from stackwright.evidence.replay import SIZED_TO_LOAD, Bench
from stackwright.evidence.serving_rows import DECODE_WORKERS, DRAFTED, predict_serving, read_serving_row

Rows = Callable[..., dict[str, str]]
LLAMA = {
    "gpu": "h100",
    "backend": "vllm",
    "backend_version": "0.17.0",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "mode": "agg",
    "isl": "1024",
    "osl": "256",
    "concurrency": "8",
    "tp_size": "1",
    "attention_dp_size": "1",
    "moe_tp_size": "1",
    "moe_ep_size": "1",
    "ttft_ms": "1",
    "tpot_ms": "1",
}
DEEPSEEK = {
    "gpu": "b200",
    "backend": "sglang",
    "model": "deepseek-ai/DeepSeek-R1",
    "mode": "disagg",
    "isl": "1024",
    "osl": "1024",
    "concurrency": "64",
    "gemm_quant": "nvfp4",
    "moe_quant": "nvfp4",
    "prefill_tp_size": "4",
    "prefill_attention_dp_size": "1",
    "prefill_moe_tp_size": "4",
    "prefill_moe_ep_size": "1",
    "decode_tp_size": "8",
    "decode_attention_dp_size": "1",
    "decode_moe_tp_size": "8",
    "decode_moe_ep_size": "1",
}


@pytest.fixture(scope="module")
def bench(catalog: Catalog) -> Bench:
    return Bench(catalog)


def test_a_plain_row_is_one_run(row: Rows, bench: Bench) -> None:
    reading = read_serving_row(row("e2e_serving", **LLAMA), bench)
    ((_, run),) = reading.runs
    assert not reading.imputed
    assert (run.spread, run.prefill, run.sequences, run.draft_tokens) == (Spread(1.0), None, 8.0, 0.0)


def test_draft_layers_leave_drafting_open(row: Rows, bench: Bench) -> None:
    given = {**LLAMA, "model": "deepseek-ai/DeepSeek-R1", "gpu": "h200", "tp_size": "8", "moe_tp_size": "8"}
    reading = read_serving_row(row("e2e_serving", **given, moe_quant="fp8"), bench)
    assert reading.imputed
    assert {(run.draft_tokens, run.draft_acceptance) for _, run in reading.runs} == {(0.0, 0.0), DRAFTED}


def test_workers_that_are_counted_and_that_are_not(row: Rows, bench: Bench) -> None:
    counted = {**DEEPSEEK, "prefill_num_workers": "2", "decode_num_workers": "3"}
    runs = [run for _, run in read_serving_row(row("e2e_serving", **counted), bench).runs]
    assert {run.spread for run in runs} == {Spread(8.0, replicas=3.0)}
    assert {run.prefill for run in runs} == {Spread(4.0, replicas=2.0)}
    reading = read_serving_row(row("e2e_serving", **DEEPSEEK), bench)
    assert reading.imputed
    assert {run.spread.replicas for _, run in reading.runs} == {count for _, count in DECODE_WORKERS}
    assert {run.prefill.replicas for _, run in reading.runs if run.prefill} == {SIZED_TO_LOAD}


def test_a_large_load_needs_more_workers(row: Rows, bench: Bench) -> None:
    reading = read_serving_row(row("e2e_serving", **{**DEEPSEEK, "concurrency": "16384"}), bench)
    assert min(run.spread.replicas for _, run in reading.runs) == 8.0


def test_without_a_concurrency_the_batch_of_each_rank_is_the_load(row: Rows, bench: Bench) -> None:
    given = {**LLAMA, "concurrency": "", "batch_size": "32"}
    ((_, run),) = read_serving_row(row("e2e_serving", **given), bench).runs
    assert run.sequences == 32.0


@pytest.mark.parametrize(
    ("given", "why"), [({"backend": "mlc"}, "mlc"), ({"isl": ""}, "length"), ({"gpu": "abacus"}, "abacus")]
)
def test_refusals_say_why(row: Rows, catalog: Catalog, given: dict[str, str], why: str) -> None:
    rows = [row("e2e_serving", **{**LLAMA, **given})]
    made = predict_serving({name: [one[name] for one in rows] for name in rows[0]}, catalog)
    for one in made.values():
        assert one.reason[0] is not None and why in one.reason[0]


def test_latencies_grow_with_concurrency_and_do_not_see_the_measurement(row: Rows, catalog: Catalog) -> None:
    def predict(**given: str) -> dict[str, np.ndarray]:
        rows = [row("e2e_serving", **{**LLAMA, **given, "concurrency": load}) for load in ("1", "16", "128")]
        made = predict_serving({name: [one[name] for one in rows] for name in rows[0]}, catalog)
        return {metric: one.value for metric, one in made.items()}

    first, second = predict(), predict(ttft_ms="9999", tpot_ms="9999", source="elsewhere", date="1970-01-01")
    for metric in ("ttft_ms", "tpot_ms"):
        assert (np.diff(first[metric]) > 0).all()
        assert (first[metric] == second[metric]).all()
