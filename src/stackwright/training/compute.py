"""Compute of one micro-batch on one chip: forward, input gradients and weight gradients.

Each operator is timed at the shapes that it really runs: a product's two gradients have other
shapes than its forward pass, experts run as grouped products over the rows routed to a rank, and
everything between products is split over the tensor ranks (sequence parallelism).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count, Ratio
from stackwright.model.operators import (
    Attention,
    Elementwise,
    Experts,
    Gemm,
    LatentAttention,
    Operator,
    Recurrence,
    Shard,
)
from stackwright.model.sharding import Layout
from stackwright.model.work import (
    NOTHING,
    KernelTimes,
    Pass,
    Work,
    attention_work,
    elementwise_work,
    gemm_work,
    latent_attention_work,
    matmul_flops,
    moved_bytes,
    recurrence_work,
)
from stackwright.training.plan import Plan
from stackwright.training.recipe import Recipe
from stackwright.training.release import TrainingRelease

_TRANSPOSED: dict[Shard, Shard] = {
    "column": "row",
    "row": "column",
    "replicated": "replicated",
    "vocabulary": "row",
}

ATTENTION_BACKWARD_FLOPS = 2.5
"""Operations of fused attention's backward pass over its forward pass: five products instead of two
(Dao 2023, FlashAttention-2, arXiv:2307.08691, section 3.1)."""

RECURRENCE_BACKWARD = 2.5
"""Backward over forward of a chunked recurrence, taken as for attention: no public measurement."""

ELEMENTWISE_BACKWARD = 2.0
"""Backward over forward traffic of element-wise kernels: the gradient and the saved input are read,
a gradient is written."""


def cast_bytes(*, values: Count, read: Bytes = 2.0, written: Bytes = 1.0) -> Bytes:
    """Bytes moved to bring values to the product's format, and once more transposed for its gradient.

    Source: definition (one read, two writes), as in the low-precision recipe of Micikevicius et al.
    2022 (arXiv:2209.05433).
    """
    return values * (read + 2.0 * written)


def permuted_bytes(*, rows: Count, hidden: Count, value_bytes: Bytes = 2.0) -> Bytes:
    """Bytes moved to sort token rows by expert and to bring results back: each read and written once.

    Source: definition.
    """
    return 4.0 * rows * hidden * value_bytes


def routed_rows(*, tokens: Count, active: Count, tensor: Count, shards: Count) -> Count:
    """Rows of the grouped products on one chip, with balanced routing.

    Source: definition (each token goes to `active` experts; the ranks of a stage share all rows, and
    the `shards` ranks of one expert see the same ones).
    """
    return tokens * active * shards / tensor


@dataclass(frozen=True)
class Passes:
    """Work of one micro-batch through all layers, on one chip of each stage."""

    forward: Work
    input_gradient: Work
    weight_gradient: Work
    attention: Work
    """The attention cores' part of `forward`, which selective recomputation repeats."""

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            self.forward + other.forward,
            self.input_gradient + other.input_gradient,
            self.weight_gradient + other.weight_gradient,
            self.attention + other.attention,
        )

    def once(self, *, trained: Ratio, layers: Ratio, attention: Ratio) -> Work:
        """Forward and backward, with shares of layers and attention cores recomputed."""
        return (
            self.forward.scaled(1.0, 1.0 + layers)
            + self.attention.scaled(1.0, attention)
            + self.input_gradient
            + self.weight_gradient.scaled(1.0, trained)
        )


