"""The optimum of a grid is that of enumeration, and bounds between its values hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from random_studies import OBJECTIVES, combined, enumerated, kept, random_plants, random_rows, random_text, whole

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.codesign.performance_grid import Tally, axes_of, cells_of, evaluate_cell
from stackwright.codesign.plant_grid import PlantClass, Weights, plant_classes
from stackwright.codesign.refine import (
    TOLERANCE,
    WATER_DIP,
    Refined,
    breaks,
    gap_entry,
    halves_of,
    least_weights,
    refined,
    slowed,
)
from stackwright.codesign.search import unit_rows
from stackwright.codesign.searched import Searched, searched
from stackwright.stack.parts import Parts
from stackwright.stack.plant import cooling_year, excursion_share
from stackwright.stack.scenario import scenario_of
from stackwright.stack.study import Study

LATER = 0.04
"""By how much more a token may take at a higher clock, where the cache is nearly full."""
MEMORY_MOVES = 0.03
"""Of the memory, by how much a replica's need of it changes with its clock."""
SITES = ("ashburn-va", "phoenix-az", "singapore", "tokyo-jp", "sanjose-ca")


@pytest.fixture(scope="module")
def seen(small: Study, catalog: Catalog) -> Searched:
    return searched(small, catalog)


@pytest.fixture(scope="module")
def finer(small: Study, seen: Searched) -> Refined:
    made = refined(small, seen, halves_of(small, seen))
    assert made is not None
    return made


