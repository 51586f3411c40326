"""What each layer is worth, and each pair: the optimum of every coalition of layers, and what follows from it.

C(S) is the optimum when the layers of S are free and the others held at the reference. The attribution is
Shapley's: the mean gain that a layer brings over all orders in which layers can be freed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from stackwright.codesign.layers import HARDWARE, LAYERS, PLANT, Layered, allowed


@dataclass(frozen=True)
class Coalitions:
    """The optimum of each coalition, by the bits of its layers in the order of `LAYERS` [512]."""

    optimum: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """By how much each coalition betters the reference [512]."""
        return self.optimum[0] - self.optimum

    def alone(self) -> dict[str, float]:
        """What each layer gains with all others at the reference."""
        return {layer: float(self.gain[1 << bit]) for bit, layer in enumerate(LAYERS)}

    def shapley(self) -> dict[str, float]:
        """What each layer brings to the whole; they sum to it.

        Source: L. S. Shapley (1953), A value for n-person games.
        """
        players, gain = len(LAYERS), self.gain
        sets = np.arange(len(gain))
        size = _sizes(sets)
        weight = np.array([factorial(n) * factorial(players - 1 - n) / factorial(players) for n in range(players)])
        made = {}
        for bit, layer in enumerate(LAYERS):
            without = sets[(sets >> bit) & 1 == 0]
            made[layer] = float((weight[size[without]] * (gain[without | 1 << bit] - gain[without])).sum())
        return made

    def interactions(self) -> dict[str, float]:
        """How much more, or less, two layers bring together than each by itself, over all that the others may do.

        Source: M. Grabisch, M. Roubens (1999), Int. J. of Game Theory 28: the interaction index of Shapley.
        """
        players, gain = len(LAYERS), self.gain
        sets = np.arange(len(gain))
        size = _sizes(sets)
        count = players - 1
        weight = np.array([factorial(n) * factorial(count - 1 - n) / factorial(count) for n in range(count)])
        made = {}
        for (first, a), (second, b) in combinations(enumerate(LAYERS), 2):
            one, two = 1 << first, 1 << second
            without = sets[(sets & (one | two)) == 0]
            both = gain[without | one | two] - gain[without | one] - gain[without | two] + gain[without]
            made[f"{a}+{b}"] = float((weight[size[without]] * both).sum())
        return made


def _sizes(sets: np.ndarray) -> np.ndarray:
    return ((sets[:, None] >> np.arange(len(LAYERS))) & 1).sum(axis=1)


def coalitions(layers: Layered, frozen: np.ndarray) -> Coalitions:
    """All coalitions of a table; `frozen` has the scores at the reference's settings of serving [C, K, D, E, F]."""
    optimum = np.empty(1 << len(LAYERS))
    bits = {layer: 1 << number for number, layer in enumerate(LAYERS)}
    hardware = _subsets(HARDWARE)
    for tuned, score in ((0, frozen), (bits["serving"], layers.score)):
        for names in hardware:
            best = score[allowed(layers, names)].min(axis=0)
            own = tuned | sum(bits[name] for name in names)
            for free, value in _plants(best, layers.point).items():
                optimum[own | sum(bits[name] for name in free)] = value
    return Coalitions(optimum)


def _subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [chosen for size in range(len(names) + 1) for chosen in combinations(names, size)]


def _plants(best: np.ndarray, held: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    """Minimum over the plant layers that are free of an array over all of them, for every choice of these."""
    made: dict[tuple[str, ...], np.ndarray] = {(): best}
    for layer in PLANT:
        # the axis of this layer is the first that is left
        made = {
            names + free: values.min(axis=0) if free else values[held[layer]]
            for names, values in made.items()
            for free in ((), (layer,))
        }
    return {names: float(value) for names, value in made.items()}
