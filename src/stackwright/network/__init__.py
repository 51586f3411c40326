"""Networks: scale-up links, scale-out fabrics, the collectives over them and the switches they need."""

from __future__ import annotations

from stackwright.network.links import Fabric, ScaleUp
from stackwright.network.optics import OpticalModule

TYPES: dict[str, type] = {"Fabric": Fabric, "OpticalModule": OpticalModule, "ScaleUp": ScaleUp}
