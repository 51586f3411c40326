"""Parts: catalog records as specs, each read once, with the ledger of the numbers that were used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.catalog.loader import layer_types, packaged
from stackwright.core.errors import Fault, InputError
from stackwright.core.records import Datum, Record
from stackwright.model.architecture import Architecture
from stackwright.model.config import read_config


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

    def _config(self, name: str) -> Path:
        record = self.catalog.get("model", name)
        return Path(str(packaged() / "models" / record.links["config"]))


def required(part: Part, *names: str) -> None:
    """Refuse a part that lacks numbers which a plan needs; names every one that is missing."""
    lacking = [name for name in names if getattr(part.spec, name) is None]
    if lacking:
        expected = f"numbers for {', '.join(lacking)}, which no public source gives"
        remedy = "Add them with an overlay (--catalog DIR), or leave this option out."
        raise InputError([Fault(part.record.file, "values", f"{part.name} without them", expected, remedy=remedy)])


@dataclass(frozen=True)
class Ledger:
    """Which record each number of a design came from: dotted path to datum."""

    data: Mapping[str, Datum]

    def __iter__(self) -> Iterator[tuple[str, Datum]]:
        return iter(self.data.items())


def ledger_of(parts: Mapping[str, Part]) -> Ledger:
    """The numbers of parts, each under the place that the part has in the stack. Source: definition."""
    data: dict[str, Datum] = {}
    for place, part in parts.items():
        known = {item.name for item in fields(part.spec)}
        data |= {f"{place}.{name}": datum for name, datum in part.record.values.items() if name in known}
    return Ledger(data)


def with_leaf(spec: Any, path: str, value: Any) -> Any:
    """The same spec with one leaf replaced. Source: definition."""
    head, _, rest = path.partition(".")
    if isinstance(spec, tuple):
        index = int(head)
        changed = with_leaf(spec[index], rest, value) if rest else value
        return (*spec[:index], changed, *spec[index + 1 :])
    return replace(spec, **{head: with_leaf(getattr(spec, head), rest, value) if rest else value})
