"""The records of chips, racks, networks and software: each decodes, points somewhere, and adds up."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import stackwright
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.processor import Processor
from stackwright.core import yamltext
from stackwright.core.records import DEFAULT_SPREAD, KINDS, Datum, Record, decode
from stackwright.interface import TYPES as INTERFACE_TYPES
from stackwright.network import TYPES as NETWORK_TYPES
from stackwright.rack import TYPES as RACK_TYPES
from stackwright.rack.system import System

CATALOG = Path(stackwright.__file__).parent / "catalog"
TYPES: dict[str, dict[str, type]] = {
    "chip": {"Accelerator": Accelerator, "Processor": Processor},
    "rack": RACK_TYPES,
    "network": NETWORK_TYPES,
    "interface": INTERFACE_TYPES,
}
FAMILIES = {
    "ampere", "ada", "hopper", "blackwell", "blackwell-graphics", "rubin", "tpu", "trainium", "cdna", "maia", "mtia",
    "gaudi", "custom",
}  # fmt: skip
CHIPS = {
    "nvidia-a100-80gb-sxm", "nvidia-h100-sxm", "nvidia-h800-sxm", "nvidia-h200-sxm", "nvidia-h20", "nvidia-l40s",
    "nvidia-b200", "nvidia-b300", "nvidia-gb200", "nvidia-gb300", "nvidia-rubin", "nvidia-grace", "x86-host",
    "google-tpu-v4", "google-tpu-v5e", "google-tpu-v5p", "google-tpu-v6e", "google-tpu-v7",
    "aws-trainium1", "aws-trainium2", "aws-trainium3", "aws-inferentia2", "microsoft-maia-100", "microsoft-maia-200",
    "meta-mtia-2i", "meta-mtia-300", "meta-mtia-400", "meta-mtia-450", "meta-mtia-500",
    "amd-mi300x", "amd-mi325x", "amd-mi355x", "amd-mi455x", "intel-gaudi3",
    "openai-titan", "openai-jalapeno", "marvell-custom-xpu",
}  # fmt: skip
RACKS = {
    "hgx-a100-air", "hgx-h100-air", "hgx-h800-air", "hgx-h20-air", "hgx-h200-air", "hgx-h200-liquid",
    "hgx-b200-air", "hgx-b200-liquid", "hgx-b300-liquid", "gb200-nvl72", "gb300-nvl72", "vr-nvl72",
    "mi300x-node", "mi325x-node", "mi355x-node-air", "mi355x-node-liquid", "helios", "gaudi3-node",
    "tpu-v4-pod", "tpu-v5e-pod", "tpu-v5p-pod", "tpu-v6e-pod", "tpu-v7-pod",
    "trn2-ultraserver", "trn3-ultraserver-gen1", "trn3-ultraserver-gen2", "mtia-400-rack", "maia-200-rack",
}  # fmt: skip
NETWORKS = {
    "nvlink-3", "nvlink-4", "nvlink-5", "nvlink-6", "nvlink-c2c", "nvlink-fusion", "pcie-5",
    "ici-v4", "ici-v5e", "ici-v5p", "ici-v6e", "ici-v7", "neuronlink-2", "neuronlink-3", "neuronlink-4",
    "infinity-fabric-3", "infinity-fabric-4", "ualink-helios", "gaudi-roce", "mtia-scale-up", "maia-scale-up",
    "infiniband-ndr", "infiniband-xdr", "ethernet-400", "ethernet-800", "efa-v2", "efa-v3", "google-dcn",
}  # fmt: skip
SOFTWARE = {
    "vllm-2025", "vllm-2026", "sglang-2026", "tensorrt-llm-2026", "engines-2023", "neuron-nxd", "tpu-vllm", "jetstream",
    "rocm-vllm", "mtia-pytorch", "maia-sdk", "cuda", "magnum-io", "xla-jax", "maxtext", "pytorch",
}  # fmt: skip
MAIN_CHIPS = (
    "nvidia-h100-sxm", "nvidia-h200-sxm", "nvidia-b200", "nvidia-gb200", "nvidia-gb300", "amd-mi300x", "amd-mi355x",
    "google-tpu-v6e", "google-tpu-v7", "aws-trainium2", "aws-trainium3",
)  # fmt: skip
AMBIGUOUS = {
    "chip": {"mtia v3", "mtia v4", "tpu v5", "trainium"},
    "rack": {"hgx h100", "hgx h200", "hgx b200", "mi355x node", "tpu v5", "trn3 ultraserver"},
    "network": {"efa", "ethernet", "ici", "optics"},
    "interface": set(),
}
"""Names that several records carry on purpose: a person must choose."""


@cache
def layer(name: str) -> dict[str, Record]:
    """Records of a layer that this file is about: kernel and power families have tests of their own."""
    files = (path for path in sorted((CATALOG / "records" / name).glob("*.yaml")))
    ours = (path for path in files if not path.name.startswith(("kernels-", "power-", "collectives")))
    return {p.stem: decode(yamltext.read(p), id=p.stem, layer=name, types=TYPES[name]) for p in ours}


@cache
def sources(*names: str) -> dict:
    """Source key to its entry, of these files or of all."""
    files = sorted((CATALOG / "sources").glob("*.yaml"))
    chosen = (path for path in files if not names or path.stem in names)
    return {key: entry for path in chosen for key, entry in yamltext.read(path).data.items()}


def every_record() -> list[Record]:
    """All records of the four layers."""
    return [record for name in TYPES for record in layer(name).values()]


def every_datum() -> list[tuple[str, Datum]]:
    """All numbers of the four layers with their place."""
    return [(f"{r.layer}/{r.id}.{field}", datum) for r in every_record() for field, datum in r.values.items()]


def value(layer_name: str, record: str, field: str) -> float:
    """A number of a record in SI units."""
    return layer(layer_name)[record].values[field].value


@pytest.mark.parametrize(
    ("name", "wanted"), [("chip", CHIPS), ("rack", RACKS), ("network", NETWORKS), ("interface", SOFTWARE)]
)
def test_expected_records_exist(name: str, wanted: set[str]) -> None:
    assert wanted <= set(layer(name))


def test_every_source_exists_and_every_source_is_used() -> None:
    cited = {datum.source for _, datum in every_datum()} | {
        other["source"] for _, datum in every_datum() for other in datum.others
    }
    named = {key for record in every_record() for key in as_list(record.text.get("source"))}
    assert (cited | named) - {"assumption"} <= set(sources())
    written = "".join(path.read_text(encoding="utf-8") for path in (CATALOG / "records").rglob("*.yaml"))
    assert not {key for key in sources("hardware") if not re.search(rf"\b{key}\b", written)}


def as_list(value: object) -> list[str]:
    """A text or a list of texts, as a list."""
    return [] if value is None else [str(item) for item in value] if isinstance(value, list) else [str(value)]


def test_sources_are_complete_and_public() -> None:
    for key, entry in sources("hardware").items():
        assert {"title", "date", "tier"} <= set(entry), key
        assert entry["tier"] in "ABCR", key
        assert entry["tier"] == "R" or entry["url"].startswith("https://"), key


def test_kind_follows_the_tier_of_the_source() -> None:
    for place, datum in every_datum():
        tier = sources()[datum.source]["tier"] if datum.source != "assumption" else None
        if tier is None:
            assert datum.kind == "assumption" and datum.note, place
        elif tier == "R":
            assert datum.kind == "unverified", place
        elif tier == "C":
            assert datum.kind in ("estimate", "derived", "unverified"), place
        elif tier == "B":
            assert datum.kind != "vendor", place


def test_weak_numbers_state_their_range() -> None:
    for place, datum in every_datum():
        if datum.kind in ("estimate", "assumption", "unverified"):
            assert datum.stated_range, place


def test_every_number_says_where_it_is_from() -> None:
    for place, datum in every_datum():
        assert re.match(r"20\d\d", datum.date), place
        assert datum.where or datum.note, place


@pytest.mark.parametrize("chip", MAIN_CHIPS)
def test_main_chips_rest_on_vendor_figures(chip: str) -> None:
    for field in ("memory_capacity", "memory_bandwidth", "peak_bf16", "peak_fp8"):
        datum = layer("chip")[chip].values[field]
        assert sources()[datum.source]["tier"] == "A" and datum.kind == "vendor", field


def test_dense_peaks_keep_their_ratios() -> None:
    for record in layer("chip").values():
        peaks = {name: datum.value for name, datum in record.values.items() if name.startswith("peak_")}
        if "peak_bf16" not in peaks:
            continue
        ratio = {name: peak / peaks["peak_bf16"] for name, peak in peaks.items()}
        assert 0.95 <= ratio.get("peak_fp8", 1.0) <= 4.5, record.id
        if "peak_fp4" in ratio:
            assert 1.0 <= ratio["peak_fp4"] / ratio["peak_fp8"] <= 3.4, record.id
    assert value("chip", "nvidia-h100-sxm", "peak_bf16") == pytest.approx(989.4e12)
    assert value("chip", "nvidia-gb200", "peak_fp4") * 72 == pytest.approx(720e15)
    assert value("chip", "amd-mi455x", "peak_fp4") * 72 == pytest.approx(1.44e18)


def test_chip_links_name_a_family() -> None:
    for record in layer("chip").values():
        if record.type == "Accelerator":
            kernels, power = record.links["kernels"], record.links["power"]
            assert kernels.removeprefix("kernels-") in FAMILIES, record.id
            same = power.removeprefix("power-") == kernels.removeprefix("kernels-")
            assert same or "power" in record.proxy, record.id


def test_rack_links_exist_and_agree() -> None:
    for record in layer("rack").values():
        links = record.links
        assert layer("chip")[links["chip"]].type == "Accelerator", record.id
        assert layer("chip")[links["processor"]].type == "Processor", record.id
        assert layer("network")[links["scale_up"]].type == "ScaleUp", record.id
        assert links["fabrics"] and all(layer("network")[name].type == "Fabric" for name in links["fabrics"]), record.id
        assert links["cooling"] == [record.text["cooling_class"]] and links["cooling"][0] in ("air", "liquid"), (
            record.id
        )
        for name in links["software"]:
            assert links["chip"] in layer("interface")[name].links["chips"], f"{record.id} runs {name}"
        assert record.text["vendor_sells_apart"] and record.text["price_basis"], record.id


def test_software_runs_on_chips_that_exist() -> None:
    for record in layer("interface").values():
        assert set(record.links.get("chips", ())) <= set(layer("chip")), record.id


def test_chip_and_link_agree_on_bandwidth() -> None:
    for record in layer("rack").values():
        chip = layer("chip")[record.links["chip"]].values["scale_up_bandwidth"].value
        link = layer("network")[record.links["scale_up"]].values["bandwidth"].value
        assert chip == pytest.approx(link, rel=0.05), record.id


def system_power(record: Record) -> float:
    """Input of a full rack at the chips' thermal design power, W."""
    system = record.spec(System)
    return float(system.power(value("chip", record.links["chip"], "tdp")).input * system.chips_per_rack)


