"""The three announced deals, settled over their terms against a campus in their zone."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.codesign.deals import COLUMNS, Campus, Ledger, named_contracts, settled_deal, slipped
from stackwright.core.units import HOURS_PER_YEAR, SECONDS_PER_YEAR
from stackwright.stack.parts import Parts
from stackwright.stack.study import load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SITES = {"crane": "middletown-pa", "clinton": "clinton-il", "susquehanna": "berwick-pa"}
DEALS = list(SITES)
PUBLISHED = {"crane": 136.0, "clinton": 183.0, "susquehanna": 211.0}
"""TWh over the term at a capacity factor of 0.93."""
MEAN_LOAD = 600e6
LOAD = MEAN_LOAD * (1.0 + 0.3 * np.cos(np.arange(HOURS_PER_YEAR) / 24 * 2 * np.pi))
CAMPUS = Campus(load=LOAD, peak=1e9, joules_per_token=5.0, meter_watts_per_chip=2000.0, pue=1.1)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return Parts(Catalog.load())


def campus_item(parts: Parts, site: str) -> Any:
    """What a deal reads of a finalist."""
    part = parts.get("datacenter", site)
    grid = parts.get("power", str(part.record.links["grid"]))
    return SimpleNamespace(
        parts={"site": part, "grid": grid},
        plant=SimpleNamespace(series=load_site_series(part.record)),
        design=SimpleNamespace(system="gb200-nvl72", prefill_system=None),
    )


@pytest.fixture(scope="module")
def entries(parts: Parts) -> dict[str, dict[str, Any]]:
    return {
        id: settled_deal(parts, campus_item(parts, site), CAMPUS, parts.get("power", id)) for id, site in SITES.items()
    }


@pytest.mark.parametrize("id", DEALS)
def test_energy_is_that_of_the_announcements(entries: dict[str, dict[str, Any]], id: str) -> None:
    total = entries[id]["total"]["energy"]
    assert total["value"] == pytest.approx(PUBLISHED[id], rel=0.03)
    assert total["low"] < total["value"] < total["high"]
    assert total["unit"] == "TWh"


def test_money_is_that_of_the_announcements(entries: dict[str, dict[str, Any]]) -> None:
    susquehanna = entries["susquehanna"]["total"]["payments"]
    assert susquehanna["low"] < 18e9 < susquehanna["high"]
    assert susquehanna["value"] == pytest.approx(18e9, rel=0.03)
    assert entries["crane"]["total"]["payments"]["value"] == pytest.approx(136e6 * 112, rel=0.01)


def test_one_range_of_capacity_factors_is_used_throughout(entries: dict[str, dict[str, Any]]) -> None:
    ranges = [entries[id]["capacity_factor"] for id in DEALS]
    assert ranges[0] == ranges[1] == ranges[2]
    for id in DEALS:
        total, factor = entries[id]["total"]["energy"], entries[id]["capacity_factor"]
        for end in ("low", "high"):
            assert total[end] / total["value"] == pytest.approx(factor[end] / factor["value"])


def test_each_deal_is_settled_as_it_is(entries: dict[str, dict[str, Any]]) -> None:
    """Physical energy spares the market; attributes spare none of it."""
    load = MEAN_LOAD * SECONDS_PER_YEAR / 3.6e9
    for id in ("crane", "susquehanna"):
        years = entries[id]["by_year"]
        delivered, bought = (np.array(years[name]["values"]) for name in ("delivered", "bought"))
        assert delivered + bought == pytest.approx(load)
        assert delivered.max() > 0.9 * load
    clinton = entries["clinton"]["by_year"]
    assert np.array(clinton["bought"]["values"]) == pytest.approx(load)
    assert not np.any(clinton["delivered"]["values"])
    assert entries["clinton"]["total"]["credited"]["value"] == 0.0
    assert entries["crane"]["total"]["credited"]["value"] == pytest.approx(760.0, rel=0.01)


@pytest.mark.parametrize("id", DEALS)
def test_generation_is_delivered_or_sold(entries: dict[str, dict[str, Any]], id: str) -> None:
    if id == "clinton":
        return
    years = {name: np.array(entries[id]["by_year"][name]["values"]) for name in COLUMNS}
    assert years["delivered"] + years["surplus"] == pytest.approx(years["energy"], rel=1e-9)


def test_only_a_restart_is_all_new(entries: dict[str, dict[str, Any]]) -> None:
    added = {id: entries[id]["total"]["added_clean"]["value"] for id in DEALS}
    assert added["crane"] == pytest.approx(entries["crane"]["total"]["energy"]["value"])
    assert added["clinton"] == pytest.approx(183.0 * 30 / 1121, rel=0.02)
    assert added["susquehanna"] == 0.0
    for id in DEALS:
        avoided = entries[id]["total"]["carbon_avoided"]["value"]
        assert (avoided > 0.0) == (added[id] > 0.0)


def test_steps_are_settled_by_date(entries: dict[str, dict[str, Any]]) -> None:
    entry = entries["susquehanna"]["by_year"]
    contracted = dict(zip(entry["year"], entry["contracted"]["values"], strict=True))
    assert (min(contracted), max(contracted)) == (2026, 2042)
    assert contracted[2027] == pytest.approx(300.0, rel=0.01)
    assert 840 <= contracted[2029] <= 1200
    assert contracted[2032] == pytest.approx(1920.0)


def test_a_refueled_year_buys_more(entries: dict[str, dict[str, Any]]) -> None:
    entry = entries["crane"]["by_year"]
    bought = dict(zip(entry["year"], entry["bought"]["values"], strict=True))
    month = 27.5 / 365.0 * MEAN_LOAD * SECONDS_PER_YEAR / 3.6e9
    assert bought[2029] - bought[2030] == pytest.approx(month, rel=0.05)


@pytest.mark.parametrize("id", DEALS)
def test_a_slip_of_two_years(entries: dict[str, dict[str, Any]], id: str) -> None:
    """Two years of a whole deal's clean energy are lost to the term, and no token of a campus on the grid."""
    slip, entry = entries[id]["slip"], entries[id]
    full = 2 * entry["capacity"]["value"] * 0.93 * 8760 * 1e-6
    assert slip["clean_energy_lost"]["value"] == pytest.approx(full, rel=0.02)
    assert slip["tokens_lost"] == {"value": 0.0, "low": 0.0, "high": 0.0, "unit": "token"}
    waits = slip["tokens_lost_if_it_waits"]["value"]
    assert waits == pytest.approx(slip["clean_energy_lost"]["value"] * 3.6e15 / CAMPUS.joules_per_token)
    assert (slip["bought_more"]["value"] > 0.0) == (id != "clinton")
    # A deal that is dearer than the market saves money while it is late, and the other way round.
    assert (slip["cost"]["value"] < 0.0) == (entry["total"]["net_cost"]["value"] > 0.0)


