"""A design against its interconnection agreement: megawatts by year, ramps, steps, voltage dips, money."""

from __future__ import annotations

from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.result import MarginRow
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.core.units import SECONDS_PER_YEAR, Array, Seconds, Watts
from stackwright.power.interconnection import (
    NORMAL_90,
    Interconnection,
    carried_time,
    carrying_cost,
    held_energy,
    largest_ramp,
    smoothing_energy,
    smoothing_power,
    step_ramp,
    swing_energy,
)
from stackwright.stack.dates import written
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study

STEP_TIME = 1.0
"""Seconds in which all chips of a synchronous job go from full to idle, where no firmware slows them. An assumption:
within a training step, which takes seconds (Choukse et al., arXiv 2508.14318); storage hardly depends on it."""

CURTAILED = "the hours of the year with the highest market price"


def interconnection_entry(study: Study, scenario: Scenario, item: Finalist, meter: Array) -> dict[str, Any] | None:
    """The agreement of the design's site and how the design stands to it; `meter` [H] is drawn in the first year.

    None where the study names no agreement for the site.
    """
    agreement = study.agreement(item.design.site)
    if agreement is None:
        return None
    terms = agreement.terms
    calendar = [scenario.first_year + float(year) for year in scenario.years]
    return {
        "name": agreement.name,
        "file": agreement.file,
        "parties": list(agreement.parties),
        "source": agreement.source,
        "note": agreement.note,
        "dated": written(terms.dated),
        "phases": [
            {
                "firm": float(phase.firm),
                "nonfirm": float(phase.nonfirm),
                "p50": written(phase.p50),
                "p90": written(phase.p90),
                "unit": "W",
            }
            for phase in terms.phases
        ],
        "years": [_year_entry(terms, year) for year in calendar],
        "curtailment": {"value": float(terms.curtailed_time), "unit": "s/year", "assumed": CURTAILED},
        "upgrade_cost": {"value": float(terms.upgrade_cost), "unit": "USD"},
        "security": {
            "value": float(terms.security),
            "unit": "USD",
            "a_year": float(carrying_cost(security=terms.security, rate=terms.security_rate) * SECONDS_PER_YEAR),
        },
        "step": _step_entry(terms, item),
        "swing": _swing_entry(item),
        "notes": _notes(terms, item),
        "conditions": [
            {"constraint": name, "value": value, "limit": limit, "unit": unit, "violated": _violated(value, limit)}
            for name, value, limit, unit in interconnection_margins(study, item, meter)
        ],
    }


def interconnection_margins(study: Study, item: Finalist, meter: Array) -> list[MarginRow]:
    """The agreement's conditions as margins: value, limit, unit; empty where the study names no agreement."""
    agreement = study.agreement(item.design.site)
    if agreement is None:
        return []
    terms, facility = agreement.terms, agreement.terms.facility
    rows: list[MarginRow] = []
    if terms.ramp_limit is not None:
        rows.append(("hourly_ramp", float(largest_ramp(load=np.asarray(meter))), float(terms.ramp_limit), "W/s"))
        if isinstance(item.design, TrainingDesign):
            power, energy = _smoothing(terms, step_of(item), _step_time(terms))
            rows.append(("smoothing_power", power, float(facility.smoothing_power or 0.0), "W"))
            rows.append(("smoothing_energy", energy, float(facility.smoothing_energy or 0.0), "J"))
    if (dip := terms.ride_through) is not None:
        if facility.battery_time is not None:
            carried = float(carried_time(dip_time=dip.time, dips=dip.dips))
            rows.append(("ride_through_time", carried, float(facility.battery_time), "s"))
        if facility.dips_tolerated is not None:
            rows.append(("ride_through_dips", float(dip.dips), float(facility.dips_tolerated), "dips in a row"))
    return rows


def step_of(item: Finalist) -> Watts:
    """Power at the meter that falls away when all chips go from full to idle; cooling is too slow to follow.

    Source: energy balance.
    """
    specs, done = item.plant.specs, item.done
    loss = specs.distribution.loss(specs.redundancy.module_load(1.0))
    return float(np.max(done.fleet.busy_power) * (1.0 + np.max(loss)))


