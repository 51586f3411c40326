"""The endpoint on a port."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import uvicorn

from stackwright.core.errors import Fault, InputError
from stackwright.twin import tokens
from stackwright.twin.api import application
from stackwright.twin.desk import Desk
from stackwright.twin.engine import Engine
from stackwright.twin.limits import Guard, Limits, TimedProtocol
from stackwright.twin.metrics import power_readings
from stackwright.twin.operator_api import Ticker, operated
from stackwright.twin.planned import Planned
from stackwright.twin.replica import LiveStack

KEEP_ALIVE_SECONDS = 30
LAST_SECONDS = 3
"""Seconds that answers under way have left when the server is told to stop."""
BYTES_A_CHARACTER = 6
"""Of a JSON text at most, outside the rarest scripts: an escape like ``\\u00e9``."""
OTHER_BYTES = 65_536
"""Of a body beside its prompt."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name that is not ``localhost`` is taken to be reachable."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(host: str, port: int) -> socket.socket:
    """A socket on a host and port; raises `InputError` where there is none to be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise InputError(
            [
                Fault(
                    "command line",
                    "--host, --port",
                    f"{host}:{port}: {got}",
                    "an address of this machine and a free port",
                    remedy="Take another with --port; 0 finds a free one.",
                )
            ]
        ) from None


def endpoint(planned: Planned, stack: LiveStack, key: str | None) -> tuple[Guard, Ticker]:
    """The endpoint of a plan, of which `stack` is served, and what keeps its drills going.

    Raises `InputError` where the plan does not say what its stack draws.
    """
    engine, longest = Engine(stack), int(planned.replica.longest)
    operator, ticker = operated(planned.plan, stack, engine.catch_up, engine.set_timer)
    engine.other_gauges = lambda: power_readings(ticker.operation.power())
    desk = Desk(
        engine,
        model=planned.model,
        longest=longest,
        outputs=planned.replica.output_tokens.tolist(),
        seed=int(planned.plan["seed"]),
    )
    limits = Limits(body_bytes=longest * tokens.CHARACTERS * BYTES_A_CHARACTER + OTHER_BYTES)
    return application(desk, served=stack.described, limits=limits, key=key, more=[operator]), ticker


def run(app: Guard, listening: socket.socket, on_ready: Callable[[uvicorn.Server], None]) -> None:
    """Serve until the process or the server, which `on_ready` gets, is told to stop."""
    protocol = type("Protocol", (TimedProtocol,), {"header_seconds": app.limits.header_seconds})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        proxy_headers=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        backlog=2048,
        limit_concurrency=app.limits.connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    _Server(config, on_ready).run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[uvicorn.Server], None]) -> None:
        super().__init__(config)
        self.on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self.on_ready(self)
