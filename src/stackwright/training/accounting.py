"""Model FLOP: what a token costs by the field's convention, whatever the hardware really does."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Flops, FlopsPerSecond, FlopsPerToken, Ratio, Seconds, Tokens
from stackwright.model.operators import Attention, Experts, Gemm, LatentAttention, Operator, Recurrence
from stackwright.model.work import matmul_flops


def counted_keys(*, sequence: Count, reach: Count, counted: Ratio) -> Count:
    """Mean keys per query that a FLOP count includes, of those within the attention's reach.

    `counted` is 1 where every query is taken to see the whole sequence, a half where only causal
    pairs count.
    Source: Chowdhery et al. 2022 (arXiv:2204.02311), appendix B, counts all keys; pairs by definition.
    """
    seen = namespace(sequence, reach).minimum(sequence, reach)
    return seen * (1.0 - (1.0 - counted) * seen / sequence)


def training_flops(*, products: FlopsPerToken, attention: FlopsPerToken, trained: Ratio) -> FlopsPerToken:
    """Operations per token of forward and backward, from those of the forward pass.

    Source: Kaplan et al. 2020 (arXiv:2001.08361), section 2.1: the backward pass costs twice the
    forward pass. Half of that is for weights, which frozen ones do not need.
    """
    return products * (2.0 + trained) + 3.0 * attention


def utilization(*, flops: Flops, chips: Count, seconds: Seconds, peak: FlopsPerSecond) -> Ratio:
    """Operations done over those that the chips could have done.

    Source: Chowdhery et al. 2022 (arXiv:2204.02311), section 4.1 (model FLOP utilization).
    """
    return flops / (chips * seconds * peak)


def per_token(*, flops: Flops, token: Tokens = 1.0) -> FlopsPerToken:
    """Operations of one token's pass, as a rate per token. Source: definition."""
    return flops / token


@spec
class ForwardFlops:
    """Operations per token of the forward pass: products with weights, and attention between tokens."""

    products: FlopsPerToken
    attention: FlopsPerToken


def forward_flops(operators: tuple[Operator, ...], *, sequence: Count, counted: Ratio) -> ForwardFlops:
    """Operations per token of a forward pass; the input embedding is a look-up and costs none.

    Source: definition (two operations per multiply-add).
    """
    products, attention = 0.0, 0.0 * sequence
    for op in operators:
        match op:
            case Gemm():
                products += op.count * matmul_flops(rows=1.0, inner=op.inputs, columns=op.outputs)
            case Experts():
                products += op.count * matmul_flops(rows=op.active, inner=op.hidden, columns=op.matrices * op.inner)
            case Recurrence():
                products += op.count * matmul_flops(rows=1.0, inner=1.0, columns=op.work)
            case Attention() | LatentAttention():
                width = op.heads * _width(op)
                keys = counted_keys(sequence=sequence, reach=_reach(op), counted=counted)
                attention = attention + op.count * matmul_flops(rows=1.0, inner=keys, columns=width)
    return ForwardFlops(products=per_token(flops=products), attention=per_token(flops=attention))


def _width(op: Attention | LatentAttention) -> int:
    """Values per head and key that scores and outputs multiply."""
    if isinstance(op, LatentAttention):
        return op.nope + op.rope + op.value_dim
    return op.head_dim + op.value_dim


def _reach(op: Attention | LatentAttention) -> float:
    limits = [float(size) for size in (op.window, op.selected) if size]
    return min(limits, default=float("inf"))
