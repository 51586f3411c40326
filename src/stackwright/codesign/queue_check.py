"""The finalist's latencies by an event simulation of its scheduler, beside those of the closed forms.

Both see the same requests, the same rates and the same timing model; what differs is the queueing.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.training_plan import SERVES_NOTHING
from stackwright.core.units import Ratio, Seconds, Tokens, TokensPerSecond
from stackwright.model.sharding import Layout
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.replica import Machine
from stackwright.serving.scheduler import CHUNK_TOKENS, PREFIX_BLOCKS, Limits
from stackwright.serving.scheduler_tables import Timing, timing_of
from stackwright.serving.service import Lengths, unevenness
from stackwright.serving.simulator import (
    Run,
    Stream,
    poisson,
    simulate,
    simulate_prefills,
    with_sequences_under_way,
)
from stackwright.stack.parts import Parts
from stackwright.stack.performance import POOL_CHUNK, QUEUE_SERVERS, layout_of
from stackwright.stack.scenario import Scenario, trace_path
from stackwright.stack.study import ServingDemand, Study
from stackwright.workload.trace import read_trace

REQUESTS = 20_000
"""Requests of a check, beside those under way at its start."""

COUNTED = (0.1, 0.8)
"""Shares of the requests, by arrival, between which latencies are counted: before, the state is still the
drawn one; after, the replica begins to run empty."""

JUDGED = ("ttft_p95", "tpot_p95")
PLANT_CHOICES = ("cooling", "supply_temperature", "site", "redundancy", "distribution", "portfolio", "sourcing")
"""What a design decides that no request feels."""


@dataclass(frozen=True)
class Seen:
    """What a simulation says of a replica: latencies of the counted requests, and what its scheduler did."""

    ttft: np.ndarray
    """Without the engine's fixed part."""
    tpot: np.ndarray
    run: Run
    hits: Ratio
    ahead: np.ndarray
    """Of the times to the first token, what was before the decode pool; nothing where there is none."""
    decoding: np.ndarray
    """From the first token to the last."""


def queue_check(item: Finalist, scenario: Scenario, parts: Parts, study: Study) -> dict[str, Any]:
    """The plan's entries `queue_gap` and `queue_check`: closed forms against a simulation at the peak load.

    The gap is the larger relative difference between their 95th percentiles, over the simulated value.
    """
    if not isinstance(study.demand, ServingDemand):
        return {"queue_gap": {"value": None, "reason": SERVES_NOTHING}}
    replica = Replica(item, scenario.lengths, Traffic(study.demand, parts, study.seed))
    seen = replica.seen()
    overhead = float(item.cell.hardware.software.prefill_overhead)
    simulated = {
        "ttft_p50": float(np.percentile(seen.ttft, 50.0)) + overhead,
        "ttft_p95": float(np.percentile(seen.ttft, 95.0)) + overhead,
    }
    if seen.tpot.size:
        simulated["tpot_p50"] = float(np.percentile(seen.tpot, 50.0))
        simulated["tpot_p95"] = float(np.percentile(seen.tpot, 95.0))
    analytic = {name: float(getattr(item.done.service, name)) for name in simulated}
    return {
        "queue_gap": max(abs(analytic[name] / simulated[name] - 1.0) for name in JUDGED if name in simulated),
        "queue_check": {
            **{name: {"analytic": analytic[name], "simulated": simulated[name], "unit": "s"} for name in simulated},
            "sequences": {"analytic": float(replica.under_way), "simulated": seen.run.occupancy},
            "prefix_hits": {"analytic": float(scenario.lengths.prefix_hits), "simulated": float(seen.hits)},
            "memory": {"mean": seen.run.memory, "peak": seen.run.peak_memory},
            "requests": len(replica.traffic.requests),
            "preemptions": seen.run.preemptions,
            "refused": seen.run.refused,
        },
    }


