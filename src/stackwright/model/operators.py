"""What a forward pass consists of: operators, named once per kind of layer and counted.

An `Architecture` lists its operators without knowing the batch or the parallelism; serving and
training ask each for its work under theirs. Sizes are plain integers: they are structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shard = Literal["column", "row", "replicated", "vocabulary"]
"""How tensor parallelism splits a GEMM: over its outputs, over its inputs, or not at all."""

Role = Literal["attention", "dense", "shared_expert", "router", "head", "draft"]
"""Which part of the model a GEMM belongs to: precision and parallelism are chosen by role."""


@dataclass(frozen=True)
class Gemm:
    """A dense projection ``[tokens, inputs] x [inputs, outputs]``, `count` times per forward pass."""

    name: str
    inputs: int
    outputs: int
    count: int
    shard: Shard
    role: Role


@dataclass(frozen=True)
class Attention:
    """Softmax attention with grouped key-value heads; `window` tokens if sliding, else 0.

    `selected` tokens if a sparse indexer picks that many keys (DeepSeek sparse attention), else 0;
    the indexer's own work is in `indexer_heads` of `indexer_dim`. `compress` tokens share one key
    (DeepSeek-V4); 1 where every token has its own.
    """

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int
    window: int
    count: int
    selected: int = 0
    indexer_heads: int = 0
    indexer_dim: int = 0
    compress: int = 1


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention (MLA): one latent of `latent` + `rope` values per token and layer.

    `window`, `selected`, `indexer_heads`, `indexer_dim` and `compress` as in `Attention`.
    """

    heads: int
    latent: int
    rope: int
    nope: int
    value_dim: int
    count: int
    window: int = 0
    selected: int = 0
    indexer_heads: int = 0
    indexer_dim: int = 0
    compress: int = 1


@dataclass(frozen=True)
class Recurrence:
    """A linear-attention or state-space mixer: a state of fixed size per sequence and layer.

    `state` values of `value_bytes` each per sequence and layer; `work` multiply-adds per token and
    layer beside the GEMMs.
    """

    state: int
    work: int
    count: int
    value_bytes: float = 4.0


@dataclass(frozen=True)
class Experts:
    """Routed expert feed-forward layers: `matrices` of `hidden` x `inner` per expert."""

    experts: int
    active: int
    hidden: int
    inner: int
    matrices: int
    count: int


@dataclass(frozen=True)
class Elementwise:
    """Normalization, activation and residual traffic: values moved per token, `count` times.

    `sharded` where tensor parallelism splits the values, as between two column- and row-split GEMMs;
    `last` where only the last token of a sequence goes through.
    """

    name: str
    values: int
    count: int
    sharded: bool = False
    last: bool = False


Operator = Gemm | Attention | LatentAttention | Recurrence | Experts | Elementwise
