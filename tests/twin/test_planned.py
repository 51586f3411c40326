"""What can be served of a folder that a plan wrote, and what is said where nothing can."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.core.errors import InputError
from stackwright.serving.scheduler import Limits
from stackwright.serving.scheduler_tables import Curve, Mixed, Table, Timing
from stackwright.serving.served import PrefillPool, ServedReplica, shortened
from stackwright.twin.planned import planned_of, read_planned


def made(pool: bool, mixed: bool = False) -> ServedReplica:
    """A replica with tables of values that no text has in few digits."""
    batch, length, share = np.array([1.0, 64.0]), np.array([1.0, 1e5]), np.array([0.0, 1.0])
    draw = np.random.default_rng(0)
    prefills = Table(length, share, draw.random((2, 2)))
    timing = Timing(
        steps=Table(batch, length, draw.random((2, 2))),
        prefills=prefills,
        shared=Table(length, share, draw.random((2, 2))) if pool else prefills,
        stages=2,
        mixed=Mixed(own=prefills, shared=prefills, attention=prefills) if mixed else None,
    )
    return ServedReplica(
        timing=timing,
        limits=Limits(ranks=2, sequences=64, blocks=1000, chunk_tokens=512, prefix_blocks=3, present=0.75),
        prefill=PrefillPool(timing, 8, 2048.0, 1.1, Curve(np.array([1.0, 100.0]), np.array([0.1, 0.2])))
        if pool
        else None,
        overhead=0.05,
        prefix_hits=0.2,
        longest=8192.0,
        requests_per_second=5.0,
        sequences=40.0,
        input_tokens=np.array([10, 20]),
        output_tokens=np.array([3, 4]),
        replicas=7.0,
        share=0.5,
        chips=12.0,
        prefill_chips=4.0,
    )


def plan_with(entry: Any, **more: Any) -> dict[str, Any]:
    return {
        "study": {"study": "chat"},
        "stack": {"model": {"architecture": "deepseek-r1"}},
        "replica": entry,
        "service_levels": {"loads": []},
        **more,
    }


@pytest.mark.parametrize(("pool", "mixed"), [(False, False), (False, True), (True, False)])
def test_a_replica_is_read_as_it_was_written(pool: bool, mixed: bool) -> None:
    replica = made(pool, mixed)
    text = json.dumps(replica.as_dict(), allow_nan=False)
    again = ServedReplica.from_dict(json.loads(text))
    assert json.dumps(again.as_dict()) == text
    assert again.mode == ("disaggregated" if pool else "aggregated")
    assert again.limits == replica.limits
    for batch, context in ((1.0, 1.0), (7.3, 900.0), (64.0, 2e5)):
        assert again.timing.step(batch, context) == pytest.approx(replica.timing.step(batch, context), rel=1e-5)
        assert again.timing.prefill(10, 90) == pytest.approx(replica.timing.prefill(10, 90), rel=1e-5)
    if replica.prefill and again.prefill:
        assert again.prefill.handover.at(50) == pytest.approx(replica.prefill.handover.at(50), rel=1e-5)
    assert (again.timing.mixed is not None) == mixed


def test_values_keep_seven_digits() -> None:
    assert shortened([1.0 / 3.0, 123456789.0, 0.0]) == [0.3333333, 123456800.0, 0.0]


def test_a_plan_of_a_folder_and_of_its_cases(tmp_path: Path) -> None:
    plan = plan_with(made(True).as_dict())
    for folder in (tmp_path, tmp_path / "r1"):
        folder.mkdir(exist_ok=True)
        (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    for planned in (read_planned(tmp_path), read_planned(tmp_path, "r1")):
        assert planned.name == "chat"
        assert planned.model == "deepseek-r1"
        assert planned.replica.replicas == 7.0
        assert planned.service_levels == {"loads": []}
    with pytest.raises(InputError, match="has the cases r1"):
        read_planned(tmp_path, "v32")


def cut(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda plan: cut(plan, "replica"), "Make the plan again with this version"),
        (lambda plan: {**plan, "replica": {"value": None, "reason": "a training run serves no requests"}}, "training"),
        (lambda plan: {**plan, "feasible": False}, "misses the study's limits"),
        (lambda plan: {**plan, "replica": cut(plan["replica"], "limits")}, "limits"),
        (lambda plan: {**plan, "replica": {**plan["replica"], "overhead": "soon"}}, "soon"),
        (lambda plan: {**plan, "replica": {**plan["replica"], "timing": {"steps": []}}}, "tables and limits"),
        (lambda plan: cut(plan, "service_levels"), "service_levels"),
        (lambda plan: cut(plan, "stack"), "expected a plan"),
        (lambda plan: [plan], "a list of 1"),
    ],
)
def test_what_cannot_be_served_says_why(tmp_path: Path, change: Any, told: str) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(change(plan_with(made(False).as_dict()))), encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_planned(tmp_path)


def test_a_folder_without_a_plan_and_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_planned(tmp_path)
    (tmp_path / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="a plan as JSON"):
        read_planned(tmp_path)


def test_a_plan_that_was_just_made_needs_no_file() -> None:
    assert planned_of(plan_with(replace(made(False), share=1.0).as_dict())).replica.share == 1.0
