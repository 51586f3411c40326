"""Bytes that a chip sends over links for each token."""

from __future__ import annotations

import pytest

from stackwright.catalog import Catalog
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.stack.exchange import reduced_bytes, sent_bytes_per_token
from stackwright.stack.parts import Parts


def test_a_sum_over_ranks_sends_the_buffer_nearly_twice() -> None:
    assert reduced_bytes(size=8.0, ranks=1.0) == 0.0
    assert reduced_bytes(size=8.0, ranks=2.0) == pytest.approx(8.0)
    assert reduced_bytes(size=8.0, ranks=8.0) == pytest.approx(14.0)


def test_a_dense_layer_sums_twice_a_token() -> None:
    model = Parts(Catalog.load()).architecture("llama-3.1-70b")
    layout = Layout(tensor=8.0, expert=1.0, pipeline=1.0)
    sent = sent_bytes_per_token(model, Precision("bf16", "bf16"), layout)
    assert sent == pytest.approx(80 * 2 * reduced_bytes(size=2.0 * 8192, ranks=8.0))


def test_experts_of_data_parallel_ranks_send_tokens_there_and_back() -> None:
    model = Parts(Catalog.load()).architecture("qwen3-30b-a3b")
    layout = Layout(tensor=1.0, expert=8.0, pipeline=1.0)
    narrow, wide = (sent_bytes_per_token(model, Precision(form, "bf16"), layout) for form in ("fp8", "bf16"))
    assert wide == pytest.approx(48 * 8 * 7 / 8 * 2048 * 4.0)
    assert narrow == pytest.approx(0.75 * wide)


def test_a_lone_chip_sends_nothing() -> None:
    model = Parts(Catalog.load()).architecture("qwen3-30b-a3b")
    layout = Layout(tensor=1.0, expert=1.0, pipeline=1.0)
    assert sent_bytes_per_token(model, Precision("bf16", "bf16"), layout) == 0.0
