"""What one unit more or less of a limit or a capacity is worth at the optimum."""

from dataclasses import replace
from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.finalists import Finalist, finalist
from stackwright.codesign.plan import kind_of, narrowed, searched
from stackwright.codesign.shadow_prices import BINDS, shadow_prices
from stackwright.stack.study import Study, load


def designed(text: str, folder: Path, catalog: Catalog) -> tuple[Study, Finalist]:
    """A study held at its best design, and that design."""
    file = folder / "study.yaml"
    file.write_text(text)
    (study,) = load(file, catalog)
    seen = searched(study, catalog)
    assert seen.found.best is not None
    item = finalist(study, seen.parts, seen.scenario, seen.grid, seen.classes, seen.found.best)
    return narrowed(study, item.design), item


def rows_of(held: Study, catalog: Catalog, item: Finalist) -> dict[str, dict]:
    return {row["path"]: row for row in shadow_prices(kind_of(held), held, catalog, item)}


@pytest.fixture(scope="module")
def fixed(catalog: Catalog, small_text: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Finalist]:
    return designed(small_text, tmp_path_factory.mktemp("fixed"), catalog)


@pytest.fixture(scope="module")
def rows(fixed: tuple[Study, Finalist], catalog: Catalog) -> dict[str, dict]:
    held, item = fixed
    return rows_of(held, catalog, item)


def test_a_faster_memory_is_worth_its_share_of_the_cost(rows, fixed):
    _, item = fixed
    row = rows["chip.memory_bandwidth"]
    assert row["one_more"]["value"] < 0 < row["one_less"]["value"]
    assert row["one_more"]["unit"] == "USD/Mtoken per TB/s"
    assert row["binding"]
    million = float(item.done.present_tokens) / 1e6
    assert row["dollars"] == pytest.approx(-row["one_more"]["value"] * million)


def test_a_dollar_on_the_price_of_a_chip_costs_as_much_as_a_dollar_less_saves(rows):
    row = rows["system.price_per_chip"]
    assert row["one_more"]["value"] == pytest.approx(row["one_less"]["value"] * -1, rel=1e-6)
    assert row["one_more"]["value"] > 0
    assert row["dollars"] < 0


def test_a_limit_that_nothing_reaches_is_worth_nothing(rows):
    row = rows["constraints.site_power"]
    assert (row["one_more"]["value"], row["dollars"], row["binding"]) == (0.0, 0.0, False)


def test_what_a_study_lacks_has_a_reason(rows):
    for path, reason in (
        ("constraints.budget", "no limit is set"),
        ("demand.deadline", "the demand sets none"),
        ("program.nre", "no chip of one's own is made"),
    ):
        assert rows[path]["reason"] == reason
        assert rows[path]["one_more"] is rows[path]["one_less"] is rows[path]["dollars"] is None


def test_tightening_a_limit_that_the_design_just_meets_is_never_for_the_better(rows):
    for path in ("demand.ttft", "demand.tpot", "constraints.site_power"):
        more, less = rows[path]["one_more"]["value"], rows[path]["one_less"]
        assert more <= 0
        assert less is None or less["value"] >= 0


def test_the_catalog_stays_as_it_is(catalog, fixed):
    held, item = fixed
    before = catalog.get("chip", item.parts["chip"].id).values["memory_bandwidth"].value
    rows_of(held, catalog, item)
    assert catalog.get("chip", item.parts["chip"].id).values["memory_bandwidth"].value == before


def test_a_record_takes_the_place_of_another(catalog):
    record = catalog.get("chip", "nvidia-b200")
    datum = record.values["memory_bandwidth"]
    faster = replace(record, values=dict(record.values) | {"memory_bandwidth": replace(datum, value=2 * datum.value)})
    other = catalog.replacing(faster)
    assert other.get("chip", "B200").values["memory_bandwidth"].value == 2 * datum.value
    assert other.get("rack", "hgx-b200-liquid") == catalog.get("rack", "hgx-b200-liquid")
    assert catalog.get("chip", "B200").values["memory_bandwidth"].value == datum.value


def test_where_the_site_is_filled_power_is_worth_tokens_in_proportion(catalog, small_text, tmp_path):
    text = small_text.replace("  requests: 20e6 request/day\n  growth: 0.2 1/year\n", "  volume: open\n")
    text = text.replace("cost_per_million_tokens", "tokens_per_second")
    held, item = designed(text, tmp_path, catalog)
    rows = rows_of(held, catalog, item)
    row = rows["constraints.site_power"]
    assert row["one_more"]["unit"] == "token/s per MW"
    assert row["one_more"]["value"] == pytest.approx(item.value / 20.0, rel=0.01)
    assert row["one_less"]["value"] == pytest.approx(-row["one_more"]["value"], rel=1e-6)
    assert row["binding"] and row["one_more"]["value"] * 2.0 > BINDS * item.value
    assert (row["dollars"], row["reason"]) == (None, "the objective is not in dollars")
