"""Which points of a table can still win: what they are judged by, and the ones that nothing beats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stackwright.chip.power import PowerFamily
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.slabs import Slab
from stackwright.stack.performance import Cell
from stackwright.stack.scenario import Scenario

POOLS = ("decode", "prefill")
JUDGED = tuple(f"{pool}_{name}" for pool in POOLS for name in ("chips", "rate", "flops", "bytes"))
TARGETS = ("memory", "ttft_p95", "tpot_p95")


@dataclass(frozen=True)
class Draw:
    """What a pool's work costs its chips in watts, at one power cap."""

    family: PowerFamily
    precision: str
    clock: float

    def work(self, side: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        """Busy chips of a pool, and watts of their work, per unit of request rate [N, 2].

        Power depends on operations and bytes through the watts of the work alone. What a chip draws above idle rises
        with them, and less than in proportion: so a pool that has no more of both never draws more, whatever the
        temperature and the hour.
        """
        busy = side[f"{name}_chips"] / side[f"{name}_rate"]
        watts = self.family.work(
            flop_rate=side[f"{name}_flops"],
            byte_rate=side[f"{name}_bytes"],
            clock=self.clock,
            precision=self.precision,
        )
        return np.stack([busy, busy * watts], axis=1)


def draw_of(cell: Cell, power_cap: float) -> Draw:
    """How the chips of a cell turn its work into watts. Source: definition."""
    family, precision = cell.hardware.chip_power, cell.precision.weights
    return Draw(family, family.known_format(precision), float(cell.clock(np.float64(power_cap))))


def draws_of(cell: Cell, power_cap: float) -> list[Draw]:
    """One for a cell on one system; for decode and prefill where these stand on two."""
    return [draw_of(pool, power_cap) for pool in ((cell,) if cell.prefill is None else (cell, cell.prefill))]


def fleet_size(chips: np.ndarray, rate: np.ndarray, peak: np.ndarray | None) -> np.ndarray:
    """Chips by year [N, Y] for whole replicas, or per unit of request rate [N, 1] where the volume is open."""
    if peak is None:
        return (chips / rate)[:, None]
    return np.ceil(peak[None, :] / rate[:, None] - 1e-9) * chips[:, None]


def criteria(table: dict[str, np.ndarray], peak: np.ndarray | None, draws: Sequence[Draw]) -> np.ndarray:
    """What fleets are judged by [N, D]: whole chips by year of each system, and the work of each pool.

    Prices, networks, plants and idle chips are paid for by a system's chips, whatever these do: pools on one system
    are judged by their sum. `draws` has one entry for such pools, and one for each where they stand apart.
    """
    decode, prefill = (fleet_size(table[f"{name}_chips"], table[f"{name}_rate"], peak) for name in POOLS)
    chips = [decode + prefill] if len(draws) == 1 else [decode, prefill]
    work = [draw.work(table, name) for draw, name in zip((draws[0], draws[-1]), POOLS, strict=True)]
    return np.concatenate([*chips, *work], axis=1)


def worst_margin(table: Mapping[str, np.ndarray], scenario: Scenario) -> np.ndarray:
    """Largest violated margin of each row: memory, time to first token, time per token."""
    return np.maximum.reduce(
        [table["memory"], table["ttft_p95"] / scenario.ttft - 1.0, table["tpot_p95"] / scenario.tpot - 1.0]
    )


@dataclass(frozen=True)
class Choice:
    """Of a table: its points that can win, or else the one that comes nearest; and how many meet the targets."""

    rows: np.ndarray
    feasible: int
    latencies: np.ndarray | None = None
    """Of a side of pairs: the times to first token of all that fit, sorted."""


@dataclass
class Chooser:
    """Which points can win, found once for tables that are equal in all that decides.

    Many are: where no layout leaves the scale-up domain, fabric and oversubscription change nothing.
    """

    scenario: Scenario
    peak: np.ndarray | None
    every: bool = False
    _known: dict[bytes, Choice] = field(default_factory=dict)

    def of_table(self, table: Slab | dict[str, np.ndarray], draws: Sequence[Draw]) -> Choice:
        """Of points with one power cap and one oversubscription.

        These change clock and network price, so points that differ in them are not compared.
        """
        return self._once({name: table[name] for name in (*JUDGED, *TARGETS)}, draws, self._best)

    def of_side(self, side: Slab, name: str, draw: Draw) -> Choice:
        """Of the replicas of a pool that can be in a best pair."""
        ahead = "" if name == "decode" else "prefill_"
        slow = "tpot_p95" if name == "decode" else "prefill_ttft_p95"
        columns = {key: side[key] for key in JUDGED if key.startswith(name)}
        columns |= {"memory": side[f"{ahead}memory"], "first": side[f"{ahead}ttft_p95"], "slow": side[slow]}
        limit = self.scenario.tpot if name == "decode" else self.scenario.ttft
        return self._once(columns, [draw], lambda known, _: self._best_of_side(known, name, draw, limit))

    def _once(
        self,
        columns: dict[str, np.ndarray],
        draws: Sequence[Draw],
        choose: Callable[[dict[str, np.ndarray], Sequence[Draw]], Choice],
    ) -> Choice:
        names = [(id(draw.family), draw.precision, draw.clock) for draw in draws]
        digest = hashlib.sha256(repr((names, list(columns))).encode())
        for values in columns.values():
            digest.update(values.data)
        key = digest.digest()
        if key not in self._known:
            self._known[key] = choose(columns, draws)
        return self._known[key]

    def _best(self, columns: dict[str, np.ndarray], draws: Sequence[Draw]) -> Choice:
        miss = worst_margin(columns, self.scenario)
        rows = np.flatnonzero(miss <= 0)
        if not len(rows):
            return Choice(np.array([np.argmin(miss)]), 0)
        if self.every:
            return Choice(rows, len(rows))
        part = {name: values[rows] for name, values in columns.items()}
        return Choice(rows[non_dominated(criteria(part, self.peak, draws))], len(rows))

    def _best_of_side(self, columns: dict[str, np.ndarray], name: str, draw: Draw, limit: float) -> Choice:
        """Those that chips, work and latency leave; what is nearest to fitting where none fits."""
        memory, slow = columns["memory"], columns["slow"]
        rows = np.flatnonzero((memory <= 0) & (slow <= limit))
        if not len(rows):
            nearest = np.argmin(np.where(memory <= 0, slow, slow.max() * (2.0 + memory)))
            return Choice(np.array([nearest]), 0, np.zeros(0))
        part = {key: values[rows] for key, values in columns.items()}
        if self.every:
            return Choice(rows, len(rows), np.sort(part["first"]))
        chips = fleet_size(part[f"{name}_chips"], part[f"{name}_rate"], self.peak)
        judged = np.concatenate([chips, draw.work(part, name), part["first"][:, None]], axis=1)
        return Choice(rows[non_dominated(judged)], len(rows), np.sort(part["first"]))
