"""Stand-ins and warnings of a plan, numbered, and placed beside the numbers that they touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stackwright.report.layers import layer_of

ENERGY_PRICE = "energy_price"
"""What the hourly picture shows beside the metrics."""
MONEY = ("cost_per_million_tokens", "cost_per_million_total_tokens", "cost_per_run", "npv", "present_cost")
POWER = ("pue", "peak_pue", "facility_power", "peak_facility_power", "energy_per_token")
WATER = ("wue", "water")
CARBON = ("carbon_per_million_tokens", "marginal_carbon_per_million_tokens")
LATENCY = ("ttft", "tpot", "tokens_per_second", "capacity_tokens_per_second", "chips")

TOUCHED = (
    (("water_price", "water price", "price basis"), MONEY),
    (("price_series", "price shape", "energy price"), (*MONEY, ENERGY_PRICE)),
    (("weather",), POWER + WATER),
    (("carbon", "generation mix", "marginal rates"), CARBON),
    (("prefix cache",), LATENCY + MONEY),
    (("quality loss", "of the model's quality"), MONEY),
)
"""Words of a note, and the metrics that it touches. A metric may be touched by several notes."""

LAYERS_OF_WORDS = (
    (("prefix cache",), "workload"),
    (("quality loss", "of the model's quality"), "model"),
    (("energy price", "price_series", "price shape"), "power"),
)
"""Words of a note, and the layer that it concerns, where it names no record."""


@dataclass(frozen=True)
class Note:
    """A warning with its number, and the layers and metrics that it stands beside."""

    number: int
    text: str
    layers: frozenset[str]
    metrics: frozenset[str]


def notes_of(plan: Mapping[str, Any]) -> list[Note]:
    """The plan's warnings as numbered notes."""
    names = layers_by_name(plan)
    return [_note(number, str(text), names) for number, text in enumerate(plan.get("warnings") or (), start=1)]


def layers_by_name(plan: Mapping[str, Any]) -> dict[str, str]:
    """Layer of every record of the stack, by the record's name for people."""
    names = plan.get("names") or {}
    found = {str(entry["name"]): layer for layer, entry in (plan.get("stack") or {}).items() if entry.get("name")}
    for row in plan.get("sources") or ():
        found.setdefault(str(names.get(row["record"], row["record"])), layer_of(str(row["path"])))
    return found


def beside_metric(notes: list[Note], *metrics: str) -> list[Note]:
    """Notes that touch any of the metrics."""
    return [note for note in notes if note.metrics.intersection(metrics)]


def beside_layer(notes: list[Note], layer: str) -> list[Note]:
    """Notes that concern a layer."""
    return [note for note in notes if layer in note.layers]


def _note(number: int, text: str, names: Mapping[str, str]) -> Note:
    lower = text.lower()
    layers = {layer for name, layer in names.items() if text.startswith((f"{name},", f"{name}:"))}
    layers |= {layer for name, layer in names.items() if text.startswith(f"Price basis of {name}:")}
    if not layers:
        layers = {layer for words, layer in LAYERS_OF_WORDS if any(word in lower for word in words)}
    if text.startswith("Unverified inputs"):
        layers = {layer_of(path.strip()) for path in text.rstrip(".").rpartition(":")[2].split(",")}
    metrics = {metric for words, touched in TOUCHED if any(word in lower for word in words) for metric in touched}
    return Note(number, text, frozenset(layers), frozenset(metrics))
