"""Published plants and what the packaged records predict for them; run it to write the page of both.

    python tests/cooling/published_plants.py

`published_plants.yaml` has the design facts and what was published. One set of parameters serves all plants:
a plant differs by its site, its types and the facts that its owner states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from stackwright.catalog import Catalog
from stackwright.catalog.series import packaged_series
from stackwright.cooling.fans_and_pumps import pump_power
from stackwright.core.units import ZERO_CELSIUS
from stackwright.datacenter.meter import meter_power
from stackwright.datacenter.weather import read_csv
from stackwright.stack.parts import Parts

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "evidence" / "plants.md"
WEATHER = ("dry_bulb", "wet_bulb", "dew_point")
LITERS_PER_KWH = 3.6e9


@dataclass(frozen=True)
class Row:
    """One published figure and its prediction."""

    plant: str
    figure: str
    published: str
    low: float
    high: float
    predicted: float
    weather: str
    facts: str
    sources: tuple[str, ...]
    misses: str = ""
    """Why the prediction is outside its band, where it is known to be."""

    @property
    def met(self) -> bool:
        return self.low <= self.predicted <= self.high


@cache
def parts() -> Parts:
    return Parts(Catalog.load())


def weather_of(name: str) -> dict[str, Any]:
    """A year of the package, or one beside this file."""
    own = HERE / "weather" / f"{name}.csv"
    if own.exists():
        year = read_csv(own)
        return {field: getattr(year, field) for field in WEATHER}
    return {field: packaged_series("weather")[f"{name}/{field}"] for field in WEATHER}


def year_of(plant: dict[str, Any]) -> dict[str, float]:
    """PUE and WUE of a year at a constant load."""
    cooling = replace(parts().get("cooling", plant["cooling"]).spec, **plant.get("changed", {}))
    redundancy, distribution, building = (
        parts().get("datacenter", name).spec
        for name in (plant["redundancy"], plant["distribution"], "hyperscale-building")
    )
    weather, load = weather_of(plant["weather"]), plant["load_fraction"]
    supply = plant["supply_temperature"] + ZERO_CELSIUS
    if "chillers" in plant.get("without", ()):
        supply = np.maximum(supply, weather["wet_bulb"] + cooling.tower_approach * load)
    if "conversion" in plant.get("without", ()):
        distribution = replace(
            distribution, conversion_constant=0.0, conversion_proportional=0.0, conversion_quadratic=0.0
        )
    cold = cooling.load(
        supply_temperature=supply,
        liquid_share=plant["liquid_share"],
        load_fraction=load,
        **weather,
    )
    module = redundancy.module_load(load)
    power = meter_power(
        it_power=np.full_like(weather["dry_bulb"], load),
        full_it_power=1.0,
        cooling_electricity=cold.electricity,
        house_share=building.house_share,
        distribution_loss=distribution.loss(module),
        mechanical_loss=distribution.mechanical_loss(module),
    )
    return {"PUE": float(power.total.mean() / load), "WUE": float(np.mean(cold.water)) * LITERS_PER_KWH}


def plant_rows() -> Iterator[Row]:
    """Every figure of every plant of the file."""
    for plant in yaml.safe_load((HERE / "published_plants.yaml").read_text(encoding="utf-8"))["plants"]:
        found = year_of(plant)
        for figure in plant["figures"]:
            yield Row(
                plant["name"],
                figure["figure"],
                figure["published"],
                figure["low"],
                figure["high"],
                found[figure["figure"]],
                plant["weather_is"],
                plant["facts"],
                (plant["source"], figure["source"]),
                figure.get("misses", ""),
            )


def mixed_water() -> float:
    """Water of a fleet of adiabatic halls with some towers, over all packaged climates, L/kWh."""
    places = sorted({name.split("/")[0] for name in packaged_series("weather")})

    def mean(cooling: str) -> float:
        base = {"redundancy": "n", "distribution": "ac-415-rack-battery", "liquid_share": 0.0, "load_fraction": 1.0}
        return float(
            np.mean(
                [
                    year_of({**base, "cooling": cooling, "weather": place, "supply_temperature": 26.7})["WUE"]
                    for place in places
                ]
            )
        )

    return 0.85 * mean("direct-air-adiabatic") + 0.15 * mean("water-chiller")


FRONTIER = {"racks": 74, "nodes": 128, "switches": 32, "switch": 250.0, "units": 25, "unit_pumps": 8470.0}
"""Of ExaDigiT RAPS, config/frontier: racks, nodes and switches of a rack, W of a switch, coolant units, W of each."""
NODE = {"idle": 4 * 88 + 90 + 74.26 + 4 * 20 + 30, "most": 4 * 560 + 280 + 74.26 + 4 * 20 + 30}
RECTIFIER, CONVERTER = 0.96, 0.98
RAPS = "https://github.com/ExaDigiT/RAPS"
FRONTIER_DATA = "https://pmc.ncbi.nlm.nih.gov/articles/PMC11450168"


def frontier_racks(state: str) -> float:
    """Watts at the racks' inputs, from node counts and the published conversions."""
    node = FRONTIER["nodes"] * NODE[state] / (RECTIFIER * CONVERTER)
    return FRONTIER["racks"] * (node + FRONTIER["switches"] * FRONTIER["switch"] / RECTIFIER)


