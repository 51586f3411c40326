"""Weather of a year by the hour, read from CSV and EPW files.

Everything is in a standard time, the file's own where it states one: 8,760 hours, no leap day. A file
with a hole, a repeated hour or an impossible value is refused with every fault found; nothing is filled in.
A CSV may be plain, or as TMY3, the NSRDB (PSM) or Open-Meteo write it.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from stackwright.core.arrays import namespace
from stackwright.core.errors import Fault, InputError, nearest
from stackwright.core.units import HOURS_PER_YEAR, ZERO_CELSIUS, Array, Kelvin, Meters, Pascals, Ratio
from stackwright.datacenter import psychrometrics

MOST_FAULTS = 50
"""Faults listed for one file; a last one says how many more there are."""

EPW_HEADER_LINES = 8

DESIGN_SHARE = 0.004
"""Of the hours of a year: about 35 hours are beyond the design day."""


@dataclass(frozen=True)
class Weather:
    """One place's year: arrays of 8,760 hours, and what is known about where they are from."""

    name: str
    label: str
    """What a reader is told, such as ``TMYx 2007-2021, Leesburg``."""
    kind: str
    """``typical year`` or ``actual year``."""
    utc_offset: float
    """Hours ahead of UTC of the local standard time."""
    dry_bulb: Kelvin
    wet_bulb: Kelvin
    dew_point: Kelvin
    pressure: Pascals
    irradiance: Array | None = None
    """Global horizontal, W/m2."""
    wind_speed: Array | None = None
    """At the height the file gives, m/s."""


@dataclass(frozen=True)
class Column:
    """A column of a file: what it measures, its possible range as written, its missing-value code and its unit."""

    quantity: str
    low: float
    high: float
    missing: float | None = None
    scale: float = 1.0
    """SI over the unit as written; degrees Celsius stay as they are."""


_TEMPERATURE = {"low": -90.0, "high": 60.0}
_HUMIDITY = Column("relative_humidity", 1.0, 100.0)
_MILLIBAR = Column("pressure", 500.0, 1100.0, scale=100.0)
_IRRADIANCE = Column("irradiance", 0.0, 1500.0)
_WIND_SPEED = Column("wind_speed", 0.0, 90.0)
CSV_COLUMNS = {
    "dry_bulb_c": Column("dry_bulb", **_TEMPERATURE),
    "wet_bulb_c": Column("wet_bulb", **_TEMPERATURE),
    "dew_point_c": Column("dew_point", **_TEMPERATURE),
    "rel_humidity_pct": _HUMIDITY,
    "pressure_pa": Column("pressure", 50_000.0, 110_000.0),
    "ghi_wm2": _IRRADIANCE,
    "wind_speed_10m_ms": _WIND_SPEED,
    "wind_speed_80m_ms": _WIND_SPEED,
    # TMY3
    "Dry-bulb (C)": Column("dry_bulb", **_TEMPERATURE, missing=-9900.0),
    "Dew-point (C)": Column("dew_point", **_TEMPERATURE, missing=-9900.0),
    "Pressure (mbar)": _MILLIBAR,
    "GHI (W/m^2)": _IRRADIANCE,
    "Wspd (m/s)": _WIND_SPEED,
    # NSRDB, Physical Solar Model
    "Temperature": Column("dry_bulb", **_TEMPERATURE),
    "Dew Point": Column("dew_point", **_TEMPERATURE),
    "Pressure": _MILLIBAR,
    "GHI": _IRRADIANCE,
    "Wind Speed": _WIND_SPEED,
    # Open-Meteo
    "temperature_2m (°C)": Column("dry_bulb", **_TEMPERATURE),
    "dew_point_2m (°C)": Column("dew_point", **_TEMPERATURE),
    "relative_humidity_2m (%)": _HUMIDITY,
    "surface_pressure (hPa)": _MILLIBAR,
    "shortwave_radiation (W/m²)": _IRRADIANCE,
    "wind_speed_10m (m/s)": _WIND_SPEED,
    "wind_speed_10m (km/h)": Column("wind_speed", 0.0, 324.0, scale=1.0 / 3.6),
}
"""Columns read from a CSV; others, such as wind direction or cloud cover, are not used."""

