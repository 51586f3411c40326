"""A port: moving a running service from one platform to another, in people, time and lost performance.

Performance is told by the cost of a token: a stack that keeps a share of the performance that the platform's engine
has needs one over that share of the machines, so its tokens cost so much more.
"""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.spec import spec
from stackwright.core.units import Count, Dollars, DollarsPerSecond, Ratio, Seconds


def port_cost(*, people: Count, time: Seconds, staff_cost: DollarsPerSecond) -> Dollars:
    """Wages of a port; `staff_cost` is that of one engineer. Source: definition."""
    return people * time * staff_cost


def share_of_life(*, time: Seconds, life: Seconds) -> Ratio:
    """Share of a fleet's life that a time takes, at most all of it. Source: definition."""
    return namespace(time, life).minimum(time / life, 1.0 + 0.0 * time / life)


def ported_cost(*, cost: Ratio, stay: Ratio, late: Ratio, tuning: Ratio, kept_at_start: Ratio, kept: Ratio) -> Ratio:
    """Cost of a token over a fleet's life after a move: the old platform's until it serves, then untuned, then tuned.

    `cost` on the new platform and `stay` on the old one, in one unit; `late` and `tuning` are shares of the life, one
    after the other. Source: definition.
    """
    xp = namespace(late, tuning)
    untuned = xp.minimum(tuning, 1.0 - late)
    tuned = 1.0 - late - untuned
    return late * stay + untuned * cost / (kept_at_start * kept) + tuned * cost / kept


@spec
class Port:
    """What public cases and reasoned assumptions say about one move."""

    people: Count
    """Engineers who work on it until it serves."""
    time: Seconds
    """From the decision until it serves."""
    kept_at_start: Ratio
    """Performance of what first serves over that of the same code tuned."""
    kept: Ratio
    """Performance after tuning over that of the new platform's engine with its own models."""
    tuning_time: Seconds
    """From first serving until it is tuned."""

    def cost(self, *, staff_cost: DollarsPerSecond) -> Dollars:
        """Wages of the port. Source: definition."""
        return port_cost(people=self.people, time=self.time, staff_cost=staff_cost)

    def cost_of_tokens(self, *, cost: Ratio, stay: Ratio, life: Seconds) -> Ratio:
        """Cost of a token over a fleet's life after the move. Source: `ported_cost`."""
        return ported_cost(
            cost=cost,
            stay=stay,
            late=share_of_life(time=self.time, life=life),
            tuning=share_of_life(time=self.tuning_time, life=life),
            kept_at_start=self.kept_at_start,
            kept=self.kept,
        )
