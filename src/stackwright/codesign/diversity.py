"""What a second of something costs: two fleets, each with half of the demand, that share no vendor, site or grid.

Each fleet has its own optimum. Fleets at one site have half of its limits, connection and plants each, so that a design
costs per token what it costs at the whole demand, and only whole replicas and units of sale are paid for twice. Fleets
at two sites have each site's own, and are searched at half of the demand. The cost of the pair is the mean of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from stackwright.codesign.alternative_stacks import undecided, unsettled_finalist
from stackwright.codesign.at_stake import absent
from stackwright.codesign.finalists import SENSE, UNITS, Finalist, design_of, finalist, objective_value
from stackwright.codesign.menu_draws import Draws
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Found, Pick, pick_of, search
from stackwright.codesign.searched import Searched
from stackwright.codesign.suppliers import ANY, HIGH, LOW, herfindahl, operator_of, platform_of, supplied
from stackwright.codesign.table import Point, Table
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.codesign.uncertainty import draw, evaluate_with, inputs_of
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_DAY, SECONDS_PER_YEAR
from stackwright.stack.design import Design
from stackwright.stack.parts import Part, Parts
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

DRAWS = 64
"""Draws of the inputs in which a pair is compared with the one fleet; the same for both."""
HALF = 0.5
"""Share of the demand that each of the two fleets serves."""
SOLE = 0.9
"""A supplier of this share of a part's market is told as the one that a fleet rests on."""

VENDOR, PLATFORM, ENGINE, FOUNDRY, SITE, GRID = "chip vendor", "platform", "engine", "foundry", "site", "grid"
KINDS: dict[str, tuple[str, ...]] = {
    "second_chip_vendor": (VENDOR,),
    "second_platform": (PLATFORM,),
    "second_engine": (ENGINE,),
    "second_foundry": (FOUNDRY,),
    "second_site": (SITE,),
    "second_grid": (GRID,),
    "second_chip_vendor_and_site": (VENDOR, SITE),
    "second_chip_vendor_and_grid": (VENDOR, GRID),
}
"""What the two fleets of each kind of diversity may not have in common."""
ENGINES = ("interface", "release")
"""Axes of a search on which a software stack is chosen: to serve, or to train."""
DAYS = SECONDS_PER_YEAR / SECONDS_PER_DAY

Labels = Mapping[str, frozenset[str]]

EXTENSIVE = ("npv", "tokens_per_second")
"""Objectives that are in proportion to the demand; all others are per token."""
PER_INPUT = "tokens_per_megawatt_hour"
"""Objective whose mean over equal demands is harmonic: what is summed stands below the line."""


@dataclass(frozen=True)
class Fleet:
    """The best fleet of its kind for half of the demand: whom it rests on, and what it costs."""

    labels: Labels
    value: float
    """The objective, as if all of the demand were served so."""
    eligible: bool
    """Whether it may win; one that may not is shown as the nearest."""
    where: Point | Pick
    """Where it stands in a table, or its design."""


@dataclass(frozen=True)
class Pair:
    """Two fleets with half of the demand each."""

    first: Fleet
    second: Fleet
    value: float
    together: bool
    """Whether both stand at one site."""

    @property
    def eligible(self) -> bool:
        """Whether both may win. Source: definition."""
        return self.first.eligible and self.second.eligible

    @property
    def fleets(self) -> tuple[Fleet, Fleet]:
        """Both. Source: definition."""
        return self.first, self.second


