"""Cache equations: dimensions, arrays, and what must hold for any size."""

from __future__ import annotations

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaged_models import CONFIGS, architecture

from stackwright.model.cache import cached_bytes, ranks_sharing

lengths = st.integers(min_value=0, max_value=1 << 20).map(float)


@given(lengths, lengths)
def test_no_model_forgets_by_reading_on(first: float, more: float) -> None:
    for name in ("DeepSeek-V4-Flash", "gpt-oss-20b", "Qwen3.5-27B", "GLM-5.2"):
        model = architecture(name)
        assert model.cache_bytes(first + more, 1.0) >= model.cache_bytes(first, 1.0) >= model.state_bytes()


@given(lengths, st.integers(min_value=1, max_value=64))
def test_ranks_hold_everything_between_them(tokens: float, ranks: int) -> None:
    for name in ("Meta-Llama-3.1-70B", "DeepSeek-V3", "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"):
        model = architecture(name)
        whole = model.cache_bytes(tokens, 2.0)
        assert whole / ranks <= model.cache_bytes(tokens, 2.0, tensor_parallel=float(ranks)) * (1 + 1e-12)
        assert model.cache_bytes(tokens, 2.0, tensor_parallel=float(ranks)) <= whole


@pytest.mark.parametrize("name", CONFIGS)
def test_arrays_give_what_numbers_give(name: str) -> None:
    model = architecture(name)
    tokens, ranks = np.array([0.0, 1.0, 127.0, 129.0, 8192.0, 1e6]), np.array([[1.0], [4.0], [16.0]])
    together = model.cache_bytes(tokens, 1.0, tensor_parallel=ranks)
    assert together.shape == (3, 6)
    one_by_one = [[model.cache_bytes(t, 1.0, tensor_parallel=r) for t in tokens] for r in ranks[:, 0]]
    np.testing.assert_allclose(together, one_by_one, rtol=1e-12)


@pytest.mark.parametrize("name", CONFIGS)
def test_slope_of_long_sequences_is_the_growing_part(name: str) -> None:
    model = architecture(name)
    far = model.cache_bytes(2.0**22, 2.0) - model.cache_bytes(2.0**21, 2.0)
    assert far == pytest.approx(model.cache_bytes_per_token(2.0) * 2.0**21, rel=1e-9)


def test_dimensions() -> None:
    unit = pint.UnitRegistry()
    for name in ("token", "octet"):
        unit.define(f"{name} = [{name}]")
    size = cached_bytes(
        tokens=np.array([10.0, 20.0]) * unit.token,
        values=3.0,
        window=16.0 * unit.token,
        compress=4.0,
        value_bytes=2.0 * unit.octet,
        token=1.0 * unit.token,
    )
    assert size.check("[octet]")
    assert list(size.magnitude) == [2 * 3 * 2, 4 * 3 * 2]


def test_ranks_beyond_the_heads_hold_copies() -> None:
    assert list(ranks_sharing(tensor_parallel=np.array([1.0, 4.0, 16.0]), heads=8)) == [1.0, 4.0, 8.0]
