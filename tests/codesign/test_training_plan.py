"""The plan of a training run: exact search, published chip-hours, deadlines that cannot be met."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import training_grid as grids
from stackwright.codesign.finalists import best_finalists
from stackwright.codesign.plan import Searched, plan_study, searched
from stackwright.codesign.training_grid import (
    MODES,
    cell_tables,
    chips_within_reach,
    data_degrees,
    domain_fill,
    run_axes,
    run_scenario,
    training_cells,
)
from stackwright.core.errors import InfeasibleError
from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "pretrain.yaml"

RUN = """
study: run
seed: 3
demand: {kind: training, tokens: 14.8e12 token, sequence: 4096 token, global_batch: 15360, deadline: 40 day}
horizon: {first_year: 2027, years: 4}
model: {architecture: [DeepSeek-V3], precision: [fp8]}
training:
  tensor_parallel: [1, 8]
  pipeline_parallel: [4, 8, 16]
  expert_parallel: [8, 64]
  micro_batch: [1]
  recompute: [none, full]
rack: {system: [hgx-h200-air, gb200-nvl72, tpu-v6e-pod, gaudi3-node]}
network: {fabric: [infiniband-ndr], oversubscription: [1, 2]}
cooling: {type: [air-chiller-economizer, direct-liquid-dry], supply_temperature: [25 degC, 40 degC]}
datacenter: {site: [ashburn-va, abilene-tx], distribution: [ac-480-ups]}
constraints: {site_power: 8 MW}
"""

PAUSING = """
study: pausing
demand:
  {kind: training, tokens: 1e12 token, sequence: 4096 token, global_batch: 15360, deadline: 300 day, flexible: {
    pausable: 0.5, pause_time: 200 h, pause_value: 100 USD/MWh}}
horizon: {first_year: 2027, years: 1}
model: {architecture: [DeepSeek-V3], precision: [fp8]}
training:
  tensor_parallel: [1]
  pipeline_parallel: [16]
  expert_parallel: [64]
  micro_batch: [1]
rack: {system: [gb200-nvl72]}
network: {fabric: [infiniband-ndr], oversubscription: [1]}
cooling: {type: [direct-liquid-dry], supply_temperature: [40 degC]}
datacenter: {site: [abilene-tx], distribution: [ac-480-ups]}
constraints: {site_power: 8 MW}
"""

DEEPSEEK = """
study: deepseek
demand: {kind: training, tokens: 14.8e12 token, sequence: 4096 token, global_batch: 15360, deadline: 90 day}
model: {architecture: [DeepSeek-V3], precision: [fp8]}
training:
  tensor_parallel: [1]
  pipeline_parallel: [16]
  expert_parallel: [64]
  micro_batch: [1]
rack: {system: [hgx-h800-air]}
network: {fabric: [infiniband-ndr]}
cooling: {type: [air-chiller-economizer]}
datacenter: {site: [ashburn-va], distribution: [ac-480-ups]}
"""

LLAMA = """
study: llama
demand: {kind: training, tokens: 15.6e12 token, sequence: 8192 token, global_batch: 2048, deadline: 90 day}
model: {architecture: [Llama-3.1-405B], precision: [bf16]}
training:
  tensor_parallel: [8]
  pipeline_parallel: [16]
  expert_parallel: [1]
  micro_batch: [1]
rack: {system: [hgx-h100-air]}
network: {fabric: [ethernet-400]}
cooling: {type: [air-chiller-economizer]}
datacenter: {site: [ashburn-va], distribution: [ac-480-ups]}
"""


@pytest.fixture(scope="module")
def run(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("run") / "study.yaml"
    path.write_text(RUN, encoding="utf-8")
    return load(path, catalog)[0]


@pytest.fixture(scope="module")
def seen(run: Study, catalog: Catalog) -> Searched:
    return searched(run, catalog)


@pytest.fixture(scope="module")
def plan(run: Study, catalog: Catalog) -> dict[str, Any]:
    return plan_study(run, catalog)


def clusters(study: Study, catalog: Catalog, release: str) -> dict[str, np.ndarray]:
    """Every cluster of a study's only system under one release."""
    parts = Parts(catalog)
    scenario = run_scenario(study, parts)
    cells = training_cells(study, parts, scenario.run, grids.Tally())
    cell = next(cell for key, cell, _ in cells if key.software == release)
    reach = chips_within_reach(study, cell)
    axes = run_axes(study, cell, reach)
    assert axes is not None
    return next(cell_tables(cell, axes, reach))


