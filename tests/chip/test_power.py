"""Chip power: limits, what moves it, and the clock for a cap."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog import Catalog
from stackwright.chip.power import PowerFamily, PowerSensor, capped_clock, dynamic_scale, leakage_power, sampled_share

FAMILIES = (
    *("ampere", "ada", "hopper", "blackwell", "rubin", "cdna"),
    *("gaudi", "tpu", "trainium", "maia", "mtia", "custom"),
)


@cache
def family(name: str = "blackwell") -> PowerFamily:
    made = Catalog.load().get("chip", f"power-{name}").spec(PowerFamily)
    assert isinstance(made, PowerFamily)
    return made


@pytest.mark.parametrize("name", FAMILIES)
def test_power_lies_between_idle_and_the_limit(name: str) -> None:
    made, tdp = family(name), 1000.0
    idle = made.idle(tdp=tdp)
    rest = made.draw(flop_rate=0.0, byte_rate=0.0, tdp=tdp)
    flat_out = made.draw(flop_rate=1e15, byte_rate=7e12, tdp=tdp)
    assert 0.1 * tdp < idle < rest < 0.5 * tdp
    assert 0.7 * tdp < flat_out < tdp


@given(flops=st.floats(0.0, 3e15), moved=st.floats(0.0, 8e12), more=st.floats(1.0, 2.0))
def test_more_work_never_takes_less_power(flops: float, moved: float, more: float) -> None:
    made = family()
    base = made.draw(flop_rate=flops, byte_rate=moved, tdp=1000.0)
    assert made.draw(flop_rate=flops * more, byte_rate=moved, tdp=1000.0) >= base * (1 - 1e-12)
    assert made.draw(flop_rate=flops, byte_rate=moved * more, tdp=1000.0) >= base * (1 - 1e-12)


def test_narrow_formats_take_less_energy_per_operation() -> None:
    rates = {"flop_rate": 1.5e15, "byte_rate": 1e12, "tdp": 1000.0}
    powers = [family().draw(**rates, precision=precision) for precision in ("bf16", "fp8", "fp4")]
    assert powers[0] > powers[1] > powers[2]


def test_a_cooler_chip_draws_less_at_equal_work() -> None:
    warm, cool = (
        family().draw(flop_rate=1e14, byte_rate=1e12, tdp=1000.0, junction_temperature=kelvin)
        for kelvin in (353.15, 333.15)
    )
    assert 0.0015 < (warm - cool) / warm / 20.0 < 0.0035


def test_leakage_is_exponential_around_its_reference() -> None:
    given_values = {"reference": 100.0, "reference_temperature": 350.0, "slope": 0.014}
    assert leakage_power(temperature=350.0, **given_values) == pytest.approx(100.0)
    assert leakage_power(temperature=360.0, **given_values) == pytest.approx(100.0 * np.exp(0.14))


@given(cap=st.floats(0.45, 1.0))
def test_the_clock_for_a_cap_draws_the_cap(cap: float) -> None:
    clock = capped_clock(power_cap=cap, constant_share=0.25, threshold=0.35, lowest=0.2)
    drawn = 0.25 + 0.75 * clock * dynamic_scale(clock=clock, threshold=0.35)
    assert drawn == pytest.approx(cap, abs=1e-9)


def test_clocks_have_bounds() -> None:
    clocks = family().clock(power_cap=np.array([0.05, 0.3, 0.7, 0.85, 1.0, 1.2]))
    assert clocks[0] == family().lowest_clock
    assert np.all(np.diff(clocks) >= 0.0)
    assert clocks[-2] == pytest.approx(1.0)
    assert clocks[-1] == pytest.approx(1.0)
    assert 0.7 < clocks[2] < 0.9


@pytest.mark.parametrize(("span", "window"), [(0.02, 1.0), (0.3, 1.0), (1.0, 0.4), (5.0, 1.0)])
def test_a_mean_reading_contains_as_much_of_a_kernel_as_its_samples(span: float, window: float) -> None:
    samples = np.arange(0.0, span + 1e-9, 0.1)
    expected = np.mean(np.minimum(samples / window, 1.0))
    assert sampled_share(span=span + 1e-9, interval=0.1, window=window + 1e-9) == pytest.approx(expected, abs=1e-6)


def sensor() -> PowerSensor:
    made = Catalog.load().get("chip", "power-sensor-b200").spec(PowerSensor)
    assert isinstance(made, PowerSensor)
    return made


def test_a_short_kernel_is_not_seen_and_a_long_one_is() -> None:
    seen = sensor().seen(call=np.array([1e-5, 5e-5, 1e-3, 1.0]))
    assert seen[0] < 0.05
    assert np.all(np.diff(seen) > 0.0)
    assert seen[2] > 0.5
    assert seen[3] < 1.0


def test_what_ran_before_lies_between_rest_and_the_limit() -> None:
    made = sensor()
    watts = made.before(share=0.5, odds=np.array([0.0, 1.0, 1e9]), tdp=1000.0)
    assert watts[0] == pytest.approx(made.resting * 1000.0)
    assert watts[1] == pytest.approx((made.resting + 1.0) * 500.0)
    assert watts[2] == pytest.approx(1000.0)
