"""Files of announcements: what is read, and every fault with its place."""

import pytest

from stackwright.core.errors import InputError


def faults(told, lines: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        told(lines)
    return [str(fault) for fault in caught.value.faults]


def test_figures_are_read_in_si_with_their_ranges(told):
    read = told("power: {value: 1.2 GW, low: 1 GW, source: somebody}\nchips: 450000 chip\n")
    assert read.power.value == 1.2e9
    assert (read.power.interval.low, read.power.interval.high) == (1e9, 1.2e9)
    assert read.power.source == "somebody"
    assert read.chips.interval.low == read.chips.value == 450_000.0


def test_tokens_may_be_told_over_any_time(told):
    assert told("tokens: 31536000 token/year\n").tokens.value == told("tokens: 1 token/s\n").tokens.value == 1.0


def test_names_become_records(told):
    read = told("system: GB200 NVL72\nsite: Abilene, Texas\nmodel: DeepSeek-R1\npower: 1 GW\n")
    assert (read.system, read.site, read.model) == ("gb200-nvl72", "abilene-tx", "deepseek-r1")


def test_all_faults_are_told_together(told):
    found = faults(
        told, "power: 1.2 USD\ndollars: {value: 10 B USD, sorce: me}\nsystem: GB2000\ndates: {anounced: 2025-01}\n"
    )
    assert any("one.yaml:3: power.value" in fault and "does not measure" in fault for fault in found)
    assert any("one.yaml:4: dollars.sorce" in fault and "'source'" in fault for fault in found)
    assert any("one.yaml:5: system" in fault for fault in found)
    assert any("dates.anounced" in fault and "'announced'" in fault for fault in found)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("power: {value: 1 GW, low: 2 GW}\n", "low at or below value"),
        ("dollars: 10 B USD\n", "buys: one of"),
        ("dollars: 10 B USD\nbuys: energy\n", "term, such as 20 year"),
        ("dates: {announced: 2025-01}\n", "at least one of power"),
        ("power: 1 GW\ndates: {construction: 2027-01, full_power: 2026-01}\n", "in this order"),
        (
            "power: 1 GW\noperating: [{date: 2026-01, value: 2 MW}, {date: 2025-01, value: 1 MW}]\n",
            "order of their dates",
        ),
        ("power: 1000\n", "It has no unit"),
        ("power: 0 MW\n", "above 0 W"),
        ("power: 1 GW\nbuys: everything\n", "one of campus"),
        ("power: 1 GW\ndates: {full_power: soon}\n", "a date, such as 2027-03"),
    ],
)
def test_what_makes_no_sense_is_refused(told, lines, words):
    assert any(words in fault for fault in faults(told, lines))
