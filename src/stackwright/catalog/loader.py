"""The catalog: records of real things by layer, read when first asked for.

Records come from three places: files of this package (``records/<layer>/<id>.yaml``), classes that
carry their own generic product (a class variable ``record``), and overlay folders of the same
layout, whose records replace those of the same id. A record that is ``like`` another of its layer takes
from it all that it does not state. Sources are beside them, in ``sources/*.yaml``.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from stackwright.catalog.names import NameIndex, Resolution
from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError, nearest, shown
from stackwright.core.records import Record, Source, decode
from stackwright.core.yamltext import Text

LAYERS = (
    "interface",
    "workload",
    "model",
    "serving",
    "training",
    "chip",
    "rack",
    "network",
    "cooling",
    "datacenter",
    "power",
    "finance",
)

LINKS: Mapping[tuple[str, str], str] = {
    ("chip", "kernels"): "chip",
    ("chip", "power"): "chip",
    ("rack", "chip"): "chip",
    ("rack", "processor"): "chip",
    ("rack", "scale_up"): "network",
    ("rack", "fabrics"): "network",
    ("rack", "software"): "interface",
    ("interface", "chips"): "chip",
    ("interface", "from"): "interface",
    ("interface", "to"): "interface",
    ("interface", "model"): "model",
    ("datacenter", "grid"): "power",
    ("training", "chips"): "chip",
    ("finance", "chip"): "chip",
}
"""Layer and link to the layer that the link points into; other links name files or words."""

BESIDE = ("md", "csv", "epw", "gz", "json")
"""Endings of files that may lie beside records: notes, and the series and configs that records name."""

OWN_KEYS = {"name", "aliases", "supersedes", "like"}
"""Keys that a record does not take from the one that it is like."""
MERGED_KEYS = ("links", "text", "values")
"""Mappings that it takes entry by entry; a number is taken or stated as a whole."""

SOURCE_KEYS = {item.name for item in fields(Source)} - {"key"}
ASSUMPTION = "assumption"
"""The source of a number that nobody published; its note gives the reason."""


def layer_types(layer: str) -> Mapping[str, type]:
    """Record type word to spec class, as the layer's package exports them. Source: definition."""
    name = f"stackwright.{layer}"
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return {}
        raise
    return getattr(package, "TYPES", {})


def packaged() -> Traversable:
    """The folder of this package that holds ``records`` and ``sources``. Source: definition."""
    return resources.files("stackwright.catalog")


@dataclass(frozen=True)
class Check:
    """What a reading of the whole catalog found."""

    records: Mapping[str, int]
    """Layer to number of records."""
    numbers: Mapping[str, int]
    """Kind of evidence to count of numbers."""
    unverified: tuple[str, ...]
    """``layer/id.field`` of every unverified number."""
    faults: tuple[Fault, ...]


