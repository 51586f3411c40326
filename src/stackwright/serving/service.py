"""A replica in steady state: what it serves, how fast, and how hard its chips work.

Three ways to run: chunked (rounds of decode take pieces of prompts along), aggregated (prefill and decode share
the chips, in passes of their own; every prefill delays the running decodes) and disaggregated (a pool for each;
finished caches cross the fabric). In all, the batch axis counts running sequences per attention group and
pipeline stage in the peak hour: their mean number.
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

MOST_FED = 10.0
"""Most by which fluctuations of prompts in shared rounds feed themselves: beyond, the full chunk bounds a round."""


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

    @property
    def fresh(self) -> Count:
        """Tokens of the nodes' prompts that no cache holds, at least one. Source: definition."""
        return namespace(self.nodes).maximum(1.0, self.nodes * (1.0 - self.prefix_hits))

    @property
    def context_scv(self) -> Ratio:
        """Squared coefficient of variation of the contexts that run together: that of the inputs, at their mean.

        Source: definition, outputs as independent of inputs.
        """
        return node_mean((self.nodes - self.input_mean) ** 2, self) / self.context_mean**2

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
    ttft_mean: Seconds
    ttft_p50: Seconds
    ttft_p95: Seconds
    ttft_p99: Seconds
    tpot_p50: Seconds
    tpot_p95: Seconds
    tpot_p99: Seconds
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
    slack: Any = 0.0
    """Part of the seconds in which chips only wait for host memory."""
    attention: Any = 0.0
    """Share of the seconds that grows with the cached tokens."""
    spread: Any = 0.0
    """Standard deviation of the seconds over their mean, as sequences come and go."""
    growth: Any = 0.0
    """Elasticity of the seconds in the batch."""
    exchanged: Any = 0.0
    """Seconds of collectives that the engine does not hide, at no `time_spread`."""


@dataclass(frozen=True)
class Prefill:
    """Prefills of the length nodes (Q, ...): seconds to pass all stages, and work per chip."""

    seconds: Any
    flops: Any
    bytes: Any


