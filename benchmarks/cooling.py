"""CPU time of a year of hourly cooling: every type, 8 sites, one supply temperature each, load by the hour."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.cooling import TYPES
from stackwright.core.units import HOURS_PER_YEAR, ZERO_CELSIUS
from stackwright.stack.parts import Parts

SITES = ("ashburn-va", "abilene-tx", "atlanta-ga", "chicago-il", "phoenix-az", "sanjose-ca", "seattle-wa", "singapore")
SUPPLY = {"air": 25.0, "liquid": 40.0, "immersion": 40.0}
TARGET = 0.050


def measure_cooling(runs: int = 15) -> dict[str, Any]:
    """Median CPU seconds of all types together and of each, electricity and design capacity included."""
    parts = Parts(Catalog.load())
    series = [load_site_series(parts.get("datacenter", site).record) for site in SITES]
    weather = {name: np.stack([getattr(one, name) for one in series]) for name in ("dry_bulb", "wet_bulb", "dew_point")}
    hour = np.arange(HOURS_PER_YEAR)
    load = 0.76 + 0.24 * np.sin(2.0 * np.pi * hour / 24.0)
    specs = {name: parts.get("cooling", record_id(name)).spec for name in TYPES}

    def run(name: str) -> None:
        found = specs[name].load(
            supply_temperature=SUPPLY[specs[name].heat_path] + ZERO_CELSIUS,
            liquid_share=0.85,
            load_fraction=load,
            **weather,
        )
        assert np.shape(found.electricity + found.water)[-1] == HOURS_PER_YEAR
        specs[name].capex(found.design_capacity())

    for name in TYPES:
        run(name)
    seconds: dict[str, list[float]] = {name: [] for name in TYPES}
    for _ in range(runs):
        for name in TYPES:
            before = time.process_time()
            run(name)
            seconds[name].append(time.process_time() - before)
    by_type = {name: median(values) for name, values in seconds.items()}
    return {
        "types": len(TYPES),
        "sites": len(SITES),
        "hours": HOURS_PER_YEAR,
        "cpu_seconds": median(map(sum, zip(*seconds.values(), strict=True))),
        "target_cpu_seconds": TARGET,
        "cpu_seconds_by_type": by_type,
    }


def record_id(name: str) -> str:
    """Id of the generic product of a type: its class name in lower case with dashes."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def cooling_table(figures: dict[str, Any]) -> str:
    """Figures as aligned lines."""
    head = f"hourly cooling, {figures['types']} types, {figures['sites']} sites, {figures['hours']:,} hours, CPU ms"
    lines = [f"{head:<68} {1e3 * figures['cpu_seconds']:>8.1f} (target {1e3 * figures['target_cpu_seconds']:.0f})"]
    lines += [f"  {name:<66} {1e3 * value:>8.2f}" for name, value in figures["cpu_seconds_by_type"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(cooling_table(measure_cooling()))
