"""By how many percent the objective moves when an input moves by one percent: each number of a design's specs.

The fleet is counted in fractions, so that the objective is smooth but for kinks: a number that sits where one of two
times begins to decide, or where a count of whole things changes, has another elasticity upward than downward. The
design holds, and where its hours were decided it holds its dispatch: an elasticity is the first effect of an input, and
a design that adapts to it does no worse. One evaluation serves both ways to differentiate; the namespace of its leaves
decides: arrays of NumPy for differences, numbers of JAX for gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import PREFILL, Finalist, objective_value, outlay
from stackwright.codesign.uncertainty import WHOLE
from stackwright.core.arrays import namespace
from stackwright.core.spec import leaves, map_leaves
from stackwright.stack.evaluate import Evaluation, evaluate
from stackwright.stack.scenario import Scenario

STEP = 1e-5
"""Share by which a number is moved both ways: small beside the distance to most kinks, large beside rounding."""
FINER = 0.1
"""A step so many times finer tells a kink from a jump: across a jump the quotient grows as the step shrinks."""
BATCH = 32
"""Numbers that are moved in one evaluation: each has two years by the hour in a few dozen series of the plant."""
KINK = 0.01
"""An elasticity whose two sides differ by more than this share of the larger one is said to sit on a kink."""
LEAST = 1e-8
"""Elasticities below it are rounding."""
LEAST_SHOWN = 1e-4
"""Elasticities below it are too small to ask whether they sit on a kink."""
COUNTS = WHOLE | {
    "cooling_needed",
    "cooling_installed",
    "generators_needed",
    "generators_installed",
    "prefill_tokens",
}
DATES = {"full_year", "interim_year", "outage_year", "tenor", "ramp_time"}
"""Dates and terms of contracts, which move whole hours."""
PORTFOLIO = "portfolio."
PERFORMANCE = ("hardware", "prefill")
"""Specs that no hour of the plant depends on, but for what racks give to liquid."""
LIQUID = "system.liquid_share"


@dataclass(frozen=True)
class Inputs:
    """The specs that a design's evaluation reads, and the names of their numbers."""

    item: Finalist
    scenario: Scenario
    objective: str

    def roots(self) -> dict[str, Any]:
        """The specs by what they are of."""
        item = self.item
        found = {
            "hardware": item.cell.hardware,
            "plant": item.plant.specs,
            "terms": item.terms,
            "arrangement": item.arrangement,
        }
        if item.design.prefill_system is not None and item.cell.prefill is not None:
            found["prefill"] = item.cell.prefill.hardware
        return found

    def name(self, root: str, path: str) -> str:
        """A number's name, for example ``chip.memory_bandwidth``; pools share the numbers of a record that they share.

        Source: definition.
        """
        if root == "terms":
            return f"terms.{path}"
        if root == "prefill" and f"{PREFILL}{path.partition('.')[0]}" in self.item.parts:
            return f"{PREFILL}{path}"
        return path.removeprefix(PORTFOLIO)

    def numbers(self) -> dict[str, float]:
        """Numbers that can move by a share of themselves: no counts, no dates, no zeros. Source: definition."""
        return {name: value for part in self.halves() for name, value in part.items()}

    def halves(self) -> tuple[dict[str, float], dict[str, float]]:
        """The numbers that leave the plant's hours as they are, and the others. Source: definition."""
        found: tuple[dict[str, float], dict[str, float]] = ({}, {})
        for root, spec in self.roots().items():
            for path, leaf in leaves(spec):
                name, fixed = self.name(root, path), path.rpartition(".")[2] in COUNTS | DATES
                if not fixed and np.ndim(leaf) == 0 and np.isfinite(leaf) and leaf != 0.0:
                    found[root not in PERFORMANCE or name.endswith(LIQUID)][name] = float(leaf)
        return found

    def value(self, changed: Mapping[str, Any]) -> Any:
        """The objective with some numbers replaced, each a number or an array [n], through the plant's terms.

        Source: `evaluate`, its fleet in fractions.
        """
        specs = {root: self._changed(root, spec, changed) for root, spec in self.roots().items()}
        item = self.item
        cell = replace(item.cell, hardware=specs["hardware"])
        if "prefill" in specs and cell.prefill is not None:
            cell = replace(cell, prefill=replace(cell.prefill, hardware=specs["prefill"]))
        design, scenario = self._as(namespace(*changed.values()))

        def at(volume: Any) -> Evaluation:
            return evaluate(
                design,
                scenario,
                cell=cell,
                plant=replace(item.plant, specs=specs["plant"]),
                terms=specs["terms"],
                volume=volume,
                settled=False,
                whole=False,
                arrangement=specs["arrangement"],
            )

        done = at(item.volume if item.volume is None else item.volume + 0.0 * next(iter(changed.values())))
        if item.volume is not None:
            done = at(item.volume * self._filling(done))
        return objective_value(self.objective, scenario, done, specs["terms"])

    def _changed(self, root: str, spec: Any, changed: Mapping[str, Any]) -> Any:
        return map_leaves(lambda path, leaf: changed.get(self.name(root, path), leaf), spec)

    def _as(self, xp: Any) -> tuple[Any, Scenario]:
        """The design and the scenario with what equations choose their namespace by as arrays of it."""
        if xp is np:
            return self.item.design, self.scenario
        design, lengths = self.item.design, self.scenario.lengths
        numbers = {name: xp.asarray(value) for name, value in design.numbers.items()}
        wide = map_leaves(lambda _, leaf: xp.asarray(leaf), lengths)
        return replace(design, numbers=numbers), replace(self.scenario, lengths=wide)

    def _filling(self, done: Evaluation) -> Any:
        """Factor by which a volume fills the limits that the design fills."""
        item, rooms = self.item, []
        if item.site_limit is not None:
            rooms.append((item.limits / done.peak_by_year).min(axis=-1))
        if item.budget is not None:
            rooms.append(item.budget / outlay(done))
        first, *others = rooms
        for other in others:
            first = namespace(first, other).minimum(first, other)
        return first


