"""A running stack as its operator sees it: what it draws and costs, and the drill that it goes through."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stackwright.core.errors import StackwrightError
from stackwright.core.units import Seconds
from stackwright.twin.drills import SECONDS, Drill, Situation, checked
from stackwright.twin.meter import PLANNED, Activity, Condition, Levers, Meter
from stackwright.twin.replica import LiveStack, State

TICK: Seconds = 1.0
"""Between two looks at the stack, at which levers are set anew."""
WINDOW: Seconds = 5.0
"""Over which work is counted: short beside a drill, long beside a request's share of a second's tokens."""
BASELINE: Seconds = 60.0
"""Over which work is counted before a drill: what a curtailment is measured from."""
KEPT = 100
"""Past drills that are told."""
SAME = 1e-9


class BusyError(StackwrightError):
    """A drill runs, and two at once would turn the same levers."""


@dataclass
class Record:
    """A drill that was started."""

    id: int
    drill: Drill
    started: Seconds
    ends: Seconds
    before: dict[str, Any]
    state: Literal["running", "done", "stopped"] = "running"

    def told(self) -> dict[str, Any]:
        """For people and programs; times are seconds of the stack."""
        return {
            "id": self.id,
            "name": self.drill.name,
            "parameters": dict(self.drill.values),
            "state": self.state,
            "started": self.started,
            "ends": self.ends,
            "notes": list(self.drill.notes),
            "before": self.before,
        }


class Operation:
    """Meter, levers and drills of a stack in the time that the caller tells; `usual` is the hour that the plant is in.

    `step` is to be called about every `TICK` seconds, whatever else happens.
    """

    def __init__(
        self, stack: LiveStack, meter: Meter, usual: Callable[[], Condition], watch: Watch | None = None
    ) -> None:
        self.stack, self.meter, self.usual = stack, meter, usual
        self.running: Record | None = None
        self.past: deque[Record] = deque(maxlen=KEPT)
        self.levers = PLANNED
        self._watch = watch or Watch(meter, stack)
        self._count = 0

    @property
    def activity(self) -> Activity:
        """What the stack did in the last seconds."""
        return self._watch.activity

    @property
    def condition(self) -> Condition:
        """The hour that the plant is in, by the drill if one runs."""
        usual = self.usual()
        return usual if self.running is None else self.running.drill.condition(usual)

    def step(self, now: Seconds) -> None:
        """Look at the stack, set the levers of the drill, end it when it is over."""
        self._watch.observe(self.stack.state(), now)
        if self.running is not None and now >= self.running.ends:
            self._end(now, "done")
        if self.running is not None:
            self._set(self.running.drill.levers(self.activity, self.condition), now)

    def start(self, name: str, given: Mapping[str, float], now: Seconds) -> Record:
        """Start a drill. Raises `InputError` for one that cannot be, `BusyError` while another runs."""
        values = checked(name, given)
        if self.running is not None:
            raise BusyError(f"drill {self.running.id} ({self.running.drill.name}) runs; stop it first")
        condition = self.usual()
        before = self._watch.over(BASELINE)
        found = Situation(before, condition, self.meter.flow(before, condition).meter)
        drill = Drill.kinds[name](self.meter, values, found)
        self._count += 1
        self.running = Record(self._count, drill, now, now + values[SECONDS.name], self.power())
        self._set(drill.levers(self.activity, self.condition), now)
        return self.running

    def stop(self, number: int, now: Seconds) -> Record | None:
        """End a drill before its time; None where no such drill runs."""
        record = self.running
        if record is None or record.id != number:
            return None
        self._end(now, "stopped")
        return record

    def power(self, condition: Condition | None = None) -> dict[str, Any]:
        """Watts, dollars and grams now, or as they would be in another hour."""
        state = self.stack.state()
        part = state.share / self.meter.replicas
        return self.meter.power(self.activity, condition or self.condition, self.levers, part) | {
            "drill": None if self.running is None else {"id": self.running.id, "name": self.running.drill.name}
        }

    def drills(self) -> dict[str, Any]:
        """All drills with their parameters, the one that runs, and those that ran."""
        return {
            "drills": [
                {
                    "name": kind.name,
                    "what": kind.what,
                    "parameters": [one.__dict__ for one in (*kind.parameters, SECONDS)],
                }
                for kind in Drill.kinds.values()
            ],
            "running": [] if self.running is None else [self.running.told()],
            "past": [record.told() for record in self.past],
        }

    def _end(self, now: Seconds, state: Literal["done", "stopped"]) -> None:
        record = self.running
        assert record is not None
        record.state, record.ends = state, now
        self.past.append(record)
        self.running = None
        self._set(PLANNED, now)

    def _set(self, levers: Levers, now: Seconds) -> None:
        """Turn the scheduler's knobs to where the levers are."""
        cap = self.meter.planned_cap if levers.power_cap is None else levers.power_cap
        pace = {name: self.meter.pace(name, cap) for name in self.meter.pools}
        self.stack.slow(decode=pace["decode"], prefill=pace.get("prefill", 1.0))
        if abs(levers.dark - self.stack.lost) > SAME:
            self.stack.lose(levers.dark, now)
        if abs(levers.idle - self.stack.rested) > SAME:
            self.stack.rest(levers.idle, now)
        self.levers = levers


class Watch:
    """What a stack did lately, from differences of its counts over a window.

    Work is told by tokens, as a plan counts it: those of outputs, and those of prompts where these have a pool.
    """

    def __init__(self, meter: Meter, stack: LiveStack) -> None:
        served, decode = stack.served, meter.pools["decode"]
        requests = decode.requests_per_second * served.share
        computed = served.input_tokens - (served.input_tokens * served.prefix_hits).astype(int)
        self._decoded = requests * meter.running["request"]["output_tokens"]
        self._prefilled = requests * float(computed.mean()) / meter.prefill_per_decode
        self._seen: deque[tuple[Seconds, State]] = deque()
        self.activity = Activity(decode=0.0)

    def observe(self, state: State, now: Seconds) -> None:
        """Take note of a stack's counts; times never go back."""
        self._seen.append((now, state))
        while self._seen[0][0] < now - BASELINE:
            self._seen.popleft()
        self.activity = self.over(WINDOW)

    def over(self, window: Seconds) -> Activity:
        """The work of the last seconds; none before two looks at the stack."""
        looks = [one for one in self._seen if one[0] >= self._seen[-1][0] - window]
        if len(looks) < 2:
            return Activity(decode=0.0)
        (start, first), (end, last) = looks[0], looks[-1]
        tokens = (last.output_tokens - first.output_tokens) / (end - start)
        return Activity(
            decode=tokens / self._decoded,
            prefill=(last.prefilled - first.prefilled) / (end - start) / self._prefilled,
            requests_per_second=(last.finished - first.finished) / (end - start),
            tokens_per_second=tokens,
        )
