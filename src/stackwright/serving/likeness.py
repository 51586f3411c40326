"""What measured runs say of a run like them: the error of a prediction, carried over by likeness.

Errors of a timing model are alike where runs are alike: an engine's kernel for one model on one chip is
slow at every batch, a benchmark's habit shows at every length. A Gaussian process over served runs says
how alike: the correlation of two errors is a sum of shares, each of which asks for more to be the same or
near. Far from all measurements nothing is known, and the prediction and its interval stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.core.spec import spec
from stackwright.core.units import Ratio
from stackwright.model.architecture import Architecture

LABELS = ("stack", "release", "chip", "model", "formats", "mode", "figure")
"""What is the same or is not: engine, its release, chip, shape of the model, number formats, way of serving,
and which figure was measured."""
SIZES = ("input", "output", "load", "tensor", "expert", "chips", "pool", "prefill_tensor")
"""What is near or far, in doublings: lengths, sequences per chip, parallel degrees, chips, prefill chips
over decode chips, tensor degree of the prefill pool."""
LENGTHS_AND_LOAD = 3
"""The first of the sizes; the others tell layouts apart."""
PACE_SCATTER = 0.08
"""Scatter of a mean time between tokens beyond that of step times, standard deviation of the logarithm."""
JITTER = 1e-6
"""Added to the variance of a run, so that a run that is there twice can be inverted."""


@spec
class Likeness:
    """Shares of an error's variance by what runs have in common, and how far they reach in doublings.

    What the shares leave of one is a run's own.
    """

    chip_share: Ratio
    """Runs of one stack on one chip."""
    model_share: Ratio
    """Runs of one model in one format on one chip, whatever the stack."""
    system_share: Ratio
    """Runs of one system (stack, chip, model, formats, mode) at like lengths and load."""
    layout_share: Ratio
    """Of one system on like layouts, at like lengths and load."""
    release_share: Ratio
    """Besides, of the same release."""
    across_figures: Ratio
    """What is left of all that between two figures, such as a mean and a 99th percentile."""
    system_lengths: Ratio
    """Reach in lengths of prompts and outputs, for systems."""
    system_load: Ratio
    layout_lengths: Ratio
    layout_load: Ratio
    layout_degrees: Ratio
    """Reach in parallel degrees and chips."""
    layout_pools: Ratio
    """Reach in the shape of a prefill pool."""
    widening: Ratio
    """Factor on the deviation that is left, which makes intervals hold: errors have longer tails than normals."""


@dataclass(frozen=True)
class Runs:
    """Served runs: labels are arrays of text [n], sizes are logarithms to the base 2 [n]."""

    labels: Mapping[str, np.ndarray]
    sizes: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.labels["chip"])

    def take(self, index: np.ndarray) -> Runs:
        """Some of the runs."""
        return Runs(
            {name: values[index] for name, values in self.labels.items()},
            {name: values[index] for name, values in self.sizes.items()},
        )


def correlation(*, left: Runs, right: Runs, likeness: Likeness) -> np.ndarray:
    """Correlation of the errors of two sets of runs: [left, right]; no run's own share is in it.

    Source: sum of products of squared-exponential and identity covariances (Rasmussen and Williams 2006,
    sections 4.2 and 5.4).
    """
    same = {name: _equal(left.labels[name], right.labels[name]) for name in LABELS}
    engine = same["stack"] & same["chip"] & same["mode"]
    product = same["chip"] & same["model"] & same["formats"]
    reaches = _reaches(likeness)
    far = _nearness(left, right, dict.fromkeys(SIZES[:2], likeness.system_lengths) | {"load": likeness.system_load})
    near = _nearness(left, right, reaches)
    found = likeness.chip_share * engine + likeness.model_share * product * far
    system = engine & product
    found = found + system * (likeness.system_share * far + likeness.layout_share * near)
    found = found + (system & same["release"]) * likeness.release_share * near
    return found * np.where(same["figure"], 1.0, likeness.across_figures)


def _equal(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which words are the same, [left, right]; numbers for words compare a hundred times faster.

    A chip or a release that two benchmarks leave out counts as the same: who leaves it out measures alike.
    """
    codes = np.unique(np.concatenate([left, right]), return_inverse=True)[1]
    return codes[: len(left), None] == codes[None, len(left) :]


def _reaches(likeness: Likeness) -> dict[str, Any]:
    lengths = dict.fromkeys(("input", "output"), likeness.layout_lengths)
    degrees = dict.fromkeys(("tensor", "expert", "chips"), likeness.layout_degrees)
    pools = dict.fromkeys(("pool", "prefill_tensor"), likeness.layout_pools)
    return lengths | {"load": likeness.layout_load} | degrees | pools


def _nearness(left: Runs, right: Runs, reaches: Mapping[str, Any]) -> np.ndarray:
    squares = np.zeros((len(left), len(right)))
    for name, reach in reaches.items():
        squares += ((left.sizes[name][:, None] - right.sizes[name][None, :]) / reach) ** 2
    return np.exp(-0.5 * squares)


@dataclass(frozen=True)
class Measured:
    """Measured runs, each with its error: measured over predicted in standard deviations of the prediction.

    `stated` is true for runs whose rows state all that the prediction needs.
    """

    likeness: Likeness
    runs: Runs
    errors: np.ndarray
    stated: np.ndarray

    def where(self, chosen: np.ndarray) -> Measured:
        """Some of the runs."""
        index = np.flatnonzero(chosen)
        return Measured(self.likeness, self.runs.take(index), self.errors[index], self.stated[index])

    def posterior(self, asked: Runs) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the error of each asked run [n], and the share of its variance that is left [n].

        Chips share nothing, so each is solved alone. Source: Rasmussen and Williams 2006, eq. 2.23 and 2.24.
        """
        mean, left = np.zeros(len(asked)), np.ones(len(asked))
        for chip in dict.fromkeys(asked.labels["chip"].tolist()):
            known = np.flatnonzero(self.runs.labels["chip"] == chip)
            if not len(known):
                continue
            here = np.flatnonzero(asked.labels["chip"] == chip)
            runs = self.runs.take(known)
            among = correlation(left=runs, right=runs, likeness=self.likeness)
            among[np.diag_indices(len(known))] = 1.0 + JITTER
            across = correlation(left=runs, right=asked.take(here), likeness=self.likeness)
            root = np.linalg.cholesky(among)
            whitened = np.linalg.solve(root, np.column_stack([across, self.errors[known]]))
            mean[here] = whitened[:, :-1].T @ whitened[:, -1]
            left[here] = 1.0 - (whitened[:, :-1] ** 2).sum(axis=0)
        return mean, np.clip(left * self.likeness.widening**2, JITTER, 1.0)


def shape_of(architecture: Architecture) -> str:
    """A word for a model's shape, the same for checkpoints that differ in their weights alone. Source: definition."""
    return f"{architecture.total_parameters:.3g}/{architecture.hidden}/{architecture.layers}"


def runs_of(rows: Sequence[Mapping[str, str | float]]) -> Runs:
    """Runs from rows that name all labels and sizes. Source: definition."""
    return Runs(
        {name: np.array([row[name] for row in rows], dtype=object) for name in LABELS},
        {name: np.array([float(row[name]) for row in rows]) for name in SIZES},
    )
