"""A study's two halves evaluated and combined, and studies held at a design or with a limit relaxed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stackwright.catalog import Catalog
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass, plant_classes
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Found, search
from stackwright.stack.curves import Curves
from stackwright.stack.design import Design
from stackwright.stack.parts import Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Searched:
    """A study's scenario, grids and what the search found in them."""

    scenario: Scenario
    parts: Parts
    grid: Grid
    classes: list[PlantClass]
    found: Found
    curves: Curves = field(default_factory=Curves)
    """What the classes read of plants whose hours are decided."""


def searched(study: Study, catalog: Catalog, progress: Progress | None = None) -> Searched:
    """Both grids of a study, and their combination."""
    parts = Parts(catalog)
    kind = kind_of(study)
    scenario = kind.scenario(study, parts)

    def tell(label: str, index: int, total: int) -> None:
        if progress:
            progress(label, index / max(total, 1))

    grid = kind.grid(study, parts, scenario, tell)
    systems = list({system.id: system for system in grid.systems}.values())
    curves = Curves()
    classes = plant_classes(study, parts, scenario, systems, tell, curves)
    found = search(study, scenario, grid, classes, terms_of(study, parts), parts, tell)
    return Searched(scenario, parts, grid, classes, found, curves)


def narrowed(study: Study, design: Design) -> Study:
    """The study with every layer but serving or training held at the design."""
    menu = next(entry for entry in study.power.portfolio if entry.name == design.portfolio)
    return study.model_copy(
        update={
            **kind_of(study).held(study, design),
            "chip": study.chip.model_copy(update={"power_cap": (design.power_cap,)}),
            "rack": study.rack.model_copy(update={"system": (design.system,)}),
            "network": study.network.model_copy(
                update={"fabric": (design.fabric,), "oversubscription": (design.oversubscription,)}
            ),
            "cooling": study.cooling.model_copy(
                update={"type": (design.cooling,), "supply_temperature": (design.supply_temperature,)}
            ),
            "datacenter": study.datacenter.model_copy(
                update={
                    "site": (design.site,),
                    "redundancy": (design.redundancy,),
                    "distribution": (design.distribution,),
                }
            ),
            "power": study.power.model_copy(update={"portfolio": (menu,)}),
            "finance": study.finance.model_copy(update={"sourcing": (design.sourcing,)}),
        }
    )


def space_of(study: Study, seen: Searched) -> dict[str, Any]:
    """The grid's axes and counts.

    `designs` is the product of all axes; `feasible` those that exist and meet memory and latency, with
    every plant that their racks can use; `evaluated` points of the performance half and pairs of the
    halves that were computed; `bounded` feasible designs that were not paired because another point of
    their cell needs no more of anything.
    """
    tally, found = seen.grid.tally, seen.found
    options = sum(len(plant.options) for plant in seen.classes)
    mean_options = options / max(len({plant.thermal for plant in seen.classes}), 1)
    feasible = tally.feasible * mean_options
    more = kind_of(study).axes(study)
    return {
        "axes": dict(study.axes) | more,
        "designs": study.designs * math.prod(more.values()),
        "feasible": feasible,
        "evaluated": float(tally.points + found.pairs),
        "bounded": max(feasible - found.pairs, 0.0),
        "performance_points": tally.points,
        "performance_feasible": tally.feasible,
        "kept_points": len(seen.grid.rows),
        "plant_options": options,
        "pairs": found.pairs,
        "pairs_within_limits": found.feasible_pairs,
    }
