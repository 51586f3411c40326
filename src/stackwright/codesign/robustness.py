"""How sure a dividend is: the menu under draws of all inputs, decided anew in each, by everyone.

The menu of the draws is the study's without options that no draw could favor: those whose best design is far behind
joint. Serving is tuned again in every draw, among candidate settings that differ in slack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.decisions import Decided, decided
from stackwright.codesign.drawn_rows import candidate_grid
from stackwright.codesign.finalists import SENSE
from stackwright.codesign.layers import Layered, layered
from stackwright.codesign.menu_draws import Drawn, Draws, drawn_menu, resolved
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import search
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.table import Point, Table
from stackwright.core.parallel import in_processes
from stackwright.stack.study import Study

REACH = {"hardware": 0.3, "plant": 0.04}
"""An option of the menu is drawn where its best design is within this share of joint, or some baseline takes it."""
STARTS = 8
"""Random starts of best responses in a draw."""
WORST = 0.1
"""Share of draws that count as the worst."""
LOW, HIGH = 5.0, 95.0
SLACKS = (0.85, 1.15)
"""Latency targets, over the study's, at which candidate settings of serving are the best: a draw may be slower or
faster."""
FOLLOWED, WINNERS = 200, 12
"""Near-optimal stacks that are followed through the draws, and winners that are named."""
ROUNDING = 1e-12
"""A mean over many orders is off by so much."""
SERVES = 0.95
"""Share of the draws in which a robust choice has to meet the demand."""

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Sample:
    """One draw: the score of joint, of every baseline and of the stacks that are followed, and what joint is."""

    values: dict[str, float]
    followed: np.ndarray
    """Score of each of the nominal near-optimal stacks; infinity where it cannot serve."""
    names: dict[str, Any]
    """Joint's option by layer."""
    changed: dict[str, bool]
    """Whether joint's option of a layer differs from the nominal one."""


def reduced(study: Study, layers: Layered, made: Decided) -> Study:
    """The study without options that no draw could favor; those that baselines from the reference lead to stay."""
    table, score = layers.table, layers.score
    best = made.joint.value
    taken = {name: one for name, one in made.baselines.items() if not name.startswith("coordinate")}
    ends = [one.point for one in (made.joint, *taken.values()) if one.point is not None]

    def near(axis: int, reach: float) -> set[int]:
        others = tuple(number for number in range(score.ndim) if number != axis)
        close = np.flatnonzero(score.min(axis=others) <= best + reach * abs(best))
        return {int(number) for number in close} | {point[axis] for point in (layers.reference, *ends)}

    choices = [table.choices[number] for number in near(0, REACH["hardware"])]
    coolings = [table.coolings[number] for number in near(1, REACH["plant"])]
    places = [table.places[number] for number in near(2, REACH["plant"])]
    portfolios = {table.portfolios[number] for number in near(3, REACH["plant"])}
    sourcings = {table.sourcings[number] for number in near(4, REACH["plant"])}

    def kept(options: Sequence[Any], wanted: set[Any]) -> tuple[Any, ...]:
        return tuple(option for option in options if option in wanted)

    changed: dict[str, Mapping[str, Any]] = {
        "model": {
            "architecture": kept(study.model.architecture, {choice.architecture for choice in choices}),
            "precision": kept(study.model.precision, {choice.precision for choice in choices}),
        },
        "chip": {"power_cap": kept(study.chip.power_cap, {choice.power_cap for choice in choices})},
        "rack": {"system": kept(study.rack.system, {choice.system for choice in choices})},
        "network": {
            "fabric": kept(study.network.fabric, {choice.fabric for choice in choices}),
            "oversubscription": kept(study.network.oversubscription, {choice.oversubscription for choice in choices}),
        },
        "cooling": {
            "type": kept(study.cooling.type, {kind for kind, _ in coolings}),
            "supply_temperature": kept(study.cooling.supply_temperature, {warm for _, warm in coolings}),
        },
        "datacenter": {
            "site": kept(study.datacenter.site, {place.site for place in places}),
            "redundancy": kept(study.datacenter.redundancy, {place.redundancy for place in places}),
            "distribution": kept(study.datacenter.distribution, {place.distribution for place in places}),
        },
        "power": {"portfolio": tuple(menu for menu in study.power.portfolio if menu.name in portfolios)},
        "finance": {"sourcing": kept(study.finance.sourcing, sourcings)},
    }
    update: dict[str, Any] = {}
    for layer, menus in changed.items():
        given = {name: options for name, options in menus.items() if options}
        update[layer] = getattr(study, layer).model_copy(update=given)
    return study.model_copy(update=update)


