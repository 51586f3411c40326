"""Changes to single numbers of a catalog record that leave the rest of its text as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

EDITION = "2026-11-22"


@dataclass(frozen=True)
class Edit:
    """One number of a record, in the unit in which it is written."""

    value: float
    low: float
    high: float
    unit: str
    source: str
    where: str
    kind: str
    note: str = ""

    def text(self) -> str:
        """The number as a line of the record."""
        numbers = [f"{name}: {getattr(self, name):.4g} {self.unit}".strip() for name in ("value", "low", "high")]
        note = f", note: {quoted(self.note)}" if self.note else ""
        where = f", where: {quoted(self.where)}" if self.where else ""
        return (
            "{" + f"{', '.join(numbers)}, source: {self.source}{where}, kind: {self.kind}, date: {EDITION}{note}" + "}"
        )


def quoted(words: str) -> str:
    """Words as a YAML string."""
    return '"' + words.replace('"', "'") + '"'


def rewrite(path: Path, edits: Mapping[str, Edit], note: str | None = None, judged: str | None = None) -> None:
    """Put numbers, and where given a note on the whole record and what it was judged on, in place of what it has."""
    head, mark, values = path.read_text(encoding="utf-8").partition("\nvalues:\n")
    if not mark:
        raise ValueError(f"{path} has no values")
    for name, edit in edits.items():
        line = f"  {name}: {edit.text()}\n"
        block = re.compile(rf"^  {name}:.*\n(?:    .*\n)*", re.MULTILINE)
        values = block.sub(lambda _, line=line: line, values) if block.search(values) else values + line
    if note is not None:
        block = re.compile(r"^note:.*(?:\n  .*)*", re.MULTILINE)
        line = f"note: {quoted(note)}"
        head = block.sub(lambda _: line, head) if block.search(head) else f"{head}\n{line}"
    if judged is not None:
        block = re.compile(r"^  judged_on:.*(?:\n    .*)*", re.MULTILINE)
        head = block.sub(lambda _: f"  judged_on: {quoted(judged)}", head)
    path.write_text(head + mark + values, encoding="utf-8")
