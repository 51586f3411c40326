"""What the performance half keeps: all that can win, and the same numbers however it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.performance_grid import CHOICES, MODES, NUMBERS, Grid, Rows, performance_grid, settings_rows
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
