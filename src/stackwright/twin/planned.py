"""What a plan's file says of the replica that is to be served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwright.core.errors import NOTHING, Fault, InputError, shown
from stackwright.serving.served import ServedReplica

PLAN = "plan.json"
AGAIN = "Make the plan again with this version: `stackwright plan STUDY --out DIR`."


@dataclass(frozen=True)
class Planned:
    """A plan that can be served."""

    name: str
    """The study's, with its case."""
    model: str
    """What a client calls the model."""
    replica: ServedReplica
    service_levels: dict[str, Any]
    plan: dict[str, Any]
    """The whole plan, as its file has it."""


def read_planned(folder: Path, case: str | None = None) -> Planned:
    """The plan of a folder, or of one of its cases. Raises `InputError` for one that cannot be served."""
    path = folder / case / PLAN if case else folder / PLAN
    return planned_of(_read(path, folder, case), str(path))


def planned_of(plan: dict[str, Any], file: str = PLAN) -> Planned:
    """A plan that was read, or just made."""
    if plan.get("feasible") is False:
        raise _fault(file, "feasible", "a design that misses the study's limits", "a plan that meets them", None)
    entry = plan.get("replica", NOTHING)
    if entry is NOTHING:
        raise _fault(file, "replica", NOTHING, "the replica that a scheduler runs", AGAIN)
    if not isinstance(entry, dict) or "timing" not in entry:
        reason = entry.get("reason") if isinstance(entry, dict) else None
        raise _fault(file, "replica", reason or shown(entry), "a plan that serves requests", None)
    try:
        replica, levels = ServedReplica.from_dict(entry), plan["service_levels"]
        name, model = plan["study"]["study"], plan["stack"]["model"]["architecture"]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _fault(file, "replica", repr(error), "tables and limits as a plan writes them", AGAIN) from error
    return Planned(str(name), str(model), replica, levels, plan)


def _read(path: Path, folder: Path, case: str | None) -> dict[str, Any]:
    if not path.is_file():
        cases = sorted(item.parent.name for item in folder.glob(f"*/{PLAN}"))
        known = f"; the folder has the cases {', '.join(cases)}" if cases else ""
        raise _fault(str(path), "", "no such file", f"a plan{known}", "Write one: `stackwright plan STUDY --out DIR`.")
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise _fault(str(path), "", str(error), "a plan as JSON", AGAIN) from error
    if not isinstance(plan, dict) or "stack" not in plan or "study" not in plan:
        raise _fault(str(path), "", shown(plan), "a plan", AGAIN)
    return plan


def _fault(file: str, path: str, got: str, expected: str, remedy: str | None) -> InputError:
    return InputError([Fault(file=file, path=path, got=got, expected=expected, remedy=remedy)])
