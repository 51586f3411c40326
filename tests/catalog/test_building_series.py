"""The script that makes the packaged series: clocks that were wrong are set right, and nothing else is moved."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    sys.path.insert(0, str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("build_series", SCRIPTS / "build_series.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPTS))


@pytest.mark.parametrize("zone", ["America/New_York", "America/Los_Angeles"])
def test_a_second_conversion_to_utc_is_undone(script: ModuleType, zone: str) -> None:
    """Hours of 2022, labeled by their number, converted twice as the origin did, come back by their number."""
    first = datetime(2022, 1, 1)
    true = [first + timedelta(hours=hour) for hour in range(8760)]
    twice = {
        when.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).strftime(script.STAMP): str(n)
        for n, when in enumerate(true)
    }
    stamps = [when.strftime(script.STAMP) for when in true]
    found = np.array(
        [int(text) for text in script.converted_once(stamps, [twice.get(stamp, "-1") for stamp in stamps], zone)]
    )
    wrong = np.flatnonzero(found != np.arange(8760))
    spring = true.index(datetime(2022, 3, 13, 2))
    assert set(wrong) <= {spring, *range(8752, 8760)}
    assert found[spring] in (spring, spring + 1)


def test_hours_stamped_at_their_end_are_moved_from_the_given_day_on(script: ModuleType) -> None:
    lines, stamps = np.arange(6.0)[:, None], [f"2022-01-01T0{hour}:00Z" for hour in range(6)]
    assert script.by_start_of_hour(lines, stamps, "").ravel().tolist() == [1, 2, 3, 4, 5, 0]
    assert script.by_start_of_hour(lines, stamps, "2023").ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert script.by_start_of_hour(lines, stamps, "2022-01-01T03").ravel().tolist() == [0, 1, 2, 4, 5, 0]


def test_standard_time_is_that_of_winter(script: ModuleType) -> None:
    zones = {"America/New_York": -5.0, "America/Phoenix": -7.0, "Europe/London": 0.0, "Asia/Tokyo": 9.0}
    assert {zone: script.standard_offset(zone) for zone in zones} == zones


def test_a_leap_day_is_left_out_and_the_last_day_repeated(script: ModuleType) -> None:
    kept = script.without_leap_day(np.arange(8760.0))
    assert kept.shape == (8760,)
    assert kept[59 * 24] == 60 * 24
    assert np.array_equal(kept[-24:], kept[-48:-24])


def test_panels_follow_the_sun_and_stop_at_the_inverter(script: ModuleType) -> None:
    from weather_plants import solar_output, sun, wind_output

    _, height = sun(latitude=35.0, longitude=-102.0, utc_offset=-6.0)
    clear = {
        "horizontal": 1000.0 * np.maximum(height, 0.0),
        "direct": 1000.0 * (height > 0.0),
        "diffuse": 80.0 * (height > 0.0),
    }
    output = solar_output(**clear, temperature=np.full(8760, 293.15), latitude=35.0, longitude=-102.0, utc_offset=-6.0)
    assert output.max() == 1.0
    assert output[height <= 0.0].max() == 0.0
    day = output.reshape(365, 24).mean(axis=0)
    assert (day * (np.arange(24) + 0.5)).sum() / day.sum() == pytest.approx(12.8, abs=0.1)
    speeds = np.array([2.0, 9.75, 12.0, 24.9, 26.0])
    calm = wind_output(speed=speeds, temperature=288.15 + 0.0 * speeds, pressure=101_325.0)
    assert calm == pytest.approx([0.0, 0.85, 0.85, 0.85, 0.0], abs=2e-3)
