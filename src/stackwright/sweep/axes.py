"""The points of a sweep: a study with some of its fields set, in every combination of their values."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.core.errors import Fault, InputError, nearest, shown
from stackwright.core.yamltext import Path_, Text
from stackwright.stack.study import Study, load, load_text, study_text

MOST_POINTS = 20_000
"""Points are read, checked and held before the first is run."""
WHOLE = ("objective", "seed")
"""Fields of a study that are in no section; its other fields of one word are sections, or words for people."""

Told = Callable[[str, float], None]


@dataclass(frozen=True)
class Axis:
    """A field of the study, and the values that it takes."""

    path: Path_
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The field as it is written, for example ``demand.tpot``."""
        return ".".join(str(part) for part in self.path)

    @property
    def column(self) -> str:
        """The field as a column that SQL takes without quotes, for example ``demand_tpot``."""
        return re.sub(r"\W", "_", self.name)


@dataclass(frozen=True)
class Point:
    """One study of a sweep, and where it stands on the axes."""

    index: int
    study: Study
    values: Mapping[str, Any]
    """Column of each axis to its value as the study has it: SI floats and record ids; lists as JSON."""


@dataclass(frozen=True)
class Sweep:
    """A study's points over all axes, cases outermost and the last axis innermost."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]


def read_sweep(study: Path, over: Path, catalog: Catalog, tell: Told | None = None) -> Sweep:
    """All points of a study over the axes of a file, each read and checked as a study is.

    Raises `InputError` with the faults of the study, else with those of the file of axes, else with those of all
    points; a value that is wrong at many points is reported once, at its own line.
    """
    cases = [one.case for one in load(study, catalog)]
    base, text, directory = study_text(study), yamltext.read(over), study.parent.resolve()
    axes = axes_of(text, len(cases))
    total = len(cases) * math.prod(len(axis.values) for axis in axes)
    points: list[Point] = []
    faults: dict[Fault, None] = {}
    for index, (case, place) in enumerate(_places(cases, axes)):
        if tell:
            tell("reading the points", index / total)
        try:
            (read,) = load_text(_set_at(base, text, case, axes, place), directory, catalog)
        except InputError as error:
            faults |= dict.fromkeys(error.faults)
            continue
        points.append(Point(index, read, _values(read, axes, place)))
    if faults:
        raise InputError(sorted(faults, key=lambda fault: (fault.line or 0, fault.path)))
    return Sweep(axes, tuple(points))


def axes_of(text: Text, cases: int = 1) -> tuple[Axis, ...]:
    """The axes of a file's text; raises `InputError` with all that is wrong with them."""
    if not isinstance(text.data, dict) or not text.data:
        fault = text.fault((), shown(text.data), "a mapping from fields of a study to lists of values")
        raise InputError(text.with_own([fault]))
    faults = [fault for name, values in text.data.items() for fault in _axis_faults(text, name, values)]
    axes = tuple(
        Axis(tuple(name.split(".")), tuple(values)) for name, values in text.data.items() if isinstance(values, list)
    )
    faults += [text.fault((axis.name,), *clash) for axis in axes if (clash := _clash(axis, axes))]
    if (total := cases * math.prod(len(axis.values) for axis in axes)) > MOST_POINTS:
        faults.append(text.fault((), f"{total} points", f"at most {MOST_POINTS} points"))
    if found := text.with_own(faults):
        raise InputError(found)
    return axes


def _axis_faults(text: Text, name: str, values: Any) -> Iterator[Fault]:
    section, *rest = name.split(".")
    if not all([section, *rest]) or (not rest and name not in WHOLE):
        yield text.fault((name,), f"the field {name!r}", f"section.field, such as demand.tpot, or {' or '.join(WHOLE)}")
    elif section not in (sections := [field.alias or key for key, field in Study.model_fields.items()]):
        got, expected = f"the section {section!r}", f"a section of a study: {', '.join(sections)}"
        yield text.fault((name,), got, expected, nearest=nearest(section, sections))
    if not isinstance(values, list) or not values:
        yield text.fault((name,), shown(values), "a list of values", remedy="Write [value] for one value.")
    elif len({json.dumps(value, sort_keys=True) for value in values}) < len(values):
        yield text.fault((name,), "the same value twice", "each value once")


def _clash(axis: Axis, axes: Sequence[Axis]) -> tuple[str, str] | None:
    """What came and what was expected, where an axis is inside another, or has the column of one before it."""
    for other in axes:
        if other is axis:
            break
        if other.column == axis.column:
            return f"a field with the column {axis.column}", f"one that is not written as {other.name!r} is"
    for other in axes:
        if other is not axis and axis.path[: len(other.path)] == other.path:
            return f"a part of {other.name}", "fields that are no part of each other"
    return None


def _places(cases: Sequence[str | None], axes: Sequence[Axis]) -> Iterator[tuple[str | None, tuple[int, ...]]]:
    return itertools.product(cases, itertools.product(*(range(len(axis.values)) for axis in axes)))


def _set_at(base: Text, text: Text, case: str | None, axes: Sequence[Axis], place: Sequence[int]) -> Text:
    """The study's text with the fields of the axes set, whose lines are those of the file of axes."""
    roots: list[Path_] = [()] if case is None else [(), ("cases", case)]
    data = copy.deepcopy(base.data)
    if case is not None:
        data["cases"] = {case: data["cases"][case] or {}}
    lines: dict[Path_, int] = {}
    for axis, at in zip(axes, place, strict=True):
        for root in roots:
            _put(data, (*root, *axis.path), axis.values[at])
        field = (*roots[-1], *axis.path)
        for length in range(len(roots[-1]) + 1, len(field)):
            lines.setdefault(field[:length], text.lines[axis.name,])
        for path, line in text.lines.items():
            if path[:2] == (axis.name, at):
                lines[(*field, *path[2:])] = line
    return Text(text.file, data, lines)


def _put(data: dict[str, Any], path: Path_, value: Any) -> None:
    """Set a field of nested mappings; what is no mapping on the way gives way to one, which the reader then refuses."""
    *way, last = path
    for part in way:
        if not isinstance(data.get(str(part)), dict):
            data[str(part)] = {}
        data = data[str(part)]
    data[str(last)] = copy.deepcopy(value)


def _values(study: Study, axes: Sequence[Axis], place: Sequence[int]) -> dict[str, Any]:
    """Column of each axis to what the study read there.

    A key that names a record may have become its id; what was written then stands for it.
    """
    content = study.as_dict()
    return {
        axis.column: _plain(_read_at(content, axis.path, axis.values[at])) for axis, at in zip(axes, place, strict=True)
    }


def _read_at(content: Any, path: Path_, written: Any) -> Any:
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return written
        content = content[part]
    return content


def _plain(value: Any) -> Any:
    """A number or a word as it is, yes as 1; the one option of a menu by itself; all else as JSON."""
    if isinstance(value, list) and len(value) == 1:
        return _plain(value[0])
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, sort_keys=True)
