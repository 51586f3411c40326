"""Everything public says what it is, and every equation where it comes from."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest
from equations import public_functions, result_units

import stackwright

WITH_UNITS = dict(item for item in public_functions() if result_units(item[1]))
SOURCE = re.compile(r"\bSource: +\S")


def every_module() -> Iterator[ModuleType]:
    yield stackwright
    for found in pkgutil.walk_packages(stackwright.__path__, "stackwright."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def public_items(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a module defines, and the methods of classes, but not of protocols."""
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if isinstance(item, FunctionType):
            yield f"{module.__name__}.{name}", item
        elif inspect.isclass(item):
            yield f"{module.__name__}.{name}", item
            if getattr(item, "_is_protocol", False):
                continue
            for method, body in vars(item).items():
                if isinstance(body, FunctionType) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", body


@pytest.mark.parametrize("name", WITH_UNITS)
def test_an_equation_names_its_source(name: str) -> None:
    assert SOURCE.search(inspect.getdoc(WITH_UNITS[name]) or ""), f"no 'Source: ...' in the docstring of {name}"


def test_everything_public_has_a_docstring() -> None:
    modules = list(every_module())
    silent = [module.__name__ for module in modules if not module.__doc__]
    silent += [name for module in modules for name, item in public_items(module) if not item.__doc__]
    assert silent == []
