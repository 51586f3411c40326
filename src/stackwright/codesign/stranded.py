"""What of a plan is stranded if models of another kind come: chips, their cooling, and what was contracted for power.

For each named future a real model stands, its depth scaled so that it is as good as the plan's. The plan's systems as
they stand serve it, tuned to it, against the best stack of the study's menu for it at the same demand, prices of today
and the same place. Others then sell tokens at what the best stack makes them cost: what of the chips' capital a token
does not earn at that price is stranded, as are machines without work that find no other. Dollars are those of the
arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.alternative_stacks import unsettled_finalist
from stackwright.codesign.at_stake import absent
from stackwright.codesign.finalists import MILLION, Finalist
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.paired_draws import drawn_evaluation, drawn_spec, normals
from stackwright.codesign.plant_grid import PlantClass, plant_classes
from stackwright.codesign.plants import terms_of
from stackwright.codesign.portability import UNKNOWN, Platforms, family_of
from stackwright.codesign.search import search
from stackwright.codesign.searched import Searched
from stackwright.codesign.uncertainty import draw
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.capital import additions, middle_discount, price_path, straight_line_value
from stackwright.interface.model_future import ModelFuture, capacity_of, idle_share, stranded_share
from stackwright.model.architecture import Architecture
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.parts import Part, Parts
from stackwright.stack.study import Portfolio, Study

COUNT = 96
"""Draws of the inputs."""
UNIT = "USD/Mtoken"
LOW, HIGH = 5.0, 95.0
EQUIPMENT = ("chip", "rack", "network")
"""Layers whose cost repays what stands in the hall; all others are paid as the hall runs."""
AROUND = ("embedding", "head")
"""Parts of a model that its depth does not repeat."""


class FutureParts(Parts):
    """Parts of a catalog in which every model is one given architecture."""

    def __init__(self, catalog: Catalog, model: Architecture) -> None:
        super().__init__(catalog)
        self._model = model

    def architecture(self, name: str, path: Path | None = None) -> Architecture:
        """The given architecture, whatever the name. Source: definition."""
        return self._model


def deepened(model: Architecture, scale: float) -> Architecture:
    """A model with so many times its layers: repeated in their order, or cut off. Source: definition."""
    inner = [part for part in model.parts if part.name not in AROUND]
    outer = [part for part in model.parts if part.name in AROUND]
    count = max(1, round(len(inner) * scale))
    layers = tuple(inner[place % len(inner)] for place in range(count))
    return replace(model, parts=(*outer, *layers), layers=max(1, round(model.layers * scale)))


def as_good(model: Architecture, today: Architecture) -> float:
    """By how much a model's depth has to grow to be as good as today's. Source: `capacity_of`."""
    sizes = [
        float(capacity_of(active=float(one.active_parameters), total=float(one.total_parameters)))
        for one in (today, model)
    ]
    return sizes[0] / sizes[1]


@dataclass(frozen=True)
class Hall:
    """A plan's place with the study's systems, and what today's model takes on them."""

    study: Study
    """Everything but systems, engines, cooling and what is tuned held at the plan's."""
    catalog: Catalog
    seen: Searched
    item: Finalist
    model: Architecture
    portfolio: Portfolio
    """The plan's own, whatever the study is held at."""

    @cached_property
    def classes(self) -> list[PlantClass]:
        """Plants of the hall with each kind of cooling; no model bears on them."""
        parts = self.seen.parts
        systems = [parts.get("rack", name) for name in self.study.rack.system]
        return plant_classes(self.study, parts, self.seen.scenario, systems)

    def best(self, model: Architecture, *, as_built: bool) -> tuple[Searched, Finalist] | None:
        """The best stack for a model, on the plan's systems or on any; None where none serves it."""
        study = self._built if as_built else self.study
        parts, scenario = FutureParts(self.catalog, model), self.seen.scenario
        grid = kind_of(study).grid(study, parts, scenario, None)
        found = search(study, scenario, grid, self.classes, terms_of(study, parts), parts)
        made = Searched(scenario, parts, grid, self.classes, found)
        return None if found.best is None else (made, unsettled_finalist(study, made, found.best))

    @property
    def _built(self) -> Study:
        design = self.item.design
        cooling = self.study.cooling.model_copy(update={"type": (design.cooling,)})
        rack = self.study.rack.model_copy(update={"system": (design.system,)})
        return self.study.model_copy(update={"rack": rack, "cooling": cooling})

    @cached_property
    def today(self) -> tuple[Searched, Finalist] | None:
        """Today's model on the plan's systems."""
        return self.best(self.model, as_built=True)


