"""How orchestrators name the chips of a plan, and how many of them stand in one server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InputError
from stackwright.core.units import Count

NVIDIA = "nvidia"
TOPOLOGY = "cloud.google.com/gke-tpu-topology"


@dataclass(frozen=True)
class Hardware:
    """A system of the catalog as an orchestrator sees it."""

    system: str
    chip: str
    vendor: str
    product: str
    """What the vendor's plugin writes on the node."""
    resource: str
    label: str
    devices: Count
    """Devices that a framework sees per chip."""
    node_chips: Count
    """Of a server that a replica has for itself."""
    slice_node: Count
    """Of each server where a replica spans several."""
    slices: Mapping[int, str]
    """Shape of a slice by its number of chips, where nodes are had as slices."""
    shared_domain: bool
    """Whether servers share one NVLink domain, to which pods need a channel."""

    def per_node(self, chips: Count) -> Count:
        """Chips on each server of a replica of so many. Source: definition."""
        return chips if chips <= self.node_chips else self.slice_node

    def selector(self, chips: Count) -> dict[str, str]:
        """Labels of the nodes that a replica of so many chips runs on. Source: definition."""
        made = {self.label: self.product}
        return made | {TOPOLOGY: self.slices[chips]} if chips in self.slices else made


@lru_cache(maxsize=1)
def _known() -> Mapping[str, Any]:
    return yaml.safe_load((files("stackwright.deploy") / "chips.yaml").read_text(encoding="utf-8"))


def hardware_of(system: str, chip: str, catalog: Catalog) -> Hardware:
    """A system and its chip as an orchestrator sees them. Raises `InputError` for a chip without a device plugin."""
    known = _known()
    if chip not in known["chips"]:
        expected = f"a chip with a device plugin: {', '.join(known['chips'])}"
        raise InputError([Fault("plan.json", "stack.chip", repr(chip), expected)])
    entry = known["chips"][chip]
    kind = known["resources"][entry["vendor"]]
    values = catalog.get("rack", system).values
    return Hardware(
        system=system,
        chip=chip,
        vendor=entry["vendor"],
        product=entry["product"],
        resource=kind["resource"],
        label=kind["label"],
        devices=entry.get("devices", 1),
        node_chips=int(values["node_chips"].value),
        slice_node=entry.get("slice_node", int(values["node_chips"].value)),
        slices=entry.get("slices", {}),
        shared_domain=entry["vendor"] == NVIDIA and values["scale_up_domain"].value > values["node_chips"].value,
    )
