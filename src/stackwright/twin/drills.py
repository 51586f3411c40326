"""Drills: what a running stack goes through on purpose, for a time, and what its operator does about it.

Each drill turns the levers that the plan's equations know: the chips' power cap, shares of chips that are dark or
idle, a warmer coolant, an hour of the year. What follows for tokens, watts and dollars is left to scheduler and meter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from stackwright.core.errors import Fault, InputError, nearest, shown
from stackwright.core.units import Ratio, Seconds, Watts
from stackwright.twin.meter import PLANNED, Activity, Condition, Levers, Meter

GRID = "grid"
"""The source that is the market."""
LONGEST: Seconds = 86_400.0
DOLLARS_PER_MEGAWATT_HOUR = 3.6e9


@dataclass(frozen=True)
class Parameter:
    """A number that a drill asks for."""

    name: str
    default: float
    low: float
    high: float
    unit: str
    what: str


BUSY = Activity(decode=1e9, prefill=1e9)
"""More work than any chips can do."""
SECONDS = Parameter("seconds", 60.0, 1.0, LONGEST, "s", "how long it lasts")


@dataclass(frozen=True)
class Situation:
    """A stack as a drill finds it."""

    activity: Activity
    condition: Condition
    meter: Watts


class Drill(ABC):
    """A drill that runs. `begin` looks at the stack as it is; `levers` and `condition` are asked again all the time."""

    kinds: ClassVar[dict[str, type[Drill]]] = {}
    name: ClassVar[str]
    what: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Drill.kinds[cls.name] = cls

    def __init__(self, meter: Meter, values: Mapping[str, float], found: Situation) -> None:
        self.meter, self.values, self.found = meter, values, found
        self.notes: list[str] = []
        """What follows from the plan's numbers, and what is assumed."""
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """Settle what the drill means for this plan, and say it in `notes`."""

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """The levers at this work."""
        return PLANNED

    def condition(self, usual: Condition) -> Condition:
        """The hour that the plant is in."""
        return usual


class Curtail(Drill):
    """Less power at the meter."""

    name = "curtail"
    what = "draw less power at the meter than before: clocks are lowered, and where that is not enough, chips idle"
    parameters = (Parameter("depth", 0.25, 0.01, 0.95, "", "share of the power at the meter that is given up"),)

    def begin(self) -> None:
        """The most that the meter may draw."""
        self.aim(self.found.meter * (1.0 - self.values["depth"]))

    def aim(self, target: Watts) -> None:
        """Hold the meter below a target."""
        self.target, self.idle = target, 0.0
        set_to = self.levers(self.found.activity, self.found.condition)
        left = self.meter.passed(self.found.activity, set_to)
        reached = self.meter.flow(left, self.found.condition, set_to).meter
        self.notes.append(f"The meter may draw {target / 1e6:.3f} MW; before, it drew {self.found.meter / 1e6:.3f} MW.")
        asked = f"At the work of the moment that asks for a power cap of {set_to.power_cap:.0%}"
        self.notes.append(asked + _idle_words(self.idle))
        if reached > target * (1.0 + 1e-6):
            self.notes.append(
                f"At the lowest clock and with no prompt taken it draws {reached / 1e6:.3f} MW: out of reach."
            )
        self.notes.append("Assumed: clocks change at once, and chips that take no work idle but stay on.")

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """The highest cap that keeps the meter below the target; else the lowest clock, and chips that idle.

        These idle to the end, and as many as if the others were always busy: each change would send requests back that
        are under way.
        """
        cap, idle = self.meter.cap_for(self.target, activity, condition)
        if idle and not self.idle:
            self.idle = self.meter.cap_for(self.target, BUSY, condition)[1]
        return Levers(power_cap=float(self.meter.caps[0]) if self.idle else cap, idle=self.idle)


def _idle_words(idle: Ratio) -> str:
    return f", and {idle:.0%} of the chips that prefill idle." if idle else "."


class LoseRack(Drill):
    """Racks without power."""

    name = "lose-rack"
    what = "racks lose power: what ran on them is computed again on the others, and they come back at the end"
    parameters = (Parameter("racks", 1.0, 1.0, 10_000.0, "rack", "how many racks are lost"),)

    def begin(self) -> None:
        """The share of the chips that the racks hold."""
        meter, racks = self.meter, self.values["racks"]
        replica = meter.chips / meter.replicas
        lost = racks * meter.chips_per_rack
        whole = lost >= replica
        self.dark = min(lost / (meter.chips if whole else replica), 1.0)
        of = f"the {meter.chips:.0f} chips of the fleet" if whole else f"the {replica:.1f} chips of the served replica"
        held = "1 rack holds" if racks == 1.0 else f"{racks:g} racks hold"
        self.notes.append(f"{held} {lost:.0f} of {of}: {self.dark:.1%} of every pool goes dark.")
        if whole:
            self.notes.append("A replica is smaller than what is lost: it stands for the fleet and loses that share.")
        hours = meter.running["plant"]["restart_time"]["value"] / 3600.0
        self.notes.append(f"The plan counts {hours:g} h from power to work again; here it is the drill's time.")
        self.notes.append("Assumed: a rack holds chips of all pools in the proportion of the fleet.")

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """Dark chips."""
        return Levers(dark=self.dark)


