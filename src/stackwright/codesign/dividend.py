"""`dividend_of`: what deciding all layers of a stack together is worth, over every way of deciding them apart.

Everything is read from one table of the study's grid (see `table`), so joint and baselines have the same demand,
limits, menu and prices, and differ in how they decide alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.codesign.barriers import barriers
from stackwright.codesign.baselines import Baseline
from stackwright.codesign.coalitions import coalitions
from stackwright.codesign.decisions import Decided, decided
from stackwright.codesign.finalists import SENSE, UNITS, Finalist, design_of, finalist
from stackwright.codesign.front import front_entry
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.layers import LAYERS, Layered, bits_of, layered
from stackwright.codesign.performance_grid import Grid, settings_rows
from stackwright.codesign.plants import terms_of
from stackwright.codesign.references import Reference, references
from stackwright.codesign.robustness import robustness
from stackwright.codesign.search import Pick, amounts_of, pick_of, search
from stackwright.codesign.searched import Progress, Searched, searched, space_of
from stackwright.codesign.solve import proved
from stackwright.codesign.table import Point
from stackwright.codesign.team_measures import MEASURES
from stackwright.core.errors import InfeasibleError
from stackwright.stack.design import Design
from stackwright.stack.study import ServingDemand, Study

NEAR = (0.01, 0.05)
"""Shares of the optimum within which stacks count as near-optimal."""
MARKED = ("joint", "separate", "sequential_worst", "plant_first")
"""Ways of deciding that are marked in a front, beside the reference."""
ROUNDING = 1e-12
"""A mean over many orders is off by so much."""
NOTHING = 5e-4
"""Dividend below which deciding in turn counts as giving nothing away."""
LISTED = 12
"""Near-optimal stacks that a result names."""


def frozen_scores(study: Study, seen: Searched, layers: Layered, design: Design) -> np.ndarray:
    """Scores of the table's designs at the serving settings of one design [C, K, D, E, F].

    Infinity where the settings do not fit: memory, latency or the layout. Engines are the design's where a system runs
    it, else the first of the study that it runs.
    """
    grid = _frozen_grid(study, seen, design)
    found = search(study, seen.scenario, grid, seen.classes, terms_of(study, seen.parts), seen.parts)
    score = np.full_like(layers.score, np.inf)
    if found.table is None:
        return score
    numbers = {choice: number for number, choice in enumerate(layers.table.choices)}
    mine = found.table
    kept = [place for place, choice in enumerate(mine.choices) if choice in numbers]
    own = [numbers[mine.choices[place]] for place in kept]
    at = [
        [getattr(layers.table, axis).index(option) for option in getattr(mine, axis)]
        for axis in ("coolings", "places", "portfolios", "sourcings")
    ]
    score[np.ix_(own, *at)] = mine.open[kept]
    return score


def _frozen_grid(study: Study, seen: Searched, design: Design) -> Grid:
    if study.demand.kind == "training":
        return _frozen_training(study, seen, design)
    engines = {}
    for system in seen.grid.systems:
        listed = system.record.links.get("software") or ()
        runs = [name for name in study.serving.software if name in ([listed] if isinstance(listed, str) else listed)]
        if runs:
            engines[system.id] = design.software if design.software in runs else runs[0]
    return settings_rows(
        study, seen.parts, seen.scenario, {**design.numbers, "draft_tokens": design.draft_tokens}, design.mode, engines
    )


def _frozen_training(study: Study, seen: Searched, design: Design) -> Grid:
    """Rows of a run with the design's layout; data ranks and chunks a rank follow the chips."""
    numbers = design.numbers
    held = study.training.model_copy(
        update={
            "tensor_parallel": (int(numbers["tensor"]),),
            "pipeline_parallel": (int(numbers["pipeline"]),),
            "expert_parallel": (int(numbers["expert"]),),
            "micro_batch": (int(numbers["micro_batch"]),),
            "recompute": (design.mode,),
        }
    )
    return kind_of(study).grid(study.model_copy(update={"training": held}), seen.parts, seen.scenario, None)


