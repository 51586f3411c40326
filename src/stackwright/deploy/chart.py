"""Values of llm-d's chart for a plan: pools of vLLM behind its router."""

from __future__ import annotations

from typing import Any

from stackwright.deploy.checkpoint import Checkpoint
from stackwright.deploy.kubernetes import IN_A_SET, claims, domain, own_address, pod_claims
from stackwright.deploy.launch import Launch
from stackwright.deploy.service import DECODE, PREFILL, Service
from stackwright.deploy.shell import chosen, start_lines
from stackwright.deploy.table import Table

ACCELERATORS = {"nvidia": "nvidia", "amd": "amd", "google": "google"}


def values(
    service: Service, table: Table, engine: Table, launches: list[Launch], checkpoint: Checkpoint
) -> dict[str, Any]:
    """The chart's values; a plan of one pool takes the chart's decode pool."""
    several = any(launch.pool.nodes > 1 for launch in launches)
    made: dict[str, Any] = {
        "multinode": several,
        "modelArtifacts": {
            "name": service.name,
            "uri": f"hf://{checkpoint.name}",
            "size": "1Ti",
            "authSecretName": "hf-token",
            "labels": {"llm-d.ai/inference-serving": "true", "llm-d.ai/model": service.name},
        },
        "accelerator": {"type": ACCELERATORS[launches[0].pool.hardware.vendor]},
        "routing": {
            "servicePort": table.settings["proxy"]["port"],
            "proxy": {"enabled": service.apart, "targetPort": table.settings["proxy"]["target"], "connector": "nixlv2"},
        },
    }
    for launch in launches:
        place = PREFILL if launch.pool.role == PREFILL else DECODE
        made[place] = _pool(service, engine, launch)
    if not service.apart:
        made[PREFILL] = {"create": False}
    domains = [one for launch in launches for one in domain(service, launch)]
    return made | ({"extraObjects": domains} if domains else {})


def _pool(service: Service, engine: Table, launch: Launch) -> dict[str, Any]:
    pool = launch.pool
    leader, worker = start_lines(engine, launch)
    if worker:
        leader = IN_A_SET.format(**launch.quantities) + chosen(leader, worker)
    container = {
        "name": "vllm",
        "image": launch.image,
        "modelCommand": "custom",
        "command": ["/bin/sh", "-c"],
        "args": [leader],
        "env": own_address(launch),
        "ports": [{"containerPort": launch.quantities["port"], "protocol": "TCP"}],
        "resources": {"limits": {pool.hardware.resource: str(launch.quantities["node_chips"])}, **claims(launch)},
        "mountModelVolume": True,
    }
    return {
        "create": True,
        "replicas": pool.replicas,
        "parallelism": {"tensor": launch.quantities["node_ranks"], "workers": pool.nodes},
        "nodeSelector": pool.hardware.selector(pool.chips),
        "containers": [container],
        **pod_claims(service, launch),
    }
