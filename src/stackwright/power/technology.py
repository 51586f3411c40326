"""Plants and storage: what a unit of energy costs over their life."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import (
    SECONDS_PER_YEAR,
    DollarsPerJoule,
    DollarsPerWatt,
    KilogramsCO2PerJoule,
    PerYear,
    Ratio,
    Seconds,
)


def capital_recovery(*, discount_rate: PerYear, life: Seconds, year_length: Seconds = SECONDS_PER_YEAR) -> PerYear:
    """Yearly payment per capital that repays it with interest over a life. Source: annuity formula."""
    rate = discount_rate * year_length
    return rate / (1.0 - (1.0 + rate) ** (-life / year_length)) / year_length


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
    fixed = capex * (capital_recovery + fixed_opex) / capacity_factor
    return fixed + variable_opex + heat_rate * fuel_price


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
    """From order to operation."""
    forced_outage: Ratio | None = None

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
    life: Seconds

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
