"""Load a served plan, and lay what clients measure beside what the plan says.

Starts ``stackwright serve`` on a plan and sends it requests at random times, with the lengths of the plan's demand, at
half, four fifths and all of the planned peak. Times are taken at the client's end of the connection. Locust follows,
with users that wait for their answers. With ``--page`` the tables go into the page between their marks.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from light_client import LightClient

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "out" / "chat"
LOCUST_FILE = Path(__file__).parent / "clients" / "locustfile.py"
LOCUST_USERS = 50
LOCUST_SECONDS = 60
MEASURES = ("ttft_p50", "ttft_p95", "tpot_p50", "tpot_p95")


def main() -> None:
    """Run the loads that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=PLAN, help="the folder that plan wrote")
    parser.add_argument("--warm-up", type=float, default=60.0, help="seconds of a load before it is measured")
    parser.add_argument("--seconds", type=float, default=240.0, help="seconds for which requests are measured")
    parser.add_argument("--seed", type=int, default=1, help="of the requests' times and lengths")
    parser.add_argument("--page", type=Path, help="a page whose part between the marks is written")
    given, options = parser.parse_known_args()
    plan = json.loads((given.plan / "plan.json").read_text(encoding="utf-8"))
    with served(given.plan, options) as told:
        rows = [
            measured_row(told, plan, level, given.warm_up, given.seconds, given.seed)
            for level in plan["service_levels"]["loads"]
        ]
        table = [*latency_table(rows), "", *locust_words(told, plan)]
    text = "\n".join([f"{told['model']}: {told['served']}.", "", *table])
    print(text)
    if given.page:
        write_between(given.page, "load", text)


@contextlib.contextmanager
def served(plan: Path, options: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The endpoint of a plan on a free port; gives what it says of itself."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        command = [sys.executable, "-m", "stackwright", "serve", str(plan), "--port", "0", "--json", str(told)]
        server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        try:
            while not told.exists():
                if server.poll() is not None:
                    raise SystemExit(f"the server ended with exit code {server.returncode}")
                time.sleep(0.1)
            yield json.loads(told.read_text(encoding="utf-8"))
        finally:
            server.terminate()
            server.wait(20)


def measured_row(
    told: dict[str, Any], plan: dict[str, Any], level: dict[str, Any], warm_up: float, seconds: float, seed: int
) -> dict[str, Any]:
    """One load: the plan's row, and the percentiles that clients measure after the warm-up."""
    client = LightClient(told["url"], told["model"])
    rate = level["requests_per_second"] / told["weight"]
    requests = list(drawn(plan["replica"]["lengths"], rate, (warm_up, seconds), seed))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(client.play(requests))
    counted = [one for one in client.done if one.sent >= warm_up]
    return {
        "level": level,
        "requests": len(counted),
        "failed": len(client.failed),
        "streams": sum(one.last - one.sent for one in counted) / seconds,
        **percentiles_of([one.ttft for one in counted], [one.tpot for one in counted if one.tokens > 1]),
    }


def drawn(
    lengths: dict[str, list[int]], rate: float, spans: Sequence[float], seed: int
) -> Iterator[tuple[float, int, int]]:
    """Times and lengths of requests over spans of time, one after another.

    In each span come as many as the rate says, at random times in it: Poisson arrivals, given their number. Lengths
    are dealt from a shuffled deck, over and over.
    """
    draw, deck, began = random.Random(seed), list[int](), 0.0
    for span in spans:
        for when in sorted(draw.uniform(began, began + span) for _ in range(round(rate * span))):
            if not deck:
                deck = list(range(len(lengths["input"])))
                draw.shuffle(deck)
            place = deck.pop()
            yield when, lengths["input"][place], lengths["output"][place]
        began += span


def percentiles_of(ttft: Sequence[float], tpot: Sequence[float]) -> dict[str, float]:
    """TTFT and TPOT at the median and the 95th percentile, s."""
    return {
        f"{name}_p{percentile}": float(np.percentile(values, percentile))
        for name, values in (("ttft", ttft), ("tpot", tpot))
        for percentile in (50, 95)
    }


def measure_words(measure: str) -> str:
    """A measure's name as people write it."""
    name, percentile = measure.split("_")
    return f"{name.upper()} {percentile}"


def latency_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of a table: a load and a measure each."""
    lines = [
        "| load | requests | streams | failed | measure | plan, ms | clients, ms | error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for measure in MEASURES:
            planned, seen = row["level"][measure], row[measure]
            lines.append(
                f"| {row['level']['load']:.0%} | {row['requests']} | {row['streams']:.0f} | {row['failed']} "
                f"| {measure_words(measure)} "
                f"| {1e3 * planned:.1f} | {1e3 * seen:.1f} | {seen / planned - 1.0:+.1%} |"
            )
    return lines


def locust_words(told: dict[str, Any], plan: dict[str, Any]) -> list[str]:
    """Locust's users against the endpoint, as a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        lengths = Path(folder) / "lengths.json"
        lengths.write_text(json.dumps(plan["replica"]["lengths"]), encoding="utf-8")
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--locustfile", str(LOCUST_FILE)]
        command += ["--host", told["url"], "--users", str(LOCUST_USERS), "--spawn-rate", "10"]
        command += ["--run-time", f"{LOCUST_SECONDS}s", "--stop-timeout", "60", "--csv", f"{folder}/locust"]
        command += ["--model", told["model"], "--lengths", str(lengths)]
        subprocess.run(command, check=True, capture_output=True)
        with Path(f"{folder}/locust_stats.csv").open(encoding="utf-8", newline="") as stream:
            rows = {row["Name"]: row for row in csv.DictReader(stream)}
    first, whole = rows["first token"], rows["answer"]
    median, slow = float(first["50%"]), float(first["95%"])
    return [
        f"Locust, {LOCUST_USERS} users for {LOCUST_SECONDS} s, each with one request at a time: "
        f"{whole['Request Count']} requests, {whole['Failure Count']} failures; first token after {median:.0f} ms in "
        f"the median and {slow:.0f} ms at the 95th percentile."
    ]


def write_between(page: Path, mark: str, text: str) -> None:
    """Put text between the marks ``<!-- MARK -->`` and ``<!-- /MARK -->`` of a page."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{before}{begin}{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
