"""A step: work is conserved over layouts, parts add up, and arrays are many designs at once."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_roofline import LEAN, PEAK, decoder, machine

from stackwright.catalog import Catalog
from stackwright.model.sharding import Layout
from stackwright.stack.parts import Parts
from stackwright.training.accounting import counted_keys, forward_flops, training_flops
from stackwright.training.plan import FULL_RECOMPUTE, NO_RECOMPUTE, SELECTIVE_RECOMPUTE, ZERO_3, Plan
from stackwright.training.recipe import recipe
from stackwright.training.step import TrainingStep, train_step


def plan(*, tensor: float = 1.0, expert: float = 1.0, pipeline: float = 1.0, **others: object) -> Plan:
    """Eight chips, 64 sequences, unless said otherwise."""
    base = Plan(
        layout=Layout(tensor=tensor, expert=expert, pipeline=pipeline),
        context=1.0,
        data=8.0 / (tensor * pipeline),
        virtual=1.0,
        micro_batch=1.0,
        global_batch=64.0,
        sequence=4096.0,
    )
    return replace(base, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "layout", [{"tensor": 2.0}, {"tensor": 8.0}, {"pipeline": 4.0}, {"tensor": 2.0, "pipeline": 2.0}]
)
def test_layouts_share_the_same_operations(layout: dict[str, float]) -> None:
    alone, spread = train_step(machine(), plan()), train_step(machine(), plan(**layout))
    np.testing.assert_allclose(spread.flop_rate * spread.seconds, alone.flop_rate * alone.seconds)


def test_context_ranks_share_the_same_operations() -> None:
    alone, spread = train_step(machine(), plan()), train_step(machine(), plan(context=4.0, data=2.0))
    np.testing.assert_allclose(spread.flop_rate * spread.seconds, alone.flop_rate * alone.seconds)


@pytest.mark.parametrize("layout", [{"expert": 8.0}, {"tensor": 2.0, "expert": 8.0}, {"tensor": 4.0, "expert": 1.0}])
def test_expert_ranks_share_the_same_operations(layout: dict[str, float]) -> None:
    model = machine(decoder(experts=16))
    alone, spread = train_step(model, plan()), train_step(model, plan(**layout))
    np.testing.assert_allclose(spread.flop_rate * spread.seconds, alone.flop_rate * alone.seconds)


def test_operations_are_three_forward_passes_and_attention_at_its_factor() -> None:
    step, model = train_step(machine(), plan()), decoder()
    forward = forward_flops(model.operators, sequence=4096.0, counted=0.5)
    done = step.flop_rate * step.seconds * 8.0 / (64.0 * 4096.0)
    np.testing.assert_allclose(done, 3.0 * forward.products + 3.5 * forward.attention, rtol=1e-3)


def test_model_flops_ignore_recomputation_but_hardware_flops_count_it() -> None:
    plain, full = train_step(machine(), plan()), train_step(machine(), plan(recompute=FULL_RECOMPUTE))
    assert plain.hfu == plain.mfu
    np.testing.assert_allclose(full.model_flops, plain.model_flops)
    np.testing.assert_allclose(full.hfu / full.mfu, 4.0 / 3.0)
    assert full.seconds > plain.seconds


def test_selective_recomputation_costs_one_attention_pass() -> None:
    times = [
        train_step(machine(), plan(recompute=kind)).seconds
        for kind in (NO_RECOMPUTE, SELECTIVE_RECOMPUTE, FULL_RECOMPUTE)
    ]
    assert times[0] < times[1] < times[2]


def test_frozen_weights_save_a_third_of_the_products_and_all_gradients() -> None:
    whole, frozen = train_step(machine(), plan()), train_step(machine(), plan(trained=0.0))
    assert frozen.seconds < 0.75 * whole.seconds
    assert frozen.gradients == 0.0
    assert frozen.optimizer == 0.0


def test_the_parts_add_up_to_the_step() -> None:
    step = train_step(machine(release=replace(LEAN, step_overhead=0.01)), plan(tensor=2.0, pipeline=2.0))
    parts = step.compute + step.communication + step.bubble + step.gradients + step.optimizer + 0.01
    np.testing.assert_allclose(parts, step.seconds)


def test_one_chip_communicates_nothing() -> None:
    step = train_step(machine(), plan(data=1.0))
    assert step.communication == step.gradients == step.bubble == 0.0


def test_fully_sharded_weights_move_in_every_micro_batch() -> None:
    exposed = [train_step(machine(), plan(sharding=kind)).gradients for kind in (plan().sharding, ZERO_3)]
    np.testing.assert_allclose(exposed[1] / exposed[0], 8.0 * 3.0 / 2.0)


def test_groups_across_domains_are_slower() -> None:
    near = train_step(machine(), plan(data=8.0, global_batch=64.0))
    far = train_step(machine(), plan(data=16.0, global_batch=128.0))
    assert far.gradients > near.gradients


def test_expert_exchange_costs_time() -> None:
    model = machine(decoder(experts=16))
    assert train_step(model, plan(expert=8.0)).communication > train_step(model, plan()).communication == 0.0


def test_low_precision_casts_move_more_bytes_but_keep_less_memory() -> None:
    wide, narrow = train_step(machine(), plan()), train_step(machine(formats=recipe("fp8")), plan())
    assert narrow.memory < wide.memory
    assert narrow.compute > wide.compute


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1.0, 2.0, 4.0, 8.0]),
            st.sampled_from([1.0, 2.0, 4.0]),
            st.sampled_from([1.0, 2.0]),
            st.sampled_from([1.0, 16.0]),
            st.sampled_from([0.0, 1.0]),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_arrays_are_many_plans_at_once(designs: list[tuple[float, ...]]) -> None:
    model = machine(decoder(experts=16))

    def build(values: object) -> Plan:
        tensor, pipeline, micro, data, full = values  # type: ignore[misc]
        return plan(
            tensor=tensor,
            pipeline=pipeline,
            micro_batch=micro,
            data=data,
            recompute=replace(NO_RECOMPUTE, layers=full),
        )

    together = train_step(model, build(np.array(designs).T))
    for index, design in enumerate(designs):
        alone = train_step(model, build(design))
        for item in fields(TrainingStep):
            np.testing.assert_allclose(getattr(together, item.name)[index], getattr(alone, item.name), rtol=1e-12)


@given(
    tensor=st.sampled_from([1.0, 2.0, 8.0]),
    pipeline=st.sampled_from([1.0, 2.0, 4.0]),
    data=st.sampled_from([1.0, 4.0, 32.0]),
    sequence=st.sampled_from([512.0, 8192.0]),
)
def test_no_step_beats_the_peak(tensor: float, pipeline: float, data: float, sequence: float) -> None:
    step = train_step(machine(), plan(tensor=tensor, pipeline=pipeline, data=data, sequence=sequence))
    assert 0.0 < step.mfu < 1.0
    assert step.flop_rate <= PEAK


def test_counted_keys_are_causal_or_full() -> None:
    assert counted_keys(sequence=100.0, reach=float("inf"), counted=1.0) == 100.0
    assert counted_keys(sequence=100.0, reach=float("inf"), counted=0.5) == 50.0


def test_a_window_sees_its_width_less_the_start() -> None:
    assert counted_keys(sequence=1000.0, reach=100.0, counted=0.5) == 95.0


def test_frozen_products_cost_two_passes() -> None:
    assert training_flops(products=6.0, attention=1.0, trained=0.0) == 15.0


@pytest.mark.parametrize(
    ("model", "sequence", "counted", "published"),
    [
        ("llama-3-70b", 8192.0, 0.5, 4.474e11),
        ("llama-3-1-405b", 8192.0, 0.5, 2.525e12),
        ("qwen3-30b-a3b", 4096.0, 0.5, 2.31e10),
        ("llama-3-1-8b", 8192.0, 1.0, 5.791e10),
        ("llama-2-70b", 4096.0, 1.0, 4.445e11),
        ("llama-3-1-70b", 131072.0, 0.5, 9.324e11),
    ],
)
def test_flops_per_token_are_those_that_frameworks_report(
    model: str, sequence: float, counted: float, published: float
) -> None:
    operators = Parts(Catalog.load()).architecture(model).operators
    forward = forward_flops(operators, sequence=sequence, counted=counted)
    found = training_flops(products=forward.products, attention=forward.attention, trained=1.0)
    assert found == pytest.approx(published, rel=0.01)
