"""What the performance half keeps: all that can win, and the same numbers however it is asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import chooser
from stackwright.codesign import performance_grid as grids
from stackwright.codesign.kept import Content, kept
from stackwright.codesign.performance_grid import (
    CHOICES,
    MODES,
    NUMBERS,
    Grid,
    Rows,
    hardware_of,
    performance_grid,
    settings_rows,
)
from stackwright.codesign.search import unit_rows
from stackwright.core.spec import leaves
from stackwright.stack.coupling import settle
from stackwright.stack.parts import Parts, with_leaf
from stackwright.stack.scenario import scenario_of
from stackwright.stack.study import Study

PLACE = ("power_cap", "oversubscription")


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


def grid_of(study: Study, parts: Parts) -> Grid:
    return performance_grid(study, parts, scenario_of(study, parts))


def settings_of(grid: Grid, row: int) -> dict[str, float]:
    """The serving settings of a kept row."""
    key = grid.keys[grid.rows.cell[row]]
    own = {name: float(getattr(key, name)) for name in ("draft_tokens", "weights_offload", "cache_offload")}
    return own | {name: float(values[row]) for name, values in grid.rows.choice.items() if name not in PLACE}


def place_of(grid: Grid, rows: Rows, row: int) -> tuple[Any, ...]:
    """What a row is of, beside its settings."""
    return (grid.keys[rows.cell[row]], *(float(rows.choice[name][row]) for name in PLACE))


def same_bits(grid: Grid, study: Study, parts: Parts) -> int:
    """Rows whose like among the rows of their settings has the same numbers."""
    scenario = scenario_of(study, parts)
    for row in range(0, len(grid.rows), max(1, len(grid.rows) // 40)):
        key, mode = grid.keys[grid.rows.cell[row]], MODES[grid.rows.mode[row]]
        made = settings_rows(study, parts, scenario, settings_of(grid, row), mode, {key.system: key.software})
        places = [place_of(made, made.rows, at) for at in range(len(made.rows))]
        assert len(set(places)) == len(places)
        at = places.index(place_of(grid, grid.rows, row))
        for name in NUMBERS:
            assert made.rows.numbers[name][at] == grid.rows.numbers[name][row], (name, key, mode)
        for name in CHOICES:
            assert made.rows.choice[name][at] == grid.rows.choice[name][row], (name, key, mode)
    return len(grid.rows)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"power_cap: [1.0, 0.8]": "power_cap: [0.9]", "oversubscription: [1, 4]": "oversubscription: [2]"},
        {
            "power_cap: [1.0, 0.8]": "power_cap: [0.9]",
            "oversubscription: [1, 4]": "oversubscription: [2]",
            "tensor_parallel: [2, 4, 8]": "tensor_parallel: [8]",
            "expert_parallel: [1, 8]": "expert_parallel: [8]",
        },
        {"Qwen3-235B-A22B": "DeepSeek-R1", "batch: [8, 32, 128]": "batch: [16]\n  draft_tokens: [0, 1]"},
    ],
    ids=["small", "one-place", "one-layout", "drafts"],
)
def test_rows_of_settings_are_those_that_the_grid_keeps(
    changes: dict[str, str], small_text: str, write_study: Callable[[str], Study], parts: Parts
) -> None:
    """Bit for bit, also where an axis has a single entry, and where measured runs set the pace."""
    text = small_text
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    study = write_study(text)
    assert same_bits(grid_of(study, parts), study, parts) > 5


def test_settings_off_the_menu_have_no_row(small: Study, parts: Parts) -> None:
    """Nor have layouts that leave a system's domain, or another engine than the one that is named."""
    scenario = scenario_of(small, parts)
    grid = grid_of(small, parts)
    row = int(np.flatnonzero(grid.rows.mode == 0)[0])
    settings = settings_of(grid, row)
    engines = dict.fromkeys(small.rack.system, "vllm-2026")
    whole = settings_rows(small, parts, scenario, settings, "aggregated", engines)
    assert len(whole.rows) + len(whole.nearest) == 2 * 2 * 2 * 2
    for other in ({"batch": 9.0}, {"tensor": 64.0}, {"chunk": 1.0}, {"draft_tokens": 1.0}):
        none = settings_rows(small, parts, scenario, settings | other, "aggregated", engines)
        assert not len(none.rows) and not len(none.nearest) and not none.keys
    one = settings_rows(small, parts, scenario, settings, "aggregated", {"hgx-h200-air": "vllm-2026"})
    assert {key.system for key in one.keys} == {"hgx-h200-air"}