def hall_of(study: Study, catalog: Catalog, seen: Searched, item: Finalist) -> Hall:
    """The place of a plan, with one portfolio that decides no hours where there is one. Source: definition."""
    design = item.design
    menus = {menu.name: menu for menu in study.power.portfolio}
    plain = next((menu for menu in menus.values() if not menu.plants), menus[design.portfolio])
    menu = menus[design.portfolio] if not menus[design.portfolio].plants else plain
    held = {
        "model": {"precision": (design.precision,), "cache_precision": (design.cache_precision,)},
        "chip": {"power_cap": (design.power_cap,)},
        "network": {"oversubscription": (design.oversubscription,)},
        "datacenter": {
            "site": (design.site,),
            "redundancy": (design.redundancy,),
            "distribution": (design.distribution,),
        },
        "power": {"portfolio": (menu,)},
        "finance": {"sourcing": (design.sourcing,)},
    }
    narrow: dict[str, Any] = {layer: getattr(study, layer).model_copy(update=values) for layer, values in held.items()}
    narrow["model"] = narrow["model"].model_copy(update={"architecture": (design.architecture,)})
    model = seen.parts.architecture(design.architecture, study.config_path(design.architecture))
    return Hall(study.model_copy(update=narrow), catalog, seen, item, model, menus[design.portfolio])


def stranded_entry(study: Study, catalog: Catalog, seen: Searched, item: Finalist) -> dict[str, Any]:
    """What would be stranded in each named future of model architecture."""
    if study.demand.kind != "serving":
        return {"futures": [], "reason": "the study trains a model"}
    if study.demand.volume == "open":
        return {"futures": [], "reason": "the volume is open: no demand is the same in another future"}
    if item.design.sourcing == "rent":
        return {"futures": [], "reason": "the chips are rented: what is stranded is their owner's"}
    hall = hall_of(study, catalog, seen, item)
    records = [record for record in catalog.records("interface") if record.type == "ModelFuture"]
    parts = [seen.parts.get("interface", record.id) for record in sorted(records, key=lambda record: record.id)]
    return {"futures": [_future(hall, part) for part in parts], "reason": None}


def _future(hall: Hall, part: Part) -> dict[str, Any]:
    name = str(part.record.links["model"])
    stands = hall.seen.parts.architecture(name)
    scale = as_good(stands, hall.model)
    model = deepened(stands, scale)
    made: dict[str, Any] = {
        "future": part.id.removeprefix("future-"),
        "name": part.record.name,
        "model": name,
        "model_name": hall.seen.parts.get("model", name).name,
        "scale": scale,
        "layers": model.layers,
        "family": family_of(model),
        "parameters": {"total": model.total_parameters, "active": model.active_parameters},
        "arrival": _stated(part, "arrival", "year", SECONDS_PER_YEAR),
        "reused": _stated(part, "reused", "", 1.0),
        "reason": None,
    }
    today, built, best = hall.today, hall.best(model, as_built=True), hall.best(model, as_built=False)
    if best is None or today is None:
        return made | {"reason": "no stack of the menu serves it within the limits"}
    if built is None:
        return made | _unserved(hall, part, best) | {"support": _support(hall, best, made["family"])}
    return made | _served(hall, part, today, built, best) | {"support": _support(hall, best, made["family"])}


def _stated(part: Part, name: str, unit: str, scale: float) -> dict[str, Any]:
    datum = part.record.values[name]
    return {"value": datum.value / scale, "low": datum.low / scale, "high": datum.high / scale, "unit": unit}


@dataclass(frozen=True)
class Drawn:
    """A stack at the inputs as they are, and under draws of them [1 + n]."""

    item: Finalist
    done: Evaluation

    @classmethod
    def of(cls, hall: Hall, item: Finalist) -> Drawn:
        """The stack with draws that are those of every other stack."""
        return cls(item, drawn_evaluation(item, hall.seen.scenario, hall.study.seed, COUNT, with_base=True))

    @property
    def cost(self) -> np.ndarray:
        """Dollars per million tokens."""
        return _wide(self.done.present_cost / self.done.present_tokens * MILLION)

    @property
    def capital(self) -> np.ndarray:
        """The part of it that repays equipment."""
        spent = sum(self.done.costs[layer] for layer in EQUIPMENT if layer in self.done.costs)
        return _wide(spent / self.done.present_tokens * MILLION)

    @property
    def chips(self) -> np.ndarray:
        """In service, in the busiest year."""
        return _wide(np.asarray(self.done.fleet.chips).max(axis=-1))

    @property
    def power(self) -> np.ndarray:
        """Watts of the equipment at its peak, in the busiest year."""
        return _wide(np.asarray(self.done.fleet.peak_power).max(axis=-1))


