"""A client of completions that does little more than read: it can hold hundreds of streams beside a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

CHARACTERS = 4
"""Of a prompt, per token of the endpoint."""
READ = 65_536
END = b"data: [DONE]\n\n"
EVENT = b'"finish_reason"'
"""Each token's event has it once."""


@dataclass(frozen=True)
class Timed:
    """One request as its client saw it, s from the first on."""

    sent: float
    first: float
    last: float
    tokens: int

    @property
    def ttft(self) -> float:
        """Time to the first token, s."""
        return self.first - self.sent

    @property
    def tpot(self) -> float:
        """Mean time between tokens, s."""
        return (self.last - self.first) / (self.tokens - 1)


@dataclass
class LightClient:
    """Streams completions of one model, a connection each."""

    url: str
    model: str
    clock: Callable[[], float] = perf_counter
    done: list[Timed] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def play(self, requests: Iterable[tuple[float, int, int]]) -> None:
        """Send requests of so many input and output tokens at their times, s from now, and wait for all answers."""
        began = self.clock()
        async with asyncio.TaskGroup() as group:
            for when, input_tokens, output_tokens in requests:
                await asyncio.sleep(when - (self.clock() - began))
                group.create_task(self._one(began, input_tokens, output_tokens))

    async def _one(self, began: float, input_tokens: int, output_tokens: int) -> None:
        try:
            self.done.append(await self._stream(began, input_tokens, output_tokens))
        except (OSError, ValueError) as error:
            self.failed.append(str(error)[:300])

    async def _stream(self, began: float, input_tokens: int, output_tokens: int) -> Timed:
        place = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            sent = self.clock()
            writer.write(self._request(input_tokens, output_tokens))
            first, parts = 0.0, list[bytes]()
            while part := await reader.read(READ):
                now = self.clock()
                parts.append(part)
                if not first and EVENT in part:
                    first = now
                if END in part:
                    break
            answer = b"".join(parts)
        finally:
            writer.close()
        tokens = answer.count(EVENT)
        if tokens != output_tokens or not answer.startswith(b"HTTP/1.1 200") or END not in answer:
            raise ValueError(f"{tokens} of {output_tokens} tokens: {answer[:200]!r}")
        return Timed(sent=sent - began, first=first - began, last=now - began, tokens=tokens)

    def _request(self, input_tokens: int, output_tokens: int) -> bytes:
        asked = {
            "model": self.model,
            "prompt": "x" * (CHARACTERS * input_tokens),
            "max_tokens": output_tokens,
            "stream": True,
        }
        body = json.dumps(asked).encode()
        head = (
            f"POST {urlsplit(self.url).path}/completions HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
