"""Who supplies a plan: what share of each layer rests on whom, and how few they are.

A layer has its seller, and parts that its sellers build from; for these, shares are of the market and have ranges.
Where several suppliers are named, what they leave is told as others: many small ones, which add nothing to an index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.at_stake import absent
from stackwright.codesign.finalists import PREFILL, Finalist
from stackwright.codesign.margin_stack import CLOUD, OWN
from stackwright.codesign.menu_draws import Draws
from stackwright.codesign.uncertainty import draw
from stackwright.core.records import KINDS, Record
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.offer import PLANTS
from stackwright.stack.parts import Part, Parts

ANY = "any"
"""Vendor of a share that holds for all vendors without a record of their own."""
LOW, HIGH = 5.0, 95.0
OPERATOR = "operator"
"""Word of a grid's record that names who runs it; zones of one operator fail together."""

MARKETS: dict[str, tuple[str, ...]] = {
    "chip": ("foundry", "memory", "packaging"),
    "rack": ("assembly",),
    "network": ("optics",),
    "cooling": ("cooling plant",),
    "datacenter": ("transformer", "generator"),
    "power": ("gas turbine",),
}
"""What the sellers of a layer build from, or have others build."""
BURNS_GAS = "gas"
"""A gas turbine is asked for by plans that have one."""


@dataclass(frozen=True)
class Shares:
    """What share of a layer, or of a part of it, rests on each supplier."""

    layer: str
    part: str
    suppliers: tuple[str, ...]
    value: np.ndarray
    """[S]; with those of others one, unless there are none."""
    drawn: np.ndarray
    """[S, n]"""
    sources: tuple[str, ...] = ()
    kind: str | None = None
    """Kind of the weakest evidence."""
    reason: str | None = None
    """Why there are none."""

    @property
    def others(self) -> float:
        """Share of suppliers that are not named. Source: definition."""
        return max(0.0, 1.0 - float(self.value.sum()))

    def entry(self, dollars: Mapping[str, Any] | None) -> dict[str, Any]:
        """The shares as a plan has them; `dollars` is what of its cost rests on this layer. Source: definition."""
        made: dict[str, Any] = {"layer": self.layer, "part": self.part, "dollars": dollars}
        if self.reason is not None:
            return made | {"suppliers": [], "others": None, "hhi": absent(self.reason), "sources": [], "kind": None}
        named: list[dict[str, Any]] = [
            {"name": name, "share": _ended(value, drawn)}
            for name, value, drawn in zip(self.suppliers, self.value, self.drawn, strict=True)
        ]
        return made | {
            "suppliers": sorted(named, key=lambda one: (-one["share"]["value"], one["name"])),
            "others": self.others,
            "hhi": _ended(herfindahl(self.value), herfindahl(self.drawn)),
            "sources": list(self.sources),
            "kind": self.kind,
        }


def herfindahl(shares: np.ndarray) -> Any:
    """The Herfindahl-Hirschman index [...] of shares [S, ...], as a fraction: one is a single supplier.

    Source: Hirschman (1964), The paternity of an index.
    """
    return np.square(shares).sum(axis=0)


def _ended(value: Any, drawn: np.ndarray) -> dict[str, Any]:
    """A share or an index with the 5th and 95th percentile of its draws, which the value may lie at the edge of."""
    low, high = (float(np.percentile(drawn, q)) for q in (LOW, HIGH))
    return {"value": float(value), "low": min(low, float(value)), "high": max(high, float(value)), "unit": "1"}


def shares_of(item: Finalist, parts: Parts, draws: Draws) -> list[Shares]:
    """Sellers of every layer of a settled design, and suppliers of what they build from."""
    sellers = sellers_of(item, parts)
    made = [_named(layer, part, weights, draws.count) for layer, part, weights in sellers]
    by_layer = {layer: weights for layer, part, weights in sellers if part == "seller"}
    for layer, markets in MARKETS.items():
        for part in markets:
            if part == "gas turbine" and not _burns_gas(item):
                continue
            made.append(market_of(layer, part, by_layer.get(layer, {ANY: 1.0}), parts, draws))
    return made


