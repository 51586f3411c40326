"""A plan's dividend and what stands beside it: numbers of one study, with draws and fronts made up."""

from __future__ import annotations

from itertools import combinations
from typing import Any

LAYERS = ("model", "serving", "chip", "rack", "network", "cooling", "datacenter", "power", "finance")
REFERENCE = {
    "interface": "sglang-2026",
    "model": "deepseek-r1 fp8/bf16",
    "serving": "disaggregated",
    "chip": "nvidia-gb200 at 100%",
    "rack": "gb200-nvl72",
    "network": "infiniband-ndr 1:1",
    "cooling": "direct-liquid-dry at 30 degC",
    "datacenter": "ashburn-va, n-plus-1, ac-480-ups",
    "power": "grid",
    "finance": "buy",
}
JOINT = REFERENCE | {
    "interface": "tensorrt-llm-2026",
    "model": "deepseek-r1 fp4/fp8",
    "chip": "nvidia-gb300 at 100%",
    "rack": "gb300-nvl72",
    "network": "infiniband-xdr 4:1",
    "cooling": "direct-liquid-tower at 40 degC",
    "datacenter": "abilene-tx, n, dc-800",
    "power": "own-plants",
}
ALONE = (0.09963, 0.0, 0.0, 0.0, 0.128996, 0.013117, 0.085008, 0.014518, 0.0)
SHAPLEY = (0.1680338, 0.0763777, 0.0690323, 0.0, 0.1327705, 0.0090987, 0.0688891, 0.0068317, 0.0)
PAIRS = {
    "model+serving": 0.1174525,
    "model+chip": 0.1024304,
    "serving+chip": 0.1024304,
    "model+datacenter": -0.0096451,
    "datacenter+power": -0.0112775,
    "chip+network": 0.0134874,
}
WAYS = {
    "separate": 1.4128514,
    "sequential_best": 1.2090798,
    "sequential_worst": 1.4244186,
    "sequential_mean": 1.3282689,
    "product_worst": 1.2659396,
    "product_mean": 1.2280377,
    "it_first": 1.2090798,
    "plant_first": 1.2090881,
    "coordinate_best": 1.2090798,
    "coordinate_worst": 1.5197841,
    "reference_hgx-b200-liquid": 1.8424557,
}
VALUE, OPTIMUM = 1.7401136, 1.2090798
DRAWS = 64


def dividend() -> dict[str, Any]:
    """A dividend without draws and fronts."""
    baselines: dict[str, Any] = {
        name: {"value": value, "dividend": (value - OPTIMUM) / value, "low": None, "high": None, "repairs": []}
        for name, value in WAYS.items()
    }
    baselines["separate"]["repairs"] = ["chip: amd-mi300x 1 gave way to nvidia-b300 0.85"]
    baselines["sequential_mean"]["orders"] = 40320
    baselines["reference_tpu-v7-pod"] = {"value": None, "reason": "no engine of the study runs it"}
    return {
        "objective": {"name": "cost_per_million_tokens", "unit": "USD/Mtoken", "sense": "min"},
        "measures": {"rack": {"goes_by": "the largest scale-up domain", "source": "pages of vendors"}},
        "reference": {"system": "gb200-nvl72", "name": "NVIDIA GB200 NVL72", "value": VALUE, "stack": REFERENCE},
        "joint": {"value": OPTIMUM, "low": None, "high": None, "stack": JOINT},
        "dividend_of_reference": (VALUE - OPTIMUM) / VALUE,
        "baselines": baselines,
        "alone": dict(zip(LAYERS, ALONE, strict=True)),
        "shapley": dict(zip(LAYERS, SHAPLEY, strict=True)),
        "interactions": {pair: PAIRS.get(pair, 0.0) for pair in map("+".join, combinations(LAYERS, 2))},
        "barriers": [
            {"between": "chip+rack", "what": "chips not sold at rack scale", "options": ["amd-mi300x"], "locked": 0.0}
        ],
        "near_optimal": {
            f"within_{share}_percent": {"designs": designs, "stacks": {"distinct": stacks, "best": []}}
            for share, designs, stacks in ((1, 141, 15), (5, 1902, 44))
        },
        "same_quality": {
            "precision": "8 bits or more",
            "stated_loss": {"fp4": 0.002},
            "joint": {"value": 1.4017, "stack": JOINT},
            "dividends": {"separate": 0.021, "sequential_worst": 0.034},
        },
        "menu": {"model": 4, "chip": 27, "rack": 4, "network": 18, "cooling": 23, "datacenter": 72, "power": 4},
        "says": "Most of it lies in precision, chip and serving; nearly nothing between computers and plant.",
        "robustness": None,
        "front": None,
    }


