"""What leaving a platform costs and what being able to leave is worth: the key ``lock_in`` of a plan.

An option of the interface layer is one platform alone, or an engine that runs on several platforms with a second one
kept alive. Its first fleet is the best stack of the search within it, exactly; its next fleet, at the refresh, stands
where it is the cheapest then. Shapes are on the page on lock-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from stackwright.codesign.alternative_stacks import undecided, unsettled_finalist
from stackwright.codesign.finalists import MILLION, Finalist, design_of
from stackwright.codesign.paired_draws import drawn_spec, drawn_values, nominal_spec, normals
from stackwright.codesign.portability import PORTABLE, Platforms, family_of, runs_of, stands_on
from stackwright.codesign.search import Pick
from stackwright.codesign.searched import Searched
from stackwright.codesign.switching import (
    MOST_FALL,
    Horizon,
    Market,
    Move,
    Outcome,
    Way,
    borne_rise,
    break_even,
    falls_at_least,
    loss_that_pays,
    outcome,
    regrets,
    switch_value,
)
from stackwright.codesign.uncertainty import DRAWS
from stackwright.core.errors import InfeasibleError
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.capital import middle_discount, start_discount
from stackwright.interface.port import Port
from stackwright.stack.parts import Part, Parts
from stackwright.stack.study import SAME, Study

PRICED = "cost_per_million_tokens"
"""The objective in which a platform can be traded against another."""
UNIT = "USD/Mtoken"
PATHS = 4096
"""Price paths of the value; each draw of the inputs has a sixteenth of them."""
FEWER = 16
LOW, HIGH = 5.0, 95.0
MONTH = SECONDS_PER_YEAR / 12.0
NO_PORTABLE = "no engine of the study serves the model within the limits on two platforms of its menu"
KEPT, ANY_PORT = "port-kept", "port-any"
FUTURES = ("prices-even", "prices-sold-ahead", "prices-in-house-ahead")


@dataclass(frozen=True)
class Stack:
    """The best stack of an option: its pick of the search, and its cost."""

    pick: Pick
    value: float
    eligible: bool
    spread: Callable[[], np.ndarray]
    """Its cost under draws of all inputs over that at the inputs as they are [N]."""

    @cached_property
    def drawn(self) -> np.ndarray:
        """Its cost under draws of all inputs [N]."""
        return self.value * self.spread()


@dataclass(frozen=True)
class Candidate:
    """An option before it is priced: where it stands, and the best stack that it allows on each platform."""

    name: str
    home: str
    stacks: Mapping[str, Stack]
    """By platform: of its own engine at home and on the second platform, of any engine elsewhere."""
    second: str | None = None
    """The platform that it keeps alive beside its own."""
    engine: str | None = None

    @property
    def stack(self) -> Stack:
        """Of the first fleet."""
        return self.stacks[self.home]


@dataclass(frozen=True)
class Priced:
    """All options of a study that have a stack, with what they are worth at the inputs as they are, and drawn."""

    study: Study
    item: Finalist
    platforms: Platforms
    candidates: Mapping[str, Candidate]
    market: Market
    ways: Mapping[str, Way]
    outcomes: Mapping[str, Outcome]

    @property
    def ranked(self) -> list[str]:
        """Names of the options by their total."""
        return sorted(self.ways, key=lambda name: (float(self.outcomes[name].total[0]), name))

    @cached_property
    def drawn(self) -> Market:
        """The market under draws of its inputs."""
        return _market(self.study, self.item, self.platforms, list(self.market.drifts), DRAWS)

    @cached_property
    def drawn_ways(self) -> dict[str, Way]:
        """The options under draws of all inputs."""
        return {name: _way(self.study, self.platforms.parts, one, DRAWS) for name, one in self.candidates.items()}

    @cached_property
    def drawn_outcomes(self) -> dict[str, Outcome]:
        """What they are worth then."""
        return {name: outcome(self.drawn, way) for name, way in self.drawn_ways.items()}


def lock_in_entry(study: Study, seen: Searched, item: Finalist, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The key ``lock_in`` of a plan but for what would be stranded; `plan` tells why systems are not to be had."""
    platforms = Platforms(seen.parts)
    model = seen.parts.architecture(item.design.architecture, study.config_path(item.design.architecture))
    family = family_of(model)
    made: dict[str, Any] = {
        "family": family,
        "runs": runs_of(platforms, family, study.rack.system),
        "stands_on": stands_on(platforms, item.design.chip),
        "refresh": None,
        "options": [],
        "chosen": None,
        "listed": bool(study.interface.portability),
        "break_even": [],
        "price_futures": price_futures(seen.parts),
        "reason": unpriced(study),
    }
    if made["reason"] is not None:
        return made | {"portable_pays": _uncompared(made["reason"])}
    priced = priced_options(study, seen, item)
    chosen = chosen_option(study, priced, item)
    return made | {
        "refresh": _refresh(priced.market.horizon),
        "options": _rows(study, seen, priced, plan),
        "chosen": chosen,
        "break_even": [] if chosen is None else _break_evens(priced, chosen),
        "portable_pays": _portable_pays(priced, chosen),
    }


