"""What a plan's clients will measure, and the replica that a program needs to let them.

`replica` is the scheduler of the plan in tables, so that it can run without the catalog; `service_levels` are the
latencies of just that replica at three loads. Both are made from the finalist's own timing model, as the check of its
queues is; what differs is that requests come at random and one clock drives both pools.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from stackwright.codesign.finalists import Finalist
from stackwright.codesign.queue_check import COUNTED, Replica, Seen, Traffic, longest_of, seen_apart, seen_together
from stackwright.codesign.training_plan import SERVES_NOTHING
from stackwright.core.units import Array, Ratio, RequestsPerSecond, Seconds
from stackwright.serving.memory import BLOCK_TOKENS
from stackwright.serving.scheduler_tables import Curve
from stackwright.serving.served import PrefillPool, ServedReplica
from stackwright.serving.simulator import Stream, simulate_prefills
from stackwright.stack.parts import Parts
from stackwright.stack.performance import QUEUE_SERVERS
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import ServingDemand, Study

LOADS = {0.5: 50_000, 0.8: 100_000, 1.0: 400_000}
"""Shares of the planned peak at which latencies are told, and the prompts that go through a prefill pool at each: the
nearer to its capacity, the fewer of its waits are independent."""
REQUESTS = 40_000
"""Requests that go through the whole replica at each load, beside those under way at its start."""
LENGTHS = 2_000
"""Requests of the demand whose lengths a plan keeps."""
BANDS = 500
"""Bands of input lengths from which they are drawn alike."""
SAMPLES = 64
"""Samples of which the best is kept."""
POINTS = 40
"""Prompt lengths at which the time of a cache's way to the decode pool is kept."""
PERCENTILES = (50, 95, 99)


def service_entries(
    item: Finalist, scenario: Scenario, parts: Parts, study: Study, check: Mapping[str, Any]
) -> dict[str, Any]:
    """The plan's entries `replica` and `service_levels`; `check` are those of its queues' check."""
    if not isinstance(study.demand, ServingDemand):
        nothing = {"value": None, "reason": SERVES_NOTHING}
        return {"replica": nothing, "service_levels": nothing}
    replica = Replica(item, scenario.lengths, Traffic(study.demand, parts, study.seed))
    stated = study.demand.prefix_hits
    hits = check["queue_check"]["prefix_hits"]["simulated"] if stated is None else stated
    entry = served_replica(replica, float(hits)).as_dict()
    served = ServedReplica.from_dict(entry)
    closed = {
        name: float(getattr(item.done.service, name)) for name in ("ttft_p50", "ttft_p95", "tpot_p50", "tpot_p95")
    }
    return {"replica": entry, "service_levels": service_levels(served, study.seed, closed)}


def served_replica(replica: Replica, hits: Ratio) -> ServedReplica:
    """The part of a fleet that one scheduler runs.

    With prefills in the rounds it is a replica. With prefills apart it is the servers behind one router, as many as
    the closed forms take, and as many decode ranks as they feed: at least one, or servers behind several routers
    are taken as one.
    """
    item = replica.item
    inputs, outputs = sample_of(replica.traffic.requests, replica.traffic.seed)
    together = item.design.mode == "aggregated"
    per_rank = replica.tokens_per_second / replica.ranks / float(outputs.mean())
    servers, ranks = 0, float(replica.ranks)
    if not together:
        seconds = replica.prefill_seconds(inputs) / len(inputs)
        per_server = replica.prefill_utilization / seconds
        servers = int(QUEUE_SERVERS) * math.ceil(per_rank / (QUEUE_SERVERS * per_server))
        ranks = servers * per_server / per_rank
    limits = replica.limits(ranks)
    longest = min(float(item.cell.architecture.max_context), float(limits.blocks * BLOCK_TOKENS))
    share = ranks / float(replica.layout.data)
    apart = replica.prefill_layout
    prefill_chips = 0.0 if together else servers * float(apart.chips / apart.data)
    return ServedReplica(
        timing=replica.timing(replica.layout, replica.machine, max(longest, longest_of(replica.traffic.requests))),
        limits=limits,
        prefill=None if together else _prefill_pool(replica, servers, longest),
        overhead=float(item.cell.hardware.software.prefill_overhead),
        prefix_hits=hits,
        longest=longest,
        requests_per_second=per_rank * ranks,
        sequences=replica.under_way / replica.ranks * ranks,
        input_tokens=inputs,
        output_tokens=outputs,
        replicas=float(item.done.fleet.replicas.max()),
        share=share,
        chips=float(item.done.unit.decode_chips) * share + prefill_chips,
        prefill_chips=prefill_chips,
    )


def _prefill_pool(replica: Replica, servers: int, longest: float) -> PrefillPool:
    apart = replica.prefill_layout
    tokens = np.geomspace(1.0, max(longest, longest_of(replica.traffic.requests)), POINTS)
    return PrefillPool(
        timing=replica.timing(apart, replica.prefills, tokens[-1]),
        servers=servers,
        pass_tokens=replica.pass_tokens,
        stretch=replica.unevenness(),
        handover=Curve(tokens, np.broadcast_to(replica.handover(tokens), tokens.shape)),
    )


