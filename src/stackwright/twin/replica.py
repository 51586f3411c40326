"""A planned stack under the requests that are really there.

The plan's own scheduler runs in the time that the caller tells: the wall clock for an endpoint, any other for a test.
A replica holds more sequences than one machine can open as clients, so that one client's request can stand for
several (see `Crowd`); those that it stands for go through the same scheduler, and their tokens are sent to nobody.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from stackwright.core.errors import StackwrightError
from stackwright.core.units import Count, Ratio, RequestsPerSecond, Seconds, Tokens
from stackwright.serving.live import NEVER, Event, LivePools, LiveReplica, TooLongError
from stackwright.serving.served import ServedReplica

__all__ = ["Crowd", "Event", "LiveStack", "OverloadedError", "State", "Ticket", "TooLongError"]

CONCURRENCY = 100.0
"""Client streams that stand for the planned peak, where nothing else is asked for."""
PATIENCE = 30.0
"""Seconds of the planned peak's requests that may wait before more are turned away."""
SMOOTHING = 2.0
"""Seconds over which the shares of busy time in `State` are averaged."""

Ticket = int


class OverloadedError(StackwrightError):
    """A request that is turned away because too many wait."""

    def __init__(self, retry_after: Seconds) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many requests wait; try again in {retry_after:.0f} s")


@dataclass(frozen=True)
class State:
    """What a stack is doing now. Counts are those of the served part, all that a client stands for included."""

    now: Seconds
    running: Count
    """Sequences that decode."""
    prefilling: Count
    """Requests whose prompts are computed or on their way to the decode pool."""
    waiting: Count
    batch: Count
    """Sequences that decode per attention rank and pipeline stage that is there."""
    cache_use: Ratio
    utilization: dict[str, Ratio]
    """Share of the last seconds in which each pool worked; where prefills share the decodes' rounds, `prefill` is
    the share by which they made these longer."""
    rounds: Count
    preemptions: Count
    prompt_tokens: Tokens
    output_tokens: Tokens
    prefilled: Tokens
    """Prompt tokens that a prefill pool computed; none where prefills share the rounds."""
    finished: Count
    refused: Count
    """Requests that were turned away or would never fit."""
    looked_up: Tokens
    found: Tokens
    """Of the prompts' tokens, those whose cache was found."""
    weight: Ratio
    clients: Count
    """Requests of clients that are under way."""
    client_requests: Count
    """All that clients have sent."""
    replicas: Count
    """Of the whole fleet."""
    share: Ratio
    """What the served part is of one of them."""
    pace: Ratio
    lost: Ratio


