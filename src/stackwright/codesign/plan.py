"""`plan_study`: from a study to its best stack, with everything that makes the answer usable."""

from __future__ import annotations

import hashlib
import json
import platform
import resource
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from stackwright import __version__
from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.chip.basis import operator_bases
from stackwright.codesign.alternative_stacks import TOLD, alternative_stack
from stackwright.codesign.at_stake import layers_at_stake
from stackwright.codesign.concentration import concentration_entry
from stackwright.codesign.custom_chips import margins_entry
from stackwright.codesign.dates import dates_entry
from stackwright.codesign.deals import deals_entry
from stackwright.codesign.dividend import dividend_of
from stackwright.codesign.elasticities import elasticities
from stackwright.codesign.finalists import (
    SENSE,
    UNITS,
    Finalist,
    best_finalists,
    design_of,
    evaluated,
    finalist,
    objective_value,
)
from stackwright.codesign.interconnection import interconnection_entry, interconnection_margins
from stackwright.codesign.kinds import kind_of
from stackwright.codesign.lock_in import kept_study, lock_in_entry, portability_rows
from stackwright.codesign.plant_grid import PlantClass
from stackwright.codesign.plant_pictures import first_hours, marginal_entry, plant_pictures
from stackwright.codesign.plants import missing_shapes, terms_of
from stackwright.codesign.queue_check import finalist_entries, queue_check
from stackwright.codesign.refine import Refined, gap_entry
from stackwright.codesign.result import (
    cash_entry,
    margin_entries,
    objective_entry,
    ranged,
    source_entries,
    stack_entry,
    with_chances,
)
from stackwright.codesign.running_power import running_entry
from stackwright.codesign.search import Found, Pick, limit_missed
from stackwright.codesign.searched import Progress, Searched, narrowed, searched, space_of
from stackwright.codesign.service_levels import service_entries
from stackwright.codesign.shadow_prices import shadow_prices
from stackwright.codesign.solve import proved
from stackwright.codesign.stranded import stranded_entry
from stackwright.codesign.trade_offs import (
    Coolant,
    clean_shares,
    degrees_of,
    dispatch_entry,
    meter_limits,
    outage_entry,
    same_meter,
)
from stackwright.codesign.uncertainty import draws, evaluate_with, swings
from stackwright.core.errors import InfeasibleError
from stackwright.core.units import unit
from stackwright.stack.design import Design
from stackwright.stack.parts import Parts
from stackwright.stack.study import SAME, Study

RESIZED = "Ranges: every draw of the inputs sizes its own fleet to the demand; the serving settings stay as chosen."
DRAWS = 64
"""Draws of the inputs in which a plan's dividend is decided anew; `stackwright dividend` makes more."""
LIMITS = ("demand.", "constraints.")
"""Where the limits stand whose shadow prices are told beside the margins."""

LAYER_OF_OPTION = {
    "interface": "interface",
    "release": "interface",
    "model": "model",
    "serving": "serving",
    "training": "training",
    "chip": "chip",
    "rack": "rack",
    "prefill_system": "prefill_system",
    "network": "network",
    "cooling": "cooling",
    "datacenter": "datacenter",
    "redundancy": "redundancy",
    "distribution": "distribution",
    "supply_temperature": "supply_temperature",
    "power": "power",
    "finance": "finance",
}


def plan_study(study: Study, catalog: Catalog, progress: Progress | None = None) -> dict[str, Any]:
    """The plan of a study as ``plan.json`` has it.

    Raises `InfeasibleError` with the nearest design's plan when nothing meets the study's limits.
    """
    started = time.perf_counter()
    whole, proof = proved(study, searched(study, catalog, progress))
    asked = Asked(study, whole.seen)
    if (study := kept_study(asked.study, asked.seen)) is not asked.study:
        whole, proof = proved(study, searched(study, catalog, progress))
    seen = whole.seen
    if seen.found.best is None or proof is None:
        raise InfeasibleError(*_nearest(study, catalog, seen, started))
    design = design_of(seen.grid, seen.classes, seen.found.best)
    coolant = coolant_of(study, catalog, seen, design)
    first = first_of(study, seen, proof, coolant)
    finalists = best_finalists(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found, first)
    return _result(asked, study, catalog, seen, finalists, Refinement(coolant, proof, whole.left), started, progress)


