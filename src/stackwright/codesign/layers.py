"""The layers of a design as options that can be held or freed one by one.

Held means: at the reference's option, or, where the rest of the stack cannot be combined with that, at the option that
stands in for it (the form of rack in which a chip is sold, the first fabric that a system takes). So no layer looks
useless only because another is spelled differently; what stays impossible is a barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stackwright.codesign.table import Choice, Point, Table
from stackwright.stack.parts import Part, Parts

LAYERS = ("model", "serving", "chip", "rack", "network", "cooling", "datacenter", "power", "finance")
HARDWARE = ("model", "chip", "rack", "network")
"""Layers of the performance half whose options a table tells apart; serving is tuned inside it, or frozen."""
PLANT = ("cooling", "datacenter", "power", "finance")
DECISIONS = (*HARDWARE, *PLANT)
"""Layers that decide in turn; serving is tuned again after every step."""

NODE = 16.0
"""Accelerators of a scale-up domain up to which a system counts as a node; beyond, it is built at the scale of a rack
or a pod."""


def package_of(chip: Part) -> str:
    """The accelerator as it is packaged: one and the same in a board of eight and in a rack of 72."""
    return str(chip.record.text.get("package") or chip.id)


def form_of(system: Part) -> tuple[str, str]:
    """In which form accelerators are sold: cooled by air or liquid, as a node or at rack scale."""
    path = "liquid" if float(system.spec.liquid_share) > 0.0 else "air"
    return path, "node" if float(system.spec.scale_up_domain) <= NODE else "rack-scale"


@dataclass(frozen=True)
class Layered:
    """A table's choices as options by layer, seen from a reference."""

    table: Table
    options: Mapping[str, tuple[Hashable, ...]]
    """The options of every layer but serving."""
    codes: Mapping[str, np.ndarray]
    """Per layer of the hardware, the number of each choice's option [C]."""
    held: Mapping[str, np.ndarray]
    """Per layer of the hardware, whether a choice has the option that it has where that layer is held [C]."""
    reference: Point
    stands_in: np.ndarray
    """Number of the cooling that stands in for the reference's under each choice [C]."""

    @cached_property
    def score(self) -> np.ndarray:
        """Scores with serving tuned, of what may win [C, K, D, E, F]."""
        return self.table.open

    @property
    def point(self) -> dict[str, int]:
        """Number of the reference's option by layer."""
        return self.options_of(self.reference)

    def options_of(self, point: Point) -> dict[str, int]:
        """Number of a design's option by layer, serving apart."""
        hardware = {layer: int(self.codes[layer][point.choice]) for layer in HARDWARE}
        return hardware | dict(zip(PLANT, point[1:], strict=True))

    def names_of(self, point: Point) -> dict[str, Any]:
        """A design's option by layer, as people and programs read it."""
        table, choice = self.table, self.table.choices[point.choice]
        drafts = f", {choice.draft_tokens} drafted" if choice.draft_tokens else ""
        kind, temperature = table.coolings[point.cooling]
        return {
            "model": f"{choice.architecture} {choice.precision}/{choice.cache_precision}{drafts}",
            "chip": {"chip": choice.chip, "power_cap": choice.power_cap},
            "rack": {"system": choice.system} | _given(prefill_system=choice.prefill_system),
            "network": {"fabric": choice.fabric, "oversubscription": choice.oversubscription},
            "cooling": {"type": kind, "supply_temperature": temperature},
            "datacenter": table.places[point.place]._asdict(),
            "power": table.portfolios[point.portfolio],
            "finance": table.sourcings[point.sourcing],
        }

    def value(self, point: Point) -> float:
        """The score of a design with serving tuned."""
        return float(self.score[point])


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def layered(table: Table, parts: Parts, reference: Point, fabrics: Sequence[str]) -> Layered:
    """The choices of a table by layer; `fabrics` are those of the study, in its order."""
    labels: dict[str, list[Any]] = {
        "model": [(c.architecture, c.precision, c.cache_precision, c.draft_tokens) for c in table.choices],
        "chip": [(package_of(parts.get("chip", c.chip)), c.power_cap) for c in table.choices],
        "rack": [(form_of(parts.get("rack", c.system)), c.prefill_system) for c in table.choices],
        "network": [(c.fabric, c.oversubscription) for c in table.choices],
    }
    coded = {layer: _coded(values) for layer, values in labels.items()}
    options: dict[str, tuple[Hashable, ...]] = {layer: names for layer, (names, _) in coded.items()}
    options |= {
        "cooling": table.coolings,
        "datacenter": table.places,
        "power": table.portfolios,
        "finance": table.sourcings,
    }
    own = table.choices[reference.choice]
    return Layered(
        table=table,
        options=options,
        codes={layer: codes for layer, (_, codes) in coded.items()},
        held={
            "model": _held_model(table.choices, own),
            "chip": np.array([label == labels["chip"][reference.choice] for label in labels["chip"]]),
            "rack": _held_rack(table.choices, own, parts),
            "network": _held_network(table.choices, own, parts, fabrics),
        },
        reference=reference,
        stands_in=_standing_cooling(table, reference),
    )


