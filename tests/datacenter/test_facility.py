"""Distribution, building and meter: losses close, efficiencies and costs are those published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.cooling import TYPES as COOLINGS
from stackwright.core import yamltext
from stackwright.core.records import decode
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.datacenter import TYPES, Building, Distribution, Redundancy, Site
from stackwright.datacenter.meter import meter_power, power_usage_effectiveness

RECORDS = Path(__file__).parents[2] / "src" / "stackwright" / "catalog" / "records" / "datacenter"
SCHEMES = ("n", "n-plus-1", "2n")
CHAINS = ("ac-480-ups", "ac-415-rack-battery", "dc-800")


def spec(id: str, cls: type) -> object:
    return decode(yamltext.read(RECORDS / f"{id}.yaml"), id=id, layer="datacenter", types=TYPES).spec(cls)


def distribution(id: str) -> Distribution:
    made = spec(id, Distribution)
    assert isinstance(made, Distribution)
    return made


def redundancy(id: str) -> Redundancy:
    made = spec(id, Redundancy)
    assert isinstance(made, Redundancy)
    return made


def test_chain_efficiencies_are_in_the_published_ranges() -> None:
    """Grid to rack inlet; the published chains go on through the rack's supplies, divided out here."""
    bands = {"ac-480-ups": (0.940, 0.965), "ac-415-rack-battery": (0.972, 0.986), "dc-800": (0.970, 0.984)}
    for id, (low, high) in bands.items():
        efficiency = 1.0 / (1.0 + distribution(id).loss(0.75))
        assert low <= efficiency <= high, id


@pytest.mark.parametrize("id", CHAINS)
def test_fixed_losses_weigh_more_at_low_load(id: str) -> None:
    chain = distribution(id)
    load = np.linspace(0.1, 1.0, 19)
    assert np.all(chain.loss(load) * load > 0)
    assert chain.loss(0.1) > chain.loss(0.5)
    assert np.all(np.diff(chain.loss(load) * load) > 0)


def test_two_full_trains_lose_more_than_one_spare() -> None:
    chain = distribution("ac-480-ups")
    losses = [chain.loss(redundancy(id).module_load(0.5)) for id in SCHEMES]
    assert losses[0] < losses[1] < losses[2]


def test_redundancy_orders_availability_and_cost() -> None:
    schemes = [redundancy(id) for id in SCHEMES]
    site = spec("ashburn-va", Site)
    assert isinstance(site, Site)
    up = [scheme.availability(site) for scheme in schemes]
    assert up[0] < up[1] <= up[2] < 1.0
    assert up[0] == pytest.approx(0.99671, abs=2e-4)
    assert up[1] > 0.99982
    cost = [scheme.electrical_multiplier for scheme in schemes]
    assert cost == sorted(cost)


def test_the_parts_of_a_building_add_up_to_the_published_cost() -> None:
    building = spec("hyperscale-building", Building)
    assert isinstance(building, Building)
    scheme = redundancy("n-plus-1")
    cooling = decode(yamltext.parse(COOLINGS["AirChiller"].record, "air"), id="air", layer="cooling", types=COOLINGS)
    cost = building.capex(
        building_cost=building.reference_cost,
        electrical=distribution("ac-480-ups").capex_per_watt,
        mechanical=cooling.values["capex_per_watt"].value,
        electrical_multiplier=scheme.electrical_multiplier,
        mechanical_multiplier=scheme.mechanical_multiplier,
    )
    assert cost.total == pytest.approx(11.7, rel=0.01)
    assert 0.05 < building.opex(cost) * SECONDS_PER_YEAR < 0.5


@given(
    it=st.lists(st.floats(1e3, 1e9), min_size=1, max_size=8),
    cooling=st.floats(0.0, 0.6),
    loss=st.floats(0.0, 0.2),
    transformer=st.floats(0.0, 0.02),
)
def test_energy_at_the_meter_closes(it: list[float], cooling: float, loss: float, transformer: float) -> None:
    power = np.array(it)
    meter = meter_power(
        it_power=power,
        full_it_power=power.max(),
        cooling_electricity=cooling,
        house_share=0.005,
        distribution_loss=loss,
        mechanical_loss=transformer,
    )
    mechanical = power * cooling + 0.005 * power.max()
    expected = power * (1.0 + loss) + mechanical * (1.0 + transformer)
    assert np.allclose(meter.total, expected, rtol=1e-9, atol=0.0)
    assert np.allclose(meter.total, meter.it + meter.cooling + meter.house + meter.losses, rtol=1e-12)
    assert np.all(power_usage_effectiveness(it_power=power, meter_power=meter.total) >= 1.0)