def sample_of(requests: Stream, seed: int) -> tuple[Array, Array]:
    """Input and output tokens of a sample of the requests [N]: one drawn of each equal part of them.

    Parts are alike in both lengths: the requests by input in equal bands, and each band by output. Of several such
    samples it is the one whose mean work and contexts are nearest to those of all requests.
    Source: stratified and balanced sampling (definition).
    """
    inputs, outputs = requests.input_tokens, requests.output_tokens
    if len(np.unique(inputs)) == 1 == len(np.unique(outputs)):
        return inputs[:1], outputs[:1]
    band = np.empty(len(requests), dtype=int)
    band[np.argsort(inputs, kind="stable")] = np.arange(len(requests)) * BANDS // len(requests)
    order = np.lexsort((outputs, band))
    edges = np.linspace(0, len(order), LENGTHS + 1).astype(int)
    draw, whole = np.random.default_rng(seed), _means(inputs, outputs)
    samples = [order[draw.integers(edges[:-1], edges[1:])] for _ in range(SAMPLES)]
    best = min(samples, key=lambda places: float(np.abs(_means(inputs[places], outputs[places]) / whole - 1.0).max()))
    return inputs[best], outputs[best]


def _means(inputs: Array, outputs: Array) -> Array:
    """What the work of requests goes with: tokens in and out, attention of prompts, contexts of decoded tokens."""
    contexts = outputs * (inputs + 0.5 * outputs)
    return np.array([inputs.mean(), outputs.mean(), (1.0 * inputs * inputs).mean(), contexts.mean()])


def stream_at(served: ServedReplica, rate: RequestsPerSecond, requests: int, seed: int) -> Stream:
    """So many requests at random in the time that they take at that rate; lengths of the sample in shuffled decks.

    Source: Poisson arrivals, given their number (definition).
    """
    draw = np.random.default_rng(seed)
    size = len(served.input_tokens)
    decks = -(-requests // size)
    place = np.concatenate([draw.permutation(size) for _ in range(decks)])[:requests]
    inputs = served.input_tokens[place]
    return Stream(
        arrival=np.sort(draw.uniform(0.0, requests / rate, requests)),
        input_tokens=inputs,
        output_tokens=served.output_tokens[place],
        hits=(inputs * served.prefix_hits).astype(int),
        emitted=np.zeros(requests, dtype=int),
    )


def service_levels(served: ServedReplica, seed: int, closed: Mapping[str, float]) -> dict[str, Any]:
    """The plan's entry `service_levels`: what clients of the replica measure at three loads; `closed` at the peak."""
    rows = []
    for load, prompts in LOADS.items():
        seen = seen_at(served, load, REQUESTS, seed)
        if served.prefill is not None:
            seen = with_longer_waits(served, load, prompts, seen, seed)
        row = level(served, load, seen)
        row["closed_form"] = dict(closed) if load == 1.0 else None
        rows.append(row)
    return {
        "arrivals": "Poisson",
        "lengths": "a sample of the demand's requests, in shuffled order",
        "requests": REQUESTS,
        "prompts": None if served.prefill is None else list(LOADS.values()),
        "unit": "s",
        "loads": rows,
    }


def seen_at(served: ServedReplica, load: Ratio, requests: int, seed: int) -> Seen:
    """So many requests at a share of the planned peak, through the replica's scheduler."""
    stream = stream_at(served, load * served.requests_per_second, requests, seed)
    under_way = int(load * served.sequences)
    if served.prefill is None:
        return seen_together(stream, served.timing, served.limits, under_way=under_way, seed=seed)
    ahead = _ahead(served.prefill, stream)
    hits = float(stream.hits.sum() / stream.input_tokens.sum())
    return seen_apart(stream, ahead, served.timing, served.limits, under_way=under_way, seed=seed, hits=hits)


def with_longer_waits(served: ServedReplica, load: Ratio, prompts: int, seen: Seen, seed: int) -> Seen:
    """What was seen, with the times before the decode pool of many more prompts, and its own times drawn to them.

    Waits for a prefill differ from minute to minute far more than those for a round.
    """
    assert served.prefill is not None
    ahead = _ahead(served.prefill, stream_at(served, load * served.requests_per_second, prompts, seed + 1))
    settled = ahead[int(COUNTED[0] * prompts) :]
    after = np.random.default_rng(seed).choice(seen.ttft - seen.ahead, len(settled))
    return replace(seen, ttft=settled + after, ahead=settled)


def _ahead(pool: PrefillPool, stream: Stream) -> Seconds:
    """From each request's arrival until its cache is in the decode pool [N]."""
    prefills = simulate_prefills(
        stream, pool.timing, servers=pool.servers, pass_tokens=pool.pass_tokens, stretch=pool.stretch
    )
    return prefills.latency + np.array([pool.handover.at(tokens) for tokens in stream.input_tokens.tolist()])


def level(served: ServedReplica, load: Ratio, seen: Seen) -> dict[str, Any]:
    """One load: its rates and the percentiles of what was seen."""
    rate = load * served.requests_per_second
    row = {
        "load": load,
        "requests_per_second": rate,
        "tokens_per_second": rate * float(served.output_tokens.mean()),
        "sequences": rate * float(seen.decoding.mean()),
        "memory": seen.run.memory,
        "preemptions": seen.run.preemptions,
    }
    for name, values, fixed in (("ttft", seen.ttft, served.overhead), ("tpot", seen.tpot, 0.0)):
        for percentile in PERCENTILES:
            known = float(np.percentile(values, percentile)) + fixed if values.size else None
            row[f"{name}_p{percentile}"] = known
    return row
