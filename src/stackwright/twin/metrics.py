"""Counts and histograms in Prometheus' text format, under the names that vLLM gives them.

Names and buckets are those of vLLM's `vllm/v1/metrics/loggers.py`; times are the scheduler's, so they hold what the
plan makes a client wait and not what this program adds. What it adds is `stackwright_token_lateness_seconds`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stackwright.twin.replica import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
NEXT_TOKEN = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
WHOLE_REQUEST = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0),
    *(120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
LENGTH = tuple(float(digit * 10**power) for power in range(6) for digit in (1, 2, 5))
LATENESS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Histogram:
    """Counts of values by bucket, their sum and number."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """Its lines: cumulative buckets, sum and count."""
        total = 0
        for bound, count in zip([*(f"{bound:g}" for bound in self.bounds), "+Inf"], self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self.sum!r}"
        yield f"{name}_count{{{labels}}} {total}"


class Seen:
    """What the endpoint has seen of its requests since it started."""

    def __init__(self) -> None:
        self.first_token = Histogram(FIRST_TOKEN)
        self.next_token = Histogram(NEXT_TOKEN)
        self.mean_token = Histogram(NEXT_TOKEN)
        self.whole = Histogram(WHOLE_REQUEST)
        self.input_tokens = Histogram(LENGTH)
        self.output_tokens = Histogram(LENGTH)
        self.lateness = Histogram(LATENESS)
        self.finished = {"stop": 0, "length": 0, "abort": 0}

    def families(self) -> Iterable[tuple[str, str, Histogram]]:
        """Name, meaning and histogram of each family."""
        yield "vllm:time_to_first_token_seconds", "Time to first token in seconds.", self.first_token
        yield "vllm:inter_token_latency_seconds", "Time between two tokens in seconds.", self.next_token
        yield (
            "vllm:request_time_per_output_token_seconds",
            "Mean time between the tokens of a request in seconds.",
            self.mean_token,
        )
        yield "vllm:e2e_request_latency_seconds", "Time from arrival to the last token in seconds.", self.whole
        yield "vllm:request_prompt_tokens", "Prompt tokens of a finished request.", self.input_tokens
        yield "vllm:request_generation_tokens", "Output tokens of a finished request.", self.output_tokens
        yield "stackwright_token_lateness_seconds", "Time from a token's due time until it is written.", self.lateness


@dataclass(frozen=True)
class Reading:
    """One number now: its name, what it means, and labels of its own."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def readings(state: State) -> tuple[list[Reading], list[Reading]]:
    """What the scheduler's state says: gauges, and counters since it started."""
    gauges = [
        Reading("vllm:num_requests_running", "Requests in prefill or decode.", state.running + state.prefilling),
        Reading("vllm:num_requests_waiting", "Requests that wait.", state.waiting),
        Reading("vllm:kv_cache_usage_perc", "Share of the cache in use; 1 is all of it.", state.cache_use),
        Reading("stackwright_weight", "Requests that a client's one stands for.", state.weight),
        Reading("stackwright_client_requests", "Requests of clients under way.", state.clients),
        Reading("stackwright_replicas", "Decode replicas of the whole fleet.", state.replicas),
        Reading("stackwright_share", "What is served, of one replica.", state.share),
        Reading("stackwright_pace", "What multiplies the time of every round.", state.pace),
        Reading("stackwright_lost_share", "Share of the chips that is gone.", state.lost),
        *(
            Reading("stackwright_pool_busy", "Share of the last seconds at work.", share, {"pool": pool})
            for pool, share in state.utilization.items()
        ),
    ]
    counters = [
        Reading("vllm:num_preemptions_total", "Sequences sent back to the queue.", state.preemptions),
        Reading("vllm:prompt_tokens_total", "Prompt tokens processed.", state.prompt_tokens),
        Reading("vllm:generation_tokens_total", "Tokens generated.", state.output_tokens),
        Reading("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the cache.", state.looked_up),
        Reading("vllm:prefix_cache_hits_total", "Prompt tokens found in the cache.", state.found),
        Reading("stackwright_client_requests_total", "Requests that clients have sent.", state.client_requests),
        Reading("stackwright_requests_rejected_total", "Requests turned away.", state.refused),
    ]
    return gauges, counters


def power_readings(power: Mapping[str, Any]) -> list[Reading]:
    """Watts and dollars of the whole fleet, as `/power` tells them: gauges."""
    levels = ("chip", "rack", "building", "meter")
    return [
        *(
            Reading("stackwright_watts", "Power of the whole fleet, W.", power[level], {"level": level})
            for level in levels
        ),
        Reading("stackwright_usd_per_second", "Cost of the whole fleet, USD/s.", power["usd_per_second"]["all"]),
    ]


def exposition(model: str, seen: Seen, gauges: Sequence[Reading], counters: Sequence[Reading]) -> str:
    """All that is known, as text."""
    labels = f'model_name="{_escaped(model)}",engine="0"'
    ended = [
        Reading("vllm:request_success_total", "Requests that ended, by reason.", count, {"finished_reason": reason})
        for reason, count in seen.finished.items()
    ]
    lines = [*_lines(gauges, "gauge", labels), *_lines([*counters, *ended], "counter", labels)]
    for name, meaning, histogram in seen.families():
        lines += [*_head(name, meaning, "histogram"), *histogram.lines(name, labels)]
    return "\n".join(lines) + "\n"


def _lines(values: Sequence[Reading], kind: str, labels: str) -> Iterable[str]:
    before = None
    for one in values:
        if one.name != before:
            yield from _head(one.name, one.meaning, kind)
        own = "".join(f',{key}="{_escaped(value)}"' for key, value in one.labels.items())
        yield f"{one.name}{{{labels}{own}}} {one.value!r}"
        before = one.name


def _head(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