def robustness() -> dict[str, Any]:
    """Draws of the inputs in which another chip wins now and then."""
    joint = [OPTIMUM * (0.7 + 0.01 * rank) for rank in range(DRAWS)]
    ends = {"separate": (0.08, 0.22), "sequential_worst": (0.09, 0.24), "reference": (0.21, 0.41)}
    return {
        "draws": DRAWS,
        "served": DRAWS - 1,
        "winner_changes": 0.4375,
        "changes": dict(zip(LAYERS, (0.0, 0.0, 0.3125, 0.25, 0.125, 0.5, 0.0625, 0.375, 0.0), strict=True)),
        "joint": {"low": joint[3], "high": joint[-4]},
        "reference": {"low": 1.44 * joint[3], "high": 1.44 * joint[-4]},
        "dividends": {
            name: {"mean": (low + high) / 2, "built": 1.0, "low": low, "high": high}
            for name, (low, high) in ends.items()
        }
        | {"coordinate_worst": {"built": 0.0}},
        "regret": {"mean": 0.012, "low": 0.0, "high": 0.04, "worst_tenth": 0.053, "infeasible": 0.03125},
        "winners": [
            {"share": 0.5625, "stack": {"model": "deepseek-r1 fp4/fp8", "chip": "nvidia-gb300", "power": "own-plants"}},
            {"share": 0.3125, "stack": {"model": "deepseek-r1 fp4/fp8", "chip": "google-tpu-v7", "power": "grid"}},
        ],
        "robust": {
            "expected": {"value": 1.24, "stack": JOINT},
            "worst_tenth": {
                "value": 1.51,
                "stack": {"cooling": {"type": "direct-liquid-dry", "supply_temperature": 308.15}},
            },
        },
        "samples": {
            "joint": joint,
            "nominal_stack": [None, None, *(value * 1.012 for value in joint[2:])],
            "reference": [value * 1.44 for value in joint],
        },
    }


def fronts() -> list[dict[str, Any]]:
    """A front of two objectives and one of three."""
    cost = {"name": "cost_per_million_tokens", "unit": "USD/Mtoken", "sense": "min"}
    carbon = {"name": "carbon_per_million_tokens", "unit": "kg/Mtoken", "sense": "min"}
    speed = {"name": "tpot", "unit": "s", "sense": "min"}
    steps = [rank / 12 for rank in range(13)]
    two = [{"values": [1.21 + step**2, 0.09 / (1 + 2 * step)], "stack": JOINT} for step in steps]
    three = [{"values": [*point["values"], 0.05 - 0.03 * step]} for point, step in zip(two, steps, strict=True)]
    marked = {"joint": [1.21, 0.09], "reference": [1.74, 0.15], "separate": [1.41, 0.11], "it_first": None}
    return [
        {"objectives": [cost, carbon], "points": two, "marked": marked},
        {"objectives": [cost, carbon, speed], "points": three, "marked": {"joint": [1.21, 0.09, 0.05]}},
    ]


def _margin(layer: str, cost: float, share: tuple[float, float, float] | None, vendor: str | None) -> dict[str, Any]:
    if share is None:
        return {"layer": layer, "cost": cost, "vendor": None, "margin": None, "margin_dollars": None, "at_cost": None}
    low, value, high = share
    ends = {"low": low, "value": value, "high": high}
    return {
        "layer": layer,
        "cost": cost,
        "vendor": vendor,
        "margin": ends | {"kind": "published", "source": "a report", "note": ""},
        "margin_dollars": {name: cost * end for name, end in ends.items()},
        "at_cost": {"low": cost * (1 - high), "value": cost * (1 - value), "high": cost * (1 - low)},
    }