DRY_BULBS = [title for title, column in CSV_COLUMNS.items() if column.quantity == "dry_bulb"]
HUMID = ("dew_point", "relative_humidity", "wet_bulb")
MOST_PREFACE_LINES = 4
"""Lines before the header of a CSV that say where the weather is from."""

EPW_COLUMNS = {
    6: Column("dry_bulb", **_TEMPERATURE, missing=99.9),
    7: Column("dew_point", **_TEMPERATURE, missing=99.9),
    9: Column("pressure", 50_000.0, 110_000.0, missing=999_999.0),
    13: Column("irradiance", 0.0, 1500.0, missing=9999.0),
    21: Column("wind_speed", 0.0, 90.0, missing=999.0),
}
"""Position of each field in a data line of an EPW file, counted from zero."""

MAY_BE_MISSING = ("irradiance", "wind_speed")
"""Quantities that a file may carry as missing in every hour; they are then not known."""


def read_csv(
    path: Path,
    *,
    name: str = "",
    label: str = "",
    kind: str = "typical year",
    utc_offset: float = 0.0,
    elevation: Meters = 0.0,
) -> Weather:
    """Read an hourly CSV with a header, after up to four lines about the place.

    Needed are a dry bulb and one of dew point, relative humidity or wet bulb; the hour comes from
    ``time_local`` or from ``month``, ``day``, ``hour_of_day``. Without a pressure column the standard
    atmosphere at the elevation is used. `utc_offset` and `elevation` are those of a file that states none.
    Raises `InputError`. Source: definition; NREL, Users Manual for TMY3 Data Sets (NREL/TP-581-43156); NSRDB and
    Open-Meteo, descriptions of their CSV files.
    """
    rows = _lines(path)
    if not rows:
        raise InputError([Fault(str(path), "", "an empty file", "a header line and 8,760 hours")])
    first = _header_at(rows)
    header = [cell.strip() for cell in rows[first][1]]
    _check_header(path, header, rows[first][0])
    body = rows[first + 1 :]
    faults = _check_hours(path, body, _clock_of_csv(header))
    columns = {index: CSV_COLUMNS[cell] for index, cell in enumerate(header) if cell in CSV_COLUMNS}
    values = _values(path, body, columns, header, faults)
    place = {"utc_offset": utc_offset, "elevation": elevation} | _preface(path, rows[:first], faults)
    _raise_if_any(path, faults)
    return _weather(
        path, body[0][0], values, name or path.stem, label or path.stem, kind, place["utc_offset"], place["elevation"]
    )


def read_epw(path: Path, *, name: str = "", kind: str = "typical year") -> Weather:
    """Read an EnergyPlus weather file. Raises `InputError`.

    Source: EnergyPlus, Auxiliary Programs, section "EnergyPlus Weather File (EPW) Data Dictionary".
    """
    rows = _lines(path, quoted=False)
    header = rows[0][1] if rows else []
    if len(rows) <= EPW_HEADER_LINES or len(header) < 10 or header[0].strip().upper() != "LOCATION":
        raise InputError(
            [Fault(str(path), "LOCATION", "no LOCATION header", "an EPW file with 8 header lines", line=1)]
        )
    faults: list[Fault] = []
    place = [_number(path, 1, f"LOCATION field {index + 1}", header[index], faults) for index in (8, 9)]
    body = rows[EPW_HEADER_LINES:]
    title, _, *hourly = [*(cell.strip() for cell in rows[EPW_HEADER_LINES - 1][1]), "", ""]
    if title.upper() == "DATA PERIODS" and hourly[0] not in ("", "1"):
        got, expected = f"{hourly[0]} lines an hour", "one line an hour"
        raise InputError([Fault(str(path), "DATA PERIODS", got, expected, line=rows[EPW_HEADER_LINES - 1][0])])
    faults += _check_hours(path, body, _clock_of_epw)
    titles = [EPW_COLUMNS[index].quantity if index in EPW_COLUMNS else "" for index in range(max(EPW_COLUMNS) + 1)]
    values = _values(path, body, EPW_COLUMNS, titles, faults)
    _raise_if_any(path, faults)
    offset, elevation = place
    return _weather(path, body[0][0], values, name or path.stem, header[1].strip(), kind, offset, elevation)


