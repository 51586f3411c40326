"""The whole stack of an alternative, so that it can be compared, launched or served as the plan itself can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stackwright.codesign.finalists import Finalist, design_of, parts_of, plant_for, systems_of, unsettled
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.plant_grid import PlantClass
from stackwright.codesign.plants import terms_of
from stackwright.codesign.result import stack_entry
from stackwright.codesign.search import Pick
from stackwright.codesign.searched import Searched
from stackwright.codesign.sourcing import arrangement_of
from stackwright.stack.study import Study

TOLD = ("interface", "serving", "rack")
"""Axes whose alternatives carry their stack: another engine, another way of serving, another system."""


def alternative_stack(study: Study, seen: Searched, pick: Pick) -> dict[str, Any]:
    """The stack of a pick as `plan.json` has that of the plan: settings, replicas and the option of each layer.

    The fleet is sized to the demand; what its hours cost is not settled. Source: definition.
    """
    item = unsettled_finalist(study, seen, pick)
    return stack_entry(item, kind_of(study).stack(item), {})


def unsettled_finalist(study: Study, seen: Searched, pick: Pick) -> Finalist:
    """A pick with everything that its evaluation needs, its fleet sized and its hours not settled.

    Its value is the search's. Source: definition.
    """
    grid, classes, scenario = seen.grid, seen.classes, seen.scenario
    design = design_of(grid, classes, pick)
    return Finalist(
        design=design,
        cell=grid.cells[int(grid.rows.cell[pick.row])],
        plant=plant_for(study, seen.parts, scenario, design),
        terms=terms_of(study, seen.parts),
        parts=parts_of(study, seen.parts, design),
        done=unsettled(study, seen.parts, scenario, grid, classes, pick),
        value=abs(pick.score),
        searched=abs(pick.score),
        volume=None,
        limits=classes[pick.plant_class].weights.limit[pick.option],
        budget=study.constraints.budget,
        arrangement=arrangement_of(study, seen.parts, design.sourcing, systems_of(seen.parts, design)),
    )


def undecided(classes: Sequence[PlantClass], pick: Pick) -> Pick:
    """The pick itself, or where its hours are decided the same on a portfolio whose hours need not be, if there is one.

    Draws of one whose hours are decided would need its whole year solved. Source: definition.
    """
    plant = classes[pick.plant_class]
    own, decided = plant.options[pick.option], plant.weights.decided
    if not decided[pick.option]:
        return pick
    like = [
        number
        for number, option in enumerate(plant.options)
        if not decided[number] and replace(option, portfolio=own.portfolio) == own
    ]
    return replace(pick, option=like[0]) if like else pick
