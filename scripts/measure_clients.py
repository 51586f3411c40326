"""Measure a served plan with load generators of others, each in an environment of its own, beside what the plan says.

Installs aiperf and guidellm by the pins in ``scripts/clients`` into ``out/clients``, serves a plan, and lets each send
requests at random times, at half of the planned peak and with the lengths of the plan's demand. Their own records of
requests are what the table is made of; their times are the client's own draw, so that the same requests in virtual time
stand beside, from which the last column counts. With ``--page`` it goes into the page between its marks.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import write_tokenizer
from light_client import CHARACTERS
from load_test import MEASURES, PLAN, ROOT, measure_words, percentiles_of, served, write_between

from stackwright.serving.served import ServedReplica
from stackwright.serving.simulator import Stream
from stackwright.twin.clients import measured
from stackwright.twin.planned import read_planned
from stackwright.twin.replica import LiveStack

PINS = Path(__file__).parent / "clients"
FOLDER = ROOT / "out" / "clients"
MILLISECONDS = 1e-3
NANOSECONDS = 1e-9


@dataclass(frozen=True)
class Seen:
    """One request in a client's own records, s; TPOT is None where the answer has one token."""

    sent: float
    ttft: float
    tpot: float | None
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Job:
    """What every client is to do."""

    url: str
    model: str
    rate: float
    requests: int
    rows: list[tuple[int, int]]
    """Tokens of prompts and answers, in the order of their sending."""


