"""A design: one option per layer, by record id, and the numbers of serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Design:
    """Everything that a study decides. Degrees of the prefill pool are zero where prefill shares the chips."""

    architecture: str
    precision: str
    cache_precision: str
    draft_tokens: int
    software: str
    mode: str
    chip: str
    power_cap: float
    system: str
    fabric: str
    oversubscription: float
    cooling: str
    supply_temperature: float
    site: str
    redundancy: str
    distribution: str
    portfolio: str
    sourcing: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Degrees of the decode and the prefill replica, batch, prefill utilization."""
    prefill_system: str | None = None
    """Where the prefill pool stands on another system than the decode pool."""

    def as_dict(self) -> dict[str, Any]:
        """Plain mapping. Source: definition."""
        return asdict(self) | {"numbers": dict(self.numbers)}

    def by_layer(self) -> dict[str, Any]:
        """The option of each layer, as results print it. Source: definition."""
        return {
            "interface": self.software,
            "model": f"{self.architecture} {self.precision}/{self.cache_precision}",
            "serving": self.mode,
            "chip": f"{self.chip} at {self.power_cap:.0%}",
            "rack": self.system if self.prefill_system is None else f"{self.system}, prefill on {self.prefill_system}",
            "network": f"{self.fabric} {self.oversubscription:g}:1",
            "cooling": f"{self.cooling} at {self.supply_temperature - 273.15:.0f} degC",
            "datacenter": f"{self.site}, {self.redundancy}, {self.distribution}",
            "power": self.portfolio,
            "finance": self.sourcing,
        }