@dataclass(frozen=True)
class Told:
    """Designs and baselines of a study as entries of a result."""

    study: Study
    seen: Searched
    made: Decided

    @property
    def sign(self) -> float:
        """Of a score in the objective's unit."""
        return -1.0 if SENSE[str(self.study.objective)] == "max" else 1.0

    def pick(self, point: Point) -> Pick:
        """The design of a point of the table, its serving tuned."""
        seen, terms = self.seen, terms_of(self.study, self.seen.parts)
        return pick_of(self.study, seen.scenario, seen.grid, seen.classes, terms, self.made.layers.table, point)

    def share(self, value: float) -> float:
        """By which share of a baseline's value joint is better."""
        joint = self.made.joint.value
        share = (value - joint) / abs(value) if value else 0.0
        return share if abs(share) > ROUNDING else 0.0

    def entry(self, one: Baseline) -> dict[str, Any]:
        """A design with its value, stack and what it amounts to."""
        if one.point is None:
            return {"value": None, "reason": "what these decisions lead to cannot be built"}
        pick = self.pick(one.point)
        return {
            "value": self.sign * one.value,
            "low": None,
            "high": None,
            "stack": design_of(self.seen.grid, self.seen.classes, pick).by_layer(),
            "amounts": self.amounts(pick),
        }

    def amounts(self, pick: Pick) -> dict[str, Any]:
        """Tokens, watts, dollars and carbon of a design, as the search has them."""
        seen, study = self.seen, self.study
        found = amounts_of(study, seen.scenario, seen.grid, seen.classes, terms_of(study, seen.parts), pick)
        units = {"tokens_per_second": "token/s", "facility_power": "W", "present_cost": "USD", "carbon": "kg"}
        return {name: {"value": found[name], "unit": unit} for name, unit in units.items()}

    def baselines(self, tried: list[Reference]) -> dict[str, Any]:
        """Every baseline with the share by which joint is better than it."""
        reasons = {f"reference_{one.system}": one.reason for one in tried}
        made: dict[str, Any] = {}
        for name, one in self.made.baselines.items():
            entry = self.entry(one)
            if one.point is None:
                made[name] = entry | {"reason": reasons.get(name) or entry["reason"]}
            else:
                made[name] = entry | {"dividend": self.share(one.value), "repairs": list(one.repairs)}
        for name, orders in (("sequential_mean", self.made.orders), ("product_mean", self.made.product)):
            made[name] = {
                "value": self.sign * orders.mean,
                "dividend": self.share(orders.mean),
                "low": None,
                "high": None,
                "repairs": [],
                "orders": orders.count,
            }
        return made


