"""Records: a file's text to a thing with sourced numbers, or every fault of it at once."""

import pytest

from stackwright.core import yamltext
from stackwright.core.errors import InputError
from stackwright.core.records import DEFAULT_SPREAD, KINDS, Record, decode
from stackwright.core.spec import spec
from stackwright.core.units import Count, Kelvin, Watts


@spec
class Pump:
    power: Watts
    inlet: Kelvin | None = None
    stages: Count | None = None


WHOLE = """
type: Pump
name: A pump
aliases: [P1, "2"]
vendor: Maker
edition: 2026-01-02
links: {motor: m1}
text: {series: round}
proxy: {curve: another pump's}
values:
  power: {value: 1.5 kW, source: book, where: table 3, kind: vendor, date: 2025-12-01, others: [{value: 1.6 kW}]}
  inlet: {value: -10 degC, low: -20 degC, high: 0 degC, source: assumption, kind: assumption, note: cold}
"""


def read(text: str) -> Record:
    return decode(yamltext.parse(text, "pump.yaml"), id="pump", layer="plant", types={"Pump": Pump})


def faults(text: str) -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        read(text)
    assert all(fault.file == "pump.yaml" for fault in caught.value.faults)
    return {fault.path: fault.got for fault in caught.value.faults}


def test_a_whole_record() -> None:
    record = read(WHOLE)
    assert (record.id, record.layer, record.type, record.name) == ("pump", "plant", "Pump", "A pump")
    assert record.aliases == ("P1", "2")
    assert record.links == {"motor": "m1"}
    assert record.text == {"series": "round"}
    assert record.proxy == {"curve": "another pump's"}
    power = record.values["power"]
    assert (power.value, power.text, power.source, power.where) == (1500.0, "1.5 kW", "book", "table 3")
    assert (power.low, power.high) == pytest.approx((1425.0, 1575.0))
    assert not power.stated_range
    assert power.others == ({"value": "1.6 kW"},)
    made = record.spec(Pump)
    assert made.inlet == pytest.approx(263.15)
    assert made.stages is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_gives_the_range_where_none_is_stated(kind: str) -> None:
    power = read(WHOLE.replace("kind: vendor", f"kind: {kind}")).values["power"]
    assert power.high == pytest.approx(1500.0 * (1 + DEFAULT_SPREAD[kind]))


@pytest.mark.parametrize(
    ("old", "new", "path", "got"),
    [
        ("type: Pump", "type: Pomp", "type", "'Pomp'"),
        ("type: Pump", "type: [Pump]", "type", "a list of 1"),
        ("name: A pump", "name: 7", "name", "7"),
        ("name: A pump", "", "name", "nothing"),
        ('[P1, "2"]', "P1", "aliases", "'P1'"),
        ('[P1, "2"]', "[P1, 2]", "aliases", "a list of 2"),
        ("{motor: m1}", "[m1]", "links", "a list of 1"),
        ("{series: round}", "round", "text", "'round'"),
        ("{curve: another pump's}", "yes", "proxy", "True"),
        ("vendor: Maker", "vandor: Maker", "vandor", "key 'vandor'"),
        ("value: 1.5 kW", "value: 1.5 K", "values.power.value", "'1.5 K'"),
        ("value: 1.5 kW", "value: -1.5 kW", "values.power.value", "'-1.5 kW'"),
        ("value: -10 degC", "value: -300 degC", "values.inlet.value", "'-300 degC'"),
        ("value: 1.5 kW", "value: 1" + "0" * 400, "values.power.value", "'10000"),
        ("value: 1.5 kW", "value: .nan", "values.power.value", "'.nan'"),
        ("value: 1.5 kW", "value: '1,500 W'", "values.power.value", "'1,500 W'"),
        ("value: 1.5 kW, ", "", "values.power.value", "nothing"),
        ("kind: vendor", "kind: seller", "values.power.kind", "'seller'"),
        ("kind: vendor", "kind: [vendor]", "values.power.kind", "a list of 1"),
        ("source: book, ", "", "values.power.source", "nothing"),
        ("where: table 3", "were: table 3", "values.power.were", "key 'were'"),
        ("[{value: 1.6 kW}]", "1.6 kW", "values.power.others", "'1.6 kW'"),
        ("low: -20 degC", "low: -5 degC", "values.inlet", "low "),
        ("  power:", "  speed:", "values", "no 'power'"),
    ],
    ids=range(24),
)
def test_a_fault_is_named_with_its_path(old: str, new: str, path: str, got: str) -> None:
    assert old in WHOLE
    assert faults(WHOLE.replace(old, new))[path].startswith(got)


def test_faults_of_the_text_and_of_the_numbers_come_together() -> None:
    text = WHOLE.replace("name: A pump", "name: A pump\nname: B").replace("1.5 kW,", "!x 1.5 kW,")
    assert faults(text.replace("kind: assumption", "kind: guess")) == {
        "name": "the same key twice",
        "values.power.value": "tag '!x'",
        "values.inlet.kind": "'guess'",
    }


@pytest.mark.parametrize("text", ["", "- a\n", "words", "7"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert list(faults(text)) == [""]


@pytest.mark.parametrize("values", ["[]", "3", "{power: 3}", "{power: [3 W]}"])
def test_values_of_another_shape_are_refused(values: str) -> None:
    assert faults(f"type: Pump\nname: A\nvalues: {values}\n")
