"""The scheduler on a running clock beside the simulation that jumps: the same requests meet the same latencies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.serving.live import (
    NEVER,
    Event,
    LivePools,
    LivePrefills,
    LiveReplica,
    TooLongError,
    spaced,
)
from stackwright.serving.scheduler import Limits
from stackwright.serving.scheduler_tables import Curve, Mixed, Table, Timing
from stackwright.serving.simulator import Stream, poisson, simulate, simulate_prefills

MakeTiming = Callable[..., Timing]
AMPLE = Limits(ranks=1, sequences=10_000, blocks=10**6)
AT_ONCE = Curve(np.array([1.0, 1e6]), np.array([0.0, 0.0]))


def mixed_lengths(requests: int, rate: float, seed: int, longest: int = 150) -> Stream:
    """Requests of random lengths, with some of each prompt found."""
    draw = np.random.default_rng(seed)
    made = poisson(requests=requests, rate=rate, input_tokens=1, output_tokens=1, seed=seed)
    inputs = draw.integers(1, longest, requests)
    outputs = draw.integers(1, longest, requests)
    return replace(made, input_tokens=inputs, output_tokens=outputs, hits=inputs // 4)


def requests_of(stream: Stream) -> list[tuple[float, int, int, int]]:
    return list(
        zip(
            stream.arrival.tolist(),
            stream.input_tokens.tolist(),
            stream.output_tokens.tolist(),
            stream.hits.tolist(),
            strict=True,
        )
    )


def played(live: LiveReplica | LivePools, stream: Stream) -> list[Event]:
    """All events of a stream that is fed as time goes by: up to each arrival, event by event."""
    events: list[Event] = []
    for arrival, inputs, outputs, hits in requests_of(stream):
        while (when := live.next_event) < arrival:
            events += live.advance(when)
        live.submit(arrival, inputs, outputs, hits)
    while (when := live.next_event) < NEVER:
        events += live.advance(when)
    return events


def times(events: list[Event], count: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last tokens by ticket."""
    first, last = np.full(count, NEVER), np.full(count, NEVER)
    for event in events:
        if event.tokens == 1:
            first[event.ticket] = event.time
        if event.last:
            last[event.ticket] = event.time
    return first, last


CASES = {
    "ample": Limits(ranks=1, sequences=40, blocks=10_000, chunk_tokens=128),
    "few sequences": Limits(ranks=1, sequences=5, blocks=10_000, chunk_tokens=1000),
    "little memory": Limits(ranks=1, sequences=40, blocks=40, chunk_tokens=200),
    "ranks": Limits(ranks=3, sequences=40, blocks=10_000, chunk_tokens=100),
    "a part of two ranks": Limits(ranks=2, sequences=40, blocks=10_000, chunk_tokens=100, present=0.75),
}


