"""All inputs of a menu drawn at once: the same draws for all designs, and what is rescaled is near what is solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.drawn_rows import FAR, candidate_grid, candidate_rows, drawn_cell, drawn_numbers, rows_at
from stackwright.codesign.menu_draws import CAUSES, DrawnParts, Draws, OneDraw, cause_of, drawn_menu, resolved
from stackwright.codesign.performance_grid import MODES, NUMBERS, CellKey, Grid, performance_grid
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.plant_grid import OptionCuts, Weights, plant_classes
from stackwright.codesign.search import search
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.stack.design import Design
from stackwright.stack.evaluate import numbers_of
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study, load

COUNT = 24

RUN = """
study: run
seed: 3
demand: {kind: training, tokens: 14.8e12 token, sequence: 4096 token, global_batch: 15360, deadline: 60 day}
horizon: {first_year: 2027, years: 4}
model: {architecture: [DeepSeek-V3], precision: [fp8]}
training:
  {tensor_parallel: [1, 8], pipeline_parallel: [8], expert_parallel: [8, 64], micro_batch: [1], recompute: [full]}
rack: {system: [gb200-nvl72]}
network: {fabric: [infiniband-ndr], oversubscription: [1, 2]}
cooling: {type: [direct-liquid-dry], supply_temperature: [40 degC]}
datacenter: {site: [abilene-tx], distribution: [ac-480-ups]}
finance: {sourcing: [buy, lease]}
constraints: {site_power: 8 MW}
"""

OWN_PLANTS = """    - name: own
      plants: [{technology: gas-turbine, most: 10 MW}, {technology: solar-pv, most: 10 MW}]
"""


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


def correlation(draws: Draws, *places: tuple[str, str, str]) -> float:
    first, second = (draws.standard(*place) for place in places)
    return float(np.corrcoef(first, second)[0, 1])


def test_a_draw_is_found_by_its_name_alone(small: Study, parts: Parts) -> None:
    """Whatever else was drawn before, and however often."""
    alone = DrawnParts(parts, Draws(COUNT, 5))
    after = DrawnParts(parts, Draws(COUNT, 5))
    after.get("chip", "nvidia-h200-sxm")
    first, second = (one.get("chip", "nvidia-b200").spec.memory_bandwidth for one in (alone, after))
    assert np.array_equal(first, second)
    other = DrawnParts(parts, Draws(COUNT, 6)).get("chip", "nvidia-b200").spec.memory_bandwidth
    assert not np.array_equal(first, other)


def test_draws_are_stratified() -> None:
    """Every n-th part of the normal distribution has one draw where a number has no cause in common with others."""
    draws = Draws(200, 1)
    own = np.sort(draws.standard("chip", "a", "memory_capacity"))
    assert own.mean() == pytest.approx(0.0, abs=1e-12)
    assert own.std() == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(own, np.sort(draws.standard("chip", "b", "memory_capacity")))


def test_causes_correlate_records_as_they_say() -> None:
    draws = Draws(4096, 2)
    for cause in CAUSES:
        layer, field = cause.fields[0]
        assert correlation(draws, (layer, "a", field), (layer, "b", field)) == pytest.approx(cause.share, abs=0.06)
        assert draws.standard(layer, "a", field).std() == pytest.approx(1.0, abs=0.05)
    free = correlation(draws, ("chip", "a", "memory_capacity"), ("chip", "b", "memory_capacity"))
    assert free == pytest.approx(0.0, abs=0.06)


def test_causes_name_fields_that_records_have(catalog: Catalog) -> None:
    """A cause that names no number of its layer would correlate nothing."""
    for cause in CAUSES:
        assert cause.reason
        for layer, field in cause.fields:
            assert any(field in record.values for record in catalog.records(layer)), (layer, field)
            assert cause_of(layer, field) is cause


def test_peaks_of_a_chip_move_together() -> None:
    draws = Draws(64, 3)
    assert np.array_equal(draws.standard("chip", "a", "peak_fp8"), draws.standard("chip", "a", "peak_bf16"))
    assert not np.array_equal(draws.standard("chip", "b", "peak_fp8"), draws.standard("chip", "a", "peak_bf16"))


def test_without_spread_all_is_as_it_was(small: Study, seen: Searched, parts: Parts) -> None:
    drawn = drawn_menu(small, parts, seen.scenario, seen.grid, seen.classes, Draws(3, 1, spread=0.0))
    menu = drawn.at(1)
    assert np.array_equal(menu.rows, np.arange(len(seen.grid.rows)))
    for name in NUMBERS:
        assert menu.grid.rows.numbers[name] == pytest.approx(seen.grid.rows.numbers[name], rel=1e-12, abs=1e-13), name
    for known, made in zip(seen.classes, menu.classes, strict=True):
        assert made.options == known.options
        for item in fields(Weights):
            if item.name != "cuts":
                assert getattr(made.weights, item.name) == pytest.approx(getattr(known.weights, item.name), rel=1e-12)
    again = search(small, seen.scenario, menu.grid, menu.classes, menu.terms, parts)
    assert again.best is not None and seen.found.best is not None
    assert again.best.score == pytest.approx(seen.found.best.score, rel=1e-12)
    assert again.best.option == seen.found.best.option


def exact_numbers(grid: Grid, row: int, cell: object, lengths: object) -> dict[str, float]:
    """A row evaluated as `evaluate` does, on the cell's own specs."""
    rows, key = grid.rows, grid.keys[int(grid.rows.cell[row])]
    chosen = {name: float(values[row]) for name, values in rows.choice.items()}
    design = Design(
        architecture=key.architecture,
        precision=key.precision,
        cache_precision=key.cache_precision,
        draft_tokens=key.draft_tokens,
        software=key.software,
        mode=MODES[int(rows.mode[row])],
        chip=key.chip,
        power_cap=chosen["power_cap"],
        system=key.system,
        fabric=key.fabric,
        oversubscription=chosen["oversubscription"],
        cooling="",
        supply_temperature=0.0,
        site="",
        redundancy="",
        distribution="",
        portfolio="",
        sourcing="",
        numbers=chosen,
    )
    service, numbers = numbers_of(cell, design, lengths)  # type: ignore[arg-type]
    found = numbers | {name: getattr(service, name) for name in ("ttft_p95", "tpot_p95", "memory")}
    return {name: float(value) for name, value in found.items()}


