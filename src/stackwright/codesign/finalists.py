"""From a pick of the search to a design that is evaluated exactly, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.catalog.series import load_site_series
from stackwright.codesign.performance_grid import MODES, Grid
from stackwright.codesign.plant_grid import PlantClass
from stackwright.codesign.plants import BUILDING, menu_of, plant_of, terms_of
from stackwright.codesign.search import Found, Pick
from stackwright.codesign.sourcing import arrangement_of, sourcing_parts
from stackwright.codesign.training_grid import MODES as RECOMPUTATIONS
from stackwright.codesign.training_grid import RELIABILITY, TrainingDesign, TrainingGrid
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.capital import levelized_cost
from stackwright.finance.terms import Terms
from stackwright.stack.design import Design
from stackwright.stack.evaluate import Evaluation, evaluate, held_of
from stackwright.stack.offer import PLAIN, Arrangement
from stackwright.stack.parts import Part, Parts
from stackwright.stack.performance import DRAFTS, Cell
from stackwright.stack.plant import Plant
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

FINALISTS = 6
"""Designs of different sites, coolings and portfolios that are settled exactly before one is named best."""

CHIP_AND_NETWORK = ("power_cap", "oversubscription")
"""Choices of a row that other layers make; the rest are numbers of serving or training."""
PREFILL = "prefill_"
"""Before the places of records that only the prefill pool has."""
MILLION = 1e6
MEGAWATT_HOUR = 3.6e9


@dataclass(frozen=True)
class Finalist:
    """A design with everything that its evaluation needs, and its exact value of the objective."""

    design: Design
    cell: Cell
    plant: Plant
    terms: Terms
    parts: dict[str, Part]
    done: Evaluation
    value: float
    searched: float
    volume: float | None
    """Peak request rate that fills the limits below, where the study's volume is open."""
    limits: np.ndarray
    """Most that the meter carries by year [Y]; infinity is no limit."""
    budget: float | None
    arrangement: Arrangement = PLAIN
    """The lease or the chip programs that the design's way of sourcing rests on."""

    @property
    def tightest(self) -> int:
        """The year in which the meter is fullest."""
        return int((self.done.peak_by_year / self.limits).argmax())

    @property
    def site_limit(self) -> float | None:
        """What the meter carries in the tightest year; None is no limit."""
        limit = float(self.limits[self.tightest])
        return limit if np.isfinite(limit) else None


def design_of(grid: Grid, classes: list[PlantClass], pick: Pick) -> Design:
    """The design that a pick stands for."""
    key = grid.keys[int(grid.rows.cell[pick.row])]
    option = classes[pick.plant_class].options[pick.option]
    choice = {name: float(values[pick.row]) for name, values in grid.rows.choice.items()}
    kind, modes = (TrainingDesign, RECOMPUTATIONS) if isinstance(grid, TrainingGrid) else (Design, MODES)
    if kind is Design:
        choice |= {"weights_offload": key.weights_offload, "cache_offload": key.cache_offload}
    return kind(
        architecture=key.architecture,
        precision=key.precision,
        cache_precision=key.cache_precision,
        draft_tokens=key.draft_tokens,
        software=key.software,
        mode=modes[int(grid.rows.mode[pick.row])],
        chip=key.chip,
        power_cap=choice["power_cap"],
        system=key.system,
        fabric=key.fabric,
        oversubscription=choice["oversubscription"],
        cooling=option.cooling,
        supply_temperature=option.supply_temperature,
        site=option.site,
        redundancy=option.redundancy,
        distribution=option.distribution,
        portfolio=option.portfolio,
        sourcing=pick.sourcing,
        numbers={name: value for name, value in choice.items() if name not in CHIP_AND_NETWORK},
        prefill_system=key.prefill_system,
    )


