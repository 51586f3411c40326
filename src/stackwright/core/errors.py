"""Errors that a person can act on.

Bad input never ends in a traceback: every fault of a file is collected as a `Fault` and raised
together as one `InputError`, which the command line prints and turns into exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass


class StackwrightError(Exception):
    """Base of all errors that this package raises on purpose."""


class UnitError(StackwrightError):
    """A quantity's text cannot be read, or has another dimension than its field."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where it is, what came, what was expected, and what helps."""

    file: str
    path: str
    got: str
    expected: str
    line: int | None = None
    nearest: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{where}: {self.path or '$'}: got {self.got}; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {self.nearest!r}?"
        return text + (f" {self.remedy}" if self.remedy else "")

    def as_dict(self) -> dict[str, object]:
        """Plain mapping for ``--json``."""
        return asdict(self)


class InputError(StackwrightError):
    """All faults of one reading, to be shown together."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class InfeasibleError(StackwrightError):
    """No stack meets the study's constraints; carries the nearest one, as a result."""

    def __init__(self, message: str, nearest: object = None) -> None:
        self.nearest = nearest
        super().__init__(message)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like a word, or None when none is close."""
    pool = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(str(word).casefold(), list(pool), n=1, cutoff=0.5)
    return pool[found[0]] if found else None
