"""A planned campus against its agreement and its dates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.dates import chip_charge, dates_entry
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.interconnection import interconnection_entry, interconnection_margins, step_of
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.training_grid import TrainingDesign
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.study import Portfolio, Study, load
from stackwright.stack.study.sections import ContractedShare

SMALL = Path(__file__).parents[2] / "docs" / "examples" / "small.yaml"
AGREEMENT = """
interconnection: A small campus
source: made up for a test
dated: 2026-06
phases:
  - {firm: 100 kW, p50: 2027-01, p90: 2027-07}
  - {firm: 200 kW, nonfirm: 50 kW, p50: 2027-07, p90: 2028-07}
  - {firm: 20 MW, p50: 2028-01, p90: 2029-07}
curtailment: 100 h
security: 1 M USD
security_rate: 0.08 1/year
ramp_limit: 100 kW/min
ride_through: {voltage: 0.2, time: 250 ms, dips: 6}
facility: {battery_time: 4 min, dips_tolerated: 2, step_time: 10 s}
"""
DATED = """
dates:
  dated: 2026-06
  building: {p50: 2027-02, p90: 2027-08}
  chips: [2027-01, 2027-07, 2028-01]
"""
EARLY = """
dates: {building: 2026-08, chips: 2026-09}
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Study]:
    folder = tmp_path_factory.mktemp("campus")

    def reader(text: str, agreement: str = AGREEMENT) -> Study:
        (folder / "agreement.yaml").write_text(agreement, encoding="utf-8")
        named = SMALL.read_text(encoding="utf-8").replace("power:\n", "power:\n  interconnection: agreement.yaml\n")
        (folder / "study.yaml").write_text(named + text, encoding="utf-8")
        return load(folder / "study.yaml", Catalog.load())[0]

    return reader


@pytest.fixture(scope="module")
def plain() -> Study:
    return load(SMALL, Catalog.load())[0]


@pytest.fixture(scope="module")
def seen(plain: Study) -> Searched:
    return searched(plain, Catalog.load())


@pytest.fixture(scope="module")
def item(plain: Study, seen: Searched) -> Finalist:
    assert seen.found.best is not None
    return finalist(plain, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)


def test_without_dates_nothing_is_said(plain: Study, seen: Searched, item: Finalist) -> None:
    assert dates_entry(plain, seen.scenario, item) is None
    assert interconnection_entry(plain, seen.scenario, item, np.ones(8760)) is None
    assert interconnection_margins(plain, item, np.ones(8760)) == []


def test_phases_end_with_what_the_design_draws(read, seen: Searched, item: Finalist) -> None:
    entry = dates_entry(read(DATED), seen.scenario, item)
    powers = [phase["power"]["value"] for phase in entry["phases"]]
    assert powers[:2] == [100e3, 250e3]
    assert powers[-1] == pytest.approx(float(np.max(item.done.peak_meter)))
    assert sum(phase["added"]["value"] for phase in entry["phases"]) == pytest.approx(powers[-1])
    json.dumps(entry, allow_nan=False)


def test_dates_are_in_order(read, seen: Searched, item: Finalist) -> None:
    for text in ("", DATED):
        entry = dates_entry(read(text), seen.scenario, item)
        for dates in (entry["first_token"], entry["full_power"], *(phase["ready"] for phase in entry["phases"])):
            assert dates["p50"] <= dates["p90"]
            assert dates["p50_together"] <= dates["p50"]
            assert dates["p90_together"] <= dates["p90"]
        assert entry["first_token"]["p90"] <= entry["full_power"]["p90"]
        assert sum(entry["binding"]["first_token"].values()) == pytest.approx(1.0)


def test_certain_dates_give_a_certain_first_token(read, seen: Searched, item: Finalist) -> None:
    certain = AGREEMENT.replace(", p90: 2027-07", "").replace(", p90: 2028-07", "").replace(", p90: 2029-07", "")
    entry = dates_entry(read(EARLY, certain), seen.scenario, item)
    assert entry["first_token"]["p50_together"] == entry["first_token"]["p90_together"] == "2027-01-01"
    assert entry["full_power"]["p90_together"] == "2028-01-01"
    assert entry["binding"]["first_token"]["energization"] == pytest.approx(1.0)
    # All chips of a phase wait from September 2026 to the phase's power: 122, 303 and 487 days.
    waits, added = (122, 303, 487), [phase["added"]["value"] for phase in entry["phases"]]
    expected = sum(wait * power for wait, power in zip(waits, added, strict=True)) / sum(added)
    cost = entry["idle_chip_cost"]
    assert cost["mean"] == pytest.approx(expected * cost["of_all_chips_a_day"], rel=3e-3)
    assert cost["p90"] == pytest.approx(cost["p50"], rel=1e-6)


def test_a_day_of_idle_chips_is_their_annuity(item: Finalist) -> None:
    pools = zip(item.done.units, item.done.fleet.pools, strict=True)
    price = sum(float(pool.bought(item.terms.spares).max() * unit.system_price) for unit, pool in pools)
    rate, life = item.terms.discount_rate, item.terms.chip_life
    assert chip_charge(item) == pytest.approx(price * rate / (1 - (1 + rate) ** -life))
    assert sum(chip_charge(item) / (1 + rate) ** year for year in range(1, round(life) + 1)) == pytest.approx(price)


def test_a_later_agreement_costs_more(read, seen: Searched, item: Finalist) -> None:
    later = AGREEMENT.replace("p90: 2027-07", "p90: 2028-01")
    sooner, slipped = (dates_entry(read(DATED, text), seen.scenario, item) for text in (AGREEMENT, later))
    assert slipped["first_token"]["p90"] > sooner["first_token"]["p90"]
    assert slipped["idle_chip_cost"]["mean"] > sooner["idle_chip_cost"]["mean"]


