"""Every cooling type: its record, its shapes, and how it answers to weather and set point."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackwright.catalog.series import packaged_series
from stackwright.cooling import TYPES
from stackwright.cooling.chiller import carnot_coefficient, coefficient_of_performance, part_load_factor, staged_load
from stackwright.cooling.direct_air_adiabatic import outdoor_air_share
from stackwright.cooling.fans_and_pumps import fan_power, pump_power
from stackwright.cooling.heat_rejection import (
    adiabatic_water,
    approach_temperature,
    evaporated_share,
    fan_speed,
    mechanical_share,
    saturated_humidity,
    tower_water,
)
from stackwright.cooling.interface import (
    Cooling,
    CoolingLoad,
    DesignCapacity,
    effective_coolant_temperature,
    junction_temperature,
)
from stackwright.core import yamltext
from stackwright.core.records import decode
from stackwright.core.spec import map_leaves
from stackwright.core.units import ZERO_CELSIUS
from stackwright.datacenter import psychrometrics

LITERS_PER_KWH = 3.6e9
SETPOINT = {"air": 25.0, "liquid": 40.0, "immersion": 40.0}


def generic(name: str) -> Cooling:
    made = decode(yamltext.parse(TYPES[name].record, name), id=name, layer="cooling", types=TYPES).spec(TYPES[name])
    assert isinstance(made, Cooling)
    return made


def load(cooling: Cooling, **changed: object) -> CoolingLoad:
    given = {
        "supply_temperature": SETPOINT[cooling.heat_path] + ZERO_CELSIUS,
        "dry_bulb": ZERO_CELSIUS + 20.0,
        "wet_bulb": ZERO_CELSIUS + 14.0,
        "dew_point": ZERO_CELSIUS + 10.0,
        "liquid_share": 0.85,
        "load_fraction": 1.0,
    }
    return cooling.load(**{**given, **changed})  # type: ignore[arg-type]


def test_a_type_is_registered_by_its_file_alone() -> None:
    assert set(TYPES) == {
        "AirChiller",
        "AirChillerEconomizer",
        "AirSideEconomizer",
        "DirectAirAdiabatic",
        "DirectLiquidDry",
        "DirectLiquidHybrid",
        "DirectLiquidTower",
        "Immersion",
        "RearDoor",
        "WaterChiller",
    }


@pytest.mark.parametrize("name", TYPES)
def test_arrays_broadcast_with_the_hour_last(name: str) -> None:
    dry_bulb = ZERO_CELSIUS + np.linspace(-10.0, 45.0, 24)
    supply = (SETPOINT[TYPES[name].heat_path] + ZERO_CELSIUS + np.array([0.0, 1.0, 2.0]))[:, None]
    found = load(
        generic(name), supply_temperature=supply, dry_bulb=dry_bulb, wet_bulb=dry_bulb - 6.0, dew_point=dry_bulb - 10.0
    )
    assert np.broadcast_shapes(np.shape(found.electricity), (3, 24)) == (3, 24)
    assert np.broadcast_shapes(np.shape(found.water), np.shape(found.overload), (3, 24)) == (3, 24)
    one = load(
        generic(name),
        supply_temperature=supply[1, 0],
        dry_bulb=dry_bulb[7],
        wet_bulb=dry_bulb[7] - 6.0,
        dew_point=dry_bulb[7] - 10.0,
    )
    assert np.broadcast_to(found.electricity, (3, 24))[1, 7] == pytest.approx(one.electricity)


@pytest.mark.parametrize("name", TYPES)
def test_numpy_and_jax_agree(name: str) -> None:
    dry_bulb = ZERO_CELSIUS + np.linspace(-10.0, 45.0, 24)
    weather = {"dry_bulb": dry_bulb, "wet_bulb": dry_bulb - 6.0, "dew_point": dry_bulb - 10.0}
    ours = load(generic(name), **weather).electricity
    theirs = load(generic(name), **{key: jnp.asarray(value) for key, value in weather.items()}).electricity
    assert np.allclose(ours, np.asarray(theirs), rtol=1e-3)


@pytest.mark.parametrize("name", TYPES)
def test_a_sampled_design_gives_a_sampled_answer(name: str) -> None:
    sampled = map_leaves(lambda path, leaf: np.full((5, 1), leaf), generic(name))
    weather = ZERO_CELSIUS + np.linspace(0.0, 40.0, 24)
    found = load(sampled, dry_bulb=weather, wet_bulb=weather - 5.0, dew_point=weather - 8.0)
    assert np.broadcast_shapes(np.shape(found.electricity), (5, 24)) == (5, 24)


@settings(deadline=None, max_examples=40)
@given(name=st.sampled_from(sorted(TYPES)), celsius=st.floats(-15.0, 44.0), warmer=st.floats(0.1, 5.0))
def test_compressors_never_work_less_in_hotter_weather(name: str, celsius: float, warmer: float) -> None:
    def at(dry_bulb: float) -> float:
        kelvin = dry_bulb + ZERO_CELSIUS
        # a fixed depression, so that both temperatures rise; dry air, so that dampers stay as they are
        return float(np.max(load(generic(name), dry_bulb=kelvin, wet_bulb=kelvin - 8.0, dew_point=250.0).compressor))

    assert at(celsius + warmer) >= at(celsius) - 1e-12


@settings(deadline=None, max_examples=40)
@given(name=st.sampled_from(sorted(TYPES)), celsius=st.floats(-15.0, 44.0), raised=st.floats(0.1, 6.0))
def test_a_warmer_set_point_never_needs_more_compression(name: str, celsius: float, raised: float) -> None:
    weather = {"dry_bulb": celsius + ZERO_CELSIUS, "wet_bulb": celsius + ZERO_CELSIUS - 8.0, "dew_point": 250.0}
    supply = SETPOINT[TYPES[name].heat_path] + ZERO_CELSIUS
    cold = load(generic(name), supply_temperature=supply, **weather).compressor
    warm = load(generic(name), supply_temperature=supply + raised, **weather).compressor
    assert warm <= cold + 1e-12


@pytest.mark.parametrize("name", TYPES)
def test_a_set_point_outside_the_products_range_overloads(name: str) -> None:
    cooling = generic(name)
    outside = load(cooling, supply_temperature=cooling.supply_maximum + 1.0).overload
    within = load(cooling, supply_temperature=0.5 * (cooling.supply_minimum + cooling.supply_maximum)).overload
    assert np.all(outside > 0.0)
    assert np.all(within <= 0.0)


def test_humid_air_forbids_direct_outdoor_air() -> None:
    humid = {"dry_bulb": ZERO_CELSIUS + 27.0, "wet_bulb": ZERO_CELSIUS + 25.5, "dew_point": ZERO_CELSIUS + 25.0}
    assert load(generic("DirectAirAdiabatic"), **humid).overload > 0.0
    closed = load(generic("AirSideEconomizer"), **{**humid, "dry_bulb": ZERO_CELSIUS + 20.0})
    assert closed.compressor == pytest.approx(load(generic("AirChiller"), dry_bulb=ZERO_CELSIUS + 20.0).compressor)


def test_a_trim_chiller_that_is_too_small_overloads_in_heat() -> None:
    small = map_leaves(lambda path, leaf: 0.3 if path == "trim_capacity" else leaf, generic("DirectLiquidDry"))
    assert load(small, dry_bulb=ZERO_CELSIUS + 44.0).overload > 0.0
    assert load(small, dry_bulb=ZERO_CELSIUS + 20.0).overload <= 0.0


def test_more_heat_in_liquid_draws_less() -> None:
    shares = np.array([0.5, 0.7, 0.9])
    drawn = load(generic("DirectLiquidDry"), liquid_share=shares, dry_bulb=ZERO_CELSIUS + 25.0).electricity
    assert np.all(np.diff(drawn) < 0.0)


def test_coefficient_of_performance_stays_between_its_bounds() -> None:
    condensing = ZERO_CELSIUS + np.linspace(0.0, 80.0, 50)
    found = coefficient_of_performance(evaporating=ZERO_CELSIUS + 15.0, condensing=condensing, carnot_share=0.42)
    assert np.all((found >= 1.0) & (found <= 14.0))
    assert np.all(np.diff(found) <= 0.0)
    assert np.all(found <= np.maximum(carnot_coefficient(evaporating=288.15, condensing=condensing), 1.0))
    assert part_load_factor(load_fraction=1.0) == pytest.approx(1.0)
    assert part_load_factor(load_fraction=0.75) > 1.03


def test_dry_outdoor_air_takes_water() -> None:
    """Air of -20 degC is a fifth of a supply of 27 degC with return of 38; it lacks 0.7 g/kg to a dew point of -12."""
    cold = {"dry_bulb": ZERO_CELSIUS - 20.0, "wet_bulb": ZERO_CELSIUS - 20.5, "supply_temperature": ZERO_CELSIUS + 27.0}
    pads = generic("DirectAirAdiabatic")
    share = outdoor_air_share(air=ZERO_CELSIUS - 20.0, supply_temperature=ZERO_CELSIUS + 27.0, coolant_rise=11.0)
    assert share == pytest.approx(11.0 / 58.0)
    dry = load(pads, **cold, dew_point=ZERO_CELSIUS - 22.0).water * LITERS_PER_KWH
    assert 0.01 < dry < 0.1
    assert load(pads, **cold, dew_point=ZERO_CELSIUS - 12.0).water == pytest.approx(0.0, abs=1e-15)
    older = map_leaves(
        lambda path, leaf: ZERO_CELSIUS + 5.5 if path == "dew_point_minimum" else leaf, generic("DirectAirAdiabatic")
    )
    assert load(older, **cold, dew_point=ZERO_CELSIUS - 22.0).water * LITERS_PER_KWH > 3.0 * dry


def test_worked_figures_of_water_and_pumps() -> None:
    assert tower_water(rejected=1.0, latent_share=0.85, cycles=5.0) * LITERS_PER_KWH == pytest.approx(1.57, rel=0.01)
    per_kelvin = adiabatic_water(temperature_drop=1.0, coolant_rise=11.0, bleed=0.0) * LITERS_PER_KWH
    assert per_kelvin == pytest.approx(0.133, rel=0.02)
    assert pump_power(pressure_drop=150e3, temperature_rise=10.0, efficiency=0.6) == pytest.approx(0.006, rel=0.06)


def test_shares_and_speeds_are_bounded() -> None:
    available = np.linspace(280.0, 330.0, 11)
    share = mechanical_share(available=available, supply_temperature=300.0, coolant_rise=10.0)
    assert share.min() == 0.0
    assert share.max() == 1.0
    speed = fan_speed(approach=8.0, available_approach=np.array([-5.0, 8.0, 16.0, 80.0]), slowest=0.3)
    assert speed.tolist() == [1.0, 1.0, 0.5, 0.3]


def test_chip_temperature_over_the_coolant() -> None:
    coolant = effective_coolant_temperature(supply_temperature=313.15, coolant_rise=10.0)
    assert coolant == pytest.approx(318.15)
    assert generic("DirectLiquidDry").chip_coolant_temperature(supply_temperature=313.15) == pytest.approx(318.15)
    hot = junction_temperature(coolant_temperature=coolant, chip_power=1200.0, junction_resistance=0.03)
    assert hot == pytest.approx(354.15)


def test_staged_chillers_stay_near_their_best_load() -> None:
    load = np.linspace(0.01, 1.0, 100)
    running = staged_load(load_fraction=load)
    assert np.all(running >= load)
    assert np.all(np.diff(load / part_load_factor(load_fraction=running)) > 0.0)
    assert staged_load(load_fraction=0.3) == 0.75
    assert staged_load(load_fraction=0.9) == 0.9
    assert staged_load(load_fraction=0.01) == pytest.approx(0.08)


def test_approaches_shrink_with_the_heat_and_fans_with_them() -> None:
    assert approach_temperature(ambient=300.0, approach=8.0, load_fraction=0.5) == 304.0
    assert fan_power(design=0.02, speed=0.5, load_fraction=0.5) == pytest.approx(0.02 * 0.125 / 0.5)
    hot = {"dry_bulb": ZERO_CELSIUS + 36.0, "wet_bulb": ZERO_CELSIUS + 24.0}
    full, half = (load(generic("DirectLiquidDry"), load_fraction=fraction, **hot) for fraction in (1.0, 0.5))
    assert half.chilled < full.chilled


def test_saturated_air_is_that_of_psychrometrics() -> None:
    temperature = ZERO_CELSIUS + np.linspace(-20.0, 40.0, 25)
    vapor = psychrometrics.saturation_pressure(temperature=temperature)
    expected = psychrometrics.humidity_ratio(vapor_pressure=vapor, pressure=psychrometrics.STANDARD_PRESSURE)
    found = saturated_humidity(temperature=temperature)
    warm = temperature > ZERO_CELSIUS
    assert np.allclose(found[warm], expected[warm], rtol=0.01)
    assert np.abs(found - expected).max() < 3e-4  # over ice the formula is that of water


@pytest.mark.parametrize(
    ("dry_bulb", "dew_point", "least", "most"),
    [(-10.0, -15.0, 0.55, 0.75), (20.0, 12.0, 0.8, 0.95), (42.0, 5.0, 1.1, 1.5)],
)
def test_a_tower_evaporates_more_in_hot_and_dry_air(
    dry_bulb: float, dew_point: float, least: float, most: float
) -> None:
    share = evaporated_share(
        exhaust=ZERO_CELSIUS + 28.0, dry_bulb=ZERO_CELSIUS + dry_bulb, dew_point=ZERO_CELSIUS + dew_point
    )
    assert least < share < most


def year(name: str, supply: float, warmest: float) -> CoolingLoad:
    """A year in which the weather runs through 30 K and ends at its warmest hour."""
    dry_bulb = ZERO_CELSIUS + np.linspace(warmest - 30.0, warmest, 8760)
    return load(
        generic(name),
        supply_temperature=supply + ZERO_CELSIUS,
        dry_bulb=dry_bulb,
        wet_bulb=dry_bulb - 8.0,
        dew_point=dry_bulb - 12.0,
    )


def test_the_climate_sets_how_many_chillers_are_bought() -> None:
    """A warm loop in a cool place has chillers for its air alone; a cold one in a hot place has them for all heat."""
    dry = generic("DirectLiquidDry")
    cool, hot = (
        year("DirectLiquidDry", 45.0, 32.0).design_capacity(),
        year("DirectLiquidDry", 30.0, 42.0).design_capacity(),
    )
    assert cool.chillers == pytest.approx(0.15)
    assert hot.chillers == pytest.approx(1.0)
    assert dry.capex(hot) == pytest.approx(dry.capex_per_watt, rel=0.02)
    assert dry.capex(hot) - dry.capex(cool) == pytest.approx(0.85 * dry.chiller_capex, abs=0.01)


def test_the_design_day_leaves_its_share_of_the_hours() -> None:
    found = year("DirectLiquidDry", 40.0, 38.0)
    worst, day = found.design_capacity(), found.design_capacity(0.004)
    assert day.chillers < worst.chillers
    assert (found.chilled > day.chillers).mean() == pytest.approx(0.004, abs=2e-4)


@pytest.mark.parametrize("name", TYPES)
def test_a_plant_of_full_size_costs_what_is_published(name: str) -> None:
    cooling = generic(name)
    assert cooling.capex(DesignCapacity(chillers=1.0, dry_coolers=1.0)) == cooling.capex_per_watt
    assert cooling.capex(DesignCapacity(chillers=0.0, dry_coolers=0.0)) > 0.3 * cooling.capex_per_watt


@pytest.mark.parametrize("name", ["DirectLiquidHybrid", "DirectAirAdiabatic"])
def test_water_that_is_turned_off_costs_electricity(name: str) -> None:
    dry_bulb = ZERO_CELSIUS + np.linspace(0.0, 44.0, 45)
    hours = {
        "supply_temperature": (32.0 if name == "DirectLiquidHybrid" else 27.0) + ZERO_CELSIUS,
        "dry_bulb": dry_bulb,
        "wet_bulb": dry_bulb - 10.0,
        "dew_point": dry_bulb - 16.0,
        "liquid_share": 0.85,
        "load_fraction": 1.0,
    }
    cooling = generic(name)
    trade, wet = cooling.water_trade(**hours), cooling.load(**hours)
    assert trade is not None
    assert (trade.spared >= 0.0).all()
    assert (trade.water >= 0.0).all()
    assert (trade.spared[dry_bulb < ZERO_CELSIUS + 15.0] == 0.0).all()
    assert trade.spared.max() > 0.02
    taken = trade.water > 0.0
    assert np.allclose(np.broadcast_to(wet.water, dry_bulb.shape)[taken], trade.water[taken])
    dry = cooling.dry_load(**hours)
    assert np.allclose((wet.electricity + trade.spared)[taken], dry.electricity[taken])
    if name == "DirectAirAdiabatic":  # trim units for half of the heat cannot stand in for pads in the hottest hours
        assert trade.spared[-1] == 0.0 < dry.overload[-1]


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"DirectLiquidHybrid", "DirectAirAdiabatic"}))
def test_other_types_have_no_choice_about_water(name: str) -> None:
    assert load(generic(name)) is not None
    assert (
        generic(name).water_trade(
            **{
                "supply_temperature": 300.0,
                "dry_bulb": 290.0,
                "wet_bulb": 285.0,
                "dew_point": 280.0,
                "liquid_share": 0.85,
                "load_fraction": 1.0,
            }
        )
        is None
    )


def test_a_hybrid_takes_less_water_than_towers_and_less_power_than_dry_coolers() -> None:
    hours = {"dry_bulb": ZERO_CELSIUS + np.linspace(0.0, 40.0, 81), "supply_temperature": ZERO_CELSIUS + 32.0}
    weather = {"wet_bulb": hours["dry_bulb"] - 8.0, "dew_point": hours["dry_bulb"] - 12.0}
    dry, hybrid, tower = (
        load(generic(name), **hours, **weather)
        for name in ("DirectLiquidDry", "DirectLiquidHybrid", "DirectLiquidTower")
    )
    assert np.mean(hybrid.water) < 0.5 * np.mean(tower.water)
    assert np.max(hybrid.compressor) < np.max(dry.compressor)


@pytest.mark.parametrize(
    ("name", "place", "celsius"),
    [
        ("DirectLiquidHybrid", "tmyx_phoenix_az", 35.0),
        ("DirectLiquidHybrid", "tmyx_dallas_tx", 40.0),
        ("DirectAirAdiabatic", "tmyx_phoenix_az", 27.0),
        ("DirectAirAdiabatic", "tmyx_dallas_tx", 27.0),
    ],
)
def test_what_a_cubic_meter_spares_in_a_year(name: str, place: str, celsius: float) -> None:
    cooling = generic(name)
    hours = {
        **{field: packaged_series("weather")[f"{place}/{field}"] for field in ("dry_bulb", "wet_bulb", "dew_point")},
        "supply_temperature": celsius + ZERO_CELSIUS,
        "liquid_share": 0.85,
        "load_fraction": 1.0,
    }
    trade = cooling.water_trade(**hours)
    assert trade is not None
    assert 45.0 < trade.spared.sum() / trade.water.sum() / 3.6e6 < 115.0
    dry = cooling.dry_load(**hours)
    assert cooling.capex(dry.design_capacity()) >= cooling.capex(cooling.load(**hours).design_capacity())
