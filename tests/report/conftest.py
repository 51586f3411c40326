"""Plans to report on: a small real one, and what others look like."""

import json
from pathlib import Path
from typing import Any

import made_up_concentration
import made_up_dividend
import pytest

FIXTURES = Path(__file__).parent / "fixtures"
ONLY_FEASIBLE = (
    "explain",
    "pictures",
    "alternatives",
    "not_eligible",
    "space",
    "gap",
    "cut_gap",
    "queue_gap",
    "sources",
    "marginal",
    "deals",
    "dates",
    "dispatch",
    "interconnection",
    "same_meter",
    "dividend",
    "margins_by_layer",
    "shadow_prices",
    "elasticities",
    "refinement",
    "at_stake",
    "concentration",
    "lock_in",
)


@pytest.fixture
def plan() -> dict[str, Any]:
    """A whole plan of a small study, with a dispatched plant, deals, dates and a dividend."""
    made, plant = (json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8")) for name in ("plan", "plant"))
    others = made_up_dividend.whole() | made_up_concentration.whole()
    return made | plant | others | {"pictures": made["pictures"] | plant["pictures"]}


@pytest.fixture
def infeasible(plan: dict[str, Any]) -> dict[str, Any]:
    """The nearest stack of a study that nothing satisfies."""
    made = {key: value for key, value in plan.items() if key not in (*ONLY_FEASIBLE, "names", "inputs")}
    made["objective"] |= {"low": None, "high": None}
    made["margins"][0] |= {"value": 4.0, "slack": -1.0}
    return made | {"feasible": False, "reason": "no stack meets the study's limits; the nearest exceeds one by 33%"}


@pytest.fixture
def training(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan of a training run: other metrics, another layer, and a step instead of latency curves."""
    nothing = {"value": None, "low": None, "high": None, "unit": "s", "reason": "a training run serves no requests"}
    plan["study"]["demand"] = {"kind": "training", "tokens": 14.8e12, "deadline": 90 * 86400.0}
    plan["objective"] |= {"name": "cost_per_run", "unit": "USD", "value": 1.62e6, "low": 1.03e6, "high": 2.45e6}
    plan["metrics"] |= dict.fromkeys(("ttft", "tpot", "capacity_tokens_per_second"), nothing)
    plan["metrics"]["run_time"] = {"value": 44.8 * 86400, "low": 28.5 * 86400, "high": 62.3 * 86400, "unit": "s"}
    plan["metrics"]["mfu"] = {"value": 0.257, "low": 0.189, "high": 0.411, "unit": ""}
    plan["stack"]["training"] = {
        "expert_parallel": 64.0,
        "pipeline_parallel": 4.0,
        "data_parallel": 3.0,
        "tensor_parallel": 1.0,
        "micro_batch": 1.0,
        "recompute": "none",
    }
    del plan["stack"]["serving"], plan["pictures"]["latency_curves"]
    plan["pictures"]["step_breakdown"] = {"unit": "s", "total": 15.0, "parts": {"compute": 12.0, "bubble": 3.0}}
    plan["pictures"]["energy_flow"]["unit"] = "J per trained token"
    return plan
