"""Matrix products: limits, monotonicity, tiles and waves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.chip.gemm import grouped_product_time, product_time, quantize_time

SIZES = st.floats(1.0, 20000.0)
IDEAL = {
    "weight_bytes": 2.0,
    "activation_bytes": 2.0,
    "peak": 1e15,
    "compute_units": 132.0,
    "memory_bandwidth": 3e12,
    "efficiency": 1.0,
    "bandwidth_efficiency": 1.0,
    "step_time": 0.0,
    "prologue": 0.0,
    "staging": 1e6,
    "overlap": 8.0,
}


def product(rows: Any, inputs: Any, outputs: Any, **changed: Any) -> Any:
    return product_time(rows=rows, inputs=inputs, outputs=outputs, **{"split_time": 0.0, **IDEAL, **changed})


@given(rows=SIZES, inputs=SIZES, outputs=SIZES)
def test_no_product_beats_the_peaks(rows: float, inputs: float, outputs: float) -> None:
    time = product(rows, inputs, outputs)
    assert time >= 2.0 * rows * inputs * outputs / 1e15
    assert time >= 2.0 * inputs * outputs / 3e12


@given(rows=SIZES, inputs=SIZES, outputs=SIZES, more=st.floats(1.0, 4.0))
def test_more_rows_or_outputs_never_take_less_time(rows: float, inputs: float, outputs: float, more: float) -> None:
    base = product(rows, inputs, outputs)
    assert product(rows * more, inputs, outputs) >= base * (1 - 1e-9)
    assert product(rows, inputs, outputs * more) >= base * (1 - 1e-9)


def test_whole_waves_of_large_tiles_reach_the_peak() -> None:
    rows, inputs, outputs = 256.0 * 132, 8192.0, 256.0 * 8
    assert product(rows, inputs, outputs, memory_bandwidth=1e18) == pytest.approx(
        2.0 * rows * inputs * outputs / 1e15, rel=1e-6
    )


def test_one_tile_over_a_wave_costs_up_to_another_wave() -> None:
    slow_steps = {"memory_bandwidth": 1e18, "step_time": 1e-5, "split_time": 1.0}
    full = product(256.0 * 132, 8192.0, 256.0, **slow_steps)
    over = product(256.0 * 132 + 1, 8192.0, 256.0, **slow_steps)
    assert over / full == pytest.approx(2.0, rel=0.1)


def test_a_few_rows_cost_the_reading_of_the_weights() -> None:
    assert product(1.0, 8192.0, 8192.0) == pytest.approx(2.0 * 8192**2 / 3e12, rel=0.1)


def test_split_inputs_help_products_that_are_too_small_for_the_chip() -> None:
    small = (16.0, 65536.0, 128.0)
    assert product(*small) < 0.5 * product(*small, split_time=1.0)


def test_equal_groups_are_one_product_of_all_their_tiles() -> None:
    common = {**IDEAL, "memory_bandwidth": 1e18}
    one = product_time(rows=256.0 * 132, inputs=4096.0, outputs=2048.0, split_time=1.0, **common)
    many = grouped_product_time(
        rows=np.full(4, 256.0), groups=132.0, active_groups=132.0, inputs=4096.0, outputs=2048.0, **common
    )
    assert many == pytest.approx(one, rel=1e-9)


def test_idle_groups_cost_neither_weights_nor_tiles() -> None:
    given_rows = {"groups": 64.0, "inputs": 4096.0, "outputs": 2048.0, **IDEAL}
    busy = grouped_product_time(rows=np.full(4, 8.0), active_groups=64.0, **given_rows)
    idle = grouped_product_time(rows=np.full(4, 0.0), active_groups=0.0, **given_rows)
    assert idle < 1e-12 < busy


def test_quantization_is_memory_traffic() -> None:
    assert quantize_time(rows=1000.0, inputs=4096.0, bytes_per_value=3.0, memory_bandwidth=3e12) == pytest.approx(
        1000 * 4096 * 3 / 3e12
    )
