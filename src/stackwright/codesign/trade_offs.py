"""What the plant trades behind its meter: coolant, redundancy, flexibility and clean energy, each with the rest held.

Every row is a search of its own over the narrowed study, in which serving is tuned anew, so that no option is
charged with settings that were made for another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stackwright.codesign.finalists import Finalist, unsettled
from stackwright.codesign.plant_pictures import source_kind
from stackwright.codesign.search import Pick
from stackwright.cooling.interface import Cooling
from stackwright.core.units import SECONDS_PER_YEAR, ZERO_CELSIUS
from stackwright.power.dispatch import solve
from stackwright.power.outage import outages
from stackwright.power.supply import CleanTarget, Dispatch, Supply
from stackwright.power.typical_days import typical
from stackwright.stack.evaluate import Evaluation
from stackwright.stack.study import FlexibleLoad, Study

if TYPE_CHECKING:
    from stackwright.codesign.plan import Searched

Search = Callable[[Study], "Searched"]

STEP = 1.0
"""Kelvin between the temperatures that are tried."""
LIMITS = (0.25, 0.5, 0.75, 1.0)
"""Of the meter, for its picture."""
SHARES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
COUNTINGS = ("annual", "hourly")
DOLLARS_PER_MEGAWATT_HOUR = 3.6e9
UNSERVED = 1e-4
"""Unserved share of the load from which a clean share counts as out of reach."""


class Coolant:
    """A design's study searched over every degree of its coolant, all else but serving held."""

    def __init__(self, study: Study, degrees: tuple[float, ...], search: Search) -> None:
        self.study = _with_temperatures(study, degrees)
        self.seen = search(self.study)
        found = self.seen.found.by_option
        self.picks = {float(value): pick for (axis, value), pick in found.items() if axis == "supply_temperature"}

    @property
    def best(self) -> Pick | None:
        """The best design of all degrees."""
        return self.seen.found.best

    def at(self, pick: Pick) -> Evaluation:
        """Watts, chips and tokens of a design of these."""
        seen = self.seen
        return unsettled(self.study, seen.parts, seen.scenario, seen.grid, seen.classes, pick)

    def picture(self, item: Finalist) -> dict[str, Any]:
        """Objective, chip, cooling and meter by the temperature; `item` is the chosen design."""
        points = []
        for value, pick in sorted(self.picks.items()):
            done = self.at(pick)
            points.append(
                {
                    "supply_temperature": value,
                    "objective": abs(pick.score) / item.searched * item.value,
                    "chip_power": float(done.states[0].decode.chip),
                    "pue": float(done.year.meter_energy.sum() / done.year.it_energy.sum()),
                    "peak_pue": float(done.peak_ratio),
                    "meter_per_chip": float(done.peak_meter / done.fleet.chips.max()),
                    "junction_temperature": float(done.junction),
                    "tokens_per_second": tokens_per_second(done),
                    "chosen": value == item.design.supply_temperature,
                }
            )
        return {"points": points}


def tokens_per_second(done: Evaluation) -> float:
    """Mean output over the horizon. Source: definition."""
    return float(done.tokens.mean()) / SECONDS_PER_YEAR


def degrees_of(study: Study, cooling: Cooling) -> tuple[float, ...]:
    """Every degree between the coldest and the warmest coolant that the study asks for and the type supplies."""
    menu = study.cooling.supply_temperature
    low = max(min(menu), float(cooling.supply_minimum))
    high = min(max(menu), float(cooling.supply_maximum))
    if len(menu) < 2 or high <= low:
        return ()
    return tuple(float(value) for value in np.arange(low, high + 0.5 * STEP, STEP))


def _with_temperatures(study: Study, degrees: tuple[float, ...]) -> Study:
    return study.model_copy(update={"cooling": study.cooling.model_copy(update={"supply_temperature": degrees})})


def same_meter(study: Study, narrowed: Study, search: Search, item: Finalist) -> dict[str, Any] | None:
    """By how much coolant, redundancy, flexibility and own plants change the tokens that one meter carries.

    Each row changes one thing of the chosen design and fills the meter again. `study` has the menus. None where the
    volume is fixed or nothing limits the meter.
    """
    if item.volume is None or item.site_limit is None:
        return None
    base = tokens_at(search, narrowed)
    if base is None:
        return None
    rows = []
    for what, option, changed in _changes(study, narrowed, item):
        tokens = tokens_at(search, changed)
        rows.append(
            {
                "what": what,
                "option": option,
                "tokens_per_second": tokens,
                "difference": None if tokens is None else tokens / base - 1.0,
            }
        )
    return {"tokens_per_second": base, "limit": {"value": item.site_limit, "unit": "W"}, "changes": rows}


