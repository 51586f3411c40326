"""Every setting in the launch files is one of the engine's own, with a value of its kind, out of its choices."""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackwright.catalog import Catalog
from stackwright.core.errors import InfeasibleError
from stackwright.deploy.benchmark import AIPERF, VLLM
from stackwright.deploy.checkpoint import Checkpoint
from stackwright.deploy.files import Deployment
from stackwright.deploy.graph import engine_of
from stackwright.deploy.kubernetes import router_config
from stackwright.deploy.launch import Launch, launch_of
from stackwright.deploy.service import Pool, Service, service_of
from stackwright.deploy.table import ENGINES, Table, table_of

FLAGS = Path(__file__).parent / "flags"
CHECKED = {
    "vllm": ("vllm-0.31.0",),
    "sglang": ("sglang-0.5.21",),
    "tensorrt-llm": ("tensorrt-llm-1.3.0rc29",),
    "jetstream": ("maxtext-0.2.5",),
    "neuron": ("vllm-0.31.0",),
}
"""Definitions against which an engine's settings are held."""
OWN_OF_DYNAMO = {"vllm": "dynamo-vllm-1.6.1", "sglang": "dynamo-sglang-1.6.1", "tensorrt-llm": "dynamo-trtllm-1.6.1"}
PASSED = {"vllm": ("vllm-0.31.0",), "sglang": ("sglang-0.5.21",), "tensorrt-llm": ()}
"""Definitions of flags that Dynamo passes on; TensorRT-LLM takes a file alone."""


