"""The endpoint's paths beside OpenAI's: watts, dollars and grams, and drills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from stackwright.core.errors import InputError, nearest
from stackwright.core.units import Seconds
from stackwright.twin.drills import SECONDS
from stackwright.twin.meter import Meter
from stackwright.twin.operation import TICK, BusyError, Operation
from stackwright.twin.refusals import Refusal
from stackwright.twin.replica import LiveStack

NOW = "now"
OTHER_METHODS = ["DELETE", "HEAD", "OPTIONS", "PATCH", "PUT", "TRACE"]


class DrillAsked(BaseModel):
    """A drill to be started."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="One of those that GET /drills lists.")
    seconds: float = Field(SECONDS.default, ge=SECONDS.low, le=SECONDS.high, description="How long it lasts.")
    parameters: dict[str, float] = Field(default_factory=dict, description="Numbers that the drill asks for.")


def operator_router(operation: Operation, now: Callable[[], Seconds], changed: Callable[[], None]) -> APIRouter:
    """`/power` and `/drills`. `now` brings the stack up to the clock and says its time; `changed` is called when its
    next event may be another one.
    """
    router = APIRouter()

    @router.get("/power")
    async def power(hour: str = NOW) -> dict[str, Any]:
        """Watts, dollars and grams now; `hour` names another hour of the plan's year."""
        now()
        if hour == NOW:
            return operation.power()
        known = operation.meter.conditions
        if hour not in known:
            guess = nearest(hour, known)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise Refusal(400, f"hour: one of now, {', '.join(known)}.{hint}", param="hour")
        return operation.power(known[hour])

    @router.get("/drills")
    async def drills() -> dict[str, Any]:
        """Drills with their parameters, the one that runs, and those that ran."""
        now()
        return operation.drills()

    @router.post("/drills", status_code=201)
    async def start(asked: DrillAsked) -> dict[str, Any]:
        """Start a drill."""
        try:
            record = operation.start(asked.name, {SECONDS.name: asked.seconds} | asked.parameters, now())
        except InputError as error:
            first = error.faults[0]
            raise Refusal(400, f"{first.path}: got {first.got}; expected {first.expected}", param=first.path) from None
        except BusyError as error:
            raise Refusal(409, f"{error}", code="drill_running") from None
        changed()
        return record.told()

    @router.api_route("/drills", methods=OTHER_METHODS, include_in_schema=False)
    async def neither() -> None:
        """Each route of a path refuses by itself what another one of them may take."""
        raise HTTPException(405, headers={"Allow": "GET, POST"})

    @router.delete("/drills/{number}")
    async def stop(number: int) -> dict[str, Any]:
        """End a drill before its time."""
        record = operation.stop(number, now())
        if record is None:
            raise Refusal(404, f"No drill {number} runs.", param="number", code="drill_not_found")
        changed()
        return record.told()

    return router


class Ticker:
    """Calls the operation's `step` every `TICK` seconds of the event loop that it is started in."""

    def __init__(self, operation: Operation, now: Callable[[], Seconds], changed: Callable[[], None]) -> None:
        self.operation, self._now, self._changed = operation, now, changed
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; to be called in the event loop."""
        self._handle = asyncio.get_running_loop().call_later(TICK, self._tick)

    def stop(self) -> None:
        """No more steps."""
        if self._handle is not None:
            self._handle.cancel()

    def _tick(self) -> None:
        self.operation.step(self._now())
        self._changed()
        self.start()


def operated(
    plan: Mapping[str, Any], stack: LiveStack, now: Callable[[], Seconds], changed: Callable[[], None]
) -> tuple[APIRouter, Ticker]:
    """The paths of a plan's operation, and what keeps it going; the hour is that of this machine's clock.

    Raises `InputError` where the plan does not say what the stack draws.
    """
    meter = Meter.of_plan(plan)
    operation = Operation(stack, meter, lambda: meter.now(datetime.now()))
    return operator_router(operation, now, changed), Ticker(operation, now, changed)
