"""Pairs of a study's halves on a device: designs per second of the kernel, and of the kernel with its exact check.

    python benchmarks/gpu.py [STUDY] [--repeat N]

Rows and options are those of the study's search, bought and within its limits of power; options whose hours are
decided are left out, as their cost is no product. Needs JAX, which picks the device.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.pair_minimum import Held, block_minima, exact_minimum, pair_minimum
from stackwright.codesign.plan import kind_of
from stackwright.codesign.plant_grid import PlantClass, Weights, plant_classes
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Side, sides_rows, total_cost
from stackwright.codesign.shadow_prices import systems_of
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.deployment import Money, money
from stackwright.stack.parts import Parts
from stackwright.stack.study import load

Table = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def columns_of(side: Side, cash: Money) -> np.ndarray:
    """What a fleet asks of a plant [R, C], in the order of `weights_of`."""
    fleet = side.fleet
    own = fleet.columns[:, 0:1] + fleet.columns[:, 1:2]
    upkeep = (fleet.peak * cash.middle).sum(axis=-1, keepdims=True) * SECONDS_PER_YEAR
    return np.concatenate([own, fleet.columns[:, 2:4], upkeep, fleet.idle * cash.middle, fleet.busy * cash.middle], 1)


def weights_of(weights: Weights, places: np.ndarray) -> np.ndarray:
    """What a plant makes of it [C, P], for some of the options."""
    fixed = [np.ones(len(weights.opex)), weights.plant_capex, weights.building_capex, weights.opex]
    return np.concatenate([np.stack(fixed), weights.idle_cost.T, weights.busy_cost.T])[:, places]


def tables(path: Path) -> Iterator[Table]:
    """Columns, weights, loads and capacities of every thermal class of a study."""
    catalog = Catalog.load()
    study = load(path, catalog)[0]
    parts, kind = Parts(catalog), kind_of(study)
    scenario = kind.scenario(study, parts)
    grid = kind.grid(study, parts, scenario, None)
    cash = money(terms_of(study, parts), scenario.years)
    alone = np.array([key.prefill_system is None for key in grid.keys])
    for plant in plant_classes(study, parts, scenario, systems_of(grid)):
        fits = np.array([taken(grid, key.system, plant) for key in grid.keys]) & alone
        rows = np.flatnonzero(fits[grid.rows.cell])
        places = np.flatnonzero(~plant.weights.decided)
        if not len(rows) or not len(places):
            continue
        (side,) = sides_rows(scenario, grid, (plant,), rows, cash, sourcing="buy")
        made = columns_of(side, cash), weights_of(plant.weights, places)
        sample = rows[:1]
        (first,) = sides_rows(scenario, grid, (plant,), sample, cash, sourcing="buy")
        np.testing.assert_allclose(made[0][:1] @ made[1], total_cost(first, cash, rented=False)[:, places], rtol=1e-12)
        limit = plant.weights.limit.min(axis=1) / plant.weights.peak_ratio
        load_ = np.where(side.fleet.cool, side.fleet.peak.max(axis=-1), np.inf)
        yield *made, load_, limit[places]


def taken(grid: Any, system: str, plant: PlantClass) -> bool:
    """Whether a system's racks can stand under a class."""
    part = next(part for part in grid.systems if part.id == system)
    sold = part.record.links.get("cooling") or ["air"]
    path = plant.thermal.path
    share = float(part.spec.liquid_share) if path == "liquid" else 0.0
    return path in ([sold] if isinstance(sold, str) else sold) and share == plant.thermal.liquid_share


def best_of(repeat: int, run: Any) -> float:
    """Seconds of the fastest of several runs, after one that compiles."""
    run()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def measured(path: Path, repeat: int) -> dict[str, Any]:
    """Pairs per second of the kernel, of the kernel with its exact check, and of NumPy, whose answers are the same."""
    found = list(tables(path))
    pairs = sum(len(columns) * weights.shape[1] for columns, weights, _, _ in found)
    held = [(Held.of(columns, load_), weights, capacity) for columns, weights, load_, capacity in found]
    kernel = best_of(repeat, lambda: [block_minima(*one) for one in held])
    whole = best_of(repeat, lambda: [pair_minimum(*one) for one in found])
    started = time.perf_counter()
    exact = [exact_minimum(*one) for one in found]
    product = time.perf_counter() - started
    fast = [pair_minimum(*one) for one in found]
    for one, other in zip(exact, fast, strict=True):
        np.testing.assert_allclose(one.score, other.score, rtol=1e-12)
    return {
        "device": jax.devices()[0].device_kind,
        "classes": len(found),
        "pairs": pairs,
        "kernel_seconds": kernel,
        "kernel_designs_per_second": pairs / kernel,
        "exact_seconds": whole,
        "exact_designs_per_second": pairs / whole,
        "rescored_share": sum(one.rescored for one in fast) / pairs,
        "numpy_seconds": product,
        "numpy_designs_per_second": pairs / product,
    }


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", type=Path, default=Path("examples/chat.yaml"))
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    print(json.dumps(measured(given.study, given.repeat), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