class Catalog:
    """Records and sources; each layer is read once, when it is first used."""

    def __init__(self, overlays: Sequence[Path] = ()) -> None:
        self._overlays = tuple(overlays)
        self._records: dict[str, dict[str, Record]] = {}
        self._indexes: dict[tuple[str | None, tuple[str, ...]], NameIndex] = {}
        self._replaced: dict[tuple[str, str], str] = {}
        self._overlaid = self._read_overlays()

    @classmethod
    def load(cls, overlays: Sequence[Path] = ()) -> Catalog:
        """The packaged catalog under these overlays, later ones on top.

        Overlays are read and checked at once, packaged layers when they are first used. Raises
        `InputError` with the faults of all overlay files. Source: definition.
        """
        return cls(overlays)

    def replacing(self, record: Record) -> Catalog:
        """The same catalog with this record in the place of the one of its layer and id. Source: definition."""
        made = copy(self)
        made._records = self._records | {record.layer: self._layer(record.layer) | {record.id: record}}
        made._indexes = {}
        return made

    def records(self, layer: str) -> tuple[Record, ...]:
        """All records of a layer, by id. Source: definition."""
        return tuple(self._layer(layer).values())

    def get(self, layer: str, name: str) -> Record:
        """The record of a layer that a name means; as `resolve`, without the note. Source: definition."""
        return self.resolve(layer, name).record

    def resolve(self, layer: str | None, name: object, *, types: tuple[str, ...] = ()) -> Resolution:
        """The record that a name means, within a layer and its record types where given.

        Without a layer, ``layer/name`` narrows the search. Raises `InputError` with candidates of an
        ambiguous name or the nearest of an unknown one. Source: definition.
        """
        if layer is None and isinstance(name, str) and name.partition("/")[0] in LAYERS:
            layer, _, name = name.partition("/")
        what = f"a {' or '.join(types) or 'record'}" + (f" of layer {layer}" if layer else "")
        found = self._index(layer, types).resolve(name, what=what)
        replaced = self._replaced.get((found.record.layer, found.record.id), "")
        return replace(found, note=" ".join(filter(None, (found.note, replaced))))

    def source(self, key: str) -> Source:
        """Where numbers with this source key come from; raises `InputError` if it is unknown. Source: definition."""
        if key == ASSUMPTION:
            return Source(key, "Assumption of this catalog; the number's note gives the reason")
        if key not in self.sources:
            fault = Fault("sources", key, repr(key), "the key of a source", nearest=nearest(key, self.sources))
            raise InputError([fault])
        return self.sources[key]

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Key to source. Source: definition."""
        faults: list[Fault] = []
        found = _read_sources(_texts(packaged() / "sources", "sources", faults), faults)
        for folder in self._overlays:
            found |= _read_sources(_texts(folder / "sources", str(folder / "sources"), faults), faults)
        if faults:
            raise InputError(faults)
        return found

    def digest(self, records: Iterable[Record] | None = None) -> str:
        """SHA-256 over the content of these records, or of all, whatever their order and file names.

        Source: FIPS 180-4 (definition).
        """
        chosen = self._all() if records is None else records
        content = sorted(json.dumps({**asdict(record), "file": ""}, sort_keys=True, default=str) for record in chosen)
        return hashlib.sha256("\n".join(content).encode()).hexdigest()

    def editions(self, records: Iterable[Record] | None = None) -> dict[str, str]:
        """``layer/id`` to the date of these records, or of all. Source: definition."""
        chosen = self._all() if records is None else records
        return {f"{record.layer}/{record.id}": record.edition for record in chosen}

    def check(self) -> Check:
        """Read everything; faults are collected over all files and never raised. Source: definition."""
        faults: list[Fault] = []
        good: list[Record] = []
        for layer in LAYERS:
            try:
                good.extend(self.records(layer))
            except InputError as error:
                faults.extend(error.faults)
        try:
            faults.extend(fault for record in good for fault in _source_faults(record, self.sources))
        except InputError as error:
            faults.extend(error.faults)
        faults.extend(fault for record in good for fault in self._link_faults(record))
        numbers: dict[str, int] = {}
        for record in good:
            for datum in record.values.values():
                numbers[datum.kind] = numbers.get(datum.kind, 0) + 1
        return Check(
            records={layer: sum(record.layer == layer for record in good) for layer in LAYERS},
            numbers=numbers,
            unverified=tuple(_unverified(good)),
            faults=tuple(faults),
        )

    def _all(self) -> Iterator[Record]:
        for layer in LAYERS:
            yield from self.records(layer)

    def _index(self, layer: str | None, types: tuple[str, ...]) -> NameIndex:
        key = (layer, types)
        if key not in self._indexes:
            records = self._all() if layer is None else self.records(layer)
            self._indexes[key] = NameIndex(record for record in records if not types or record.type in types)
        return self._indexes[key]

    def _layer(self, layer: str) -> dict[str, Record]:
        if layer not in LAYERS:
            fault = Fault("catalog", "", repr(layer), f"one of {', '.join(LAYERS)}", nearest=nearest(layer, LAYERS))
            raise InputError([fault])
        if layer not in self._records:
            found = _read_packaged(layer)
            for id, record in self._overlaid.get(layer, {}).items():
                found[id] = self._replacing(found[id], record) if id in found else record
            self._records[layer] = dict(sorted(found.items()))
        return self._records[layer]

    def _read_overlays(self) -> dict[str, dict[str, Record]]:
        faults: list[Fault] = []
        made: dict[str, dict[str, Record]] = {}
        below: dict[str, dict[str, Text]] = {}
        for folder in self._overlays:
            for layer in _overlay_layers(folder, faults):
                texts = _texts(folder / layer, str(folder / layer), faults)
                if any(_liked(text) for text in texts.values()):
                    texts = _filled_all(texts, _packaged_texts(layer, []) | below.get(layer, {}), faults)
                below.setdefault(layer, {}).update(texts)
                made.setdefault(layer, {}).update(_decode_all(texts, layer, layer_types(layer), faults))
        if made and not faults:
            overlaid = (record for records in made.values() for record in records.values())
            faults.extend(fault for record in overlaid for fault in _source_faults(record, self.sources))
        if faults:
            raise InputError(faults)
        return made

    def _replacing(self, old: Record, new: Record) -> Record:
        mark = f"{new.file} replaces the packaged {old.file}."
        self._replaced[new.layer, new.id] = mark
        return replace(new, note=f"{mark} {new.note}".rstrip())

    def _link_faults(self, record: Record) -> Iterator[Fault]:
        for link, given in record.links.items():
            layer = LINKS.get((record.layer, link))
            for name in (given if isinstance(given, list) else [given]) if layer else ():
                try:
                    self.resolve(layer, name)
                except InputError as error:
                    yield from (replace(fault, file=record.file, path=f"links.{link}") for fault in error.faults)


def _read_packaged(layer: str) -> dict[str, Record]:
    faults: list[Fault] = []
    found = _decode_all(_packaged_texts(layer, faults), layer, layer_types(layer), faults)
    if faults:
        raise InputError(faults)
    return found


def _packaged_texts(layer: str, faults: list[Fault]) -> dict[str, Text]:
    """The files of a packaged layer and what its classes carry, by id, each whole."""
    texts = _texts(packaged() / "records" / layer, f"records/{layer}", faults)
    for id, text in _carried(layer_types(layer)):
        if id in texts:
            faults.append(
                Fault(texts[id].file, "", f"a second record {id!r}", f"one record; {text.file} carries it too")
            )
        texts[id] = text
    return _filled_all(texts, {}, faults)


def _carried(types: Mapping[str, type]) -> Iterator[tuple[str, Text]]:
    for word, cls in types.items():
        record = cls.__dict__.get("record")
        if isinstance(record, str):
            id = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", word).lower()
            yield id, yamltext.parse(record, f"{cls.__module__}.{cls.__qualname__}.record")


def _texts(folder: Traversable, shown_as: str, faults: list[Fault]) -> dict[str, Text]:
    """The YAML files of a folder by id; a folder that is absent has none."""
    found: dict[str, Text] = {}
    if not folder.is_dir():
        return found
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        id, _, ending = item.name.rpartition(".")
        name = f"{shown_as}/{item.name}"
        if item.name.startswith(".") or ending in BESIDE or item.name == "__pycache__":
            continue
        if ending != "yaml":
            faults.append(Fault(name, "", repr(item.name), "a file whose name ends in .yaml"))
            continue
        try:
            if isinstance(item, Path):
                found[id] = yamltext.read(item, shown_as=name)
            else:
                found[id] = yamltext.parse(item.read_text(encoding="utf-8"), name)
        except InputError as error:
            faults.extend(error.faults)
    return found


def _liked(text: Text) -> Any:
    return text.data.get("like") if isinstance(text.data, dict) else None


def _filled_all(texts: Mapping[str, Text], below: Mapping[str, Text], faults: list[Fault]) -> dict[str, Text]:
    """Texts by id, each with what it takes from another of them, or from those below, which are whole.

    A text that is like nothing that is there is a fault, and left out.
    """
    found = {}
    for id in texts:
        mine: list[Fault] = []
        found[id] = _filled(id, texts, below, mine)
        faults.extend(fault for fault in mine if fault not in faults)
    return {id: text for id, text in found.items() if text is not None}


def _filled(id: str, texts: Mapping[str, Text], below: Mapping[str, Text], faults: list[Fault]) -> Text | None:
    text = texts[id]
    like = _liked(text)
    if like is None:
        return text
    rest = {name: other for name, other in texts.items() if name != id}
    if isinstance(like, str) and like in rest:
        base = _filled(like, rest, below, faults)
    elif isinstance(like, str) and like in below:
        base = below[like]
    else:
        near = nearest(like, {**below, **rest}) if isinstance(like, str) else None
        faults.append(text.fault(("like",), shown(like), "the id of another record of the layer", nearest=near))
        return None
    if base is None or not isinstance(base.data, dict):
        return None
    return replace(text, data=_merged(base.data, text.data, replaces=like == id))


def _merged(base: Mapping[str, Any], own: Mapping[str, Any], *, replaces: bool) -> dict[str, Any]:
    """A record's data over those of the record that it is like; its note says what is its own."""
    made = {key: value for key, value in base.items() if replaces or key not in OWN_KEYS} | dict(own)
    stated: list[str] = []
    for key in MERGED_KEYS:
        theirs, mine = base.get(key) or {}, own.get(key) or {}
        if isinstance(theirs, dict) and isinstance(mine, dict):
            made[key] = {**theirs, **mine}
            stated += mine
    mark = f"As {base.get('name')} ({own['like']}) but for {', '.join(stated) or 'its name'}."
    return made | {"note": f"{mark} {made.get('note') or ''}".rstrip()}


