"""The interface layer: which software runs on which chips, what it costs in time, and what leaving it costs.

An engine's release on its chips is a `SoftwareStack`; what lies below the engines is a `Platform`. A `Port` is a move
between platforms, a `SecondStack` what keeps one possible; `PricePaths` and `PriceFuture` are what it can gain, and a
`ModelFuture` is what can make the machines of any platform worth less.
"""

from __future__ import annotations

from stackwright.interface.model_future import ModelFuture
from stackwright.interface.platform import Platform
from stackwright.interface.port import Port
from stackwright.interface.price_future import PriceFuture
from stackwright.interface.price_paths import PricePaths
from stackwright.interface.second_stack import SecondStack
from stackwright.interface.software import SoftwareStack

TYPES: dict[str, type] = {
    "ModelFuture": ModelFuture,
    "Platform": Platform,
    "Port": Port,
    "PriceFuture": PriceFuture,
    "PricePaths": PricePaths,
    "SecondStack": SecondStack,
    "SoftwareStack": SoftwareStack,
}