def _coded(values: Iterable[Hashable]) -> tuple[tuple[Hashable, ...], np.ndarray]:
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=int)
    return tuple(numbers), codes


def _standing(
    choices: Sequence[Choice], beside: Callable[[Choice], Hashable], rank: Callable[[Choice], tuple[Any, ...]]
) -> np.ndarray:
    """Whether a choice is what stands in for the reference beside what it is combined with: the lowest rank [C]."""
    best: dict[Hashable, tuple[Any, ...]] = {}
    for choice in choices:
        key = beside(choice)
        best[key] = min(best.get(key, rank(choice)), rank(choice))
    return np.array([rank(choice) == best[beside(choice)] for choice in choices])


def _held_model(choices: Sequence[Choice], own: Choice) -> np.ndarray:
    """The reference's model; where a chip has no such format, the widest one that it has."""

    def model(choice: Choice) -> tuple[Any, ...]:
        return choice.architecture, choice.precision, choice.cache_precision, choice.draft_tokens

    def rank(choice: Choice) -> tuple[Any, ...]:
        same = [a != b for a, b in zip(model(choice), model(own), strict=True)]
        bits = -bits_of(choice.precision), -bits_of(choice.cache_precision)
        return same[0], same[1], bits[0], same[2], bits[1], same[3], model(choice)

    return _standing(choices, lambda choice: choice.system, rank)


def bits_of(precision: str) -> int:
    """Bits of a number in a format. Source: definition."""
    return int("".join(letter for letter in precision if letter.isdigit()))


def _held_rack(choices: Sequence[Choice], own: Choice, parts: Parts) -> np.ndarray:
    """The reference's form of rack without a pool apart; where a chip is not sold in it, the nearest form."""
    path, scale = form_of(parts.get("rack", own.system))

    def rank(choice: Choice) -> tuple[bool, bool, bool]:
        its_path, its_scale = form_of(parts.get("rack", choice.system))
        return choice.prefill_system != own.prefill_system, its_path != path, its_scale != scale

    return _standing(choices, lambda choice: package_of(parts.get("chip", choice.chip)), rank)


def _held_network(choices: Sequence[Choice], own: Choice, parts: Parts, fabrics: Sequence[str]) -> np.ndarray:
    """The reference's fabric and oversubscription; where a system does not take it, the first that it lists."""

    def rank(choice: Choice) -> tuple[Any, ...]:
        listed = parts.get("rack", choice.system).record.links.get("fabrics") or ()
        order = [name for name in ([listed] if isinstance(listed, str) else listed) if name in fabrics]
        thin = abs(choice.oversubscription - own.oversubscription)
        return choice.fabric != own.fabric, order.index(choice.fabric), thin

    return _standing(choices, lambda choice: choice.system, rank)


def _standing_cooling(table: Table, reference: Point) -> np.ndarray:
    """The reference's cooling; under racks of the other kind, the first of the study that takes them, as warm as can be
    compared.
    """
    _, warm = table.coolings[reference.cooling]
    made = np.full(len(table.choices), reference.cooling)
    for choice, fits in enumerate(table.fits):
        if not fits[reference.cooling] and fits.any():
            kind = table.coolings[int(np.flatnonzero(fits)[0])][0]
            own = [number for number in np.flatnonzero(fits) if table.coolings[int(number)][0] == kind]
            made[choice] = min(own, key=lambda number: abs(table.coolings[int(number)][1] - warm))
    return made


def allowed(layers: Layered, free: Collection[str]) -> np.ndarray:
    """Choices in which every layer of the hardware but those that are free is held [C]."""
    held = [layers.held[layer] for layer in HARDWARE if layer not in free]
    return np.logical_and.reduce(held) if held else np.ones(len(layers.table.choices), dtype=bool)
