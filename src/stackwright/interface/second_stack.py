"""A second software stack that is kept alive, so that a service can move at any time."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Count, DollarsPerSecond


def upkeep(*, people: Count, staff_cost: DollarsPerSecond) -> DollarsPerSecond:
    """Wages of those who keep a second stack alive; `staff_cost` is that of one engineer. Source: definition."""
    return people * staff_cost


@spec
class SecondStack:
    """Who keeps one further platform able to serve."""

    people: Count

    def upkeep(self, *, staff_cost: DollarsPerSecond) -> DollarsPerSecond:
        """Wages by time. Source: definition."""
        return upkeep(people=self.people, staff_cost=staff_cost)
