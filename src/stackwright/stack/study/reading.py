"""Reading a study file: its text, its cases, and every fault of both together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.core.errors import InputError, shown
from stackwright.core.yamltext import Path_, Text
from stackwright.stack.study.context import Reading, Section, keys_of, section_at, translate
from stackwright.stack.study.sections import (
    SERVING_OBJECTIVES,
    TRAINING_OBJECTIVES,
    ServingDemand,
    Study,
    TrainingDemand,
)

MOST_BYTES = 200_000
MOST_CASES = 100
MOST_DESIGNS = 1e13
"""Above this, even the bounds of a search take days; the axes have to be cut first."""


def load(path: Path, catalog: Catalog) -> list[Study]:
    """The studies of a file: one per case, or one. Raises `InputError` with every fault of all cases.

    Source: definition.
    """
    return [study for _, study in _load(study_text(path), path.parent, catalog)]


def study_text(path: Path) -> Text:
    """The text of a study file, before anything in it is checked. Source: definition."""
    return yamltext.read(path, most_bytes=MOST_BYTES)


def load_text(text: Text, directory: Path, catalog: Catalog) -> list[Study]:
    """As `load`, for a text that is no file as it stands; the files that it names lie under `directory`.

    Source: definition.
    """
    return [study for _, study in _load(text, directory, catalog)]


def load_given(path: Path, catalog: Catalog) -> list[Study]:
    """As `load`, for files that give one stack: every menu has to have one option. Source: definition."""
    loaded = _load(study_text(path), path.parent, catalog)
    for reading, study in loaded:
        for axis, size in study.axes.items():
            if size != 1:
                expected = "one option, as this file gives one stack"
                reading.fault(tuple(axis.split(".")), f"{size} options", expected)
    _raise_all([reading for reading, _ in loaded])
    return [study for _, study in loaded]


def _load(text: Text, directory: Path, catalog: Catalog) -> list[tuple[Reading, Study]]:
    if not isinstance(text.data, dict):
        fault = text.fault((), shown(text.data), "a mapping that begins with study: and demand:")
        raise InputError(text.with_own([fault]))
    cases: list[str | None] = [*_cases(text)] or [None]
    readings = [Reading(text, catalog, directory, case) for case in cases]
    studies = [_study(reading) for reading in readings]
    _raise_all(readings)
    return [(reading, study) for reading, study in zip(readings, studies, strict=True) if study]


def _raise_all(readings: Sequence[Reading]) -> None:
    text = readings[0].text
    faults = dict.fromkeys(text.with_own(fault for reading in readings for fault in reading.faults))
    if faults:
        order = sorted(faults, key=lambda fault: (fault.file != text.file, fault.file, fault.line or 0, fault.path))
        raise InputError(order)


def _cases(text: Text) -> list[str]:
    cases = text.data.get("cases")
    if cases is None:
        return []
    if not isinstance(cases, dict) or not cases:
        fault = text.fault(("cases",), shown(cases), "a mapping from a case's name to what it changes")
        raise InputError(text.with_own([fault]))
    faults = []
    if len(cases) > MOST_CASES:
        faults.append(text.fault(("cases",), f"{len(cases)} cases", f"at most {MOST_CASES} cases"))
    for name, changes in cases.items():
        at = ("cases", name)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
            faults.append(text.fault(at, shown(name), "a case name of lower-case letters, digits and dashes"))
        elif not isinstance(changes, dict | None):
            faults.append(text.fault(at, shown(changes), "a mapping of what the case changes"))
        elif foreign := {"study", "cases"} & set(changes or {}):
            faults.extend(
                text.fault((*at, key), f"key {key!r}", "a part of a study to change") for key in sorted(foreign)
            )
    if faults:
        raise InputError(text.with_own(faults))
    return list(cases)


def _study(reading: Reading) -> Study | None:
    base = {key: value for key, value in reading.text.data.items() if key != "cases"}
    changes = reading.text.data["cases"][reading.case] if reading.case else None
    data = _without_nulls(_merged(base, changes or {}))
    try:
        study = Study.model_validate(data, context=reading)
    except ValidationError as error:
        for item in error.errors():
            _translate(item, data, reading)
        return None
    study = _settled(study, reading)
    if study.designs > MOST_DESIGNS:
        largest = sorted(study.axes.items(), key=lambda axis: -axis[1])[:3]
        remedy = "Shorten " + ", ".join(f"{name} ({size})" for name, size in largest) + "."
        reading.fault((), f"{study.designs:.3g} designs", f"at most {MOST_DESIGNS:.0e} designs", remedy=remedy)
    return study


def _settled(study: Study, reading: Reading) -> Study:
    """The study with what follows from its other parts, and what was learned while reading it."""
    changes: dict[str, Any] = {}
    if study.objective is None:
        changes["objective"] = SERVING_OBJECTIVES[0] if study.demand.kind == "serving" else TRAINING_OBJECTIVES[0]
    if isinstance(study.demand, TrainingDemand) and study.demand.model:
        changes["model"] = study.model.model_copy(update={"architecture": (study.demand.model,)})
    settled = study.model_copy(update=changes)
    settled._case, settled._directory = reading.case, reading.directory
    settled._notes, settled._files = tuple(reading.notes), dict(reading.files)
    settled._agreements = dict(reading.agreements)
    return settled


def _merged(base: Any, changes: Any) -> Any:
    """The study under a case: mappings merge key by key, everything else is replaced."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    return base | {key: _merged(base.get(key), value) for key, value in changes.items()}


def _without_nulls(data: Any) -> Any:
    """Without keys that have no value: an empty key is an absent one, and a case can take a key away."""
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data


def _translate(item: ErrorDetails, data: dict, reading: Reading) -> None:
    """Note one pydantic error as a fault of the file."""
    path = _plain(item["loc"])
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        tag = item["input"].get("kind") if isinstance(item["input"], dict) else None
        reading.fault((*path, "kind"), shown(tag), "kind: serving or kind: training")
    else:
        translate(item, path, reading, lambda at: _keys(at, data))


def _plain(loc: Sequence[str | int]) -> Path_:
    """Pydantic's path without the marks that it adds: the kind of a demand, and ``[key]``."""
    path = tuple(part for part in loc if part != "[key]")
    if len(path) > 1 and path[0] == "demand" and path[1] in ("serving", "training"):
        return ("demand", *path[2:])
    return path


def _keys(path: Path_, data: dict) -> list[str]:
    """The keys that a section of the study may have."""
    root: type[Section] = Study
    if path[:1] == ("demand",):
        root = TrainingDemand if data["demand"]["kind"] == "training" else ServingDemand
        path = path[1:]
    keys = keys_of(section_at(root, path))
    return [*keys, "cases"] if not path and root is Study else keys
