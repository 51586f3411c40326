"""Attention: what each kernel must read or multiply at the least, windows, splits and the slow kernel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.chip.attention import (
    decode_time,
    indexer_time,
    latent_decode_time,
    prefill_time,
    tile_keys,
    window_keys,
)
from stackwright.chip.elementwise import recurrence_time, traffic_time

CHIP = {"peak": 1e15, "compute_units": 132.0, "memory_bandwidth": 3e12}
TOKENS = st.floats(1.0, 1e5)


def decode(sequences: float, keys: float, heads: float = 32.0, kv_heads: float = 8.0, **changed: Any) -> Any:
    given_values = {
        "head_dim": 128.0,
        "window": 0.0,
        "cache_value_bytes": 2.0,
        "bandwidth_efficiency": 1.0,
        "value_time": 1e-13,
        "score_dim": 16.0,
        "window_margin": 0.0,
        "block_time": 0.0,
        "head_time": 0.0,
        "block_dim": 200.0,
        "key_time": 5e-11,
        "key_dim": 16.0,
        "group_limit": 32.0,
        "split_limit": 1024.0,
        "fill_blocks": 1.0,
        "overlap": 8.0,
        "level_time": 0.0,
        **CHIP,
        **changed,
    }
    return decode_time(sequences=sequences, keys=keys, heads=heads, kv_heads=kv_heads, **given_values)


def prefill(queries: float, keys: float, window: float = 0.0, **changed: Any) -> Any:
    given_values = {
        "sequences": 4.0,
        "heads": 32.0,
        "kv_heads": 8.0,
        "query_dim": 128.0,
        "value_dim": 128.0,
        "cache_value_bytes": 2.0,
        "efficiency": 1.0,
        "bandwidth_efficiency": 1.0,
        "score_time": 0.0,
        "window_margin": 0.0,
        "block_time": 0.0,
        "tail": 0.0,
        "level_time": 0.0,
        **CHIP,
        **changed,
    }
    return prefill_time(queries=queries, keys=keys, window=window, **given_values)


@given(sequences=st.floats(1.0, 512.0), keys=TOKENS)
def test_decoding_reads_the_cache_at_least_once(sequences: float, keys: float) -> None:
    assert decode(sequences, keys) >= sequences * keys * 8 * 2 * 128 * 2 / 3e12


def test_decoding_many_long_sequences_is_the_reading_of_the_cache() -> None:
    assert decode(256.0, 16384.0) == pytest.approx(256 * 16384 * 8 * 2 * 128 * 2 / 3e12, rel=0.05)


def test_heads_beyond_the_limit_fall_to_the_slow_kernel() -> None:
    fast, slow = decode(64.0, 4096.0, heads=64.0, kv_heads=2.0), decode(64.0, 4096.0, heads=66.0, kv_heads=2.0)
    assert slow > 5.0 * fast


def test_without_splits_one_sequence_uses_one_unit_per_head() -> None:
    whole, alone = decode(1.0, 131072.0), decode(1.0, 131072.0, split_limit=1.0)
    assert alone == pytest.approx(whole * 132 / 8, rel=0.01)


@given(keys=TOKENS, window=st.floats(1.0, 1e4))
def test_a_window_bounds_what_is_read(keys: float, window: float) -> None:
    assert window_keys(keys=keys, window=window, margin=0.0) == min(keys, window)
    assert window_keys(keys=keys, window=0.0, margin=64.0) == keys


@given(queries=st.floats(128.0, 1e5))
def test_causal_tiles_see_half_the_prompt(queries: float) -> None:
    assert tile_keys(queries=queries, keys=queries, window=0.0, margin=0.0) == pytest.approx((queries + 128) / 2)


def test_long_prompts_reach_the_matrix_peak() -> None:
    tokens = 65536.0
    flops = 4.0 * 4 * 32 * 128 * tokens**2 / 2
    assert prefill(tokens, tokens, memory_bandwidth=1e18) == pytest.approx(flops / 1e15, rel=0.01)


def test_a_cached_prefix_saves_queries_but_not_keys() -> None:
    whole, cached = prefill(8192.0, 8192.0), prefill(1024.0, 8192.0)
    assert prefill(1024.0, 1024.0) < cached < whole / 2


def test_windows_make_long_prompts_linear() -> None:
    assert prefill(65536.0, 65536.0, 1024.0) == pytest.approx(2 * prefill(32768.0, 32768.0, 1024.0), rel=0.02)


def latent(sequences: float, keys: float, heads: float, cache_value_bytes: float = 2.0) -> Any:
    return latent_decode_time(
        sequences=sequences,
        keys=keys,
        heads=heads,
        latent=512.0,
        rope=64.0,
        cache_value_bytes=cache_value_bytes,
        efficiency=1.0,
        bandwidth_efficiency=1.0,
        head_tile=64.0,
        block_time=0.0,
        split_limit=1024.0,
        fill_blocks=1.0,
        overlap=8.0,
        level_time=0.0,
        **CHIP,
    )


def test_latent_decoding_reads_576_values_per_token() -> None:
    assert latent(256.0, 65536.0, 1.0) == pytest.approx(256 * 65536 * 576 * 2 / 3e12, rel=0.02)


def test_heads_of_latent_attention_are_padded_to_a_tile() -> None:
    assert latent(256.0, 65536.0, 65.0) == pytest.approx(latent(256.0, 65536.0, 128.0), rel=1e-2)


def test_the_indexer_reads_every_key_once() -> None:
    time = indexer_time(
        queries=1.0,
        keys=1e6,
        sequences=32.0,
        heads=64.0,
        head_dim=128.0,
        key_value_bytes=1.0,
        peak=1e18,
        memory_bandwidth=3e12,
        efficiency=1.0,
        bandwidth_efficiency=1.0,
        overlap=8.0,
    )
    assert time == pytest.approx(32 * 1e6 * 128 / 3e12, rel=0.01)


def test_a_recurrence_does_not_grow_with_the_context() -> None:
    def step(tokens: float, sequences: float) -> Any:
        return recurrence_time(
            tokens=tokens,
            sequences=sequences,
            state=1e6,
            work=1e6,
            state_value_bytes=4.0,
            peak=1e15,
            memory_bandwidth=3e12,
            efficiency=0.5,
            bandwidth_efficiency=1.0,
            overlap=8.0,
        )

    assert step(32.0, 32.0) == pytest.approx(2 * 32 * 1e6 * 4 / 3e12, rel=0.01)
    assert step(64.0 * 32, 32.0) < 1.5 * step(32.0, 32.0)


def test_element_wise_work_is_traffic() -> None:
    assert traffic_time(moved=3e9, memory_bandwidth=3e12, bandwidth_efficiency=0.5) == pytest.approx(2e-3)
