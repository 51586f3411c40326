"""Non-dominated points: what is left when everything that is worse in every respect is dropped."""

from __future__ import annotations

import numpy as np


def non_dominated(criteria: np.ndarray) -> np.ndarray:
    """Indices of the rows of ``criteria`` [N, D] that no other row beats; less is better throughout.

    Of rows that are equal in every criterion one stays. Rows are visited by the sum of their scaled
    criteria, so a row can only be beaten by one before it; each survivor drops all that it beats.
    Exact. O(F N D) for a front of F. Source: Pareto dominance (definition).
    """
    scale = np.abs(criteria).max(axis=0, initial=0.0)
    order = np.argsort((criteria / np.where(scale > 0, scale, 1.0)).sum(axis=1), kind="stable")
    alive, front = criteria[order], []
    while len(order):
        front.append(order[0])
        stays = (alive < alive[0]).any(axis=1)
        alive, order = alive[stays], order[stays]
    return np.sort(np.array(front, dtype=int))