def parts_of(study: Study, parts: Parts, design: Design) -> dict[str, Part]:
    """The records of a design by their place in the stack."""
    system = parts.get("rack", design.system)
    chip = parts.get("chip", design.chip)
    site = parts.get("datacenter", design.site)
    if isinstance(design, TrainingDesign):
        found = {"release": parts.get("training", design.software), "reliability": parts.get("training", RELIABILITY)}
    else:
        found = {"software": parts.get("interface", design.software)}
        if design.draft_tokens:
            found["drafting"] = parts.get("serving", DRAFTS)
    found |= {
        "chip": chip,
        "kernels": parts.get("chip", str(chip.record.links["kernels"])),
        "chip_power": parts.get("chip", str(chip.record.links["power"])),
        "system": system,
        "scale_up": parts.get("network", str(system.record.links["scale_up"])),
        "fabric": parts.get("network", design.fabric),
        "cooling": parts.get("cooling", design.cooling),
        "site": site,
        "building": parts.get("datacenter", BUILDING),
        "redundancy": parts.get("datacenter", design.redundancy),
        "distribution": parts.get("datacenter", design.distribution),
        "grid": parts.get("power", str(site.record.links["grid"])),
        "terms": parts.get("finance", study.finance.terms),
    }
    if design.prefill_system is not None:
        found |= _prefill_parts(parts, parts.get("rack", design.prefill_system), found)
    found |= sourcing_parts(study, parts, design.sourcing, systems_of(parts, design))
    menu = menu_of(study, design.portfolio)
    for index, item in enumerate(menu.contracts):
        found[f"contracts.{index}"] = parts.get("power", item.contract)
    for index, own in enumerate(menu.plants):
        found[f"plants.{index}"] = parts.get("power", own.technology)
    return found


def systems_of(parts: Parts, design: Design) -> list[Part]:
    """The systems of a design, decode before prefill."""
    names = (design.system,) if design.prefill_system is None else (design.system, design.prefill_system)
    return [parts.get("rack", name) for name in names]


def _prefill_parts(parts: Parts, system: Part, known: Mapping[str, Part]) -> dict[str, Part]:
    """The records of a prefill pool on a system of its own, where they are not those of the decode pool."""
    chip = parts.get("chip", str(system.record.links["chip"]))
    own = {
        "chip": chip,
        "kernels": parts.get("chip", str(chip.record.links["kernels"])),
        "chip_power": parts.get("chip", str(chip.record.links["power"])),
        "system": system,
        "scale_up": parts.get("network", str(system.record.links["scale_up"])),
    }
    return {f"{PREFILL}{place}": part for place, part in own.items() if part.id != known[place].id}


def plant_for(study: Study, parts: Parts, scenario: Scenario, design: Design) -> Plant:
    """The plant of a design."""
    return plant_of(
        study,
        parts,
        scenario,
        load_site_series(parts.get("datacenter", design.site).record, year=study.datacenter.year),
        cooling=design.cooling,
        site=design.site,
        redundancy=design.redundancy,
        distribution=design.distribution,
        portfolio=design.portfolio,
    )


def unsettled(
    study: Study, parts: Parts, scenario: Scenario, grid: Grid, classes: list[PlantClass], pick: Pick
) -> Evaluation:
    """A pick's watts, chips, tokens and plant, without what its hours cost."""
    design = design_of(grid, classes, pick)
    cell, limits = grid.cells[int(grid.rows.cell[pick.row])], classes[pick.plant_class].weights.limit[pick.option]
    plant, terms = plant_for(study, parts, scenario, design), terms_of(study, parts)
    given = arrangement_of(study, parts, design.sourcing, systems_of(parts, design))
    volume = None
    if scenario.requests is None:
        volume = filling_volume(study.constraints.budget, scenario, design, cell, plant, terms, limits, given)
    return evaluate(
        design, scenario, cell=cell, plant=plant, terms=terms, volume=volume, settled=False, arrangement=given
    )


def finalist(
    study: Study, parts: Parts, scenario: Scenario, grid: Grid, classes: list[PlantClass], pick: Pick
) -> Finalist:
    """Evaluate a pick exactly."""
    design = design_of(grid, classes, pick)
    cell, limits = grid.cells[int(grid.rows.cell[pick.row])], classes[pick.plant_class].weights.limit[pick.option]
    return evaluated(study, parts, scenario, design, cell, limits, pick.score)


def evaluated(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    design: Design,
    cell: Cell,
    limits: np.ndarray,
    searched: float,
) -> Finalist:
    """Evaluate a design exactly; an open volume fills the limits with whole replicas.

    `limits` is what the meter carries by year [Y].
    """
    plant = plant_for(study, parts, scenario, design)
    terms = terms_of(study, parts)
    given = arrangement_of(study, parts, design.sourcing, systems_of(parts, design))
    volume = None
    if scenario.requests is None:
        volume = filling_volume(study.constraints.budget, scenario, design, cell, plant, terms, limits, given)
    done = evaluate(design, scenario, cell=cell, plant=plant, terms=terms, volume=volume, arrangement=given)
    if done.dispatched:
        plant = replace(plant, held=held_of(plant, done))
    value = objective_value(study.objective or "", scenario, done, terms)
    return Finalist(
        design=design,
        cell=cell,
        plant=plant,
        terms=terms,
        parts=parts_of(study, parts, design),
        done=done,
        value=value,
        searched=abs(searched),
        volume=volume,
        limits=limits,
        budget=study.constraints.budget,
        arrangement=given,
    )


