"""Errors that a person can act on.

Bad input never ends in a traceback: every fault of a file is collected as a `Fault` and raised
together as one `InputError`, which the command line prints and turns into exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass

MOST_SHOWN = 80
"""Characters of a value that a fault repeats."""

NOTHING = "nothing"
"""What came, where no value came."""


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
        if not self.remedy:
            return text
        return f"{text}{' ' if self.nearest else '. '}{self.remedy}"

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


def shown(value: object) -> str:
    """A value that came from outside, as text for a fault: short, however large the value is."""
    if value is None:
        return NOTHING
    if isinstance(value, dict | list):
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a whole number of more than 60 digits"
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like a word, or None when none is close."""
    pool = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(str(word).casefold(), list(pool), n=1, cutoff=0.5)
    return pool[found[0]] if found else None
