"""Predictions for published figures: units, refusals, what is imputed, and what is never read."""

from collections.abc import Iterable

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.predictions import Predictions
from stackwright.evidence.training import DESCRIPTION, predict_training, stand_in

CATALOG = Catalog.load()

RUN = {
    "hardware": "H100-SXM",
    "n_accel": "64",
    "model": "llama3-70b",
    "task": "pretrain",
    "dtype": "fp8",
    "tp": "4",
    "pp": "8",
    "dp": "2",
    "cp": "1",
    "vp": "5",
    "micro_batch": "1",
    "global_batch": "256",
    "seq_len": "8192",
    "framework": "Megatron-Bridge / NeMo 26.04",
    "metric": "tokens_per_s_per_accel",
}


def table(rows: Iterable[dict[str, str]]) -> dict[str, list[str]]:
    """Rows as columns, blank where a row lacks one."""
    listed = list(rows)
    names = {*DESCRIPTION, "metric", *(name for row in listed for name in row)}
    return {name: [row.get(name, "") for row in listed] for name in names}


def predict(*changes: dict[str, str]) -> Predictions:
    """Predictions for the run with each set of changes."""
    return predict_training(table({**RUN, **change} for change in changes), CATALOG)


def test_metrics_of_one_step_agree() -> None:
    names = (
        "tokens_per_s_per_accel",
        "train_step_time",
        "samples_per_s",
        "tokens_per_s",
        "model_tflops_per_accel",
        "mfu",
    )
    rate, seconds, samples, total, flops, mfu = predict(*({"metric": name} for name in names)).value
    tokens = 256 * 8192
    assert total == pytest.approx(64 * rate)
    assert seconds == pytest.approx(tokens / total, rel=1e-6)
    assert samples == pytest.approx(256 / seconds, rel=1e-6)
    assert flops == pytest.approx(rate * 4.474e11 * 1e-12, rel=0.01)
    assert mfu == pytest.approx(100 * flops / 1979, rel=0.01)


def test_a_stated_run_lies_near_its_published_rate() -> None:
    found = predict({})
    assert found.low[0] < 1664.0 < found.high[0]
    assert not found.imputed[0]


def test_a_run_average_is_below_the_rate_of_its_steps() -> None:
    steps, average = predict({}, {"metric": "tokens_per_s_per_accel_run_avg"}).value
    assert average < steps


def test_adapters_are_faster_than_all_weights() -> None:
    whole, adapters = predict({}, {"task": "lora-finetune"}).value
    assert 1.2 < adapters / whole < 1.6


@pytest.mark.parametrize("blank", ["tp", "pp", "micro_batch", "global_batch", "seq_len", "dtype"])
def test_what_a_row_leaves_out_is_imputed_with_a_wider_range(blank: str) -> None:
    found = predict({}, {blank: ""})
    assert found.reason == [None, None]
    assert list(found.imputed) == [False, True]
    assert found.high[1] / found.low[1] >= 0.99 * found.high[0] / found.low[0]
    assert found.low[1] < found.value[1] < found.high[1]


def test_a_row_that_states_only_its_size_is_predicted() -> None:
    blank = dict.fromkeys(("tp", "pp", "dp", "cp", "vp", "micro_batch", "dtype"), "")
    found = predict(blank)
    assert found.imputed[0]
    assert 500.0 < found.value[0] < 3000.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "time_to_train"}, "convergence"),
        ({"metric": "gpu_hours_total"}, "convergence"),
        ({"metric": "loss"}, "loss"),
        ({"hardware": "Abacus 9000"}, "Abacus"),
        ({"model": "a model nobody knows"}, "nobody"),
        ({"dtype": "ternary"}, "ternary"),
        ({"hardware": "A100-SXM-80GB"}, "fp8"),
        ({"n_accel": "", "dp": ""}, "chips"),
    ],
)
def test_refusals_say_why_and_spare_the_other_rows(change: dict[str, str], words: str) -> None:
    found = predict({}, change)
    assert found.reason[0] is None
    assert words in (found.reason[1] or "")
    assert found.value[1] == 0.0
    assert found.value[0] > 0.0


def test_who_measured_it_and_where_is_never_read() -> None:
    changes = ({}, {"task": "lora-finetune"}, {"dtype": ""})
    hidden = ("row_id", "source_id", "source_url", "source_date", "submitter", "notes", "value", "derived", "verified")
    plain = predict(*changes)
    marked = predict(*({**change, **dict.fromkeys(hidden, f"mark {index}")} for index, change in enumerate(changes)))
    for name in ("value", "low", "high", "imputed"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(marked, name))


def test_rows_do_not_depend_on_each_other() -> None:
    changes = ({}, {"model": "llama3.1-8b", "tp": "", "pp": ""}, {"hardware": "B200"})
    together = predict(*changes)
    for index, change in enumerate(changes):
        np.testing.assert_allclose(together.value[index], predict(change).value[0], rtol=1e-9)


def test_a_table_without_a_good_row_is_refused_row_by_row() -> None:
    found = predict({"metric": "time_to_train"}, {"hardware": "Abacus 9000"})
    assert all(found.reason)
    assert not found.value.any()


@pytest.mark.parametrize(("total", "active"), [(2e9, 2e9), (70e9, 70e9), (460e9, 460e9), (120e9, 5e9), (30e9, 3e9)])
def test_stand_ins_have_the_stated_size(total: float, active: float) -> None:
    made = stand_in("decoder", total, active)
    assert made.total_parameters == pytest.approx(total, rel=0.25)
    assert made.active_parameters == pytest.approx(active, rel=0.3)
