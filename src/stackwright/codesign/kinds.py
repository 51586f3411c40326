"""How a study is planned, by what it demands: requests to serve, or a run to train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.performance_grid import PREFILL_UTILIZATION, kept_grid
from stackwright.codesign.pictures import pictures
from stackwright.codesign.result import Kind, cost_entry, metric_values, serving_entries, serving_margins
from stackwright.codesign.training_plan import TRAINING
from stackwright.stack.design import Design
from stackwright.stack.scenario import Scenario, scenario_of
from stackwright.stack.study import SAME, Study


def _prefill_axis(study: Study) -> dict[str, int]:
    menu = study.serving
    if "disaggregated" not in menu.mode:
        return {}
    layouts = len(menu.tensor_parallel) * len(menu.expert_parallel) * len(menu.context_parallel)
    return {"serving.prefill_pool": len(PREFILL_UTILIZATION) * layouts}


def _serving_misses(numbers: Mapping[str, np.ndarray], scenario: Scenario) -> dict[str, np.ndarray]:
    return {
        "memory": numbers["memory"],
        "ttft_p95": numbers["ttft_p95"] / scenario.ttft - 1.0,
        "tpot_p95": numbers["tpot_p95"] / scenario.tpot - 1.0,
    }


def _serving_held(study: Study, design: Design) -> dict[str, Any]:
    model = {
        "architecture": (design.architecture,),
        "precision": (design.precision,),
        "cache_precision": (design.cache_precision,),
    }
    serving = {
        "software": (design.software,),
        "draft_tokens": (design.draft_tokens,),
        "mode": (design.mode,),
        "weights_offload": (design.numbers["weights_offload"],),
        "cache_offload": (design.numbers["cache_offload"],),
        "prefill_system": (design.prefill_system or SAME,),
    }
    return {"model": study.model.model_copy(update=model), "serving": study.serving.model_copy(update=serving)}


def _serving_notes(study: Study, scenario: Scenario, item: Finalist) -> list[str]:
    share = float(scenario.lengths.prefix_hits)
    if study.demand.kind != "serving" or study.demand.prefix_hits is not None or not share:
        return []
    return [f"{share:.0%} of input tokens hit the prefix cache, as in the traces with a cache that never evicts."]


SERVING = Kind(
    scenario=scenario_of,
    grid=kept_grid,
    axes=_prefill_axis,
    misses=_serving_misses,
    limits="memory and latency",
    held=_serving_held,
    metrics=metric_values,
    absent={"npv": ("USD", "the study gives no token_price")},
    stack=serving_entries,
    costs=cost_entry,
    margins=serving_margins,
    pictures=pictures,
    notes=_serving_notes,
)


def kind_of(study: Study) -> Kind:
    """How a study is planned, by what it demands."""
    return TRAINING if study.demand.kind == "training" else SERVING
