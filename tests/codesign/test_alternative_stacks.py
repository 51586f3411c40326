"""The stack of an alternative: of the shape of the plan's own, sized to the same demand."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.alternative_stacks import TOLD, undecided
from stackwright.codesign.plan import plan_study
from stackwright.codesign.plant_grid import PlantClass, PlantOption
from stackwright.codesign.search import Pick
from stackwright.stack.study import load

STUDY = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"


@pytest.fixture(scope="module")
def made() -> dict:
    catalog = Catalog.load()
    return plan_study(load(STUDY, catalog)[0], catalog)


def test_alternatives_of_engine_mode_and_system_carry_a_stack_like_the_plans(made: dict) -> None:
    told = [row for row in made["alternatives"] if row["layer"] in TOLD]
    assert [row["option"] for row in told] == ["hgx-h200-liquid"]
    assert all("stack" not in row for row in made["alternatives"] if row["layer"] not in TOLD)
    stack = told[0]["stack"]
    assert set(stack) == set(made["stack"])
    assert set(stack["serving"]) == set(made["stack"]["serving"]) - {"reason"}
    assert stack["rack"]["system"] == "hgx-h200-liquid"
    assert stack["chip"]["accelerator"] == "nvidia-h200-sxm"


def test_the_slower_system_needs_more_replicas_for_the_same_demand(made: dict) -> None:
    stack = next(row["stack"] for row in made["alternatives"] if row["option"] == "hgx-h200-liquid")
    mine, other = (one["serving"]["decode"]["replicas"] for one in (made["stack"], stack))
    assert made["stack"]["rack"]["system"] == "hgx-b200-liquid"
    assert other > mine


@pytest.mark.parametrize(("taken", "drawn"), [("grid", "grid"), ("nuclear", "nuclear"), ("plants", "grid")])
def test_only_hours_that_are_decided_are_drawn_on_another_portfolio(taken: str, drawn: str) -> None:
    names = ("elsewhere", "grid", "nuclear", "plants")
    options = [PlantOption("dry", 303.0, "here", "n", "ac", name) for name in names]
    options[0] = PlantOption("dry", 303.0, "there", "n", "ac", "grid")
    weights = SimpleNamespace(decided=np.array([False, False, False, True]))
    plant = cast("PlantClass", SimpleNamespace(options=tuple(options), weights=weights))
    pick = Pick(row=0, plant_class=0, option=names.index(taken), sourcing="buy", score=1.0)
    assert names[undecided([plant], pick).option] == drawn
