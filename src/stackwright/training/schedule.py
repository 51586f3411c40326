"""Pipeline schedules: micro-batches, the bubble, what is in flight, and what overlap cannot hide."""

from __future__ import annotations

from stackwright.core.arrays import namespace
from stackwright.core.units import Count, Ratio, Seconds


def micro_batches(*, global_batch: Count, data: Count, micro_batch: Count) -> Count:
    """Micro-batches that each data rank runs in one optimizer step, at least one.

    Source: Narayanan et al. 2021 (arXiv:2104.04473), section 2.2: m = B / (b d).
    """
    return namespace(global_batch, data, micro_batch).maximum(1.0, global_batch / (data * micro_batch))


def bubble_ratio(*, pipeline: Count, micro_batches: Count, virtual: Count) -> Ratio:
    """Idle time of a pipeline rank over its busy time, for the interleaved one-forward-one-backward schedule.

    Source: Narayanan et al. 2021 (arXiv:2104.04473), section 2.2.2: (p - 1) / (v m).
    """
    return (pipeline - 1.0) / (virtual * micro_batches)


def in_flight(*, pipeline: Count, micro_batches: Count, virtual: Count) -> Ratio:
    """Micro-batches whose activations the first pipeline rank holds at once, in units of its own layers.

    Source: Korthikanti et al. 2022 (arXiv:2205.05198), section 4.2.3: p, and p (1 + (p - 1) / (p v)) where interleaved.
    """
    held = pipeline + namespace(virtual).where(virtual > 1.0, (pipeline - 1.0) / virtual, 0.0)
    return namespace(pipeline, micro_batches).minimum(micro_batches, held)


def exposed_time(*, communication: Seconds, exposed_share: Ratio, window: Seconds) -> Seconds:
    """Communication that compute does not hide: a share that never overlaps, or what exceeds the window.

    Source: definition (overlap can hide at most the compute that runs beside it).
    """
    beyond = communication - window
    return namespace(communication, window).maximum(exposed_share * communication, beyond)


def step_time(
    *,
    micro_batch: Seconds,
    micro_batches: Count,
    bubble: Ratio,
    data_exposed: Seconds,
    optimizer: Seconds,
    overhead: Seconds,
) -> Seconds:
    """Seconds of one optimizer step, from the busy time of a pipeline rank per micro-batch.

    Source: definition (micro-batches with their bubble, then gradients, optimizer and fixed work).
    """
    return micro_batches * micro_batch * (1.0 + bubble) + data_exposed + optimizer + overhead
