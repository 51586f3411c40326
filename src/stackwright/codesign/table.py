"""The value of every combination of layer options, with serving tuned in each: what co-design is computed from.

A `Choice` is one option of each layer of the performance half but serving: model, chip and power cap, system, network.
The plant's axes are cooling, place (site, redundancy, distribution), portfolio and sourcing. One evaluation of a
study's grid fills the table; the joint optimum, what each layer gains, and every baseline are then minima over
parts of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass


class Choice(NamedTuple):
    """One option of each layer of the performance half but serving."""

    architecture: str
    precision: str
    cache_precision: str
    draft_tokens: int
    system: str
    prefill_system: str | None
    chip: str
    power_cap: float
    fabric: str
    oversubscription: float


class Place(NamedTuple):
    """One option of the data center."""

    site: str
    redundancy: str
    distribution: str


class Point(NamedTuple):
    """Where a design stands in a table: indices along its axes."""

    choice: int
    cooling: int
    place: int
    portfolio: int
    sourcing: int


@dataclass(frozen=True)
class Table:
    """Best score over serving of every combination [C, K, D, E, F], to be minimized.

    Infinity where the parts cannot be combined, a limit is broken, or the system is not to be had.
    """

    choices: tuple[Choice, ...]
    coolings: tuple[tuple[str, float], ...]
    """Cooling type and supply temperature."""
    places: tuple[Place, ...]
    portfolios: tuple[str, ...]
    sourcings: tuple[str, ...]
    score: np.ndarray
    fits: np.ndarray
    """Whether a choice can stand under a cooling [C, K]: its racks take that kind of coolant."""
    may_win: np.ndarray
    """Whether a choice is to be had this way, at numbers that somebody stands behind [C, F]."""

    @property
    def open(self) -> np.ndarray:
        """Scores of designs that may win, infinity for all others [C, K, D, E, F]."""
        return np.where(self.may_win[:, None, None, None, :], self.score, np.inf)

    def best(self) -> Point:
        """The joint optimum; the first of equals."""
        return Point(*(int(place) for place in np.unravel_index(int(self.open.argmin()), self.score.shape)))


def choices_of(grid: Grid) -> tuple[tuple[Choice, ...], np.ndarray]:
    """The choices that the rows of a grid make, and the number of each row's [R]."""
    keys, cap, thin = grid.keys, grid.rows.choice["power_cap"], grid.rows.choice["oversubscription"]
    hardware: dict[Choice, int] = {}
    base = np.array([hardware.setdefault(_bare(grid, number), len(hardware)) for number in range(len(keys))], dtype=int)
    if not len(grid.rows):
        return (), np.zeros(0, dtype=int)
    caps, cap_code = np.unique(cap, return_inverse=True)
    thins, thin_code = np.unique(thin, return_inverse=True)
    flat = (base[grid.rows.cell] * len(caps) + cap_code) * len(thins) + thin_code
    used, code = np.unique(flat, return_inverse=True)
    bare = list(hardware)
    made = tuple(
        bare[int(number) // (len(caps) * len(thins))]._replace(
            power_cap=float(caps[int(number) // len(thins) % len(caps)]),
            oversubscription=float(thins[int(number) % len(thins)]),
        )
        for number in used
    )
    return made, code.ravel()


def _bare(grid: Grid, number: int) -> Choice:
    key = grid.keys[number]
    return Choice(
        key.architecture,
        key.precision,
        key.cache_precision,
        key.draft_tokens,
        key.system,
        key.prefill_system,
        key.chip,
        0.0,
        key.fabric,
        0.0,
    )


@dataclass(frozen=True)
class Frame:
    """The axes of a study's table, and where each plant option lies on them."""

    choices: tuple[Choice, ...]
    choice_of_row: np.ndarray
    coolings: tuple[tuple[str, float], ...]
    places: tuple[Place, ...]
    portfolios: tuple[str, ...]
    sourcings: tuple[str, ...]

    @classmethod
    def of(cls, grid: Grid, classes: list[PlantClass], sourcings: tuple[str, ...]) -> Frame:
        """The axes, each in the order in which the classes name their options."""
        choices, code = choices_of(grid)
        options = [option for plant in classes for option in plant.options]
        return cls(
            choices=choices,
            choice_of_row=code,
            coolings=tuple(dict.fromkeys((plant.cooling, plant.supply_temperature) for plant in classes)),
            places=tuple(
                dict.fromkeys(Place(option.site, option.redundancy, option.distribution) for option in options)
            ),
            portfolios=tuple(dict.fromkeys(option.portfolio for option in options)),
            sourcings=sourcings,
        )

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes of the axes."""
        return (
            len(self.choices),
            len(self.coolings),
            len(self.places),
            len(self.portfolios),
            len(self.sourcings),
        )

    def cooling_of(self, plant: PlantClass) -> int:
        """Number of a class's cooling and supply temperature."""
        return self.coolings.index((plant.cooling, plant.supply_temperature))

    def places_of(self, plant: PlantClass) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the place and of the portfolio of each option of a class [P]."""
        places = {place: number for number, place in enumerate(self.places)}
        portfolios = {name: number for number, name in enumerate(self.portfolios)}
        return (
            np.array([places[Place(one.site, one.redundancy, one.distribution)] for one in plant.options]),
            np.array([portfolios[one.portfolio] for one in plant.options]),
        )
