"""Ratios of the figures of one announcement."""

import pytest

from stackwright.evidence.announcements import implied
from stackwright.evidence.announcements.intervals import Interval, spanning


def test_ratios_take_their_parts_at_their_worst():
    ratio = Interval(10.0, 8.0, 12.0) / Interval(2.0, 1.0, 4.0)
    assert (ratio.value, ratio.low, ratio.high) == (5.0, 2.0, 12.0)
    assert spanning([Interval(2.0, 1.0, 3.0), Interval(9.0, 0.5, 9.5)]) == Interval(2.0, 0.5, 9.5)


def test_capital_and_power_per_chip(told):
    read = told("buys: campus\npower: 1 GW\ndollars: 40 B USD\nchips: {value: 5e5 chip, low: 4e5 chip}\n")
    assert implied.dollars_per_watt(read).value == pytest.approx(40.0)
    assert implied.watts_per_chip(read) == Interval(2000.0, 2000.0, 2500.0)
    assert implied.dollars_per_chip(read).value == pytest.approx(80_000.0)


def test_money_for_energy_is_no_capital(told):
    read = told("buys: energy\npower: 1 GW\ndollars: 16 B USD\nterm: 20 year\ncapacity_factor: 0.9\n")
    assert implied.dollars_per_watt(read) == "the dollars buy energy over a term, not a plant"
    assert implied.dollars_per_megawatt_hour(read).value == pytest.approx(16e9 / (1000.0 * 8760.0 * 20.0 * 0.9))


def test_a_ramp_makes_energy_dearer_than_its_last_step(told):
    lines = "buys: energy\npower: 1000 MW\ndollars: 10 B USD\nterm: 10 year\ncapacity_factor: 1\n"
    steps = "schedule: [{date: 2026-01, value: 0.5 GW}, {date: 2030-01, value: 1 GW}]\n"
    flat, ramped = (implied.dollars_per_megawatt_hour(told(text)).value for text in (lines, lines + steps))
    assert flat == pytest.approx(10e9 / (1000.0 * 8760.0 * 10.0))
    assert ramped == pytest.approx(10e9 / (8760.0 * (750.0 * 4.0 + 1000.0 * 6.0)))


def test_the_price_of_a_contract_gives_its_worth(told):
    read = told("buys: energy\npower: 835 MW\nenergy_price: 112 USD/MWh\nterm: 20 year\ncapacity_factor: 0.93\n")
    assert implied.contract_value(read).value == pytest.approx(835.0 * 0.93 * 8760.0 * 20.0 * 112.0)


def test_a_term_of_computing_has_a_price_by_chip_hour_and_by_watt_year(told):
    read = told("buys: compute\npower: 1 GW\ndollars: 50 B USD\nterm: 5 year\nchips: 5e5 chip\n")
    assert implied.dollars_per_watt_year(read).value == pytest.approx(10.0)
    assert implied.dollars_per_chip_hour(read).value == pytest.approx(50e9 / 5e5 / (5 * 8760.0))


def test_months_are_counted_from_ground_breaking(told):
    read = told("power: 500 MW\ndates: {announced: 2024-01, construction: 2025-01, full_power: 2026-07-02}\n")
    assert implied.months_to_full_power(read).value == pytest.approx(18.0, abs=0.05)
    assert implied.months_per_block(read).value == pytest.approx(3.6, abs=0.02)
    assert implied.months_from_announcement(read).value == pytest.approx(30.0, abs=0.05)
    assert implied.months_to_first_power(read) == "construction and first_power are not both stated"


def test_what_was_due_is_read_between_the_dates_that_were_told(told):
    lines = "power: 1 GW\ndates: {first_power: 2025-01, full_power: 2027-01}\n"
    read = told(lines + "operating: [{date: 2026-01, value: 250 MW}]\n")
    assert implied.due_by(read, 2026.0).value == pytest.approx(0.5e9)
    assert implied.due_share(read).value == pytest.approx(0.5)
    assert implied.operating_share(read).value == pytest.approx(0.25)
    assert implied.due_share(told(lines + "operating: [{date: 2024-06, value: 5 MW}]\n")) == "the schedule begins later"


def test_a_schedule_stands_in_place_of_straight_lines(told):
    lines = "power: 1 GW\nschedule: [{date: 2025-01, value: 100 MW}, {date: 2026-01, value: 300 MW}]\n"
    read = told(lines + "operating: [{date: 2027-01, value: 150 MW}]\n")
    assert implied.due_by(read, 2025.5).value == pytest.approx(2e8)
    assert implied.due_share(read).value == pytest.approx(0.5)


def test_growth_seen_and_growth_needed(told):
    lines = "power: 1 GW\ndates: {full_power: 2027-01}\n"
    read = told(lines + "operating: [{date: 2025-01, value: 100 MW}, {date: 2026-01, value: 400 MW}]\n")
    assert implied.pace_seen(read).value == pytest.approx(25.0)
    assert implied.pace_needed(read).value == pytest.approx(50.0)
    late = told(lines + "operating: [{date: 2027-06, value: 100 MW}]\n")
    assert implied.pace_needed(late) == "full power was due before the last day that was seen"
    assert implied.pace_seen(late) == "fewer than two steps of operating power are stated"


def test_a_project_that_was_told_of_after_its_full_power_took_no_time_to_it(told):
    late = told("power: 1 GW\ndates: {announced: 2028-01-01, full_power: 2026-01-01}\n")
    assert implied.months_from_announcement(late) == "it was announced after its full power"
    overlapping = told("power: 1 GW\ndates: {announced: 2026-06-01, full_power: 2026-06}\n")
    assert not isinstance(implied.months_from_announcement(overlapping), str)
