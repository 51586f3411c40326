"""Kubernetes resources of a launch: Deployment or LeaderWorkerSet, Service, ConfigMap, and what routes to the pools.

Shapes: the public API references of apps/v1, v1, rbac.authorization.k8s.io/v1 and leaderworkerset.x-k8s.io/v1.
"""

from __future__ import annotations

from typing import Any

from stackwright.deploy.launch import Launch
from stackwright.deploy.service import Service
from stackwright.deploy.shell import line, start_lines
from stackwright.deploy.table import OPENAI, Table, dumped

Resource = dict[str, Any]
CONFIG = "/config"
CHANNEL = "nvlink"
SHARED_MEMORY = "64Gi"
"""Of a container's /dev/shm, through which ranks of one server talk: an assumption."""
IN_A_SET = (
    "export NODE_RANK=$LWS_WORKER_INDEX LEADER_ADDRESS=$LWS_LEADER_ADDRESS\n"
    "HOSTS=$LEADER_ADDRESS:{node_ranks}; i=1\n"
    'while [ "$i" -lt "$LWS_GROUP_SIZE" ]; do\n'
    '  HOSTS="$HOSTS,${{LEADER_ADDRESS%%.*}}-$i.${{LEADER_ADDRESS#*.}}:{node_ranks}"; i=$((i + 1))\n'
    "done\n"
)
"""Variables of the scripts, from those of a LeaderWorkerSet."""


def resources(service: Service, table: Table, launches: list[Launch]) -> list[Resource]:
    """Every resource of a deployment of servers."""
    made: list[Resource] = []
    for launch in launches:
        if launch.config:
            made.append(config_map(service, launch))
        made += domain(service, launch)
        made.append(workload(service, table, launch))
    if service.apart and table.router:
        made += router(service, table, launches[0].quantities["port"])
    if not service.apart or not table.router.get("discovers"):
        made += [front(pool_name(service, launch), table.port) for launch in launches]
    return made


def pool_name(service: Service, launch: Launch) -> str:
    """The name of a pool's resources. Source: definition."""
    return f"{service.name}-{launch.pool.role}" if service.apart else service.name


def labels(service: Service, name: str) -> dict[str, str]:
    """Labels by which pods are found. Source: definition."""
    return {"app": name, "stackwright.plan": service.name}


def config_map(service: Service, launch: Launch) -> Resource:
    """A pool's configuration file, for its pods."""
    name = f"{launch.pool.role}.yaml"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{pool_name(service, launch)}-config"},
        "data": {name: dumped(dict(launch.config))},
    }


def container(service: Service, launch: Launch, script: str) -> Resource:
    """The container that runs the engine on one server."""
    hardware = launch.pool.hardware
    chips = str(launch.quantities["node_chips"])
    variables = own_address(launch)
    variables += [{"name": name, "value": value} for name, value in launch.environment.items()]
    if launch.config:
        variables.append({"name": "CONFIG", "value": CONFIG})
    variables.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "HF_TOKEN"}}})
    return {
        "name": "engine",
        "image": launch.image,
        "command": ["/bin/sh", "-c", script],
        "env": variables,
        "ports": [{"containerPort": launch.quantities["port"]}],
        "resources": {"limits": {hardware.resource: chips}, **claims(launch)},
        "volumeMounts": mounts(launch),
    }


def channel(service: Service, launch: Launch) -> str:
    """The name of the template by which pods claim a channel to their NVLink domain. Source: definition."""
    return f"{pool_name(service, launch)}-channel"


def needs_channel(launch: Launch) -> bool:
    """Whether the servers of a replica talk over NVLink. Source: definition."""
    return launch.pool.nodes > 1 and launch.pool.hardware.shared_domain


def claims(launch: Launch) -> Resource:
    """The container's claim to that channel. Source: definition."""
    return {"claims": [{"name": CHANNEL}]} if needs_channel(launch) else {}


def pod_claims(service: Service, launch: Launch) -> Resource:
    """The pod's claim to that channel. Source: definition."""
    claim = {"name": CHANNEL, "resourceClaimTemplateName": channel(service, launch)}
    return {"resourceClaims": [claim]} if needs_channel(launch) else {}


def domain(service: Service, launch: Launch) -> list[Resource]:
    """The NVLink domain of a pool whose replicas span servers: nodes join as pods come (numNodes 0)."""
    if not needs_channel(launch):
        return []
    spec = {"numNodes": 0, "channel": {"resourceClaimTemplate": {"name": channel(service, launch)}}}
    meta = {"name": pool_name(service, launch)}
    return [{"apiVersion": "resource.nvidia.com/v1beta1", "kind": "ComputeDomain", "metadata": meta, "spec": spec}]