@dataclass(frozen=True)
class Menu:
    """A study's fleets, at the whole demand and at half of it, by what they rest on."""

    study: Study
    seen: Searched
    half: Scenario
    found: Found
    """What the search finds at half of the demand, each site whole."""

    @classmethod
    def of(cls, study: Study, seen: Searched) -> Menu:
        """The search at half of the demand, among the replicas that were kept for the whole; none of an open demand."""
        requests = seen.scenario.requests
        if requests is None:
            return cls(study, seen, seen.scenario, Found())
        half = replace(seen.scenario, requests=HALF * requests)
        found = search(study, half, seen.grid, seen.classes, terms_of(study, seen.parts), seen.parts)
        return cls(study, seen, half, found)

    @property
    def name(self) -> str:
        """The objective. Source: definition."""
        return str(self.study.objective)

    @property
    def sign(self) -> float:
        """One where more of the objective is worse. Source: definition."""
        return -1.0 if SENSE[self.name] == "max" else 1.0

    @property
    def single(self) -> float:
        """The objective of the one fleet that is best, as the search has it. Source: definition."""
        assert self.seen.found.best is not None
        return self.sign * self.seen.found.best.score

    def pairs(self, kind: str) -> list[Pair]:
        """All pairs of the best fleets that have nothing of a kind in common, best first."""
        wanted, made = KINDS[kind], []
        for together in (True, False):
            fleets = self.fleets(engines=ENGINE in wanted, together=together)
            for place, first in enumerate(fleets):
                for second in fleets[place + 1 :]:
                    alike = first.labels[SITE] == second.labels[SITE]
                    if alike == together and not any(first.labels[name] & second.labels[name] for name in wanted):
                        value = mean_of(self.name, first.value, second.value)
                        made.append(Pair(first, second, value, together))
        return sorted(made, key=lambda pair: self.sign * pair.value)

    def fleets(self, *, engines: bool, together: bool) -> list[Fleet]:
        """The best fleet of every group: with half of a site, or at half of the demand with a site of its own."""
        found, scale = self._found(together), self._scale(together)
        if engines:
            picks = [pick for (axis, _), pick in found.by_option.items() if axis in ENGINES]
            return [self._of_pick(pick, scale) for pick in picks]
        return self._of_whole if together else self._of_half

    @cached_property
    def _of_whole(self) -> list[Fleet]:
        return self._of_table(self.seen.found.table, self._scale(True))

    @cached_property
    def _of_half(self) -> list[Fleet]:
        return self._of_table(self.found.table, self._scale(False))

    def _found(self, together: bool) -> Found:
        return self.seen.found if together else self.found

    def _scale(self, together: bool) -> float:
        """Factor from a score to the objective at the whole demand."""
        return self.sign * (1.0 if together or self.name not in EXTENSIVE else 1.0 / HALF)

    def _of_pick(self, pick: Pick, scale: float) -> Fleet:
        design = design_of(self.seen.grid, self.seen.classes, pick)
        return Fleet(labels_of_design(design, self.seen.parts), scale * pick.score, True, pick)

    def _of_table(self, table: Table | None, scale: float) -> list[Fleet]:
        """The best of every group of vendor, platform, foundry and site, of those that may win and of those that may
        not.
        """
        if table is None:
            return []
        best: dict[tuple[Any, ...], Fleet] = {}
        for (system, prefill), choices in _numbered((one.system, one.prefill_system) for one in table.choices):
            for site, places in _numbered(one.site for one in table.places):
                labels = self._labels(system, prefill, site)
                for eligible, point in _best_points(table, choices, places):
                    key = (*labels.values(), eligible)
                    value = scale * float(table.score[point])
                    if key not in best or self.sign * value < self.sign * best[key].value:
                        best[key] = Fleet(labels, value, eligible, point)
        return list(best.values())

    def _labels(self, system: str, prefill: str | None, site: str) -> Labels:
        return labels_of((system,) if prefill is None else (system, prefill), site, self.seen.parts)

    def pick(self, fleet: Fleet, together: bool) -> Pick:
        """The design of a fleet, its serving tuned."""
        if isinstance(fleet.where, Pick):
            return fleet.where
        if (fleet.where, together) not in self._picks:
            self._picks[fleet.where, together] = self._tuned(fleet.where, together)
        return self._picks[fleet.where, together]

    @cached_property
    def _picks(self) -> dict[tuple[Point, bool], Pick]:
        return {}

    def _tuned(self, point: Point, together: bool) -> Pick:
        seen, study, table = self.seen, self.study, self._found(together).table
        assert table is not None
        scenario = seen.scenario if together else self.half
        return pick_of(study, scenario, seen.grid, seen.classes, terms_of(study, seen.parts), table, point)

    def design(self, fleet: Fleet, together: bool) -> Design:
        """What a fleet is made of."""
        return design_of(self.seen.grid, self.seen.classes, self.pick(fleet, together))


def mean_of(name: str, first: Any, second: Any) -> Any:
    """An objective over two equal demands, each value being that of all of the demand. Source: definition."""
    return 2.0 / (1.0 / first + 1.0 / second) if name == PER_INPUT else HALF * (first + second)


def _numbered(keys: Iterable[Any]) -> Iterator[tuple[Any, list[int]]]:
    """Each distinct key with the numbers at which it stands."""
    groups: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key, []).append(number)
    yield from groups.items()


