"""Published and measured collectives, predicted from their columns: callers, algorithms, fabrics that are not named."""

from __future__ import annotations

import pytest

from stackwright.catalog import Catalog
from stackwright.evidence.collectives import predict_collectives, predict_published
from stackwright.evidence.predictions import Predictions

ROW = {
    "hardware": "H100-SXM",
    "n_accel": "8",
    "n_nodes": "1",
    "fabric": "NVLink4 NVSwitch",
    "library": "nccl-tests",
    "collective": "all_reduce",
    "algo": "",
    "dtype": "bf16",
    "msg_bytes": "8589934592",
    "metric": "busbw",
    "unit": "GB/s",
}
TIMED = {"metric": "time", "unit": "us"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def predicted(catalog: Catalog, *changes: dict[str, str]) -> Predictions:
    rows = [{**ROW, **change} for change in changes]
    found = predict_published({name: [row[name] for row in rows] for name in ROW}, catalog)
    assert found.reason == [None] * len(rows)
    return found


def test_a_row_that_names_its_algorithm_has_no_other(catalog: Catalog) -> None:
    """8 GiB on eight H200: 366 GB/s as a ring, 473 with sums in the switches, which add no bytes of integers."""
    ring, switched, best, integers = predicted(catalog, {"algo": "Ring"}, {"algo": "NVLS"}, {}, {"dtype": "int8"}).value
    assert (ring, switched) == pytest.approx((366, 473), rel=0.05)
    assert best == switched
    assert integers == ring


def test_small_messages_show_their_caller(catalog: Catalog) -> None:
    small = {**TIMED, "msg_bytes": "65536"}
    graphed, waiting, launched = predicted(
        catalog, small, {**small, "library": "all_reduce_bench.py"}, {**small, "library": "NCCL via torch.distributed"}
    ).value
    assert waiting - graphed == pytest.approx(20, rel=0.3)
    assert launched > 1.5 * graphed
    large = {**TIMED, "msg_bytes": "268435456"}
    assert predicted(catalog, {**large, "library": "NCCL via torch.distributed"}).value == pytest.approx(
        predicted(catalog, large).value
    )


def test_an_unnamed_fabric_is_a_wide_mixture(catalog: Catalog) -> None:
    across = {**TIMED, "n_accel": "16", "n_nodes": "2"}
    named = predicted(catalog, {**across, "fabric": "NVLink4 + EFA 32x100G"})
    unnamed = predicted(catalog, {**across, "hardware": "A100-SXM-80GB", "fabric": "NVLink3 NVSwitch"})
    assert not named.imputed.any()
    assert unnamed.imputed.all()
    assert unnamed.high / unnamed.low > 8
    assert named.high / named.low < 3


def test_fewer_chips_of_a_node_share_its_ports(catalog: Catalog) -> None:
    """Two chips use one port of their nodes each; eight use all, one to eight: less than eight times as much."""
    across = {**TIMED, "hardware": "A100-SXM-80GB", "fabric": "NVLink3 NVSwitch", "n_nodes": "2"}
    two, sixteen = predicted(catalog, {**across, "n_accel": "2"}, {**across, "n_accel": "16"}).value
    assert sixteen < two < 4 * sixteen


def test_an_engines_interval_spans_both_of_its_modes(catalog: Catalog) -> None:
    """vLLM on eight H100, 16 KiB: 5 us in a graph and 23 us outside; no column says which."""
    columns = {"gpu": ["h100"], "lib": ["custom"], "op": ["all_reduce"], "dtype": ["bfloat16"]}
    found = predict_collectives({**columns, "num_gpus": ["8"], "bytes": ["16384"]}, catalog)
    assert found.value[0] == pytest.approx(5e-3, rel=0.3)
    assert found.low[0] < 5e-3 < 23e-3 < found.high[0]
    gathered = {**columns, "lib": ["nccl"], "op": ["all_gather"], "dtype": ["half"]}
    narrow = predict_collectives({**gathered, "num_gpus": ["8"], "bytes": ["16384"]}, catalog)
    assert narrow.high[0] / narrow.low[0] < 1.8
