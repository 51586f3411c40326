"""A replica's scheduler, event by event: the check of the closed forms in `queueing` and `service`.

Rounds are not played token by token: between two events (an arrival, a finish, a prefill, memory that
runs out) nothing changes but the contexts, so the clock jumps over all rounds between them. Finishes are
kept on a counter of rounds that all running sequences share, which costs one heap entry per request.

Aggregated replicas follow today's engines: continuous batching, prompts first and in chunks of a token budget,
a limit on running sequences, a cache in blocks, preemption of the newest sequence by recomputing it. Decode pools are
the same with requests whose caches arrive with them; prefill pools are a queue with several servers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop

import numpy as np

from stackwright.core.units import Array, Count, Ratio, RequestsPerSecond, Seconds, Tokens
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.scheduler import PREFIX_TOKENS, Limits, PrefillQueue, Scheduler
from stackwright.serving.scheduler_prefixes import PrefixCache
from stackwright.serving.scheduler_tables import Timing

NEVER = float("inf")


@dataclass(frozen=True)
class Stream:
    """Requests in order of arrival [N].

    `hits` are prompt tokens whose cache is known to be found; where `prefixes` has the ids of a prompt's blocks,
    the cache decides instead. `emitted` counts the tokens that a request already has: above zero for those
    under way when the clock starts.
    """

    arrival: Array
    input_tokens: Array
    output_tokens: Array
    hits: Array
    emitted: Array
    prefixes: Sequence[Sequence[int]] = ()

    def __len__(self) -> int:
        return len(self.arrival)

    def later(self, delay: Array) -> tuple[Stream, Array]:
        """The stream where each request comes by its delay [N] later, and the order of that; without prefixes."""
        arrival = self.arrival + delay
        order = np.argsort(arrival, kind="stable")
        fields = ("input_tokens", "output_tokens", "hits", "emitted")
        return Stream(arrival=arrival[order], **{name: getattr(self, name)[order] for name in fields}), order


@dataclass(frozen=True)
class Run:
    """What a simulation saw; arrays are by request [N] in the stream's order, of those that were served."""

    served: Array
    """Places of the served requests in the stream."""
    first_token: Seconds
    """From arrival to the first token."""
    finish: Seconds
    """From arrival to the last token."""
    later_tokens: Tokens
    """Tokens of each request after its first."""
    duration: Seconds
    occupancy: Count
    """Mean number of sequences that decode."""
    present: Count
    """Mean number of requests that arrived and did not finish."""
    memory: Ratio
    """Mean share of the blocks in use by sequences."""
    peak_memory: Ratio
    preemptions: int
    refused: int
    """Requests that would not fit into the cache alone."""
    hits: Ratio
    """Share of prompt tokens found in the prefix cache."""
    jumps: int
    rounds: int

    def token_time(self, counted: Array = True) -> Seconds:
        """Mean time between tokens of each of the `counted` requests [N] that has more than one."""
        several = (self.later_tokens > 0) & counted
        return (self.finish - self.first_token)[several] / self.later_tokens[several]


def poisson(
    *, requests: int, rate: RequestsPerSecond, input_tokens: Tokens, output_tokens: Tokens, seed: int
) -> Stream:
    """Requests that are all alike and arrive at random."""
    gaps = np.random.default_rng(seed).exponential(1.0 / rate, requests)
    return Stream(
        arrival=np.cumsum(gaps),
        input_tokens=np.full(requests, int(input_tokens)),
        output_tokens=np.full(requests, int(output_tokens)),
        hits=np.zeros(requests, dtype=int),
        emitted=np.zeros(requests, dtype=int),
    )


def at_once(stream: Stream, concurrency: int) -> Stream:
    """The stream for a closed loop: so many requests at the start, each later one when another finishes."""
    arrival = np.full(len(stream), NEVER)
    arrival[:concurrency] = 0.0
    return replace(stream, arrival=arrival)


def with_sequences_under_way(stream: Stream, count: int, seed: int) -> Stream:
    """The stream behind so many of its requests that have emitted a part of their output at the start.

    A request is met in the middle of its output as often as it is long, and anywhere in it: the state that a
    long run settles into, as far as rounds take equal time. Where no request has a second token, none is.
    """
    draw = np.random.default_rng(seed)
    later = stream.output_tokens - 1.0
    if not later.any():
        return stream
    who = draw.choice(len(stream), count, p=later / later.sum())
    emitted = 1 + (draw.random(count) * later[who]).astype(int)

    def joined(first: Array, rest: Array) -> Array:
        return np.concatenate([first, rest])

    return Stream(
        arrival=joined(np.zeros(count), stream.arrival),
        input_tokens=joined(stream.input_tokens[who], stream.input_tokens),
        output_tokens=joined(stream.output_tokens[who], stream.output_tokens),
        hits=joined(stream.hits[who], stream.hits),
        emitted=joined(emitted, stream.emitted),
        prefixes=[*[()] * count, *stream.prefixes] if stream.prefixes else (),
    )


def simulate(stream: Stream, timing: Timing, limits: Limits, *, prefilled: bool = False) -> Run:
    """Run a replica until the stream is served.

    `prefilled` requests arrive with their caches, as in a decode pool; a preempted one is computed again on the
    spot. Requests that have no time of arrival yet (`at_once`) arrive as others finish.
    """
    return _Replica(stream, timing, limits, prefilled).run()


@dataclass(frozen=True)
class PoolRun:
    """What a simulated prefill pool did; arrays are by request [N]."""

    latency: Seconds
    """From arrival to the end of the prefill."""
    busy: Ratio
    """Mean share of the servers at work from the first arrival to the last."""
    hits: Ratio