def test_parts_add_up_to_the_stated_rack_power() -> None:
    stated = [record for record in layer("rack").values() if "rack_power" in record.values]
    assert len(stated) >= 6
    for record in stated:
        margin = 10.2 / 8.4 if record.text["cooling_class"] == "air" else 1.0  # ratings of air-cooled servers
        expected = pytest.approx(record.values["rack_power"].value, rel=0.10)
        assert margin * system_power(record) == expected, record.id


def test_air_racks_stay_below_what_air_can_carry() -> None:
    for record in layer("rack").values():
        if record.text["cooling_class"] == "air":
            assert system_power(record) < 55e3, record.id
            assert record.values["liquid_share"].value == 0.0, record.id
        else:
            assert record.values["liquid_share"].value >= 0.55, record.id


def test_counts_of_a_system_fit_together() -> None:
    for record in layer("rack").values():
        numbers = {name: datum.value for name, datum in record.values.items()}
        assert numbers["node_chips"] <= numbers["chips"] <= numbers["scale_up_domain"], record.id
        assert numbers["chips"] % numbers["node_chips"] == 0, record.id


def test_a_system_costs_more_than_its_chip() -> None:
    for record in layer("rack").values():
        chip = layer("chip")[record.links["chip"]].values.get("price")
        system, cost = record.values.get("price_per_chip"), record.values.get("cost_per_chip")
        if chip and system:
            assert 1.05 * chip.value < system.value < 2.5 * chip.value, record.id
        if cost and system:
            assert cost.value < system.value, record.id


