"""Watts, dollars and grams of a running stack, out of the plan's entry `running`.

No model of its own: chips, losses, cooling, prices and carbon are the plan's tables between whose points it
interpolates. What happens is told by the work that the pools do, in shares of what they do at the plan's full load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from stackwright.core.errors import Fault, InputError, shown
from stackwright.core.units import Kelvin, Ratio, Watts
from stackwright.datacenter.meter import MeterPower, meter_power

LEVELS = ("chip", "rack", "building")
DAY_HOURS = 24
HALVINGS = 40
"""Of the range of power caps, after which the rest is below a part in a billion."""
REMEDY = "Run stackwright plan again: plans of older versions have no such entry."
NOT_SERVED = "no request was finished lately"


@dataclass(frozen=True)
class Activity:
    """What a stack does: its work, in shares of the work at the planned full load, and what it finishes."""

    decode: Ratio
    prefill: Ratio = 0.0
    requests_per_second: float = 0.0
    """Finished by the served share."""
    tokens_per_second: float = 0.0
    """Output of the served share."""


@dataclass(frozen=True)
class Levers:
    """What is done to a stack, beside its load."""

    power_cap: Ratio | None = None
    """Over the chip's limit; None is the plan's."""
    dark: Ratio = 0.0
    """Share of all chips without power."""
    idle: Ratio = 0.0
    """Share of the chips that prefill that take no work; of all where prefills share the decodes' rounds."""
    warmer: Kelvin = 0.0
    """Coolant at the chips over the plan's, weather apart."""


PLANNED = Levers()
UNITS = {
    "chip, rack, building, meter, by_contract, parts, site_limit": "W",
    "usd_per_request, energy_usd_per_request": "USD",
    "kg_co2_per_request, marginal_kg_co2_per_request": "kg",
    "usd_per_second": "USD/s",
    "market_price": "USD/J",
    "joules_per_token": "J",
    "water": "m3/s",
}


@dataclass(frozen=True)
class Condition:
    """Weather, prices and sources of an hour, or of the mean of hours; W, m3/J, USD/J, kg/J."""

    name: str
    loads: Sequence[float]
    cooling: Sequence[float]
    water: Sequence[float]
    warmer: Kelvin
    market_price: float
    spending: float
    average_carbon: float
    marginal_carbon: float
    sources: Mapping[str, float]


@dataclass(frozen=True)
class _Pool:
    """Chips of one kind of work; tables have a row per power cap, from the lowest on, and a column per level."""

    replicas: float
    chips: float
    chips_per_replica: float
    chips_per_rack: float
    requests_per_second: float
    most: Ratio
    """The most work that it can do, of the planned: a pool that waits for requests is planned below all of its time."""
    tdp: Watts
    pace: np.ndarray
    idle: np.ndarray
    working: np.ndarray
    warm_idle: np.ndarray
    warm_working: np.ndarray


@dataclass(frozen=True)
class Flow:
    """What runs through the meter: watts by level and by part of the building, dollars and kilograms per second."""

    chip: Watts
    rack: Watts
    parts: MeterPower
    water: float
    """m3/s"""
    fixed: float
    """USD/s, whatever is served."""
    energy: float
    """USD/s"""
    carbon: float
    """kg/s"""
    marginal_carbon: float

    @property
    def building(self) -> Watts:
        """At the end of the building's distribution. Source: definition."""
        return self.parts.it

    @property
    def meter(self) -> Watts:
        """At the meter. Source: energy balance."""
        return self.parts.total

    @property
    def dollars(self) -> float:
        """All dollars per second. Source: definition."""
        return self.fixed + self.energy


