"""Small studies drawn at random, and the best of all their designs by plain enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign import performance_grid as grids
from stackwright.codesign.eligibility import absent, ineligible
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.performance_grid import Grid, Rows, draw_of
from stackwright.codesign.plant_grid import OptionCuts, PlantClass, Weights, class_beside, thermals_of
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import scores, search, sides_rows
from stackwright.codesign.searched import Searched, searched
from stackwright.stack.deployment import money
from stackwright.stack.study import Study

SYSTEMS = ("hgx-h100-air", "hgx-h200-air", "hgx-h200-liquid", "hgx-b200-liquid", "gb200-nvl72", "mi300x-node")
COOLINGS = (
    "air-chiller-economizer",
    "direct-air-adiabatic",
    "water-chiller",
    "direct-liquid-dry",
    "direct-liquid-tower",
)
SITES = ("ashburn-va", "phoenix-az", "seattle-wa", "abilene-tx", "columbus-oh")
PORTFOLIOS = (
    "{name: grid}",
    "{name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.6}]}",
    "{name: wind, contracts: [{contract: wind-ppa, share: 0.5}]}",
    "{name: both, contracts: [{contract: nuclear-ppa, share: 0.4}, {contract: wind-ppa, share: 0.3}]}",
)
OBJECTIVES = (
    "tokens_per_second",
    "cost_per_million_tokens",
    "npv",
    "tokens_per_megawatt_hour",
    "carbon_per_million_tokens",
)
CEILINGS = {"budget": "{:.3g} USD", "water": "{:.3g} m3/year", "carbon": "{:.3g} kgCO2/year"}


def some(rng: np.random.Generator, menu: tuple[Any, ...], most: int) -> str:
    """One to `most` entries of a menu, in its order, as text."""
    taken = sorted(rng.choice(len(menu), size=rng.integers(1, most + 1), replace=False))
    return "[" + ", ".join(str(menu[place]) for place in taken) + "]"


def random_text(rng: np.random.Generator) -> str:
    """A study of a few designs of every layer, with any objective, volume and limits."""
    is_open = rng.random() < 0.5
    volume = "volume: open" if is_open else f"requests: {10 ** rng.uniform(5.5, 7.5):.3g} request/day"
    growth = "" if is_open else f"\n  growth: {rng.choice([0.0, 0.2])} 1/year"
    limits = [f"site_power: {10 ** rng.uniform(6.0, 8.0):.3g} W"] if is_open or rng.random() < 0.5 else []
    for name, form in CEILINGS.items():
        if rng.random() < 0.15:
            size = {"budget": 9.0, "water": 5.5, "carbon": 7.5}[name]
            limits.append(f"{name}: {form.format(10 ** (size + rng.uniform(-1.5, 1.5)))}")
    objective = OBJECTIVES[rng.integers(0 if is_open else 1, len(OBJECTIVES))]
    modes = (("aggregated",), ("disaggregated",), ("aggregated", "disaggregated"))[rng.integers(3)]
    batches = sorted({int(size) for size in rng.choice([4, 8, 16, 32, 64, 128], size=3)})
    return f"""
study: random
objective: {objective}
demand:
  kind: serving
  lengths: {{input: {rng.choice([512, 2048])} token, output: {rng.choice([256, 1024])} token}}
  {volume}{growth}
  shape: chat-week
  ttft: {rng.choice([1.0, 3.0])} s
  tpot: {rng.choice([30, 60])} ms
  token_price: {rng.choice([0.2, 1.0, 5.0])} USD/Mtoken
horizon: {{first_year: 2027, years: {rng.integers(1, 4)}}}
model: {{architecture: [llama-3.1-70b], precision: {some(rng, ("bf16", "fp8"), 2)}, cache_precision: [bf16]}}
serving:
  software: [vllm-2026, rocm-vllm]
  mode: [{", ".join(modes)}]
  tensor_parallel: {some(rng, (2, 4, 8), 2)}
  expert_parallel: [1]
  batch: {batches}
