"""Weather files: a good year is read, a bad one is refused with every fault, line and column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from stackwright.core.errors import InputError
from stackwright.core.units import ZERO_CELSIUS
from stackwright.datacenter.weather import MOST_FAULTS, design_temperature, read_csv, read_epw

HOURS = [datetime(2023, 1, 1) + timedelta(hours=hour) for hour in range(8760)]
HEADER = "hour,month,day,hour_of_day,dry_bulb_c,dew_point_c,wet_bulb_c,rel_humidity_pct,pressure_pa,ghi_wm2"
EPW_HEADER = "LOCATION,Somewhere,VA,USA,TMYx,724055,39.08,-77.56,-5.0,119.0\n" + "HEADER\n" * 7

Edit = Callable[[list[str]], None]


def csv_file(folder: Path, edit: Edit | None = None) -> Path:
    lines = [f"{i},{t.month},{t.day},{t.hour},20.0,10.0,14.0,53,100000,0" for i, t in enumerate(HOURS)]
    if edit:
        edit(lines)
    path = folder / "year.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def epw_line(hour: datetime, dry_bulb: str = "20.0") -> str:
    cells = [
        "2019",
        str(hour.month),
        str(hour.day),
        str(hour.hour + 1),
        "60",
        "flags",
        dry_bulb,
        "10.0",
        "53",
        "100000",
    ]
    return ",".join([*cells, *["0"] * 11, "3.5", *["0"] * 13])


def epw_file(folder: Path, edit: Edit | None = None) -> Path:
    lines = [epw_line(hour) for hour in HOURS]
    if edit:
        edit(lines)
    path = folder / "year.epw"
    path.write_text(EPW_HEADER + "\n".join(lines) + "\n")
    return path


def test_a_csv_year_is_read(tmp_path: Path) -> None:
    weather = read_csv(csv_file(tmp_path), utc_offset=-5.0)
    assert weather.dry_bulb.shape == (8760,)
    assert np.allclose(weather.dry_bulb, 20.0 + ZERO_CELSIUS)
    assert np.allclose(weather.wet_bulb, 14.0 + ZERO_CELSIUS)
    assert weather.utc_offset == -5.0


def test_an_epw_year_is_read_with_its_offset(tmp_path: Path) -> None:
    weather = read_epw(epw_file(tmp_path))
    assert weather.label == "Somewhere"
    assert weather.utc_offset == -5.0
    assert np.allclose(weather.wet_bulb - ZERO_CELSIUS, 14.0, atol=0.2)
    assert np.allclose(weather.wind_speed, 3.5)


def test_relative_humidity_alone_gives_dew_point_and_wet_bulb(tmp_path: Path) -> None:
    lines = [f"{hour.isoformat()},20.0,50" for hour in HOURS]
    path = tmp_path / "reanalysis.csv"
    path.write_text("\n".join(["time_local,dry_bulb_c,rel_humidity_pct", *lines]) + "\n")
    weather = read_csv(path, kind="actual year", elevation=100.0)
    assert np.allclose(weather.dew_point - ZERO_CELSIUS, 9.27, atol=0.05)
    assert np.allclose(weather.wet_bulb - ZERO_CELSIUS, 13.7, atol=0.1)


def test_wet_bulb_alone_gives_the_dew_point(tmp_path: Path) -> None:
    lines = [f"{hour.isoformat()},20.0,13.76" for hour in HOURS]
    path = tmp_path / "wet.csv"
    path.write_text("\n".join(["time_local,dry_bulb_c,wet_bulb_c", *lines]) + "\n")
    assert np.allclose(read_csv(path).dew_point - ZERO_CELSIUS, 9.27, atol=0.2)


@pytest.mark.parametrize(
    ("edit", "column", "got", "line"),
    [
        (lambda lines: lines.pop(100), "time", "no line for month 1 day 5 hour 4", None),
        (lambda lines: lines.insert(101, lines[100]), "time", "again (first in line 102)", 103),
        (lambda lines: lines.__setitem__(5, lines[5].replace("20.0", "nan")), "dry_bulb_c", "'nan'", 7),
        (lambda lines: lines.__setitem__(6, lines[6].replace("20.0", "")), "dry_bulb_c", "''", 8),
        (lambda lines: lines.__setitem__(7, lines[7].replace("20.0", "75.0")), "dry_bulb_c", "75.0", 9),
        (lambda lines: lines.__setitem__(8, lines[8].replace("100000", "1000")), "pressure_pa", "1000", 10),
        (lambda lines: lines.__setitem__(9, lines[9].replace(",10.0,", ",29.0,")), "dew_point", "9.0 K above", 11),
    ],
)
def test_a_fault_names_line_and_column(tmp_path: Path, edit: Edit, column: str, got: str, line: int | None) -> None:
    with pytest.raises(InputError) as caught:
        read_csv(csv_file(tmp_path, edit))
    fault = caught.value.faults[0]
    assert (fault.path, fault.line) == (column, line)
    assert got in fault.got


def test_all_faults_come_together(tmp_path: Path) -> None:
    def spoil(lines: list[str]) -> None:
        lines[10] = lines[10].replace("20.0", "nan")
        lines[20] = lines[20].replace("100000", "1")
        lines.pop(30)

    with pytest.raises(InputError) as caught:
        read_csv(csv_file(tmp_path, spoil))
    assert {fault.path for fault in caught.value.faults} == {"dry_bulb_c", "pressure_pa", "time"}


def test_many_faults_are_cut_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_csv(csv_file(tmp_path, lambda lines: lines.__delitem__(slice(0, 500))))
    assert len(caught.value.faults) == MOST_FAULTS + 1
    assert caught.value.faults[-1].got == "450 more faults"


def test_a_missing_value_code_of_epw_is_refused(tmp_path: Path) -> None:
    def spoil(lines: list[str]) -> None:
        lines[3] = epw_line(HOURS[3], dry_bulb="99.9")

    with pytest.raises(InputError) as caught:
        read_epw(epw_file(tmp_path, spoil))
    fault = caught.value.faults[0]
    assert (fault.path, fault.line, fault.got) == ("dry_bulb", 12, "99.9 (missing)")


def test_files_that_are_no_weather_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    for reader in (read_csv, read_epw):
        with pytest.raises(InputError):
            reader(wrong)
        with pytest.raises(InputError):
            reader(tmp_path / "absent.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(InputError, match="empty"):
        read_csv(empty)


def test_the_design_day_is_exceeded_in_four_of_a_thousand_hours() -> None:
    hours = 280.0 + 0.001 * np.random.default_rng(7).permutation(8760)
    assert (hours > design_temperature(temperature=hours)).sum() == pytest.approx(0.004 * 8760, abs=1.0)
    both = design_temperature(temperature=np.stack([hours, hours + 5.0]))
    assert both[1] - both[0] == pytest.approx(5.0)
    assert design_temperature(temperature=hours, share=0.01) < both[0]


def tmy3_file(folder: Path) -> Path:
    """As in NREL's archive: a line on the station, then titles; hours end at 01:00 to 24:00, years differ by month."""
    titles = "Date (MM/DD/YYYY),Time (HH:MM),GHI (W/m^2),Dry-bulb (C),Dew-point (C),RHum (%),Pressure (mbar),Wspd (m/s)"
    lines = [
        f"{t.month:02}/{t.day:02}/{1980 + t.month},{t.hour + 1:02}:00,300,{20 + t.hour % 2},10.0,53,840,3.5"
        for t in HOURS
    ]
    path = folder / "723650TYA.CSV"
    path.write_text(
        "\n".join(['723650,"ALBUQUERQUE INTL ARPT [ISIS]",NM,-7.0,35.040,-106.617,1619', titles, *lines]) + "\n"
    )
    return path