def chip_hours(table: dict[str, np.ndarray], **wanted: float) -> float:
    """Chip-hours of the fastest cluster with these choices."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in wanted.items()])
    fastest = table["run_time"][chosen].argmin()
    return float((table["decode_chips"] * table["run_time"])[chosen][fastest]) / SECONDS_PER_HOUR


@pytest.mark.parametrize("mode", ["none", "full"])
def test_chip_hours_of_the_deepseek_v3_report(write_study: Callable[[str], Study], catalog: Catalog, mode: str) -> None:
    """The report has 2.664 million H800 hours on 2,048 chips; the run repeated a part of its layers."""
    table = clusters(write_study(DEEPSEEK), catalog, "hai-llm-2024")
    told = chip_hours(table, data=128.0, mode=MODES.index(mode))
    assert 1 / 1.6 < told / 2.664e6 < 1.6


def test_chip_hours_of_the_llama_3_405b_run(write_study: Callable[[str], Study], catalog: Catalog) -> None:
    """The model card has 30.84 million H100 hours; 16,384 chips in the layout of the report's table 4."""
    table = clusters(write_study(LLAMA), catalog, "nemo-2024")
    told = chip_hours(table, data=128.0, mode=MODES.index("none"))
    assert 1 / 1.4 < told / 30.84e6 < 1.4


def test_the_same_study_gives_the_same_digest(plan: dict[str, Any], run: Study, catalog: Catalog) -> None:
    assert plan_study(run, catalog)["digest"] == plan["digest"]


def test_the_plan_has_what_programs_read(plan: dict[str, Any]) -> None:
    assert plan["objective"]["name"] == "cost_per_run"
    assert plan["objective"]["unit"] == "USD"
    assert plan["objective"]["low"] < plan["objective"]["value"] < plan["objective"]["high"]
    assert plan["objective"]["value"] == plan["metrics"]["cost_per_run"]["value"]
    assert "serving" not in plan["stack"]
    assert {"latency_curves"}.isdisjoint(plan["pictures"])
    for name in ("ttft", "tpot", "capacity_tokens_per_second", "npv"):
        assert plan["metrics"][name]["value"] is None
        assert plan["metrics"][name]["reason"]
    for name in ("run_time", "mfu", "goodput", "tokens_per_second", "energy_per_token", "capex", "chips", "racks"):
        assert plan["metrics"][name]["value"] > 0
    assert 0.0 <= plan["gap"] <= 1e-3
    assert plan["cut_gap"] < 0.01


def test_parts_sum_to_the_whole(plan: dict[str, Any]) -> None:
    metrics = {name: entry["value"] for name, entry in plan["metrics"].items()}
    step = sum(plan["stack"]["training"]["step_seconds"].values())
    assert step == pytest.approx(metrics["step_time"])
    assert sum(entry["value"] for entry in plan["cost_by_layer"].values()) == pytest.approx(metrics["cost_per_run"])
    flow = plan["pictures"]["energy_flow"]
    assert sum(flow["parts"].values()) == pytest.approx(flow["meter"], rel=1e-6)
    assert flow["meter"] == pytest.approx(metrics["energy_per_token"], rel=0.01)
    assert metrics["run_time"] * metrics["tokens_per_second"] == pytest.approx(14.8e12)


def test_the_layout_divides(plan: dict[str, Any]) -> None:
    told = plan["stack"]["training"]
    assert told["chips"] == told["tensor_parallel"] * told["pipeline_parallel"] * told["data_parallel"]
    assert told["micro_batches"] * told["micro_batch"] * told["data_parallel"] == told["global_batch"]


def test_a_search_without_pruning_finds_the_same_design(
    run: Study, catalog: Catalog, seen: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "non_dominated", lambda criteria: np.arange(len(criteria)))
    whole = searched(run, catalog)
    assert len(whole.grid.rows) > 2 * len(seen.grid.rows)
    assert whole.found.best is not None and seen.found.best is not None
    assert whole.found.best.score == pytest.approx(seen.found.best.score, rel=1e-12)


def test_a_finalist_is_the_row_that_the_search_found(run: Study, seen: Searched) -> None:
    best = seen.found.best
    assert best is not None
    item = best_finalists(run, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found)[0]
    numbers = seen.grid.rows.numbers
    assert float(item.done.service.run_time) in numbers["run_time"]
    assert float(item.value) == pytest.approx(best.score, rel=0.01)


