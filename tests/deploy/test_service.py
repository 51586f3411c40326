"""Which stack of a plan an engine launches, and what of it no setting carries."""

from typing import Any

import pytest

from stackwright.catalog import Catalog
from stackwright.core.errors import InfeasibleError, InputError
from stackwright.deploy.files import deployment_of
from stackwright.deploy.service import BOTH, service_of
from stackwright.deploy.table import table_of


def made(plan: dict[str, Any], engine: str, records: Catalog, **more: Any) -> Any:
    return deployment_of(plan, table_of(engine), records, **more)


def test_the_plans_own_engine_launches_the_plan(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("chat"), "tensorrt-llm", records)
    assert (found.service.option, found.service.notes) == ("plan", ())
    assert {pool.role: pool.replicas for pool in found.service.pools} == {"prefill": 12480, "decode": 180}


def test_another_engine_launches_the_plans_alternative_with_it(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("chat"), "vllm", records)
    assert found.service.option == "vllm-2026"
    assert "2.5% worse" in found.service.notes[0]
    assert found.service.pools[-1].replicas == 153


def test_an_engine_without_an_alternative_of_its_own_takes_the_plans_chips(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("small"), "sglang", records)
    assert found.service.option == "plan"
    assert found.service.software == "sglang-2026"
    assert "Planned for vLLM" in found.service.notes[0]


