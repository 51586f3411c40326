"""What a plan asks of an engine: its pools, model, formats and limits, for the plan or one of its alternatives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from stackwright.catalog import Catalog
from stackwright.core.errors import Fault, InfeasibleError, InputError, nearest
from stackwright.core.units import Count, Ratio
from stackwright.deploy.checkpoint import published
from stackwright.deploy.chips import Hardware, hardware_of
from stackwright.stack.parts import Parts
from stackwright.stack.performance import POOL_CHUNK
from stackwright.stack.scenario import trace_path
from stackwright.workload.mix import mix
from stackwright.workload.trace import Requests, read_trace

PREFILL, DECODE, BOTH = "prefill", "decode", "both"
SPREAD = 1.645
"""Standard deviations of a Poisson number above the planned mean that a pool admits: its 95th percentile. The plan
keeps memory for as many."""
PLAN = "plan"


@dataclass(frozen=True)
class Pool:
    """Replicas of one kind: what each does, on how many chips of which system, how split."""

    role: str
    hardware: Hardware
    tensor: Count
    expert: Count
    pipeline: Count
    context: Count
    chips: Count
    """Of one replica."""
    replicas: Count
    batch: Ratio
    """Planned mean of running sequences of an attention group and pipeline stage; 0 in a prefill pool."""
    chunk: Count
    """Prompt tokens that a pass takes at most; 0 where prompts are not cut."""

    @property
    def attention(self) -> Count:
        """Chips of an attention group. Source: definition."""
        return self.tensor * self.context

    @property
    def groups(self) -> Count:
        """Attention groups of a pipeline stage, each with sequences of its own. Source: definition."""
        return max(1, self.expert // self.attention)

    @property
    def stage(self) -> Count:
        """Chips of a pipeline stage. Source: definition."""
        return self.attention * self.groups

    @property
    def nodes(self) -> Count:
        """Servers that a replica spans. Source: definition."""
        return -(-self.chips // self.hardware.per_node(self.chips))

    @property
    def sequences(self) -> Count:
        """Running sequences that an attention group admits: the planned mean and its spread. Source: definition."""
        mean = self.batch * self.pipeline
        return math.ceil(mean + SPREAD * math.sqrt(mean)) if mean else 0


@dataclass(frozen=True)
class Traffic:
    """Lengths of a plan's requests, in tokens."""

    input_mean: Count
    output_mean: Count
    longest: Count
    """Of input and output together."""
    prefix_hits: bool
    """Whether the plan counts on prompts that begin alike."""


