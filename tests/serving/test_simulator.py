"""The scheduler's simulation against closed forms, conservation laws, and a loop that skips nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.serving import queueing
from stackwright.serving.scheduler_prefixes import PrefixCache
from stackwright.serving.scheduler_tables import Table, Timing
from stackwright.serving.simulator import (
    BLOCK_TOKENS,
    PREFIX_TOKENS,
    Limits,
    Run,
    Stream,
    at_once,
    poisson,
    simulate,
    simulate_prefills,
    with_sequences_under_way,
)

MakeTiming = Callable[..., Timing]
AMPLE = Limits(ranks=1, sequences=10_000, blocks=10**7)


def mixed(requests: int, rate: float, seed: int, longest: int = 1000) -> Stream:
    """Requests of random lengths."""
    draw = np.random.default_rng(seed)
    made = poisson(requests=requests, rate=rate, input_tokens=1, output_tokens=1, seed=seed)
    return replace(
        made,
        input_tokens=draw.integers(1, longest, requests),
        output_tokens=draw.integers(1, longest, requests),
    )


def blocks_of(tokens: int) -> int:
    return -(-tokens // BLOCK_TOKENS)


def played_out(stream: Stream, timing: Timing, limits: Limits) -> tuple[list[float], list[float], int]:
    """First tokens and finishes of one rank, round by round, and the preemptions: no jumps, no shared counters."""
    count = len(stream)
    inputs, outputs = stream.input_tokens.tolist(), stream.output_tokens.tolist()
    now, arrived, preemptions = 0.0, 0, 0
    length, emitted = list(inputs), [0] * count
    waiting: list[int] = []
    prefills: dict[int, int] = {}
    running: list[int] = []
    first, finish = [0.0] * count, [0.0] * count

    def used() -> int:
        return sum(blocks_of(length[who]) for who in [*prefills, *running])

    def yields(who: int) -> None:
        emitted[who] += 1
        first[who] = first[who] or now
        if emitted[who] == outputs[who]:
            finish[who] = now
        elif who not in running:
            running.append(who)

    while not all(finish):
        while arrived < count and stream.arrival[arrived] <= now:
            waiting.append(arrived)
            arrived += 1
        while waiting and len(prefills) + len(running) < limits.sequences:
            if (
                sum(prefills.values()) >= limits.chunk_tokens
                or used() + blocks_of(length[waiting[0]] + 1) > limits.blocks
            ):
                break
            who = waiting.pop(0)
            prefills[who] = length[who]
        if not prefills and not running:
            now = stream.arrival[arrived]
            continue
        while used() + sum(length[who] % BLOCK_TOKENS == 0 for who in running) > limits.blocks:
            waiting.insert(0, running.pop())
            preemptions += 1
        budget, done = limits.chunk_tokens, []
        for who in list(prefills):
            size = min(prefills[who], budget)
            if size:
                now += timing.prefill(size, length[who] - prefills[who] + size)
            budget -= size
            prefills[who] -= size
            if not prefills[who]:
                done.append(who)
        decoding = list(running)
        if decoding:
            now += timing.step(len(decoding), sum(length[who] for who in decoding) / len(decoding))
        for who in decoding:
            length[who] += 1
            yields(who)
        running = [who for who in running if not finish[who]]
        for who in done:
            del prefills[who]
            yields(who)
    return first, finish, preemptions


@pytest.mark.parametrize(
    "limits",
    [
        Limits(ranks=1, sequences=40, blocks=10_000, chunk_tokens=128),
        Limits(ranks=1, sequences=5, blocks=10_000, chunk_tokens=1000),
        Limits(ranks=1, sequences=40, blocks=40, chunk_tokens=200),
    ],
    ids=["ample", "few sequences", "little memory"],
)
@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_jumps_change_nothing(linear_timing: MakeTiming, limits: Limits, rate: float) -> None:
    stream = mixed(120, rate, seed=4, longest=150)
    timing = linear_timing(step=0.01, sequence=1e-4, context=1e-7, token=1e-4)
    run = simulate(stream, timing, limits)
    first, finish, preemptions = played_out(stream, timing, limits)
    assert run.first_token + stream.arrival == pytest.approx(np.array(first), rel=1e-9)
    assert run.finish + stream.arrival == pytest.approx(np.array(finish), rel=1e-9)
    assert run.preemptions == preemptions
    assert (preemptions > 0) == (limits.blocks == 40 and rate == 4.0)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_token_requests_wait_as_in_the_queue_of_a_deterministic_server(
    linear_timing: MakeTiming, busy: float
) -> None:
    service, length = 0.1, 1000
    timing = linear_timing(token=service / length)
    stream = poisson(requests=100_000, rate=busy / service, input_tokens=length, output_tokens=1, seed=2)
    expected = busy * service / (2.0 * (1.0 - busy))
    whole = simulate(stream, timing, replace(AMPLE, chunk_tokens=length))
    pool = simulate_prefills(stream, timing, servers=1)
    assert whole.first_token.mean() - service == pytest.approx(expected, rel=0.05)
    assert pool.latency.mean() - service == pytest.approx(expected, rel=0.05)
    assert pool.busy == pytest.approx(busy, rel=0.02)


def test_several_servers_wait_as_the_closed_form_says(linear_timing: MakeTiming) -> None:
    service, length, servers, busy = 0.1, 1000, 8, 0.9
    stream = poisson(requests=100_000, rate=busy * servers / service, input_tokens=length, output_tokens=1, seed=3)
    pool = simulate_prefills(stream, linear_timing(token=service / length), servers=servers)
    expected = queueing.mean_wait(
        service=service, service_scv=0.0, arrival_scv=1.0, utilization=busy, servers=float(servers)
    )
    assert pool.latency.mean() - service == pytest.approx(expected, rel=0.1)


def test_without_limits_sequences_run_as_in_a_queue_with_endless_servers(linear_timing: MakeTiming) -> None:
    rate, output, step = 5.0, 200, 0.01
    stream = poisson(requests=20_000, rate=rate, input_tokens=100, output_tokens=output, seed=5)
    run = simulate(stream, linear_timing(step=step), AMPLE, prefilled=True)
    assert run.occupancy == pytest.approx(rate * output * step, rel=0.02)
    assert run.token_time() == pytest.approx(np.full(20_000, step), rel=1e-9)


@pytest.mark.parametrize("prefilled", [False, True])
def test_littles_law_holds(linear_timing: MakeTiming, prefilled: bool) -> None:
    stream = mixed(5_000, 6.0, seed=6)
    timing = linear_timing(step=0.01, sequence=1e-5, context=1e-8)
    run = simulate(stream, timing, Limits(ranks=1, sequences=64, blocks=3_000), prefilled=prefilled)
    assert len(run.served) == len(stream)
    assert run.present * run.duration == pytest.approx(run.finish.sum(), rel=0.01)


@given(st.integers(0, 10_000), st.integers(20, 60), st.integers(1, 12), st.booleans(), st.integers(1, 3))
def test_memory_is_never_exceeded_and_everybody_is_served(
    seed: int, blocks: int, sequences: int, prefilled: bool, ranks: int
) -> None:
    batch, length = np.array([0.1, 100.0]), np.array([1.0, 1000.0])
    steps, prefills = Table(batch, length, np.full((2, 2), 0.01)), Table(length, batch, np.full((2, 2), 0.02))
    timing = Timing(steps=steps, prefills=prefills, shared=prefills)
    stream = mixed(60, 3.0, seed, longest=160)
    run = simulate(stream, timing, Limits(ranks, sequences, blocks, chunk_tokens=64), prefilled=prefilled)
    assert run.peak_memory <= 1.0
    assert run.occupancy <= sequences
    assert len(run.served) + run.refused == len(stream)
    assert (run.finish >= run.first_token).all()
    assert (run.first_token > 0.0).all()


def test_a_small_cache_preempts_and_a_large_one_does_not(linear_timing: MakeTiming) -> None:
    stream = mixed(500, 20.0, seed=7)
    timing = linear_timing()
    small = simulate(stream, timing, Limits(ranks=1, sequences=64, blocks=400))
    large = simulate(stream, timing, Limits(ranks=1, sequences=64, blocks=64 * 130))
    assert small.preemptions > 0
    assert large.preemptions == 0
    assert np.percentile(small.finish, 95) > np.percentile(large.finish, 95)


def test_a_request_that_never_fits_is_refused(linear_timing: MakeTiming) -> None:
    stream = poisson(requests=3, rate=1.0, input_tokens=100, output_tokens=100, seed=1)
    stream = replace(stream, input_tokens=np.array([100, 5_000, 100]))
    run = simulate(stream, linear_timing(), Limits(ranks=1, sequences=4, blocks=20))
    assert run.refused == 1
    assert run.served.tolist() == [0, 2]


def test_a_closed_loop_keeps_its_concurrency(linear_timing: MakeTiming) -> None:
    concurrency, step, output = 20, 0.01, 50
    stream = poisson(requests=4_000, rate=1.0, input_tokens=100, output_tokens=output, seed=8)
    timing = linear_timing(step=step, token=0.0)
    run = simulate(at_once(stream, concurrency), timing, AMPLE, prefilled=True)
    assert run.present == pytest.approx(concurrency, rel=0.01)
    assert len(stream) / run.duration == pytest.approx(concurrency / (step * output), rel=0.01)


def test_ranks_share_the_prompts_of_a_round(linear_timing: MakeTiming) -> None:
    stream = replace(poisson(requests=4, rate=1.0, input_tokens=1000, output_tokens=1, seed=1), arrival=np.zeros(4))
    timing = linear_timing(token=1e-4)
    alone = simulate(stream, timing, replace(AMPLE, chunk_tokens=1000))
    together = simulate(stream, timing, replace(AMPLE, ranks=4, chunk_tokens=1000))
    assert alone.first_token == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert together.first_token == pytest.approx([0.1] * 4)


def test_sequences_under_way_are_a_steady_state(linear_timing: MakeTiming) -> None:
    rate, step = 5.0, 0.01
    stream = mixed(2_000, rate, seed=9)
    under_way = int(rate * stream.output_tokens.mean() * step)
    started = with_sequences_under_way(stream, under_way, seed=1)
    assert len(started) == len(stream) + under_way
    assert (started.emitted[:under_way] < started.output_tokens[:under_way]).all()
    head = replace(
        started,
        **{
            name: getattr(started, name)[: under_way + 100]
            for name in ("arrival", "input_tokens", "output_tokens", "hits", "emitted")
        },
    )
    run = simulate(head, linear_timing(step=step), AMPLE, prefilled=True)
    assert len(run.served) == under_way + 100


def test_the_same_seed_gives_the_same_run(linear_timing: MakeTiming) -> None:
    def once() -> Run:
        stream = with_sequences_under_way(mixed(500, 5.0, seed=3), 20, seed=3)
        return simulate(stream, linear_timing(sequence=1e-5), Limits(ranks=2, sequences=32, blocks=900))

    one, two = once(), once()
    assert one.finish.tolist() == two.finish.tolist()
    assert one.first_token.tolist() == two.first_token.tolist()
    assert (one.preemptions, one.jumps, one.duration) == (two.preemptions, two.jumps, two.duration)


def conversations(requests: int, seed: int) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Prompts that begin like one of a few, in blocks of a prefix."""
    draw = np.random.default_rng(seed)
    prompts = [
        tuple(int(chain) * 100 + place for place in range(int(depth)))
        for chain, depth in zip(draw.integers(0, 12, requests), draw.integers(1, 9, requests), strict=True)
    ]
    return prompts, np.array([len(prompt) * PREFIX_TOKENS for prompt in prompts])


