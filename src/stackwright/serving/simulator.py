"""A replica's scheduler, event by event: the check of the closed forms in `queueing` and `service`.

Rounds are not played token by token: between two events (an arrival, a finish, a prefill, memory that
runs out) nothing changes but the contexts, so the clock jumps over all rounds between them. Finishes are
kept on a counter of rounds that all running sequences share, which costs one heap entry per request.

Aggregated replicas follow today's engines: continuous batching, prompts first and in chunks of a token budget,
a limit on running sequences, a cache in blocks, preemption of the newest sequence by recomputing it. Decode pools are
the same with requests whose caches arrive with them; prefill pools are a queue with several servers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush, heapreplace

import numpy as np

from stackwright.core.units import Array, Count, Ratio, RequestsPerSecond, Seconds, Tokens
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.scheduler_prefixes import PrefixCache
from stackwright.serving.scheduler_tables import Timing

PREFIX_TOKENS = 512
"""Tokens of a block of a prefix, as the traces hash them."""
PREFIX_BLOCKS = PREFIX_TOKENS // BLOCK_TOKENS

CHUNK_TOKENS = 8192
"""Prompt tokens that a rank takes into one round: vLLM's default for a server on chips with 70 GB or more
(vllm/engine/arg_utils.py, `max_num_batched_tokens`); on smaller ones it is 2048."""

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


@dataclass(frozen=True)
class Limits:
    """What the scheduler may use, over all ranks of a replica."""

    ranks: int
    """Attention ranks that step together."""
    sequences: int
    blocks: int
    chunk_tokens: int = CHUNK_TOKENS
    """Per rank and round."""
    prefix_blocks: int = 0
    """Most blocks of prefixes kept, as far as running sequences leave room; 0 for no prefix cache."""


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

    A server whose first stage is free takes the prompt at the head of the queue, and those behind it that have come
    as far as all fit into `pass_tokens`. Prefixes are found wherever they lie in the pool. `stretch` multiplies
    all times.

    Source: definition (first come, first served).
    """
    cache = PrefixCache(prefix_blocks)
    arrival: list[float] = stream.arrival.tolist()
    lengths: list[int] = stream.input_tokens.tolist()
    hits: list[int] = stream.hits.tolist()
    count = len(arrival)
    computed = []
    for who, length in enumerate(lengths):
        known = cache.take(stream.prefixes[who]) * PREFIX_TOKENS if stream.prefixes else hits[who]
        computed.append(length - min(known, length - 1))
    ready = [0.0] * servers
    latency: list[float] = []
    work, who = 0.0, 0
    while who < count:
        start = max(arrival[who], ready[0])
        tokens, seconds, begun = computed[who], timing.prefill(computed[who], lengths[who]), who
        who += 1
        while who < count and arrival[who] <= start and (tokens := tokens + computed[who]) <= pass_tokens:
            seconds += timing.prefill(computed[who], lengths[who], first=False)
            who += 1
        seconds *= stretch
        heapreplace(ready, start + seconds / timing.stages)
        work += seconds / timing.stages
        latency += [start + seconds - came for came in arrival[begun:who]]
    return PoolRun(
        latency=np.array(latency),
        busy=work / servers / (arrival[-1] - arrival[0]),
        hits=1.0 - sum(computed) / sum(lengths),
    )


