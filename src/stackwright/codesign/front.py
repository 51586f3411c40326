"""Designs that no other beats in two or three objectives at once: the exact front of a study's whole grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.finalists import SENSE, UNITS, design_of
from stackwright.codesign.fronts import undominated
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Pick, Scored, groups_of, jobs_of, scored_by, scores, sides_of, sides_rows
from stackwright.codesign.searched import Searched
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
    cash, groups = money(terms_of(study, seen.parts), seen.scenario.years), groups_of(seen.grid)
    studies = [study.model_copy(update={"objective": name}) for name in objectives]
    jobs = [job for job in jobs_of(study, seen.grid, seen.classes, seen.parts) if job.certain]
    kept = Front(np.empty((0, len(objectives))), ())
    for made in in_order(lambda job: scored_by(studies, seen.scenario, seen.grid, job, cash, groups), jobs):
        for scored in made:
            kept = _joined(kept, scored)
    return kept


def _joined(kept: Front, ways: Sequence[Scored]) -> Front:
    """A front with designs beside it that are scored by each objective."""
    job, rows, options = ways[0].job, ways[0].rows, ways[0].score.shape[1]
    flat = np.stack([one.score for one in ways], axis=-1).reshape(-1, len(ways))
    able = np.flatnonzero(np.isfinite(flat).all(axis=1))
    able = able[_hopeful(flat[able], kept.score)]
    able = able[undominated(np.zeros(len(able), dtype=int), flat[able])]
    both = np.concatenate([kept.score, flat[able]])
    stays = undominated(np.zeros(len(both), dtype=int), both)
    picks = list(kept.picks) + [
        Pick(int(rows[place // options]), job.index, int(place % options), ways[0].sourcing, float(flat[place, 0]))
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
    sides = sides_rows(
        seen.scenario,
        seen.grid,
        sides_of(seen.grid, seen.classes, pick),
        np.array([pick.row]),
        cash,
        sourcing=pick.sourcing,
    )
    found = [
        scores(
            study.model_copy(update={"objective": name}), seen.scenario, sides, cash, rented=pick.sourcing == "rent"
        )[0]
        for name in objectives
    ]
    return np.array([float(score[0, pick.option]) for score in found])
