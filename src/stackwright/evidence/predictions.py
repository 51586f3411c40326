"""What a predictor says of the rows of a table, and how states of what a row leaves out are mixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.6448536269514722
"""95th percentile of a standard normal: half of a 90 % interval, in standard deviations."""


@dataclass(frozen=True)
class Predictions:
    """One entry per row, in the row's own unit; `low` and `high` are the 5th and 95th percentile.

    A refused row has the value 0 and its `reason`; `imputed` marks rows that leave an input out.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    imputed: np.ndarray
    reason: list[str | None]


def refused(reasons: list[str | None]) -> Predictions:
    """Predictions of which nothing is known yet but why some rows are refused. Source: definition."""
    zeros = np.zeros(len(reasons))
    return Predictions(zeros, zeros.copy(), zeros.copy(), np.zeros(len(reasons), dtype=bool), list(reasons))


def spread_of(low: float, high: float) -> float:
    """Standard deviation of the logarithm of a factor with this 5-95 % range.

    Source: definition (quantiles of a lognormal).
    """
    return float(np.log(high / low) / (2.0 * NORMAL_95))


def mixture_quantiles(
    *, row: np.ndarray, weight: np.ndarray, median: np.ndarray, spread: np.ndarray, rows: int, levels: tuple[float, ...]
) -> np.ndarray:
    """Quantiles [levels, rows] of mixtures of lognormals.

    State ``k`` belongs to row ``row[k]`` with `weight` (any scale), `median` and the standard
    deviation `spread` of its logarithm; every row needs a state. The quantiles are found by bisection
    between the outermost states. Source: definition.
    """
    center = np.log(median)
    total = np.bincount(row, weights=weight, minlength=rows)
    outer = 8.0 * spread + 1e-9
    found = np.empty((len(levels), rows))
    for index, level in enumerate(levels):
        low, high = np.full(rows, np.inf), np.full(rows, -np.inf)
        np.minimum.at(low, row, center - outer)
        np.maximum.at(high, row, center + outer)
        for _ in range(48):
            middle = 0.5 * (low + high)
            share = weight * _normal_cdf((middle[row] - center) / np.maximum(spread, 1e-9))
            below = np.bincount(row, weights=share, minlength=rows) < level * total
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found[index] = np.exp(0.5 * (low + high))
    return found


def _normal_cdf(score: np.ndarray) -> np.ndarray:
    """Abramowitz and Stegun 26.2.17 on each side of zero: the error is below 1e-7."""
    size = np.abs(np.clip(score, -12.0, 12.0))
    t = 1.0 / (1.0 + 0.2316419 * size)
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-0.5 * size**2) / np.sqrt(2.0 * np.pi) * series
    return np.where(score > 0, 1.0 - tail, tail)