def rack_rows() -> Iterator[Row]:
    """Racks and chips: power by part, liquid share, temperatures."""
    gb200, gb300 = "https://www.nvidia.com/en-us/data-center/gb200-nvl72/", "https://www.epium.com/"
    for name, low, high, source in (("gb200-nvl72", 120e3, 132e3, gb200), ("gb300-nvl72", 132e3, 142e3, gb300)):
        system = parts().get("rack", name)
        chip = parts().get("chip", str(system.record.links["chip"])).spec
        power = system.spec.power(chip.tdp)
        plates = system.spec.plates()
        yield Row(
            name,
            "rack, kW",
            f"{low / 1e3:.0f} to {high / 1e3:.0f} kW",
            0.95 * low / 1e3,
            1.05 * high / 1e3,
            power.input * system.spec.chips / 1e3,
            "none",
            "parts of the record at the chips' limit, shelves at their load",
            (source,),
        )
        yield Row(
            name,
            "liquid share",
            "0.85 to 0.95",
            0.81,
            0.99,
            power.heat_to(plates),
            "none",
            "what cold plates take of each part",
            (source,),
        )
    tray = parts().get("rack", "gb300-nvl72").spec
    watts = tray.power(parts().get("chip", "nvidia-gb300").spec.tdp)
    inside = {part: getattr(watts, part) for part in ("chip", "processor", "nic", "board")}
    yield Row(
        "gb300-nvl72",
        "liquid share of a compute tray",
        "0.94: 6.2 of 6.6 kW",
        0.90,
        0.98,
        sum(watts_of * tray.plates().get(part, 0.0) for part, watts_of in inside.items()) / sum(inside.values()),
        "none",
        "as above, without switches, shelves and fans",
        (gb300,),
    )


def chip_rows() -> Iterator[Row]:
    """H100 at its limit in air and liquid of one inlet temperature."""
    inlet, power = 25.0 + ZERO_CELSIUS, parts().get("chip", "nvidia-h100-sxm").spec.tdp
    found = {}
    for cooling in ("air-chiller", "direct-liquid-dry"):
        spec = parts().get("cooling", cooling).spec
        coolant = spec.chip_coolant_temperature(supply_temperature=inlet)
        found[cooling] = coolant + power * spec.junction_resistance - ZERO_CELSIUS
    paper = ("https://arxiv.org/abs/2507.16781",)
    facts = "inlet of 25 degC for both, 700 W"
    air = "; the resistance of air comes from this very source, so air is a consistency check"
    yield Row("H100 in air", "degC", "54 to 72", 49.0, 77.0, found["air-chiller"], "none", facts + air, paper)
    yield Row("H100 in liquid", "degC", "41 to 50", 36.0, 55.0, found["direct-liquid-dry"], "none", facts, paper)
    gain = found["air-chiller"] - found["direct-liquid-dry"]
    yield Row("H100, air less liquid", "K", "13 to 22", 8.0, 27.0, gain, "none", facts, paper)


