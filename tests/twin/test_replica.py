"""A served plan under clients: what they measure is what the plan says, whatever share of them is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_plans import APART, TOGETHER, made_of

from stackwright.catalog import Catalog
from stackwright.codesign.queue_check import COUNTED
from stackwright.codesign.service_levels import level, seen_at
from stackwright.serving.live import NEVER
from stackwright.serving.served import ServedReplica
from stackwright.twin.clients import JUDGED, client_stream, measured, representative_seed
from stackwright.twin.replica import Crowd, LiveStack, OverloadedError, TooLongError


@pytest.fixture(scope="module", params=[TOGETHER, APART], ids=["together", "apart"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServedReplica:
    """The replica of a small plan, as its file has it."""
    made = made_of(request.param, tmp_path_factory.mktemp("plan"), Catalog.load())
    return ServedReplica.from_dict(made.served.as_dict())


REQUESTS = 3_000


@pytest.mark.parametrize("load", [0.5, 0.8, 1.0])
def test_clients_that_send_the_plans_requests_measure_what_the_plan_says(served: ServedReplica, load: float) -> None:
    seen = seen_at(served, load, REQUESTS, seed=3)
    said = level(served, load, seen)
    duration = REQUESTS / (load * served.requests_per_second)
    stream = client_stream(served, load, 1.0, duration, seed=3)
    clients = measured(LiveStack(served, weight=1.0), stream)
    assert len(clients.sent) == REQUESTS
    after, until = (stream.arrival[int(part * REQUESTS)] for part in COUNTED)
    for name, value in clients.percentiles(after, until).items():
        assert value == pytest.approx(said[name], rel=0.02), name


@pytest.mark.parametrize("load", [0.5, 0.8, 1.0])
def test_clients_that_stand_for_several_measure_what_the_plan_says(served: ServedReplica, load: float) -> None:
    said = level(served, load, seen_at(served, load, 20_000, seed=3))
    weight, warm_up, duration = 3.5, 30.0, 3.5 * 3_000 / served.requests_per_second
    seeds = 6 if load == 1.0 else 2
    seed = representative_seed(served, said, weight=weight, warm_up=warm_up, duration=duration, seeds=seeds)
    stream = client_stream(served, load, weight, warm_up + duration, seed)
    for name, value in measured(LiveStack(served, weight=weight), stream).percentiles(warm_up).items():
        assert value == pytest.approx(said[name], rel=0.05), name


def test_a_representative_run_is_the_nearest_of_all(served: ServedReplica) -> None:
    said = level(served, 1.0, seen_at(served, 1.0, 5_000, seed=3))
    seed = representative_seed(served, said, weight=2.0, warm_up=5.0, duration=10.0, seeds=4)

    def apart(seed: int) -> float:
        stream = client_stream(served, 1.0, 2.0, 15.0, seed)
        seen = measured(LiveStack(served, weight=2.0), stream).percentiles(5.0)
        return max(abs(seen[name] / said[name] - 1.0) for name in JUDGED)

    assert apart(seed) == min(apart(other) for other in range(4))


def test_too_many_are_turned_away_and_those_that_were_taken_are_served(served: ServedReplica) -> None:
    stack = LiveStack(served, weight=1.0, patience=5.0)
    stream = client_stream(served, 6.0, 1.0, 30.0, seed=1)
    seen = measured(stack, stream)
    assert seen.turned_away > 0
    assert len(seen.sent) + seen.turned_away == len(stream)
    assert stack.state().refused == seen.turned_away
    assert stack.state().finished == len(seen.sent)


def test_who_is_turned_away_is_told_when_to_come_again(served: ServedReplica) -> None:
    stack = LiveStack(served, weight=1.0)
    stack.waiting_limit = 1
    stack.submit(0.0, 100, 10)
    with pytest.raises(OverloadedError) as caught:
        stack.submit(0.0, 100, 10)
    assert caught.value.retry_after >= 1.0


def test_a_request_that_no_cache_holds_is_refused(served: ServedReplica) -> None:
    stack = LiveStack(served)
    with pytest.raises(TooLongError):
        stack.submit(0.0, 10**9, 10)
    assert stack.state().clients == 0


def test_a_cancelled_request_has_no_more_tokens(served: ServedReplica) -> None:
    stack = LiveStack(served, weight=1.0)
    one, two = stack.submit(0.0, 1000, 200), stack.submit(0.0, 1000, 20)
    until = 0.0
    while not any(event.ticket == one for event in stack.advance(until)):
        until = stack.next_event
    stack.cancel(one, until)
    events = []
    while (when := stack.next_event) < NEVER:
        events += stack.advance(when)
    assert {event.ticket for event in events} == {two}
    assert stack.state().clients == 0
    assert stack.state().cache_use == 0.0


def test_half_the_capacity_and_twice_the_time(served: ServedReplica) -> None:
    def of(change: str) -> float:
        stack = LiveStack(served, weight=1.0)
        if change == "slow":
            stack.slow(decode=2.0, prefill=2.0)
        if change == "lost":
            stack.lose(0.5)
        return measured(stack, client_stream(served, 0.4, 1.0, 30.0, seed=2)).percentiles()["tpot_p50"]

    assert of("slow") > 1.9 * of("nothing")
    assert 1.02 * of("nothing") < of("lost") < of("slow")


def test_what_is_lost_comes_back(served: ServedReplica) -> None:
    stack = LiveStack(served, weight=1.0)
    before = stack.submit(0.0, 500, 50)
    stack.advance(0.001)
    stack.lose(1.0)
    assert stack.advance(30.0) == [] or stack.state().running == 0
    assert stack.state().lost == 1.0
    stack.lose(0.0, 30.0)
    events = []
    while (when := stack.next_event) < NEVER:
        events += stack.advance(max(when, 30.0))
    assert events[-1].ticket == before
    assert events[-1].last


def test_the_planned_peak_is_as_many_clients_as_asked_for(served: ServedReplica) -> None:
    assert LiveStack(served, concurrency=served.sequences / 7.0).weight == pytest.approx(7.0)
    assert LiveStack(served, concurrency=10_000.0).weight == 1.0
    assert "every request is a client's" in LiveStack(served, weight=1.0).described
    assert "stands for 2.5 alike" in LiveStack(served, weight=2.5).described


def test_the_state_counts_those_that_clients_stand_for(served: ServedReplica) -> None:
    stack = LiveStack(served, weight=4.0)
    stream = client_stream(served, 0.8, 4.0, 4_000 / served.requests_per_second, seed=4)
    seen = measured(stack, stream)
    state = stack.state()
    assert state.client_requests == len(stream) == len(seen.sent)
    assert state.finished == pytest.approx(4.0 * len(stream), rel=0.15)
    assert state.output_tokens > 3.0 * stream.output_tokens.sum()
    assert state.found == pytest.approx(served.prefix_hits * state.looked_up, rel=0.01)


def crowd_of(arrivals: np.ndarray, weight: float, until: float) -> list[tuple[float, int]]:
    """When those come whom clients stand for, and their input tokens: a client's are its number."""
    crowd, came = Crowd(weight, seed=1), []
    for number, now in enumerate([*arrivals.tolist(), until]):
        while (when := crowd.next_arrival) <= now:
            came.append((when, crowd.come()[0]))
        if now < until:
            crowd.follow(now, number + 1, 1)
    return came


