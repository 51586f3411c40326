"""Drills in virtual time: what they do to tokens, watts and dollars follows from the plan's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_plans import APART, TOGETHER, Made, made_of

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError
from stackwright.twin.drills import Drill, checked
from stackwright.twin.meter import Activity, Levers
from stackwright.twin.operation import BusyError, Operation, Watch
from stackwright.twin.rehearsal import Demand, Rehearsal, rehearse
from stackwright.twin.replica import LiveStack

STUDIES = {"together": TOGETHER, "apart": APART}
AT, SECONDS, UNTIL = 40.0, 60.0, 160.0
SETTLED = 10.0
"""Seconds after which a drill's averages are over itself alone."""


@pytest.fixture(scope="module", params=list(STUDIES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Made:
    return made_of(STUDIES[request.param], tmp_path_factory.mktemp("study"), catalog)


def run(made: Made, name: str, load: float = 0.6, **values: float) -> Rehearsal:
    return rehearse(
        made.served,
        made.meter,
        made.meter.conditions["mean"],
        demand=Demand(load=load, lead=60.0),
        name=name,
        values={"seconds": SECONDS, **values},
        at=AT,
        until=UNTIL,
    )


def mean(made: Rehearsal, what: str, start: float, end: float) -> float:
    return float(np.mean([getattr(look, what) for look in made.looks if start <= look.time < end]))


def median_tpot(made: Rehearsal, start: float, end: float) -> float:
    return float(np.median([one.tpot for one in made.between(start, end) if one.tpot is not None]))


def test_a_curtailment_holds_the_meter_at_its_target_and_slows_tokens_by_the_clocks_pace(made: Made) -> None:
    seen = run(made, "curtail", depth=0.25)
    before = float(np.mean([look.meter for look in seen.looks if look.time < AT]))
    during = mean(seen, "meter", AT + SETTLED, AT + SECONDS)
    assert during == pytest.approx(0.75 * before, rel=0.05)
    assert mean(seen, "power_cap", AT + SETTLED, AT + SECONDS) < made.meter.planned_cap
    assert median_tpot(seen, AT + SETTLED, AT + SECONDS) > 1.02 * median_tpot(seen, 0.0, AT - SETTLED)
    first = [float(np.median([one.ttft for one in seen.between(*span)])) for span in ((0.0, AT), (AT, AT + SECONDS))]
    assert first[1] > 1.02 * first[0]
    assert mean(seen, "energy_dollars_per_hour", AT + SETTLED, AT + SECONDS) < mean(
        seen, "energy_dollars_per_hour", 0.0, AT
    )
    after = mean(seen, "meter", AT + SECONDS + 2 * SETTLED, UNTIL)
    assert after == pytest.approx(before, rel=0.12)


def test_the_same_seed_gives_the_same_rehearsal(made: Made) -> None:
    assert run(made, "curtail", depth=0.1) == run(made, "curtail", depth=0.1)


def test_a_lost_rack_is_dark_holds_up_what_ran_on_it_and_comes_back(made: Made) -> None:
    seen = run(made, "lose-rack", racks=1.0)
    before = float(np.mean([look.meter for look in seen.looks if look.time < AT]))
    assert mean(seen, "meter", AT + 1.0, AT + SECONDS) < before
    slow = max(one.tpot for one in seen.between(AT - SETTLED, AT + SECONDS) if one.tpot is not None)
    assert slow > 1.3 * median_tpot(seen, 0.0, AT - SETTLED)
    assert mean(seen, "meter", UNTIL - 2 * SETTLED, UNTIL) == pytest.approx(before, rel=0.15)
    assert any("goes dark" in note for note in seen.notes)


def test_work_that_the_lowest_clock_cannot_do_waits(made: Made) -> None:
    seen = run(made, "curtail", load=1.0, depth=0.6)
    usual = max(look.waiting for look in seen.looks if look.time < AT)
    assert max(look.waiting for look in seen.looks) > 5.0 * usual
    fewer = mean(seen, "tokens_per_second", AT + SETTLED, AT + SECONDS)
    assert 0.0 < fewer < 0.95 * mean(seen, "tokens_per_second", 0.0, AT)
    assert any("out of reach" in note or "idle" in note for note in seen.notes)


class Steady(Watch):
    """A load that is always the same."""

    def __init__(self, made: Made, load: float) -> None:
        super().__init__(made.meter, LiveStack(made.served))
        self.work = made.at(load)

    def over(self, window: float) -> Activity:
        return self.work


def operation(made: Made, load: float = 1.0) -> Operation:
    """An operation that has seen a steady load."""
    mean = made.meter.conditions["mean"]
    one = Operation(LiveStack(made.served), made.meter, lambda: mean, Steady(made, load))
    one.step(1.0)
    return one


def test_a_tripped_pump_of_a_plan_without_spares_warms_the_coolant_and_of_one_with_a_spare_does_nothing(
    made: Made,
) -> None:
    one = operation(made)
    plain = one.power()
    units = made.running["plant"]["cooling_units"]
    one.start("trip-pump", {"units": 1.0}, 1.0)
    one.step(2.0)
    left = min((units["installed"] - 1.0) / units["needed"], 1.0)
    load = plain["building"] / made.meter.full_it_power
    rise = made.running["plant"]["coolant_rise"]["value"]
    assert one.levers.warmer == pytest.approx(0.5 * rise * (max(load / left, 1.0) - 1.0))
    assert (one.power()["meter"] > plain["meter"]) == (units["installed"] == units["needed"])


def test_chips_are_throttled_where_the_flow_left_would_pass_the_junctions_limit(made: Made) -> None:
    one = operation(made)
    units = made.running["plant"]["cooling_units"]
    one.start("trip-pump", {"units": units["installed"] - 1.0}, 1.0)
    one.step(2.0)
    warmer = one.levers.warmer
    assert warmer > 2.0
    assert one.levers.power_cap == made.meter.coolest_cap(warmer)
    assert one.stack.pace == made.meter.pace("decode", one.levers.power_cap)


def test_all_units_cannot_be_lost(made: Made) -> None:
    one = operation(made)
    with pytest.raises(InputError, match="fewer than"):
        one.start("trip-pump", {"units": made.running["plant"]["cooling_units"]["installed"]}, 1.0)
    assert one.running is None


def test_a_heat_wave_takes_more_at_the_meter_and_nothing_at_the_chips(made: Made) -> None:
    one = operation(made)
    plain = one.power()
    one.start("heat-wave", {}, 1.0)
    hot = one.power()
    assert hot["meter"] > plain["meter"]
    assert hot["chip"] == pytest.approx(plain["chip"])
    assert hot["conditions"] == "heat-wave"


def test_a_price_spike_costs_energy_dollars_alone(made: Made) -> None:
    one = operation(made)
    plain = one.power()
    one.start("price-spike", {}, 1.0)
    dear = one.power()
    assert dear["meter"] == pytest.approx(plain["meter"])
    assert dear["usd_per_second"]["energy"] > 1.2 * plain["usd_per_second"]["energy"]
    fixed = dear["usd_per_second"]["all"] - dear["usd_per_second"]["energy"]
    assert fixed == pytest.approx(plain["usd_per_second"]["all"] - plain["usd_per_second"]["energy"])


def test_a_response_to_a_price_spike_draws_no_more_than_is_not_bought_or_says_that_it_cannot(made: Made) -> None:
    one = operation(made)
    plain = one.power()
    record = one.start("price-spike", {"respond": 1.0}, 1.0)
    kept = 1.0 - made.meter.conditions["price-spike"].sources["grid"]
    if any("out of reach" in note for note in record.drill.notes):
        empty = made.meter.flow(Activity(decode=0.0), one.condition).meter
        assert empty * (1.0 - 1e-6) <= one.power()["meter"] < 0.6 * plain["meter"]
        assert one.power()["meter"] > kept * plain["meter"]
    else:
        assert one.power()["meter"] == pytest.approx(kept * plain["meter"], rel=1e-6)


def test_one_drill_at_a_time_and_the_levers_go_back(made: Made) -> None:
    one = operation(made)
    record = one.start("curtail", {"depth": 0.3, "seconds": 10.0}, 1.0)
    assert one.stack.pace > 1.0
    with pytest.raises(BusyError):
        one.start("heat-wave", {}, 2.0)
    assert one.stop(record.id + 1, 3.0) is None
    assert one.stop(record.id, 3.0) is record
    assert (one.stack.pace, one.levers, record.state) == (1.0, Levers(), "stopped")
    again = one.start("curtail", {"seconds": 5.0}, 4.0)
    one.step(9.5)
    assert (again.state, one.running) == ("done", None)
    assert [past["id"] for past in one.drills()["past"]] == [record.id, again.id]


def test_every_drill_is_listed_with_its_parameters(made: Made) -> None:
    listed = {one["name"]: one for one in operation(made).drills()["drills"]}
    assert set(listed) == {"curtail", "lose-rack", "trip-pump", "heat-wave", "price-spike"} == set(Drill.kinds)
    for one in listed.values():
        for item in one["parameters"]:
            assert item["low"] <= item["default"] <= item["high"]
            assert item["what"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("curtial", {}, "did you mean 'curtail'"),
        ("curtail", {"dept": 0.2}, "did you mean 'depth'"),
        ("curtail", {"depth": 2.0}, "0.01 to 0.95"),
        ("curtail", {"depth": float("nan")}, "0.01 to 0.95"),
        ("heat-wave", {"seconds": 0.0}, "1 to 86400"),
    ],
)
def test_what_is_wrong_with_a_drill_is_said(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        checked(name, given)
