"""Who runs what: families of models, platforms of chips, and what records say with their sources."""

import pytest

from stackwright.catalog import Catalog
from stackwright.codesign.portability import ONLY, Platforms, family_of, runs_of, stands_on
from stackwright.stack.parts import Parts

FAMILIES = ("dense", "gqa-moe", "mla-moe", "sparse-attention", "linear-hybrid")
ANSWERS = {"yes", "partial", "no", "unknown"}


@pytest.fixture(scope="module")
def platforms(catalog: Catalog) -> Platforms:
    return Platforms(Parts(catalog))


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("llama-3-1-405b", "dense"),
        ("qwen3-235b-a22b", "gqa-moe"),
        ("deepseek-r1", "mla-moe"),
        ("kimi-k2-instruct", "mla-moe"),
        ("deepseek-v3-2", "sparse-attention"),
        ("qwen3-5-397b-a17b", "linear-hybrid"),
        ("nemotron-h-56b", "linear-hybrid"),
    ],
)
def test_a_model_belongs_to_the_family_of_its_hardest_part(platforms: Platforms, model: str, family: str) -> None:
    assert family_of(platforms.parts.architecture(model)) == family


def test_chips_stand_on_one_platform(platforms: Platforms) -> None:
    chips = [chip for record in platforms.records.values() for chip in record.links["chips"]]
    assert len(chips) == len(set(chips))
    assert platforms.of_chip("nvidia-gb300") == "cuda"
    assert platforms.of_system("tpu-v7-pod") == "xla-jax"
    assert platforms.of_chip("no-such-chip") is None


def test_every_engine_has_a_platform_and_an_option(platforms: Platforms) -> None:
    found = {engine: platforms.of_engine(engine) for engine in platforms.engines}
    assert None not in found.values()
    options = [platforms.option(platform) for platform in platforms.records]
    assert len(options) == len(set(options))
    assert {"cuda-only", "rocm-only", "tpu-only", "neuron-only"} <= set(options)
    assert all(option.endswith(ONLY) for option in options)


def test_one_engine_runs_on_several_platforms(platforms: Platforms) -> None:
    vllm = {platforms.of_engine(engine) for engine in platforms.engines if platforms.project(engine) == "vLLM"}
    assert {"cuda", "rocm", "xla-jax"} <= vllm
    assert platforms.project("tensorrt-llm-2026") == "TensorRT-LLM"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_engine_answers_for_every_family_with_a_source_or_a_reason(platforms: Platforms, family: str) -> None:
    rows = runs_of(platforms, family, ("gb300-nvl72", "mi355x-node-liquid"))
    assert {row["engine"] for row in rows} == set(platforms.engines)
    sources = platforms.parts.catalog.sources
    for row in rows:
        assert row["support"] in ANSWERS, row
        assert row["note"], row
        if row["support"] != "unknown":
            assert row["source"] in sources, row
            assert row["date"], row
        elif row["source"] is not None:
            assert row["source"] in sources, row


def test_rows_name_the_systems_of_the_menu(platforms: Platforms) -> None:
    rows = {row["engine"]: row for row in runs_of(platforms, "mla-moe", ("gb300-nvl72", "mi355x-node-liquid"))}
    assert rows["vllm-2026"]["systems"] == ["gb300-nvl72"]
    assert rows["rocm-vllm"]["systems"] == ["mi355x-node-liquid"]
    assert rows["neuron-nxd"]["systems"] == []


def test_a_chip_binds_to_all_that_lies_below_the_engine(platforms: Platforms) -> None:
    found = {row["platform"]: row for row in stands_on(platforms, "nvidia-gb300")}
    assert {"cuda", "magnum-io"} <= set(found)
    assert found["cuda"]["vendor"] == "NVIDIA"
    assert stands_on(platforms, "no-such-chip") == []


def test_ports_lead_from_platform_to_platform(platforms: Platforms) -> None:
    ports = [record for record in platforms.parts.catalog.records("interface") if record.type == "Port"]
    pairs = [(record.links["from"], record.links["to"]) for record in ports if record.links]
    assert len(pairs) == len(set(pairs))
    assert {name for pair in pairs for name in pair} <= set(platforms.records)
    assert {record.id for record in ports if not record.links} == {"port-any", "port-kept"}
