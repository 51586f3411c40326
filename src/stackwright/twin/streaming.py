"""An answer on the wire, whole or token by token, in few steps of Python a token."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import Response

from stackwright.twin.answers import Answer, Chunks, event
from stackwright.twin.engine import Call, Engine
from stackwright.twin.limits import Receive, Scope, Send
from stackwright.twin.refusals import stopping

LAST_WORDS_SECONDS = 1.0


class Delivery(Response):
    """Sends an answer as its tokens come due. A client that goes away takes its request with it."""

    def __init__(self, engine: Engine, call: Call, answer: Answer) -> None:
        self.engine, self.call, self.answer = engine, call, answer
        self._begun = False
        self.status_code, self.background = 200, None
        self.media_type = "text/event-stream" if answer.streamed else "application/json"
        self.init_headers({"Cache-Control": "no-cache"} if answer.streamed else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and watch the client meanwhile."""
        watch = asyncio.ensure_future(_gone(receive))
        watch.add_done_callback(lambda _: self.engine.cancel(self.call))
        try:
            await (self._tokens(send) if self.answer.streamed else self._whole(send))
        except asyncio.CancelledError:
            # Only a server that stops cancels answers, and a client that reads nothing must not hold it up.
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._broken_off(scope, receive, send)
        finally:
            watch.cancel()

    async def _broken_off(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say why there is no more: in the stream that has begun, or in place of the answer."""
        refusal = stopping()
        if self._begun:
            await send({"type": "http.response.body", "body": event(refusal.body)})
        else:
            await refusal.response()(scope, receive, send)

    async def _whole(self, send: Send) -> None:
        due = await self.call.due_from(self.call.output_tokens)
        if due == self.call.output_tokens:
            await self._start(send)
            await send({"type": "http.response.body", "body": self.answer.body()})
            self.engine.sent(self.call)

    async def _tokens(self, send: Send) -> None:
        await self._start(send)
        chunks, sent, whole = Chunks(self.answer), 0, self.call.output_tokens
        while sent < whole and (due := await self.call.due_from(sent + 1)) > sent:
            body = chunks.between(sent, due)
            await send({"type": "http.response.body", "body": body, "more_body": due < whole})
            self.engine.sent(self.call)
            sent = due

    async def _start(self, send: Send) -> None:
        self._begun = True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
