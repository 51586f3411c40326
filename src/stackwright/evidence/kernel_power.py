"""Power that a board's sensor shows of a kernel which a benchmark repeats: its own, and what ran before.

A sensor that averages over a good part of a second, read a few times while a short kernel is repeated,
mostly shows what the board did before. The rows of a power table are predicted as such readings;
nothing of this enters the power of a served model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stackwright.chip.power import PowerFamily, PowerSensor
from stackwright.core.units import BytesPerSecond, FlopsPerSecond, Ratio, Seconds, Watts

Numbers = Mapping[str, np.ndarray]

SENSOR = "power-sensor-b200"
"""Record of the sensor behind the power table."""
REFERENCE_WIDTH = 1024.0
REFERENCE_CACHE_HEADS = 2.0
REFERENCE_WEIGHTS = 2.0**28
LONG_CALL = 1e-3
"""A call from which on the benchmark repeats kernels for its whole span."""
NARROW_WINDOW = 1024.0
"""Windows below this many tokens count as windowed: the table sweeps 128, and 8,192 as good as none."""


@dataclass(frozen=True)
class Shown:
    """Readings in watts: medians, 5th and 95th percentiles."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def before(table: str, size: Numbers, sensor: PowerSensor, tdp: Watts) -> Watts:
    """Power before a kernel of a sweep, whose neighbors in the sweep have its shape. Source: definition (fitted)."""
    if table == "moe":
        weights = size["hidden"] * size["inter"] * size["experts"] / (size["moe_tp"] * size["moe_ep"])
        odds = (weights / REFERENCE_WEIGHTS) ** sensor.by_weights
        return sensor.before(share=sensor.before_experts, odds=odds, tdp=tdp)
    seen = np.where((size["window"] > 0) & (size["window"] < NARROW_WINDOW), sensor.windowed, 1.0)
    if table == "context_attention":
        odds = (size["heads"] * size["head_dim"] / REFERENCE_WIDTH) ** sensor.by_heads
        return sensor.before(share=sensor.before_prefill, odds=seen * odds, tdp=tdp)
    odds = (size["kv_heads"] / REFERENCE_CACHE_HEADS) ** sensor.by_cache_heads
    return sensor.before(share=sensor.before_decode, odds=seen * odds, tdp=tdp)


def shown(
    table: str,
    size: Numbers,
    *,
    flop_rate: FlopsPerSecond,
    byte_rate: BytesPerSecond,
    call: Seconds,
    tdp: Watts,
    precision: str,
    family: PowerFamily,
    sensor: PowerSensor,
) -> Shown:
    """Readings of kernels of a table, of these sizes, at these rates of work, whose calls take so long.

    The spread goes from that of what ran before to that of the kernel's own power with the share that is seen.
    Source: definition.
    """
    packed = replace(family, busy_share=family.busy_share * sensor.back_to_back)
    own = packed.draw(flop_rate=flop_rate, byte_rate=byte_rate, tdp=tdp, precision=precision)
    seen: Ratio = sensor.seen(call=call)
    value = np.asarray(seen * own + (1.0 - seen) * before(table, size, sensor, tdp))
    known = np.minimum(seen / sensor.seen(call=np.array(LONG_CALL)), 1.0)
    low = _between(known, sensor.before_low, sensor.own_low)
    high = _between(known, sensor.before_high, sensor.own_high)
    return Shown(value, value * low, value * high)


def _between(share: Ratio, first: Ratio, then: Ratio) -> Ratio:
    """From `first` at share 0 to `then` at 1, straight in the logarithm."""
    return first ** (1.0 - share) * then**share
