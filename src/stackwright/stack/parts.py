"""Parts: catalog records as specs, each read once; the record stays beside its spec as the ledger."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.catalog.loader import layer_types, packaged
from stackwright.core.records import Record
from stackwright.model.architecture import Architecture
from stackwright.model.config import read_config
from stackwright.serving.likeness import Measured, runs_of


@dataclass(frozen=True)
class Part:
    """A record, and its numbers as a spec."""

    record: Record
    spec: Any

    @property
    def id(self) -> str:
        """The record's id."""
        return self.record.id

    @property
    def name(self) -> str:
        """The record's name, for people."""
        return self.record.name


class Parts:
    """Parts of a catalog by layer and id; the same part is the same object."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._parts: dict[tuple[str, str], Part] = {}
        self._architectures: dict[str, Architecture] = {}
        self._measured: dict[str, Measured] = {}

    def get(self, layer: str, name: str) -> Part:
        """The part that a name means in a layer. Raises `InputError` for names that do not resolve."""
        key = (layer, name)
        if key not in self._parts:
            record = self.catalog.get(layer, name)
            self._parts[key] = Part(record, record.spec(layer_types(layer)[record.type]))
        return self._parts[key]

    def architecture(self, name: str, path: Path | None = None) -> Architecture:
        """The architecture of a model record, or of a config.json at a path."""
        if name not in self._architectures:
            self._architectures[name] = read_config(path or self._config(name))
        return self._architectures[name]

    def measured(self, name: str) -> Measured:
        """The measured runs of a likeness record, read from the table beside it or in the package."""
        if name not in self._measured:
            part = self.get("serving", name)
            beside = Path(part.record.file).parent / str(part.record.text["file"])
            path = beside if beside.is_file() else Path(str(packaged() / "served" / str(part.record.text["file"])))
            with path.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines))
            errors = np.array([float(row["error"]) for row in rows])
            stated = np.array([row["stated"] == "1" for row in rows])
            self._measured[name] = Measured(part.spec, runs_of(rows), errors, stated)
        return self._measured[name]

    def _config(self, name: str) -> Path:
        record = self.catalog.get("model", name)
        return Path(str(packaged() / "models" / record.links["config"]))


def with_leaf(spec: Any, path: str, value: Any) -> Any:
    """The same spec with one leaf replaced. Source: definition."""
    head, _, rest = path.partition(".")
    if isinstance(spec, tuple):
        index = int(head)
        changed = with_leaf(spec[index], rest, value) if rest else value
        return (*spec[:index], changed, *spec[index + 1 :])
    return replace(spec, **{head: with_leaf(getattr(spec, head), rest, value) if rest else value})