def unpriced(study: Study) -> str | None:
    """Why options of a study have no price; None where they have one. Source: definition."""
    if study.demand.kind != "serving":
        return "the study trains a model: what is priced is a service that goes on"
    if study.objective != PRICED:
        return f"the objective is {study.objective}: a platform is traded against another in dollars per token"
    if study.demand.volume == "open":
        return "the volume is open: each option would serve another demand"
    return None


def price_futures(parts: Parts) -> list[dict[str, Any]]:
    """The named futures of prices. Source: their records."""
    made = []
    for name in FUTURES:
        record = parts.get("interface", name).record
        ends = {key: record.values[field] for key, field in (("merchant", "sold"), ("custom", "in_house"))}
        gains = {
            key: {"value": datum.value, "low": datum.low, "high": datum.high, "unit": "1/year"}
            for key, datum in ends.items()
        }
        made.append({"name": _future(name), "title": record.name} | gains)
    return made


def _future(record: str) -> str:
    return record.removeprefix("prices-")


def priced_options(study: Study, seen: Searched, item: Finalist) -> Priced:
    """Every option that has a stack, priced over two fleets. Source: `outcome`."""
    platforms = Platforms(seen.parts)
    stacks = Stacks(study, seen, item, platforms)
    market = _market(study, item, platforms, stacks.homes, 0)
    kept: dict[str, tuple[tuple[bool, float], Candidate, Way, Outcome]] = {}
    for one in _candidates(stacks):
        way = _way(study, seen.parts, one, 0)
        made = outcome(market, way)
        rank = (not one.stack.eligible, float(made.total[0]))
        if one.name not in kept or rank < kept[one.name][0]:
            kept[one.name] = (rank, one, way, made)
    return Priced(
        study=study,
        item=item,
        platforms=platforms,
        candidates={name: one for name, (_, one, _, _) in kept.items()},
        market=market,
        ways={name: way for name, (_, _, way, _) in kept.items()},
        outcomes={name: made for name, (_, _, _, made) in kept.items()},
    )


def chosen_option(study: Study, priced: Priced, item: Finalist) -> str | None:
    """The best eligible option of those that the study lists; where it lists none, the platform of its stack alone.

    Source: definition.
    """
    if study.interface.portability:
        fitting = (name for name in priced.ranked if name in study.interface.portability)
        return next((name for name in fitting if priced.candidates[name].stack.eligible), None)
    own = priced.platforms.of_chip(item.design.chip)
    return None if own is None else priced.platforms.option(own)


def kept_study(study: Study, seen: Searched) -> Study:
    """The study with the systems and engines of the option that its list of options decides for.

    The study itself where it lists none, or where nothing at all meets its limits. Raises `InfeasibleError` where none
    of its options has a stack that may win.
    """
    best = seen.found.best
    if not study.interface.portability or best is None:
        return study
    item = unsettled_finalist(study, seen, best)
    priced = priced_options(study, seen, item)
    chosen = chosen_option(study, priced, item)
    if chosen is None:
        raise InfeasibleError(_refused(study, seen, priced), None)
    return _restricted(study, priced, priced.candidates[chosen])


def _refused(study: Study, seen: Searched, priced: Priced) -> str:
    """Why none of the listed options can be had."""
    told = []
    for name in study.interface.portability:
        option = priced.candidates.get(name)
        if option is None:
            told.append(f"{name}: no stack of the menu meets the demand within the limits")
        else:
            design = design_of(seen.grid, seen.classes, option.stack.pick)
            told.append(f"{name}: {seen.found.barred[f'{design.system}, {design.sourcing}']}")
    return f"none of the options of interface.portability may win; {'; '.join(told)}"