def sellers_of(item: Finalist, parts: Parts) -> list[tuple[str, str, dict[str, float]]]:
    """Layer, part, and share of each seller of a settled design: by what is paid for the pools of its fleet."""
    pools = [place_of(item, place) for place in ("chip", "system")]
    weights = _pool_weights(item)
    chips, systems = (_summed(weights, [part.record.vendor for part in own]) for own in pools)
    way = item.design.sourcing
    rented = PLANTS[way] == "rented"
    platforms = _summed(weights, [platform_of(chip, parts) for chip in pools[0]])
    engine = item.parts.get("software") or item.parts["release"]
    made = [
        ("interface", "engine", {engine.name: 1.0}),
        ("interface", "platform", platforms),
        ("chip", "seller", {OWN: 1.0} if way == "make" else chips),
        ("rack", "seller", {CLOUD: 1.0} if rented else systems),
        ("network", "seller", {item.parts["fabric"].record.vendor or item.parts["fabric"].name: 1.0}),
        ("datacenter", "site", {item.parts["site"].name: 1.0}),
        ("power", "grid", {operator_of(item.parts["grid"].record): 1.0}),
        ("power", "energy", energy_of(item)),
    ]
    return [(layer, part, dict(sorted(given.items()))) for layer, part, given in made]


def place_of(item: Finalist, place: str) -> list[Part]:
    """The records of a place, by pool: decode, and prefill where it has a system of its own. Source: definition."""
    first = item.parts[place]
    return [first] if item.design.prefill_system is None else [first, item.parts.get(f"{PREFILL}{place}", first)]


def platform_of(chip: Part, parts: Parts) -> str:
    """The platform on which a chip's software is built: the narrowest on record that runs there. Source: definition."""
    found = [
        (len(record.links["chips"]), record.name)
        for record in parts.catalog.records("interface")
        if record.type == "Platform" and chip.id in (record.links.get("chips") or ())
    ]
    return min(found)[1] if found else f"software of {chip.record.vendor}"


def operator_of(grid: Record) -> str:
    """Who runs a grid; a grid without an operator on record is one by itself. Source: definition."""
    return str(grid.text.get(OPERATOR) or grid.name)


def energy_of(item: Finalist) -> dict[str, float]:
    """Share of a design's energy from each contract, plant of its own, and the rest from the market of its grid.

    Where hours were decided, of what was drawn and made over the horizon; else as the portfolio covers the load.
    Source: definition.
    """
    market, covered = f"market of {operator_of(item.parts['grid'].record)}", covered_by(item)
    if item.done.dispatched:
        made = _made(item)
        total = sum(made.values())
        own = {name: energy / total for name, energy in made.items() if name != "drawn" and energy > 0.0}
        drawn = made["drawn"] / total
        held = {name: share * drawn for name, share in covered.items()}
        return own | held | {market: max(0.0, drawn - sum(held.values()))}
    return covered | {market: max(0.0, 1.0 - sum(covered.values()))}


def covered_by(item: Finalist) -> dict[str, float]:
    """Share of a design's mean load that each of its contracts covers. Source: definition."""
    places = [place for place in item.parts if place.startswith("contracts.")]
    held, load = item.plant.covered, float(np.mean(item.done.year.meter_energy)) / SECONDS_PER_YEAR
    made: dict[str, float] = {}
    for place, share, capacity in zip(places, held.shares, held.capacities, strict=True):
        part = item.parts[place]
        if share is None:
            share = min(1.0, float(capacity or 0.0) * float(part.spec.capacity_factor) / load)
        made[part.name] = made.get(part.name, 0.0) + share
    return made


def _made(item: Finalist) -> dict[str, float]:
    """Joules over the horizon that the plants made, and that were drawn from the grid."""
    names = {part.id: part.name for place, part in item.parts.items() if place.startswith("plants.")}
    made: dict[str, float] = {"drawn": 0.0}
    for year in item.done.dispatched:
        made["drawn"] += float(year.answer.energy(year.answer.drawn, year.problem))
        for name, power in year.answer.output.items():
            own = names.get(name, name)
            made[own] = made.get(own, 0.0) + float(year.answer.energy(power, year.problem))
    return made