def _best_points(table: Table, choices: list[int], places: list[int]) -> Iterator[tuple[bool, Point]]:
    """The best of some choices at some places, of those that may win and of those that may not."""
    here = table.score[np.ix_(choices, range(len(table.coolings)), places)]
    sure = table.may_win[choices][:, None, None, None, :]
    for eligible in (True, False):
        score = np.where(sure == eligible, here, np.inf)
        place = np.unravel_index(int(score.argmin()), score.shape)
        if np.isfinite(score[place]):
            choice, cooling, spot, portfolio, way = (int(one) for one in place)
            yield eligible, Point(choices[choice], cooling, places[spot], portfolio, way)


def labels_of(systems: Sequence[str], site: str, parts: Parts) -> dict[str, frozenset[str]]:
    """Whom and what systems at a site rest on, by kind. Source: definition."""
    chips = [parts.get("chip", str(parts.get("rack", name).record.links["chip"])) for name in systems]
    vendors = {str(chip.record.vendor or ANY) for chip in chips}
    place = parts.get("datacenter", site)
    return {
        VENDOR: frozenset(vendors),
        PLATFORM: frozenset(platform_of(chip, parts) for chip in chips),
        FOUNDRY: frozenset(name for vendor in vendors for name in _sole("foundry", vendor, parts)),
        SITE: frozenset({place.name}),
        GRID: frozenset({operator_of(parts.get("power", str(place.record.links["grid"])).record)}),
    }


def labels_of_design(design: Design, parts: Parts) -> dict[str, frozenset[str]]:
    """Whom and what a design rests on, by kind. Source: definition."""
    systems = (design.system,) if design.prefill_system is None else (design.system, design.prefill_system)
    return labels_of(systems, design.site, parts) | {ENGINE: frozenset({engine_of(design, parts).name})}


def names_of_design(design: Design, parts: Parts) -> dict[str, str]:
    """What people call the system, engine and site of a design, and its portfolio. Source: definition."""
    prefill = "" if design.prefill_system is None else f", prefill on {parts.get('rack', design.prefill_system).name}"
    return {
        "system": f"{parts.get('rack', design.system).name}{prefill}",
        "engine": engine_of(design, parts).name,
        "site": parts.get("datacenter", design.site).name,
        "portfolio": design.portfolio,
    }


def engine_of(design: Design, parts: Parts) -> Part:
    """The software stack of a design. Source: definition."""
    return parts.get("training" if isinstance(design, TrainingDesign) else "interface", design.software)


def _sole(part: str, vendor: str, parts: Parts) -> list[str]:
    """The supplier of nearly all of a part, or the vendor's own where none is on record."""
    found = [one for one in supplied(part, vendor, parts) if one.values["share"].value >= SOLE]
    return [str(one.text["supplier"]) for one in found] or [f"{part} of {vendor}"]


@dataclass(frozen=True)
class Drawn:
    """A pair and the one fleet under the same draws of all inputs: the objective, and what is there twice."""

    single: np.ndarray
    pair: np.ndarray
    """[n]"""
    single_base: float
    pair_base: float
    duplicated: float
    """What half fleets cost over whole ones of the same design, as a share of the one fleet's objective."""


