"""Build the hourly series of the package from CSV files.

    python scripts/build_series.py WEATHER_DIR POWER_DIR

WEATHER_DIR holds hourly weather CSVs and an ``index.csv`` (file, site, utc_offset_h, iana_tz, kind, source);
years in a summer offset are turned to standard time. POWER_DIR holds the hourly generation mix of Form EIA-930, AVERT
marginal emission rates, wholesale prices and Electricity Maps carbon intensities. docs/data-licenses.md says where each
is from, what was wrong with its clock, and why prices and Electricity Maps data go to data/restricted and not into the
package.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from weather_plants import solar_output, wind_output

from stackwright.core.units import HOURS_PER_YEAR, ZERO_CELSIUS
from stackwright.datacenter.psychrometrics import standard_pressure
from stackwright.datacenter.weather import Weather, read_csv

ROOT = Path(__file__).resolve().parents[1]
PACKAGED = ROOT / "src" / "stackwright" / "catalog" / "series"
RESTRICTED = ROOT / "data" / "restricted"

WEATHER_SITES = (
    "tmyx_ashburn_va",
    "tmyx_atlanta_ga",
    "tmyx_chicago_il",
    "tmyx_dallas_tx",
    "tmyx_newyork_ny",
    "tmyx_phoenix_az",
    "tmyx_sanjose_ca",
    "tmyx_seattle_wa",
    "openmeteo_dallas_tx_2022",
    "openmeteo_frankfurt_de_2022",
    "openmeteo_london_uk_2022",
    "openmeteo_philadelphia_pa_2022",
    "openmeteo_sanjose_ca_2022",
    "openmeteo_singapore_sg_2022",
    "openmeteo_tokyo_jp_2022",
)
"""Packaged weather: typical years, and the actual year 2022 of the prices and the generation mix."""

ELEVATIONS = {
    "openmeteo_dallas_tx_2022": 131.0,
    "openmeteo_philadelphia_pa_2022": 12.0,
    "openmeteo_sanjose_ca_2022": 25.0,
}
"""Meters above the sea of files without pressure. Source: USGS Geographic Names Information System."""

WEATHER_FIELDS = ("dry_bulb", "wet_bulb", "dew_point", "pressure", "irradiance", "wind_speed")
FUELS = ("wind_mw", "solar_mw", "hydro_mw", "oil_mw", "gas_mw", "coal_mw", "nuclear_mw", "other_mw")
FOSSIL = ("oil_mw", "gas_mw", "coal_mw")
CLEAN = ("wind_mw", "solar_mw", "hydro_mw", "nuclear_mw")

STAMPED_AT_END_FROM = {"caiso": "2022-06-16T07:00", "pjm": "2023"}
"""From when on a region's hours carry the time of their end, as Form EIA-930 asks; from the beginning where not
listed. The solar fleet's middle of the day against the sun shows it: PJM is early by an hour all year, CAISO until
June 2022. Source: gridemissions and Open Grid Emissions, corrections of EIA-930 time stamps."""

PLANTS = {
    "west-texas": {
        "file": "nsrdb_wtk_amarillo_tx_2012.csv",
        "latitude": 35.21,
        "longitude": -101.94,
        "utc_offset": -6.0,
        "elevation": 1100.0,
    }
}
"""Places with wind at hub height and irradiance of an actual year: one plant of each kind."""

STAMP = "%Y-%m-%dT%H:%MZ"
PRICES = "wholesale_prices_2022_2024_usd_per_mwh.csv"
CONVERTED_TWICE = {
    "pjm_dom_rt": "America/New_York",
    "nyiso_da": "America/New_York",
    "caiso_da": "America/Los_Angeles",
}
"""Price columns whose UTC hours were read as hours of this zone and turned to UTC once more. The hour that such a
conversion leaves out in autumn was filled by the mean of its neighbors, to the cent, and days peak at night."""

ELECTRICITY_MAPS = "electricitymaps_ci_direct_2023_odbl.csv"


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Lines of a CSV, gzipped or not, as mappings."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    return csv.DictReader(text.splitlines())


def build_weather(directory: Path) -> dict[str, np.ndarray]:
    """``<site>/<field>`` to 8,760 values, in kelvin, pascals, W/m2 and m/s."""
    arrays: dict[str, np.ndarray] = {}
    for entry in rows(directory / "index.csv"):
        name = Path(entry["file"]).stem
        if name in WEATHER_SITES:
            offset = standard_offset(entry["iana_tz"])
            late = round(float(entry["utc_offset_h"]) - offset)
            weather = read_csv(
                directory / entry["file"], kind=entry["kind"], utc_offset=offset, elevation=ELEVATIONS.get(name, 0.0)
            )
            arrays |= weather_arrays(name, weather, late)
    return arrays


def standard_offset(zone: str, year: int = 2022) -> float:
    """Hours ahead of UTC of a place's standard time: the smaller of its offsets in winter and in summer."""
    days = [datetime(year, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7)]
    return min(day.utcoffset() / timedelta(hours=1) for day in days)


