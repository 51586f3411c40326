"""Tokens drafted ahead: how many of them a step keeps."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Ratio


@spec
class Drafting:
    """A prior on drafted tokens, whatever the model and the text."""

    acceptance: Ratio
    """Chance that a drafted token is accepted, given that those before it were."""
