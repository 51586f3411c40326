"""Counts that were published to the last digit, cache and state sizes, and what sums must hold."""

from __future__ import annotations

import pytest
from packaged_models import CONFIGS, architecture, raw

from stackwright.model.config import from_mapping
from stackwright.model.families import FAMILIES
from stackwright.model.operators import Attention, Experts, Gemm, LatentAttention, Recurrence
from stackwright.model.parts import weights

GIGABYTE = 2.0**30

# Parameter counts of the published checkpoints' safetensors files.
EXACT = {
    "AI21-Jamba-1.5-Mini": 51_570_323_328,
    "BLOOM-176B": 176_247_271_424,
    "DeepSeek-V3": 671_026_419_200,
    "Falcon-180B": 179_522_565_120,
    "Llama-2-70b": 68_976_648_192,
    "Meta-Llama-3.1-405B": 405_853_388_800,
    "Meta-Llama-3.1-70B": 70_553_706_496,
    "Meta-Llama-3.1-8B": 8_030_261_248,
    "Mistral-7B-v0.2": 7_241_732_096,
    "Mixtral-8x7B-v0.1": 46_702_792_704,
    "Qwen2.5-7B": 7_615_616_512,
    "Qwen3-0.6B": 596_049_920,
    "Qwen3-30B-A3B": 30_532_122_624,
    "Qwen3-8B": 8_190_735_360,
    "gpt-oss-120b": 116_829_156_672,
    "gpt-oss-20b": 20_914_757_184,
}


@pytest.mark.parametrize(("name", "parameters"), EXACT.items())
def test_totals_are_exact(name: str, parameters: int) -> None:
    assert architecture(name).total_parameters == parameters


@pytest.mark.parametrize("name", CONFIGS)
def test_sums_hold(name: str) -> None:
    model = architecture(name)
    assert sum(model.parameters_by_role.values()) == model.total_parameters
    assert sum(model.parameters_by_part.values()) == model.total_parameters
    assert 0 < model.active_parameters <= model.total_parameters
    assert (model.active_parameters_with_embedding < model.total_parameters) == model.has_experts
    matrices = sum(weights(operator) for operator in model.operators)
    borrowed = model.hidden * model.vocabulary if model.tied else 0
    others = model.parameters_by_role["vector"] + model.embedding_parameters
    assert matrices - borrowed + others == model.total_parameters


@pytest.mark.parametrize("name", CONFIGS)
def test_one_head_per_pass_and_one_mixer_per_layer(name: str) -> None:
    model = architecture(name)
    heads = [operator for operator in model.operators if isinstance(operator, Gemm) and operator.role == "head"]
    assert [(head.inputs, head.outputs, head.count) for head in heads] == [(model.hidden, model.vocabulary, 1)]
    mixers = sum(
        operator.count
        for operator in model.operators
        if isinstance(operator, Recurrence)
        or (isinstance(operator, Attention | LatentAttention) and operator.compress == 1)
    )
    assert mixers <= model.layers


@pytest.mark.parametrize("name", CONFIGS)
def test_every_role_has_a_stored_precision(name: str) -> None:
    stored = architecture(name).native_precision
    assert set(stored) == {*architecture(name).parameters_by_role}
    assert set(stored.values()) <= {"bf16", "fp16", "fp32", "fp8", "fp4", "int4", "int8"}


def test_every_family_is_exercised() -> None:
    without_a_config = {"Gemma3ForCausalLM", "KimiLinearForCausalLM", "Llama4ForCausalLM"}
    assert {architecture(name).family for name in CONFIGS} == set(FAMILIES) - without_a_config


@pytest.mark.parametrize(
    ("name", "layers"), [("DeepSeek-V3", 61), ("DeepSeek-R1", 61), ("Kimi-K2-Instruct", 61), ("Kimi-K2.5", 61)]
)
def test_latent_attention_caches_576_values_per_token_and_layer(name: str, layers: int) -> None:
    model = architecture(name)
    assert model.cache_bytes_per_token(1.0) == 576 * layers
    assert model.cache_bytes(1000.0, 2.0) == 2.0 * 576 * layers * 1000
    assert model.cache_bytes(1000.0, 2.0, tensor_parallel=8.0) == model.cache_bytes(1000.0, 2.0)


