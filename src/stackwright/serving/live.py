"""A replica's scheduler on a clock that runs: requests come when they come, and every token has its time.

The rules are those of `scheduler`, which the simulation of a plan follows too; here every round is played. Time is
whatever the caller says it is: nothing waits, nothing is read or written. Times that are handed in never go back.

Nothing is looked ahead: a round that has begun ends when it was to end, whatever comes meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from math import ceil, floor
from typing import NamedTuple

from stackwright.core.errors import StackwrightError
from stackwright.core.units import Count, Ratio, Seconds, Tokens
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.scheduler import Limits, PrefillQueue, Prompt, Scheduler
from stackwright.serving.scheduler_tables import Curve, Timing

NEVER = float("inf")
ROUNDING = 1e-9
"""Part of a rank or a server that is none, but rounding."""


class TooLongError(StackwrightError):
    """A request whose context no cache of the replica holds."""


class Event(NamedTuple):
    """A token of a request."""

    time: Seconds
    ticket: int
    tokens: int
    """Tokens of the request so far, this one included."""
    last: bool


@dataclass
class Totals:
    """What a scheduler has done since it was started."""

    prompt_tokens: Tokens = 0
    output_tokens: Tokens = 0
    finished: int = 0
    cancelled: int = 0
    busy: Seconds = 0.0
    """Seconds of rounds."""
    prefilling: Seconds = 0.0
    """Of these, those by which prefills made them longer."""


class LiveReplica(Scheduler):
    """A replica's scheduler, round by round.

    `pace` multiplies the time of every round that begins from now on. `prefilled` requests come with their caches,
    as in a decode pool; a preempted one is computed again on the spot.
    """

    def __init__(self, timing: Timing, limits: Limits, *, prefilled: bool = False) -> None:
        super().__init__(timing, limits)
        self.inputs, self.outputs, self.hits, self.emitted = {}, {}, {}, {}
        self.length, self.cached, self.first, self.finish = {}, {}, {}, {}
        self.whole, self.prefilled = limits, prefilled
        self.pace: Ratio = 1.0
        self.lost: Ratio = 0.0
        self.totals = Totals()
        self.end: Seconds = NEVER
        """When the round that has begun ends."""
        self._seconds = 0.0
        self._decoding: list[int] = []
        self._done: list[tuple[int, float]] = []
        self._coming: list[tuple[Seconds, int]] = []
        self._heard: dict[int, int] = {}
        """Requests whose tokens are told, with the number of these so far."""
        self._decoded: dict[int, None] = {}
        """Those of them that run."""
        self._events: list[Event] = []
        self._late: list[Event] = []
        """Tokens of finished prompts that later pipeline stages have yet to pass."""
        self._dropped: list[int] = []
        self._applied: Ratio = 0.0
        """The share of the ranks that the limits leave out."""
        self._tickets = 0

    def fits(self, input_tokens: Tokens, output_tokens: Tokens) -> bool:
        """Whether the whole replica's cache could hold such a request alone."""
        return -(-(input_tokens + output_tokens) // BLOCK_TOKENS) <= self.whole.blocks

    def submit(
        self,
        now: Seconds,
        input_tokens: int,
        output_tokens: int,
        hits: int = 0,
        *,
        heard: bool = True,
        ticket: int | None = None,
    ) -> int:
        """A request that arrives at `now`; its ticket. The tokens of one that is not `heard` are no events."""
        if not self.fits(input_tokens, output_tokens):
            self.refused += 1
            raise TooLongError(f"{input_tokens} + {output_tokens} tokens do not fit into the cache")
        who = self._tickets if ticket is None else ticket
        self._tickets = max(self._tickets, who + 1)
        self.inputs[who], self.outputs[who], self.hits[who], self.emitted[who] = input_tokens, output_tokens, hits, 0
        self.length[who], self.cached[who] = input_tokens, self.prefilled
        self.first[who] = self.finish[who] = NEVER
        if heard:
            self._heard[who] = 0
        heappush(self._coming, (now, who))
        return who

    def cancel(self, ticket: int, now: Seconds) -> None:
        """A request leaves, at the end of the round that has begun; it has no more events."""
        self._late = [event for event in self._late if event.ticket != ticket]
        heapify(self._late)
        if ticket not in self.inputs:
            return
        self._heard.pop(ticket, None)
        self._dropped.append(ticket)
        if self.end == NEVER:
            self.now = max(self.now, now)
            self._drop()

    def lose(self, share: Ratio, now: Seconds) -> None:
        """That share of the whole replica's ranks is gone, from the end of the round that has begun; 0 is none.

        As large a share of the running sequences goes with its caches and is computed again.
        """
        self.lost = share
        if self.end == NEVER:
            self.now = max(self.now, now)
            self._resize()

    @property
    def next_event(self) -> Seconds:
        """When something happens next if nothing else comes."""
        late = self._late[0].time if self._late else NEVER
        if self.end < NEVER:
            return min(self.end, late)
        if self.limits.present and self._could_begin():
            return min(self.now, late)
        return min(self._coming[0][0] if self._coming else NEVER, late)

    @property
    def cache_use(self) -> Ratio:
        """Share of the blocks that sequences hold."""
        return 1.0 - self.free / self.limits.blocks if self.limits.blocks else 0.0

    @property
    def prefilling(self) -> Count:
        """Requests whose prompts are being computed."""
        return len(self.prefills) + len(self._done)

    def queued(self, now: Seconds) -> Count:
        """Requests that wait for a place, those included that came since the round began."""
        return len(self.waiting) + sum(when <= now for when, _ in self._coming)

    def advance(self, until: Seconds) -> list[Event]:
        """Play on up to a time: the tokens since the last call, in order of time."""
        while self.end < NEVER or self._begin(until):
            if self.end > until:
                break
            self._end_round()
        events, self._events = self._events, []
        if self._late and self._late[0].time <= until:
            while self._late and self._late[0].time <= until:
                events.append(heappop(self._late))
            events.sort()
        return events

    def _could_begin(self) -> bool:
        if self.prefills or self.running:
            return True
        return bool(self.waiting) and self.length[self.waiting[0]] // BLOCK_TOKENS < self.free

    def _begin(self, until: Seconds) -> bool:
        """Begin the next round, if one begins by then."""
        while self.limits.present:
            while self._coming and self._coming[0][0] <= self.now:
                self.waiting.append(heappop(self._coming)[1])
                self.arrived += 1
            if self.waiting and self.seated < self.limits.sequences:
                self._admit()
            if self.prefills:
                self._seconds, self._done = self._round_with_prefills()
                size = len(self.running)
                step = self.timing.step(size / self.groups, self.context / size) if size else 0.0
                self.totals.prefilling += (self._seconds - step) * self.pace
            elif self.running:
                self._preempt()
                size = len(self.running)
                if not size:
                    continue
                self._seconds = self.timing.step(size / self.groups, self.context / size)
            elif self._coming and self._coming[0][0] <= until:
                self.now = self._coming[0][0]
                continue
            else:
                return False
            self._seconds *= self.pace
            self._decoding = list(self._decoded)
            self.end = self.now + self._seconds
            return True
        return False

    def _end_round(self) -> None:
        for who in self._decoding:
            self._tell(who, self.end, self.end)
        self.totals.busy += self._seconds
        self.totals.output_tokens += len(self.running) + len(self._done)
        self._advance(1, self._seconds)
        done, self._done, self.end = self._done, [], NEVER
        for who, still in done:
            if not self.emitted[who]:
                self.totals.prompt_tokens += self.inputs[who]
            self._first_token(who, self.now + still * self.pace)
        if self._dropped:
            self._drop()
        if self.lost != self._applied:
            self._resize()

    def _tell(self, who: int, when: Seconds, end: Seconds) -> None:
        """A token of a round that ends at `end`; none comes before one that later stages have yet to pass."""
        if who not in self._heard:
            return
        tokens = self._heard[who] = self._heard[who] + 1
        for late in self._late:
            if late.ticket == who:
                when = max(when, late.time)
        event = Event(when, who, tokens, tokens == self.outputs[who])
        if when > end:
            heappush(self._late, event)
        else:
            self._events.append(event)

    def _first_token(self, who: int, when: float) -> None:
        self._tell(who, when, self.now)
        super()._first_token(who, when)

    def _seat(self, who: int) -> None:
        super()._seat(who)
        if who in self._heard:
            self._decoded[who] = None

    def _unseat(self, who: int, end: int) -> None:
        super()._unseat(who, end)
        self._decoded.pop(who, None)

    def _finish(self, who: int, when: float) -> None:
        self.totals.finished += 1
        self._leave()
        self._forget(who)

    def _forget(self, who: int) -> None:
        for values in (self.inputs, self.outputs, self.hits, self.emitted, self.length, self.cached):
            del values[who]
        del self.first[who], self.finish[who]
        self._heard.pop(who, None)

    def _drop(self) -> None:
        """Take out the cancelled requests that are still there."""
        for who in self._dropped:
            if who in self.inputs:
                self._take_out(who)
                self.totals.cancelled += 1
                self._forget(who)
        self._dropped.clear()

    def _take_out(self, who: int) -> None:
        if any(other == who for _, other in self._coming):
            self._coming = [(when, other) for when, other in self._coming if other != who]
            heapify(self._coming)
            return
        self._leave()
        if who in self.running:
            self._unseat(who, self.running.pop(who))
            if who in self.newcomers:
                self.newcomers.remove(who)
        elif who in self.left:
            self._end_prefill(who)
        else:
            self.waiting.remove(who)

    def _end_prefill(self, who: int) -> None:
        """A prompt that is not whole gives its place and its blocks back."""
        self.prefills.remove(who)
        del self.left[who]
        self._release(self.length[who])
        self._count_ready()

    def _count_ready(self) -> None:
        self.ready = sum(min(self.left[who], self.limits.chunk_tokens) for who in self.prefills)

    def _resize(self) -> None:
        """Give the scheduler the ranks that are left, and send the sequences of those that are lost back."""
        before, self._applied = self._applied, self.lost
        there = self.whole.ranks * self.whole.present * (1.0 - self.lost)
        ranks = max(1, ceil(there - ROUNDING))
        limits = replace(
            self.whole,
            ranks=ranks,
            present=there / ranks,
            sequences=int(self.whole.sequences * (1.0 - self.lost)),
            blocks=int(self.whole.blocks * (1.0 - self.lost)),
        )
        self.free += limits.blocks - self.limits.blocks
        self.limits = limits
        self.groups = ranks * self.timing.stages * limits.present
        if self.lost > before:
            self._send_back_share((self.lost - before) / (1.0 - before))
        while self.free < 0 and self.running:
            self._send_back(*self.running.popitem())
        while self.free < 0 and self.prefills:
            who = self.prefills[-1]
            self._end_prefill(who)
            self.waiting.appendleft(who)

    def _send_back_share(self, share: Ratio) -> None:
        """That share of all that have a place, evenly among them, newest first; prompts begin anew."""
        for who in reversed(spaced(list(self.running), share)):
            self._send_back(who, self.running.pop(who))
        for who in spaced(list(self.prefills), share):
            self.left[who] = self.length[who] - min(self.hits[who], self.inputs[who] - 1)
        self._count_ready()


def spaced(items: list[int], share: Ratio) -> list[int]:
    """That share of a list, at even distances. Source: definition."""
    return [item for place, item in enumerate(items) if floor((place + 1) * share) > floor(place * share)]


class LivePrefills:
    """A prefill pool: one queue before its servers, whole prompts, first come first served.

    `pace` multiplies the time of every pass that begins from now on.
    """

    def __init__(self, timing: Timing, *, servers: int, pass_tokens: Tokens = 0.0, stretch: Ratio = 1.0) -> None:
        self.whole, self.stretch = servers, stretch
        self.queue = PrefillQueue(timing, servers, pass_tokens, stretch)
        self.pace: Ratio = 1.0
        self.lost: Ratio = 0.0
        self.busy: Seconds = 0.0
        """Server seconds of passes."""
        self.computed: Tokens = 0
        """Prompt tokens of passes."""
        self._passes: list[tuple[Seconds, int, list[Prompt]]] = []
        self._begun = 0
        self._dropped: set[int] = set()

    def submit(self, now: Seconds, who: int, computed: Tokens, length: Tokens) -> None:
        """A prompt of `length` tokens of which so many are to be computed."""
        self.queue.prompts.append((now, computed, length, who))

    def cancel(self, who: int) -> None:
        """A prompt leaves the queue; one that is being computed stays until it is."""
        kept = [prompt for prompt in self.queue.prompts if prompt[-1] != who]
        if len(kept) < len(self.queue.prompts):
            self.queue.prompts.clear()
            self.queue.prompts.extend(kept)
        else:
            self._dropped.add(who)

    @property
    def next_event(self) -> Seconds:
        """When the next pass begins or ends."""
        begins = self._next_start()
        return min(begins, self._passes[0][0]) if self._passes else begins

    @property
    def waiting(self) -> Count:
        """Prompts that no server has taken."""
        return len(self.queue.prompts)

    @property
    def prefilling(self) -> Count:
        """Prompts that servers are at."""
        return sum(len(prompts) for _, _, prompts in self._passes)

    def advance(self, until: Seconds) -> list[tuple[Seconds, int]]:
        """Play on up to a time: when each prompt was done, in order of time."""
        while self._next_start() <= until:
            self.queue.pace = self.pace
            start, seconds, prompts = self.queue.take()
            self.busy += seconds / self.queue.timing.stages
            self.computed += sum(tokens for _, tokens, *_ in prompts)
            heappush(self._passes, (start + seconds, self._begun, prompts))
            self._begun += 1
        done = []
        while self._passes and self._passes[0][0] <= until:
            when, _, prompts = heappop(self._passes)
            done += [(when, who) for *_, who in prompts if who not in self._dropped]
            self._dropped.difference_update(who for *_, who in prompts)
        return done

    def lose(self, share: Ratio, now: Seconds) -> None:
        """That share of all servers is gone; their prompts go back to the head of the queue. 0 brings all back.

        Whole servers are left; where the share is none of them, all that are left are slower by the rest.
        """
        there = self.whole * (1.0 - share)
        servers = ceil(there - ROUNDING)
        if share > self.lost:
            self._begin_anew((share - self.lost) / (1.0 - self.lost), now)
        ready = sorted(self.queue.ready)
        self.queue.ready[:] = (ready + [now] * self.whole)[:servers]
        heapify(self.queue.ready)
        self.queue.stretch = self.stretch * servers / there if servers else self.stretch
        self.lost = share

    def _begin_anew(self, share: Ratio, now: Seconds) -> None:
        numbers = spaced([number for _, number, _ in sorted(self._passes)], share)
        for _, number, prompts in sorted(self._passes, reverse=True):
            if number in numbers:
                again = [(now, *prompt) for _, *prompt in prompts if prompt[-1] not in self._dropped]
                self.queue.prompts.extendleft(reversed(again))
                self._dropped.difference_update(prompt[-1] for prompt in prompts)
        self._passes = [entry for entry in self._passes if entry[1] not in numbers]
        heapify(self._passes)

    def _next_start(self) -> Seconds:
        queue = self.queue
        return max(queue.prompts[0][0], queue.ready[0]) if queue.prompts and queue.ready else NEVER


class LivePools:
    """A prefill pool, the way of caches to the decode pool, and the decode pool, as one replica.

    `handover` has the seconds of that way over the tokens of a prompt.
    """

    def __init__(self, prefills: LivePrefills, decodes: LiveReplica, handover: Curve) -> None:
        self.prefills, self.decodes, self.handover = prefills, decodes, handover
        self._there: dict[int, tuple[int, int, int, bool]] = {}
        """Input, output and found tokens of the requests whose prompts are not done, and whether they are heard."""
        self._coming: list[tuple[Seconds, int, int]] = []
        self._tickets = 0
        self.looked_up = self.found = 0

    @property
    def next_event(self) -> Seconds:
        """When something happens next if nothing else comes."""
        comes = self._coming[0][0] if self._coming else NEVER
        return min(comes, self.prefills.next_event, self.decodes.next_event)

    @property
    def coming(self) -> Count:
        """Requests that the prefill pool has not seen yet."""
        return len(self._coming)

    def submit(self, now: Seconds, input_tokens: int, output_tokens: int, hits: int = 0, *, heard: bool = True) -> int:
        """A request that arrives at `now`; its ticket. The tokens of one that is not `heard` are no events."""
        if not self.decodes.fits(input_tokens, output_tokens):
            self.decodes.refused += 1
            raise TooLongError(f"{input_tokens} + {output_tokens} tokens do not fit into the cache")
        who, self._tickets = self._tickets, self._tickets + 1
        found = min(hits, input_tokens - 1)
        self.looked_up += input_tokens
        self.found += found
        self._there[who] = (input_tokens, output_tokens, found, heard)
        heappush(self._coming, (now, who, input_tokens - found))
        return who

    def cancel(self, ticket: int, now: Seconds) -> None:
        """A request leaves; it has no more events."""
        if self._there.pop(ticket, None) is None:
            self.decodes.cancel(ticket, now)
            return
        waiting = [entry for entry in self._coming if entry[1] != ticket]
        if len(waiting) == len(self._coming):
            self.prefills.cancel(ticket)
        else:
            self._coming = waiting
            heapify(self._coming)

    def lose(self, share: Ratio, now: Seconds) -> None:
        """That share of both pools is gone; 0 brings all back."""
        self.prefills.lose(share, now)
        self.decodes.lose(share, now)

    def advance(self, until: Seconds) -> list[Event]:
        """Play on up to a time: the tokens since the last call, in order of time."""
        while self._coming and self._coming[0][0] <= until:
            now, who, computed = heappop(self._coming)
            self.prefills.submit(now, who, computed, self._there[who][0])
        for when, who in self.prefills.advance(until):
            inputs, outputs, found, heard = self._there.pop(who)
            self.decodes.submit(when + self.handover.at(inputs), inputs, outputs, found, heard=heard, ticket=who)
        return self.decodes.advance(until)
