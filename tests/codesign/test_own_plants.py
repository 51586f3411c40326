"""A study whose hours are decided: the search's cuts, the settled years, the cache, and what the meter carries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import finalist
from stackwright.codesign.plan import Searched, plan_study, searched
from stackwright.stack.curves import CACHE_VARIABLE
from stackwright.stack.study import Study, load

TEXT = """
study: own
objective: cost_per_million_tokens
demand:
  kind: serving
  volume: open
  lengths: {input: 2000 token, output: 500 token}
  shape: chat-week
  ttft: 3 s
  tpot: 50 ms
  flexible: {movable: 0.2, pausable: 0.1, pause_time: 100 h, pause_value: 2000 USD/MWh}
horizon: {first_year: 2027, years: 2}
model: {architecture: [Llama 3.1 70B], precision: [fp8], cache_precision: [fp8]}
serving: {software: [sglang-2026], tensor_parallel: [4], expert_parallel: [1], batch: [64], mode: [aggregated]}
rack: {system: [hgx-h200-liquid]}
network: {fabric: [infiniband-ndr], oversubscription: [1]}
cooling: {type: [direct-liquid-dry], supply_temperature: [30 degC, 40 degC]}
datacenter: {site: [abilene-tx], year: aligned, redundancy: [n], distribution: [ac-415-rack-battery, dc-800]}
power:
  interconnection: agreement.yaml
  portfolio:
    - {name: grid, contracts: []}
    - name: gas
      plants: [{technology: gas-turbine, capacity: 40 MW, unit: 10 MW}]
"""

AGREEMENT = """
interconnection: A test
source: made up for this test
dated: 2026-06
phases:
  - {firm: 50 MW, p50: 2027-01}
  - {firm: 80 MW, nonfirm: 20 MW, p50: 2028-01}
curtailment: 100 h
"""


@pytest.fixture(scope="module")
def shelf() -> Catalog:
    return Catalog()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def read(shelf: Catalog, folder: Path) -> Callable[..., Study]:
    def made(**changes: tuple[str, str]) -> Study:
        text = TEXT
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new)
        path = folder / "study.yaml"
        path.write_text(text, encoding="utf-8")
        (folder / "agreement.yaml").write_text(AGREEMENT, encoding="utf-8")
        return load(path, shelf)[0]

    return made


@pytest.fixture(scope="module")
def cached(folder: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        yield folder / "cache"


@pytest.fixture(scope="module")
def plan(read: Callable[..., Study], shelf: Catalog, cached: Path) -> dict[str, Any]:
    only = read(gas=("    - {name: grid, contracts: []}\n", ""))
    return plan_study(only, shelf)


def seen_with(read: Callable[..., Study], shelf: Catalog) -> Searched:
    return searched(read(), shelf)


def test_every_hour_closes(plan: dict[str, Any]) -> None:
    assert [row["year"] for row in plan["dispatch"]] == [2027, 2028]
    assert max(row["balance_error"] for row in plan["dispatch"]) < 1e-9


def test_the_cuts_are_near_the_settled_years(plan: dict[str, Any]) -> None:
    assert plan["cut_gap"] < 0.015


def test_years_of_the_agreement_bound_the_fleet(plan: dict[str, Any]) -> None:
    """40 MW of gas less one machine of 10 MW stands by; a tenth of the work stops in curtailed hours."""
    margin = next(row for row in plan["margins"] if row["constraint"] == "site_power")
    assert margin["value"] <= margin["limit"] * (1 + 1e-9)
    first, last = 50e6 + 30e6, 80e6 + 30e6
    assert margin["limit"] == pytest.approx(first) or last < margin["limit"] <= last + 20e6
    first, second = (row["energy"]["drawn"] + row["energy"]["gas-turbine"] for row in plan["dispatch"])
    assert 0.3 < first / second < 0.9, "the fleet grows with the connection"


def test_nothing_is_left_unserved_by_choice(plan: dict[str, Any]) -> None:
    assert max(row["unserved_share"] for row in plan["dispatch"]) < 1e-9
    assert max(row["paused_share"] for row in plan["dispatch"]) < 100 / 8760


def test_the_best_degree_is_no_worse_than_the_menus(plan: dict[str, Any]) -> None:
    points = plan["pictures"]["supply_temperature"]["points"]
    best = min(point["objective"] for point in points)
    assert plan["objective"]["value"] <= best * 1.015
    assert {points[0]["supply_temperature"], points[-1]["supply_temperature"]} == {303.15, 313.15}


def test_flexible_load_and_own_plants_are_worth_tokens(plan: dict[str, Any]) -> None:
    rows = {(row["what"], row["option"]): row["difference"] for row in plan["same_meter"]["changes"]}
    assert rows["flexibility", "none"] < rows["flexibility", "movable only"] < 0.0
    assert rows["own plants", "without gas-turbine"] < -0.1


def test_a_kept_curve_changes_nothing(
    read: Callable[..., Study], shelf: Catalog, cached: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = seen_with(read, shelf)
    files = list(cached.glob("*.npz"))
    assert files
    files[0].write_bytes(files[0].read_bytes()[:100])  # a damaged one is made anew
    assert seen_with(read, shelf).found.best == kept.found.best
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "empty"))
    anew = seen_with(read, shelf)
    assert kept.found.best is not None and anew.found.best is not None
    assert kept.found.best == anew.found.best


def test_a_cache_that_cannot_be_written_costs_only_time(
    read: Callable[..., Study], shelf: Catalog, cached: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv(CACHE_VARIABLE, str(folder / "file"))
    assert seen_with(read, shelf).found.best is not None


def test_options_that_share_a_cut_are_near_their_own(read: Callable[..., Study], shelf: Catalog, cached: Path) -> None:
    """The distribution that is not first in its group reads the other's cut, scaled: its settled year is near it."""
    seen = searched(read(first=("[ac-415-rack-battery, dc-800]", "[dc-800]")), shelf)
    both = seen_with(read, shelf)
    alone = seen.found.by_option["power", "gas"].score
    shared = min(
        pick.score
        for (axis, value), pick in both.found.by_option.items()
        if axis == "distribution" and value == "dc-800"
    )
    assert shared <= alone * 1.02
    item = finalist(read(), both.parts, both.scenario, both.grid, both.classes, both.found.by_option["power", "grid"])
    assert np.isfinite(item.value)