@dataclass(frozen=True)
class Compared:
    """What is needed to compare pairs with the one fleet of a plan."""

    menu: Menu
    item: Finalist
    """The plan's own design, settled."""
    draws: Draws

    @cached_property
    def _known(self) -> dict[Pick, Finalist]:
        return {}

    @cached_property
    def _values(self) -> dict[tuple[Pick, bool, bool], np.ndarray]:
        return {}

    def finalist(self, pick: Pick) -> Finalist:
        """A pick's design with all that its draws need; its hours are settled only where they have to be decided."""
        menu, seen = self.menu, self.menu.seen
        pick = undecided(seen.classes, pick)
        if pick not in self._known:
            if seen.classes[pick.plant_class].weights.decided[pick.option]:
                made = finalist(menu.study, seen.parts, seen.scenario, seen.grid, seen.classes, pick)
            else:
                made = unsettled_finalist(menu.study, seen, pick)
            self._known[pick] = made
        return self._known[pick]

    def values(self, pick: Pick, *, half: bool, drawn: bool) -> np.ndarray:
        """The objective at the whole demand of a fleet for half of it or for all, by the plant's terms: at the records'
        values, and under the draws after it [n + 1].

        Draws are found by record and field alone.
        """
        key = undecided(self.menu.seen.classes, pick), half, drawn
        if key not in self._values:
            self._values[key] = self._evaluated(self.finalist(pick), half=half, drawn=drawn)
        return self._values[key]

    def _evaluated(self, item: Finalist, *, half: bool, drawn: bool) -> np.ndarray:
        menu, count = self.menu, 1 + (self.draws.count if drawn else 0)
        changed = self._drawn_inputs(item) if drawn else {}
        scenario = menu.half if half else menu.seen.scenario
        done = evaluate_with(item, scenario, changed, count)
        scale = 1.0 / HALF if half and menu.name in EXTENSIVE else 1.0
        return np.broadcast_to(scale * objective_value(menu.name, scenario, done, item.terms), (count,))

    def _drawn_inputs(self, item: Finalist) -> dict[str, np.ndarray]:
        made = {}
        for one in inputs_of(item):
            record = item.parts[one.place].record
            normal = self.draws.standard(record.layer, record.id, one.field)
            made[one.path] = np.concatenate([[one.datum.value], draw(one.datum, one.field, normal)])
        return made

    def drawn(self, pair: Pair) -> Drawn:
        """A pair and the one fleet under the same draws."""
        best, name = self.menu.seen.found.best, self.menu.name
        assert best is not None
        picks = [self.menu.pick(fleet, pair.together) for fleet in pair.fleets]
        single = self.values(best, half=False, drawn=True)
        both = mean_of(name, *(self.values(pick, half=True, drawn=True) for pick in picks))
        whole = mean_of(name, *(self.values(pick, half=False, drawn=False) for pick in picks))
        return Drawn(
            single=single[1:],
            pair=both[1:],
            single_base=float(single[0]),
            pair_base=float(both[0]),
            duplicated=float(both[0] - whole[0]) / abs(float(single[0])),
        )

    def availability(self, pair: Pair) -> tuple[float, float]:
        """Share of the time that each fleet's site is up."""
        first, second = (self.finalist(self.menu.pick(fleet, pair.together)).done.availability for fleet in pair.fleets)
        return float(first), float(second)