def test_rows_of_settings_that_miss_a_target_are_told_apart(small: Study, parts: Parts) -> None:
    """A row is within the targets, one of the nearest is not; together they are all that the settings give."""
    grid, scenario = grid_of(small, parts), scenario_of(small, parts)
    settings = settings_of(grid, int(np.argmax(grid.rows.choice["batch"] * (grid.rows.mode == 0))))
    made = settings_rows(
        small, parts, scenario, settings | {"tensor": 2.0}, "aggregated", dict.fromkeys(small.rack.system, "vllm-2026")
    )
    fits = [
        (rows.numbers["tpot_p95"] <= scenario.tpot) & (rows.numbers["memory"] <= 0)
        for rows in (made.rows, made.nearest)
    ]
    assert (
        fits[0].all()
        and len(made.nearest)
        and not (fits[1] & (made.nearest.numbers["ttft_p95"] <= scenario.ttft)).any()
    )
    assert made.tally.points == len(made.rows) + len(made.nearest)
    assert made.tally.feasible == len(made.rows)


def burdens(grid: Grid, study: Study, parts: Parts, plant: Any) -> np.ndarray:
    """All that a fleet is paid for [R, D]: by year its chips, those bought, and the watts above idle of its work."""
    scenario, (unit, _) = scenario_of(study, parts), unit_rows(grid, np.arange(len(grid.rows)), plant)
    peak = scenario.ramp if scenario.requests is None else scenario.requests * scenario.peak
    chips, busy = 0.0, 0.0
    for pool in ("decode", "prefill"):
        size, rate, power = (getattr(unit, f"{pool}_{name}")[:, None] for name in ("chips", "rate", "power"))
        wanted = peak / rate
        chips = chips + (wanted if scenario.requests is None else np.ceil(wanted - 1e-9)) * size
        busy = busy + wanted * size * (power - unit.idle_power[:, None])
    sold = 1e-9 if scenario.requests is None else unit.sold_chips[:, None]
    return np.concatenate([chips, np.ceil(chips * 1.03 / sold - 1e-6) * sold, busy], axis=1)


def tables_of(grid: Grid) -> np.ndarray:
    """Cell, mode, power cap and oversubscription of each row, coded."""
    rows = grid.rows
    return np.stack([rows.cell, rows.mode, *(rows.choice[name] for name in PLACE)], axis=1)


