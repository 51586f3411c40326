"""The array namespace: equations name no array library.

An equation begins with ``xp = namespace(first, second)`` and uses only functions that NumPy and
JAX share. Plain floats count as NumPy.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

_BY_TYPE: dict[type, ModuleType] = {float: np, int: np, bool: np, np.ndarray: np, np.float64: np}


def namespace(*arrays: Any) -> ModuleType:
    """The module whose functions work on all these arrays: NumPy, unless one is a JAX array.

    JAX is found by the array's own ``__array_namespace__`` and never imported from here.
    Source: definition (Python array API standard, 2023.12).
    """
    for array in arrays:
        kind = type(array)
        known = _BY_TYPE.get(kind)
        if known is None:
            known = _BY_TYPE[kind] = _find(array)
        if known is not np:
            return known
    return np


def _find(array: Any) -> ModuleType:
    if type(array).__module__.startswith("jax"):
        return array.__array_namespace__()
    return np


def trailing(array: Any) -> Any:
    """The array with one more axis at its end, so that it broadcasts against a time series.

    Floats pass unchanged. Shape: (...,) to (..., 1). Source: definition.
    """
    return array[..., None] if getattr(array, "ndim", 0) else array
