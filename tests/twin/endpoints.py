"""Endpoints on free ports of this machine, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import uvicorn

from stackwright.twin.api import application
from stackwright.twin.desk import Desk
from stackwright.twin.engine import Engine
from stackwright.twin.limits import Guard, Limits
from stackwright.twin.server import bound, run

MODEL = "planned-model"
LONGEST = 4096


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint, and what stands behind it."""

    url: str
    desk: Desk
    stack: Any

    def client(self, key: str = "none") -> openai.OpenAI:
        """OpenAI's client of it, which does not try again."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    def http(self) -> httpx.Client:
        """A plain client of it."""
        return httpx.Client(base_url=self.url)


def desk_over(stack: Any) -> Desk:
    """A desk before a stack, whose requests without a length get 5 or 6 tokens."""
    return Desk(Engine(stack), model=MODEL, longest=LONGEST, outputs=[5, 6], seed=1)


def guarded(desk: Desk, key: str | None = None, limits: Limits | None = None) -> Guard:
    """The application of a desk."""
    return application(desk, served="a stand-in", limits=limits or Limits(body_bytes=100_000), key=key)


@contextmanager
def listening(app: Guard) -> Iterator[str]:
    """Serve until the block ends; gives the address."""
    socket, ready, servers = bound("127.0.0.1", 0), threading.Event(), list[uvicorn.Server]()

    def on_ready(server: uvicorn.Server) -> None:
        servers.append(server)
        ready.set()

    thread = threading.Thread(target=run, args=(app, socket, on_ready))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(10)
        socket.close()


Start = Callable[..., Endpoint]
