"""A mix of traces as the few numbers that steady-state serving needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stackwright.core.spec import spec
from stackwright.core.units import Count, Ratio
from stackwright.workload.trace import QUANTILES, Requests

BURST_WINDOW = 10.0
"""Seconds over which arrivals are counted for burstiness: longer than a prefill, shorter than a request."""


@spec
class Mix:
    """Lengths, burstiness and shared prefixes of a traffic mix.

    `nodes` are input lengths [Q] that stand for shares `weights` [Q] of the requests; the last two
    carry no weight and are the median and the 95th percentile.
    """

    nodes: Count
    weights: Ratio
    input_mean: Count
    output_mean: Count
    context_mean: Count
    """Tokens that a decode step attends to, averaged over output tokens."""
    arrival_scv: Ratio
    """Dispersion of arrivals over `BURST_WINDOW`; 1 for a Poisson stream."""
    prefix_hits: Ratio
    """Share of input tokens that a cache which never evicts would hold: an upper bound."""


def mix(traces: Sequence[Requests], weights: Sequence[float]) -> Mix:
    """Mix traces by shares of requests. Source: definition (weighted quantiles and moments)."""
    shares = np.asarray(weights, dtype=float) / sum(weights)
    per_request = np.concatenate(
        [np.full(len(t.arrival), share / len(t.arrival)) for t, share in zip(traces, shares, strict=True)]
    )
    inputs = np.concatenate([t.input_tokens for t in traces])
    outputs = np.concatenate([t.output_tokens for t in traces])
    hits = np.concatenate([t.hits for t in traces])
    order = np.argsort(inputs, kind="stable")
    inputs, outputs, hits, per_request = inputs[order], outputs[order], hits[order], per_request[order]
    below = np.cumsum(per_request)
    nodes, mass = _classes(inputs, per_request, below)
    quantiles = [inputs[np.searchsorted(below, q)] for q in (0.5, 0.95)]
    steps = (per_request * outputs).sum()
    return Mix(
        nodes=np.array([*nodes, *quantiles]),
        weights=np.array([*mass, 0.0, 0.0]),
        input_mean=float((per_request * inputs).sum()),
        output_mean=float(steps),
        context_mean=float((per_request * outputs * (inputs + outputs / 2)).sum() / steps),
        arrival_scv=float(sum(share * dispersion(t.arrival) for t, share in zip(traces, shares, strict=True))),
        prefix_hits=float((per_request * hits).sum() / (per_request * inputs).sum()),
    )


def fixed_lengths(input_tokens: float, output_tokens: float, prefix_hits: float = 0.0) -> Mix:
    """A mix in which every request is alike and arrivals are Poisson. Source: definition."""
    return Mix(
        nodes=np.full(3, float(input_tokens)),
        weights=np.array([1.0, 0.0, 0.0]),
        input_mean=float(input_tokens),
        output_mean=float(output_tokens),
        context_mean=float(input_tokens + output_tokens / 2),
        arrival_scv=1.0,
        prefix_hits=prefix_hits,
    )


def dispersion(arrival: np.ndarray, window: float = BURST_WINDOW) -> float:
    """Variance over mean of the arrivals per window; 1 for a Poisson stream, at least 1 here.

    Source: index of dispersion of counts (Cox and Lewis, 1966).
    """
    counts = np.bincount(((arrival - arrival.min()) // window).astype(int))[:-1]
    return max(1.0, float(counts.var() / counts.mean())) if len(counts) > 1 else 1.0


def _classes(inputs: np.ndarray, mass: np.ndarray, below: np.ndarray) -> tuple[list[float], list[float]]:
    edges = np.searchsorted(below, np.array(QUANTILES[1:-1]))
    parts = np.split(np.arange(len(inputs)), edges)
    parts = [part for part in parts if len(part)]
    return (
        [float((inputs[part] * mass[part]).sum() / mass[part].sum()) for part in parts],
        [float(mass[part].sum()) for part in parts],
    )