def tokens_at(search: Search, study: Study) -> float | None:
    """Mean tokens per second of a study's best design; None where there is none."""
    seen = search(study)
    pick = seen.found.best
    if pick is None:
        return None
    return tokens_per_second(unsettled(study, seen.parts, seen.scenario, seen.grid, seen.classes, pick))


def _changes(study: Study, narrowed: Study, item: Finalist) -> list[tuple[str, str, Study]]:
    """What is changed, to what, and the study that has it so."""
    made = []
    for degrees in study.cooling.supply_temperature:
        if _supplies(item, degrees) and abs(degrees - item.design.supply_temperature) > 1e-6:
            changed = _with_temperatures(narrowed, (degrees,))
            made.append(("supply_temperature", f"{degrees - ZERO_CELSIUS:.0f} degC", changed))
    for redundancy in study.datacenter.redundancy:
        if redundancy != item.design.redundancy:
            place = narrowed.datacenter.model_copy(update={"redundancy": (redundancy,)})
            made.append(("redundancy", redundancy, narrowed.model_copy(update={"datacenter": place})))
    demand = narrowed.demand
    flexible = demand.flexible
    if flexible is not None:
        kept: dict[str, Any] = {"none": None}
        if isinstance(flexible, FlexibleLoad):
            kept["movable only"] = flexible.model_copy(update={"pausable": 0.0})
            kept["pausable only"] = flexible.model_copy(update={"movable": 0.0})
        for name, value in kept.items():
            asked = demand.model_copy(update={"flexible": value})
            made.append(("flexibility", name, narrowed.model_copy(update={"demand": asked})))
    menu = narrowed.power.portfolio[0]
    for plant in menu.plants:
        left = menu.model_copy(update={"plants": tuple(own for own in menu.plants if own is not plant)})
        made.append(("own plants", f"without {plant.technology}", _with_portfolio(narrowed, left)))
    if len(menu.plants) > 1:
        bare = menu.model_copy(update={"plants": (), "clean": None})
        made.append(("own plants", "none", _with_portfolio(narrowed, bare)))
    return made


def _with_portfolio(study: Study, menu: Any) -> Study:
    return study.model_copy(update={"power": study.power.model_copy(update={"portfolio": (menu,)})})


def meter_limits(study: Study, narrowed: Study, search: Search, item: Finalist) -> dict[str, Any] | None:
    """Chips and tokens by the meter's limit, for the chosen coolant and the coldest and warmest, at each redundancy.

    None where the volume is fixed or nothing limits the meter.
    """
    own = narrowed.constraints.site_power
    if item.volume is None or own is None:
        return None
    menu = study.cooling.supply_temperature
    chosen = item.design.supply_temperature
    degrees = tuple(sorted({*(value for value in (min(menu), max(menu)) if _supplies(item, value)), chosen}))
    points = []
    for share in LIMITS:
        limits = narrowed.constraints.model_copy(update={"site_power": own * share, "sites_power": {}})
        place = narrowed.datacenter.model_copy(update={"redundancy": study.datacenter.redundancy})
        smaller = _with_temperatures(narrowed, degrees).model_copy(update={"constraints": limits, "datacenter": place})
        seen = search(smaller)
        for (axis, _), pick in sorted(seen.found.by_option.items(), key=lambda entry: str(entry[0])):
            if axis not in ("supply_temperature", "redundancy"):
                continue
            done = unsettled(smaller, seen.parts, seen.scenario, seen.grid, seen.classes, pick)
            option = seen.classes[pick.plant_class].options[pick.option]
            points.append(
                {
                    "limit": own * share,
                    "chips": float(done.fleet.chips.max()),
                    "tokens_per_second": tokens_per_second(done),
                    "supply_temperature": option.supply_temperature,
                    "redundancy": option.redundancy,
                    "chosen": (option.supply_temperature, option.redundancy) == (chosen, item.design.redundancy),
                }
            )
    unique = {tuple(point.values()): point for point in points}
    return {"points": list(unique.values())}


def _supplies(item: Finalist, value: float) -> bool:
    spec = item.plant.specs.cooling
    return float(spec.supply_minimum) <= value <= float(spec.supply_maximum)


