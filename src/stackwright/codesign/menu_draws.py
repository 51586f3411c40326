"""Draws of all inputs of a study's menu at once, so that every design of it is compared under the same ones.

A number of a record is one draw for all designs that have it. Numbers of different records move together where
they have a cause in common: prices of one market, the error of one model. A draw is found by the names of its
layer, record and field alone, so it is the same whatever else is on the menu and in whatever order it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from stackwright.codesign.drawn_plants import DrawnPlants, drawn_plants
from stackwright.codesign.drawn_rows import drawn_cells, drawn_numbers, rows_at
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass, PlantOption, plant_classes
from stackwright.codesign.plants import menu_of, terms_of
from stackwright.codesign.search import Pick, scores, sides_of, sides_rows
from stackwright.codesign.sourcing import offers_of_menu
from stackwright.codesign.uncertainty import draw, uncertain
from stackwright.core.spec import map_leaves
from stackwright.finance.terms import Terms
from stackwright.stack.deployment import money
from stackwright.stack.parts import Part, Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

DRAWS = 256
RESOLVED = 16
"""Draws in which a design's plant is solved anew."""
FITTED_TYPES = ("SoftwareStack", "KernelFamily", "TrainingRelease", "Likeness")
"""Types of records whose numbers were fitted together: see `uncertainty.FITTED`."""


@dataclass(frozen=True)
class Cause:
    """Fields whose numbers move together over all records; `share` is the correlation of any two of them."""

    name: str
    fields: tuple[tuple[str, str], ...]
    """Layer and field."""
    share: float
    reason: str


CAUSES = (
    Cause(
        "model of the engine",
        (("interface", "time_spread"), ("training", "time_spread")),
        0.5,
        "one model of kernels, collectives and rounds predicts all engines; what is left is the engine's own",
    ),
    Cause(
        "market of accelerators",
        (("rack", "price_per_chip"), ("rack", "rent_committed"), ("rack", "rent_on_demand"), ("chip", "price")),
        0.6,
        "buyers pay what competing systems cost, and memory and packaging are bought from the same few firms",
    ),
    Cause(
        "market of network parts",
        tuple(("network", name) for name in ("switch_price", "optic_price", "nic_price")),
        0.5,
        "switch chips and optics come from the same few firms",
    ),
    Cause(
        "construction",
        (
            ("datacenter", "building_cost"),
            ("datacenter", "reference_cost"),
            ("datacenter", "shell"),
            ("datacenter", "fit_out"),
            ("datacenter", "capex_per_watt"),
            ("cooling", "capex_per_watt"),
            ("cooling", "chiller_capex"),
            ("cooling", "dry_cooler_capex"),
            ("power", "capex"),
            ("power", "power_capex"),
            ("power", "energy_capex"),
        ),
        0.6,
        "labor, copper and switchgear are bought in one market, whatever is built",
    ),
    Cause(
        "wholesale power",
        (("power", "mean_price"), ("power", "price"), ("power", "fuel_price")),
        0.6,
        "gas sets the price in most hours of most markets, and sellers of contracts follow the market",
    ),
    Cause(
        "charges of the grid",
        (("power", "delivery_charge"), ("power", "capacity_charge")),
        0.4,
        "the same lines and plants are missing everywhere, but each operator has tariffs of its own",
    ),
    Cause(
        "what chips are made of",
        tuple(("finance", name) for name in ("wafer_price", "memory_price", "package_cost", "defect_density")),
        0.7,
        "programs buy wafers, memory and packages of the same few firms, most of them on one process",
    ),
    Cause(
        "design of chips",
        tuple(("finance", name) for name in ("nre", "partner_nre", "system_cost")),
        0.5,
        "one trade of engineers, tools and boards, whose costs are told by the same few estimates",
    ),
    Cause(
        "model of power",
        tuple(
            ("chip", name)
            for name in (
                "idle_share",
                "leakage_share",
                "leakage_slope",
                "awake_share",
                "busy_share",
                "busy_saturation",
                "energy_per_flop_bf16",
                "energy_per_flop_fp8",
                "energy_per_flop_fp4",
                "energy_per_flop_int8",
                "energy_per_memory_byte",
                "energy_per_link_byte",
                "voltage_threshold",
                "constant_share",
            )
        ),
        0.5,
        "one way of telling what a chip draws was fitted on few chips and carried over to the others",
    ),
    Cause(
        "rack's own supplies",
        (("datacenter", "rack_supply_scale"),),
        1.0,
        "distributions of the same current meet the same rack",
    ),
    Cause(
        "rack's own busbar",
        (("datacenter", "rack_busbar_scale"),),
        1.0,
        "distributions of the same current meet the same rack",
    ),
)
"""Correlations are assumptions, each with its reason; fields that are in none are drawn apart for each record.

A cause is drawn once for each of its fields and not once for all of them: a field's numbers move together over the
records."""