def design_temperature(*, temperature: Kelvin, share: float = DESIGN_SHARE) -> Kelvin:
    """Dry or wet bulb that is exceeded in a share of a year's hours; [..., hour] to [...].

    Source: ASHRAE Handbook Fundamentals 2017, chapter 14, annual cooling and evaporation design conditions.
    """
    return namespace(temperature).quantile(temperature, 1.0 - share, axis=-1)


Line = tuple[int, list[str]]
Clock = Callable[[list[str]], tuple[int, int, int]]


def _lines(path: Path, *, quoted: bool = True) -> list[Line]:
    """Lines with their numbers, empty ones left out; comments of an EPW file may hold stray quotation marks."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError([Fault(str(path), "", "no such file", "a weather file that exists")]) from None
    except OSError as error:
        raise InputError([Fault(str(path), "", str(error)[:120], "a text file that can be read")]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # place names in older files
    lines = re.split(r"\r\n|\r|\n", text)  # not at the other line breaks of Unicode, which latin-1 text may hold
    try:
        rows = csv.reader(lines) if quoted else (line.split(",") for line in lines)
        return [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    except csv.Error as error:
        raise InputError([Fault(str(path), "", str(error)[:120], "a text file that can be read")]) from None


def _header_at(rows: Sequence[Line]) -> int:
    """Position of the line that names a dry bulb, else of the first line."""
    named = [set(DRY_BULBS) & {cell.strip() for cell in row} for _, row in rows[: MOST_PREFACE_LINES + 1]]
    return next((index for index, found in enumerate(named) if found), 0)


def _preface(path: Path, rows: Sequence[Line], faults: list[Fault]) -> dict[str, float]:
    """Offset and elevation where the lines before the header state them: as names over values, or as TMY3 does."""
    known = {"Time Zone": ("utc_offset", 1.0), "utc_offset_seconds": ("utc_offset", 1.0 / 3600.0)}
    known |= {"Elevation": ("elevation", 1.0), "elevation": ("elevation", 1.0)}
    if len(rows) == 1 and len(rows[0][1]) == 7:
        titles, (line, row) = ["", "", "", "Time Zone", "", "", "Elevation"], rows[0]
    elif len(rows) >= 2:
        titles, (line, row) = [cell.strip() for cell in rows[0][1]], rows[1]
    else:
        return {}
    return {
        known[title][0]: _number(path, line, title, cell, faults) * known[title][1]
        for title, cell in zip(titles, row, strict=False)
        if title in known
    }


def _check_header(path: Path, header: Sequence[str], line: int) -> None:
    faults = []
    measured = {CSV_COLUMNS[title].quantity for title in header if title in CSV_COLUMNS}
    if "dry_bulb" not in measured:
        near = nearest("dry_bulb_c", header)
        faults.append(Fault(str(path), "dry_bulb_c", "no such column", "a column dry_bulb_c", line=line, nearest=near))
    if not measured & set(HUMID):
        expected = "one of dew_point_c, rel_humidity_pct, wet_bulb_c"
        faults.append(Fault(str(path), "humidity", "no humidity column", expected, line=line))
    if not any(set(titles) <= set(header) for titles in CLOCKS):
        expected = "a column time_local, or columns month, day and hour_of_day"
        faults.append(Fault(str(path), "time", "no time column", expected, line=line))
    faults += [
        Fault(str(path), title, "the same column twice", "each column once", line=line)
        for title in sorted({title for title in header if title and header.count(title) > 1})
    ]
    if faults:
        raise InputError(faults)


def _iso(when: str) -> tuple[int, int, int]:
    hour = datetime.fromisoformat(when.strip())
    return hour.month, hour.day, hour.hour


def _whole(month: str, day: str, hour: str) -> tuple[int, int, int]:
    return int(month), int(day), int(hour)


def _ending(date: str, time: str) -> tuple[int, int, int]:
    """TMY3: 01:00 to 24:00 name the end of the hour."""
    month, day, _ = date.split("/")
    return int(month), int(day), int(time.split(":")[0]) - 1


CLOCKS: dict[tuple[str, ...], Callable[..., tuple[int, int, int]]] = {
    ("time_local",): _iso,
    ("month", "day", "hour_of_day"): _whole,
    ("Date (MM/DD/YYYY)", "Time (HH:MM)"): _ending,
    ("Month", "Day", "Hour"): _whole,
    ("time",): _iso,
}
"""Columns that give the hour, and what reads them."""


def _clock_of_csv(header: Sequence[str]) -> Clock:
    titles, read = next((titles, read) for titles, read in CLOCKS.items() if set(titles) <= set(header))
    at = [header.index(title) for title in titles]
    return lambda row: read(*(row[index] for index in at))


def _clock_of_epw(row: list[str]) -> tuple[int, int, int]:
    """EPW hours run from 1 to 24 and name the end of the hour."""
    return int(row[1]), int(row[2]), int(row[3]) - 1


def _calendar() -> list[tuple[int, int, int]]:
    start = datetime(2023, 1, 1)
    hours = (start + timedelta(hours=hour) for hour in range(HOURS_PER_YEAR))
    return [(hour.month, hour.day, hour.hour) for hour in hours]


def _check_hours(path: Path, body: Sequence[Line], clock: Clock) -> list[Fault]:
    """Each hour of a year without leap day, once and in order."""
    faults: list[Fault] = []
    wanted = _calendar()
    position = {hour: index for index, hour in enumerate(wanted)}
    seen: dict[tuple[int, int, int], int] = {}
    last = -1
    for line, row in body:
        try:
            hour = clock(row)
        except (ValueError, IndexError):
            faults.append(Fault(str(path), "time", repr(",".join(row[:4])), "a month, a day and an hour", line=line))
            continue
        if hour not in position:
            faults.append(Fault(str(path), "time", _hour_text(hour), "an hour of a year without leap day", line=line))
        elif hour in seen:
            got = f"{_hour_text(hour)} again (first in line {seen[hour]})"
            faults.append(Fault(str(path), "time", got, "each hour once", line=line))
        else:
            if position[hour] < last:
                faults.append(Fault(str(path), "time", _hour_text(hour), "hours in order", line=line))
            last = max(last, position[hour])
            seen[hour] = line
    missing = [hour for hour in wanted if hour not in seen]
    faults += [Fault(str(path), "time", f"no line for {_hour_text(hour)}", "8,760 hours") for hour in missing]
    return faults


def _hour_text(hour: tuple[int, int, int]) -> str:
    return f"month {hour[0]} day {hour[1]} hour {hour[2]}"


def _number(path: Path, line: int, column: str, text: str, faults: list[Fault]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        faults.append(Fault(str(path), column, repr(text), "a finite number", line=line))
    return value


def _values(
    path: Path, body: Sequence[Line], columns: Mapping[int, Column], titles: Sequence[str], faults: list[Fault]
) -> dict[str, np.ndarray]:
    """Each quantity in the order of the lines, scaled to SI; faults are added to `faults`."""
    read: dict[str, np.ndarray] = {}
    for index, column in columns.items():
        cells = [(line, row[index] if index < len(row) else "") for line, row in body]
        numbers, wrong = _column(path, cells, titles[index], column)
        absent = column.missing is not None and all(number == column.missing for number in numbers)
        if absent and column.quantity in MAY_BE_MISSING:
            continue
        faults += wrong
        read[column.quantity] = np.array(numbers) * column.scale
    return read


def _column(
    path: Path, cells: Sequence[tuple[int, str]], title: str, column: Column
) -> tuple[list[float], list[Fault]]:
    numbers: list[float] = []
    faults: list[Fault] = []
    for line, text in cells:
        value = _number(path, line, title, text, faults)
        if value == column.missing:
            faults.append(Fault(str(path), title, f"{text} (missing)", "a measured value", line=line))
        elif math.isfinite(value) and not column.low <= value <= column.high:
            expected = f"between {column.low:g} and {column.high:g}"
            faults.append(Fault(str(path), title, text.strip(), expected, line=line))
        numbers.append(value)
    return numbers, faults


def _raise_if_any(path: Path, faults: list[Fault]) -> None:
    if len(faults) > MOST_FAULTS:
        rest = Fault(str(path), "", f"{len(faults) - MOST_FAULTS} more faults", "a complete year of plausible hours")
        raise InputError([*faults[:MOST_FAULTS], rest])
    if faults:
        raise InputError(faults)


def _weather(
    path: Path,
    first_line: int,
    read: Mapping[str, np.ndarray],
    name: str,
    label: str,
    kind: str,
    utc_offset: float,
    elevation: float,
) -> Weather:
    dry_bulb = read["dry_bulb"] + ZERO_CELSIUS
    pressure = read.get("pressure")
    if pressure is None:
        pressure = np.full(dry_bulb.shape, psychrometrics.standard_pressure(elevation=elevation))
    dew_point = _dew_point(read, dry_bulb, pressure)
    _raise_if_any(path, _check_dew_point(path, first_line, dry_bulb, dew_point))
    dew_point = np.minimum(dew_point, dry_bulb)
    wet_bulb = psychrometrics.wet_bulb(dry_bulb=dry_bulb, dew_point=dew_point, pressure=pressure)
    if "wet_bulb" in read:
        wet_bulb = read["wet_bulb"] + ZERO_CELSIUS
    return Weather(
        name=name,
        label=label,
        kind=kind,
        utc_offset=utc_offset,
        dry_bulb=dry_bulb,
        wet_bulb=wet_bulb,
        dew_point=dew_point,
        pressure=pressure,
        irradiance=read.get("irradiance"),
        wind_speed=read.get("wind_speed"),
    )


def _dew_point(read: Mapping[str, np.ndarray], dry_bulb: Kelvin, pressure: Pascals) -> Kelvin:
    if "dew_point" in read:
        return read["dew_point"] + ZERO_CELSIUS
    if "relative_humidity" in read:
        humidity: Ratio = read["relative_humidity"] / 100.0
        return psychrometrics.dew_point(dry_bulb=dry_bulb, relative_humidity=humidity)
    ratio = psychrometrics.humidity_ratio_at_wet_bulb(
        dry_bulb=dry_bulb, wet_bulb=np.minimum(read["wet_bulb"] + ZERO_CELSIUS, dry_bulb), pressure=pressure
    )
    vapor = psychrometrics.vapor_pressure_of_ratio(humidity_ratio=np.maximum(ratio, 1e-5), pressure=pressure)
    relative = vapor / psychrometrics.saturation_pressure(temperature=dry_bulb)
    return psychrometrics.dew_point(dry_bulb=dry_bulb, relative_humidity=np.minimum(relative, 1.0))


def _check_dew_point(path: Path, first_line: int, dry_bulb: Kelvin, dew_point: Kelvin) -> list[Fault]:
    """Air is never above saturation by more than rounding and the choice of ice or water explain."""
    above = np.flatnonzero(dew_point > dry_bulb + 2.0)
    expected = "a dew point at or below the dry bulb"
    return [
        Fault(
            str(path),
            "dew_point",
            f"{dew_point[hour] - dry_bulb[hour]:.1f} K above",
            expected,
            line=first_line + int(hour),
        )
        for hour in above
    ]
