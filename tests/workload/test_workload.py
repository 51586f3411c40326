"""Traces, mixes and shapes of load."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.stack.parts import Parts
from stackwright.stack.scenario import trace_path
from stackwright.workload.mix import dispersion, fixed_lengths, mix
from stackwright.workload.shape import hourly_load
from stackwright.workload.trace import BLOCK_TOKENS, Requests, read_trace

HEADER = "arrival_s,input_tokens,output_tokens,prefix_block_ids\n"


def written(folder: Path, rows: str, header: str = HEADER) -> Path:
    path = folder / "trace.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write(header + rows)
    return path


@pytest.mark.parametrize(
    ("name", "requests", "mean_input", "mean_output"),
    [("azure-2023-conversation", 19366, 1154.7, 211.1), ("mooncake-2025-conversation", 12031, 12035.1, 342.6)],
)
def test_packaged_traces_are_whole(name: str, requests: int, mean_input: float, mean_output: float) -> None:
    rows = read_trace(trace_path(name, Parts(Catalog.load())))
    assert len(rows.arrival) == requests
    assert rows.input_tokens.mean() == pytest.approx(mean_input, rel=1e-4)
    assert rows.output_tokens.mean() == pytest.approx(mean_output, rel=1e-3)


def test_every_faulty_row_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "0,100,10,\n1,x,10,\n2,nan,10,\n3,100,-5,\n4,0,5,\n")
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert [fault.line for fault in caught.value.faults] == [3, 4, 5, 6]


def test_a_missing_column_or_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="input_tokens"):
        read_trace(written(tmp_path, "0,1\n", "arrival_s,output_tokens\n"))
    with pytest.raises(InputError, match="no such file"):
        read_trace(tmp_path / "absent.csv.gz")


def test_prefix_hits_count_leading_blocks_only(tmp_path: Path) -> None:
    rows = read_trace(written(tmp_path, "0,2000,5,a b c\n1,2000,5,a b d\n2,2000,5,x b c\n3,600,5,a b\n"))
    assert rows.hits.tolist() == [0.0, 2 * BLOCK_TOKENS, 0.0, 599.0]


def test_a_mix_keeps_the_moments_of_its_traces() -> None:
    rng = np.random.default_rng(2)
    first = Requests(
        np.sort(rng.uniform(0, 1e3, 4000)), rng.lognormal(7, 1, 4000), rng.lognormal(5, 1, 4000), np.zeros(4000)
    )
    second = Requests(
        np.sort(rng.uniform(0, 1e3, 500)), rng.lognormal(9, 0.5, 500), rng.lognormal(6, 1, 500), np.zeros(500)
    )
    made = mix([first, second], [0.25, 0.75])
    mean = 0.25 * first.input_tokens.mean() + 0.75 * second.input_tokens.mean()
    assert made.input_mean == pytest.approx(mean)
    assert (made.nodes * made.weights).sum() == pytest.approx(mean)
    assert made.weights.sum() == pytest.approx(1.0)
    assert made.nodes[-2] < made.nodes[-1]
    assert made.context_mean > made.input_mean


def test_fixed_lengths_are_one_class() -> None:
    made = fixed_lengths(1000.0, 200.0)
    assert (made.nodes * made.weights).sum() == 1000.0
    assert made.context_mean == 1100.0


def test_dispersion_is_one_for_poisson_and_more_for_bursts() -> None:
    rng = np.random.default_rng(4)
    poisson = np.cumsum(rng.exponential(0.1, 50_000))
    assert dispersion(poisson) == pytest.approx(1.0, abs=0.15)
    bursts = np.repeat(np.cumsum(rng.exponential(2.0, 2500)), 20)
    assert dispersion(bursts) > 5.0


def test_hourly_load_has_mean_one_and_peaks_where_it_says() -> None:
    hours = np.arange(8760.0)
    load = hourly_load(
        hour=hours, daily_swing=0.4, peak_hour=15.0, weekend_drop=0.2, yearly_swing=0.0, first_weekend_day=5.0
    )
    assert load.mean() == pytest.approx(1.0)
    assert (load.argmax() % 24) == 15
    assert load[:120].mean() > load[120:168].mean()