class Meter:
    """The meter of a plan's fleet, each of whose replicas does what the served one does."""

    def __init__(self, running: Mapping[str, Any]) -> None:
        self.running = running
        chips, plant = running["chips"], running["plant"]
        # From the lowest cap on: tables are interpolated over rising values.
        self.caps = np.array(chips["power_cap"])[::-1]
        self.clocks = np.array(chips["clock"])[::-1]
        self.pools = {name: self._pool(name) for name in running["pools"]}
        self.full_it_power: Watts = plant["full_it_power"]["value"]
        self.site_limit: Watts | None = plant["site_limit"]["value"]
        self.conditions = {name: self._named(name) for name in running["conditions"]}
        self.mean_load: Ratio = running["load"]["mean"]
        self.peak_load: Ratio = running["load"]["peak"]
        loads = {name: entry["peak_load"] for name, entry in running["pools"].items()}
        self.prefill_per_decode: Ratio = loads.get("prefill", loads["decode"]) / loads["decode"]
        """Work of the prefill pool over that of the decode pool: each is rounded up to whole replicas by itself."""

    @classmethod
    def of_plan(cls, plan: Mapping[str, Any], file: str = "plan.json") -> Meter:
        """The meter of a plan; raises `InputError` where the plan has no such entry, or serves nothing."""
        running = plan.get("running")
        expected = "the entry that tells watts and dollars at any load"
        if not isinstance(running, Mapping):
            raise InputError([Fault(file, "running", shown(running), expected, remedy=REMEDY)])
        if "reason" in running:
            raise InputError([Fault(file, "running", str(running["reason"]), expected)])
        try:
            return cls(running)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as error:
            raise InputError([Fault(file, "running", repr(error), expected, remedy=REMEDY)]) from error

    @property
    def replicas(self) -> float:
        """Decode replicas of the fleet."""
        return self.pools["decode"].replicas

    @property
    def chips(self) -> float:
        """Chips of the fleet in service."""
        return sum(pool.chips for pool in self.pools.values())

    @property
    def chips_per_rack(self) -> float:
        """Of the decode pool's system."""
        return self.pools["decode"].chips_per_rack

    @property
    def planned_cap(self) -> Ratio:
        """The plan's power cap over the chip's limit."""
        return float(self.caps[-1])

    def now(self, moment: datetime) -> Condition:
        """The mean day of the moment's month at its hour."""
        calendar = self.running["calendar"]
        cell = (moment.month - 1) * DAY_HOURS + moment.hour
        return Condition(
            name="now",
            loads=calendar["loads"],
            cooling=[row[cell] for row in calendar["cooling"]],
            water=[row[cell] for row in calendar["water"]],
            warmer=calendar["warmer"][cell],
            market_price=calendar["market_price"][cell],
            spending=calendar["spending"][cell],
            average_carbon=calendar["average_carbon"][cell],
            marginal_carbon=calendar["marginal_carbon"][cell],
            sources={name: shares[cell] for name, shares in calendar["sources"].items()},
        )

    def pace(self, pool: str, power_cap: Ratio) -> Ratio:
        """How much longer a pool's steps take at a power cap than planned."""
        return float(np.interp(power_cap, self.caps, self.pools[pool].pace))

    def flow(self, activity: Activity, condition: Condition, levers: Levers = PLANNED) -> Flow:
        """What runs through the fleet's meter."""
        chip, rack, building = map(float, self._levels(activity, levers, levers.warmer + condition.warmer))
        load = building / self.full_it_power
        parts = self.parts(building, condition)
        money = self.running["money"]
        price = money["energy"]["value"] + condition.spending - money["mean_spending"]["value"]
        water = building * float(np.interp(load, condition.loads, condition.water))
        energy = parts.total * price + water * money["water"]["value"] if money["energy_is_paid_apart"] else 0.0
        return Flow(
            chip=chip,
            rack=rack,
            parts=parts,
            water=water,
            fixed=money["fixed"]["value"],
            energy=energy,
            carbon=parts.total * condition.average_carbon,
            marginal_carbon=parts.total * condition.marginal_carbon,
        )

    def power(
        self, activity: Activity, condition: Condition, levers: Levers = PLANNED, part: Ratio | None = None
    ) -> dict[str, Any]:
        """Watts at every level and by contract, dollars and grams, of the whole fleet and of the served part.

        `part` is what of the fleet the activity is of: one replica by default.
        """
        flow = self.flow(activity, condition, levers)
        served = 1.0 / self.replicas if part is None else part
        requests, tokens = activity.requests_per_second / served, activity.tokens_per_second / served
        return {
            **_told(flow, condition, 1.0, requests),
            "of": f"the whole fleet of {self.replicas:,.0f} replicas, each of which does as the served part does",
            "share": {"of": "the served part, and its share of all else", "share": served}
            | _told(flow, condition, served, activity.requests_per_second),
            "load": {"decode": activity.decode, "prefill": activity.prefill},
            "tokens_per_second": tokens,
            "joules_per_token": _over(flow.meter, tokens),
            "if_spread": {
                "meter": self._if_spread(activity, condition, levers),
                "what": "meter if the router spreads requests evenly over all replicas in place of keeping some full",
            },
            "energy_is": "paid apart" if self.running["money"]["energy_is_paid_apart"] else "in the rent",
            "conditions": condition.name,
            "market_price": condition.market_price,
            "power_cap": self.planned_cap if levers.power_cap is None else levers.power_cap,
            "clock": self._clock(levers.power_cap),
            "dark": levers.dark,
            "idle": levers.idle,
            "site_limit": self.site_limit,
            "units": UNITS,
        }

    def cap_for(
        self, target: Watts, activity: Activity, condition: Condition, levers: Levers = PLANNED
    ) -> tuple[Ratio, Ratio]:
        """The highest power cap at which the meter stays within a target at this work, once the decode pool has done
        what it has, and the share of chips that must idle where the lowest clock is not enough.
        """

        def at(cap: Ratio, idle: Ratio) -> Watts:
            moved = _with(levers, cap, idle)
            return self.flow(self.passed(activity, moved), condition, moved).meter

        if at(self.planned_cap, levers.idle) <= target:
            return self.planned_cap, levers.idle
        lowest = float(self.caps[0])
        if at(lowest, levers.idle) <= target:
            return _highest(lowest, self.planned_cap, lambda cap: at(cap, levers.idle) <= target), levers.idle
        kept = 1.0 - levers.dark
        return lowest, kept - _highest(0.0, kept - levers.idle, lambda share: at(lowest, kept - share) <= target)

    def passed(self, activity: Activity, levers: Levers) -> Activity:
        """The work once the decode pool has done what it has: no more than the prefill pool lets through."""
        if "prefill" not in self.pools:
            return activity
        cap = self.planned_cap if levers.power_cap is None else levers.power_cap
        there = 1.0 - levers.dark - levers.idle
        most = there * self.pools["prefill"].most / self.pace("prefill", cap) / self.prefill_per_decode
        return replace(activity, decode=min(activity.decode, most))

    def coolest_cap(self, warmer: Kelvin) -> Ratio:
        """The highest cap at which no chip passes its junction's limit in a coolant that is so much warmer."""
        chips, plant = self.running["chips"]["junction"], self.running["plant"]
        room = chips["limit"]["value"] - plant["coolant_at_chips"]["value"] - warmer
        tdp = max(pool.tdp for pool in self.pools.values())
        return float(np.clip(room / (chips["resistance"]["value"] * tdp), self.caps[0], self.planned_cap))

    def _pool(self, name: str) -> _Pool:
        entry, chips = self.running["pools"][name], self.running["chips"]
        cold, warm = chips["at"][name], chips["warmer"]["at"][name]
        return _Pool(
            replicas=entry["replicas"],
            chips=entry["replicas"] * entry["chips_per_replica"],
            chips_per_replica=entry["chips_per_replica"],
            chips_per_rack=entry["chips_per_rack"],
            requests_per_second=entry["requests_per_second"],
            most=1.0 / (self.running["prefill_utilization"] if name == "prefill" else 1.0),
            tdp=entry["tdp"]["value"],
            pace=np.array(cold["pace"])[::-1],
            idle=np.array(cold["idle"]),
            working=np.array(cold["working"])[::-1],
            warm_idle=np.array(warm["idle"]),
            warm_working=np.array(warm["working"])[::-1],
        )

    def _named(self, name: str) -> Condition:
        entry = self.running["conditions"][name]
        return Condition(
            name=name,
            loads=self.running["plant"]["loads"],
            cooling=entry["cooling"]["values"],
            water=entry["water"]["values"],
            warmer=entry["warmer"]["value"],
            market_price=entry["market_price"]["value"],
            spending=entry["spending"]["value"],
            average_carbon=entry["carbon"]["average"]["value"],
            marginal_carbon=entry["carbon"]["marginal"]["value"],
            sources=entry["sources"],
        )

    def _clock(self, power_cap: Ratio | None) -> Ratio:
        return float(np.interp(self.planned_cap if power_cap is None else power_cap, self.caps, self.clocks))

    def _levels(self, activity: Activity, levers: Levers, warmer: Kelvin) -> np.ndarray:
        """Watts of all chips at chip, rack and building."""
        cap = self.planned_cap if levers.power_cap is None else levers.power_cap
        total = np.zeros(len(LEVELS))
        for name, pool in self.pools.items():
            idle, working = self._at(pool, cap, warmer)
            work = activity.decode if name == "decode" else activity.prefill
            resting = levers.idle if name == "prefill" or len(self.pools) == 1 else 0.0
            busy = min(work * self.pace(name, cap), (1.0 - levers.dark - resting) * pool.most)
            total = total + pool.chips * ((1.0 - levers.dark) * idle + busy * (working - idle))
        return total

    def _at(self, pool: _Pool, cap: Ratio, warmer: Kelvin) -> tuple[np.ndarray, np.ndarray]:
        """Watts of an idle and of a working chip at the three levels."""
        part = warmer / self.running["chips"]["warmer"]["by"]["value"]

        def row(table: np.ndarray) -> np.ndarray:
            return np.array([np.interp(cap, self.caps, column) for column in table.T])

        idle = pool.idle + part * (pool.warm_idle - pool.idle)
        cold = row(pool.working)
        return idle, cold + part * (row(pool.warm_working) - cold)

    def parts(self, building: Watts, condition: Condition) -> MeterPower:
        """From the building's IT watts to the meter."""
        plant, load = self.running["plant"], building / self.full_it_power
        return meter_power(
            it_power=building,
            full_it_power=self.full_it_power,
            cooling_electricity=float(np.interp(load, condition.loads, condition.cooling)),
            house_share=plant["house_share"],
            distribution_loss=float(np.interp(load, plant["loads"], plant["distribution_loss"])),
            mechanical_loss=float(np.interp(load, plant["loads"], plant["mechanical_loss"])),
        )

    def _if_spread(self, activity: Activity, condition: Condition, levers: Levers) -> Watts | None:
        """Watts at the meter with batches as small as the load; told for the plan's clock alone."""
        if levers.power_cap not in (None, self.planned_cap):
            return None
        spread, pool = self.running["spread"], self.pools["decode"]
        levels = self._levels(activity, levers, levers.warmer + condition.warmer)
        idle, working = self._at(pool, self.planned_cap, levers.warmer + condition.warmer)
        busy = min(activity.decode, 1.0)
        packed = idle + busy * (working - idle)
        first = spread["load"][0]
        batched = [np.interp(max(busy, first), spread["load"], column) for column in np.array(spread["working"]).T]
        even = idle + min(busy / first, 1.0) * (np.array(batched) - idle)
        return self.parts(float((levels + pool.chips * (even - packed))[-1]), condition).total