def evaluate_study(study: Study, catalog: Catalog) -> dict[str, Any]:
    """A study that gives one stack, evaluated as it is: limits that it violates are shown as such."""
    try:
        return plan_study(study, catalog)
    except InfeasibleError as error:
        if not isinstance(error.nearest, dict):
            raise
        return error.nearest


def coolant_of(study: Study, catalog: Catalog, seen: Searched, design: Design) -> Coolant | None:
    """A design's study over every degree of its coolant; None where the study leaves no choice."""
    degrees = degrees_of(study, seen.parts.get("cooling", design.cooling).spec)
    return Coolant(narrowed(study, design), degrees, lambda other: searched(other, catalog)) if degrees else None


@dataclass(frozen=True)
class Asked:
    """A study as it is written, and what its whole menu has, before an option of the interface layer narrows it."""

    study: Study
    seen: Searched


@dataclass(frozen=True)
class Refinement:
    """What was looked at between the points of the grid: every degree of the best design's coolant, and every stack."""

    coolant: Coolant | None
    proof: Refined
    left: str | None
    """Why designs were not priced that an order which can break may have dropped wrongly."""


def first_of(study: Study, seen: Searched, proof: Refined, coolant: Coolant | None) -> Finalist:
    """The best design between the points of the grid, settled."""
    held, pick = proof.seen, proof.pick
    if coolant is not None and coolant.best is not None and coolant.best.score < proof.value:
        study, held, pick = coolant.study, coolant.seen, coolant.best
    return finalist(study, seen.parts, seen.scenario, held.grid, held.classes, pick)


