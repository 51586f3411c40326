"""Every way of deciding on one table: together, apart, in turn, and by best responses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stackwright.codesign.baselines import PRODUCT, STARTS, Baseline, Orders, Teams, coordinate_wise, two_teams
from stackwright.codesign.layers import Layered
from stackwright.codesign.plant_grid import PlantClass
from stackwright.codesign.references import Reference
from stackwright.codesign.team_measures import separate
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study


@dataclass(frozen=True)
class Decided:
    """Every way of deciding, on one table from one reference."""

    layers: Layered
    joint: Baseline
    baselines: dict[str, Baseline]
    """Ways that end in one design."""
    orders: Orders
    product: Orders

    @property
    def values(self) -> dict[str, float]:
        """The score of every baseline, means over orders among them."""
        given = {name: one.value for name, one in self.baselines.items()}
        return given | {"sequential_mean": self.orders.mean, "product_mean": self.product.mean}


def decided(
    study: Study,
    parts: Parts,
    classes: Sequence[PlantClass],
    layers: Layered,
    others: Iterable[Reference] = (),
    starts: int = STARTS,
) -> Decided:
    """Joint and all baselines; `others` are references beside the one that the layers are seen from."""
    teams = Teams(layers)
    orders, product = teams.orders(), teams.orders(PRODUCT)
    ends = sorted(coordinate_wise(layers, study.seed, starts), key=lambda end: end.value)
    joint = layers.table.best()
    made = {
        "separate": separate(study, parts, layers, classes),
        "sequential_best": orders.best,
        "sequential_worst": orders.worst,
        "product_worst": product.worst,
        "it_first": two_teams(layers, plant_first=False),
        "plant_first": two_teams(layers, plant_first=True),
        "coordinate_best": ends[0],
        "coordinate_worst": ends[-1],
    }
    made |= {
        f"reference_{other.system}": Baseline(other.point, np.inf if other.point is None else layers.value(other.point))
        for other in others
    }
    return Decided(layers, Baseline(joint, layers.value(joint)), made, orders, product)
