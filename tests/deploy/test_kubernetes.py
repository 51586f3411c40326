"""Manifests: the fields that the public API references require, and parts that fit one another."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from launch_cases import resources_in

from stackwright.deploy.files import Deployment

NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
WITH_MANIFESTS = (
    *("vllm", "vllm-one-pool", "vllm-amd", "vllm-tpu", "sglang", "tensorrt-llm", "dynamo", "dynamo-one-pool"),
    *("jetstream", "neuron"),
)
POD = {"spec": {"containers": [{"name": str, "image": str}]}}
REQUIRED: Mapping[tuple[str, str], Any] = {
    ("apps/v1", "Deployment"): {"spec": {"replicas": int, "selector": {"matchLabels": {"app": str}}, "template": POD}},
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"): {
        "spec": {
            "replicas": int,
            "leaderWorkerTemplate": {"size": int, "restartPolicy": str, "leaderTemplate": POD, "workerTemplate": POD},
        }
    },
    ("v1", "Service"): {"spec": {"selector": {"app": str}, "ports": [{"port": int}]}},
    ("v1", "ConfigMap"): {"data": dict},
    ("v1", "ServiceAccount"): {},
    ("rbac.authorization.k8s.io/v1", "Role"): {"rules": [{"apiGroups": list, "resources": list, "verbs": list}]},
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): {
        "subjects": [{"kind": str, "name": str}],
        "roleRef": {"apiGroup": str, "kind": str, "name": str},
    },
    ("resource.nvidia.com/v1beta1", "ComputeDomain"): {
        "spec": {"numNodes": int, "channel": {"resourceClaimTemplate": {"name": str}}}
    },
    ("nvidia.com/v1beta1", "DynamoGraphDeployment"): {
        "spec": {"components": [{"name": str, "type": str, "replicas": int, "podTemplate": POD}]}
    },
}
"""Required fields of a kind, with the type of their values."""
PODS = {"metadata", "spec"}
POD_FIELDS = {"nodeSelector", "containers", "volumes", "resourceClaims", "serviceAccountName"}
CONTAINER_FIELDS = {
    *("name", "image", "command", "args", "env", "envFrom", "ports", "resources", "volumeMounts", "readinessProbe"),
}


def has(data: Any, wanted: Any, path: str) -> None:
    if isinstance(wanted, dict):
        assert isinstance(data, dict), path
        for name, inner in wanted.items():
            assert name in data, f"{path}.{name}"
            has(data[name], inner, f"{path}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(data, list) and data, path
        for place, entry in enumerate(data):
            has(entry, wanted[0], f"{path}[{place}]")
    else:
        assert isinstance(data, wanted) and not isinstance(data, bool), path


def manifests(deployments: dict[str, Deployment], name: str) -> list[dict[str, Any]]:
    return list(resources_in(deployments[name].files["kubernetes.yaml"]))


def templates(data: Any) -> list[dict[str, Any]]:
    """Every pod template within a resource."""
    if isinstance(data, list):
        return [found for part in data for found in templates(part)]
    if not isinstance(data, dict):
        return []
    own = [data] if "containers" in data.get("spec", {}) else []
    return own + [found for part in data.values() for found in templates(part)]


@pytest.mark.parametrize("name", WITH_MANIFESTS)
def test_resources_have_what_their_kind_requires(name: str, deployments: dict[str, Deployment]) -> None:
    for resource in manifests(deployments, name):
        kind = (resource["apiVersion"], resource["kind"])
        assert kind in REQUIRED
        assert NAME.match(resource["metadata"]["name"])
        has(resource, REQUIRED[kind], resource["kind"])


@pytest.mark.parametrize("name", WITH_MANIFESTS)
def test_pods_hold_together(name: str, deployments: dict[str, Deployment]) -> None:
    resources = manifests(deployments, name)
    maps = {one["metadata"]["name"] for one in resources if one["kind"] == "ConfigMap"}
    claims = {
        one["spec"]["channel"]["resourceClaimTemplate"]["name"] for one in resources if one["kind"] == "ComputeDomain"
    }
    count = 0
    for template in templates(resources):
        assert set(template) <= PODS
        spec = template["spec"]
        assert set(spec) <= POD_FIELDS
        volumes = {volume["name"] for volume in spec.get("volumes", ())}
        assert {volume["configMap"]["name"] for volume in spec.get("volumes", ()) if "configMap" in volume} <= maps
        assert {claim["resourceClaimTemplateName"] for claim in spec.get("resourceClaims", ())} <= claims
        for container in spec["containers"]:
            assert set(container) <= CONTAINER_FIELDS
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
            asked = {claim["name"] for claim in container.get("resources", {}).get("claims", ())}
            assert asked <= {claim["name"] for claim in spec.get("resourceClaims", ())}
            assert all(isinstance(word, str) for word in (*container.get("command", ()), *container.get("args", ())))
            count += 1
    assert count


@pytest.mark.parametrize("name", WITH_MANIFESTS)
def test_services_and_selectors_meet_pods(name: str, deployments: dict[str, Deployment]) -> None:
    resources = manifests(deployments, name)
    found = {template.get("metadata", {}).get("labels", {}).get("app") for template in templates(resources)}
    for resource in resources:
        if resource["kind"] == "Service":
            assert resource["spec"]["selector"]["app"] in found
        if resource["kind"] == "Deployment":
            labels = resource["spec"]["template"]["metadata"]["labels"]
            assert resource["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("name", ["vllm", "vllm-amd", "vllm-tpu", "sglang", "tensorrt-llm", "neuron"])
def test_pools_have_the_plans_replicas_servers_and_chips(name: str, deployments: dict[str, Deployment]) -> None:
    made = deployments[name]
    sets = {one["metadata"]["name"]: one for one in manifests(deployments, name)}
    for pool in made.service.pools:
        own = made.service.name if pool.role == "both" else f"{made.service.name}-{pool.role}"
        resource = next(
            one
            for one in manifests(deployments, name)
            if one["metadata"]["name"] == own and one["kind"] in ("Deployment", "LeaderWorkerSet")
        )
        assert resource["spec"]["replicas"] == pool.replicas
        size = resource["spec"].get("leaderWorkerTemplate", {}).get("size", 1)
        assert size == pool.nodes
        limits = templates(resource)[0]["spec"]["containers"][0]["resources"]["limits"]
        (chips,) = limits.values()
        assert int(chips) * size == pool.chips
        assert set(limits) == {pool.hardware.resource}
    assert sets


def test_expert_parallel_over_trays_of_four_is_a_set_of_four_servers(deployments: dict[str, Deployment]) -> None:
    decode = next(pool for pool in deployments["tensorrt-llm"].service.pools if pool.role == "decode")
    assert (decode.expert, decode.chips, decode.nodes, decode.hardware.node_chips) == (16, 16, 4, 4)
    (leader,) = [one for one in manifests(deployments, "tensorrt-llm") if one["kind"] == "LeaderWorkerSet"]
    template = leader["spec"]["leaderWorkerTemplate"]
    script = template["leaderTemplate"]["spec"]["containers"][0]["command"][2]
    assert "mpirun --allow-run-as-root -np 16 --map-by ppr:4:node" in script
    assert template["workerTemplate"]["metadata"]["labels"]["app"].endswith("-worker")
    assert [one["kind"] for one in manifests(deployments, "tensorrt-llm")].count("ComputeDomain") == 1


def test_slices_of_tpus_have_the_shape_of_their_chips(deployments: dict[str, Deployment]) -> None:
    selectors = [template["spec"]["nodeSelector"] for template in templates(manifests(deployments, "vllm-tpu"))]
    shapes = {one["cloud.google.com/gke-tpu-topology"] for one in selectors}
    assert shapes == {"2x2x1", "2x4x4"}
    assert {one["cloud.google.com/gke-tpu-accelerator"] for one in selectors} == {"tpu7x"}


def test_dynamo_has_a_component_per_pool_behind_a_frontend(deployments: dict[str, Deployment]) -> None:
    (graph,) = [one for one in manifests(deployments, "dynamo") if one["kind"] == "DynamoGraphDeployment"]
    components = {one["name"]: one for one in graph["spec"]["components"]}
    assert {name: one["type"] for name, one in components.items()} == {
        "frontend": "frontend",
        "prefill": "prefill",
        "decode": "decode",
    }
    assert components["decode"]["multinode"] == {"nodeCount": 4}
    assert "multinode" not in components["prefill"]
    assert components["decode"]["replicas"] == 180
    (one,) = [one for one in manifests(deployments, "dynamo-one-pool") if one["kind"] == "DynamoGraphDeployment"]
    assert [part["type"] for part in one["spec"]["components"]] == ["frontend", "worker"]


def test_a_slice_of_trillium_over_several_servers_has_four_chips_on_each(deployments: dict[str, Deployment]) -> None:
    (pool,) = deployments["jetstream"].service.pools
    assert (pool.chips, pool.hardware.node_chips, pool.nodes) == (64, 8, 16)
    (leader,) = [one for one in manifests(deployments, "jetstream") if one["kind"] == "LeaderWorkerSet"]
    assert leader["spec"]["leaderWorkerTemplate"]["size"] == 16
    for template in templates(leader):
        assert template["spec"]["containers"][0]["resources"]["limits"] == {"google.com/tpu": "4"}
        assert template["spec"]["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == "8x8"


def test_the_router_knows_prefill_pods_by_their_port(deployments: dict[str, Deployment]) -> None:
    found = {one["metadata"]["name"]: one for one in manifests(deployments, "sglang") if one["kind"] == "Deployment"}
    marks = found["chat-r1-prefill"]["spec"]["template"]["metadata"]["annotations"]
    assert marks == {"sglang.ai/bootstrap-port": "8998"}
    assert "--disaggregation-bootstrap-port 8998" in deployments["sglang"].files["prefill.sh"]
    assert "annotations" not in found["chat-r1-router"]["spec"]["template"]["metadata"]


def test_servers_that_hand_over_caches_know_their_address(deployments: dict[str, Deployment]) -> None:
    def told(name: str) -> list[bool]:
        found = [one for template in templates(manifests(deployments, name)) for one in template["spec"]["containers"]]
        wanted = "VLLM_NIXL_SIDE_CHANNEL_HOST"
        return [wanted in {variable["name"] for variable in one.get("env", ())} for one in found]

    assert all(told("vllm"))
    assert not any(told("vllm-one-pool"))
    assert "VLLM_NIXL_SIDE_CHANNEL_HOST:-$(hostname -i)" in deployments["vllm"].files["prefill.sh"]