class TripPump(Drill):
    """Less coolant."""

    name = "trip-pump"
    what = (
        "units of the cooling plant stop with their pumps: the flow left warms up more, and chips slow at their limit"
    )
    parameters = (Parameter("units", 1.0, 1.0, 100.0, "unit", "how many units of the cooling plant stop"),)

    def begin(self) -> None:
        """The flow that is left."""
        units, lost = self.meter.running["plant"]["cooling_units"], self.values["units"]
        left = units["installed"] - lost
        if left < 1.0:
            raise InputError(
                [Fault("drill", "units", f"{lost:g}", f"fewer than the {units['installed']:g} units that the plan has")]
            )
        self.flow = min(left / units["needed"], 1.0)
        spare = "a spare takes over and all of it is left" if self.flow == 1.0 else f"{self.flow:.0%} of it is left"
        self.notes.append(
            f"{units['needed']:g} units are needed for the full flow and {units['installed']:g} installed; {spare}."
        )
        self.notes.append("Assumed: units share one loop evenly, flow follows the load up to what is left.")

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """Warmer coolant, and clocks that keep junctions below their limit."""
        meter, plant = self.meter, self.meter.running["plant"]
        load = meter.flow(activity, condition).building / meter.full_it_power
        warmer = 0.5 * plant["coolant_rise"]["value"] * (max(load / self.flow, 1.0) - 1.0)
        return Levers(power_cap=meter.coolest_cap(warmer + condition.warmer), warmer=warmer)


class HeatWave(Drill):
    """The hottest hour."""

    name = "heat-wave"
    what = "the hour of the plan's weather in which cooling takes most"

    def begin(self) -> None:
        """That hour."""
        hot = self.meter.conditions["heat-wave"]
        self.hour = hot
        self.notes.append(_hour_words(self.meter, "heat-wave"))
        self.notes.append(
            f"The plant cannot hold its set point at full load: coolant is {hot.warmer:.1f} K warmer."
            if hot.warmer
            else "The plant holds its set point at full load."
        )
        self.notes.append("Prices and carbon are of the same hour.")

    def condition(self, usual: Condition) -> Condition:
        """The hottest hour."""
        return self.hour

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """Clocks that keep junctions below their limit."""
        return Levers(power_cap=self.meter.coolest_cap(condition.warmer))


class PriceSpike(Curtail):
    """A dear hour."""

    name = "price-spike"
    what = "the hour of the plan's prices that 0.1 % of the hours exceed"
    parameters = (
        Parameter("respond", 0.0, 0.0, 1.0, "", "1: draw no more than contracts and own plants give in that hour"),
    )

    def begin(self) -> None:
        """That hour, and what is to be done about it."""
        self.hour = self.meter.conditions["price-spike"]
        bought = self.hour.sources.get(GRID, 0.0)
        self.notes.append(_hour_words(self.meter, "price-spike"))
        price = self.hour.market_price * DOLLARS_PER_MEGAWATT_HOUR
        self.notes.append(f"The market asks {price:.0f} USD/MWh and gives {bought:.0%} of the energy.")
        self.responds = self.values["respond"] >= 0.5
        if self.responds:
            self.aim(self.found.meter * (1.0 - bought))

    def condition(self, usual: Condition) -> Condition:
        """The dear hour; the weather stays as it is."""
        dear = self.hour
        return replace(
            usual,
            name=dear.name,
            market_price=dear.market_price,
            spending=dear.spending,
            average_carbon=dear.average_carbon,
            marginal_carbon=dear.marginal_carbon,
            sources=dear.sources,
        )

    def levers(self, activity: Activity, condition: Condition) -> Levers:
        """As planned, or down to what is not bought."""
        return super().levers(activity, condition) if self.responds else PLANNED


def _hour_words(meter: Meter, name: str) -> str:
    entry = meter.running["conditions"][name]
    day, hour = divmod(entry["hour"], 24)
    return f"Hour {hour} of day {day + 1} of the plan's first year: {entry['what']}."


def checked(name: str, given: Mapping[str, float]) -> dict[str, float]:
    """A drill's parameters with defaults, `seconds` among them; raises `InputError` with all that is wrong."""
    if name not in Drill.kinds:
        expected = f"one of {', '.join(Drill.kinds)}"
        raise InputError([Fault("drill", "name", shown(name), expected, nearest=nearest(name, Drill.kinds))])
    known = {one.name: one for one in (*Drill.kinds[name].parameters, SECONDS)}
    faults = [
        Fault("drill", key, shown(value), f"one of {', '.join(known)}", nearest=nearest(key, known))
        for key, value in given.items()
        if key not in known
    ]
    values = {key: float(given.get(key, one.default)) for key, one in known.items()}
    faults += [
        Fault("drill", key, shown(value), f"a number from {known[key].low:g} to {known[key].high:g}")
        for key, value in values.items()
        if not known[key].low <= value <= known[key].high
    ]
    if faults:
        raise InputError(faults)
    return values
