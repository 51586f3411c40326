"""Published plants: every prediction inside its band, or outside for a reason that is stated."""

from __future__ import annotations

import pytest
from published_plants import PAGE, Row, page, rows

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plant}: {row.figure}")
def test_a_prediction_meets_its_band_or_says_why_not(row: Row) -> None:
    assert row.met == (not row.misses), f"{row.predicted:.4g} of {row.low:.4g} to {row.high:.4g}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plant}: {row.figure}")
def test_a_figure_names_its_source_and_its_weather(row: Row) -> None:
    assert all(source.startswith("https://") for source in row.sources)
    assert row.weather and row.facts and row.published


def test_the_page_is_that_of_the_rows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tests/cooling/published_plants.py writes it"
