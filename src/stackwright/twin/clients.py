"""Clients in virtual time: what a stream of requests would measure at a served plan, without a server or a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stackwright.codesign.service_levels import stream_at
from stackwright.core.units import Array, Count, Ratio, Seconds
from stackwright.serving.live import NEVER, Event
from stackwright.serving.served import ServedReplica
from stackwright.serving.simulator import Stream
from stackwright.twin.replica import LiveStack, OverloadedError

JUDGED = ("ttft_p50", "ttft_p95", "tpot_p50", "tpot_p95")


@dataclass(frozen=True)
class Measured:
    """What clients measured; arrays are by request that was answered, in the order of sending [N]."""

    sent: Seconds
    ttft: Seconds
    tpot: Seconds
    """Mean time between the tokens of a request; of single ones it is not a number."""
    turned_away: Count

    def percentiles(self, after: Seconds = 0.0, until: Seconds = NEVER) -> dict[str, float]:
        """TTFT and TPOT at the median and the 95th percentile, of requests sent after a warm-up and until a time."""
        counted = (self.sent >= after) & (self.sent < until)
        tpot = self.tpot[counted & ~np.isnan(self.tpot)]
        values = {"ttft": self.ttft[counted], "tpot": tpot}
        return {
            name: float(np.percentile(values[name[:4]], int(name[-2:]))) for name in JUDGED if values[name[:4]].size
        }


def client_stream(served: ServedReplica, load: Ratio, weight: Ratio, duration: Seconds, seed: int) -> Stream:
    """What clients send to make a load, each request standing for `weight`: at random, with the demand's lengths."""
    rate = load * served.requests_per_second / weight
    return stream_at(served, rate, max(1, round(rate * duration)), seed)


def measured(stack: LiveStack, stream: Stream) -> Measured:
    """Send a stream to a stack and wait for all answers, in virtual time."""
    sent: dict[int, Seconds] = {}
    first: dict[int, Seconds] = {}
    done: list[tuple[Seconds, Seconds, Seconds]] = []
    turned_away = 0

    def take(events: list[Event]) -> None:
        for event in events:
            if event.tokens == 1:
                first[event.ticket] = event.time
            if event.last:
                came, began = sent.pop(event.ticket), first.pop(event.ticket)
                later = event.tokens - 1
                done.append((came, began - came, (event.time - began) / later if later else np.nan))

    lengths = zip(stream.input_tokens.tolist(), stream.output_tokens.tolist(), strict=True)
    for arrival, (inputs, outputs) in zip(stream.arrival.tolist(), lengths, strict=True):
        take(stack.advance(arrival))
        try:
            sent[stack.submit(arrival, inputs, outputs)] = arrival
        except OverloadedError:
            turned_away += 1
    while sent and (when := stack.next_event) < NEVER:
        take(stack.advance(when))
    rows: Array = np.array(sorted(done)).reshape(-1, 3)
    return Measured(sent=rows[:, 0], ttft=rows[:, 1], tpot=rows[:, 2], turned_away=turned_away)


def representative_seed(
    served: ServedReplica, level: Mapping[str, Any], *, weight: Ratio, warm_up: Seconds, duration: Seconds, seeds: int
) -> int:
    """The seed of `client_stream` whose clients measure what is nearest to a service level of the plan.

    A run of minutes has only some hundred of the waits that a 95th percentile rests on: by chance, it is a tenth or
    two off. Of so many seeds, this is the one whose largest relative difference is least, in virtual time.
    """

    def apart(seed: int) -> float:
        stream = client_stream(served, float(level["load"]), weight, warm_up + duration, seed)
        seen = measured(LiveStack(served, weight=weight), stream).percentiles(warm_up)
        return max(abs(value / float(level[name]) - 1.0) for name, value in seen.items())

    return min(range(seeds), key=apart)
