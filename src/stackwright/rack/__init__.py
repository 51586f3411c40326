"""The rack layer: units of sale, each of which fixes chip, processor, scale-up domain and cooling class."""

from __future__ import annotations

from stackwright.rack.system import System

TYPES: dict[str, type] = {"System": System}