def diversity_of(
    menu: Menu, item: Finalist, draws: Draws, barred: Mapping[str, str], present: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What every kind of diversity costs, and what it buys; `barred` says of systems why they cannot be had, `present`
    is the plan's present cost.

    Source: definition.
    """
    compared = Compared(menu, item, draws)
    return [_row(compared, kind, barred, present) for kind in KINDS]


def _row(compared: Compared, kind: str, barred: Mapping[str, str], present: Mapping[str, Any]) -> dict[str, Any]:
    menu, unit = compared.menu, UNITS[compared.menu.name]
    pairs = menu.pairs(kind)
    sure = next((pair for pair in pairs if pair.eligible), None)
    best = pairs[0] if pairs else None
    nearest = None if best is None or best.eligible else _nearest(compared, best, barred)
    head: dict[str, Any] = {"kind": kind, "differs_in": list(KINDS[kind])}
    if sure is None:
        reason = without(menu, KINDS[kind], barred)
        none = {"value": absent(reason, unit), "cost": absent(reason, unit), "share": absent(reason)}
        return head | none | {"dollars": absent(reason, "USD"), "fleets": [], "nearest": nearest, "reason": reason}
    drawn = compared.drawn(sure)
    extra = drawn.duplicated if sure.together else 0.0
    share = float(_excess(menu.sign, sure.value, menu.single)) + menu.sign * extra
    spread = _excess(menu.sign, drawn.pair, drawn.single)
    shift = share - float(_excess(menu.sign, drawn.pair_base, drawn.single_base))
    low, high = (float(np.percentile(spread, q)) + shift for q in (LOW, HIGH))
    ends = {"value": share, "low": min(low, share), "high": max(high, share)}
    size = abs(compared.item.value)
    cost = {end: size * one for end, one in ends.items()}
    return head | {
        "value": {"value": compared.item.value + menu.sign * cost["value"], "unit": unit},
        "cost": cost | {"unit": unit},
        "share": ends | {"unit": "1"},
        "dollars": in_dollars(menu.name, compared.item.value, present, ends),
        "duplicated": {"value": menu.sign * drawn.duplicated * size, "unit": unit},
        "together": sure.together,
        "fleets": [_fleet_entry(compared, fleet, sure.together) for fleet in sure.fleets],
        "hhi": _indices(compared, sure),
        "outage": _outage(compared, sure),
        "nearest": nearest,
        "reason": None,
    }


def in_dollars(name: str, value: float, present: Mapping[str, Any], share: Mapping[str, float]) -> dict[str, Any]:
    """Shares of an objective as present dollars: of the cost of a token, of what is in dollars itself, of nothing else.

    Source: definition.
    """
    if name == "cost_per_million_tokens":
        whole = float(present["value"])
    elif UNITS[name] == "USD":
        whole = abs(value)
    else:
        return absent(f"the objective is told in {UNITS[name]}", "USD")
    return {end: share[end] * whole for end in ("value", "low", "high")} | {"unit": "USD"}


def _excess(sign: float, pair: Any, single: Any) -> Any:
    """By which share of the one fleet's objective a pair is worse."""
    return sign * (pair - single) / abs(single)


def _fleet_entry(compared: Compared, fleet: Fleet, together: bool) -> dict[str, Any]:
    menu = compared.menu
    design = menu.design(fleet, together)
    return {
        "share": HALF,
        "value": {"value": fleet.value * compared.item.value / menu.single, "unit": UNITS[menu.name]},
        "stack": design.by_layer(),
        "names": names_of_design(design, menu.seen.parts),
        "rests_on": {name: sorted(given) for name, given in labels_of_design(design, menu.seen.parts).items()},
    }


def _nearest(compared: Compared, pair: Pair, barred: Mapping[str, str]) -> dict[str, Any]:
    """A better pair with a system that may not win, and why it may not."""
    menu = compared.menu
    share = float(_excess(menu.sign, pair.value, menu.single))
    doubted = [fleet for fleet in pair.fleets if not fleet.eligible]
    designs = [menu.design(fleet, pair.together) for fleet in doubted]
    systems = sorted({name for one in designs for name in (one.system, one.prefill_system) if name})
    return {
        "systems": systems,
        "share": share,
        "cost": {"value": share * abs(compared.item.value), "unit": UNITS[menu.name]},
        "reason": "; ".join(f"{key}: {why}" for key, why in barred.items() if key.partition(",")[0] in systems),
    }


def without(menu: Menu, names: Sequence[str], barred: Mapping[str, str]) -> str:
    """Why a menu has no second of what is named. Source: definition."""
    for name in names:
        known = sorted(_listed(menu, name))
        if len(known) == 1:
            return f"the study's menu has one {name}: {known[0]}"
    told = "".join(f"; {key}: {why}" for key, why in barred.items())
    return f"no two fleets of the menu that differ in {' and '.join(names)} meet the demand and the limits{told}"


def _listed(menu: Menu, name: str) -> set[str]:
    """All that the study's menu has of a kind."""
    study = menu.study
    if name == ENGINE:
        found = {str(option) for axis, option in menu.seen.found.by_option if axis in ENGINES}
        listed = found if study.demand.kind == "training" else set(study.serving.software)
        layer = "training" if study.demand.kind == "training" else "interface"
        return {menu.seen.parts.get(layer, one).name for one in listed}
    each = [
        labels_of((system,), site, menu.seen.parts)[name]
        for system in study.rack.system
        for site in study.datacenter.site
    ]
    return set().union(*each)


def _indices(compared: Compared, pair: Pair) -> dict[str, dict[str, float]]:
    """Index of each kind before and after; what a fleet rests on in parts counts in equal parts."""
    menu = compared.menu
    before = labels_of_design(compared.item.design, menu.seen.parts)
    designs = [menu.design(fleet, pair.together) for fleet in pair.fleets]
    after = [labels_of_design(design, menu.seen.parts) for design in designs]
    return {
        name: {"before": _index([(1.0, before[name])]), "after": _index([(HALF, one[name]) for one in after])}
        for name in before
    }


def _index(weights: Sequence[tuple[float, frozenset[str]]]) -> float:
    held: dict[str, float] = {}
    for weight, names in weights:
        for name in names:
            held[name] = held.get(name, 0.0) + weight / len(names)
    return float(herfindahl(np.array(list(held.values()))))


def _outage(compared: Compared, pair: Pair) -> dict[str, Any]:
    """Hours a year in which nothing is served, and tokens of a day that hang on the largest single thing.

    Sites fail independently; fleets at one site fail with it.
    """
    first, second = (1.0 - one for one in compared.availability(pair))
    item = compared.item
    tokens = float(item.done.tokens.mean()) / DAYS
    alone = (1.0 - float(item.done.availability)) * HOURS_PER_YEAR
    both = max(first, second) if pair.together else first * second
    return {
        "nothing_served": {"before": alone, "after": both * HOURS_PER_YEAR, "unit": "h/year"},
        "largest_loss": {"before": tokens, "after": HALF * tokens, "unit": "token/day"},
    }
