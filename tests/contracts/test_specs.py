"""Specs: their constructors take anything, and their leaves are numbers that can be swapped for others."""

import inspect
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from equations import modules

from stackwright.core.spec import leaves, map_leaves


def is_spec(item: Any) -> bool:
    """True for concrete classes made by `core.spec.spec`: frozen, by keyword, compared by identity."""
    if not inspect.isclass(item) or inspect.isabstract(item) or not is_dataclass(item):
        return False
    made: Any = vars(item)["__dataclass_params__"]
    return made.frozen and not made.eq and all(part.kw_only for part in fields(item))


SPECS = {
    f"{item.__module__.partition('.')[2]}.{item.__name__}": item
    for module in modules()
    for item in vars(module).values()
    if is_spec(item) and item.__module__ == module.__name__
}

each_spec = pytest.mark.parametrize("cls", SPECS.values(), ids=list(SPECS))


def filled(cls: type) -> Any:
    """A spec, and the specs inside it, with a different object at every leaf."""
    hints = get_type_hints(cls)
    return cls(
        **{item.name: filled(hints[item.name]) if is_spec(hints[item.name]) else object() for item in fields(cls)}
    )


def words(hint: Any) -> bool:
    """True where a type allows text."""
    return hint is str or any(words(part) for part in get_args(hint))


@each_spec
def test_a_constructor_takes_anything(cls: type) -> None:
    made = filled(cls)
    assert all(type(leaf) is object for _, leaf in leaves(made))


@each_spec
def test_no_field_is_text(cls: type) -> None:
    hints = get_type_hints(cls)
    assert [item.name for item in fields(cls) if words(hints[item.name])] == []


@each_spec
def test_leaves_can_be_swapped_and_swapped_back(cls: type) -> None:
    made = filled(cls)
    boxed = map_leaves(lambda path, leaf: [path, leaf], made)
    assert [leaf[0] for _, leaf in leaves(boxed)] == [path for path, _ in leaves(made)]
    back = map_leaves(lambda _, leaf: leaf[1], boxed)
    assert [leaf for _, leaf in leaves(back)] == [leaf for _, leaf in leaves(made)]
    assert type(back) is cls


def test_there_are_specs_to_check() -> None:
    assert len(SPECS) > 50
