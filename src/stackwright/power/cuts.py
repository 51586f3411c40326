"""The yearly cost of any load at a plant as the highest of a few planes, from the dispatch at a few sizes of it.

Each plane is the cost and the price of every hour at one size of a reference load. The program's value is
convex in the load, so that the planes bound it from below (Kelley, The cutting-plane method for solving convex
programs, 1960), and a search that reads planes alone needs no solver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from stackwright.core.units import (
    SECONDS_PER_HOUR,
    Array,
    Dollars,
    DollarsPerJoule,
    Joules,
    KilogramsCO2,
    Ratio,
    Watts,
)
from stackwright.power.dispatch import Dispatcher
from stackwright.power.supply import Dispatch, Supply
from stackwright.power.typical_days import TypicalDays, typical

SWING = 0.2
"""Daily swing of the loads beside the reference at which planes are made too: the largest that a search meets."""
SWUNG = 2
"""Knots at which they are made: the largest, and every second one below it."""
PEAKS = (15.0, 21.0, 3.0, 9.0)
"""Hours of the day at which they peak: as heat does, as evenings do, and opposite to each."""
SERVED = 1e-9
"""Unserved share of a load up to which a plant is said to carry it."""


@dataclass(frozen=True)
class Cuts:
    """Planes under the yearly cost of a load: first one for each knot [K], a size of the reference load.

    More planes [P > K] are of loads that swing by the day, so that such loads are told as well.
    """

    scales: Ratio
    """[K] of the reference."""
    reference: Watts
    """[H] the load of the problem."""
    objective: Dollars
    """[K] of a year, at each knot."""
    constants: Dollars
    """[P] of each plane, at no load."""
    gradient: Any
    """[P, H] USD/W: what one more watt in one hour of the year costs."""
    clean_share: Ratio
    """[K] as the target counts; NaN without one."""
    carbon: KilogramsCO2
    """[K] of a year."""
    unserved: Joules
    """[K] of a year; a knot with some is beyond what the plant carries."""
    paused: Joules
    """[K] of a year."""
    peak: Watts
    """[K] highest draw of the typical days."""
    plants: tuple[str, ...]
    """Names of generators and stores."""
    capacity: Watts
    """[K, P] by plant."""
    storage_energy: Joules
    """[K, P]; zero for generators."""

    @property
    def hour_price(self) -> DollarsPerJoule:
        """[K, H] what one more joule in an hour costs at each knot. Source: definition."""
        return self.gradient[: len(self.scales)] / SECONDS_PER_HOUR

    @property
    def gap(self) -> Ratio:
        """[K] how far the planes lie below the cost at each knot, over it; zero where the cost is convex.

        Source: definition.
        """
        return 1.0 - self.cost(self.scales[:, None] * self.reference) / self.objective

    @property
    def carried(self) -> Array:
        """[K] whether the plant serves all of the load at a knot. Source: definition."""
        energy = self.scales * self.reference.sum() * SECONDS_PER_HOUR
        return self.unserved <= SERVED * energy

    def cost(self, load: Watts) -> Dollars:
        """Yearly cost [...] of loads [..., H]: the highest plane. Source: Kelley (1960)."""
        constants, slopes = self.coefficients(load)
        return (constants + slopes).max(axis=-1)

    def coefficients(self, profiles: Watts) -> tuple[Dollars, Array]:
        """Constants [P] and, for profiles [..., H], slopes [..., P]: b * profile costs max_p of c_p + b * a_p.

        Source: linearity of a plane.
        """
        return self.constants, profiles @ self.gradient.T

    def to_arrays(self) -> dict[str, Array]:
        """Plain arrays, by field, to be kept. Source: definition."""
        return {item.name: np.asarray(getattr(self, item.name)) for item in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Cuts:
        """Of what `to_arrays` gave. Source: definition."""
        kept = {item.name: arrays[item.name] for item in fields(cls)}
        return cls(**kept | {"plants": tuple(str(name) for name in kept["plants"])})


def cost_curve(problem: Supply, scales: Sequence[float], *, days: int = 24) -> Cuts:
    """Planes of a problem on typical days, at each scale of its load; everything else as it is.

    Along the reference load the planes are exact at the knots: the price of the chosen days is spread over the
    days that they stand for, and scaled so that growing the whole load costs what it costs on the chosen days.
    Source: Kelley (1960); perfect foresight within the chosen days.
    """
    told, mapping = typical(problem, days)
    dispatcher = Dispatcher(told)
    found = [dispatcher.solve(told.load * scale) for scale in scales]
    reference, knots = problem.load, np.array(scales, dtype=float)
    gradient = np.array([_gradient(item, told.load, told, mapping, reference) for item in found])
    objective = np.array([item.objective for item in found])
    made = [(float(cost), row) for cost, row in zip(objective - knots * (gradient @ reference), gradient, strict=True)]
    hour = np.arange(len(reference)) % mapping.hours
    for scale in sorted(scales[-1::-2][:SWUNG], reverse=True):
        for peak in PEAKS:
            swung = reference * (1.0 + SWING * np.cos(2.0 * np.pi * (hour - peak) / mapping.hours))
            shape = mapping.chosen(swung) * (told.load / np.maximum(mapping.chosen(reference), 1e-9))
            item = dispatcher.solve(shape * scale)
            row = _gradient(item, shape, told, mapping, swung)
            made.append((item.objective - scale * float(row @ swung), row))
    gradient = np.array([row for _, row in made])
    constants = np.array([cost for cost, _ in made])
    # Days tell the year only nearly, and a reserve may come in one step: no plane may lie above what a knot costs.
    over = (constants[:, None] + (gradient @ reference)[:, None] * knots - objective).max(axis=1)
    constants = constants - np.maximum(over, 0.0)
    plants = tuple(found[0].capacity)
    return Cuts(
        scales=knots,
        reference=reference,
        objective=objective,
        constants=constants,
        gradient=gradient,
        clean_share=np.array([np.nan if item.clean_share is None else item.clean_share for item in found]),
        carbon=np.array([item.carbon for item in found]),
        unserved=np.array([item.energy(item.unserved, told) for item in found]),
        paused=np.array([item.energy(item.paused, told) for item in found]),
        peak=np.array([item.peak for item in found]),
        plants=plants,
        capacity=np.array([[item.capacity[name] for name in plants] for item in found]),
        storage_energy=np.array([[item.storage_energy.get(name, 0.0) for name in plants] for item in found]),
    )


def content_key(problem: Supply) -> str:
    """A name for just these numbers: SHA-256 over all fields of a problem. Source: definition."""
    digest = hashlib.sha256()
    _feed(digest, problem)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    if is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for item in fields(value):
            digest.update(item.name.encode())
            _feed(digest, getattr(value, item.name))
    elif isinstance(value, tuple):
        digest.update(f"({len(value)}".encode())
        for item in value:
            _feed(digest, item)
    elif value is None or isinstance(value, str | bool):
        digest.update(repr(value).encode())
    else:
        array = np.ascontiguousarray(value, dtype=float)
        digest.update(repr(array.shape).encode())
        digest.update(array.tobytes())


def _gradient(found: Dispatch, load: Watts, told: Supply, mapping: TypicalDays, whole: Watts) -> Array:
    """USD/W [H], such that growing the whole load [H] costs what growing the load of the chosen days does."""
    spread = mapping.spread(found.hour_price * mapping.shares) * SECONDS_PER_HOUR
    growth = float((found.hour_price * load * told.weights).sum()) * SECONDS_PER_HOUR
    along = float(spread @ whole)
    return spread * (growth / along) if along > 0.0 else spread