def frontier_rows() -> Iterator[Row]:
    """Frontier from its nodes to the meter."""
    spec = replace(
        parts().get("datacenter", "ac-415-rack-battery").spec,
        conversion_constant=0.0,
        conversion_proportional=0.0,
        conversion_quadratic=0.0,
    )
    most = frontier_racks("most")
    frontier = next(
        plant
        for plant in yaml.safe_load((HERE / "published_plants.yaml").read_text(encoding="utf-8"))["plants"]
        if plant["name"] == "Frontier"
    )
    yield Row(
        "Frontier",
        "most, MW at the meter",
        "8 to 30 MW",
        28.5,
        31.5,
        most * year_of({**frontier, "load_fraction": 1.0})["PUE"] / 1e6,
        frontier["weather_is"],
        "9,472 nodes at their most, 74 racks, rectifiers 96 %, converters 98 %",
        (RAPS, FRONTIER_DATA),
    )
    yield Row(
        "Frontier",
        "node to meter, efficiency",
        "0.93 to 0.945",
        0.92,
        0.955,
        FRONTIER["racks"] * FRONTIER["nodes"] * NODE["most"] / (most - _switches()) / (1.0 + spec.loss(1.0)),
        "none",
        "published conversions in the racks, packaged transformer and busway before them",
        (RAPS,),
    )
    rise = parts().get("cooling", "direct-liquid-tower").spec.coolant_rise
    yield Row(
        "Frontier",
        "pumps of coolant units over IT",
        "0.0075: 25 of 8.47 kW over 28 MW",
        0.006,
        0.009,
        pump_power(pressure_drop=150e3, temperature_rise=rise, efficiency=0.6),
        "none",
        "technology loop alone: 150 kPa, 60 % efficient pumps, the record's rise; +-20 %",
        (RAPS,),
    )


def _switches() -> float:
    return FRONTIER["racks"] * FRONTIER["switches"] * FRONTIER["switch"] / RECTIFIER


def rows() -> list[Row]:
    """All that is compared."""
    found = [*plant_rows(), *frontier_rows(), *rack_rows(), *chip_rows()]
    found.append(
        Row(
            "Microsoft fleet (consistency)",
            "WUE",
            "0.49 (2021), 0.30 (FY24), 0.27 (2025) L/kWh",
            0.2,
            0.5,
            mixed_water(),
            "all packaged climates alike",
            "85 % adiabatic halls and 15 % towers (assumption: the mix is not published)",
            ("https://datacenters.microsoft.com/sustainability/efficiency/",),
        )
    )
    return found


INTRODUCTION = """# Predictions against published plants

Written by `python tests/cooling/published_plants.py`; `tests/cooling/test_published_plants.py` holds it up to date and
holds every verdict. One set of parameters, that of the packaged records, serves all plants. A plant differs by site, by
type and by facts that its owner publishes, which are listed below. Where no load is published it is full load.

Lines marked *consistency* check the code and the choice of presets; all others are predictions of figures that fitted
no parameter, but for the temperature of air-cooled H100, as said there.

"""


def page() -> str:
    """The page, from the rows."""
    found = rows()
    met = sum(row.met for row in found)
    lines = [INTRODUCTION + f"{met} of {len(found)} figures are inside their band.\n"]
    lines += ["| plant | figure | published | band | predicted | met |", "| --- | --- | --- | --- | ---: | --- |"]
    for row in found:
        band = (
            f"{row.low:.3g} to {row.high:.3g}" if row.high > 1.5 or row.high < 1 else f"{row.low:.3f} to {row.high:.3f}"
        )
        shown = f"{row.predicted:.3f}" if row.predicted < 10 else f"{row.predicted:.1f}"
        verdict = "yes" if row.met else "**no**"
        lines.append(f"| {row.plant} | {row.figure} | {row.published} | {band} | {shown} | {verdict} |")
    lines += ["", "## What misses, and why", ""]
    lines += [f"- **{row.plant}, {row.figure}**: {' '.join(row.misses.split())}." for row in found if not row.met]
    lines += ["", "## Design facts, weather and sources", "", "| plant | facts | weather | sources |"]
    lines += ["| --- | --- | --- | --- |"]
    seen = set()
    for row in found:
        key = (row.plant, row.facts)
        if key not in seen:
            seen.add(key)
            links = ", ".join(f"[{at}]({url})" for at, url in enumerate(dict.fromkeys(row.sources), 1))
            lines.append(f"| {row.plant} | {' '.join(row.facts.split())} | {row.weather} | {links} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
