"""Cooling: heat leaves the chips at a supply temperature, hour by hour, for electricity and water.

Every module of this folder is imported here, so that a new cooling type is one new file: its class
registers itself, and carries the record of its generic product.
"""

from __future__ import annotations

import importlib
import pkgutil

from stackwright.cooling.interface import Cooling

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

TYPES: dict[str, type] = Cooling.types