def weather_arrays(name: str, weather: Weather, late: int) -> dict[str, np.ndarray]:
    """The known fields of one year whose clock is `late` hours ahead of standard time, and its offset from UTC."""
    known = {field: getattr(weather, field) for field in WEATHER_FIELDS if getattr(weather, field) is not None}
    arrays = {f"{name}/{field}": np.roll(values, -late).astype(np.float32) for field, values in known.items()}
    return arrays | {f"{name}/utc_offset": np.float32(weather.utc_offset)}


def build_generation(path: Path) -> dict[str, np.ndarray]:
    """``<region>/<what>`` in UTC: average carbon in g/kWh, clean share, and shapes with a mean of one."""
    table: dict[str, list[list[float]]] = {}
    stamps: dict[str, list[str]] = {}
    for row in rows(path):
        numbers = [max(float(row[fuel]), 0.0) for fuel in FUELS]
        table.setdefault(row["region"], []).append([*numbers, float(row["avg_ci_g_per_kwh"])])
        stamps.setdefault(row["region"], []).append(row["time_utc"])
    arrays: dict[str, np.ndarray] = {}
    for region, lines in table.items():
        hours = by_start_of_hour(np.array(lines), stamps[region], STAMPED_AT_END_FROM.get(region, ""))
        columns = dict(zip((*FUELS, "carbon"), hours.T, strict=True))
        arrays |= {f"{region}/{what}": values for what, values in region_arrays(columns).items()}
    return arrays


def by_start_of_hour(lines: np.ndarray, stamps: list[str], at_end_from: str) -> np.ndarray:
    """Rows in the order of the hours that they begin; the last one, of the next year, comes from the beginning."""
    first = sum(stamp < at_end_from for stamp in stamps)
    return np.concatenate([lines[:first], lines[first + 1 :], lines[:1]]) if first < len(lines) else lines


