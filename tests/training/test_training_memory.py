"""Memory: what is kept per parameter and per token, and how sharding and recomputation change it."""

from dataclasses import replace

import numpy as np
import pytest
from training_roofline import decoder

from stackwright.model.operators import Gemm
from stackwright.model.sharding import Layout
from stackwright.training.memory import (
    activation_bytes,
    checkpoint_bytes,
    kept_bytes,
    memory_margin,
    split,
    state_bytes,
    used_bytes,
)
from stackwright.training.plan import FULL_RECOMPUTE, REPLICATED, ZERO_1, ZERO_2, ZERO_3, Plan
from stackwright.training.recipe import COMPACT, MIXED, recipe

PLAN = Plan(
    layout=Layout(tensor=1.0, expert=1.0, pipeline=1.0),
    context=1.0,
    data=8.0,
    virtual=1.0,
    micro_batch=1.0,
    global_batch=64.0,
    sequence=4096.0,
)


def test_mixed_precision_adam_keeps_sixteen_bytes_per_parameter() -> None:
    model = decoder()
    held = state_bytes(model, replace(PLAN, sharding=REPLICATED), MIXED)
    np.testing.assert_allclose(held, 16.0 * model.total_parameters)


@pytest.mark.parametrize(
    ("sharding", "per_parameter"), [(ZERO_1, 4.0 + 12.0 / 8.0), (ZERO_2, 2.0 + 14.0 / 8.0), (ZERO_3, 2.0)]
)
def test_sharding_leaves_the_published_bytes(sharding: object, per_parameter: float) -> None:
    model = decoder()
    held = state_bytes(model, replace(PLAN, sharding=sharding), MIXED)
    np.testing.assert_allclose(held, per_parameter * model.total_parameters)


def test_a_share_is_split_and_the_rest_replicated() -> None:
    assert split(size=8.0, ranks=4.0, share=0.5) == 5.0


def test_a_gpt_layer_keeps_32_bytes_per_hidden_value() -> None:
    hidden = 1024
    gemms = (
        Gemm("qkv", hidden, 3 * hidden, 1, "column", "attention"),
        Gemm("out", hidden, hidden, 1, "row", "attention"),
        Gemm("up", hidden, 4 * hidden, 1, "column", "dense"),
        Gemm("down", 4 * hidden, hidden, 1, "row", "dense"),
    )
    kept = sum(kept_bytes(inputs=op.inputs, outputs=op.outputs, input_bytes=2.0, trained=1.0) for op in gemms)
    assert kept == 32 * hidden


def test_frozen_products_keep_no_inputs() -> None:
    assert kept_bytes(inputs=10.0, outputs=3.0, input_bytes=2.0, trained=0.0) == 6.0


def test_full_recomputation_keeps_inputs_and_one_layer() -> None:
    assert activation_bytes(layer=100.0, checkpoint=2.0, layers=10.0, held=3.0, recomputed=1.0) == 160.0


def test_recomputation_and_pipelines_save_memory() -> None:
    model = decoder(layers=32)
    plain = used_bytes(model, PLAN, recipe("bf16"))
    assert used_bytes(model, replace(PLAN, recompute=FULL_RECOMPUTE), recipe("bf16")) < plain
    assert used_bytes(model, replace(PLAN, layout=Layout(tensor=1.0, expert=1.0, pipeline=4.0)), recipe("bf16")) < plain


def test_experts_are_spread_over_their_ranks() -> None:
    model = decoder(experts=16)
    wide = replace(PLAN, sharding=REPLICATED, layout=Layout(tensor=1.0, expert=8.0, pipeline=1.0))
    experts = model.parameters_by_role["experts"]
    held = state_bytes(model, wide, MIXED)
    np.testing.assert_allclose(held, 16.0 * (model.total_parameters - experts + experts / 8.0))


def test_low_precision_keeps_less() -> None:
    assert COMPACT.weight + COMPACT.gradient + COMPACT.optimizer < 16.0
    assert recipe("fp8").parameters.weight == 1.0


def test_the_margin_is_positive_where_memory_lacks() -> None:
    assert memory_margin(used=90.0, capacity=100.0, utilization=0.75) == pytest.approx(0.2)


def test_a_checkpoint_is_written_once_by_all_chips() -> None:
    assert checkpoint_bytes(parameters=405e9, kept=14.0, chips=16_384.0) == pytest.approx(346e6, rel=0.01)
