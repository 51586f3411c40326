"""One replica's scheduler: which sequences wait, prefill, run and leave, and what a round takes.

Who plays the rounds is left to others: `simulator` jumps over those in which nothing happens, `live` plays each on a
clock that runs. Both hold the requests, named by a number, and are told what becomes of them.

It follows today's engines: continuous batching, prompts first and in chunks of a token budget, a limit on running
sequences, a cache in blocks, preemption of the newest sequence by recomputing it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Any

from stackwright.core.units import Ratio, Seconds, Tokens
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.scheduler_prefixes import PrefixCache
from stackwright.serving.scheduler_tables import Timing

PREFIX_TOKENS = 512
"""Tokens of a block of a prefix, as the traces hash them."""
PREFIX_BLOCKS = PREFIX_TOKENS // BLOCK_TOKENS

CHUNK_TOKENS = 8192
"""Prompt tokens that a rank takes into one round: vLLM's default for a server on chips with 70 GB or more
(vllm/engine/arg_utils.py, `max_num_batched_tokens`); on smaller ones it is 2048."""


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
    present: Ratio = 1.0
    """Share of the ranks that is there: below one for a part of a rank, or where some are lost."""


ByRequest = MutableMapping[int, Any] | list[Any]
"""A value of each request: a list where all are known from the start, else a mapping of those that are there."""


class Scheduler:
    """State of a replica's scheduler between rounds.

    A running sequence needs a new block in a round that begins with its context a whole number of blocks;
    `phases` counts running sequences by ``(rounds - context) mod 16``, which no round changes: that round mod 16.
    """

    inputs: ByRequest
    outputs: ByRequest
    hits: ByRequest
    emitted: ByRequest
    length: ByRequest
    """Tokens of a request's context when it was last seated or sent back."""
    cached: ByRequest
    """Whether the cache of that context is there."""
    first: ByRequest
    finish: ByRequest
    prefixes: Sequence[Sequence[int]] = ()

    def __init__(self, timing: Timing, limits: Limits) -> None:
        self.timing, self.limits = timing, limits
        self.groups = limits.ranks * timing.stages * limits.present
        self.now, self.rounds, self.jumps = 0.0, 0, 0
        self.arrived, self.gone, self.seated, self.free = 0, 0, 0, limits.blocks
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

    def _leave(self) -> None:
        self.gone += 1

    def _finish(self, who: int, when: float) -> None:
        self.finish[who] = when
        self._leave()

    def _fits(self, who: int) -> bool:
        """Whether the cache can hold a request alone."""
        return -(-(self.inputs[who] + self.outputs[who]) // BLOCK_TOKENS) <= self.limits.blocks

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
            self._send_back(who, end)

    def _send_back(self, who: int, end: int) -> None:
        """A sequence that no longer runs goes to the head of the queue; it is computed again."""
        self._unseat(who, end)
        self.cached[who] = False
        if who in self.newcomers:
            self.newcomers.remove(who)
        self.waiting.appendleft(who)
        self.preemptions += 1

    def _round_with_prefills(self) -> tuple[float, list[tuple[int, float]]]:
        """Seconds of a round with prefills, in one pass with its decodes or ahead of them, as in the closed forms.

        Beside them the prompts that it finishes, as in `_chunks`.
        """
        self._preempt()
        size = len(self.running)
        seconds, done = self._chunks(size / self.groups)
        if size:
            seconds += self.timing.step(size / self.groups, self.context / size)
        return seconds, done

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
        present = self.limits.present
        if mixed is None:
            return max(times) / present, done
        own = max(time + mixed.own.at(batch, tokens) / timing.stages for time, tokens in zip(times, used, strict=True))
        return (own + mixed.shared.at(batch, sum(used) / len(used)) / timing.stages) / present, done

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
            self._finish(who, when)

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
                self._finish(who, now)


Prompt = tuple[Seconds, Tokens, Tokens, int]
"""A request before a prefill pool: arrival, tokens to compute, all tokens of the prompt, its number."""


class PrefillQueue:
    """A prefill pool's queue and its servers: whole prompts, first come first served.

    A server whose first stage is free takes the prompt at the head of the queue, and those behind it that have come
    as far as all fit into `pass_tokens`. `stretch` and `pace` multiply all times.
    """

    def __init__(self, timing: Timing, servers: int, pass_tokens: Tokens, stretch: Ratio) -> None:
        self.timing, self.pass_tokens, self.stretch, self.pace = timing, pass_tokens, stretch, 1.0
        self.prompts: deque[Prompt] = deque()
        self.ready = [0.0] * servers
        """When the first stage of each server is free: a heap."""

    def take(self) -> tuple[Seconds, Seconds, list[Prompt]]:
        """The next pass: when it starts, its seconds over all stages, and its prompts."""
        prompts, timing, ready, most = self.prompts, self.timing, self.ready, self.pass_tokens
        arrival, tokens, length, _ = head = prompts.popleft()
        start = arrival if arrival > ready[0] else ready[0]
        seconds, taken = timing.prefills.at(length, tokens / length), [head]
        while tokens < most and prompts and prompts[0][0] <= start and (tokens := tokens + prompts[0][1]) <= most:
            _, computed, length, _ = joining = prompts.popleft()
            seconds += timing.shared.at(length, computed / length)
            taken.append(joining)
        seconds *= self.stretch * self.pace
        heapreplace(ready, start + seconds / timing.stages)
        return start, seconds, taken
