"""The layers as the report shows them, from the API on top to capital at the bottom, each in its own color."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer's name, what it decides, and the color that marks it in every picture."""

    key: str
    title: str
    role: str
    color: str


LAYERS = (
    Layer("interface", "Interface", "the software stack behind the API", "#4b3fa0"),
    Layer("workload", "Workload", "the demand that has to be met", "#2f7fc1"),
    Layer("model", "Model", "the network and the precision of its numbers", "#2a9d8f"),
    Layer("serving", "Serving", "how requests are spread over chips", "#1b7a43"),
    Layer("training", "Training", "how the run is spread over chips", "#1b7a43"),
    Layer("chip", "Chip", "the accelerator and its power cap", "#c8505f"),
    Layer("rack", "Rack", "the unit of sale: chips, hosts and links", "#7d1f4f"),
    Layer("network", "Network", "the fabric between racks", "#a04a9c"),
    Layer("cooling", "Cooling", "how heat leaves the building", "#3aa6c9"),
    Layer("datacenter", "Data center", "site, redundancy and distribution", "#8a8a2b"),
    Layer("power", "Power", "grid and energy contracts", "#d99a00"),
    Layer("finance", "Finance", "how it is paid for", "#5c6773"),
)
"""Top to bottom."""

BY_KEY = {layer.key: layer for layer in LAYERS}
NEUTRAL = "#9aa3ad"
INK = "#1d2733"
CHOSEN = BY_KEY["rack"].color
"""Marks what was chosen among curves."""

LAYER_OF_PLACE = {
    "software": "interface",
    "release": "interface",
    "reliability": "training",
    "architecture": "model",
    "kernels": "chip",
    "chip_power": "chip",
    "system": "rack",
    "scale_up": "network",
    "fabric": "network",
    "site": "datacenter",
    "building": "datacenter",
    "redundancy": "datacenter",
    "distribution": "datacenter",
    "supply_temperature": "cooling",
    "grid": "power",
    "contracts": "power",
    "terms": "finance",
}
"""Parts of a stack that belong to a layer of another name."""


def layer_of(place: str) -> str:
    """The layer that a part of the stack, or a number's path, belongs to."""
    head = place.split(".", 1)[0].removeprefix("prefill_")
    return LAYER_OF_PLACE.get(head, head)


def color_of(place: str) -> str:
    """The color of a part's layer; gray where it belongs to none."""
    layer = BY_KEY.get(layer_of(place))
    return layer.color if layer else NEUTRAL


def title_of(key: str) -> str:
    """A layer's name for people; a part of a layer is named as it is."""
    layer = BY_KEY.get(key)
    return layer.title if layer else key.replace("_", " ").capitalize()
