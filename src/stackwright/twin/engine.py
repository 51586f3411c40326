"""The plan's scheduler on the wall clock.

One timer is set to the scheduler's next event; when it comes, the scheduler is brought up to now, and each request that
has new tokens is woken once. Nothing is sent before its time. Between events nothing runs.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from stackwright.twin.bodies import FinishReason
from stackwright.twin.metrics import Reading, Seen, exposition, readings

if TYPE_CHECKING:
    from stackwright.twin.replica import LiveStack

TIMER_STEP = 0.001
"""Resolution of the event loop's timers, s."""


class Call:
    """One request under way: how many of its tokens are due, and who waits for them."""

    def __init__(
        self, ticket: int, *, arrival: float, input_tokens: int, output_tokens: int, reason: FinishReason
    ) -> None:
        self.ticket, self.arrival, self.reason = ticket, arrival, reason
        self.input_tokens, self.output_tokens = input_tokens, output_tokens
        self.due = 0
        self.begun = self.last = arrival
        """Times of its first and its newest token."""
        self.ended = False
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None

    async def due_from(self, wanted: int) -> int:
        """Tokens due, once they are at least `wanted`; fewer where the call is taken back before."""
        if self.due < wanted and not self.ended:
            self._wanted, self._waiter = wanted, asyncio.get_running_loop().create_future()
            await self._waiter
        return self.due

    def wake(self) -> None:
        """Let the one who waits go on, if what is wanted is there or will not come."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self.due >= self._wanted or self.ended):
            waiter.set_result(None)


class Engine:
    """Requests of clients in the scheduler, in time with the clock."""

    def __init__(self, stack: LiveStack, clock: Callable[[], float] = perf_counter) -> None:
        self.stack, self.clock = stack, clock
        self.seen = Seen()
        self.other_gauges: Callable[[], Sequence[Reading]] = tuple
        """What stands in the metrics beside the scheduler's own numbers."""
        self.calls: dict[int, Call] = {}
        self._start = clock()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    @property
    def now(self) -> float:
        """Seconds since the engine was made: the scheduler's time."""
        return self.clock() - self._start

    def submit(self, input_tokens: int, output_tokens: int, reason: FinishReason) -> Call:
        """Hand a request to the scheduler; raises what it raises where the queue is full."""
        now = self.catch_up()
        ticket = self.stack.submit(now, input_tokens, output_tokens)
        call = Call(ticket, arrival=now, input_tokens=input_tokens, output_tokens=output_tokens, reason=reason)
        self.calls[ticket] = call
        self.set_timer()
        return call

    def cancel(self, call: Call) -> None:
        """Take a request that nobody waits for any more out of the scheduler."""
        if call.ended:
            return
        now = self.catch_up()
        if not call.ended:
            self.stack.cancel(call.ticket, now)
            self._end(call, "abort")
            call.wake()
            self.set_timer()

    def catch_up(self) -> float:
        """Bring the scheduler up to now, and wake all whose tokens have come; returns the time."""
        now = self.now
        woken: dict[Call, None] = {}
        for event in self.stack.advance(now):
            call = self.calls.get(event.ticket)
            if call is not None:
                self._take(call, event.time, event.tokens)
                woken[call] = None
        for call in woken:
            call.wake()
        return now

    def sent(self, call: Call) -> None:
        """A call's newest tokens have been written to its client."""
        self.seen.lateness.observe(self.now - call.last)

    def exposition(self, model: str) -> str:
        """What Prometheus reads."""
        self.catch_up()
        gauges, counters = readings(self.stack.state())
        return exposition(model, self.seen, [*gauges, *self.other_gauges()], counters)

    def set_timer(self) -> None:
        """Set the timer to the scheduler's next event."""
        due = self.stack.next_event
        if due == self._due and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due < math.inf:
            steps = max(1, math.ceil((due - self.now) / TIMER_STEP))
            self._timer = asyncio.get_running_loop().call_later(steps * TIMER_STEP, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.catch_up()
        self.set_timer()

    def _take(self, call: Call, when: float, tokens: int) -> None:
        """The request has `tokens` of its tokens since `when`."""
        if not call.due:
            self.seen.first_token.observe(when - call.arrival)
            call.begun = call.last = when
        later = tokens - max(call.due, 1)
        if later:
            self.seen.next_token.observe((when - call.last) / later, later)
        call.last = when
        call.due = tokens
        if call.due == call.output_tokens:
            self._end(call, call.reason)

    def _end(self, call: Call, reason: FinishReason | Literal["abort"]) -> None:
        call.ended = True
        del self.calls[call.ticket]
        seen = self.seen
        seen.finished[reason] += 1
        if reason == "abort":
            return
        seen.whole.observe(call.last - call.arrival)
        seen.input_tokens.observe(call.input_tokens)
        seen.output_tokens.observe(call.output_tokens)
        if call.output_tokens > 1:
            seen.mean_token.observe((call.last - call.begun) / (call.output_tokens - 1))
