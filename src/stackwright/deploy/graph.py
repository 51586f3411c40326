"""NVIDIA Dynamo's resource of a deployment: a frontend and a component per pool, whose engine the plan names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stackwright.deploy.kubernetes import (
    CONFIG,
    claims,
    config_map,
    domain,
    labels,
    mounts,
    own_address,
    pod_claims,
    volumes,
)
from stackwright.deploy.launch import Launch
from stackwright.deploy.service import BOTH, Service
from stackwright.deploy.table import Argument, Table, table_of

PLACED = (
    *("--nnodes", "--node-rank", "--master-addr", "--headless", "--dist-init-addr", "--distributed-executor-backend"),
    *(
        "--data-parallel-size-local",
        "--data-parallel-address",
        "--data-parallel-rpc-port",
        "--data-parallel-start-rank",
    ),
)
"""Flags of engines over several servers, which the operator adds itself."""
COMPONENTS = {BOTH: "worker"}


def engine_of(table: Table, software: str) -> Table:
    """The engine's table as the orchestrator starts it: its command, less what the orchestrator says itself."""
    entry = table.backends[software]
    engine = table_of(entry["engine"], str(entry["version"]))
    dropped = {*entry.get("drop", ()), *(PLACED if table.kind == "graph" else ())}
    role = [Argument(flag=entry["role"], take="role", when=("not both",))] if "role" in entry else []
    return replace(
        engine,
        engine=f"{table.title} with {engine.engine}",
        command=tuple(entry.get("command", engine.command)),
        arguments=(*(argument for argument in engine.arguments if argument.name not in dropped), *role),
        limits=tuple(limit for limit in engine.limits if limit.choice != "router"),
        software=table.software,
    )


def graph(service: Service, table: Table, launches: list[Launch]) -> list[dict[str, Any]]:
    """The deployment, and a ConfigMap per pool whose engine reads a file."""
    made = [config_map(service, launch) for launch in launches if launch.config]
    made += [one for launch in launches for one in domain(service, launch)]
    components = [_frontend(service, table, launches[0].image)]
    components += [_component(service, table, launch) for launch in launches]
    graph = {
        "apiVersion": table.settings["apiVersion"],
        "kind": "DynamoGraphDeployment",
        "metadata": {"name": service.name, "labels": labels(service, service.name)},
        "spec": {"components": components},
    }
    return [*made, graph]


def _main(command: list[str], image: str) -> dict[str, Any]:
    return {
        "name": "main",
        "image": image,
        "command": command[:3],
        "args": command[3:],
        "envFrom": [{"secretRef": {"name": "hf-token-secret"}}],
    }


def _frontend(service: Service, table: Table, image: str) -> dict[str, Any]:
    one = _main(["python3", *table.settings["frontend"]], image)
    return {"name": "frontend", "type": "frontend", "replicas": 1, "podTemplate": {"spec": {"containers": [one]}}}


def _component(service: Service, table: Table, launch: Launch) -> dict[str, Any]:
    pool = launch.pool
    command = [part.replace("$CONFIG", CONFIG) for part in launch.command]
    one = _main(command, launch.image)
    one["resources"] = {"limits": {pool.hardware.resource: str(launch.quantities["node_chips"])}, **claims(launch)}
    one["volumeMounts"] = mounts(launch)
    if launch.address:
        one["env"] = own_address(launch)
    spec = {
        "nodeSelector": pool.hardware.selector(pool.chips),
        "containers": [one],
        "volumes": volumes(service, launch),
        **pod_claims(service, launch),
    }
    made: dict[str, Any] = {
        "name": pool.role if service.apart else "worker",
        "type": COMPONENTS.get(pool.role, pool.role),
    }
    made["replicas"] = pool.replicas
    if pool.nodes > 1:
        made["multinode"] = {"nodeCount": pool.nodes}
    return made | {"podTemplate": {"spec": spec}}