chip: {{power_cap: {some(rng, (1.0, 0.85, 0.7), 2)}}}
rack: {{system: {some(rng, SYSTEMS, 3)}}}
network: {{fabric: any, oversubscription: {some(rng, (1, 4), 2)}}}
cooling: {{type: {some(rng, COOLINGS, 4)}, supply_temperature: {some(rng, ("25 degC", "32 degC", "40 degC"), 2)}}}
datacenter:
  site: {some(rng, SITES, 2)}
  redundancy: {some(rng, ("n-plus-1", "2n"), 2)}
  distribution: {some(rng, ("ac-480-ups", "dc-800"), 2)}
power: {{portfolio: {some(rng, PORTFOLIOS, 2)}}}
finance: {{sourcing: {some(rng, ("buy", "rent"), 2)}}}
constraints: {{{", ".join(limits)}}}
"""


def enumerated(study: Study, seen: Searched) -> tuple[float, int]:
    """Least score over every row and plant option that may be taken, and how many there are; nothing is dropped."""
    best, pairs = np.inf, 0
    for score, excess in priced(study, seen):
        best = min(best, float(np.where(excess <= 1e-9, score, np.inf).min()))
        pairs += score.size
    return best, pairs


def priced(study: Study, seen: Searched) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores, and excess over the limits, of all rows of a cell with all options of a class, one by one."""
    grid, classes, parts, scenario = seen.grid, seen.classes, seen.parts, seen.scenario
    cash = money(terms_of(study, parts), scenario.years)
    systems = {system.id: system for system in grid.systems}
    ways = thermals_of(list(systems.values()))
    for number, key in enumerate(grid.keys):
        rows = np.flatnonzero(grid.rows.cell == number)
        own = [systems[name] for name in (key.system, key.prefill_system) if name is not None]
        for sourcing in study.finance.sourcing if len(rows) else ():
            if any(absent(one, parts, sourcing) or ineligible(one, parts, sourcing) for one in own):
                continue
            for plant in classes:
                if plant.thermal not in ways[key.system]:
                    continue
                beside = None if key.prefill_system is None else class_beside(classes, plant, ways[key.prefill_system])
                if key.prefill_system is not None and beside is None:
                    continue
                both = (plant,) if beside is None else (plant, classes[beside])
                rented = sourcing == "rent"
                sides = sides_rows(scenario, grid, both, rows, cash, sourcing=sourcing)
                yield scores(study, scenario, sides, cash, rented=rented)


def whole(study: Study, catalog: Catalog) -> Searched:
    """The study's grids with every point that meets memory and latency."""
    seen = searched(study, catalog)
    return replace(seen, grid=grids.performance_grid(study, seen.parts, seen.scenario, every=True))


def random_rows(rng: np.random.Generator, grid: Grid, count: int, modes: np.ndarray) -> Grid:
    """The grid's cells with points drawn at random, many alike in some of their numbers."""

    def drawn(low: float, high: float) -> np.ndarray:
        coarse = np.exp(rng.integers(0, 6, count) / 5.0 * np.log(high / low)) * low
        fine = np.exp(rng.uniform(np.log(low), np.log(high), count))
        return np.where(rng.random(count) < 0.7, coarse, fine)

    cell = rng.integers(0, len(grid.keys), count)
    mode = rng.choice(modes, count)
    apart = mode == 1
    chips = 2.0 ** rng.integers(0, 7, (2, count))
    numbers = {
        "decode_chips": chips[0],
        "decode_rate": drawn(0.02, 2.0) * chips[0],
        "decode_flops": drawn(1e12, 6e14),
        "decode_bytes": drawn(1e11, 3e12),
        "prefill_chips": np.where(apart, chips[1], 0.0),
        "prefill_rate": np.where(apart, drawn(0.1, 9.0) * chips[1], 1.0),
        "prefill_flops": np.where(apart, drawn(1e13, 8e14), 0.0),
        "prefill_bytes": np.where(apart, drawn(1e11, 2e12), 0.0),
    }
    none = np.zeros(count)
    choice = dict.fromkeys(grid.rows.choice, none) | {
        name: rng.choice(np.unique(grid.rows.choice[name]), count) for name in ("power_cap", "oversubscription")
    }
    numbers |= {name: none for name in grid.rows.numbers if name not in numbers}
    return replace(grid, rows=Rows(cell=cell, mode=mode, choice=choice, numbers=numbers))


