"""From a Hugging Face config.json to an `Architecture`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackwright.core.errors import Fault, InputError, nearest
from stackwright.model.architecture import Architecture
from stackwright.model.families import FAMILIES
from stackwright.model.frame import Config
from stackwright.model.keys import Keys

LARGEST_FILE = 4_000_000

AROUND_THE_TEXT = frozenset(
    [
        "audio_config",
        "audio_token_id",
        "boa_token_id",
        "boi_token_id",
        "eoa_token_id",
        "eoa_token_index",
        "eoi_token_id",
        "boi_token_index",
        "eoi_token_index",
        "ignore_index",
        "image_placeholder",
        "image_token_id",
        "image_token_index",
        "media_placeholder_token_id",
        "mm_tokens_per_image",
        "use_unified_vision_chunk",
        "video_placeholder",
        "video_token_id",
        "vision_config",
        "vision_end_token_id",
        "vision_soft_tokens_per_image",
        "vision_start_token_id",
    ]
)
"""Keys of a multimodal model around its text decoder. Towers and projectors are not counted."""


def read_config(path: Path) -> Architecture:
    """Read a config.json; raises `InputError` with every fault found.

    Source: Hugging Face Transformers documentation, configuration (2025).
    """
    return from_mapping(_load(path), path.stem, file=str(path))


def from_mapping(data: Mapping[str, Any], name: str, *, file: str | None = None) -> Architecture:
    """Read a config given as a mapping; raises `InputError` with every fault found.

    Source: Hugging Face Transformers documentation, configuration (2025).
    """
    shown = file or name
    architecture = _architecture(data, shown)
    keys = Keys(data, shown)
    if not isinstance(data.get("text_config"), Mapping):
        return FAMILIES[architecture](Config(name, architecture, keys))
    inner = keys.nested("text_config")
    keys.known(AROUND_THE_TEXT | {"text_config", "tie_word_embeddings", "dtype", "torch_dtype", "quantization_config"})
    keys.refuse_unknown()
    return FAMILIES[architecture](Config(name, architecture, inner, outer=keys))


def _architecture(data: Mapping[str, Any], file: str) -> str:
    named = data.get("architectures")
    known = ", ".join(sorted(FAMILIES))
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        raise InputError([Fault(file, "architectures", repr(named)[:60], f"a list of one name, out of {known}")])
    if named[0] not in FAMILIES:
        near = nearest(named[0], FAMILIES)
        raise InputError([Fault(file, "architectures[0]", repr(named[0])[:60], f"one of {known}", nearest=near)])
    return named[0]


def _load(path: Path) -> Mapping[str, Any]:
    file = str(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError([Fault(file, "", f"{size} bytes", f"at most {LARGEST_FILE} bytes")])
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError([Fault(file, "", f"{error.msg}", "valid JSON", error.lineno)]) from None
    except (RecursionError, UnicodeDecodeError, ValueError) as error:
        raise InputError([Fault(file, "", type(error).__name__, "a JSON file in UTF-8 without deep nesting")]) from None
    except OSError as error:
        raise InputError([Fault(file, "", error.strerror or str(error), "a config.json that can be read")]) from None
    if not isinstance(data, Mapping):
        raise InputError([Fault(file, "", type(data).__name__, "a mapping of keys")])
    return data