def test_sparse_attention_also_caches_index_keys_in_eight_bits() -> None:
    # FP8 keys of 128 values with an FP32 scale, on all 61 layers.
    assert architecture("DeepSeek-V3.2").cache_bytes_per_token(2.0) == 61 * (2 * 576 + 132)


def test_shared_indexers_save_weights_and_cache() -> None:
    each, shared = architecture("GLM-5"), architecture("GLM-5.2")
    own = sum(kind == "full" for kind in raw("GLM-5.2")["indexer_types"])
    part = each.parameters_by_part["indexer"] // 78
    assert shared.parameters_by_part["indexer"] == own * part
    assert each.cache_bytes_per_token(2.0) - shared.cache_bytes_per_token(2.0) == (78 - own) * 132
    selected = {operator.selected for operator in shared.operators if isinstance(operator, LatentAttention)}
    assert selected == {2048}


def test_compressed_cache_of_deepseek_v4_pro_at_a_million_tokens() -> None:
    # 9.62 GiB per sequence of 2^20 tokens with everything in bf16, as reported with the release.
    model = architecture("DeepSeek-V4-Pro")
    growing = model.cache_bytes_per_token(2.0, index_value_bytes=2.0) * 2**20
    assert growing / GIGABYTE == pytest.approx(9.62, abs=0.005)


def test_draft_layer_of_deepseek_v3() -> None:
    # DeepSeek-V3, README_WEIGHTS: 11.5B parameters beside the shared embedding and head.
    model = architecture("DeepSeek-V3")
    assert model.draft_parameters == pytest.approx(11.5e9, rel=0.01)
    assert sum(isinstance(operator, LatentAttention) for operator in model.draft_operators) == 1
    assert not architecture("Qwen3-8B").draft_operators


def test_draft_layer_explains_the_stored_total_of_glm_5_2() -> None:
    model = architecture("GLM-5.2")
    assert model.total_parameters + model.draft_parameters == pytest.approx(753e9, rel=0.001)


def test_state_of_kimi_k3() -> None:
    # 69 layers of 96 heads with 128 x 128 FP32 values, and 3 inputs of the convolutions in bf16.
    recurrent, convolution = 69 * 96 * 128 * 128 * 4, 69 * 3 * 96 * 128 * 3 * 2
    assert architecture("Kimi-K3").state_bytes() == recurrent + convolution
    assert architecture("Kimi-K3").cache_bytes_per_token(2.0) == 24 * 576 * 2