def _decode_all(
    texts: Mapping[str, Text], layer: str, types: Mapping[str, type], faults: list[Fault]
) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for id, text in texts.items():
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", id):
            faults.append(Fault(text.file, "", repr(id), "a file name of lower-case words with dashes"))
        faults.extend(_alias_note_faults(text))
        try:
            found[id] = decode(text, id=id, layer=layer, types=types)
        except InputError as error:
            faults.extend(error.faults)
    return found


def _alias_note_faults(text: Text) -> Iterator[Fault]:
    words = text.data.get("text") if isinstance(text.data, dict) else None
    notes = words.get("alias_notes") if isinstance(words, dict) else None
    if not isinstance(notes, dict | None):
        yield text.fault(("text", "alias_notes"), shown(notes), "a mapping from alias to note")


def _overlay_layers(folder: Path, faults: list[Fault]) -> list[str]:
    if not folder.is_dir():
        faults.append(Fault(str(folder), "", "no such folder", "an overlay folder with <layer>/<id>.yaml files"))
        return []
    found = sorted(item.name for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))
    known = {*LAYERS, "sources"}
    for name in (name for name in found if name not in known):
        expected = f"a layer: {', '.join(LAYERS)}, or sources"
        faults.append(Fault(str(folder / name), "", f"folder {name!r}", expected, nearest=nearest(name, known)))
    if not known & set(found):
        faults.append(Fault(str(folder), "", "no folder of a layer", "an overlay folder with <layer>/<id>.yaml files"))
    return [name for name in found if name in LAYERS]


