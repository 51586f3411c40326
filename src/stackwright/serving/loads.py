"""From a load to the batch that it keeps running: an open loop at a rate, a closed loop at a concurrency.

The steady state gives rates and latencies at a batch; a load is met where they agree with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stackwright.core.units import Count, RequestsPerSecond
from stackwright.serving.service import Service

HALVINGS = 40
"""Halvings of a batch's logarithm: far below what any timing resolves."""
LEAST = 1e-3
"""Smallest batch that is looked at: a replica that is idle but for a request now and then."""

At = Callable[[Any], Service]
"""The steady state at a mean batch per attention group and stage."""


def open_loop(at: At, rate: RequestsPerSecond, largest: Count) -> Count:
    """The batch at which a replica serves `rate` requests per second; `largest` where it cannot.

    Source: conservation of requests; rates rise with the batch.
    """
    return _meeting(lambda batch: np.asarray(at(batch).requests_per_second) >= rate, largest)


def closed_loop(at: At, concurrency: Count, groups: Count, largest: Count) -> Count:
    """The batch at which so many requests are in a replica, waiting and prefilling ones included; at most `largest`.

    `groups` are its attention groups times stages; as soon as a request ends, another comes.
    Source: Little's law.
    """

    def full(batch: Any) -> Any:
        service = at(batch)
        return np.asarray(batch * groups + service.requests_per_second * service.ttft_mean) >= concurrency

    return _meeting(full, largest)


def _meeting(reached: Callable[[Any], Any], largest: Count) -> Any:
    low, high = np.log(LEAST) + 0.0 * np.asarray(largest, dtype=float), np.log(np.asarray(largest, dtype=float))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        enough = reached(np.exp(middle))
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.exp(high)
