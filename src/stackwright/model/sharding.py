"""How a replica is spread over chips.

Three degrees say it all: `tensor` shards attention and dense layers, `expert` spreads the routed
experts, `pipeline` splits the layers. Where `expert` exceeds `tensor`, attention runs data-parallel
in ``expert / tensor`` ranks (wide expert parallelism); where it is smaller, each expert is itself
sharded over ``tensor / expert`` chips.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count


def data_ranks(*, tensor: Count, expert: Count) -> Count:
    """Attention data-parallel ranks of a replica. Source: definition."""
    return namespace(tensor, expert).maximum(1.0, expert / tensor)


def expert_shards(*, tensor: Count, expert: Count) -> Count:
    """Chips that share one expert's weights. Source: definition."""
    return namespace(tensor, expert).maximum(1.0, tensor / expert)


def replica_chips(*, tensor: Count, expert: Count, pipeline: Count) -> Count:
    """Chips of one replica. Source: definition."""
    return namespace(tensor, expert).maximum(tensor, expert) * pipeline


@spec
class Layout:
    """Parallel degrees of a replica; arrays give many layouts at once."""

    tensor: Count
    expert: Count
    pipeline: Count

    @property
    def data(self) -> Count:
        """Attention data-parallel ranks."""
        return data_ranks(tensor=self.tensor, expert=self.expert)

    @property
    def expert_shards(self) -> Count:
        """Chips per expert shard group."""
        return expert_shards(tensor=self.tensor, expert=self.expert)

    @property
    def stage_chips(self) -> Count:
        """Chips of one pipeline stage."""
        return self.tensor * self.data

    @property
    def chips(self) -> Count:
        """Chips of the replica."""
        return replica_chips(tensor=self.tensor, expert=self.expert, pipeline=self.pipeline)
