"""Elasticities of a design: by differences and by gradients, and where they bend."""

import subprocess
import sys
from dataclasses import replace

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.elasticities import LEAST_SHOWN, Inputs, elasticities
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.plan import Searched, searched
from stackwright.stack.study import load

DENSE = """
study: dense
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 20e6 request/day
  shape: chat-week
  ttft: 3 s
  tpot: 60 ms
horizon: {first_year: 2027, years: 1}
model: {architecture: [Llama-3.1-8B], precision: [fp8], cache_precision: [bf16]}
serving: {software: [vllm-2026], tensor_parallel: [1], batch: [32]}
rack: {system: [hgx-b200-liquid]}
network: {fabric: [infiniband-ndr], oversubscription: [1]}
cooling: {type: [direct-liquid-dry], supply_temperature: [40 degC]}
datacenter: {site: [ashburn-va], redundancy: [n-plus-1], distribution: [ac-480-ups]}
power: {portfolio: [{name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.6}]}]}
constraints: {site_power: 20 MW}
"""


@pytest.fixture(scope="module")
def dense(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Searched, Finalist]:
    file = tmp_path_factory.mktemp("study") / "dense.yaml"
    file.write_text(DENSE)
    (study,) = load(file, catalog)
    seen = searched(study, catalog)
    assert seen.found.best is not None
    return seen, finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)


@pytest.fixture(scope="module")
def rows(dense: tuple[Searched, Finalist]) -> dict[str, dict[str, object]]:
    seen, item = dense
    return {row["path"]: row for row in elasticities(item, seen.scenario, "cost_per_million_tokens")}


def test_gradients_equal_differences(dense, rows):
    seen, item = dense
    found = elasticities(item, seen.scenario, "cost_per_million_tokens", by="gradient")
    gradient = {row["path"]: row["elasticity"] for row in found}
    shown = {path: row["elasticity"] for path, row in rows.items() if abs(row["elasticity"]) > LEAST_SHOWN}
    assert len(shown) > 50
    assert {path for path, value in gradient.items() if abs(value) > 2 * LEAST_SHOWN} <= set(shown)
    for path, value in shown.items():
        sides = [rows[path][side] for side in ("elasticity", "downward", "upward") if rows[path][side] is not None]
        assert min(abs(gradient[path] - side) for side in sides) <= 0.01 * abs(value), path


def test_signs_and_pairs_that_are_read_only_as_a_ratio(rows):
    assert rows["system.price_per_chip"]["elasticity"] > 0
    assert rows["chip.memory_bandwidth"]["elasticity"] < 0
    ratio = rows["site.building_cost"]["elasticity"], rows["building.reference_cost"]["elasticity"]
    assert ratio[0] == pytest.approx(-ratio[1], rel=1e-3)


def test_a_fleet_in_fractions_is_smooth_where_whole_replicas_are_not(dense):
    seen, item = dense
    inputs = Inputs(item, seen.scenario, "cost_per_million_tokens")
    numbers = inputs.numbers()
    base = inputs.value(numbers)
    more = inputs.value(numbers | {"chip.memory_bandwidth": numbers["chip.memory_bandwidth"] * (1 + 1e-6)})
    assert 0 < (base - more) / base < 1e-6
    assert base < item.value


def test_a_count_that_changes_within_the_step_is_a_jump_on_that_side(rows):
    row = rows["system.nic_bandwidth"]  # one NIC to a port: any more needs ports, and switches, more
    assert row["kink"] and row["upward"] is None
    assert row["elasticity"] == row["downward"]


def test_twice_the_price_of_chips_is_what_their_elasticity_says(dense, rows):
    seen, item = dense
    inputs = Inputs(item, seen.scenario, "cost_per_million_tokens")
    numbers = inputs.numbers()
    base = inputs.value(numbers)
    doubled = inputs.value(numbers | {"system.price_per_chip": 2 * numbers["system.price_per_chip"]})
    assert doubled / base - 1 == pytest.approx(rows["system.price_per_chip"]["elasticity"], rel=1e-6)


def test_an_open_volume_fills_its_limit(dense):
    seen, item = dense
    limits = 0.5 * item.done.peak_by_year
    opened = replace(item, volume=100.0, limits=limits)
    scenario = replace(seen.scenario, requests=None)
    inputs = Inputs(opened, scenario, "tokens_per_second")
    rows = {row["path"]: row for row in elasticities(opened, scenario, "tokens_per_second")}
    assert rows["chip.memory_bandwidth"]["elasticity"] > 0
    assert rows["chip.tdp"]["elasticity"] < 0
    more = replace(opened, limits=2 * limits)
    numbers = inputs.numbers()
    ratio = Inputs(more, scenario, "tokens_per_second").value(numbers) / inputs.value(numbers)
    assert ratio == pytest.approx(2.0)


def test_jax_is_not_imported_unless_asked_for():
    code = "import sys, stackwright.codesign.elasticities; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