HELD = "liquid_share"
"""Not drawn: by it the racks' thermal classes are told apart."""

PEAKS = "peak_"
"""Fields of one chip that begin so have one draw: what the matrix units sustain of one is what they do of all."""


@dataclass(frozen=True)
class Draws:
    """Standard normal draws by the name of an input, stratified: each has one draw in every 1/n of its range.

    Sums of a common and an own part are so in the mean only. Source: McKay, Beckman and Conover (1979), Latin
    hypercube sampling.
    """

    count: int
    seed: int
    spread: float = 1.0
    """Factor on all ranges; at zero every draw is the record's value."""

    @cached_property
    def _strata(self) -> np.ndarray:
        normal = NormalDist()
        return self.spread * np.array([normal.inv_cdf((place + 0.5) / self.count) for place in range(self.count)])

    def _shuffled(self, *names: str) -> np.ndarray:
        digest = hashlib.sha256(".".join(names).encode()).digest()
        words = np.frombuffer(digest, dtype=np.uint32).tolist()
        return np.random.default_rng([self.seed, *words]).permutation(self._strata)

    def standard(self, layer: str, record: str, field: str) -> np.ndarray:
        """Draws [n] of one number of a record."""
        own = self._shuffled(layer, record, PEAKS if field.startswith(PEAKS) else field)
        cause = cause_of(layer, field)
        if cause is None:
            return own
        common = self._shuffled(cause.name, layer, field)
        return float(np.sqrt(cause.share)) * common + float(np.sqrt(1.0 - cause.share)) * own

    def spec(self, layer: str, part: Part) -> Any:
        """The part's spec with each uncertain number drawn [n]."""
        found = uncertain(part, fitted=part.record.type in FITTED_TYPES)
        drawn = {name: draw(datum, name, self.standard(layer, part.id, name)) for name, datum in found if name != HELD}
        return replace(part.spec, **drawn) if drawn else part.spec


def cause_of(layer: str, field: str) -> Cause | None:
    """What a field's numbers have in common over records; None where they have nothing."""
    return next((cause for cause in CAUSES if (layer, field) in cause.fields), None)


class DrawnParts(Parts):
    """Parts whose specs hold draws [n] of their uncertain numbers; the records are the same."""

    def __init__(self, parts: Parts, draws: Draws) -> None:
        super().__init__(parts.catalog)
        self.nominal = parts
        self.draws = draws

    def get(self, layer: str, name: str) -> Part:
        """The part that a name means in a layer, under all draws."""
        part = self.nominal.get(layer, name)
        if (layer, part.id) not in self._parts:
            self._parts[layer, part.id] = replace(part, spec=self.draws.spec(layer, part))
        return self._parts[layer, part.id]


class OneDraw(Parts):
    """Parts under one of the draws."""

    def __init__(self, drawn: DrawnParts, index: int) -> None:
        super().__init__(drawn.catalog)
        self._drawn = drawn
        self._index = index

    def get(self, layer: str, name: str) -> Part:
        """The part that a name means in a layer, under the draw."""
        part = self._drawn.get(layer, name)
        if (layer, part.id) not in self._parts:
            self._parts[layer, part.id] = replace(part, spec=at_draw(part.spec, self._index))
        return self._parts[layer, part.id]


def at_draw(spec: Any, index: int) -> Any:
    """A spec under one of its draws. Source: definition."""
    return map_leaves(lambda _, leaf: float(leaf[index]) if getattr(leaf, "ndim", 0) else leaf, spec)


@dataclass(frozen=True)
class OneMenu:
    """A study's menu under one draw: what a search of it reads."""

    grid: Grid
    """Rows that meet the targets under this draw, in cells of its specs."""
    rows: np.ndarray
    """Which of the candidates these are."""
    classes: list[PlantClass]
    terms: Terms
    parts: Parts


