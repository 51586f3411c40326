"""What a plan says of its layers, of what it rests on and of leaving a platform: made up, in the plan's shape."""

from __future__ import annotations

from typing import Any


def ends(value: float, low: float, high: float, unit: str = "1") -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "unit": unit}


def none(reason: str, unit: str = "1") -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "unit": unit, "reason": reason}


def held(layer: str, part: str, shares: dict[str, float], hhi: dict[str, Any]) -> dict[str, Any]:
    return {
        "layer": layer,
        "part": part,
        "dollars": ends(4e8, 3e8, 6e8, "USD"),
        "suppliers": [
            {"name": name, "share": ends(share, 0.9 * share, min(1.0, 1.1 * share))} for name, share in shares.items()
        ],
        "others": 1.0 - sum(shares.values()),
        "hhi": hhi,
        "sources": [],
        "kind": None,
    }


def second(kind: str, share: dict[str, Any], nearest: dict[str, Any] | None = None) -> dict[str, Any]:
    names = {"system": "NVIDIA GB300 NVL72", "engine": "vLLM", "site": "Abilene, Texas", "portfolio": "grid"}
    fleet = {"share": 0.5, "names": names, "rests_on": {"site": ["Abilene, Texas"]}, "stack": {"rack": "gb300-nvl72"}}
    cost = {end: 1.2 * share[end] for end in ("value", "low", "high")}
    return {
        "kind": f"second_{kind}",
        "differs_in": [kind.replace("_", " ")],
        "cost": cost | {"unit": "USD/Mtoken"},
        "share": share,
        "dollars": {end: 1e9 * share[end] for end in ("value", "low", "high")} | {"unit": "USD"},
        "duplicated": {"value": 0.001, "unit": "USD/Mtoken"},
        "fleets": [fleet, fleet | {"names": names | {"system": "8x AMD Instinct MI300X server"}}],
        "outage": {
            "nothing_served": {"before": 28.0, "after": 0.09, "unit": "h/year"},
            "largest_loss": {"before": 8.2e11, "after": 4.1e11, "unit": "token/day"},
        },
        "nearest": nearest,
        "reason": None,
    }


def concentration() -> dict[str, Any]:
    near = {
        "systems": ["mi355x-node-liquid"],
        "share": 0.07,
        "cost": {"value": 0.08, "unit": "USD/Mtoken"},
        "reason": "mi355x-node-liquid, buy: unverified system.price_per_chip",
    }
    alone = "the study's menu has one foundry: TSMC"
    none_of = {"kind": "second_foundry", "differs_in": ["foundry"], "fleets": [], "nearest": None, "reason": alone}
    lost = {"share": ends(0.74, 0.74, 0.74), "dollars": ends(1.07e9, 8.1e8, 1.69e9, "USD"), "reason": None}
    return {
        "shares": [
            held("chip", "seller", {"NVIDIA": 1.0}, ends(1.0, 1.0, 1.0)),
            held("chip", "memory", {"SK hynix": 0.62, "Micron": 0.21, "Samsung": 0.17}, ends(0.46, 0.33, 0.47)),
            held("network", "optics", {"Eoptolink": 0.3, "InnoLight": 0.3}, ends(0.18, 0.08, 0.34)),
            {
                "layer": "cooling",
                "part": "cooling plant",
                "suppliers": [],
                "others": None,
                "hhi": none("not on record"),
            },
        ],
        "whole": held("all", "seller", {"NVIDIA": 0.83}, ends(0.69, 0.69, 0.69)),
        "single_points": [
            {
                "kind": "foundry",
                "layer": "chip",
                "names": ["TSMC"],
                "cost_share": 0.5,
                "lost": {
                    "stands_in": None,
                    "share": none(alone),
                    "dollars": none(alone, "USD"),
                    "tokens": ends(1.5e15, 1.49e15, 1.5e15, "token"),
                    "reason": alone,
                },
            },
            {
                "kind": "chip vendor",
                "layer": "chip",
                "names": ["NVIDIA"],
                "cost_share": 0.83,
                "lost": lost | {"stands_in": "AMD: 8x AMD Instinct MI300X server", "tokens": none("served", "token")},
            },
        ],
        "diversity": [
            second("chip_vendor", ends(0.369, 0.011, 0.889), near),
            second("engine", ends(0.015, -0.14, 0.138)),
            second("site", ends(-0.0025, -0.009, 0.017)),
            none_of | {"value": none(alone), "cost": none(alone), "share": none(alone), "dollars": none(alone, "USD")},
        ],
        "reason": None,
    }


