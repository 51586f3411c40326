"""The best row for each plant option on whatever device JAX has: products of a fleet's columns with a plant's weights.

A device multiplies in single precision and keeps one number for each block of rows and option: the least score of the
block's rows that the option can carry. That number, less the most that rounding can have added, bounds the block from
below; blocks that may hold the best row are scored again on the host in double precision, best bound first, until no
bound is lower than a score. The answer is thus that of the whole product in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

BLOCK = 1024
"""Rows of a block: a device reduces one at a time for all options, and the host scores as many again."""
ROUNDING = 2.0**-24
"""Of single precision, over the number: half a unit in its last place."""
SLACK = 1e-5
"""By how much a row may seem to exceed an option's capacity in single precision and still be kept for the host."""


@dataclass(frozen=True)
class Best:
    """For each option the least score [P], infinity where no row fits, and the row that has it [P]."""

    score: np.ndarray
    row: np.ndarray
    rescored: int
    """Pairs that were scored in double precision."""


def exact_minimum(columns: np.ndarray, weights: np.ndarray, load: np.ndarray, capacity: np.ndarray) -> Best:
    """The same by one product in double precision: what `pair_minimum` is checked against."""
    score = columns @ weights
    score[load[:, None] > capacity[None, :]] = np.inf
    return Best(score.min(axis=0), score.argmin(axis=0), score.size)


def pair_minimum(columns: np.ndarray, weights: np.ndarray, load: np.ndarray, capacity: np.ndarray) -> Best:
    """The best of rows for each option: least ``columns @ weights`` where ``load <= capacity``.

    `columns` [R, C], `weights` [C, P], `load` [R], `capacity` [P]. Needs JAX.
    """
    least = block_minima(Held.of(columns, load), weights, capacity)
    return _settled(least - _margin(columns, weights), columns, weights, load, capacity)


@dataclass(frozen=True)
class Held:
    """Rows on the device in blocks, single precision: columns [B, BLOCK, C] and load [B, BLOCK]."""

    columns: Any
    load: Any

    @classmethod
    def of(cls, columns: np.ndarray, load: np.ndarray) -> Held:
        """The rows, padded with such as no option can carry."""
        import jax.numpy as jnp

        missing = -len(columns) % BLOCK
        wide = np.pad(columns, ((0, missing), (0, 0))).astype(np.float32)
        full = np.pad(load, (0, missing), constant_values=np.inf).astype(np.float32)
        return cls(jnp.asarray(wide.reshape(-1, BLOCK, columns.shape[1])), jnp.asarray(full.reshape(-1, BLOCK)))


def block_minima(rows: Held, weights: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Least score of each block for each option in single precision [B, P]; infinity where no row of it fits."""
    room = (capacity * (1.0 + SLACK)).astype(np.float32)
    return np.asarray(_minima()(rows.columns, rows.load, weights.astype(np.float32), room), dtype=float)


@cache
def _minima() -> Any:
    """The kernel; JAX is imported when it is first asked for."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def minima(columns: Any, load: Any, weights: Any, room: Any) -> Any:
        def least(block: tuple[Any, Any]) -> Any:
            score = jnp.matmul(block[0], weights, precision="highest")
            return jnp.where(block[1][:, None] <= room, score, jnp.inf).min(axis=0)

        return jax.lax.map(least, (columns, load))

    return minima


def _margin(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Most by which single precision can be above double precision [B, P], by block and option.

    Source: Higham 2002, section 3.1 (inner products); both factors are rounded once and each term C times.
    """
    terms = columns.shape[1] + 3
    starts = range(0, len(columns), BLOCK)
    largest = np.stack([np.abs(columns[start : start + BLOCK]).max(axis=0) for start in starts])
    return terms * ROUNDING / (1.0 - terms * ROUNDING) * (largest @ np.abs(weights))


def _settled(
    bound: np.ndarray, columns: np.ndarray, weights: np.ndarray, load: np.ndarray, capacity: np.ndarray
) -> Best:
    """Blocks in order of their bounds [B, P], scored in double precision until no bound is lower than a score."""
    order = np.argsort(bound, axis=0, kind="stable")
    options = np.arange(bound.shape[1])
    score, row, rescored = np.full(len(options), np.inf), np.zeros(len(options), dtype=int), 0
    for turn in range(len(bound)):
        block = order[turn]
        open_ = np.flatnonzero(bound[block, options] <= np.minimum(score, np.finfo(float).max))
        if not len(open_):
            break
        for number in np.unique(block[open_]):
            mine = open_[block[open_] == number]
            rows = slice(number * BLOCK, (number + 1) * BLOCK)
            own = columns[rows] @ weights[:, mine]
            own[load[rows, None] > capacity[None, mine]] = np.inf
            rescored += own.size
            place = own.argmin(axis=0)
            value = own[place, np.arange(len(mine))]
            first = number * BLOCK + place
            better = (value < score[mine]) | ((value == score[mine]) & (first < row[mine]))
            score[mine[better]], row[mine[better]] = value[better], first[better]
    return Best(score, row, rescored)
