"""Rows of measured power: inference through a replayed run, training and nameplates through the system."""

from collections.abc import Callable

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.chip.power import PowerFamily, PowerSensor
from stackwright.evidence.kernel_power import SENSOR, shown
from stackwright.evidence.power import predict_power, read_power_row
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
    assert made.value[0] == pytest.approx(10200.0, rel=0.05)


def test_the_busiest_training_node_draws_more_than_the_mean(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "512", "n_nodes": "64", "phase": "training"}
    rows = [row("power", **given, metric=metric) for metric in ("avg_node_power", "p99_node_power")]
    mean, busiest = predict(rows, catalog).value
    assert 3000.0 < mean < busiest < 10200.0


def test_tuning_on_more_nodes_waits_more(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "phase": "training-lora"}
    sizes = (("8", "1"), ("64", "8"), ("512", "64"))
    rows = [row("power", **given, n_accel=chips, n_nodes=nodes, metric="avg_node_power") for chips, nodes in sizes]
    assert (np.diff(predict(rows, catalog).value) < 0).all()


def test_a_node_at_its_busiest_stays_under_its_rating(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "8", "n_nodes": "1", "phase": "training", "scope": "node"}
    made = predict([row("power", **given, metric=f"{which}_node_power") for which in ("p99", "max")], catalog).value
    rated = predict([row("power", **given | {"phase": "nameplate"}, metric="max_system_power")], catalog).value
    assert made[0] < made[1] < rated[0]


def test_a_benchmark_row_has_the_prompts_of_its_task(row: Rows, catalog: Catalog) -> None:
    bench = Bench(catalog)

    def prompt(**changes: str) -> float:
        reading = read_power_row(row("power", **STEADY | changes, metric="avg_power"), bench)
        return sum(weight * run.input for weight, run in reading.runs)

    chat, code = prompt(), prompt(model="qwen3-coder-30b-a3b-instruct", osl="250 mean")
    assert chat < 500.0 < code


def test_a_server_row_keeps_the_targets_of_its_benchmark(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "B200", "n_accel": "8", "model": "llama2-70b", "dtype": "fp4", "framework": "TensorRT"}
    bench = Bench(catalog)
    for phase, limited in (("inference-server", True), ("inference-offline", False)):
        reading = read_power_row(row("power", **given, phase=phase, metric="avg_power"), bench)
        assert all(np.isfinite(run.ttft) == limited for _, run in reading.runs)


def test_readings_of_short_kernels_hardly_know_their_work(catalog: Catalog) -> None:
    size = {"heads": 32.0, "kv_heads": 8.0, "head_dim": 128.0, "window": 0.0}

    def reading(flop_rate: float, call: float) -> float:
        made = shown(
            "context_attention",
            {name: np.array([value]) for name, value in size.items()},
            flop_rate=np.array([flop_rate]),
            byte_rate=np.array([1e11]),
            call=np.array([call]),
            tdp=1000.0,
            precision="bf16",
            family=catalog.get("chip", "power-blackwell").spec(PowerFamily),
            sensor=catalog.get("chip", SENSOR).spec(PowerSensor),
        )
        assert made.low[0] < made.value[0] < made.high[0]
        return float(made.value[0])

    assert reading(1e15, 1e-5) == pytest.approx(reading(1e13, 1e-5), rel=0.02)
    assert reading(1e15, 1e-2) > 1.2 * reading(1e13, 1e-2)


def test_figures_that_are_none_of_these_are_refused(row: Rows, catalog: Catalog) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "8", "phase": "training"}
    made = predict([row("power", **given, metric="run_energy")], catalog)
    assert made.reason[0] is not None and "run_energy" in made.reason[0]