def _read_sources(texts: Mapping[str, Text], faults: list[Fault]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for text in texts.values():
        mine: list[Fault] = []
        for key, source in _sources_of(text, mine):
            if key in found:
                mine.append(text.fault((key,), f"source {key!r} again", "each key in one file"))
            found[key] = source
        faults.extend(text.with_own(mine))
    return found


def _sources_of(text: Text, faults: list[Fault]) -> Iterator[tuple[str, Source]]:
    if not isinstance(text.data, dict):
        faults.append(text.fault((), shown(text.data), "a mapping from key to source"))
        return
    for key, given in text.data.items():
        if (source := _read_source(text, key, given, faults)) is not None:
            yield key, source


def _read_source(text: Text, key: str, given: Any, faults: list[Fault]) -> Source | None:
    if not isinstance(given, dict) or not given.get("title"):
        faults.append(text.fault((key,), shown(given), "a mapping with title, url, date, tier, license, note"))
        return None
    unknown = sorted(set(given) - SOURCE_KEYS)
    for name in unknown:
        near = nearest(name, SOURCE_KEYS)
        faults.append(text.fault((key, name), f"key {shown(name)}", "a key of a source", nearest=near))
    if unknown:
        return None
    return Source(key, **{name: "" if value is None else str(value) for name, value in given.items()})


def _source_faults(record: Record, sources: Mapping[str, Source]) -> Iterator[Fault]:
    for name, datum in record.values.items():
        path = f"values.{name}"
        if datum.source == ASSUMPTION:
            if not datum.note:
                yield Fault(record.file, path, "an assumption without a note", "a note that gives the reason")
        elif datum.source not in sources:
            near = nearest(datum.source, sources)
            yield Fault(record.file, f"{path}.source", repr(datum.source), "the key of a source", nearest=near)


def _unverified(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        for name, datum in record.values.items():
            if datum.kind == "unverified":
                yield f"{record.layer}/{record.id}.{name}"
