"""What the performance half keeps: all that can win, and the same numbers however it is asked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign import performance_grid as grids
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
from stackwright.stack.coupling import settle
from stackwright.stack.parts import Parts
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
    monkeypatch.setattr(grids, "non_dominated", lambda criteria: np.arange(len(criteria)))
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