def robustness(
    study: Study, catalog: Catalog, layers: Layered, made: Decided, draws: int, tell: Tell | None = None
) -> dict[str, Any]:
    """The menu under `draws` of all inputs: intervals, how often choices change, regret, and the robust choice."""
    menu = reduced(study, layers, made)
    held = searched(menu, catalog)
    candidates = candidate_grid(menu, held.parts, held.scenario, slacks=SLACKS)
    drawn = drawn_menu(menu, held.parts, held.scenario, candidates, held.classes, Draws(draws, study.seed))
    near = followed(layers, made)
    samples = []
    for index, sample in enumerate(
        in_processes(lambda number: _sample(menu, drawn, layers, near, number), range(draws))
    ):
        if tell:
            tell("draws", index / draws)
        samples.append(sample)
    return _told(study, layers, near, [one for one in samples if one is not None], draws) | {
        "menu": {"axes": menu.axes, "candidates": len(candidates.rows)},
        "rescaled": _rescaled(menu, held, drawn),
    }


def followed(layers: Layered, made: Decided) -> list[Point]:
    """The best design of every distinct near-optimal stack, joint first."""
    score, best = layers.score, made.joint.value
    near = np.argwhere(score <= best + REACH["plant"] * abs(best))
    least: dict[Any, tuple[float, Point]] = {}
    for place in near:
        point = Point(*(int(index) for index in place))
        choice = layers.table.choices[point.choice]
        key = choice.precision, choice.system, choice.power_cap, point.cooling, layers.table.places[point.place].site
        entry = (float(score[point]), point)
        least[key] = min(least.get(key, entry), entry)
    ranked = [point for _, point in sorted(least.values())]
    assert made.joint.point is not None
    return [made.joint.point, *(point for point in ranked if point != made.joint.point)][:FOLLOWED]


def _sample(menu: Study, drawn: Drawn, layers: Layered, near: Sequence[Point], index: int) -> Sample | None:
    """One draw, decided by everyone; None where nothing can serve, or the reference cannot."""
    one = drawn.at(index)
    found = search(menu, drawn.scenario, one.grid, one.classes, one.terms, one.parts, engines=False)
    table = found.table
    if table is None or found.best is None:
        return None
    reference = placed(layers.table, table, layers.reference)
    if reference is None or not np.isfinite(table.open[reference]):
        return None
    own = layered(table, one.parts, reference, menu.network.fabric)
    made = decided(menu, one.parts, one.classes, own, starts=STARTS)
    joint, first = made.joint.point, near[0]
    assert joint is not None
    names, nominal = own.names_of(joint), layers.names_of(first)
    values = made.values | {"joint": made.joint.value, "reference": own.value(reference)}
    there = [placed(layers.table, table, point) for point in near]
    return Sample(
        values=values,
        followed=np.array([np.inf if point is None else own.value(point) for point in there]),
        names=names,
        changed={layer: names[layer] != nominal[layer] for layer in names},
    )


def placed(table: Table, other: Table, point: Point) -> Point | None:
    """The same design in another table; None where that has no such option."""
    named = (
        table.choices[point.choice],
        table.coolings[point.cooling],
        table.places[point.place],
        table.portfolios[point.portfolio],
        table.sourcings[point.sourcing],
    )
    axes = (other.choices, other.coolings, other.places, other.portfolios, other.sourcings)
    if any(option not in axis for option, axis in zip(named, axes, strict=True)):
        return None
    return Point(*(axis.index(option) for option, axis in zip(named, axes, strict=True)))