def _told(flow: Flow, condition: Condition, share: Ratio, requests: float) -> dict[str, Any]:
    """A share of a flow, and what of it a request takes."""
    parts = flow.parts
    made: dict[str, Any] = {
        "chip": flow.chip * share,
        "rack": flow.rack * share,
        "building": flow.building * share,
        "meter": flow.meter * share,
        "parts": {name: getattr(parts, name) * share for name in ("it", "cooling", "house", "losses")},
        "by_contract": {name: flow.meter * share * part for name, part in condition.sources.items()},
        "water": flow.water * share,
        "usd_per_second": {"all": flow.dollars * share, "energy": flow.energy * share},
        "requests_per_second": requests,
        "usd_per_request": _over(flow.dollars * share, requests),
        "energy_usd_per_request": _over(flow.energy * share, requests),
        "kg_co2_per_request": _over(flow.carbon * share, requests),
        "marginal_kg_co2_per_request": _over(flow.marginal_carbon * share, requests),
    }
    if not requests:
        made["reason"] = NOT_SERVED
    return made


def _over(amount: float, rate: float) -> float | None:
    """An amount per second by a rate per second; None where nothing happens."""
    return amount / rate if rate else None


def _with(levers: Levers, power_cap: Ratio, idle: Ratio) -> Levers:
    return Levers(power_cap=power_cap, dark=levers.dark, idle=idle, warmer=levers.warmer)


def _highest(low: float, high: float, holds: Callable[[float], bool]) -> float:
    """The highest value at which something holds that holds below it; `low` where it holds nowhere."""
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
