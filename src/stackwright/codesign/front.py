"""Designs that no other beats in two or three objectives at once: the exact front of a study's whole grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.finalists import SENSE, UNITS, design_of
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Job, Pick, jobs_of, scored_by
from stackwright.codesign.searched import Searched
from stackwright.codesign.thinning import undominated
from stackwright.core.parallel import in_order
from stackwright.stack.deployment import money
from stackwright.stack.study import Study


@dataclass(frozen=True)
class Front:
    """Designs of a front: their scores by objective, all to be minimized [N, J], and where they are."""

    score: np.ndarray
    picks: tuple[Pick, ...]


def front_of(study: Study, seen: Searched, objectives: Sequence[str]) -> Front:
    """All designs of the grid that may win and that none beats in every one of the objectives.

    Rows that were dropped before need no less of anything that is paid for, drawn or emitted, so none of them is on a
    front of cost, energy and carbon that its rival is not. Of designs equal in all objectives one is named.
    """
    cash = money(terms_of(study, seen.parts), seen.scenario.years)
    jobs = [job for job in jobs_of(study, seen.grid, seen.classes, seen.parts) if job.certain]
    kept = Front(np.empty((0, len(objectives))), ())
    for job, (rows, score) in zip(
        jobs,
        in_order(lambda job: scored_by(study, seen.scenario, seen.grid, job, cash, objectives), jobs),
        strict=True,
    ):
        kept = _joined(kept, job, rows, score)
    return kept


def _joined(kept: Front, job: Job, rows: np.ndarray, score: np.ndarray) -> Front:
    """A front with a job's designs [R, P, J] beside it."""
    flat = score.reshape(-1, score.shape[-1])
    able = np.flatnonzero(np.isfinite(flat).all(axis=1))
    able = able[_hopeful(flat[able], kept.score)]
    able = able[undominated(np.zeros(len(able), dtype=int), flat[able])]
    both = np.concatenate([kept.score, flat[able]])
    stays = undominated(np.zeros(len(both), dtype=int), both)
    options = score.shape[1]
    picks = list(kept.picks) + [
        Pick(int(rows[place // options]), job.index, int(place % options), job.sourcing, float(flat[place, 0]))
        for place in able
    ]
    return Front(both[stays], tuple(picks[place] for place in stays))


def _hopeful(score: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Places of scores that a front's first two objectives do not rule out: a quick look before the full one."""
    if not len(front) or score.shape[1] > 2:
        return np.arange(len(score))
    order = np.argsort(front[:, 0])
    least = np.minimum.accumulate(front[order, 1])
    below = np.searchsorted(front[order, 0], score[:, 0], side="right") - 1
    return np.flatnonzero((below < 0) | (score[:, 1] < least[np.maximum(below, 0)]))


def front_entry(study: Study, seen: Searched, objectives: Sequence[str], marked: dict[str, Pick]) -> dict[str, Any]:
    """A front as a result shows it, with some designs marked in it, such as baselines."""
    found = front_of(study, seen, objectives)
    signs = np.array([-1.0 if SENSE[name] == "max" else 1.0 for name in objectives])
    order = np.argsort(found.score[:, 0], kind="stable")
    return {
        "objectives": [{"name": name, "unit": UNITS[name], "sense": SENSE[name]} for name in objectives],
        "points": [
            {
                "values": (signs * found.score[place]).tolist(),
                "stack": design_of(seen.grid, seen.classes, found.picks[place]).by_layer(),
            }
            for place in order
        ],
        "marked": {name: (signs * _values(study, seen, pick, objectives)).tolist() for name, pick in marked.items()},
    }


def _values(study: Study, seen: Searched, pick: Pick, objectives: Sequence[str]) -> np.ndarray:
    """Scores of one design by objective [J]."""
    cash = money(terms_of(study, seen.parts), seen.scenario.years)
    job = next(
        job
        for job in jobs_of(study, seen.grid, seen.classes, seen.parts)
        if job.index == pick.plant_class and job.sourcing == pick.sourcing and pick.row in job.rows
    )
    _, score = scored_by(study, seen.scenario, seen.grid, job.only(np.array([pick.row])), cash, objectives)
    return score[0, pick.option]