def test_hits_in_a_run_are_those_of_the_cache_alone(linear_timing: MakeTiming) -> None:
    prompts, lengths = conversations(300, seed=1)
    stream = poisson(requests=300, rate=2.0, input_tokens=1, output_tokens=20, seed=1)
    stream = replace(stream, input_tokens=lengths, prefixes=prompts)
    cache, found = PrefixCache(30), 0
    for prompt, length in zip(prompts, lengths.tolist(), strict=True):
        found += min(cache.take(prompt) * PREFIX_TOKENS, length - 1)
    run = simulate(stream, linear_timing(), replace(AMPLE, prefix_blocks=30))
    pool = simulate_prefills(stream, linear_timing(), servers=4, prefix_blocks=30)
    assert run.hits == pytest.approx(found / lengths.sum(), rel=1e-12)
    assert pool.hits == pytest.approx(found / lengths.sum(), rel=1e-12)
    assert 0.1 < run.hits < 0.9


def test_running_sequences_push_prefixes_out(linear_timing: MakeTiming) -> None:
    prompts, lengths = conversations(300, seed=2)
    stream = poisson(requests=300, rate=5.0, input_tokens=1, output_tokens=300, seed=1)
    stream = replace(stream, input_tokens=lengths, prefixes=prompts)
    roomy = simulate(stream, linear_timing(), replace(AMPLE, prefix_blocks=200))
    tight = simulate(stream, linear_timing(), Limits(ranks=1, sequences=64, blocks=2_500, prefix_blocks=200))
    assert tight.hits < roomy.hits


def test_hits_shorten_prefills(linear_timing: MakeTiming) -> None:
    stream = poisson(requests=100, rate=0.1, input_tokens=1000, output_tokens=1, seed=1)
    hit = replace(stream, hits=np.full(100, 750))
    timing = linear_timing(token=1e-4)
    assert simulate(hit, timing, AMPLE).first_token == pytest.approx(np.full(100, 0.025))
    assert simulate_prefills(hit, timing, servers=1).latency == pytest.approx(np.full(100, 0.025))
