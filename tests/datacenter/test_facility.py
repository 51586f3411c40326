"""Distribution, building and meter: losses close, efficiencies and costs are those published."""

from __future__ import annotations

from dataclasses import replace
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
CHAINS = ("ac-480-ups", "ac-415-rack-battery", "dc-800", "dc-800-sst")


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
    bands = {
        "ac-480-ups": (0.940, 0.965),
        "ac-415-rack-battery": (0.972, 0.986),
        "dc-800": (0.970, 0.984),
        "dc-800-sst": (0.968, 0.984),
    }
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
    """No spares come out as tier I, 28.8 hours a year; one spare and two trains are above tier III, 99.982 %."""
    schemes = [redundancy(id) for id in SCHEMES]
    site = spec("ashburn-va", Site)
    assert isinstance(site, Site)
    up = [scheme.availability(site) for scheme in schemes]
    assert up[0] < up[1] <= up[2] < 1.0
    assert up[0] == pytest.approx(0.99671, abs=3e-4)
    assert up[1] > 0.99982 and up[2] > 0.99982
    assert schemes[0].downtime(site).hours == pytest.approx(28.8, rel=0.1)
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


def building() -> Building:
    made = spec("hyperscale-building", Building)
    assert isinstance(made, Building)
    return made


def test_liquid_cooling_adds_the_published_premium() -> None:
    """7 to 10 % of a build, over air chillers, at N+1 (Turner & Townsend 2025-26)."""
    own, scheme = building(), redundancy("n-plus-1")

    def total(name: str) -> float:
        record = decode(yamltext.parse(COOLINGS[name].record, name), id=name, layer="cooling", types=COOLINGS)
        return own.capex(
            building_cost=own.reference_cost,
            electrical=distribution("ac-415-rack-battery").capex_per_watt,
            mechanical=record.values["capex_per_watt"].value,
            electrical_multiplier=scheme.electrical_multiplier,
            mechanical_multiplier=scheme.mechanical_multiplier,
        ).total

    assert 1.07 <= total("DirectLiquidDry") / total("AirChiller") <= 1.10


def test_a_dearer_region_scales_every_part() -> None:
    own = building()
    here, there = (
        own.capex(
            building_cost=cost, electrical=4.0, mechanical=2.0, electrical_multiplier=1.2, mechanical_multiplier=1.2
        )
        for cost in (own.reference_cost, 15.2)
    )
    for part in ("shell", "electrical", "mechanical", "fit_out"):
        assert getattr(there, part) / getattr(here, part) == pytest.approx(15.2 / own.reference_cost)


def test_the_first_block_waits_for_the_last_part() -> None:
    own = building()
    paths = own.paths()
    assert own.first_block() == max(paths.values())
    assert set(paths) == {"building", "transformer", "switchgear", "generator", "chiller"}
    late = replace(own, ordered_before=0.0)
    assert late.first_block() == pytest.approx(own.transformer_lead + own.installation_time)
    soon = replace(own, ordered_before=own.transformer_lead)
    assert soon.first_block() == own.build_time
    many = replace(own, chiller_lead=np.array([0.1, 5.0]) * SECONDS_PER_YEAR)
    assert many.first_block()[1] > many.first_block()[0] == own.first_block()


def test_build_times_and_lead_times_are_those_published() -> None:
    """12 to 36 months to a block; chillers and generators from 30 weeks, switchgear 46, transformers 2 to 4 years."""
    own, week = building(), 7 * 86400.0
    assert SECONDS_PER_YEAR <= own.first_block() <= 3 * SECONDS_PER_YEAR
    assert own.chiller_lead >= 30 * week and own.generator_lead >= 30 * week and own.switchgear_lead >= 46 * week
    assert 2 * SECONDS_PER_YEAR <= own.transformer_lead <= 4 * SECONDS_PER_YEAR


@given(power=st.floats(1e6, 3e9), years=st.floats(0.0, 12.0))
def test_blocks_are_ready_one_after_another(power: float, years: float) -> None:
    own, elapsed = building(), years * SECONDS_PER_YEAR
    times = own.block_times(power)
    ready = own.power_ready(elapsed, power)
    assert list(times) == sorted(times)
    assert (len(times) - 1) * own.block_power < power * (1 + 1e-9) <= len(times) * own.block_power * (1 + 1e-8)
    assert own.power_ready(times[-1] + 1.0, power) == pytest.approx(power)
    assert own.power_ready(times[0] - 1.0, power) == 0.0
    done = sum(time <= elapsed for time in times)
    assert ready == pytest.approx(min(done * own.block_power, power))


def test_a_campus_like_abilene_takes_a_year_and_more() -> None:
    """1 GW beyond the first 200 MW in 12 months is the fastest known; the record's mean pace is slower."""
    times = building().block_times(1.2e9)
    assert SECONDS_PER_YEAR <= times[-1] - times[1] <= 3 * SECONDS_PER_YEAR


def test_stages_have_the_usual_efficiencies() -> None:
    """UPS at 20, 50 and 100 % load: double conversion 95.8, 97.2, 97.4 %, line-interactive 98.5, 99.0, 99.1 %."""
    usual = {"ac-480-ups": (0.958, 0.972, 0.974), "ac-415-rack-battery": (0.985, 0.990, 0.991)}
    for id, efficiencies in usual.items():
        loss = distribution(id).conversion_loss(np.array([0.2, 0.5, 1.0]))
        assert 1.0 / (1.0 + loss) == pytest.approx(efficiencies, abs=2e-3), id
    for id in ("ac-480-ups", "ac-415-rack-battery", "dc-800"):
        loss = distribution(id).mechanical_loss(np.array([0.4, 0.75, 1.0]))
        assert np.all((1.0 / (1.0 + loss) > 0.993) & (1.0 / (1.0 + loss) < 0.996)), id


def test_losses_by_stage_sum_to_those_of_the_chain() -> None:
    load = np.linspace(0.05, 1.0, 20)
    for id in CHAINS:
        chain = distribution(id)
        assert chain.losses(load).total == pytest.approx(chain.loss(load), rel=1e-12)


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
