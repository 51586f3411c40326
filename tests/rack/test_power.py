"""Power of a rack by part: it closes, its losses follow the load, and published racks come out as published."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.rack.system import System

PUBLISHED = {"gb200-nvl72": (120e3, 132e3), "gb300-nvl72": (142e3, 142e3), "vr-nvl72": (190e3, 230e3)}
"""Full racks, W. Source: vendor and press figures of GB200, GB300 and Vera Rubin NVL72 racks, 2024 to 2026."""
RANGES = {"processor_power", "nic_power", "switch_power", "board_power"}


@cache
def catalog() -> Catalog:
    return Catalog.load()


def racks() -> list[str]:
    return [record.id for record in catalog().records("rack")]


def system(name: str) -> System:
    return catalog().get("rack", name).spec(System)


def limit(name: str) -> float:
    """Thermal design power of the accelerator of a rack, W."""
    return catalog().get("chip", str(catalog().get("rack", name).links["chip"])).values["tdp"].value


@given(chip=st.floats(20.0, 3000.0), supply=st.floats(0.3, 1.2), busbar=st.floats(0.0, 1.2))
def test_the_parts_of_a_rack_close(chip: float, supply: float, busbar: float) -> None:
    rack = system("gb300-nvl72").power(chip, supply_scale=supply, busbar_scale=busbar)
    parts = [getattr(rack, name) for name in rack.__dataclass_fields__]
    assert rack.input == pytest.approx(sum(parts), rel=1e-12)
    assert rack.input >= rack.shelf_output >= rack.delivered > rack.chip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_full_rack_takes_what_is_published(name: str) -> None:
    own = system(name)
    low, high = PUBLISHED[name]
    assert 0.95 * low <= own.power(limit(name)).input * own.chips_per_rack <= 1.05 * high


def test_every_rack_stays_within_its_supplies() -> None:
    for name in racks():
        own = system(name)
        assert own.power(limit(name)).shelf_output <= own.supply_rating, name


def test_efficiency_follows_the_load_of_the_supplies() -> None:
    """Open Rack V3 class: 94 % at a tenth of the load and above 96.5 % from 0.3 on; AC supplies: 80 PLUS Titanium."""
    marks = {
        "gb200-nvl72": {0.1: (0.935, 0.96), 0.3: (0.965, 0.975), 0.5: (0.965, 0.975), 1.0: (0.965, 0.975)},
        "hgx-h100-air": {0.1: (0.90, 0.93), 0.2: (0.94, 0.96), 0.5: (0.958, 0.97), 1.0: (0.91, 0.965)},
    }
    for name, points in marks.items():
        own = system(name)
        for load, (low, high) in points.items():
            output = load * own.supply_rating
            chip = (output / (1.0 + own.fan_share)) - sum(getattr(own, part) for part in RANGES)
            rack = own.power(chip, busbar_scale=0.0)
            assert low <= rack.shelf_output / rack.input <= high, (name, load)


def test_an_idle_rack_loses_a_larger_share() -> None:
    own = system("hgx-h100-air")
    idle, busy = own.power(90.0), own.power(600.0)
    assert idle.supply / idle.input > busy.supply / busy.input
    assert idle.busbar / idle.input < busy.busbar / busy.input


def test_direct_current_spares_a_part_of_the_losses() -> None:
    own = system("gb300-nvl72")
    shelves, direct = own.power(1400.0), own.power(1400.0, supply_scale=0.6, busbar_scale=0.2)
    assert direct.delivered == shelves.delivered
    assert direct.busbar == pytest.approx(0.2 * shelves.busbar)
    assert direct.supply == pytest.approx(0.6 * shelves.supply, rel=0.01)


def test_cold_plates_take_the_share_of_heat_that_is_stated() -> None:
    """Within 4 points, for all racks with cold plates; the compute tray of a GB300 rack gives 94 % (6.2 of 6.6 kW)."""
    plated = [name for name in racks() if system(name).plates()]
    assert len(plated) >= 10
    for name in plated:
        own = system(name)
        assert own.power(limit(name)).heat_to(own.plates()) == pytest.approx(float(own.liquid_share), abs=0.04), name
    own = system("gb300-nvl72")
    rack, plates = own.power(1400.0), own.plates()
    tray = rack.chip + rack.processor + rack.nic
    assert (rack.chip * plates["chip"] + rack.processor * plates["processor"]) / tray == pytest.approx(0.94, abs=0.04)


def test_an_air_cooled_build_has_no_plates() -> None:
    for name in racks():
        assert bool(system(name).plates()) == (float(system(name).liquid_share) > 0), name


def test_powers_over_arrays_add_up() -> None:
    own = system("hgx-b200-liquid")
    rack = own.power(np.array([200.0, 600.0, 1000.0]))
    both = rack + rack.times(2.0)
    assert both.input == pytest.approx(3.0 * rack.input)
    assert both.delivered == pytest.approx(3.0 * rack.delivered)