def test_unit_cost_and_commitment_are_below_price() -> None:
    for record in [*layer("chip").values(), *layer("rack").values()]:
        numbers = {name: datum.value for name, datum in record.values.items()}
        if "unit_cost" in numbers:
            assert numbers["unit_cost"] < numbers["price"], record.id
        if {"rent_on_demand", "rent_committed"} <= set(numbers):
            assert numbers["rent_committed"] < numbers["rent_on_demand"], record.id


def normal(name: str) -> str:
    """A name without case, and with one kind of separator."""
    return re.sub(r"[\s_-]+", " ", name.casefold()).strip()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_shared_names_are_shared_on_purpose(name: str) -> None:
    owners: dict[str, set[str]] = {}
    for record in layer(name).values():
        for word in (record.id, record.name, *record.aliases):
            owners.setdefault(normal(word), set()).add(record.id)
    assert {word for word, found in owners.items() if len(found) > 1} == AMBIGUOUS[name]


@pytest.mark.parametrize(
    ("name", "word", "record"),
    [
        ("chip", "Ironwood", "google-tpu-v7"),
        ("chip", "TPU v7p", "google-tpu-v7"),
        ("chip", "TPU7x", "google-tpu-v7"),
        ("chip", "B200", "nvidia-b200"),
        ("chip", "H100-SXM", "nvidia-h100-sxm"),
        ("chip", "Jalapeño", "openai-jalapeno"),
        ("rack", "NVL72", "gb200-nvl72"),
        ("rack", "GB200 NVL72", "gb200-nvl72"),
        ("interface", "CUDA", "cuda"),
    ],
)
def test_names_people_use(name: str, word: str, record: str) -> None:
    found = layer(name)[record]
    assert normal(word) in {normal(item) for item in (found.id, found.name, *found.aliases)} | {
        normal(found.name.removeprefix(f"{found.vendor} "))
    }


def test_unofficial_names_carry_a_note() -> None:
    assert "TrendForce" in layer("chip")["google-tpu-v7"].text["alias_notes"]["TPU v7p"]
    assert "gb300-nvl72" in layer("rack")["gb200-nvl72"].text["alias_notes"]["NVL72"]
    for record in every_record():
        noted = {normal(word) for word in record.text.get("alias_notes", {})}
        assert noted <= {normal(word) for word in record.aliases}, record.id


def test_table_of_kinds_is_the_rule_of_the_code() -> None:
    table = yamltext.read(CATALOG / "tables" / "kind_of_status.yaml").data
    assert table["default_spread"] == DEFAULT_SPREAD
    assert {kind for row in table["kind_of_status"].values() for kind in row.values()} <= set(KINDS)
