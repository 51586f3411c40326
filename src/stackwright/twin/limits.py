"""What a client may take up: bytes, seconds and, with a key, entry at all.

All of it stands before the application, as plain ASGI, so that a refused body is never parsed.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stackwright.twin.refusals import Refusal, body_too_large, body_too_slow, wrong_key

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

WITHOUT_KEY = {"/health"}
"""Paths that answer without the key, so that a balancer can ask."""


@dataclass(frozen=True)
class Limits:
    """Limits of one server."""

    body_bytes: int
    body_seconds: float = 30.0
    header_seconds: float = 10.0
    connections: int = 2000


class Guard:
    """Checks the key, reads the body within its limits, and hands both to the application."""

    def __init__(self, app: App, limits: Limits, key: str | None) -> None:
        self.app, self.limits = app, limits
        self.expected = f"Bearer {key}".encode() if key is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check_key(scope)
            body = await self._body(scope, receive)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        await self.app(scope, _replayed(body, receive), send)

    def _check_key(self, scope: Scope) -> None:
        if self.expected is None or scope["path"] in WITHOUT_KEY:
            return
        given = _header(scope, b"authorization") or b""
        if not hmac.compare_digest(given, self.expected):
            raise wrong_key()

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self.limits.body_bytes
        stated = _header(scope, b"content-length") or b"0"
        if stated.isdigit() and int(stated) > limit:
            raise body_too_large(limit)
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                return await _read(receive, limit)
        except TimeoutError:
            raise body_too_slow(self.limits.body_seconds) from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise body_too_large(limit)
        parts.append(part)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message; after it whatever else the client does, such as going away."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in scope["headers"] if key == name), None)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a limit on the time that a client takes for its first request's headers.

    Between later requests of a connection uvicorn's own keep-alive limit holds.
    """

    header_seconds = Limits.header_seconds

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._headers_due = self.loop.call_later(self.header_seconds, transport.abort)

    def on_headers_complete(self) -> None:
        """Stop the clock."""
        self._headers_due.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock where the client left before."""
        self._headers_due.cancel()
        super().connection_lost(exc)