def at(study: Study, cap: float, temperature: float) -> Study:
    """The study at one power cap and one supply temperature."""
    return study.model_copy(
        update={
            "chip": study.chip.model_copy(update={"power_cap": (cap,)}),
            "cooling": study.cooling.model_copy(update={"supply_temperature": (temperature,)}),
        }
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_search_finds_the_best_of_all_designs_of_a_random_study(
    seed: int, catalog: Catalog, write_study: Callable[[str], Study]
) -> None:
    """Every point that meets memory and latency, with every plant, for any objective, volume and limits."""
    study = write_study(random_text(np.random.default_rng(seed)))
    every, few = whole(study, catalog), searched(study, catalog)
    best, _ = enumerated(study, every)
    if few.found.best is None:
        assert best == np.inf
    else:
        assert few.found.best.score == pytest.approx(best, rel=1e-12)


def random_case(rng: np.random.Generator, study: Study, base: Searched) -> tuple[Study, Searched]:
    """Another objective, volume and limits, with random points and plants."""
    fixed = rng.random() < 0.5
    limits = {"site_power": None if fixed and rng.random() < 0.5 else 10 ** rng.uniform(6.5, 8.5)}
    for name, size in (("budget", 9.5), ("water", 5.5), ("carbon", 7.5)):
        limits[name] = 10 ** (size + rng.uniform(-1.0, 1.5)) if rng.random() < 0.15 else None
    update = {
        "objective": OBJECTIVES[rng.integers(1 if fixed else 0, len(OBJECTIVES))],
        "constraints": study.constraints.model_copy(update=limits),
    }
    assert base.scenario.requests is not None
    requests = base.scenario.requests * 10 ** rng.uniform(-2.0, 0.5) if fixed else None
    scenario = replace(base.scenario, requests=requests, token_price=10 ** rng.uniform(-8.5, -5.0))
    grid = random_rows(rng, base.grid, 300, np.array([0, 1]))
    plants = random_plants(rng, base.classes, cuts=rng.random() < 0.4)
    limit = limits["site_power"] or np.inf
    plants = [
        replace(plant, weights=replace(plant.weights, limit=np.full_like(plant.weights.limit, limit)))
        for plant in plants
    ]
    return study.model_copy(update=update), replace(base, scenario=scenario, grid=grid, classes=plants)


def compared(seed: int, study: Study, base: Searched) -> tuple[float, float, list[str], Study, Searched]:
    """Best of a search in what is kept, best of all, and what could part the two."""
    case, every = random_case(np.random.default_rng(seed), study, base)
    scenario = every.scenario
    peak = None if scenario.requests is None else scenario.requests * scenario.peak
    few = combined(case, replace(every, grid=kept(every.grid, peak)))
    best, _ = enumerated(case, every)
    return (np.inf if few.found.best is None else few.found.best.score), best, breaks(case, few), case, few


def test_no_random_points_and_plants_have_a_better_design_than_the_search_finds(small: Study, seen: Searched) -> None:
    """Difference 0 wherever nothing can break the proof, and often where something could."""
    proved = 0
    for seed in range(200):
        found, best, ways, *_ = compared(seed, small, seen)
        if not ways:
            proved += 1
            assert found == best or found == pytest.approx(best, rel=1e-12), seed
    assert proved > 50


@pytest.mark.parametrize("seed", [5, 1048, 1197, 1550])
def test_where_the_proof_breaks_the_gap_says_so(seed: int, small: Study, seen: Searched) -> None:
    """A fleet that was dropped fills the meter with fewer requests, loses less, and is within the bound."""
    found, best, ways, case, few = compared(seed, small, seen)
    assert best < found and ways
    bounded = refined(case, few, None)
    assert bounded is not None
    assert bounded.grid_gap > 0.0 and bounded.grid_bound <= best
    assert bounded.bound == bounded.grid_bound and bounded.breaks == tuple(ways)


def test_bounds_hold_where_the_proof_may_break(small: Study, seen: Searched) -> None:
    """The grid's bound is never above the best of all designs, those among them that were dropped."""
    broken = 0
    for seed in range(40):
        found, best, ways, case, few = compared(seed, small, seen)
        if ways and np.isfinite(found):
            broken += 1
            bounded = refined(case, few, None)
            assert bounded is not None and bounded.grid_bound <= best * (1 + 1e-12 * np.sign(best)), seed
    assert broken > 5


def test_no_design_between_the_grids_values_is_below_the_bound(small: Study, catalog: Catalog, finer: Refined) -> None:
    """Searches of their own at caps and temperatures off the grid."""
    rng = np.random.default_rng(4)
    for _ in range(6):
        cap, temperature = rng.uniform(0.8, 1.0), rng.uniform(298.15, 313.15)
        best = searched(at(small, cap, temperature), catalog).found.best
        assert best is not None and best.score >= finer.bound


def test_the_refined_design_is_no_worse_and_its_price_is_the_searchs(
    small: Study, catalog: Catalog, seen: Searched, finer: Refined
) -> None:
    assert seen.found.best is not None
    assert finer.grid_value == pytest.approx(seen.found.best.score, rel=1e-12)
    assert finer.bound <= finer.value <= finer.grid_value
    assert finer.gap <= TOLERANCE * (1 + 1e-9)
    assert finer.grid_gap == 0.0 or finer.breaks
    plant = finer.seen.classes[finer.pick.plant_class]
    cap = float(finer.seen.grid.rows.choice["power_cap"][finer.pick.row])
    again = searched(at(small, cap, plant.supply_temperature), catalog).found.best
    assert again is not None and again.score == pytest.approx(finer.value, rel=1e-9)


def test_a_meter_is_filled_with_more_tokens_between_the_grids_caps(
    small_text: str, catalog: Catalog, write_study: Callable[[str], Study]
) -> None:
    """Tokens per second behind a meter: a better cap is found inside the menu's range, and the gap closes."""
    text = small_text.replace("requests: 20e6 request/day\n  growth: 0.2 1/year", "volume: open")
    text = text.replace("objective: cost_per_million_tokens", "objective: tokens_per_second")
    study = write_study(text.replace("power_cap: [1.0, 0.8]", "power_cap: [1.0, 0.6]"))
    own = searched(study, catalog)
    made = refined(study, own, halves_of(study, own))
    assert made is not None and own.found.best is not None
    assert made.bound <= made.value <= own.found.best.score
    assert made.gap <= TOLERANCE * (1 + 1e-9)
    cap = float(made.seen.grid.rows.choice["power_cap"][made.pick.row])
    assert 0.6 <= cap <= 1.0


def test_a_plan_tells_the_gap_in_the_objectives_unit_and_sign(finer: Refined) -> None:
    told = gap_entry(finer)
    assert told["value"] == finer.value and told["bound"] == finer.bound and told["boxes"] == finer.boxes
    most = gap_entry(replace(finer, objective="tokens_per_second", value=-9.0, bound=-10.0, grid_bound=-9.5))
    assert (most["value"], most["bound"], most["grid_bound"]) == (9.0, 10.0, 9.5)
    assert most["gap"] == pytest.approx(1.0 / 9.0)
    none = gap_entry(None)
    assert none.keys() == told.keys() and none["value"] is None and none["gap"] is None and none["breaks"] == []


def test_one_cap_and_one_temperature_leave_nothing_to_refine(small: Study, catalog: Catalog) -> None:
    study = at(small, 1.0, 313.15)
    narrow = study.model_copy(update={"cooling": study.cooling.model_copy(update={"type": ("direct-liquid-dry",)})})
    own = searched(narrow, catalog)
    made = refined(narrow, own, halves_of(narrow, own))
    assert made is not None and own.found.best is not None
    assert made.boxes == 0 or made.breaks
    assert made.pick == own.found.best and made.gap == made.grid_gap


@pytest.mark.parametrize(
    ("system", "engine", "model"),
    [
        ("hgx-h200-air", "vllm-2026", "deepseek-r1"),
        ("gb200-nvl72", "sglang-2026", "deepseek-r1"),
        ("mi355x-node-liquid", "rocm-vllm", "llama-3.1-70b"),
        ("tpu-v7-pod", "tpu-vllm", "llama-3.1-70b"),
        ("trn2-ultraserver", "neuron-nxd", "llama-3.1-70b"),
    ],
)
def test_pace_rises_with_the_power_cap(
    system: str, engine: str, model: str, small_text: str, parts: Parts, write_study: Callable[[str], Study]
) -> None:
    """At a higher cap every layout and batch that fits serves more requests, no later, in nearly the same memory."""
    text = small_text.replace("Qwen3-235B-A22B", model).replace("vllm-2026", engine)
    text = text.replace("system: [hgx-h200-air, hgx-b200-liquid]", f"system: [{system}]")
    text = text.replace("power_cap: [1.0, 0.8]", "power_cap: [0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0]")
    study = write_study(text.replace("fabric: [infiniband-ndr]", "fabric: any").replace("[fp8]", "[bf16, fp8]"))
    lengths = scenario_of(study, parts).lengths.over(4)
    checked = 0
    for _, cell, _ in cells_of(study, parts, Tally()):
        axes = axes_of(study, cell)
        assert axes is not None
        made = evaluate_cell(cell, axes, lengths, ("aggregated", "disaggregated"))
        for service in (*made["aggregated"], made["disaggregated"], made["prefill"]):
            rate = service.requests_per_second
            memory = service.memory + 0.0 * rate
            fits = memory.max(axis=0) <= 0.0
            assert (np.diff(rate, axis=0)[:, fits] > 0.0).all()
            assert (np.diff(service.ttft_p95 + 0.0 * rate, axis=0)[:, fits] < 0.0).all()
            if hasattr(service, "tpot_p95"):
                late = service.tpot_p95[:, fits]
                assert (np.diff(late, axis=0) <= LATER * late[1:]).all()
            assert np.ptp(memory[:, fits], axis=0).max(initial=0.0) <= MEMORY_MOVES
            checked += int(fits.sum())
    assert checked > 0


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


def test_watts_rise_with_the_cap_and_with_the_coolant(seen: Searched) -> None:
    """Points slowed to a lower cap draw less than at their own, in colder coolant less than in warmer, and what they
    draw above idle falls by no more than idle rises.
    """
    rows = np.flatnonzero(seen.grid.rows.choice["power_cap"] == 1.0)
    plants = sorted(
        (plant for plant in seen.classes if plant.thermal.path == "liquid"), key=lambda one: one.coolant_temperature
    )
    cold, warm = plants[0], plants[-1]
    assert cold.coolant_temperature < warm.coolant_temperature
    whole_units, _ = unit_rows(seen.grid, rows, cold)
    less, _ = unit_rows(slowed(seen.grid, 0.9, 1.0), rows, cold)
    warmer, _ = unit_rows(seen.grid, rows, warm)
    for name in ("decode_power", "prefill_power", "idle_power", "provisioned_power"):
        assert (getattr(less, name) <= getattr(whole_units, name) * (1 + 1e-12)).all(), name
        assert (getattr(whole_units, name) <= getattr(warmer, name) * (1 + 1e-12)).all(), name


@pytest.mark.parametrize("name", [record.id for record in Catalog.load().records("cooling")])
def test_warmer_coolant_takes_no_more_in_any_hour_but_water(name: str, parts: Parts) -> None:
    """Electricity by the hour, capacity, and hours beyond the limits; between two temperatures, water dips so far."""
    spec = parts.get("cooling", name).spec
    degrees = np.arange(float(spec.supply_minimum), float(spec.supply_maximum) + 1e-9, 1.0)
    shares = (0.0,) if spec.heat_path == "air" else (0.75, 0.9, 1.0)
    coolant = [float(spec.chip_coolant_temperature(supply_temperature=value)) for value in degrees]
    assert (np.diff(coolant) >= 0.0).all()
    for site in SITES:
        series = load_site_series(parts.get("datacenter", site).record, year="aligned")
        hours = np.zeros((len(degrees), len(series.dry_bulb)))
        for share, fraction in [(share, fraction) for share in shares for fraction in (0.4, 1.0)]:
            load = cooling_year(
                spec, series, supply_temperature=degrees[:, None], liquid_share=share, load_fraction=fraction
            )
            drawn = load.electricity + hours
            assert (np.diff(drawn, axis=0) <= 1e-12 * drawn.max()).all(), (site, share)
            assert (np.diff(excursion_share(load, hours + 1.0)) <= 0.0).all(), (site, share)
            machines = load.design_capacity()
            assert (np.diff(machines.chillers + 0.0 * degrees) <= 1e-12).all(), (site, share)
            assert (np.diff(machines.dry_coolers + 0.0 * degrees) >= -1e-12).all(), (site, share)
            held_to_the_dip((load.water + hours).sum(axis=-1))


def held_to_the_dip(water: np.ndarray) -> None:
    """Between any two temperatures a year takes less water than at either by no more than the bound allows."""
    for width in range(2, len(water)):
        for start in range(len(water) - width):
            ends = min(water[start], water[start + width])
            assert water[start : start + width + 1].min() >= ends * (1.0 - WATER_DIP * width) - 1e-15


def test_a_plant_between_two_temperatures_is_no_better_than_the_least_of_both(small: Study, parts: Parts) -> None:
    """In every weight, under grid power and agreements, at every site and wiring of the study, by cooling type."""
    names = tuple(record.id for record in parts.catalog.records("cooling"))
    menu = tuple(np.linspace(291.15, 318.15, 10))
    cooling = small.cooling.model_copy(update={"supply_temperature": menu, "type": names})
    study = small.model_copy(update={"cooling": cooling})
    systems = [parts.get("rack", name) for name in ("hgx-b200-liquid", "hgx-h200-air")]
    kinds: dict[tuple[object, ...], list[PlantClass]] = {}
    for plant in plant_classes(study, parts, scenario_of(study, parts), systems):
        kinds.setdefault((plant.thermal, plant.cooling, plant.supply_scale), []).append(plant)
    assert len({plants[0].cooling for plants in kinds.values()}) >= 9
    for plants in kinds.values():
        prices = np.array([parts.get("datacenter", one.site).spec.water_price for one in plants[0].options])
        for first, last in ((0, len(plants) - 1), (0, 2), (len(plants) - 4, len(plants) - 1)):
            one, other = plants[first], plants[last]
            less = WATER_DIP * (other.supply_temperature - one.supply_temperature)
            bound = least_weights(one.weights, other.weights, prices, less)
            for inner in plants[first + 1 : last]:
                no_better(inner.weights, bound)


def no_better(inner: Weights, bound: Weights) -> None:
    """A plant's weights against those of a bound."""
    for name in Weights.__dataclass_fields__:
        if name in ("cuts", "decided", "limit"):
            continue
        sign = -1.0 if name == "availability" else 1.0
        short = sign * (getattr(bound, name) - getattr(inner, name))
        assert (short <= 1e-12 * np.abs(getattr(bound, name))).all(), name
