"""Every launch file of a plan for an engine, as text by path; what of the plan they leave out is said in each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.errors import InfeasibleError
from stackwright.core.files import write_atomic
from stackwright.deploy import benchmark, chart, graph, kubernetes, shell
from stackwright.deploy.checkpoint import Checkpoint, checkpoint_of
from stackwright.deploy.launch import Launch, launch_of
from stackwright.deploy.quantities import outside_of
from stackwright.deploy.service import DECODE, Pool, Service, service_of
from stackwright.deploy.table import ENGINES, OPENAI, Table, dumped, table_of

WIDTH = 118


@dataclass(frozen=True)
class Deployment:
    """The launch files of a plan, and what they do not say."""

    service: Service
    engine: str
    version: str
    files: Mapping[str, str]
    missing: Mapping[str, Mapping[str, str]]
    """By pool: choice of the plan to the reason why no setting carries it; `plan` has what lies outside the engine."""
    checkpoints: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The deployment as plain data, without the files' text. Source: definition."""
        pools = {
            pool.role: {
                "system": pool.hardware.system,
                "replicas": pool.replicas,
                "chips_per_replica": pool.chips,
                "servers_per_replica": pool.nodes,
            }
            for pool in self.service.pools
        }
        return {
            "engine": self.engine,
            "version": self.version,
            "software": self.service.software,
            "option": self.service.option,
            "value": self.service.value,
            "unit": self.service.unit,
            "notes": list(self.service.notes),
            "pools": pools,
            "checkpoints": list(self.checkpoints),
            "not_expressed": {pool: dict(reasons) for pool, reasons in self.missing.items()},
        }


def deployment_of(
    plan: Mapping[str, Any], table: Table, catalog: Catalog, *, system: str | None = None, model: str | None = None
) -> Deployment:
    """The launch files of a plan for an engine's version.

    `system` names an alternative of the plan, `model` weights of one's own. Raises `InputError` and `InfeasibleError`
    as `service_of` does.
    """
    planned = _planned(plan, table, catalog, system)
    engine = graph.engine_of(table, planned.software) if table.backends else table
    service = planned if engine.apart else planned.joined()
    found = [
        checkpoint_of(service.architecture, service.precision, pool.hardware.vendor, catalog, model)
        for pool in service.pools
    ]
    launches = [
        launch_of(service, pool, engine, one, _port(service, pool, table))
        for pool, one in zip(service.pools, found, strict=True)
    ]
    missing = {launch.pool.role: dict(launch.missing) for launch in launches}
    missing["plan"] = outside_of(service) | _unjoined(planned, service, engine)
    head = header(plan, table, service, missing)
    texts = _files(head, service, table, engine, launches, found[-1])
    told = {name: reasons for name, reasons in missing.items() if reasons}
    return Deployment(
        service, table.engine, table.version, texts, told, tuple(dict.fromkeys(one.name for one in found))
    )


def _port(service: Service, pool: Pool, table: Table) -> int | None:
    """The port of a pool where the chart's proxy takes the engine's own. Source: definition."""
    return table.settings["proxy"]["target"] if table.kind == "chart" and pool.role == DECODE else None


def _planned(plan: Mapping[str, Any], table: Table, catalog: Catalog, system: str | None) -> Service:
    """The stack that the engine launches; where there is none, the engines that launch something."""
    try:
        return service_of(plan, table.software, table.engine, catalog, system)
    except InfeasibleError as error:
        able = []
        for engine in ENGINES:
            try:
                found = service_of(plan, table_of(engine).software, engine, catalog)
            except InfeasibleError:
                continue
            able.append({"engine": engine, "system": found.pools[-1].hardware.system, "software": found.software})
        raise InfeasibleError(str(error), {"engines": able}) from None


def _unjoined(planned: Service, service: Service, engine: Table) -> dict[str, str]:
    if planned.apart == service.apart:
        return {}
    return {"role": f"pools of prefill and decode: {engine.missing['role']}"}


def _files(
    head: str, service: Service, table: Table, engine: Table, launches: list[Launch], checkpoint: Checkpoint
) -> dict[str, str]:
    made = {
        "benchmark/run.sh": benchmark.script(head, service, launches[-1]),
        "benchmark/measured.yaml": benchmark.description(head, service, launches),
    }
    if engine.api != OPENAI:
        made = {}
    if table.kind == "graph":
        return {"kubernetes.yaml": head + _stream(graph.graph(service, table, launches)), **made}
    if table.kind == "chart":
        text = dumped(chart.values(service, table, engine, launches, checkpoint))
        install = f"helm install {service.name} --repo {table.settings['repository']} llm-d-modelservice"
        command = f'exec {install} --version v{table.version} --values "$(dirname "$0")/values.yaml"'
        return {"values.yaml": head + text, "install.sh": f"#!/bin/sh\n{head}set -eu\n{command}\n", **made}
    for launch in launches:
        role = launch.pool.role
        made[f"{role}.sh"] = shell.script(head, table, launch)
        if launch.config:
            made[f"{role}.yaml"] = head + dumped(dict(launch.config))
    if service.apart and table.router:
        made |= _router(head, service, table)
    return {**made, "kubernetes.yaml": head + _stream(kubernetes.resources(service, table, launches))}


def _router(head: str, service: Service, table: Table) -> dict[str, str]:
    words = table.router.get("local", table.router["command"])
    command = [part.format(name=service.name, port=table.port) for part in words]
    text = f"#!/bin/sh\n{head}set -eu\n"
    if "config" not in table.router:
        return {"router.sh": f"{text}exec {shell.lines(command)}\n"}
    text += 'CONFIG="${CONFIG:-$(dirname "$0")}"\n'
    config = head + dumped(kubernetes.router_config(service, table))
    return {"router.sh": f"{text}exec {shell.lines(command)}\n", "router.yaml": config}


def _stream(resources: list[dict[str, Any]]) -> str:
    return "---\n".join(dumped(one) for one in resources)


def header(plan: Mapping[str, Any], table: Table, service: Service, missing: Mapping[str, Mapping[str, str]]) -> str:
    """The comment at the head of every file: what is launched, and what of the plan it does not say."""
    title = plan["study"].get("title") or plan["study"]["study"]
    said = [
        f"{title}, on {table.engine} {table.version}.",
        f"Written by stackwright deploy from a plan of digest {plan['digest'][:16]}.",
        *service.notes,
    ]
    for pool in service.pools:
        servers = "one server" if pool.nodes == 1 else f"{pool.nodes} servers"
        where = f"{pool.hardware.system}, {servers} each"
        said.append(f"{pool.role}: {pool.replicas} replicas of {pool.chips} chips on {where}.")
        if pool.sequences:
            said.append(
                f"{pool.role}: an attention group admits {pool.sequences} requests, the planned mean of "
                f"{pool.batch * pool.pipeline:g} and 1.645 standard deviations of a Poisson number."
            )
    places: dict[str, list[str]] = {}
    for place, own in missing.items():
        for reason in own.values():
            places.setdefault(reason, []).append(place)
    if places:
        said += ["Not expressed here:", *(f"- {', '.join(own)}: {reason}" for reason, own in places.items())]
    return "".join(f"# {text}\n" for one in said for text in _wrapped(one))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), WIDTH - 2, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def write(texts: Mapping[str, str], out: Path) -> list[Path]:
    """Write the files below a folder; scripts may be run. Returns their paths."""
    paths = []
    for name, text in sorted(texts.items()):
        path = out / name
        write_atomic(path, text)
        if path.suffix == ".sh":
            path.chmod(0o755)
        paths.append(path)
    return paths
