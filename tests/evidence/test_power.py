"""Rows of measured power: inference through a replayed run, training and nameplates through the system."""

from collections.abc import Callable

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.power import predict_power
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.replay import Bench

Rows = Callable[..., dict[str, str]]
STEADY = {
    "hardware": "H100-SXM",
    "n_accel": "2",
    "n_nodes": "1",
    "model": "qwen3-30b-a3b-instruct-2507",
    "phase": "inference steady state",
    "dtype": "bf16",
    "tp": "1",
    "dp": "1",
    "ep": "2",
    "framework": "vLLM (ML.ENERGY benchmark)",
    "osl": "926.2 mean",
    "batch": "15.98 mean",
    "scope": "sum over GPUs",
}


def predict(rows: list[dict[str, str]], catalog: Catalog) -> Predictions:
    return predict_power({name: [one[name] for one in rows] for name in rows[0]}, catalog)


def test_power_of_a_steady_state_lies_between_idle_and_limit(row: Rows, catalog: Catalog) -> None:
    tdp = Bench(catalog).accelerator("nvidia-h100-sxm").tdp
    assert tdp is not None
    made = predict([row("power", **STEADY, metric="avg_power")], catalog)
    assert made.reason == [None] and made.imputed[0]
    assert 0.1 * 2 * tdp < made.low[0] < made.value[0] < made.high[0]
    assert made.value[0] <= 2 * tdp


def test_energy_per_token_falls_with_the_batch(row: Rows, catalog: Catalog) -> None:
    rows = [
        row("power", **{**STEADY, "batch": f"{size} mean"}, metric="energy_per_output_token") for size in (4, 32, 256)
    ]
    assert (np.diff(predict(rows, catalog).value) < 0).all()


def test_a_static_batch_peaks_in_prefill(row: Rows, catalog: Catalog) -> None:
    given = {**STEADY, "phase": "inference prefill+decode", "model": "llama2-70b", "dtype": "fp16", "tp": "8", "ep": ""}
    given |= {"n_accel": "8", "isl": "1024", "osl": "128", "batch": "16", "scope": "GPU"}
    rows = [row("power", **given, metric=metric) for metric in ("avg_power_frac", "peak_power_frac")]
    average, peak = predict(rows, catalog).value
    assert 0.05 < average < peak <= 1.0


def test_a_nameplate_is_chips_at_their_limit_with_their_server(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "8", "phase": "nameplate", "scope": "DGX H100 system"}
    made = predict([row("power", **given, metric="max_system_power")], catalog)
    assert made.value[0] == pytest.approx(10200.0, rel=0.15)


def test_the_busiest_training_node_draws_more_than_the_mean(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "512", "n_nodes": "64", "phase": "training"}
    rows = [row("power", **given, metric=metric) for metric in ("avg_node_power", "p99_node_power")]
    mean, busiest = predict(rows, catalog).value
    assert 3000.0 < mean < busiest < 10200.0


def test_figures_that_are_none_of_these_are_refused(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "8", "phase": "training"}
    made = predict([row("power", **given, metric="run_energy")], catalog)
    assert made.reason[0] is not None and "run_energy" in made.reason[0]