def test_a_crowd_is_as_random_as_independent_requests() -> None:
    weight, rate, until = 20.0, 10.0, 2000.0
    arrivals = np.sort(np.random.default_rng(0).uniform(0.0, until, int(rate * until)))
    when = np.array([time for time, _ in crowd_of(arrivals, weight, until)])
    assert len(when) == pytest.approx((weight - 1.0) * len(arrivals), rel=0.02)
    counts = np.histogram(when, bins=np.arange(100.0, until, 1.0))[0]
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.2)
    # Copies that come beside each client's request would be `weight` times as uneven.
    beside = np.repeat(arrivals, int(weight) - 1) + np.random.default_rng(1).exponential(0.1, len(arrivals) * 19)
    bunched = np.histogram(beside, bins=np.arange(100.0, until, 1.0))[0]
    assert bunched.var() / bunched.mean() > 10.0


def test_a_crowd_is_like_its_clients() -> None:
    arrivals = np.arange(0.0, 500.0, 0.1)
    lengths = [length for _, length in crowd_of(arrivals, 5.0, 500.0)]
    places = np.bincount(lengths, minlength=len(arrivals) + 1)[1:]
    assert places[:100].min() >= 1
    assert set(lengths) <= set(range(1, len(arrivals) + 1))


def test_a_crowd_follows_its_clients_pace_and_leaves_with_them() -> None:
    slow, fast = np.arange(0.0, 100.0, 0.5), np.arange(100.0, 200.0, 0.05)
    when = np.array([time for time, _ in crowd_of(np.concatenate([slow, fast]), 5.0, 200.0)])
    assert ((when > 50.0) & (when <= 100.0)).sum() == pytest.approx(4.0 * 100, rel=0.3)
    assert ((when > 120.0) & (when <= 200.0)).sum() == pytest.approx(4.0 * 1600, rel=0.1)
    crowd = Crowd(5.0, seed=1)
    for now in slow.tolist():
        crowd.follow(now, 10, 10)
    crowd.leave(100.0)
    late = []
    while crowd.next_arrival < NEVER:
        late.append(crowd.next_arrival)
        crowd.come()
    assert max(late) <= 100.0 + Crowd.SHORTEST


def test_clients_that_come_a_little_later_bring_the_same_crowd() -> None:
    arrivals = np.sort(np.random.default_rng(2).uniform(0.0, 300.0, 3000))
    late = np.maximum.accumulate(arrivals + np.random.default_rng(3).exponential(0.002, 3000))
    one, two = crowd_of(arrivals, 5.0, 300.0), crowd_of(late, 5.0, 300.0)
    assert len(one) == pytest.approx(len(two), rel=0.005)
    shift = [abs(a - b) for (a, _), (b, _) in zip(one, two, strict=False)]
    assert np.median(shift) < 0.1


def test_nobody_stands_behind_clients_of_weight_one(served: ServedReplica) -> None:
    assert crowd_of(np.arange(0.0, 10.0, 0.1), 1.0, 20.0) == []
    stack = LiveStack(replace(served, sequences=10.0))
    assert stack.weight == 1.0


def test_the_same_requests_meet_the_same_latencies(served: ServedReplica) -> None:
    def once() -> Any:
        seen = measured(LiveStack(served, weight=2.0), client_stream(served, 1.0, 2.0, 20.0, seed=9))
        return seen.ttft.tolist(), seen.tpot.tolist()

    assert once() == once()