@dataclass(frozen=True)
class Drawn:
    """A study's menu under draws of its inputs: the same draws for every design."""

    study: Study
    scenario: Scenario
    grid: Grid
    """Cells with their rows cut to the candidates."""
    numbers: dict[str, np.ndarray]
    """Of the candidates [R, n], by the names of the rows' own; [R, 1] where no draw moves them."""
    plants: DrawnPlants
    parts: DrawnParts

    def __len__(self) -> int:
        return self.parts.draws.count

    def __iter__(self) -> Iterator[OneMenu]:
        return (self.at(index) for index in range(len(self)))

    def at(self, index: int, only: np.ndarray | None = None) -> OneMenu:
        """The menu under one draw: candidates that meet the targets, or `only` these whether they do or not."""
        parts = OneDraw(self.parts, index)
        numbers = {name: values[:, index if values.shape[1] > 1 else 0].copy() for name, values in self.numbers.items()}
        misses = kind_of(self.study).misses(numbers, self.scenario)
        fits = np.flatnonzero(np.maximum.reduce([*misses.values()]) <= 0.0) if only is None else only
        systems = tuple(parts.get("rack", system.id) for system in self.grid.systems)
        return OneMenu(
            grid=replace(
                self.grid,
                cells=drawn_cells(self.grid, parts),
                systems=systems,
                rows=rows_at(self.grid.rows, fits, numbers),
                offers=offers_of_menu(self.study, parts, systems),
            ),
            rows=fits,
            classes=self.plants.at(index),
            terms=terms_of(self.study, parts),
            parts=parts,
        )


@dataclass(frozen=True)
class Resolved:
    """A design under some of the draws: its score with rescaled weights, and with its plant solved anew [d]."""

    draws: np.ndarray
    rescaled: np.ndarray
    exact: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Rescaled over exact scores, less one [d]. Source: definition."""
        return self.rescaled / self.exact - 1.0

    @property
    def median(self) -> float:
        """Median of the differences' sizes. Source: definition."""
        return float(np.median(abs(self.difference)))

    @property
    def largest(self) -> float:
        """Largest of the differences' sizes. Source: definition."""
        return float(abs(self.difference).max())


def resolved(drawn: Drawn, pick: Pick, count: int = RESOLVED) -> Resolved:
    """A design's score under some of the draws, with the weights of each and with those of its plant solved anew.

    `pick` names a candidate by its row, and a class and an option of the drawn plants.
    """
    places = np.linspace(0, len(drawn) - 1, min(count, len(drawn))).astype(int)
    pairs = [_both_scores(drawn, pick, int(place)) for place in places]
    rescaled, exact = np.array(pairs).T
    return Resolved(draws=places, rescaled=rescaled, exact=exact)


def _both_scores(drawn: Drawn, pick: Pick, index: int) -> tuple[float, float]:
    menu = drawn.at(index, np.array([pick.row]))
    row = replace(pick, row=0)
    sides = sides_of(menu.grid, menu.classes, row)
    option = sides[0].options[pick.option]
    exact = plant_classes(_only(drawn.study, option), menu.parts, drawn.scenario, list(menu.grid.systems))
    again = tuple(next(one for one in exact if one.thermal == side.thermal) for side in sides)
    cash, rented = money(menu.terms, drawn.scenario.years), pick.sourcing == "rent"

    def score(classes: tuple[PlantClass, ...], place: int) -> float:
        rows = sides_rows(drawn.scenario, menu.grid, classes, np.array([0]), cash, sourcing=pick.sourcing)
        found, _ = scores(drawn.study, drawn.scenario, rows, cash, rented=rented)
        return float(found[0, place])

    return score(sides, pick.option), score(again, 0)


def _only(study: Study, option: PlantOption) -> Study:
    """The study with one plant on its menu."""
    held = {
        "cooling": {"type": (option.cooling,), "supply_temperature": (option.supply_temperature,)},
        "datacenter": {
            "site": (option.site,),
            "redundancy": (option.redundancy,),
            "distribution": (option.distribution,),
        },
        "power": {"portfolio": (menu_of(study, option.portfolio),)},
    }
    return study.model_copy(
        update={name: getattr(study, name).model_copy(update=values) for name, values in held.items()}
    )


def drawn_menu(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    grid: Grid,
    classes: list[PlantClass],
    draws: Draws,
    candidates: np.ndarray | None = None,
) -> Drawn:
    """The menu of a study under draws of all its inputs: all plants, and `candidates` of the grid's rows, or all."""
    drawn = DrawnParts(parts, draws)
    cut = grid if candidates is None else replace(grid, rows=rows_at(grid.rows, candidates))
    return Drawn(
        study=study,
        scenario=scenario,
        grid=cut,
        numbers=drawn_numbers(cut, drawn, scenario, draws.count),
        plants=drawn_plants(study, drawn.nominal, drawn, scenario, classes, draws.count),
        parts=drawn,
    )
