"""The grid connection: market price by the hour, delivery, and the charge for capacity."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import (
    CubicMetersPerJoule,
    Dollars,
    DollarsPerJoule,
    DollarsPerWattYear,
    Ratio,
    Seconds,
    Watts,
)


def market_price(
    *, mean_price: DollarsPerJoule, price_shape: Ratio, basis_discount: DollarsPerJoule
) -> DollarsPerJoule:
    """Hourly price at the node: yearly level times a shape with a mean of one, less the basis to the node.

    Source: definition.
    """
    return mean_price * price_shape - basis_discount


def delivered_price(*, market: DollarsPerJoule, delivery_charge: DollarsPerJoule) -> DollarsPerJoule:
    """What a megawatt-hour from the market costs at the meter. Source: definition."""
    return market + delivery_charge


def capacity_cost(*, peak: Watts, capacity_charge: DollarsPerWattYear, duration: Seconds) -> Dollars:
    """Charge for the highest load over a time. Source: definition (PJM and NYISO bill by coincident peak; a bound)."""
    return peak * capacity_charge * duration


def net_load_price_shape(*, net_load_shape: Ratio, floor: Ratio = 0.3, exponent: Ratio = 2.0) -> Ratio:
    """Price shape that stands in where no price series is at hand: it rises with what fossil plants generate.

    A floor and a convex rise, as in a merit order; the caller scales it to a mean of one.
    Source: assumption.
    """
    return floor + (1.0 - floor) * net_load_shape**exponent


@spec
class Grid:
    """One market seen from one zone; the shape of its price is a series named in the record."""

    mean_price: DollarsPerJoule
    """Yearly mean of the series that gives the shape; its range is that of recent years."""
    basis_discount: DollarsPerJoule
    """How much cheaper the site's node is than that series."""
    delivery_charge: DollarsPerJoule
    """Transmission, distribution and system charges per energy."""
    capacity_charge: DollarsPerWattYear
    """For peak load: capacity market or demand charge."""
    water_intensity: CubicMetersPerJoule | None = None
    """Consumed by the plants of the mix per energy; absent where the mix by fuel is not known."""

    def price(self, price_shape: Ratio) -> DollarsPerJoule:
        """Market price at the site's node by the hour, delivery not included. Source: definition."""
        return market_price(mean_price=self.mean_price, price_shape=price_shape, basis_discount=self.basis_discount)
