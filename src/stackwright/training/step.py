"""The time, work and memory of one optimizer step.

``step = n (compute + exposed communication) (1 + bubble) + exposed gradients + optimizer + fixed``,
with n micro-batches. `TrainingMachine` binds what is fixed inside one cell of a search (model, chip,
formats, release, links); the plan's fields may be arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Flops, FlopsPerSecond, Ratio, Seconds, TokensPerSecond
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Experts, Gemm
from stackwright.model.work import KernelTimes, Work
from stackwright.network.collectives import Wires
from stackwright.training import memory
from stackwright.training.accounting import forward_flops, training_flops, utilization
from stackwright.training.communication import strided
from stackwright.training.compute import Pricing
from stackwright.training.plan import Plan
from stackwright.training.recipe import Recipe
from stackwright.training.release import TrainingRelease
from stackwright.training.schedule import bubble_ratio, exposed_time, step_time

ACTIVATION_BYTES = 2.0
"""Bytes per value that crosses links during a pass: bf16."""

BACKWARD_REDUCTIONS = 1.5
"""Tensor-parallel traffic of the backward pass over the forward pass: the same two reductions, and
the layer's input gathered once more for the weight gradient (Korthikanti et al. 2022,
arXiv:2205.05198, section 4.2.2)."""


@spec
class TrainingStep:
    """One optimizer step."""

    seconds: Seconds
    tokens_per_second: TokensPerSecond
    """Of the whole run."""
    model_flops: Flops
    """Of the step, by the release's counting convention."""
    mfu: Ratio
    """Model FLOP over the chips' dense peak in the step's number format."""
    hfu: Ratio
    """The same with recomputation counted."""
    flop_rate: FlopsPerSecond
    """Operations really done, per chip, mean over the step."""
    byte_rate: BytesPerSecond
    """Memory traffic per chip, mean over the step."""
    memory: Ratio
    """Margin: memory needed over memory there is, minus one."""
    chips: Count
    compute: Seconds
    """Busy compute of one chip in the step."""
    communication: Seconds
    """Exposed communication inside micro-batches."""
    bubble: Seconds
    gradients: Seconds
    """Exposed exchange of gradients and weights between data ranks."""
    optimizer: Seconds
    checkpoint: Bytes
    """What each chip writes of a checkpoint."""


@dataclass(frozen=True)
class TrainingMachine:
    """A model on a cluster under a training release."""

    architecture: Architecture
    kernels: KernelTimes
    capacity: Bytes
    peak: FlopsPerSecond
    """Dense peak of one chip in the recipe's format: what utilization is measured against."""
    recipe: Recipe
    wires: Wires
    release: TrainingRelease

    def pass_work(self, plan: Plan) -> Work:
        """Forward and backward of one micro-batch on one chip, all stages' layers together."""
        pricing = Pricing(self.kernels, self.recipe, self.release, plan)
        recompute = plan.recompute
        passes = pricing.passes(self.architecture.operators)
        return passes.once(trained=plan.trained, layers=recompute.layers, attention=recompute.attention)

    def pass_communication(self, plan: Plan) -> Seconds:
        """Exposed communication of one micro-batch through all layers."""
        layout, release = plan.layout, self.release
        repeated = 1.0 + plan.recompute.layers
        size = plan.micro_batch * plan.sequence / plan.context * self.architecture.hidden * ACTIVATION_BYTES
        backward = 1.0 + (BACKWARD_REDUCTIONS - 1.0) * plan.trained
        tensor = self._reductions * self.wires.all_reduce(size, layout.tensor) * (repeated + backward)
        keys = plan.micro_batch * plan.sequence * self._cached_values * ACTIVATION_BYTES / layout.tensor
        context = strided(self.wires, layout.tensor).all_gather(keys, plan.context) * (repeated + 2.0)
        exchange = self._exchange(size / layout.tensor, plan) * 2.0 * (repeated + 1.0)
        return (tensor + context) * release.tensor_exposed + exchange * release.expert_exposed

    def gradient_time(self, plan: Plan, window: Seconds) -> Seconds:
        """Exposed exchange of gradients and weights per step; `window` is a micro-batch's compute.

        Replicated or optimizer-sharded weights move once per step, beside the last micro-batch; fully
        sharded ones are gathered twice and reduced once in every micro-batch, beside its compute.
        """
        layout = plan.layout
        kept = self.recipe.parameters
        (dense, dense_ranks), (routed, routed_ranks) = memory.local_parameters(self.architecture, plan)
        rounds = 1.0 + plan.sharding.weights * (plan.micro_batches - 1.0)
        gathers = plan.trained + plan.sharding.weights * (2.0 - plan.trained)
        total: Any = 0.0
        for count, ranks, stride in (
            (dense, dense_ranks, layout.tensor),
            (routed, routed_ranks, layout.expert * layout.expert_shards),
        ):
            wires = strided(self.wires, stride)
            gathered = wires.all_gather(count * kept.weight, ranks)
            reduced = wires.reduce_scatter(count * ACTIVATION_BYTES, ranks)
            total = total + rounds * (gathers * gathered + plan.trained * reduced)
        return exposed_time(communication=total, exposed_share=self.release.data_exposed, window=rounds * window)

    def optimizer_time(self, plan: Plan) -> Seconds:
        """Memory traffic of the optimizer over the parameters that this chip updates."""
        total: Any = 0.0
        for count, ranks in memory.local_parameters(self.architecture, plan):
            size = plan.trained * count * self.recipe.parameters.update
            total = total + memory.split(size=size, ranks=ranks, share=plan.sharding.optimizer)
        return self.kernels.elementwise(total)

    @cached_property
    def _reductions(self) -> int:
        """All-reduces of a forward pass: one after each product that is split over its inputs."""
        gemms = (op for op in self.architecture.operators if isinstance(op, Gemm))
        return sum(op.count for op in gemms if op.shard == "row" and op.role != "shared_expert")

    @cached_property
    def _cached_values(self) -> int:
        """Keys and values per token, all layers: what context ranks gather."""
        return sum(cache.count * cache.values for cache in self.architecture.caches)

    def _exchange(self, size: Any, plan: Plan) -> Any:
        """Dispatch of one micro-batch's tokens to their experts, all layers; combining costs the same."""
        layout = plan.layout
        total: Any = 0.0
        for op in self.architecture.operators:
            if isinstance(op, Experts):
                total = total + op.count * self.wires.expert_exchange(size, op.active, layout.expert)
        return total


