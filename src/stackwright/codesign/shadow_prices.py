"""What one unit more of a limit or of a part's capacity is worth at the optimum, and what one less costs.

Each quantity is moved by a step both ways and serving or training is tuned anew, all other layers held: steps are wide
enough to pass from one point of the grid to the next, and the figures are the objective's change over the step. As the
other layers could follow too, one more is worth at least as much as it says, and one less costs at most as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import SENSE, UNITS, Finalist
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass, plant_classes
from stackwright.codesign.plants import site_limit, terms_of
from stackwright.codesign.result import Kind
from stackwright.codesign.search import search
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.offer import OWN_CHIP
from stackwright.stack.parts import Part, Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

PART_STEP = 0.05
"""Share by which a part's number is moved, where a unit of it is less: menus of batches are that coarse or coarser."""
LIMIT_STEP = 0.1
"""The same of a limit."""
PRICE_STEP = 0.01
"""The same of a price, which moves no limit, so that any step says as much."""
BINDS = 1e-3
"""A limit binds when a step more of it improves the objective by more than this share."""
MILLION = 1e6


@dataclass(frozen=True)
class Quantity:
    """What is moved: its name for people and where it stands, in what unit, from where and by how much in SI units."""

    what: str
    path: str
    unit: str
    scale: float
    """SI units in one of `unit`."""
    base: float | None
    """None where the study or the design has no such thing, for the `reason`."""
    step: float = 0.0
    reason: str = ""
    moved: Callable[[float], tuple[Study, Catalog]] | None = None
    """The study and the catalog in which the quantity has another value."""
    half: str = ""
    """Which half of the grid it changes: ``performance``, which has the chips' prices too, ``plant``, or neither."""


@dataclass(frozen=True)
class Halves:
    """Both halves of the held study's grid."""

    kind: Kind
    parts: Parts
    scenario: Scenario
    grid: Grid
    classes: list[PlantClass]

    def score(self, study: Study, catalog: Catalog, half: str) -> float | None:
        """What the search minimizes, at its best, in a study and catalog that differ in one half; None: no design."""
        parts = Parts(catalog)
        scenario = self.kind.scenario(study, parts)
        grid = self.kind.grid(study, parts, scenario, None) if half == "performance" else self.grid
        classes = plant_classes(study, parts, scenario, systems_of(grid)) if half == "plant" else self.classes
        best = search(study, scenario, grid, classes, terms_of(study, parts), parts).best
        return None if best is None else best.score


def systems_of(grid: Grid) -> list[Part]:
    """The systems of a grid, each once."""
    return list({system.id: system for system in grid.systems}.values())


def halves_of(kind: Kind, study: Study, catalog: Catalog) -> Halves:
    """Both halves of a study's grid."""
    parts = Parts(catalog)
    scenario = kind.scenario(study, parts)
    grid = kind.grid(study, parts, scenario, None)
    return Halves(kind, parts, scenario, grid, plant_classes(study, parts, scenario, systems_of(grid)))


def shadow_prices(kind: Kind, held: Study, catalog: Catalog, item: Finalist) -> list[dict[str, Any]]:
    """One row for each quantity: the objective's change for one unit more and less, and its dollars over the horizon.

    `held` is the study with every layer but serving or training held at the design of `item`.
    """
    halves = halves_of(kind, held, catalog)
    base = halves.score(held, catalog, "")
    return [_row(halves, base, item, one, str(held.objective)) for one in quantities(held, catalog, item)]


def _row(halves: Halves, base: float | None, item: Finalist, one: Quantity, objective: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "what": one.what,
        "path": one.path,
        "unit": one.unit,
        "base": None if one.base is None else one.base / one.scale,
        "step": None if one.base is None else one.step / one.scale,
        "one_more": None,
        "one_less": None,
        "dollars": None,
        "binding": False,
        "reason": one.reason or None,
    }
    if one.base is None or one.moved is None:
        return row
    if base is None:
        return row | {"reason": "no design of the study meets its limits"}
    more, less = (halves.score(*one.moved(one.base + sign * one.step), one.half) for sign in (1.0, -1.0))
    units, unit = one.step / one.scale, f"{UNITS[objective]} per {one.unit}"
    sign = -1.0 if SENSE[objective] == "max" else 1.0
    reasons = []
    if more is None:
        reasons.append("no design with one step more")
    else:
        gain = base - more
        row["one_more"] = {"value": -sign * gain / units + 0.0, "unit": unit}
        row["binding"] = gain > BINDS * abs(base)
        row["dollars"] = dollars(item, objective, -sign * gain / units)
    if less is None:
        reasons.append("no design with one step less")
    else:
        row["one_less"] = {"value": sign * (less - base) / units + 0.0, "unit": unit}
    if row["dollars"] is None and more is not None:
        reasons.append("the objective is not in dollars")
    return row | {"reason": "; ".join(reasons) or None}


def dollars(item: Finalist, objective: str, change: float) -> float | None:
    """Present dollars that a change of the objective brings at the design's output; None: it is not in money."""
    tokens = float(item.done.present_tokens)
    if objective == "cost_per_million_tokens":
        return -change * tokens / MILLION + 0.0
    if objective == "cost_per_run":
        return -change * tokens / float(item.done.service.run_time) + 0.0
    return change + 0.0 if objective == "npv" else None


def quantities(held: Study, catalog: Catalog, item: Finalist) -> Iterator[Quantity]:
    """All quantities that are priced, with those that a study lacks and why."""
    yield _site_power(held, catalog, item)
    yield from _capacities(held, catalog, item)
    yield from _times(held, catalog)
    yield from _ceilings(held, catalog)
    yield from _prices(held, catalog, item)


