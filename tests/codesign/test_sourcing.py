"""Ways of sourcing: what each offers, and that evaluation charges what is offered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.dates import chip_charge
from stackwright.codesign.finalists import Finalist, design_of, evaluated, outlay
from stackwright.codesign.margin_stack import margins_of
from stackwright.codesign.plan import Searched, searched
from stackwright.codesign.plants import terms_of
from stackwright.codesign.search import Pick, sides_of, sides_rows
from stackwright.codesign.sourcing import Absent, arrangement_of, offer
from stackwright.codesign.uncertainty import draws, evaluate_with, inputs_of
from stackwright.core.errors import InputError
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.stack.deployment import money
from stackwright.stack.offer import PLAIN, Offer
from stackwright.stack.parts import Parts
from stackwright.stack.study import Study


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


@pytest.fixture(scope="module")
def settled(small: Study, seen: Searched) -> Callable[..., Finalist]:
    """The small study's best design, settled under another way of sourcing."""
    best = seen.found.best
    assert best is not None

    def made(sourcing: str, study: Study = small, **changes: Any) -> Finalist:
        design = replace(design_of(seen.grid, seen.classes, best), sourcing=sourcing, **changes)
        cell = seen.grid.cells[int(seen.grid.rows.cell[best.row])]
        limits = np.full(study.horizon.years, np.inf)
        return evaluated(study, seen.parts, seen.scenario, design, cell, limits, best.score)

    return made


def offered(system: str, way: str, parts: Parts, study: Study) -> Offer:
    made = offer(parts.get("rack", system), parts, way, study)
    assert isinstance(made, Offer), made
    return made


def test_bought_and_rented_systems_have_the_prices_of_their_records(small: Study, parts: Parts) -> None:
    system = parts.get("rack", "hgx-b200-liquid").spec
    bought, rented = (offered("hgx-b200-liquid", way, parts, small) for way in ("buy", "rent"))
    assert bought.system_price == system.price_per_chip and bought.plant == "own"
    assert rented.rent == system.rent_committed and rented.rented


def test_what_is_not_sold_is_absent_with_its_reason(small: Study, parts: Parts) -> None:
    for system, way, word in (
        ("tpu-v7-pod", "buy", "not sold"),
        ("tpu-v7-pod", "lease", "not sold"),
        ("maia-200-rack", "rent", "no public rent"),
        ("hgx-b200-liquid", "partner", "program"),
        ("trn2-ultraserver", "make", "program"),
    ):
        made = offer(parts.get("rack", system), parts, way, small)
        assert isinstance(made, Absent) and word in made.reason


def test_an_own_chip_costs_its_program_and_the_system_around_it(small: Study, parts: Parts) -> None:
    partner, made = (offered("tpu-v7-pod", way, parts, small) for way in ("partner", "make"))
    program = parts.get("finance", "program-tpu-v7").spec
    for one, chip in ((partner, program.partnered(program.volume)), (made, program.made(program.volume))):
        assert one.system_price - one.chip_price == pytest.approx(program.system_cost)
        assert one.chip_price > chip
        assert one.plant == "own"
    assert partner.system_price > made.system_price


def test_a_study_states_the_volume_of_its_program(small: Study, parts: Parts) -> None:
    few = small.model_copy(update={"finance": small.finance.model_copy(update={"program_volume": 20_000.0})})
    dear, cheap = (offered("tpu-v7-pod", "make", parts, study) for study in (few, small))
    assert dear.system_price > 3 * cheap.system_price


def test_two_programs_for_one_chip_are_refused(catalog: Catalog, tmp_path: Path, small: Study) -> None:
    text = Path(catalog.get("finance", "program-tpu-v7").file)
    source = Path(__file__).parents[2] / "src" / "stackwright" / "catalog" / text
    folder = tmp_path / "finance"
    folder.mkdir()
    content = source.read_text(encoding="utf-8").replace("name: Google TPU7x program", "name: Another")
    (folder / "another.yaml").write_text(content.replace("[TPU v7 program]", "[another]"), encoding="utf-8")
    both = Parts(Catalog.load([tmp_path]))
    with pytest.raises(InputError, match="one program for a chip"):
        offer(both.get("rack", "tpu-v7-pod"), both, "make", small)


def test_a_lease_takes_capital_away_and_brings_its_rent(
    small: Study, parts: Parts, settled: Callable[..., Finalist]
) -> None:
    own, leased = settled("buy"), settled("lease")
    terms = offered(leased.design.system, "lease", parts, small)
    capital = leased.done.capital.plant + leased.done.capital.building
    rent = leased.done.fleet.peak_power * capital * terms.lease * SECONDS_PER_YEAR
    assert leased.done.cash["lease"] == pytest.approx(rent)
    for layer in ("chip", "rack", "network", "power"):
        assert leased.done.costs[layer] == pytest.approx(own.done.costs[layer])
    assert leased.done.costs["cooling"] < own.done.costs["cooling"]
    assert leased.done.cash["capex"].sum() < own.done.cash["capex"].sum()
    spared = own.done.cash["capex"].sum() - leased.done.cash["capex"].sum()
    assert spared == pytest.approx(float(own.done.fleet.peak_power.max() * capital))


