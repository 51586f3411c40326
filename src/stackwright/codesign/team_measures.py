"""What each layer's own team goes by, where no one looks at the whole stack.

These are the measures that such teams publish and are judged by; each takes the option that is best by its own, the
other layers being the reference's. Network, power and finance come out as the true objective would have them with all
else at the reference, as their measures (dollars a port, a megawatt-hour, an accelerator-hour) order options alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from stackwright.codesign.baselines import SAME, Baseline, State, Teams
from stackwright.codesign.layers import DECISIONS, HARDWARE, Layered, bits_of, package_of
from stackwright.codesign.plant_grid import PlantClass, thermals_of
from stackwright.codesign.table import Point
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study

ACCEPTED_LOSS = 0.01
"""MLPerf Inference's closed division accepts 99 % of the accuracy of the reference model."""


@dataclass(frozen=True)
class Measure:
    """What a team goes by, and who says so."""

    says: str
    source: str


MEASURES: dict[str, Measure] = {
    "model": Measure(
        "the fewest bits per weight and cached value that keep 99 % of the quality",
        "MLPerf Inference rules, closed division: accuracy target of 99 % of the reference model",
    ),
    "serving": Measure(
        "tuned again for whatever the others chose", "every serving benchmark tunes it: InferenceMAX, MLPerf"
    ),
    "chip": Measure(
        "peak operations per second and dollar at the reference's precision",
        "Epoch AI, Trends in GPU price-performance (FLOP/s per dollar)",
    ),
    "rack": Measure(
        "the largest scale-up domain", "NVIDIA GB200 NVL72 and Google TPU pod pages: domain size is the headline"
    ),
    "network": Measure(
        "no oversubscription, and of those the cheapest port",
        "NVIDIA DGX SuperPOD reference architecture: full bisection in every rail",
    ),
    "cooling": Measure("the lowest annual PUE", "ISO/IEC 30134-2; The Green Grid"),
    "datacenter": Measure(
        "the lowest capital per watt with the reference's availability or better",
        "Uptime Institute tier standard; Turner & Townsend cost index of data centers (dollars per watt)",
    ),
    "power": Measure("the lowest cost of a delivered megawatt-hour", "LCOE plus (Lazard); LevelTen PPA index"),
    "finance": Measure(
        "the lowest cost of an accelerator-hour over the horizon", "price lists of clouds and neoclouds ($/GPU-hour)"
    ),
}


def separate(study: Study, parts: Parts, layers: Layered, classes: Sequence[PlantClass]) -> Baseline:
    """Every layer's option by its own measure, composed; what cannot be combined is repaired, and the repairs told."""
    wanted = {
        "model": _model(study, layers),
        "chip": _chip(parts, layers),
        "rack": _rack(parts, layers),
        "network": _network(parts, layers),
        "cooling": _cooling(parts, layers, classes),
        "datacenter": _datacenter(parts, layers, classes),
        "power": _alone(layers, "power"),
        "finance": _alone(layers, "finance"),
    }
    return composed(layers, wanted)


def composed(layers: Layered, wanted: Mapping[str, int]) -> Baseline:
    """A design of these options; of the layers that have to give way, as few as can be do, each to what is best."""
    teams = Teams(layers)
    for size in range(len(DECISIONS) + 1):
        found: list[tuple[float, Baseline]] = []
        for released in combinations(DECISIONS, size):
            state: State = tuple(None if layer in released else wanted[layer] for layer in DECISIONS)
            end = teams.outcome(teams.decide(state, released)) if released else teams.outcome(state)
            if end.point is not None:
                found.append((end.value, Baseline(end.point, end.value, _repairs(layers, wanted, end.point))))
        if found:
            return min(found, key=lambda entry: entry[0])[1]
    return Baseline(None, np.inf)


def _repairs(layers: Layered, wanted: Mapping[str, int], point: Point) -> tuple[str, ...]:
    """What had to be something else, in words."""
    has = layers.options_of(point)
    return tuple(
        f"{layer}: {_words(layers.options[layer][wanted[layer]])} gave way to "
        f"{_words(layers.options[layer][has[layer]])}"
        for layer in DECISIONS
        if has[layer] != wanted[layer]
    )


def _words(option: Any) -> str:
    if isinstance(option, tuple):
        return " ".join(_words(part) for part in option if part is not None)
    return f"{option:g}" if isinstance(option, float) else str(option)


def _model(study: Study, layers: Layered) -> int:
    """The fewest bits with an accepted loss, of the reference's architecture."""
    own = layers.table.choices[layers.reference.choice]

    options: Any = layers.options["model"]

    def rank(number: int) -> tuple[Any, ...]:
        architecture, precision, cached, drafts = options[number]
        lost = study.model.quality_loss.get(precision, 0.0) > ACCEPTED_LOSS
        return architecture != own.architecture, lost, bits_of(precision), bits_of(cached), drafts != own.draft_tokens

    return min(range(len(options)), key=rank)


