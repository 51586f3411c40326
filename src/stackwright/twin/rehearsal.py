"""A drill in virtual time: the stack under a steady demand, without a server and without a clock.

Requests come as a Poisson stream of the demand's own lengths. The same seed gives the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stackwright.core.units import Ratio, Seconds
from stackwright.serving.served import ServedReplica
from stackwright.twin.meter import Condition, Meter
from stackwright.twin.operation import TICK, Operation
from stackwright.twin.replica import LiveStack, OverloadedError


@dataclass(frozen=True)
class Request:
    """What a request went through; times from the first second that is shown."""

    arrival: Seconds
    ttft: Seconds
    tpot: Seconds | None
    """Mean time between its tokens; None of a single one."""


@dataclass(frozen=True)
class Look:
    """A second of the fleet."""

    time: Seconds
    meter: float
    """W"""
    dollars_per_hour: float
    energy_dollars_per_hour: float
    tokens_per_second: float
    """Output of the fleet."""
    power_cap: Ratio
    waiting: float
    """Requests of the served part that wait for a place."""
    turned_away: float
    """So far, of the served part."""


@dataclass
class Rehearsal:
    """A run: its seconds, and every request that was answered."""

    looks: list[Look] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def between(self, start: Seconds, end: Seconds) -> list[Request]:
        """The requests that arrived in a time."""
        return [request for request in self.requests if start <= request.arrival < end]


@dataclass(frozen=True)
class Demand:
    """How many requests come: `load` of the served part's planned peak, from before what is shown on."""

    load: Ratio = 1.0
    lead: Seconds = 120.0
    """Before the first second that is shown, so that queues and batches are settled."""
    seed: int = 1


def rehearse(
    served: ServedReplica,
    meter: Meter,
    condition: Condition,
    *,
    demand: Demand,
    name: str,
    values: Mapping[str, float],
    at: Seconds,
    until: Seconds,
    weight: Ratio = 1.0,
) -> Rehearsal:
    """Run a stack for `until` seconds and start a drill at `at`."""
    return _Run(served, meter, condition, demand, weight).play(name, values, at, until)


class _Run:
    def __init__(
        self, served: ServedReplica, meter: Meter, condition: Condition, demand: Demand, weight: Ratio
    ) -> None:
        self.stack = LiveStack(served, weight=weight, seed=demand.seed)
        self.operation = Operation(self.stack, meter, lambda: condition)
        self.served, self.demand, self.meter = served, demand, meter
        self.draw = np.random.default_rng(demand.seed)
        self.rate = demand.load * served.requests_per_second / weight
        self.next_arrival = float(self.draw.exponential(1.0 / self.rate))
        self.arrivals: dict[int, Seconds] = {}
        self.firsts: dict[int, Seconds] = {}
        self.made = Rehearsal()

    def play(self, name: str, values: Mapping[str, float], at: Seconds, until: Seconds) -> Rehearsal:
        """Second by second."""
        lead = self.demand.lead
        for second in np.arange(TICK, lead + until + TICK, TICK):
            now = float(second)
            self._requests(now)
            self.operation.step(now)
            if now - lead >= at and not self.made.notes:
                record = self.operation.start(name, values, now)
                self.made.notes = record.drill.notes
            if now >= lead:
                self._look(now)
        return self.made

    def _requests(self, now: Seconds) -> None:
        """What comes up to a time, and the tokens that are due by then."""
        while self.next_arrival <= now:
            arrival = self.next_arrival
            self._events(arrival)
            place = int(self.draw.integers(len(self.served.input_tokens)))
            lengths = int(self.served.input_tokens[place]), int(self.served.output_tokens[place])
            self.next_arrival = arrival + float(self.draw.exponential(1.0 / self.rate))
            try:
                self.arrivals[self.stack.submit(arrival, *lengths)] = arrival
            except OverloadedError:
                # The stack counts those that it turns away.
                continue
        self._events(now)

    def _events(self, now: Seconds) -> None:
        lead = self.demand.lead
        for event in self.stack.advance(now):
            if event.tokens == 1:
                self.firsts[event.ticket] = event.time
            if event.last:
                arrival, first = self.arrivals.pop(event.ticket), self.firsts.pop(event.ticket)
                later = event.tokens - 1
                tpot = (event.time - first) / later if later else None
                self.made.requests.append(Request(arrival - lead, first - arrival, tpot))

    def _look(self, now: Seconds) -> None:
        power, state = self.operation.power(), self.stack.state()
        dollars = power["usd_per_second"]
        self.made.looks.append(
            Look(
                time=now - self.demand.lead,
                meter=power["meter"],
                dollars_per_hour=dollars["all"] * 3600.0,
                energy_dollars_per_hour=dollars["energy"] * 3600.0,
                tokens_per_second=power["tokens_per_second"],
                power_cap=power["power_cap"],
                waiting=state.waiting,
                turned_away=state.refused,
            )
        )