def test_a_dearer_plant_is_leased_for_more(settled: Callable[..., Finalist]) -> None:
    simple, doubled = settled("lease", redundancy="n-plus-1"), settled("lease", redundancy="2n")
    assert doubled.done.costs["datacenter"] > simple.done.costs["datacenter"]


@pytest.mark.parametrize("way", ["buy", "rent", "lease"])
def test_costs_are_what_the_cash_flow_pays(way: str, settled: Callable[..., Finalist]) -> None:
    """Discounted as it is paid, the cash flow is the sum of the layers' costs."""
    item = settled(way)
    years, rate = np.arange(float(item.done.fleet.chips.shape[-1])), 1.0 + item.terms.discount_rate
    flows = item.done.cash
    paid = (flows["capex"] * rate**-years).sum()
    paid += sum((flows[name] * rate ** -(years + 0.5)).sum() for name in ("energy", "water", "staff", "lease"))
    paid += (flows["residual"] * rate ** -(years + 1.0)).sum()
    assert float(item.done.present_cost) == pytest.approx(float(paid), rel=1e-9)


def test_outlay_counts_a_lease_over_the_horizon(settled: Callable[..., Finalist]) -> None:
    item = settled("lease")
    assert outlay(item.done) == pytest.approx(item.done.cash["capex"].sum() + item.done.cash["lease"].sum())


def test_a_leases_inputs_are_drawn(small: Study, seen: Searched, settled: Callable[..., Finalist]) -> None:
    own, leased = settled("buy"), settled("lease")
    paths = {one.path for one in inputs_of(leased)} - {one.path for one in inputs_of(own)}
    assert paths == {"lease.rent", "lease.reference_cost", "lease.escalation"}
    drawn = draws(leased, seen.scenario, small.seed, 32)
    assert drawn.costs["datacenter"].std() > 0.05 * float(np.mean(leased.done.costs["datacenter"]))


@pytest.fixture(scope="module")
def custom(small: Study, catalog: Catalog) -> tuple[Study, Searched]:
    """The small study on a custom chip, whose search prices it as rented."""
    study = small.model_copy(
        update={
            "rack": small.rack.model_copy(update={"system": ("tpu-v7-pod",)}),
            "network": small.network.model_copy(update={"fabric": ("google-dcn",)}),
            "serving": small.serving.model_copy(update={"software": ("tpu-vllm",)}),
            "finance": small.finance.model_copy(update={"sourcing": ("rent",)}),
        }
    )
    return study, searched(study, catalog)


def own_chip(custom: tuple[Study, Searched], way: str, **finance: float) -> Finalist:
    study, seen = custom
    study = study.model_copy(update={"finance": study.finance.model_copy(update=finance)})
    pick = min(seen.found.by_option.values(), key=lambda pick: pick.score)
    design = replace(design_of(seen.grid, seen.classes, pick), sourcing=way)
    cell = seen.grid.cells[int(seen.grid.rows.cell[pick.row])]
    limits = np.full(study.horizon.years, np.inf)
    return evaluated(study, seen.parts, seen.scenario, design, cell, limits, pick.score)


def test_a_chip_of_ones_own_is_charged_at_its_offer(custom: tuple[Study, Searched], parts: Parts) -> None:
    for way in ("partner", "make"):
        item = own_chip(custom, way)
        price = offered("tpu-v7-pod", way, parts, custom[0])
        assert float(item.done.units[0].system_price) == pytest.approx(price.system_price)
        share = item.done.costs["chip"] / (item.done.costs["chip"] + item.done.costs["rack"])
        assert float(share) == pytest.approx(price.chip_price / price.system_price)
        assert chip_charge(item) > 0