def own_address(launch: Launch) -> list[Resource]:
    """The variable that tells a pod its address, where the engine wants it. Source: definition."""
    field = {"fieldRef": {"fieldPath": "status.podIP"}}
    return [{"name": launch.address, "valueFrom": field}] if launch.address else []


def mounts(launch: Launch) -> list[Resource]:
    """Where a container finds its shared memory and its configuration. Source: definition."""
    made = [{"name": "shm", "mountPath": "/dev/shm"}]
    return [*made, {"name": "config", "mountPath": CONFIG}] if launch.config else made


def volumes(service: Service, launch: Launch) -> list[Resource]:
    """The volumes of those mounts. Source: definition."""
    made: list[Resource] = [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}}]
    if launch.config:
        made.append({"name": "config", "configMap": {"name": f"{pool_name(service, launch)}-config"}})
    return made


def pod(service: Service, table: Table, launch: Launch, script: str, *, ready: bool) -> Resource:
    """The template of a pod on one server."""
    one = container(service, launch, script)
    if ready:
        one["readinessProbe"] = {
            "httpGet": {"path": "/health", "port": launch.quantities["port"]},
            "periodSeconds": 10,
            "failureThreshold": 360,
        }
    meta: Resource = {"labels": labels(service, pool_name(service, launch))}
    if marks := table.router.get("annotations", {}).get(launch.pool.role):
        meta["annotations"] = dict(marks)
    return {
        "metadata": meta,
        "spec": {
            "nodeSelector": launch.pool.hardware.selector(launch.pool.chips),
            "containers": [one],
            "volumes": volumes(service, launch),
            **pod_claims(service, launch),
        },
    }


def workload(service: Service, table: Table, launch: Launch) -> Resource:
    """A Deployment of replicas on one server each, or a LeaderWorkerSet of replicas over several."""
    name = pool_name(service, launch)
    leader, worker = start_lines(table, launch)
    ready = table.api == OPENAI
    if not worker:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels(service, name)},
            "spec": {
                "replicas": launch.pool.replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": pod(service, table, launch, leader, ready=ready),
            },
        }
    prepare = IN_A_SET.format(**launch.quantities)
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": name, "labels": labels(service, name)},
        "spec": {
            "replicas": launch.pool.replicas,
            "leaderWorkerTemplate": {
                "size": launch.pool.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": pod(service, table, launch, prepare + leader, ready=ready),
                "workerTemplate": _apart(pod(service, table, launch, prepare + worker, ready=False)),
            },
        },
    }


def _apart(template: Resource) -> Resource:
    """A worker's template: requests go to leaders, so its label is another."""
    marks = dict(template["metadata"]["labels"])
    marks["app"] += "-worker"
    return {**template, "metadata": {**template["metadata"], "labels": marks}}


def front(name: str, port: int) -> Resource:
    """The Service of a pool or of the router."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port, "targetPort": port}]},
    }


def router(service: Service, table: Table, port: int) -> list[Resource]:
    """What meets requests before two pools: its pods, its Service, and the right to find pods where it needs that."""
    name = f"{service.name}-router"
    words = {"name": service.name, "port": port}
    command = [part.format(**words) for part in table.router["command"]]
    one: Resource = {
        "name": "router",
        "image": table.router["image"],
        "command": ["/bin/sh", "-c", f"exec {line(command)}"],
        "ports": [{"containerPort": port}],
    }
    spec: Resource = {"containers": [one]}
    made: list[Resource] = []
    if "config" in table.router:
        one |= {"env": [{"name": "CONFIG", "value": CONFIG}]}
        one |= {"volumeMounts": [{"name": "config", "mountPath": CONFIG}]}
        spec["volumes"] = [{"name": "config", "configMap": {"name": f"{name}-config"}}]
        text = dumped(router_config(service, table))
        meta = {"name": f"{name}-config"}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"router.yaml": text}})
    if table.router.get("discovers"):
        spec["serviceAccountName"] = name
        made += _finder(name)
    made.append(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels(service, name)},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": labels(service, name)}, "spec": spec},
            },
        }
    )
    return [*made, front(name, port)]


def router_config(service: Service, table: Table) -> Resource:
    """The router's configuration file with the names of this deployment. Source: definition."""

    def filled(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: filled(value) for key, value in data.items()}
        return data.format(name=service.name) if isinstance(data, str) else data

    return filled(dict(table.router["config"]))


def _finder(name: str) -> list[Resource]:
    api = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    meta = {"name": name}
    subject = {"kind": "ServiceAccount", "name": name}
    role = {"apiGroup": api, "kind": "Role", "name": name}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": meta, "subjects": [subject], "roleRef": role},
    ]