class _Replica:
    """State of a scheduler. Requests are named by their place in the stream.

    A running sequence needs a new block in a round that begins with its context a whole number of blocks;
    `phases` counts running sequences by ``(rounds - context) mod 16``, which no round changes: that round mod 16.
    """

    def __init__(self, stream: Stream, timing: Timing, limits: Limits, prefilled: bool) -> None:
        self.timing, self.limits = timing, limits
        self.groups = limits.ranks * timing.stages
        self.arrival: list[float] = stream.arrival.tolist()
        self.inputs: list[int] = stream.input_tokens.tolist()
        self.outputs: list[int] = stream.output_tokens.tolist()
        self.hits: list[int] = stream.hits.tolist()
        self.emitted: list[int] = stream.emitted.tolist()
        self.prefixes = stream.prefixes
        self.length = [prompt + given for prompt, given in zip(self.inputs, self.emitted, strict=True)]
        self.cached = [prefilled or given > 0 for given in self.emitted]
        self.first, self.finish = [NEVER] * len(stream), [NEVER] * len(stream)

        self.now, self.rounds, self.jumps = 0.0, 0, 0
        self.arrived, self.gone, self.seated, self.free = 0, 0, 0, limits.blocks
        self.released = sum(time < NEVER for time in self.arrival)
        self.waiting: deque[int] = deque()
        self.prefills: deque[int] = deque()
        self.left: dict[int, int] = {}
        """Tokens of each prompt that no round has taken yet; `ready` counts those that the next could take."""
        self.ready = 0
        self.running: dict[int, int] = {}
        """The round at which each running sequence ends, oldest first."""
        self.ends: list[tuple[int, int]] = []
        """A heap of the same; entries of preempted sequences stay until they surface."""
        self.newcomers: list[int] = []
        self.phases = [0] * BLOCK_TOKENS
        self.context = 0
        self.cache = PrefixCache(limits.prefix_blocks)
        self.running_time = self.present_time = self.block_time = 0.0
        self.peak = self.preemptions = self.refused = self.looked_up = self.found = 0

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
            if -(-(self.inputs[who] + self.outputs[who]) // BLOCK_TOKENS) > self.limits.blocks:
                self.refused += 1
                self._leave()
            else:
                self.waiting.append(who)

    def _admit(self) -> None:
        """First come first served: as many prompts as fill a round, and as there is room for.

        The next token needs room too: without it, a preempted sequence would come back only to leave again.
        """
        waiting, limits = self.waiting, self.limits
        budget = limits.ranks * limits.chunk_tokens
        while waiting and self.seated < limits.sequences and self.ready < budget:
            who = waiting[0]
            length = self.length[who]
            if length // BLOCK_TOKENS >= self.free:
                break
            waiting.popleft()
            self.seated += 1
            self.free -= -(-length // BLOCK_TOKENS)
            if self.cached[who]:
                if not self.emitted[who]:
                    self.newcomers.append(who)
                self._seat(who)
            else:
                self.left[who] = length - self._look_up(who)
                self.ready += min(self.left[who], limits.chunk_tokens)
                self.prefills.append(who)
        self._trim()

    def _look_up(self, who: int) -> int:
        """Tokens of a prompt whose cache is found; at least one token is always computed."""
        length = self.inputs[who]
        known = self.cache.take(self.prefixes[who]) * PREFIX_TOKENS if self.prefixes else self.hits[who]
        found = min(known, length - 1)
        self.looked_up += length
        self.found += found
        return found

    def _trim(self) -> None:
        if self.prefixes and len(self.cache) * PREFIX_BLOCKS > self.free:
            self.cache.trim(self.free // PREFIX_BLOCKS)

    def _seat(self, who: int) -> None:
        end = self.rounds + self.outputs[who] - self.emitted[who]
        self.running[who] = end
        heappush(self.ends, (end, who))
        self.phases[(self.rounds - self.length[who]) % BLOCK_TOKENS] += 1
        self.context += self.length[who]

    def _unseat(self, who: int, end: int) -> None:
        """Take a sequence's blocks back; its length and tokens are brought up to date."""
        emitted = self.outputs[who] - (end - self.rounds)
        length = self.length[who] + emitted - self.emitted[who]
        self.emitted[who], self.length[who] = emitted, length
        self.phases[(self.rounds - length) % BLOCK_TOKENS] -= 1
        self.context -= length
        self._release(length)

    def _release(self, length: int) -> None:
        self.free += -(-length // BLOCK_TOKENS)
        self.seated -= 1

    def _preempt(self) -> None:
        """Send the newest sequences back to the queue until the next round's blocks are there."""
        while self.phases[self.rounds % BLOCK_TOKENS] > self.free:
            who, end = self.running.popitem()
            self._unseat(who, end)
            self.cached[who] = False
            if who in self.newcomers:
                self.newcomers.remove(who)
            self.waiting.appendleft(who)
            self.preemptions += 1

    def _round(self) -> None:
        """One round with prefills, in one pass with its decodes or ahead of them, as in the closed forms."""
        self._preempt()
        size = len(self.running)
        seconds, done = self._chunks(size / self.groups)
        if size:
            seconds += self.timing.step(size / self.groups, self.context / size)
        self._advance(1, seconds)
        for who, still in done:
            self._first_token(who, self.now + still)

    def _chunks(self, batch: float) -> tuple[float, list[tuple[int, float]]]:
        """Seconds by which a round's prefills make it longer, and the prompts that they finish.

        They share a pass with the `batch` of decodes per rank and stage where there is one and the engine mixes.
        Each rank takes prompts in order up to its budget, the least loaded rank first. Beside a finished prompt
        stands the time that its last chunk still needs for the other pipeline stages.
        """
        timing, budget, prefills = self.timing, self.limits.chunk_tokens, self.prefills
        mixed = timing.mixed if batch else None
        used, times = [0] * self.limits.ranks, [0.0] * self.limits.ranks
        done: list[tuple[int, float]] = []
        unfinished: list[int] = []
        while prefills:
            least = min(used)
            if least >= budget:
                break
            rank, who = used.index(least), prefills.popleft()
            left = self.left[who]
            size = min(left, budget - least)
            end = self.length[who] - left + size
            seconds = mixed.piece(size, end) if mixed else timing.prefill(size, end, first=not least)
            hold = seconds / timing.stages
            times[rank] += hold
            used[rank] = least + size
            if size == left:
                done.append((who, seconds - hold))
            else:
                self.left[who] = left - size
                unfinished.append(who)
        self.ready = sum(min(self.left[who], budget) for who in unfinished) + sum(
            min(self.left[who], budget) for who in prefills
        )
        prefills.extendleft(reversed(unfinished))
        if mixed is None:
            return max(times), done
        own = max(time + mixed.own.at(batch, tokens) / timing.stages for time, tokens in zip(times, used, strict=True))
        return own + mixed.shared.at(batch, sum(used) / len(used)) / timing.stages, done

    def _first_token(self, who: int, when: float) -> None:
        """A prefill yields a token: the first, or of a preempted sequence the next."""
        del self.left[who]
        self.emitted[who] += 1
        self.cached[who] = True
        self.first[who] = min(self.first[who], when)
        if self.emitted[who] < self.outputs[who]:
            self._seat(who)
        else:
            self._release(self.length[who])
            self.finish[who] = when
            self._leave()

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

    def _advance(self, rounds: int, seconds: float) -> None:
        """So many rounds in which nothing begins or ends but at their end."""
        size = len(self.running)
        if size:
            self._grow(size, rounds)
        used = self.limits.blocks - self.free
        if used > self.peak:
            self.peak = used
        self.running_time += size * seconds
        self.present_time += (self.arrived - self.gone) * seconds
        self.block_time += used * seconds
        if self.newcomers:
            when = self.now + seconds / rounds
            for who in self.newcomers:
                self.first[who] = min(self.first[who], when)
            self.newcomers.clear()
        self.now += seconds
        self.rounds += rounds
        self.jumps += 1
        if self.ends and self.ends[0][0] <= self.rounds:
            self._end()

    def _grow(self, size: int, rounds: int) -> None:
        """Blocks of the next rounds: one per sequence in 16, and those whose turn comes in the rest."""
        whole, rest = divmod(rounds, BLOCK_TOKENS)
        begin = self.rounds % BLOCK_TOKENS
        blocks = whole * size + sum(self.phases[begin : begin + rest])
        if begin + rest > BLOCK_TOKENS:
            blocks += sum(self.phases[: begin + rest - BLOCK_TOKENS])
        self.free -= blocks
        self.context += rounds * size
        self._trim()

    def _end(self) -> None:
        ends, running, now, rounds = self.ends, self.running, self.now, self.rounds
        while ends and ends[0][0] <= rounds:
            end, who = heappop(ends)
            if running.get(who) == end:
                del running[who]
                self._unseat(who, end)
                self.finish[who] = now
                self._leave()

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
