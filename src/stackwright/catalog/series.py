"""Hourly series of a site: weather, price shape, carbon, in the site's local standard time.

Weather, generation mix and marginal emissions are in the package. Wholesale prices and Electricity Maps
carbon are not: their terms limit redistribution. They are read from ``data/restricted`` of a checkout
or from the folder that STACKWRIGHT_DATA names; where they are absent an open stand-in is used. Which
one it was is always said in `SiteSeries.notes`.

A site's usual year is a typical one, whose weather meets prices and generation of an actual year: fair for
means, but heat and scarcity fall on different days. Where a record names weather of the actual year too,
``year="aligned"`` gives that; reliability may be claimed on such a year alone (`SiteSeries.reliability_note`).
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from stackwright.core.errors import Fault, InputError, nearest
from stackwright.core.records import Record
from stackwright.core.units import HOURS_PER_YEAR, Array, Kelvin, KilogramsCO2PerJoule, Pascals, Ratio, unit
from stackwright.datacenter.weather import read_csv, read_epw
from stackwright.power.grid import net_load_price_shape
from stackwright.power.variable import availability, cut_share

RESTRICTED_VARIABLE = "STACKWRIGHT_DATA"
PRICES = Path("prices") / "wholesale_prices_2022_2024_usd_per_mwh.csv.gz"
ELECTRICITY_MAPS = Path("odbl") / "electricitymaps_ci_direct_2023_odbl.csv.gz"

GRAMS_PER_KILOWATT_HOUR = unit("gCO2/kWh").factor
Year = Literal["typical", "aligned"]
"""The usual year of a site, or one in which weather, prices and generation are of the same actual year."""

WEATHER_FILES = (".csv", ".epw")
WEATHER_FIELDS = ("dry_bulb", "wet_bulb", "dew_point", "pressure")
LEAST_CUT = 0.005
DRIVEN_BY_WEATHER = ("wind", "solar")
LEAP_DAY = slice(59 * 24, 60 * 24)

MARGINAL_UTC_OFFSET = {
    "CA": -8,
    "CENT": -6,
    "FL": -5,
    "MIDA": -5,
    "MIDW": -6,
    "NCSC": -5,
    "NE": -5,
    "NW": -8,
    "NY": -5,
    "RM": -7,
    "SE": -5,
    "SW": -7,
    "TE": -6,
    "TN": -6,
}
"""Standard time of each AVERT region, in which its hours are given."""


@dataclass(frozen=True)
class SiteSeries:
    """8,760 hours of one site; shapes have a mean of one."""

    site: str
    dry_bulb: Kelvin
    wet_bulb: Kelvin
    dew_point: Kelvin
    pressure: Pascals
    price_shape: Ratio
    average_carbon: KilogramsCO2PerJoule
    marginal_carbon: KilogramsCO2PerJoule
    grid_clean_share: Ratio
    shapes: Mapping[str, Ratio]
    """``flat``; ``wind`` and ``solar`` where the region has a fleet; those of single plants by their place."""
    notes: tuple[str, ...]
    """What stands in for what, and which years meet; to be shown beside results."""
    aligned: bool
    """Whether weather, prices and generation are of one and the same actual year."""
    reliability_note: str
    """Why an outage (N-1) or a peak may not be claimed to be met on this year; empty where it may."""

    def shape(self, name: str) -> Ratio:
        """One of the shapes. Raises `InputError` that lists those there are. Source: definition."""
        if name not in self.shapes:
            known = sorted(self.shapes)
            expected = f"one of {', '.join(known)}"
            raise InputError([Fault(self.site, "shape", repr(name), expected, nearest=nearest(name, known))])
        return self.shapes[name]

    def availability(self, name: str, capacity_factor: float) -> Ratio:
        """Output over capacity by the hour of a plant with one of the shapes; its mean is the capacity factor.

        Raises `InputError` where the shape is not known here or has too few hours of output. Source: definition.
        """
        shape = self.shape(name)
        if capacity_factor > (most := (shape > 0.0).mean()):
            expected = f"at most the share of hours with output, {most:.3f}"
            raise InputError([Fault(self.site, f"capacity_factor of {name}", f"{capacity_factor:g}", expected)])
        return availability(shape=shape, capacity_factor=capacity_factor)

    def availability_note(self, name: str, capacity_factor: float) -> str:
        """What the capacity cuts off a fleet's shape, in words; empty where it is nothing to speak of."""
        cut = float(cut_share(shape=self.shape(name), capacity_factor=capacity_factor))
        if cut < LEAST_CUT:
            return ""
        what = f"{cut:.1%} of {name} energy at a capacity factor of {capacity_factor:.0%}"
        return f"{self.site}: {what} would lie above the capacity and is moved to other hours."


