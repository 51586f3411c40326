"""What a program has to know of a planned replica to run its scheduler: times as tables, limits, and its load.

It is written into a plan and read from it: plain lists and numbers, so that no catalog is needed then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from stackwright.core.units import Array, Count, Ratio, RequestsPerSecond, Seconds, Tokens
from stackwright.serving.live import LivePools, LivePrefills, LiveReplica
from stackwright.serving.scheduler import Limits
from stackwright.serving.scheduler_tables import Curve, Mixed, Table, Timing

DIGITS = 7
"""Significant digits of a table's values as text."""


@dataclass(frozen=True)
class PrefillPool:
    """The prefill servers of a part of a replica that prefills apart."""

    timing: Timing
    servers: int
    pass_tokens: Tokens
    stretch: Ratio
    handover: Curve
    """Seconds until a finished cache is in the decode pool, over the tokens of the prompt."""


@dataclass(frozen=True)
class ServedReplica:
    """The part of a fleet that one scheduler runs: a replica, or with prefills apart what a router's servers feed."""

    timing: Timing
    limits: Limits
    prefill: PrefillPool | None
    """None where prefills share the replica's rounds."""
    overhead: Seconds
    """The engine's fixed part of a request, before its prompt waits."""
    prefix_hits: Ratio
    """Share of a prompt whose cache is found."""
    longest: Tokens
    """Longest context that is served."""
    requests_per_second: RequestsPerSecond
    """At the planned peak."""
    sequences: Count
    """Running at the planned peak."""
    input_tokens: Array
    """A sample of the demand's requests [N]."""
    output_tokens: Array
    replicas: Count
    """Decode replicas of the fleet that serve, in the fullest year."""
    share: Ratio
    """What the part is of one of them."""
    chips: Count
    """Chips of the part, of both pools."""
    prefill_chips: Count
    """Those of them that prefill alone."""

    @property
    def mode(self) -> str:
        """As a study names it."""
        return "aggregated" if self.prefill is None else "disaggregated"

    def live(self) -> LiveReplica | LivePools:
        """Its scheduler, with nothing in it yet."""
        if self.prefill is None:
            return LiveReplica(self.timing, self.limits)
        pool = self.prefill
        prefills = LivePrefills(pool.timing, servers=pool.servers, pass_tokens=pool.pass_tokens, stretch=pool.stretch)
        return LivePools(prefills, LiveReplica(self.timing, self.limits, prefilled=True), pool.handover)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, SI units, table values to seven digits."""
        plain = {name: getattr(self, name) for name in PLAIN}
        pool = self.prefill
        return {
            "mode": self.mode,
            **plain,
            "limits": {field.name: getattr(self.limits, field.name) for field in fields(Limits)},
            "timing": timing_dict(self.timing),
            "prefill": None
            if pool is None
            else {
                "servers": pool.servers,
                "pass_tokens": pool.pass_tokens,
                "stretch": pool.stretch,
                "handover": curve_dict(pool.handover),
                "timing": timing_dict(pool.timing),
            },
            "lengths": {"input": self.input_tokens.tolist(), "output": self.output_tokens.tolist()},
        }

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> ServedReplica:
        """The replica that `as_dict` wrote; a missing or misshapen entry is a KeyError, TypeError or ValueError."""
        pool = made["prefill"]
        return cls(
            timing=timing_from(made["timing"]),
            limits=Limits(**made["limits"]),
            prefill=None
            if pool is None
            else PrefillPool(
                timing=timing_from(pool["timing"]),
                servers=int(pool["servers"]),
                pass_tokens=float(pool["pass_tokens"]),
                stretch=float(pool["stretch"]),
                handover=Curve(np.array(pool["handover"]["points"]), np.array(pool["handover"]["values"])),
            ),
            input_tokens=np.array(made["lengths"]["input"], dtype=int),
            output_tokens=np.array(made["lengths"]["output"], dtype=int),
            **{name: float(made[name]) for name in PLAIN},
        )


PLAIN = (
    "overhead",
    "prefix_hits",
    "longest",
    "requests_per_second",
    "sequences",
    "replicas",
    "share",
    "chips",
    "prefill_chips",
)
"""Fields that are one number."""


def shortened(values: Any) -> Any:
    """Values to so many significant digits that a text has them in few letters. Source: definition."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in np.ravel(values)]).reshape(np.shape(values)).tolist()


def curve_dict(curve: Curve) -> dict[str, Any]:
    """A curve as plain lists."""
    return {"points": shortened(curve.points), "values": shortened(curve.values)}


def table_dict(table: Table) -> dict[str, Any]:
    """A table as plain lists."""
    return {
        "rows": shortened(table.rows),
        "columns": shortened(table.columns),
        "values": shortened(table.values),
    }


def table_from(made: Mapping[str, Any]) -> Table:
    """The table that `table_dict` wrote."""
    return Table(np.array(made["rows"]), np.array(made["columns"]), np.array(made["values"]))


def timing_dict(timing: Timing) -> dict[str, Any]:
    """A timing as plain lists; a table that is another one is written once."""
    mixed = timing.mixed
    return {
        "stages": timing.stages,
        "steps": table_dict(timing.steps),
        "prefills": table_dict(timing.prefills),
        "shared": None if timing.shared is timing.prefills else table_dict(timing.shared),
        "mixed": None
        if mixed is None
        else {name: table_dict(getattr(mixed, name)) for name in ("own", "shared", "attention")},
    }


def timing_from(made: Mapping[str, Any]) -> Timing:
    """The timing that `timing_dict` wrote."""
    mixed, prefills = made["mixed"], table_from(made["prefills"])
    return Timing(
        steps=table_from(made["steps"]),
        prefills=prefills,
        shared=prefills if made["shared"] is None else table_from(made["shared"]),
        stages=int(made["stages"]),
        mixed=None if mixed is None else Mixed(**{name: table_from(table) for name, table in mixed.items()}),
    )