def region_arrays(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the package keeps of one balancing authority's year."""
    total = sum(columns[fuel] for fuel in FUELS)
    kept = {
        "average_carbon": np.round(columns["carbon"], 1),
        "clean_share": np.round(sum(columns[fuel] for fuel in CLEAN) / total, 4),
        "wind_shape": mean_of_one(columns["wind_mw"]),
        "solar_shape": mean_of_one(columns["solar_mw"]),
        "net_load_shape": mean_of_one(sum(columns[fuel] for fuel in FOSSIL)),
    }
    return {what: np.asarray(values, dtype=np.float32) for what, values in kept.items() if values is not None}


def mean_of_one(power: np.ndarray) -> np.ndarray | None:
    """The series divided by its mean, or nothing where the region has none of it."""
    return np.round(power / power.mean(), 4) if power.mean() > 1.0 else None


def build_marginal(path: Path) -> dict[str, np.ndarray]:
    """AVERT region to marginal carbon in g/kWh, in the region's local standard time."""
    lines = list(rows(path))
    regions = [title for title in lines[0] if title != "hour"]
    return {region: np.array([float(line[region]) for line in lines], dtype=np.float32) for region in regions}


def build_plants(directory: Path) -> dict[str, np.ndarray]:
    """``<place>/wind`` and ``/solar`` with a mean of one, in standard time; their capacity factors beside them."""
    arrays: dict[str, np.ndarray] = {}
    for place, given in PLANTS.items():
        lines = list(rows(directory / given["file"]))
        column = {title: np.array([float(line[title]) for line in lines]) for title in lines[0]}
        temperature = column["dry_bulb_c"] + ZERO_CELSIUS
        outputs = {
            "wind": wind_output(
                speed=without_leap_day(column["wind_speed_100m_ms"]),
                temperature=temperature,
                pressure=standard_pressure(elevation=given["elevation"]),
            ),
            "solar": solar_output(
                horizontal=column["ghi_wm2"],
                direct=column["dni_wm2"],
                diffuse=column["dhi_wm2"],
                temperature=temperature,
                latitude=given["latitude"],
                longitude=given["longitude"],
                utc_offset=given["utc_offset"],
            ),
        }
        for kind, output in outputs.items():
            arrays[f"{place}/{kind}"] = np.round(output / output.mean(), 4).astype(np.float32)
            arrays[f"{place}/{kind}_capacity_factor"] = np.float32(output.mean())
        arrays[f"{place}/utc_offset"] = np.float32(given["utc_offset"])
    return arrays


def without_leap_day(hours: np.ndarray) -> np.ndarray:
    """The first 8,760 hours of a leap year without 29 February; 30 December stands in for the day that is missing."""
    return np.concatenate([hours[: 59 * 24], hours[60 * 24 :], hours[-24:]])


def prices_in_utc(path: Path) -> str:
    """The price table with every column at its true hour."""
    lines = list(rows(path))
    stamps = [line["time_utc"] for line in lines]
    columns = {title: [line[title] for line in lines] for title in lines[0]}
    for title, zone in CONVERTED_TWICE.items():
        columns[title] = converted_once(stamps, columns[title], zone)
    return "\n".join(",".join(cells) for cells in [tuple(columns), *zip(*columns.values(), strict=True)]) + "\n"


def converted_once(stamps: list[str], values: list[str], zone: str) -> list[str]:
    """Values whose stamps were turned from a zone to UTC once too often, by their true hour.

    The hour that clocks skip in spring repeats the next one; those after the last stamp repeat the day before.
    """
    given = dict(zip(stamps, values, strict=True))
    found: list[str] = []
    for stamp in stamps:
        misread = datetime.strptime(stamp, STAMP).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).strftime(STAMP)
        found.append(given[misread] if misread in given else found[-24])
    return found


def write_gzip(content: bytes, target: Path) -> None:
    """Compress without a time stamp, so that the same input gives the same file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(content)


def main() -> None:
    """Read both folders, check lengths, write the packaged and the restricted files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weather", type=Path)
    parser.add_argument("power", type=Path)
    given = parser.parse_args()
    packages = {
        "weather": build_weather(given.weather),
        "generation": build_generation(given.power / "eia930_generation_mix_2022.csv.gz"),
        "plants": build_plants(given.weather),
        "marginal": build_marginal(given.power / "avert_2023_marginal_co2_g_per_kwh.csv"),
    }
    PACKAGED.mkdir(parents=True, exist_ok=True)
    for title, arrays in packages.items():
        wrong = [name for name, values in arrays.items() if values.ndim and values.shape != (HOURS_PER_YEAR,)]
        if wrong:
            raise SystemExit(f"not {HOURS_PER_YEAR} hours: {', '.join(wrong)}")
        np.savez_compressed(PACKAGED / f"{title}.npz", allow_pickle=False, **arrays)
    write_gzip(prices_in_utc(given.power / PRICES).encode(), RESTRICTED / "prices" / f"{PRICES}.gz")
    write_gzip((given.power / ELECTRICITY_MAPS).read_bytes(), RESTRICTED / "odbl" / f"{ELECTRICITY_MAPS}.gz")


if __name__ == "__main__":
    main()
