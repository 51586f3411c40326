"""A small catalog of its own record types, so that studies are tested apart from the real records."""

import runpy
from pathlib import Path

import pytest

from stackwright.catalog import Catalog, loader

HERE = Path(__file__).parent
SMALL = HERE / "small_catalog"


@pytest.fixture(scope="session")
def small_types():
    return runpy.run_path(str(SMALL / "types.py"))["TYPES"]


@pytest.fixture
def catalog(monkeypatch, small_types):
    monkeypatch.setattr(loader, "layer_types", lambda layer: small_types.get(layer, {}))
    monkeypatch.setattr(loader, "packaged", lambda: SMALL)
    return Catalog.load()


@pytest.fixture(scope="session")
def chat_text():
    return (HERE / "chat.yaml").read_text(encoding="utf-8")
