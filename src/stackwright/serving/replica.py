"""From a model, chips, links and an engine to the steps of a replica.

Everything here broadcasts over layouts, batches and clocks. `Machine` binds what is fixed inside
one cell of a search (model, chip, precision, engine, links); its methods time the two phases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, BytesPerSecond, Count, Ratio, Seconds, Tokens
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Attention, Elementwise, Experts, Gemm, LatentAttention, Operator
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.model.work import NOTHING, KernelTimes, Pass, Work, forward, grouped_forward, scaled_sum
from stackwright.network.collectives import Wires
from stackwright.serving import memory, queueing
from stackwright.serving.service import Chunk, DecodeStep, Lengths, Pieces, Prefill

ACTIVATION_BYTES = 2.0
PARTIAL_BYTES = 4.0
"""Bytes of a value of a partial attention result, which ranks of one sequence merge in single precision."""

CROWD = 1.25
"""Ratio of two batches between which a round's growth is taken."""
MOST_GROWTH = 0.9
"""Elasticity of a round in its batch, at most: at 1 no occupancy would be stable."""

DEPTHS = (1 / 6, 1 / 2, 5 / 6)
"""Places in a prompt at which pieces of it are timed, as shares of the way to its last piece."""

TOGETHER = "experts_scale"
"""The group of operators that all attention ranks of a stage work on together."""
ATTENTION = "attention_scale"
DENSE = "gemm_scale"