@dataclass(frozen=True)
class Pieces:
    """Pieces of the length nodes' prompts, of `size` tokens at most, and their attention on one group.

    `tokens` (Q, ...) per piece; `seconds` and `bytes` (D, Q, ...) at equally likely depths of the prompt, the middle
    one in the middle; all stages together, bytes per chip.
    """

    size: Any
    tokens: Any
    seconds: Any
    bytes: Any

    @property
    def midway(self) -> Any:
        """Seconds of a piece in the middle of its prompt (Q, ...)."""
        return self.seconds[len(self.seconds) // 2]

    def depths(self, lengths: Lengths) -> Depths:
        """How long groups work that each have `size` tokens, drawn as tokens come."""
        xp = namespace(self.seconds, lengths.nodes)
        fresh = lengths.fresh
        shares = lengths.weights * fresh / node_mean(fresh, lengths)
        full = _joined(self.seconds * self.size / self.tokens)
        each = _joined(shares / len(self.seconds) + 0.0 * self.seconds)
        order = xp.argsort(full, axis=0)
        each = xp.take_along_axis(each, order, axis=0)
        return Depths(
            seconds=xp.take_along_axis(full, order, axis=0),
            below=xp.minimum(xp.cumsum(each, axis=0), 1.0),
            mean=(full * _joined(shares / len(self.seconds) + 0.0 * self.seconds)).sum(axis=0),
            rounds=(shares * fresh / self.tokens).sum(axis=0),
        )


@dataclass(frozen=True)
class Depths:
    """Attention of a group with a full chunk, shallow to deep: `seconds` (N, ...) and the chance of no more."""

    seconds: Any
    below: Any
    mean: Any
    rounds: Any
    """Rounds that the prompt of a token takes, in the mean over tokens."""

    def deepest(self, groups: Any) -> tuple[Any, Any]:
        """Mean and second moment of the slowest of so many groups.

        Source: definition (distribution of a maximum of independent draws).
        """
        xp = namespace(self.seconds, groups)
        until = self.below**groups
        chance = until - xp.concatenate([0.0 * until[:1], until[:-1]])
        weighted = self.seconds * chance
        return weighted.sum(axis=0), (self.seconds * weighted).sum(axis=0)


@dataclass(frozen=True)
class Chunk:
    """What `pieces.size` tokens of prompts on every attention group add to a decode round, beside their attention.

    `own` seconds are each group's for itself, `shared` ones those of the experts, on whose chips the tokens of
    all groups meet; all stages together. Bytes are per chip.
    """

    own: Any
    shared: Any
    bytes: Any
    pieces: Pieces


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
    held = shared_stalls(stalls=stalls, ranks=layout.data)
    round_time = step.seconds + held * hold
    rate = stalls / round_time
    busy = rate * hold
    wait = _wait(hold, scv, busy, lengths, servers)
    own_50, own_95 = prefill.seconds[-2], prefill.seconds[-1]
    fixed = first_token_overhead + 0.5 * step.seconds
    stray = queueing.stall_spread(stall=hold, stall_scv=scv, stalls_per_step=held, output=rounds)
    stray = (stray**2 + (step.spread * step.seconds) ** 2) ** 0.5
    flops = step.flops + stalls * node_mean(prefill.flops, lengths) / layout.pipeline
    moved = step.bytes + stalls * node_mean(prefill.bytes, lengths) / layout.pipeline
    requests = rate * layout.data
    idle = 0.0 * round_time
    return Service(
        decode=Pool(chips=layout.chips + idle, flop_rate=flops / round_time, byte_rate=moved / round_time),
        prefill=Pool(chips=idle, flop_rate=idle, byte_rate=idle),
        tokens_per_second=requests * lengths.output_mean,
        requests_per_second=requests,
        ttft_mean=fixed + mean + wait.mean,
        ttft_p50=fixed + own_50 + wait.p50,
        ttft_p95=xp.maximum(fixed + wait.with_95(mean, own_95), fixed + own_95),
        ttft_p99=xp.maximum(fixed + wait.with_99(mean, own_95), fixed + own_95),
        tpot_p50=round_time / tokens_per_step,
        tpot_p95=(round_time + queueing.NORMAL_95 * stray) / tokens_per_step,
        tpot_p99=(round_time + queueing.NORMAL_99 * stray) / tokens_per_step,
        utilization=busy,
        memory=step.memory + idle,
    )


@dataclass(frozen=True)
class _Wait:
    """A wait for a prefill: mean and percentiles."""

    mean: Any
    p50: Any
    p95: Any
    p99: Any

    def with_95(self, mean: Any, own_95: Any, turn: Any = 0.0) -> Any:
        """95th percentile of this wait, an own time of this mean and 95th percentile, and what is left of a turn."""
        return _late(mean, own_95, self.mean, self.p95, turn, 0.95)

    def with_99(self, mean: Any, own_95: Any, turn: Any = 0.0) -> Any:
        """99th percentile of the same; the own time's is as far beyond its 95th as a normal's."""
        own_99 = mean + (own_95 - mean) * queueing.NORMAL_99 / queueing.NORMAL_95
        return _late(mean, own_99, self.mean, self.p99, turn, 0.99)


def _late(own_mean: Any, own_high: Any, wait_mean: Any, wait_high: Any, turn: Any, level: float) -> Any:
    """A high percentile of three independent times; what is left of a turn when a request comes is uniform."""
    both = queueing.sum_quantile(first_mean=own_mean, first_high=own_high, second_mean=wait_mean, second_high=wait_high)
    return queueing.sum_quantile(
        first_mean=own_mean + wait_mean, first_high=both, second_mean=0.5 * turn, second_high=level * turn
    )


def _wait(hold: Any, scv: Any, busy: Any, lengths: Lengths, servers: Any) -> _Wait:
    mean = queueing.mean_wait(
        service=hold, service_scv=scv, arrival_scv=lengths.arrival_scv, utilization=busy, servers=servers
    )
    chance = queueing.chance_of_waiting(utilization=busy, servers=servers)
    return _Wait(mean, *(queueing.wait_quantile(mean=mean, chance=chance, beyond=share) for share in (0.5, 0.05, 0.01)))


def widest_share(*, arriving: Count, piece: Count, ranks: Count) -> Count:
    """Prompt tokens in a round on the rank that has most of them, when each has `arriving` in the mean.

    Prompts come in pieces that stay whole; the least loaded rank takes the next one, so that ranks are as even as
    pieces allow. Source: a Poisson number of pieces, dealt out evenly; the fullest rank has one unless none came.
    """
    xp = namespace(arriving, piece, ranks)
    return xp.maximum(arriving, piece * (1.0 - xp.exp(-ranks * arriving / piece)))


def chunked(
    *,
    layout: Layout,
    batch: Count,
    step: DecodeStep,
    chunk: Chunk,
    prefill: Prefill,
    lengths: Lengths,
    tokens_per_step: Ratio,
    first_token_overhead: Seconds,
    servers: Count = 1.0,
) -> Service:
    """Prefill and decode on the same chips, in the same passes: rounds take a chunk of prompts along.

    Decodes never wait for a whole prompt, so no round is longer than one with a full chunk, and neither is the time
    per token. With `arriving` prompt tokens per group and round, ``round = step + added``: each group's own part
    for the group that has most of them, the experts' part for the mean; attention for the group that is deepest in
    its prompt. A prompt waits for the groups' turns to be free, which full rounds decide: as in `queueing`, behind
    `servers` groups or all of the replica's.
    Source: Agrawal et al., Sarathi-Serve (2024), section 4 (chunked prefills, stall-free batching); conservation of
    requests in steady state.
    """
    xp = namespace(step.seconds, layout.tensor)
    sequences = batch * layout.pipeline
    rounds = lengths.output_mean / tokens_per_step
    fresh, pieces = lengths.fresh, chunk.pieces
    size = pieces.size
    mean_fresh = node_mean(fresh, lengths)
    arriving = batch * mean_fresh / rounds
    turns = xp.maximum(1.0, fresh / size)
    piece = node_mean(fresh * xp.minimum(fresh, size), lengths) / mean_fresh
    widest = widest_share(arriving=arriving, piece=piece, ranks=layout.data)

    def lasting(own_tokens: Any, all_tokens: Any, attention: Any) -> Any:
        """A round with so many prompt tokens on this group, and on all in the mean; waits for the host are used."""
        added = (chunk.own * own_tokens + chunk.shared * all_tokens) / size + attention
        return step.seconds + xp.maximum(0.0, added - step.slack)

    depths = pieces.depths(lengths)
    together = xp.clip(layout.data * arriving / piece, 1.0, layout.data)
    deepest, squared = depths.deepest(together)
    round_time = lasting(widest, arriving, deepest * widest / size)
    full = lasting(size, size, depths.deepest(layout.data)[0])
    rate = sequences / rounds / round_time
    scv = squared_variation(fresh, mean_fresh, lengths)
    hold = mean_fresh / size * full / layout.pipeline
    busy = rate * hold
    wait = _wait(hold, scv, busy, lengths, xp.maximum(servers, layout.data))
    pace = xp.maximum(round_time, lasting(pieces.tokens, arriving, pieces.midway)) / layout.pipeline
    first = pace * (turns + layout.pipeline - 1.0)
    fixed = first_token_overhead + 0.5 * round_time
    # What answers to more prompts: all of a lone group's part; of several only what their even spread leaves open.
    answer = xp.where(widest > arriving, layout.data * xp.exp(-layout.data * arriving / piece), 1.0)
    stall = (chunk.own + depths.mean) * answer + chunk.shared
    free = xp.maximum(round_time - stall * arriving / size, step.seconds)
    prompts = queueing.stall_spread(
        stall=stall * mean_fresh / size,
        stall_scv=scv,
        stalls_per_step=sequences / rounds * (lengths.arrival_scv + 1.0) / 2.0 / layout.data,
        output=rounds,
    )
    # Longer rounds let more prompts arrive in each, and more sequences stay: fluctuations feed themselves.
    decodes = step.seconds / free
    steady = (free / round_time) * (1.0 - step.growth * decodes)
    stray = (prompts / xp.maximum(steady, 1.0 / MOST_FED)) ** 2 + (step.spread * decodes * round_time) ** 2
    # The slowest of several groups stays as deep as it is while its prompt lasts.
    uneven = xp.where(layout.data > 1.0, squared - deepest**2, 0.0) * (widest / size) ** 2
    stray = (stray + xp.maximum(0.0, uneven) * xp.minimum(1.0, depths.rounds / rounds)) ** 0.5
    most = xp.maximum(full, round_time)

    def late(normal: float) -> Any:
        return xp.minimum(round_time + normal * stray, most * (1.0 + normal * step.spread)) / tokens_per_step

    flops = step.flops + sequences / rounds * node_mean(prefill.flops, lengths) / layout.pipeline
    moved = chunk.bytes / size * mean_fresh + node_mean(pieces.bytes.mean(axis=0) * turns, lengths)
    moved = step.bytes + sequences / rounds * moved / layout.pipeline
    requests = rate * layout.data
    idle = 0.0 * round_time
    first_mean = node_mean(first, lengths)
    return Service(
        decode=Pool(chips=layout.chips + idle, flop_rate=flops / round_time, byte_rate=moved / round_time),
        prefill=Pool(chips=idle, flop_rate=idle, byte_rate=idle),
        tokens_per_second=requests * lengths.output_mean,
        requests_per_second=requests,
        ttft_mean=fixed + first_mean + wait.mean,
        ttft_p50=fixed + first[-2] + wait.p50,
        ttft_p95=xp.maximum(first_token_overhead + wait.with_95(first_mean, first[-1], round_time), fixed + first[-1]),
        ttft_p99=xp.maximum(first_token_overhead + wait.with_99(first_mean, first[-1], round_time), fixed + first[-1]),
        tpot_p50=round_time / tokens_per_step,
        tpot_p95=late(queueing.NORMAL_95),
        tpot_p99=late(queueing.NORMAL_99),
        utilization=busy,
        memory=step.memory + idle,
    )


def _joined(values: Any) -> Any:
    """The first two axes as one."""
    return values.reshape((-1, *values.shape[2:]))


def disaggregated(
    *,
    layout: Layout,
    batch: Count,
    step: DecodeStep,
    lengths: Lengths,
    tokens_per_step: Ratio,
) -> Service:
    """The decode pool alone: no prefill ever stalls it. `with_prefill` adds the other pool.

    Its rounds vary with the sequences that run: see `queueing.step_spread`.
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
        ttft_mean=step.seconds + idle,
        ttft_p50=step.seconds + idle,
        ttft_p95=step.seconds + idle,
        ttft_p99=step.seconds + idle,
        tpot_p50=step.seconds / tokens_per_step,
        tpot_p95=step.seconds * (1.0 + queueing.NORMAL_95 * step.spread) / tokens_per_step,
        tpot_p99=step.seconds * (1.0 + queueing.NORMAL_99 * step.spread) / tokens_per_step,
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
    ttft_mean: Seconds
    ttft_p50: Seconds
    ttft_p95: Seconds
    ttft_p99: Seconds
    memory: Ratio


def prefill_pool(
    *,
    layout: Layout,
    prefill: Prefill,
    pieces: Pieces,
    lengths: Lengths,
    utilization: Ratio,
    servers: Count,
    transfer: Seconds,
    memory: Ratio,
    first_token_overhead: Seconds,
    request: Requests = 1.0,
) -> PrefillPool:
    """A prefill replica loaded to a utilization, beside so many like it behind one queue.

    Groups that have experts in common wait for the one that is deepest in its prompt (see `unevenness`).
    `transfer` (Q, ...) moves a finished cache to the decode pool. Source: waiting as in `queueing`.
    """
    seconds = prefill.seconds * unevenness(layout, prefill, pieces, lengths)
    mean = node_mean(seconds, lengths)
    scv = squared_variation(seconds, mean, lengths)
    hold = mean / layout.pipeline
    wait = _wait(hold, scv, utilization, lengths, servers)
    total = seconds + transfer
    total_mean = node_mean(total, lengths)
    rate = request * utilization / hold * layout.data
    per_chip = utilization / hold / layout.pipeline
    return PrefillPool(
        chips=layout.chips + 0.0 * rate,
        requests_per_second=rate,
        flop_rate=node_mean(prefill.flops, lengths) * per_chip,
        byte_rate=node_mean(prefill.bytes, lengths) * per_chip,
        ttft_mean=first_token_overhead + total_mean + wait.mean,
        ttft_p50=first_token_overhead + total[-2] + wait.p50,
        ttft_p95=first_token_overhead + wait.with_95(total_mean, total[-1]),
        ttft_p99=first_token_overhead + wait.with_99(total_mean, total[-1]),
        memory=memory + 0.0 * rate,
    )


def unevenness(layout: Layout, prefill: Prefill, pieces: Pieces, lengths: Lengths) -> Any:
    """Time of prefills over what they would take if all groups of a replica were equally deep in their prompts.

    Source: definition (a pass ends when its slowest group does, for chunks of `pieces`).
    """
    mean = pieces.size * node_mean(prefill.seconds, lengths) / node_mean(lengths.fresh, lengths)
    depths = pieces.depths(lengths)
    return 1.0 + (depths.deepest(layout.data)[0] - depths.mean) / mean


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
        ttft_mean=decode.ttft_mean + pool.ttft_mean,
        ttft_p50=decode.ttft_p50 + pool.ttft_p50,
        ttft_p95=decode.ttft_p95 + pool.ttft_p95,
        ttft_p99=decode.ttft_p99 + pool.ttft_p99,
        tpot_p50=decode.tpot_p50 + 0.0 * share,
        tpot_p95=decode.tpot_p95 + 0.0 * share,
        tpot_p99=decode.tpot_p99 + 0.0 * share,
        utilization=decode.utilization + 0.0 * share,
        memory=xp.maximum(decode.memory, pool.memory),
    )
