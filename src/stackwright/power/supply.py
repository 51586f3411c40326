"""What can serve a load by the hour: the statement of the dispatch problem, and its answer.

Hours are the last axis [H], of a whole year or of the days that stand for one; `weights` [H] says how many
hours of the year each one stands for. All values are SI: watts, joules, dollars. A plant may be sized
(`least` < `most`) or given (`least` = `most`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stackwright.core.units import (
    SECONDS_PER_HOUR,
    Array,
    CubicMeters,
    Dollars,
    DollarsPerJoule,
    DollarsPerWattYear,
    Joules,
    KilogramsCO2,
    KilogramsCO2PerJoule,
    Ratio,
    Seconds,
    Watts,
)
from stackwright.power.adequacy import needed_capacity

CLEAN_COUNTS = ("annual", "hourly", "grid")
"""Ways to count a clean share: by the year; in the hour, contracts and own plants only; in the hour, with the
clean part of what the grid delivers."""


@dataclass(frozen=True)
class Generator:
    """A plant behind the meter, which fuel or the weather drives."""

    name: str
    least: Watts
    most: Watts
    """Capacity that is built at least and at most; infinity where nothing bounds it."""
    fixed_cost: DollarsPerWattYear
    """Annuity of the capital, and fixed upkeep."""
    variable_cost: DollarsPerJoule
    """Fuel and variable upkeep."""
    availability: Ratio
    """Output over capacity at most, [H] or one number: the weather, outages as a derate or as blocks."""
    clean: Ratio
    carbon: KilogramsCO2PerJoule
    unit: Watts | None = None
    """Of one machine: the largest loss of an outage. None is a plant without one that matters."""


@dataclass(frozen=True)
class Store:
    """Storage behind the meter. Power and energy are sized apart."""

    name: str
    least: Watts
    most: Watts
    most_duration: Seconds
    """Energy over power at most."""
    power_cost: DollarsPerWattYear
    energy_cost: Any
    """USD/J/year"""
    efficiency: Ratio
    """Discharged over charged; both ways lose alike."""
    least_duration: Seconds = 0.0
    """Energy over power at least, for storage that stands by."""
    unit: Watts | None = None


@dataclass(frozen=True)
class Connection:
    """The meter: what may be drawn in each hour, and what it costs."""

    most: Watts
    """[H] or one number; infinity where nothing bounds it. Non-firm megawatts are missing in curtailed hours."""
    price: DollarsPerJoule
    """[H], of the market at the node; may be negative."""
    delivery_charge: DollarsPerJoule
    """On everything drawn."""
    capacity_charge: DollarsPerWattYear
    """On the highest draw, less `credited`."""
    credited: Watts = 0.0
    """Capacity rights that come with contracts."""
    most_export: Watts = 0.0
    """Of plants behind the meter; contract energy from off the site is sold back without a limit."""
    carbon: KilogramsCO2PerJoule = 0.0
    """[H] or one number, of what is drawn."""
    clean_share: Ratio = 0.0
    """[H] or one number, of what is drawn; counts in the ``grid`` way only."""


@dataclass(frozen=True)
class Flexible:
    """Load that can wait or be left undone."""

    movable: Ratio = 0.0
    """Share of each hour's load that may move to another hour of its window, [H] or one number."""
    window: Seconds = 24 * 3600.0
    """Moved load is done in the same window; windows divide the day or are whole days."""
    headroom: Ratio = 1.0
    """Load in an hour with what moved into it, at most, over the mean load of the year."""
    pausable: Ratio = 0.0
    """Share of each hour's load that may be left undone, [H] or one number."""
    pause_value: DollarsPerJoule = 0.0
    """What a joule left undone loses."""
    pause_time: Seconds = 0.0
    """A year's pauses at most, in seconds of the whole pausable share."""


@dataclass(frozen=True)
class CleanTarget:
    """A clean share that the year has to reach."""

    least: Ratio
    counted: str


@dataclass(frozen=True)
class Reserve:
    """Firm capacity that has to stand by for the peak of everything installed, beyond the hours' means."""

    peak: Ratio
    """Highest draw of all that is installed, over the mean load."""
    firm: Watts
    """Connection in every hour."""
    nonfirm: Watts
    lost: Watts
    """The largest machine."""
    pausable: Ratio
    """Share of the peak that stops when the non-firm connection is missing."""
    plants: tuple[str, ...]
    """Generators and stores that count, storage by its power."""

    def needed(self, mean_load: Watts) -> Watts:
        """Capacity of the plants that count, at a mean load. Source: `power.adequacy`."""
        peak = self.peak * mean_load
        terms = {"firm": self.firm, "nonfirm": self.nonfirm, "lost": self.lost, "pausable": self.pausable}
        return float(needed_capacity(peak=peak, **terms))

    def slope(self, mean_load: Watts) -> Ratio:
        """By how much a watt of mean load raises it. Source: `power.adequacy`, its derivative."""
        if not self.needed(mean_load):
            return 0.0
        peak = self.peak * mean_load
        curtailed = peak * (1.0 - self.pausable) - self.firm > peak - self.firm - self.nonfirm
        return self.peak * (1.0 - self.pausable if curtailed else 1.0)


