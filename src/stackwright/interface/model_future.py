"""A named future of model architecture, for which a real model of the catalog stands."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, DollarsPerToken, Ratio, Seconds


def capacity_of(*, active: Count, total: Count) -> Count:
    """Parameters of the dense model that is as good as a sparse one: the geometric mean of active and all.

    Source: a rule of thumb of Mistral AI's lecture at Stanford (CS25, 2024); between routed and dense scaling laws.
    """
    return namespace(active, total).sqrt(active * total)


def stranded_share(*, built: DollarsPerToken, best: DollarsPerToken, capital: DollarsPerToken) -> Ratio:
    """Share of the capital that a token of what stands cannot earn, where others sell at the cost of the best.

    `built` is the whole cost of a token on what stands, `capital` the part of it that repays what stands. No less than
    nothing: what stands and is the best loses nothing; no more than all: it can be left unused. Source: definition.
    """
    xp = namespace(built, best, capital)
    lost = (built - best) / capital
    return xp.maximum(0.0 * lost, xp.minimum(1.0 + 0.0 * lost, lost))


def idle_share(*, need: Ratio, reused: Ratio) -> Ratio:
    """Share of what stands that has no work where only `need` of it is needed, less what finds other work.

    Source: definition.
    """
    return namespace(need).maximum(0.0 * need, 1.0 - need) * (1.0 - reused)


@spec
class ModelFuture:
    """When a future of model architecture arrives, and what becomes of machines that it needs no more."""

    arrival: Seconds
    """From the start of a plan's horizon."""
    reused: Ratio
    """Share of what has no work that finds other work at the same price."""