@dataclass(frozen=True)
class Machine:
    """A model on a chip under an engine. `software` is the interface layer's record as a spec."""

    architecture: Architecture
    kernels: KernelTimes
    capacity: Bytes
    precision: Precision
    wires: Wires
    software: Any
    draft_tokens: float = 0.0
    draft_acceptance: float = 0.0
    passes: dict[str, dict[str, Work]] | None = None
    """Work of the passes by phase, kept for machines that differ in engine, fabric or the cache's format alone."""
    weights_offload: Ratio = 0.0
    """Share of the weights that host memory holds; every pass reads them from there."""
    cache_offload: Ratio = 0.0
    """Share of the cache, of running sequences and of found prefixes, that host memory holds."""
    host_bandwidth: BytesPerSecond | None = None
    """Per chip, one direction; asked for where something is offloaded, as is the next."""
    host_memory: Bytes | None = None
    """Per chip."""

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a decode step yields: one, and each drafted one that is accepted in a row."""
        chance, depth = self.draft_acceptance, self.draft_tokens
        return 1.0 + sum(chance ** (position + 1) for position in range(int(depth)))

    def decode_step(self, layout: Layout, batch: Count, lengths: Lengths) -> DecodeStep:
        """One decode round at `batch` sequences per attention group and stage."""
        groups, work, alone, exchanged = self._decode("decode", layout, batch, lengths)
        seconds = self._with_host(alone, self._host_time(layout, self._decode_stream(layout, batch, lengths)))
        engine = self.software
        attention = groups.get(ATTENTION, NOTHING).seconds * engine.attention_scale * engine.time_spread / seconds
        return DecodeStep(
            seconds,
            work.flops,
            work.bytes,
            self.memory_margin(layout, batch, lengths),
            slack=seconds - alone,
            attention=attention,
            exchanged=exchanged,
        )

    def running_step(self, layout: Layout, batch: Count, lengths: Lengths) -> DecodeStep:
        """The decode round at `batch` sequences in the mean: how far it strays as they come and go, and memory for it.

        Source: growth between two batches; spreads as in `queueing`.
        """
        step = self.decode_step(layout, batch, lengths)
        xp = namespace(step.seconds)
        _, _, alone, _ = self._decode("crowded", layout, batch * CROWD, lengths)
        crowded = self._with_host(alone, self._host_time(layout, self._decode_stream(layout, batch * CROWD, lengths)))
        growth = xp.clip(xp.log(crowded / step.seconds) / xp.log(CROWD), 0.0, MOST_GROWTH)
        varying = {
            "sequences": batch * layout.pipeline,
            "growth": growth,
            "arrival_scv": lengths.arrival_scv,
            "context_scv": lengths.context_scv,
        }
        spread = queueing.step_spread(attention=step.attention, **varying)
        most = batch * (1.0 + queueing.NORMAL_95 * queueing.cache_spread(**varying))
        return replace(step, spread=spread, growth=growth, memory=self.memory_margin(layout, most, lengths))

    def prefill(self, layout: Layout, lengths: Lengths) -> Prefill:
        """Prefills of the length nodes (Q, ...), one pass at a time per attention group.

        Nodes with weight stand for the whole traffic: their prompts share a pass up to the engine's token
        budget, and each counts for its part. A node without weight is a lone prompt.
        """
        xp = namespace(lengths.nodes)
        engine = self.software
        fresh = lengths.fresh
        prompts = xp.where(lengths.weights > 0.0, self._prompts_per_pass(fresh), 1.0)
        # Ranks of one sequence take its tokens in turns, so that each attends to as much: its mean query's keys.
        own = fresh / layout.context
        keys = lengths.nodes - 0.5 * (fresh - own)
        run = Pass(own * prompts, prompts, own, keys, decode=False)
        groups = self._groups(f"prefill {engine.prefill_tokens}", layout, run)
        work = scaled_sum(groups, engine)
        exchanged = self._communication(layout, run.tokens) + self._gathered_cache(layout, fresh * prompts)
        timed = (work.seconds + exchanged) * engine.prefill_scale
        alone = (timed + self._pass_overhead(layout, work)) * engine.time_spread
        found = self.sequence_bytes(layout, lengths.nodes - fresh) * prompts
        stream = self.weights_offload * self._weights(layout) + self.cache_offload * found
        seconds = self._with_host(alone, self._host_time(layout, stream))
        return Prefill(seconds / prompts, work.flops / prompts, work.bytes / prompts)

    def prompt_attention(self, layout: Layout, fresh: Tokens, keys: Tokens) -> Work:
        """Attention and recurrence of a piece of a prompt: its `fresh` tokens are the last of `keys`."""
        return self._in_prompts(self._forward(self._mixing, layout, _piece(layout, fresh, keys)))

    @property
    def _mixing(self) -> tuple[Operator, ...]:
        """Operators that mix the tokens of a sequence: the others work on each token alone."""
        return tuple(op for op in self.architecture.operators if _group(op) == ATTENTION)

    def _in_prompts(self, groups: dict[str, Work]) -> Work:
        engine = self.software
        return scaled_sum(groups, engine).scaled(engine.prefill_scale * engine.time_spread, 1.0)

    def chunk(self, layout: Layout, batch: Count, tokens: Tokens, lengths: Lengths, step: DecodeStep) -> Chunk:
        """What `tokens` of prompts per attention group add to a decode round, the `step`, that takes them along.

        Weights are read once for both, so only what the round then takes longer counts.
        """
        engine = self.software
        queries = 1.0 + self.draft_tokens
        alone = batch * queries / layout.context
        run = Pass(alone + tokens / layout.context, batch, queries, 1.0, decode=True)
        dense = tuple(op for op in self.architecture.operators if isinstance(op, Gemm | Experts | Elementwise))
        after = self._groups(_named("chunk", tokens), layout, run, dense)
        before = self._groups("decode", layout, self._decode_pass(layout, batch, lengths))

        def added(group: str, field: str) -> Any:
            return getattr(after.get(group, NOTHING), field) - getattr(before.get(group, NOTHING), field)

        scale = engine.prefill_scale * engine.time_spread
        own = added(DENSE, "seconds") * engine.gemm_scale
        shared = added(TOGETHER, "seconds") * engine.experts_scale
        exchanged = self._communication(layout, run.tokens) - step.exchanged
        exchanged = exchanged + self._gathered_cache(layout, tokens)
        return Chunk(
            own=(own + exchanged) * scale,
            shared=shared * scale,
            bytes=added(DENSE, "bytes") + added(TOGETHER, "bytes"),
            pieces=self.pieces(layout, tokens, lengths),
        )

    def pieces(self, layout: Layout, size: Tokens, lengths: Lengths) -> Pieces:
        """The length nodes' prompts in pieces of `size` tokens at most, and the attention of each."""
        xp = namespace(lengths.nodes)
        tokens = xp.maximum(1.0, xp.minimum(lengths.fresh, size))
        depths = xp.asarray(DEPTHS).reshape((-1, *(1,) * xp.ndim(lengths.nodes)))
        keys = lengths.nodes - (1.0 - depths) * (lengths.fresh - tokens)
        groups = self._groups(_named("pieces", size), layout, _piece(layout, tokens, keys), self._mixing)
        work = self._in_prompts(groups)
        return Pieces(size, tokens, work.seconds, work.bytes + 0.0 * work.seconds)

    def _prompts_per_pass(self, fresh: Any) -> Any:
        budget = self.software.prefill_tokens
        return 1.0 if budget is None else namespace(fresh, budget).maximum(1.0, budget / fresh)

    def _pass_overhead(self, layout: Layout, work: Work) -> Any:
        """Host time of one pass that the chips wait for."""
        engine = self.software
        fixed = engine.step_overhead + engine.kernel_overhead * work.kernels
        if engine.layer_overhead is None:
            return fixed
        doublings = namespace(layout.tensor).log2(layout.tensor)
        return fixed + engine.layer_overhead * self.architecture.layers * doublings

    def transfer(self, layout: Layout, lengths: Lengths) -> Seconds:
        """Seconds to move a finished cache of the length nodes to another pool: (Q, ...).

        Every chip of an attention group sends its part at once. Source: definition.
        """
        size = self.architecture.cache_bytes(lengths.nodes, self.precision.cache_bytes) / layout.tensor / layout.context
        rate = self.wires.fabric_bandwidth * self.wires.fabric_efficiency / self.wires.oversubscription
        return self.wires.fabric_latency + size / rate

    def memory_margin(self, layout: Layout, batch: Count, lengths: Lengths) -> Ratio:
        """Share by which weights, cache and working space exceed the memory; positive is violated.

        A sequence holds whole blocks, half of one more than it fills. What is offloaded must fit beside the host.
        """
        weights = self._weights(layout)
        cache = self.sequence_bytes(layout, lengths.context_mean + 0.5 * memory.BLOCK_TOKENS) * batch
        used = weights * (1.0 - self.weights_offload) + cache * (1.0 - self.cache_offload) + memory.WORKSPACE
        margin = memory.memory_margin(used=used, capacity=self.capacity, utilization=self.software.memory_utilization)
        if not self.weights_offload and not self.cache_offload:
            return margin
        beside = weights * self.weights_offload + cache * self.cache_offload
        at_host = memory.memory_margin(used=beside, capacity=self.host_memory, utilization=memory.HOST_UTILIZATION)
        return namespace(margin).maximum(margin, at_host)

    def _weights(self, layout: Layout) -> Bytes:
        return memory.weight_bytes(self.architecture.parameters_by_role, layout, self.precision)

    def cache_room(self, layout: Layout) -> Bytes:
        """Memory of a chip that weights and working space leave to the cache; what the host holds makes it longer."""
        weights = self._weights(layout) * (1.0 - self.weights_offload)
        room = self.capacity * self.software.memory_utilization - weights - memory.WORKSPACE
        return room / (1.0 - self.cache_offload)

    def sequence_bytes(self, layout: Layout, tokens: Tokens) -> Bytes:
        """Cache of a sequence of so many tokens on each chip of its attention group."""
        size = self.architecture.cache_bytes(tokens, self.precision.cache_bytes, tensor_parallel=layout.tensor)
        return size / layout.context

    def _host_time(self, layout: Layout, stream: Bytes) -> Seconds:
        """Time to read so many bytes from host memory; each pipeline stage reads its part in turn."""
        if not self.weights_offload and not self.cache_offload:
            return 0.0
        bandwidth: Any = self.host_bandwidth
        return stream * layout.pipeline / (bandwidth * memory.HOST_EFFICIENCY)

    def _with_host(self, seconds: Seconds, read: Seconds) -> Seconds:
        """A pass that reads from host memory ahead of need: the slower of both."""
        return namespace(seconds).maximum(seconds, read)

    def _decode_stream(self, layout: Layout, batch: Count, lengths: Lengths) -> Bytes:
        cache = self.sequence_bytes(layout, lengths.context_mean) * batch
        return self.weights_offload * self._weights(layout) + self.cache_offload * cache

    def _decode(
        self, phase: str, layout: Layout, batch: Count, lengths: Lengths
    ) -> tuple[dict[str, Work], Work, Any, Any]:
        """A decode round's work by group and in all, its seconds without reads from the host, those of collectives."""
        run = self._decode_pass(layout, batch, lengths)
        groups = self._groups(phase, layout, run)
        work = scaled_sum(groups, self.software)
        if self.draft_tokens and self.architecture.draft_operators:
            draft = Pass(batch / layout.context, batch, 1.0, run.keys, decode=True)
            once = forward(
                self.architecture.draft_operators, self.kernels, layout, draft, self.precision, self.software
            )
            work = work + once.scaled(1.0, self.draft_tokens)
        engine = self.software
        overhead = self._pass_overhead(layout, work) + engine.sequence_overhead * batch
        exchanged = self._communication(layout, run.tokens)
        merged = self._merged_attention(layout, batch * run.queries)
        return groups, work, (work.seconds + exchanged + merged + overhead) * engine.time_spread, exchanged

    def _decode_pass(self, layout: Layout, batch: Count, lengths: Lengths) -> Pass:
        queries = 1.0 + self.draft_tokens
        keys = lengths.context_mean / layout.context
        return Pass(batch * queries / layout.context, batch, queries, keys, decode=True)

    def _groups(
        self, phase: str, layout: Layout, run: Pass, operators: tuple[Operator, ...] | None = None
    ) -> dict[str, Work]:
        """Work of a phase by group, of all operators or some; from `passes` where it is known.

        Those that mix tokens read the cache in its own format: their work is known by it.
        """
        known = {} if self.passes is None else self.passes
        every = self.architecture.operators if operators is None else operators
        groups: dict[str, Work] = {}
        for group in dict.fromkeys(map(_group, every)):
            name = f"{phase} {group}" if group != ATTENTION else f"{phase} {group} {self.precision.cache}"
            if name not in known:
                own = tuple(op for op in every if _group(op) == group)
                known[name] = self._forward(own, layout, run)
            groups |= known[name]
        return groups

    def _forward(self, operators: tuple[Operator, ...], layout: Layout, run: Pass) -> dict[str, Work]:
        """Work of one group; but for experts, it is timed once for all layouts that it cannot tell apart."""
        alike = None if any(isinstance(op, Experts) for op in operators) else _alike(layout)
        if alike is None:
            return grouped_forward(operators, self.kernels, layout, run, self.precision)
        once = grouped_forward(operators, self.kernels, alike.layout(layout), alike.run(run), self.precision)
        return {name: alike.spread(work) for name, work in once.items()}

    def _merged_attention(self, layout: Layout, tokens: Any) -> Any:
        """Exposed time in which the ranks of a sequence share its queries and merge their partial attention.

        Source: Bhatia et al., Helix Parallelism (2025), section 2 (queries gathered, partial results exchanged).
        """
        if not _splits(layout):
            return 0.0
        exposed: Any = 0.0
        for op in self.architecture.operators:
            if isinstance(op, Attention | LatentAttention):
                asked, answered = (
                    (op.latent + op.rope, op.latent) if isinstance(op, LatentAttention) else (op.head_dim, op.value_dim)
                )
                heads = tokens * op.heads / layout.tensor
                gathered = self.wires.all_gather(heads * asked * ACTIVATION_BYTES, layout.context)
                merged = self.wires.reduce_scatter(heads * answered * PARTIAL_BYTES, layout.context)
                exposed = exposed + op.count * (gathered + merged)
        return exposed * (1.0 - self.software.communication_overlap)

    def _gathered_cache(self, layout: Layout, tokens: Any) -> Any:
        """Exposed time in which the ranks of a prompt hand each other its new keys and values.

        Source: Liu et al., Ring Attention (2023), section 3; all at once in place of a ring.
        """
        if not _splits(layout):
            return 0.0
        size = self.architecture.cache_bytes(tokens, self.precision.cache_bytes, tensor_parallel=layout.tensor)
        layers = self.architecture.layers
        once = self.wires.all_gather(size / layers, layout.context)
        return layers * once * (1.0 - self.software.communication_overlap)

    def _communication(self, layout: Layout, tokens: Any) -> Any:
        """Exposed collective time of one pass: two reductions a layer, expert exchange, stage hops."""
        model = self.architecture
        size = tokens * model.hidden * ACTIVATION_BYTES
        rows = sum(
            op.count
            for op in model.operators
            if isinstance(op, Gemm) and op.shard == "row" and op.role != "shared_expert"
        )
        routed = sum(op.count for op in model.operators if isinstance(op, Experts))
        active = max((op.active for op in model.operators if isinstance(op, Experts)), default=0)
        reduce = self.wires.all_reduce(size, layout.tensor)
        ranks = layout.stage_chips
        values = tokens * model.hidden
        dispatch = self.wires.expert_exchange(values * self.precision.weight_bytes("experts"), active, ranks)
        combine = self.wires.expert_exchange(values * ACTIVATION_BYTES, active, ranks)
        apart = namespace(layout.groups).where(layout.groups > 1.0, dispatch + combine, reduce)
        hops = (layout.pipeline - 1.0) * self.wires.point_to_point(size, layout.chips)
        return (rows * reduce + routed * apart) * (1.0 - self.software.communication_overlap) + hops