def market_of(layer: str, part: str, sellers: Mapping[str, float], parts: Parts, draws: Draws) -> Shares:
    """Shares of the suppliers of a part, each seller having those of his own market, or of the market of all."""
    value: dict[str, float] = {}
    drawn: dict[str, np.ndarray] = {}
    found: list[Record] = []
    for seller, weight in sellers.items():
        records = supplied(part, seller, parts)
        found += records
        raw = {str(one.text["supplier"]): one for one in records}
        scale = max(1.0, sum(one.values["share"].value for one in records))
        normal = {name: draws.standard("finance", one.id, "share") for name, one in raw.items()}
        each = {name: draw(one.values["share"], "share", normal[name]) for name, one in raw.items()}
        scales = np.maximum(1.0, sum(each.values(), np.zeros(draws.count)))
        for name, one in raw.items():
            value[name] = value.get(name, 0.0) + weight * one.values["share"].value / scale
            drawn[name] = drawn.get(name, np.zeros(draws.count)) + weight * each[name] / scales
    if not value:
        reason = "no shares of its suppliers are on record"
        return Shares(layer, part, (), np.zeros(0), np.zeros((0, draws.count)), reason=reason)
    names = sorted(value)
    return Shares(
        layer=layer,
        part=part,
        suppliers=tuple(names),
        value=np.array([value[name] for name in names]),
        drawn=np.array([drawn[name] for name in names]),
        sources=tuple(dict.fromkeys(one.values["share"].source for one in found)),
        kind=_weakest(found),
    )


def supplied(part: str, seller: str, parts: Parts) -> list[Record]:
    """Records of the suppliers of a part to a seller, else to all sellers. Source: definition."""
    records = [one for one in parts.catalog.records("finance") if one.type == "SupplierShare"]
    here = [one for one in records if one.text["part"] == part]
    return next((own for wanted in (seller, ANY) if (own := [o for o in here if wanted in o.text["of"]])), [])


def whole_of(shares: Sequence[Shares], costs: Mapping[str, float], draws: int) -> Shares:
    """All dollars of a plan by seller: of layers with one on record; the rest rests on others.

    `costs` are shares of the cost by layer. Source: definition.
    """
    held: dict[str, float] = {}
    for one in shares:
        if one.part == "seller":
            for name, value in zip(one.suppliers, one.value, strict=True):
                held[name] = held.get(name, 0.0) + float(value) * costs.get(one.layer, 0.0)
    return _named("all", "seller", {name: share for name, share in sorted(held.items()) if share > 0.0}, draws)


def _named(layer: str, part: str, weights: Mapping[str, float], count: int) -> Shares:
    value = np.array(list(weights.values()))
    return Shares(layer, part, tuple(weights), value, np.repeat(value[:, None], count, axis=1))


def _summed(weights: Sequence[float], names: Sequence[str | None]) -> dict[str, float]:
    made: dict[str, float] = {}
    for weight, name in zip(weights, names, strict=True):
        made[name or ANY] = made.get(name or ANY, 0.0) + weight
    return made


def _pool_weights(item: Finalist) -> list[float]:
    """Share of each pool in what is paid for the systems of a fleet."""
    rented = PLANTS[item.design.sourcing] == "rented"
    paid = [
        float(np.max(pool.bought(item.terms.spares))) * float(unit.rent if rented else unit.system_price)
        for pool, unit in zip(item.done.fleet.pools, item.done.units, strict=True)
    ]
    return [one / sum(paid) for one in paid]


def _burns_gas(item: Finalist) -> bool:
    return any(BURNS_GAS in part.id for place, part in item.parts.items() if place.startswith("plants."))


def _weakest(records: Sequence[Record]) -> str:
    return max((one.values["share"].kind for one in records), key=KINDS.index)
