"""`evaluate` serves one design, a batch of one and draws alike; energy and money close."""

from __future__ import annotations

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist, best_finalists
from stackwright.codesign.plan import searched
from stackwright.codesign.uncertainty import draws, evaluate_with, inputs_of
from stackwright.core.spec import leaves
from stackwright.stack.coupling import settle
from stackwright.stack.evaluate import evaluate, hours_of, liquid_shares
from stackwright.stack.plant import bill
from stackwright.stack.scenario import Scenario
from stackwright.stack.study import Study


@pytest.fixture(scope="module")
def planned(small: Study, catalog: Catalog) -> tuple[Finalist, Scenario]:
    seen = searched(small, catalog)
    return best_finalists(small, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found)[0], seen.scenario


def test_scalar_is_a_batch_of_one(planned: tuple[Finalist, Scenario]) -> None:
    item, scenario = planned
    one = evaluate(
        item.design, scenario, cell=item.cell, plant=item.plant, terms=item.terms, volume=item.volume, settled=False
    )
    batch = evaluate_with(item, scenario, {}, 1)
    for (path, alone), (same, member) in zip(leaves(one), leaves(batch), strict=True):
        if isinstance(alone, dict):
            continue
        assert path == same
        assert np.ravel(member) == pytest.approx(np.ravel(alone), rel=1e-12), path
    for layer, cost in one.costs.items():
        assert np.ravel(batch.costs[layer]) == pytest.approx(np.ravel(cost), rel=1e-12), layer


def test_draws_at_the_nominal_are_the_nominal(planned: tuple[Finalist, Scenario]) -> None:
    item, scenario = planned
    nominal = {one.path: np.full(3, one.datum.value) for one in inputs_of(item)}
    same = evaluate_with(item, scenario, nominal, 3)
    base = evaluate_with(item, scenario, {}, 1)
    assert same.present_cost == pytest.approx(np.full(3, float(base.present_cost[0])), rel=1e-12)


def test_the_same_seed_draws_the_same(planned: tuple[Finalist, Scenario]) -> None:
    item, scenario = planned
    first, second, other = (draws(item, scenario, seed, 16) for seed in (1, 1, 2))
    assert (first.present_cost == second.present_cost).all()
    assert (first.present_cost != other.present_cost).any()


def test_energy_closes_hour_by_hour(planned: tuple[Finalist, Scenario]) -> None:
    """Meter = IT + cooling + house + losses in every hour, and the bill's energy is their sum."""
    item, scenario = planned
    liquid = liquid_shares(item.cell, item.plant.specs)
    hours = hours_of(item.plant, scenario, item.done.fleet, item.design.supply_temperature, liquid)
    meter = hours.it + hours.cooling + hours.house + hours.losses
    assert (meter > hours.it).all()
    energy = bill(item.plant, item.plant.specs, meter, np.array([0.0]))[0].energy
    assert energy == pytest.approx(meter.sum() * 3600.0, rel=1e-9)
    assert item.done.year.meter_energy[0] == pytest.approx(meter.sum() * 3600.0, rel=1e-9)


def test_costs_are_the_discounted_cash(planned: tuple[Finalist, Scenario]) -> None:
    """Present cost equals the cash flows discounted by hand, price decline and residual included."""
    item, scenario = planned
    rate, years = float(item.terms.discount_rate), scenario.years
    cash = item.done.cash
    middle, start = (1 + rate) ** -(years + 0.5), (1 + rate) ** -years
    end = (1 + rate) ** -(years[-1] + 1)
    running = sum((cash[kind] * middle).sum() for kind in ("energy", "water", "staff", "lease"))
    by_hand = running + (cash["capex"] * start).sum() + cash["residual"].sum() * end
    assert by_hand == pytest.approx(float(item.done.present_cost), rel=1e-9)


def test_chip_and_coolant_agree_on_a_temperature(planned: tuple[Finalist, Scenario]) -> None:
    hardware = planned[0].cell.hardware
    settled = settle(
        hardware.chip_power,
        flop_rate=np.array([0.0, 1e15]),
        byte_rate=np.array([0.0, 4e12]),
        tdp=hardware.chip.tdp,
        clock=1.0,
        limit=hardware.chip.tdp,
        precision="fp8",
        coolant_temperature=308.0,
        junction_resistance=0.03,
    )
    assert (settled.residual < 1e-4).all()
    assert settled.temperature == pytest.approx(308.0 + 0.03 * settled.power, abs=0.1)