def clean_shares(item: Finalist) -> dict[str, Any] | None:
    """Cost of the load's energy by its clean share, where the design's own kinds of plants may be of any size.

    On typical days, with the load and the connection of the last year. None where the design has no plants of its own.
    """
    if not item.done.dispatched or not item.plant.sources.sizings:
        return None
    problem = _unbounded(item.done.dispatched[-1].problem)
    told, _ = typical(problem)
    contracts = float(item.done.dispatched[-1].bill.contract_cost)
    points = []
    for counting in COUNTINGS:
        for share in SHARES:
            answer = solve(replace(told, clean=CleanTarget(share, counting)))
            served = answer.energy(answer.served, told)
            if answer.energy(answer.unserved, told) > UNSERVED * served:
                continue
            cost = (answer.objective + contracts) / served * DOLLARS_PER_MEGAWATT_HOUR
            points.append(
                {
                    "clean_share": share,
                    "counting": counting,
                    "cost": float(cost),
                    "capacities": _sizes(item, answer),
                }
            )
    return {"points": points, "chosen": None} if points else None


def _unbounded(problem: Supply) -> Supply:
    """The problem with plants of any size, and load that does not give way."""
    return replace(
        problem,
        generators=tuple(replace(plant, least=0.0, most=np.inf) for plant in problem.generators),
        stores=tuple(replace(store, least=0.0, most=np.inf) for store in problem.stores),
        flexible=None,
    )


def _sizes(item: Finalist, answer: Dispatch) -> list[dict[str, Any]]:
    parts = {part.id: part for place, part in item.parts.items() if place.startswith("plants.")}
    return [
        {"name": parts[name].name, "kind": source_kind(parts[name]), "capacity": float(size)}
        for name, size in answer.capacity.items()
    ]


def dispatch_entry(item: Finalist) -> list[dict[str, Any]] | None:
    """What was built and how each year ran, where hours were decided; perfect foresight. None where nothing was."""
    if not item.done.dispatched:
        return None
    rows = []
    for year, one in enumerate(item.done.dispatched):
        problem, answer, bill = one.problem, one.answer, one.bill
        load = answer.energy(problem.load, problem)
        rows.append(
            {
                "year": item.plant.first_year + year,
                "foresight": "perfect, over the whole year",
                "sizes": _sizes(item, answer),
                "storage_energy": {
                    name: {"value": value, "unit": "J"} for name, value in answer.storage_energy.items()
                },
                "energy": {name: answer.energy(power, problem) for name, power in _flows(answer).items()},
                "unserved_share": answer.energy(answer.unserved, problem) / load,
                "paused_share": answer.energy(answer.paused, problem) / load,
                "costs": {name: float(value) for name, value in answer.costs.items()},
                "contracts": float(bill.contract_cost),
                "clean_share": {
                    "annual": float(bill.clean_annual),
                    "hourly": float(bill.clean_hourly),
                    "grid": float(bill.clean_with_grid),
                },
                "carbon": {
                    "average": float(bill.carbon.average),
                    "marginal": float(bill.carbon.marginal),
                    "unit": "kg",
                },
                "balance_error": answer.balance_error(problem),
            }
        )
    return rows


def outage_entry(item: Finalist) -> dict[str, Any] | None:
    """What the loss of the largest machine or of the meter does in the worst day of the last year; None where nothing
    was dispatched. The claim is made on a year whose weather and prices belong together, and withheld else.
    """
    if not item.done.dispatched:
        return None
    last = item.done.dispatched[-1]
    note = item.plant.series.reliability_note
    rows = [
        {
            "lost": one.lost,
            "power": {"value": float(one.power), "unit": "W"},
            "first_hour": one.first,
            "duration": {"value": float(one.duration), "unit": "s"},
            "unserved_share": float(one.share),
            "given_way": {"value": float(one.flexed), "unit": "J"},
            "highest_unserved": {"value": float(one.highest), "unit": "W"},
        }
        for one in outages(last.problem, last.answer)
    ]
    return {"claim": not note, "reason": note or None, "foresight": "perfect, over the hours around it", "losses": rows}


def _flows(answer: Dispatch) -> dict[str, Any]:
    """Hourly powers by name."""
    made = {"drawn": answer.drawn, "curtailed": answer.curtailed, "exported": answer.exported}
    made |= dict(answer.output)
    return made | {f"{name} discharged": power for name, power in answer.discharge.items()}