def test_a_campus_behind_the_meter_waits(parts: Parts) -> None:
    part = parts.get("power", "crane")
    behind = SimpleNamespace(
        id=part.id, name=part.name, record=part.record, spec=part.spec.__class__(**(vars(part.spec) | {"onsite": 1.0}))
    )
    slip = settled_deal(parts, campus_item(parts, "middletown-pa"), CAMPUS, behind)["slip"]  # type: ignore[arg-type]
    assert slip["tokens_lost"]["value"] == slip["tokens_lost_if_it_waits"]["value"] > 0.0


def test_a_later_deal_ends_when_the_first_would() -> None:
    deal = Parts(Catalog.load()).get("power", "susquehanna").spec
    late = slipped(deal, 2)
    end = deal.start_year + deal.tenor / SECONDS_PER_YEAR
    assert late.start_year + late.tenor / SECONDS_PER_YEAR == pytest.approx(end)
    assert (late.interim_year, late.full_year) == (2031.0, 2034.0)


def test_the_count_of_chips_is_an_equivalence(entries: dict[str, dict[str, Any]], parts: Parts) -> None:
    found = entries["crane"]["equivalence"]
    assert found["label"] == "equivalence"
    assert found["chips"]["value"] == pytest.approx(835e6 * 0.93 / 2000.0)
    other = campus_item(parts, "middletown-pa")
    other.design.system = "hgx-h100-air"
    by_record = settled_deal(parts, other, CAMPUS, parts.get("power", "crane"))["equivalence"]
    system = parts.get("rack", "gb200-nvl72").spec
    watts = system.rack_power / system.chips_per_rack * CAMPUS.pue
    assert by_record["meter_watts_per_chip"]["value"] == pytest.approx(watts)