def elasticities(
    item: Finalist, scenario: Scenario, objective: str, *, by: str = "differences"
) -> list[dict[str, Any]]:
    """Elasticity of the objective in every number of a design's specs that moves it, largest first.

    `by` is ``differences`` or ``gradient``, which needs JAX. Rows of differences say both sides and whether the number
    sits on a kink; a gradient is that of one side there.
    """
    inputs = Inputs(item, scenario, objective)
    rows = _by_gradient(inputs) if by == "gradient" else _by_differences(inputs)
    moving = [row for row in rows if max(abs(row[name]) for name in SIDES if row[name] is not None) > LEAST]
    return sorted(moving, key=lambda row: (-abs(row["elasticity"]), row["path"]))


SIDES = ("elasticity", "downward", "upward")


def _by_differences(inputs: Inputs) -> Iterator[dict[str, Any]]:
    performance, plant = inputs.halves()
    for names, wide in ((performance, performance), (plant, performance | plant)):
        sides = _sides(inputs, wide, list(names), STEP)
        bent = [name for name, (down, up) in sides.items() if _differ(down, up)]
        finer = _sides(inputs, wide, bent, STEP * FINER)
        for name, coarse in sides.items():
            fine = finer.get(name, coarse)
            known = [None if _jumps(*pair) else pair[0] for pair in zip(coarse, fine, strict=True)]
            finite = [side for side in known if side is not None]
            yield {
                "path": name,
                "value": names[name],
                "elasticity": sum(finite) / len(finite) if finite else 0.0,
                "downward": known[0],
                "upward": known[1],
                "kink": name in finer,
            }


def _differ(downward: float, upward: float) -> bool:
    return abs(upward - downward) > max(KINK * max(abs(upward), abs(downward)), KINK * LEAST_SHOWN)


def _jumps(coarse: float, fine: float) -> bool:
    """Whether a quotient grows as its step shrinks."""
    return abs(fine) > 2.0 * abs(coarse) + LEAST_SHOWN


def _sides(inputs: Inputs, wide: Mapping[str, float], names: list[str], step: float) -> dict[str, tuple[float, float]]:
    """Elasticities of numbers downward and upward; `wide` has the numbers that are arrays in these evaluations."""
    made = {}
    for start in range(0, len(names), BATCH):
        part = names[start : start + BATCH]
        count = 2 * len(part) + 1
        changed = {name: np.full(count, value) for name, value in wide.items()}
        for place, name in enumerate(part):
            changed[name][2 * place + 1] *= 1.0 - step
            changed[name][2 * place + 2] *= 1.0 + step
        base, *moved = (float(value) for value in inputs.value(changed))
        for name, down, up in zip(part, moved[::2], moved[1::2], strict=True):
            made[name] = ((base - down) / (step * base), (up - base) / (step * base))
    return made


def _by_gradient(inputs: Inputs) -> Iterator[dict[str, Any]]:
    """One pass forward and one backward. Nothing is compiled as a whole: compiling takes far longer than both."""
    import jax

    numbers = inputs.numbers()
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(inputs.value)(numbers)
    for name, slope in gradient.items():
        elasticity = float(slope) * numbers[name] / float(value)
        yield {
            "path": name,
            "value": numbers[name],
            "elasticity": elasticity,
            "downward": None,
            "upward": None,
            "kink": None,
        }
