"""What a generation's kernels make of its chips: fitted parameters, and kernels bound to one chip.

A `KernelFamily` record is flat, as records are: its fields are those of the parts below, each with
the name of a part before it, such as ``fp8_efficiency`` or ``decode_block_time``. `Kernels` binds a
family to an accelerator at a clock and offers the times that serving and training ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from stackwright.chip.accelerator import Accelerator
from stackwright.chip.attention import decode_time, indexer_time, latent_decode_time, prefill_time, window_keys
from stackwright.chip.bend import Axis, bend_of, bent
from stackwright.chip.communication import CollectiveKernel
from stackwright.chip.elementwise import recurrence_time, traffic_time
from stackwright.chip.experts import experts_time, route
from stackwright.chip.gemm import product_time, quantize_time
from stackwright.chip.overlap import warm_speedup
from stackwright.chip.parts import Parted, arguments, with_parts
from stackwright.core.arrays import namespace
from stackwright.core.errors import StackwrightError
from stackwright.core.spec import spec
from stackwright.core.units import Bytes, BytesPerSecond, Count, FlopsPerSecond, Ratio, Seconds


@spec
class ProductKernel:
    """Matrix products in one number format; see `product_time`."""

    efficiency: Ratio
    bandwidth_efficiency: Ratio
    step_time: Seconds
    prologue: Count
    staging: Ratio
    split_time: Seconds
    overlap: Ratio
    rounding: Ratio
    tile_rows: Count
    padding: Ratio
    launch: Seconds
    """Floor of an isolated call; graph capture hides most of it."""
    quantize_bytes: Bytes
    """Traffic to bring an activation to the format, per value."""


@spec
class ExpertKernel:
    """Routed feed-forward in one number format; see `experts_time`."""

    efficiency: Ratio
    bandwidth_efficiency: Ratio
    step_time: Seconds
    prologue: Count
    staging: Ratio
    overlap: Ratio
    rounding: Ratio
    expert_time: Seconds
    routed_bytes: Bytes
    sorted_bytes: Bytes
    """Traffic to pick this rank's tokens out of the whole group's, per hidden value of a routed token."""
    launch: Seconds


@spec
class PromptKernel:
    """Causal attention of a prompt, for one cache format; see `prefill_time`."""

    efficiency: Ratio
    bandwidth_efficiency: Ratio
    score_time: Seconds
    window_margin: Count
    block_time: Seconds
    tail: Ratio
    level_time: Seconds
    launch: Seconds


@spec
class DecodeKernel:
    """Attention of one token a sequence, for one cache format; see `decode_time`."""

    bandwidth_efficiency: Ratio
    value_time: Seconds
    score_dim: Count
    window_margin: Count
    block_time: Seconds
    head_time: Seconds
    block_dim: Count
    key_time: Seconds
    key_dim: Count
    group_limit: Count
    split_limit: Count
    fill_blocks: Ratio
    overlap: Ratio
    level_time: Seconds
    rounding: Ratio
    launch: Seconds


@spec
class LatentKernel:
    """Absorbed latent attention of one token a sequence, for one cache format; see `latent_decode_time`."""

    efficiency: Ratio
    bandwidth_efficiency: Ratio
    head_tile: Count
    block_time: Seconds
    split_limit: Count
    fill_blocks: Ratio
    overlap: Ratio
    level_time: Seconds
    rounding: Ratio
    launch: Seconds


@spec
class VectorKernel:
    """Work beside products and attention: element-wise operators, recurrences, indexers."""

    bandwidth_efficiency: Ratio
    efficiency: Ratio
    """Share of the 16-bit peak that scans and indexers reach."""
    overlap: Ratio
    launch: Seconds


@spec
class Residual:
    """Where measured times lie around predicted ones: 5th and 95th percentile of their ratio."""

    low: Ratio
    high: Ratio


class Format(NamedTuple):
    """A number format of weights: bytes per value with scales, whose peak it runs at, and what bounds its tiles."""

    weight_bytes: float
    activation_bytes: float
    peak: str
    largest_tile: float = 256.0


FORMATS: Mapping[str, Format] = {
    "bf16": Format(2.0, 2.0, "peak_bf16"),
    "fp8": Format(1.0, 1.0, "peak_fp8"),
    "fp8_block": Format(1.0, 1.0, "peak_fp8", largest_tile=128.0),
    "fp4": Format(0.5625, 0.5625, "peak_fp4"),
    "int8": Format(1.0, 1.0, "peak_int8"),
    "int8_weight": Format(1.0, 2.0, "peak_bf16"),
    "int4_weight": Format(0.5, 2.0, "peak_bf16"),
    "fp4_weight": Format(0.53125, 2.0, "peak_bf16"),
    "fp4_latency": Format(0.5625, 0.5625, "peak_fp4"),
}
"""``_block`` has scales per block of 128 by 128, ``_weight`` keeps activations in 16 bits, and
``_latency`` is a kernel made for few tokens."""

WIDENED = {"fp4": "int4_weight", "fp8": "int8_weight", "int8": "int8_weight"}
WIDENED_EXPERTS = {"fp4": "fp4_weight"}
"""What runs weights of a format on chips whose matrix units lack it: they are widened on the way."""

PRODUCTS = ("bf16", "fp8", "fp8_block", "fp4", "int8", "int8_weight", "int4_weight")
EXPERTS = ("bf16", "fp8", "fp8_block", "fp4", "int8", "fp4_weight", "fp4_latency")
COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "custom_all_reduce")
AXES: Mapping[type, tuple[Axis, ...]] = {
    ProductKernel: (Axis("rows", 1.0, 32768.0), Axis("inputs", 32.0, 65536.0), Axis("outputs", 16.0, 65536.0)),
    ExpertKernel: (
        Axis("rows", 1.0 / 64.0, 4096.0),
        Axis("experts", 1.0, 512.0),
        Axis("hidden", 1024.0, 8192.0),
        Axis("inner", 32.0, 16384.0),
    ),
    PromptKernel: (
        Axis("queries", 1.0, 131072.0),
        Axis("blocks", 1.0, 8192.0),
        Axis("group", 1.0, 128.0),
        Axis("width", 64.0, 256.0),
        Axis("reach", 1.0 / 1024.0, 1.0),
    ),
    DecodeKernel: (
        Axis("keys", 1.0, 131072.0),
        Axis("blocks", 1.0, 8192.0),
        Axis("group", 1.0, 128.0),
        Axis("width", 64.0, 256.0),
    ),
    LatentKernel: (Axis("keys", 1.0, 131072.0), Axis("sequences", 1.0, 1024.0), Axis("heads", 1.0, 128.0)),
}
"""Sizes that bend the time of each kind of kernel, in the order in which its method names them, with the range that
was measured: tokens per expert, experts of a rank; sequences times heads, query heads per key-value head, values of
a head, share of the keys that a window leaves."""

TABLES = ("gemm", "prefill", "decode", "latent_prefill", "latent_decode", "experts", "collectives")

KERNELS: Mapping[str, type] = {
    **dict.fromkeys(PRODUCTS, ProductKernel),
    **{f"experts_{name}": ExpertKernel for name in EXPERTS},
    "prefill": PromptKernel,
    "prefill_fp8": PromptKernel,
    "latent_prefill": PromptKernel,
    "latent_prefill_fp8": PromptKernel,
    "decode": DecodeKernel,
    "decode_fp8": DecodeKernel,
    "latent": LatentKernel,
    "latent_fp8": LatentKernel,
}
"""Name of a part to its fields, for kernels that bend."""

PARTS: Mapping[str, type] = {
    **KERNELS,
    **{f"{name}_bend": bend_of(AXES[kind]) for name, kind in KERNELS.items()},
    "vector": VectorKernel,
    **dict.fromkeys(COLLECTIVES, CollectiveKernel),
    **{f"{name}_residual": Residual for name in TABLES},
    **{f"{name}_scaled": Residual for name in TABLES},
    "bounded": Residual,
}
"""Name of a part to its fields; a family lacks the parts that its chips cannot run. ``_residual`` is that of chips
whose own rows were fitted, ``_scaled`` that of others, ``bounded`` that of kernels without any measurement."""


@spec
@with_parts(PARTS)
class KernelFamily(Parted):
    """The kernels of a generation, flat: the fields of `PARTS` beside those written here."""

    compute_units: Count | None = None
    """Of a typical chip, for chips whose own number is not public."""
    unit_peak: FlopsPerSecond | None = None
    """Lowest 16-bit peak per compute unit among the chips that were fitted."""
    warm_gain: Ratio | None = None
    """How much faster operands move that a repeated kernel finds in the last-level cache; None where it finds none."""


@dataclass(frozen=True)
class Kernels:
    """A family on one accelerator. Times are per call, without launch, and broadcast.

    `clock` is the clock over that of the peaks: it scales compute, not memory. `scale` multiplies
    every time, for a software release that is slower or faster than the one measured. `warm` kernels
    are repeated on the same operands, as in a benchmark: no layer of a served model is.
    """

    accelerator: Accelerator
    family: KernelFamily
    clock: Ratio = 1.0
    scale: Ratio = 1.0
    warm: bool = False

    def native(self, precision: str) -> bool:
        """Whether the chip's matrix units run this format, rather than widen its weights."""
        return getattr(self.accelerator, FORMATS[precision].peak) is not None

    def quantizes(self, precision: str) -> bool:
        """Whether products in this format need their activations brought to it."""
        return FORMATS[self._runs_as(precision, WIDENED)].activation_bytes < FORMATS["bf16"].activation_bytes

    def supports(self, precision: str) -> bool:
        """Whether products with weights in this format can be timed."""
        kernel = self._runs_as(precision, WIDENED)
        return self.family.has(kernel) and self.native(kernel)

    def launch(self, part: str) -> Seconds:
        """Launch floor of a part's isolated call: add it where no graph hides it."""
        return self.family.part(part, PARTS[part]).launch

    def gemm(self, tokens: Count, inputs: Count, outputs: Count, precision: str) -> Seconds:
        """A product [tokens, inputs] x [inputs, outputs]."""
        runs_as = self._runs_as(precision, WIDENED)
        kernel, form = self.family.part(runs_as, ProductKernel), FORMATS[runs_as]
        bend = self._bend(runs_as, tokens, inputs, outputs)
        moved = inputs * outputs * form.weight_bytes + tokens * (inputs * form.activation_bytes + outputs * 2.0)
        return (self.scale * bend) * product_time(
            rows=tokens,
            inputs=inputs,
            outputs=outputs,
            weight_bytes=form.weight_bytes,
            activation_bytes=form.activation_bytes,
            peak=self._peak(form.peak),
            compute_units=self._units,
            memory_bandwidth=self._bandwidth(moved),
            largest_tile=form.largest_tile,
            **self._at_clock(self._unhurried(arguments(kernel, "launch", "quantize_bytes"))),
        )

    def quantize(self, tokens: Count, inputs: Count, precision: str) -> Seconds:
        """Bringing a product's activations to its format, where no earlier kernel does it."""
        return self.scale * quantize_time(
            rows=tokens,
            inputs=inputs,
            bytes_per_value=self.family.part(self._runs_as(precision, WIDENED), ProductKernel).quantize_bytes,
            memory_bandwidth=self.accelerator.memory_bandwidth,
        )

    def prefill_attention(
        self,
        queries: Count,
        keys: Count,
        sequences: Count,
        heads: Count,
        kv_heads: Count,
        head_dim: Count,
        window: Count,
        precision: str,
    ) -> Seconds:
        """Causal attention of `queries` new tokens a sequence; `precision` is that of the cache."""
        cache = FORMATS[precision].weight_bytes
        return self._prompt("prefill", queries, keys, sequences, heads, kv_heads, head_dim, head_dim, window, cache)

    def latent_prefill(
        self,
        queries: Count,
        keys: Count,
        sequences: Count,
        heads: Count,
        nope: Count,
        rope: Count,
        value_dim: Count,
        precision: str = "bf16",
    ) -> Seconds:
        """Latent attention of a prompt, expanded to heads of `nope` + `rope` and `value_dim`."""
        cache = FORMATS[precision].weight_bytes
        return self._prompt(
            "latent_prefill", queries, keys, sequences, heads, heads, nope + rope, value_dim, 0.0, cache
        )

    def decode_attention(
        self,
        sequences: Count,
        keys: Count,
        heads: Count,
        kv_heads: Count,
        head_dim: Count,
        window: Count,
        cache_value_bytes: Bytes,
    ) -> Seconds:
        """Attention of one new token a sequence over its cache."""
        reach = window_keys(keys=keys, window=window, margin=0.0)
        bend = self._bend_by_cache("decode", cache_value_bytes, reach, sequences * kv_heads, heads / kv_heads, head_dim)
        return (self.scale * bend) * decode_time(
            sequences=sequences,
            keys=keys,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            window=window,
            cache_value_bytes=cache_value_bytes,
            peak=self._peak("peak_bf16"),
            compute_units=self._units,
            memory_bandwidth=self._bandwidth(2.0 * sequences * reach * kv_heads * head_dim * cache_value_bytes),
            **self._by_cache("decode", DecodeKernel, cache_value_bytes),
        )

    def latent_decode(
        self, sequences: Count, keys: Count, heads: Count, latent: Count, rope: Count, cache_value_bytes: Bytes
    ) -> Seconds:
        """Absorbed latent attention of one new token a sequence over its cache."""
        bend = self._bend_by_cache("latent", cache_value_bytes, keys, sequences, heads)
        return (self.scale * bend) * latent_decode_time(
            sequences=sequences,
            keys=keys,
            heads=heads,
            latent=latent,
            rope=rope,
            cache_value_bytes=cache_value_bytes,
            peak=self._peak("peak_bf16"),
            compute_units=self._units,
            memory_bandwidth=self._bandwidth(sequences * keys * (latent + rope) * cache_value_bytes),
            **self._unhurried(self._by_cache("latent", LatentKernel, cache_value_bytes)),
        )

    def experts(
        self,
        tokens: Count,
        hidden: Count,
        inner: Count,
        active: Count,
        experts: Count,
        tensor_parallel: Count,
        expert_parallel: Count,
        matrices: Count,
        precision: str,
        skew: Ratio = 0.0,
        span: Ratio = 4.0,
    ) -> Seconds:
        """Routed feed-forward of one layer on the slowest rank; `tokens` of the whole expert group.

        `skew` and `span` say how popular experts are: see `popularity`. The default, uniform with the
        most popular expert four times as popular as the least, is an assumption between the balance
        that training aims at and the skew that serving a single topic shows.
        """
        runs_as = self._runs_as(precision, WIDENED_EXPERTS)
        kernel, form = self.family.part(f"experts_{runs_as}", ExpertKernel), FORMATS[runs_as]
        routing = route(
            tokens=tokens, active=active, experts=experts, expert_parallel=expert_parallel, skew=skew, span=span
        )
        moved = routing.active_experts * matrices * hidden * inner / tensor_parallel * form.weight_bytes
        bend = self._bend(
            f"experts_{runs_as}", tokens * active / experts, experts / expert_parallel, hidden, inner / tensor_parallel
        )
        return (self.scale * bend) * experts_time(
            rows=routing.rows,
            local_experts=routing.local_experts,
            active_experts=routing.active_experts,
            hidden=hidden,
            inner=inner / tensor_parallel,
            matrices=matrices,
            weight_bytes=form.weight_bytes,
            activation_bytes=form.activation_bytes,
            peak=self._peak(form.peak),
            compute_units=self._units,
            memory_bandwidth=self._bandwidth(moved),
            largest_tile=form.largest_tile,
            **self._at_clock(self._unhurried(arguments(kernel, "launch", "sorted_bytes"))),
        )

    def sort_tokens(self, tokens: Count, hidden: Count, active: Count, precision: str) -> Seconds:
        """Picking a rank's tokens out of those of the whole group, where no exchange has brought just those."""
        kernel = self.family.part(f"experts_{self._runs_as(precision, WIDENED_EXPERTS)}", ExpertKernel)
        return self.scale * traffic_time(
            moved=tokens * active * hidden * kernel.sorted_bytes,
            memory_bandwidth=self.accelerator.memory_bandwidth,
            bandwidth_efficiency=1.0,
        )

    def indexer(
        self, queries: Count, keys: Count, sequences: Count, heads: Count, head_dim: Count, key_value_bytes: Bytes = 1.0
    ) -> Seconds:
        """Scoring of all keys by a sparse attention's indexer, in the precision of an 8-bit cache."""
        kernel = self.family.part("vector", VectorKernel)
        return self.scale * indexer_time(
            queries=queries,
            keys=keys,
            sequences=sequences,
            heads=heads,
            head_dim=head_dim,
            key_value_bytes=key_value_bytes,
            peak=self._peak("peak_bf16"),
            memory_bandwidth=self.accelerator.memory_bandwidth,
            **arguments(kernel, "launch"),
        )

    def recurrence(
        self, tokens: Count, sequences: Count, state: Count, work: Count, state_value_bytes: Bytes = 4.0
    ) -> Seconds:
        """A mixer with a fixed state per sequence, for `tokens` new tokens of all sequences."""
        kernel = self.family.part("vector", VectorKernel)
        return self.scale * recurrence_time(
            tokens=tokens,
            sequences=sequences,
            state=state,
            work=work,
            state_value_bytes=state_value_bytes,
            peak=self._peak("peak_bf16"),
            memory_bandwidth=self.accelerator.memory_bandwidth,
            **arguments(kernel, "launch"),
        )

    def elementwise(self, moved: Bytes) -> Seconds:
        """An operator that only moves bytes."""
        return self.scale * traffic_time(
            moved=moved,
            memory_bandwidth=self.accelerator.memory_bandwidth,
            bandwidth_efficiency=self.family.part("vector", VectorKernel).bandwidth_efficiency,
        )

    def _runs_as(self, precision: str, widened: Mapping[str, str]) -> str:
        return precision if self.native(precision) else widened.get(precision, precision)

    def _peak(self, name: str) -> FlopsPerSecond:
        peak = getattr(self.accelerator, name)
        if peak is None:
            raise StackwrightError(f"this accelerator has no {name!r}")
        return peak * self.clock

    @property
    def _units(self) -> Count:
        own = self.accelerator.compute_units
        units = self.family.compute_units if own is None else own
        if units is None:
            raise StackwrightError("neither the accelerator nor its kernel family says how many compute units it has")
        return units

    def _prompt(
        self,
        part: str,
        queries: Count,
        keys: Count,
        sequences: Count,
        heads: Count,
        kv_heads: Count,
        query_dim: Count,
        value_dim: Count,
        window: Count,
        cache_value_bytes: Bytes,
    ) -> Seconds:
        reach = window_keys(keys=keys, window=window, margin=0.0) / keys
        bend = self._bend_by_cache(
            part, cache_value_bytes, queries, sequences * heads, heads / kv_heads, query_dim, reach
        )
        moved = 2.0 * sequences * queries * (heads + kv_heads) * (query_dim + value_dim)
        parameters = self._unhurried(self._by_cache(part, PromptKernel, cache_value_bytes))
        if self.accelerator.exponential_rate is not None:
            parameters["score_time"] = parameters["score_time"] / self.accelerator.exponential_rate
        return (self.scale * bend) * prefill_time(
            queries=queries,
            keys=keys,
            sequences=sequences,
            heads=heads,
            kv_heads=kv_heads,
            query_dim=query_dim,
            value_dim=value_dim,
            window=window,
            cache_value_bytes=cache_value_bytes,
            peak=self._peak("peak_bf16"),
            compute_units=self._units,
            memory_bandwidth=self._bandwidth(moved),
            **parameters,
        )

    def _by_cache(self, part: str, cls: type[Any], cache_value_bytes: Bytes) -> dict[str, Any]:
        """Parameters of the 16-bit or the 8-bit cache's kernel, as the cache's format says."""
        if isinstance(cache_value_bytes, int | float):
            chosen = f"{part}_fp8" if cache_value_bytes < NARROW_BYTES else part
            return self._at_clock(arguments(self.family.part(chosen, cls), "launch"))
        wide = arguments(self.family.part(part, cls), "launch")
        narrow = arguments(self.family.part(f"{part}_fp8", cls), "launch")
        xp = namespace(cache_value_bytes)
        small = cache_value_bytes < NARROW_BYTES
        return self._at_clock({name: xp.where(small, narrow[name], wide[name]) for name in wide})

    def _bandwidth(self, moved: Bytes) -> BytesPerSecond:
        """Memory bandwidth as a kernel sees it that moves so many bytes."""
        bandwidth, gain, cache = self.accelerator.memory_bandwidth, self.family.warm_gain, self.accelerator.cache
        if not self.warm or gain is None or cache is None:
            return bandwidth
        return bandwidth * warm_speedup(moved=moved, cache=cache, gain=gain)

    def _bend(self, part: str, *sizes: Any) -> Ratio:
        """What bends a kernel's time at these sizes; one where nothing was fitted."""
        name = f"{part}_bend"
        if not self.family.has(name):
            return 1.0
        return bent(self.family.part(name, PARTS[name]), AXES[KERNELS[part]], sizes)

    def _bend_by_cache(self, part: str, cache_value_bytes: Bytes, *sizes: Any) -> Ratio:
        """The bend of the 16-bit or the 8-bit cache's kernel, as the cache's format says."""
        if isinstance(cache_value_bytes, int | float):
            return self._bend(f"{part}_fp8" if cache_value_bytes < NARROW_BYTES else part, *sizes)
        wide, narrow = self._bend(part, *sizes), self._bend(f"{part}_fp8", *sizes)
        return namespace(cache_value_bytes).where(cache_value_bytes < NARROW_BYTES, narrow, wide)

    def _unhurried(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters for a chip whose matrix units are slower than those of the chips that were fitted.

        What kept those from their peak, and what fills and drains a pipeline, are times: a slower matrix unit
        hides more of them.
        """
        own, known = self.accelerator.compute_units, self.family.unit_peak
        if own is None or known is None or self.accelerator.peak_bf16 is None:
            return parameters
        ratio = self.accelerator.peak_bf16 / own / known
        xp = namespace(ratio)
        ratio = xp.minimum(ratio, 1.0)
        least, cost = 1.0 / UNHINDERED, 1.0 / parameters["efficiency"]
        slower = xp.minimum(cost, least) + xp.maximum(cost - least, 0.0) * ratio
        changed = {"efficiency": 1.0 / slower}
        if "prologue" in parameters:
            changed["prologue"] = parameters["prologue"] * ratio
        return parameters | changed

    def _at_clock(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Parameters with the times of compute units stretched to this clock."""
        return {name: value / self.clock if name in CLOCKED else value for name, value in parameters.items()}


UNHINDERED = 0.95
"""Share of its peak that a matrix unit reaches when nothing else limits it. An assumption: products of thousands of
rows on H20, whose matrix units are a quarter as fast as H100's, reach 0.94."""

CLOCKED = ("step_time", "score_time", "value_time", "key_time", "block_time", "head_time")
"""Times that follow the clock of the compute units; latencies of memory and of launches do not."""

NARROW_BYTES = 1.5
"""Caches of fewer bytes per value run the 8-bit kernels."""
