"""The thesis: what deciding all layers together is worth over deciding them apart, on a study and its variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.codesign.dividend import dividend_study
from stackwright.core.parallel import in_processes
from stackwright.evidence.claims.claim import Claim, quantity_of
from stackwright.evidence.claims.computed import Bars, Computed, Finding, Interval
from stackwright.evidence.claims.engine import Engine, study_path
from stackwright.stack.study import Study, load

WAYS = {
    "separate": "every layer by its own team's measure",
    "sequential_best": "layer by layer, best order",
    "sequential_mean": "layer by layer, mean of all orders",
    "sequential_worst": "layer by layer, worst order",
    "product_mean": "model, chip and rack as one product, mean of orders",
    "product_worst": "model, chip and rack as one product, worst order",
    "it_first": "two teams, computing first",
    "plant_first": "two teams, plant first",
    "coordinate_best": "best responses in turn, best start",
    "coordinate_worst": "best responses in turn, worst start",
}
FROM_A_START = ("coordinate_best", "coordinate_worst")
"""Ways that begin anywhere on the menu, in place of a stack that somebody would buy."""
MEASURABLE = 1.001
"""Cost over joint beyond which apart is worse than together by more than rounding."""


def dividend(claim: Claim, engine: Engine) -> Computed:
    """Cost of stacks that are decided apart over that of the joint one: the least and the most of all ways."""
    study = load(study_path(claim), engine.catalog)[0]
    studies = {"as stated": study}
    studies |= {one["name"]: _changed(study, one) for one in claim.choices.get("variants", ())}
    found = in_processes(lambda one: dividend_study(one, engine.catalog), studies.values())
    made = dict(zip(studies, found, strict=True))
    apart = {name: _apart(one) for name, one in made.items()}
    first, every = list(apart["as stated"].values()), [one for ways in apart.values() for one in ways.values()]
    reference = made["as stated"]["reference"]
    under = {}
    if reference is not None:
        bought = Interval.exactly(reference["value"] / made["as stated"]["joint"]["value"])
        under[f"the comparison is the stack that a buyer would take ({reference['name']})"] = bought
    means = ", ".join(
        f"{ways['sequential_mean']:.2f} ({name})" for name, ways in apart.items() if "sequential_mean" in ways
    )
    planned = max(one for ways in apart.values() for way, one in ways.items() if way not in FROM_A_START)
    return Computed(
        whole=Interval.around(every, sorted(first)[len(first) // 2]),
        why=f"Deciding apart costs {min(every):.2f} to {max(every):.2f} times the joint optimum, by the way of deciding"
        f" and the variant of the study: the most is that of best responses from an unlucky start,"
        f" {planned:.2f} that of teams and orders. In the mean of orders it is {means}. {made['as stated']['says']}",
        under=under,
        findings=[
            Finding.either(
                max(every) > MEASURABLE,
                "deciding layers apart costs more than deciding them together",
                "deciding layers apart costs no more than deciding them together",
            )
        ],
        rows=[
            {"decided": words} | {name: ways[way] for name, ways in apart.items() if way in ways}
            for way, words in WAYS.items()
            if any(way in ways for ways in apart.values())
        ]
        + [
            {"decided": "reference, as bought"}
            | {
                name: one["reference"]["value"] / one["joint"]["value"]
                for name, one in made.items()
                if one["reference"] is not None
            }
        ],
        tables={"What each layer brings as stated, in units of the objective": _layers(made["as stated"])},
        bars=Bars(
            title="cost over that of the joint optimum, as stated",
            rows=[{"label": WAYS[way], "value": one} for way, one in apart["as stated"].items()],
            stated=None if claim.stated is None else claim.stated.figure.value,
        ),
    )


def _apart(made: Mapping[str, Any]) -> dict[str, float]:
    """Cost over joint by way of deciding, for the ways that found a stack. Source: definition."""
    joint = made["joint"]["value"]
    found = {way: made["baselines"].get(way, {}).get("value") for way in WAYS}
    return {way: float(value) / joint for way, value in found.items() if value is not None}


def _layers(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By layer, what it brings if it alone is freed, and its share of the whole. Source: definition."""
    return [
        {"layer": layer, "freed alone": made["alone"][layer], "share of the whole": share}
        for layer, share in made["shapley"].items()
    ]


def _changed(study: Study, variant: Mapping[str, Any]) -> Study:
    """The study under other terms: another time between tokens, or fewer formats. Source: definition."""
    demand, model = study.demand, study.model
    if "tpot" in variant:
        demand = demand.model_copy(update={"tpot": quantity_of(variant["tpot"])[0]})
    if "precision" in variant:
        model = model.model_copy(update={"precision": tuple(variant["precision"])})
    return study.model_copy(update={"demand": demand, "model": model})


QUANTITIES = {"dividend": dividend}
