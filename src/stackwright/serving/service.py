"""A replica in steady state: what it serves, how fast, and how hard its chips work.

Two ways to run: aggregated (prefill and decode share the chips; every prefill delays the running
decodes) and disaggregated (a pool for each; finished caches cross the fabric). In both, the batch
axis counts running sequences per attention rank and pipeline stage in the peak hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import (
    BytesPerSecond,
    Count,
    FlopsPerSecond,
    Ratio,
    Requests,
    RequestsPerSecond,
    Seconds,
    TokensPerSecond,
)
from stackwright.model.sharding import Layout
from stackwright.serving import queueing


@spec
class Lengths:
    """Request lengths and arrivals of a workload.

    `nodes` are input lengths that stand for shares `weights` of the requests; the last two have no
    weight and are the median and the 95th percentile. Nodes lie on the FIRST axis, (Q, ...), so that
    everything else broadcasts behind it; `over` adds the axes that a grid needs.
    """

    nodes: Count
    weights: Ratio
    input_mean: Count
    output_mean: Count
    context_mean: Count
    """Mean length of what a decode step attends to, over output tokens."""
    arrival_scv: Ratio
    """Squared coefficient of variation of the times between requests."""
    prefix_hits: Ratio
    """Share of input tokens whose cache is found."""

    def over(self, axes: int) -> Lengths:
        """The same lengths with their nodes ahead of so many axes of a grid. Source: definition."""
        shape = (-1, *(1,) * axes)
        return replace(self, nodes=self.nodes.reshape(shape), weights=self.weights.reshape(shape))


@spec
class Pool:
    """Chips that do one phase, and how hard each works in the peak hour."""

    chips: Count
    flop_rate: FlopsPerSecond
    byte_rate: BytesPerSecond


@spec
class Service:
    """One replica (with its share of the prefill pool, where that is apart)."""

    decode: Pool
    prefill: Pool
    tokens_per_second: TokensPerSecond
    requests_per_second: RequestsPerSecond
    ttft_p50: Seconds
    ttft_p95: Seconds
    tpot_p50: Seconds
    tpot_p95: Seconds
    utilization: Ratio
    memory: Ratio
    """Margin: memory needed over memory there is, minus one."""

    @property
    def chips(self) -> Count:
        """All chips of the replica."""
        return self.decode.chips + self.prefill.chips


@dataclass(frozen=True)
class DecodeStep:
    """A decode round of one rank: seconds, and work per chip; `memory` is the margin.

    With pipeline stages, a round passes one microbatch per stage through all of them; a chip does its
    part of each, which adds up to one whole pass's work.
    """

    seconds: Any
    flops: Any
    bytes: Any
    memory: Any


@dataclass(frozen=True)
class Prefill:
    """Prefills of the length nodes (Q, ...): seconds to pass all stages, and work per chip."""

    seconds: Any
    flops: Any
    bytes: Any


def node_mean(values: Any, lengths: Lengths) -> Any:
    """Mean over requests of a value known at the length nodes: (Q, ...) to (...). Source: definition."""
    return (values * lengths.weights).sum(axis=0)


def squared_variation(values: Any, mean: Any, lengths: Lengths) -> Any:
    """Squared coefficient of variation over requests of a value at the nodes. Source: definition."""
    return node_mean(values**2, lengths) / mean**2 - 1.0


def shared_stalls(*, stalls: Ratio, ranks: Count) -> Ratio:
    """Prefill passes per round that hold up every rank of an expert-parallel replica.

    Ranks meet at each expert exchange, so a prefill on one holds up all; prefills of several ranks that
    fall into one round run side by side. `stalls` is per rank and round.
    Source: chance that at least one of independent ranks has a prefill; at least each rank's own.
    """
    xp = namespace(stalls, ranks)
    return xp.maximum(stalls, 1.0 - (1.0 - xp.minimum(stalls, 1.0)) ** ranks)


def aggregated(
    *,
    layout: Layout,
    batch: Count,
    step: DecodeStep,
    prefill: Prefill,
    lengths: Lengths,
    tokens_per_step: Ratio,
    first_token_overhead: Seconds,
    servers: Count = 1.0,
) -> Service:
    """Prefill and decode on the same chips.

    A round serves every running sequence once and, per rank, ``batch * pipeline / output`` prefills,
    each of which holds every stage for its share of the prefill time:
    ``TPOT = step + stalls * prefill / pipeline``, with the stalls that a rank shares with the others
    (see `shared_stalls`). Prefills go first (as engines do by
    default), so a new request waits only for other prefills and the round that is running. `servers`
    ranks stand behind a router that sends each request to the least loaded one.
    Source: conservation of requests in steady state; waiting as in `queueing`.
    """
    xp = namespace(step.seconds, layout.tensor)
    sequences = batch * layout.pipeline
    mean = node_mean(prefill.seconds, lengths)
    scv = squared_variation(prefill.seconds, mean, lengths)
    hold = mean / layout.pipeline
    rounds = lengths.output_mean / tokens_per_step
    stalls = sequences / rounds
    round_time = step.seconds + shared_stalls(stalls=stalls, ranks=layout.data) * hold
    rate = stalls / round_time
    busy = rate * hold
    wait = queueing.mean_wait(
        service=hold, service_scv=scv, arrival_scv=lengths.arrival_scv, utilization=busy, servers=servers
    )
    waits = queueing.chance_of_waiting(utilization=busy, servers=servers)
    wait_50, wait_95 = (queueing.wait_quantile(mean=wait, chance=waits, beyond=share) for share in (0.5, 0.05))
    own_50, own_95 = prefill.seconds[-2], prefill.seconds[-1]
    fixed = first_token_overhead + 0.5 * step.seconds
    ttft_95 = fixed + queueing.sum_95(first_mean=mean, first_95=own_95, second_mean=wait, second_95=wait_95)
    tpot_95 = queueing.token_time_95(
        step=step.seconds,
        stall=hold,
        stall_scv=scv,
        stalls_per_step=shared_stalls(stalls=stalls, ranks=layout.data),
        output=rounds,
    )
    flops = step.flops + stalls * node_mean(prefill.flops, lengths) / layout.pipeline
    moved = step.bytes + stalls * node_mean(prefill.bytes, lengths) / layout.pipeline
    requests = rate * layout.data
    idle = 0.0 * round_time
    return Service(
        decode=Pool(chips=layout.chips + idle, flop_rate=flops / round_time, byte_rate=moved / round_time),
        prefill=Pool(chips=idle, flop_rate=idle, byte_rate=idle),
        tokens_per_second=requests * lengths.output_mean,
        requests_per_second=requests,
        ttft_p50=fixed + own_50 + wait_50,
        ttft_p95=xp.maximum(ttft_95, fixed + own_95),
        tpot_p50=round_time / tokens_per_step,
        tpot_p95=tpot_95 / tokens_per_step,
        utilization=busy,
        memory=step.memory + idle,
    )


def disaggregated(
    *,
    layout: Layout,
    batch: Count,
    step: DecodeStep,
    lengths: Lengths,
    tokens_per_step: Ratio,
) -> Service:
    """The decode pool alone: no prefill ever stalls it. `with_prefill` adds the other pool.

    Source: conservation of requests in steady state.
    """
    sequences = batch * layout.pipeline
    rate = sequences * tokens_per_step / (lengths.output_mean * step.seconds) * layout.data
    idle = 0.0 * step.seconds
    return Service(
        decode=Pool(
            chips=layout.chips + idle,
            flop_rate=step.flops / step.seconds,
            byte_rate=step.bytes / step.seconds,
        ),
        prefill=Pool(chips=idle, flop_rate=idle, byte_rate=idle),
        tokens_per_second=rate * lengths.output_mean,
        requests_per_second=rate,
        ttft_p50=step.seconds + idle,
        ttft_p95=step.seconds + idle,
        tpot_p50=step.seconds / tokens_per_step,
        tpot_p95=step.seconds / tokens_per_step,
        utilization=1.0 + idle,
        memory=step.memory + idle,
    )


@spec
class PrefillPool:
    """A prefill replica: its chips, rate, latency, and work, per request it takes in."""

    chips: Count
    requests_per_second: RequestsPerSecond
    flop_rate: FlopsPerSecond
    byte_rate: BytesPerSecond
    ttft_p50: Seconds
    ttft_p95: Seconds
    memory: Ratio


def prefill_pool(
    *,
    layout: Layout,
    prefill: Prefill,
    lengths: Lengths,
    utilization: Ratio,
    servers: Count,
    transfer: Seconds,
    memory: Ratio,
    first_token_overhead: Seconds,
    request: Requests = 1.0,
) -> PrefillPool:
    """A prefill replica loaded to a utilization, beside so many like it behind one queue.

    `transfer` (Q, ...) moves a finished cache to the decode pool. Source: waiting as in `queueing`.
    """
    mean = node_mean(prefill.seconds, lengths)
    scv = squared_variation(prefill.seconds, mean, lengths)
    hold = mean / layout.pipeline
    wait = queueing.mean_wait(
        service=hold, service_scv=scv, arrival_scv=lengths.arrival_scv, utilization=utilization, servers=servers
    )
    waits = queueing.chance_of_waiting(utilization=utilization, servers=servers)
    wait_50, wait_95 = (queueing.wait_quantile(mean=wait, chance=waits, beyond=share) for share in (0.5, 0.05))
    total = prefill.seconds + transfer
    total_mean = node_mean(total, lengths)
    rate = request * utilization / hold * layout.data
    per_chip = utilization / hold / layout.pipeline
    return PrefillPool(
        chips=layout.chips + 0.0 * rate,
        requests_per_second=rate,
        flop_rate=node_mean(prefill.flops, lengths) * per_chip,
        byte_rate=node_mean(prefill.bytes, lengths) * per_chip,
        ttft_p50=first_token_overhead + total[-2] + wait_50,
        ttft_p95=first_token_overhead
        + queueing.sum_95(first_mean=total_mean, first_95=total[-1], second_mean=wait, second_95=wait_95),
        memory=memory + 0.0 * rate,
    )


def with_prefill(decode: Service, pool: PrefillPool) -> Service:
    """A decode replica joined by as many prefill chips as its request rate needs.

    Pools are shared by many replicas, so the share is a fraction; counts are rounded up once, for
    the whole deployment. Source: conservation of requests.
    """
    xp = namespace(decode.requests_per_second, pool.requests_per_second)
    share = decode.requests_per_second / pool.requests_per_second * pool.chips
    return Service(
        decode=decode.decode,
        prefill=Pool(chips=share, flop_rate=pool.flop_rate + 0.0 * share, byte_rate=pool.byte_rate + 0.0 * share),
        tokens_per_second=decode.tokens_per_second + 0.0 * share,
        requests_per_second=decode.requests_per_second + 0.0 * share,
        ttft_p50=decode.ttft_p50 + pool.ttft_p50,
        ttft_p95=decode.ttft_p95 + pool.ttft_p95,
        tpot_p50=decode.tpot_p50 + 0.0 * share,
        tpot_p95=decode.tpot_p95 + 0.0 * share,
        utilization=decode.utilization + 0.0 * share,
        memory=xp.maximum(decode.memory, pool.memory),
    )