def _wide(values: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, dtype=float), (COUNT + 1,))


@dataclass(frozen=True)
class Lost:
    """What stands on the books at the arrival, and the share of it that is stranded [1 + n]."""

    book: np.ndarray
    share: np.ndarray

    @property
    def dollars(self) -> np.ndarray:
        """Stranded dollars. Source: definition."""
        return self.book * self.share

    def told(self) -> dict[str, Any]:
        """As a plan has it. Source: definition."""
        return {
            "book": _ranged(self.book, "USD"),
            "share": _ranged(self.share, ""),
            "dollars": _ranged(self.dollars, "USD"),
        }


def _served(
    hall: Hall,
    part: Part,
    today: tuple[Searched, Finalist],
    built: tuple[Searched, Finalist],
    best: tuple[Searched, Finalist],
) -> dict[str, Any]:
    """A future that the plan's systems can serve."""
    now, there, first = (Drawn.of(hall, item) for _, item in (today, built, best))
    future = _drawn_future(hall, part)
    need, power = there.chips / now.chips, there.power / now.power
    earned = stranded_share(built=there.cost, best=np.minimum(first.cost, there.cost), capital=there.capital)
    idle = idle_share(need=need, reused=future.reused)
    chips = Lost(chip_book(now, future), idle + (1.0 - np.maximum(0.0, 1.0 - need)) * earned)
    cooling = Lost(_cooling_book(now, future), _cooling_share(hall, first, power, earned, future))
    contracts = Lost(*_contracts(hall, now, future, idle_share(need=power, reused=future.reused)))
    return {
        "need": _ranged(need, ""),
        "built": _ranged(there.cost, UNIT) | {"engine": there.item.design.software},
        "best": _ranged(first.cost, UNIT) | _named(hall, best),
        "chips": chips.told(),
        "cooling": cooling.told(),
        "contracts": contracts.told(),
        "total": _total([chips, cooling, contracts]),
    }


def _unserved(hall: Hall, part: Part, best: tuple[Searched, Finalist]) -> dict[str, Any]:
    """A future that the plan's systems cannot serve within the limits: what finds no other work is stranded whole."""
    assert hall.today is not None
    now, first, future = Drawn.of(hall, hall.today[1]), Drawn.of(hall, best[1]), _drawn_future(hall, part)
    unused = 1.0 - _wide(future.reused)
    chips, cooling = Lost(chip_book(now, future), unused), Lost(_cooling_book(now, future), unused)
    contracts = Lost(*_contracts(hall, now, future, unused))
    reason = "the plan's systems do not serve it within the limits: none of them has work in it"
    return {
        "need": absent(reason, ""),
        "built": absent(reason, UNIT),
        "best": _ranged(first.cost, UNIT) | _named(hall, best),
        "chips": chips.told(),
        "cooling": cooling.told(),
        "contracts": contracts.told(),
        "total": _total([chips, cooling, contracts]),
        "reason": reason,
    }


def _drawn_future(hall: Hall, part: Part) -> ModelFuture:
    """Arrival and reuse, at their values and drawn [1 + n]."""
    drawn = drawn_spec(part, hall.study.seed, COUNT)
    led = {
        name: np.concatenate([[part.record.values[name].value], getattr(drawn, name)[:, 0]])
        for name in ("arrival", "reused")
    }
    return ModelFuture(**led)


def chip_book(now: Drawn, future: ModelFuture) -> np.ndarray:
    """Dollars of systems that were bought before the arrival, straight-line over their life [1 + n].

    A year's systems are bought as it begins: none in the moment of the arrival. Source: definition.
    """
    terms, total = now.item.terms, np.zeros(COUNT + 1)
    years = np.asarray(future.arrival) / SECONDS_PER_YEAR
    for unit, pool in zip(now.done.units, now.done.fleet.pools, strict=True):
        added = additions(np.atleast_2d(pool.bought(terms.spares)))
        price = _wide(unit.system_price)
        for year in range(added.shape[-1]):
            age = years - year
            worth = np.where(age > 0.0, straight_line_value(age=np.maximum(age, 0.0), life=terms.chip_life), 0.0)
            total = total + added[..., year] * price * price_path(year=year, decline=terms.chip_price_decline) * worth
    return _wide(total)


