"""The loader: layers on demand, overlays on top, all faults together."""

from typing import ClassVar

import pytest

from stackwright.catalog import loader
from stackwright.catalog.loader import Catalog
from stackwright.core.errors import InputError
from stackwright.core.spec import spec
from stackwright.core.units import Kelvin, Watts


@spec
class Chip:
    tdp: Watts


@spec
class DryCooler:
    approach: Kelvin
    record: ClassVar[str] = """
type: DryCooler
name: Dry cooler
values:
  approach: {value: 8 K, source: assumption, kind: assumption, note: a round figure}
"""


CHIP = "type: Chip\nname: {name}\nvalues: {{tdp: {{value: {tdp}, source: book, kind: vendor}}}}\n"


def write(folder, path, text):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "package"
    write(folder, "records/chip/one.yaml", CHIP.format(name="Chip One", tdp="700 W"))
    write(folder, "records/chip/two.yaml", CHIP.format(name="Chip Two", tdp="1.2 kW"))
    write(folder, "sources/books.yaml", "book: {title: A book, url: https://example.org, date: 2026-01-02}\n")
    types = {"chip": {"Chip": Chip}, "cooling": {"DryCooler": DryCooler}}
    monkeypatch.setattr(loader, "layer_types", lambda layer: types.get(layer, {}))
    monkeypatch.setattr(loader, "packaged", lambda: folder)
    return folder


@pytest.fixture
def overlay(tmp_path):
    folder = tmp_path / "overlay"
    folder.mkdir()
    return folder


def test_records_come_by_layer_and_id(package):
    catalog = Catalog.load()
    assert [record.id for record in catalog.records("chip")] == ["one", "two"]
    assert catalog.get("chip", "Chip Two").spec(Chip).tdp == 1200.0
    assert catalog.records("power") == ()


def test_a_class_carries_its_own_record(package):
    catalog = Catalog.load()
    record = catalog.get("cooling", "dry-cooler")
    assert record.spec(DryCooler).approach == 8.0
    assert record.file.endswith("DryCooler.record")


def test_a_class_and_a_file_may_not_carry_the_same_record(package):
    write(package, "records/cooling/dry-cooler.yaml", DryCooler.record)
    with pytest.raises(InputError, match="second record"):
        Catalog.load().records("cooling")


def test_only_the_layer_that_is_asked_for_is_read(package):
    write(package, "records/rack/broken.yaml", "type: [")
    catalog = Catalog.load()
    assert catalog.get("chip", "one")
    with pytest.raises(InputError):
        catalog.records("rack")


def test_an_unknown_layer_offers_the_nearest(package):
    with pytest.raises(InputError) as caught:
        Catalog.load().records("chips")
    assert caught.value.faults[0].nearest == "chip"


def test_all_faults_of_all_files_come_together(package):
    write(package, "records/chip/three.yaml", "type: Chop\nname: x\n")
    write(package, "records/chip/four.yaml", CHIP.format(name="Four", tdp="7 K"))
    write(package, "records/chip/Five.yaml", CHIP.format(name="Five", tdp="7 W"))
    write(package, "records/chip/six.yml", "")
    with pytest.raises(InputError) as caught:
        Catalog.load().records("chip")
    assert {fault.file.rpartition("/")[2] for fault in caught.value.faults} == {
        "three.yaml",
        "four.yaml",
        "Five.yaml",
        "six.yml",
    }


@pytest.mark.parametrize(
    "part", ["aliases: One", "links: [a]", "text: words", "text: {alias_notes: words}", "proxy: 3"]
)
def test_a_part_of_another_shape_is_a_fault(package, part):
    write(package, "records/chip/three.yaml", CHIP.format(name="Three", tdp="7 W") + part + "\n")
    with pytest.raises(InputError) as caught:
        Catalog.load().records("chip")
    assert caught.value.faults[0].path in part.replace(": {", ".")


def test_an_overlay_replaces_and_says_so(package, overlay):
    write(overlay, "chip/one.yaml", CHIP.format(name="Chip One", tdp="800 W"))
    write(overlay, "chip/new.yaml", CHIP.format(name="Chip New", tdp="5 W"))
    catalog = Catalog.load([overlay])
    found = catalog.resolve("chip", "one")
    assert found.record.spec(Chip).tdp == 800.0
    assert "replaces the packaged records/chip/one.yaml" in found.note
    assert "replaces" in found.record.note
    assert catalog.resolve("chip", "new").note == ""
    assert catalog.get("chip", "two").spec(Chip).tdp == 1200.0


