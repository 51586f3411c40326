"""Break-even prices and volumes, a second source, the risk of waiting, and the margin stack."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.codesign.make_or_buy import (
    Range,
    break_even,
    risked,
    second_source,
    tie,
    waiting_share,
)
from stackwright.codesign.margin_stack import Taken, margin_of, margin_stack, partner_share, stacked
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.finance.program import ChipProgram
from stackwright.stack.offer import program_price
from stackwright.stack.parts import Parts

YEAR = SECONDS_PER_YEAR


@pytest.fixture(scope="module")
def program(catalog: Catalog) -> ChipProgram:
    return catalog.get("finance", "program-tpu-v7").spec(ChipProgram)


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


@given(
    st.lists(st.tuples(st.floats(0.1, 5.0), st.floats(0.01, 3.0)), min_size=1, max_size=6),
    st.floats(0.05, 0.95),
)
def test_a_tie_is_found_where_stacks_change_with_the_price(stacks: list[tuple[float, float]], share: float) -> None:
    """The best of several stacks, each linear in the price, is what a search gives."""

    def best(price: float) -> float:
        return min(fixed + slope * price for fixed, slope in stacks)

    target = best(0.0) + share * (best(10.0) - best(0.0))
    price = tie(best, target, low=0.0, high=10.0)
    assert price is not None
    assert best(price) == pytest.approx(target, rel=1e-7)


def test_a_stack_that_stays_is_priced_in_one_step() -> None:
    asked = []

    def value(price: float) -> float:
        asked.append(price)
        return 2.0 + 0.5 * price

    assert tie(value, 4.0, low=0.0, high=100.0) == pytest.approx(4.0)
    assert len(asked) == 3


def test_no_tie_outside_the_range() -> None:
    assert tie(lambda price: price, 5.0, low=6.0, high=9.0) is None
    assert tie(lambda price: price, 5.0, low=1.0, high=4.0) is None


def test_price_first_as_the_volume_swings(program: ChipProgram) -> None:
    """A price that leaves little above the unit's cost: a fifth of it moves the volume tenfold."""
    unit = break_even(program, Range(1e4, 2e4, 3e4), 0.08)["ways"]["partner"]["unit_cost"]["value"]
    near = Range(1.02 * unit, 1.1 * unit, 1.22 * unit)
    way = break_even(program, near, 0.08)["ways"]["partner"]
    assert way["swing"] == pytest.approx(0.22 / 0.02)
    assert way["volume"]["low"] > way["volume"]["value"] > way["volume"]["high"]


def test_a_program_pays_where_its_price_all_in_is_below_the_tie(program: ChipProgram) -> None:
    for way in ("partner", "make"):
        all_in = program.system_cost + program_price(way, program, 0.08)
        for price, pays in ((0.99 * all_in, False), (1.01 * all_in, True)):
            made = break_even(program, Range(price, price, price), 0.08)["ways"][way]
            assert made["pays"] is pays
            assert made["all_in"]["value"] == pytest.approx(all_in)


def test_a_price_below_the_unit_cost_is_never_repaid(program: ChipProgram) -> None:
    made = break_even(program, Range(100.0, 200.0, 5e4), 0.08)["ways"]["make"]
    assert made["volume"]["low"] is None and made["volume"]["value"] is None and made["volume"]["high"] > 0
    assert not made["pays"] and made["swing"] is None


def test_a_second_vendor_caps_the_price_of_the_first() -> None:
    made = second_source({"NVIDIA": 2.0, "AMD": 2.6, "Intel": 9.0}, 50.0, lambda price: 0.5 + 0.03 * price)
    assert made["first"] == "NVIDIA" and made["second"] == "AMD"
    assert made["loss_without_first"] == pytest.approx(0.6)
    assert made["cap"]["value"] == pytest.approx(70.0)
    assert made["cap"]["over_price"] == pytest.approx(0.4)


