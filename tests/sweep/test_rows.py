"""Rows: a point is what a plan of it says, a draw is the same wherever it is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.plan import plan_study
from stackwright.codesign.uncertainty import draws as plan_draws
from stackwright.stack.study import load
from stackwright.sweep.axes import Point
from stackwright.sweep.rows import Job, rows_of, settled

SMALL = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"


@pytest.fixture(scope="module")
def point(catalog: Catalog) -> Point:
    return Point(0, load(SMALL, catalog)[0], {})


def numbers(rows, name: str = "value") -> np.ndarray:
    return np.array([row[name] for row in rows])


def test_a_row_is_what_the_plan_says(point: Point, catalog: Catalog) -> None:
    row, plan = rows_of([Job(point)], catalog).rows[0], plan_study(point.study, catalog)
    assert row["feasible"] and row["value"] == plan["objective"]["value"] and row["unit"] == plan["objective"]["unit"]
    assert row["cut_gap"] == plan["cut_gap"]
    stack = plan["stack"]
    assert (row["system"], row["site"], row["portfolio"], row["batch"]) == (
        stack["rack"]["system"],
        stack["datacenter"]["site"],
        stack["power"]["portfolio"],
        stack["serving"]["batch"],
    )
    for name, entry in plan["metrics"].items():
        assert row.get(name) == entry["value"]


def test_columns_know_their_units(point: Point, catalog: Catalog) -> None:
    units = rows_of([Job(point)], catalog).units
    assert (units["value"], units["facility_power"], units["seconds"]) == ("USD/Mtoken", "W", "s")


def test_a_point_without_a_stack_says_why(point: Point, catalog: Catalog) -> None:
    study = point.study.model_copy(update={"demand": point.study.demand.model_copy(update={"tpot": 1e-3})})
    for job in (Job(Point(0, study, {})), Job(Point(0, study, {}), range(0, 8), 16)):
        (row,) = rows_of([job], catalog).rows
        assert not row["feasible"] and "value" not in row
        assert "hgx-b200-liquid: misses tpot_p95" in row["reason"]
    assert rows_of([Job(Point(0, study, {}), range(8, 16), 16)], catalog).rows == []


def test_a_draw_is_the_same_in_any_block(point: Point, catalog: Catalog) -> None:
    whole = rows_of([Job(point, range(0, 24), 24)], catalog).rows
    parts = rows_of([Job(point, range(16, 24), 24), Job(point, range(0, 16), 24)], catalog).rows
    by_draw = {row["draw"]: {**row, "seconds": None} for row in parts}
    assert [{**row, "seconds": None} for row in whole] == [by_draw[number] for number in range(24)]


def test_draws_spread_as_those_of_the_plan_do(point: Point, catalog: Catalog) -> None:
    rows = rows_of([Job(point, range(0, 192), 192)], catalog).rows
    done = settled(point.study, catalog)
    assert done.item is not None
    made = plan_draws(done.item, done.seen.scenario, 1)
    theirs = made.present_cost / made.present_tokens * 1e6
    for percent in (5, 50, 95):
        assert np.percentile(numbers(rows), percent) == pytest.approx(np.percentile(theirs, percent), rel=0.1)


def test_a_draw_is_one_world_at_all_points_and_another_seed_is_other_worlds(point: Point, catalog: Catalog) -> None:
    tight = point.study.model_copy(update={"demand": point.study.demand.model_copy(update={"tpot": 0.03})})
    other = point.study.model_copy(update={"seed": 2})
    first, second, third = (
        numbers(rows_of([Job(Point(0, study, {}), range(0, 64), 64)], catalog).rows)
        for study in (point.study, tight, other)
    )
    assert np.corrcoef(first, second)[0, 1] > 0.95
    assert abs(np.corrcoef(first, third)[0, 1]) < 0.5
