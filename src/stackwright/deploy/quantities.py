"""The words of tables: quantities of a pool that settings carry, facts that decide whether one stands, and choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackwright.deploy.checkpoint import UNQUANTIZED, Checkpoint
from stackwright.deploy.service import BOTH, DECODE, PREFILL, Pool, Service

BLOCK = 16
"""Tokens to a multiple of which the longest request is rounded up: engines page their caches in such blocks."""


def quantities_of(service: Service, pool: Pool, checkpoint: Checkpoint, port: int) -> dict[str, Any]:
    """Values that a table's settings may take, by name. Source: definition (docs/commands/deploy.md).

    Ranks are devices as a framework sees them: `devices` of them make a chip and split its tensors.
    """
    devices = pool.hardware.devices
    here = pool.hardware.per_node(pool.chips)
    local = max(1, here // pool.attention) if pool.nodes > 1 else pool.groups
    tokens = pool.sequences * (service.draft_tokens + 1)
    longest = -(-service.traffic.longest // BLOCK) * BLOCK
    step = pool.chunk + tokens if pool.chunk else tokens
    return {
        "model": checkpoint.name,
        "architecture": service.architecture,
        "name": service.name,
        "role": pool.role,
        "port": port,
        "tensor": pool.tensor * devices,
        "attention": pool.attention * devices,
        "ranks": pool.stage * devices,
        "all_ranks": pool.chips * devices,
        "groups": pool.groups,
        "local_groups": local,
        "stages": pool.pipeline,
        "experts": pool.expert * devices if pool.expert > 1 else 1,
        "context": pool.context,
        "chips": pool.chips,
        "nodes": pool.nodes,
        "node_chips": here,
        "node_ranks": here * devices,
        "sequences": pool.sequences,
        "all_sequences": pool.sequences * pool.groups,
        "rank_sequences": pool.sequences * pool.groups / (pool.stage * devices),
        "step_tokens": step if pool.role == DECODE or pool.chunk else max(step, longest),
        "all_step_tokens": step * pool.groups,
        "chunk": pool.chunk,
        "all_chunk": pool.chunk * pool.groups,
        "longest": longest,
        "memory": service.memory,
        "precision": service.precision,
        "online": None if checkpoint.stored in (None, service.precision) else service.precision,
        "cache": service.cache_precision,
        "drafts": service.draft_tokens,
        "verified": service.draft_tokens + 1,
    }


def facts_of(service: Service, pool: Pool, *, worker: bool = False) -> dict[str, bool]:
    """What holds of a pool, for the conditions of a table. Source: definition."""
    vendor = pool.hardware.vendor
    within = pool.attention * pool.pipeline <= pool.hardware.per_node(pool.chips)
    return {
        "always": True,
        **{name: vendor == name for name in ("nvidia", "amd", "google", "aws")},
        "prefill": pool.role == PREFILL,
        "decode": pool.role == DECODE,
        "both": pool.role == BOTH,
        "groups": pool.groups > 1,
        "groups_of_several": pool.groups > 1 and pool.attention > 1,
        "experts": pool.expert > 1,
        "experts_in_part": 1 < pool.expert < pool.stage,
        "stages": pool.pipeline > 1,
        "context": pool.context > 1,
        "latent": service.latent,
        "chunked": pool.chunk > 0,
        "drafting": service.draft_tokens > 0,
        "low_precision": service.precision != UNQUANTIZED,
        "prefix_hits": service.traffic.prefix_hits,
        "nodes": pool.nodes > 1,
        "groups_by_node": pool.nodes > 1 and pool.groups > 1 and within,
        "ranks_over_nodes": pool.nodes > 1 and not (pool.groups > 1 and within),
        "worker": worker,
    }


def choices_of(service: Service, pool: Pool, checkpoint: Checkpoint) -> Mapping[str, str]:
    """What a plan decided for a pool and an engine has to be told, each in words. Source: definition."""
    made = {"longest": f"requests of up to {service.traffic.longest} tokens"}
    if pool.tensor > 1:
        made["tensor"] = f"tensor parallel over {pool.tensor} chips"
    if pool.groups > 1:
        made["groups"] = f"{pool.groups} attention groups with requests of their own"
    if pool.expert > 1:
        made["experts"] = f"experts spread over {pool.expert} chips"
    if pool.pipeline > 1:
        made["stages"] = f"{pool.pipeline} pipeline stages"
    if pool.context > 1:
        made["context"] = f"context parallel over {pool.context} tensor groups"
    if pool.sequences:
        made["sequences"] = f"at most {pool.sequences} running requests to an attention group"
    if pool.chunk:
        made["chunk"] = f"at most {pool.chunk} prompt tokens to a pass"
    if pool.role != BOTH:
        made["role"] = f"a pool for {pool.role} alone"
    if checkpoint.stored != service.precision and checkpoint.stored is not None:
        made["online"] = f"weights in {service.precision}: {checkpoint.name} is stored in {checkpoint.stored}"
    made["cache"] = f"a cache in {service.cache_precision}"
    made["memory"] = f"{service.memory:.0%} of the memory for weights and cache"
    if service.draft_tokens and pool.role != PREFILL:
        made["drafts"] = f"{service.draft_tokens} tokens drafted ahead"
    if service.traffic.prefix_hits and pool.role != DECODE:
        made["prefix_hits"] = "a cache of prefixes that requests share"
    return made


OUTSIDE: Mapping[str, str] = {
    "power_cap": "is set on the chips, by the operator's own tools",
    "oversubscription": "is built into the fabric",
    "weights_offload": "is a share of the weights; engines take gigabytes per chip, which depend on what they load",
    "cache_offload": "is a share of the cache; engines take gigabytes per chip, which depend on what is left free",
}
"""Choices that no engine's setting carries, and why."""


def outside_of(service: Service) -> dict[str, str]:
    """Choices of the plan that lie outside every engine, where the plan makes them. Source: definition."""
    made = {}
    if service.power_cap < 1.0:
        made["power_cap"] = f"a power cap of {service.power_cap:.0%}"
    if service.oversubscription > 1.0:
        made["oversubscription"] = f"{service.oversubscription:g}:1 oversubscription of the fabric"
    if service.weights_offload:
        made["weights_offload"] = f"{service.weights_offload:.0%} of the weights in host memory"
    if service.cache_offload:
        made["cache_offload"] = f"{service.cache_offload:.0%} of the cache in host memory"
    return {name: f"{words}: {OUTSIDE[name]}" for name, words in made.items()}