def _result(
    asked: Asked,
    study: Study,
    catalog: Catalog,
    seen: Searched,
    finalists: list[Finalist],
    refinement: Refinement,
    started: float,
    progress: Progress | None,
) -> dict[str, Any]:
    item = finalists[0]

    def again(other: Study) -> Searched:
        return searched(other, catalog)

    held = narrowed(study, item.design)
    drawn = draws(item, seen.scenario, study.seed)
    base = evaluate_with(item, seen.scenario, {}, 1)
    kind = kind_of(study)
    nominal, at_base, at_draws = (kind.metrics(done, seen.scenario, item) for done in (item.done, base, drawn))
    alternatives = alternatives_of(study, seen, item)
    shadow = shadow_prices(kind, held, catalog, item)
    check = queue_check(item, seen.scenario, seen.parts, study)
    made: dict[str, Any] = {
        "study": asked.study.as_dict(),
        "objective": objective_entry(study, seen.scenario, item, base, drawn),
        "stack": stack_entry(item, kind.stack(item), _reasons(alternatives)),
        "metrics": ranged(nominal, at_base, at_draws, kind.absent),
        "cost_by_layer": kind.costs(item),
        "cash_flow": cash_entry(item, seen.scenario),
        "margins": with_chances(
            with_worth(margin_rows(study, seen, item), shadow), item, drawn, kind.margins(drawn, seen.scenario)
        ),
        "alternatives": alternatives,
        "not_eligible": dict(sorted(seen.found.barred.items())),
        "not_feasible": not_feasible(study, seen),
        "space": space_of(asked.study, asked.seen),
        "gap": refinement.proof.gap,
        "refinement": gap_entry(refinement.proof),
        "cut_gap": abs(item.searched - abs(item.value)) / abs(item.value),
        **check,
        **service_entries(item, seen.scenario, seen.parts, study, check),
        "finalists": finalist_entries(finalists, seen.scenario, seen.parts, study, check),
        "explain": {
            "inputs": swings(
                item,
                seen.scenario,
                lambda done, terms: objective_value(str(study.objective), seen.scenario, done, terms),
            )
        },
        "dividend": dividend_of(study, catalog, seen, refinement.proof.gap, item, DRAWS, progress),
        "margins_by_layer": margins_entry(study, catalog, seen, item),
        "shadow_prices": shadow,
        "elasticities": elasticities(item, seen.scenario, str(study.objective)),
        "same_meter": same_meter(study, held, again, item),
        "dispatch": dispatch_entry(item),
        "marginal": marginal_entry(seen.scenario, item),
        "outages": outage_entry(item),
        "interconnection": interconnection_entry(study, seen.scenario, item, first_hours(seen.scenario, item).meter),
        "dates": dates_entry(study, seen.scenario, item),
        "deals": deals_entry(study, seen.parts, seen.scenario, item),
        "running": running_entry(seen.scenario, item),
        "pictures": kind.pictures(study, seen.scenario, seen.grid, seen.found, item)
        | plant_pictures(study, seen.scenario, seen.parts, item)
        | {
            "supply_temperature": None if refinement.coolant is None else refinement.coolant.picture(item),
            "meter_limit": meter_limits(study, held, again, item),
            "clean_share": clean_shares(item),
        },
        "names": names_of(seen, item),
        "operators": operators_of(item),
        "sources": source_entries(item, catalog),
        "warnings": [*warnings_of(study, seen, item), *([refinement.left] if refinement.left else [])],
        "versions": versions(),
        "seed": study.seed,
        "inputs": {
            "study": asked.study.digest(),
            "files": dict(study.files),
            "catalog": catalog.digest([part.record for part in item.parts.values()]),
            "editions": {part.id: part.record.edition for part in item.parts.values()},
        },
    }
    made["lock_in"] = lock_in_entry(asked.study, asked.seen, item, made) | {
        "stranded": stranded_entry(study, catalog, seen, item)
    }
    made["alternatives"] += portability_rows(asked.study, made["lock_in"], item.value)
    made["at_stake"] = layers_at_stake(made)
    made["concentration"] = concentration_entry(made, study, seen, item)
    return finished(made, started)


def finished(made: dict[str, Any], started: float) -> dict[str, Any]:
    """The plan with its digest, and beside it what the run took."""
    made["digest"] = digest_of(made)
    made["run"] = {
        "seconds": time.perf_counter() - started,
        "peak_memory": {"value": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "unit": "B"},
    }
    return made


def digest_of(made: dict[str, Any]) -> str:
    """SHA-256 over everything but the run and the digest itself."""
    content = {key: value for key, value in made.items() if key not in ("run", "digest")}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    return {"stackwright": __version__, "python": platform.python_version(), "numpy": np.__version__}


def alternatives_of(study: Study, seen: Searched, item: Finalist) -> list[dict[str, Any]]:
    """Per layer, the best designs with each other option and what they would cost, cheapest first."""
    best = seen.found.best
    assert best is not None
    sense = SENSE[str(study.objective)]
    sign = -1.0 if sense == "max" else 1.0
    made = []
    for axis, layer in LAYER_OF_OPTION.items():
        options = {value: pick for (name, value), pick in seen.found.by_option.items() if name == axis}
        chosen = next((value for value, pick in options.items() if pick.score == best.score), None)
        others = sorted((pick.score, str(value), value) for value, pick in options.items() if value != chosen)
        for rank, (score, label, value) in enumerate(others):
            value_here = item.value * score / best.score
            row = {
                "layer": layer,
                "option": _option(value),
                "name": _name(seen.parts, axis, value) or label,
                "value": value_here,
                "unit": UNITS[str(study.objective)],
                "difference": sign * (value_here - item.value) / abs(item.value),
                "next_best": rank == 0,
                "design": design_of(seen.grid, seen.classes, options[value]).by_layer(),
            }
            if axis in TOLD:
                row["stack"] = alternative_stack(study, seen, options[value])
            if axis == "rack" and (note := _barred(seen.found, str(value))):
                row["not_eligible"] = note
            made.append(row)
    return made


