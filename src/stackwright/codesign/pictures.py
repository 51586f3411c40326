"""Data behind the report's pictures of serving, taken from a plan's own evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.fronts import non_dominated
from stackwright.codesign.performance_grid import Grid, axes_of, evaluate_cell
from stackwright.codesign.search import Found
from stackwright.serving.service import Service
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

CURVES = 8
WEEK = 168
SUMMER, WINTER = 28 * WEEK, 2 * WEEK
MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) * 24


def pictures(study: Study, scenario: Scenario, grid: Grid, found: Found, item: Finalist) -> dict[str, Any]:
    """What the report draws of a plan that serves, besides its plant; plain lists."""
    return {"latency_curves": latency_curves(study, scenario, grid, found, item)}


def latency_curves(study: Study, scenario: Scenario, grid: Grid, found: Found, item: Finalist) -> list[dict[str, Any]]:
    """Output tokens per second and chip against time per token, prefill chips included, per system.

    Each curve is the front over layouts and batches of the system's best cell, its prefill pool as in
    that best design; the chosen design's point is marked.
    """
    picks = {value: pick for (axis, value), pick in found.by_option.items() if axis == "rack"}
    ordered = sorted(picks.items(), key=lambda entry: entry[1].score)[:CURVES]
    curves = []
    for system, pick in ordered:
        number = int(grid.rows.cell[pick.row])
        cell = grid.cells[number]
        single = study.model_copy(
            update={
                "chip": study.chip.model_copy(update={"power_cap": (float(grid.rows.choice["power_cap"][pick.row]),)}),
                "network": study.network.model_copy(
                    update={"oversubscription": (float(grid.rows.choice["oversubscription"][pick.row]),)}
                ),
            }
        )
        axes = axes_of(single, cell)
        if axes is None:
            continue
        aggregated = grid.rows.mode[pick.row] == 0
        made = evaluate_cell(
            cell, axes, scenario.lengths.over(4), ("aggregated",) if aggregated else ("disaggregated",)
        )
        services = made["aggregated"] if aggregated else [made["disaggregated"]]
        share = 0.0
        if not aggregated:
            share = float(grid.rows.numbers["prefill_chips"][pick.row] / grid.rows.numbers["prefill_rate"][pick.row])
        points = np.concatenate([_points(service, share, scenario.lengths.output_mean) for service in services])
        front = points[non_dominated(points)] if len(points) else points
        front = front[front[:, 0].argsort()]
        curves.append(
            {
                "system": system,
                "mode": "aggregated" if aggregated else "disaggregated",
                "tpot": front[:, 0].tolist(),
                "tokens_per_second_per_chip": (-front[:, 1]).tolist(),
                "chosen": system == item.design.system,
            }
        )
    return curves


def _points(service: Service, share: float, output: float) -> np.ndarray:
    """Time per token, and minus the tokens per second and chip, of what fits into memory; `share` as prefill chips."""
    chips = service.decode.chips + service.requests_per_second * share
    speed = service.requests_per_second * output / chips
    fits = (service.memory <= 0).ravel()
    return np.stack([service.tpot_p95.ravel()[fits], -speed.ravel()[fits]], axis=1)