def test_a_small_program_costs_more_a_token(custom: tuple[Study, Searched]) -> None:
    values = [own_chip(custom, "make", program_volume=volume).value for volume in (2e4, 2e5, 2e6)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.5 * values[-1]


def test_a_programs_inputs_are_drawn(custom: tuple[Study, Searched]) -> None:
    item = own_chip(custom, "partner")
    assert {"program.partner_margin", "program.nre", "program.defect_density"} <= {one.path for one in inputs_of(item)}
    drawn = draws(item, custom[1].scenario, 3, 32)
    assert drawn.costs["chip"].std() > 0.05 * float(np.mean(item.done.costs["chip"]))


def stack_of(item: Finalist, parts: Parts) -> dict[str, dict[str, Any]]:
    costs = {layer: float(np.mean(cost)) for layer, cost in item.done.costs.items()}
    return {row["layer"]: row for row in margins_of(item, costs, parts)}


def test_every_layer_of_a_bought_stack_has_its_vendor(settled: Callable[..., Finalist], parts: Parts) -> None:
    rows = stack_of(settled("buy"), parts)
    assert {layer: row["vendor"] for layer, row in rows.items()} == {
        "chip": "NVIDIA, accelerators",
        "rack": "NVIDIA, what surrounds its accelerators",
        "network": "NVIDIA, network",
        "cooling": "Cooling plant",
        "datacenter": "Electrical plant and builders",
        "power": "Retail seller of power",
    }
    assert rows["chip"]["margin_dollars"]["value"] == pytest.approx(0.749 * rows["chip"]["cost"])


def test_a_landlord_a_cloud_and_a_partner_keep_theirs(
    settled: Callable[..., Finalist], custom: tuple[Study, Searched], parts: Parts
) -> None:
    leased = stack_of(settled("lease"), parts)
    assert leased["datacenter"]["vendor"] == "Landlord of a leased data center"
    assert leased["cooling"]["margin_dollars"]["value"] == 0.0
    assert stack_of(settled("rent"), parts)["rack"]["vendor"] == "Cloud that rents chips"
    partner, made = (stack_of(own_chip(custom, way), parts)["chip"] for way in ("partner", "make"))
    assert partner["vendor"] == "partner of Google TPU7x program"
    assert partner["margin"]["low"] < partner["margin"]["value"] < partner["margin"]["high"]
    assert made["margin_dollars"]["value"] == 0.0


def test_an_arrangement_has_what_its_way_needs(small: Study, parts: Parts) -> None:
    systems = [parts.get("rack", "tpu-v7-pod"), parts.get("rack", "trn3-ultraserver-gen2")]
    made = arrangement_of(small, parts, "make", systems)
    assert made.lease is None and made.program is not None
    assert made.prefill_program is not None and made.prefill_program.memory < made.program.memory
    same = arrangement_of(small, parts, "make", systems[:1] * 2)
    assert same.prefill_program is None
    assert vars(arrangement_of(small, parts, "buy", systems)) == vars(PLAIN)


@pytest.fixture(scope="module")
def wide(small: Study, catalog: Catalog) -> tuple[Study, Searched]:
    """The small study with a custom chip beside one that is sold, and every way of sourcing."""
    study = small.model_copy(
        update={
            "rack": small.rack.model_copy(update={"system": ("hgx-b200-liquid", "tpu-v7-pod")}),
            "network": small.network.model_copy(update={"fabric": ("infiniband-ndr", "google-dcn")}),
            "serving": small.serving.model_copy(update={"software": ("vllm-2026", "tpu-vllm")}),
            "finance": small.finance.model_copy(update={"sourcing": ("buy", "rent", "lease", "partner", "make")}),
        }
    )
    return study, searched(study, catalog)


def settled_pick(wide: tuple[Study, Searched], pick: Pick) -> Finalist:
    study, seen = wide
    design, limits = design_of(seen.grid, seen.classes, pick), seen.classes[pick.plant_class].weights.limit[pick.option]
    cell = seen.grid.cells[int(seen.grid.rows.cell[pick.row])]
    return evaluated(study, seen.parts, seen.scenario, design, cell, limits, pick.score)


@pytest.mark.parametrize("way", ["buy", "lease", "partner", "make"])
def test_the_search_prices_each_way_as_evaluate_does(way: str, wide: tuple[Study, Searched]) -> None:
    """By the plant's terms the two agree to rounding where redundancy and distribution are not rescaled."""
    study, seen = wide
    pick = seen.found.by_option["finance", way]
    item = settled_pick(wide, pick)
    assert item.value == pytest.approx(pick.score, rel=5e-3)
    again = evaluate_with(item, seen.scenario, {}, 1)
    cost = float(again.present_cost[0] / again.present_tokens[0]) * 1e6
    option = seen.classes[pick.plant_class].options[pick.option]
    first = (option.redundancy, option.distribution) == (
        study.datacenter.redundancy[0],
        study.datacenter.distribution[0],
    )
    assert cost == pytest.approx(pick.score, rel=1e-9 if first else 2e-3)


def test_a_chip_of_ones_own_is_searched_where_it_is_not_sold(wide: tuple[Study, Searched]) -> None:
    _, seen = wide
    found = {
        way: design_of(seen.grid, seen.classes, seen.found.by_option["finance", way]).system
        for way in ("buy", "lease", "partner", "make")
    }
    assert found == {
        "buy": "hgx-b200-liquid",
        "lease": "hgx-b200-liquid",
        "partner": "tpu-v7-pod",
        "make": "tpu-v7-pod",
    }
    assert seen.found.barred["tpu-v7-pod, buy"].startswith("not sold")
    assert "program" in seen.found.barred["hgx-b200-liquid, make"]


def test_a_budget_counts_what_a_lease_pays_over_the_horizon(wide: tuple[Study, Searched]) -> None:
    study, seen = wide
    pick = seen.found.by_option["finance", "lease"]
    classes, rows = sides_of(seen.grid, seen.classes, pick), np.array([pick.row])
    cash = money(terms_of(study, seen.parts), seen.scenario.years)
    (side,) = sides_rows(seen.scenario, seen.grid, classes, rows, cash, sourcing="lease")
    done, unit = settled_pick(wide, pick).done, settled_pick(wide, pick).done.units[0]
    equipment = done.fleet.bought(cash.spares).max() * unit.system_price + done.fleet.chips.max() * unit.network_price
    paid = float(equipment + done.cash["lease"].sum())
    assert side.outlay[0, pick.option] == pytest.approx(paid, rel=2e-3)