@dataclass(frozen=True)
class WaterTrade:
    """Water that may be evaporated in an hour to spare electricity: wet against dry running of one plant."""

    spared: Watts
    """[H], when all that can run wet does."""
    water: CubicMeters
    """[H], m3 in the hour, then."""
    price: Any
    """USD/m3"""
    most: CubicMeters = float("inf")
    """In a year."""


@dataclass(frozen=True)
class Supply:
    """The dispatch problem of one year of one load."""

    load: Watts
    """[H] at the meter, before anything moves."""
    weights: Array
    """[H], hours of the year that each hour stands for; they sum to the year."""
    days: int
    """Days that the hours are, in order: storage and windows stay inside each where they are typical days."""
    connection: Connection
    generators: tuple[Generator, ...] = ()
    stores: tuple[Store, ...] = ()
    delivered: Watts = 0.0
    """[H] or 0: contract energy that comes over the grid in its hour."""
    onsite: Watts = 0.0
    """[H] or 0: contract energy that comes from behind the meter."""
    onsite_carbon: KilogramsCO2PerJoule = 0.0
    onsite_clean: Ratio = 0.0
    attributes: Watts = 0.0
    """[H] or 0: clean energy by the hour of its generation, delivered or not, off the site."""
    flexible: Flexible | None = None
    clean: CleanTarget | None = None
    water: WaterTrade | None = None
    reserve: Reserve | None = None
    carbon_price: Any = 0.0
    """USD/kg on what is drawn and burnt."""
    most_carbon: KilogramsCO2 = float("inf")
    """Of a year."""
    unserved_cost: DollarsPerJoule = 10_000.0 / 3.6e9
    """What a joule costs that nothing serves: so much that it is a last resort, and shown."""
    whole_year: bool = True
    """Whether the hours are a year in order (storage runs through it), or typical days (storage cycles in each)."""


@dataclass(frozen=True)
class Dispatch:
    """The optimum of a `Supply`: sizes, hours, money and prices. Hours as in the problem."""

    objective: Dollars
    """Of a year, all that the problem prices."""
    costs: dict[str, Dollars]
    """It sums to the objective: market, delivery, capacity, export (negative), fuel (variable cost), plants (fixed
    cost), storage, pause, water, carbon, unserved."""
    capacity: dict[str, Watts]
    """By generator and store."""
    storage_energy: dict[str, Joules]
    output: dict[str, Watts]
    """By generator [H]."""
    charge: dict[str, Watts]
    discharge: dict[str, Watts]
    stored: dict[str, Joules]
    """At the end of each hour."""
    bought: Watts
    drawn: Watts
    """Through the meter: bought, and contract energy from off the site that the load took."""
    surplus: Watts
    """Contract energy from off the site, sold again."""
    exported: Watts
    curtailed: Watts
    """Of plants and contracts behind the meter, so that every hour's balance closes."""
    served: Watts
    """The load after moving, pausing and sparing."""
    paused: Watts
    unserved: Watts
    wet: Ratio
    """How far the plant runs wet."""
    peak: Watts
    """The highest draw."""
    clean_share: Ratio | None
    """As counted by the target; None without one."""
    carbon: KilogramsCO2
    hour_price: DollarsPerJoule
    """[H], what one more joule of load in an hour costs, everything that the load asks for included."""
    connection_price: DollarsPerWattYear
    """What one more watt of connection in all hours spares in a year."""
    reserve_price: DollarsPerWattYear = 0.0
    """What one watt less of firm capacity that has to stand by spares in a year."""
    capacity_prices: dict[str, DollarsPerWattYear] = field(default_factory=dict)
    """What one more watt of a plant at its bound `most` spares in a year."""
    carbon_worth: Any = 0.0
    """USD/kg, of one more kilogram under `most_carbon`, carbon price apart; a share's worth is in `clean_worth`."""
    clean_worth: DollarsPerJoule = 0.0
    """Of one less joule that has to be clean."""
    water_worth: Any = 0.0
    """USD/m3, of one more cubic meter under `WaterTrade.most`."""
    status: str = "optimal"
    iterations: int = 0

    def balance_error(self, problem: Supply) -> Ratio:
        """Largest difference of what comes and what goes in an hour, over the mean load. Source: energy balance."""
        given = sum(self.output.values()) + sum(self.discharge.values()) - sum(self.charge.values())
        given = given + problem.onsite - self.curtailed - self.exported + self.drawn + self.unserved
        return float(np.abs(given - self.served).max() / np.mean(problem.load))

    def energy(self, power: Watts, problem: Supply) -> Joules:
        """Energy of a year of hourly powers. Source: definition."""
        return (power * problem.weights).sum(axis=-1) * SECONDS_PER_HOUR
