"""Figures of merit of predictions against measurements."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np


def absolute_error(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Absolute error as a fraction of the measurement. Source: definition."""
    return np.abs(predicted / measured - 1.0)


def kendall_tau(predicted: np.ndarray, measured: np.ndarray, group: Sequence[Hashable]) -> float | None:
    """Rank correlation over all pairs inside groups; None without a pair that differs in both.

    Concordant minus discordant pairs, over the geometric mean of the pairs that differ in the
    prediction and of those that differ in the measurement: tau-b with its sums over groups.
    Source: Kendall 1945, The treatment of ties in ranking problems.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(group):
        members[key].append(index)
    balance, guessed, measurable = 0.0, 0, 0
    for indices in members.values():
        rows = np.array(indices)
        truth = np.sign(measured[rows][:, None] - measured[rows])
        guess = np.sign(predicted[rows][:, None] - predicted[rows])
        balance += float((truth * guess).sum())
        guessed += int(np.count_nonzero(guess))
        measurable += int(np.count_nonzero(truth))
    return balance / math.sqrt(guessed * measurable) if guessed and measurable else None


def summary(
    *,
    predicted: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    measured: np.ndarray,
    group: Sequence[Hashable],
) -> dict[str, Any]:
    """The error figures of rows that were predicted; every figure is None where there is no row.

    Source: definition.
    """
    if not len(predicted):
        return dict.fromkeys(FIGURES)
    error = absolute_error(predicted, measured)
    return {
        "median_ape": float(np.median(error)),
        "p90_ape": float(np.quantile(error, 0.9)),
        "mean_ape": float(error.mean()),
        "median_ratio": float(np.median(predicted / measured)),
        "kendall_tau": kendall_tau(predicted, measured, group),
        "interval90_coverage": float(np.mean((low <= measured) & (measured <= high))),
        "interval90_width": float(np.median(high / low)),
    }


FIGURES = (
    "median_ape",
    "p90_ape",
    "mean_ape",
    "median_ratio",
    "kendall_tau",
    "interval90_coverage",
    "interval90_width",
)
"""Names of the error figures, in the order in which they are shown."""
