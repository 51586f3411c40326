"""Predictions beside measurements, and the error figures of any choice of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.evidence.predictions import Predictions
from stackwright.evidence.statistics import FIGURES, summary
from stackwright.evidence.tables import Table

Demand = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Judged:
    """One metric of a table: `index` are the rows that state it; the other arrays run along them."""

    metric: str
    index: np.ndarray
    measured: np.ndarray
    predictions: Predictions

    @property
    def predicted(self) -> np.ndarray:
        """True where the row was predicted."""
        return np.array([reason is None for reason in self.predictions.reason], dtype=bool)

    def where(self, chosen: np.ndarray) -> Judged:
        """Some of the rows, by a mask along `index`."""
        kept = taken(self.predictions, np.flatnonzero(chosen))
        return Judged(self.metric, self.index[chosen], self.measured[chosen], kept)


@dataclass(frozen=True)
class Compared:
    """A table and its metrics beside what was predicted of them; masks run along the table's rows."""

    table: Table
    judged: Sequence[Judged]
    fitted: np.ndarray
    """True for rows of configurations that parameters were fitted on."""
    feeding: np.ndarray
    """True for rows of sources of which any part feeds a fit."""

    @property
    def held(self) -> list[Judged]:
        """The rows that judge: those that fitted nothing."""
        return chosen_rows(self.judged, ~self.fitted)

    @property
    def apart(self) -> list[Judged]:
        """The rows of sources that feed no fit."""
        return chosen_rows(self.judged, ~self.feeding)


def taken(predictions: Predictions, index: np.ndarray) -> Predictions:
    """The predictions of some rows. Source: definition."""
    return Predictions(
        predictions.value[index],
        predictions.low[index],
        predictions.high[index],
        predictions.imputed[index],
        [predictions.reason[row] for row in index],
    )


def chosen_rows(judged: Sequence[Judged], rows: np.ndarray) -> list[Judged]:
    """The metrics on the rows of a table that a mask chooses, less those that it leaves without any.

    Source: definition.
    """
    kept = [one.where(rows[one.index]) for one in judged]
    return [one for one in kept if len(one.index)]


def row_reasons(judged: Sequence[Judged]) -> dict[int, str | None]:
    """Row to why it is refused: the first reason among its metrics, or None. Source: definition."""
    found: dict[int, str | None] = {}
    for one in judged:
        for row, reason in zip(one.index.tolist(), one.predictions.reason, strict=True):
            found[row] = found.get(row) or reason
    return found


def counts(judged: Sequence[Judged]) -> dict[str, Any]:
    """Rows in scope, rows predicted (each of their metrics was), and reasons of the others. Source: definition."""
    reasons = row_reasons(judged)
    refused = Counter(reason for reason in reasons.values() if reason is not None)
    return {
        "in_scope": len(reasons),
        "predicted": len(reasons) - sum(refused.values()),
        "refused": dict(refused.most_common()),
    }


def figures(judged: Sequence[Judged], demand: Demand) -> dict[str, Any]:
    """Error figures of some metrics together, then of the rows that leave no input out. Source: definition."""
    reasons = row_reasons(judged)
    imputed = {int(row) for one in judged for row in one.index[one.predictions.imputed & one.predicted]}
    return {
        "rows": len(reasons),
        "predicted": sum(reason is None for reason in reasons.values()),
        **errors(judged, demand),
        "imputed": len(imputed),
        "without_imputed": errors([one.where(~one.predictions.imputed) for one in judged], demand),
    }


def errors(judged: Sequence[Judged], demand: Demand) -> dict[str, Any]:
    """The error figures alone. Source: definition."""
    known = [one.where(one.predicted) for one in judged]
    if not known:
        return dict.fromkeys(FIGURES)
    return summary(
        predicted=np.concatenate([one.predictions.value for one in known]),
        low=np.concatenate([one.predictions.low for one in known]),
        high=np.concatenate([one.predictions.high for one in known]),
        measured=np.concatenate([one.measured for one in known]),
        group=[(one.metric, *demand[row]) for one in known for row in one.index],
    )


def breakdown(judged: Sequence[Judged], demand: Demand, source: Sequence[str]) -> dict[str, Any]:
    """Error figures by metric and by source. Source: definition."""
    names = np.array(source, dtype=object)
    by_source = {name: chosen_rows(judged, names == name) for name in dict.fromkeys(source)}
    return {
        "by_metric": {one.metric: figures([one], demand) for one in judged},
        "by_source": {name: figures(own, demand) for name, own in by_source.items() if own},
    }
