"""Every model record decodes, names a packaged config, and its figures agree with that config."""

from __future__ import annotations

import pytest
from packaged_models import CATALOG, CONFIGS, RECORDS, described, record

from stackwright.core import yamltext
from stackwright.core.records import Datum
from stackwright.model.architecture import Architecture


def counted(model: Architecture, convention: str) -> int:
    head = model.parameters_by_role["head"]
    return {
        "without embedding": model.active_parameters,
        "with embedding": model.active_parameters_with_embedding,
        "without embedding or head": model.active_parameters - head,
    }[convention]


def printed_precision(datum: Datum) -> float:
    """Half a unit of the last printed digit."""
    mantissa, exponent = datum.text.split("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent) - decimals)


@pytest.mark.parametrize("name", RECORDS)
def test_published_totals_are_the_sum_of_the_shapes(name: str) -> None:
    datum = record(name).values.get("total_parameters")
    if datum is None:
        assert record(name).text["nominal_total"]
        return
    assert datum.low <= described(name).total_parameters <= datum.high


@pytest.mark.parametrize("name", RECORDS)
def test_published_active_parameters_agree_under_the_stated_convention(name: str) -> None:
    datum = record(name).values.get("active_parameters")
    if datum is None:
        assert not described(name).has_experts or record(name).values["total_parameters"].kind == "estimate"
        return
    assert datum.low <= counted(described(name), record(name).text["active_counts"]) <= datum.high


@pytest.mark.parametrize("name", RECORDS)
def test_ranges_are_no_wider_than_rounding_or_one_percent_unless_a_note_says_why(name: str) -> None:
    for datum in record(name).values.values():
        width = max(datum.value - datum.low, datum.high - datum.value)
        narrow = width <= 1.001 * max(0.01 * datum.value, printed_precision(datum))
        assert narrow or datum.note or datum.kind == "estimate"


def test_every_config_has_one_record_and_every_record_a_config() -> None:
    named = sorted(record(name).links["config"].removesuffix(".json") for name in RECORDS)
    assert named == sorted(CONFIGS)


def test_every_source_is_declared_and_used() -> None:
    declared = set(yamltext.read(CATALOG / "sources" / "models.yaml").data)
    used = {datum.source for name in RECORDS for datum in record(name).values.values()}
    used |= {record(name).text["config_source"] for name in RECORDS}
    assert used == declared


def test_no_two_records_share_a_name() -> None:
    seen: dict[str, str] = {}
    for name in RECORDS:
        for alias in {alias.casefold() for alias in (record(name).name, *record(name).aliases)}:
            assert seen.setdefault(alias, name) == name


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("R1", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-r1"),
        ("zhipuai/GLM-5", "glm-5"),
        ("Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"),
        ("llama2-70b", "llama-2-70b"),
        ("mpt-7b", "mpt-7b"),
        ("gpt3-175b", "gpt-3-175b"),
        ("nvidia-nemotron-nano-12b-v2", "nemotron-nano-12b-v2"),
        ("gpt-1008.0b", "megatron-gpt-1008b"),
    ],
)
def test_names_that_people_write(alias: str, name: str) -> None:
    names = {text.casefold() for text in (name, record(name).name, *record(name).aliases)}
    assert alias.casefold() in names
