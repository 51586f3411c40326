"""The supply temperature that is best for chip, plant and meter together is found, and differs by site."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.core.units import ZERO_CELSIUS
from stackwright.stack.parts import Parts
from stackwright.stack.plant import PlantSpecs
from stackwright.stack.supply_temperature import SupplyCurve, supply_curve

PAGE = Path(__file__).parents[2] / "docs" / "ideas" / "supply-temperature.md"
CELSIUS = np.arange(20.0, 46.0)
SITES = (
    "seattle-wa",
    "chicago-il",
    "ashburn-va",
    "atlanta-ga",
    "dallas-tx",
    "phoenix-az",
    "london-uk",
    "singapore",
)
TYPES = ("direct-liquid-dry", "direct-liquid-hybrid", "direct-liquid-tower")
WORK = {"flop_rate": 5e14, "byte_rate": 3e12, "precision": "fp8"}
"""A load of a GB200 at about four fifths of its power limit: a warmer chip draws more and does not slow down."""


@cache
def catalog_parts() -> Parts:
    return Parts(Catalog.load())


@cache
def curve(site: str, cooling: str) -> SupplyCurve:
    parts = catalog_parts()
    rack = parts.get("rack", "gb200-nvl72")
    chip = parts.get("chip", "nvidia-gb200")
    place = parts.get("datacenter", site)
    specs = PlantSpecs(
        cooling=parts.get("cooling", cooling).spec,
        site=place.spec,
        building=parts.get("datacenter", "hyperscale-building").spec,
        redundancy=parts.get("datacenter", "n-plus-1").spec,
        distribution=parts.get("datacenter", "ac-415-rack-battery").spec,
        portfolio=None,  # type: ignore[arg-type]
    )
    tdp = chip.spec.tdp
    power = rack.spec.power(tdp)
    return supply_curve(
        specs,
        load_site_series(place.record),
        parts.get("chip", str(chip.record.links["power"])).spec,
        supply_temperature=CELSIUS + ZERO_CELSIUS,
        tdp=tdp,
        other_power=power.input - tdp,
        liquid_share=rack.spec.liquid_share,
        **WORK,
    )


def best(values: np.ndarray) -> float:
    return float(CELSIUS[values.argmin()])


def table() -> str:
    """The table of the page: the best temperature of each site and type, and what it is worth."""
    lines = [
        "| site | cooling | best for the year | worth | best for the worst hour | worth |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for cooling in TYPES:
        for site in SITES:
            found = curve(site, cooling)
            cells = []
            for values in (found.mean_meter, found.peak_meter):
                spared = 1.0 - values.min() / values[CELSIUS == 30.0][0]
                cells.append(f"{best(values):.0f} degC | {spared:.1%}".replace("%", " %"))
            lines.append(f"| {site} | {cooling} | {' | '.join(cells)} |")
    return "\n".join(lines)


def one_site(site: str) -> str:
    """Table of one site on dry coolers, every five kelvin."""
    found = curve(site, "direct-liquid-dry")
    lines = [
        "| supply | junction | chip power | meter, year | meter, worst hour |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for at in range(0, len(CELSIUS), 5):
        junction = found.junction_temperature[at] - ZERO_CELSIUS
        numbers = f"{found.chip_power[at]:.3f} | {found.mean_meter[at]:.3f} | {found.peak_meter[at]:.3f}"
        lines.append(f"| {CELSIUS[at]:.0f} degC | {junction:.0f} degC | {numbers} |")
    return "\n".join(lines)


def test_the_best_temperature_is_inside_the_range_and_differs_by_site() -> None:
    found = {site: best(curve(site, "direct-liquid-dry").mean_meter) for site in SITES}
    assert all(CELSIUS[0] < value < CELSIUS[-1] for value in found.values()), found
    assert found["phoenix-az"] >= found["seattle-wa"] + 5.0
    assert len(set(found.values())) >= 4


def test_the_worst_hour_wants_warmer_coolant_than_the_year() -> None:
    for site in SITES:
        found = curve(site, "direct-liquid-dry")
        assert best(found.peak_meter) >= best(found.mean_meter), site


def test_warmth_costs_leakage_and_spares_chillers() -> None:
    found = curve("dallas-tx", "direct-liquid-dry")
    assert (np.diff(found.chip_power) > 0.0).all()
    per_kelvin = np.diff(found.chip_power) / found.chip_power[:-1]
    # power-per-kelvin of accelerators, 0.15 to 0.35 % (engineering knowledge)
    assert per_kelvin.min() > 0.0015
    assert per_kelvin.max() < 0.0035
    assert (np.diff(found.peak_meter) < 0.0).all()
    assert found.overload.max() == pytest.approx(0.0)


def test_the_page_shows_what_is_computed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text
    assert one_site("dallas-tx") in text
