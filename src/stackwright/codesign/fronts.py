"""Non-dominated points: what is left when everything that is worse in every respect is dropped."""

from __future__ import annotations

import numpy as np

CHUNK = 256


def non_dominated(criteria: np.ndarray) -> np.ndarray:
    """Indices of the rows of ``criteria`` [N, D] that no other row beats; less is better throughout.

    Of rows that are equal in every criterion the first stays. Exact, O(N^2 D) in cache-sized chunks.
    Source: Pareto dominance (definition).
    """
    count = len(criteria)
    if count < 2:
        return np.arange(count)
    order = np.lexsort(criteria.T[::-1])
    ranked = criteria[order]
    kept = np.empty((0, criteria.shape[1]))
    chosen: list[np.ndarray] = []
    for start in range(0, count, CHUNK):
        block = ranked[start : start + CHUNK]
        free = ~_beaten(block, kept)
        candidates, places = block[free], order[start : start + CHUNK][free]
        inner = ~_beaten_earlier(candidates)
        kept = np.concatenate([kept, candidates[inner]])
        chosen.append(places[inner])
    return np.sort(np.concatenate(chosen))


def _beaten(block: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Which rows of a block some kept row is at least as good as, everywhere."""
    if not len(kept):
        return np.zeros(len(block), dtype=bool)
    return (kept[None, :, :] <= block[:, None, :]).all(axis=-1).any(axis=-1)


def _beaten_earlier(rows: np.ndarray) -> np.ndarray:
    """Which rows an earlier row of the same lexically sorted block is at least as good as."""
    better = (rows[None, :, :] <= rows[:, None, :]).all(axis=-1)
    return np.tril(better, k=-1).any(axis=-1)
