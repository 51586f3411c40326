"""A software platform below or beside the engines: CUDA, ROCm, XLA, communication libraries.

A platform has no speed of its own here; it decides who can run what, and what a move to it costs.
Most of what is known about it is text of its record.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Seconds


@spec
class Platform:
    """What public cases say about living on a platform; None where no case is public."""

    migration_time: Seconds | None = None
    """From the decision to move a running service there until it serves."""
    support_lag: Seconds | None = None
    """From a model's release until the platform supports it."""