def test_a_month_is_worth_its_margin_where_tokens_have_a_price(read, seen: Searched, item: Finalist) -> None:
    study = read("")
    assert dates_entry(study, seen.scenario, item)["month_of_delay"]["lost_margin"] is None
    priced = dates_entry(study, replace(seen.scenario, token_price=1e-3), item)["month_of_delay"]
    assert priced["lost_margin"] == pytest.approx(float(item.done.tokens[-1]) * 1e-3 / 12, rel=0.1)
    assert priced["idle_capital"] * 12 > chip_charge(item)


def test_conditions_are_margins(read, seen: Searched, item: Finalist) -> None:
    meter = np.full(8760, 250e3)
    meter[100] = 0.0
    rows = {name: (value, limit) for name, value, limit, _ in interconnection_margins(read(""), item, meter)}
    assert rows["hourly_ramp"] == pytest.approx((250e3 / 3600, 100e3 / 60))
    assert rows["ride_through_time"] == pytest.approx((1.5, 240.0))
    assert rows["ride_through_dips"] == (6.0, 2.0)
    assert "smoothing_power" not in rows
    entry = interconnection_entry(read(""), seen.scenario, item, meter)
    violated = {row["constraint"] for row in entry["conditions"] if row["violated"]}
    assert violated == {"ride_through_dips"}
    assert entry["years"][0]["least"]["firm"] == pytest.approx(100e3)
    assert entry["years"][0]["mean"]["firm"] == pytest.approx(100e3 + 100e3 * 184 / 365)
    assert entry["security"]["a_year"] == pytest.approx(80e3)
    json.dumps(entry, allow_nan=False)


def test_a_synchronous_job_needs_storage_to_stay_within_the_ramp(read, item: Finalist) -> None:
    fields = {name: getattr(item.design, name) for name in item.design.__dataclass_fields__}
    training = replace(item, design=TrainingDesign(**fields))
    rows = {row[0]: row[1:3] for row in interconnection_margins(read(""), training, np.ones(8760))}
    limit, step = 100e3 / 60, step_of(item)
    assert rows["smoothing_power"] == pytest.approx((step - 10 * limit, 0.0))
    assert rows["smoothing_energy"] == pytest.approx((0.5 * step * (step / limit - 10), 0.0))


def test_a_training_step_swings_while_gradients_are_exchanged(read, seen: Searched, item: Finalist) -> None:
    fields = {name: getattr(item.design, name) for name in item.design.__dataclass_fields__}
    step = SimpleNamespace(gradients=1.0, seconds=4.0)
    done = replace(item.done, service=SimpleNamespace(step=step))
    training = replace(item, design=TrainingDesign(**fields), done=done)
    swing = interconnection_entry(read(""), seen.scenario, training, np.ones(8760))["swing"]
    assert swing["power"]["value"] == pytest.approx(step_of(item))
    assert swing["storage"]["power"]["value"] == pytest.approx(0.75 * step_of(item))
    assert swing["storage"]["energy"]["value"] == pytest.approx(0.75 * step_of(item))
    assert interconnection_entry(read(""), seen.scenario, item, np.ones(8760))["swing"] is None


@pytest.mark.parametrize(("contract", "holds"), [("gas-onsite", True), ("nuclear-ppa", False)])
def test_a_contract_holds_up_the_campus_only_behind_the_meter(
    read, seen: Searched, item: Finalist, contract: str, holds: bool
) -> None:
    dates = f"dates: {{dated: 2026-06, contracts: {{{contract}: {{p50: 2032-01, p90: 2034-01}}}}}}\n"
    study = read(dates)
    portfolio = Portfolio.model_validate({"name": "one", "contracts": ()}).model_copy(
        update={"contracts": (ContractedShare.model_construct(contract=contract, share=0.5, capacity=None),)}
    )
    power = study.power.model_copy(update={"portfolio": (portfolio,)})
    study = study.model_copy(update={"power": power})
    held = replace(
        item,
        design=replace(item.design, portfolio="one"),
        parts=item.parts | {"contracts.0": seen.parts.get("power", contract)},
    )
    entry = dates_entry(study, seen.scenario, held)
    assert (entry["first_token"]["p50"] >= "2032-01-01") == holds
    assert (contract in entry["binding"]["first_token"]) == holds
    assert any("the grid serves the load until then" in note for note in entry["notes"]) != holds


def test_rented_chips_cost_their_rent(item: Finalist) -> None:
    rented = replace(item, design=replace(item.design, sourcing="rent"))
    pools = zip(item.done.units, item.done.fleet.pools, strict=True)
    rent = sum(float(pool.chips.max() * unit.rent) for unit, pool in pools)
    assert chip_charge(rented) == pytest.approx(rent * SECONDS_PER_YEAR)


def test_dates_without_an_agreement(plain: Study, seen: Searched, item: Finalist, tmp_path: Path) -> None:
    text = "dates: {dated: 2026-06, sites: {ashburn-va: [2027-01, 2027-07]}, building: 2026-09, chips: 2026-10}\n"
    (tmp_path / "study.yaml").write_text(SMALL.read_text(encoding="utf-8") + text, encoding="utf-8")
    (study,) = load(tmp_path / "study.yaml", Catalog.load())
    entry = dates_entry(study, seen.scenario, item)
    assert [phase["ready"]["p90_together"] for phase in entry["phases"]] == ["2027-01-01", "2027-07-01"]
    first, second = (phase["added"]["value"] for phase in entry["phases"])
    assert first == pytest.approx(second)
    assert any("equal size" in note for note in entry["notes"])
