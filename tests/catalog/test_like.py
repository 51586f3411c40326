"""Records that are like another of their layer: what they take, what stays theirs, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.basis import operator_bases
from stackwright.core.errors import InputError
from stackwright.evidence.names import Spread
from stackwright.evidence.replay import Bench, Run, replay
from stackwright.model.precision import Precision
from stackwright.serving.likeness import shape_of
from stackwright.stack.neighbors import neighbors_of
from stackwright.stack.parts import Parts

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "hypothetical"
NUMBER = "{{value: {0}, low: {0}, high: {0}, source: assumption, kind: assumption, note: a what-if}}"


def overlay(folder: Path, records: Mapping[str, str]) -> Catalog:
    """The packaged catalog under a folder of these records, by ``layer/id``."""
    for place, text in records.items():
        file = folder / f"{place}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Catalog.load([folder])


def fast(bandwidth: str, *, name: str = "Fast", like: str = "nvidia-b200", more: str = "") -> str:
    values = f"values: {{memory_bandwidth: {NUMBER.format(bandwidth)}}}"
    return f"name: {name}\nlike: {like}\n{values}\n{more}"


def test_it_takes_all_that_it_does_not_state_with_its_sources(tmp_path: Path) -> None:
    catalog = overlay(tmp_path, {"chip/fast": fast("15.4 TB/s", more="links: {power: power-rubin}\n")})
    new, old = catalog.get("chip", "fast"), catalog.get("chip", "nvidia-b200")
    assert new.spec(Accelerator).memory_bandwidth == 2.0 * old.spec(Accelerator).memory_bandwidth
    assert {**new.values, "memory_bandwidth": None} == {**old.values, "memory_bandwidth": None}
    assert (new.type, new.vendor, new.edition) == (old.type, old.vendor, old.edition)
    assert new.links == {**old.links, "power": "power-rubin"}


def test_a_number_is_taken_or_stated_as_a_whole(tmp_path: Path) -> None:
    new = overlay(tmp_path, {"chip/fast": fast("15.4 TB/s")}).get("chip", "fast").values["memory_bandwidth"]
    assert (new.source, new.kind, new.others) == ("assumption", "assumption", ())
    assert new.low == new.high


def test_names_stay_with_the_one_that_has_them(tmp_path: Path) -> None:
    catalog = overlay(tmp_path, {"chip/fast": fast("15.4 TB/s")})
    assert catalog.get("chip", "B200").id == "nvidia-b200"
    assert catalog.get("chip", "fast").aliases == ()


def test_the_note_says_what_is_its_own(tmp_path: Path) -> None:
    catalog = overlay(
        tmp_path, {"chip/fast": fast("15.4 TB/s", more="note: Mine.\n"), "chip/same": "name: Same\nlike: fast\n"}
    )
    assert catalog.get("chip", "fast").note == "As NVIDIA B200 (nvidia-b200) but for memory_bandwidth. Mine."
    assert catalog.get("chip", "same").note.startswith("As Fast (fast) but for its name. As NVIDIA B200")
    assert (catalog.get("chip", "fast").like, catalog.get("chip", "nvidia-b200").like) == ("nvidia-b200", "")


def test_records_may_be_like_each_other_in_a_row(tmp_path: Path) -> None:
    slow = f"name: Cooler\nlike: fast\nvalues: {{tdp: {NUMBER.format('700 W')}}}\n"
    found = overlay(tmp_path, {"chip/a-cooler": slow, "chip/fast": fast("15.4 TB/s")}).get("chip", "a-cooler")
    assert (found.spec(Accelerator).memory_bandwidth, found.spec(Accelerator).tdp) == (15.4e12, 700.0)


def test_a_later_folder_builds_on_an_earlier_one(tmp_path: Path) -> None:
    overlay(tmp_path / "first", {"chip/fast": fast("15.4 TB/s")})
    overlay(tmp_path / "second", {"chip/nvidia-a200": "name: A200\nlike: nvidia-b200\n"})
    (tmp_path / "second" / "chip" / "faster.yaml").write_text("name: Faster\nlike: fast\n", encoding="utf-8")
    catalog = Catalog.load([tmp_path / "first", tmp_path / "second"])
    assert catalog.get("chip", "faster").spec(Accelerator).memory_bandwidth == 15.4e12


def test_a_replacement_may_be_like_what_it_replaces(tmp_path: Path) -> None:
    records = {
        "chip/nvidia-b200": "like: nvidia-b200\n" + fast("8 TB/s").split("\n", 2)[2],
        "chip/same": "name: S\nlike: nvidia-b200\n",
    }
    catalog = overlay(tmp_path, records)
    found = catalog.get("chip", "B200")
    assert found.name == "NVIDIA B200"
    assert (
        found.spec(Accelerator).memory_bandwidth
        == catalog.get("chip", "same").spec(Accelerator).memory_bandwidth
        == 8e12
    )
    assert "replaces the packaged" in found.note and "but for memory_bandwidth" in found.note


@pytest.mark.parametrize(
    ("records", "places"),
    [
        ({"chip/fast": fast("1 TB/s", like="nvidia-b20")}, {"fast.yaml:like"}),
        ({"chip/fast": fast("1 TB/s", like="hgx-b200-liquid")}, {"fast.yaml:like"}),
        ({"chip/fast": fast("1 TB/s", like="fast")}, {"fast.yaml:like"}),
        ({"chip/fast": fast("1 TB/s", like="[nvidia-b200]")}, {"fast.yaml:like"}),
        ({"chip/a": fast("1 TB/s", like="b"), "chip/b": fast("1 TB/s", like="a")}, {"a.yaml:like", "b.yaml:like"}),
        ({"chip/fast": "like: nvidia-b200\n"}, {"fast.yaml:name"}),
        ({"chip/fast": fast("1 kg")}, {"fast.yaml:values.memory_bandwidth.value"}),
        ({"chip/fast": "name: F\nlike: nvidia-b200\nvalues: [1]\n"}, {"fast.yaml:values"}),
        ({"chip/fast": "name: F\nlike: nvidia-b200\nvalues: {tdp: 3}\n"}, {"fast.yaml:values.tdp"}),
    ],
)
def test_what_cannot_be_filled_is_a_fault(tmp_path: Path, records: dict[str, str], places: set[str]) -> None:
    with pytest.raises(InputError) as caught:
        overlay(tmp_path, records)
    faults = caught.value.faults
    assert {
        f"{Path(fault.file).name}:{fault.path}"
        for fault in faults
        if "low" not in fault.path and "high" not in fault.path
    } == places


def test_a_misspelled_id_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        overlay(tmp_path, {"chip/fast": fast("1 TB/s", like="nvidia-b2000")})
    assert caught.value.faults[0].nearest == "nvidia-b200"


def test_the_digest_tells_it_from_the_one_that_it_is_like(tmp_path: Path) -> None:
    catalog = overlay(tmp_path, {"chip/fast": fast("15.4 TB/s")})
    assert catalog.digest([catalog.get("chip", "fast")]) != catalog.digest([catalog.get("chip", "nvidia-b200")])


def test_no_operator_of_a_hypothetical_chip_counts_as_fitted_and_none_is_known_better() -> None:
    catalog = Catalog.load([EXAMPLE])
    family = catalog.get("chip", "kernels-blackwell")
    real = {one.operator: one for one in operator_bases("nvidia-b200", family)}
    for one in operator_bases("b200-twice-hbm", family):
        known = real[one.operator]
        assert one.basis == {"fitted": "scaled", "bounded": "bounded"}[known.basis]
        assert one.high / one.low >= known.high / known.low
    scaled = [one for one in operator_bases("b200-twice-hbm", family) if one.basis == "scaled"]
    assert any(one.high / one.low > real[one.operator].high / real[one.operator].low for one in scaled)


def test_the_example_changes_the_bandwidth_alone() -> None:
    catalog = Catalog.load([EXAMPLE])
    new, old = (catalog.get("chip", name).spec(Accelerator) for name in ("b200-twice-hbm", "nvidia-b200"))
    changed = {name for name in vars(old) if getattr(new, name) != getattr(old, name)}
    assert changed == {"memory_bandwidth"}
    assert new.memory_bandwidth == 2.0 * old.memory_bandwidth
    servers = [catalog.get("rack", name) for name in ("hgx-b200-twice-hbm", "hgx-b200-liquid")]
    assert servers[0].values == servers[1].values


RUN = Run(
    chip="nvidia-b200",
    model="llama-3-1-70b",
    software="vllm-2026",
    precision=Precision("fp8", "bf16"),
    spread=Spread(1.0),
    input=512.0,
    output=1024.0,
    sequences=16.0,
)


def test_twice_the_bandwidth_saves_half_the_time_of_bytes_and_nothing_of_a_long_prefill() -> None:
    catalog = Catalog.load([EXAMPLE])
    both = [replace(RUN, chip=chip) for chip in ("nvidia-b200", "b200-twice-hbm")]
    found, failed = replay([*both, *(replace(run, input=8192.0) for run in both)], Bench(catalog))
    assert not failed
    old, new = found.step[:2]
    streamed = (
        found.byte_rate[0] * found.tpot[0] / catalog.get("chip", "nvidia-b200").spec(Accelerator).memory_bandwidth
    )
    assert 1.4 < old / new < 2.0
    # Kernels reach 60 to 100 % of the memory's peak, at either speed.
    assert 0.5 * streamed < old - new < 0.5 * streamed / 0.6
    before, after = found.lone_stall[2:]
    assert 0.92 * before < after <= before


def test_runs_that_were_measured_on_a_chip_say_nothing_of_one_that_is_like_it() -> None:
    parts = Parts(Catalog.load([EXAMPLE]))
    stack, model = parts.get("interface", "vllm-2026").record, shape_of(parts.architecture("deepseek-r1"))
    measured = parts.measured("measured-pace")
    known = {"stack": stack, "model": model, "formats": "fp8/bf16"}
    assert neighbors_of(measured, chip="nvidia-b200", **known) is not None
    assert neighbors_of(measured, chip="b200-twice-hbm", **known) is None