def portability_rows(study: Study, lock_in: Mapping[str, Any], objective: float) -> list[dict[str, Any]]:
    """The options that a study lists as alternatives of a plan, each by its cost over this fleet and the next.

    `difference` is over the chosen option's; empty where the study lists none, or none is priced. Source: definition.
    """
    rows = [row for row in lock_in["options"] if row["feasible"] and row["option"] in study.interface.portability]
    chosen = next((row for row in rows if row["option"] == lock_in["chosen"]), None)
    if chosen is None:
        return []
    others = [row for row in rows if row is not chosen]
    least = chosen["total"]["value"]
    return [
        {
            "layer": "portability",
            "option": row["option"],
            "name": f"{row['option']}: {row['name']}",
            "value": objective * row["total"]["value"] / least,
            "unit": UNIT,
            "difference": row["total"]["value"] / least - 1.0,
            "next_best": rank == 0,
            "design": row["design"],
        }
        | ({} if row["eligible"] else {"not_eligible": row["reason"]})
        for rank, row in enumerate(others)
    ]


def _restricted(study: Study, priced: Priced, option: Candidate) -> Study:
    platforms, menu = priced.platforms, study.serving
    at_home = {system for system in study.rack.system if platforms.of_system(system) == option.home}
    engines = tuple(
        engine
        for engine in menu.software
        if platforms.of_engine(engine) == option.home and option.engine in (None, platforms.project(engine))
    )
    prefill = tuple(system for system in menu.prefill_system if system == SAME or system in at_home)
    return study.model_copy(
        update={
            "rack": study.rack.model_copy(
                update={"system": tuple(system for system in study.rack.system if system in at_home)}
            ),
            "serving": menu.model_copy(update={"software": engines, "prefill_system": prefill or (SAME,)}),
        }
    )


class Stacks:
    """The best stack of the search on each platform, with any engine or with one that runs on several."""

    def __init__(self, study: Study, seen: Searched, item: Finalist, platforms: Platforms) -> None:
        self.study, self.seen, self.platforms = study, seen, platforms
        self._scale = item.value / item.searched
        self._known: dict[tuple[int, int, int, str], Stack] = {}
        self._picks = self._best_picks()

    @property
    def homes(self) -> list[str]:
        """Platforms on which the model can be served."""
        return sorted({platform for platform, engine in self._picks if engine is None})

    @property
    def projects(self) -> list[str]:
        """Engines that serve the model somewhere."""
        return sorted({engine for _, engine in self._picks if engine is not None})

    def on(self, platform: str, engine: str | None = None) -> Stack | None:
        """The best stack on a platform; None where the engine has none there."""
        pick = self._picks.get((platform, engine))
        return None if pick is None else self._stack(pick)

    def _best_picks(self) -> dict[tuple[str, str | None], Pick]:
        """The search's best designs by system and by engine, gathered by platform and by project."""
        found: dict[tuple[str, str | None], Pick] = {}
        for (axis, _), pick in self.seen.found.by_option.items():
            key = self.seen.grid.keys[int(self.seen.grid.rows.cell[pick.row])]
            platform = self.platforms.of_chip(key.chip)
            if axis not in ("rack", "interface") or platform is None:
                continue
            for engine in (None, self.platforms.project(key.software)):
                known = found.get((platform, engine))
                if known is None or pick.score < known.score:
                    found[platform, engine] = pick
        return found

    def _stack(self, pick: Pick) -> Stack:
        key = (pick.row, pick.plant_class, pick.option, pick.sourcing)
        if key not in self._known:
            system = self.seen.grid.keys[int(self.seen.grid.rows.cell[pick.row])].system
            barred = f"{system}, {pick.sourcing}" in self.seen.found.barred
            value = abs(pick.score) * self._scale
            self._known[key] = Stack(pick, value, not barred, lambda: self._spread(pick))
        return self._known[key]

    def _spread(self, pick: Pick) -> np.ndarray:
        item = unsettled_finalist(self.study, self.seen, undecided(self.seen.classes, pick))
        drawn = drawn_values(item, self.seen.scenario, PRICED, self.study.seed, DRAWS, with_base=True)
        return drawn[1:] / drawn[0]