class LiveStack:
    """The part of a fleet that is served, by the plan's scheduler, in the time that the caller tells.

    One of `weight` and `concurrency` says how many requests a client's stands for: by default as many as make the
    planned peak `CONCURRENCY` clients at once, and never fewer than one.
    """

    def __init__(
        self,
        served: ServedReplica,
        *,
        weight: Ratio | None = None,
        concurrency: Count = CONCURRENCY,
        seed: int = 0,
        patience: Seconds = PATIENCE,
    ) -> None:
        self.served = served
        self.weight = max(1.0, served.sequences / concurrency) if weight is None else weight
        self.waiting_limit = max(1, round(patience * served.requests_per_second))
        """Requests that may wait, those that clients stand for included."""
        self.now: Seconds = 0.0
        self._scheduler = served.live()
        self._crowd = Crowd(self.weight, seed)
        self._clients: set[Ticket] = set()
        self._sent = self._refused = 0
        self._pace: Ratio = 1.0
        self._lost: Ratio = 0.0
        self._rested: Ratio = 0.0
        self._meter = _Meter()

    @property
    def described(self) -> str:
        """What is served, for people."""
        served = self.served
        part = f"{served.share:.3g} of one of {served.replicas:,.0f} replicas"
        if served.share == 1.0:
            part = f"one of {served.replicas:,.0f} replicas"
        text = f"{part}, {served.chips:,.0f} chips, {served.requests_per_second:.3g} requests/s at the planned peak"
        if self.weight == 1.0:
            return f"{text}; every request is a client's"
        return f"{text}; a client's request stands for {self.weight:.3g} alike"

    def submit(self, now: Seconds, input_tokens: int, output_tokens: int, hits: int | None = None) -> Ticket:
        """A client's request. `hits` are prompt tokens whose cache is found: by default the plan's share.

        Raises `TooLongError` where its context fits into no cache, `OverloadedError` where too many wait.
        """
        self._play(now)
        if self.waiting >= self.waiting_limit:
            self._refused += 1
            raise OverloadedError(self._drained())
        ticket = self._take(now, input_tokens, output_tokens, hits, heard=True)
        self._clients.add(ticket)
        self._sent += 1
        self._crowd.follow(now, input_tokens, output_tokens)
        return ticket

    def cancel(self, ticket: Ticket, now: Seconds | None = None) -> None:
        """A client's request leaves; it has no more events. What it stood for stays."""
        self._scheduler.cancel(ticket, self._later(now))
        self._forget(ticket)

    def advance(self, now: Seconds) -> list[Event]:
        """Play on up to a time: the tokens of clients since the last call, in order of time."""
        self._play(now)
        events = self._scheduler.advance(self.now)
        for event in events:
            if event.last:
                self._forget(event.ticket)
        self._meter.look(self.now, self._scheduler)
        return events

    @property
    def next_event(self) -> Seconds:
        """When something happens next if no client comes."""
        return min(self._scheduler.next_event, self._crowd.next_arrival)

    @property
    def waiting(self) -> Count:
        """Requests that wait for a place in the prefill pool, or in the rounds."""
        pools = self._scheduler
        if isinstance(pools, LivePools):
            return pools.coming + pools.prefills.waiting + pools.decodes.queued(self.now)
        return pools.queued(NEVER)

    @property
    def pace(self) -> Ratio:
        """What multiplies the time of every round that begins from now on; set, that of prefill passes as well."""
        return self._pace

    @pace.setter
    def pace(self, value: Ratio) -> None:
        self.slow(decode=value, prefill=value)

    def slow(self, *, decode: Ratio, prefill: Ratio) -> None:
        """Rounds and prefill passes take so many times as long: a lower clock holds up prompts more than tokens.

        Where prefills share the rounds, `decode` is for both.
        """
        self._pace = decode
        pools = self._scheduler
        if isinstance(pools, LivePools):
            pools.decodes.pace, pools.prefills.pace = decode, prefill
        else:
            pools.pace = decode

    @property
    def lost(self) -> Ratio:
        """Share of the part's ranks and prefill servers that is gone."""
        return self._lost

    def lose(self, share: Ratio, now: Seconds | None = None) -> None:
        """That share of the part's ranks and prefill servers is gone; what ran on them is computed again.

        0 brings all back.
        """
        self._lost = share
        self._scheduler.lose(share, self._later(now))

    def rest(self, share: Ratio, now: Seconds | None = None) -> None:
        """That share of the prefill servers takes no prompts; where prefills share the rounds, of the ranks.

        A decode pool is left as it is: fewer requests reach it, and none loses its cache.
        """
        self._rested = share
        pools = self._scheduler
        (pools.prefills if isinstance(pools, LivePools) else pools).lose(share, self._later(now))

    @property
    def rested(self) -> Ratio:
        """Share that takes no work."""
        return self._rested

    def state(self) -> State:
        """What the stack is doing at the time that it has been played to."""
        pools = self._scheduler
        decodes = pools.decodes if isinstance(pools, LivePools) else pools
        prompts = pools if isinstance(pools, LivePools) else decodes
        on_the_way = decodes.queued(NEVER) - decodes.queued(self.now) if isinstance(pools, LivePools) else 0
        apart = pools.prefills.prefilling if isinstance(pools, LivePools) else 0
        running = len(decodes.running)
        return State(
            now=self.now,
            running=running,
            prefilling=decodes.prefilling + apart + on_the_way,
            waiting=self.waiting,
            batch=running / decodes.groups if decodes.groups else 0.0,
            cache_use=decodes.cache_use,
            utilization=dict(self._meter.shares),
            rounds=decodes.rounds,
            preemptions=decodes.preemptions,
            prompt_tokens=prompts.looked_up,
            output_tokens=decodes.totals.output_tokens,
            prefilled=pools.prefills.computed if isinstance(pools, LivePools) else 0,
            finished=decodes.totals.finished,
            refused=self._refused,
            looked_up=prompts.looked_up,
            found=prompts.found,
            weight=self.weight,
            clients=len(self._clients),
            client_requests=self._sent,
            replicas=self.served.replicas,
            share=self.served.share,
            pace=self._pace,
            lost=self._lost,
        )

    def _later(self, now: Seconds | None) -> Seconds:
        self.now = self.now if now is None else max(self.now, now)
        return self.now

    def _play(self, now: Seconds) -> None:
        """Let come those that clients stand for, up to a time."""
        self._later(now)
        while (arrival := self._crowd.next_arrival) <= self.now:
            request = self._crowd.come()
            if self.waiting >= self.waiting_limit:
                self._refused += 1
            else:
                self._take(arrival, *request, None, heard=False)

    def _take(self, now: Seconds, input_tokens: int, output_tokens: int, hits: int | None, *, heard: bool) -> Ticket:
        found = int(input_tokens * self.served.prefix_hits) if hits is None else hits
        return self._scheduler.submit(now + self.served.overhead, input_tokens, output_tokens, found, heard=heard)

    def _forget(self, ticket: Ticket) -> None:
        self._clients.discard(ticket)
        if not self._clients:
            self._crowd.leave(self.now)

    def _drained(self) -> Seconds:
        """Seconds in which those that wait are served at the planned peak."""
        return max(1.0, self.waiting / self.served.requests_per_second)


