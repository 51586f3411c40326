"""Replayed rows in the light of measured runs: in closed form, never surer than they may be, whoever published them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.measured import MOST, UNBOUNDED_LOAD, corrected, errors, informed, served_runs
from stackwright.evidence.predictions import NORMAL_95, Predictions
from stackwright.evidence.replay import Bench, Replayed, Wanted
from stackwright.evidence.serving_rows import predict_serving, read_serving_row, wanted_latency
from stackwright.serving.likeness import JITTER, Likeness, Measured, Runs

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
}
OTHERS = (
    LLAMA,
    {**LLAMA, "concurrency": "64"},
    {**LLAMA, "gpu": "h200", "isl": "4096"},
    {**LLAMA, "backend": "sglang", "backend_version": "0.5.6"},
    {**LLAMA, "gpu": "b200", "tp_size": "2", "moe_tp_size": "2"},
)
ALIKE = Likeness(
    chip_share=0.1,
    model_share=0.1,
    system_share=0.2,
    layout_share=0.2,
    release_share=0.2,
    across_figures=0.5,
    system_lengths=2.0,
    system_load=2.0,
    layout_lengths=2.0,
    layout_load=2.0,
    layout_degrees=2.0,
    layout_pools=2.0,
    widening=1.0,
)
SHARED = 0.8
TPOT = wanted_latency("tpot")


@pytest.fixture(scope="module")
def bench(catalog: Catalog) -> Bench:
    return Bench(catalog)


@pytest.fixture
def replayed(row: Rows, bench: Bench) -> Replayed:
    readings = [read_serving_row(row("e2e_serving", **given), bench) for given in OTHERS]
    return Replayed(readings, bench)


def made(value: float, low: float, high: float) -> Predictions:
    """A row predicted, and one refused."""
    values = (np.array([number, 0.0]) for number in (value, low, high))
    return Predictions(*values, np.array([True, False]), [None, "no length"])


def one(made: Predictions, mean: float, left: float, apart: float = 0.0) -> tuple[float, float, float]:
    numbers = (np.array([number]) for number in (mean, left, apart))
    found = corrected(made, np.array([0]), **dict(zip(("mean", "left", "apart"), numbers, strict=True)))
    return float(found.value[0]), float(found.low[0]), float(found.high[0])


def knowing(monkeypatch: pytest.MonkeyPatch, replayed: Replayed, known: Runs, *found: float) -> None:
    """Let these runs, with these errors, be all that is measured."""
    source = Measured(ALIKE, known, np.array(found), np.ones(len(found), dtype=bool))
    monkeypatch.setattr(replayed.parts, "measured", lambda name: source)


# The correction of one prediction.


def test_an_error_that_is_known_to_be_zero_narrows_and_one_that_is_unknown_changes_nothing() -> None:
    assert one(made(10.0, 5.0, 20.0), 0.0, 1.0) == pytest.approx((10.0, 5.0, 20.0))
    half = 2.0 ** np.sqrt(0.25)
    assert one(made(10.0, 5.0, 20.0), 0.0, 0.25) == pytest.approx((10.0, 10.0 / half, 10.0 * half))


def test_a_prediction_moves_by_its_own_standard_deviation() -> None:
    spread = np.log(4.0) / (2.0 * NORMAL_95)
    value, low, high = one(made(10.0, 5.0, 20.0), 1.5, 0.36)
    assert value == pytest.approx(10.0 * np.exp(1.5 * spread))
    assert (value / low, high / value) == pytest.approx((2.0**0.6, 2.0**0.6))


def test_each_side_of_an_interval_keeps_its_own_width() -> None:
    value, low, high = one(made(10.0, 8.0, 40.0), -0.5, 0.25)
    assert (value / low, high / value) == pytest.approx((1.25**0.5, 4.0**0.5))


def test_what_measured_runs_do_not_speak_of_stays_open() -> None:
    variance = (np.log(4.0) / (2.0 * NORMAL_95)) ** 2
    apart = float(np.sqrt(0.75 * variance))
    value, _, high = one(made(10.0, 5.0, 20.0), 1.0, JITTER, apart)
    assert value == pytest.approx(10.0 * np.exp(0.5 * np.sqrt(variance)))
    assert np.log(high / value) == pytest.approx(np.log(2.0) * np.sqrt(0.75), rel=1e-4)
    assert one(made(10.0, 5.0, 20.0), 1.0, JITTER, 9.0) == pytest.approx((10.0, 5.0, 20.0))


@pytest.mark.parametrize("seed", range(3))
def test_no_interval_is_wider_than_without_measured_runs(seed: int) -> None:
    random = np.random.default_rng(seed)
    value = np.exp(random.normal(size=50))
    low, high = value * np.exp(-random.exponential(size=50)), value * np.exp(random.exponential(size=50))
    plain = Predictions(value, low, high, np.zeros(50, dtype=bool), [None] * 50)
    mean, left, apart = random.normal(size=50), random.uniform(JITTER, 1.0, 50), random.exponential(0.2, 50)
    found = corrected(plain, np.arange(50), mean=mean, left=left, apart=apart)
    assert np.all(found.high / found.low <= high / low * (1.0 + 1e-12))
    assert np.all((found.low <= found.value) & (found.value <= found.high))


def test_rows_that_are_not_asked_for_and_the_given_arrays_stay() -> None:
    plain = made(10.0, 5.0, 20.0)
    found = corrected(plain, np.array([0]), mean=np.ones(1), left=np.full(1, 0.5), apart=np.zeros(1))
    assert (found.value[1], found.low[1], found.high[1], found.reason) == (0.0, 0.0, 0.0, [None, "no length"])
    assert found.imputed.tolist() == [True, False]
    assert plain.value[0] == 10.0


# The errors that are stored.


def test_errors_are_in_standard_deviations_and_signed_as_times() -> None:
    spread = np.exp(1.0)
    plain = Predictions(
        np.full(3, 10.0),
        np.full(3, 10.0 * spread**-NORMAL_95),
        np.full(3, 10.0 * spread**NORMAL_95),
        np.zeros(3, dtype=bool),
        [None] * 3,
    )
    slower = np.full(3, 10.0 * spread**0.5)
    rate = replace(TPOT, is_rate=True)
    np.testing.assert_allclose(errors(plain, [TPOT, rate, None], slower, [0, 1, 2]), [0.5, -0.5, 0.5])
    np.testing.assert_allclose(errors(plain, [TPOT] * 3, np.array([1e9, 1e-9, 10.0]), [0, 1, 2]), [MOST, -MOST, 0.0])


def test_an_error_and_its_correction_undo_each_other() -> None:
    plain, seen = made(10.0, 5.0, 20.0), np.array([13.0, 0.0])
    (error,) = errors(plain, [TPOT, None], seen, [0])
    assert one(plain, error, JITTER)[0] == pytest.approx(13.0)


# Rows and the runs that are like them.


def test_a_copy_of_a_measured_row_moves_by_its_share_and_narrows(
    replayed: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [TPOT] * len(OTHERS)
    alone = replayed.predict(wanted)
    knowing(monkeypatch, replayed, served_runs(replayed, wanted, [0]), 2.0)
    found = informed(replayed, wanted)
    spread = np.log(alone.high[0] / alone.low[0]) / (2.0 * NORMAL_95)
    assert np.log(found.value[0] / alone.value[0]) / spread == pytest.approx(2.0 * SHARED, rel=1e-5)
    kept = np.log(found.high[0] / found.low[0]) / np.log(alone.high[0] / alone.low[0])
    assert kept == pytest.approx(np.sqrt(1.0 - SHARED**2), rel=1e-5)


def test_the_nearer_a_row_the_more_it_moves_and_another_chip_not_at_all(
    replayed: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [TPOT] * len(OTHERS)
    alone = replayed.predict(wanted)
    knowing(monkeypatch, replayed, served_runs(replayed, wanted, [0]), 2.0)
    found = informed(replayed, wanted)
    moved = np.log(found.value / alone.value)
    assert moved[0] > moved[1] > 0.0
    assert moved[0] > moved[3] > 0.0
    for other in (2, 4):
        assert (found.value[other], found.low[other], found.high[other]) == pytest.approx(
            (alone.value[other], alone.low[other], alone.high[other])
        )


def test_a_rate_falls_where_times_were_longer(replayed: Replayed, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Wanted(lambda outcomes: outcomes.tokens_per_second, name="rate", follows=TPOT.follows, is_rate=True)
    wanted = [rate] * len(OTHERS)
    knowing(monkeypatch, replayed, served_runs(replayed, wanted, [0]), 2.0)
    assert informed(replayed, wanted).value[0] < replayed.predict(wanted).value[0]


def test_figures_that_follow_nothing_are_left_as_they_are(replayed: Replayed) -> None:
    wanted = [replace(TPOT, follows=None)] * len(OTHERS)
    np.testing.assert_array_equal(informed(replayed, wanted).value, replayed.predict(wanted).value)


def test_the_order_of_rows_does_not_matter(row: Rows, bench: Bench) -> None:
    readings = [read_serving_row(row("e2e_serving", **given), bench) for given in OTHERS]
    wanted, order = [TPOT] * len(OTHERS), [3, 0, 4, 2, 1]
    found = informed(Replayed(readings, bench), wanted)
    other = informed(Replayed([readings[index] for index in order], bench), wanted)
    np.testing.assert_allclose(other.value, found.value[order])
    np.testing.assert_allclose(other.high, found.high[order])


def test_who_published_a_row_and_what_was_measured_are_never_read(row: Rows, catalog: Catalog) -> None:
    def predicted(**more: str) -> np.ndarray:
        rows = [row("e2e_serving", **given, **more) for given in OTHERS]
        columns = {name: [one[name] for one in rows] for name in rows[0]}
        return np.concatenate([[one.value, one.low, one.high] for one in predict_serving(columns, catalog).values()])

    plain = predicted()
    hidden = ("source", "source_id", "source_url", "submitter", "notes", "date", "row_id", "ttft_ms", "tpot_ms")
    np.testing.assert_array_equal(predicted(**dict.fromkeys(hidden, "1234")), plain)


def test_a_load_that_never_ends_is_a_large_one(replayed: Replayed) -> None:
    readings = [
        replace(one, runs=tuple((w, replace(run, sequences=np.inf)) for w, run in one.runs))
        for one in replayed.readings[:1]
    ]
    endless = Replayed(readings, Bench(replayed.parts.catalog))
    found = served_runs(endless, [TPOT], [0])
    assert found.sizes["load"][0] == np.log2(UNBOUNDED_LOAD)
    assert found.labels["mode"][0] == "offline"