def test_the_last_overlay_is_on_top(package, overlay, tmp_path):
    write(overlay, "chip/one.yaml", CHIP.format(name="Chip One", tdp="800 W"))
    write(tmp_path / "top", "chip/one.yaml", CHIP.format(name="Chip One", tdp="900 W"))
    assert Catalog.load([overlay, tmp_path / "top"]).get("chip", "one").spec(Chip).tdp == 900.0


def test_an_overlay_replaces_the_record_of_a_class(package, overlay):
    write(overlay, "cooling/dry-cooler.yaml", DryCooler.record.replace("8 K", "6 K"))
    found = Catalog.load([overlay]).resolve("cooling", "dry cooler")
    assert found.record.spec(DryCooler).approach == 6.0
    assert "replaces" in found.note


def test_overlay_faults_come_at_once_from_all_folders(package, overlay):
    write(overlay, "chips/one.yaml", CHIP.format(name="One", tdp="1 W"))
    write(overlay, "chip/bad.yaml", CHIP.format(name="Bad", tdp="1 K"))
    with pytest.raises(InputError) as caught:
        Catalog.load([overlay, overlay / "none"])
    assert {fault.got for fault in caught.value.faults} == {"folder 'chips'", "'1 K'", "no such folder"}
    assert caught.value.faults[0].nearest == "chip"


def test_an_overlay_needs_known_sources(package, overlay):
    write(overlay, "chip/new.yaml", CHIP.format(name="New", tdp="1 W").replace("book", "bock"))
    with pytest.raises(InputError) as caught:
        Catalog.load([overlay])
    assert caught.value.faults[0].nearest == "book"
    write(overlay, "sources/own.yaml", "bock: {title: Own measurement}\n")
    assert Catalog.load([overlay]).source("bock").title == "Own measurement"


def test_sources(package):
    catalog = Catalog.load()
    assert catalog.source("book").date == "2026-01-02"
    assert "Assumption" in catalog.source("assumption").title
    with pytest.raises(InputError):
        catalog.source("nothing")


def test_a_source_with_an_unknown_key_is_a_fault(package):
    write(package, "sources/more.yaml", "other: {title: Other, ulr: x}\nempty: {}\nbook: {title: Again}\n")
    with pytest.raises(InputError) as caught:
        Catalog.load().source("book")
    assert {fault.path for fault in caught.value.faults} == {"other.ulr", "empty", "book"}


def test_a_name_without_a_layer_may_carry_it(package):
    assert Catalog.load().resolve(None, "chip/one").record.id == "one"
    assert Catalog.load().resolve(None, "Dry cooler").record.layer == "cooling"


def test_the_digest_follows_content_not_order(package, overlay):
    catalog = Catalog.load()
    one, two = catalog.records("chip")
    assert catalog.digest([one, two]) == catalog.digest([two, one])
    assert catalog.digest([one]) != catalog.digest([two])
    write(overlay, "chip/one.yaml", CHIP.format(name="Chip One", tdp="800 W"))
    assert Catalog.load([overlay]).digest() != catalog.digest()
    assert catalog.editions([one]) == {"chip/one": ""}


def test_check_lists_what_is_wrong_with_links_and_sources(package):
    write(package, "records/chip/three.yaml", CHIP.format(name="Three", tdp="7 W") + "links: {kernels: none-such}\n")
    write(package, "records/chip/four.yaml", CHIP.format(name="Four", tdp="7 W").replace("book", "bock"))
    write(package, "records/chip/five.yaml", CHIP.format(name="Five", tdp="7 W").replace("book", "assumption"))
    write(package, "records/rack/broken.yaml", "type: [")
    found = Catalog.load().check()
    assert {(fault.file.rpartition("/")[2], fault.path) for fault in found.faults} == {
        ("three.yaml", "links.kernels"),
        ("four.yaml", "values.tdp.source"),
        ("five.yaml", "values.tdp"),
        ("broken.yaml", ""),
    }


def test_check_counts_records_numbers_and_the_unverified(package):
    write(package, "records/chip/three.yaml", CHIP.format(name="Three", tdp="7 W").replace("vendor", "unverified"))
    found = Catalog.load().check()
    assert found.faults == ()
    assert found.records["chip"] == 3
    assert found.numbers == {"vendor": 2, "unverified": 1, "assumption": 1}
    assert found.unverified == ("chip/three.tdp",)


def test_layers_without_records_have_no_types():
    assert loader.layer_types("no_such_layer") == {}