def load_site_series(site: Record, restricted: Path | None = None, *, year: Year = "typical") -> SiteSeries:
    """The series that a site's record names in its ``text``.

    `restricted` is the folder of restricted data; by default it is searched for. A site that names no aligned
    year keeps its usual one and says so. Raises `InputError` for a name that no series has. Source: definition.
    """
    text = _Words(site)
    folder = restricted if restricted is not None else restricted_folder()
    offset = int(text.number("utc_offset"))
    key = "aligned_weather" if year == "aligned" and text.optional("aligned_weather") else "weather"
    weather = _weather(text, key, offset)
    price_shape, price_note = _price_shape(text, folder, offset)
    average, average_note = _average_carbon(text, folder, offset)
    marginal, marginal_note = _marginal_carbon(text, average, offset)
    clean, clean_note = _grid_clean_share(text, offset)
    shapes, shapes_note = _shapes(text, offset)
    aligned, why_not = _alignment(text, key)
    year_note = text.optional("aligned_note" if aligned else "series_note")
    if year == "aligned" and not aligned:
        year_note = f"{site.name} names no weather of the year of its prices; the usual year stays. {year_note}"
    notes = (year_note or why_not, price_note, average_note, marginal_note, clean_note, shapes_note)
    return SiteSeries(
        site=site.name,
        **weather,
        price_shape=price_shape,
        average_carbon=average,
        marginal_carbon=marginal,
        grid_clean_share=clean,
        shapes=shapes,
        notes=tuple(note for note in notes if note),
        aligned=aligned,
        reliability_note=why_not,
    )


def restricted_folder() -> Path | None:
    """Where restricted data are: the folder of the environment variable, else that of a checkout, else nowhere.

    Raises `InputError` when the variable names no folder. Source: definition.
    """
    if named := os.environ.get(RESTRICTED_VARIABLE):
        if not Path(named).is_dir():
            raise InputError([Fault(RESTRICTED_VARIABLE, "", repr(named), "a folder that exists")])
        return Path(named)
    root = Path(__file__).resolve().parents[3]
    checkout = root / "data" / "restricted"
    return checkout if (root / "pyproject.toml").is_file() and checkout.is_dir() else None


@dataclass(frozen=True)
class _Words:
    """The words of a site record, with faults that say which one is wrong."""

    record: Record

    def optional(self, key: str) -> str:
        return str(self.record.text.get(key) or "")

    def number(self, key: str) -> float:
        given: Any = self.record.text.get(key)
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise InputError([self._fault(key, repr(given), "a number")])
        return float(given)

    def value(self, field: str) -> float:
        datum = self.record.values.get(field)
        if datum is None:
            fault = self._fault(field, "nothing", f"a carbon_region, or a number for {field}")
            raise InputError([replace(fault, path=f"values.{field}")])
        return datum.value

    def choice(self, key: str, choices: list[str]) -> str:
        given = self.optional(key)
        if given not in choices:
            raise InputError([self._fault(key, repr(given), f"one of {', '.join(choices)}", nearest(given, choices))])
        return given

    def _fault(self, key: str, got: str, expected: str, near: str | None = None) -> Fault:
        where = self.record.file or f"{self.record.layer}/{self.record.id}"
        return Fault(where, f"text.{key}", got, expected, nearest=near)