def test_rows_under_draws_are_those_of_drawn_specs(small: Study, seen: Searched, parts: Parts) -> None:
    """Kernels are interpolated between nodes: rates and latencies are within one percent of exact ones."""
    drawn = drawn_menu(small, parts, seen.scenario, seen.grid, seen.classes, Draws(COUNT, 4))
    errors = []
    for index in (0, 7, COUNT - 1):
        one = OneDraw(drawn.parts, index)
        for row in range(0, len(seen.grid.rows), 9):
            cell = drawn_cell(seen.grid, int(seen.grid.rows.cell[row]), one)
            for name, value in exact_numbers(seen.grid, row, cell, seen.scenario.lengths).items():
                values = drawn.numbers[name][row]
                got = float(values[index] if values.size > 1 else values[0])
                if name == "memory":
                    assert got == pytest.approx(value, abs=2e-3)
                else:
                    errors.append(abs(got - value) / max(abs(value), 1e-12))
    assert max(errors) < 1e-2
    assert np.median(errors) < 1e-3


@pytest.fixture(scope="module")
def own_study(small_text: str, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("own") / "study.yaml"
    path.write_text(small_text.replace("constraints:", f"{OWN_PLANTS}constraints:"), encoding="utf-8")
    study = load(path, catalog)[0]
    return study.model_copy(update={"datacenter": study.datacenter.model_copy(update={"site": ("phoenix-az",)})})


def test_plants_under_draws_are_near_those_solved_anew(
    own_study: Study, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Capital, energy and peaks within two percent; energy's cost over the horizon within a tenth, half within 4 %."""
    monkeypatch.setenv("STACKWRIGHT_CACHE", str(tmp_path_factory.mktemp("curves")))
    known = searched(own_study, catalog)
    drawn = drawn_menu(own_study, known.parts, known.scenario, known.grid, known.classes, Draws(COUNT, 5))
    tight = dict.fromkeys(("idle_energy", "busy_energy", "plant_capex", "building_capex", "opex"), 0.02)
    tight |= {"peak_ratio": 1e-9, "availability": 1e-9}
    costs = []
    for index in (3, 11):
        menu = drawn.at(index)
        systems = list({system.id: system for system in known.grid.systems}.values())
        exact = plant_classes(own_study, menu.parts, known.scenario, systems)
        for made in menu.classes:
            alike = [
                one
                for one in exact
                if (one.thermal, one.cooling, one.supply_temperature)
                == (made.thermal, made.cooling, made.supply_temperature)
                and set(one.options) >= set(made.options)
            ]
            places = [alike[0].options.index(option) for option in made.options]
            for name, near in tight.items():
                now, solved = getattr(made.weights, name), getattr(alike[0].weights, name)[places]
                assert now == pytest.approx(solved, rel=near), name
            assert made.supply_scale == pytest.approx(alike[0].supply_scale)
            assert made.coolant_temperature == pytest.approx(alike[0].coolant_temperature)
            costs += energy_costs(made.weights, alike[0].weights, places)
    assert max(costs) < 0.1
    assert np.median(costs) < 0.04


def energy_costs(made: Weights, solved: Weights, places: list[int]) -> list[float]:
    """How far each option's cost of energy over the horizon is from what it is when solved, at 5 MW of IT."""
    found = []
    for option, place in enumerate(places):
        now, then = horizon_cost(made, option), horizon_cost(solved, place)
        found.append(abs(now / then - 1.0))
    return found


def horizon_cost(weights: Weights, option: int) -> float:
    idle, busy = 2e6, 3e6
    if not weights.decided[option]:
        return float((idle * weights.idle_cost[option] + busy * weights.busy_cost[option]).sum())
    cuts, place = weights.cuts, int(np.flatnonzero(weights.decided).tolist().index(option))
    assert isinstance(cuts, OptionCuts)
    planes = cuts.constant[place] + idle * cuts.idle[place] + busy * cuts.busy[place]
    return float(planes.max(axis=-1).sum())


def test_a_design_is_solved_anew_under_some_draws(small: Study, seen: Searched, parts: Parts) -> None:
    assert seen.found.best is not None
    drawn = drawn_menu(small, parts, seen.scenario, seen.grid, seen.classes, Draws(COUNT, 6))
    found = resolved(drawn, seen.found.best, 5)
    assert len(found.draws) == 5
    assert 0.0 < found.median <= found.largest < 0.01
    assert found.exact.std() / found.exact.mean() > 0.05


def test_draws_leave_rows_out_that_miss_a_target(small: Study, seen: Searched, parts: Parts) -> None:
    drawn = drawn_menu(small, parts, seen.scenario, seen.grid, seen.classes, Draws(COUNT, 7))
    sizes = [len(menu.rows) for menu in drawn]
    assert min(sizes) < max(sizes) <= len(seen.grid.rows)
    for menu in (drawn.at(0), drawn.at(5)):
        assert (menu.grid.rows.numbers["tpot_p95"] <= seen.scenario.tpot).all()
        assert np.array_equal(menu.grid.rows.cell, seen.grid.rows.cell[menu.rows])


def test_cells_without_rows_are_drawn_too(small: Study, seen: Searched, parts: Parts) -> None:
    """A search reads the price of a system and its fabric from the first cell that has them."""
    one = replace(seen.grid, rows=rows_at(seen.grid.rows, np.array([0])))
    menu = drawn_menu(small, parts, seen.scenario, one, seen.classes, Draws(COUNT, 7)).at(3)
    for key, cell in zip(menu.grid.keys, menu.grid.cells, strict=True):
        assert cell.hardware.system is menu.parts.get("rack", key.system).spec
        assert cell.hardware.fabric is menu.parts.get("network", key.fabric).spec


def test_candidates_win_as_all_rows_do(small: Study, seen: Searched, parts: Parts) -> None:
    """The search of the candidates finds what a search of a grid made anew under the draw finds, nearly always."""
    rows = candidate_grid(small, parts, seen.scenario)
    drawn = drawn_menu(small, parts, seen.scenario, rows, seen.classes, Draws(COUNT, 8))
    for index in (2, 13):
        menu = drawn.at(index)
        whole = performance_grid(small, menu.parts, seen.scenario)
        few = search(small, seen.scenario, menu.grid, menu.classes, menu.terms, menu.parts)
        best = search(small, seen.scenario, whole, menu.classes, menu.terms, menu.parts)
        assert few.best is not None and best.best is not None
        assert few.best.score <= best.best.score * 1.02


def test_candidates_are_few_and_hold_the_cheapest(small: Study, seen: Searched) -> None:
    """Of every engine with every option of the layers; modes that need far more chips are left out."""
    grid, rows = seen.grid, candidate_rows(seen.grid, seen.scenario)
    options = [grid.rows.cell, *(grid.rows.choice[name] for name in ("power_cap", "oversubscription"))]
    tables = np.unique(np.stack(options, axis=1), axis=0, return_inverse=True)[1].ravel()
    assert set(tables[rows]) == set(tables)
    assert np.unique(np.stack([tables, grid.rows.mode], axis=1)[rows], axis=0, return_counts=True)[1].max() <= 3
    busy = np.sum(
        [grid.rows.numbers[f"{pool}_chips"] / grid.rows.numbers[f"{pool}_rate"] for pool in ("decode", "prefill")],
        axis=0,
    )
    for table in np.unique(tables):
        here = np.flatnonzero(tables == table)
        cheapest = here[busy[here].argmin()]
        assert cheapest in rows
        for mode in set(grid.rows.mode[here]) - set(grid.rows.mode[rows[tables[rows] == table]]):
            assert busy[here[grid.rows.mode[here] == mode]].min() > FAR * busy[cheapest]


def test_a_number_that_the_study_sets_is_not_drawn(
    write_study: Callable[[str], Study], small_text: str, parts: Parts, catalog: Catalog
) -> None:
    study = write_study(small_text + "finance: {discount_rate: 0.07 1/year}\n")
    known = searched(study, catalog)
    drawn = drawn_menu(study, parts, known.scenario, known.grid, known.classes, Draws(4, 9))
    assert [menu.terms.discount_rate for menu in drawn] == pytest.approx([0.07] * 4)
    assert len({menu.terms.chip_life for menu in drawn}) == 4


def test_a_run_is_drawn_as_drawn_specs_time_it(
    write_study: Callable[[str], Study], parts: Parts, catalog: Catalog
) -> None:
    """Clusters are timed exactly, those that miss the deadline are not to be had, and leases have a draw's prices."""
    study = write_study(RUN)
    known = searched(study, catalog)
    candidates = candidate_grid(study, parts, known.scenario, slacks=(0.8, 1.0))
    drawn = drawn_menu(study, parts, known.scenario, candidates, known.classes, Draws(COUNT, 10))
    sizes, rents = [], []
    for index in range(0, COUNT, 6):
        menu = drawn.at(index)
        run_time = menu.grid.rows.numbers["run_time"]
        assert (run_time <= known.scenario.run.deadline).all()  # type: ignore[attr-defined]
        sizes.append(len(run_time))
        rents.append(menu.grid.offers["gb200-nvl72", "lease"].lease)
    assert min(sizes) < max(sizes) <= len(candidates.rows)
    assert len(set(rents)) == len(rents)
    for row in range(0, len(candidates.rows), 5):
        chosen = {name: float(values[row]) for name, values in candidates.rows.choice.items()}
        cell = drawn_cell(candidates, int(candidates.rows.cell[row]), OneDraw(drawn.parts, 3))
        design = laid_out(candidates.keys[0], chosen)
        outcome, numbers = numbers_of(cell, design, known.scenario.lengths)
        for name, value in (numbers | {"run_time": outcome.run_time, "memory": outcome.step.memory}).items():
            values = drawn.numbers[name][row]
            assert values[3 if values.size > 1 else 0] == pytest.approx(float(value), rel=1e-12), name


def laid_out(key: CellKey, numbers: dict[str, float]) -> TrainingDesign:
    """A cluster as a design, its plant left open."""
    return TrainingDesign(
        architecture=key.architecture,
        precision=key.precision,
        cache_precision=key.cache_precision,
        draft_tokens=key.draft_tokens,
        software=key.software,
        mode="",
        chip=key.chip,
        power_cap=numbers["power_cap"],
        system=key.system,
        fabric=key.fabric,
        oversubscription=numbers["oversubscription"],
        cooling="",
        supply_temperature=0.0,
        site="",
        redundancy="",
        distribution="",
        portfolio="",
        sourcing="",
        numbers=numbers,
    )


def test_engines_share_kernels_as_if_each_were_alone(
    write_study: Callable[[str], Study], small_text: str, parts: Parts, catalog: Catalog
) -> None:
    """Rows of one engine are the same whether another engine's stand beside them or not."""
    study = write_study(small_text.replace("[vllm-2026]", "[vllm-2026, sglang-2026]"))
    known = searched(study, catalog)
    whole = DrawnParts(parts, Draws(COUNT, 11))
    both = drawn_numbers(known.grid, whole, known.scenario, COUNT)
    engines = np.array([key.software for key in known.grid.keys])[known.grid.rows.cell]
    assert set(engines) == {"vllm-2026", "sglang-2026"}
    own = np.flatnonzero(engines == "sglang-2026")
    cut = replace(known.grid, rows=rows_at(known.grid.rows, own))
    alone = drawn_numbers(cut, whole, known.scenario, COUNT)
    for name in NUMBERS:
        assert both[name][own] == pytest.approx(alone[name], rel=1e-9, abs=1e-12), name
