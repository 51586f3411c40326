"""What every family shares: the file being read, the sizes around the layers, and the assembly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import embedding, head
from stackwright.model.keys import Keys
from stackwright.model.parts import Part
from stackwright.model.quantization import native_precision


@dataclass(frozen=True)
class Config:
    """A config being read: the keys of its text decoder, and the enclosing ones if it is multimodal."""

    name: str
    architecture: str
    keys: Keys
    outer: Keys | None = None


@dataclass(frozen=True)
class Frame:
    """Sizes that every decoder has."""

    hidden: int
    vocabulary: int
    layers: int
    max_context: int
    tied: bool
    precision: dict[str, str]


def read_frame(
    config: Config,
    *,
    hidden: str = "hidden_size",
    layers: str = "num_hidden_layers",
    context: str = "max_position_embeddings",
    depth: int | None = None,
    tied: bool = False,
) -> Frame:
    """The frame of a config; `depth` where the layers are counted elsewhere. Source: definition."""
    keys, outer = config.keys, config.outer
    outer_tied = outer.flag("tie_word_embeddings", tied) if outer else tied
    return Frame(
        hidden=keys.count(hidden),
        vocabulary=keys.count("vocab_size"),
        layers=keys.depth(layers) if depth is None else depth,
        max_context=keys.count(context),
        tied=keys.flag("tie_word_embeddings", outer_tied),
        precision=native_precision(keys, outer),
    )


def assemble(
    config: Config,
    frame: Frame,
    layers: Iterable[Part],
    *,
    draft: tuple[Part, ...] = (),
    start: Part | None = None,
    end: tuple[Part, ...] | None = None,
) -> Architecture:
    """The architecture of these layers; `start` and `end` replace the plain embedding and head. Source: definition."""
    first = embedding(frame.vocabulary, frame.hidden) if start is None else start
    last = head(frame.vocabulary, frame.hidden, tied=frame.tied) if end is None else end
    return Architecture(
        name=config.name,
        family=config.architecture,
        hidden=frame.hidden,
        vocabulary=frame.vocabulary,
        layers=frame.layers,
        max_context=frame.max_context,
        parts=(first, *layers, *last),
        draft=draft,
        vision=config.outer is not None and any(config.outer.has(key) for key in ("vision_config", "audio_config")),
        native_precision=frame.precision,
    )


@dataclass(frozen=True)
class Heads:
    """Sizes of grouped-query attention."""

    heads: int
    kv_heads: int
    head_dim: int


def read_heads(keys: Keys, hidden: int) -> Heads:
    """Attention heads; key-value heads default to all of them, head size to an equal share. Source: definition."""
    heads = keys.count("num_attention_heads")
    kv_heads = keys.count("num_key_value_heads", heads)
    keys.divides(heads, kv_heads, "num_attention_heads", "num_key_value_heads")
    if keys.has("head_dim"):
        head_dim = keys.count("head_dim")
    else:
        keys.known(("head_dim",))
        head_dim = keys.divides(hidden, heads, "hidden_size", "num_attention_heads")
    return Heads(heads, kv_heads, head_dim)


def text_model_defaults(keys: Keys) -> None:
    """Keys that the Transformers base class writes into a nested text config; a decoder has none of it.

    Source: Hugging Face Transformers documentation, configuration (2025).
    """
    keys.only("is_decoder", False)
    keys.only("is_encoder_decoder", False)
    keys.only("add_cross_attention", False)
    keys.only("cross_attention_hidden_size")
    keys.only("tie_encoder_decoder", False)
    keys.only("tf_legacy_loss", False)


def read_state_bytes(keys: Keys, key: str) -> float:
    """Bytes per value of a recurrent state; the weights' 16 bits where the config does not say. Source: definition."""
    return {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}[
        keys.word(key, ("float32", "bfloat16", "float16"), "bfloat16")
    ]
