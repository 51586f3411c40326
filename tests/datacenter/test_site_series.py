"""Every site's hourly series, with the restricted data and without."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog, series
from stackwright.core import yamltext
from stackwright.core.errors import InputError
from stackwright.core.records import Record, decode
from stackwright.core.units import ZERO_CELSIUS
from stackwright.datacenter import TYPES

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "src" / "stackwright" / "catalog" / "records" / "datacenter"


def sites() -> list[str]:
    texts = {path.stem: yamltext.read(path).data for path in RECORDS.glob("*.yaml")}
    return sorted(id for id, data in texts.items() if data["type"] == "Site")


def record(id: str) -> Record:
    return decode(yamltext.read(RECORDS / f"{id}.yaml"), id=id, layer="datacenter", types=TYPES)


@pytest.fixture
def nothing_restricted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(series.RESTRICTED_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    """A folder laid out as the restricted data, with made-up values of plausible size."""
    hours = [datetime(2022, 1, 1) + timedelta(hours=hour) for hour in range(2 * 8760)]
    columns = {
        series.PRICES: ("pjm_dom_rt", "ercot_hubavg_da", "caiso_da", "nyiso_da", "sg_usep", "de_lu_da"),
        series.ELECTRICITY_MAPS: ("sg", "gb", "de_lu"),
    }
    for path, titles in columns.items():
        lines = [",".join(("time_utc", *titles))]
        for index, hour in enumerate(hours):
            value = f"{200 + 150 * (index % 24 == 18)}"
            lines.append(",".join((hour.strftime("%Y-%m-%dT%H:%MZ"), *[value] * len(titles))))
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_bytes(gzip.compress("\n".join(lines).encode()))
    return tmp_path


def check(found: series.SiteSeries) -> None:
    for field in ("dry_bulb", "wet_bulb", "dew_point", "pressure", "price_shape", "average_carbon", "marginal_carbon"):
        values = getattr(found, field)
        assert values.shape == (8760,), field
        assert np.all(np.isfinite(values)), field
    assert found.price_shape.mean() == pytest.approx(1.0)
    assert np.all(found.wet_bulb <= found.dry_bulb + 0.01)
    assert np.all((found.grid_clean_share >= 0.0) & (found.grid_clean_share <= 1.0))
    assert all(shape.mean() == pytest.approx(1.0, abs=1e-4) for shape in found.shapes.values())
    assert 20 < found.average_carbon.mean() * 3.6e9 < 700
    assert found.notes


def test_there_are_enough_sites() -> None:
    assert len(sites()) >= 12


@pytest.mark.parametrize("id", sites())
def test_a_site_loads_with_open_data_alone(id: str, nothing_restricted: Path) -> None:
    found = series.load_site_series(record(id))
    check(found)
    text = " ".join(found.notes)
    assert "stands in" in text or "yearly mean" in text


@pytest.mark.parametrize("id", sites())
def test_a_site_loads_with_restricted_data(id: str, restricted: Path) -> None:
    check(series.load_site_series(record(id), restricted))


def test_the_notes_say_which_price_was_used(restricted: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with_prices = series.load_site_series(record("dallas-tx"), restricted)
    without = series.load_site_series(record("dallas-tx"), tmp_path_factory.mktemp("empty"))
    assert any(note == "Price shape: ercot_hubavg_da of 2022." for note in with_prices.notes)
    assert any("not here" in note and "assumption" in note for note in without.notes)


def test_prices_and_carbon_come_at_local_hours(restricted: Path) -> None:
    dallas = series.load_site_series(record("dallas-tx"), restricted)
    assert dallas.price_shape.reshape(365, 24).mean(axis=0).argmax() == 18 - 6
    singapore = series.load_site_series(record("singapore"), restricted)
    assert singapore.average_carbon.reshape(365, 24).mean(axis=0).argmax() == (18 + 8) % 24


def test_solar_peaks_at_local_noon(nothing_restricted: Path) -> None:
    for id in ("phoenix-az", "ashburn-va", "sanjose-ca"):
        by_hour = series.load_site_series(record(id)).shapes["solar"].reshape(365, 24).mean(axis=0)
        assert 10 <= by_hour.argmax() <= 14, id


def test_phoenix_is_hot_in_july_and_warmest_in_the_afternoon(nothing_restricted: Path) -> None:
    by_hour = series.load_site_series(record("phoenix-az")).dry_bulb.reshape(365, 24)
    assert by_hour[181:212].mean() - ZERO_CELSIUS > 30.0
    assert 13 <= by_hour.mean(axis=0).argmax() <= 17


ALIGNED = ("abilene-tx", "ashburn-va", "dallas-tx", "newyork-ny", "sanjose-ca")
SUMMER = slice(151, 243)


def heat_and_price(found: series.SiteSeries) -> float:
    """Correlation over June to August of the day's highest temperature and the log of its highest price."""
    heat = found.dry_bulb.reshape(365, 24).max(axis=1)[SUMMER]
    price = found.price_shape.reshape(365, 24).max(axis=1)[SUMMER]
    return float(np.corrcoef(heat, np.log(price))[0, 1])


