"""Unit costs, NRE, leases and margins against closed forms and against cost models of others."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.lease import Lease, escalated
from stackwright.finance.margins import cost_behind, margin_dollars, price_of
from stackwright.finance.program import (
    ChipProgram,
    break_even_volume,
    die_yield,
    gross_dies,
    learned_cost,
    lognormal_mean,
    nre_per_chip,
)

PROGRAMS = ("program-tpu-v7", "program-trainium-3", "program-maia-200", "program-mtia-400")


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, catalog: Catalog) -> ChipProgram:
    return catalog.get("finance", request.param).spec(ChipProgram)


def test_a_price_is_its_cost_and_its_margin() -> None:
    price = price_of(cost=250.0, gross_margin=0.75)
    assert price == pytest.approx(1000.0)
    assert margin_dollars(price=price, gross_margin=0.75) + cost_behind(price=price, gross_margin=0.75) == price


def test_a_wafer_holds_as_many_dies_as_a_cost_model_counts() -> None:
    """H100: 814 mm2; the cost models on record say 60 to 65 of them."""
    assert 58 < gross_dies(die_area=814e-6) < 66


def test_yield_is_that_of_poisson_where_defects_do_not_cluster() -> None:
    assert die_yield(die_area=6e-4, defect_density=1000.0, clustering=1e7) == pytest.approx(math.exp(-0.6), rel=1e-6)


@given(st.floats(0.3, 20.0), st.floats(0.5, 10.0))
def test_clustered_defects_leave_more_dies_whole(defects: float, clustering: float) -> None:
    clustered = die_yield(die_area=1e-3, defect_density=defects * 1e3, clustering=clustering)
    assert math.exp(-defects) < clustered < 1.0


def test_cost_falls_by_the_learning_rate_with_each_doubling() -> None:
    once = learned_cost(cost=100.0, volume=2e6, reference_volume=1e6, learning=0.2)
    assert once == pytest.approx(80.0)
    assert learned_cost(cost=100.0, volume=0.5e6, reference_volume=1e6, learning=0.2) == pytest.approx(125.0)


def test_the_nre_of_a_program_is_repaid_by_its_chips() -> None:
    """Without interest and failure the chips of a program carry its NRE exactly; both raise it."""
    plain = nre_per_chip(nre=1e9, volume=5e5, failure=0.0, rate=0.0, lead_time=2 * SECONDS_PER_YEAR)
    assert plain * 5e5 == pytest.approx(1e9)
    late = nre_per_chip(nre=1e9, volume=5e5, failure=0.2, rate=0.1, lead_time=2 * SECONDS_PER_YEAR)
    assert late == pytest.approx(plain * 1.1 / 0.8)


@given(st.floats(1e8, 5e9), st.floats(1e3, 4e4), st.floats(1e3, 4e4))
def test_the_break_even_volume_repays_the_nre(nre: float, price: float, cost: float) -> None:
    volume = float(break_even_volume(nre=nre, price=price, unit_cost=cost))
    if price <= cost:
        assert math.isinf(volume)
    else:
        assert volume * (price - cost) == pytest.approx(nre)


def test_a_certain_lead_time_is_its_own_mean() -> None:
    assert lognormal_mean(p50=2.0, p90=2.0) == pytest.approx(2.0)
    assert lognormal_mean(p50=2.0, p90=4.0) > 2.0


def test_a_partner_costs_more_a_chip_and_less_an_nre(program: ChipProgram) -> None:
    assert program.partnered(program.volume) > program.made(program.volume)
    assert program.partner_nre < program.nre


def test_memory_is_passed_on_at_cost(program: ChipProgram) -> None:
    free = replace(program, partner_margin=0.0)
    assert free.partnered(program.volume) == pytest.approx(program.made(program.volume))
    kept = program.partnered(program.volume) - program.made(program.volume)
    silicon = program.silicon_cost(program.volume)
    assert kept == pytest.approx(silicon * program.partner_margin / (1.0 - program.partner_margin))


def test_a_larger_program_makes_cheaper_chips(program: ChipProgram) -> None:
    costs = program.made(np.array([1e5, 1e6, 1e7]))
    assert (np.diff(costs) < 0).all()
    assert costs.min() > program.memory_cost()


def test_the_cost_of_a_tpu_agrees_with_its_bill_of_materials(catalog: Catalog) -> None:
    """The chip's record scales the bill of B200; the program counts dies, memory and package."""
    program = catalog.get("finance", "program-tpu-v7").spec(ChipProgram)
    known = catalog.get("chip", "google-tpu-v7").values["unit_cost"]
    assert known.low < program.made(program.volume) < known.high


def test_a_lease_is_quoted_by_the_kilowatt_and_month(catalog: Catalog) -> None:
    lease = catalog.get("finance", "wholesale-lease").spec(Lease)
    month = lease.rent * SECONDS_PER_YEAR / 12 * 1000.0
    assert month == pytest.approx(135.0)
    assert lease.over_capital * lease.reference_cost == pytest.approx(lease.rent)


def test_rent_rises_by_its_escalation() -> None:
    rent = escalated(year=np.arange(3.0), escalation=0.02 / SECONDS_PER_YEAR)
    assert rent == pytest.approx([1.0, 1.02, 1.0404])


def test_links_of_programs_name_chips(catalog: Catalog) -> None:
    for name in PROGRAMS:
        record = catalog.get("finance", name)
        assert catalog.get("chip", str(record.links["chip"])).type == "Accelerator"


def test_every_margin_says_its_layer_and_its_vendors(catalog: Catalog) -> None:
    layers = {"interface", "chip", "rack", "network", "cooling", "datacenter", "power"}
    margins = [record for record in catalog.records("finance") if record.type == "Margin"]
    assert {record.text["layer"] for record in margins} == layers
    for record in margins:
        datum = record.values["gross_margin"]
        assert record.text["vendors"]
        assert 0.0 <= datum.low < datum.value < datum.high < 1.0
