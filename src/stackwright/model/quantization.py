"""How a checkpoint stores its weights, role by role, from the ``quantization_config`` of its config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackwright.model.keys import Keys

STORED = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
LINEAR = ("attention", "dense", "shared_expert", "experts", "draft")
"""Roles whose matrices a quantizer converts unless told otherwise; head, router and embedding stay."""

EXCEPTIONS = {
    "attention": ("self_attn",),
    "shared_expert": ("shared_expert",),
    "dense": ("mlp.down_proj", "mlp\\.("),
}
"""Words by which a quantizer's list of exceptions names a role. They are searched for, not run as the
regular expressions some of them are: a config file is not trusted with those."""

_FORMATS = {("int", 4): "int4", ("float", 4): "fp4", ("int", 8): "int8", ("float", 8): "fp8"}


def native_precision(keys: Keys, outer: Keys | None = None) -> dict[str, str]:
    """Precision of the stored weights by role.

    `outer` is the enclosing config of a multimodal model, which may state the data type alone.
    Source: Hugging Face Transformers documentation, quantization (2025).
    """
    stored = _stored(keys) or (_stored(outer) if outer else None) or "bf16"
    precision = dict.fromkeys((*LINEAR, "head", "router", "embedding", "vector"), stored)
    for holder in (keys, outer):
        if holder is not None and holder.has("quantization_config"):
            precision |= _quantized(holder.nested("quantization_config"))
    return precision


def _stored(keys: Keys) -> str | None:
    found = None
    for key in ("dtype", "torch_dtype"):
        if keys.has(key):
            found = STORED[keys.word(key, tuple(STORED))]
    return found


def _quantized(keys: Keys) -> dict[str, str]:
    methods = ("fp8", "mxfp4", "compressed-tensors")
    method = keys.word("quant_method", methods)
    if keys.data.get("quant_method") not in methods:
        return {}
    if method == "fp8":
        keys.known(("activation_scheme", "fmt", "scale_fmt", "weight_block_size", "modules_to_not_convert"))
        made = _except(keys.data.get("modules_to_not_convert") or (), "fp8")
    elif method == "mxfp4":
        keys.known(("modules_to_not_convert",))
        made = {"experts": "fp4"}
    else:
        made = _compressed(keys)
    keys.refuse_unknown()
    return made


def _compressed(keys: Keys) -> dict[str, str]:
    keys.known(
        ("config_groups", "format", "ignore", "kv_cache_scheme", "quantization_status", "global_compression_ratio")
    )
    groups = keys.data.get("config_groups")
    weights = [group.get("weights") for group in groups.values()] if isinstance(groups, Mapping) else []
    if len(weights) != 1 or not isinstance(weights[0], Mapping):
        keys.fault("config_groups", "one group with weights")
        return {}
    found = _FORMATS.get((weights[0].get("type"), weights[0].get("num_bits")))  # type: ignore[arg-type]
    if found is None:
        keys.fault("config_groups", f"weights of {', '.join(sorted(_FORMATS.values()))}")
        return {}
    ignored = keys.data.get("ignore")
    return _except(ignored if isinstance(ignored, list) else (), found)


def _except(ignored: Sequence[Any], precision: str) -> dict[str, str]:
    rules = " ".join(map(str, ignored))
    return {role: precision for role in LINEAR if not any(word in rules for word in EXCEPTIONS.get(role, ()))}
