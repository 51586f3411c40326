"""A stack that gives every request its first token after the same time, and a token every so often from then on."""

from __future__ import annotations

import math
from dataclasses import fields
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from stackwright.twin.replica import OverloadedError, State


class Token(NamedTuple):
    """A token of a request, as the scheduler tells it."""

    time: float
    ticket: int
    tokens: int
    last: bool


class SteadyStack:
    """Stands in for the plan's scheduler where a test is about the endpoint around it."""

    def __init__(self, first: float = 0.0, step: float = 0.0, most: int = 1000) -> None:
        self.first, self.step, self.most = first, step, most
        self.outputs: dict[int, int] = {}
        self.prompts: list[int] = []
        self.cancelled: list[int] = []
        self.due: list[Token] = []

    @property
    def next_event(self) -> float:
        return self.due[0].time if self.due else math.inf

    def submit(self, now: float, input_tokens: int, output_tokens: int) -> int:
        if len(self.due) >= self.most:
            raise OverloadedError(2.0)
        ticket = len(self.prompts)
        self.prompts.append(input_tokens)
        self.outputs[ticket] = output_tokens
        heappush(self.due, Token(now + self.first, ticket, 1, output_tokens == 1))
        return ticket

    def state(self) -> State:
        count = len(self.due)
        none: dict[str, Any] = {field.name: 0 for field in fields(State)}
        return State(**none | {"running": count, "utilization": {"decode": 0.5}, "weight": 1.0})

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
