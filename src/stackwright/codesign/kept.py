"""Arrays that are kept in files under the name of all that makes them what they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from stackwright.core.spec import unit_fields
from stackwright.core.units import BASE

MONEY = BASE.index("USD")


class Content:
    """A name for values: SHA-256 over all that they hold but what is in money. The same object is read once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, bytes]] = {}

    def name(self, *values: Any) -> str:
        """The values' name. Source: definition."""
        return self._digest(values).hex()

    def _digest(self, value: Any) -> bytes:
        if not is_dataclass(value):
            return hashlib.sha256(b"".join(self._parts(value))).digest()
        known = self._known.get(id(value))
        if known is None:
            # The object is held with its digest, so that its address is not given to another.
            known = self._known[id(value)] = (value, hashlib.sha256(b"".join(self._parts(value))).digest())
        return known[1]

    def _parts(self, value: Any) -> Iterable[bytes]:
        yield type(value).__name__.encode()
        if is_dataclass(value):
            for name in _without_money(value.__class__):
                yield name.encode() + self._digest(getattr(value, name))
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield repr(name).encode() + self._digest(item)
        elif isinstance(value, tuple | list):
            yield from map(self._digest, value)
        elif isinstance(value, np.ndarray) and value.dtype != object:
            yield repr((value.shape, value.dtype.str)).encode() + value.tobytes()
        elif isinstance(value, np.ndarray):
            yield repr((value.shape, value.tolist())).encode()
        else:
            yield repr(value).encode()


@cache
def _without_money(cls: type) -> tuple[str, ...]:
    """Fields of a spec or of another dataclass that are no amount of money."""
    own = [item.name for item in fields(cls)]
    units = unit_fields(cls)
    return tuple(name for name in own if name not in units or not units[name].dimension[MONEY])


@cache
def code_of(modules: tuple[str, ...]) -> str:
    """A name for the code of modules and of all modules directly in packages. Source: definition."""
    digest = hashlib.sha256(np.__version__.encode())
    for module in modules:
        package, _, name = module.rpartition(".")
        file = files(package).joinpath(f"{name}.py")
        found = [file] if file.is_file() else sorted(files(module).iterdir(), key=lambda item: item.name)
        for item in found:
            if item.name.endswith(".py"):
                digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()


def kept(path: Path, make: Callable[[], Mapping[str, np.ndarray]], most: int) -> Mapping[str, np.ndarray]:
    """What a file holds, or what is made now and kept there; of a folder's files the `most` newest stay.

    A damaged file is made anew, and a folder that cannot be written costs the next call its time.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile):
        made = make()
    try:
        _written(path, made)
        for old in sorted(path.parent.glob("*.npz"), key=lambda item: item.stat().st_mtime)[:-most]:
            old.unlink(missing_ok=True)
    except OSError:
        pass
    return made


def _written(path: Path, arrays: Mapping[str, Any]) -> None:
    """Written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    with unfinished.open("wb") as stream:
        np.savez(stream, **arrays)
    unfinished.replace(path)