@pytest.mark.parametrize(
    ("name", "mixers", "values", "value_bytes", "channels"),
    [
        ("Nemotron-H-56B-Base-8K", 54, 256 * 64 * 256, 2, 256 * 64 + 2 * 8 * 256),
        ("NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 23, 64 * 64 * 128, 4, 64 * 64 + 2 * 8 * 128),
        ("NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", 48, 256 * 64 * 128, 4, 256 * 64 + 2 * 8 * 128),
        ("AI21-Jamba-1.5-Mini", 28, 2 * 4096 * 16, 2, 2 * 4096),
        ("Qwen3.5-397B-A17B", 45, 64 * 128 * 128, 4, 2 * 16 * 128 + 64 * 128),
    ],
)
def test_states_of_hybrids(name: str, mixers: int, values: int, value_bytes: int, channels: int) -> None:
    assert architecture(name).state_bytes() == mixers * (values * value_bytes + 3 * channels * 2)


def test_states_divide_over_tensor_ranks() -> None:
    model = architecture("Qwen3.5-397B-A17B")
    assert model.state_bytes(tensor_parallel=8.0) == model.state_bytes() / 8


@pytest.mark.parametrize(
    ("name", "window", "windowed", "full"),
    [
        ("gpt-oss-120b", 128, 18 * 2 * 8 * 64, 18 * 2 * 8 * 64),
        ("gemma-4-26B-A4B", 1024, 25 * 2 * 8 * 256, 5 * 2 * 2 * 512),
        ("MiMo-V2-Flash", 128, 39 * 8 * (192 + 128), 9 * 4 * (192 + 128)),
        ("Llama-4-Scout-17B-16E-Instruct", 8192, 36 * 2 * 8 * 128, 12 * 2 * 8 * 128),
    ],
)
def test_windows_saturate(name: str, window: int, windowed: int, full: int) -> None:
    model = architecture(name)
    assert model.window_tokens == window
    assert model.window_bytes_per_token(1.0) == windowed
    assert model.cache_bytes_per_token(1.0) == full
    assert model.cache_bytes(float(window), 1.0) == window * (windowed + full)
    assert model.cache_bytes(4.0 * window, 1.0) == window * (windowed + 4 * full)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("gpt-oss-120b", {"experts": "fp4", "attention": "bf16", "head": "bf16"}),
        (
            "DeepSeek-V3",
            {"experts": "fp8", "attention": "fp8", "shared_expert": "fp8", "router": "bf16", "head": "bf16"},
        ),
        ("DeepSeek-V4-Pro", {"experts": "fp4", "attention": "fp8"}),
        (
            "Kimi-K2.5",
            {"experts": "int4", "attention": "bf16", "dense": "bf16", "shared_expert": "bf16", "head": "bf16"},
        ),
        ("Kimi-K3", {"experts": "fp4", "attention": "bf16", "dense": "bf16", "shared_expert": "bf16"}),
        ("MiniMax-M2.5", {"experts": "fp8", "router": "bf16"}),
        ("Meta-Llama-3.1-8B", {"dense": "bf16"}),
    ],
)
def test_stored_precision(name: str, stored: dict[str, str]) -> None:
    assert architecture(name).native_precision | stored == architecture(name).native_precision


def test_experts_of_a_latent_space_are_narrow() -> None:
    [routed] = [operator for operator in architecture("Kimi-K3").operators if isinstance(operator, Experts)]
    assert (routed.experts, routed.active, routed.hidden, routed.inner, routed.count) == (896, 16, 3584, 3072, 92)


def test_per_layer_blocks_of_the_searched_architecture() -> None:
    model = architecture("Llama-3_3-Nemotron-Super-49B-v1")
    mixers = sum(operator.count for operator in model.operators if isinstance(operator, Attention))
    ups = {
        operator.outputs // 2
        for operator in model.operators
        if isinstance(operator, Gemm) and operator.name == "dense_up"
    }
    assert mixers == 49
    # 2/3 of 0.5, 1, 1.3125, 2.625, 3.28125 and 5.25 times 8192, rounded up to 256.
    assert ups == {2816, 5632, 7168, 14336, 17920, 28672}


@pytest.mark.parametrize(
    ("name", "inside"),
    [("gemma-3-12b-it", "Gemma3ForCausalLM"), ("Llama-4-Scout-17B-16E-Instruct", "Llama4ForCausalLM")],
)
def test_a_text_decoder_alone_reads_like_the_one_inside(name: str, inside: str) -> None:
    text = raw(name)["text_config"] | {"architectures": [inside]}
    alone = from_mapping(text, name)
    assert alone.operators == architecture(name).operators
    assert alone.total_parameters == architecture(name).total_parameters


def test_published_kimi_linear() -> None:
    # Kimi Team, Kimi Linear (2025), section 5.1: 48B parameters, 3B active.
    data = {
        "architectures": ["KimiLinearForCausalLM"],
        "hidden_size": 2304,
        "vocab_size": 163840,
        "num_hidden_layers": 27,
        "max_position_embeddings": 1048576,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "intermediate_size": 9216,
        "moe_intermediate_size": 1024,
        "num_experts": 256,
        "num_experts_per_token": 8,
        "num_shared_experts": 1,
        "first_k_dense_replace": 1,
        "linear_attn_config": {
            "kda_layers": [number for number in range(1, 28) if number % 4 and number != 27],
            "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
            "num_heads": 32,
            "head_dim": 128,
            "short_conv_kernel_size": 4,
        },
    }
    model = from_mapping(data, "kimi-linear")
    assert model.total_parameters == pytest.approx(48e9, abs=1.2e9)
    assert model.active_parameters == pytest.approx(3e9, abs=0.5e9)