def test_the_margins_say_how_likely_the_deadline_is_kept(plan: dict[str, Any]) -> None:
    rows = {row["constraint"]: row for row in plan["margins"]}
    assert rows["deadline"]["limit"] == 40 * 86400.0
    assert rows["deadline"]["slack"] >= 0
    assert 0.0 < rows["deadline"]["chance"] <= 1.0


def test_alternatives_cost_more_and_the_rest_has_reasons(plan: dict[str, Any]) -> None:
    racks = {row["option"]: row for row in plan["alternatives"] if row["layer"] == "rack"}
    assert racks["hgx-h200-air"]["difference"] > 0
    assert all({"training"} <= set(row["design"]) and "serving" not in row["design"] for row in plan["alternatives"])
    assert "fabric" in plan["not_feasible"]["tpu-v6e-pod"]


def test_a_deadline_that_binds_is_worth_money(write_study: Callable[[str], Study], catalog: Catalog) -> None:
    """A shorter run needs more chips, and more chips train less well: a tenth more time is a cheaper run."""
    made = plan_study(write_study(RUN.replace("40 day", "12 day")), catalog)
    deadline = next(row for row in made["margins"] if row["constraint"] == "deadline")
    assert deadline["binding"]
    assert deadline["worth"]["unit"] == "USD per s"
    assert deadline["worth"]["value"] > 0


def test_a_deadline_that_nothing_meets_shows_the_nearest(write_study: Callable[[str], Study], catalog: Catalog) -> None:
    study = write_study(
        RUN.replace("40 day", "1 day").replace(
            "[hgx-h200-air, gb200-nvl72, tpu-v6e-pod, gaudi3-node]", "[hgx-h200-air]"
        )
    )
    with pytest.raises(InfeasibleError, match="memory and deadline") as caught:
        plan_study(study, catalog)
    nearest = caught.value.nearest
    assert isinstance(nearest, dict)
    assert nearest["feasible"] is False
    assert {row["constraint"]: row for row in nearest["margins"]}["deadline"]["slack"] < 0


def test_every_chip_that_a_release_lists_is_a_record(catalog: Catalog) -> None:
    listed = [record.links["chips"] for record in catalog.records("training") if record.type == "TrainingRelease"]
    assert all(catalog.get("chip", chip).id == chip for chips in listed for chip in chips)


def test_the_example_reads_and_has_a_release_for_every_system(catalog: Catalog) -> None:
    study = load(EXAMPLE, catalog)[0]
    parts, tally = Parts(catalog), grids.Tally()
    systems = {key.system for key, _, _ in training_cells(study, parts, run_scenario(study, parts).run, tally)}
    assert systems == set(study.rack.system)
    assert not tally.refused


def test_data_ranks_divide_the_batch() -> None:
    assert data_degrees(12, np.inf) == [1.0, 2.0, 3.0, 4.0, 6.0, 12.0]
    assert data_degrees(12, 3.5) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("domain", "group", "fill"), [(72.0, 64.0, 64 / 72), (72.0, 8.0, 1.0), (8.0, 64.0, 1.0)])
def test_whole_groups_of_ranks_fill_domains(domain: float, group: float, fill: float) -> None:
    assert domain_fill(domain=domain, group=group) == pytest.approx(fill)


def test_a_run_that_pauses_in_dear_hours_is_done_later(tmp_path: Path) -> None:
    """Pauses take the hours whose energy costs more than their worth, and no more than the study allows."""
    path = tmp_path / "study.yaml"
    path.write_text(PAUSING, encoding="utf-8")
    steady = tmp_path / "steady.yaml"
    steady.write_text(PAUSING.replace("pausable: 0.5", "pausable: 0"), encoding="utf-8")
    shelf = Catalog()
    pausing, whole = (plan_study(load(one, shelf)[0], shelf) for one in (path, steady))
    share = pausing["dispatch"][0]["paused_share"]
    assert 0.0 < share <= 0.5 * 200 / 8760
    longer = pausing["metrics"]["run_time"]["value"] / whole["metrics"]["run_time"]["value"]
    assert 1.0 + share <= longer < 1.0 + 2.5 * share, "what pauses is the work, which is a part of the load"
    energy = [one["cost_by_layer"]["power"]["value"] for one in (pausing, whole)]
    assert energy[0] < energy[1]


def test_a_training_plan_has_no_meter_of_requests(plan: dict[str, Any]) -> None:
    assert plan["running"]["value"] is None
    assert "serves no requests" in plan["running"]["reason"]
