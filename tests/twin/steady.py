"""A stack that gives every request its first token after the same time, and a token every so often from then on."""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class Token(NamedTuple):
    """A token of a request, as the scheduler tells it."""

    time: float
    ticket: int
    tokens: int
    last: bool


class SteadyStack:
    """Stands in for the plan's scheduler where a test is about the endpoint around it."""

    def __init__(self, first: float = 0.0, step: float = 0.0) -> None:
        self.first, self.step = first, step
        self.outputs: dict[int, int] = {}
        self.prompts: list[int] = []
        self.cancelled: list[int] = []
        self.due: list[Token] = []

    @property
    def next_event(self) -> float:
        return self.due[0].time if self.due else math.inf

    def submit(self, now: float, input_tokens: int, output_tokens: int) -> int:
        ticket = len(self.prompts)
        self.prompts.append(input_tokens)
        self.outputs[ticket] = output_tokens
        heappush(self.due, Token(now + self.first, ticket, 1, output_tokens == 1))
        return ticket

    def cancel(self, ticket: int, now: float) -> None:
        self.cancelled.append(ticket)
        self.due = [token for token in self.due if token.ticket != ticket]
        heapify(self.due)

    def advance(self, until: float) -> list[Token]:
        made = []
        while self.due and self.due[0].time <= until:
            token = heappop(self.due)
            made.append(token)
            if not token.last:
                after = token.tokens + 1
                heappush(
                    self.due, Token(token.time + self.step, token.ticket, after, after == self.outputs[token.ticket])
                )
        return made
