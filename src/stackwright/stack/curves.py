"""What a year of load costs at a plant whose hours are decided, as cuts that a search can read.

A curve is the dispatch program on typical days at several sizes of one load; each size gives a cut: the cost
there, and the price of each hour. Curves are kept by content: a file of the user's cache holds what was solved
for just these numbers, so that a second search of the same plant solves nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from stackwright import __version__
from stackwright.core.units import (
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Array,
    Dollars,
    DollarsPerJoule,
    KilogramsCO2PerJoule,
    Watts,
)
from stackwright.power.contract import Settlement
from stackwright.power.cuts import Cuts, content_key, cost_curve
from stackwright.power.supply import Supply
from stackwright.stack.supply import supply_of

if TYPE_CHECKING:
    from stackwright.stack.plant import Plant

CACHE_VARIABLE = "STACKWRIGHT_CACHE"
SOLVED_BY = ("adequacy", "cuts", "dispatch", "supply", "typical_days")
"""Modules of the power layer whose code makes a curve what it is."""
KNOTS = (0.02, 0.2, 0.4, 0.55, 0.7, 0.85, 1.0)
"""Sizes of the load over the most that the plant carries."""
ONE_SIZE: tuple[float, ...] = (1.0,)
"""Where all sizes follow the load, the cost is in proportion to it."""
MIDDLE = 4
"""The knot whose emissions stand for all in a search; finalists count their own."""
MEAN_OF_MOST = 0.7
"""Mean load over the most, at which the search reads capacity rights and attributes of contracts that are
shares of the load; finalists settle their own."""
BEYOND = 3.0
"""The largest load of a curve over all that is bounded, where nothing bounds the load itself."""


@dataclass(frozen=True)
class YearCurve:
    """A year's cost of any load at a plant."""

    cuts: Cuts
    fixed: Dollars
    """Contracts of a given capacity: what is paid for them, less what their energy is worth at the market."""
    rate: Any
    """The same of contracts that are shares of the load, USD per watt of mean load."""
    carbon: KilogramsCO2PerJoule
    """Average emissions at the middle knot."""

    def coefficients(self, profiles: Array) -> tuple[Array, Array]:
        """Constants [K] and slopes [..., K] per watt of load profiles [..., H]: the cost is the largest cut."""
        constants, slopes = self.cuts.coefficients(profiles)
        return constants + self.fixed, slopes + self.rate * profiles.mean(axis=-1)[..., None]


class Curves:
    """Curves of a study's sites and portfolios, each solved once: from memory, from the cache, or now."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = cache_folder() if folder is None else folder
        self._known: dict[Any, YearCurve] = {}
        self._solved: dict[str, Mapping[str, Array]] = {}

    def of(self, plant: Plant, shape: Array, peak: Watts, calendar: float) -> YearCurve:
        """The curve of a plant in a calendar year; loads of other shapes than `shape` [H] read the same cuts.

        `peak` is what all that is installed draws at once where the load is `shape`.
        """
        key = plant.key_in(calendar)
        if key not in self._known:
            self._known[key] = self._curve(plant, shape, float(peak), calendar)
        return self._known[key]

    def _curve(self, plant: Plant, shape: Array, peak: Watts, calendar: float) -> YearCurve:
        year = calendar - plant.first_year
        top = largest_load(plant, year) / peak * shape
        mean = MEAN_OF_MOST * float(top.mean())
        contracts = plant.specs.portfolio.contracts
        capacities = [
            contract.capacity_for_share(mean_load=mean, share=share) if capacity is None else capacity
            for contract, share, capacity in zip(contracts, plant.covered.shares, plant.covered.capacities, strict=True)
        ]
        problem, settled = supply_of(
            plant,
            top,
            calendar,
            capacities=capacities,
            peak=peak / float(shape.mean()),
            busy_share=plant.busy_share,
        )
        # Energy of contracts from off the site is as good as the market's: taken or sold again, it is worth the
        # market price, so it decides nothing, and its worth is a constant beside its payment.
        problem = replace(problem, delivered=0.0)
        scales = KNOTS if bounded(plant, year) else ONE_SIZE
        cuts = Cuts.from_arrays(self._cached(problem, scales))
        net = [net_cost(item, problem.connection.price) for item in settled]
        shared = [capacity is None for capacity in plant.covered.capacities]
        middle = min(MIDDLE, len(scales) - 1)
        return YearCurve(
            cuts=cuts,
            fixed=sum((cost for cost, share in zip(net, shared, strict=True) if not share), start=0.0),
            rate=sum((cost for cost, share in zip(net, shared, strict=True) if share), start=0.0) / mean,
            carbon=float(cuts.carbon[middle]) / (scales[middle] * float(problem.load.mean()) * SECONDS_PER_YEAR),
        )

    def _cached(self, problem: Supply, scales: Sequence[float]) -> Mapping[str, Array]:
        content = f"{method()} {content_key(problem)} {tuple(scales)!r}"
        digest = hashlib.sha256(content.encode()).hexdigest()
        if digest not in self._solved:
            path = self._folder / f"{digest}.npz"
            self._solved[digest] = _kept(path) or _keep(path, cost_curve(problem, scales).to_arrays())
        return self._solved[digest]


def net_cost(item: Settlement, price: DollarsPerJoule) -> Dollars:
    """What a contract costs in a year, less what the energy is worth at the market that it delivers over the grid."""
    worth = float((item.delivered * (1.0 - item.onsite) * item.generation * price).sum()) * SECONDS_PER_HOUR
    return float(np.squeeze(item.cost)) - worth


@cache
def method() -> str:
    """What a kept curve was solved by, so that one of another solver or of other code is not taken for it."""
    digest = hashlib.sha256(version("highspy").encode())
    for name in SOLVED_BY:
        digest.update(files("stackwright.power").joinpath(f"{name}.py").read_bytes())
    return f"{__version__} {digest.hexdigest()}"


def _kept(path: Path) -> Mapping[str, Array] | None:
    """What a file holds; None where there is none, or where it is damaged and has to be made anew."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def _keep(path: Path, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Write what was solved whole or not at all; a folder that cannot be written costs the next search its time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}-{get_ident()}.npz")
        np.savez(unfinished, **arrays)
        unfinished.replace(path)
    except OSError:
        pass
    return arrays


def cache_folder() -> Path:
    """Where curves are kept: the folder that STACKWRIGHT_CACHE names, else one in the user's cache."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "stackwright" / "dispatch"


def bounded(plant: Plant, year: float) -> bool:
    """Whether something of the plant has a size that does not follow the load."""
    sizes = [sizing.least > 0.0 or np.isfinite(sizing.most) for sizing in plant.sources.sizings]
    given = [capacity is not None for capacity in plant.covered.capacities]
    return any(sizes) or any(given) or np.isfinite(plant.sources.firm(year))


def largest_load(plant: Plant, year: float) -> Watts:
    """Where a curve ends: the peak that the plant carries, or a multiple of all that has a size, or a megawatt."""
    carried = plant.sources.carried(year, plant.busy_share)
    if np.isfinite(carried):
        return carried
    firm = plant.sources.firm(year)
    sizes = [sizing.most if np.isfinite(sizing.most) else sizing.least for sizing in plant.sources.sizings]
    fixed = [float(capacity) for capacity in plant.covered.capacities if capacity is not None]
    return BEYOND * (sum(sizes) + sum(fixed) + (firm if np.isfinite(firm) else 0.0)) or 1e6
