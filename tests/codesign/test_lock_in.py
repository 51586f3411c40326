"""Lock-in of a small study with two platforms, and what futures of models would strand of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.alternative_stacks import unsettled_finalist
from stackwright.codesign.finalists import Finalist
from stackwright.codesign.lock_in import chosen_option, kept_study, lock_in_entry, priced_options
from stackwright.codesign.plan import plan_study
from stackwright.codesign.searched import Searched, searched
from stackwright.codesign.stranded import COUNT, Drawn, Hall, as_good, chip_book, deepened, stranded_entry
from stackwright.core.errors import InfeasibleError, InputError
from stackwright.core.units import SECONDS_PER_YEAR
from stackwright.interface.model_future import ModelFuture
from stackwright.model.architecture import Architecture
from stackwright.stack.parts import Parts
from stackwright.stack.study import OwnPlant, Study, load

TWO = """
study: two-platforms
seed: 3
objective: cost_per_million_tokens
demand:
  kind: serving
  lengths: {input: 1024 token, output: 256 token}
  requests: 50e6 request/day
  ttft: 3 s
  tpot: 60 ms
horizon: {first_year: 2027, years: 3}
model: {architecture: [Llama-3.1-70B], precision: [fp8]}
serving:
  software: [vllm-2026, tensorrt-llm-2026, rocm-vllm]
  mode: [aggregated]
  tensor_parallel: [2, 4, 8]
  expert_parallel: [1]
  batch: [16, 64, 128]
rack: {system: [hgx-h200-air, hgx-b200-liquid, mi300x-node]}
network: {fabric: [infiniband-ndr]}
cooling: {type: [air-chiller-economizer, direct-liquid-dry], supply_temperature: [25 degC]}
datacenter: {site: [ashburn-va], distribution: [ac-480-ups]}
power:
  portfolio:
    - {name: nuclear, contracts: [{contract: nuclear-ppa, share: 0.8}]}
