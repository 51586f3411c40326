"""Plants and storage: what a unit of energy costs over their life."""

from __future__ import annotations

from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    HOURS_PER_YEAR,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    SECONDS_PER_YEAR,
    Count,
    DollarsPerJoule,
    DollarsPerWatt,
    DollarsPerWattYear,
    KilogramsCO2PerJoule,
    PerSecond,
    PerYear,
    Ratio,
    Seconds,
    Watts,
)
from stackwright.power.planned_outage import outage_share

MANY = 1000.0
SPRING = 90 * SECONDS_PER_DAY
"""When a year's planned outages begin, where nothing else is said: loads and prices are low then."""


def capital_recovery(*, discount_rate: PerYear, life: Seconds, year_length: Seconds = SECONDS_PER_YEAR) -> PerYear:
    """Yearly payment per capital that repays it with interest over a life. Source: annuity formula."""
    rate = discount_rate * year_length
    return rate / (1.0 - (1.0 + rate) ** (-life / year_length)) / year_length


def yearly_cost(*, capex: DollarsPerWatt, capital_recovery: PerYear, fixed_opex: PerYear) -> DollarsPerWattYear:
    """What a watt costs in a year whatever it generates: the annuity of its capital, and fixed upkeep.

    Source: NREL, Annual Technology Baseline, fixed charge and fixed operation and maintenance.
    """
    return capex * (capital_recovery + fixed_opex)


def variable_cost(*, variable_opex: DollarsPerJoule, heat_rate: Ratio, fuel_price: DollarsPerJoule) -> DollarsPerJoule:
    """What a unit of energy costs once a plant stands: upkeep and fuel. Source: NREL, as `yearly_cost`."""
    return variable_opex + heat_rate * fuel_price


def lcoe(
    *,
    capex: DollarsPerWatt,
    capital_recovery: PerYear,
    fixed_opex: PerYear,
    variable_opex: DollarsPerJoule,
    heat_rate: Ratio,
    fuel_price: DollarsPerJoule,
    capacity_factor: Ratio,
) -> DollarsPerJoule:
    """Levelized cost of energy. Source: NREL, Simple Levelized Cost of Energy Calculator documentation."""
    fixed = yearly_cost(capex=capex, capital_recovery=capital_recovery, fixed_opex=fixed_opex)
    return fixed / capacity_factor + variable_cost(
        variable_opex=variable_opex, heat_rate=heat_rate, fuel_price=fuel_price
    )


def levelized_storage_cost(
    *,
    power_capex: DollarsPerWatt,
    energy_capex: DollarsPerJoule,
    duration: Seconds,
    capital_recovery: PerYear,
    fixed_opex: PerYear,
    efficiency: Ratio,
    cycles: PerYear,
    charging_price: DollarsPerJoule,
) -> DollarsPerJoule:
    """Cost per unit of energy discharged at full cycles. Source: Lazard, Levelized Cost of Storage, method."""
    capex = power_capex / duration + energy_capex
    return capex * (capital_recovery + fixed_opex) / cycles + charging_price / efficiency


def carbon_rate(*, heat_rate: Ratio, fuel_carbon: KilogramsCO2PerJoule) -> KilogramsCO2PerJoule:
    """Emissions per electricity. Source: definition."""
    return heat_rate * fuel_carbon


