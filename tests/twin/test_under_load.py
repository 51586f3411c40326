"""The endpoint with the plan's scheduler under many clients at once."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from endpoints import MODEL, Start
from light_client import LightClient
from served_replicas import replica
from steady import SteadyStack

from stackwright.serving.scheduler import Limits
from stackwright.twin.replica import LiveStack

LOCUST = Path(__file__).parents[2] / "scripts" / "clients" / "locustfile.py"
STREAMS = 500


class HeldStack(SteadyStack):
    """Begins when so many requests are there."""

    def __init__(self, count: int, step: float) -> None:
        super().__init__(step=step)
        self.count, self.held = count, list[tuple[int, int]]()

    def submit(self, now: float, input_tokens: int, output_tokens: int) -> int:
        self.held.append((input_tokens, output_tokens))
        if len(self.held) == self.count:
            for asked in self.held:
                super().submit(now, *asked)
        return len(self.held) - 1


def test_five_hundred_streams_at_once_all_get_their_tokens(start: Start) -> None:
    endpoint = start(HeldStack(STREAMS, step=0.02))
    client = LightClient(f"{endpoint.url}/v1", MODEL)
    asyncio.run(client.play([(0.0, 100, 60)] * STREAMS))
    assert client.failed == []
    assert [one.tokens for one in client.done] == [60] * STREAMS


async def crowd(url: str, count: int) -> list[httpx.Response]:
    asked = {"model": MODEL, "prompt": "x" * 400, "max_tokens": 5}
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        return await asyncio.gather(*(client.post("/v1/completions", json=asked) for _ in range(count)))


def test_overload_turns_away_and_serves_the_rest(start: Start) -> None:
    narrow = replica(limits=Limits(ranks=1, sequences=4, blocks=1000), requests_per_second=10.0)
    endpoint = start(LiveStack(narrow, weight=1.0, patience=1.0))
    answers = asyncio.run(crowd(endpoint.url, 60))
    turned_away = [answer for answer in answers if answer.status_code == 429]
    served = [answer for answer in answers if answer.status_code == 200]
    assert len(served) + len(turned_away) == 60
    assert len(served) >= 10
    assert turned_away
    for answer in turned_away:
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert all(answer.json()["usage"]["completion_tokens"] == 5 for answer in served)
    metrics = httpx.get(f"{endpoint.url}/metrics").text
    assert f'stackwright_requests_rejected_total{{model_name="{MODEL}",engine="0"}} {len(turned_away)}' in metrics


def test_a_request_that_no_cache_holds_is_refused(start: Start) -> None:
    endpoint = start(LiveStack(replica(limits=Limits(ranks=1, sequences=4, blocks=10)), weight=1.0))
    with endpoint.http() as http:
        answer = http.post("/v1/completions", json={"model": MODEL, "prompt": "x" * 400, "max_tokens": 100})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_cancelled_stream_leaves_its_place_to_the_next(start: Start) -> None:
    endpoint = start(LiveStack(replica(limits=Limits(ranks=1, sequences=1, blocks=1000)), weight=1.0))
    with endpoint.client() as client:
        first = client.completions.create(model=MODEL, prompt="x", max_tokens=4000, stream=True)
        next(iter(first))
        first.close()
        second: Any = client.completions.create(model=MODEL, prompt="x", max_tokens=3)
    assert second.usage.completion_tokens == 3
    assert endpoint.desk.engine.seen.finished == {"stop": 0, "length": 1, "abort": 1}


def test_locust_s_users_see_no_failure(start: Start, tmp_path: Path) -> None:
    endpoint = start(LiveStack(replica(), weight=1.0))
    lengths = tmp_path / "lengths.json"
    lengths.write_text(json.dumps({"input": [50, 100], "output": [5, 20]}), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "locust",
        "--headless",
        "--locustfile",
        str(LOCUST),
        "--host",
        f"{endpoint.url}/v1",
    ]
    command += ["--users", "20", "--spawn-rate", "20", "--run-time", "3s", "--stop-timeout", "20"]
    command += ["--model", MODEL, "--lengths", str(lengths), "--csv", str(tmp_path / "locust")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "locust_stats.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["Name"]: row for row in csv.DictReader(stream)}
    assert rows["Aggregated"]["Failure Count"] == "0"
    assert int(rows["answer"]["Request Count"]) >= 20
    assert int(rows["first token"]["Request Count"]) >= int(rows["answer"]["Request Count"])
