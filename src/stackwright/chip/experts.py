"""Routed experts: how many are active, how loaded the slowest rank is, and how long it takes.

Experts are not equally popular. Their popularity is a truncated power law between the least and the
most popular expert; its quantiles stand in for the experts, so that no draw is needed. The step
waits for the rank with the most tokens, so all times here are that rank's.
"""

from __future__ import annotations

from typing import NamedTuple

from stackwright.chip.gemm import grouped_product_time
from stackwright.core.arrays import namespace, trailing
from stackwright.core.units import Bytes, BytesPerSecond, Count, Flops, FlopsPerSecond, Ratio, Seconds

QUANTILES = tuple((index + 0.5) / 16 for index in range(16))
"""Where the popularity of experts is read, each standing for a sixteenth of them."""

NEVER_IDLE = 1e-300
"""Chance that stands for none where its logarithm is taken."""


class Routing(NamedTuple):
    """What the slowest rank of an expert-parallel group gets."""

    rows: Count
    """Tokens per expert at `QUANTILES`, on a last axis of its own."""
    local_experts: Count
    active_experts: Count
    """Expected number of its experts that get a token."""
    load: Ratio
    """Its tokens over the mean of all ranks."""


def popularity(*, quantile: Ratio, skew: Ratio, span: Ratio) -> Ratio:
    """Popularity of the expert at a quantile, over that of the most popular one.

    `span` is the most over the least popular (1 is balanced), `skew` the power law's exponent (0 is
    uniform between them, 1 is excluded). Source: inverse of the truncated power-law distribution function.
    """
    floor = span ** (skew - 1.0)
    return (floor + (1.0 - floor) * quantile) ** (1.0 / (1.0 - skew))


def slowest_load(*, experts: Count, expert_parallel: Count, mean: Ratio, deviation: Ratio, top: Ratio) -> Ratio:
    """Tokens of the most loaded rank over the mean rank, experts placed at random.

    `mean` and `deviation` are of the popularity, `top` that of the most popular expert. Two limits:
    the largest of many nearly normal sums, and a rank of average experts beside the top one.
    Source: expected maximum of normal draws, fitted within 7 % for 2 to 256 ranks.
    """
    xp = namespace(experts, expert_parallel, mean, deviation)
    local = experts / expert_parallel
    draws = 0.749 * xp.log(expert_parallel) ** 0.774
    spread = xp.sqrt(xp.maximum(1.0 - 1.0 / expert_parallel, 0.0) / local)
    summed = 1.0 + deviation / mean * draws * spread
    lone = (top / mean + local - 1.0) / local
    load = (summed**4 + lone**4 - 1.0) ** 0.25
    return xp.where(expert_parallel > 1, xp.minimum(load, expert_parallel), 1.0)


def route(*, tokens: Count, active: Count, experts: Count, expert_parallel: Count, skew: Ratio, span: Ratio) -> Routing:
    """What the slowest rank gets when `tokens` of the whole group choose `active` of `experts` each.

    An expert that a token picks with probability p has 1 - (1 - p)^tokens to be active.
    Source: definition.
    """
    xp = namespace(tokens, active, experts, expert_parallel, skew, span)
    shape = xp.stack([xp.asarray(popularity(quantile=at, skew=skew, span=span)) for at in QUANTILES], axis=-1)
    mean = xp.mean(shape, axis=-1)
    top = popularity(quantile=experts / (experts + 1.0), skew=skew, span=span)
    load = slowest_load(
        experts=experts,
        expert_parallel=expert_parallel,
        mean=mean,
        deviation=xp.std(shape, axis=-1),
        top=top,
    )
    crowd = xp.maximum(tokens, 1.0)
    load = xp.maximum(load, expert_parallel / (crowd * active))
    chosen = xp.minimum(trailing(tokens * active / experts * load / mean / crowd) * shape, 1.0)
    # As a power, through a logarithm: several times faster.
    idle = xp.exp(trailing(crowd) * xp.log(xp.maximum(1.0 - chosen, NEVER_IDLE)))
    local = experts / expert_parallel
    return Routing(
        rows=chosen * trailing(tokens),
        local_experts=local,
        active_experts=local * (1.0 - xp.mean(idle, axis=-1)),
        load=load,
    )


def experts_time(
    *,
    rows: Count,
    local_experts: Count,
    active_experts: Count,
    hidden: Count,
    inner: Count,
    matrices: Count,
    weight_bytes: Bytes,
    activation_bytes: Bytes,
    peak: FlopsPerSecond,
    compute_units: Count,
    memory_bandwidth: BytesPerSecond,
    efficiency: Ratio,
    bandwidth_efficiency: Ratio,
    step_time: Seconds,
    prologue: Count,
    staging: Ratio,
    overlap: Ratio,
    expert_time: Seconds,
    routed_bytes: Bytes,
    rounding: Ratio = 1.0,
    largest_tile: Count = 256.0,
    output_bytes: Bytes = 2.0,
    flop_per_mac: Flops = 2.0,
) -> Seconds:
    """Time of the routed feed-forward of one layer on the slowest rank, without launch.

    `inner` is this rank's part of an expert's width; `matrices` 3 is a gated expert, 2 a plain one;
    `expert_time` the cost of an expert that is there, busy or not; `routed_bytes` the traffic of
    permuting, activating and combining per hidden value of a routed token.
    Source: two grouped products; parameters fitted on measured kernels.
    """
    xp = namespace(rows, hidden, inner, peak, efficiency)
    moved = local_experts * xp.mean(rows, axis=-1) * hidden * routed_bytes
    time = local_experts * expert_time + moved / memory_bandwidth
    for inputs, outputs in ((hidden, (matrices - 1.0) * inner), (inner, hidden)):
        time = time + grouped_product_time(
            rows=rows,
            groups=local_experts,
            active_groups=active_experts,
            inputs=inputs,
            outputs=outputs,
            weight_bytes=weight_bytes,
            activation_bytes=activation_bytes,
            peak=peak,
            compute_units=compute_units,
            memory_bandwidth=memory_bandwidth,
            efficiency=efficiency,
            bandwidth_efficiency=bandwidth_efficiency,
            step_time=step_time,
            prologue=prologue,
            staging=staging,
            overlap=overlap,
            rounding=rounding,
            largest_tile=largest_tile,
            output_bytes=output_bytes,
            flop_per_mac=flop_per_mac,
        )
    return time
