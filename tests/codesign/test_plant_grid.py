"""The plant half of a grid is what each of its plants comes to by itself, hour by hour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.catalog.series import load_site_series
from stackwright.codesign.plant_grid import PlantClass, PlantOption, Thermal, in_shares, plant_classes
from stackwright.codesign.plants import plant_of
from stackwright.core.units import HOURS_PER_YEAR
from stackwright.stack.curves import CACHE_VARIABLE, Curves, YearCurve
from stackwright.stack.parts import Parts
from stackwright.stack.plant import (
    Covered,
    Plant,
    bill,
    capital_of,
    cooled,
    hourly,
    meter_of,
    meter_per_watt,
    plant_terms,
    reference_load,
)
from stackwright.stack.plant_table import meter_year, tariffs_of
from stackwright.stack.scenario import Scenario, scenario_of
from stackwright.stack.study import Study, load

TEXT = """
study: plants
objective: cost_per_million_tokens
demand:
  kind: serving
  volume: open
  lengths: {input: 2000 token, output: 500 token}
  shape: chat-week
  ttft: 3 s
  tpot: 50 ms
horizon: {first_year: 2027, years: 3}
model: {architecture: [Llama 3.1 70B], precision: [fp8], cache_precision: [fp8]}
serving: {software: [sglang-2026], tensor_parallel: [4], batch: [64]}
rack: {system: [hgx-h200-air, hgx-b200-liquid, gb200-nvl72]}
network: {fabric: [infiniband-ndr]}
cooling: {type: [rear-door, direct-liquid-hybrid], supply_temperature: [25 degC, 30 degC, 40 degC]}
datacenter:
  site: [ashburn-va, phoenix-az]
  year: aligned
  redundancy: [n, 2n]
  distribution: [ac-480-ups, dc-800]
power:
  portfolio:
    - {name: grid, contracts: []}
    - {name: nuclear, contracts: [{contract: nuclear-ppa, capacity: 30 MW}]}
    - {name: wind, contracts: [{contract: wind-ppa, share: 0.5}]}
    - {name: onsite, contracts: [{contract: gas-onsite, share: 0.6}, {contract: nuclear-ppa, share: 0.2}]}
    - name: own
      plants: [{technology: gas-turbine, most: 20 MW}, {technology: battery-lithium, most: 20 MW}]
