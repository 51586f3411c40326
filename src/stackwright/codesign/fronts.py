"""Non-dominated points: what is left when everything that is worse in every respect is dropped."""

from __future__ import annotations

import numpy as np

LEADERS = 8
"""Rows that are judged together: enough that few rounds are left, and few enough that a round stays small."""


def non_dominated(criteria: np.ndarray) -> np.ndarray:
    """Indices of the rows of ``criteria`` [N, D] that no other row beats; less is better throughout.

    Of rows that are equal in every criterion one stays. Rows are visited by the sum of their scaled
    criteria, so a row can only be beaten by one before it: the first few that are left are judged among
    themselves, and those that stay drop all that they beat.
    Exact. O(F N D) for a front of F. Source: Pareto dominance (definition).
    """
    columns = np.ascontiguousarray(criteria.T)
    scale = np.abs(columns).max(axis=1, initial=0.0, keepdims=True)
    order = np.argsort((columns / np.where(scale > 0, scale, 1.0)).sum(axis=0), kind="stable")
    alive, front = columns.take(order, axis=1), [order[:0]]
    earlier = np.triu(np.ones((LEADERS, LEADERS), dtype=bool), 1)
    while len(order):
        size = min(LEADERS, len(order))
        worse = np.logical_or.reduce(alive[:, :size, None] > alive[:, None, :], axis=0)
        leads = ~np.logical_or.reduce(~worse[:, :size] & earlier[:size, :size], axis=0)
        front.append(order[:size][leads])
        stays = size + np.flatnonzero(np.logical_and.reduce(worse[leads, size:], axis=0))
        alive, order = alive.take(stays, axis=1), order[stays]
    return np.sort(np.concatenate(front))


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
