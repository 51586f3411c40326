"""Chips: what an accelerator can do, how long its kernels take, and how much power they draw."""

from __future__ import annotations

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.communication import CollectiveLibrary, ExchangeFamily
from stackwright.chip.family import KernelFamily
from stackwright.chip.power import PowerFamily, PowerSensor
from stackwright.chip.processor import Processor

TYPES: dict[str, type] = {
    "Accelerator": Accelerator,
    "CollectiveLibrary": CollectiveLibrary,
    "ExchangeFamily": ExchangeFamily,
    "KernelFamily": KernelFamily,
    "PowerFamily": PowerFamily,
    "PowerSensor": PowerSensor,
    "Processor": Processor,
}
