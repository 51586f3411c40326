"""What the checks of a study's fields need to know, and where they leave what they find."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault
from stackwright.core.yamltext import Path_, Text


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
