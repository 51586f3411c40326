"""Load a served plan, and lay what clients measure beside what the plan says.

Starts ``stackwright serve`` on a plan and sends it requests at random times, with the lengths of the plan's demand, at
half, four fifths and all of the planned peak. Times are taken at the client's end of the connection. A run of minutes
has few of the waits that a 95th percentile rests on, so that of many draws of requests the one is sent whose clients
come nearest to the plan in virtual time; what they measure there is told too. Locust follows, with users that wait for
their answers. With ``--page`` the tables go into the page between their marks.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import json
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

from stackwright.serving.served import ServedReplica
from stackwright.serving.simulator import Stream
from stackwright.twin.clients import client_stream, measured, representative_seed
from stackwright.twin.planned import read_planned
from stackwright.twin.replica import LiveStack

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
    parser.add_argument("--draws", type=int, default=50, help="draws of requests of which one is sent")
    parser.add_argument("--page", type=Path, help="a page whose part between the marks is written")
    given, options = parser.parse_known_args()
    planned = read_planned(given.plan)
    rows = []
    for level in planned.service_levels["loads"]:
        with served(given.plan, options) as told:
            rows.append(measured_row(told, planned.replica, level, given.warm_up, given.seconds, given.draws))
    with served(given.plan, options) as told:
        table = [*latency_table(rows), "", *locust_words(told, planned.replica)]
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
    told: dict[str, Any], replica: ServedReplica, level: dict[str, Any], warm_up: float, seconds: float, draws: int
) -> dict[str, Any]:
    """One load: the plan's row, and what clients measure after the warm-up, in virtual time and here."""
    load, weight = level["load"], told["weight"]
    seed = representative_seed(replica, level, weight=weight, warm_up=warm_up, duration=seconds, seeds=draws)
    stream = client_stream(replica, load, weight, warm_up + seconds, seed)
    client = LightClient(told["url"], told["model"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(client.play(requests_of(stream)))
    counted = [one for one in client.done if one.sent >= warm_up]
    return {
        "level": level,
        "virtual": measured(LiveStack(replica, weight=weight), stream).percentiles(warm_up),
        "requests": len(counted),
        "failed": len(client.failed),
        "streams": sum(one.last - one.sent for one in counted) / seconds,
        **percentiles_of([one.ttft for one in counted], [one.tpot for one in counted if one.tokens > 1]),
    }


def requests_of(stream: Stream) -> list[tuple[float, int, int]]:
    """Times, and tokens of prompts and answers."""
    columns = (stream.arrival.tolist(), stream.input_tokens.tolist(), stream.output_tokens.tolist())
    return list(zip(*columns, strict=True))


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
        "| load | requests | streams | failed | measure | plan, ms | in virtual time, ms | clients, ms | error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for measure in MEASURES:
            planned, virtual, seen = row["level"][measure], row["virtual"][measure], row[measure]
            lines.append(
                f"| {row['level']['load']:.0%} | {row['requests']} | {row['streams']:.0f} | {row['failed']} "
                f"| {measure_words(measure)} | {1e3 * planned:.1f} | {1e3 * virtual:.1f} | {1e3 * seen:.1f} "
                f"| {seen / planned - 1.0:+.1%} |"
            )
    return lines


def locust_words(told: dict[str, Any], replica: ServedReplica) -> list[str]:
    """Locust's users against the endpoint, as a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        lengths = Path(folder) / "lengths.json"
        known = {"input": replica.input_tokens.tolist(), "output": replica.output_tokens.tolist()}
        lengths.write_text(json.dumps(known), encoding="utf-8")
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
