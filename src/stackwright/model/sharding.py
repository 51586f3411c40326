"""How a replica is spread over chips.

Four degrees say it all: `tensor` shards attention and dense layers, `context` splits each sequence over
so many tensor groups, `expert` spreads the routed experts, `pipeline` splits the layers. Where `expert`
exceeds ``tensor * context``, attention runs data-parallel in ``expert / (tensor * context)`` groups (wide
expert parallelism); where it is smaller, each expert is itself sharded over ``tensor * context / expert`` chips.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count


def data_ranks(*, tensor: Count, expert: Count, context: Count) -> Count:
    """Attention groups of a stage that have sequences of their own. Source: definition."""
    return namespace(tensor, expert, context).maximum(1.0, expert / (tensor * context))


def expert_shards(*, tensor: Count, expert: Count, context: Count) -> Count:
    """Chips that share one expert's weights. Source: definition."""
    return namespace(tensor, expert, context).maximum(1.0, tensor * context / expert)


def replica_chips(*, tensor: Count, expert: Count, pipeline: Count, context: Count) -> Count:
    """Chips of one replica. Source: definition."""
    return namespace(tensor, expert, context).maximum(tensor * context, expert) * pipeline


@spec
class Layout:
    """Parallel degrees of a replica; arrays give many layouts at once."""

    tensor: Count
    expert: Count
    pipeline: Count
    context: Count = 1.0

    @property
    def data(self) -> Count:
        """Attention groups with sequences of their own: data-parallel ranks, each of `context` tensor groups."""
        return data_ranks(tensor=self.tensor, expert=self.expert, context=self.context)

    @property
    def groups(self) -> Count:
        """Tensor groups of a stage: the parts of sequences that it works on side by side."""
        return self.context * self.data

    @property
    def expert_shards(self) -> Count:
        """Chips per expert shard group."""
        return expert_shards(tensor=self.tensor, expert=self.expert, context=self.context)

    @property
    def stage_chips(self) -> Count:
        """Chips of one pipeline stage."""
        return self.tensor * self.groups

    @property
    def chips(self) -> Count:
        """Chips of the replica."""
        return replica_chips(tensor=self.tensor, expert=self.expert, pipeline=self.pipeline, context=self.context)