def test_the_market_is_no_forecast(entries: dict[str, dict[str, Any]], parts: Parts) -> None:
    for id, site in SITES.items():
        grid = campus_item(parts, site).parts["grid"]
        level = grid.record.values["mean_price"]
        basis = grid.spec.basis_discount
        shown = entries[id]["market_price"]
        assert shown["low"] == pytest.approx((level.low - basis) * 3.6e9)
        assert shown["high"] == pytest.approx((level.high - basis) * 3.6e9)
        assert any("no forecast" in note for note in entries[id]["notes"])


def test_a_campus_in_another_market_is_told(parts: Parts) -> None:
    entry = settled_deal(parts, campus_item(parts, "abilene-tx"), CAMPUS, parts.get("power", "crane"))
    assert any("PJM" in note for note in entry["notes"])


def test_the_ledger_without_a_deal_is_the_grid(parts: Parts) -> None:
    """Outside its term a deal costs and gives nothing."""
    item, part = campus_item(parts, "middletown-pa"), parts.get("power", "crane")
    rows = Ledger(item, CAMPUS, "flat", np.array([2020, 2060])).rows(part.spec, item.parts["grid"].spec)
    for name in ("energy", "payments", "net_cost", "credited", "added_clean", "collateral_cost"):
        assert not np.any(rows[name]), name


@pytest.mark.parametrize("id", DEALS)
def test_the_example_is_a_study_of_the_deal(parts: Parts, id: str) -> None:
    (study,) = load(EXAMPLES / f"{id}.yaml", parts.catalog)
    assert study.datacenter.site == (SITES[id],)
    assert [part.id for part in named_contracts(study, parts)] == [id]
    assert [menu.name for menu in study.power.portfolio] == ["grid", id]
    assert study.horizon.first_year == int(parts.get("power", id).spec.start_year)
    assert study.rack.system == ("gb200-nvl72",)


NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?(?:e[+-]?\d+)?")
CLOSE = 0.06
"""How near the page's figures are to what the studies give now: dry coolers and towers tie, and differ by 4 %."""


def cells(table: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()]
    return {row[0]: row[1:] for row in rows[2:]}


def numbers(cell: str) -> list[float]:
    return [float(found.replace(",", "")) for found in NUMBER.findall(cell)]


def test_the_page_says_what_the_studies_give(parts: Parts) -> None:
    """The three examples are searched, their best designs settled, and the deals against these campuses."""
    script = runpy.run_path(str(ROOT / "scripts" / "write_deals.py"))
    found = script["entries"](parts.catalog)
    assert {entry["site"] for entry in found.values()} == {
        "Middletown, Pennsylvania",
        "Clinton, Illinois",
        "Berwick, Pennsylvania",
    }
    made = cells(script["table"](found))
    page = (ROOT / "docs" / "ideas" / "deals.md").read_text(encoding="utf-8")
    block = script["BLOCK"].search(page)
    assert block is not None
    said = cells(block.group(0).replace("<!-- deals -->", "").replace("<!-- end -->", ""))
    assert list(said) == list(made)
    for label, row in made.items():
        for now, then in zip(row, said[label], strict=True):
            assert numbers(now) == pytest.approx(numbers(then), rel=CLOSE, abs=1e-6), (
                f"{label}: run python scripts/write_deals.py"
            )
