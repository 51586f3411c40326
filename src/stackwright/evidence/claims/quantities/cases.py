"""The case that a claim makes of one of its systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.engine import Case
from stackwright.model.precision import Precision


def case_of(claim: Claim, chosen: Mapping[str, Any], **more: Any) -> Case:
    """A system with its stack and formats, at the model and the lengths of a claim. Source: definition."""
    return Case(
        system=chosen["system"],
        model=claim.choice("model"),
        software=chosen["software"],
        precision=Precision(chosen["weights"], chosen["cache"]),
        input=claim.fact("input").value,
        output=claim.fact("output").value,
        draft_tokens=float(chosen.get("draft_tokens", 0.0)),
        **more,
    )