@pytest.mark.parametrize("volume", ["requests: 20e6 request/day", "requests: 2e6 request/day", "volume: open"])
def test_the_best_of_what_is_kept_is_the_best_of_all(
    volume: str,
    small_text: str,
    write_study: Callable[[str], Study],
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the plant's temperature and prices: for random ones, in every table of every cell."""
    text = small_text.replace("requests: 20e6 request/day", volume)
    study = write_study(text.replace("  growth: 0.2 1/year\n", "") if volume == "volume: open" else text)
    kept = grid_of(study, parts)
    monkeypatch.setattr(chooser, "non_dominated", lambda criteria: np.arange(len(criteria)))
    whole = grid_of(study, parts)
    assert len(whole.rows) > 20 * len(kept.rows)
    rng = np.random.default_rng(11)
    named = np.unique(tables_of(whole), axis=0)
    members = [[np.flatnonzero((tables_of(grid) == name).all(axis=1)) for name in named] for grid in (kept, whole)]
    for _ in range(12):
        plant = SimpleNamespace(
            coolant_temperature=rng.uniform(290.0, 325.0),
            junction_resistance=rng.uniform(0.01, 0.06),
            supply_scale=rng.uniform(0.8, 1.2),
            busbar_scale=rng.uniform(0.8, 1.2),
        )
        few, all_ = (burdens(grid, study, parts, plant) for grid in (kept, whole))
        prices = rng.exponential(size=(30, all_.shape[1])) ** 3 * (rng.random((30, all_.shape[1])) < 0.4)
        prices = prices / all_.mean(axis=0)
        for own, every in zip(*members, strict=True):
            best, found = (all_[every] @ prices.T).min(axis=0), (few[own] @ prices.T).min(axis=0)
            assert found == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize(
    "system", ["hgx-h200-air", "gb200-nvl72", "mi355x-node-liquid", "tpu-v7-pod", "trn2-ultraserver"]
)
@pytest.mark.parametrize("cap", [1.0, 0.7])
def test_power_above_idle_rises_with_the_work_and_less_than_in_proportion(
    system: str, cap: float, parts: Parts
) -> None:
    """What the choice of rows rests on, at a chip's own temperature, for any split of its work."""
    part = parts.get("rack", system)
    engine, fabric = part.record.links["software"][0], part.record.links["fabrics"][0]
    hardware = hardware_of(parts, part, engine, fabric)
    family, tdp = hardware.chip_power, hardware.chip.tdp
    clock = family.clock(power_cap=np.float64(cap))
    share = np.linspace(0.0, 1.0, 7)[:, None]
    work = np.geomspace(1e-4, 1.2, 400)[None, :] * tdp
    flop_rate = share * work / family.work(flop_rate=1.0, byte_rate=0.0, clock=clock)
    byte_rate = (1.0 - share) * work / family.work(flop_rate=0.0, byte_rate=1.0, clock=clock)
    for coolant in (290.0, 325.0):
        resistance = 0.05 * 700.0 / tdp
        idle = family.idle(tdp=tdp, junction_temperature=coolant + resistance * family.idle_share * tdp)
        settled = settle(
            family,
            flop_rate=flop_rate,
            byte_rate=byte_rate,
            tdp=tdp,
            clock=clock,
            limit=cap * tdp,
            precision="bf16",
            coolant_temperature=coolant,
            junction_resistance=resistance,
        )
        above = settled.power - idle
        assert above == pytest.approx(np.broadcast_to(above[:1], above.shape), rel=1e-9)
        assert (np.diff(above, axis=1) >= -1e-9 * tdp).all()
        assert (np.diff(above / work, axis=1) <= 1e-9).all()


def same_rows(left: Grid, right: Grid) -> bool:
    """Whether two grids hold the same rows, bit for bit."""
    return all(
        np.array_equal(one, other)
        for first, second in ((left.rows, right.rows), (left.nearest, right.nearest))
        for one, other in zip(arrays_of(first), arrays_of(second), strict=True)
    )


def arrays_of(rows: Rows) -> list[np.ndarray]:
    return [rows.cell, rows.mode, *rows.choice.values(), *rows.numbers.values()]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads: int, small: Study, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the order in which cells are done."""
    first = grid_of(small, parts)
    monkeypatch.setattr("os.cpu_count", lambda: threads)
    again = grid_of(small, parts)
    assert same_rows(first, again)
    assert (first.keys, first.tally) == (again.keys, again.tally)


def test_rows_are_kept_for_studies_that_differ_in_prices_limits_and_plants(
    small: Study,
    small_text: str,
    write_study: Callable[[str], Study],
    parts: Parts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And made anew for those that differ in what is asked or in what serves it."""
    scenario = scenario_of(small, parts)
    made = performance_grid(small, parts, scenario, folder=tmp_path)
    (file,) = tmp_path.glob("*.npz")
    with monkeypatch.context() as idle:
        idle.setattr(grids, "_evaluated", None)  # nothing may be evaluated
        for old, new in (
            ("site_power: 20 MW", "site_power: 10 MW"),
            ("[ashburn-va, phoenix-az]", "[dallas-tx]"),
            ("objective: cost_per_million_tokens", "objective: carbon_per_million_tokens"),
            ("supply_temperature: [25 degC, 40 degC]", "supply_temperature: [30 degC]"),
        ):
            study = write_study(small_text.replace(old, new))
            read = performance_grid(study, parts, scenario_of(study, parts), folder=tmp_path)
            assert same_rows(made, read)
            assert (read.keys, read.tally) == (made.keys, made.tally)
    for count, (old, new) in enumerate(
        (
            ("tpot: 60 ms", "tpot: 61 ms"),
            ("requests: 20e6", "requests: 21e6"),
            ("growth: 0.2", "growth: 0.1"),
            ("input: 2048", "input: 2049"),
            ("batch: [8, 32, 128]", "batch: [8, 32]"),
            ("power_cap: [1.0, 0.8]", "power_cap: [1.0]"),
        )
    ):
        study = write_study(small_text.replace(old, new))
        read = performance_grid(study, parts, scenario_of(study, parts), folder=tmp_path)
        assert len(list(tmp_path.glob("*.npz"))) == count + 2
        assert same_rows(read, grid_of(study, parts))
    file.write_bytes(file.read_bytes()[:1000])
    assert same_rows(made, performance_grid(small, parts, scenario, folder=tmp_path))


def test_a_name_of_content_leaves_money_out(small: Study, parts: Parts) -> None:
    """Every other number of every record of a cell is in it."""
    hardware = next(iter(grids.cells_of(small, parts, grids.Tally())))[1].hardware
    own = Content().name(hardware)
    told = 0
    for path, value in leaves(hardware):
        if isinstance(value, float):
            other = Content().name(with_leaf(hardware, path, 2.0 * value + 1.0))
            money = any(word in path for word in ("price", "cost", "rent"))
            assert (other == own) == money, path
            told += not money
    assert told > 100
    assert Content().name(with_leaf(hardware, "system.rack_power", None)) != own
    assert Content().name(np.array(["a", "b"], dtype=object)) != Content().name(np.array(["a", "c"], dtype=object))


def test_a_folder_keeps_the_newest(tmp_path: Path) -> None:
    for number in range(4):
        kept(tmp_path / f"{number}.npz", lambda: {"x": np.arange(3.0)}, most=2)
        os.utime(tmp_path / f"{number}.npz", (number, number))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["2.npz", "3.npz"]
    blocked = tmp_path / "3.npz" / "under-a-file.npz"
    assert kept(blocked, lambda: {"x": np.ones(2)}, most=2)["x"].sum() == 2.0
