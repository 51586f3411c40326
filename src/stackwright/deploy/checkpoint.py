"""Under which name a model's weights are had in the plan's number format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from stackwright.catalog import Catalog
from stackwright.catalog.loader import packaged
from stackwright.core.errors import Fault, InputError

STORED = {"fp8": "fp8", "mxfp4": "fp4", "nvfp4": "fp4", "modelopt": "fp4"}
"""Number format by the method that a published configuration names."""
UNQUANTIZED = "bf16"
ANY = "any"


@dataclass(frozen=True)
class Checkpoint:
    """Weights to load: their name or path, and the number format in which they are stored."""

    name: str
    stored: str | None
    """None where only the user knows."""


@lru_cache(maxsize=1)
def _known() -> Mapping[str, Any]:
    return yaml.safe_load((files("stackwright.deploy") / "checkpoints.yaml").read_text(encoding="utf-8"))["models"]


def checkpoint_of(architecture: str, precision: str, vendor: str, catalog: Catalog, own: str | None) -> Checkpoint:
    """The checkpoint for a precision on a vendor's chips; `own` names one that the user has.

    Raises `InputError` where the model has no published name. Source: definition.
    """
    if own:
        return Checkpoint(own, None)
    listed = _known().get(architecture, {}).get(precision, {})
    name = listed.get(vendor) or listed.get(ANY)
    if name:
        return Checkpoint(name, precision)
    record = catalog.get("model", architecture)
    name = next((alias for alias in record.aliases if "/" in alias), None)
    if name is None:
        remedy = "Give its name or path with --model."
        raise InputError([Fault("plan.json", "stack.model", repr(architecture), "a published model", remedy=remedy)])
    method = (published(architecture, catalog).get("quantization_config") or {}).get("quant_method", "")
    return Checkpoint(name, STORED.get(method, UNQUANTIZED))


def published(architecture: str, catalog: Catalog) -> Mapping[str, Any]:
    """The configuration that a model's maker published; empty for a model that the catalog does not have."""
    try:
        record = catalog.get("model", architecture)
    except InputError:
        return {}
    text = (packaged() / "models" / str(record.links["config"])).read_text(encoding="utf-8")
    return json.loads(text)