def _told(
    study: Study, layers: Layered, near: Sequence[Point], samples: Sequence[Sample], draws: int
) -> dict[str, Any]:
    sign = -1.0 if SENSE[str(study.objective)] == "max" else 1.0
    joint = np.array([one.values["joint"] for one in samples])
    shares = {
        name: _dividends(np.array([one.values[name] for one in samples]), joint)
        for name in samples[0].values
        if name != "joint"
    }
    scores = np.array([one.followed for one in samples])
    regret = (scores - joint[:, None]) / abs(joint[:, None])
    return {
        "draws": draws,
        "served": len(samples),
        "winner_changes": float(np.mean([any(one.changed.values()) for one in samples])),
        "changes": {layer: float(np.mean([one.changed[layer] for one in samples])) for layer in samples[0].changed},
        "joint": _interval(sign * joint),
        "reference": _interval(sign * np.array([one.values["reference"] for one in samples])),
        "dividends": shares,
        "regret": _regret(regret[:, 0]),
        "winners": _winners(samples),
        "robust": _robust(layers, near, sign, scores),
        "samples": {
            "joint": (sign * joint).tolist(),
            "nominal_stack": [float(value) if np.isfinite(value) else None for value in sign * scores[:, 0]],
            "reference": [sign * one.values["reference"] for one in samples],
        },
    }


def _interval(values: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(values, [LOW, HIGH])
    return {"low": float(low), "high": float(high)}


def _dividends(values: np.ndarray, joint: np.ndarray) -> dict[str, float]:
    """A baseline's dividend over the draws in which it can be built."""
    built = np.isfinite(values)
    if not built.any():
        return {"built": 0.0}
    share = (values[built] - joint[built]) / abs(values[built])
    share[abs(share) < ROUNDING] = 0.0
    return {"mean": float(share.mean()), "built": float(built.mean())} | _interval(share)


def _regret(share: np.ndarray) -> dict[str, float]:
    """What keeping the nominal stack costs over joint, where it still can serve."""
    able = np.isfinite(share)
    if not able.any():
        return {"infeasible": 1.0}
    own = np.sort(share[able])
    worst = own[int(np.floor((1.0 - WORST) * len(own))) :]
    return {
        "mean": float(own.mean()),
        "worst_tenth": float(worst.mean()),
        "infeasible": float(1.0 - able.mean()),
    } | _interval(own)


def _winners(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Which model, chip, rack, cooling, site and portfolio win, and how often, most often first."""
    counts: dict[tuple[Any, ...], int] = {}
    for one in samples:
        key = tuple((name, _short(name, option)) for name, option in one.names.items())
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:WINNERS]
    return [{"share": count / len(samples), "stack": dict(key)} for key, count in ranked]


def _short(layer: str, option: Any) -> str:
    first = {"chip": "chip", "rack": "system", "network": "fabric", "cooling": "type", "datacenter": "site"}
    return str(option[first[layer]]) if layer in first else str(option)


def _robust(layers: Layered, near: Sequence[Point], sign: float, scores: np.ndarray) -> dict[str, Any]:
    """Of the near-optimal stacks that serve in nearly all draws, the best in the mean and in its worst tenth."""
    able = np.isfinite(scores).mean(axis=0) >= SERVES
    if not able.any():
        return {"reason": f"no near-optimal stack serves in {SERVES:.0%} of the draws"}
    made = {}
    for name, judge in (("expected", np.mean), ("worst_tenth", _tail)):
        values = np.array(
            [judge(own[np.isfinite(own)]) if fits else np.inf for own, fits in zip(scores.T, able, strict=True)]
        )
        best = int(values.argmin())
        made[name] = {
            "value": sign * float(values[best]),
            "stack": layers.names_of(near[best]),
            "nominal_stack": sign * float(values[0]) if able[0] else None,
        }
    return made


def _tail(values: np.ndarray) -> float:
    """Mean of the worst tenth, scores being the less the better."""
    return float(np.sort(values)[int(np.floor((1.0 - WORST) * len(values))) :].mean())


def _rescaled(menu: Study, held: Searched, drawn: Drawn) -> dict[str, Any]:
    """How far the rescaled plants of the draws are from plants solved anew, for joint, over some of the draws."""
    terms = terms_of(menu, held.parts)
    best = search(menu, held.scenario, drawn.grid, held.classes, terms, held.parts).best
    assert best is not None
    found = resolved(drawn, best)
    return {"draws": len(found.draws), "median": found.median, "largest": found.largest}
