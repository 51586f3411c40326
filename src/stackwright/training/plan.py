"""How a training run is laid out: parallel degrees, batches, recomputation and state sharding."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio, Tokens
from stackwright.model.sharding import Layout
from stackwright.training.schedule import micro_batches


def run_chips(*, tensor: Count, context: Count, data: Count, pipeline: Count) -> Count:
    """Chips of a training run; expert ranks are drawn from the data, context and tensor ranks. Source: definition."""
    return tensor * context * data * pipeline


def step_tokens(*, global_batch: Count, sequence: Count, token: Tokens = 1.0) -> Tokens:
    """Tokens of one optimizer step. Source: definition."""
    return global_batch * sequence * token


@spec
class Recompute:
    """Shares of the layers whose forward pass is repeated in the backward pass."""

    layers: Ratio
    """Whole layers: only their input is kept."""
    attention: Ratio
    """The attention core alone."""


NO_RECOMPUTE = Recompute(layers=0.0, attention=0.0)
SELECTIVE_RECOMPUTE = Recompute(layers=0.0, attention=1.0)
FULL_RECOMPUTE = Recompute(layers=1.0, attention=0.0)


@spec
class StateSharding:
    """Shares of the training state that are split over the data ranks (0 replicated, 1 split)."""

    optimizer: Ratio
    gradients: Ratio
    weights: Ratio


REPLICATED = StateSharding(optimizer=0.0, gradients=0.0, weights=0.0)
ZERO_1 = StateSharding(optimizer=1.0, gradients=0.0, weights=0.0)
"""Megatron's distributed optimizer."""
ZERO_2 = StateSharding(optimizer=1.0, gradients=1.0, weights=0.0)
"""FSDP's SHARD_GRAD_OP."""
ZERO_3 = StateSharding(optimizer=1.0, gradients=1.0, weights=1.0)
"""FSDP's FULL_SHARD: weights are gathered for every micro-batch, twice."""


@spec
class Plan:
    """A training run's layout; arrays give many plans at once.

    `layout.expert` ranks lie within ``tensor * context * data``: expert parallelism takes no chips of
    its own.
    """

    layout: Layout
    context: Count
    data: Count
    virtual: Count
    """Model chunks per pipeline rank (interleaving)."""
    micro_batch: Count
    """Sequences per data rank and micro-batch."""
    global_batch: Count
    """Sequences per optimizer step, all ranks."""
    sequence: Count
    """Positions per sequence."""
    recompute: Recompute = NO_RECOMPUTE
    sharding: StateSharding = ZERO_1
    trained: Ratio = 1.0
    """Share of the weights that are trained: 1, or nearly 0 where adapters are trained beside frozen weights."""

    @property
    def chips(self) -> Count:
        """Chips of the run."""
        return run_chips(tensor=self.layout.tensor, context=self.context, data=self.data, pipeline=self.layout.pipeline)

    @property
    def micro_batches(self) -> Count:
        """Micro-batches per data rank and step."""
        return micro_batches(global_batch=self.global_batch, data=self.data, micro_batch=self.micro_batch)

    @property
    def tokens(self) -> Tokens:
        """Tokens per optimizer step."""
        return step_tokens(global_batch=self.global_batch, sequence=self.sequence)

    @property
    def state_ranks(self) -> Count:
        """Ranks that hold the same dense weights."""
        return self.data * self.context

    @property
    def expert_state_ranks(self) -> Count:
        """Ranks that hold the same routed experts."""
        return self.data * self.context * self.layout.tensor / (self.layout.expert * self.layout.expert_shards)
