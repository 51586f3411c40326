"""YAML text with the line of every value, safe against hostile files.

Data are built from the parser's events as they come, with the line of each, so that a fault can name
file and line, and a file that nests too deeply is left at that depth: a parser that reads on takes
time that grows with the square of it. Anchors and aliases are refused (a few lines of them can
expand to gigabytes), as are tags, directives, duplicate keys, and numbers that are not finite.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stackwright.core.errors import NOTHING, Fault, InputError, shown

MAX_BYTES = 4_000_000
MAX_DEPTH = 32

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Text:
    """A file's data, the line at which each path begins, and what is wrong with the text itself.

    A value that cannot be taken is None. Whoever reads the data adds these faults to what it finds itself
    (`with_own`), and raises them together.
    """

    file: str
    data: Any
    lines: dict[Path_, int]
    faults: tuple[Fault, ...] = ()

    def line(self, path: Path_) -> int | None:
        """Line of a path, or of its nearest ancestor that is in the file. Source: definition."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)

    def fault(self, path: Path_, got: str, expected: str, **more: str | None) -> Fault:
        """A `Fault` at a path of this file. Source: definition."""
        return Fault(self.file, dotted(path), got, expected, self.line(path), **more)

    def with_own(self, found: Iterable[Fault]) -> list[Fault]:
        """The text's faults, then those found in its data, less what is absent only for a fault of the text.

        Source: definition.
        """
        own = {fault.path for fault in self.faults}
        return [*self.faults, *(fault for fault in found if fault.got != NOTHING or fault.path not in own)]


def dotted(path: Path_) -> str:
    """``("racks", 0, "name")`` as ``racks[0].name``. Source: definition."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def read(path: Path, *, shown_as: str | None = None, most_bytes: int = MAX_BYTES) -> Text:
    """Read a YAML file; raises `InputError` where nothing can be read. Source: YAML 1.2 (definition)."""
    name = shown_as or str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            got = "a directory" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
            raise InputError([Fault(name, "", got, "a YAML file")])
        if status.st_size > most_bytes:
            raise InputError([Fault(name, "", f"{status.st_size} bytes", f"at most {most_bytes} bytes")])
        raw = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError([Fault(name, "", "no such file", "a YAML file that exists")]) from None
    except UnicodeDecodeError as error:
        raise InputError([Fault(name, "", f"bytes that are not UTF-8 ({error.reason})", "UTF-8 text")]) from None
    except OSError as error:
        raise InputError([Fault(name, "", error.strerror or str(error), "a file that can be read")]) from None
    return parse(raw, name)


def parse(raw: str, name: str) -> Text:
    """Parse YAML text that came from a file of this name; raises as `read` does. Source: definition."""
    if directive := _DIRECTIVE.search(raw):
        line = raw.count("\n", 0, directive.start()) + 1
        raise InputError([Fault(name, "", "a directive", "no line that begins with %", line)])
    faults: list[Fault] = []
    try:
        reader = _Reader(raw, name, faults)
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        got = f"YAML error: {error.problem or 'malformed text'}"
        fault = Fault(name, "", got, "valid YAML", mark.line + 1 if mark else None)
        raise InputError([*faults, fault]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError([*faults, Fault(name, "", f"YAML error: {str(error)[:200]}", "valid YAML")]) from None
    return Text(name, data, reader.lines, tuple(faults))


_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
"""Directives only declare tags, which are refused; checking thousands of them is slow."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reader:
    """Builds the data of one document, event by event."""

    def __init__(self, raw: str, name: str, faults: list[Fault]) -> None:
        self.lines: dict[Path_, int] = {}
        self._faults = faults
        self._name = name
        loader = _Loader(raw)
        self._next = loader.get_event
        self._resolve = loader.resolve

    def document(self) -> Any:
        """The data of the text's one document; None where the text is empty."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        data = self._value(self._next(), ())
        self._next()
        last = self._next()
        if not isinstance(last, yaml.StreamEndEvent):
            self._fault((), "a second document", "one document", last)
        return data

    def _value(self, event: Any, path: Path_) -> Any:
        self.lines[path] = event.start_mark.line + 1
        if len(path) > MAX_DEPTH:
            self._fault(path[:4], f"nesting deeper than {MAX_DEPTH}", "a flatter file", event)
            raise InputError(self._faults)
        if event.anchor is not None:
            self._fault(path, f"anchor or alias {shown(event.anchor)}", "plain values", event)
        if isinstance(event, yaml.AliasEvent):
            return None
        if event.tag is not None:
            self._fault(path, f"tag {shown(event.tag)}", "plain values without tags", event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _mapping(self, path: Path_) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarEvent) or key.tag is not None or key.anchor is not None:
                self._fault(path, "a key that is not plain text", "a plain word as key", key)
                known = len(self._faults)
                self._value(key, (*path, "?"))
                self._value(self._next(), (*path, "?"))
                del self._faults[known:]
                continue
            at = (*path, key.value)
            if key.value in made:
                self._fault(at, "the same key twice", "each key once", key)
            made.setdefault(key.value, self._value(self._next(), at))
            self.lines[at] = line
        return made

    def _sequence(self, path: Path_) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            made.append(self._value(event, (*path, len(made))))
        return made

    def _scalar(self, event: Any, path: Path_) -> Any:
        text = event.value
        kind = self._resolve(yaml.ScalarNode, text, event.implicit).rpartition(":")[2]
        if event.tag is not None or kind == "null":
            return None
        if kind == "bool":
            return text.casefold() in ("true", "yes", "on")
        if kind in ("int", "float") and ":" not in text:
            return self._number(event, kind, path)
        return text

    def _number(self, event: Any, kind: str, path: Path_) -> float | None:
        text = event.value.replace("_", "").casefold()
        try:
            number = int(text, 0) if kind == "int" else float(text.replace(".inf", "inf").replace(".nan", "nan"))
            finite = math.isfinite(number)
        except OverflowError:
            finite = False
        except ValueError:
            self._fault(path, shown(event.value), "a number that can be read", event)
            return None
        if not finite:
            self._fault(path, shown(event.value), "a finite number", event)
            return None
        return number

    def _fault(self, path: Path_, got: str, expected: str, event: Any) -> None:
        self._faults.append(Fault(self._name, dotted(path), got, expected, event.start_mark.line + 1))
