"""Replay: passes that prompts share, overheads of engines without graphs, phases and their power."""

from dataclasses import replace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.core.units import Watts
from stackwright.evidence.names import Spread
from stackwright.evidence.replay import Bench, Reading, Replayed, Run, phase_draws, replay
from stackwright.interface.software import SoftwareStack
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.serving.service import Lengths

RUN = Run(
    chip="nvidia-h100-sxm",
    model="llama-3-1-70b",
    software="vllm-2026",
    precision=Precision("fp8", "bf16"),
    spread=Spread(4.0),
    input=256.0,
    output=256.0,
    sequences=32.0,
)


@pytest.fixture(scope="module")
def bench(catalog: Catalog) -> Bench:
    return Bench(catalog)


def lengths(*nodes: float, weights: tuple[float, ...]) -> Lengths:
    return Lengths(
        nodes=np.array(nodes)[:, None],
        weights=np.array(weights)[:, None],
        input_mean=256.0,
        output_mean=256.0,
        context_mean=384.0,
        arrival_scv=1.0,
        prefix_hits=0.0,
    )


LAYOUT = Layout(tensor=np.array([4.0]), expert=np.array([1.0]), pipeline=np.array([1.0]))


def test_short_prompts_of_the_traffic_share_a_pass_and_a_lone_one_does_not(bench: Bench) -> None:
    shared, alone = bench.machine(RUN).prefill(LAYOUT, lengths(256.0, 256.0, weights=(1.0, 0.0))).seconds
    assert 0.2 * alone < shared < 0.7 * alone


def test_a_prompt_longer_than_the_budget_has_its_pass_alone(bench: Bench) -> None:
    first, second = bench.machine(RUN).prefill(LAYOUT, lengths(8192.0, 8192.0, weights=(1.0, 0.0))).seconds
    assert first == pytest.approx(second)


def test_an_engine_without_a_budget_gives_each_prompt_a_pass(catalog: Catalog) -> None:
    stack = replace(Bench(catalog).stack("vllm-2026"), prefill_tokens=None)
    machine = Bench(catalog, {"vllm-2026": stack}).machine(RUN)
    first, second = machine.prefill(LAYOUT, lengths(256.0, 256.0, weights=(1.0, 0.0))).seconds
    assert first == pytest.approx(second)


def test_a_layer_overhead_counts_layers_and_doublings_of_the_tensor_ranks(catalog: Catalog) -> None:
    plain = replace(Bench(catalog).stack("vllm-2026"), layer_overhead=None)
    slow = replace(plain, layer_overhead=1e-4)

    def step(stack: SoftwareStack, tensor: float) -> float:
        machine = Bench(catalog, {"vllm-2026": stack}).machine(RUN)
        layout = replace(LAYOUT, tensor=np.array([tensor]))
        return float(machine.decode_step(layout, 8.0, lengths(256.0, weights=(1.0,))).seconds[0])

    assert step(slow, 8.0) - step(plain, 8.0) == pytest.approx(80 * 3 * 1e-4, rel=1e-6)
    assert step(slow, 1.0) == pytest.approx(step(plain, 1.0))


def test_runs_of_a_row_that_fit_have_weights_of_one(bench: Bench) -> None:
    small = replace(RUN, spread=Spread(1.0), precision=Precision("bf16", "bf16"))
    replayed = Replayed([Reading(runs=((0.5, RUN), (0.2, replace(RUN, sequences=8.0)), (0.3, small)))], bench)
    assert [weight for weight, _ in replayed.runs_of(0)] == pytest.approx([5 / 7, 2 / 7])
    outcomes, _ = replay([RUN, replace(RUN, sequences=8.0)], bench)
    assert replayed.mean(0, "tpot") == pytest.approx(float(outcomes.tpot @ np.array([5 / 7, 2 / 7])))


def test_the_power_of_a_static_run_is_that_of_its_phases_in_turn(bench: Bench) -> None:
    outcomes, _ = replay([replace(RUN, static=True)], bench)
    tdp: Watts = bench.accelerator(RUN.chip).tdp
    decoding, filling = phase_draws(
        family=bench.chip_power(RUN.chip),
        tdp=tdp,
        precision="fp8",
        flop_rate=outcomes.flop_rate,
        byte_rate=outcomes.byte_rate,
        link_rate=outcomes.link_rate,
        prefill_flop_rate=outcomes.prefill_flop_rate,
        prefill_byte_rate=outcomes.prefill_byte_rate,
        prefill_link_rate=outcomes.prefill_link_rate,
    )
    share = outcomes.prefilling
    assert 0.0 < share[0] < 1.0
    assert outcomes.power == pytest.approx(share * filling + (1.0 - share) * decoding)
    assert outcomes.peak_power_share * tdp == pytest.approx(np.maximum(decoding, filling))