def _step_time(terms: Interconnection) -> Seconds:
    return STEP_TIME if terms.facility.step_time is None else float(terms.facility.step_time)


def _smoothing(terms: Interconnection, step: Watts, time: Seconds) -> tuple[Watts, float]:
    """Storage power and energy that bring a step within the ramp limit."""
    if terms.ramp_limit is None:
        return 0.0, 0.0
    given = {"step_power": step, "step_time": time, "ramp_limit": terms.ramp_limit}
    return float(smoothing_power(**given)), float(smoothing_energy(**given))


def _step_entry(terms: Interconnection, item: Finalist) -> dict[str, Any]:
    """A step of all chips, and the two ways to bring it within the ramp limit: storage, or firmware alone."""
    step, time = step_of(item), _step_time(terms)
    entry: dict[str, Any] = {
        "power": {"value": step, "unit": "W"},
        "time": {"value": time, "unit": "s"},
        "ramp": {"value": float(step_ramp(step_power=step, step_time=time)), "unit": "W/s"},
        "synchronous": isinstance(item.design, TrainingDesign),
        "storage": None,
        "firmware": None,
    }
    if terms.ramp_limit is None:
        return entry | {"reason": "the agreement limits no ramp"}
    power, energy = _smoothing(terms, step, time)
    slow = max(step / float(terms.ramp_limit), time)
    return entry | {
        "storage": {"power": {"value": power, "unit": "W"}, "energy": {"value": energy, "unit": "J"}},
        "firmware": {
            "time": {"value": slow, "unit": "s"},
            "burnt": {"value": float(held_energy(step_power=step, step_time=slow)), "unit": "J"},
        },
    }


def _swing_entry(item: Finalist) -> dict[str, Any] | None:
    """What a training step swings while all chips wait for gradients at once; None for a fleet that serves.

    Chips that wait are taken to idle, so the swing is an upper bound.
    """
    if not isinstance(item.design, TrainingDesign):
        return None
    step = item.done.service.step
    power, idle = step_of(item), float(step.gradients / step.seconds)
    energy = swing_energy(swing_power=power, period=step.seconds, duty=1.0 - idle)
    return {
        "power": {"value": power, "unit": "W"},
        "period": {"value": float(step.seconds), "unit": "s"},
        "idle_share": idle,
        "storage": {
            "power": {"value": power * max(idle, 1.0 - idle), "unit": "W"},
            "energy": {"value": float(energy), "unit": "J"},
        },
    }


def _year_entry(terms: Interconnection, year: float) -> dict[str, Any]:
    entry: dict[str, Any] = {"year": int(year), "unit": "W"}
    pairs = {
        "mean": terms.mean_in_year(year),
        "least": terms.at(year),
        "mean_p90": terms.mean_in_year(year, NORMAL_90),
        "least_p90": terms.at(year, NORMAL_90),
    }
    for name, (firm, nonfirm) in pairs.items():
        entry[name] = {"firm": float(firm), "nonfirm": float(nonfirm)}
    return entry


def _notes(terms: Interconnection, item: Finalist) -> list[str]:
    notes = []
    if terms.curtailed_time:
        notes.append(f"Non-firm power is taken to be missing in {CURTAILED}.")
    if terms.ramp_limit is not None and not isinstance(item.design, TrainingDesign):
        notes.append("Requests are not synchronous: a step of all chips at once is shown, and is no condition.")
    if terms.ride_through is not None:
        facility = terms.facility
        if facility.battery_time is None:
            notes.append("The agreement's facility states no battery_time: whether batteries carry dips is not tested.")
        if facility.dips_tolerated is None:
            notes.append(
                "The agreement's facility states no dips_tolerated: whether the UPS stays on the grid is not tested. "
                "In July 2024 about 1,500 MW of data centers left after the third dip of a series (NERC, 2025)."
            )
    return notes


def _violated(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit * (1.0 + 1e-9)
