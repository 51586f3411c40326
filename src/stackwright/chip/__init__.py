"""Chips: what an accelerator can do, how long its kernels take, and how much power they draw."""

from __future__ import annotations

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.communication import ExchangeFamily
from stackwright.chip.family import KernelFamily
from stackwright.chip.power import PowerFamily
from stackwright.chip.processor import Processor

TYPES: dict[str, type] = {
    "Accelerator": Accelerator,
    "ExchangeFamily": ExchangeFamily,
    "KernelFamily": KernelFamily,
    "PowerFamily": PowerFamily,
    "Processor": Processor,
}