def train_step(machine: TrainingMachine, plan: Plan) -> TrainingStep:
    """One optimizer step of a plan on a machine; every field of the plan may be an array.

    Source: `schedule.step_time`, with the parts priced by `TrainingMachine`.
    """
    layout, release = plan.layout, machine.release
    count = plan.micro_batches
    work = machine.pass_work(plan)
    busy = (work.seconds + release.kernel_overhead * work.kernels) / layout.pipeline
    waits = machine.pass_communication(plan) / layout.pipeline
    bubble = release.bubble_scale * bubble_ratio(pipeline=layout.pipeline, micro_batches=count, virtual=plan.virtual)
    gradients = machine.gradient_time(plan, busy)
    optimizer = machine.optimizer_time(plan)
    spread = release.time_spread
    seconds = spread * step_time(
        micro_batch=busy + waits,
        micro_batches=count,
        bubble=bubble,
        data_exposed=gradients,
        optimizer=optimizer,
        overhead=release.step_overhead,
    )
    forward = forward_flops(machine.architecture.operators, sequence=plan.sequence, counted=release.attention_counted)
    per_token = training_flops(products=forward.products, attention=forward.attention, trained=plan.trained)
    repeated = (
        plan.recompute.layers * (forward.products + forward.attention) + plan.recompute.attention * forward.attention
    )
    model_flops = per_token * plan.tokens
    executed = (per_token + repeated) * plan.tokens
    idle = 0.0 * seconds
    return TrainingStep(
        seconds=seconds,
        tokens_per_second=plan.tokens / seconds,
        model_flops=model_flops + idle / seconds,
        mfu=utilization(flops=model_flops, chips=plan.chips, seconds=seconds, peak=machine.peak),
        hfu=utilization(flops=executed, chips=plan.chips, seconds=seconds, peak=machine.peak),
        flop_rate=count * work.flops / layout.pipeline / seconds,
        byte_rate=count * work.bytes / layout.pipeline / seconds,
        memory=memory.memory_margin(
            used=memory.used_bytes(machine.architecture, plan, machine.recipe),
            capacity=machine.capacity,
            utilization=release.memory_utilization,
        )
        + idle / seconds,
        chips=plan.chips + idle / seconds,
        compute=spread * count * busy,
        communication=spread * count * waits,
        bubble=spread * count * (busy + waits) * bubble,
        gradients=spread * gradients + idle,
        optimizer=spread * optimizer + idle,
        checkpoint=memory.checkpoint_bytes(
            parameters=plan.trained * machine.architecture.total_parameters,
            kept=machine.recipe.parameters.weight + machine.recipe.parameters.optimizer,
            chips=plan.chips,
        )
        + idle / seconds,
    )