def kept(grid: Grid, peak: np.ndarray | None) -> Grid:
    """The points that the performance half would keep."""
    rows = grid.rows
    table = np.stack([rows.cell, rows.mode, rows.choice["power_cap"], rows.choice["oversubscription"]], axis=1)
    stays = []
    for name in np.unique(table, axis=0):
        here = np.flatnonzero((table == name).all(axis=1))
        part = {key: values[here] for key, values in rows.numbers.items()}
        draws = [draw_of(grid.cells[int(name[0])], float(name[2]))]
        stays.append(here[non_dominated(grids.criteria(part, peak, draws))])
    taken = np.sort(np.concatenate(stays))
    return replace(
        grid,
        rows=Rows(
            cell=rows.cell[taken],
            mode=rows.mode[taken],
            choice={key: values[taken] for key, values in rows.choice.items()},
            numbers={key: values[taken] for key, values in rows.numbers.items()},
        ),
    )


def random_plants(rng: np.random.Generator, classes: list[PlantClass], *, cuts: bool) -> list[PlantClass]:
    """The classes with weights drawn around theirs, some of their options read from random cuts."""
    return [replace(plant, weights=_random_weights(rng, plant.weights, cuts=cuts)) for plant in classes]


def _random_weights(rng: np.random.Generator, weights: Weights, *, cuts: bool) -> Weights:
    made = {}
    for name in Weights.__dataclass_fields__:
        values = getattr(weights, name)
        if name in ("cuts", "decided", "availability", "overload"):
            continue
        made[name] = values * np.exp(rng.normal(0.0, 0.5, len(values))).reshape((-1,) + (1,) * (values.ndim - 1))
    for part in ("cost", "energy", "water", "carbon"):
        made[f"busy_{part}"] = np.minimum(made[f"busy_{part}"], made[f"idle_{part}"])
    decided = (rng.random(len(weights.opex)) < 0.5) if cuts else weights.decided
    if not decided.any():
        return replace(weights, **made)
    slopes = made["idle_cost"][decided][:, :, None] * np.sort(rng.uniform(0.3, 2.5, 4))
    limit = np.minimum(made["limit"][decided], 1e8)[:, :, None]
    steps = np.diff(slopes, axis=-1) * limit * np.array([0.2, 0.3, 0.45])
    first = np.abs(rng.normal(0.0, 0.2, (int(decided.sum()), 1, 1))) * slopes[..., :1] * limit
    each = np.arange(int(decided.sum()))
    found = OptionCuts(
        constant=np.concatenate([first, first - np.cumsum(steps, axis=-1)], axis=-1),
        idle=slopes,
        busy=slopes * rng.uniform(0.3, 0.9),
        group=each,
        base=each,
        idle_scale=np.ones(len(each)),
        busy_scale=np.ones(len(each)),
    )
    for name in ("idle_cost", "busy_cost"):
        made[name] = made[name] * ~decided[:, None]
    return replace(weights, **made, decided=decided, cuts=found)


def combined(study: Study, seen: Searched) -> Searched:
    """The grids of `seen` searched for a study."""
    found = search(study, seen.scenario, seen.grid, seen.classes, terms_of(study, seen.parts), seen.parts)
    return replace(seen, found=found)
