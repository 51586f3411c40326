"""A replica's scheduler, event by event: the check of the closed forms in `queueing` and `service`.

Rounds are not played token by token: between two events (an arrival, a finish, a prefill, memory that
runs out) nothing changes but the contexts, so the clock jumps over all rounds between them. Finishes are
kept on a counter of rounds that all running sequences share, which costs one heap entry per request.

Aggregated replicas follow today's engines: continuous batching, prompts first and in chunks of a token budget, a
limit on running sequences, a cache in blocks, preemption of the newest sequence by recomputing
it. Decode pools are the same with requests whose caches arrive with them; prefill pools are a queue with several servers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

from stackwright.core.units import Array, Count, Ratio, RequestsPerSecond, Seconds, Tokens
from stackwright.serving.scheduler_prefixes import PrefixCache
from stackwright.serving.scheduler_tables import Timing

BLOCK_TOKENS = 16
"""Tokens of a cache block, as vLLM and SGLang page memory by default."""

PREFIX_TOKENS = 512
"""Tokens of a block of a prefix, as the traces hash them."""
PREFIX_BLOCKS = PREFIX_TOKENS // BLOCK_TOKENS

CHUNK_TOKENS = 8192
"""Prompt tokens that a rank takes into one round: vLLM's default budget for online serving (its documentation,
"Optimization and tuning", names 8192 for throughput; older releases took 2048)."""

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
    output_tokens: Tokens
    """Tokens after the first."""
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

    @property
    def token_time(self) -> Seconds:
        """Mean time between tokens of each request that has more than one."""
        several = self.output_tokens > 0
        return (self.finish - self.first_token)[several] / self.output_tokens[several]


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
    return Stream(
        arrival=arrival,
        input_tokens=stream.input_tokens,
        output_tokens=stream.output_tokens,
        hits=stream.hits,
        emitted=stream.emitted,
        prefixes=stream.prefixes,
    )


def simulate(stream: Stream, timing: Timing, limits: Limits, *, prefilled: bool = False) -> Run:
    """Run a replica until the stream is served.

    `prefilled` requests arrive with their caches, as in a decode pool; a preempted one is computed again on the
    spot. Requests that have no time of arrival yet (`at_once`) arrive as others finish.
    """
    return _Replica(stream, timing, limits, prefilled).run()


@dataclass
class _Sums:
    """What is added up over time and requests."""

    occupancy: float = 0.0
    present: float = 0.0
    blocks: float = 0.0
    peak: int = 0
    preemptions: int = 0
    refused: int = 0
    looked_up: int = 0
    found: int = 0
    jumps: int = 0


@dataclass
class _Clock:
    """Time, and the counter of rounds that running sequences share."""

    now: float = 0.0
    rounds: int = 0


class _Replica:
    """State of a scheduler. Requests are named by their place in the stream.

    A running sequence needs a new block in the round at which its context is a whole number of blocks;
    `phases` counts running sequences by ``(context - rounds) mod 16``, which no round changes.
    """

    def __init__(self, stream: Stream, timing: Timing, limits: Limits, prefilled: bool) -> None:
        self.timing, self.limits = timing, limits
        self.arrival: list[float] = stream.arrival.tolist()
        self.inputs: list[int] = stream.input_tokens.tolist()
        self.outputs: list[int] = stream.output_tokens.tolist()
        self.emitted: list[int] = stream.emitted.tolist()
        self.hits: list[int] = stream.hits.tolist()
        self.prefixes = stream.prefixes
        count = len(self.arrival)
        self.length = [prompt + given for prompt, given in zip(self.inputs, self.emitted, strict=True)]
        self.cached = [prefilled or given > 0 for given in self.emitted]
        self.first, self.finish = [NEVER] * count, [NEVER] * count
        self.clock, self.sums = _Clock(), _Sums()
        self.free = limits.blocks
        self.seated = self.next = 0
        self.waiting: deque[int] = deque()
        self.prefills: deque[int] = deque()
        self.left: dict[int, int] = {}
        self.running: dict[int, int] = {}
        self.ends: list[tuple[int, int]] = []
        self.newcomers: list[int] = []
        self.phases = [0] * BLOCK_TOKENS
        self.context = 0
        self.cache = PrefixCache(limits.prefix_blocks)
        self.groups = limits.ranks * timing.stages
        self.closed = self.arrival[-1] == NEVER
        self.released = sum(time < NEVER for time in self.arrival)