def _candidates(stacks: Stacks) -> Iterator[Candidate]:
    """One platform alone, and every pair of platforms that an engine serves on."""
    anywhere = {home: stack for home in stacks.homes if (stack := stacks.on(home)) is not None}
    for home in anywhere:
        yield Candidate(stacks.platforms.option(home), home, anywhere)
    for engine in stacks.projects:
        known = {home: stack for home in stacks.homes if (stack := stacks.on(home, engine)) is not None}
        for home, second in permutations(known, 2):
            own = {home: known[home], second: known[second]}
            yield Candidate(PORTABLE, home, anywhere | own, second, engine)


def _port(parts: Parts, home: str, platform: str, *, kept: bool) -> Part:
    """The record of a move: of a kept stack, of the pair, or of any pair."""
    if kept:
        return parts.get("interface", KEPT)
    pairs = {
        (record.links.get("from"), record.links.get("to")): record.id
        for record in parts.catalog.records("interface")
        if record.type == "Port" and "from" in record.links
    }
    return parts.get("interface", pairs.get((home, platform), ANY_PORT))


def _spec(study: Study, part: Part, count: int) -> Any:
    return drawn_spec(part, study.seed, count) if count else nominal_spec(part)


def _way(study: Study, parts: Parts, option: Candidate, count: int) -> Way:
    """An option's costs and moves, at the inputs as they are, or drawn `count` times."""

    def cost(platform: str) -> np.ndarray:
        stack = option.stacks[platform]
        return stack.drawn[:, None] if count else np.full((1, 1), stack.value)

    moves = {
        platform: Move(
            _spec(study, _port(parts, option.home, platform, kept=platform == option.second), count), cost(platform)
        )
        for platform in option.stacks
        if platform != option.home
    }
    once = yearly = np.zeros((max(count, 1), 1))
    if option.second is not None:
        staff = _spec(study, parts.get("finance", "platform-staff"), count).cost
        first: Port = _spec(study, _port(parts, option.home, option.second, kept=False), count)
        once = np.asarray(first.cost(staff_cost=staff))
        kept = _spec(study, parts.get("interface", "second-stack"), count)
        yearly = np.asarray(kept.upkeep(staff_cost=staff)) * SECONDS_PER_YEAR
    return Way(home=option.home, cost=cost(option.home), once=once, yearly=yearly, moves=moves)


