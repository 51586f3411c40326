"""A building and its plant leased, not built: a landlord asks one yield on whatever he builds.

A market quotes rent per kilowatt of leased IT power and month, for its mean building. A plant that costs
more (a second feed, a dearer site) is rented for more in proportion, so a lease cannot make the best plant
free. The tenant pays energy and water as an owner does; the landlord keeps, staffs and repairs the plant.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import SECONDS_PER_YEAR, Count, DollarsPerWatt, DollarsPerWattYear, PerYear, Ratio, Seconds


def rent_over_capital(*, rent: DollarsPerWattYear, reference_cost: DollarsPerWatt) -> PerYear:
    """Yearly rent over the capital of what is leased.

    Source: definition (gross yield on cost, as developers state it).
    """
    return rent / reference_cost


def escalated(*, year: Count, escalation: PerYear, year_length: Seconds = SECONDS_PER_YEAR) -> Ratio:
    """Rent of a year over the first year's, in real terms. Source: definition (annual escalator)."""
    return (1.0 + escalation * year_length) ** year


@spec
class Lease:
    """Terms of a lease of building and plant; the rent is that of the market's mean building."""

    rent: DollarsPerWattYear
    """Per watt of leased IT power: upkeep and staff are in it, energy and water are not."""
    reference_cost: DollarsPerWatt
    """Capital of the building that the rent is quoted for."""
    escalation: PerYear
    """Yearly rise of the rent above inflation."""

    @property
    def over_capital(self) -> PerYear:
        """Yearly rent over the capital of what is leased. Source: definition."""
        return rent_over_capital(rent=self.rent, reference_cost=self.reference_cost)
