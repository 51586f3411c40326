"""What the checks of a study's fields need to know, and where they leave what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from stackwright.catalog import Catalog
from stackwright.core.errors import NOTHING, Fault, nearest, shown
from stackwright.core.yamltext import Path_, Text


class Section(BaseModel):
    """A part of a study: frozen, no unknown keys; an empty part is the same as an absent one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


@dataclass
class Reading:
    """One case of a study file while it is read."""

    text: Text
    catalog: Catalog
    directory: Path
    case: str | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    agreements: dict[str, Any] = field(default_factory=dict)
    """Interconnection agreements by the file that the study names."""

    def fault(self, path: Path_, got: str, expected: str, **more: str | None) -> None:
        """Note a fault at a path of the study, wherever the case or the study itself wrote it."""
        self.faults.append(self.text.fault(self._written(path), got, expected, **more))

    def note(self, text: str) -> None:
        """Note what the reader of the result has to know about the input."""
        if text and text not in self.notes:
            self.notes.append(text)

    def _written(self, path: Path_) -> Path_:
        """The path as the file has it: inside the case that sets it, else in the study's own part."""
        if self.case is None:
            return path
        for length in range(len(path), 0, -1):
            if ("cases", self.case, *path[:length]) in self.text.lines:
                return ("cases", self.case, *path)
            if path[:length] in self.text.lines:
                return path
        return ("cases", self.case, *path)


def reading_of(info: ValidationInfo) -> Reading:
    """The case that is being read when a validator runs. Source: definition."""
    assert isinstance(info.context, Reading)
    return info.context


def refuse(got: str, expected: str, near: str | None = None, remedy: str | None = None) -> PydanticCustomError:
    """The error by which a validator reports a fault of its field. Source: definition."""
    return PydanticCustomError(
        "fault", "bad value", {"got": got, "expected": expected, "nearest": near, "remedy": remedy}
    )


def translate(item: ErrorDetails, path: Path_, reading: Reading, keys: Callable[[Path_], list[str]]) -> None:
    """Note one pydantic error as a fault at a path; `keys` gives what a mapping at a path may have.

    Source: definition.
    """
    kind, got, context = item["type"], shown(item["input"]), item.get("ctx", {})
    if kind == "fault":
        reading.fault(path, **{key: context[key] for key in ("got", "expected", "nearest", "remedy")})
    elif kind == "missing":
        reading.fault(path, NOTHING, f"a value for {path[-1]!r}")
    elif kind == "extra_forbidden":
        known = keys(path[:-1])
        near = nearest(str(path[-1]), known)
        reading.fault(path, f"key {path[-1]!r}", f"a key out of {', '.join(known)}", nearest=near)
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        reading.fault(path, got, "a mapping of keys to values")
    else:
        reading.fault(path, got, item["msg"])


def section_at(root: type[Section], path: Path_) -> type[Section]:
    """The section that a path leads to; names of a mapping and places of a list are passed over. Source: definition."""
    section = root
    for part in path:
        if part in section.model_fields:
            section = next(_sections(section.model_fields[str(part)].annotation), section)
    return section


def keys_of(section: type[Section]) -> list[str]:
    """The keys that a section may have in a file. Source: definition."""
    return [item.alias or name for name, item in section.model_fields.items()]


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)
