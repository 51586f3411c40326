"""Which inputs move a plan's result most, as the plan itself recorded it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.core.errors import Fault, InputError


def explain_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of a plan by how far their range moves its objective, largest first.

    Each input was set to the ends of its range with all others held; ``share`` is its squared swing over
    the sum of all. Raises `InputError` for a mapping that is no plan.
    """
    recorded = plan.get("explain")
    if not isinstance(recorded, Mapping) or "inputs" not in recorded:
        raise InputError([Fault("plan.json", "explain", "nothing", "a plan.json that stackwright plan wrote")])
    return {"objective": plan.get("objective"), "inputs": list(recorded["inputs"])}