def _chip(parts: Parts, layers: Layered) -> int:
    """Peak operations per dollar of the system's price, chips at full power; of what may win."""
    own = layers.table.choices[layers.reference.choice]
    best: dict[int, float] = {}
    for number, choice in enumerate(layers.table.choices):
        chip, system = parts.get("chip", choice.chip).spec, parts.get("rack", choice.system).spec
        peak = getattr(chip, f"peak_{own.precision}") or chip.peak_bf16
        if system.price_per_chip and layers.table.may_win[number].any():
            code = int(layers.codes["chip"][number])
            best[code] = max(best.get(code, 0.0), float(peak) / float(system.price_per_chip))
    held = layers.point["chip"]

    def rank(code: int) -> tuple[Any, ...]:
        return -best[code], -float(layers.options["chip"][code][1]), code != held  # type: ignore[index]

    return min(best, key=rank) if best else held


def _rack(parts: Parts, layers: Layered) -> int:
    """The form with the largest domain for the reference's package."""
    own = package_of(parts.get("chip", layers.table.choices[layers.reference.choice].chip))
    domain: dict[int, float] = {}
    for number, choice in enumerate(layers.table.choices):
        if package_of(parts.get("chip", choice.chip)) == own and layers.table.may_win[number].any():
            code, size = int(layers.codes["rack"][number]), float(parts.get("rack", choice.system).spec.scale_up_domain)
            domain[code] = max(domain.get(code, 0.0), size)
    held = layers.point["rack"]
    return max(domain, key=lambda code: (domain[code], code == held)) if domain else held


def _network(parts: Parts, layers: Layered) -> int:
    """Of the fabrics of the reference's system without oversubscription, the cheapest by the true objective."""
    own = layers.table.choices[layers.reference.choice]
    thin = min(choice.oversubscription for choice in layers.table.choices if choice.system == own.system)
    keep = [
        number
        for number, choice in enumerate(layers.table.choices)
        if choice._replace(fabric=own.fabric, oversubscription=own.oversubscription) == own
        and choice.oversubscription == thin
    ]
    prices = {number: float(layers.score[(number, *layers.reference[1:])]) for number in keep}
    if not keep or not np.isfinite(min(prices.values())):
        return layers.point["network"]
    return int(layers.codes["network"][min(prices, key=lambda number: prices[number])])


def _alone(layers: Layered, layer: str) -> int:
    """The option of a plant layer that the true objective prefers with all others at the reference."""
    axis = 1 + DECISIONS.index(layer) - len(HARDWARE)
    place: list[int | slice] = list(layers.reference)
    place[axis] = slice(None)
    values = layers.score[tuple(place)]
    best, held = int(values.argmin()), layers.reference[axis]
    own = float(values[held])
    return best if values[best] < own - SAME * abs(own) else held


def _cooling(parts: Parts, layers: Layered, classes: Sequence[PlantClass]) -> int:
    """The lowest energy at the meter per joule of busy IT, at the reference's place and portfolio."""
    energy = _weights(parts, layers, classes, "busy_energy")
    held = layers.reference.cooling
    best = min(energy, key=lambda point: (energy[point], point.cooling != held), default=layers.reference)
    return best.cooling


def _datacenter(parts: Parts, layers: Layered, classes: Sequence[PlantClass]) -> int:
    """The lowest capital per watt, of places that are as available as the reference's, under its cooling."""
    capital = _weights(parts, layers, classes, "plant_capex", "building_capex", free="place")
    available = _weights(parts, layers, classes, "availability", free="place")
    if layers.reference not in capital:
        return layers.reference.place
    least = available[layers.reference] - 1e-9
    fit = [point for point in capital if available[point] >= least]
    return min(fit, key=lambda point: (capital[point], point != layers.reference)).place


def _weights(
    parts: Parts, layers: Layered, classes: Sequence[PlantClass], *names: str, free: str = "cooling"
) -> dict[Point, float]:
    """The sum of some weights of the plant by design, over all coolings or all places, all else at the reference."""
    own, table = layers.reference, layers.table
    ways = thermals_of([parts.get("rack", table.choices[own.choice].system)])
    thermals = next(iter(ways.values()))
    made = {}
    for plant in classes:
        cooling = table.coolings.index((plant.cooling, plant.supply_temperature))
        if plant.thermal not in thermals or (free != "cooling" and cooling != own.cooling):
            continue
        for option, chosen in enumerate(plant.options):
            place = table.places.index((chosen.site, chosen.redundancy, chosen.distribution))
            if table.portfolios.index(chosen.portfolio) != own.portfolio or (free != "place" and place != own.place):
                continue
            point = own._replace(cooling=cooling, place=place)
            made[point] = float(sum(np.mean(getattr(plant.weights, name)[option]) for name in names))
    return made
