"""What must fit into a chip's memory while it trains: weights, gradients, optimizer, activations."""

from __future__ import annotations

from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count, Ratio
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Experts, Gemm, Operator
from stackwright.training.plan import Plan
from stackwright.training.recipe import ParameterBytes, Recipe
from stackwright.training.schedule import in_flight

WORKSPACE = 4.0e9
"""Communication buffers, temporary tensors, CUDA context and allocator slack per chip, in bytes: an
assumption in line with what frameworks reserve (3 to 6 GB)."""

LOGIT_BYTES = 6.0
"""Bytes per logit on the last stage: a bf16 value and its fp32 copy for the loss."""


def split(*, size: Bytes, ranks: Count, share: Ratio) -> Bytes:
    """Bytes on one rank of a state of which a share is split over the ranks and the rest replicated.

    Source: Rajbhandari et al. 2020 (arXiv:1910.02054), section 5.
    """
    return size * (share / ranks + (1.0 - share))


def kept_bytes(
    *, inputs: Count, outputs: Count, input_bytes: Bytes, trained: Ratio, output_bytes: Bytes = 2.0
) -> Bytes:
    """Bytes per token that a product leaves in memory for the backward pass.

    A product whose weights are trained keeps its input, in its own format, for the weight gradient; its
    output is kept by the operation that follows (norm, activation, attention).
    Source: Korthikanti et al. 2022 (arXiv:2205.05198), section 4.1; for their layer the rule gives
    32 of their 34 bytes per hidden value, the rest being dropout masks.
    """
    return trained * inputs * input_bytes + outputs * output_bytes


def activation_bytes(*, layer: Bytes, checkpoint: Bytes, layers: Count, held: Ratio, recomputed: Ratio) -> Bytes:
    """Activations on the first pipeline rank, from those of one layer and micro-batch.

    Recomputed layers keep their input alone, and one of them at a time is whole.
    Source: Korthikanti et al. 2022 (arXiv:2205.05198), sections 4.2 and 5.
    """
    kept = (1.0 - recomputed) * layer + recomputed * checkpoint
    return layers * held * kept + recomputed * layer


def memory_margin(*, used: Bytes, capacity: Bytes, utilization: Ratio) -> Ratio:
    """Share by which the used memory exceeds what training may use; positive is violated.

    Source: definition.
    """
    return used / (capacity * utilization) - 1.0


def checkpoint_bytes(*, parameters: Count, kept: Bytes, chips: Count) -> Bytes:
    """Bytes that each chip writes of a checkpoint: every trained parameter once, all chips at a time.

    Source: definition; `kept` counts weight and optimizer bytes per parameter, gradients are not saved.
    """
    return parameters * kept / chips


def state_bytes(architecture: Architecture, plan: Plan, parameters: ParameterBytes) -> Bytes:
    """Weights, gradients and optimizer states on one chip. Source: definition (`split` by part)."""
    total: Any = 0.0
    for count, ranks in local_parameters(architecture, plan):
        trained = count * plan.trained
        total = total + split(size=count * parameters.weight, ranks=ranks, share=plan.sharding.weights)
        total = total + split(size=trained * parameters.gradient, ranks=ranks, share=plan.sharding.gradients)
        total = total + split(size=trained * parameters.optimizer, ranks=ranks, share=plan.sharding.optimizer)
    return total


def local_parameters(architecture: Architecture, plan: Plan) -> tuple[tuple[Count, Count], tuple[Count, Count]]:
    """Parameters on one chip before state sharding, and the ranks that share them: dense, experts."""
    layout = plan.layout
    experts = architecture.parameters_by_role["experts"]
    dense = (architecture.total_parameters - experts) / (layout.tensor * layout.pipeline)
    routed = experts / (layout.expert * layout.expert_shards * layout.pipeline)
    at_least_one = namespace(plan.state_ranks, plan.expert_state_ranks).maximum(plan.expert_state_ranks, 1.0)
    return (dense, plan.state_ranks), (routed, at_least_one)


def used_bytes(architecture: Architecture, plan: Plan, recipe: Recipe) -> Bytes:
    """All memory of one chip of the first pipeline rank, where most micro-batches are in flight.

    Source: sum of weights, gradients, optimizer states and activations (definition).
    """
    layout = plan.layout
    tokens = plan.micro_batch * plan.sequence / plan.context / layout.tensor
    layer = tokens * _kept_per_token(architecture.operators, recipe, plan.trained) / architecture.layers
    held = in_flight(pipeline=layout.pipeline, micro_batches=plan.micro_batches, virtual=plan.virtual)
    activations = activation_bytes(
        layer=layer,
        checkpoint=2.0 * tokens * architecture.hidden,
        layers=architecture.layers / layout.pipeline,
        held=held,
        recomputed=plan.recompute.layers,
    )
    logits = LOGIT_BYTES * tokens * architecture.vocabulary / layout.pipeline
    gathered = plan.sharding.weights * 2.0 * _largest_layer(architecture, plan) * recipe.parameters.weight
    return state_bytes(architecture, plan, recipe.parameters) + activations + logits + gathered + WORKSPACE


def _kept_per_token(operators: tuple[Operator, ...], recipe: Recipe, trained: Ratio) -> Bytes:
    total: Any = 0.0
    for op in operators:
        match op:
            case Gemm(inputs=inputs, outputs=outputs, role=role) if role != "head":
                size = recipe.weight_bytes(role)
                total = total + op.count * kept_bytes(inputs=inputs, outputs=outputs, input_bytes=size, trained=trained)
            case Experts(hidden=hidden, inner=inner):
                size, gates = recipe.weight_bytes("experts"), (op.matrices - 1) * inner
                up = kept_bytes(inputs=hidden, outputs=gates, input_bytes=size, trained=trained)
                down = kept_bytes(inputs=inner, outputs=hidden, input_bytes=size, trained=trained)
                total = total + op.count * op.active * (up + down)
    return total


def _largest_layer(architecture: Architecture, plan: Plan) -> Any:
    """Parameters of one layer on one chip, gathered whole while it runs."""
    (dense, _), (routed, _) = local_parameters(architecture, plan)
    return (dense + routed) * plan.layout.pipeline / architecture.layers
