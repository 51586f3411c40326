"""Which rows fit and which judge: halves by configuration, by value and by source."""

from collections.abc import Callable

import numpy as np
import pytest

from stackwright.evidence.splits import (
    FEEDS,
    WHOLE,
    feeding_rows,
    fitted_rows,
    halved,
    is_fitted,
    powered_names,
    rule_of,
)
from stackwright.evidence.tables import KINDS, Kind, Table

Rows = Callable[..., dict[str, str]]


def table(rows: list[dict[str, str]], kind: Kind) -> Table:
    return Table(kind, kind.name, {name: [row[name] for row in rows] for name in rows[0]})


def kind_of(name: str, *, timed: bool = True) -> Kind:
    return next(kind for kind in KINDS if kind.name == name and ("gpu" in kind.columns) == timed)


def test_about_half_of_many_configurations_are_fitted_and_always_the_same() -> None:
    found = [halved(f"configuration {index}") for index in range(2000)]
    assert 900 < sum(found) < 1100
    assert found == [halved(f"configuration {index}") for index in range(2000)]


def test_a_shape_is_in_the_same_half_on_every_chip(row: Rows) -> None:
    shapes = [{"dtype": "fp8", "m": str(m), "n": "4096", "k": "512", "latency_ms": "1"} for m in range(1, 60)]
    on = [
        fitted_rows(table([row("gemm", gpu=gpu, **shape) for shape in shapes], kind_of("gemm")))
        for gpu in ("h100", "b200")
    ]
    assert (on[0] == on[1]).all()
    assert on[0].any() and not on[0].all()


def test_copies_of_a_served_row_fall_into_one_half(row: Rows) -> None:
    measured = {"gpu": "b200", "isl": "1024", "osl": "256", "tpot_ms": "5.1", "ttft_ms": "210"}
    loads = [str(load) for load in range(1, 40)]
    first = [row("e2e_serving", model="R1", source="dated-csv", concurrency=load, **measured) for load in loads]
    copies = [{**one, "model": "V3", "source": "db-dump"} for one in first]
    kind = kind_of("e2e_serving")
    rows = [
        [{key: value for key, value in one.items() if key != "source_id"} for one in many] for many in (first, copies)
    ]
    halves = [fitted_rows(table(many, kind)) for many in rows]
    assert (halves[0] == halves[1]).all()
    assert set(np.unique(halves[0])) == {False, True}


def test_sources_that_feed_no_fit_only_judge(row: Rows) -> None:
    rows = [row("inference", source_id=name) for name in ("splitwise-perf-model", "a-new-source")]
    one = table(rows, kind_of("inference", timed=False))
    assert feeding_rows(one).tolist() == [True, False]
    assert not fitted_rows(one)[1]
    with pytest.raises(ValueError, match="a-new-source"):
        is_fitted("inference", "a-new-source", rows[1])


def test_a_source_that_was_fitted_whole_never_judges(row: Rows) -> None:
    known, name = next((known, name) for known in FEEDS for name in FEEDS[known] if FEEDS[known][name] == WHOLE)
    rows = [row(known, source_id=name, hardware=f"chip {index}") for index in range(20)]
    assert fitted_rows(table(rows, kind_of(known, timed=False))).all()


def test_power_is_split_by_model(row: Rows) -> None:
    rows = [
        row("power", source_id="ml-energy-leaderboard-v3", model=f"model-{index % 12}", batch=str(index))
        for index in range(120)
    ]
    fitted = fitted_rows(table(rows, kind_of("power", timed=False)))
    halves = {rows[at]["model"]: set() for at in range(12)}  # type: ignore[var-annotated]
    for one, half in zip(rows, fitted, strict=True):
        halves[one["model"]].add(bool(half))
    assert all(len(found) == 1 for found in halves.values())
    assert {True, False} == set().union(*halves.values())


def test_rows_of_the_power_table_are_named_as_in_the_tables_of_their_operation(row: Rows) -> None:
    given = {"dtype": "bfloat16", "kv_dtype": "bfloat16", "heads": "32", "kv_heads": "8", "head_dim": "128"}
    rows = [
        row("kernel_power_b200", op="context_attention", q_len=str(size), kv_len="4096", batch="2", window="0", **given)
        for size in range(1, 40)
    ]
    fitted = fitted_rows(table(rows, kind_of("kernel_power_b200")))
    assert fitted.any() and not fitted.all()
    assert "kv_len" in powered_names("context_attention")


def test_columns_that_halve_a_source_are_columns_of_its_table() -> None:
    for name, sources in FEEDS.items():
        known = set(kind_of(name, timed=name == "e2e_serving").columns)
        assert all(set(columns) <= known for columns in sources.values()), name


def test_every_table_says_which_of_its_rows_judge(row: Rows) -> None:
    sources = ("splitwise-perf-model", "a-new-source")
    rule = rule_of(table([row("inference", source_id=name) for name in sources], kind_of("inference", timed=False)))
    assert rule.startswith("of splitwise-perf-model the half") and rule.endswith("all rows of other sources")
    assert "feed no fit" in rule_of(table([row("kernels", source_id="a-new-source")], kind_of("kernels", timed=False)))
    assert "words and sizes" in rule_of(table([row("gemm")], kind_of("gemm")))