def dividend_study(study: Study, catalog: Catalog, draws: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """The dividend of a study, from its text; over `draws` of the inputs' ranges where there are any.

    Raises `InfeasibleError` when nothing meets the study's limits.
    """
    started = time.perf_counter()
    whole, proof = proved(study, searched(study, catalog, progress))
    seen = whole.seen
    if seen.found.best is None or proof is None:
        raise InfeasibleError("no stack meets the study's demand and limits")
    made = {"study": study.id, "case": study.case} | dividend_of(
        study, catalog, seen, proof.gap, draws=draws, progress=progress
    )
    made["space"] = space_of(study, seen)
    made["run"] = {"seconds": time.perf_counter() - started}
    return made


def dividend_of(
    study: Study,
    catalog: Catalog,
    seen: Searched,
    gap: float,
    joint: Finalist | None = None,
    draws: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What a study's integration is worth, as ``stackwright dividend`` prints it; `joint` where it is settled already.

    `gap` is how far joint can be from the best of the refined domain. Over `draws` of the inputs' ranges, or at their
    values alone. The reference is null, with the reason, where no stack of today can serve the study's demand.
    """
    table = seen.found.table
    assert table is not None and seen.found.best is not None
    tried = references(study, seen.parts, table)
    first, name = tried[0], str(study.objective)
    head: dict[str, Any] = {
        "objective": {"name": name, "unit": UNITS[name], "sense": SENSE[name]},
        "measures": {layer: {"goes_by": one.says, "source": one.source} for layer, one in MEASURES.items()},
    }
    if first.point is None:
        reasons = "; ".join(f"{one.system}: {one.reason}" for one in tried)
        return head | {"reference": {"value": None, "reason": f"no reference can serve: {reasons}"}}
    layers = layered(table, seen.parts, first.point, study.network.fabric)
    made = decided(study, seen.parts, seen.classes, layers, tried[1:])
    told = Told(study, seen, made)
    pick = told.pick(first.point)
    frozen = frozen_scores(study, seen, layers, design_of(seen.grid, seen.classes, pick))
    worth = coalitions(layers, frozen)
    settled = joint or finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)
    reference = Baseline(first.point, layers.value(first.point))
    robust = robustness(study, catalog, layers, made, draws, progress) if draws else None
    result = head | {
        "reference": {"system": first.system, "name": first.name} | told.entry(reference),
        "joint": told.entry(made.joint),
        "dividend_of_reference": told.share(reference.value),
        "baselines": told.baselines(tried),
        "alone": worth.alone(),
        "shapley": worth.shapley(),
        "interactions": worth.interactions(),
        "coalitions": {"bits": list(LAYERS), "value": [told.sign * float(value) for value in worth.optimum]},
        "barriers": barriers(layers, seen.parts),
        "near_optimal": near_optimal(layers, made.joint.value),
        "same_quality": same_quality(study, seen, layers),
        "menu": {layer: len(options) for layer, options in layers.options.items()},
        "gap": gap,
        "cut_gap": abs(settled.searched - abs(settled.value)) / abs(settled.value),
        "robustness": robust,
        "front": fronts_of(study, told, pick),
        "says": said(study, told, first),
    }
    return result if robust is None else with_intervals(result, robust)


def fronts_of(study: Study, told: Told, reference: Pick) -> list[dict[str, Any]] | None:
    """The fronts that the study asks for, or that of its objective and carbon, with baselines marked; None of a run."""
    if study.demand.kind == "training":
        return None
    carbon, cost = "carbon_per_million_tokens", "cost_per_million_tokens"
    marked = {"reference": reference}
    for name in MARKED:
        end = told.made.joint if name == "joint" else told.made.baselines[name]
        if end.point is not None:
            marked[name] = told.pick(end.point)
    asked = study.fronts or ((str(study.objective), cost if study.objective == carbon else carbon),)
    return [front_entry(study, told.seen, objectives, marked) for objectives in asked]


def with_intervals(result: dict[str, Any], robust: dict[str, Any]) -> dict[str, Any]:
    """A dividend with the 90 % intervals of its draws: of values for joint and reference, of shares for baselines."""
    if robust.get("reason"):
        return result
    for name in ("joint", "reference"):
        result[name] |= robust[name]
    for name, entry in result["baselines"].items():
        shares = robust["dividends"].get(name)
        if entry["value"] is not None and shares and "low" in shares:
            entry |= {"low": shares["low"], "high": shares["high"]}
    return result


def said(study: Study, told: Told, first: Reference) -> str:
    """The finding in words, with what a figure needs to be read: objective, demand, menu, reference, statistic."""
    made, demand = told.made, study.demand
    slo = f"tpot {demand.tpot * 1e3:.0f} ms" if isinstance(demand, ServingDemand) else "its deadline"
    shares = {name: told.share(value) for name, value in made.values.items()}
    menu = math.prod(len(options) for options in made.layers.options.values())
    mean, product = shares["sequential_mean"], shares["product_mean"]
    nothing = max(mean, product, shares["it_first"], shares["plant_first"]) < NOTHING
    tail = (
        "From this reference, deciding in turn gives nothing away, in any order."
        if nothing
        else f"Deciding layer by layer it is {mean:.1%} better than the mean of {made.orders.count:,} orders "
        f"({shares['sequential_best']:.1%} to {shares['sequential_worst']:.1%}), {product:.1%} better where model, "
        f"chip and rack are one product, {shares['it_first']:.1%} and {shares['plant_first']:.1%} better than two "
        "teams, IT or plant first."
    )
    return (
        f"By {str(study.objective).replace('_', ' ')} at {slo}, on a menu of {menu:,} stacks: joint is "
        f"{told.share(made.layers.value(made.layers.reference)):.1%} better than {first.name}. {tail}"
    )


def same_quality(study: Study, seen: Searched, layers: Layered) -> dict[str, Any]:
    """The same with weights of the reference's precision or wider: no quality is given up that the study may not know.

    The study's stated losses are beside it, and not subtracted from any value.
    """
    own = bits_of(layers.table.choices[layers.reference.choice].precision)
    wide = np.array([bits_of(choice.precision) >= own for choice in layers.table.choices])
    table = replace(layers.table, score=np.where(wide[:, None, None, None, None], layers.table.score, np.inf))
    again = decided(study, seen.parts, seen.classes, replace(layers, table=table))
    told = Told(study, seen, again)
    assert again.joint.point is not None
    return {
        "precision": f"{own} bits or more",
        "stated_loss": dict(study.model.quality_loss),
        "joint": {"value": told.sign * again.joint.value, "stack": layers.names_of(again.joint.point)},
        "dividends": {name: told.share(value) for name, value in again.values.items() if np.isfinite(value)},
    }


def near_optimal(layers: Layered, best: float) -> dict[str, Any]:
    """How many designs are within a share of the optimum, and which stacks these are, cheapest first."""
    made: dict[str, Any] = {}
    for share in NEAR:
        near = np.argwhere(layers.score <= best + share * abs(best))
        made[f"within_{share:.0%}".replace("%", "_percent")] = {"designs": len(near), "stacks": _stacks(layers, near)}
    return made


def _stacks(layers: Layered, near: np.ndarray) -> dict[str, Any]:
    """Distinct stacks by model, chip, rack, cooling, site and portfolio, as numbers of designs and the best of each."""
    least: dict[tuple[Any, ...], tuple[float, Point]] = {}
    for place in near:
        point = Point(*(int(index) for index in place))
        named = layers.names_of(point)
        key = (
            named["model"],
            named["chip"]["chip"],
            named["rack"]["system"],
            named["cooling"]["type"],
            named["datacenter"]["site"],
            named["power"],
        )
        value = layers.value(point)
        if key not in least or value < least[key][0]:
            least[key] = (value, point)
    ranked = sorted(least.values())
    return {
        "distinct": len(ranked),
        "best": [{"value": abs(value), "stack": layers.names_of(point)} for value, point in ranked[:LISTED]],
    }
