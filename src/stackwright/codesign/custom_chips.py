"""When a chip of one's own pays, and what a second vendor is worth: the search at other prices, its plant held.

The plant is that of the best design, so that only what computes is chosen again; where a rack needs another kind of
cooling, that of the study stays open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.make_or_buy import Range, break_even, second_source, tie
from stackwright.codesign.margin_stack import margins_of, stacked
from stackwright.codesign.performance_grid import Grid
from stackwright.codesign.plant_grid import PlantClass, plant_classes
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import search
from stackwright.codesign.searched import Searched
from stackwright.stack.offer import program_of
from stackwright.stack.parts import Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

IN_DOLLARS = ("cost_per_million_tokens", "cost_per_run", "npv")
"""Objectives in which a price can be traded."""
HIGHEST = 10.0
"""Prices are looked for up to this many times that of the best system."""


@dataclass(frozen=True)
class Held:
    """Both halves of a study whose plant is held, ready to be combined at other prices."""

    study: Study
    parts: Parts
    scenario: Scenario
    grid: Grid
    classes: list[PlantClass]

    @classmethod
    def of(cls, study: Study, catalog: Catalog) -> Held:
        """Evaluate both halves."""
        parts, kind = Parts(catalog), kind_of(study)
        scenario = kind.scenario(study, parts)
        grid = kind.grid(study, parts, scenario, None)
        systems = list({system.id: system for system in grid.systems}.values())
        return cls(study, parts, scenario, grid, plant_classes(study, parts, scenario, systems))

    def best(self, grid: Grid | None = None) -> float | None:
        """The best score; None where nothing serves."""
        terms = terms_of(self.study, self.parts)
        found = search(
            self.study, self.scenario, grid or self.grid, self.classes, terms, self.parts, engines=False
        ).best
        return None if found is None else found.score

    def at_price(self, system: str, way: str) -> Callable[[float], float]:
        """The best score as a function of one system's price per chip."""

        def value(price: float) -> float:
            offers = dict(self.grid.offers)
            offers[system, way] = replace(offers[system, way], system_price=price)
            found = self.best(replace(self.grid, offers=offers))
            assert found is not None
            return found

        return value


def with_plant_of(study: Study, item: Finalist) -> Study:
    """The study with the place and portfolio of a design."""
    design = item.design
    place = {
        "site": (design.site,),
        "redundancy": (design.redundancy,),
        "distribution": (design.distribution,),
    }
    menu = next(one for one in study.power.portfolio if one.name == design.portfolio)
    return study.model_copy(
        update={
            "datacenter": study.datacenter.model_copy(update=place),
            "power": study.power.model_copy(update={"portfolio": (menu,)}),
        }
    )


def sold_as(study: Study, systems: tuple[str, ...], way: str) -> Study:
    """The study with these systems alone, sourced one way."""
    return study.model_copy(
        update={
            "rack": study.rack.model_copy(update={"system": systems}),
            "finance": study.finance.model_copy(update={"sourcing": (way,)}),
        }
    )


def margins_entry(study: Study, catalog: Catalog, seen: Searched, item: Finalist) -> dict[str, Any]:
    """Whose margin is in a plan, when a custom chip of the menu pays, and what the second vendor is worth."""
    costs = kind_of(study).costs(item)
    rows = margins_of(item, {layer: entry["value"] for layer, entry in costs.items()}, seen.parts)
    unit = next(iter(costs.values()))["unit"]
    made: dict[str, Any] = {"rows": rows, "all": stacked(rows), "unit": unit, "break_even": [], "second_source": None}
    if study.objective not in IN_DOLLARS or item.design.sourcing != "buy":
        return made
    held = with_plant_of(study, item)
    return made | {
        "break_even": break_evens(held, catalog, seen, item),
        "second_source": _second_source(held, catalog, seen, item),
    }


def break_evens(held: Study, catalog: Catalog, seen: Searched, item: Finalist) -> list[dict[str, Any]]:
    """The price at which each custom chip of the menu ties with what is sold, and the volumes that repay its NRE.

    The range of the price is that of the best sold system's own price.
    """
    made = []
    target = _sold_at(held, catalog, item)
    for system in held.rack.system:
        program = program_of(seen.parts.get("rack", system), seen.parts)
        if program is None:
            continue
        own = Held.of(sold_as(held, (system,), "make"), catalog)
        if own.best() is None:
            made.append({"program": program.id, "system": system, "reason": "no design with it meets the demand"})
            continue
        most = HIGHEST * item.parts["system"].record.values["price_per_chip"].value
        value = own.at_price(system, "make")
        tied = [tie(value, score, low=0.0, high=most) for score in target]
        if any(price is None for price in tied):
            reason = "no price between nothing and ten times the best system's makes it tie"
            made.append({"program": program.id, "system": system, "reason": reason})
            continue
        low, middle, high = sorted(float(price or 0.0) for price in tied)
        rate = float(item.terms.discount_rate)
        made.append(
            {"program": program.id, "system": system} | break_even(program.spec, Range(low, middle, high), rate)
        )
    return made


def _sold_at(held: Study, catalog: Catalog, item: Finalist) -> list[float]:
    """The best score of what is sold, at the best system's own price and at both ends of its range."""
    part = item.parts["system"]
    datum = part.record.values["price_per_chip"]
    found = []
    for price in (datum.low, datum.value, datum.high):
        values = dict(part.record.values) | {"price_per_chip": replace(datum, value=price)}
        record = replace(part.record, values=values)
        best = Held.of(sold_as(held, held.rack.system, "buy"), catalog.replacing(record)).best()
        assert best is not None
        found.append(best)
    return found


def _second_source(held: Study, catalog: Catalog, seen: Searched, item: Finalist) -> dict[str, Any]:
    """What the second vendor of accelerators saves, and at which price of the first's system the two tie."""
    menu = sold_as(held, held.rack.system, "buy")
    vendors: dict[str, list[str]] = {}
    for system in held.rack.system:
        chip = seen.parts.get("chip", str(seen.parts.get("rack", system).record.links["chip"]))
        vendors.setdefault(str(chip.record.vendor), []).append(system)
    alone = {
        vendor: Held.of(sold_as(menu, tuple(systems), "buy"), catalog).best() for vendor, systems in vendors.items()
    }
    best = {vendor: score for vendor, score in alone.items() if score is not None}
    part = item.parts["system"]
    datum = part.record.values["price_per_chip"]
    first = min(best, key=lambda vendor: best[vendor])

    def value(price: float) -> float:
        """With the first vendor alone, all of whose prices move together."""
        moved = catalog
        for system in vendors[first]:
            own = seen.parts.get("rack", system).record
            if "price_per_chip" in own.values:
                stated = own.values["price_per_chip"]
                raised = replace(stated, value=stated.value * price / datum.value)
                moved = moved.replacing(replace(own, values=dict(own.values) | {"price_per_chip": raised}))
        score = Held.of(sold_as(menu, tuple(vendors[first]), "buy"), moved).best()
        assert score is not None
        return score

    return second_source(best, datum.value, value)
