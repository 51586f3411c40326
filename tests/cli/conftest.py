"""The command line over a small catalog, with stand-ins for the engine behind it."""

import runpy
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from stackwright.catalog import loader
from stackwright.cli.main import app

STUDIES = Path(__file__).parents[1] / "study"


@pytest.fixture(scope="session")
def small_types():
    return runpy.run_path(str(STUDIES / "small_catalog" / "types.py"))["TYPES"]


@pytest.fixture
def run(monkeypatch, small_types, tmp_path):
    """Run a command in an empty folder; the result has exit_code, stdout and stderr."""
    monkeypatch.setattr(loader, "layer_types", lambda layer: small_types.get(layer, {}))
    monkeypatch.setattr(loader, "packaged", lambda: STUDIES / "small_catalog")
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def chat(tmp_path):
    return Path(shutil.copy(STUDIES / "chat.yaml", tmp_path / "chat.yaml"))


@pytest.fixture
def engine(monkeypatch):
    """Put a function in place of one of the engine's, whether its module is there or not."""

    def stand_in(module, **functions):
        made = ModuleType(module)
        for name, function in functions.items():
            setattr(made, name, function)
        monkeypatch.setitem(sys.modules, module, made)

    return stand_in


@pytest.fixture
def made_plan():
    """A plan.json mapping with every part that the summary shows."""
    return {
        "study": "chat",
        "objective": {
            "name": "cost_per_million_tokens",
            "unit": "USD",
            "sense": "min",
            "value": 0.8123,
            "low": 0.6,
            "high": 1.1,
        },
        "stack": {
            "model": {"architecture": "deepseek-r1", "precision": "fp8", "reason": "cheapest within the accepted loss"},
            "rack": {"system": "gb200-nvl72", "reason": "one domain holds all experts [of the model]"},
            "cooling": "dry-cooler",
        },
        "metrics": {
            "facility_power": {"value": 122.4e6, "low": 110e6, "high": 140e6, "unit": "W"},
            "ttft": {"value": 2.1, "low": 1.8, "high": 2.9, "unit": "s"},
            "npv": {"value": None, "unit": "USD", "reason": "no token price"},
        },
        "margins": [
            {
                "constraint": "site_power",
                "value": 100e6,
                "limit": 100e6,
                "unit": "W",
                "slack": 0.0,
                "binding": True,
                "worth": 12.5,
            },
            {
                "constraint": "budget",
                "value": 1e9,
                "limit": 2e9,
                "unit": "USD",
                "slack": 1e9,
                "binding": False,
                "worth": None,
            },
        ],
        "alternatives": [
            {"layer": "rack", "option": "hgx-h200", "value": 0.91, "low": 0.7, "high": 1.2, "unit": "USD"}
        ],
        "space": {"designs": 331776, "feasible": 1000, "evaluated": 5000, "bounded": 326776},
        "gap": 0.0123,
        "warnings": ["weather of Abilene: Dallas stands in"],
    }
