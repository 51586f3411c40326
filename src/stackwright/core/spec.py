"""Specs: frozen dataclasses whose leaves are numbers.

The same class is one design (leaves are floats), a batch (leaves are arrays) and a sample of an
uncertain design (leaves are arrays of draws). Rules that keep it so: the constructor never
validates; every field is a number, an array, another spec, a tuple of specs, or None where a thing
is not known; names, ids and sources stay outside, in the record it was read from. What changes the
shape of the equations is another class, not a flag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, TypeVar, dataclass_transform, get_type_hints

from stackwright.core.units import Unit, unit_of

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def spec(cls: type[T]) -> type[T]:
    """Make a class a spec. Source: definition."""
    return dataclass(frozen=True, kw_only=True, eq=False)(cls)


def unit_fields(cls: type) -> dict[str, Unit]:
    """Field name to declared unit, for every field that carries a number. Source: definition."""
    hints = get_type_hints(cls, include_extras=True)
    found = {item.name: _unit(hints[item.name]) for item in fields(cls)}
    return {name: unit for name, unit in found.items() if unit is not None}


def optional_fields(cls: type) -> set[str]:
    """Names of the fields that may be absent (their default is None). Source: definition."""
    return {item.name for item in fields(cls) if item.default is None}


def _unit(hint: Any) -> Unit | None:
    if getattr(hint, "__origin__", None) is Annotated or hasattr(hint, "__metadata__"):
        return unit_of(hint)
    for part in getattr(hint, "__args__", ()):
        if (found := unit_of(part)) is not None:
            return found
    return None


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number or array of a spec with its dotted path, in field order. Source: definition."""
    if node is None:
        return
    if is_dataclass(node) and not isinstance(node, type):
        for item in fields(node):
            yield from leaves(getattr(node, item.name), f"{path}.{item.name}" if path else item.name)
    elif isinstance(node, tuple):
        for index, child in enumerate(node):
            yield from leaves(child, f"{path}.{index}" if path else str(index))
    elif not isinstance(node, str):
        yield path, node


def map_leaves(function: Callable[[str, Any], Any], node: T, path: str = "") -> T:
    """The same spec with every leaf replaced by ``function(path, leaf)``. Source: definition."""
    if node is None or isinstance(node, str):
        return node
    if is_dataclass(node) and not isinstance(node, type):
        changed = {
            item.name: map_leaves(function, getattr(node, item.name), f"{path}.{item.name}" if path else item.name)
            for item in fields(node)
        }
        return replace(node, **changed)
    if isinstance(node, tuple):
        made = [
            map_leaves(function, child, f"{path}.{index}" if path else str(index)) for index, child in enumerate(node)
        ]
        return type(node)(made)
    return function(path, node)
