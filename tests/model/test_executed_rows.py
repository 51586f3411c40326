"""Rows that a grouped product of experts works through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.family import KernelFamily, Kernels
from stackwright.model.operators import Experts
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.model.work import Pass, executed_rows, experts_work


@given(routed=st.floats(1.0, 1e6), touched=st.floats(1.0, 512.0))
def test_tiles_are_whole_and_hold_all_rows(routed: float, touched: float) -> None:
    rows = executed_rows(routed=routed, touched=touched, tile=64.0)
    assert rows >= max(routed, 64.0 * touched)
    assert rows <= routed + 64.0 * touched


def test_only_block_scaled_experts_count_the_rows_that_fill_tiles() -> None:
    catalog = Catalog.load()
    chip = catalog.get("chip", "nvidia-h100-sxm")
    kernels = Kernels(
        accelerator=chip.spec(Accelerator), family=catalog.get("chip", chip.links["kernels"]).spec(KernelFamily)
    )
    experts = Experts(experts=128, active=8, hidden=4096, inner=1536, matrices=3, count=1)
    layout = Layout(tensor=1.0, expert=1.0, pipeline=1.0)
    run = Pass(np.array([8.0, 1e5]), np.array([8.0, 1e5]), 1.0, 100.0, decode=True)
    plain, blocks = (
        experts_work(experts, kernels, layout, run, Precision("fp8", "bf16", block_scaled=scaled)).flops
        for scaled in (False, True)
    )
    assert blocks[0] > 30.0 * plain[0]
    assert blocks[1] == pytest.approx(plain[1], rel=0.02)