def psm_file(folder: Path) -> Path:
    """As the NSRDB gives it: names and values of the place, titles, hours with a minute of 30."""
    lines = [f"2022,{t.month},{t.day},{t.hour},30,500,700,20.5,10.0,984,53.1,3.5" for t in HOURS]
    head = [
        "Source,Location ID,City,State,Country,Latitude,Longitude,Time Zone,Elevation,Local Time Zone",
        "NSRDB,149190,-,-,-,35.21,-101.94,-6,1102,-6",
        "Year,Month,Day,Hour,Minute,GHI,DNI,Temperature,Dew Point,Pressure,Relative Humidity,Wind Speed",
    ]
    path = folder / "psm.csv"
    path.write_text("\n".join([*head, *lines]) + "\n")
    return path


def open_meteo_file(folder: Path) -> Path:
    """As its page writes it: names and values of the place, an empty line, titles with units."""
    lines = [f"{t.replace(year=2022).isoformat(timespec='minutes')},20.5,50,36.0" for t in HOURS]
    head = [
        "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation",
        "39.96,-75.16,12.0,-14400,America/New_York,EDT",
        "",
        "time,temperature_2m (°C),relative_humidity_2m (%),wind_speed_10m (km/h)",
    ]
    path = folder / "open-meteo.csv"
    path.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    return path


