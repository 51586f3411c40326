"""Build the hourly series of the package from CSV files.

    python scripts/build_series.py WEATHER_DIR POWER_DIR

WEATHER_DIR holds hourly weather CSVs and an ``index.csv`` (file, site, utc_offset_h, kind, source).
POWER_DIR holds the hourly generation mix of Form EIA-930, AVERT marginal emission rates, wholesale
prices and Electricity Maps carbon intensities. docs/data-licenses.md says where each is from, and
why prices and Electricity Maps data go to data/restricted and not into the package.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from stackwright.core.units import HOURS_PER_YEAR
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
    "openmeteo_frankfurt_de_2022",
    "openmeteo_london_uk_2022",
    "openmeteo_singapore_sg_2022",
    "openmeteo_tokyo_jp_2022",
)
"""Packaged weather: one year for each site record. The open-meteo files listed use the standard offset."""

WEATHER_FIELDS = ("dry_bulb", "wet_bulb", "dew_point", "pressure", "irradiance", "wind_speed")
FUELS = ("wind_mw", "solar_mw", "hydro_mw", "oil_mw", "gas_mw", "coal_mw", "nuclear_mw", "other_mw")
FOSSIL = ("oil_mw", "gas_mw", "coal_mw")
CLEAN = ("wind_mw", "solar_mw", "hydro_mw", "nuclear_mw")

PRICES = "wholesale_prices_2022_2024_usd_per_mwh.csv"
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
            weather = read_csv(directory / entry["file"], kind=entry["kind"], utc_offset=float(entry["utc_offset_h"]))
            arrays |= weather_arrays(name, weather)
    return arrays


def weather_arrays(name: str, weather: Weather) -> dict[str, np.ndarray]:
    """The known fields of one year, and its offset from UTC in hours."""
    known = {field: getattr(weather, field) for field in WEATHER_FIELDS if getattr(weather, field) is not None}
    arrays = {f"{name}/{field}": np.asarray(values, dtype=np.float32) for field, values in known.items()}
    return arrays | {f"{name}/utc_offset": np.float32(weather.utc_offset)}


def build_generation(path: Path) -> dict[str, np.ndarray]:
    """``<region>/<what>`` in UTC: average carbon in g/kWh, clean share, and shapes with a mean of one."""
    table: dict[str, list[list[float]]] = {}
    for row in rows(path):
        numbers = [max(float(row[fuel]), 0.0) for fuel in FUELS]
        table.setdefault(row["region"], []).append([*numbers, float(row["avg_ci_g_per_kwh"])])
    arrays: dict[str, np.ndarray] = {}
    for region, lines in table.items():
        columns = dict(zip((*FUELS, "carbon"), np.array(lines).T, strict=True))
        arrays |= {f"{region}/{what}": values for what, values in region_arrays(columns).items()}
    return arrays


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


def write_gzip(source: Path, target: Path) -> None:
    """Compress without a time stamp, so that the same input gives the same file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(source.read_bytes())


def main() -> None:
    """Read both folders, check lengths, write the packaged and the restricted files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weather", type=Path)
    parser.add_argument("power", type=Path)
    given = parser.parse_args()
    packages = {
        "weather": build_weather(given.weather),
        "generation": build_generation(given.power / "eia930_generation_mix_2022.csv.gz"),
        "marginal": build_marginal(given.power / "avert_2023_marginal_co2_g_per_kwh.csv"),
    }
    PACKAGED.mkdir(parents=True, exist_ok=True)
    for title, arrays in packages.items():
        wrong = [name for name, values in arrays.items() if values.ndim and values.shape != (HOURS_PER_YEAR,)]
        if wrong:
            raise SystemExit(f"not {HOURS_PER_YEAR} hours: {', '.join(wrong)}")
        np.savez_compressed(PACKAGED / f"{title}.npz", allow_pickle=False, **arrays)
    write_gzip(given.power / PRICES, RESTRICTED / "prices" / f"{PRICES}.gz")
    write_gzip(given.power / ELECTRICITY_MAPS, RESTRICTED / "odbl" / f"{ELECTRICITY_MAPS}.gz")


if __name__ == "__main__":
    main()
