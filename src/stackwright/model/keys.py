"""Reading a config.json: every key is used, known to be harmless, or refused.

A key that is ignored by mistake changes the shape of the model without anybody noticing. So a reader
asks for what it understands, names what it knows not to matter, and everything else is a fault.
All faults of a file are collected and raised together by `done`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackwright.core.errors import Fault, InputError, nearest
from stackwright.model.harmless import HARMLESS

LARGEST_COUNT = 1 << 30
LARGEST_DEPTH = 2_000


class Keys:
    """The keys of one mapping of a config file, with the faults found so far."""

    def __init__(
        self, data: Mapping[str, Any], file: str, *, under: str = "", faults: list[Fault] | None = None
    ) -> None:
        self.data = data
        self.file = file
        self.under = under
        self.faults: list[Fault] = [] if faults is None else faults
        self.asked: set[str] = set()

    def nested(self, key: str) -> Keys:
        """The mapping at a key, sharing the list of faults. Source: definition."""
        value = self._get(key)
        if not isinstance(value, Mapping):
            self._fault(key, value, "a mapping")
            value = {}
        return Keys(value, self.file, under=f"{self.under}{key}.", faults=self.faults)

    def has(self, key: str) -> bool:
        """True where the key is there and not null. Source: definition."""
        return self.data.get(key) is not None

    def count(self, key: str, default: int | None = None, *, zero: bool = False, most: int = LARGEST_COUNT) -> int:
        """A whole number from 1 (from 0 where `zero`) to `most`; null counts as absent. Source: definition."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        return self._whole(key, value, 0 if zero else 1, most)

    def depth(self, key: str = "num_hidden_layers") -> int:
        """A number of layers. Source: definition."""
        return self.count(key, most=LARGEST_DEPTH)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """A truth value. Source: definition."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            self._fault(key, value, "true or false")
            return False
        return value

    def word(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of the words that the family understands. Source: definition."""
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in choices:
            self._fault(key, value, f"one of {', '.join(choices)}", nearest(str(value), choices))
            return choices[0]
        return value

    def words(self, key: str, choices: Sequence[str], length: int | None = None) -> tuple[str, ...]:
        """A list of such words, one per layer where `length` is given. Source: definition."""
        return tuple(
            self._each(key, length, lambda item: isinstance(item, str) and item in choices, " or ".join(choices))
        )

    def counts(self, key: str, length: int | None = None, *, most: int = LARGEST_COUNT) -> tuple[int, ...]:
        """A list of whole numbers from 0 to `most`, one per layer where `length` is given. Source: definition."""

        def fits(item: object) -> bool:
            return isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= most

        return tuple(self._each(key, length, fits, f"whole numbers from 0 to {most}"))

    def only(self, key: str, *allowed: object) -> None:
        """A key that changes the model, understood at these values alone; absent is fine. Source: definition."""
        value = self._get(key)
        if value is not None and value not in allowed:
            expected = " or ".join(map(repr, allowed)) or "nothing"
            self._fault(key, value, f"{expected} (no other value is understood)")

    def divides(self, whole: int, part: int, key: str, other: str) -> int:
        """`whole // part`, a fault where it leaves a remainder. Source: definition."""
        if whole % part:
            self._fault(key, whole, f"a multiple of {other} ({part})")
        return max(whole // part, 1)

    def fault(self, key: str, expected: str) -> None:
        """Record that a key's value is not what it has to be. Source: definition."""
        self._fault(key, self.data.get(key), expected)

    def known(self, keys: Iterable[str]) -> None:
        """Name keys of this family that change neither shapes nor operators. Source: definition."""
        self.asked.update(keys)

    def refuse_unknown(self) -> None:
        """Record a fault for every key that nobody asked for and nobody knows. Source: definition."""
        known = self.asked | HARMLESS
        for key in sorted(set(map(str, self.data)) - known):
            self._fault(
                key, self.data[key], "a key that is understood (it could change the model)", nearest(key, known)
            )

    def done(self) -> None:
        """Raise all faults found so far. Source: definition."""
        self.refuse_unknown()
        if self.faults:
            raise InputError(self.faults)

    def _get(self, key: str) -> Any:
        self.asked.add(key)
        return self.data.get(key)

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._fault(key, value, f"a whole number from {least} to {most}")
            return 1
        return value

    def _each(self, key: str, length: int | None, fits: Any, expected: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list) or not value or len(value) > LARGEST_DEPTH or not all(map(fits, value)):
            self._fault(key, value, f"a list of {expected}")
            return []
        if length is not None and len(value) < length:
            self._fault(key, f"a list of {len(value)}", f"one entry for each of {length} layers")
            return []
        return value

    def _fault(self, key: str, got: Any, expected: str, near: str | None = None) -> None:
        shown = "nothing" if got is None else repr(got)[:60]
        self.faults.append(Fault(self.file, f"{self.under}{key}", shown, expected, nearest=near))