def not_feasible(study: Study, seen: Searched) -> dict[str, str]:
    """Systems of the study without a feasible design, and why."""
    reasons = dict(seen.grid.tally.refused) | _pools_apart(study, seen)
    served = {key.system for key in seen.grid.keys}
    margins, cells = kind_of(study).misses(seen.grid.nearest.numbers, seen.scenario), seen.grid.nearest.cell
    for system in study.rack.system:
        if ("rack", system) in seen.found.by_option or system in reasons or system not in served:
            continue
        if system in seen.found.misses:
            miss = seen.found.misses[system]
            terms = terms_of(study, seen.parts)
            what = limit_missed(study, seen.scenario, seen.grid, seen.classes, terms, miss)
            reasons[system] = f"exceeds {what} by {miss.score:.0%} at best"
            continue
        mine = [place for place, cell in enumerate(cells) if seen.grid.keys[int(cell)].system == system]
        if not mine:
            reasons[system] = "no layout over which the model divides"
            continue
        place = min(mine, key=lambda row: max(float(values[row]) for values in margins.values()))
        worst = max(margins, key=lambda name: float(margins[name][place]))
        reasons[system] = f"misses {worst} by {float(margins[worst][place]):.0%} at best"
    return reasons


def _pools_apart(study: Study, seen: Searched) -> dict[str, str]:
    """Systems of the study on which no prefill pool can stand, and why."""
    reasons: dict[str, str] = {}
    known = {key.prefill_system for key in seen.grid.keys}
    kept = {seen.grid.keys[cell].prefill_system for cell in np.unique(seen.grid.rows.cell)}
    named = {*seen.grid.tally.refused, *(name.split(", ")[0] for name in seen.found.barred)}
    for system in study.serving.prefill_system:
        if system in (SAME, *named) or ("prefill_system", system) in seen.found.by_option:
            continue
        if set(study.rack.system) == {system} or "disaggregated" not in study.serving.mode:
            continue
        if system not in known:
            why = "no engine, precision and fabric of the study in common with another system"
        elif system not in kept:
            why = "no pair with it meets memory and latency"
        else:
            why = "no cooling of the study holds it beside another system within the limits"
        reasons[f"{system}, prefill"] = why
    return reasons


def _barred(found: Found, system: str) -> str | None:
    notes = [f"{key.split(', ')[1]}: {reason}" for key, reason in found.barred.items() if key.startswith(f"{system}, ")]
    return "; ".join(notes) or None