@pytest.mark.parametrize("id", ALIGNED)
def test_heat_and_high_prices_meet_in_an_aligned_year_only(id: str) -> None:
    mixed, aligned = series.load_site_series(record(id)), series.load_site_series(record(id), year="aligned")
    assert not mixed.aligned
    assert "N-1" in mixed.reliability_note
    assert aligned.aligned
    assert not aligned.reliability_note
    assert heat_and_price(aligned) > 0.38
    assert heat_and_price(mixed) < 0.25
    assert any("2022" in note and "TMYx" not in note for note in aligned.notes)


def test_the_prices_and_the_generation_of_an_aligned_year_are_those_of_the_mix() -> None:
    mixed, aligned = (series.load_site_series(record("dallas-tx"), year=year) for year in ("typical", "aligned"))
    assert np.array_equal(mixed.price_shape, aligned.price_shape)
    assert np.array_equal(mixed.shapes["wind"], aligned.shapes["wind"])
    assert not np.array_equal(mixed.dry_bulb, aligned.dry_bulb)


def test_a_site_without_an_aligned_year_says_so() -> None:
    usual, asked = (
        series.load_site_series(record("phoenix-az")),
        series.load_site_series(record("phoenix-az"), year="aligned"),
    )
    assert np.array_equal(usual.dry_bulb, asked.dry_bulb)
    assert not asked.aligned
    assert any("names no weather of the year of its prices" in note for note in asked.notes)


def test_an_actual_year_as_the_usual_one_is_aligned() -> None:
    for id, aligned in (("frankfurt-de", True), ("singapore", True), ("london-uk", False), ("tokyo-jp", False)):
        assert series.load_site_series(record(id)).aligned is aligned, id


@pytest.mark.parametrize("id", ALIGNED)
def test_reanalysis_is_in_standard_time(id: str) -> None:
    """In the mean of a year days are coldest at sunrise and warmest two to three hours after noon."""
    year = series.load_site_series(record(id), year="aligned").dry_bulb.reshape(365, 24).mean(axis=0)
    assert 4 <= year.argmin() <= 6
    assert 14 <= year.argmax() <= 15


@pytest.mark.parametrize("id", ["ashburn-va", "dallas-tx", "newyork-ny", "sanjose-ca"])
def test_prices_are_at_the_hours_of_the_plants_that_make_them(id: str) -> None:
    """Within the days of a summer, prices follow fossil generation best when none of the two is moved."""
    found = series.load_site_series(record(id))
    region = str(record(id).text["carbon_region"])
    net_load = series.packaged_series("generation")[f"{region}/net_load_shape"]
    fossil = series.local_hours(utc=net_load, offset=int(record(id).text["utc_offset"]))

    def ranks_in_day(values: np.ndarray) -> np.ndarray:
        days = values[1800:7296].reshape(-1, 24)
        return days.argsort(axis=1).argsort(axis=1).ravel()

    fits = {
        late: np.corrcoef(ranks_in_day(np.roll(found.price_shape, -late)), ranks_in_day(fossil))[0, 1]
        for late in range(-8, 9)
    }
    assert abs(max(fits, key=lambda late: fits[late])) <= 1


@pytest.mark.parametrize("id", ["ashburn-va", "dallas-tx", "atlanta-ga", "clinton-il", "sanjose-ca"])
def test_the_sun_is_highest_in_the_middle_of_the_fleets_day(id: str) -> None:
    found, place = series.load_site_series(record(id)), record(id).text
    day = found.shapes["solar"].reshape(365, 24).mean(axis=0)
    noon = 12.0 - (float(place["longitude"]) - 15.0 * float(place["utc_offset"])) / 15.0
    assert (day * (np.arange(24) + 0.5)).sum() / day.sum() == pytest.approx(noon, abs=0.4)


def test_a_fleet_that_does_not_exist_is_named() -> None:
    atlanta = series.load_site_series(record("atlanta-ga"))
    assert any("soco" in note and "no wind" in note for note in atlanta.notes)
    with pytest.raises(InputError, match="Atlanta, Georgia: shape: got 'wind'; expected one of flat, solar"):
        atlanta.availability("wind", 0.4)


