"""Families of architectures: one file per kind, found by being here.

A family is a module with `ARCHITECTURES`, the names it answers to in a config.json, and
`read(config) -> Architecture`. Adding a file adds the family.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from stackwright.model.architecture import Architecture
from stackwright.model.frame import Config


def _found() -> dict[str, Callable[[Config], Architecture]]:
    readers: dict[str, Callable[[Config], Architecture]] = {}
    for item in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{item.name}")
        readers |= dict.fromkeys(module.ARCHITECTURES, module.read)
    return readers


FAMILIES = _found()
"""Architecture name to the function that reads its config."""
