"""How a stack comes about where nobody optimizes it as one: layer after layer, team after team, option by option.

Every baseline decides by the true objective and is as strong as its owner would make it: serving is tuned again after
every decision, a layer that is not decided yet gives way where it cannot be combined with one that is, and of options
that are equally good the reference's stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stackwright.codesign.layers import DECISIONS, HARDWARE, PLANT, Layered
from stackwright.codesign.table import Point

SINGLE: tuple[tuple[str, ...], ...] = tuple((layer,) for layer in DECISIONS)
"""Every layer by itself."""
PRODUCT: tuple[tuple[str, ...], ...] = (("model", "chip", "rack"), ("network",), *((layer,) for layer in PLANT))
"""Model, chip and rack decided as one product."""
INFRASTRUCTURE, FACILITY = HARDWARE, PLANT
"""The two teams: what computes, and what houses and feeds it."""

SAME = 1e-9
"""Relative difference below which options count as equally good."""
STARTS = 64
"""Random designs from which the best responses of single layers start, beside the reference."""
ROUNDS = 50
"""Rounds of best responses after which no layer moves, in every study so far within ten."""

MOST_EQUAL = 1000
"""Equally good designs that are compared with the reference."""

State = tuple[int | None, ...]
"""Number of the option of each layer of `DECISIONS`; None where it is not decided."""


@dataclass
class Baseline:
    """A design that a way of deciding leads to; `point` is None where it leads to none that can be built."""

    point: Point | None
    value: float
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Orders:
    """What all orders of some decisions lead to."""

    count: int
    total: float
    best: Baseline
    worst: Baseline

    @property
    def mean(self) -> float:
        """Mean value over the orders."""
        return self.total / self.count


@dataclass
class Teams:
    """Layers that decide in turn, on one table from one reference."""

    layers: Layered
    _ways: dict[tuple[State, tuple[tuple[str, ...], ...]], Orders] = field(default_factory=dict)

    def orders(self, units: Sequence[tuple[str, ...]] = SINGLE) -> Orders:
        """All orders in which these units decide, exactly: what is decided, and how, is all that later ones see."""
        return self._orders((None,) * len(DECISIONS), tuple(units))

    def in_order(self, units: Sequence[tuple[str, ...]]) -> Baseline:
        """What one order leads to."""
        state: State = (None,) * len(DECISIONS)
        for unit in units:
            state = self.decide(state, unit)
        return self.outcome(state)

    def _orders(self, state: State, units: tuple[tuple[str, ...], ...]) -> Orders:
        if not units:
            end = self.outcome(state)
            return Orders(1, end.value, end, end)
        key = (state, units)
        if key not in self._ways:
            made = [
                self._orders(self.decide(state, unit), units[:place] + units[place + 1 :])
                for place, unit in enumerate(units)
            ]
            self._ways[key] = Orders(
                count=sum(one.count for one in made),
                total=sum(one.total for one in made),
                best=min((one.best for one in made), key=lambda end: end.value),
                worst=max((one.worst for one in made), key=lambda end: end.value),
            )
        return self._ways[key]

    def decide(self, state: State, unit: tuple[str, ...]) -> State:
        """The state once the layers of a unit have taken what is best with all that is not decided at the reference."""
        found = self._best(state, unit)
        taken = self.layers.point if found is None else self.layers.options_of(found)
        return tuple(taken[layer] if layer in unit else known for layer, known in zip(DECISIONS, state, strict=True))

    def outcome(self, state: State) -> Baseline:
        """The design of a state in which every layer is decided, or else held."""
        found = self._best(state, ())
        return Baseline(found, np.inf if found is None else self.layers.value(found))

    def _best(self, state: State, free: tuple[str, ...]) -> Point | None:
        """The best design with the layers of `free` free, decided ones as they are, all others held."""
        layers, known = self.layers, dict(zip(DECISIONS, state, strict=True))
        choices = np.flatnonzero(self._open(known, free))
        if not len(choices):
            return None
        axes = [choices]
        for layer, held in zip(PLANT, layers.reference[1:], strict=True):
            decided = known[layer]
            one = np.array([held if decided is None else decided])
            axes.append(np.arange(len(layers.options[layer])) if layer in free else one)
        grid, cooling = list(np.ix_(*axes)), None
        if "cooling" not in free and known["cooling"] is None:
            cooling = layers.stands_in[choices]
            grid[1] = cooling[:, None, None, None, None]
        return self._pick(layers.score[tuple(grid)], axes, cooling)

    def _open(self, known: Mapping[str, int | None], free: tuple[str, ...]) -> np.ndarray:
        """Choices that agree with what is decided, with layers that are neither decided nor free held [C]."""
        layers = self.layers
        fits = np.ones(len(layers.table.choices), dtype=bool)
        for layer in HARDWARE:
            decided = known[layer]
            if decided is not None:
                fits &= layers.codes[layer] == decided
            elif layer not in free:
                fits &= layers.held[layer]
        return fits

    def _pick(self, value: np.ndarray, axes: Sequence[np.ndarray], cooling: np.ndarray | None) -> Point | None:
        """The best of an array over axes of options; of equals, that which shares most with the reference."""
        least = float(value.min())
        if not np.isfinite(least):
            return None
        equal = np.argwhere(value <= least + SAME * abs(least))
        points = []
        for place in equal[:MOST_EQUAL]:
            parts = [int(axis[index]) for axis, index in zip(axes, place, strict=True)]
            if cooling is not None:
                parts[1] = int(cooling[place[0]])
            points.append(Point(*parts))
        own = self.layers.point
        return max(points, key=lambda point: sum(own[k] == v for k, v in self.layers.options_of(point).items()))


def best_responses(layers: Layered, start: Point) -> Point:
    """Where single layers stop moving, each to what is best with all others as they are."""
    point = start
    for _ in range(ROUNDS):
        before = point
        for layer in DECISIONS:
            point = _response(layers, point, layer)
        if point == before:
            return point
    return point


def _response(layers: Layered, point: Point, layer: str) -> Point:
    """The best design that differs in one layer alone; a rack's fabric goes with it where it cannot stay."""
    if layer in PLANT:
        axis = 1 + PLANT.index(layer)
        points = [Point(*(*point[:axis], option, *point[axis + 1 :])) for option in range(layers.score.shape[axis])]
    else:
        points = [point._replace(choice=int(choice)) for choice in np.flatnonzero(_beside(layers, point.choice, layer))]
    values = layers.score[tuple(np.array(points).T)]
    best, own = int(values.argmin()), layers.value(point)
    return points[best] if values[best] < own - SAME * abs(own) else point


