"""Calibration: the shrinkage, the overlay that it writes, and rows that it has not seen."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stackwright.catalog import Catalog
from stackwright.cli.main import app
from stackwright.core.errors import InputError
from stackwright.evidence.calibrate import calibrate, level_of, record_text, write_overlay
from stackwright.evidence.kernels import predict_kernels
from stackwright.evidence.predictions import spread_of
from stackwright.evidence.replay import Bench
from stackwright.evidence.serving_rows import predict_serving

Rows = Callable[..., dict[str, str]]
SERVED = {
    "gpu": "h200",
    "backend": "vllm",
    "model": "meta-llama/Llama-3.1-70B",
    "mode": "agg",
    "isl": "1024",
    "osl": "512",
    "tp_size": "4",
    "attention_dp_size": "1",
    "moe_tp_size": "1",
    "moe_ep_size": "1",
    "moe_quant": "fp8",
    "ttft_ms": "100",
    "tpot_ms": "10",
}
SLOWER = 1.4
"""How much slower the synthetic installation is than the catalog says."""


def save(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def tpot(rows: list[dict[str, str]], catalog: Catalog) -> np.ndarray:
    return predict_serving({name: [one[name] for one in rows] for name in rows[0]}, catalog)["tpot_ms"].value


def slow_serving(row: Rows, catalog: Catalog) -> list[dict[str, str]]:
    """Rows of an installation that is slower by one factor, with a little scatter of its own."""
    rows = [row("e2e_serving", **SERVED, concurrency=str(load)) for load in (1, 2, 4, 8, 16, 32, 48, 64, 96, 128)]
    scatter = np.exp(0.03 * np.random.default_rng(7).standard_normal(len(rows)))
    times = SLOWER * scatter * tpot(rows, catalog)
    return [one | {"tpot_ms": f"{time:.5f}"} for one, time in zip(rows, times, strict=True)]


def slow_products(row: Rows, catalog: Catalog, gpu: str) -> list[dict[str, str]]:
    shapes = [(m, n, k) for m in (64, 512, 4096) for n in (4096, 8192) for k in (4096, 14336)]
    rows = [row("gemm", gpu=gpu, dtype="bf16", m=str(m), n=str(n), k=str(k)) for m, n, k in shapes]
    made = predict_kernels("gemm", {name: [one[name] for one in rows] for name in rows[0]}, catalog)
    return [one | {"latency_ms": f"{SLOWER * time:.6f}"} for one, time in zip(rows, made.value, strict=True)]


def test_many_equal_rows_outweigh_the_prior_and_one_does_not() -> None:
    one, many = level_of([2.0], prior_spread=0.3), level_of([2.0] * 200, prior_spread=0.3)
    assert 1.0 < one.factor < 1.7
    assert many.factor == pytest.approx(2.0, rel=0.02)
    assert many.spread < one.spread < 0.3
    assert many.after < many.before


def test_one_row_that_agrees_leaves_the_level_and_narrows_the_range() -> None:
    level = level_of([1.0], prior_spread=0.3)
    assert level.factor == pytest.approx(1.0)
    assert level.spread < 0.3


def test_rows_that_scatter_more_than_the_record_widen_its_range() -> None:
    level = level_of([0.3, 3.0] * 5, prior_spread=0.2)
    assert level.factor == pytest.approx(0.95, abs=0.1)
    assert level.spread > 0.5


def test_a_slower_stack_is_learned_from_few_rows_and_holds_on_others(
    row: Rows, catalog: Catalog, tmp_path: Path
) -> None:
    rows = slow_serving(row, catalog)
    seen, held = rows[:6], rows[6:]
    found = calibrate([save(tmp_path / "mine.csv", seen)], catalog)
    write_overlay(found, catalog, tmp_path / "overlay")
    after = Catalog.load([tmp_path / "overlay"])
    measured = np.array([float(one["tpot_ms"]) for one in held])
    before_error = np.abs(tpot(held, catalog) / measured - 1.0)
    after_error = np.abs(tpot(held, after) / measured - 1.0)
    assert np.median(before_error) > 0.25
    assert np.median(after_error) < 0.08
    assert not after.check().faults


def test_the_range_of_a_calibrated_stack_is_its_new_spread(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    found = calibrate([save(tmp_path / "e2e_serving.csv", slow_serving(row, catalog))], catalog)
    write_overlay(found, catalog, tmp_path / "overlay")
    datum = Catalog.load([tmp_path / "overlay"]).get("interface", "vllm-2026").values["time_spread"]
    level = found.stacks["vllm-2026"]
    assert datum.value == pytest.approx(level.factor, rel=1e-6)
    assert spread_of(datum.low, datum.high) == pytest.approx(level.spread, rel=1e-6)
    assert datum.source == "calibration" and "10 rows" in datum.where
    assert level.spread < Bench(catalog).time_spread("vllm-2026")


def test_kernels_of_one_chip_are_scaled_and_its_generation_is_not(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    rows = slow_products(row, catalog, "h200")
    found = calibrate([save(tmp_path / "gemm.csv", rows[::2])], catalog)
    write_overlay(found, catalog, tmp_path / "overlay")
    after = Catalog.load([tmp_path / "overlay"])
    level = found.kernels["nvidia-h200-sxm"]["gemm"]
    held = {name: [one[name] for one in rows[1::2]] for name in rows[0]}
    ratio = predict_kernels("gemm", held, after).value / predict_kernels("gemm", held, catalog).value
    assert ratio == pytest.approx(np.full(len(ratio), level.factor), rel=2e-2)  # traffic of partial sums stays
    assert level.factor == pytest.approx(SLOWER, rel=0.1)
    other = {**held, "gpu": ["h100"] * len(ratio)}
    assert np.array_equal(predict_kernels("gemm", other, after).value, predict_kernels("gemm", other, catalog).value)


def test_a_record_reads_back_as_it_was_written(catalog: Catalog, tmp_path: Path) -> None:
    for layer, id in (("interface", "sglang-2026"), ("chip", "nvidia-h100-sxm")):
        record = catalog.get(layer, id)
        path = tmp_path / layer / f"{id}.yaml"
        path.parent.mkdir()
        path.write_text(record_text(record), encoding="utf-8")
        back = Catalog.load([tmp_path]).get(layer, id)
        assert {name: datum.value for name, datum in back.values.items()} == pytest.approx(
            {name: datum.value for name, datum in record.values.items()}
        )
        assert replace(back, values=record.values, file="", note="") == replace(record, file="", note="")


def test_every_fault_of_the_files_is_listed(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    lacking = [{name: text for name, text in row("gemm", gpu="h100").items() if name not in ("m", "n")}]
    files = [tmp_path / "none.csv", save(tmp_path / "gemm.csv", lacking)]
    with pytest.raises(InputError) as caught:
        calibrate(files, catalog)
    words = [str(fault) for fault in caught.value.faults]
    assert len(words) == 3
    assert "none.csv" in words[0] and "'m'" in words[1] and "'n'" in words[2]


def test_rows_of_an_unknown_engine_are_counted_and_alone_refused(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    strange = row("e2e_serving", **{**SERVED, "backend": "my-engine"}, concurrency="8")
    known = slow_serving(row, catalog)
    found = calibrate([save(tmp_path / "both.csv", [strange, *known])], catalog)
    assert sum(found.refused.values()) == 1 and found.stacks["vllm-2026"].rows == len(known)
    with pytest.raises(InputError, match="my-engine"):
        calibrate([save(tmp_path / "one.csv", [strange])], catalog)


def test_the_package_is_never_written_to(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    found = calibrate([save(tmp_path / "mine.csv", slow_serving(row, catalog))], catalog)
    from stackwright.catalog.loader import packaged

    with pytest.raises(InputError, match="outside the package"):
        write_overlay(found, catalog, Path(str(packaged())) / "records")


def test_the_command_writes_an_overlay_and_says_what_it_did(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    file = save(tmp_path / "mine.csv", slow_serving(row, catalog))
    out, report = tmp_path / "overlay", tmp_path / "out.json"
    done = CliRunner().invoke(app, ["calibrate", str(file), "--out", str(out), "--json", str(report)])
    assert done.exit_code == 0, done.output
    made = json.loads(report.read_text())
    assert made["stacks"]["vllm-2026"]["rows"] == 10
    assert (out / "interface" / "vllm-2026.yaml").is_file() and (out / "sources" / "calibration.yaml").is_file()


def test_the_command_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["calibrate", str(tmp_path / "no.csv"), "--out", str(tmp_path / "overlay")])
    assert done.exit_code == 2
    assert not (tmp_path / "overlay").exists()


def test_rates_and_times_of_published_figures_agree(row: Rows, catalog: Catalog, tmp_path: Path) -> None:
    given = {"hardware": "H100-SXM", "n_accel": "4", "model": "llama3.1-70b", "dtype": "fp8", "tp": "4", "pp": "1"}
    given |= {"framework": "TensorRT-LLM 1.0", "isl": "1024", "osl": "512", "scenario": "serving", "concurrency": "16"}
    rate = row("inference", **given, metric="tokens_per_s", value="400", unit="tokens/s")
    time = row("inference", **given, metric="tpot_mean", value="36", unit="ms")
    levels = [
        calibrate([save(tmp_path / "inference.csv", [one])], catalog).stacks["tensorrt-llm-2026"]
        for one in (rate, time)
    ]
    assert all(level.rows == 1 and level.factor > 1.0 for level in levels)
    assert levels[0].factor == pytest.approx(levels[1].factor, rel=0.1)