@dataclass(frozen=True)
class Pricing:
    """What turns operators into work: kernels, formats, release and plan."""

    kernels: KernelTimes
    recipe: Recipe
    release: TrainingRelease
    plan: Plan

    @property
    def layout(self) -> Layout:
        """Parallel degrees of a replica."""
        return self.plan.layout

    @property
    def tokens(self) -> Count:
        """Tokens of a micro-batch on one context rank."""
        return self.plan.micro_batch * self.plan.sequence / self.plan.context

    @property
    def run(self) -> Pass:
        """A micro-batch of one context rank; the head scores every token, so each is its own sequence."""
        return Pass(self.tokens, self.tokens, self.plan.sequence, self.plan.sequence, decode=False)

    @property
    def whole_sequences(self) -> Pass:
        """A micro-batch before context ranks split it evenly over causal pairs."""
        plan = self.plan
        return Pass(plan.micro_batch * plan.sequence, plan.micro_batch, plan.sequence, plan.sequence, decode=False)

    def passes(self, operators: tuple[Operator, ...]) -> Passes:
        """Work of all operators."""
        total = Passes(NOTHING, NOTHING, NOTHING, NOTHING)
        for op in operators:
            total = total + self._one(op)
        return total

    def _one(self, op: Operator) -> Passes:
        match op:
            case Gemm():
                return self._gemm(op)
            case Experts():
                return self._experts(op)
            case Elementwise():
                return self._elementwise(op)
            case Recurrence():
                forward = recurrence_work(op, self.kernels, self.layout, self.whole_sequences, self.recipe)
                forward = forward.scaled(1.0, 1.0 / self.plan.context)
                return Passes(forward, forward.scaled(1.0, RECURRENCE_BACKWARD), NOTHING, NOTHING)
            case Attention():
                return self._attention(attention_work(op, self.kernels, self.layout, self.whole_sequences, self.recipe))
            case LatentAttention():
                work = latent_attention_work(op, self.kernels, self.layout, self.whole_sequences, self.recipe)
                return self._attention(work)

    def _gemm(self, op: Gemm) -> Passes:
        """A product and its gradients; one that is not split runs on each tensor rank's share of the tokens."""
        scale = self.release.gemm_scale
        tokens = self.tokens / self.layout.tensor if op.shard == "replicated" else self.tokens
        run = replace(self.run, tokens=tokens, sequences=tokens)
        transposed = replace(op, inputs=op.outputs, outputs=op.inputs, shard=_TRANSPOSED[op.shard])
        forward = gemm_work(op, self.kernels, self.layout, run, self.recipe).scaled(scale, 1.0)
        backward = gemm_work(transposed, self.kernels, self.layout, run, self.recipe).scaled(scale, 1.0)
        inputs, outputs = _local(op, self.layout)
        weight = self._weight_gradient(op.role, inputs, tokens, outputs).scaled(scale, op.count)
        return Passes(
            forward + self._cast(op.role, tokens * inputs).scaled(1.0, op.count),
            backward + self._cast(op.role, tokens * outputs).scaled(1.0, op.count),
            weight,
            NOTHING,
        )

    def _experts(self, op: Experts) -> Passes:
        layout, scale = self.layout, self.release.gemm_scale
        rows = routed_rows(tokens=self.tokens, active=op.active, tensor=layout.tensor, shards=layout.expert_shards)
        inner = op.inner / layout.expert_shards
        here = op.experts / layout.expert
        per_expert = rows / here
        up, down = (op.hidden, (op.matrices - 1) * inner), (inner, op.hidden)
        forward = self._grouped(rows, here, up) + self._grouped(rows, here, down)
        backward = self._grouped(rows, here, up[::-1]) + self._grouped(rows, here, down[::-1])
        weight = self._weight_gradient("experts", here * up[0], per_expert, up[1]) + self._weight_gradient(
            "experts", here * down[0], per_expert, down[1]
        )
        moved = permuted_bytes(rows=rows / layout.expert_shards, hidden=op.hidden) * self.release.permutation_scale
        permute = self._moved(moved)
        cast = self._cast("experts", rows * (op.hidden + inner))
        return Passes(
            (forward.scaled(scale, 1.0) + permute + cast).scaled(1.0, op.count),
            (backward.scaled(scale, 1.0) + permute.scaled(1.0, ELEMENTWISE_BACKWARD) + cast).scaled(1.0, op.count),
            weight.scaled(scale, op.count),
            NOTHING,
        )

    def _attention(self, work: Work) -> Passes:
        share = 1.0 / self.plan.context
        forward = work.scaled(self.release.attention_scale, share)
        seconds, flops = self.release.attention_backward, ATTENTION_BACKWARD_FLOPS
        backward = Work(forward.seconds * seconds, forward.flops * flops, forward.bytes * flops, forward.kernels)
        return Passes(forward, backward, NOTHING, forward)

    def _elementwise(self, op: Elementwise) -> Passes:
        run = replace(self.run, tokens=self.tokens / (1.0 if op.sharded else self.layout.tensor))
        forward = elementwise_work(op, self.kernels, self.layout, run, self.recipe)
        forward = forward.scaled(self.release.elementwise_scale, 1.0)
        return Passes(forward, forward.scaled(1.0, ELEMENTWISE_BACKWARD), NOTHING, NOTHING)

    def _grouped(self, rows: Any, groups: Any, shape: tuple[Any, Any]) -> Work:
        """A grouped product: one pool of tiles over all rows, with every group's weights read."""
        inputs, outputs = shape
        size = self.recipe.weight_bytes("experts")
        more = namespace(groups).maximum(groups - 1.0, 0.0) * moved_bytes(values=inputs * outputs, value_bytes=size)
        seconds = self.kernels.gemm(rows, inputs, outputs, self.recipe.of("experts")) + self.kernels.elementwise(more)
        moved = moved_bytes(values=groups * inputs * outputs, value_bytes=size)
        moved = moved + moved_bytes(values=rows * (inputs + outputs), value_bytes=2.0)
        return Work(seconds, matmul_flops(rows=rows, inner=inputs, columns=outputs), moved, 1.0)

    def _weight_gradient(self, role: str, inputs: Any, tokens: Any, outputs: Any) -> Work:
        """``[inputs, tokens] x [tokens, outputs]``, accumulated into the gradient buffer."""
        moved = moved_bytes(values=tokens * (inputs + outputs), value_bytes=self.recipe.weight_bytes(role))
        moved = moved + moved_bytes(values=inputs * outputs, value_bytes=2.0 * self.recipe.parameters.gradient)
        seconds = self.kernels.gemm(inputs, tokens, outputs, self.recipe.of(role))
        return Work(seconds, matmul_flops(rows=inputs, inner=tokens, columns=outputs), moved, 1.0)

    def _cast(self, role: str, values: Any) -> Work:
        return NOTHING if self.recipe.of(role) == "bf16" else self._moved(cast_bytes(values=values))

    def _moved(self, size: Any) -> Work:
        return Work(self.kernels.elementwise(size), 0.0, size, 1.0)


def _local(op: Gemm, layout: Layout) -> tuple[Any, Any]:
    """Inputs and outputs of a product's share on one chip."""
    inputs = op.inputs / layout.tensor if op.shard == "row" else op.inputs
    outputs = op.outputs / layout.tensor if op.shard in ("column", "vocabulary") else op.outputs
    return inputs, outputs