constraints: {site_power: 50 MW}
"""
SMALLER = 1e-12
"""Sums over hours are made in another order."""


@pytest.fixture(scope="module")
def parts(catalog: Catalog) -> Parts:
    return Parts(catalog)


@pytest.fixture(scope="module")
def study(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("plants") / "study.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load(path, catalog)[0]


@pytest.fixture(scope="module", autouse=True)
def cached(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def scenario(study: Study, parts: Parts) -> Scenario:
    return scenario_of(study, parts)


def classes_of(study: Study, parts: Parts, scenario: Scenario) -> list[PlantClass]:
    return plant_classes(study, parts, scenario, [parts.get("rack", name) for name in study.rack.system])


@pytest.fixture(scope="module")
def classes(study: Study, parts: Parts, scenario: Scenario) -> list[PlantClass]:
    return classes_of(study, parts, scenario)


class Plain:
    """Each plant by itself, with one temperature, share of liquid, portfolio and wiring."""

    def __init__(self, study: Study, parts: Parts, scenario: Scenario, first: PlantClass) -> None:
        self.study, self.parts, self.scenario, self.first = study, parts, scenario, first
        self.series = {
            site: load_site_series(parts.get("datacenter", site).record, year=study.datacenter.year)
            for site in study.datacenter.site
        }

    def plant(self, option: PlantOption, **wiring: str) -> Plant:
        chosen = {"redundancy": option.redundancy, "distribution": option.distribution} | wiring
        plant = plant_of(
            self.study,
            self.parts,
            self.scenario,
            self.series[option.site],
            cooling=option.cooling,
            site=option.site,
            portfolio=option.portfolio,
            **chosen,
        )
        return plant if plant.sources.decides else in_shares(plant)

    def first_wired(self, option: PlantOption) -> Plant:
        menu = self.study.datacenter
        return self.plant(option, redundancy=menu.redundancy[0], distribution=menu.distribution[0])

    def curve(self, option: PlantOption, year: float) -> YearCurve:
        """Of the first class's cooling at its middle temperature, which all others read."""
        temperatures = [value for value in self.study.cooling.supply_temperature if value < 305.0]
        plant = self.first_wired(replace(option, cooling=self.first.cooling))
        profile = self.scenario.profile
        cold = cooled(
            plant,
            supply_temperature=temperatures[len(temperatures) // 2],
            liquid_share=self.first.thermal.liquid_share,
            profile=profile,
        )
        fraction = reference_load(profile)
        shape = meter_per_watt(plant.specs, cold.load, fraction) * fraction
        return Curves().of(plant, shape, self.peak(plant, cold), plant.first_year + year)

    def peak(self, plant: Plant, cold: Any) -> float:
        power = np.ones(HOURS_PER_YEAR)
        return float(meter_of(hourly(plant.specs), cold.full, it_power=power, full_it_power=1.0).total.max())

    def row(self, option: PlantOption, thermal: Thermal) -> dict[str, Any]:
        before, plant, profile = self.first_wired(option), self.plant(option), self.scenario.profile
        cold = cooled(
            before, supply_temperature=option.supply_temperature, liquid_share=thermal.liquid_share, profile=profile
        )
        terms = plant_terms(before, cold, profile=profile, years=self.scenario.years)
        fraction = reference_load(profile)
        old, new = (meter_per_watt(one.specs, cold.load, fraction) for one in (before, plant))
        idle, busy = new.mean() / old.mean(), (new * profile).mean() / (old * profile).mean()
        capital = capital_of(plant.specs, cold)
        decides = plant.sources.decides
        carbon = (terms.idle.carbon_average, terms.busy.carbon_average)
        if decides:
            rate = self.curve(option, 0.0).carbon
            carbon = (terms.idle.energy * rate, terms.busy.energy * rate)
        limits = [
            plant.sources.carried(year, plant.busy_share) if decides else plant.sources.firm(year)
            for year in self.scenario.years
        ]
        return {
            "idle_cost": terms.idle.cost * idle * (not decides),
            "busy_cost": terms.busy.cost * busy * (not decides),
            "idle_energy": terms.idle.energy * idle,
            "busy_energy": terms.busy.energy * busy,
            "idle_water": terms.idle.water,
            "busy_water": terms.busy.water,
            "idle_carbon": carbon[0] * idle,
            "busy_carbon": carbon[1] * busy,
            "plant_capex": capital.plant,
            "building_capex": capital.building,
            "opex": capital.opex,
            "peak_ratio": self.peak(plant, cold),
            "availability": plant.specs.redundancy.availability(plant.specs.site),
            "overload": terms.overload,
            "limit": np.array(limits),
            "yearly_cost": plant.sources.yearly_cost,
            "decided": decides,
        }

    def cuts(self, option: PlantOption, thermal: Thermal, year: float) -> tuple[Any, Any, Any]:
        """Constants [K] and slopes [K], water included."""
        before, profile = self.first_wired(option), self.scenario.profile
        cold = cooled(
            before, supply_temperature=option.supply_temperature, liquid_share=thermal.liquid_share, profile=profile
        )
        fraction, water = reference_load(profile), cold.load.water + np.zeros(HOURS_PER_YEAR)
        old, new = (meter_per_watt(one.specs, cold.load, fraction) for one in (before, self.plant(option)))
        constant, idle = self.curve(option, year).coefficients(old)
        _, busy = self.curve(option, year).coefficients(old * profile)
        price = 3600.0 * before.specs.site.water_price
        idle = (idle + water.sum() * price) * (new.mean() / old.mean())
        busy = (busy + (water * profile).sum() * price) * ((new * profile).mean() / (old * profile).mean())
        return constant, idle, busy


def differing(plain: Plain, classes: list[PlantClass]) -> list[tuple[Any, ...]]:
    found = []
    for plant in classes:
        for index, option in enumerate(plant.options):
            for name, value in plain.row(option, plant.thermal).items():
                here = getattr(plant.weights, name)[index]
                if here != pytest.approx(value, rel=SMALLER, abs=0.0):
                    found.append((plant.thermal, option, name, here, value))
    return found


def test_every_option_is_its_plant_alone(
    study: Study, parts: Parts, scenario: Scenario, classes: list[PlantClass]
) -> None:
    assert differing(Plain(study, parts, scenario, classes[0]), classes) == []


def test_cuts_are_those_of_the_plant_alone(
    study: Study, parts: Parts, scenario: Scenario, classes: list[PlantClass]
) -> None:
    plain = Plain(study, parts, scenario, classes[0])
    for plant in classes[::3]:
        cuts, decided = plant.weights.cuts, np.flatnonzero(plant.weights.decided)
        assert cuts is not None
        for place, index in enumerate(decided):
            option = plant.options[index]
            assert option.portfolio == "own"
            for year in (0, 2):
                made = (cuts.constant[place, year], cuts.idle[place, year], cuts.busy[place, year])
                for here, value in zip(made, plain.cuts(option, plant.thermal, float(year)), strict=True):
                    assert here == pytest.approx(value, rel=SMALLER)
            first = cuts.base[cuts.group[place]]
            assert plant.options[decided[first]].site == option.site
            assert cuts.idle[place] == pytest.approx(cuts.idle[first] * cuts.idle_scale[place], rel=SMALLER)
            assert cuts.busy[place] == pytest.approx(cuts.busy[first] * cuts.busy_scale[place], rel=SMALLER)


def test_all_options_are_there_once(study: Study, classes: list[PlantClass]) -> None:
    """In each thermal state, split by what the distribution spares the racks."""
    menu = study.datacenter
    count = len(menu.site) * len(study.power.portfolio) * len(menu.redundancy) * len(menu.distribution)
    states = {(plant.thermal, plant.cooling, plant.supply_temperature) for plant in classes}
    shares = {thermal.liquid_share for thermal, *_ in states if thermal.path == "liquid"}
    assert len(shares) == 2
    assert len(states) == 2 + 3 * len(shares)
    for state in states:
        here = [
            option
            for plant in classes
            if (plant.thermal, plant.cooling, plant.supply_temperature) == state
            for option in plant.options
        ]
        assert len(here) == len(set(here)) == count


def test_tables_are_ready_to_be_multiplied(classes: list[PlantClass], scenario: Scenario) -> None:
    for plant in classes:
        rows, years = len(plant.options), len(scenario.years)
        for name, value in vars(plant.weights).items():
            if name != "cuts":
                assert value.flags.c_contiguous, name
                assert value.dtype == (bool if name == "decided" else np.float64), name
                assert value.shape in ((rows,), (rows, years)), name


def test_chillers_of_dry_hours_are_bought_for_plants_that_may_run_dry(classes: list[PlantClass]) -> None:
    """Whether hours are decided under another portfolio of the study is of no matter to this one."""
    wet = next(plant for plant in classes if plant.cooling == "direct-liquid-hybrid" and plant.supply_temperature > 310)
    capex = {
        (option.site, option.portfolio, option.redundancy, option.distribution): value
        for option, value in zip(wet.options, wet.weights.plant_capex, strict=True)
    }
    for (site, portfolio, *wiring), value in capex.items():
        if portfolio != "own":
            assert value == capex[site, "grid", wiring[0], wiring[1]]
    assert capex["phoenix-az", "own", "n", "dc-800"] > 1.001 * capex["phoenix-az", "grid", "n", "dc-800"]


SITES = ["ashburn-va", "phoenix-az", "abilene-tx"]
PORTFOLIOS = ["grid", "nuclear", "wind", "onsite"]
COOLINGS = ["rear-door", "air-chiller-economizer", "direct-air-adiabatic", "direct-liquid-dry", "direct-liquid-tower"]


@settings(max_examples=12)
@given(data=st.data())
def test_random_studies_are_their_plants_alone(study: Study, parts: Parts, scenario: Scenario, data: Any) -> None:
    def some(values: list[Any], most: int = 2) -> list[Any]:
        return data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True))

    names = some(PORTFOLIOS)
    coolings = some(COOLINGS)
    portfolios = [menu for name in names for menu in study.power.portfolio if menu.name == name]
    given_one = study.model_copy(
        update={
            "datacenter": study.datacenter.model_copy(
                update={
                    "site": some(SITES),
                    "redundancy": some(["n", "n-plus-1", "2n"]),
                    "distribution": some(["ac-480-ups", "ac-415-rack-battery", "dc-800"]),
                }
            ),
            "cooling": study.cooling.model_copy(
                update={"type": coolings, "supply_temperature": some([291.15, 298.15, 303.15, 313.15])}
            ),
            "power": study.power.model_copy(update={"portfolio": portfolios}),
        }
    )
    found = classes_of(given_one, parts, scenario)
    assert found
    assert differing(Plain(given_one, parts, scenario, found[0]), found) == []