def simulate_prefills(
    stream: Stream,
    timing: Timing,
    *,
    servers: int,
    pass_tokens: float = 0.0,
    prefix_blocks: int = 0,
    stretch: float = 1.0,
) -> PoolRun:
    """A prefill pool: one queue, whole prompts, first come first served.

    The rules are those of `PrefillQueue`. Prefixes are found wherever they lie in the pool. `stretch` multiplies
    all times.

    Source: definition (first come, first served).
    """
    cache = PrefixCache(prefix_blocks)
    lengths: list[int] = stream.input_tokens.tolist()
    hits: list[int] = stream.hits.tolist()
    computed = []
    for who, length in enumerate(lengths):
        known = cache.take(stream.prefixes[who]) * PREFIX_TOKENS if stream.prefixes else hits[who]
        computed.append(length - min(known, length - 1))
    queue = PrefillQueue(timing, servers, pass_tokens, stretch)
    queue.prompts.extend(zip(stream.arrival.tolist(), computed, lengths, range(len(stream)), strict=True))
    latency: list[float] = []
    work = 0.0
    while queue.prompts:
        start, seconds, prompts = queue.take()
        work += seconds / timing.stages
        latency += [start + seconds - prompt[0] for prompt in prompts]
    return PoolRun(
        latency=np.array(latency),
        busy=work / servers / (stream.arrival[-1] - stream.arrival[0]),
        hits=1.0 - sum(computed) / sum(lengths),
    )


class _Replica(Scheduler):
    """A scheduler whose requests are all known from the start. They are named by their place in the stream."""

    def __init__(self, stream: Stream, timing: Timing, limits: Limits, prefilled: bool) -> None:
        super().__init__(timing, limits)
        self.arrival: list[float] = stream.arrival.tolist()
        self.inputs = stream.input_tokens.tolist()
        self.outputs = stream.output_tokens.tolist()
        self.hits = stream.hits.tolist()
        self.emitted = stream.emitted.tolist()
        self.prefixes = stream.prefixes
        self.length = [prompt + given for prompt, given in zip(self.inputs, self.emitted, strict=True)]
        self.cached = [prefilled or given > 0 for given in self.emitted]
        self.first, self.finish = [NEVER] * len(stream), [NEVER] * len(stream)
        self.released = sum(time < NEVER for time in self.arrival)

    def run(self) -> Run:
        count = len(self.arrival)
        while self.gone < count:
            if self.arrived < count and self.arrival[self.arrived] <= self.now:
                self._arrive()
            if self.waiting and self.seated < self.limits.sequences:
                self._admit()
            if self.prefills:
                self._round()
            elif self.running:
                self._jump()
            elif self.arrived < count:
                self.now = max(self.now, self.arrival[self.arrived])
        return self._result()

    def _arrive(self) -> None:
        arrival, now, count = self.arrival, self.now, len(self.arrival)
        while self.arrived < count and arrival[self.arrived] <= now:
            who = self.arrived
            self.arrived += 1
            if self._fits(who):
                self.waiting.append(who)
            else:
                self.refused += 1
                self._leave()

    def _round(self) -> None:
        seconds, done = self._round_with_prefills()
        self._advance(1, seconds)
        for who, still in done:
            self._first_token(who, self.now + still)

    def _jump(self) -> None:
        """All rounds up to the next event at once; the context of the middle one stands for theirs."""
        self._preempt()
        size = len(self.running)
        if not size:
            return
        step, batch, context = self.timing.steps.at, size / self.groups, self.context / size
        ends, running = self.ends, self.running
        while running.get(ends[0][1]) != ends[0][0]:
            heappop(ends)
        rounds = ends[0][0] - self.rounds
        seconds = step(batch, context)
        if self.arrived < self.released and not self.waiting:
            apart = self.arrival[self.arrived] - self.now
            if apart < rounds * seconds:
                if apart > BLOCK_TOKENS * seconds:
                    seconds = step(batch, context + 0.5 * apart / seconds)
                rounds = int(apart / seconds) + 1
        if self.free < size * (rounds // BLOCK_TOKENS + 1):
            rounds = min(rounds, self._rounds_in_memory(size))
        if rounds > 1:
            seconds = step(batch, context + 0.5 * (rounds - 1))
        self._advance(rounds, rounds * seconds)

    def _rounds_in_memory(self, size: int) -> int:
        whole = self.free // size
        if whole:
            return whole * BLOCK_TOKENS
        used, rounds = 0, 0
        while (used := used + self.phases[(self.rounds + rounds) % BLOCK_TOKENS]) <= self.free:
            rounds += 1
        return rounds

    def _leave(self) -> None:
        """A request is gone; in a closed loop the next one comes."""
        self.gone += 1
        if self.released < len(self.arrival):
            self.arrival[self.released] = self.now
            self.released += 1

    def _result(self) -> Run:
        finish, arrival = np.array(self.finish), np.array(self.arrival)
        served = np.flatnonzero(finish < NEVER)
        return Run(
            served=served,
            first_token=np.array(self.first)[served] - arrival[served],
            finish=finish[served] - arrival[served],
            later_tokens=np.array(self.outputs)[served] - 1,
            duration=self.now,
            occupancy=self.running_time / self.now,
            present=self.present_time / self.now,
            memory=self.block_time / self.now / self.limits.blocks,
            peak_memory=self.peak / self.limits.blocks,
            preemptions=self.preemptions,
            refused=self.refused,
            hits=self.found / max(self.looked_up, 1),
            jumps=self.jumps,
            rounds=self.rounds,
        )