def aiperf(job: Job) -> Iterator[Seen]:
    """Run aiperf; it replays a file of prompts and asks for each one's length."""
    lines = [json.dumps({"text_input": text_of(prompt), "output_length": answer}) for prompt, answer in job.rows]
    (FOLDER / "aiperf.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["profile", "--model", job.model, "--url", job.url.removesuffix("/v1"), "--endpoint-type", "chat"]
    command += ["--streaming", "--tokenizer", "tokenizer", "--input-file", "aiperf.jsonl"]
    command += ["--custom-dataset-type", "mooncake_trace", "--request-rate", str(job.rate)]
    command += ["--request-count", str(job.requests), "--output-artifact-dir", "aiperf-results", "--ui", "none"]
    run("aiperf", command)
    for line in (FOLDER / "aiperf-results" / "profile_export.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        times = {name: record["metrics"][name]["value"] for name in record["metrics"]}
        between = times.get("inter_token_latency")
        yield Seen(
            sent=record["metadata"]["request_start_ns"] * NANOSECONDS,
            ttft=times["time_to_first_token"] * MILLISECONDS,
            tpot=None if between is None else between * MILLISECONDS,
            input_tokens=int(times["input_sequence_length"]),
            output_tokens=int(times["output_sequence_length"]),
        )


def guidellm(job: Job) -> Iterator[Seen]:
    """Run guidellm; it reads prompts and lengths from a file."""
    rows = [{"prompt": text_of(prompt), "output_tokens_count": answer} for prompt, answer in job.rows]
    (FOLDER / "guidellm-rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = ["run", "--backend", f"kind=openai_http,target={job.url.removesuffix('/v1')},model={job.model}"]
    command += ["--profile", f"kind=poisson,rate={job.rate}", "--constraint", f"kind=max_requests,count={job.requests}"]
    command += ["--tokenizer", "kind=huggingface_auto,model=./tokenizer"]
    command += ["--data", "kind=json_file,path=guidellm-rows.jsonl"]
    command += ["--data-loader", f"kind=pytorch,samples={len(rows)},prefetch_factor=8"]
    command += ["--output", "kind=json,path=guidellm-results.json", "--disable-console"]
    run("guidellm", command)
    results = json.loads((FOLDER / "guidellm-results.json").read_text(encoding="utf-8"))
    for record in results["benchmarks"][0]["requests"]["successful"]:
        between = record["inter_token_latency_ms"] if record["output_tokens"] > 1 else None
        yield Seen(
            sent=float(record["request_start_time"]),
            ttft=record["time_to_first_token_ms"] * MILLISECONDS,
            tpot=None if between is None else between * MILLISECONDS,
            input_tokens=int(record["prompt_tokens"]),
            output_tokens=int(record["output_tokens"]),
        )


CLIENTS: dict[str, Callable[[Job], Iterator[Seen]]] = {"aiperf": aiperf, "guidellm": guidellm}


def text_of(count: int) -> str:
    """A prompt of so many tokens."""
    return "x" * (CHARACTERS * count)


def run(name: str, command: Sequence[str]) -> None:
    """Run a client's program in its folder, where a tokenizer is found by a short name."""
    subprocess.run([FOLDER / name / "bin" / name, *command], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL)


def install(name: str) -> None:
    """Make a client's environment, where it is not there yet."""
    place = FOLDER / name
    if (place / "bin" / name).exists():
        return
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run([place / "bin" / "pip", "install", "--quiet", "--requirement", PINS / f"{name}.txt"], check=True)


def version_of(name: str) -> str:
    """The version in a client's pins."""
    lines = (PINS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{name}=="))


def rows_of(replica: ServedReplica, count: int, seed: int) -> list[tuple[int, int]]:
    """Lengths of so many requests: the plan's, in shuffled order, over and over."""
    draw, rows = random.Random(seed), list[tuple[int, int]]()
    deck = list(zip(replica.input_tokens.tolist(), replica.output_tokens.tolist(), strict=True))
    while len(rows) < count:
        draw.shuffle(deck)
        rows += deck
    return rows[:count]


def in_virtual_time(replica: ServedReplica, weight: float, seen: Sequence[Seen], warm_up: float) -> dict[str, float]:
    """What the same requests at the same times measure of the plan's scheduler, without server and clock."""
    ordered = sorted(seen, key=lambda one: one.sent)
    none = np.zeros(len(ordered), dtype=int)
    stream = Stream(
        arrival=np.array([one.sent - ordered[0].sent for one in ordered]),
        input_tokens=np.array([one.input_tokens for one in ordered]),
        output_tokens=np.array([one.output_tokens for one in ordered]),
        hits=none,
        emitted=none,
    )
    return measured(LiveStack(replica, weight=weight), stream).percentiles(warm_up)


def table_of(
    name: str, level: dict[str, Any], seen: Sequence[Seen], virtual: dict[str, float], warm_up: float, job: Job
) -> list[str]:
    """A client's lines of the table, with the load that it really made: its random times are its own."""
    began = min(one.sent for one in seen)
    counted = [one for one in seen if one.sent - began >= warm_up]
    span = max(one.sent for one in counted) - began - warm_up
    load = level["load"] * len(counted) / span / job.rate
    found = percentiles_of([one.ttft for one in counted], [one.tpot for one in counted if one.tpot is not None])
    return [
        f"| {name} {version_of(name)} | {len(counted)} | {load:.0%} | {job.requests - len(seen)} "
        f"| {measure_words(measure)} | {1e3 * level[measure]:.1f} | {1e3 * virtual[measure]:.1f} "
        f"| {1e3 * found[measure]:.1f} | {found[measure] / virtual[measure] - 1.0:+.1%} |"
        for measure in MEASURES
    ]


def main() -> None:
    """Run the clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=PLAN, help="the folder that plan wrote")
    parser.add_argument("--warm-up", type=float, default=60.0, help="seconds of requests that are not counted")
    parser.add_argument("--seconds", type=float, default=180.0, help="seconds of requests that are")
    parser.add_argument("--seed", type=int, default=1, help="of the order of lengths")
    parser.add_argument("--page", type=Path, help="a page whose part between the marks is written")
    given, options = parser.parse_known_args()
    planned = read_planned(given.plan)
    level = planned.service_levels["loads"][0]
    write_tokenizer.main(FOLDER / "tokenizer")
    lines = [
        "| client | requests | load sent | failed | measure | plan, ms | in virtual time, ms | client, ms | apart |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, client in CLIENTS.items():
        install(name)
        with served(given.plan, options) as told:
            rate = level["requests_per_second"] / told["weight"]
            count = round(rate * (given.warm_up + given.seconds))
            rows = rows_of(planned.replica, count, given.seed)
            job = Job(url=told["url"], model=told["model"], rate=rate, requests=count, rows=rows)
            seen = list(client(job))
        virtual = in_virtual_time(planned.replica, told["weight"], seen, given.warm_up)
        lines += table_of(name, level, seen, virtual, given.warm_up, job)
    words = f"{told['model']} at {level['load']:.0%} of the planned peak: {told['served']}."
    text = "\n".join([words, "", *lines])
    print(text)
    if given.page:
        write_between(given.page, "clients", text)


if __name__ == "__main__":
    main()
