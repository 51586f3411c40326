"""Names: what people write, matched to the one record that they mean, or refused.

A record is found by its id, its official name or an alias, in this order, whatever the case and the
separators. A name that several records share is never settled here: its candidates are listed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stackwright.core.errors import Fault, InputError, nearest
from stackwright.core.records import Record

LONGEST_NAME = 200
MOST_LISTED = 12

_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")
_DROPPED = re.compile(r"[\"'`()\[\],;]")


def normalize(name: str) -> str:
    """The form in which names are compared: ``"GB200 NVL72"`` and ``gb200_nvl72`` are one.

    Case, accents' encoding, quotes and parentheses do not count; spaces, dashes and underscores are
    one dash. Source: Unicode NFKC and case folding (definition).
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    plain = _DROPPED.sub(" ", folded)
    return _SEPARATORS.sub("-", plain).strip("-")


class UnresolvedName(InputError):
    """A name that means no record, or more than one; carries one fault with what would help."""

    def __init__(self, got: str, expected: str, near: str | None = None, remedy: str | None = None) -> None:
        super().__init__([Fault("catalog", "name", got, expected, nearest=near, remedy=remedy)])


@dataclass(frozen=True)
class Resolution:
    """The record that a name means, and what the reader has to know about the match (often nothing)."""

    record: Record
    note: str = ""


class NameIndex:
    """The names of a set of records."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._ids: dict[str, list[Record]] = defaultdict(list)
        self._names: dict[str, list[Record]] = defaultdict(list)
        self._aliases: dict[str, list[Record]] = defaultdict(list)
        self._layers: set[str] = set()
        self._count = 0
        for record in records:
            self._count += 1
            self._layers.add(record.layer)
            self._ids[normalize(record.id)].append(record)
            self._names[normalize(record.name)].append(record)
            for alias in {normalize(alias) for alias in record.aliases}:
                self._aliases[alias].append(record)

    def resolve(self, name: object, *, what: str) -> Resolution:
        """The one record of this name; `what` says in a fault what was looked for.

        Raises `UnresolvedName` with the candidates of an ambiguous name, or the nearest of an unknown one.
        Source: definition.
        """
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            raise UnresolvedName(repr(name)[:60], f"the name of {what}, as text")
        key = normalize(name)
        for table in (self._ids, self._names, self._aliases):
            found = table.get(key, [])
            if len(found) == 1:
                return Resolution(found[0], _alias_note(name, found[0]))
            if found:
                raise _ambiguous(name, found)
        raise self._unknown(name, key, what)

    def _unknown(self, name: str, key: str, what: str) -> UnresolvedName:
        spelled = {**_owners(self._aliases), **_owners(self._names), **_owners(self._ids)}
        close = spelled.get(nearest(key, spelled) or "")
        if self._count <= MOST_LISTED:
            ids = ", ".join(sorted(record.id for records in self._ids.values() for record in records))
            return UnresolvedName(repr(name), f"{what}: {ids or 'none is known'}", close)
        layer = next(iter(self._layers)) if len(self._layers) == 1 else ""
        remedy = f"List them with: stackwright catalog list {layer}".rstrip()
        return UnresolvedName(repr(name), f"{what}, out of {self._count}", close, remedy)


def _ambiguous(name: str, found: list[Record]) -> UnresolvedName:
    across = len({record.layer for record in found}) > 1
    ids = ", ".join(sorted(f"{record.layer}/{record.id}" if across else record.id for record in found))
    notes = sorted({note for record in found if (note := _alias_note(name, record))})
    remedy = " ".join(["Write the one that you mean.", *notes])
    return UnresolvedName(f"{name!r}, which may mean {len(found)} records", f"one of {ids}", remedy=remedy)


def _owners(table: Mapping[str, list[Record]]) -> dict[str, str]:
    return {key: records[0].id for key, records in table.items()}


def _alias_note(name: str, record: Record) -> str:
    notes = record.text.get("alias_notes") or {}
    key = normalize(name)
    return " ".join(str(note) for alias, note in notes.items() if normalize(str(alias)) == key)
