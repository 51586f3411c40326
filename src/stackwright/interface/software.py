"""A software stack: an engine of a version and year on the chips that it supports.

The stack moves a decode step by a factor of one to three, as much as a chip generation does; so it
is a record with ranges, never a silent default.
"""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio, Seconds


@spec
class SoftwareStack:
    """Overheads and limits of an inference engine's release."""

    step_overhead: Seconds
    """Scheduler and host work exposed in every decode step."""
    kernel_overhead: Seconds
    """Gap between kernels that graph capture does not hide, per kernel."""
    quantize_overhead: Seconds | None = None
    """Per GEMM whose activations are quantized on the way in; None where precision does not ask for it."""
    sequence_overhead: Seconds
    """Per running sequence and step: sampling, detokenization, block tables."""
    layer_overhead: Seconds | None = None
    """Per layer and doubling of the tensor ranks, in every pass: exchanges that no captured graph launches.
    None where a graph does."""
    prefill_tokens: Count | None = None
    """Tokens of a prefill pass that waiting prompts share; None where each prompt has a pass of its own."""
    prefill_overhead: Seconds
    """Fixed part of time to first token: request parsing, tokenization, first scheduling."""
    gemm_scale: Ratio
    """In-engine GEMM time over the time of the isolated kernel (fusion, warm weights, graphs)."""
    attention_scale: Ratio
    experts_scale: Ratio
    prefill_scale: Ratio
    communication_overlap: Ratio
    """Share of collective time hidden behind compute."""
    memory_utilization: Ratio
    """Share of chip memory that weights and cache may use."""
    batch_limit: Count
    """Running sequences per replica that the scheduler admits."""
    time_spread: Ratio
    """Multiplier on a predicted step: value 1, its range is the stack's prediction error."""