constraints: {site_power: 20 MW}
"""


def read(folder: Path, catalog: Catalog, text: str) -> Study:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, catalog)[0]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Study:
    return read(tmp_path_factory.mktemp("two"), catalog, TWO)


@pytest.fixture(scope="module")
def seen(study: Study, catalog: Catalog) -> Searched:
    return searched(study, catalog)


@pytest.fixture(scope="module")
def item(study: Study, seen: Searched) -> Finalist:
    assert seen.found.best is not None
    return unsettled_finalist(study, seen, seen.found.best)


@pytest.fixture(scope="module")
def entry(study: Study, seen: Searched, item: Finalist) -> dict[str, Any]:
    return lock_in_entry(study, seen, item, {})


def row(entry: dict[str, Any], option: str) -> dict[str, Any]:
    return next(one for one in entry["options"] if one["option"] == option)


def narrowed_to(study: Study, catalog: Catalog, systems: tuple[str, ...], software: tuple[str, ...]) -> float:
    changed = {
        "rack": study.rack.model_copy(update={"system": systems}),
        "serving": study.serving.model_copy(update={"software": software}),
    }
    best = searched(study.model_copy(update=changed), catalog).found.best
    assert best is not None
    return best.score


def test_an_option_is_the_optimum_of_its_own_menu(study: Study, catalog: Catalog, entry: dict[str, Any]) -> None:
    nvidia = ("hgx-h200-air", "hgx-b200-liquid")
    alone = {
        "cuda-only": narrowed_to(study, catalog, nvidia, ("vllm-2026", "tensorrt-llm-2026")),
        "rocm-only": narrowed_to(study, catalog, ("mi300x-node",), ("rocm-vllm",)),
    }
    for option, score in alone.items():
        assert row(entry, option)["value"]["value"] == pytest.approx(score, rel=1e-12)
    portable = row(entry, "portable")
    own = (nvidia, ("vllm-2026",)) if portable["platform"] == "cuda" else (("mi300x-node",), ("rocm-vllm",))
    assert portable["value"]["value"] == pytest.approx(narrowed_to(study, catalog, *own), rel=1e-12)


def test_staying_portable_costs_people_and_what_its_engine_loses(entry: dict[str, Any]) -> None:
    portable = row(entry, "portable")
    alone = next(
        one for one in entry["options"] if one["platform"] == portable["platform"] and one["option"] != "portable"
    )
    assert portable["staying"]["first"]["value"] > 0.0
    assert portable["staying"]["yearly"]["value"] == pytest.approx(4 * 450_000)
    assert portable["performance_loss"]["value"] >= 0.0
    assert portable["value"]["value"] == pytest.approx(
        alone["value"]["value"] * (1.0 + portable["performance_loss"]["value"])
    )
    assert alone["staying"]["value"]["value"] == 0.0


def test_a_kept_stack_moves_for_less(entry: dict[str, Any]) -> None:
    portable = row(entry, "portable")
    kept = next(one for one in portable["switching"] if one["kept"])
    alone = next(one for one in row(entry, "cuda-only")["switching"] if one["to"] == "rocm")
    assert kept["source"] == "port-kept"
    assert alone["source"] == "port-cuda-rocm"
    for name in ("cost", "months", "tokens"):
        assert 0.0 < kept[name]["value"] < alone[name]["value"]
        assert kept[name]["low"] <= kept[name]["value"] <= kept[name]["high"]


def test_options_are_ranked_and_their_regrets_begin_at_nothing(entry: dict[str, Any]) -> None:
    totals = [one["total"]["value"] for one in entry["options"] if one["feasible"]]
    assert totals == sorted(totals)
    assert len(totals) == 3
    for future in ("even", "sold-ahead", "in-house-ahead"):
        told = [one["regret"][future]["value"] for one in entry["options"]]
        assert min(told) == 0.0
        assert max(told) > 0.0


def test_what_is_chosen_is_the_platform_of_the_stack(entry: dict[str, Any], seen: Searched) -> None:
    assert entry["chosen"] in ("cuda-only", "rocm-only")
    assert not entry["listed"]
    assert row(entry, entry["chosen"])["value"]["value"] == pytest.approx(seen.found.best.score)  # type: ignore[union-attr]
    assert {one["rival"] for one in entry["break_even"]} | {row(entry, entry["chosen"])["platform"]} == {"cuda", "rocm"}


def test_options_are_the_same_for_the_same_seed(
    study: Study, seen: Searched, item: Finalist, entry: dict[str, Any]
) -> None:
    assert lock_in_entry(study, seen, item, {}) == entry


@pytest.mark.parametrize(
    ("objective", "word"), [("carbon_per_million_tokens", "dollars per token"), ("tokens_per_megawatt_hour", "dollars")]
)
def test_an_objective_without_dollars_has_no_price_of_an_option(
    study: Study, seen: Searched, item: Finalist, objective: str, word: str
) -> None:
    told = lock_in_entry(study.model_copy(update={"objective": objective}), seen, item, {})
    assert told["options"] == []
    assert word in told["reason"]
    assert told["portable_pays"] == {"loss": None, "now": None, "reason": told["reason"]}
    assert told["runs"]


def test_nothing_is_compared_where_no_engine_is_on_two_platforms(study: Study, catalog: Catalog) -> None:
    rack, serving = {"system": ("hgx-b200-liquid",)}, {"software": ("vllm-2026",)}
    alone = study.model_copy(
        update={"rack": study.rack.model_copy(update=rack), "serving": study.serving.model_copy(update=serving)}
    )
    seen = searched(alone, catalog)
    assert seen.found.best is not None
    told = lock_in_entry(alone, seen, unsettled_finalist(alone, seen, seen.found.best), {})
    portable = row(told, "portable")
    assert not portable["feasible"] and not portable["eligible"]
    assert told["portable_pays"] == {"loss": None, "now": None, "reason": portable["reason"]}


def test_a_portable_engine_pays_up_to_a_loss_or_never(entry: dict[str, Any]) -> None:
    told = entry["portable_pays"]
    assert entry["chosen"] != "portable"
    assert (told["loss"] is None) == (told["reason"] is not None)
    assert told["now"] == pytest.approx(row(entry, "portable")["performance_loss"]["value"])


def listing(study: Study, *options: str) -> Study:
    return study.model_copy(update={"interface": study.interface.model_copy(update={"portability": options})})


@pytest.mark.parametrize(
    ("options", "systems", "software"),
    [
        (("rocm-only",), ("mi300x-node",), ("rocm-vllm",)),
        (("cuda-only",), ("hgx-h200-air", "hgx-b200-liquid"), ("vllm-2026", "tensorrt-llm-2026")),
    ],
)
def test_a_listed_option_narrows_the_search(
    study: Study, seen: Searched, options: tuple[str, ...], systems: tuple[str, ...], software: tuple[str, ...]
) -> None:
    kept = kept_study(listing(study, *options), seen)
    assert kept.rack.system == systems
    assert kept.serving.software == software


def test_of_several_listed_options_the_least_total_decides(
    study: Study, seen: Searched, item: Finalist, entry: dict[str, Any]
) -> None:
    best = entry["options"][0]["option"]
    listed = listing(study, "portable", "rocm-only", "cuda-only")
    assert chosen_option(listed, priced_options(listed, seen, item), item) == best


def test_without_a_list_nothing_is_narrowed(study: Study, seen: Searched) -> None:
    assert kept_study(study, seen) is study


def test_a_plan_of_a_listed_option_is_of_that_option(tmp_path: Path, catalog: Catalog) -> None:
    few = TWO.replace("[16, 64, 128]", "[64]").replace("hgx-h200-air, ", "").replace("[2, 4, 8]", "[8]")
    listed = read(tmp_path, catalog, few + "interface: {portability: [portable, rocm-only]}\n")
    made = plan_study(listed, catalog)
    told = made["lock_in"]
    assert told["listed"]
    assert told["chosen"] == next(
        one["option"] for one in told["options"] if one["option"] in ("portable", "rocm-only")
    )
    assert made["stack"]["interface"]["software"] == row(told, told["chosen"])["engine"]
    assert made["study"]["interface"] == {"portability": ["portable", "rocm-only"]}
    assert made["space"]["axes"]["interface.portability"] == 2
    others = [one for one in made["alternatives"] if one["layer"] == "portability"]
    assert [one["option"] for one in others] == [{"portable": "rocm-only", "rocm-only": "portable"}[told["chosen"]]]
    assert others[0]["difference"] >= 0.0


def test_options_of_which_none_has_a_stack_are_infeasible(study: Study, seen: Searched) -> None:
    with pytest.raises(InfeasibleError, match="tpu-only: no stack of the menu"):
        kept_study(listing(study, "tpu-only", "neuron-only"), seen)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("objective: cost_per_million_tokens", "objective: carbon_per_million_tokens"), "cost_per_million_tokens"),
        (("requests: 50e6 request/day", "volume: open"), "fixed volume"),
    ],
)
def test_options_without_a_price_are_refused(
    tmp_path: Path, catalog: Catalog, change: tuple[str, str], word: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, catalog, TWO.replace(*change) + "interface: {portability: [cuda-only]}\n")
    fault = next(one for one in caught.value.faults if one.path == "interface.portability")
    assert word in fault.expected


def test_an_option_that_is_none_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, catalog, TWO + "interface: {portability: [cuda]}\n")
    fault = caught.value.faults[0]
    assert fault.path == "interface.portability[0]"
    assert "cuda-only" in fault.expected


# What futures of models would strand.


@pytest.fixture(scope="module")
def stranded(study: Study, catalog: Catalog, seen: Searched, item: Finalist) -> dict[str, Any]:
    return stranded_entry(study, catalog, seen, item)


def test_a_future_of_todays_model_strands_nothing(
    study: Study, catalog: Catalog, seen: Searched, item: Finalist
) -> None:
    today = replace(catalog.get("interface", "future-dense"), links={"model": "llama-3-1-70b"})
    overlaid = catalog.replacing(today)
    told = stranded_entry(study, overlaid, replace(seen, parts=Parts(overlaid)), item)
    future = next(one for one in told["futures"] if one["future"] == "dense")
    assert future["scale"] == 1.0
    assert future["need"] == {"value": 1.0, "low": 1.0, "high": 1.0, "unit": ""}
    assert future["built"]["value"] == future["best"]["value"]
    for part in ("chips", "cooling", "contracts"):
        assert future[part]["dollars"] == {"value": 0.0, "low": 0.0, "high": 0.0, "unit": "USD"}
    assert future["chips"]["book"]["value"] > 0.0


def test_machines_that_cannot_serve_a_future_have_no_work_in_it(
    study: Study, catalog: Catalog, seen: Searched, item: Finalist, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Hall.best

    def best(hall: Hall, model: Architecture, *, as_built: bool) -> tuple[Searched, Finalist] | None:
        return None if as_built and model is not hall.model else found(hall, model, as_built=as_built)

    monkeypatch.setattr(Hall, "best", best)
    for future in stranded_entry(study, catalog, seen, item)["futures"]:
        assert "do not serve it" in future["reason"]
        assert future["need"]["value"] is None
        assert "do not serve it" in future["built"]["reason"]
        for part in ("chips", "cooling", "contracts"):
            assert future[part]["share"]["value"] <= 1.0 - future["reused"]["value"]
        assert future["chips"]["share"]["value"] == 1.0 - future["reused"]["value"]
        assert future["total"]["dollars"]["value"] > 0.0


def test_there_are_three_futures_scaled_to_todays_quality(study: Study, stranded: dict[str, Any]) -> None:
    assert [one["future"] for one in stranded["futures"]] == ["dense", "linear-hybrid", "sparser-moe"]
    for one in stranded["futures"]:
        sizes = one["parameters"]
        assert (sizes["total"] * sizes["active"]) ** 0.5 == pytest.approx(70e9, rel=0.06)


def test_what_is_stranded_is_between_nothing_and_the_books(stranded: dict[str, Any]) -> None:
    moved = 0
    for one in stranded["futures"]:
        for part in ("chips", "cooling", "contracts"):
            told = one[part]
            assert 0.0 <= told["share"]["low"] <= told["share"]["high"] <= 1.0
            assert 0.0 <= told["dollars"]["value"] <= told["book"]["value"]
            moved += told["dollars"]["value"] > 0.0
        assert one["best"]["value"] <= one["built"]["value"] * (1.0 + 1e-9)
        assert one["total"]["dollars"]["value"] == pytest.approx(
            sum(one[part]["dollars"]["value"] for part in ("chips", "cooling", "contracts"))
        )
    assert moved > 0


@pytest.mark.parametrize(
    ("years", "worth"), [(1.0, 0.8 * 10), (1.5, 0.7 * 10 + 0.9 * 2 * 0.9), (2.0, 6 + 0.8 * 2 * 0.9)]
)
def test_what_is_bought_as_a_future_arrives_is_not_on_the_books(years: float, worth: float) -> None:
    """Ten systems, twelve from the second year on and fifteen from the third, at prices that fall by a tenth."""
    terms = SimpleNamespace(spares=0.0, chip_life=5.0, chip_price_decline=0.1)
    pool = SimpleNamespace(bought=lambda spares: np.array([10.0, 12.0, 15.0]))
    done = SimpleNamespace(units=[SimpleNamespace(system_price=100.0)], fleet=SimpleNamespace(pools=[pool]))
    now = cast("Drawn", SimpleNamespace(item=SimpleNamespace(terms=terms), done=done))
    arrival = np.full(COUNT + 1, years * SECONDS_PER_YEAR)
    book = chip_book(now, ModelFuture(arrival=arrival, reused=np.zeros(COUNT + 1)))
    assert book == pytest.approx(100.0 * worth)


def booked(item: Finalist) -> float:
    """Eighteen years are left of twenty, at 90 USD/MWh for eight tenths of the load."""
    mean_load = float(item.done.year.meter_energy.mean()) / SECONDS_PER_YEAR
    annuity = sum(1.08 ** -(year + 0.5) for year in range(18))
    return 90.0 / 3.6e9 * 0.8 * mean_load * SECONDS_PER_YEAR * annuity


def test_contracts_are_on_the_books_at_their_price(stranded: dict[str, Any], item: Finalist) -> None:
    for future in stranded["futures"]:
        assert future["contracts"]["book"]["value"] == pytest.approx(booked(item))


def test_contracts_beside_plants_of_ones_own_are_on_the_books(
    study: Study, catalog: Catalog, seen: Searched, item: Finalist
) -> None:
    """The place is held at a portfolio that decides no hours; what is owed is that of the plan's own."""
    own = study.power.portfolio[0]
    plant = OwnPlant.model_construct(technology="gas-turbine", capacity=5e6, least=0.0, most=None, unit=None)
    both, grid = (own.model_copy(update=values) for values in ({"plants": (plant,)}, {"name": "grid", "contracts": ()}))
    menu = study.model_copy(update={"power": study.power.model_copy(update={"portfolio": (grid, both)})})
    told = stranded_entry(menu, catalog, seen, item)
    for future in told["futures"]:
        assert future["contracts"]["book"]["value"] == pytest.approx(booked(item))


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 1.75])
@pytest.mark.parametrize("model", ["llama-3-1-70b", "deepseek-r1", "qwen3-5-397b-a17b"])
def test_a_deeper_model_has_so_many_more_parameters(catalog: Catalog, model: str, scale: float) -> None:
    stands = Parts(catalog).architecture(model)
    made = deepened(stands, scale)
    inner = [
        one.total_parameters - one.embedding_parameters - one.parameters_by_part.get("head", 0)
        for one in (stands, made)
    ]
    # the first layers of a mixture are dense, and smaller than all others
    assert inner[1] / inner[0] == pytest.approx(scale, rel=0.1)
    assert made.layers == round(stands.layers * scale)
    assert as_good(stands, stands) == 1.0
