"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.report.formats import (
    difference,
    large,
    percent,
    quantity,
    ranged,
    record_scale,
    significant,
    within_sentence,
    words,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.1276, "1.13"),
        (0.6707, "0.671"),
        (2066.7, "2,070"),
        (50.0, "50"),
        (0.5, "0.5"),
        (9.9996, "10.0"),
        (-16.76, "−16.8"),
        (1e-6 * 3.2058, "3.21 × 10⁻⁶"),
        (300.0, "300"),
    ],
)
def test_three_significant_digits_and_no_idle_zeros(value: float, text: str) -> None:
    assert significant(value) == text


@given(st.floats(min_value=1e-30, max_value=1e30))
def test_every_positive_number_has_a_short_text(value: float) -> None:
    assert 0 < len(significant(value)) <= 20


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1225070.5, "W", "1.23 MW"),
        (999.9997e6, "W", "1.00 GW"),
        (0.04209, "s", "42.1 ms"),
        (2.4947, "s", "2.49 s"),
        (44.8 * 86400, "s", "44.8 days"),
        (653.0, "chip", "653 chips"),
        (35412.0, "chip", "35.4 k chips"),
        (43272045.0, "USD", "43.3 million USD"),
        (318.15, "K", "45 °C"),
        (10.0, "K", "10 K"),
        (0.8, "share of usable memory", "80%"),
        (510928.6, "token/s", "511 k tokens/s"),
        (1.0564, "", "1.06"),
        (2.5e6, "L/year", "2.5 thousand m³/year"),
        (7.0, "unit that nobody knows", "7 unit that nobody knows"),
    ],
)
def test_quantities_take_a_unit_of_their_size(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_a_range_stands_in_the_unit_of_its_value() -> None:
    item = {"value": 1225070.0, "low": 771558.0, "high": 2076204.0, "unit": "W"}
    assert ranged(item) == "1.23 MW (0.772 to 2.08)"


def test_a_range_that_does_not_show_is_left_out() -> None:
    assert ranged({"value": 1.0, "low": 1.0, "high": 1.0001, "unit": "USD"}) == "1 USD"


def test_no_value_gives_its_reason() -> None:
    assert ranged({"value": None, "reason": "the study gives no token_price"}) == "the study gives no token_price"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.02, "1/year", "0.02 1/year"),
        (1.3722222222222222e-8, "USD/J", "49.4 USD/MWh"),
        (8e12, "byte/s", "8 TB/s"),
        (3.4999999999999997e-13, "J/FLOP", "350 fJ/FLOP"),
        (3.0, "a unit of a record to come", "3 a unit of a record to come"),
    ],
)
def test_numbers_of_records_are_in_the_unit_of_their_field(value: float, unit: str, text: str) -> None:
    assert record_scale(value, unit).text(value) == text


def test_shares_and_differences() -> None:
    assert percent(0.5015) == "50%"
    assert percent(0.0357) == "3.6%"
    assert difference(0.0928) == "+9.3%"
    assert difference(-0.012) == "−1.2%"
    assert difference(2.8e-5) == "< 0.01%"


def test_counts_and_names_in_words() -> None:
    assert large(769824000000.0) == "770 billion"
    assert large(3744) == "3,744"
    assert words("nic_price") == "NIC price"
    assert within_sentence("TTFT, median") == "TTFT, median"
    assert within_sentence("Cost of the run") == "cost of the run"