def outlay(done: Evaluation) -> Any:
    """What counts against a budget: capital, and rent over the horizon; a float, or draws [n]."""
    return done.cash["capex"].sum(axis=-1) + done.cash["lease"].sum(axis=-1)


def filling_volume(
    budget: float | None,
    scenario: Scenario,
    design: Design,
    cell: Cell,
    plant: Plant,
    terms: Terms,
    limits: np.ndarray,
    arrangement: Arrangement = PLAIN,
) -> float:
    """Peak request rate of the most whole replicas that the meter's limits [Y] and the budget carry."""

    def at(volume: float) -> Evaluation:
        # neither watts nor capital depend on what the hours cost
        return evaluate(
            design, scenario, cell=cell, plant=plant, terms=terms, volume=volume, settled=False, arrangement=arrangement
        )

    def used(done: Evaluation) -> float:
        """The fullest of the limits, as a share."""
        shares = [float((done.peak_by_year / limits).max())]
        return max(shares + ([] if budget is None else [float(outlay(done)) / budget]))

    rate = float(np.max(at(1.0).unit.decode_rate))
    whole = max(1, int(1000.0 / used(at(rate * 1000.0))))
    while whole > 1 and used(at(whole * rate)) > 1.0:
        whole -= max(1, whole // 1000)
    return whole * rate


def objective_value(name: str, scenario: Scenario, done: Evaluation, terms: Terms) -> Any:
    """The objective of an evaluation, in the unit that people read."""
    if name == "cost_per_million_tokens":
        return levelized_cost(present_cost=done.present_cost, present_tokens=done.present_tokens) * MILLION
    if name == "cost_per_run":
        return done.present_cost / done.present_tokens * done.service.run_time
    if name == "npv":
        return done.present_tokens * scenario.token_price - done.present_cost
    if name == "tokens_per_second":
        return done.tokens.mean(axis=-1) / SECONDS_PER_YEAR
    if name == "tokens_per_megawatt_hour":
        return done.tokens.sum(axis=-1) / done.year.meter_energy.sum(axis=-1) * MEGAWATT_HOUR
    return done.year.carbon_average.sum(axis=-1) / done.tokens.sum(axis=-1) * MILLION


SENSE = {
    "cost_per_million_tokens": "min",
    "cost_per_run": "min",
    "carbon_per_million_tokens": "min",
    "npv": "max",
    "tokens_per_second": "max",
    "tokens_per_megawatt_hour": "max",
}

UNITS = {
    "cost_per_million_tokens": "USD/Mtoken",
    "cost_per_run": "USD",
    "carbon_per_million_tokens": "kg/Mtoken",
    "npv": "USD",
    "tokens_per_second": "token/s",
    "tokens_per_megawatt_hour": "token/MWh",
}


def best_finalists(
    study: Study,
    parts: Parts,
    scenario: Scenario,
    grid: Grid,
    classes: list[PlantClass],
    found: Found,
    first: Finalist | None = None,
) -> list[Finalist]:
    """The search's best designs with different plants, settled exactly, best first.

    `first` stands for the search's best design where that was settled already.
    """
    assert found.best is not None
    kinds = ("datacenter", "cooling", "power", "supply_temperature", "rack", "prefill_system")
    picks = sorted({pick for (axis, _), pick in found.by_option.items() if axis in kinds}, key=lambda pick: pick.score)
    chosen = [pick for pick in dict.fromkeys(picks) if pick != found.best][: FINALISTS - 1]
    sign = -1.0 if SENSE[study.objective or ""] == "max" else 1.0
    made = [first or finalist(study, parts, scenario, grid, classes, found.best)]
    for pick in chosen:
        decided = classes[pick.plant_class].weights.decided[pick.option]
        # What the search says of a plant whose hours are decided bounds what its whole year will say, so one that is
        # no better than a settled design needs no year of its own.
        if decided and any(pick.score >= sign * item.value for item in made):
            continue
        made.append(finalist(study, parts, scenario, grid, classes, pick))
    return sorted(made, key=lambda item: sign * item.value)
