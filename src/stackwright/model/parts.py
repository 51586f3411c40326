"""Parts: the pieces a layer is made of, each with its parameters, operators and cache.

A family's reader strings parts together; the sums over them are the architecture's counts. So no
count exists twice, and a part's parameters follow from the very GEMMs that it runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from stackwright.model.cache import Cache, State
from stackwright.model.operators import Experts, Gemm, Operator

PartName = Literal[
    "embedding",
    "head",
    "attention",
    "indexer",
    "dense",
    "shared_expert",
    "experts",
    "router",
    "latent_projection",
    "norm",
    "residual",
    "draft",
]
"""Where a parameter sits. `latent_projection` leads into and out of the space in which routed experts
work; `residual` mixes residual streams (hyper-connections, attention residuals)."""


@dataclass(frozen=True)
class Part:
    """One piece of a model.

    `vectors` counts the parameters outside its GEMMs and experts: biases, norm and convolution
    weights, decay rates. `idle` counts those that a single token does not use. A part that
    `borrows` runs on the weights of another one (a tied head) and adds no parameters.
    """

    name: PartName
    operators: tuple[Operator, ...] = ()
    vectors: int = 0
    idle: int = 0
    caches: tuple[Cache, ...] = ()
    states: tuple[State, ...] = ()
    borrows: bool = False

    @property
    def parameters(self) -> int:
        """All parameters that this part owns. Source: definition."""
        return 0 if self.borrows else self.vectors + sum(weights(operator) for operator in self.operators)


def weights(operator: Operator) -> int:
    """Matrix parameters of an operator. Source: definition."""
    if isinstance(operator, Gemm):
        return operator.inputs * operator.outputs * operator.count
    if isinstance(operator, Experts):
        return operator.experts * operator.matrices * operator.hidden * operator.inner * operator.count
    return 0


Counted = TypeVar("Counted", bound=Operator | Cache | State)


def merged(items: Iterable[Counted]) -> tuple[Counted, ...]:
    """Items that differ only in `count` as one item, in order of first appearance. Source: definition."""
    counts: dict[Counted, int] = {}
    for item in items:
        single = replace(item, count=1)
        counts[single] = counts.get(single, 0) + item.count
    return tuple(replace(item, count=count) for item, count in counts.items())