@cache
def packaged_series(name: str) -> Mapping[str, np.ndarray]:
    """Arrays of a file of the package's series, read once and not to be written. Source: definition."""
    with files("stackwright.catalog").joinpath("series", f"{name}.npz").open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        arrays = {key: archive[key].astype(float) for key in archive.files}
    for array in arrays.values():
        array.setflags(write=False)  # every site shares them
    return arrays


def _alignment(text: _Words, key: str) -> tuple[bool, str]:
    """Whether the year under a key is that of the site's prices, and why a mix of years says nothing of reliability."""
    actual, priced = text.optional("aligned_year"), text.optional("price_year")
    if actual and actual == priced and text.optional(key) == text.optional("aligned_weather"):
        return True, ""
    years = f"prices of {priced}" if priced else "no hourly prices"
    return False, (
        f"Weather of another year or of a typical one meets {years}: heat, frost and scarcity fall on different days, "
        "so it cannot be claimed here that an outage (N-1) or a peak is met."
    )


def _weather(text: _Words, key: str, offset: int) -> dict[str, Array]:
    """The year that a site names: one of the package, or a CSV or EPW file beside the site's record."""
    name = text.optional(key)
    if name.casefold().endswith(WEATHER_FILES):
        path = Path(text.record.file).parent / name
        year = read_epw(path) if name.casefold().endswith(".epw") else read_csv(path, utc_offset=float(offset))
        late = round(offset - year.utc_offset)
        return {field: local_hours(utc=getattr(year, field), offset=late) for field in WEATHER_FIELDS}
    packaged = packaged_series("weather")
    known = text.choice(key, sorted({title.split("/")[0] for title in packaged}))
    # an actual year keeps its hours in a neighboring zone, a typical one its times of the day
    late = offset - int(packaged[f"{known}/utc_offset"]) if key == "aligned_weather" else 0
    return {field: local_hours(utc=packaged[f"{known}/{field}"], offset=late) for field in WEATHER_FIELDS}


def local_hours(*, utc: Array, offset: int) -> Array:
    """A year in UTC as a year in a standard time so many hours ahead; hours over its end come from its beginning.

    Source: definition.
    """
    return np.roll(utc, offset)


def year_of_hours(*, rows: Array, days: int) -> Array:
    """A year of hours without its leap day. Source: definition."""
    return np.delete(rows, np.r_[LEAP_DAY]) if days == 366 else rows


def _price_shape(text: _Words, folder: Path | None, offset: int) -> tuple[Ratio, str]:
    column = text.optional("price_series")
    year = text.optional("price_year")
    if not column:
        return np.ones(HOURS_PER_YEAR), "No hourly price: the yearly mean in every hour."
    if folder is not None and (folder / PRICES).is_file():
        price = _column(folder / PRICES, column, year)
        return local_hours(utc=price / price.mean(), offset=offset), f"Price shape: {column} of {year}."
    return _open_price_shape(text, offset)


def _open_price_shape(text: _Words, offset: int) -> tuple[Ratio, str]:
    region = text.optional("carbon_region")
    net_load = packaged_series("generation").get(f"{region}/net_load_shape")
    absent = f"The operator's prices ({text.optional('price_series')}) are not here;"
    if net_load is None:
        return np.ones(HOURS_PER_YEAR), f"{absent} the yearly mean stands in for every hour."
    shape = net_load_price_shape(net_load_shape=net_load)
    note = f"{absent} a shape from the fossil generation of {region} in 2022 stands in (assumption)."
    return local_hours(utc=shape / shape.mean(), offset=offset), note


def _average_carbon(text: _Words, folder: Path | None, offset: int) -> tuple[KilogramsCO2PerJoule, str]:
    region = text.optional("carbon_region")
    rate = packaged_series("generation").get(f"{region}/average_carbon")
    if rate is not None:
        return local_hours(utc=rate, offset=offset) * GRAMS_PER_KILOWATT_HOUR, ""
    column = text.optional("carbon_column")
    if column and folder is not None and (folder / ELECTRICITY_MAPS).is_file():
        rate = _column(folder / ELECTRICITY_MAPS, column, "2023")
        note = f"Carbon: {column} of 2023, Electricity Maps (ODbL)."
        return local_hours(utc=rate, offset=offset) * GRAMS_PER_KILOWATT_HOUR, note
    mean = text.value("mean_carbon")
    note = f"No hourly carbon here: the yearly mean of {mean / GRAMS_PER_KILOWATT_HOUR:.0f} g/kWh in every hour."
    return np.full(HOURS_PER_YEAR, mean), note