def test_tmy3_is_read_by_the_end_of_its_hours(tmp_path: Path) -> None:
    weather = read_csv(tmy3_file(tmp_path))
    assert weather.utc_offset == -7.0
    assert np.allclose(weather.dry_bulb[:3], ZERO_CELSIUS + np.array([20.0, 21.0, 20.0]))
    assert np.allclose(weather.pressure, 84_000.0)
    assert np.allclose(weather.irradiance, 300.0)


def test_the_nsrdb_is_read_with_its_offset_and_its_millibars(tmp_path: Path) -> None:
    weather = read_csv(psm_file(tmp_path))
    assert weather.utc_offset == -6.0
    assert np.allclose(weather.pressure, 98_400.0)
    assert np.allclose(weather.dew_point, ZERO_CELSIUS + 10.0)
    assert np.allclose(weather.wind_speed, 3.5)


def test_open_meteo_is_read_with_its_offset_elevation_and_units(tmp_path: Path) -> None:
    weather = read_csv(open_meteo_file(tmp_path), elevation=4000.0)
    assert weather.utc_offset == -4.0
    assert np.allclose(weather.pressure, 101_181.0, atol=5.0)
    assert np.allclose(weather.wind_speed, 10.0)


def test_a_fault_of_a_dialect_names_its_own_column_and_line(tmp_path: Path) -> None:
    path = psm_file(tmp_path)
    path.write_text(path.read_text().replace("20.5,10.0", "200.5,10.0", 1))
    with pytest.raises(InputError) as caught:
        read_csv(path)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [("Temperature", 4)]
    half_hours = path.read_text().splitlines()
    path.write_text("\n".join([*half_hours[:3], *[line for line in half_hours[3:] for _ in range(2)]]))
    with pytest.raises(InputError, match="each hour once"):
        read_csv(path)


def test_an_epw_in_latin_1_with_stray_quotes_and_a_mark_is_read(tmp_path: Path) -> None:
    path = epw_file(tmp_path)
    text = path.read_text().replace("Somewhere", "Montréal").replace("HEADER", 'COMMENTS 1,"never closed\x85', 1)
    path.write_bytes(text.encode("latin-1"))
    assert read_epw(path).label == "Montréal"
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert read_epw(path).label == "Montréal"


def test_an_epw_without_irradiance_is_read_and_one_with_gaps_is_not(tmp_path: Path) -> None:
    def without(hours: int) -> Edit:
        def edit(lines: list[str]) -> None:
            for index in range(hours):
                cells = lines[index].split(",")
                cells[13] = "9999"
                lines[index] = ",".join(cells)

        return edit

    assert read_epw(epw_file(tmp_path, without(8760))).irradiance is None
    with pytest.raises(InputError, match="irradiance"):
        read_epw(epw_file(tmp_path, without(2)))


def test_an_epw_of_half_hours_is_refused(tmp_path: Path) -> None:
    path = epw_file(tmp_path)
    lines = path.read_text().splitlines()
    lines[7] = "DATA PERIODS,1,2,Data,Sunday, 1/ 1,12/31"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="2 lines an hour"):
        read_epw(path)
