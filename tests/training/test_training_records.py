"""The records of the training layer: complete, sourced, and told apart by what a run says of itself."""

import re

import pytest

from stackwright.catalog import Catalog
from stackwright.core.records import Record
from stackwright.core.spec import unit_fields
from stackwright.training import TYPES
from stackwright.training.release import TrainingRelease

CATALOG = Catalog.load()
RELEASES = [record for record in CATALOG.records("training") if record.type == "TrainingRelease"]


@pytest.mark.parametrize("record", CATALOG.records("training"), ids=lambda record: record.id)
def test_every_number_has_a_known_source_and_a_range(record: Record) -> None:
    assert set(record.values) == set(unit_fields(TYPES[record.type]))
    for datum in record.values.values():
        assert CATALOG.source(datum.source).title
        assert datum.low <= datum.value <= datum.high
        assert datum.source != "assumption" or datum.note


@pytest.mark.parametrize("record", RELEASES, ids=lambda record: record.id)
def test_releases_stay_within_physics(record: Record) -> None:
    release = record.spec(TrainingRelease)
    for share in (release.tensor_exposed, release.expert_exposed, release.data_exposed, release.memory_utilization):
        assert 0.0 < share <= 1.0
    assert release.time_spread == 1.0
    assert 1.5 < release.attention_backward < 6.0
    assert release.attention_counted in (0.5, 1.0)


def test_one_release_stands_in_for_unknown_frameworks() -> None:
    assert [record.id for record in RELEASES if record.text.get("fallback")] == ["pytorch-fsdp"]


def test_patterns_can_be_read_and_are_not_shared() -> None:
    patterns = [pattern for record in RELEASES for pattern in record.text["recognized_by"]]
    assert len(patterns) == len(set(patterns))
    for pattern in patterns:
        re.compile(pattern)
        assert pattern == pattern.casefold()