def _cooling_book(now: Drawn, future: ModelFuture) -> np.ndarray:
    """Dollars of mechanical plant for the peak of the last year before the arrival, straight-line [1 + n]."""
    years = np.asarray(future.arrival) / SECONDS_PER_YEAR
    peak = np.atleast_2d(np.asarray(now.done.fleet.peak_power))
    year = np.clip(np.ceil(years).astype(int) - 1, 0, peak.shape[-1] - 1)
    rows = np.arange(COUNT + 1) if len(peak) > 1 else np.zeros(COUNT + 1, dtype=int)
    worth = straight_line_value(age=years, life=now.item.terms.plant_life)
    return _wide(peak[rows, year] * _wide(now.done.capital.mechanical) * worth)


def _cooling_share(hall: Hall, first: Drawn, power: np.ndarray, earned: np.ndarray, future: ModelFuture) -> np.ndarray:
    """Cooling that has nothing to cool; where the best stack is cooled another way, what chips lose it loses as well.

    One kind of cooling is another's where the share of heat that racks give to liquid differs by more than a half.
    """
    parts, idle = hall.seen.parts, idle_share(need=power, reused=future.reused)
    shares = [float(parts.get("rack", one.design.system).spec.liquid_share) for one in (hall.item, first.item)]
    return np.maximum(idle, earned) if abs(shares[0] - shares[1]) > 0.5 else _wide(idle)


def _contracts(hall: Hall, now: Drawn, future: ModelFuture, idle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What contracts still oblige to at the arrival, and the share of it that sold surplus does not earn [1 + n].

    Prices are those of the start year; surplus earns the mean price of the site's market.
    """
    scenario, seed = hall.seen.scenario, hall.study.seed
    grid = hall.item.parts["grid"]
    mean_price = _led(grid, "mean_price", seed)
    mean_load = float(np.mean(hall.item.done.year.meter_energy)) / SECONDS_PER_YEAR
    rate, book, lost = now.item.terms.discount_rate, np.zeros(COUNT + 1), np.zeros(COUNT + 1)
    for entry in hall.portfolio.contracts:
        part = hall.seen.parts.get("power", entry.contract)
        watts = (
            entry.share * mean_load
            if entry.share is not None
            else float(entry.capacity or 0.0) * float(part.spec.capacity_factor)
        )
        price = _led(part, "price", seed)
        end = float(part.spec.start_year) + float(part.spec.tenor) / SECONDS_PER_YEAR
        left = np.maximum(end - scenario.first_year - np.asarray(future.arrival) / SECONDS_PER_YEAR, 0.0)
        year = np.arange(np.ceil(left.max()))
        weights = middle_discount(year=year, rate=rate) * np.clip(left[:, None] - year, 0.0, 1.0)
        energy = watts * SECONDS_PER_YEAR * weights.sum(axis=-1)
        book = book + energy * price
        lost = lost + energy * idle * np.maximum(price - mean_price, 0.0)
    return book, np.where(book > 0.0, lost / np.where(book > 0.0, book, 1.0), 0.0)


def _led(part: Part, name: str, seed: int) -> np.ndarray:
    datum = part.record.values[name]
    return np.concatenate([[datum.value], draw(datum, name, normals(seed, part.id, name, COUNT))])


def _named(hall: Hall, best: tuple[Searched, Finalist]) -> dict[str, Any]:
    design = best[1].design
    return {
        "engine": design.software,
        "system": design.system,
        "system_name": hall.seen.parts.get("rack", design.system).name,
        "cooling": design.cooling,
    }


def _support(hall: Hall, best: tuple[Searched, Finalist], family: str) -> str:
    """What the engine of the best stack says of the future's family of models today."""
    record = Platforms(hall.seen.parts).engines[best[1].design.software]
    families: Mapping[str, Any] = record.text.get("families") or {}
    return str((families.get(family) or {}).get("answer", UNKNOWN))


def _total(parts: list[Lost]) -> dict[str, Any]:
    dollars = sum((one.dollars for one in parts), np.zeros(COUNT + 1))
    book = sum((one.book for one in parts), np.zeros(COUNT + 1))
    share = np.where(book > 0.0, dollars / np.where(book > 0.0, book, 1.0), 0.0)
    return {"dollars": _ranged(dollars, "USD"), "share": _ranged(share, "")}


def _ranged(values: np.ndarray, unit: str) -> dict[str, Any]:
    """The first of them, which is at the inputs as they are, with the percentiles of the others."""
    low, high = np.percentile(values[1:], [LOW, HIGH])
    return {"value": float(values[0]), "low": float(low), "high": float(high), "unit": unit}
