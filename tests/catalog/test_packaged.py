"""The packaged catalog: whole, without faults, and with the things that people ask for by name."""

from pathlib import Path

import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InputError

THINGS = {
    "chip": """
        A100, H100, H800, H200, B200, B300, GB200, GB300, Rubin, TPU v4, TPU v5e, TPU v5p, TPU v6e, TPU v7, Trainium 1,
        Trainium 2, Trainium 3, Inferentia 2, Maia 100, Maia 200, MTIA 2i, MTIA 300, MTIA 400, MTIA 450, MTIA 500,
        MI300X, MI325X, MI355X, MI400, Gaudi 3, Titan, Jalapeño, Grace
    """,
    "rack": """
        hgx-h100-air, hgx-h200-air, hgx-h200-liquid, hgx-b200-air, hgx-b200-liquid, GB200 NVL72, GB300 NVL72, VR NVL72,
        TPU v4 pod, TPU v5e pod, TPU v5p pod, TPU v6e pod, TPU v7 pod, Trn2 UltraServer, trn3-ultraserver-gen1,
        trn3-ultraserver-gen2, mi355x-node-liquid, Helios, MTIA rack, Maia 200 rack
    """,
    "network": """
        NVLink 3, NVLink 4, NVLink 5, NVLink 6, C2C, NVLink Fusion, InfiniBand NDR, InfiniBand XDR, ethernet-400,
        ethernet-800, ici-v4, ici-v7, efa-v3
    """,
    "power": "Crane, Clinton, Susquehanna, nuclear-ppa, solar-ppa, wind-ppa, gas-onsite, battery-lithium",
    "interface": "CUDA, Magnum IO, PyTorch, xla-jax, Neuron, vllm-2026, sglang-2026, tensorrt-llm-2026",
    "cooling": "air-chiller, water-chiller, direct-liquid-dry, direct-liquid-tower, immersion, rear-door",
    "datacenter": "Abilene, abilene-tx, ashburn-va, n-plus-1, ac-480-ups, dc-800",
    "workload": "azure-2023-conversation, mooncake-2025-conversation, chat-week",
    "finance": "corporate",
    "model": "DeepSeek-R1, DeepSeek-V3.2",
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def test_the_catalog_has_no_faults(catalog: Catalog) -> None:
    assert [str(fault) for fault in catalog.check().faults] == []


@pytest.mark.parametrize(
    ("layer", "name"), [(layer, name.strip()) for layer, names in THINGS.items() for name in names.split(",")]
)
def test_a_thing_is_found_by_its_name(catalog: Catalog, layer: str, name: str) -> None:
    assert catalog.resolve(layer, name).record.layer == layer


def test_titan_and_jalapeno_are_two_records(catalog: Catalog) -> None:
    assert catalog.get("chip", "Titan").id != catalog.get("chip", "Jalapeño").id


@pytest.mark.parametrize("name", ["TPU v7p", "Ironwood", "NVL72"])
def test_an_unofficial_name_is_found_with_a_note(catalog: Catalog, name: str) -> None:
    assert catalog.resolve(None, name).note


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("MTIA v4", ("meta-mtia-400", "meta-mtia-450", "meta-mtia-500")),
        ("TPU v5", ("google-tpu-v5e", "google-tpu-v5p")),
    ],
)
def test_an_ambiguous_name_lists_its_candidates(catalog: Catalog, name: str, candidates: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        catalog.resolve("chip", name)
    assert all(candidate in caught.value.faults[0].expected for candidate in candidates)


def test_faults_of_the_text_are_reported_with_those_of_the_record(tmp_path: Path) -> None:
    folder = tmp_path / "finance"
    folder.mkdir()
    text = "type: Terms\nname: !x Here\nvendor: A\nvendor: B\nvalues: {none: {value: .inf}}\n"
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Catalog.load([tmp_path])
    paths = {fault.path for fault in caught.value.faults}
    assert {"name", "vendor", "values.none.value", "values.none"} <= paths


def test_faults_of_the_text_are_reported_with_those_of_sources(tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "own.yaml").write_text("own: {title: T, url: !x U, ulr: V}\nother: 3\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Catalog.load([tmp_path]).source("own")
    assert [fault.path for fault in caught.value.faults] == ["own.url", "own.ulr", "other"]


def test_there_are_eight_sites_with_weather_and_a_grid(catalog: Catalog) -> None:
    sites = [record for record in catalog.records("datacenter") if record.type == "Site"]
    assert len(sites) >= 8
    assert [site.id for site in sites if not {"weather", "grid"} <= set(site.links) | set(site.text)] == []