@dataclass(frozen=True)
class Service:
    """A stack to be launched."""

    name: str
    architecture: str
    latent: bool
    """Whether attention caches one latent vector per token for all heads."""
    precision: str
    cache_precision: str
    draft_tokens: Count
    software: str
    pools: tuple[Pool, ...]
    traffic: Traffic
    memory: Ratio
    """Share of a chip's memory that weights and cache may use."""
    power_cap: Ratio
    oversubscription: Ratio
    weights_offload: Ratio
    cache_offload: Ratio
    value: Ratio
    unit: str
    option: str
    """`plan`, or the alternative that is launched in its place."""
    notes: tuple[str, ...]

    @property
    def apart(self) -> bool:
        """Whether prefill and decode stand in pools of their own. Source: definition."""
        return len(self.pools) > 1

    def joined(self) -> Service:
        """The chips of both pools in replicas like those of the decode pool, which prefill as well.

        Source: definition (the fleet's chips over those of a replica).
        """
        if not self.apart:
            return self
        chips = sum(pool.chips * pool.replicas for pool in self.pools)
        decode = self.pools[-1]
        one = replace(decode, role=BOTH, replicas=-(-chips // decode.chips), chunk=int(POOL_CHUNK))
        return replace(self, pools=(one,))


@dataclass(frozen=True)
class Candidate:
    """A stack of a plan with what it would cost and why it would be launched."""

    stack: Mapping[str, Any]
    option: str
    value: Ratio
    unit: str
    notes: tuple[str, ...]
    worse: Ratio = 0.0
    """By how much of the plan's objective it is worse than the plan."""
    barred: bool = False
    """Whether the plan may not choose it."""


def service_of(
    plan: Mapping[str, Any], software: Iterable[str], engine: str, catalog: Catalog, system: str | None = None
) -> Service:
    """The stack of a plan that an engine launches: the plan's own, else the best alternative with that engine.

    `software` are the records of the interface layer that the engine stands for. Raises `InputError` for a plan
    that serves nothing or for an unknown system, `InfeasibleError` where the engine runs on no system of the plan.
    """
    _check(plan)
    stacks = tuple(software)
    found = _of_system(plan, system) if system else _first(plan, stacks, catalog)
    if found is None or not _runs(found.stack, stacks, catalog):
        raise InfeasibleError(_no_engine(plan, stacks, engine, system, catalog))
    return _service(plan, _with_engine(found, stacks, catalog), catalog)


NEEDED = (
    *("study.study", "study.demand", "digest", "alternatives", "objective.value", "objective.unit"),
    *("stack.interface.software", "stack.model.architecture", "stack.model.precision", "stack.model.cache_precision"),
    *("stack.chip.accelerator", "stack.chip.power_cap", "stack.rack.system", "stack.network.oversubscription"),
)
"""What is read of a plan beside its pools."""


def _check(plan: Mapping[str, Any]) -> None:
    """Raises `InputError` for a plan that serves nothing, or that lacks what launch files need."""
    wanted = "the plan.json that stackwright plan wrote"
    faults = [Fault("plan.json", path, "nothing", wanted) for path in NEEDED if not _has(plan, path)]
    if not _has(plan, "stack.serving.decode"):
        expected = "the plan of a service, which an engine can run"
        faults.append(Fault("plan.json", "stack.serving", "nothing, as in the plan of a training run", expected))
    if faults:
        raise InputError(faults)


def _has(data: Any, path: str) -> bool:
    for name in path.split("."):
        if not isinstance(data, Mapping) or name not in data:
            return False
        data = data[name]
    return True


def _own(plan: Mapping[str, Any]) -> Candidate:
    objective = plan["objective"]
    return Candidate(plan["stack"], PLAN, objective["value"], objective["unit"], ())


def _alternatives(plan: Mapping[str, Any], layers: Iterable[str]) -> list[Candidate]:
    found = []
    for row in plan["alternatives"]:
        if row["layer"] not in layers:
            continue
        if "stack" not in row:
            got = f"alternatives.{row['option']} without its stack"
            remedy = "It was made by an older release: run stackwright plan again."
            raise InputError([Fault("plan.json", "alternatives", got, "alternatives with their stack", remedy=remedy)])
        worse = f"{abs(row['difference']):.1%} {'worse' if row['difference'] > 0 else 'better'}"
        notes = [f"Not the plan: its best alternative with {row['name']}, {worse} than the plan."]
        if row.get("not_eligible"):
            notes.append(f"The plan may not choose {row['option']}: {row['not_eligible']}.")
        told = (row["stack"], row["option"], row["value"], row["unit"], tuple(notes))
        found.append(Candidate(*told, worse=row["difference"], barred="not_eligible" in row))
    return found


def _of_system(plan: Mapping[str, Any], system: str) -> Candidate:
    own = _own(plan)
    if own.stack["rack"]["system"] == system:
        return own
    rows = {str(row.option): row for row in _alternatives(plan, ("rack",))}
    if system not in rows:
        known = [own.stack["rack"]["system"], *rows]
        got, expected = repr(system), f"one of {', '.join(known)}"
        raise InputError([Fault("--system", "", got, expected, nearest=nearest(system, known))])
    return rows[system]


def _first(plan: Mapping[str, Any], software: tuple[str, ...], catalog: Catalog) -> Candidate | None:
    """The first that holds: the plan itself, its alternative with the engine, its chips, another system's best."""
    own = _own(plan)
    if own.stack["interface"]["software"] in software:
        return own
    others = _alternatives(plan, ("interface", "rack"))
    same = [row for row in others if row.stack["interface"]["software"] in software]
    if same:
        return min(same, key=_rank)
    if _runs(own.stack, software, catalog):
        return own
    able = [row for row in others if _runs(row.stack, software, catalog)]
    return min(able, key=_rank) if able else None


def _rank(row: Candidate) -> tuple[bool, float]:
    """What the plan may choose comes first, the best of it before the others."""
    return row.barred, row.worse


def _chips(stack: Mapping[str, Any]) -> set[str]:
    if "pools" in stack:
        return {pool["chip"] for pool in stack["pools"].values()}
    return {stack["chip"]["accelerator"]}


def _engine_on(stack: Mapping[str, Any], software: Iterable[str], catalog: Catalog) -> str | None:
    """The record of the engine that runs on all chips of a stack: its own where it is one of these."""
    own, chips = stack["interface"]["software"], _chips(stack)
    for name in sorted(software, key=lambda one: one != own):
        if chips <= set(catalog.get("interface", name).links["chips"]):
            return name
    return None


def _runs(stack: Mapping[str, Any], software: Iterable[str], catalog: Catalog) -> bool:
    return _engine_on(stack, software, catalog) is not None


def _with_engine(found: Candidate, software: tuple[str, ...], catalog: Catalog) -> Candidate:
    """The candidate with the engine in its interface layer, and a note where it was planned for another."""
    own = found.stack["interface"]
    name = _engine_on(found.stack, software, catalog)
    if name is None or name == own["software"]:
        return found
    note = f"Planned for {own['name']}, whose speed and so the number of replicas are not those of {name}."
    stack = {**found.stack, "interface": {"software": name, "name": catalog.get("interface", name).name}}
    return replace(found, stack=stack, notes=(*found.notes, note))


def _no_engine(
    plan: Mapping[str, Any], software: Iterable[str], engine: str, system: str | None, catalog: Catalog
) -> str:
    where = f"on {system}" if system else "on any system of the plan or of its alternatives"
    chips = {chip for name in software for chip in catalog.get("interface", name).links["chips"]}
    missed = [
        f"{name} {reason}"
        for name, reason in plan.get("not_feasible", {}).items()
        if name in {record.id for record in catalog.records("rack") if record.links["chip"] in chips}
    ]
    return f"{engine} does not run {where}" + (f"; of its own, {', '.join(missed)}" if missed else "")


def _service(plan: Mapping[str, Any], found: Candidate, catalog: Catalog) -> Service:
    stack = found.stack
    model, software = stack["model"], catalog.get("interface", stack["interface"]["software"])
    return Service(
        name=_plain("-".join(str(word) for word in (plan["study"]["study"], plan["study"].get("case")) if word)),
        architecture=model["architecture"],
        latent="kv_lora_rank" in published(model["architecture"], catalog),
        precision=model["precision"],
        cache_precision=model["cache_precision"],
        draft_tokens=int(model["draft_tokens"]),
        software=software.id,
        pools=_pools(stack, catalog),
        traffic=traffic_of(plan["study"]["demand"], catalog),
        memory=float(software.values["memory_utilization"].value),
        power_cap=float(stack["chip"]["power_cap"]),
        oversubscription=float(stack["network"]["oversubscription"]),
        weights_offload=float(stack["serving"]["weights_offload"]),
        cache_offload=float(stack["serving"]["cache_offload"]),
        value=found.value,
        unit=found.unit,
        option=found.option,
        notes=found.notes,
    )


def _plain(text: str) -> str:
    """A name that Kubernetes takes: lower case, digits and dashes (RFC 1123)."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "plan"


def _pools(stack: Mapping[str, Any], catalog: Catalog) -> tuple[Pool, ...]:
    serving, apart = stack["serving"], "prefill" in stack["serving"]
    made = []
    for role in (PREFILL, DECODE) if apart else (BOTH,):
        place = PREFILL if role == PREFILL else DECODE
        entry = serving[place]
        own = stack.get("pools", {}).get(place)
        system = own["system"] if own else stack["rack"]["system"]
        chip = own["chip"] if own else stack["chip"]["accelerator"]
        chunk = int(POOL_CHUNK) if role == PREFILL else int(serving.get("chunk_tokens", 0.0))
        made.append(
            Pool(
                role=role,
                hardware=hardware_of(system, chip, catalog),
                tensor=int(entry["tensor_parallel"]),
                expert=int(entry["expert_parallel"]),
                pipeline=int(entry["pipeline_parallel"]),
                context=int(entry["context_parallel"]),
                chips=int(entry["chips_per_replica"]),
                replicas=int(entry["replicas"]),
                batch=0.0 if role == PREFILL else float(serving["batch"]),
                chunk=0 if role == DECODE else chunk,
            )
        )
    return tuple(made)


def traffic_of(demand: Mapping[str, Any], catalog: Catalog) -> Traffic:
    """Lengths of a demand as `plan.json` states it. Source: definition."""
    lengths = demand.get("lengths")
    hits = demand.get("prefix_hits")
    if lengths:
        total = math.ceil(lengths["input"]) + math.ceil(lengths["output"])
        return Traffic(round(lengths["input"]), round(lengths["output"]), total, bool(hits))
    parts = Parts(catalog)
    traces = [_rows(trace_path(item["trace"], parts)) for item in demand["traces"]]
    traffic = mix(traces, [item["weight"] for item in demand["traces"]])
    return Traffic(
        input_mean=round(float(traffic.input_mean)),
        output_mean=round(float(traffic.output_mean)),
        longest=max(int((trace.input_tokens + trace.output_tokens).max()) for trace in traces),
        prefix_hits=bool(traffic.prefix_hits if hits is None else hits),
    )


@lru_cache(maxsize=16)
def _rows(path: Path) -> Requests:
    """A trace's rows; each file is read once."""
    return read_trace(path)