def finalist_entries(
    finalists: Sequence[Finalist], scenario: Scenario, parts: Parts, study: Study, check: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The plan's entry `finalists`, best first: where each stands, its objective, and its own queue gap.

    `check` is that of the first. Finalists that differ in their plant alone share one simulation.
    """
    gaps: dict[Hashable, Any] = {_felt(finalists[0]): check["queue_gap"]}
    entries = []
    for item in finalists:
        felt = _felt(item)
        if felt not in gaps:
            gaps[felt] = queue_check(item, scenario, parts, study)["queue_gap"]
        where = {name: getattr(item.design, name) for name in ("system", "site", "cooling", "portfolio")}
        entries.append({**where, "value": float(item.value), "queue_gap": gaps[felt]})
    return entries


def _felt(item: Finalist) -> Hashable:
    """What requests feel of a design: all but its plant."""
    return tuple((name, repr(value)) for name, value in item.design.as_dict().items() if name not in PLANT_CHOICES)


class Traffic:
    """A demand's requests, in the order and with the rhythm of its traces.

    Each trace is replayed from a drawn place on. `paced` scales the clock of them all: that keeps the dispersion of
    counts which the closed forms take. Where the demand states a share of prefix hits, it shortens every prompt;
    otherwise the ids of the traces' blocks go through the simulated cache.
    """

    def __init__(self, demand: ServingDemand, parts: Parts, seed: int) -> None:
        self.seed, self.fixed, self.stated_hits = seed, demand.lengths, demand.prefix_hits
        self.traces = [(trace_path(item.trace, parts), float(item.weight)) for item in demand.traces]

    def paced(self, duration: Seconds) -> Stream:
        """The requests, over so many seconds."""
        return replace(self.requests, arrival=self.requests.arrival * duration)

    @cached_property
    def requests(self) -> Stream:
        """The requests with arrivals from 0 to 1."""
        made = self._replayed() if self.fixed is None else self._alike(self.fixed.input, self.fixed.output)
        if self.stated_hits is None:
            return made
        return replace(made, hits=(made.input_tokens * self.stated_hits).astype(int))

    def _alike(self, input_tokens: Tokens, output_tokens: Tokens) -> Stream:
        return poisson(
            requests=REQUESTS, rate=REQUESTS, input_tokens=input_tokens, output_tokens=output_tokens, seed=self.seed
        )

    def _replayed(self) -> Stream:
        draw = np.random.default_rng(self.seed)
        whole = sum(weight for _, weight in self.traces)
        windows = [
            _window(path, max(1, round(REQUESTS * weight / whole)), draw, self.stated_hits is None)
            for path, weight in self.traces
        ]
        arrival, inputs, outputs = (np.concatenate([row[place] for row in windows]) for place in range(3))
        known: dict[tuple[int, str], int] = {}
        prefixes = [
            tuple(known.setdefault((trace, block), len(known)) for block in ids)
            for trace, row in enumerate(windows)
            for ids in row[3]
        ]
        order = np.argsort(arrival, kind="stable")
        none = np.zeros(len(order), dtype=int)
        return Stream(
            arrival=arrival[order],
            input_tokens=inputs[order].astype(int),
            output_tokens=outputs[order].astype(int),
            hits=none,
            emitted=none,
            prefixes=[prefixes[place] for place in order] if any(prefixes) else (),
        )


def _window(path: Path, count: int, draw: np.random.Generator, with_prefixes: bool) -> tuple[Any, ...]:
    """So many rows of a trace from a drawn one on, around its end: arrivals from 0 to 1, lengths, block ids.

    A block that comes again in another round of the trace is another block.
    """
    rows = read_trace(path)
    size = len(rows.arrival)
    place = int(draw.integers(size)) + np.arange(count)
    here, lap = place % size, place // size
    span = float(np.ptp(rows.arrival)) * size / max(size - 1, 1)
    arrival = rows.arrival[here] + lap * span
    arrival = (arrival - arrival[0]) / max(float(np.ptp(arrival)), 1e-9)
    blocks = _prefix_ids(path) if with_prefixes else [[]] * size
    ids = [[f"{block}/{turn}" for block in blocks[row]] for row, turn in zip(here, lap, strict=True)]
    return arrival, rows.input_tokens[here], rows.output_tokens[here], ids


def _prefix_ids(path: Path) -> list[list[str]]:
    """The ids of each row's prefix blocks; `read_trace` has checked the file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        return [(row.get("prefix_block_ids") or "").split() for row in csv.DictReader(stream)]


def seen_of(run: Run, *, requests: int, before: int, ahead: np.ndarray, hits: Ratio) -> Seen:
    """What counts of a run: the middle ones of so many `requests`, which came after those `before` them.

    `ahead` is of the served requests.
    """
    place = run.served - before
    counted = (place >= COUNTED[0] * requests) & (place < COUNTED[1] * requests)
    return Seen(
        ttft=(run.first_token + ahead)[counted],
        tpot=run.token_time(counted),
        run=run,
        hits=hits,
        ahead=ahead[counted],
        decoding=(run.finish - run.first_token)[counted],
    )


def seen_together(stream: Stream, timing: Timing, limits: Limits, *, under_way: int, seed: int) -> Seen:
    """Prefills and decodes in one scheduler, which starts with so many sequences under way."""
    started = with_sequences_under_way(stream, under_way, seed)
    run = simulate(started, timing, limits)
    before, nothing = len(started) - len(stream), np.zeros(len(run.served))
    return seen_of(run, requests=len(stream), before=before, ahead=nothing, hits=run.hits)


def seen_apart(
    stream: Stream, ahead: np.ndarray, timing: Timing, limits: Limits, *, under_way: int, seed: int, hits: Ratio
) -> Seen:
    """A decode pool to which each request of the stream comes so much later, when its cache has been handed over."""
    handed, order = stream.later(ahead)
    started = with_sequences_under_way(handed, under_way, seed)
    run = simulate(started, timing, limits, prefilled=True)
    before = len(started) - len(handed)
    waited = np.concatenate([np.zeros(before), ahead[order]])
    return seen_of(run, requests=len(stream), before=before, ahead=waited[run.served], hits=hits)


class Replica:
    """A finalist's replica under its demand, at the load of the fullest year's busiest minutes."""

    def __init__(self, item: Finalist, lengths: Lengths, traffic: Traffic) -> None:
        self.item, self.lengths, self.traffic = item, lengths, traffic
        self.design, self.service = item.design, item.done.service
        numbers = self.design.numbers
        self.layout = layout_of(numbers)
        caps = (self.design.power_cap, self.design.oversubscription)
        self.machine: Machine = item.cell.machine(*caps)
        self.prefills: Machine = (item.cell.prefill or item.cell).machine(*caps)
        self.load = float(np.max(item.done.fleet.load))
        self.prefill_load = float(np.max(item.done.fleet.pools[-1].load))

    @property
    def ranks(self) -> int:
        """Attention ranks that are simulated: all where prefills on one hold up the others, else one for all."""
        return int(self.layout.data) if self.design.mode == "aggregated" else 1

    @property
    def under_way(self) -> int:
        """Sequences that the closed forms have running on these ranks."""
        numbers = self.design.numbers
        return int(numbers["batch"] * numbers["pipeline"] * self.ranks)

    def seen(self) -> Seen:
        """The simulation of the replica at its peak."""
        return self._together() if self.design.mode == "aggregated" else self._apart()

    def _together(self) -> Seen:
        """Prefills and decodes of all ranks in one scheduler."""
        requests = self.traffic.requests
        return seen_together(
            self._paced(requests),
            self.timing(self.layout, self.machine, longest_of(requests)),
            self.limits(),
            under_way=self.under_way,
            seed=self.traffic.seed,
        )

    def _apart(self) -> Seen:
        """A prefill queue, then a decode rank; each sees the requests at its own pace."""
        apart, servers, requests = self.prefill_layout, int(QUEUE_SERVERS), self.traffic.requests
        longest = longest_of(requests)
        timing, stretch = self.timing(apart, self.prefills, longest), self.unevenness()
        prefills = simulate_prefills(
            self.traffic.paced(self.prefill_seconds(requests.input_tokens) / (servers * self.prefill_utilization)),
            timing,
            servers=servers,
            pass_tokens=self.pass_tokens,
            prefix_blocks=self.blocks(apart, self.prefills) * servers // PREFIX_BLOCKS,
            stretch=stretch,
        )
        return seen_apart(
            self._paced(requests),
            prefills.latency + self.handover(requests.input_tokens),
            self.timing(self.layout, self.machine, longest),
            self.limits(),
            under_way=self.under_way,
            seed=self.traffic.seed,
            hits=prefills.hits,
        )

    @property
    def prefill_layout(self) -> Layout:
        """How a replica of the prefill pool is laid out."""
        return layout_of(self.design.numbers, "prefill_")

    @property
    def prefill_utilization(self) -> Ratio:
        """Share of its capacity that the prefill pool works at the peak."""
        return self.design.numbers["prefill_utilization"] * self.prefill_load

    @property
    def pass_tokens(self) -> Tokens:
        """Prompt tokens up to which prompts share a pass of a prefill server."""
        return float(self.prefills.software.prefill_tokens or 0.0)

    @property
    def tokens_per_second(self) -> TokensPerSecond:
        """Output of the ranks at the peak."""
        return float(self.service.tokens_per_second) * self.load * self.ranks / float(self.layout.data)

    def prefill_seconds(self, input_tokens: np.ndarray) -> Seconds:
        """Seconds of a prefill server's first stage for these prompts [N], in all."""
        apart, prompts = self.prefill_layout, self._prompts(input_tokens)
        return float(self.prefills.prefill(apart, prompts).seconds.sum()) * self.unevenness() / int(apart.pipeline)

    def handover(self, input_tokens: np.ndarray) -> np.ndarray:
        """Seconds until the caches of these prompts [N] are in the decode pool."""
        cell = self.item.cell.handover(self.prefills)
        return np.asarray(cell.transfer(self.prefill_layout, self._prompts(input_tokens)))

    def unevenness(self) -> float:
        """By how much prefills on ranks with experts in common wait for each other; servers are simulated apart."""
        layout = self.prefill_layout
        prefill = self.prefills.prefill(layout, self.lengths)
        pieces = self.prefills.pieces(layout, POOL_CHUNK, self.lengths)
        return float(unevenness(layout, prefill, pieces, self.lengths))

    def timing(self, layout: Layout, machine: Machine, longest: Tokens) -> Timing:
        """The times of a pool's rounds, for contexts up to the longest."""
        most = float(self.item.cell.hardware.software.batch_limit)
        chunk = self.design.numbers["chunk"]
        return timing_of(machine, layout, self.lengths, most_sequences=most, longest=longest, chunk=chunk)

    def limits(self, ranks: Ratio | None = None) -> Limits:
        """What the scheduler may use on so many ranks, or parts of one; by default on those that are simulated."""
        there = self.ranks if ranks is None else ranks
        whole = math.ceil(there)
        per_rank = int(float(self.item.cell.hardware.software.batch_limit * self.layout.pipeline))
        blocks = int(self.blocks(self.layout, self.machine) * there)
        return Limits(
            ranks=whole,
            sequences=int(per_rank * there),
            blocks=blocks,
            chunk_tokens=int(self.design.numbers["chunk"]) or CHUNK_TOKENS,
            prefix_blocks=blocks // PREFIX_BLOCKS,
            present=there / whole,
        )

    def blocks(self, layout: Layout, machine: Machine) -> int:
        """Cache blocks of one rank, all its stages together, at the bytes per token of a mean context."""
        mean = self.lengths.context_mean
        room, sequence = machine.cache_room(layout), machine.sequence_bytes(layout, mean)
        return int(room * layout.pipeline / sequence * mean / BLOCK_TOKENS)

    def _prompts(self, input_tokens: np.ndarray) -> Lengths:
        return replace(self.lengths, nodes=input_tokens.astype(float), weights=1.0)

    def _paced(self, requests: Stream) -> Stream:
        """The requests at the pace at which their output is what the ranks yield at the peak."""
        return self.traffic.paced(float(requests.output_tokens.sum()) / self.tokens_per_second)


def longest_of(stream: Stream) -> Tokens:
    """The longest context of a stream."""
    return float((stream.input_tokens + stream.output_tokens).max())
