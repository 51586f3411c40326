"""`Architecture`: what the other layers ask of a model: exact sizes, operators and cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from stackwright.core.units import Bytes, BytesPerToken, Count, Tokens
from stackwright.model.cache import INDEX_VALUE_BYTES, Cache, State, cached_bytes, ranks_sharing
from stackwright.model.operators import Experts, Gemm, Operator
from stackwright.model.parts import Part, PartName, merged, weights

ROLES = ("embedding", "head", "attention", "dense", "shared_expert", "experts", "router", "draft", "vector")
"""Kinds of weights that may be stored in different precisions. `vector` is everything that is no matrix:
norms, biases, convolutions; engines keep it in 16 or 32 bits."""


@dataclass(frozen=True)
class Architecture:
    """A text decoder read from a config.json.

    `parts` are those of one forward pass, layer after layer; `draft` are those of one
    multi-token-prediction step, empty where the config has none. `vision` says that the config
    describes a vision or audio tower, which is not counted anywhere here.
    """

    name: str
    family: str
    hidden: int
    vocabulary: int
    layers: int
    max_context: int
    parts: tuple[Part, ...]
    draft: tuple[Part, ...] = ()
    vision: bool = False
    native_precision: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """Operators of one forward pass, equal ones merged. Source: definition."""
        return merged(chain.from_iterable(part.operators for part in self.parts))

    @cached_property
    def draft_operators(self) -> tuple[Operator, ...]:
        """Operators of one draft step, head included; empty without draft layers. Source: definition."""
        return merged(chain.from_iterable(part.operators for part in self.draft))

    @cached_property
    def caches(self) -> tuple[Cache, ...]:
        """What a sequence caches per token, equal layers merged; draft layers not counted. Source: definition."""
        return merged(chain.from_iterable(part.caches for part in self.parts))

    @cached_property
    def states(self) -> tuple[State, ...]:
        """The fixed-size states of a sequence, equal layers merged. Source: definition."""
        return merged(chain.from_iterable(part.states for part in self.parts))

    @cached_property
    def parameters_by_part(self) -> dict[PartName, int]:
        """Parameters of the decoder by where they sit; draft layers not counted. Source: definition."""
        counts: dict[PartName, int] = {}
        for part in self.parts:
            counts[part.name] = counts.get(part.name, 0) + part.parameters
        return counts

    @cached_property
    def parameters_by_role(self) -> dict[str, int]:
        """Parameters by the role that decides their precision and sharding; sums to the total.

        Source: definition.
        """
        counts = dict.fromkeys(ROLES, 0)
        for part in self.parts:
            if part.name == "embedding":
                counts["embedding"] += part.parameters
            elif not part.borrows:
                counts["vector"] += part.vectors
                for operator in part.operators:
                    counts[_role(operator)] += weights(operator)
        return counts

    @property
    def total_parameters(self) -> int:
        """Parameters of the text decoder with embedding and head, without draft layers. Source: definition."""
        return sum(self.parameters_by_part.values())

    @cached_property
    def draft_parameters(self) -> int:
        """Parameters of the draft layers, without the embedding and head they share. Source: definition."""
        return sum(part.parameters for part in self.draft)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that multiply one token's activations.

        The chosen experts, everything shared, and the output head count; the table from which the
        input embedding is looked up does not, unless it is also the head. Source: definition.
        """
        idle = sum(part.idle for part in self.parts)
        return self.total_parameters - idle - (0 if self.tied else self.embedding_parameters)

    @property
    def active_parameters_with_embedding(self) -> int:
        """`active_parameters` plus the whole input embedding, as some model cards count. Source: definition."""
        return self.active_parameters + (0 if self.tied else self.embedding_parameters)

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the input embedding. Source: definition."""
        return self.parameters_by_part.get("embedding", 0)

    @cached_property
    def tied(self) -> bool:
        """True where the head is the input embedding. Source: definition."""
        return any(part.name == "head" and part.borrows for part in self.parts)

    @property
    def has_experts(self) -> bool:
        """True for a mixture of experts. Source: definition."""
        return any(isinstance(operator, Experts) for operator in self.operators)

    def cache_bytes(
        self,
        tokens: Tokens,
        value_bytes: Bytes,
        *,
        tensor_parallel: Count = 1.0,
        index_value_bytes: Bytes = INDEX_VALUE_BYTES,
    ) -> Bytes:
        """Bytes that a sequence of this length holds on each of `tensor_parallel` ranks.

        Windows saturate, states are constant, index keys keep their own precision, and what has too
        few heads to divide is copied. `tokens` of any shape. Source: definition.
        """
        total = self.state_bytes(tensor_parallel=tensor_parallel)
        for cache in self.caches:
            total = total + cache.count * cached_bytes(
                tokens=tokens,
                values=cache.values,
                window=cache.limit,
                compress=cache.compress,
                value_bytes=index_value_bytes if cache.index else value_bytes,
            ) / ranks_sharing(tensor_parallel=tensor_parallel, heads=cache.heads)
        return total

    def state_bytes(self, *, tensor_parallel: Count = 1.0) -> Bytes:
        """Constant part of the cache of a sequence, on each rank. Source: definition."""
        total: Bytes = 0.0
        for state in self.states:
            share = ranks_sharing(tensor_parallel=tensor_parallel, heads=state.heads)
            total = total + state.count * state.values * state.value_bytes / share
        return total

    def cache_bytes_per_token(
        self, value_bytes: Bytes, *, index_value_bytes: Bytes = INDEX_VALUE_BYTES
    ) -> BytesPerToken:
        """Slope of the part of the cache that grows without end. Source: definition."""
        return _slope((cache for cache in self.caches if not cache.window), value_bytes, index_value_bytes)

    def window_bytes_per_token(self, value_bytes: Bytes) -> BytesPerToken:
        """Slope of the windowed part while a sequence is shorter than `window_tokens`. Source: definition."""
        return _slope((cache for cache in self.caches if cache.window), value_bytes, value_bytes)

    @property
    def window_tokens(self) -> int:
        """Longest attention window, 0 where no layer has one. Source: definition."""
        return max((cache.window for cache in self.caches), default=0)


def _slope(caches: Iterable[Cache], value_bytes: Bytes, index_value_bytes: Bytes) -> BytesPerToken:
    total: BytesPerToken = 0.0
    for cache in caches:
        size = index_value_bytes if cache.index else value_bytes
        total = total + cache.count * cache.values / cache.compress * size
    return total


def _role(operator: Operator) -> str:
    if isinstance(operator, Gemm):
        return operator.role
    return "experts" if isinstance(operator, Experts) else "vector"
