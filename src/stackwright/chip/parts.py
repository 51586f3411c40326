"""Flat specs made of named parts, as catalog records need them: one level of fields, each a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar, TypeVar, get_type_hints

from stackwright.core.errors import StackwrightError

Class = TypeVar("Class", bound="Parted")
Part = TypeVar("Part")


class Parted:
    """A spec whose fields are those of its `parts`, with the part's name before each."""

    parts: ClassVar[Mapping[str, type]]

    def has(self, part: str) -> bool:
        """Whether all numbers of a part are known."""
        return part in self.parts and all(
            getattr(self, f"{part}_{item.name}") is not None for item in fields(self.parts[part])
        )

    def part(self, part: str, cls: type[Part]) -> Part:
        """The part of this name, as its own spec; raises `StackwrightError` where it is not known."""
        if not self.has(part):
            raise StackwrightError(f"no {part!r} in this {type(self).__name__}")
        return cls(**{item.name: getattr(self, f"{part}_{item.name}") for item in fields(self.parts[part])})


def with_parts(parts: Mapping[str, type]) -> Callable[[type[Class]], type[Class]]:
    """Give a class the fields of all parts, each optional; apply before `spec`. Source: definition."""

    def give(cls: type[Class]) -> type[Class]:
        for prefix, part in parts.items():
            for name, hint in get_type_hints(part, include_extras=True).items():
                cls.__annotations__[f"{prefix}_{name}"] = hint | None
                setattr(cls, f"{prefix}_{name}", None)
        cls.parts = parts
        return cls

    return give


def arguments(part: Any, *without: str) -> dict[str, Any]:
    """A part's numbers as keyword arguments of its equation. Source: definition."""
    return {item.name: getattr(part, item.name) for item in fields(part) if item.name not in without}