def test_an_own_plant_has_its_capacity_factor_and_no_more_than_its_capacity() -> None:
    seattle = series.load_site_series(record("seattle-wa"))
    for kind, factor in (("wind", 0.4), ("solar", 0.26), ("flat", 0.9)):
        hours = seattle.availability(kind, factor)
        assert hours.mean() == pytest.approx(factor, rel=1e-9)
        assert 0.0 <= hours.min() <= hours.max() <= 1.0
    assert "7.7% of wind energy at a capacity factor of 40%" in seattle.availability_note("wind", 0.4)
    assert not series.load_site_series(record("ashburn-va")).availability_note("wind", 0.4)
    with pytest.raises(InputError, match="capacity_factor of solar"):
        seattle.availability("solar", 0.7)


def test_one_plant_swings_more_than_its_fleet() -> None:
    abilene = series.load_site_series(record("abilene-tx"))
    for kind in ("wind", "solar"):
        fleet, plant = abilene.shapes[kind], abilene.shapes[f"west-texas-{kind}"]
        assert plant.mean() == pytest.approx(1.0, abs=1e-4)
        assert np.abs(np.diff(plant)).mean() > 1.1 * np.abs(np.diff(fleet)).mean()
    noon = abilene.shapes["west-texas-solar"].reshape(365, 24).mean(axis=0).argmax()
    assert 11 <= noon <= 14
    factors = {
        kind: series.packaged_series("plants")[f"west-texas/{kind}_capacity_factor"] for kind in ("wind", "solar")
    }
    assert 0.40 < factors["wind"] < 0.52  # NREL ATB 2024, class 4 to class 1 wind
    assert 0.28 < factors["solar"] < 0.35  # NREL ATB 2024, utility-scale tracking in the best classes


def test_the_records_of_west_texas_plants_have_the_capacity_factors_of_their_hours() -> None:
    plants = series.packaged_series("plants")
    for kind in ("wind", "solar"):
        plant = Catalog.load().get("power", f"{kind}-west-texas")
        assert plant.text["shape"] == f"west-texas-{kind}"
        factor = plant.values["capacity_factor"].value
        assert factor == pytest.approx(float(plants[f"west-texas/{kind}_capacity_factor"]), abs=6e-4)


def test_utc_hours_move_by_the_offset() -> None:
    utc = np.arange(8760.0)
    assert series.local_hours(utc=utc, offset=-5)[0] == 5.0
    assert series.local_hours(utc=utc, offset=8)[8] == 0.0


def test_a_leap_day_is_dropped() -> None:
    hours = np.arange(8784.0)
    kept = series.year_of_hours(rows=hours, days=366)
    assert kept.shape == (8760,)
    assert kept[59 * 24] == 60 * 24


def test_names_that_no_series_has_are_refused(nothing_restricted: Path) -> None:
    good = record("ashburn-va")
    for key in ("weather", "marginal_region", "utc_offset", "aligned_weather", "plants"):
        bad = replace(good, text={**good.text, key: "nowhere"})
        with pytest.raises(InputError) as caught:
            series.load_site_series(bad, year="typical" if key == "weather" else "aligned")
        assert caught.value.faults[0].path == f"text.{key}"
    without_carbon = replace(good, text={**good.text, "carbon_region": ""})
    with pytest.raises(InputError, match="mean_carbon"):
        series.load_site_series(without_carbon)


def test_a_price_file_without_the_column_or_the_year_is_refused(tmp_path: Path) -> None:
    path = tmp_path / series.PRICES
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"time_utc,ercot_hubavg_da\n2022-01-01T00:00Z,30.0\n"))
    for id in ("ashburn-va", "dallas-tx"):
        with pytest.raises(InputError):
            series.load_site_series(record(id), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a title line and hours"),
        ("time_utc,ercot_hubavg_da\n2022-01-01T00:00Z,30.0,1\n", "gz:2: .*3 cells; expected lines of 2 cells"),
        ("time_utc,ercot_hubavg_da\n2022-01-01T00:00Z,dear\n", "gz:2: ercot_hubavg_da: got 'dear'"),
    ],
)
def test_a_price_file_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / series.PRICES
    path.parent.mkdir()
    path.write_bytes(gzip.compress(content.encode()))
    with pytest.raises(InputError, match=message):
        series.load_site_series(record("dallas-tx"), tmp_path)


def test_the_variable_must_name_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(series.RESTRICTED_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(InputError):
        series.restricted_folder()


def test_packaged_series_stay_small() -> None:
    folder = ROOT / "src" / "stackwright" / "catalog" / "series"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000