def _group(op: Operator) -> str:
    """The group of an operator. Source: definition (as engines scale times)."""
    if isinstance(op, Experts):
        return TOGETHER
    return DENSE if isinstance(op, Gemm | Elementwise) else ATTENTION


def _named(phase: str, tokens: Any) -> str:
    """A phase by the tokens that it takes, or all of them where these are an axis."""
    return f"{phase} {tokens}" if not getattr(tokens, "ndim", 0) else f"{phase} of all sizes"


def _piece(layout: Layout, fresh: Tokens, keys: Tokens) -> Pass:
    """A pass over the last `fresh` of a prompt's `keys` tokens, of which each rank of the sequence takes its share."""
    own = fresh / layout.context
    return Pass(own, 1.0, own, keys - 0.5 * (fresh - own), decode=False)


@dataclass(frozen=True)
class _Alike:
    """Layouts, along the second-last axis, by their tensor and context degrees: `first` of each kind, kind of each."""

    first: np.ndarray
    kind: np.ndarray

    def layout(self, layout: Layout) -> Layout:
        """One layout of each kind."""
        return replace(layout, **{name: self._narrow(getattr(layout, name)) for name in layout.__dataclass_fields__})

    def run(self, run: Pass) -> Pass:
        """A pass for one layout of each kind."""
        values = {name: self._narrow(getattr(run, name)) for name in ("tokens", "sequences", "queries", "keys")}
        return replace(run, **values)

    def spread(self, work: Work) -> Work:
        """The work of each kind for all layouts."""
        return Work(**{name: self._wide(getattr(work, name)) for name in work.__dataclass_fields__})

    def _narrow(self, value: Any) -> Any:
        along = getattr(value, "ndim", 0) > 1 and value.shape[-2] == len(self.kind)
        return value.take(self.first, axis=-2) if along else value

    def _wide(self, value: Any) -> Any:
        along = getattr(value, "ndim", 0) > 1 and value.shape[-2] == len(self.first)
        return value.take(self.kind, axis=-2) if along else value


def _alike(layout: Layout) -> _Alike | None:
    """How layouts that lie on one axis are alike; None where they lie otherwise, or where no two are alike."""
    degrees = (layout.tensor, layout.context)
    if not all(isinstance(degree, np.ndarray) and degree.ndim == 2 and degree.shape[1] == 1 for degree in degrees):
        return None
    pairs = np.concatenate(np.broadcast_arrays(*degrees), axis=1)
    _, first, kind = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return _Alike(first, kind.ravel()) if 1 < len(first) < len(pairs) else None


def _splits(layout: Layout) -> bool:
    """Whether any of the layouts splits a sequence over several tensor groups."""
    return bool((namespace(layout.context).asarray(layout.context) > 1.0).any())
