"""Closed forms of a replica against the simulation of its scheduler, and what layouts and host memory change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving import queueing
from stackwright.serving.loads import closed_loop, open_loop
from stackwright.serving.replica import Machine
from stackwright.serving.scheduler_tables import timing_of
from stackwright.serving.service import Lengths, Service, disaggregated, unevenness
from stackwright.serving.simulator import Limits, at_once, poisson, simulate, with_sequences_under_way
from stackwright.stack import performance
from stackwright.stack.parts import Parts
from stackwright.stack.performance import Cell, Hardware, both_phases

REQUESTS = 6000
COUNTED = slice(int(0.2 * REQUESTS), int(0.8 * REQUESTS))


def alike(tokens: float, output: float) -> Lengths:
    return Lengths(
        nodes=np.full(3, tokens),
        weights=np.array([1.0, 0.0, 0.0]),
        input_mean=tokens,
        output_mean=output,
        context_mean=tokens + output / 2.0,
        arrival_scv=1.0,
        prefix_hits=0.0,
    )


LENGTHS = alike(4096.0, 512.0)


@pytest.fixture(scope="module")
def cell() -> Cell:
    parts = Parts(Catalog.load())
    chip = parts.get("chip", "nvidia-h200-sxm")
    system = parts.get("rack", "hgx-h200-air")
    hardware = Hardware(
        software=parts.get("interface", "vllm-2026").spec,
        chip=chip.spec,
        kernels=parts.get("chip", str(chip.record.links["kernels"])).spec,
        chip_power=parts.get("chip", str(chip.record.links["power"])).spec,
        system=system.spec,
        scale_up=parts.get("network", str(system.record.links["scale_up"])).spec,
        fabric=parts.get("network", "infiniband-ndr").spec,
    )
    return Cell(parts.architecture("qwen3-235b-a22b"), Precision("fp8", "fp8"), hardware)


@pytest.fixture(scope="module")
def machine(cell: Cell) -> Machine:
    return cell.machine(1.0, 1.0)


def spread_over(tensor: float = 4.0, expert: float = 1.0, context: float = 1.0) -> Layout:
    return Layout(tensor=tensor, expert=expert, pipeline=1.0, context=context)


def steady(machine: Machine, layout: Layout, batch: float, chunk: float, lengths: Lengths = LENGTHS) -> Service:
    step, prefill = machine.running_step(layout, batch, lengths), machine.prefill(layout, lengths)
    return both_phases(machine, layout, batch, chunk, step, prefill, lengths)


@pytest.mark.parametrize(
    ("layout", "batch", "chunk"),
    [
        (spread_over(), 32.0, 2048.0),
        (spread_over(), 64.0, 8192.0),
        (spread_over(1.0, 8.0), 16.0, 512.0),
        (spread_over(2.0, 4.0, 2.0), 32.0, 2048.0),
    ],
    ids=["tensor", "tensor, whole prompts", "experts over eight ranks", "context"],
)
def test_chunked_rounds_are_those_of_the_simulated_scheduler(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, layout: Layout, batch: float, chunk: float
) -> None:
    monkeypatch.setattr(performance, "QUEUE_SERVERS", 1.0)
    service, ranks = steady(machine, layout, batch, chunk), int(layout.data)
    timing = timing_of(machine, layout, LENGTHS, most_sequences=512.0, longest=5000.0, chunk=chunk)
    rate = float(service.requests_per_second)
    fresh = poisson(requests=REQUESTS, rate=rate, input_tokens=4096, output_tokens=512, seed=1)
    stream = with_sequences_under_way(fresh, int(batch * ranks), 1)
    run = simulate(stream, timing, Limits(ranks=ranks, sequences=10**5, blocks=10**8, chunk_tokens=int(chunk)))
    place = run.served - (len(stream) - REQUESTS)
    counted = (place >= COUNTED.start) & (place < COUNTED.stop)
    token, first = run.token_time(counted), run.first_token[counted]
    overhead = float(machine.software.prefill_overhead)
    assert float(service.tpot_p50) == pytest.approx(np.percentile(token, 50.0), rel=0.08)
    assert float(service.tpot_p95) == pytest.approx(np.percentile(token, 95.0), rel=0.15)
    assert float(service.tpot_p99) == pytest.approx(np.percentile(token, 99.0), rel=0.2)
    assert float(service.ttft_p50) - overhead == pytest.approx(np.percentile(first, 50.0), rel=0.3)
    assert float(service.ttft_p95) - overhead == pytest.approx(np.percentile(first, 95.0), rel=0.4)


def test_a_decode_pool_strays_as_its_simulation_does(machine: Machine) -> None:
    layout, batch = spread_over(), 64.0
    step = machine.running_step(layout, batch, LENGTHS)
    service = disaggregated(layout=layout, batch=batch, step=step, lengths=LENGTHS, tokens_per_step=1.0)
    timing = timing_of(machine, layout, LENGTHS, most_sequences=512.0, longest=5000.0)
    rate = float(service.requests_per_second)
    fresh = poisson(requests=REQUESTS, rate=rate, input_tokens=4096, output_tokens=512, seed=2)
    stream = with_sequences_under_way(fresh, int(batch), 2)
    run = simulate(stream, timing, Limits(ranks=1, sequences=10**5, blocks=10**8), prefilled=True)
    token = run.token_time((run.served >= batch + COUNTED.start) & (run.served < batch + COUNTED.stop))
    for level, found in ((50.0, service.tpot_p50), (95.0, service.tpot_p95), (99.0, service.tpot_p99)):
        assert float(found) == pytest.approx(np.percentile(token, level), rel=0.05)


def test_small_chunks_bound_the_time_per_token(machine: Machine) -> None:
    layout, bursts = spread_over(), replace(LENGTHS, arrival_scv=20.0)
    small, large, whole = (steady(machine, layout, 32.0, chunk, bursts) for chunk in (512.0, 8192.0, 0.0))
    assert small.tpot_p99 / small.tpot_p50 < large.tpot_p99 / large.tpot_p50
    assert large.tpot_p50 < whole.tpot_p50
    assert small.ttft_p50 > large.ttft_p50


def test_no_variation_leaves_no_spread() -> None:
    calm = {"growth": 0.0, "attention": 0.0, "arrival_scv": 1.0, "context_scv": 2.0}
    assert queueing.step_spread(sequences=64.0, **calm) == 0.0
    poisson_count = queueing.cache_spread(sequences=64.0, growth=0.0, arrival_scv=1.0, context_scv=0.0)
    assert poisson_count == pytest.approx(64.0**-0.5)


def test_loads_meet_their_batch(machine: Machine) -> None:
    layout = spread_over()

    def at(batch: float) -> Service:
        return steady(machine, layout, batch, 2048.0)

    service = at(20.0)
    assert open_loop(at, service.requests_per_second, 512.0) == pytest.approx(20.0, rel=1e-6)
    inside = 20.0 + service.requests_per_second * service.ttft_mean
    assert closed_loop(at, inside, 1.0, 512.0) == pytest.approx(20.0, rel=1e-6)
    assert open_loop(at, 1e9, 512.0) == pytest.approx(512.0)


def test_a_closed_loop_runs_as_its_simulation_does(machine: Machine) -> None:
    layout, concurrency = spread_over(), 24
    batch = closed_loop(lambda size: steady(machine, layout, size, 2048.0), concurrency, 1.0, 512.0)
    service = steady(machine, layout, float(batch), 2048.0)
    timing = timing_of(machine, layout, LENGTHS, most_sequences=512.0, longest=5000.0, chunk=2048.0)
    stream = at_once(poisson(requests=2000, rate=1.0, input_tokens=4096, output_tokens=512, seed=3), concurrency)
    run = simulate(stream, timing, Limits(ranks=1, sequences=10**5, blocks=10**8, chunk_tokens=2048))
    assert float(service.requests_per_second) == pytest.approx(2000 / run.duration, rel=0.1)


def test_ranks_of_one_sequence_share_its_cache_and_its_prompt(machine: Machine) -> None:
    long = alike(100_000.0, 500.0)
    alone, together = spread_over(4.0), spread_over(4.0, context=4.0)
    assert together.chips == 4.0 * alone.chips
    assert machine.sequence_bytes(together, 1e5) == pytest.approx(machine.sequence_bytes(alone, 1e5) / 4.0)
    faster = machine.prefill(alone, long).seconds[0] / machine.prefill(together, long).seconds[0]
    assert 1.5 < faster < 4.0
    steps = [float(machine.decode_step(layout, 8.0, long).seconds) for layout in (alone, together)]
    assert steps[1] < steps[0]
    one = replace(machine, wires=replace(machine.wires, scale_up_bandwidth=machine.wires.scale_up_bandwidth / 100.0))
    assert one.prefill(together, long).seconds[0] > machine.prefill(together, long).seconds[0]


def test_host_memory_makes_room_and_its_link_bounds_the_round(cell: Cell) -> None:
    layout, batch = spread_over(), 64.0
    near = cell.machine(1.0, 1.0).decode_step(layout, batch, LENGTHS)
    far = replace(cell, weights_offload=0.5, cache_offload=0.5).machine(1.0, 1.0)
    step = far.decode_step(layout, batch, LENGTHS)
    assert step.memory < near.memory
    assert step.seconds == pytest.approx(near.seconds + step.slack)
    link = replace(far, host_bandwidth=far.host_bandwidth * 1e3)
    assert link.decode_step(layout, batch, LENGTHS).seconds == pytest.approx(near.seconds)
    assert replace(far, host_memory=1e9).memory_margin(layout, batch, LENGTHS) > 0.0
    waiting, busy = (steady(one, layout, batch, 512.0) for one in (far, link))
    assert waiting.tpot_p50 >= busy.tpot_p50


def test_ranks_with_experts_in_common_wait_for_the_deepest_prompt(machine: Machine) -> None:
    mixed = replace(LENGTHS, nodes=np.array([500.0, 60_000.0, 500.0, 60_000.0]), weights=np.array([0.9, 0.1, 0.0, 0.0]))
    wide, narrow = spread_over(1.0, 8.0), spread_over()

    def wait(layout: Layout, lengths: Lengths) -> float:
        return float(
            unevenness(layout, machine.prefill(layout, lengths), machine.pieces(layout, 8192.0, lengths), lengths)
        )

    assert wait(narrow, mixed) == pytest.approx(1.0)
    assert wait(wide, mixed) > 1.05
