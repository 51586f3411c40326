"""Plans that stay as they are, so that what is made of them can be held to the byte."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from launch_cases import CASES, HERE

from stackwright.catalog import Catalog
from stackwright.deploy.files import Deployment, deployment_of
from stackwright.deploy.table import table_of


@pytest.fixture(scope="session")
def records() -> Catalog:
    return Catalog.load()


@pytest.fixture
def plan_of() -> Callable[[str], dict[str, Any]]:
    """A plan by name, to be changed at will."""
    return lambda name: copy.deepcopy(json.loads((HERE / "plans" / f"{name}.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def deployments(records: Catalog) -> dict[str, Deployment]:
    """Every golden case."""
    made = {}
    for name, (plan, engine, system) in CASES.items():
        read = json.loads((HERE / "plans" / f"{plan}.json").read_text(encoding="utf-8"))
        made[name] = deployment_of(read, table_of(engine), records, system=system)
    return made
