"""Where a dropped point may be the better one, all points that can matter are priced, and the grid's gap closes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_studies import combined, enumerated, kept, priced, whole
from test_refine import random_case

from stackwright.catalog import Catalog
from stackwright.codesign import solve
from stackwright.codesign.performance_grid import Grid, Rows
from stackwright.codesign.plant_grid import plant_classes
from stackwright.codesign.refine import Halves, breaks, halves_of, refined
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.solve import proved, solved
from stackwright.codesign.table import Table
from stackwright.stack.study import Study


@pytest.fixture(scope="module")
def base(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


def halves_in(grid: Grid) -> Halves:
    """Halves whose points at a power cap are those of a grid."""

    def at_cap(study: Study, *_: Any, every: bool = False) -> Grid:
        rows = grid.rows
        here = np.flatnonzero(np.isin(rows.choice["power_cap"], study.chip.power_cap))
        made = Rows(
            cell=rows.cell[here],
            mode=rows.mode[here],
            choice={name: values[here] for name, values in rows.choice.items()},
            numbers={name: values[here] for name, values in rows.numbers.items()},
        )
        return replace(grid, rows=made, tally=replace(grid.tally, feasible=len(here)))

    return Halves(at_cap, plant_classes)


def drawn(seed: int, small: Study, base: Searched) -> tuple[Study, Searched, Searched]:
    """A random study with every point, and with those alone that the performance half keeps."""
    study, every = random_case(np.random.default_rng(seed), small, base)
    scenario = every.scenario
    peak = None if scenario.requests is None else scenario.requests * scenario.peak
    return study, every, combined(study, replace(every, grid=kept(every.grid, peak)))


@pytest.mark.parametrize("seed", [5, 1048, 1197, 1451, 1472])
def test_a_dropped_point_that_is_better_is_found(seed: int, small: Study, base: Searched) -> None:
    """Net present value at an open volume: a fleet that needs more of everything fills the meter and loses less."""
    study, every, few = drawn(seed, small, base)
    best, _ = enumerated(study, every)
    assert few.found.best is not None and few.found.best.score > best and breaks(study, few)
    made = solved(study, few, halves_in(every.grid))
    found = made.seen.found.best
    assert found is not None and made.left is None
    assert found.score == pytest.approx(best, rel=1e-12)
    finer = refined(study, made.seen, None, made.dropped)
    assert finer is not None and finer.grid_gap <= 1e-5
    assert few.found.best.score > finer.value


def test_what_is_told_of_each_option_counts_the_better_points(small: Study, base: Searched) -> None:
    study, every, few = drawn(1472, small, base)
    made = solved(study, few, halves_in(every.grid)).seen
    before, after, best = few.found, made.found, made.found.best
    assert best is not None and isinstance(before.table, Table) and isinstance(after.table, Table)
    assert best in after.by_option.values()
    assert min(pick.score for pick in after.by_option.values()) == best.score == after.table.open.min()
    assert all(after.by_option[name].score <= pick.score for name, pick in before.by_option.items())
    assert (after.table.score <= before.table.score).all() and after.pairs > before.pairs
    for values in (made.grid.rows.choice, made.grid.rows.numbers):
        assert {len(column) for column in values.values()} == {len(made.grid.rows)}


def least_excess(study: Study, seen: Searched) -> float:
    return min(float(excess.min()) for _, excess in priced(study, seen))


def test_a_ceiling_that_only_a_dropped_fleet_keeps_is_kept(
    small_text: str, catalog: Catalog, write_study: Callable[[str], Study]
) -> None:
    """A fleet that fills its meter with fewer requests emits less: nothing that was kept is feasible."""
    text = small_text.replace("requests: 20e6 request/day\n  growth: 0.2 1/year", "volume: open")
    text = text.replace("power_cap: [1.0, 0.8]", "power_cap: [1.0]").replace(
        "oversubscription: [1, 4]", "oversubscription: [1]"
    )
    study = write_study(text.replace("site_power: 20 MW", "site_power: 20 MW, carbon: 1 kgCO2/year"))
    few, every = searched(study, catalog), whole(study, catalog)
    assert few.found.best is None
    most, least = (1.0 + least_excess(study, seen) for seen in (few, every))
    assert least < most * (1.0 - 1e-6)
    limits = study.constraints.model_copy(update={"carbon": study.constraints.carbon * 0.5 * (least + most)})
    study = study.model_copy(update={"constraints": limits})
    few = searched(study, catalog)
    assert few.found.best is None
    made, finer = proved(study, few)
    found = made.seen.found.best
    assert found is not None and finer is not None and made.left is None
    assert found.score == pytest.approx(enumerated(study, whole(study, catalog))[0], rel=1e-12)
    assert finer.grid_gap == 0.0


def test_where_too_many_points_would_have_to_be_priced_the_gap_stays_and_says_why(
    small: Study, base: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, every, few = drawn(1472, small, base)
    monkeypatch.setattr(solve, "MOST_ROWS", 10)
    made = solved(study, few, halves_in(every.grid))
    assert made.left is not None and "10 points" in made.left
    assert few.found.best is not None and made.dropped < few.found.best.score
    finer = refined(study, made.seen, None, made.dropped)
    assert finer is not None and finer.grid_gap > 0.0 and finer.grid_bound <= enumerated(study, every)[0]


def test_a_study_whose_order_holds_is_left_as_it_is(small: Study, base: Searched) -> None:
    made = solved(small, base, halves_of(small, base))
    assert made.seen is base and made.left is None and made.dropped == np.inf
