"""The thesis: what deciding all layers together is worth over deciding them apart, on a study of its own."""

from __future__ import annotations

from typing import Any

from stackwright.codesign.dividend import dividend_study
from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed, Finding, Interval
from stackwright.evidence.claims.engine import Engine, study_path
from stackwright.stack.study import load


def dividend(claim: Claim, engine: Engine) -> Computed:
    """Cost of stacks that are decided apart over that of the joint one: the least and the most of all ways."""
    made = dividend_study(load(study_path(claim), engine.catalog)[0], engine.catalog)
    joint = made["joint"]["value"]
    apart = {name: one["value"] for name, one in made["baselines"].items() if not name.startswith("reference")}
    rows: list[dict[str, Any]] = [
        {"decided": name, "cost over joint": value / joint} for name, value in apart.items() if value is not None
    ]
    ratios = [row["cost over joint"] for row in rows]
    under = {}
    if made["reference"] is not None:
        first = made["reference"]["value"] / joint
        name = made["reference"]["name"]
        rows.append({"decided": f"reference: {name}", "cost over joint": first})
        under[f"the comparison is the stack that a buyer would take ({name})"] = Interval.exactly(first)
    return Computed(
        whole=Interval.around(ratios, sorted(ratios)[len(ratios) // 2]),
        why=f"Deciding apart costs {min(ratios):.2f} to {max(ratios):.2f}"
        f" times the joint optimum, by the way of deciding. {made['says']}",
        under=under,
        findings=[
            Finding.either(
                max(ratios) > 1.001,
                "deciding layers apart costs more than deciding them together",
                "deciding layers apart costs no more than deciding them together",
            )
        ],
        rows=rows,
    )


QUANTITIES = {"dividend": dividend}
