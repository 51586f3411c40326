"""An accelerator as a buyer sees it: peaks, memory, links, power and price.

One "chip" is one package as its vendor counts it: a B200 is one chip with two dies, a TPU v7 is
one chip with two chiplets. Peaks are dense: structured sparsity is never counted.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, Dollars, DollarsPerSecond, FlopsPerSecond, Ratio, Watts


@spec
class Accelerator:
    """Numbers of one accelerator package; a field that is None is not public and is not guessed."""

    memory_capacity: Bytes | None = None
    memory_bandwidth: BytesPerSecond | None = None
    peak_bf16: FlopsPerSecond | None = None
    peak_fp8: FlopsPerSecond | None = None
    peak_fp4: FlopsPerSecond | None = None
    peak_int8: FlopsPerSecond | None = None
    tdp: Watts | None = None
    scale_up_bandwidth: BytesPerSecond | None = None
    """Per chip, one direction, over the links of the scale-up domain."""
    host_bandwidth: BytesPerSecond | None = None
    """Per chip, one direction, to host memory (PCIe or a coherent link)."""
    compute_units: Count | None = None
    """Streaming multiprocessors, compute units, tensor cores or the vendor's like: what a wave fills."""
    exponential_rate: Ratio | None = None
    """Exponentials per compute unit and clock, over those of the first chips of the generation."""
    cache: Bytes | None = None
    price: Dollars | None = None
    """What a volume buyer pays for the chip alone, in the year of its date."""
    unit_cost: Dollars | None = None
    """The vendor's cost of goods: what is left of the price is margin."""
    rent_on_demand: DollarsPerSecond | None = None
    rent_committed: DollarsPerSecond | None = None
    """Rent with a three-year commitment."""
    partner_margin: Ratio | None = None
    """Gross margin of the design partner, for chips that an operator makes with one."""