def known(*names: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        found |= yaml.safe_load((FLAGS / f"{name}.yaml").read_text())["settings"]
    return found


def check(name: str, value: Any, settings: Mapping[str, Any]) -> None:
    """A setting exists, and its value is of the kind and among the choices that the engine states."""
    plain = re.sub(r"^--no-", "--", name)
    assert name in settings or plain in settings, f"{name} is no setting"
    entry = settings.get(name) or settings[plain]
    kind, text = entry["value"], "" if value is None else str(value)
    if kind == "none":
        assert value is None, f"{name} takes no value, got {value}"
        return
    assert value is not None, f"{name} takes a value"
    if kind == "int" and "$" not in text:
        int(text)
    if kind == "float":
        float(text)
    if kind == "bool":
        assert text.lower() in ("true", "false")
    assert "choices" not in entry or value in entry["choices"], f"{name} has no {value}"


def pairs(words: list[str]) -> Iterator[tuple[str, str | None]]:
    """Flags of a command with their values."""
    for place, word in enumerate(words):
        if word.startswith("--"):
            follows = words[place + 1] if place + 1 < len(words) else "--"
            yield word, None if follows.startswith("--") else follows


def keys(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from keys(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def check_launch(launch: Launch, settings: Mapping[str, Any]) -> None:
    for command in (launch.command, launch.worker):
        for name, value in pairs(list(command)):
            check(name, value, settings)
        for word in command:
            if re.match(r"^[a-z_]+=", word):
                name, _, value = word.partition("=")
                check(name, value, settings)
    for name, value in keys(launch.config):
        check(name, value, settings)


def layouts(pool: Pool) -> Iterator[Pool]:
    """Ways to split a replica: every role with experts, groups, contexts and stages, on one server and on many."""
    for role, tensor, expert, stages, context in itertools.product(
        ("prefill", "decode", "both"), (1, 4), (1, 2, 32), (1, 2), (1, 2)
    ):
        chips = max(tensor * context, expert) * stages
        batch = 0.0 if role == "prefill" else 16.0
        yield replace(
            pool, role=role, tensor=tensor, expert=expert, pipeline=stages, context=context, chips=chips, batch=batch
        )


def services(records: Catalog, plan: Mapping[str, Any], table: Table) -> Iterator[Service]:
    base = service_of(plan, table.software, table.engine, records)
    for weights, cache, drafts in itertools.product(("bf16", "fp8", "fp4", "int8"), ("bf16", "fp8", "fp4"), (0, 2)):
        yield replace(base, precision=weights, cache_precision=cache, draft_tokens=drafts)


@pytest.mark.parametrize("engine", CHECKED)
def test_whatever_the_plan_the_settings_are_the_engines_own(engine: str, records: Catalog, plan_of: Any) -> None:
    table, settings = table_of(engine), known(*CHECKED[engine])
    plan = plan_of("trainium" if engine == "neuron" else "chat")
    count = 0
    for service in services(records, plan, table):
        for pool in layouts(service.pools[-1]):
            launch = launch_of(service, pool, table, Checkpoint("maker/model", "bf16"))
            check_launch(launch, settings)
            count += 1
    assert count == 24 * 72


@pytest.mark.parametrize("software", ["tensorrt-llm-2026", "sglang-2026", "vllm-2026"])
def test_dynamo_starts_each_engine_by_its_own_and_the_engines_settings(
    software: str, records: Catalog, plan_of: Any
) -> None:
    table = engine_of(table_of("dynamo"), software)
    engine = str(table_of("dynamo").backends[software]["engine"])
    settings = known(OWN_OF_DYNAMO[engine], *PASSED[engine])
    file = known(*CHECKED[engine])
    service = replace(service_of(plan_of("chat"), [software], "dynamo", records), software=software)
    for pool in layouts(service.pools[-1]):
        launch = launch_of(service, pool, table, Checkpoint("maker/model", "fp4"))
        check_launch(replace(launch, config={}), settings)
        for name, value in keys(launch.config):
            check(name, value, file)
        assert not {"--nnodes", "--headless", "--dist-init-addr"} & set(launch.command)


def test_neurons_configuration_has_keys_of_its_own(deployments: dict[str, Deployment]) -> None:
    text = deployments["neuron"].files["both.sh"]
    given = shlex.split(text[text.index("exec vllm") :].replace("\\\n", " "))
    data = yaml.safe_load(given[given.index("--additional-config") + 1])
    settings = known("neuron-0.9.0")
    assert data["override_neuron_config"]["tp_degree"] == 16
    for name in data["override_neuron_config"]:
        assert name in settings


def test_values_of_the_chart_are_keys_of_the_chart(deployments: dict[str, Deployment]) -> None:
    free = ("labels", "nodeSelector", "resources", "extraObjects", "ports", "env")
    settings = known("llm-d-0.4.12")
    values = yaml.safe_load(deployments["llm-d"].files["values.yaml"])

    def walk(data: Mapping[str, Any], path: str) -> None:
        for name, value in data.items():
            place = f"{path}.{name}".strip(".")
            assert place in settings, place
            if name in free:
                continue
            if isinstance(value, dict):
                walk(value, place)
            elif isinstance(value, list) and value and isinstance(value[0], dict) and name == "containers":
                walk(value[0], f"{place}[]")

    walk(values, "")


def test_routers_have_settings_of_their_own(deployments: dict[str, Deployment]) -> None:
    sglang, own = table_of("sglang"), known("sglang-router-0.3.2")
    for words in (sglang.router["command"], sglang.router["local"]):
        for name, value in pairs([part.format(name="chat", port=8000) for part in words]):
            check(name, value, own)
    tensorrt = known("tensorrt-llm-1.3.0rc29")
    service = deployments["tensorrt-llm"].service
    for name, value in keys(router_config(service, table_of("tensorrt-llm"))):
        check(name, value, tensorrt)


def test_benchmarks_use_flags_of_their_clients() -> None:
    for flags, names in ((VLLM, "vllm-bench-0.31.0"), (AIPERF, "aiperf-0.13.0")):
        settings = known(names)
        for name, _ in flags:
            assert name in settings, name
    bench = known("vllm-bench-0.31.0")
    assert dict(VLLM)["--dataset-name"] in bench["--dataset-name"]["choices"]


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine in CHECKED])
def test_a_choice_is_carried_or_said_to_be_missing(engine: str, records: Catalog, plan_of: Any) -> None:
    from stackwright.deploy.launch import holds
    from stackwright.deploy.quantities import choices_of, facts_of

    table = table_of(engine)
    plan = plan_of("trainium" if engine == "neuron" else "chat")
    for service in services(records, plan, table):
        for pool in layouts(service.pools[-1]):
            checkpoint = Checkpoint("maker/model", "bf16")
            facts = facts_of(service, pool)
            carried = {
                name
                for argument in table.arguments
                if holds(argument.when, facts)
                for name in (*argument.says, argument.take)
            }
            missing = launch_of(service, pool, table, checkpoint).missing
            for choice in choices_of(service, pool, checkpoint):
                assert choice in carried or choice in missing


def test_an_engine_without_the_model_cannot_start(records: Catalog, plan_of: Any) -> None:
    table = table_of("jetstream")
    service = replace(service_of(plan_of("chat"), table.software, "jetstream", records), architecture="jamba-1-5-mini")
    with pytest.raises(InfeasibleError, match="model_name for jamba"):
        launch_of(service, service.pools[-1], table, Checkpoint("maker/model", "bf16"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--tensor-paralel-size", "2"),
        ("--tensor-parallel-size", "two"),
        ("--tensor-parallel-size", None),
        ("--enable-expert-parallel", "true"),
        ("--kv-cache-dtype", "fp3"),
        ("--gpu-memory-utilization", "most"),
    ],
)
def test_the_check_sees_names_kinds_and_choices(name: str, value: str | None) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check(name, value, known("vllm-0.31.0"))


def test_dynamos_frontend_has_flags_of_its_own() -> None:
    settings = known("dynamo-frontend-1.6.1")
    for name, value in pairs(list(table_of("dynamo").settings["frontend"])):
        check(name, value, settings)