def margins() -> dict[str, Any]:
    """Margins by layer, one of them not on record, and a chip of one's own that does not pay everywhere."""
    rows = [
        _margin("chip", 0.60, (0.7, 0.75, 0.88), "NVIDIA, accelerators"),
        _margin("rack", 0.30, (0.095, 0.4, 0.75), "NVIDIA, what surrounds its accelerators"),
        _margin("datacenter", 0.13, (0.09, 0.2, 0.36), "Electrical plant and builders"),
        _margin("finance", 0.02, None, None),
    ]
    cost = sum(row["cost"] for row in rows)
    kept = {e: sum(row["margin_dollars"][e] for row in rows if row["margin_dollars"]) for e in ("low", "value", "high")}
    return {
        "rows": rows,
        "all": {
            "cost": cost,
            "margin_dollars": kept,
            "margin": {end: dollars / cost for end, dollars in kept.items()},
            "at_cost": {"low": cost - kept["high"], "value": cost - kept["value"], "high": cost - kept["low"]},
            "without_record": ["finance"],
        },
        "break_even": [
            {
                "program": "hyperscaler-chip",
                "price": {"low": 11000.0, "value": 13600.0, "high": 16200.0, "unit": "USD"},
                "planned_volume": 1e6,
                "ways": {
                    way: {
                        "unit_cost": {"value": unit_cost, "unit": "USD"},
                        "nre": {"value": nre, "unit": "USD"},
                        "volume": {"low": None, "value": nre / (13600 - unit_cost), "high": nre / (16200 - unit_cost)},
                        "swing": None,
                        "pays": way == "make",
                        "all_in": {"value": unit_cost + nre / 1e6, "unit": "USD"},
                    }
                    for way, unit_cost, nre in (("make", 11400.0, 7e8), ("partner", 13200.0, 4.2e8))
                },
            }
        ],
        "second_source": {
            "first": "NVIDIA",
            "value": 1.209,
            "second": "Google",
            "loss_without_first": 0.081,
            "cap": {"value": 65500.0, "unit": "USD", "over_price": 0.18},
            "reason": None,
        },
    }


def _shadow(what: str, unit: str, **more: Any) -> dict[str, Any]:
    nothing = {"one_more": None, "one_less": None, "dollars": None, "binding": False, "reason": None}
    return {"what": what, "path": "a.b", "unit": unit, "base": None, "step": None} | nothing | more


def shadow_prices() -> list[dict[str, Any]]:
    """A limit that binds, one that is spare, and one that the study lacks."""
    per = "USD/Mtoken per"
    return [
        _shadow("budget", "USD", reason="no limit is set"),
        _shadow(
            "time to the first token", "ms", base=4000.0, one_more={"value": 0.0, "unit": f"{per} ms"}, dollars=0.0
        ),
        _shadow(
            "time per token",
            "ms",
            base=50.0,
            step=5.0,
            one_more={"value": -0.0213, "unit": f"{per} ms"},
            one_less={"value": 0.0342, "unit": f"{per} ms"},
            dollars=2.56e7,
            binding=True,
        ),
    ]


def elasticities() -> list[dict[str, Any]]:
    """Twenty inputs, one of them on a kink."""
    inputs = [("system.price_per_chip", 0.74), ("chip.memory_bandwidth", -0.41), ("terms.discount_rate", 0.11)]
    inputs += [(f"cooling.number_{rank}", 0.1 / (1 + rank)) for rank in range(17)]
    return [
        {
            "path": path,
            "value": 1.0,
            "elasticity": e,
            "downward": 0.8 * e,
            "upward": 1.2 * e,
            "kink": path[:4] == "chip",
        }
        for path, e in inputs
    ]


def whole() -> dict[str, Any]:
    """Everything that these sections read, at the top level of a plan."""
    return {
        "dividend": dividend() | {"robustness": robustness(), "front": fronts()},
        "margins_by_layer": margins(),
        "shadow_prices": shadow_prices(),
        "elasticities": elasticities(),
        "refinement": {"value": 1.2081, "bound": 1.2033, "gap": 0.00397, "grid_value": 1.2091, "grid_gap": 0.0},
    }
