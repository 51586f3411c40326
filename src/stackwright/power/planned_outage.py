"""Planned outages: blocks of hours in which machines stand still, one after another."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Count, Ratio, Seconds


def outage_share(*, since: Seconds, interval: Seconds, outage_time: Seconds, machines: Count) -> Ratio:
    """Share of a plant's machines in a planned outage, `since` the first of them began; [..., hour].

    Each machine has one outage per interval, and the machines take turns at even distances: one begins every
    interval / machines, so at any time as many are out as began within the last outage time.
    Source: definition; 10 CFR 50 plants refuel every 18 to 24 months (NRC, Refueling Outages).
    """
    xp = namespace(since, interval, outage_time, machines)
    turn = interval / machines
    whole = xp.floor(outage_time / turn)
    still = xp.remainder(since, turn) < outage_time - whole * turn
    return xp.where(still, (whole + 1.0) / machines, whole / machines)


def output_factor(*, out: Ratio, interval: Seconds, outage_time: Seconds) -> Ratio:
    """Output over its mean of many years, so that outages are blocks and no derate. Source: energy balance."""
    return (1.0 - out) / (1.0 - outage_time / interval)