@spec
class Technology:
    """A kind of power plant."""

    capex: DollarsPerWatt
    fixed_opex: PerYear
    """Yearly, over the capital."""
    variable_opex: DollarsPerJoule
    heat_rate: Ratio
    """Fuel over electricity, higher heating value; zero without fuel."""
    fuel_price: DollarsPerJoule
    """Per fuel energy."""
    fuel_carbon: KilogramsCO2PerJoule
    """Per fuel energy, burnt."""
    capacity_factor: Ratio
    life: Seconds
    build_time: Seconds
    """From order to operation: the lead time of the machine and its erection, without a queue for the grid."""
    unit: Watts | None = None
    """Of one machine; None is a plant without one that matters."""
    forced_outage: Ratio | None = None
    """Share of the time in which a machine is broken."""
    outage_interval: Seconds | None = None
    """From one planned outage of a machine to its next; None is a plant whose upkeep stops no hour that matters."""
    outage_time: Seconds | None = None
    """Of one planned outage, without a break."""
    ramp_rate: PerSecond | None = None
    """Change of output over capacity, on line; None follows the weather."""

    def machines(self, capacity: Watts) -> Count:
        """Machines of a plant of a capacity: one to `MANY`, whose outages are a derate. Source: definition."""
        xp = namespace(capacity)
        return 1.0 if self.unit is None else xp.clip(xp.round(capacity / self.unit), 1.0, MANY)

    def availability(self, *, machines: Count, first_outage: Seconds = SPRING) -> Ratio:
        """Output over capacity at most by the hour of a year in which a planned outage begins; [..., hour].

        Planned outages are blocks of hours in which machines take turns, broken machines a derate. The `first_outage`
        is the time from the beginning of the year to that of a block. Source: definition.
        """
        xp = namespace(machines)
        hours = SECONDS_PER_HOUR * xp.arange(HOURS_PER_YEAR)
        out = 0.0 * hours
        if self.outage_interval is not None and self.outage_time is not None:
            out = outage_share(
                since=hours - first_outage,
                interval=self.outage_interval,
                outage_time=self.outage_time,
                machines=machines,
            )
        return (1.0 - out) * (1.0 - (0.0 if self.forced_outage is None else self.forced_outage))

    def fixed_cost(self, discount_rate: PerYear) -> DollarsPerWattYear:
        """Annuity of the capital, and fixed upkeep. Source: definition."""
        return yearly_cost(
            capex=self.capex,
            capital_recovery=capital_recovery(discount_rate=discount_rate, life=self.life),
            fixed_opex=self.fixed_opex,
        )

    @property
    def variable_cost(self) -> DollarsPerJoule:
        """Fuel and variable upkeep. Source: definition."""
        return variable_cost(variable_opex=self.variable_opex, heat_rate=self.heat_rate, fuel_price=self.fuel_price)

    def lcoe(self, discount_rate: PerYear) -> DollarsPerJoule:
        """Levelized cost of energy. Source: definition."""
        return lcoe(
            capex=self.capex,
            capital_recovery=capital_recovery(discount_rate=discount_rate, life=self.life),
            fixed_opex=self.fixed_opex,
            variable_opex=self.variable_opex,
            heat_rate=self.heat_rate,
            fuel_price=self.fuel_price,
            capacity_factor=self.capacity_factor,
        )

    def carbon(self) -> KilogramsCO2PerJoule:
        """Direct emissions per electricity. Source: definition."""
        return carbon_rate(heat_rate=self.heat_rate, fuel_carbon=self.fuel_carbon)


@spec
class Storage:
    """A kind of storage."""

    power_capex: DollarsPerWatt
    energy_capex: DollarsPerJoule
    """Per energy that it holds."""
    fixed_opex: PerYear
    efficiency: Ratio
    """Discharged over charged."""
    most_duration: Seconds
    """Energy over power at most, as it is sold."""
    life: Seconds
    build_time: Seconds
    """From order to operation, without a queue for the grid."""
    unit: Watts | None = None
    """Of one block; None is storage without one that matters."""
    forced_outage: Ratio | None = None

    def power_cost(self, discount_rate: PerYear) -> DollarsPerWattYear:
        """Annuity and upkeep of what it can charge and discharge. Source: definition."""
        return yearly_cost(
            capex=self.power_capex,
            capital_recovery=capital_recovery(discount_rate=discount_rate, life=self.life),
            fixed_opex=self.fixed_opex,
        )

    def energy_cost(self, discount_rate: PerYear) -> Any:
        """Annuity and upkeep of what it can hold, in USD/J/year. Source: definition."""
        recovery = capital_recovery(discount_rate=discount_rate, life=self.life)
        return self.energy_capex * (recovery + self.fixed_opex)

    def levelized_cost(
        self, *, duration: Seconds, cycles: PerYear, charging_price: DollarsPerJoule, discount_rate: PerYear
    ) -> DollarsPerJoule:
        """Cost per unit of energy discharged. Source: definition."""
        return levelized_storage_cost(
            power_capex=self.power_capex,
            energy_capex=self.energy_capex,
            duration=duration,
            capital_recovery=capital_recovery(discount_rate=discount_rate, life=self.life),
            fixed_opex=self.fixed_opex,
            efficiency=self.efficiency,
            cycles=cycles,
            charging_price=charging_price,
        )
