"""What all tests share: repeatable property tests, plans with few draws, and a small study."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from stackwright.catalog import Catalog
from stackwright.codesign import plan
from stackwright.stack.study import Study, load

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

SMALL = """
study: small
seed: 3
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 2048 token, output: 512 token}
  requests: 20e6 request/day
  growth: 0.2 1/year
  shape: chat-week
  ttft: 3 s
  tpot: 60 ms
horizon: {first_year: 2027, years: 3}
model: {architecture: [Qwen3-235B-A22B], precision: [fp8], cache_precision: [bf16, fp8]}
serving:
  software: [vllm-2026]
  tensor_parallel: [2, 4, 8]
  expert_parallel: [1, 8]
  batch: [8, 32, 128]
chip: {power_cap: [1.0, 0.8]}
rack: {system: [hgx-h200-air, hgx-b200-liquid]}
network: {fabric: [infiniband-ndr], oversubscription: [1, 4]}
cooling: {type: [air-chiller-economizer, direct-liquid-dry], supply_temperature: [25 degC, 40 degC]}
datacenter: {site: [ashburn-va, phoenix-az], redundancy: [n-plus-1, 2n], distribution: [ac-480-ups, dc-800]}
power:
  portfolio:
    - {name: grid}
    - {name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.6}]}
constraints: {site_power: 20 MW}
"""


@pytest.fixture(scope="session", autouse=True)
def few_draws() -> Iterator[None]:
    """A plan's dividend is decided anew in fewer draws: what is tested does not depend on how many there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "DRAWS", 8)
        yield


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture(scope="session")
def small_text() -> str:
    """The study's text, for tests that change it."""
    return SMALL


@pytest.fixture
def write_study(catalog: Catalog, tmp_path: Path) -> Callable[[str], Study]:
    """A study from its text."""

    def write(text: str) -> Study:
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path, catalog)[0]

    return write


@pytest.fixture(scope="session")
def small(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return load(path, catalog)[0]
