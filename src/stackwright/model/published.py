"""What a model's makers say of it, to be compared with what its config adds up to."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Count


@spec
class PublishedModel:
    """Published parameter counts; absent where the makers publish none."""

    total_parameters: Count | None = None
    active_parameters: Count | None = None
