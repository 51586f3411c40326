"""From a model, chips, links and an engine to the steps of a replica.

Everything here broadcasts over layouts, batches and clocks. `Machine` binds what is fixed inside
one cell of a search (model, chip, precision, engine, links); its methods time the two phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stackwright.core.arrays import namespace
from stackwright.core.units import Bytes, Count, Ratio, Seconds
from stackwright.model.architecture import Architecture
from stackwright.model.operators import Experts, Gemm
from stackwright.model.precision import Precision
from stackwright.model.sharding import Layout
from stackwright.model.work import KernelTimes, Pass, Work, forward, grouped_forward, scaled_sum
from stackwright.network.collectives import Wires
from stackwright.serving import memory
from stackwright.serving.service import DecodeStep, Lengths, Prefill

ACTIVATION_BYTES = 2.0


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
    """Work of the passes by phase, kept for machines that differ in engine or fabric alone."""

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a decode step yields: one, and each drafted one that is accepted in a row."""
        chance, depth = self.draft_acceptance, self.draft_tokens
        return 1.0 + sum(chance ** (position + 1) for position in range(int(depth)))

    def decode_step(self, layout: Layout, batch: Count, lengths: Lengths) -> DecodeStep:
        """One decode round at `batch` sequences per attention rank and stage."""
        queries = 1.0 + self.draft_tokens
        run = Pass(batch * queries, batch, queries, lengths.context_mean, decode=True)
        work = self._pass("decode", layout, run)
        if self.draft_tokens and self.architecture.draft_operators:
            draft = Pass(batch, batch, 1.0, lengths.context_mean, decode=True)
            once = forward(
                self.architecture.draft_operators, self.kernels, layout, draft, self.precision, self.software
            )
            work = work + once.scaled(1.0, self.draft_tokens)
        engine = self.software
        overhead = self._pass_overhead(layout, work) + engine.sequence_overhead * batch
        seconds = (work.seconds + self._communication(layout, run.tokens) + overhead) * engine.time_spread
        return DecodeStep(seconds, work.flops, work.bytes, self.memory_margin(layout, batch, lengths))

    def prefill(self, layout: Layout, lengths: Lengths) -> Prefill:
        """Prefills of the length nodes (Q, ...), one pass at a time per attention rank.

        Nodes with weight stand for the whole traffic: their prompts share a pass up to the engine's token
        budget, and each counts for its part. A node without weight is a lone prompt.
        """
        xp = namespace(lengths.nodes)
        fresh = xp.maximum(1.0, lengths.nodes * (1.0 - lengths.prefix_hits))
        prompts = xp.where(lengths.weights > 0.0, self._prompts_per_pass(fresh), 1.0)
        run = Pass(fresh * prompts, prompts, fresh, lengths.nodes, decode=False)
        work = self._pass(f"prefill {self.software.prefill_tokens}", layout, run)
        timed = (work.seconds + self._communication(layout, run.tokens)) * self.software.prefill_scale
        seconds = (timed + self._pass_overhead(layout, work)) * self.software.time_spread
        return Prefill(seconds / prompts, work.flops / prompts, work.bytes / prompts)

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

        Every chip of a tensor group sends its part at once. Source: definition.
        """
        size = self.architecture.cache_bytes(lengths.nodes, self.precision.cache_bytes) / layout.tensor
        rate = self.wires.fabric_bandwidth * self.wires.fabric_efficiency / self.wires.oversubscription
        return self.wires.fabric_latency + size / rate

    def memory_margin(self, layout: Layout, batch: Count, lengths: Lengths) -> Ratio:
        """Share by which weights, cache and working space exceed the memory; positive is violated."""
        weights = memory.weight_bytes(self.architecture.parameters_by_role, layout, self.precision)
        per_sequence = self.architecture.cache_bytes(
            lengths.context_mean, self.precision.cache_bytes, tensor_parallel=layout.tensor
        )
        used = weights + per_sequence * batch + memory.WORKSPACE
        return memory.memory_margin(used=used, capacity=self.capacity, utilization=self.software.memory_utilization)

    def _pass(self, phase: str, layout: Layout, run: Pass) -> Work:
        known = {} if self.passes is None else self.passes
        if phase not in known:
            known[phase] = grouped_forward(self.architecture.operators, self.kernels, layout, run, self.precision)
        return scaled_sum(known[phase], self.software)

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
        apart = namespace(layout.data).where(layout.data > 1.0, dispatch + combine, reduce)
        hops = (layout.pipeline - 1.0) * self.wires.point_to_point(size, layout.chips)
        return (rows * reduce + routed * apart) * (1.0 - self.software.communication_overlap) + hops
