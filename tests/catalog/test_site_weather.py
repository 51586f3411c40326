"""A site of a reader's own, with weather of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.core.errors import InputError

SITE = """
type: Site
name: Testville
edition: 2026-11-22
links: {grid: pjm-dominion}
text: {weather: testville.csv, utc_offset: -5, carbon_region: pjm, marginal_region: MIDA}
values:
  building_cost: {value: 12 USD/W, source: assumption, kind: assumption, note: a test}
  water_price: {value: 1 USD/m3, source: assumption, kind: assumption, note: a test}
  grid_outages: {value: 0.1 1/year, source: assumption, kind: assumption, note: a test}
  grid_outage_time: {value: 90 min, source: assumption, kind: assumption, note: a test}
"""
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def overlay(folder: Path, *, without: int | None = None, bad: int | None = None) -> Catalog:
    place = folder / "datacenter"
    place.mkdir(parents=True)
    (place / "testville.yaml").write_text(SITE, encoding="utf-8")
    hours = [(m + 1, d + 1, h) for m, days in enumerate(DAYS) for d in range(days) for h in range(24)]
    lines = ["month,day,hour_of_day,dry_bulb_c,rel_humidity_pct"]
    for index, (month, day, hour) in enumerate(hours):
        if index != without:
            lines.append(f"{month},{day},{hour},{'nan' if index == bad else 12.5},60")
    (place / "testville.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Catalog.load([folder])


def test_weather_beside_a_record_is_read(tmp_path: Path) -> None:
    series = load_site_series(overlay(tmp_path).get("datacenter", "Testville"))
    assert series.dry_bulb.shape == (8760,)
    assert series.dry_bulb == pytest.approx(285.65)
    assert (series.wet_bulb < series.dry_bulb).all()


def test_a_file_in_another_offset_is_turned_to_the_sites(tmp_path: Path) -> None:
    catalog = overlay(tmp_path)
    place = tmp_path / "datacenter" / "testville.csv"
    lines = [
        "latitude,longitude,elevation,utc_offset_seconds",
        "39,-77,0,0",
        "time,temperature_2m (°C),relative_humidity_2m (%)",
    ]
    start = datetime(2022, 1, 1)
    hours = [start + timedelta(hours=hour) for hour in range(8760)]
    lines += [f"{hour.isoformat()},{20 if hour.hour == 17 else 10},50" for hour in hours]
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    series = load_site_series(catalog.get("datacenter", "Testville"))
    assert series.dry_bulb[12] == pytest.approx(293.15)  # 17 h UTC is noon at five hours west
    assert series.notes[0].startswith("Weather of another year or of a typical one")


@pytest.mark.parametrize(
    ("fault", "named"),
    [({"without": 4000}, "no line for month 6 day 16 hour 16"), ({"bad": 4000}, "testville.csv:4002")],
)
def test_a_missing_or_broken_hour_is_named(tmp_path: Path, fault: dict[str, int], named: str) -> None:
    with pytest.raises(InputError) as caught:
        load_site_series(overlay(tmp_path, **fault).get("datacenter", "Testville"))
    assert "testville.csv" in str(caught.value)
    assert named in str(caught.value)


def test_an_absent_file_is_a_fault(tmp_path: Path) -> None:
    catalog = overlay(tmp_path)
    (tmp_path / "datacenter" / "testville.csv").unlink()
    with pytest.raises(InputError):
        load_site_series(catalog.get("datacenter", "Testville"))