def option(name: str, total: float, *, yearly: float = 0.0, eligible: bool = True) -> dict[str, Any]:
    unit = "USD/Mtoken"
    return {
        "option": name,
        "name": "NVIDIA GB300 NVL72",
        "platform": "cuda",
        "platform_name": "NVIDIA CUDA",
        "engine": "vllm-2026",
        "feasible": True,
        "eligible": eligible,
        "reason": None if eligible else "unverified system.rent_committed",
        "value": ends(1.21, 0.97, 1.81, unit),
        "performance_loss": ends(0.025 if yearly else 0.0, -0.1, 0.17, ""),
        "staying": {
            "first": ends(6e6, 2e6, 2e7, "USD"),
            "yearly": ends(yearly, yearly, 2 * yearly, "USD/year"),
            "value": ends(yearly / 5e8, yearly / 5e8, yearly / 2e8, unit),
        },
        "switching": [
            {
                "to": "rocm",
                "to_name": "AMD ROCm",
                "kept": bool(yearly),
                "cost": ends(2e7, 5e6, 6e7, "USD"),
                "months": ends(9.0, 4.0, 18.0, "month"),
            }
        ],
        "option_value": ends(0.03, 0.01, 0.09, unit),
        "exercised": 0.21,
        "total": ends(total, 0.8 * total, 1.4 * total, unit),
        "regret": {
            "even": ends(0.0, 0.0, 0.05, unit),
            "worst": {"future": "in-house-ahead"} | ends(0.1, 0.02, 0.3, unit),
        },
    }


def lock_in() -> dict[str, Any]:
    parts = {"chips": 8e7, "cooling": 1e6, "contracts": 2e7}
    return {
        "family": "mla-moe",
        "runs": [
            {
                "platform_name": "NVIDIA CUDA",
                "engine": "vllm-2026",
                "engine_name": "vLLM",
                "support": "yes",
                "systems": ["gb300-nvl72"],
                "source": "vllm-models",
                "note": None,
            },
            {
                "platform_name": "AWS Neuron SDK",
                "engine": "neuron-nxd",
                "engine_name": "NxD Inference",
                "support": "no",
                "systems": [],
                "source": "neuron-models",
                "note": "no latent attention",
            },
        ],
        "stands_on": [
            {"platform": "cuda", "name": "NVIDIA CUDA"},
            {"platform": "magnum-io", "name": "NVIDIA Magnum IO"},
        ],
        "options": [
            option("portable", 1.02, yearly=5e6),
            option("cuda-only", 1.03),
            option("xla-jax-only", 3.5, eligible=False),
            {
                "option": "neuron-sdk-only",
                "name": None,
                "feasible": False,
                "reason": "exceeds site power by 189% at best",
            },
        ],
        "chosen": "cuda-only",
        "break_even": [
            {"rival_name": "AMD ROCm", "fall": 0.55, "better": "portable", "chance": 0.04},
            {
                "rival_name": "XLA",
                "fall": None,
                "better": None,
                "chance": None,
                "reason": "no fall of its cost does it",
            },
        ],
        "stranded": {
            "arrival": 2029,
            "futures": [
                {
                    "future": "dense",
                    "name": "Dense models return",
                    "model_name": "Llama-3.1-405B",
                    "need": ends(3.2, 3.0, 3.4, ""),
                    "built": ends(3.9, 3.1, 5.2, "USD/Mtoken"),
                    "best": ends(3.7, 3.0, 5.0, "USD/Mtoken") | {"system_name": "NVIDIA GB300 NVL72"},
                    **{name: {"dollars": ends(one, 0.0, 3 * one, "USD")} for name, one in parts.items()},
                    "total": {"dollars": ends(1.01e8, 1e7, 2.9e8, "USD"), "share": ends(0.11, 0.01, 0.3, "")},
                },
                {"future": "linear-hybrid", "name": "linear hybrid", "total": None, "reason": "no engine serves it"},
            ],
        },
        "reason": None,
    }


def stake(layer: str, *, roles: dict[str, bool], way: str) -> dict[str, Any]:
    loss = {"dollars": ends(2.06e8, 0.0, 3.25e8, "USD"), "tokens": none("served", "token")}
    late = {
        "dollars": ends(1e6, 0.0, 5e6, "USD"),
        "tokens": ends(1e12, 0.0, 5e12, "token"),
        "months": ends(0.1, 0.0, 0.5),
    }
    return {
        "layer": layer,
        "margin": {"vendor": "NVIDIA", "dollars": ends(5.4e8, 3.8e8, 1e9, "USD"), "share": ends(0.37, 0.35, 0.44)},
        "performance": {"option": "Option B", "dollars": loss["dollars"], "share": ends(0.14, 0.0, 0.14)},
        "exposure": {
            "late": late,
            "lost": loss | {"stands_in": "the best of AMD"},
            "repriced": {"inputs": [], "dollars": none("no price of it has a range", "USD")},
        },
        "roles": {word: {"holds": True, "sure": sure} for word, sure in roles.items()},
        "way": way,
        "sure": True,
        "why": "14% of the cost hangs on others",
    }


def at_stake() -> list[dict[str, Any]]:
    chip = {"margin opportunity": True, "strategic vulnerability": False}
    return [stake("serving", roles={}, way="make"), stake("chip", roles=chip, way="partner")]


def whole() -> dict[str, Any]:
    """The keys of a plan that the report's sections on these read."""
    return {"at_stake": at_stake(), "concentration": concentration(), "lock_in": lock_in()}
