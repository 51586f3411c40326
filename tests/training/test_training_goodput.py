"""Goodput: checkpoint intervals, failures and the time of a whole run."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.training.goodput import (
    Reliability,
    checkpoint_interval,
    checkpoint_time,
    goodput_ratio,
    job_mtbf,
    run_time,
)

HOUR = 3600.0


def test_more_chips_fail_more_often() -> None:
    assert job_mtbf(chip_mtbf=50_000.0 * HOUR, chips=10_000.0) == 5.0 * HOUR


def test_checkpoint_time_is_state_over_rate() -> None:
    assert checkpoint_time(state=4e9, bandwidth=1e8) == 40.0


def test_short_checkpoints_follow_young() -> None:
    interval = checkpoint_interval(checkpoint=1.0, mtbf=1e8)
    np.testing.assert_allclose(interval, np.sqrt(2.0 * 1e8), rtol=1e-3)


def test_a_checkpoint_longer_than_twice_the_mtbf_is_written_once_per_failure() -> None:
    assert checkpoint_interval(checkpoint=300.0, mtbf=100.0) == 100.0


@given(checkpoint=st.floats(1.0, 600.0), hours=st.floats(1.0, 1000.0))
def test_the_interval_is_near_the_best_one(checkpoint: float, hours: float) -> None:
    mtbf = hours * HOUR
    interval = checkpoint_interval(checkpoint=checkpoint, mtbf=mtbf)
    scan = np.geomspace(0.01, 100.0, 4001) * interval
    found = goodput_ratio(interval=scan, checkpoint=checkpoint, restart=300.0, mtbf=mtbf)
    here = goodput_ratio(interval=interval, checkpoint=checkpoint, restart=300.0, mtbf=mtbf)
    assert here >= found.max() - 1e-3


@given(
    interval=st.floats(1.0, 1e6), checkpoint=st.floats(0.0, 1e4), restart=st.floats(0.0, 1e4), mtbf=st.floats(10.0, 1e8)
)
def test_goodput_is_a_share(interval: float, checkpoint: float, restart: float, mtbf: float) -> None:
    share = goodput_ratio(interval=interval, checkpoint=checkpoint, restart=restart, mtbf=mtbf)
    assert 0.0 < share <= 1.0


def test_the_reported_run_reaches_its_reported_goodput() -> None:
    record = Catalog.load().get("training", "llama-3-405b-run")
    reliability = record.spec(Reliability)
    state = 405e9 * 14.0 / 16_384.0
    assert 0.9 < reliability.goodput(chips=16_384.0, state=state) < 0.97


def test_goodput_falls_with_chips() -> None:
    reliability = Reliability(chip_mtbf=50_000.0 * HOUR, restart=600.0, checkpoint_bandwidth=1e8)
    shares = reliability.goodput(chips=np.array([1e3, 1e4, 1e5]), state=1e9)
    assert np.all(np.diff(shares) < 0.0)


def test_run_time_stretches_with_lost_time() -> None:
    assert run_time(tokens=1e12, rate=1e6, goodput=0.5) == 2e6
