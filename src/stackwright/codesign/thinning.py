"""Fronts of many small groups at once: what is left of each when all that is worse in every respect is dropped."""

from __future__ import annotations

import numpy as np


def undominated(groups: np.ndarray, criteria: np.ndarray) -> np.ndarray:
    """Places of the rows of ``criteria`` [N, D] that no other row of their group [N] beats; less is better throughout.

    Of equal rows one stays. In every round the row of each group with the smallest sum of scaled criteria, which
    nothing left can beat, joins its front and drops all that it beats, so there are as many rounds as the longest front
    has rows. Exact. Source: Pareto dominance (definition).
    """
    scale = np.abs(criteria).max(axis=0, initial=0.0)
    total = (criteria / np.where(scale > 0, scale, 1.0)).sum(axis=1)
    left = np.lexsort((total, groups))
    fronts = [left[:0]]
    while len(left):
        _, firsts, sizes = np.unique(groups[left], return_index=True, return_counts=True)
        leaders = left[firsts]
        fronts.append(leaders)
        left = left[(criteria[left] < np.repeat(criteria[leaders], sizes, axis=0)).any(axis=1)]
    return np.sort(np.concatenate(fronts))