def _beside(layers: Layered, choice: int, layer: str) -> np.ndarray:
    """Choices whose other layers are those of a choice; networks that a rack does not take give way [C]."""
    others = [name for name in HARDWARE if name != layer]
    same = {name: layers.codes[name] == layers.codes[name][choice] for name in others}
    if layer in ("chip", "rack"):
        same["network"] = same["network"] | (layers.held["network"] & ~_takes(layers, choice))
    return np.logical_and.reduce(list(same.values()))


def _takes(layers: Layered, choice: int) -> np.ndarray:
    """Whether a choice's system can have the fabric of another choice [C]."""
    fabric = layers.table.choices[choice].fabric
    listed = {one.system for one in layers.table.choices if one.fabric == fabric}
    return np.array([one.system in listed for one in layers.table.choices])


def coordinate_wise(layers: Layered, seed: int, starts: int = STARTS) -> Iterator[Baseline]:
    """Where best responses lead from the reference, and from random designs that can be built."""
    finite = np.flatnonzero(np.isfinite(layers.score))
    drawn = np.random.default_rng(seed).choice(finite, size=min(starts, len(finite)), replace=False)
    points = [Point(*(int(place) for place in np.unravel_index(flat, layers.score.shape))) for flat in drawn]
    for start in (layers.reference, *points):
        end = best_responses(layers, start)
        yield Baseline(end, layers.value(end))


def two_teams(layers: Layered, *, plant_first: bool) -> Baseline:
    """One team decides all of its layers at once with the other's at the reference, then the other does."""
    teams = Teams(layers)
    units = (FACILITY, INFRASTRUCTURE) if plant_first else (INFRASTRUCTURE, FACILITY)
    return teams.in_order(units)
