"""Without its largest part a plant serves what the rest can, and the load gives way before it is cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dispatch_cases import PER_KW_YEAR, PER_MWH

from stackwright.power.dispatch import solve
from stackwright.power.outage import CONNECTION, outages, tightest_hour
from stackwright.power.supply import Connection, Flexible, Generator, Store, Supply

MEGAWATT = 1e6
HOURS = 14 * 24
LOAD = 100 * MEGAWATT * (1.0 + 0.1 * np.sin(np.arange(HOURS) * 2 * np.pi / 24))


def plant(connection: float = 50.0, battery: float = 0.0, flexible: Flexible | None = None) -> Supply:
    """Three engines of 25 MW, a connection, and a battery."""
    engines = Generator("engines", 75e6, 75e6, 100 * PER_KW_YEAR, 60 * PER_MWH, 1.0, 0.0, 1e-7, unit=25e6)
    size = battery * MEGAWATT
    store = Store("battery", size, size, 4 * 3600.0, 20 * PER_KW_YEAR, 0.0, 0.85)
    return Supply(
        load=LOAD,
        weights=np.full(HOURS, 8760 / HOURS),
        days=14,
        connection=Connection(connection * MEGAWATT, np.full(HOURS, 40 * PER_MWH), 0.0, 0.0),
        generators=(engines,),
        stores=(store,) if battery else (),
        flexible=flexible,
    )


def test_a_lost_engine_leaves_what_the_rest_cannot_serve() -> None:
    problem = plant()
    found = {item.lost: item for item in outages(problem, solve(problem))}
    day = LOAD[:24]
    engine = found["engines"]
    assert engine.power == 25e6
    assert engine.unserved == pytest.approx(np.maximum(day - 100e6, 0.0).sum() * 3600.0)
    assert engine.highest == pytest.approx(10e6)
    assert engine.load == pytest.approx(day.sum() * 3600.0)
    meter = found[CONNECTION]
    assert meter.unserved == pytest.approx(np.maximum(day - 75e6, 0.0).sum() * 3600.0)
    assert meter.share == pytest.approx(meter.unserved / meter.load)


def test_the_worst_loss_comes_first_and_a_part_of_the_connection_is_less() -> None:
    problem = plant()
    planned = solve(problem)
    found = outages(problem, planned)
    assert [item.unserved for item in found] == sorted((item.unserved for item in found), reverse=True)
    half = next(item for item in outages(problem, planned, derate=0.5) if item.lost == CONNECTION)
    assert half.unserved < found[0].unserved


def test_a_longer_failure_loses_more() -> None:
    problem = plant()
    planned = solve(problem)
    day, week = (outages(problem, planned, duration=hours * 3600.0)[0] for hours in (24, 168))
    assert week.unserved == pytest.approx(7 * day.unserved)


def test_storage_and_load_that_gives_way_serve_a_part() -> None:
    bare = plant()
    stored = plant(battery=20.0)
    flexible = plant(flexible=Flexible(movable=0.05, pausable=0.1, pause_value=300 * PER_MWH, pause_time=12 * 3600.0))
    alone, with_store, with_load = (outages(problem, solve(problem)) for problem in (bare, stored, flexible))
    by_engine = [next(item for item in found if item.lost == "engines") for found in (alone, with_store, with_load)]
    assert by_engine[1].unserved < by_engine[0].unserved
    assert by_engine[2].unserved < by_engine[0].unserved
    assert by_engine[2].flexed > 0.0 and by_engine[0].flexed == pytest.approx(0.0, abs=1.0)


def test_spare_units_carry_the_load() -> None:
    problem = plant(connection=120.0)
    found = {item.lost: item for item in outages(problem, solve(problem))}
    assert found["engines"].unserved == pytest.approx(0.0, abs=1.0)


def test_the_failure_comes_when_least_is_spare() -> None:
    spare = np.ones(100)
    spare[40:46] = -1.0
    assert tightest_hour(spare=spare, hours=6) == 40
    assert tightest_hour(spare=spare, hours=100) == 0


def test_the_plan_that_is_checked_is_left_as_it_is() -> None:
    problem = plant(battery=10.0)
    planned = solve(problem)
    assert outages(problem, planned) == outages(replace(problem), planned)
