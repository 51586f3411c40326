"""Announcements from text, and engine ranges that are stated in place of searched."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.core import yamltext
from stackwright.evidence.announcements.expected import Expected
from stackwright.evidence.announcements.intervals import Interval
from stackwright.evidence.announcements.reading import Announcement, announcement_of
from stackwright.stack.study.context import Reading

HEAD = "announcement: one\ntitle: A campus\n"


@pytest.fixture
def told(catalog: Catalog) -> Callable[[str], Announcement]:
    """An announcement of some lines of a file."""

    def read(lines: str) -> Announcement:
        text = yamltext.parse(HEAD + lines, "one.yaml")
        return announcement_of(text.data, Reading(text, catalog, Path()))

    return read


@pytest.fixture
def engine() -> Expected:
    """Ranges as an engine might have them."""
    ranges = {
        "watts_per_chip": Interval(2000.0, 1800.0, 2200.0),
        "rack_watts_per_chip": Interval(1800.0, 1700.0, 1900.0),
        "peak_pue": Interval(1.1, 1.05, 1.2),
        "campus": Interval(35.0, 30.0, 45.0),
        "shell": Interval(10.0, 8.0, 14.0),
        "chips": Interval(25.0, 22.0, 31.0),
        "tokens_per_second": Interval(0.3, 0.25, 0.4),
        "tokens_per_year": Interval(5e6, 4e6, 7e6),
        "dollars_per_million_tokens": Interval(2.0, 1.5, 2.6),
        "capital_in_tokens": Interval(0.04, 0.03, 0.05),
        "running_in_tokens": Interval(0.6, 0.5, 0.7),
        "dollars_per_megawatt_hour": Interval(70.0, 50.0, 100.0),
        "months_to_first_power": Interval(24.0, 12.0, 50.0),
        "months_to_full_power": Interval(40.0, 20.0, 120.0),
        "pace_needed": Interval(50.0, 10.0, 150.0),
    }
    return Expected(ranges, "stated", (), ())
