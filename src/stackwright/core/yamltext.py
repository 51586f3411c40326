"""YAML text with the line of every value, safe against hostile files.

Plain PyYAML nodes carry line marks; this reader keeps them beside the values, so that an error can
name file and line. Anchors and aliases are refused (a few lines of them can expand to gigabytes),
as are files that are too large or nested too deeply, duplicate keys, and values that are not finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stackwright.core.errors import Fault, InputError

MAX_BYTES = 4_000_000
MAX_DEPTH = 32

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Text:
    """A file's data, and the line at which each path begins."""

    file: str
    data: Any
    lines: dict[Path_, int]

    def line(self, path: Path_) -> int | None:
        """Line of a path, or of its nearest ancestor that is in the file. Source: definition."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)

    def fault(self, path: Path_, got: str, expected: str, **more: str | None) -> Fault:
        """A `Fault` at a path of this file. Source: definition."""
        return Fault(self.file, dotted(path), got, expected, self.line(path), **more)


def dotted(path: Path_) -> str:
    """``("racks", 0, "name")`` as ``racks[0].name``. Source: definition."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def read(path: Path, *, shown_as: str | None = None) -> Text:
    """Read a YAML file; raises `InputError` with every fault found. Source: YAML 1.2 (definition)."""
    name = shown_as or str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError([Fault(name, "", f"{size} bytes", f"at most {MAX_BYTES} bytes")])
        raw = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError([Fault(name, "", "no such file", "a YAML file that exists")]) from None
    except IsADirectoryError:
        raise InputError([Fault(name, "", "a directory", "a YAML file")]) from None
    except UnicodeDecodeError as error:
        raise InputError([Fault(name, "", f"bytes that are not UTF-8 ({error.reason})", "UTF-8 text")]) from None
    except OSError as error:
        raise InputError([Fault(name, "", error.strerror or str(error), "a file that can be read")]) from None
    return parse(raw, name)


def parse(raw: str, name: str) -> Text:
    """Parse YAML text that came from a file of this name; faults as in `read`. Source: definition."""
    faults: list[Fault] = []
    try:
        for event in yaml.parse(raw, Loader=_Loader):
            if getattr(event, "anchor", None) is not None:
                line = event.start_mark.line + 1
                raise InputError([Fault(name, "", f"anchor or alias {event.anchor!r}", "plain values", line)])
        node = yaml.compose(raw, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or "malformed text"
        raise InputError([Fault(name, "", f"YAML error: {problem}", "valid YAML", mark.line + 1 if mark else None)]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError([Fault(name, "", f"YAML error: {str(error)[:200]}", "valid YAML")]) from None
    lines: dict[Path_, int] = {}
    data = _build(node, (), name, lines, faults) if node is not None else None
    if faults:
        raise InputError(faults)
    return Text(name, data, lines)


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _build(node: yaml.Node, path: Path_, name: str, lines: dict[Path_, int], faults: list[Fault]) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if len(path) > MAX_DEPTH:
        faults.append(Fault(name, dotted(path[:4]), f"nesting deeper than {MAX_DEPTH}", "a flatter file", line))
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, name, lines, faults)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, index), name, lines, faults) for index, child in enumerate(node.value)]
    return _scalar(node, path, name, line, faults)


def _mapping(node: yaml.MappingNode, path: Path_, name: str, lines: dict[Path_, int], faults: list[Fault]) -> dict:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(Fault(name, dotted(path), "a key that is not text", "a plain word as key", line))
            continue
        key = key_node.value
        if key in made:
            faults.append(Fault(name, dotted((*path, key)), "the same key twice", "each key once", line))
            continue
        made[key] = _build(value_node, (*path, key), name, lines, faults)
        lines[(*path, key)] = line
    return made


def _scalar(node: yaml.Node, path: Path_, name: str, line: int, faults: list[Fault]) -> Any:
    tag = node.tag.rsplit(":", 1)[-1]
    text = node.value
    try:
        if tag == "null":
            return None
        if tag == "bool":
            return text.casefold() in ("true", "yes", "on")
        if tag == "int":
            return int(yaml.SafeLoader("").construct_yaml_int(node))
        if tag == "float":
            value = float(yaml.SafeLoader("").construct_yaml_float(node))
            if not math.isfinite(value):
                faults.append(Fault(name, dotted(path), text, "a finite number", line))
            return value
        if tag in ("str", "timestamp"):
            return text
    except (ValueError, OverflowError):
        faults.append(Fault(name, dotted(path), text[:60], "a value that can be read", line))
        return None
    faults.append(Fault(name, dotted(path), f"tag {node.tag!r}", "plain YAML values without tags", line))
    return None
