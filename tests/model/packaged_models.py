"""The packaged configs and model records, read once per test run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import stackwright
from stackwright.core import records, yamltext
from stackwright.core.records import Record
from stackwright.model import TYPES
from stackwright.model.architecture import Architecture
from stackwright.model.config import read_config

CATALOG = Path(stackwright.__file__).parent / "catalog"
CONFIGS = tuple(sorted(path.stem for path in (CATALOG / "models").glob("*.json")))
RECORDS = tuple(sorted(path.stem for path in (CATALOG / "records" / "model").glob("*.yaml")))


@cache
def architecture(name: str) -> Architecture:
    return read_config(CATALOG / "models" / f"{name}.json")


def raw(name: str) -> dict[str, Any]:
    return json.loads((CATALOG / "models" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def record(name: str) -> Record:
    path = CATALOG / "records" / "model" / f"{name}.yaml"
    return records.decode(yamltext.read(path), id=name, layer="model", types=TYPES)


def described(name: str) -> Architecture:
    return architecture(record(name).links["config"].removesuffix(".json"))
