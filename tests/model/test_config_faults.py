"""A config that is not understood is refused, with every fault at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaged_models import CONFIGS, raw

from stackwright.core.errors import InputError
from stackwright.model.architecture import Architecture
from stackwright.model.config import from_mapping, read_config


def faults(data: Any, name: str = "model") -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        from_mapping(data, name)
    assert all(fault.file and fault.expected for fault in caught.value.faults)
    return {fault.path: str(fault) for fault in caught.value.faults}


def test_unknown_architecture_names_the_nearest() -> None:
    found = faults({"architectures": ["LlamaForCasualLM"]})
    assert "did you mean 'LlamaForCausalLM'" in found["architectures[0]"]


@pytest.mark.parametrize("named", [None, [], "LlamaForCausalLM", [1], ["A", "B"]])
def test_architecture_has_to_be_one_name(named: Any) -> None:
    assert set(faults({"architectures": named})) == {"architectures"}


def test_all_faults_come_together() -> None:
    data = raw("Meta-Llama-3.1-8B")
    del data["vocab_size"]
    data |= {"num_hidden_layers": -3, "hidden_size": "4096", "num_attention_heads": 7, "tie_word_embeddings": "no"}
    data |= {"attention_sparsity": 0.5, "intermediate_size": True, "max_position_embeddings": 1.5}
    assert set(faults(data)) == {
        "vocab_size",
        "num_hidden_layers",
        "hidden_size",
        "num_attention_heads",
        "tie_word_embeddings",
        "attention_sparsity",
        "intermediate_size",
        "max_position_embeddings",
    }


def test_faults_in_nested_configs_say_where() -> None:
    data = raw("Kimi-K3")
    data["text_config"]["linear_attn_config"]["num_heads"] = 0
    data["text_config"]["linear_attn_config"]["feature_map"] = "elu"
    data["text_config"]["quantization_config"]["quant_method"] = "gptq"
    data["text_config"]["kv_lora_rank"] = None
    data["extra_tower"] = {}
    assert set(faults(data)) == {
        "extra_tower",
        "text_config.kv_lora_rank",
        "text_config.linear_attn_config.num_heads",
        "text_config.linear_attn_config.feature_map",
        "text_config.quantization_config.quant_method",
    }


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("Qwen3-8B", "use_sliding_window", True),
        ("Qwen3-30B-A3B", "decoder_sparse_step", 2),
        ("Qwen3-30B-A3B", "num_experts_per_tok", 129),
        ("DeepSeek-V3", "moe_layer_freq", 2),
        ("GLM-5.2", "index_topk_pattern", "FFSS"),
        ("GLM-5.2", "indexer_types", ["full"]),
        ("MiniMax-M3", "attention_output_gate", True),
        ("MiMo-V2-Flash", "n_shared_experts", 1),
        ("DeepSeek-V4-Pro", "compress_ratios", [3] * 62),
        ("Nemotron-H-56B-Base-8K", "hybrid_override_pattern", "M-X"),
        ("NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", "layers_block_type", ["mamba", "lstm"]),
        ("Llama-3_3-Nemotron-Super-49B-v1", "block_configs", [{}]),
        ("MPT-7B", "no_bias", False),
        ("Falcon-180B", "alibi", True),
    ],
)
def test_values_that_would_change_the_shape_are_refused(name: str, key: str, value: Any) -> None:
    assert key in faults(raw(name) | {key: value})


def test_layers_of_a_searched_architecture_are_checked_one_by_one() -> None:
    data = raw("Llama-3_3-Nemotron-Super-49B-v1")
    data["block_configs"][3]["attention"]["replace_with_linear"] = True
    data["block_configs"][5]["ffn"]["ffn_mult"] = "2.6"
    assert set(faults(data)) == {"block_configs[3].attention.replace_with_linear", "block_configs[5].ffn.ffn_mult"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "valid JSON"),
        ("[1]", "a mapping of keys"),
        ("[" * 100_000, "without deep nesting"),
        ('{"a": "' + "x" * 4_000_000 + '"}', "at most"),
    ],
)
def test_files_that_are_no_config(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=part):
        read_config(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(InputError):
            read_config(path)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        read_config(binary)


values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=5), st.just([]), st.just({})
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CONFIGS), st.data())
def test_a_mutated_config_is_read_or_refused_never_a_crash(name: str, data: st.DataObject) -> None:
    config = raw(name)
    inner = config["text_config"] if "text_config" in config and data.draw(st.booleans()) else config
    for key in data.draw(st.lists(st.sampled_from(sorted(inner)), min_size=1, max_size=4, unique=True)):
        if data.draw(st.booleans()):
            del inner[key]
        else:
            inner[key] = data.draw(values)
    try:
        model = from_mapping(json.loads(json.dumps(config)), name)
    except InputError as error:
        assert error.faults
        assert all(fault.file and fault.expected for fault in error.faults)
    else:
        assert isinstance(model, Architecture)
        assert model.total_parameters > 0
