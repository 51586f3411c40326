"""When a planned campus gives its first token, what holds it up, and what chips cost that wait for power."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.core.units import SECONDS_PER_YEAR, Watts
from stackwright.datacenter.building import LONG_LEAD
from stackwright.power.technology import capital_recovery
from stackwright.stack.dates import (
    DAYS_PER_YEAR,
    Latest,
    Uncertain,
    Wait,
    after,
    between,
    certain,
    wait_apart,
    wait_together,
    written,
)
from stackwright.stack.offer import PLANTS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study
from stackwright.stack.study.dates import Ranges
from stackwright.stack.study.interconnection import Agreement

POWER, BUILDING, CHIPS = "energization", "building", "chips"
MONTHS = 12.0

RANGE_NOTE = (
    "Two figures stand for every date: as if the causes had nothing to do with one another, and as if all were late "
    "together; delays share causes, so the truth lies between."
)
INPUT_NOTE = "Dates and their spreads are inputs of the study: too few slips are published to calibrate them."


@dataclass(frozen=True)
class Stage:
    """One phase of a campus: what it adds, and what it waits for."""

    power: Watts
    """At the meter, in all from this phase on."""
    added: Watts
    causes: Latest

    @property
    def chips(self) -> Uncertain:
        """When the chips of the phase are delivered."""
        return self.causes.dates[CHIPS]


def dates_entry(study: Study, scenario: Scenario, item: Finalist) -> dict[str, Any] | None:
    """First token, full power, idle chips and the worth of a month; None where the study says no dates."""
    agreement = study.agreement(item.design.site)
    if agreement is None and not study.dates.given:
        return None
    notes = [INPUT_NOTE, RANGE_NOTE]
    stages = _stages(study, item, agreement, notes)
    first, last = stages[0].causes, stages[-1].causes
    return {
        "dated": None if (dated := _dated(study, agreement)) is None else written(dated),
        "first_token": _percentiles(first),
        "full_power": _percentiles(last),
        "binding": {"first_token": _binding(study, first), "full_power": _binding(study, last)},
        "phases": [_phase_entry(stage) for stage in stages],
        "idle_chip_cost": _idle_entry(item, stages),
        "month_of_delay": _month_entry(scenario, item),
        "notes": notes,
    }


def without(latest: Latest, name: str) -> Latest:
    """The latest of all dates but one. Source: definition."""
    return Latest({key: date for key, date in latest.dates.items() if key != name})


def _binding(study: Study, latest: Latest) -> dict[str, float]:
    """How often each cause is the latest; chips without a date follow the others, so they hold up nothing."""
    return latest.binding() if study.dates.chips else without(latest, CHIPS).binding()


def _dated(study: Study, agreement: Agreement | None) -> float | None:
    return study.dates.dated if agreement is None or study.dates.dated is not None else agreement.terms.dated


def _stages(study: Study, item: Finalist, agreement: Agreement | None, notes: list[str]) -> list[Stage]:
    powers, energized = _connected(study, item, agreement, notes)
    dated = _dated(study, agreement)
    building = _buildings(study, item, powers, energized, dated, notes)
    contracts = _contracts(study, item, notes)
    made = []
    if not study.dates.chips:
        notes.append("Chips are taken to be ordered for the median day on which power and building are ready.")
    notes.append("Deliveries are not moved when a delay becomes known, so idle chips cost at most what is said.")
    for index, (below, power) in enumerate(pairwise([0.0, *powers])):
        causes = ({POWER: energized[index]} if energized else {}) | building[index] | contracts
        if study.dates.chips:
            chips = _at(study.dates.chips, index).as_date(dated)
        else:
            chips = certain(Latest(causes).quantile_apart(0.5))
        made.append(Stage(power=power, added=power - below, causes=Latest(causes | {CHIPS: chips})))
    return made


def _connected(
    study: Study, item: Finalist, agreement: Agreement | None, notes: list[str]
) -> tuple[list[float], list[Uncertain]]:
    """Power in all by phase, as far as the design draws it, and when each phase is energized."""
    peak = float(np.max(item.done.peak_meter))
    if agreement is not None:
        terms = agreement.terms
        totals = [float(phase.firm + phase.nonfirm) for phase in terms.phases]
        used = 1 + sum(total < peak * (1.0 - 1e-6) for total in totals[:-1])
        return [min(total, peak) for total in totals[:used]], [
            between(dated=terms.dated, p50=phase.p50, p90=phase.p90) for phase in terms.phases[:used]
        ]
    ranges = study.dates.sites.get(item.design.site, ())
    count = max(len(ranges), len(study.dates.chips), len(study.dates.building), 1)
    if count > 1:
        notes.append("No agreement says how much is connected when: phases are taken to be of equal size.")
    if not ranges:
        notes.append("No date says when the site is energized: power is taken to be there.")
    powers = [peak * (index + 1) / count for index in range(count)]
    return powers, [_at(ranges, index).as_date(study.dates.dated) for index in range(count)] if ranges else []


def _buildings(
    study: Study,
    item: Finalist,
    powers: list[float],
    energized: list[Uncertain],
    dated: float | None,
    notes: list[str],
) -> list[dict[str, Uncertain]]:
    """When the building of each phase is ready: as stated, or by the lead times of its record."""
    if study.dates.building:
        return [{BUILDING: _at(study.dates.building, index).as_date(dated)} for index in range(len(powers))]
    values, spec = item.parts[BUILDING].record.values, item.plant.specs.building

    def years(name: str) -> np.ndarray:
        datum = values[name]
        return np.array([datum.value, datum.low, datum.high]) / SECONDS_PER_YEAR

    ratio = float(np.max(item.done.peak_ratio))
    places = [max(np.ceil(power / ratio / float(spec.block_power) - 1e-6) - 1.0, 0.0) for power in powers]
    ahead = float(years("ordered_before")[0])
    paths = {BUILDING: (0.0, years("build_time"))} | {
        name: (ahead, years(f"{name}_lead") + years("installation_time")) for name in LONG_LEAD
    }
    spans = [
        {name: (early, time + place * years("block_interval")) for name, (early, time) in paths.items()}
        for place in places
    ]
    longest = [max(time[0] - early for early, time in span.values()) for span in spans]
    if energized:
        ground = min(date.median - time for date, time in zip(energized, longest, strict=True))
    else:
        ground = dated if dated is not None else float(study.horizon.first_year) - longest[0]
    notes.append(
        f"Ground is taken to be broken on {written(ground)}"
        + (", so that no phase's building is later than its power in the median." if energized else ".")
    )
    return [
        {
            name: after(start=ground - early, time=float(time[0]), low=float(time[1]), high=float(time[2]))
            for name, (early, time) in span.items()
        }
        for span in spans
    ]


def _contracts(study: Study, item: Finalist, notes: list[str]) -> dict[str, Uncertain]:
    """Contracts with a date whose plant stands behind the meter; others do not hold up a campus that has a grid."""
    portfolio = next(one for one in study.power.portfolio if one.name == item.design.portfolio)
    found = {}
    for place, held in enumerate(portfolio.contracts):
        if held.contract in study.dates.contracts:
            date = study.dates.contracts[held.contract].as_date(study.dates.dated)
            part = item.parts[f"contracts.{place}"]
            if float(part.spec.onsite) > 0.0:
                found[held.contract] = date
            else:
                half, late = written(date.quantile(0.5)), written(date.quantile(0.9))
                notes.append(f"{part.name}: P50 {half}, P90 {late}; the grid serves the load until then.")
    return found


def _at(ranges: Ranges, index: int) -> Any:
    return ranges[min(index, len(ranges) - 1)]


def _percentiles(latest: Latest) -> dict[str, str]:
    return {
        "p50": written(latest.quantile_apart(0.5)),
        "p90": written(latest.quantile_apart(0.9)),
        "p50_together": written(latest.quantile_together(0.5)),
        "p90_together": written(latest.quantile_together(0.9)),
    }


def _phase_entry(stage: Stage) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "power": {"value": stage.power, "unit": "W"},
        "added": {"value": stage.added, "unit": "W"},
        "causes": {
            name: {"p50": written(date.quantile(0.5)), "p90": written(date.quantile(0.9))}
            for name, date in stage.causes.dates.items()
        },
        "ready": _percentiles(stage.causes),
        "idle_chips": _days(wait_apart(stage.chips, without(stage.causes, CHIPS))),
    }
    if POWER in stage.causes.dates:
        entry["idle_power"] = _days(wait_apart(stage.causes.dates[POWER], without(stage.causes, POWER)))
    return entry


def _days(wait: Wait) -> dict[str, Any]:
    named = {"p50": wait.p50, "mean": wait.mean, "p90": wait.p90}
    return {name: value * DAYS_PER_YEAR for name, value in named.items()} | {"unit": "day"}


def _idle_entry(item: Finalist, stages: list[Stage]) -> dict[str, Any]:
    """Dollars by which chips wait, over all phases; percentiles are sums, as if all phases were late together."""
    charge = chip_charge(item)
    total = stages[-1].power

    def summed(waits: list[Wait]) -> dict[str, float]:
        weights = [charge * stage.added / total for stage in stages]
        return {
            name: sum(weight * getattr(wait, name) for weight, wait in zip(weights, waits, strict=True))
            for name in ("p50", "mean", "p90")
        }

    return {
        **summed([wait_apart(stage.chips, without(stage.causes, CHIPS)) for stage in stages]),
        "together": summed([wait_together(stage.chips, without(stage.causes, CHIPS)) for stage in stages]),
        "unit": "USD",
        "of_all_chips_a_day": charge / DAYS_PER_YEAR,
    }


def chip_charge(item: Finalist) -> float:
    """What all systems cost in a year that they stand: capital recovery at the discount rate and chip life, or rent.

    Source: annuity formula.
    """
    done, terms = item.done, item.terms
    pools = list(zip(done.units, done.fleet.pools, strict=True))
    if item.design.sourcing == "rent":
        return float(sum(pool.chips.max() * unit.rent for unit, pool in pools) * SECONDS_PER_YEAR)
    price = sum(pool.bought(terms.spares).max() * unit.system_price for unit, pool in pools)
    return float(price * _annuity(terms.discount_rate, terms.chip_life))


def _annuity(rate: Any, life: Any) -> Any:
    found = capital_recovery(discount_rate=rate / SECONDS_PER_YEAR, life=life * SECONDS_PER_YEAR)
    return found * SECONDS_PER_YEAR


def _month_entry(scenario: Scenario, item: Finalist) -> dict[str, Any]:
    """What a month loses in which the whole campus waits."""
    done, terms = item.done, item.terms
    plant, building = done.capital.plant, done.capital.building
    watts = done.fleet.peak_power.max()
    capital = chip_charge(item)
    standing = PLANTS[item.design.sourcing]
    if standing != "rented":
        pools = zip(done.units, done.fleet.pools, strict=True)
        network = sum(pool.chips.max() * unit.network_price for unit, pool in pools)
        capital += float(network * _annuity(terms.discount_rate, terms.network_life))
    if standing == "leased":
        capital += float(done.cash["lease"].max())
    if standing == "own":
        capital += float(watts * plant * _annuity(terms.discount_rate, terms.plant_life))
        capital += float(watts * building * _annuity(terms.discount_rate, terms.building_life))
    entry: dict[str, Any] = {"idle_capital": capital / MONTHS, "lost_margin": None, "unit": "USD"}
    if scenario.token_price is None:
        return entry | {"reason": "the study has no token_price: only the capital that stands idle is counted"}
    spent = sum(done.cash[name][..., -1] for name in ("energy", "water", "staff", "lease"))
    return entry | {"lost_margin": float(done.tokens[..., -1] * scenario.token_price - spent) / MONTHS}
