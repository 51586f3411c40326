"""Schedules: micro-batches, bubbles, what is in flight and what stays exposed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stackwright.training.schedule import bubble_ratio, exposed_time, in_flight, micro_batches, step_time

DEGREE = st.sampled_from([1.0, 2.0, 4.0, 8.0, 16.0])


def test_micro_batches_share_the_global_batch() -> None:
    assert micro_batches(global_batch=1536.0, data=6.0, micro_batch=1.0) == 256.0


def test_a_rank_runs_at_least_one_micro_batch() -> None:
    assert micro_batches(global_batch=4.0, data=8.0, micro_batch=1.0) == 1.0


def test_bubble_of_one_stage_is_none() -> None:
    assert bubble_ratio(pipeline=1.0, micro_batches=4.0, virtual=1.0) == 0.0


def test_interleaving_divides_the_bubble() -> None:
    plain = bubble_ratio(pipeline=8.0, micro_batches=64.0, virtual=1.0)
    assert plain == 7.0 / 64.0
    assert bubble_ratio(pipeline=8.0, micro_batches=64.0, virtual=4.0) == plain / 4.0


def test_first_rank_holds_a_micro_batch_per_stage() -> None:
    assert in_flight(pipeline=8.0, micro_batches=64.0, virtual=1.0) == 8.0


def test_interleaving_holds_a_little_more() -> None:
    assert in_flight(pipeline=8.0, micro_batches=64.0, virtual=3.0) == 8.0 * (1.0 + 7.0 / (8.0 * 3.0))


def test_no_more_is_in_flight_than_there_is() -> None:
    assert in_flight(pipeline=8.0, micro_batches=2.0, virtual=1.0) == 2.0


def test_short_communication_exposes_its_share() -> None:
    assert exposed_time(communication=1.0, exposed_share=0.2, window=10.0) == 0.2


def test_long_communication_exposes_what_exceeds_the_window() -> None:
    assert exposed_time(communication=10.0, exposed_share=0.2, window=3.0) == 7.0


@given(communication=st.floats(0.0, 1e3), share=st.floats(0.0, 1.0), window=st.floats(0.0, 1e3))
def test_exposure_is_never_more_than_the_communication(communication: float, share: float, window: float) -> None:
    exposed = exposed_time(communication=communication, exposed_share=share, window=window)
    assert 0.0 <= exposed <= communication


@given(pipeline=DEGREE, virtual=DEGREE, count=DEGREE)
def test_a_step_takes_its_parts(pipeline: float, virtual: float, count: float) -> None:
    bubble = bubble_ratio(pipeline=pipeline, micro_batches=count, virtual=virtual)
    seconds = step_time(
        micro_batch=2.0, micro_batches=count, bubble=bubble, data_exposed=3.0, optimizer=1.0, overhead=0.5
    )
    np.testing.assert_allclose(seconds, 2.0 * count + 2.0 * (pipeline - 1.0) / virtual + 4.5)
