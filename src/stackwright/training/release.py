"""A training software release: what its kernels and its overlap make of the chip."""

from __future__ import annotations

from stackwright.core.spec import spec
from stackwright.core.units import Ratio, Seconds


@spec
class TrainingRelease:
    """Overheads of a training framework's release; the record's ranges are its prediction error."""

    gemm_scale: Ratio
    """In-framework time of a matrix product over the isolated kernel's."""
    attention_scale: Ratio
    """The same for the attention forward pass."""
    attention_backward: Ratio
    """Attention backward over attention forward time."""
    elementwise_scale: Ratio
    """Element-wise traffic over that of fully fused kernels."""
    permutation_scale: Ratio
    """Traffic of sorting tokens by expert and back over one read and write each way."""
    tensor_exposed: Ratio
    """Share of tensor-parallel and context-parallel communication that nothing hides."""
    expert_exposed: Ratio
    data_exposed: Ratio
    bubble_scale: Ratio
    """Pipeline idle time over the schedule's ideal bubble: uneven stages and transfers."""
    kernel_overhead: Seconds
    """Launch and host time per kernel that a busy chip does not hide."""
    step_overhead: Seconds
    """Per optimizer step: data loading, gradient norm, logging, synchronization."""
    memory_utilization: Ratio
    """Share of chip memory that the run may use."""
    attention_counted: Ratio
    """Share of the full attention matrix that the framework's own FLOP count includes (causal is a half)."""
    time_spread: Ratio
    """Multiplier on a predicted step: value 1, its range is the release's prediction error."""