def _option(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


LAYER_OF_AXIS = {
    "interface": "interface",
    "release": "training",
    "rack": "rack",
    "prefill_system": "rack",
    "cooling": "cooling",
    "datacenter": "datacenter",
}


def _name(parts: Parts, axis: str, value: Any) -> str | None:
    if value == SAME:
        return "one system for both pools"
    if axis == "network":
        fabric, thin = value
        return f"{parts.get('network', fabric).name}, {thin:g}:1"
    if axis == "chip":
        return f"power cap {value:.0%}"
    if axis == "supply_temperature":
        return f"coolant at {value - 273.15:.0f} degC"
    if axis in ("redundancy", "distribution"):
        return parts.get("datacenter", str(value)).name
    return parts.get(LAYER_OF_AXIS[axis], str(value)).name if axis in LAYER_OF_AXIS else None


def names_of(seen: Searched, item: Finalist) -> dict[str, str]:
    """Names for people of every record that the result mentions."""
    known = {record.id: record.name for record in seen.parts.catalog.records("model")}
    models = {key.architecture: known.get(key.architecture, key.architecture) for key in seen.grid.keys}
    systems = {system.id: system.name for system in seen.grid.systems}
    return models | systems | {part.id: part.name for part in item.parts.values()}


def _reasons(alternatives: list[dict[str, Any]]) -> dict[str, str]:
    """Why each layer's option was chosen: by how much the next one is worse."""
    reasons: dict[str, str] = {}
    for row in alternatives:
        layer = row["layer"]
        if not row["next_best"] or layer in ("redundancy", "distribution", "supply_temperature", "prefill_system"):
            continue
        tail = ", not eligible here" if row.get("not_eligible") else ""
        gap = row["difference"]
        words = f"{gap:.1%} worse" if gap >= 0 else f"{-gap:.1%} better"
        reasons[layer] = f"next: {row['name']}, {words}{tail}"
    return reasons


def margin_rows(study: Study, seen: Searched, item: Finalist) -> list[dict[str, Any]]:
    """Margins of the demand, the plant and the agreement, none of them priced yet."""
    conditions = interconnection_margins(study, item, first_hours(seen.scenario, item).meter)
    return margin_entries(study, item, [*kind_of(study).margins(item.done, seen.scenario), *conditions])


def with_worth(rows: list[dict[str, Any]], shadow: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Margins with what binds and what a unit of it is worth, as far as a shadow price says.

    The worth of a tenth more of a limit, per unit: a lower bound, as the other layers are held.
    """
    priced = {str(one["path"]).partition(".")[2]: one for one in shadow if one["path"].startswith(LIMITS)}
    for row in rows:
        one = priced.get(row["constraint"])
        if one is not None and one["binding"]:
            objective = one["one_more"]["unit"].partition(" per ")[0]
            ours = abs(one["one_more"]["value"]) * unit(row["unit"]).factor / unit(one["unit"]).factor
            row["binding"], row["worth"] = True, {"value": ours, "unit": f"{objective} per {row['unit']}"}
    return rows


def operators_of(item: Finalist) -> list[dict[str, Any]]:
    """How the time of each operator on the chosen chip is known, with the range of measured over predicted times."""
    chip = item.parts["chip"]
    return [asdict(one) for one in operator_bases(chip.id, item.parts["kernels"].record)]


def warnings_of(study: Study, seen: Searched, item: Finalist) -> list[str]:
    """What a reader has to know: stand-ins beside what they touch, doubtful inputs, assumptions."""
    notes = [*study.notes, *kind_of(study).notes(study, seen.scenario, item)]
    site = item.parts["site"]
    aligned = item.plant.series.aligned
    proxies = {what: text for what, text in site.record.proxy.items() if not (aligned and what == "weather")}
    notes += [f"{site.name}, {what}: {text}" for what, text in sorted(proxies.items())]
    notes += [f"{site.name}: {note}" for note in item.plant.series.notes]
    notes += [
        cut
        for place, part in item.parts.items()
        if place.startswith("plants.") and (shape := part.record.text.get("shape"))
        if (cut := item.plant.series.availability_note(str(shape), float(part.spec.capacity_factor)))
    ]
    for part in item.parts.values():
        if part is not site:
            notes += [f"{part.name}, {what}: {text}" for what, text in sorted(part.record.proxy.items())]
        basis = part.record.text.get("price_basis")
        if basis and part in (item.parts["system"], item.parts.get("prefill_system")):
            notes.append(f"Price basis of {part.name}: {basis}.")
    notes += [f"{part.name}: {part.record.note}" for part in item.parts.values() if part.record.like]
    notes += not_had(study, seen.parts)
    chip = item.parts["chip"]
    bases = {one["basis"] for one in operators_of(item)}
    if "fitted" not in bases:
        notes.append(f"No kernel was timed on {chip.name}: its operators' times are {' or '.join(sorted(bases))}.")
    near = getattr(item.cell, "neighbors", None)
    if near is not None and item.design.mode == "aggregated":
        notes.append(
            f"{len(near.measured.runs)} measured runs of the model or the engine on {chip.name} bear on its pace."
        )
    doubtful = sorted(
        f"{place}.{name}"
        for place, part in item.parts.items()
        for name, datum in part.record.values.items()
        if datum.kind == "unverified" and hasattr(part.spec, name)
    )
    if doubtful:
        notes.append(f"Unverified inputs of the chosen stack, none of them a price or a peak: {', '.join(doubtful)}.")
    for precision, loss in sorted(study.model.quality_loss.items()):
        notes.append(f"The study assumes that {precision} loses {loss:.1%} of the model's quality.")
    if not study.model.quality_loss and item.design.precision in ("fp8", "fp4", "int8"):
        notes.append(f"Quality loss of {item.design.precision} weights is not priced: the study states none.")
    if study.demand.kind == "serving":
        notes.append(RESIZED)
    return list(dict.fromkeys(notes))


def not_had(study: Study, parts: Parts) -> list[str]:
    """Portfolios that were left out at a site, as the hours of a plant are not known there."""
    notes = []
    for place in study.datacenter.site:
        site = parts.get("datacenter", place)
        series = load_site_series(site.record, year=study.datacenter.year)
        for menu in study.power.portfolio:
            if missing := missing_shapes(menu, parts, series):
                notes.append(f"{site.name}: no portfolio {menu.name}, as no hours of {', '.join(missing)} are known.")
    return notes


def _nearest(study: Study, catalog: Catalog, seen: Searched, started: float) -> tuple[str, dict[str, Any] | None]:
    """Why nothing is feasible, and the plan of the design that comes nearest."""
    pick: Pick | None = None
    kind, grid = kind_of(study), seen.grid
    if seen.found.nearest is not None:
        pick = seen.found.nearest[0]
        reason = f"no stack meets the study's limits; the nearest exceeds one by {seen.found.nearest[1]:.0%}"
    elif len(grid.nearest):
        grid = replace(grid, rows=grid.nearest)
        miss = np.maximum.reduce([*kind.misses(grid.rows.numbers, seen.scenario).values()])
        best = int(miss.argmin())
        system = grid.keys[int(grid.rows.cell[best])].system
        place = next((index for index, plant in enumerate(seen.classes) if _cools(seen, system, plant)), None)
        reason = f"no replica meets {kind.limits}; the nearest misses by {miss[best]:.0%}"
        pick = None if place is None else Pick(best, place, 0, study.finance.sourcing[0], 1.0)
    else:
        reason = "; ".join([*(f"{name}: {why}" for name, why in seen.grid.tally.refused.items())]) or "no design exists"
    if pick is None:
        return reason, None
    design = design_of(grid, seen.classes, pick)
    cell, limits = grid.cells[int(grid.rows.cell[pick.row])], seen.classes[pick.plant_class].weights.limit[pick.option]
    item = evaluated(study, seen.parts, seen.scenario, design, cell, limits, pick.score)
    drawn = draws(item, seen.scenario, study.seed)
    evaluations = (item.done, evaluate_with(item, seen.scenario, {}, 1), drawn)
    nominal, at_base, at_draws = (kind.metrics(done, seen.scenario, item) for done in evaluations)
    made: dict[str, Any] = {
        "study": study.as_dict(),
        "feasible": False,
        "reason": reason,
        "objective": {
            "name": study.objective,
            "unit": UNITS[str(study.objective)],
            "sense": SENSE[str(study.objective)],
            "value": float(np.mean(item.value)),
            "low": None,
            "high": None,
        },
        "stack": stack_entry(item, kind.stack(item), {}),
        "metrics": ranged(nominal, at_base, at_draws, kind.absent),
        "cost_by_layer": kind.costs(item),
        "cash_flow": cash_entry(item, seen.scenario),
        "margins": margin_entries(study, item, kind.margins(item.done, seen.scenario)),
        "names": names_of(seen, item),
        "sources": source_entries(item, catalog),
        "warnings": warnings_of(study, seen, item),
        "versions": versions(),
        "seed": study.seed,
    }
    return reason, finished(made, started)


def _cools(seen: Searched, system: str, plant: PlantClass) -> bool:
    from stackwright.codesign.plant_grid import thermals_of

    part = next(item for item in seen.grid.systems if item.id == system)
    return plant.thermal in thermals_of([part])[system]
