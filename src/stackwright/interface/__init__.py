"""The interface layer: which software runs on which chips, and what it costs in time.

An engine's release on its chips is a `SoftwareStack`; what lies below the engines is a `Platform`.
"""

from __future__ import annotations

from stackwright.interface.platform import Platform
from stackwright.interface.software import SoftwareStack

TYPES: dict[str, type] = {"SoftwareStack": SoftwareStack, "Platform": Platform}