def _site_power(held: Study, catalog: Catalog, item: Finalist) -> Quantity:
    unit, scale = "MW", 1e6
    base = meter_limit(held, item.design.site)
    if base is None:
        return Quantity("power at the meter", "constraints.site_power", unit, scale, None, reason="no limit is set")

    def moved(value: float) -> tuple[Study, Catalog]:
        return held.with_wider_connections(value / base), catalog

    step = max(scale, LIMIT_STEP * base)
    return Quantity("power at the meter", "constraints.site_power", unit, scale, base, step, moved=moved, half="plant")


def meter_limit(study: Study, site: str) -> float | None:
    """Most that the grid brings to a site in watts, in the year in which it is most; None is no limit."""
    limit, agreement = site_limit(study, site), study.agreement(site)
    if agreement is None:
        return limit
    years = range(study.horizon.first_year, study.horizon.first_year + study.horizon.years)
    agreed = max(float(sum(agreement.terms.mean_in_year(float(year)))) for year in years)
    return agreed if limit is None else min(agreed, limit)


def _capacities(held: Study, catalog: Catalog, item: Finalist) -> Iterator[Quantity]:
    rows = (
        ("memory of a chip, at the same price", "chip", "memory_capacity", "GB", 1e9),
        ("memory bandwidth of a chip, at the same price", "chip", "memory_bandwidth", "TB/s", 1e12),
        ("scale-up link of a chip, at the same price", "chip", "scale_up_bandwidth", "GB/s", 1e9),
        ("scale-out link of a chip, with its ports and switches", "system", "nic_bandwidth", "GB/s", 1e9),
    )
    for what, place, field, unit, scale in rows:
        yield _of_record(held, catalog, item.parts[place], place, field, what, unit, scale, PART_STEP)


def _of_record(
    held: Study,
    catalog: Catalog,
    part: Part,
    place: str,
    field: str,
    what: str,
    unit: str,
    scale: float,
    share: float,
) -> Quantity:
    """A number of a record of the design."""
    datum = part.record.values.get(field)
    if datum is None:
        return Quantity(what, f"{place}.{field}", unit, scale, None, reason=f"{part.name} states none")

    def moved(value: float) -> tuple[Study, Catalog]:
        values = dict(part.record.values) | {field: replace(datum, value=value)}
        return held, catalog.replacing(replace(part.record, values=values))

    step = max(scale, share * datum.value) if share == PART_STEP else share * datum.value
    return Quantity(what, f"{place}.{field}", unit, scale, datum.value, step, moved=moved, half="performance")


def _times(held: Study, catalog: Catalog) -> Iterator[Quantity]:
    rows = (
        ("time to the first token", "ttft", "ms", 1e-3),
        ("time per token", "tpot", "ms", 1e-3),
        ("deadline of the run", "deadline", "day", 86_400.0),
    )
    for what, field, unit, scale in rows:
        base = getattr(held.demand, field, None)
        if base is None:
            reason = "the demand sets none"
            yield Quantity(what, f"demand.{field}", unit, scale, None, reason=reason)
            continue

        def moved(value: float, field: str = field) -> tuple[Study, Catalog]:
            return held.model_copy(update={"demand": held.demand.model_copy(update={field: value})}), catalog

        yield Quantity(
            what, f"demand.{field}", unit, scale, base, max(scale, LIMIT_STEP * base), moved=moved, half="performance"
        )


def _ceilings(held: Study, catalog: Catalog) -> Iterator[Quantity]:
    rows = (
        ("budget", "budget", "USD", 1.0, ""),
        ("water of a year", "water", "m3/year", 1.0 / SECONDS_PER_YEAR, "plant"),
        ("emissions of a year", "carbon", "kgCO2/year", 1.0 / SECONDS_PER_YEAR, "plant"),
    )
    for what, field, unit, scale, half in rows:
        base = getattr(held.constraints, field)
        if base is None:
            yield Quantity(what, f"constraints.{field}", unit, scale, None, reason="no limit is set")
            continue

        def moved(value: float, field: str = field) -> tuple[Study, Catalog]:
            limits = held.constraints.model_copy(update={field: value})
            return held.model_copy(update={"constraints": limits}), catalog

        yield Quantity(what, f"constraints.{field}", unit, scale, base, LIMIT_STEP * base, moved=moved, half=half)


def _prices(held: Study, catalog: Catalog, item: Finalist) -> Iterator[Quantity]:
    """What a chip costs its buyer in the way it is sourced, and the fixed cost of a program where it is one's own."""
    way, system = item.design.sourcing, item.parts["system"]
    bought = "price of a chip in its system"
    if way in OWN_CHIP:
        reason = "the chip is made, not bought"
        yield Quantity(bought, "system.price_per_chip", "USD", 1.0, None, reason=reason)
    elif way == "rent":
        what, scale = "rent of a chip", 1.0 / 3600.0
        yield _of_record(held, catalog, system, "system", "rent_committed", what, "USD/hour", scale, PRICE_STEP)
    else:
        yield _of_record(held, catalog, system, "system", "price_per_chip", bought, "USD", 1.0, PRICE_STEP)
    what, field = "fixed cost of the chip's program", "partner_nre" if way == "partner" else "nre"
    if "program" not in item.parts:
        yield Quantity(what, f"program.{field}", "USD", 1.0, None, reason="no chip of one's own is made")
    else:
        yield _of_record(held, catalog, item.parts["program"], "program", field, what, "USD", 1.0, LIMIT_STEP)