def test_an_engine_of_other_chips_takes_the_best_alternative_on_those(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("chat"), "jetstream", records)
    assert found.service.option == "tpu-v6e-pod"
    assert any("may not choose tpu-v6e-pod" in note for note in found.service.notes)
    (pool,) = found.service.pools
    assert pool.role == BOTH
    assert pool.replicas == -(-(1104 * 64 + 16936 * 32) // 64)
    assert "pools of prefill and decode" in found.missing["plan"]["role"]


def test_a_system_names_its_alternative(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("chat"), "vllm", records, system="tpu-v7-pod")
    assert (found.service.software, found.service.pools[-1].chips) == ("tpu-vllm", 32)
    assert made(plan_of("chat"), "tensorrt-llm", records, system="gb300-nvl72").service.option == "plan"
    with pytest.raises(InputError, match="did you mean 'tpu-v7-pod'"):
        made(plan_of("chat"), "vllm", records, system="tpu-v7-pot")


def test_no_engine_for_the_chips_is_told_with_those_that_there_are(plan_of: Any, records: Catalog) -> None:
    with pytest.raises(InfeasibleError, match="trn2-ultraserver exceeds site power by 189% at best") as raised:
        made(plan_of("chat"), "neuron", records)
    able = {row["engine"]: row["system"] for row in raised.value.nearest["engines"]}  # type: ignore[index]
    assert able["tensorrt-llm"] == "gb300-nvl72"
    assert able["jetstream"] == "tpu-v6e-pod"
    assert "neuron" not in able
    with pytest.raises(InfeasibleError, match="sglang does not run on tpu-v7-pod"):
        made(plan_of("chat"), "sglang", records, system="tpu-v7-pod")


def test_an_older_plan_is_to_be_made_anew(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    for row in plan["alternatives"]:
        del row["stack"]
    with pytest.raises(InputError, match="run stackwright plan again"):
        made(plan, "jetstream", records)
    assert made(plan, "tensorrt-llm", records).service.option == "plan"


def test_a_training_plan_has_nothing_to_serve(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("small")
    del plan["stack"]["serving"]
    with pytest.raises(InputError, match="training run"):
        made(plan, "vllm", records)


def test_all_that_a_plan_lacks_is_told(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("small")
    del plan["digest"], plan["stack"]["rack"], plan["stack"]["model"]["precision"]
    with pytest.raises(InputError) as raised:
        made(plan, "vllm", records)
    assert {fault.path for fault in raised.value.faults} == {"digest", "stack.rack.system", "stack.model.precision"}


def test_what_lies_outside_engines_is_said(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("small")
    plan["stack"]["chip"]["power_cap"] = 0.85
    plan["stack"]["network"]["oversubscription"] = 4.0
    plan["stack"]["serving"] |= {"weights_offload": 0.25, "cache_offload": 0.5}
    found = made(plan, "vllm", records)
    assert set(found.missing["plan"]) == {"power_cap", "oversubscription", "weights_offload", "cache_offload"}
    for text in found.files.values():
        assert "a power cap of 85%" in text


def test_a_format_that_the_engine_cannot_make_is_said(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    row = next(row for row in plan["alternatives"] if row["option"] == "tpu-v7-pod")
    row["stack"]["model"] |= {"precision": "fp4", "cache_precision": "fp4"}
    found = made(plan, "vllm", records, system="tpu-v7-pod")
    assert "weights in fp4: deepseek-ai/DeepSeek-R1 is stored in fp8" in found.missing["decode"]["online"]
    assert "--kv-cache-dtype for fp4" in found.missing["decode"]["cache"]
    assert "--kv-cache-dtype" not in found.files["decode.sh"].partition("set -eu")[2]


def test_rings_over_a_prompt_are_said_where_an_engine_has_none(plan_of: Any, records: Catalog) -> None:
    assert "context" in made(plan_of("chat"), "tensorrt-llm", records).missing["prefill"]
    assert "context" not in made(plan_of("chat"), "vllm", records).missing["prefill"]
    assert "--prefill-context-parallel-size 2" in made(plan_of("chat"), "vllm", records).files["prefill.sh"]


def test_weights_of_ones_own_are_taken_as_they_are(plan_of: Any, records: Catalog) -> None:
    found = made(plan_of("chat"), "vllm", records, model="/weights/mine")
    assert found.checkpoints == ("/weights/mine",)
    assert "online" not in found.missing.get("decode", {})


def test_a_model_that_is_not_published_needs_a_name(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("small")
    plan["stack"]["model"]["architecture"] = "gpt-3-175b"
    with pytest.raises(InputError, match="--model"):
        made(plan, "vllm", records)
    assert "/weights/mine" in made(plan, "vllm", records, model="/weights/mine").files["both.sh"]


def test_limits_follow_the_plan(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("small")
    service = service_of(plan, table_of("vllm").software, "vllm", records)
    (pool,) = service.pools
    assert pool.sequences == 78  # 64 and 1.645 standard deviations of a Poisson number, rounded up
    text = made(plan, "vllm", records).files["both.sh"]
    assert "--max-num-seqs 78" in text
    assert "--max-num-batched-tokens 2126" in text  # the chunk beside a token of each
    assert "--max-model-len 1280" in text
    assert "--quantization fp8" in text  # stored in bf16
    assert "--enable-prefix-caching" not in text
    plan["stack"]["model"]["draft_tokens"] = 2
    drafted = made(plan, "vllm", records).files["both.sh"]
    assert '"num_speculative_tokens":2' in drafted
    assert "--max-num-batched-tokens 2282" in drafted


def test_the_same_plan_makes_the_same_files(plan_of: Any, records: Catalog) -> None:
    assert made(plan_of("chat"), "dynamo", records).files == made(plan_of("chat"), "dynamo", records).files


def test_prompts_are_split_where_the_engine_does_that_for_the_model(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    for row in plan["alternatives"]:
        row["stack"]["model"] |= {"architecture": "llama-3-1-70b", "precision": "fp8"}
    found = made(plan, "vllm", records)
    assert "latent attention" in found.missing["prefill"]["context"]
    started = found.files["prefill.sh"].partition("set -eu")[2]
    assert "--prefill-context-parallel-size" not in started
    assert "--tensor-parallel-size 2" in started


def test_pools_on_two_systems_are_launched_on_both(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    plan["stack"]["pools"] = {
        "decode": {"system": "gb300-nvl72", "chip": "nvidia-gb300"},
        "prefill": {"system": "hgx-h200-air", "chip": "nvidia-h200-sxm"},
    }
    found = made(plan, "tensorrt-llm", records)
    assert [pool.hardware.product for pool in found.service.pools] == ["NVIDIA-H200", "NVIDIA-GB300"]
    plan["stack"]["pools"]["prefill"] = {"system": "tpu-v7-pod", "chip": "google-tpu-v7"}
    assert made(plan, "sglang", records).service.option == "sglang-2026"
    with pytest.raises(InfeasibleError):
        made(plan, "tensorrt-llm", records, system="gb300-nvl72")


def test_a_model_that_the_catalog_does_not_have_is_launched_under_the_name_given(
    plan_of: Any, records: Catalog
) -> None:
    plan = plan_of("small")
    plan["stack"]["model"]["architecture"] = "my-model"
    assert "exec vllm serve /weights/mine" in made(plan, "vllm", records, model="/weights/mine").files["both.sh"]
    with pytest.raises(InputError):
        made(plan, "vllm", records)


def test_what_the_plan_may_choose_comes_before_what_it_may_not(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    row = next(row for row in plan["alternatives"] if row["option"] == "mi355x-node-liquid")
    row |= {"value": 1.21, "difference": 0.001}
    assert made(plan, "vllm", records).service.option == "vllm-2026"
    del row["not_eligible"]
    assert made(plan, "vllm", records).service.option == "mi355x-node-liquid"


def test_the_best_is_by_how_much_worse_whichever_way_the_objective_goes(plan_of: Any, records: Catalog) -> None:
    plan = plan_of("chat")
    for row in plan["alternatives"]:
        row.pop("not_eligible", None)
        row |= {"value": -row["value"], "unit": "USD"}
    assert made(plan, "vllm", records).service.option == "vllm-2026"
