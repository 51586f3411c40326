"""Names: case and separators do not count, and nothing ambiguous is settled silently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackwright.catalog.names import NameIndex, normalize
from stackwright.core.errors import InputError
from stackwright.core.records import Record


def record(id, name, *aliases, layer="chip", **text):
    return Record(id=id, layer=layer, type="Chip", name=name, values={}, aliases=aliases, text=text)


RECORDS = [
    record("nvidia-h100-sxm", "NVIDIA H100 SXM", "H100", "H100 SXM5"),
    record("mtia-400", "MTIA 400", "MTIA v4"),
    record("mtia-450", "MTIA 450", "MTIA v4"),
    record("google-tpu-v7", "Google TPU7x", "Ironwood", "TPU v7p", alias_notes={"TPU v7p": "An analyst's label."}),
]


@pytest.fixture
def index():
    return NameIndex(RECORDS)


@pytest.mark.parametrize(
    "name",
    ["nvidia-h100-sxm", "NVIDIA H100 SXM", "nvidia_h100_sxm", " nvidia  h100\u2013SXM ", "h100", "(H100)", "H100-sxm5"],
)
def test_spelling_does_not_count(index, name):
    assert index.resolve(name, what="a chip").record.id == "nvidia-h100-sxm"


def test_an_unofficial_alias_carries_its_note(index):
    assert index.resolve("tpu V7P", what="a chip").note == "An analyst's label."
    assert index.resolve("Ironwood", what="a chip").note == ""


def test_an_ambiguous_alias_lists_its_candidates(index):
    with pytest.raises(InputError) as caught:
        index.resolve("MTIA v4", what="a chip")
    (fault,) = caught.value.faults
    assert fault.expected == "one of mtia-400, mtia-450"
    assert "2 records" in fault.got


def test_an_id_comes_before_an_alias():
    index = NameIndex([record("v4", "Version 4"), record("other", "Other", "V4")])
    assert index.resolve("v4", what="a chip").record.id == "v4"


def test_an_official_name_comes_before_an_alias():
    index = NameIndex([record("a", "Twin"), record("b", "Other", "Twin")])
    assert index.resolve("twin", what="a chip").record.id == "a"


def test_candidates_of_several_layers_name_the_layer():
    index = NameIndex([record("x", "One", "GB200"), record("y", "Two", "GB200", layer="rack")])
    with pytest.raises(InputError) as caught:
        index.resolve("GB200", what="a record")
    assert caught.value.faults[0].expected == "one of chip/x, rack/y"


def test_an_unknown_name_offers_the_nearest_by_any_of_its_names(index):
    with pytest.raises(InputError) as caught:
        index.resolve("Iron wood", what="a chip")
    assert caught.value.faults[0].nearest == "google-tpu-v7"


def test_few_choices_are_listed_and_many_are_counted(index):
    many = NameIndex(record(f"chip-{number}", f"Chip {number}") for number in range(30))
    with pytest.raises(InputError) as caught:
        many.resolve("unlike all", what="a chip")
    assert caught.value.faults[0].expected == "a chip, out of 30"
    assert caught.value.faults[0].remedy == "List them with: stackwright catalog list chip"
    with pytest.raises(InputError) as caught:
        index.resolve("unlike all", what="a chip")
    assert "mtia-400" in caught.value.faults[0].expected
    with pytest.raises(InputError, match="none is known"):
        NameIndex([]).resolve("x", what="a chip")


@pytest.mark.parametrize("name", [None, 3, "", "  ", [], {}, "x" * 1000])
def test_what_is_no_name_is_refused(index, name):
    with pytest.raises(InputError):
        index.resolve(name, what="a chip")


@given(st.text())
def test_any_text_resolves_or_is_refused(name):
    try:
        NameIndex(RECORDS).resolve(name, what="a chip")
    except InputError as error:
        assert error.faults[0].expected


@given(st.text(st.characters(codec="latin-1")))
def test_normal_form_is_stable(name):
    once = normalize(name)
    assert normalize(once) == once
