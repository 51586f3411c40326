"""Staff: what a person costs who is no part of a plant's upkeep."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import DollarsPerSecond


@spec
class Staff:
    """One person, all that the employer pays included."""

    cost: DollarsPerSecond