def _market(study: Study, item: Finalist, platforms: Platforms, homes: Sequence[str], count: int) -> Market:
    """Prices of platforms and wages, at the inputs as they are, or drawn `count` times."""
    parts = platforms.parts
    half = (PATHS // FEWER if count else PATHS) // 2

    def walk(name: str) -> np.ndarray:
        made = normals(study.seed, name, "walk", half)
        return np.concatenate([made, -made])[None, :]

    return Market(
        horizon=horizon_of(item),
        paths=_spec(study, parts.get("interface", "price-paths"), count),
        staff=_spec(study, parts.get("finance", "platform-staff"), count).cost,
        drifts={home: np.zeros((max(count, 1), 1)) for home in homes},
        walks={home: walk(home) for home in homes},
        common=walk("all platforms"),
    )


def horizon_of(item: Finalist) -> Horizon:
    """A plan's own fleet, and one that serves the demand of its last year for as long as chips live after the refresh.

    Source: definition.
    """
    rate, years = float(item.terms.discount_rate), float(item.terms.chip_life)
    year = np.arange(np.ceil(years))
    annuity = float((middle_discount(year=year, rate=rate) * np.minimum(years - year, 1.0)).sum())
    later = float(start_discount(year=years, rate=rate))
    return Horizon(
        years=years,
        first=float(item.done.present_tokens) / MILLION,
        following=float(item.done.tokens[-1]) / MILLION * annuity * later,
        discount=later,
        annuity=annuity,
    )


def _refresh(horizon: Horizon) -> dict[str, Any]:
    return {
        "year": horizon.years,
        "tokens": {
            "first": {"value": horizon.first, "unit": "Mtoken, present"},
            "next": {"value": horizon.following, "unit": "Mtoken, present"},
        },
        "price_basis": "the cost of a token of each platform's best stack, after the common fall of all platforms",
    }


def _rows(study: Study, seen: Searched, priced: Priced, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per option, best total first, then those that have no stack."""
    regret = _regrets(priced)
    rows = [_row(study, seen, priced, name, regret[name]) for name in priced.ranked]
    for platform in sorted({one for one in map(priced.platforms.of_system, study.rack.system) if one is not None}):
        option = priced.platforms.option(platform)
        if option not in priced.ways:
            rows.append(_absent(study, priced.platforms, option, platform, plan))
    if PORTABLE not in priced.ways:
        nowhere = {"name": None, "platform": None, "platform_name": None, "feasible": False, "eligible": False}
        rows.append({"option": PORTABLE} | nowhere | {"reason": NO_PORTABLE})
    return rows


def _row(
    study: Study, seen: Searched, priced: Priced, name: str, regret: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    option, way, drawn_way = priced.candidates[name], priced.ways[name], priced.drawn_ways[name]
    made, drawn = priced.outcomes[name], priced.drawn_outcomes[name]
    design = design_of(seen.grid, seen.classes, option.stack.pick)
    system, tokens = seen.parts.get("rack", design.system), priced.market.horizon.tokens
    eligible = option.stack.eligible
    best = priced.candidates[priced.platforms.option(option.home)].stack
    return {
        "option": name,
        "name": system.name,
        "platform": option.home,
        "platform_name": priced.platforms.records[option.home].name,
        "second": option.second,
        "engine": design.software,
        "engine_project": option.engine,
        "design": design.by_layer(),
        "feasible": True,
        "eligible": eligible,
        "reason": None if eligible else seen.found.barred[f"{design.system}, {design.sourcing}"],
        "value": _ranged(np.array([option.stack.value]), option.stack.drawn, UNIT),
        "performance_loss": _loss(option, best),
        "staying": {
            "first": _ranged(way.once[:, 0], drawn_way.once[:, 0], "USD"),
            "yearly": _ranged(way.yearly[:, 0], drawn_way.yearly[:, 0], "USD/year"),
            "value": _ranged(made.staying / tokens, drawn.staying / tokens, UNIT),
        },
        "switching": [_switching(study, seen, priced, name, platform) for platform in way.moves],
        "option_value": _ranged(made.saving / tokens, drawn.saving / tokens, UNIT),
        "exercised": float(made.exercised[0]),
        "bears": _borne(priced, name),
        "total": _ranged(made.total, drawn.total, UNIT),
        "regret": regret,
    }


def _loss(option: Candidate, best: Stack) -> dict[str, Any]:
    """What an engine that runs on several platforms costs over the best one at home, as a share."""
    share = np.array([option.stack.value / best.value - 1.0])
    return _ranged(share, option.stack.drawn / best.drawn - 1.0, "")


def _switching(study: Study, seen: Searched, priced: Priced, name: str, platform: str) -> dict[str, Any]:
    option = priced.candidates[name]
    kept = platform == option.second
    record = _port(seen.parts, option.home, platform, kept=kept).record
    nominal = _taken(priced.market, priced.ways[name], platform)
    drawn = _taken(priced.drawn, priced.drawn_ways[name], platform)
    return {
        "to": platform,
        "to_name": priced.platforms.records[platform].name,
        "kept": kept,
        "cost": _ranged(nominal.cost, drawn.cost, "USD"),
        "months": _ranged(nominal.months, drawn.months, "month"),
        "tokens": _ranged(nominal.tokens, drawn.tokens, "token"),
        "value": _ranged(nominal.value, drawn.value, UNIT),
        "source": record.id,
    }


class Taken(NamedTuple):
    """What a move takes [N]."""

    cost: np.ndarray
    months: np.ndarray
    tokens: np.ndarray
    """That a fleet of the size of a tuned one does not serve while it is untuned."""
    value: np.ndarray


def _taken(market: Market, way: Way, platform: str) -> Taken:
    move, horizon = way.moves[platform], market.horizon
    a_second = horizon.following * MILLION / (horizon.annuity * horizon.discount * SECONDS_PER_YEAR)
    untuned = (1.0 - move.port.kept_at_start) * move.port.tuning_time
    return Taken(
        cost=move.now(market.staff)[:, 0],
        months=np.asarray(move.port.time)[:, 0] / MONTH,
        tokens=np.asarray(untuned)[:, 0] * a_second,
        value=switch_value(market, way, platform),
    )


def _borne(priced: Priced, name: str) -> dict[str, Any]:
    rises = [
        borne_rise(market, way)
        for market, way in ((priced.market, priced.ways[name]), (priced.drawn, priced.drawn_ways[name]))
    ]
    if rises[0] is None or rises[1] is None:
        return {"value": None, "low": None, "high": None, "unit": "", "reason": "the menu has no other platform"}
    return _ranged(rises[0], rises[1], "")


def _regrets(priced: Priced) -> dict[str, dict[str, Any]]:
    """By option: its regret in each price future, and the worst of them."""
    made: dict[str, dict[str, Any]] = {name: {} for name in priced.ways}
    for record in FUTURES:
        nominal = regrets(priced.market, priced.ways, _drifts(priced, record, 0))
        drawn = regrets(priced.drawn, priced.drawn_ways, _drifts(priced, record, DRAWS))
        for name in priced.ways:
            made[name][_future(record)] = _ranged(nominal[name], drawn[name], UNIT)
    for told in made.values():
        worst = max(told, key=lambda future: told[future]["value"])
        told["worst"] = {"future": worst} | told[worst]
    return made


def _drifts(priced: Priced, record: str, count: int) -> dict[str, np.ndarray]:
    part = priced.platforms.parts.get("interface", record)
    spec = drawn_spec(part, priced.study.seed, count) if count else nominal_spec(part)
    kinds = {home: priced.platforms.records[home].text["silicon"] for home in priced.market.drifts}
    return {home: spec.sold if kind == "sold" else spec.in_house for home, kind in kinds.items()}


def _break_evens(priced: Priced, chosen: str) -> list[dict[str, Any]]:
    """What would make the option wrong: by rival, how far its cost has to fall, and how likely that is."""
    home, made = priced.candidates[chosen].home, []
    for rival in priced.market.drifts:
        if rival == home:
            continue
        found = break_even(priced.market, priced.ways, chosen, rival)
        row: dict[str, Any] = {"rival": rival, "rival_name": priced.platforms.records[rival].name}
        if found is None:
            reason = f"no fall of its cost up to {MOST_FALL:.0%} does it"
            made.append(row | {"fall": None, "better": None, "chance": None, "reason": reason})
            continue
        fall, better = found
        chance = falls_at_least(priced.market, home, rival, fall)
        made.append(row | {"fall": fall, "better": better, "chance": chance})
    return made


def _portable_pays(priced: Priced, chosen: str | None) -> dict[str, Any]:
    """Up to which loss of performance being portable is no dearer than what is chosen, or why nothing is compared.

    A portable engine without a loss that is dearer still says so.
    """
    if PORTABLE not in priced.ways:
        return _uncompared(NO_PORTABLE)
    if chosen is None or chosen == PORTABLE:
        return _uncompared("what is chosen is portable" if chosen else "the plan's platform is not on record")
    option = priced.candidates[PORTABLE]
    best = priced.candidates[priced.platforms.option(option.home)].stack.value
    loss = loss_that_pays(priced.market, priced.ways[PORTABLE], best, priced.ways[chosen])
    reason = None if loss is not None else "even an engine that loses nothing is dearer than moving late"
    return {"loss": loss, "now": option.stack.value / best - 1.0, "reason": reason}


def _uncompared(reason: str) -> dict[str, Any]:
    return {"loss": None, "now": None, "reason": reason}


def _absent(study: Study, platforms: Platforms, option: str, platform: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """An option without a stack, and why its systems have none."""
    reasons = {**plan.get("not_eligible", {}), **plan.get("not_feasible", {})}
    mine = [system for system in study.rack.system if platforms.of_system(system) == platform]
    told = [f"{name}: {why}" for name, why in reasons.items() if any(name.partition(", ")[0] == one for one in mine)]
    return {
        "option": option,
        "name": None,
        "platform": platform,
        "platform_name": platforms.records[platform].name,
        "feasible": False,
        "eligible": False,
        "reason": "; ".join(told) or "no stack on it meets the demand within the limits",
    }


def _ranged(value: np.ndarray, drawn: np.ndarray, unit: str) -> dict[str, Any]:
    """A number at the inputs as they are, with the 5th and 95th percentile of its draws."""
    low, high = np.percentile(drawn, [LOW, HIGH])
    return {"value": float(value[0]), "low": float(low), "high": float(high), "unit": unit}