class Crowd:
    """Those that clients stand for: requests at random, as many per second and as long as the clients' own.

    They come as a Poisson stream whose rate is ``weight - 1`` times the clients', so that clients and crowd
    together are as random as one stream of independent requests: copies beside each request would come in
    bunches of `weight`, which no fleet sees. The rate is an average over `MEMORY` seconds, or since the clients came:
    the longer, the less does chance in the clients' arrivals count `weight` fold. Where the clients' pace has
    clearly changed within one of the `LOOKS`, it is that of the seconds since. Lengths are those of clients'
    requests, dealt as from a shuffled deck.
    """

    MEMORY: Seconds = 1800.0
    LOOKS: tuple[Seconds, ...] = (10.0, 60.0)
    SURPRISE = 5.0
    """Standard deviations by which the last seconds' requests differ from the expected where the pace has changed."""
    SHORTEST: Seconds = 5.0
    """The first requests are taken as those of so many seconds at least; none for as long is an end."""
    REMEMBERED = 2048
    """Requests whose lengths are known."""
    EVEN = 2048
    """Arrivals after which there are as many as expected: a run of minutes is not off by chance in their number."""

    def __init__(self, weight: Ratio, seed: int) -> None:
        self.weight, self.draw = weight, np.random.default_rng(seed)
        self.next_arrival: Seconds = NEVER
        self._lengths: deque[tuple[int, int]] = deque(maxlen=self.REMEMBERED)
        self._deck: list[tuple[int, int]] = []
        self._recent: dict[Seconds, deque[Seconds]] = {look: deque() for look in self.LOOKS}
        self._since: Seconds = NEVER
        self._last: Seconds = 0.0
        self._count = 0.0
        self._left: Seconds = NEVER
        self._gaps: list[Count] = []
        self._due: Count = self._gap()
        """Expected arrivals until the next one."""
        self._drawn: Seconds = 0.0
        self._rate: RequestsPerSecond = 0.0

    def follow(self, now: Seconds, input_tokens: int, output_tokens: int) -> None:
        """A client's request came."""
        if self.weight <= 1.0:
            return
        if self._since == NEVER or now > self._left + self.SHORTEST:
            self._begin(now)
        self._left = NEVER
        self._age(now)
        self._look(now)
        self._count += 1.0
        for recent in self._recent.values():
            recent.append(now)
        self._lengths.append((input_tokens, output_tokens))
        self._schedule(now)

    def leave(self, now: Seconds) -> None:
        """No client's request is under way any more."""
        self._left = min(self._left, now)

    def come(self) -> tuple[int, int]:
        """The lengths of the next of them, which comes now; the one after it is drawn."""
        if not self._deck:
            self._deck = [self._lengths[place] for place in self.draw.permutation(len(self._lengths))]
        now, self._due, self._rate = self.next_arrival, self._gap(), 0.0
        self._schedule(now)
        return self._deck.pop()

    def rate(self, now: Seconds) -> RequestsPerSecond:
        """Requests per second of clients, as far as known."""
        kept = exp(-(now - self._last) / self.MEMORY)
        span = self.MEMORY * (1.0 - exp(-(now - self._since) / self.MEMORY))
        return self._count * kept / max(span, self.SHORTEST)

    def _gap(self) -> Count:
        """Expected arrivals between two: those of a Poisson stream with as many arrivals as expected in each block."""
        if not self._gaps:
            places = np.sort(self.draw.uniform(0.0, self.EVEN, self.EVEN - 1))
            self._gaps = np.diff(places, prepend=0.0, append=float(self.EVEN)).tolist()
        return self._gaps.pop()

    def _begin(self, now: Seconds) -> None:
        self._since = self._last = now
        self._count = self._rate = 0.0
        self._lengths.clear()
        self._deck.clear()
        for recent in self._recent.values():
            recent.clear()

    def _age(self, now: Seconds) -> None:
        self._count *= exp(-(now - self._last) / self.MEMORY)
        self._last = now
        for look, recent in self._recent.items():
            while recent and recent[0] < now - look:
                recent.popleft()

    def _look(self, now: Seconds) -> None:
        """Forget the pace that was, where that of the last seconds is clearly another."""
        for look, recent in self._recent.items():
            expected = self.rate(now) * look
            surprise = abs(len(recent) - expected) / (sqrt(expected) + 1.0)
            if now - self._since > 2.0 * look and surprise > self.SURPRISE:
                self._since, self._count = now - look, float(len(recent))

    def _schedule(self, now: Seconds) -> None:
        """When the next one comes, at the rate that is known now.

        Arrivals lie at drawn numbers of expected ones, so that the same clients bring the same crowd, and clients
        that come a little earlier or later nearly the same.
        """
        self._due -= self._rate * (now - self._drawn)
        self._rate, self._drawn = (self.weight - 1.0) * self.rate(now), now
        arrival = now + max(0.0, self._due) / self._rate if self._rate else NEVER
        self.next_arrival = arrival if arrival <= self._left + self.SHORTEST else NEVER


class _Meter:
    """Shares of the last seconds in which the pools worked."""

    def __init__(self) -> None:
        self.shares = {"prefill": 0.0, "decode": 0.0}
        self._last: Seconds = 0.0
        self._seen = {"prefill": 0.0, "decode": 0.0}

    def look(self, now: Seconds, pools: LiveReplica | LivePools) -> None:
        """Take in what was done since the last look."""
        passed = now - self._last
        if passed <= 0.0:
            return
        kept = exp(-passed / SMOOTHING)
        for name, total in _worked(pools).items():
            worked = (total - self._seen[name]) / passed
            self.shares[name] = min(1.0, self.shares[name] * kept + worked * (1.0 - kept))
            self._seen[name] = total
        self._last = now


def _worked(pools: LiveReplica | LivePools) -> dict[str, Seconds]:
    """Seconds at work since the start, of a server or a rank."""
    if isinstance(pools, LivePools):
        return {"prefill": pools.prefills.busy / pools.prefills.whole, "decode": pools.decodes.totals.busy}
    return {"prefill": pools.totals.prefilling, "decode": pools.totals.busy}
