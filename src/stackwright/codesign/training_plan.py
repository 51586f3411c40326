"""What the plan of a training run shows: its time, its layout, where a step's time goes, what a run costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.codesign.finalists import MILLION, Finalist, objective_value
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.result import Kind, MarginRow, Metrics, fleet_metrics, layer_costs
from stackwright.codesign.search import Found
from stackwright.codesign.training_grid import (
    VIRTUAL_STAGES,
    RunScenario,
    data_degrees,
    misses,
    run_scenario,
    training_grid,
)
from stackwright.core.units import SECONDS_PER_HOUR
from stackwright.stack.design import Design
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study, TrainingDemand

SERVES_NOTHING = "a training run serves no requests"

ABSENT = {
    "npv": ("USD", "a training run earns nothing by itself"),
    "cost_per_million_total_tokens": ("USD/Mtoken", "trained tokens are one kind"),
    "capacity_tokens_per_second": ("token/s", "the cluster trains at its full rate around the clock"),
    "ttft": ("s", SERVES_NOTHING),
    "ttft_p50": ("s", SERVES_NOTHING),
    "tpot": ("s", SERVES_NOTHING),
    "tpot_p50": ("s", SERVES_NOTHING),
}


def run_of(scenario: Scenario) -> RunScenario:
    """The scenario of a training study as what it is."""
    assert isinstance(scenario, RunScenario)
    return scenario


def metrics(done: Evaluation, scenario: Scenario, item: Finalist) -> Metrics:
    """Metrics of a run with their units; values are floats, or draws [n].

    The evaluation's tokens are seconds of the cluster; a run's tokens per second make tokens of them.
    """
    outcome, run = done.service, run_of(scenario).run
    step, seconds = outcome.step, paused_run_time(done)
    rate = run.tokens / outcome.run_time
    cost = objective_value("cost_per_run", scenario, done, item.terms)
    values: Metrics = {
        "cost_per_run": (cost, "USD"),
        "cost_per_million_tokens": (cost / run.tokens * MILLION, "USD/Mtoken"),
        "run_time": (seconds, "s"),
        "chip_hours": (step.chips * seconds / SECONDS_PER_HOUR, "chip h"),
        "tokens_per_second": (run.tokens / seconds, "token/s"),
        "mfu": (step.mfu, ""),
        "hfu": (step.hfu, ""),
        "goodput": (outcome.goodput, ""),
        "step_time": (step.seconds, "s"),
    }
    return values | fleet_metrics(done, item, done.tokens.sum(axis=-1) * rate)


def paused_run_time(done: Evaluation) -> Any:
    """Seconds of a run whose cluster pauses as often as in the mean year. Source: definition."""
    return done.service.run_time / (1.0 - done.year.lost.mean(axis=-1))


def margins(done: Evaluation, scenario: Scenario) -> list[MarginRow]:
    """Constraints of a run: its deadline, and the memory of a chip; values are floats, or draws [n]."""
    outcome = done.service
    return [
        ("deadline", paused_run_time(done), run_of(scenario).run.deadline, "s"),
        ("memory", outcome.step.memory + 1.0, 1.0, "share of usable memory"),
    ]


def step_parts(done: Evaluation) -> dict[str, float]:
    """Seconds of one optimizer step by what they go to; they sum to the step."""
    step = done.service.step
    parts = {
        "compute": step.compute,
        "exposed communication": step.communication,
        "pipeline bubble": step.bubble,
        "gradient exchange": step.gradients,
        "optimizer": step.optimizer,
    }
    rest = step.seconds - sum(parts.values())
    return {name: float(np.mean(value)) for name, value in (parts | {"fixed work": rest}).items()}


def stack_entries(item: Finalist) -> dict[str, Any]:
    """The entries of a stack that trains: release, model and the run's layout."""
    design, parts, step = item.design, item.parts, item.done.service.step
    cell: Any = item.cell
    numbers = design.numbers
    plan = cell.laid_out(design)
    return {
        "interface": {"software": design.software, "name": parts["release"].name},
        "model": {"architecture": design.architecture, "precision": design.precision},
        "training": {
            "release": parts["release"].name,
            "chips": float(step.chips),
            "idle_chips": float(item.done.service.occupied - step.chips),
            "tensor_parallel": numbers["tensor"],
            "expert_parallel": numbers["expert"],
            "pipeline_parallel": numbers["pipeline"],
            "virtual_stages": numbers["virtual"],
            "data_parallel": numbers["data"],
            "context_parallel": float(plan.context),
            "state_sharding": "ZeRO-3" if plan.sharding.weights else "ZeRO-1",
            "micro_batch": numbers["micro_batch"],
            "micro_batches": float(plan.micro_batches),
            "global_batch": float(plan.global_batch),
            "recompute": design.mode,
            "steps": cell.run.tokens / float(plan.tokens),
            "step_seconds": step_parts(item.done),
        },
    }


def costs(item: Finalist) -> dict[str, Any]:
    """Cost of a run by layer."""
    seconds = float(np.mean(item.done.present_tokens))
    return layer_costs(item, float(item.done.service.run_time) / seconds, "USD")


def pictures(study: Study, scenario: Scenario, grid: Grid, found: Found, item: Finalist) -> dict[str, Any]:
    """What the report draws of a plan that trains, besides its plant; plain lists."""
    step = item.done.service.step
    return {"step_breakdown": {"unit": "s", "total": float(step.seconds), "parts": step_parts(item.done)}}


def axes(study: Study) -> dict[str, int]:
    """Axes of the search that follow from the demand."""
    demand = study.demand
    assert isinstance(demand, TrainingDemand)
    return {
        "training.data_parallel": len(data_degrees(demand.global_batch, np.inf)),
        "training.virtual_stages": len(VIRTUAL_STAGES),
    }


def held(study: Study, design: Design) -> dict[str, Any]:
    """The study's model held at a design; the run's layout stays free."""
    model = {"architecture": (design.architecture,), "precision": (design.precision,)}
    return {"model": study.model.model_copy(update=model)}


def notes(study: Study, scenario: Scenario, item: Finalist) -> list[str]:
    """What a reader has to know of a run's plan."""
    reliability, release = item.parts["reliability"], item.parts["release"]
    return [
        f"The cluster is owned for {len(scenario.years)} years and other runs use it before and after: a run pays "
        "for the seconds that it takes.",
        f"Interruptions are those of {reliability.name}, whatever the chip.",
        f"{release.name} is judged on: {release.record.text['judged_on']}.",
        "Chips that no group of ranks fills in a scale-up domain are paid for and stand idle.",
        "Context parallelism, uneven stages and multi-token-prediction layers are not in the search.",
    ]


TRAINING = Kind(
    scenario=run_scenario,
    grid=training_grid,
    axes=axes,
    misses=misses,
    limits="memory and deadline",
    held=held,
    metrics=metrics,
    absent=ABSENT,
    stack=stack_entries,
    costs=costs,
    margins=margins,
    pictures=pictures,
    notes=notes,
)