def test_one_vendor_is_capped_by_nobody() -> None:
    made = second_source({"NVIDIA": 2.0}, 50.0, lambda price: price)
    assert made["cap"] is None and "one vendor" in made["reason"]


def test_a_certain_lead_time_waits_its_share(program: ChipProgram) -> None:
    sure = replace(program, lead_time_p50=2.0 * YEAR, lead_time_p90=2.0 * YEAR)
    weights = np.array([1.0, 1.0, 1.0, 1.0])
    assert waiting_share(sure, weights) == pytest.approx(0.5)
    assert waiting_share(sure, weights, ahead=2.0 * YEAR) == 0.0
    assert 0.0 < waiting_share(program, weights, ahead=2.0 * YEAR) < waiting_share(program, weights) < 1.0


def test_risk_lies_between_the_own_chip_and_the_alternative() -> None:
    assert risked(1.0, 3.0, waiting=0.0, failure=0.0) == 1.0
    assert risked(1.0, 3.0, waiting=0.5, failure=0.0) == 2.0
    assert risked(1.0, 3.0, waiting=0.5, failure=1.0) == 3.0


def test_margins_stack_to_the_cost(parts: Parts) -> None:
    costs = {"chip": 60.0, "rack": 20.0, "network": 8.0, "cooling": 3.0, "datacenter": 6.0, "power": 13.0}
    rows = margin_stack(costs, {"chip": "NVIDIA", "rack": "NVIDIA", "network": "NVIDIA"}, parts)
    whole = stacked(rows)
    assert whole["cost"] == pytest.approx(sum(costs.values()))
    for row in rows:
        assert row["margin_dollars"]["value"] + row["at_cost"]["value"] == pytest.approx(row["cost"])
        assert row["at_cost"]["low"] <= row["at_cost"]["value"] <= row["at_cost"]["high"]
    assert whole["at_cost"]["value"] + whole["margin_dollars"]["value"] == pytest.approx(whole["cost"])
    assert rows[0]["layer"] == "chip"
    assert [row["margin_dollars"]["value"] for row in rows] == sorted(
        (row["margin_dollars"]["value"] for row in rows), reverse=True
    )


def test_a_vendors_own_margin_stands_before_that_of_any(parts: Parts) -> None:
    nvidia, any_vendor = margin_of("network", "NVIDIA", parts), margin_of("network", "Arista", parts)
    assert nvidia is not None and any_vendor is not None
    assert nvidia.record is not None and nvidia.record.id == "margin-network-nvidia"
    assert any_vendor.record is not None and any_vendor.record.id == "margin-network"


def test_a_vendor_without_a_record_is_said_to_have_none(parts: Parts) -> None:
    rows = margin_stack({"chip": 10.0, "power": 2.0}, {"chip": "Intel"}, parts)
    whole = stacked(rows)
    assert whole["without_record"] == ["chip"]
    assert whole["at_cost"]["value"] == pytest.approx(12.0 - 2.0 * 0.05)


def test_what_the_buyer_makes_has_no_margin(parts: Parts) -> None:
    own = margin_of("chip", "own", parts)
    assert own is not None and own.value == 0.0


def test_a_partners_share_is_its_margin_on_silicon(program: ChipProgram) -> None:
    """Memory is passed on and the NRE is the buyer's, so a partner keeps less of the price than its margin."""
    share = partner_share(program, 0.08, program.partner_margin)
    price = program_price("partner", program, 0.08)
    kept = program.partnered(program.volume) - program.made(program.volume)
    assert share * price == pytest.approx(kept)
    assert 0.0 < share < program.partner_margin


def test_known_margins_stand_before_the_records(parts: Parts) -> None:
    rows = margin_stack({"chip": 100.0}, {"chip": "NVIDIA"}, parts, known={"chip": Taken("partner", 0.1, 0.2, 0.3)})
    assert rows[0]["margin_dollars"]["value"] == pytest.approx(20.0)
    assert math.isclose(stacked(rows)["margin"]["high"], 0.3)