@pytest.mark.parametrize("limits", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("rate", [0.5, 4.0])
@pytest.mark.parametrize("prefilled", [False, True])
def test_a_running_clock_changes_nothing(
    linear_timing: MakeTiming, limits: Limits, rate: float, prefilled: bool
) -> None:
    stream = mixed_lengths(150, rate, seed=4)
    # Where a first token is one of a jump's, it has the jump's mean round: the same only where contexts take no time.
    timing = linear_timing(step=0.01, sequence=1e-4, context=0.0 if prefilled else 1e-7, token=1e-4)
    run = simulate(stream, timing, limits, prefilled=prefilled)
    live = LiveReplica(timing, limits, prefilled=prefilled)
    first, last = times(played(live, stream), len(stream))
    assert first == pytest.approx(run.first_token + stream.arrival, rel=1e-9)
    assert last == pytest.approx(run.finish + stream.arrival, rel=1e-9)
    assert live.preemptions == run.preemptions
    assert (live.preemptions > 0) == (limits.blocks == 40 and rate == 4.0)
    assert live.rounds == run.rounds


def with_passes_in_common(timing: Timing) -> Timing:
    """Prompts that share the passes of decodes."""
    batch, tokens, length = np.array([1.0, 1024.0]), np.array([0.0, 1e4]), np.array([1.0, 1e6])
    share = np.array([0.0, 1.0])
    return replace(
        timing,
        mixed=Mixed(
            own=Table(batch, tokens, 1e-6 * tokens * np.ones((2, 1))),
            shared=Table(batch, tokens, 2e-6 * tokens * np.ones((2, 1))),
            attention=Table(length, share, 1e-6 * length[:, None] * share),
        ),
    )


@pytest.mark.parametrize("stages", [1, 2])
def test_chunks_beside_decodes_and_pipeline_stages(linear_timing: MakeTiming, stages: int) -> None:
    stream = mixed_lengths(200, 3.0, seed=5)
    timing = replace(with_passes_in_common(linear_timing(sequence=1e-4, token=1e-4)), stages=stages)
    limits = Limits(ranks=2, sequences=40, blocks=10_000, chunk_tokens=64)
    run = simulate(stream, timing, limits)
    first, last = times(played(LiveReplica(timing, limits), stream), len(stream))
    assert first == pytest.approx(run.first_token + stream.arrival, rel=1e-9)
    assert last == pytest.approx(run.finish + stream.arrival, rel=1e-9)


def test_where_steps_bend_a_jump_takes_the_middle_round(linear_timing: MakeTiming) -> None:
    """A curved step over a long jump: the middle round stands for all in the simulation, here each has its own."""
    batch, length = np.array([1.0, 1024.0]), np.geomspace(1.0, 1e6, 40)
    timing = replace(linear_timing(), steps=Table(batch, length, 0.01 + 1e-9 * length**2 * np.ones((2, 1))))
    stream = mixed_lengths(200, 3.0, seed=6, longest=800)
    run = simulate(stream, timing, AMPLE)
    _, last = times(played(LiveReplica(timing, AMPLE), stream), len(stream))
    apart = np.abs(last - stream.arrival - run.finish) / run.finish
    assert 0.0 < np.median(apart) < 0.001
    assert apart.max() < 0.02


@pytest.mark.parametrize(("servers", "pass_tokens", "stretch"), [(1, 0.0, 1.0), (3, 400.0, 1.3)])
def test_a_prefill_pool_on_a_running_clock(
    linear_timing: MakeTiming, servers: int, pass_tokens: float, stretch: float
) -> None:
    stream = mixed_lengths(300, 12.0 * servers, seed=7)
    timing = linear_timing(token=1e-3)
    pool = simulate_prefills(stream, timing, servers=servers, pass_tokens=pass_tokens, stretch=stretch)
    live = LivePrefills(timing, servers=servers, pass_tokens=pass_tokens, stretch=stretch)
    done: dict[int, float] = {}
    for who, (arrival, length, _, hits) in enumerate(requests_of(stream)):
        while (when := live.next_event) < arrival:
            done |= {name: time for time, name in live.advance(when)}
        live.submit(arrival, who, length - min(hits, length - 1), length)
    while (when := live.next_event) < NEVER:
        done |= {name: time for time, name in live.advance(when)}
    assert np.array([done[who] for who in range(len(stream))]) - stream.arrival == pytest.approx(pool.latency, rel=1e-9)
    assert live.busy / servers / np.ptp([0.0, stream.arrival[-1] - stream.arrival[0]]) == pytest.approx(pool.busy)


def test_pools_are_a_queue_a_way_and_a_decode_rank(linear_timing: MakeTiming) -> None:
    stream = mixed_lengths(300, 6.0, seed=8)
    timing = linear_timing(sequence=1e-4, token=1e-3)
    limits = Limits(ranks=1, sequences=40, blocks=60)
    handover = Curve(np.array([1.0, 1000.0]), np.array([0.01, 0.3]))
    live = LivePools(LivePrefills(timing, servers=2), LiveReplica(timing, limits, prefilled=True), handover)
    first, last = times(played(live, stream), len(stream))
    pool = simulate_prefills(stream, timing, servers=2)
    ahead = pool.latency + [handover.at(tokens) for tokens in stream.input_tokens.tolist()]
    handed, order = stream.later(ahead)
    run = simulate(handed, timing, limits, prefilled=True)
    assert first[order] == pytest.approx(run.first_token + handed.arrival, rel=1e-9)
    assert last[order] == pytest.approx(run.finish + handed.arrival, rel=1e-9)
    assert live.decodes.preemptions == run.preemptions > 0


@given(st.integers(0, 10_000), st.integers(20, 60), st.integers(1, 12), st.booleans(), st.integers(1, 3), st.booleans())
@settings(deadline=None)
def test_every_token_of_every_request_is_told_once_and_memory_is_never_exceeded(
    seed: int, blocks: int, sequences: int, apart: bool, ranks: int, drills: bool
) -> None:
    batch, length = np.array([0.1, 100.0]), np.array([1.0, 1000.0])
    steps, prefills = Table(batch, length, np.full((2, 2), 0.01)), Table(length, batch, np.full((2, 2), 0.02))
    timing = Timing(steps=steps, prefills=prefills, shared=prefills)
    limits = Limits(ranks, sequences, blocks, chunk_tokens=64)
    decodes = LiveReplica(timing, limits, prefilled=apart)
    live: LiveReplica | LivePools = LivePools(LivePrefills(timing, servers=2), decodes, AT_ONCE) if apart else decodes
    draw = np.random.default_rng(seed)
    events: list[Event] = []
    sent: dict[int, int] = {}
    gone: set[int] = set()
    now = 0.0
    for _ in range(60):
        now += draw.exponential(0.3)
        events += live.advance(now)
        inputs, outputs = (int(value) for value in draw.integers(1, 160, 2))
        if decodes.fits(inputs, outputs):
            sent[live.submit(now, inputs, outputs)] = outputs
        else:
            with pytest.raises(TooLongError):
                live.submit(now, inputs, outputs)
        if draw.random() < 0.2 and sent:
            gone.add(int(draw.choice(list(sent))))
            live.cancel(max(gone), now)
            gone.add(max(gone))
        if drills and draw.random() < 0.2:
            live.lose(float(draw.choice([0.0, 0.3, 0.6, 1.0])), now)
            decodes.pace = float(draw.choice([0.5, 1.0, 2.0]))
        assert decodes.free >= 0 or decodes.end < NEVER
    live.lose(0.0, now)
    while (when := live.next_event) < NEVER:
        events += live.advance(max(when, now))
    assert [event.time for event in events] == sorted(event.time for event in events)
    told: dict[int, list[int]] = {}
    for event in events:
        told.setdefault(event.ticket, []).append(event.tokens)
        assert event.last == (event.tokens == sent[event.ticket])
    for ticket, outputs in sent.items():
        tokens = told.get(ticket, [])
        assert tokens == list(range(1, len(tokens) + 1))
        assert len(tokens) == outputs or ticket in gone
    assert decodes.free == decodes.limits.blocks
    assert decodes.seated == 0
    assert not decodes.inputs and not decodes.running and not decodes.waiting
    assert sum(decodes.phases) == 0 and decodes.context == 0 and decodes.ready == 0


def test_a_cancelled_request_makes_room_and_has_no_more_tokens(linear_timing: MakeTiming) -> None:
    live = LiveReplica(linear_timing(step=0.01, token=0.0), replace(AMPLE, sequences=1))
    one, two = live.submit(0.0, 100, 1000), live.submit(0.0, 100, 5)
    before = live.advance(1.0)
    live.cancel(one, 1.0)
    after = live.advance(2.0)
    assert {event.ticket for event in before} == {one}
    assert [event.tokens for event in after] == [1, 2, 3, 4, 5]
    assert {event.ticket for event in after} == {two}
    assert live.totals.cancelled == 1
    live.cancel(one, 2.0)
    assert live.totals.cancelled == 1


def test_pace_multiplies_times(linear_timing: MakeTiming) -> None:
    stream = replace(mixed_lengths(50, 1.0, seed=9), arrival=1000.0 * np.arange(50))
    timing = linear_timing(token=1e-3)
    plain, slow = LiveReplica(timing, AMPLE), LiveReplica(timing, AMPLE)
    slow.pace = 2.5
    first, last = times(played(plain, stream), 50)
    later, latest = times(played(slow, stream), 50)
    assert later - stream.arrival == pytest.approx(2.5 * (first - stream.arrival))
    assert latest - stream.arrival == pytest.approx(2.5 * (last - stream.arrival))


def test_ranks_that_are_lost_take_their_sequences_along_and_come_back(linear_timing: MakeTiming) -> None:
    timing = linear_timing(step=0.01, sequence=1e-3, token=0.0)
    live = LiveReplica(timing, Limits(ranks=4, sequences=40, blocks=4000))
    for _ in range(40):
        live.submit(0.0, 100, 1000)
    live.advance(1.0)
    assert len(live.running) == 40
    assert live.groups == 4.0
    live.lose(0.5, 1.0)
    live.advance(1.2)
    assert live.preemptions == 20
    assert live.groups == 2.0
    assert len(live.running) == 20
    assert len(live.waiting) == 20
    batch = len(live.running) / live.groups
    assert batch == 10.0
    live.lose(1.0, 1.2)
    assert live.advance(5.0) == [] or live.now <= 1.3
    assert live.next_event == NEVER
    live.lose(0.0, 6.0)
    live.advance(6.5)
    assert len(live.running) == 40
    assert live.limits == live.whole


def test_lost_prefill_servers_begin_their_prompts_anew_elsewhere(linear_timing: MakeTiming) -> None:
    live = LivePrefills(linear_timing(token=1e-3), servers=4)
    for who in range(4):
        live.submit(0.0, who, 1000, 1000)
    assert live.advance(0.5) == []
    live.lose(0.5, 0.5)
    assert live.waiting == 2
    done = live.advance(10.0)
    assert [when for when, _ in done] == pytest.approx([1.0, 1.0, 2.0, 2.0])
    live.lose(1.0, 10.0)
    live.submit(10.0, 4, 1000, 1000)
    assert live.next_event == NEVER
    live.lose(0.25 / 4, 11.0)
    assert live.advance(20.0) == [(pytest.approx(11.0 + 4 / 3.75), 4)]


def test_a_share_is_taken_at_even_distances() -> None:
    assert spaced(list(range(10)), 0.5) == [1, 3, 5, 7, 9]
    assert spaced(list(range(10)), 0.0) == []
    assert spaced(list(range(10)), 1.0) == list(range(10))
