"""What Prometheus reads of the endpoint."""

from __future__ import annotations

import re

import pytest
from endpoints import MODEL, Start
from served_replicas import replica

from stackwright.twin.metrics import Histogram
from stackwright.twin.replica import LiveStack

VLLM = {
    "vllm:num_requests_running": "gauge",
    "vllm:num_requests_waiting": "gauge",
    "vllm:kv_cache_usage_perc": "gauge",
    "vllm:num_preemptions_total": "counter",
    "vllm:prompt_tokens_total": "counter",
    "vllm:generation_tokens_total": "counter",
    "vllm:prefix_cache_queries_total": "counter",
    "vllm:prefix_cache_hits_total": "counter",
    "vllm:request_success_total": "counter",
    "vllm:time_to_first_token_seconds": "histogram",
    "vllm:inter_token_latency_seconds": "histogram",
    "vllm:request_time_per_output_token_seconds": "histogram",
    "vllm:e2e_request_latency_seconds": "histogram",
    "vllm:request_prompt_tokens": "histogram",
    "vllm:request_generation_tokens": "histogram",
}
LINE = re.compile(r'^([a-z0-9_:]+)\{model_name="([^"]*)",engine="0"((?:,[a-z_]+="[^"]*")*)\} (\S+)$')


def parsed(text: str) -> tuple[dict[str, str], dict[str, float]]:
    """Types by family, and values by name with its own labels; a line of another form is a failure."""
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two families"
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = LINE.match(line)
            assert match, line
            assert match[2] == MODEL
            values[match[1] + match[3]] = float(match[4])
    return types, values


def test_counts_are_those_of_the_requests(start: Start) -> None:
    endpoint = start(LiveStack(replica(prefix_hits=0.5), weight=1.0))
    with endpoint.client() as client, endpoint.http() as http:
        for length in (1, 4, 7):
            client.completions.create(model=MODEL, prompt="x" * 400, max_tokens=length)
        client.completions.create(model=MODEL, prompt="x" * 400, max_tokens=9, stop="synthetic")
        answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    types, values = parsed(answer.text)
    assert VLLM.items() <= types.items()
    assert values["vllm:prompt_tokens_total"] == values["vllm:prefix_cache_queries_total"] == 400
    assert values["vllm:prefix_cache_hits_total"] == 200
    assert values["vllm:generation_tokens_total"] == values["vllm:request_generation_tokens_sum"] == 1 + 4 + 7 + 6
    assert values['vllm:request_success_total,finished_reason="length"'] == 3
    assert values['vllm:request_success_total,finished_reason="stop"'] == 1
    assert values["vllm:time_to_first_token_seconds_count"] == 4
    assert values["vllm:inter_token_latency_seconds_count"] == 3 + 6 + 5
    assert values["vllm:request_time_per_output_token_seconds_count"] == 3
    assert values["vllm:num_requests_running"] == values["vllm:num_requests_waiting"] == 0


def test_times_are_the_scheduler_s(start: Start) -> None:
    endpoint = start(LiveStack(replica(), weight=1.0))
    with endpoint.client() as client, endpoint.http() as http:
        client.completions.create(model=MODEL, prompt="x" * 400, max_tokens=11)
        _, values = parsed(http.get("/metrics").text)
    assert values["vllm:inter_token_latency_seconds_sum"] == pytest.approx(10 * 0.02)
    assert values["vllm:request_time_per_output_token_seconds_sum"] == pytest.approx(0.02)
    waited = values["vllm:time_to_first_token_seconds_sum"]
    assert values["vllm:e2e_request_latency_seconds_sum"] == pytest.approx(waited + 10 * 0.02)


def test_a_histogram_counts_what_is_at_most_a_bound() -> None:
    made = Histogram((1.0, 2.0))
    for value, times in ((0.5, 1), (1.0, 2), (1.5, 3), (9.0, 4)):
        made.observe(value, times)
    assert list(made.lines("h", 'a="b"')) == [
        'h_bucket{a="b",le="1"} 3',
        'h_bucket{a="b",le="2"} 6',
        'h_bucket{a="b",le="+Inf"} 10',
        'h_sum{a="b"} 43.0',
        'h_count{a="b"} 10',
    ]