def _marginal_carbon(text: _Words, average: KilogramsCO2PerJoule, offset: int) -> tuple[KilogramsCO2PerJoule, str]:
    if not text.optional("marginal_region"):
        return average, "No marginal carbon is known here: the average stands in."
    region = text.choice("marginal_region", sorted(MARGINAL_UTC_OFFSET))
    rate = packaged_series("marginal")[region] * GRAMS_PER_KILOWATT_HOUR
    return local_hours(utc=rate, offset=offset - MARGINAL_UTC_OFFSET[region]), ""


def _grid_clean_share(text: _Words, offset: int) -> tuple[Ratio, str]:
    share = packaged_series("generation").get(f"{text.optional('carbon_region')}/clean_share")
    if share is None:
        return np.zeros(HOURS_PER_YEAR), "The grid's clean share by the hour is not known here and counts as zero."
    return local_hours(utc=share, offset=offset), ""


def _shapes(text: _Words, offset: int) -> tuple[Mapping[str, Ratio], str]:
    region = text.optional("carbon_region")
    fleets = {kind: packaged_series("generation").get(f"{region}/{kind}_shape") for kind in DRIVEN_BY_WEATHER}
    known = {kind: local_hours(utc=shape, offset=offset) for kind, shape in fleets.items() if shape is not None}
    missing = [kind for kind in DRIVEN_BY_WEATHER if kind not in known] if region else []
    note = f"The region's fleet ({region}) has no {' or '.join(missing)} by the hour." if missing else ""
    return {"flat": np.ones(HOURS_PER_YEAR)} | known | _shapes_of_plants(text, offset), note


def _shapes_of_plants(text: _Words, offset: int) -> dict[str, Ratio]:
    """Shapes of one plant of each kind at a place that the site names, such as ``west-texas-wind``."""
    if not text.optional("plants"):
        return {}
    plants = packaged_series("plants")
    place = text.choice("plants", sorted({title.split("/")[0] for title in plants}))
    late = offset - int(plants[f"{place}/utc_offset"])
    return {f"{place}-{kind}": local_hours(utc=plants[f"{place}/{kind}"], offset=late) for kind in DRIVEN_BY_WEATHER}


@cache
def _table(path: Path) -> tuple[list[str], list[str], list[tuple[str, ...]]]:
    """Titles, stamps and columns of text of an hourly table, read once."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        titles, *lines = list(csv.reader(stream)) or [[]]
    uneven = [number for number, line in enumerate(lines, start=2) if len(line) != len(titles)]
    if uneven or not lines:
        got = f"{len(lines[uneven[0] - 2])} cells" if uneven else "no lines"
        expected = f"lines of {len(titles)} cells" if uneven else "a title line and hours"
        raise InputError([Fault(str(path), "", got, expected, line=uneven[0] if uneven else None)])
    stamps, *columns = zip(*lines, strict=True)
    return titles[1:], list(stamps), columns


@lru_cache(maxsize=64)
def _column(path: Path, column: str, year: str) -> Array:
    titles, stamps, columns = _table(path)
    if column not in titles:
        expected = f"one of {', '.join(titles)}"
        raise InputError([Fault(str(path), "", f"no column {column!r}", expected, nearest=nearest(column, titles))])
    values = []
    for line, (stamp, text) in enumerate(zip(stamps, columns[titles.index(column)], strict=True), start=2):
        if stamp.startswith(year):
            try:
                values.append(float(text))
            except ValueError:
                raise InputError([Fault(str(path), column, repr(text), "a number", line=line)]) from None
    found = year_of_hours(rows=np.array(values), days=len(values) // 24)
    if found.shape != (HOURS_PER_YEAR,):
        raise InputError([Fault(str(path), column, f"{len(values)} hours of {year!r}", "a year of 8,760 hours")])
    return found
