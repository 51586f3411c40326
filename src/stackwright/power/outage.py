"""What is lost when the largest machine or the connection fails in the worst hours: the plan's N-1 check.

Sizes stay as they were planned; the hours around the failure are dispatched anew, with perfect foresight of the
failure and of its end. That flatters storage, which is full when the failure comes: the least that is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stackwright.core.units import SECONDS_PER_HOUR, Array, Joules, Ratio, Seconds, Watts
from stackwright.power.dispatch import by_hour, solve
from stackwright.power.supply import Connection, Dispatch, Generator, Store, Supply

CONNECTION = "connection"
"""Name of the meter among what may be lost."""


@dataclass(frozen=True)
class Outage:
    """The worst hours without one part of a plant."""

    lost: str
    """Generator, store or ``connection``."""
    power: Watts
    """Capacity that is lost."""
    first: int
    """Hour of the year in which the failure begins."""
    duration: Seconds
    load: Joules
    """Of the hours of the failure."""
    unserved: Joules
    """Of it, by nothing served, though the load gives way as far as it may."""
    flexed: Joules
    """Of it, left undone or moved by the load's own choice, over what the plan did without the failure."""
    highest: Watts
    """Unserved in one hour at most."""

    @property
    def share(self) -> Ratio:
        """Unserved over the load of the failure's hours. Source: definition."""
        return self.unserved / self.load


def tightest_hour(*, spare: Watts, hours: int) -> int:
    """First of so many hours in a row whose spare capacity [H] sums to the least; windows stay in the year.

    Source: definition.
    """
    sums = np.convolve(spare, np.ones(hours), mode="valid")
    return int(sums.argmin())


def outages(
    problem: Supply, planned: Dispatch, *, duration: Seconds = 24 * 3600.0, derate: Ratio = 0.0
) -> tuple[Outage, ...]:
    """The loss of the largest unit of each plant, and of the connection, each in its worst hours; the worst first.

    `derate` is what remains of the connection. A plant without a unit loses all of its capacity.
    Source: N-1 criterion (NERC TPL-001-5); dispatch of the hours with the sizes of the plan.
    """
    hours = round(duration / SECONDS_PER_HOUR)
    plants: tuple[Generator | Store, ...] = (*problem.generators, *problem.stores)
    losses = {plant.name: min(plant.unit or np.inf, planned.capacity[plant.name]) for plant in plants}
    losses[CONNECTION] = (1.0 - derate) * planned.peak
    found = [_outage(problem, planned, name, power, hours) for name, power in losses.items() if power > 0.0]
    return tuple(sorted(found, key=lambda item: -item.unserved))


def _outage(problem: Supply, planned: Dispatch, lost: str, power: Watts, hours: int) -> Outage:
    spare = _spare(problem, planned) - power * _serving(problem, planned, lost)
    first = tightest_hour(spare=spare, hours=hours)
    window = _window(problem, first, hours)
    fixed = _fixed(problem, planned, window)
    during = (window >= first) & (window < first + hours)
    whole, broken = solve(fixed), solve(_without(fixed, lost, power, during))
    load = fixed.load[during]
    left = fixed.load - broken.served
    kept = fixed.load - whole.served
    return Outage(
        lost=lost,
        power=power,
        first=first,
        duration=hours * SECONDS_PER_HOUR,
        load=float(load.sum()) * SECONDS_PER_HOUR,
        unserved=float(broken.unserved.sum()) * SECONDS_PER_HOUR,
        flexed=float((left - kept)[during].sum()) * SECONDS_PER_HOUR,
        highest=float(broken.unserved.max()),
    )


def _spare(problem: Supply, planned: Dispatch) -> Watts:
    """What could serve the load in each hour [H] over the load, storage left out."""
    able = sum(planned.capacity[plant.name] * plant.availability for plant in problem.generators)
    return able + _drawable(problem.connection, planned) + problem.onsite - problem.load


def _drawable(meter: Connection, planned: Dispatch) -> Watts:
    """What the meter may draw [H]; a meter that nothing bounds draws the plan's peak."""
    return np.minimum(by_hour(meter.most, len(planned.drawn)), planned.peak)


def _serving(problem: Supply, planned: Dispatch, lost: str) -> Ratio:
    """How far the lost part could have served in each hour [H] or in all."""
    if lost == CONNECTION:
        return _drawable(problem.connection, planned) / max(planned.peak, 1e-9)
    return next((plant.availability for plant in problem.generators if plant.name == lost), 1.0)


def _window(problem: Supply, first: int, hours: int) -> Array:
    """Hours of the year [W]: whole days around the failure, one more on either side in which storage fills."""
    total = len(problem.load)
    start = max((first // 24 - 1) * 24, 0)
    stop = min(-(-(first + hours) // 24) * 24 + 24, total)
    return np.arange(start, stop)


def _fixed(problem: Supply, planned: Dispatch, window: Array) -> Supply:
    """The problem in some hours, with the sizes of the plan and without the targets of a year."""

    def part(series: Array) -> Array:
        return series[window] if np.ndim(series) == 1 else series

    meter, flexible, water = problem.connection, problem.flexible, problem.water
    return replace(
        problem,
        load=problem.load[window],
        weights=np.ones(len(window)),
        days=len(window) // 24,
        connection=replace(
            meter,
            most=part(np.minimum(meter.most, planned.peak)),
            price=part(meter.price),
            carbon=part(meter.carbon),
            clean_share=part(meter.clean_share),
            capacity_charge=0.0,
        ),
        generators=tuple(
            replace(
                plant,
                least=planned.capacity[plant.name],
                most=planned.capacity[plant.name],
                availability=part(plant.availability),
            )
            for plant in problem.generators
        ),
        stores=tuple(
            replace(
                store,
                least=planned.capacity[store.name],
                most=planned.capacity[store.name],
                most_duration=planned.storage_energy[store.name] / max(planned.capacity[store.name], 1e-9),
                least_duration=0.0,
                energy_cost=0.0,
            )
            for store in problem.stores
        ),
        delivered=part(problem.delivered),
        onsite=part(problem.onsite),
        attributes=part(problem.attributes),
        flexible=None
        if flexible is None
        else replace(
            flexible,
            movable=part(flexible.movable),
            pausable=part(flexible.pausable),
            headroom=flexible.headroom * float(problem.load.mean() / problem.load[window].mean()),
        ),
        water=None if water is None else replace(water, spared=part(water.spared), water=part(water.water)),
        clean=None,
        reserve=None,
        most_carbon=float("inf"),
        whole_year=True,
    )


def _without(problem: Supply, lost: str, power: Watts, during: Array) -> Supply:
    """The problem without a part in some of its hours. A store is without it in all of them."""
    if lost == CONNECTION:
        meter = problem.connection
        most = np.where(during, np.maximum(meter.most - power, 0.0), meter.most)
        return replace(problem, connection=replace(meter, most=most))
    generators = tuple(
        replace(plant, availability=plant.availability * np.where(during, 1.0 - power / plant.most, 1.0))
        if plant.name == lost
        else plant
        for plant in problem.generators
    )
    stores = tuple(
        replace(store, least=store.least - power, most=store.most - power) if store.name == lost else store
        for store in problem.stores
    )
    return replace(problem, generators=generators, stores=stores)
