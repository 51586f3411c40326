"""A cooling type takes one file: its class is in the catalog, and a study can choose it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.plan import plan_study
from stackwright.cooling.interface import Cooling
from stackwright.core.units import ZERO_CELSIUS
from stackwright.stack.study import load

SMALL = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"


@pytest.fixture
def deep_lake() -> Iterator[type[Cooling]]:
    """The type, from the import of its file until the end of a test."""
    made = importlib.import_module("made_up_cooling")
    yield made.DeepLake
    del Cooling.types["DeepLake"], sys.modules["made_up_cooling"]


def test_the_catalog_has_the_record_that_the_class_carries(deep_lake: type[Cooling]) -> None:
    catalog = Catalog.load()
    record = catalog.get("cooling", "lake water")
    assert record.id == "deep-lake"
    assert record.spec(deep_lake).exchanger_approach == 4.0
    assert catalog.check().faults == ()


def test_the_product_cools_by_pumps_alone(deep_lake: type[Cooling]) -> None:
    lake = Catalog.load().get("cooling", "deep-lake").spec(deep_lake)
    weather = ZERO_CELSIUS + np.linspace(-10.0, 40.0, 24)
    load_of = {"dry_bulb": weather, "wet_bulb": weather - 5.0, "dew_point": weather - 8.0, "liquid_share": 0.85}
    cold, warm, beyond = (
        lake.load(supply_temperature=ZERO_CELSIUS + celsius, load_fraction=1.0, **load_of)
        for celsius in (12.0, 30.0, 8.0)
    )
    assert cold.electricity > warm.electricity > 0.01
    assert cold.overload <= 0.0 < beyond.overload


def test_a_study_plans_with_it(deep_lake: type[Cooling], tmp_path: Path) -> None:
    study = tmp_path / "lake.yaml"
    menu = "cooling: {type: [direct-liquid-dry], supply_temperature: [30 degC, 40 degC]}"
    text = SMALL.read_text(encoding="utf-8")
    assert menu in text
    study.write_text(text.replace(menu, "cooling: {type: [direct-liquid-dry, lake water]}"), encoding="utf-8")
    catalog = Catalog.load()
    plan = plan_study(load(study, catalog)[0], catalog)
    assert plan["stack"]["cooling"]["type"] == "deep-lake"
    assert any(entry["path"] == "cooling.lake_temperature" for entry in plan["sources"])
    assert [row["option"] for row in plan["alternatives"] if row["layer"] == "cooling"] == ["direct-liquid-dry"]
