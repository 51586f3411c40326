"""Every pattern of parallel sizes, lengths and formats that tables of measurements carry."""

import math

import pytest

from stackwright.evidence.names import (
    ATTENTION_DATA_PARALLEL,
    Amount,
    Spread,
    amount,
    number,
    open_spreads,
    positive,
    precision,
    served_spreads,
    stated_spreads,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("n/a", None),
        ("64", Amount(64.0)),
        ("7.99 mean", Amount(7.99)),
        ("128/GPU", Amount(128.0, per_chip=True)),
        ("16384 tokens/GPU", Amount(16384.0, per_chip=True, tokens=True)),
        ("1e3", Amount(1000.0)),
        ("inf", Amount(math.inf)),
    ],
)
def test_amounts(text: str, found: Amount | None) -> None:
    assert amount(text) == found


def test_zero_and_blank_are_both_not_stated() -> None:
    assert positive("0") is None and positive("") is None
    assert number("0") == 0.0


def worker(tensor: str, data: str, inner: str, outer: str, experts: bool = True) -> list[Spread]:
    found = served_spreads(tensor=tensor, attention_data=data, expert_tensor=inner, expert=outer, experts=experts)
    assert sum(weight for weight, _ in found) == pytest.approx(1.0)
    return [spread for _, spread in found]


def test_plain_sizes_of_a_mixture_of_experts() -> None:
    assert worker("8", "1", "8", "1") == [Spread(8.0, 1.0)]
    assert worker("8", "1", "1", "8") == [Spread(8.0, 8.0)]
    assert worker("8", "", "2", "4") == [Spread(8.0, 4.0), Spread(1.0, 8.0)]
    assert worker("1", "8", "1", "8") == [Spread(1.0, 8.0)]


@pytest.mark.parametrize(("size", "root"), [("16", 4.0), ("64", 8.0)])
def test_a_size_that_is_the_product_of_equal_expert_degrees_is_their_root(size: str, root: float) -> None:
    degree = str(int(root))
    assert worker(size, "1", degree, degree) == [Spread(root, root), Spread(1.0, root)]
    assert worker("1", size, degree, degree) == [Spread(1.0, root)]


def test_equal_tensor_and_data_degrees_are_one_size() -> None:
    assert worker("4", "4", "1", "16") == [Spread(4.0, 4.0), Spread(1.0, 4.0)]


def test_an_expert_product_above_the_stated_size_is_the_size() -> None:
    assert worker("1", "", "2", "1") == [Spread(2.0, 1.0)]
    assert worker("1", "", "4", "1") == [Spread(4.0, 1.0)]
    assert worker("2", "", "4", "1") == [Spread(4.0, 1.0)]


@pytest.mark.parametrize("size", ["12", "28", "52", "72"])
def test_a_size_that_no_engine_runs_counts_a_whole_system(size: str) -> None:
    for experts in (True, False):
        found = worker(size, "1", size, "1", experts)
        assert len(found) == 3
        assert all(spread.chips < float(size) for spread in found)


def test_zero_columns_and_a_blank_data_degree_are_not_stated() -> None:
    assert worker("2", "0", "0", "0") == [Spread(2.0, 1.0)]
    assert worker("4", "", "1", "4") == [Spread(4.0, 4.0), Spread(1.0, 4.0)]


def test_a_dense_model_with_data_parallel_attention_is_copies() -> None:
    assert worker("2", "4", "1", "1", experts=False) == [Spread(2.0, replicas=4.0)]


def stated(
    *,
    hardware: str = "H100-SXM",
    chips: str = "8",
    tensor: str = "",
    pipeline: str = "",
    data: str = "",
    expert: str = "",
    experts: bool = False,
) -> list[tuple[float, Spread]]:
    found = stated_spreads(
        hardware=hardware, chips=chips, tensor=tensor, pipeline=pipeline, data=data, expert=expert, experts=experts
    )
    return list(found)


def test_a_job_of_more_chips_than_a_replica_is_replicas() -> None:
    assert stated(tensor="2", pipeline="2") == [(1.0, Spread(2.0, 1.0, 2.0, 2.0))]
    assert stated(tensor="1") == [(1.0, Spread(1.0, replicas=8.0))]


def test_tensor_degrees_of_neuron_count_cores() -> None:
    assert stated(hardware="Inf2", chips="12", tensor="24") == [(1.0, Spread(12.0))]
    assert stated(hardware="Trn1", chips="16", tensor="32") == [(1.0, Spread(16.0))]


def test_attention_is_sharded_although_the_tensor_column_says_one() -> None:
    assert stated(tensor="1", data="1", expert="8", experts=True) == [(1.0, Spread(8.0, 8.0))]


def test_data_parallel_attention_over_experts() -> None:
    assert stated(tensor="1", data="8", expert="8", experts=True) == [(1.0, Spread(1.0, 8.0))]
    assert stated(chips="72", data="72", expert="72", experts=True) == [(1.0, Spread(1.0, 72.0))]


def test_an_expert_degree_alone_leaves_attention_open() -> None:
    found = stated(expert="8", experts=True)
    assert [spread for _, spread in found] == [Spread(8.0, 8.0), Spread(1.0, 8.0)]
    assert found[1][0] == ATTENTION_DATA_PARALLEL


def test_wide_expert_parallelism_runs_attention_data_parallel() -> None:
    assert stated(chips="128", expert="128", experts=True) == [(1.0, Spread(1.0, 128.0))]


def test_nothing_stated_is_open_and_prefers_few_chips() -> None:
    assert stated() == []
    found = open_spreads(chips=8.0, experts=False)
    assert [spread.chips for _, spread in found] == [8.0, 8.0, 8.0, 8.0]
    assert [weight for weight, _ in found] == sorted((weight for weight, _ in found), reverse=True)


def formats(weights: str, model: str = "llama", cache: str = "", narrow: bool = False) -> tuple[str, str, str] | None:
    found = precision(weights=weights, model=model, cache=cache, low_precision_cache=narrow)
    return None if found is None else (found.of("dense"), found.of("experts"), found.cache)


def test_formats() -> None:
    assert formats("fp16") == ("bf16", "bf16", "bf16")
    assert formats("fp8", narrow=True) == ("fp8", "fp8", "fp8")
    assert formats("nvfp4", cache="bf16") == ("fp4", "fp4", "bf16")
    assert formats("", model="Qwen3-235B-A22B-FP8") == ("fp8", "fp8", "bf16")
    assert formats("") == ("bf16", "bf16", "bf16")
    assert formats("posit8") is None


def test_four_bits_of_some_models_are_in_the_experts_alone() -> None:
    assert formats("nvfp4", model="openai/gpt-oss-120b") == ("bf16", "fp4", "bf16")
    assert formats("int4_wo", model="moonshotai/Kimi-K2.5") == ("bf16", "fp4", "bf16")


def test_eight_bit_blocks_follow_the_checkpoint() -> None:
    def kernel(weights: str, model: str) -> str:
        found = precision(weights=weights, model=model, cache="", low_precision_cache=False)
        assert found is not None
        return found.kernel("dense")

    assert kernel("fp8", "deepseek-ai/DeepSeek-R1") == "fp8_block"
    assert kernel("fp8_block", "meta-llama/Llama-3.1-8B") == "fp8_block"
    assert kernel("fp8", "meta-llama/Llama-3.1-70B") == "fp8"
