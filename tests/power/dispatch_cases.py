"""Three dispatch problems of one gigawatt, from easy to storage-heavy, on series of the package.

Costs are round numbers near those of the plants' records (NREL ATB 2024; the tests compare solvers and
methods, not technologies); yields are those of the regions' fleets, scaled to the capacity factors below.
"""

from __future__ import annotations

import numpy as np

from stackwright.catalog.series import PRICES, _column, local_hours, packaged_series, restricted_folder
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR, Array
from stackwright.power.grid import net_load_price_shape
from stackwright.power.supply import CleanTarget, Connection, Generator, Store, Supply

PER_MWH = 1.0 / 3.6e9
PER_KW_YEAR = 1e-3 / SECONDS_PER_YEAR
SOLAR_FACTOR = {"pjm": 0.19, "ercot": 0.25}
WIND_FACTOR = {"pjm": 0.27, "ercot": 0.33}
CASES = ("va80", "tx90", "island")


def annuity(rate: float, life: float) -> float:
    return rate / (1.0 - (1.0 + rate) ** -life)


def price(region: str) -> Array:
    """USD/J: the operator's series where the checkout has it, else the open stand-in at the same mean."""
    folder = restricted_folder()
    column, year, mean, offset = {
        "pjm": ("pjm_dom_rt", "2023", 32.0, -5),
        "ercot": ("ercot_hubavg_da", "2024", 28.0, -6),
    }[region]
    if folder is not None and (folder / PRICES).is_file():
        return local_hours(utc=_column(folder / PRICES, column, year), offset=offset) * PER_MWH
    return (
        mean * PER_MWH * net_load_price_shape(net_load_shape=packaged_series("generation")[f"{region}/net_load_shape"])
    )


def one_farm(fleet: Array, factor: float, rise: float) -> Array:
    """Availability of one farm, which swings more than the fleet: a convex curve with the farm's capacity factor."""
    return np.clip(fleet**rise / np.mean(fleet**rise) * factor, 0.0, 1.0)


def case(name: str, *, hours: int = HOURS_PER_YEAR) -> Supply:
    """A case by name; fewer hours are the first ones of the year, at a year's weight each."""
    region = "pjm" if name == "va80" else "ercot"
    offset = -5 if name == "va80" else -6
    made = packaged_series("generation")
    solar, wind = (
        one_farm(local_hours(utc=made[f"{region}/{kind}_shape"], offset=offset), factor[region], rise)[:hours]
        for kind, factor, rise in (("solar", SOLAR_FACTOR, 1.0), ("wind", WIND_FACTOR, 1.7))
    )
    generators = [
        Generator("solar", 0.0, np.inf, PER_KW_YEAR * 1285 * (annuity(0.07, 30) + 0.015), 0.0, solar, 1.0, 0.0),
        Generator("wind", 0.0, np.inf, PER_KW_YEAR * 1515 * (annuity(0.07, 30) + 0.02), 0.0, wind, 1.0, 0.0),
        Generator(
            "gas", 0.0, np.inf, PER_KW_YEAR * 1610 * (annuity(0.07, 30) + 0.022), 28.5 * PER_MWH, 1.0, 0.0, 0.34 / 3.6e6
        ),
    ]
    if name == "va80":
        nuclear = Generator("nuclear", 0.0, 6e8, PER_KW_YEAR * 85 * 8.76 * 0.93, 0.0, 0.93, 1.0, 0.0)
        generators.append(nuclear)
    battery = Store(
        "battery",
        0.0,
        np.inf,
        100 * 3600.0,
        PER_KW_YEAR * 466 * (annuity(0.07, 15) + 0.023),
        PER_KW_YEAR / 3600.0 * 274 * (annuity(0.07, 15) + 0.023),
        0.85,
    )
    meter = Connection(
        most=0.0 if name == "island" else 6e8,
        price=price(region)[:hours],
        delivery_charge=15 * PER_MWH,
        capacity_charge=0.0,
        carbon=0.36 / 3.6e6,
        clean_share=0.4,
    )
    least = {"va80": 0.8, "tx90": 0.9, "island": 0.7}[name]
    return Supply(
        load=np.full(hours, 1e9),
        weights=np.full(hours, HOURS_PER_YEAR / hours),
        days=hours // 24,
        connection=meter,
        generators=tuple(generators),
        stores=(battery,),
        clean=CleanTarget(least, "grid"),
    )