@given(
    contract=st.sampled_from(["nuclear-ppa", "wind-ppa", "solar-ppa", "crane", "clinton", "susquehanna"]),
    share=st.one_of(st.none(), st.floats(0.0, 1.5)),
    year=st.integers(0, 4),
    seed=st.integers(0, 2**31),
)
def test_a_tariff_is_the_settled_bill(
    study: Study, parts: Parts, scenario: Scenario, contract: str, share: float | None, year: int, seed: int
) -> None:
    """Energy that a contract brings over the grid is as good as the market's, in any hour and at any load."""
    series = load_site_series(parts.get("datacenter", "ashburn-va").record)
    base = plant_of(
        study,
        parts,
        scenario,
        series,
        cooling="rear-door",
        site="ashburn-va",
        redundancy="n",
        distribution="dc-800",
        portfolio="grid",
    )
    part = parts.get("power", contract)
    covered = Covered((share,), (2.0 if share is None else None,), (str(part.record.text["shape"]),))
    portfolio = replace(base.specs.portfolio, contracts=(part.spec,))
    plant = replace(base, specs=replace(base.specs, portfolio=portfolio), covered=covered)
    load_there = np.random.default_rng(seed).uniform(0.2, 2.0, (1, 2, HOURS_PER_YEAR))
    years = np.array([float(year)])
    settled = bill(plant, plant.specs, load_there, years)[0]
    tariffs = tariffs_of(plant, years)
    assert tariffs is not None
    sums = meter_year(series, load_there, np.zeros(1))
    assert tariffs[0].cost(sums, portfolio.grid) == pytest.approx(settled.energy_cost, rel=1e-11)
    assert sums.energy == pytest.approx(settled.energy, rel=SMALLER)
    assert sums.carbon == pytest.approx(settled.carbon.average, rel=SMALLER)


