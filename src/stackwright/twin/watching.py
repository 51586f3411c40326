"""A drill seen from outside: what clients of an endpoint feel before, during and after it, out of its own counters.

Latencies are read from histograms, whose buckets are vLLM's: a quantile is known to its bucket and is interpolated
within it, as Prometheus does.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackwright.core.errors import Fault, InputError, StackwrightError
from stackwright.core.units import Ratio, Seconds

FIRST = "vllm:time_to_first_token_seconds"
NEXT = "vllm:request_time_per_output_token_seconds"
TOKENS = "vllm:generation_tokens_total"
REJECTED = "stackwright_requests_rejected_total"
PATIENCE: Seconds = 10.0
"""For an answer of the endpoint."""
POLL: Seconds = 1.0
SERVER_ERROR = 500
PERCENTILES = {"p50": 0.5, "p95": 0.95}


class EndpointError(StackwrightError):
    """The endpoint has a fault."""


@dataclass(frozen=True)
class Sample:
    """Counters at a moment: one number per name, and per histogram the cumulative counts by upper bound."""

    values: Mapping[str, float]
    buckets: Mapping[str, tuple[tuple[float, float], ...]]


def sample_of(text: str) -> Sample:
    """Counters out of Prometheus' text."""
    values: dict[str, float] = {}
    buckets: dict[str, list[tuple[float, float]]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        labeled, _, number = line.rpartition(" ")
        name, _, labels = labeled.partition("{")
        if name.endswith("_bucket"):
            bound = labels.partition('le="')[2].partition('"')[0]
            buckets.setdefault(name.removesuffix("_bucket"), []).append((float(bound), float(number)))
        else:
            values[name] = values.get(name, 0.0) + float(number)
    return Sample(values, {name: tuple(rows) for name, rows in buckets.items()})


def quantile(before: Sample, after: Sample, name: str, share: Ratio) -> float | None:
    """A quantile of what was counted between two samples; None where nothing was."""
    old = dict(before.buckets.get(name, ()))
    counts = [(bound, count - old.get(bound, 0.0)) for bound, count in after.buckets.get(name, ())]
    if not counts or counts[-1][1] <= 0.0:
        return None
    wanted, low, below = share * counts[-1][1], 0.0, 0.0
    for bound, count in counts:
        if count >= wanted and count > below:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / (count - below)
        low, below = (bound if bound != float("inf") else low), count
    return low


class Endpoint:
    """A running endpoint."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def ask(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> str:
        """An answer's text; raises `InputError` where there is no endpoint or it refuses, else `EndpointError`."""
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(f"{self.url}{path}", data=data, headers=self._headers, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return str(answer.read().decode("utf-8"))
        except urllib.error.HTTPError as error:
            if error.code >= SERVER_ERROR:
                raise EndpointError(_message(error)) from None
            expected = "a drill, and a key, that the endpoint takes"
            raise InputError([Fault(f"{self.url}{path}", "", _message(error), expected)]) from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            got = str(getattr(error, "reason", None) or error)
            expected = "the address of a running endpoint, such as http://127.0.0.1:8000"
            raise InputError(
                [Fault(self.url, "", got, expected, remedy="Start one with stackwright serve DIR.")]
            ) from None

    def told(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """An answer that is JSON."""
        made: dict[str, Any] = json.loads(self.ask(path, method, body))
        return made

    def sample(self) -> Sample:
        """Its counters."""
        return sample_of(self.ask("/metrics"))


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return f"{error.code}: {json.loads(error.read())['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: {error.reason}"


@dataclass(frozen=True)
class Spell:
    """A time on the endpoint, as its counters tell it."""

    seconds: Seconds
    first: Sample
    last: Sample
    power: Sequence[Mapping[str, Any]]

    def told(self) -> dict[str, Any]:
        """Latencies in s, tokens per second of the served part, watts and dollars of the fleet, requests rejected."""

        def mean(read: Callable[[Mapping[str, Any]], float]) -> float:
            return sum(read(one) for one in self.power) / len(self.power)

        def counted(name: str) -> float:
            return self.last.values[name] - self.first.values[name]

        def average(family: str) -> float | None:
            """Exact, as the sum is counted beside the buckets."""
            count = counted(f"{family}_count")
            return counted(f"{family}_sum") / count if count else None

        latencies = {f"{name}_mean": average(family) for name, family in (("ttft", FIRST), ("tpot", NEXT))} | {
            f"{name}_{label}": quantile(self.first, self.last, family, share)
            for name, family in (("ttft", FIRST), ("tpot", NEXT))
            for label, share in PERCENTILES.items()
        }
        return latencies | {
            "seconds": self.seconds,
            "tokens_per_second": counted(TOKENS) / self.seconds,
            "meter": mean(lambda one: one["meter"]),
            "chip": mean(lambda one: one["chip"]),
            "usd_per_hour": mean(lambda one: one["usd_per_second"]["all"]) * 3600.0,
            "energy_usd_per_hour": mean(lambda one: one["usd_per_second"]["energy"]) * 3600.0,
            "rejected": counted(REJECTED),
        }


def spell(endpoint: Endpoint, seconds: Seconds, over: Callable[[], bool] = lambda: False) -> Spell:
    """Watch an endpoint for a time, or until something is over."""
    first, power, begun = endpoint.sample(), [endpoint.told("/power")], time.monotonic()
    while (left := begun + seconds - time.monotonic()) > 0.0 and not over():
        time.sleep(min(POLL, left))
        power.append(endpoint.told("/power"))
    return Spell(time.monotonic() - begun, first, endpoint.sample(), power)


def watch(
    endpoint: Endpoint, name: str, parameters: Mapping[str, float], seconds: Seconds, beside: Seconds
) -> dict[str, Any]:
    """Run a drill on an endpoint and watch it, and as long as `beside` before and after; it is ended if this is."""
    before = spell(endpoint, beside)
    record = endpoint.told("/drills", "POST", {"name": name, "seconds": seconds, "parameters": dict(parameters)})

    def running() -> bool:
        return any(one["id"] == record["id"] for one in endpoint.told("/drills")["running"])

    try:
        during = spell(endpoint, seconds, lambda: not running())
    finally:
        if running():
            endpoint.told(f"/drills/{record['id']}", "DELETE")
    after = spell(endpoint, beside)
    spells = {"before": before, "during": during, "after": after}
    return {
        "drill": {key: record[key] for key in ("id", "name", "parameters", "notes")},
        "spells": {label: one.told() for label, one in spells.items()},
        "of": {"tokens_per_second": "the served part", "meter, chip, usd_per_hour": before.power[0]["of"]},
    }
