"""The functions that compute claims' quantities, by the name that a record's `computes` gives."""

from collections.abc import Callable, Mapping

from stackwright.evidence.claims.claim import Claim
from stackwright.evidence.claims.computed import Computed
from stackwright.evidence.claims.engine import Engine
from stackwright.evidence.claims.quantities import (
    buildout,
    chips,
    custom_silicon,
    fabric,
    power_deals,
    prices,
    scarcity,
    speedups,
    thesis,
)

Quantity = Callable[[Claim, Engine], Computed]

QUANTITIES: Mapping[str, Quantity] = {
    **speedups.QUANTITIES,
    **fabric.QUANTITIES,
    **chips.QUANTITIES,
    **prices.QUANTITIES,
    **power_deals.QUANTITIES,
    **buildout.QUANTITIES,
    **custom_silicon.QUANTITIES,
    **scarcity.QUANTITIES,
    **thesis.QUANTITIES,
}