def test_contracts_behind_the_meter_have_no_tariff(study: Study, parts: Parts, scenario: Scenario) -> None:
    series = load_site_series(parts.get("datacenter", "ashburn-va").record)
    chosen = {"cooling": "rear-door", "site": "ashburn-va", "redundancy": "n", "distribution": "dc-800"}
    plants = {
        name: plant_of(study, parts, scenario, series, portfolio=name, **chosen) for name in ("wind", "onsite", "own")
    }
    assert {name: tariffs_of(plant, scenario.years) is None for name, plant in plants.items()} == {
        "wind": False,
        "onsite": True,
        "own": True,
    }


def test_plants_at_one_temperature_read_the_curves_of_the_whole_study(
    study: Study, parts: Parts, scenario: Scenario
) -> None:
    """Alone they would be solved for a load of their own, and their prices would not compare."""
    systems, known = [parts.get("rack", name) for name in study.rack.system], Curves()
    every = plant_classes(study, parts, scenario, systems, curves=known)
    warmest = max(plant.supply_temperature for plant in every)
    cooling = study.cooling.model_copy(update={"supply_temperature": (warmest,)})
    narrow = study.model_copy(update={"cooling": cooling})
    of_all = {
        (plant.thermal, plant.cooling, plant.supply_scale): plant
        for plant in every
        if plant.supply_temperature == warmest
    }
    checked = 0
    for plant in plant_classes(narrow, parts, scenario, systems, curves=known):
        whole = of_all.get((plant.thermal, plant.cooling, plant.supply_scale))
        if whole is None or plant.supply_temperature != warmest:
            continue
        own, other = plant.weights.cuts, whole.weights.cuts
        assert own is not None and other is not None and plant.options == whole.options
        for name in ("constant", "idle", "busy"):
            np.testing.assert_allclose(getattr(own, name), getattr(other, name), rtol=1e-12)
        checked += 1
    assert checked
